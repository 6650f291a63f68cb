//! The server under test, on a free port; it ends with its value.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::ground::eventually;

/// How often a start is tried anew because somebody else took the port first.
const PORTS_TRIED: u32 = 20;

/// The status of sysexits(3) with which the server says that its port is taken.
const PORT_TAKEN: i32 = 69;

pub(crate) struct Server {
    child: Child,
    errors: PathBuf,
    pub(crate) address: SocketAddr,
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number")
}

impl Server {
    /// Starts `wharf-ftpd`, which writes what it has to say into `errors`.
    pub(crate) fn start(flags: &[&str], errors: PathBuf) -> Server {
        for _ in 0..PORTS_TRIED {
            let address = free_port();
            let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
            command
                .args(["-S", &format!("127.0.0.1,{}", address.port()), "-H", "-E"])
                .args(flags)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&errors).expect("a file"));
            let mut server = Server {
                child: command.spawn().expect("the server starts"),
                errors: errors.clone(),
                address,
            };
            let mut status = None;
            eventually("the server listens", || {
                status = server.child.try_wait().expect("a status");
                status.is_some() || server.errors().contains("Listening on")
            });
            match status {
                None => return server,
                Some(status) if status.code() == Some(PORT_TAKEN) => {}
                Some(status) => panic!("{status}: {}", server.errors()),
            }
        }
        panic!("no free port");
    }

    /// What it wrote so far.
    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.errors).unwrap_or_default()).into_owned()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(&mut self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("a process"), signal);
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end(Signal::TERM);
        }
    }
}
