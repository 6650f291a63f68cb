//! The server under openbsd-inetd, one process for each client.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::client::{Client, PATIENCE, connect_data};
use crate::common::ending::end;
use crate::common::server::{LOOPBACK, Program, free_port, peer_argv, wharf_argv};
use crate::fixture::{Served, Way};
use crate::programs::program;

use std::io::Read;

struct Inetd {
    child: Child,
    address: SocketAddr,
    served: Served,
}

impl Inetd {
    /// Starts inetd with one line: our server with `flags`, nowait.
    fn start(flags: &[&str]) -> Option<Inetd> {
        Inetd::start_behind(None, flags)
    }

    /// The same with a program that inetd starts, to which it leaves starting the server.
    fn start_behind(guard: Option<&Command>, flags: &[&str]) -> Option<Inetd> {
        let mut command = program("inetd")?;
        let served = Served::start(Way::Passive, &[]);
        let address = SocketAddr::new(LOOPBACK, free_port(LOOPBACK).expect("a port"));
        let start = served.mine("start");
        write_script(&start, &argv(&served, flags));
        // tcpd runs what it finds as the first argument.
        let (start, user) = (start.display(), user());
        let program = match guard {
            Some(guard) => format!("{} {start}", guard.get_program().display()),
            None => format!("{start} wharf-ftpd"),
        };
        let line = format!("{address} stream tcp nowait {user} {program}\n");
        let file = served.mine("inetd.conf");
        fs::write(&file, line).expect("a configuration");
        let child = command
            .arg("-i")
            .arg(file)
            .stdin(Stdio::null())
            .spawn()
            .expect("inetd starts");
        Some(Inetd {
            child,
            address,
            served,
        })
    }

    /// The next client; the greeting is not read.
    fn connect(&self) -> Client {
        let limit = Instant::now() + PATIENCE;
        loop {
            match Client::connect(self.address) {
                Ok(client) => return client,
                Err(e) if Instant::now() > limit => panic!("inetd does not listen: {e}"),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Inetd {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn argv(served: &Served, flags: &[&str]) -> Vec<OsString> {
    let mut words = match Program::chosen() {
        Program::Wharf => wharf_argv(&served.place),
        Program::Peer(path) => peer_argv(&path, &served.place).unwrap_or_else(|e| panic!("{e}")),
    };
    words.extend(flags.iter().map(Into::into));
    words
}

/// inetd.conf has no quoting, so the words go into a script.
fn write_script(path: &Path, words: &[OsString]) {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''")))
        .collect();
    let text = format!("#!/bin/sh\nexec {}\n", quoted.join(" "));
    fs::write(path, text).expect("a script");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("a mode");
}

/// Whom inetd starts it as: root, or the user of the tests.
fn user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.to_string().as_str()))
        .map_or_else(|| uid.to_string(), |fields| fields[0].to_owned())
}

#[test]
fn a_session_from_greeting_to_goodbye() {
    let Some(inetd) = Inetd::start(&[]) else {
        return;
    };
    let mut client = inetd.connect();
    let greeting = client.reply().expect("a greeting");
    assert_eq!(greeting.code, 220, "{}", greeting.last());
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    assert_eq!(client.command("TYPE I").expect("a reply").code, 200);
    let at = client.ask_passive().expect("a port");
    let mut data = connect_data(at).expect("a data connection");
    assert_eq!(
        client.command("RETR pub/65536.bin").expect("a reply").code,
        150
    );
    let mut got = Vec::new();
    data.read_to_end(&mut got).expect("the file");
    assert_eq!(client.reply().expect("a reply").code, 226);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    assert_eq!(client.line().expect("the end"), None);
    let wanted = fs::read(inetd.served.served("pub/65536.bin")).expect("the original");
    assert!(got == wanted, "the file differs");
}

/// The same through tcpd, which looks at its own lists of who may come before it runs the program.
#[test]
fn tcpd_starts_the_server_for_whom_it_lets_in() {
    let Some(tcpd) = program("tcpd") else {
        return;
    };
    let Some(inetd) = Inetd::start_behind(Some(&tcpd), &[]) else {
        return;
    };
    let mut client = inetd.connect();
    let greeting = client.reply().expect("a greeting");
    assert_eq!(greeting.code, 220, "{}", greeting.last());
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    assert_eq!(client.line().expect("the end"), None);
}

#[test]
fn several_sessions_side_by_side() {
    let Some(inetd) = Inetd::start(&[]) else {
        return;
    };
    let mut clients: Vec<Client> = (0..5).map(|_| inetd.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.reply().expect("a greeting").code, 220);
    }
    for client in clients.iter_mut().rev() {
        assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
        let reply = client.command("SIZE pub/65536.bin").expect("a reply");
        assert_eq!(reply.last(), "213 65536");
    }
}

#[test]
fn a_wrong_flag_is_a_421_to_the_client() {
    let Some(inetd) = Inetd::start(&["-c", "0"]) else {
        return;
    };
    let mut client = inetd.connect();
    let reply = client.reply().expect("a reply");
    assert_eq!(reply.code, 421, "{}", reply.last());
    assert_eq!(reply.lines.len(), 1, "one line");
    assert_eq!(client.line().expect("the end"), None);
}

#[test]
fn nothing_but_replies_reaches_the_client() {
    let Some(inetd) = Inetd::start(&["-d", "-d", "-f", "stdout"]) else {
        return;
    };
    let mut client = inetd.connect();
    assert_eq!(client.reply().expect("a greeting").code, 220);
    for (line, code) in [
        ("USER ftp", 230),
        ("CWD nope", 550),
        ("RETR nope", 550),
        ("NOOP", 200),
    ] {
        let reply = client.command(line).expect("a reply");
        assert_eq!(reply.code, code, "{line}");
        let prefix = code.to_string();
        for got in reply.lines {
            assert!(got.starts_with(prefix.as_bytes()), "{line}: {got:?}");
        }
    }
}
