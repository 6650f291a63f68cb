//! A server with a pipe, clients that upload to it, and programs that end with the test.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, PipeReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::client::{Client, connect_data};
use crate::common::server::{LOOPBACK, Place, Program, Server, anonymous_account};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server, what it serves, and its upload pipe.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) place: Place,
}

impl Served {
    /// Starts a server whose anonymous clients may upload to its root and make directories.
    pub(crate) fn start(flags: &[&str]) -> Served {
        let place = Place::new().expect("a place to serve");
        give_to_account(&place.root());
        Served::start_in(place, flags)
    }

    pub(crate) fn start_in(place: Place, flags: &[&str]) -> Served {
        let pipe = pipe_of(&place);
        let pipe = pipe.to_str().expect("a path");
        let own = ["-o", "--uploadpipe", pipe, "-M", "-k", "100", "-c", "20"];
        let flags: Vec<_> = own.iter().chain(flags).map(Into::into).collect();
        let server = Server::start(&Program::chosen(), &place, Some(LOOPBACK), &flags);
        Served {
            server: server.unwrap_or_else(|error| panic!("{error}")),
            place,
        }
    }

    pub(crate) fn pipe(&self) -> PathBuf {
        pipe_of(&self.place)
    }

    /// What the server says of an anonymous upload to this path.
    pub(crate) fn record(&self, path: &str) -> Vec<u8> {
        let root = self.place.root();
        format!("\x02ftp\x01{}/{path}\0", root.display()).into()
    }

    /// An anonymous client.
    pub(crate) fn client(&self) -> Uploader {
        Uploader::log_in(self.server.address(), "anonymous")
    }
}

pub(crate) fn pipe_of(place: &Place) -> PathBuf {
    place.beside().join("upload.pipe")
}

/// Makes a directory one that anonymous clients may write.
pub(crate) fn give_to_account(directory: &Path) {
    if let Some(account) = anonymous_account() {
        chown(directory, Some(account.uid), Some(account.gid)).expect("its owner");
    }
}

/// A client that is logged in.
pub(crate) struct Uploader {
    pub(crate) control: Client,
    /// Whether it asks for data connections by EPSV, not PASV.
    pub(crate) extended: bool,
}

impl Uploader {
    pub(crate) fn log_in(address: SocketAddr, name: &str) -> Uploader {
        let mut client = Uploader {
            control: Client::connect(address).expect("connected"),
            extended: true,
        };
        assert_eq!(client.control.reply().expect("a greeting").code, 220);
        let code = client.code(&format!("USER {name}"));
        if code == 331 {
            assert_eq!(client.code("PASS secret"), 230);
        }
        assert_eq!(client.code("TYPE I"), 200);
        client
    }

    pub(crate) fn code(&mut self, line: &str) -> u16 {
        self.control.command(line).expect("a reply").code
    }

    /// Uploads, and gives the code of the last reply.
    pub(crate) fn store(&mut self, command: &str, bytes: &[u8]) -> u16 {
        let (mut data, code) = self.begin(command);
        if code >= 200 {
            return code;
        }
        data.write_all(bytes).expect("data");
        drop(data);
        self.control.reply().expect("a last reply").code
    }

    /// Sends the command of an upload; the data connection, and the code of the first reply.
    pub(crate) fn begin(&mut self, command: &str) -> (TcpStream, u16) {
        let passive = match self.extended {
            true => self.control.ask_extended_passive(),
            false => self.control.ask_passive(),
        };
        let address = passive.expect("a port");
        let data = connect_data(address).expect("a data connection");
        let code = self.code(command);
        (data, code)
    }
}

/// The reading end of a pipe, as a program opens it that does not wait.
pub(crate) fn reader(pipe: &Path) -> PipeReader {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
    let mut options = fs::OpenOptions::new();
    options
        .read(true)
        .custom_flags(i32::try_from(nonblocking).expect("a flag"));
    let file = options.open(pipe).expect("the pipe");
    PipeReader::from(std::os::fd::OwnedFd::from(file))
}

/// Reads so many bytes.
#[track_caller]
pub(crate) fn read(pipe: &mut PipeReader, length: usize) -> Vec<u8> {
    let limit = Instant::now() + PATIENCE;
    let mut read = Vec::new();
    while read.len() < length {
        let mut piece = vec![0; length - read.len()];
        match pipe.read(&mut piece) {
            Ok(length) => read.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let so_far = String::from_utf8_lossy(&read).into_owned();
                assert!(Instant::now() < limit, "only this came: {so_far}");
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => panic!("{error}"),
        }
    }
    read
}

/// Asserts that the next thing said is this, and that nothing follows.
#[track_caller]
pub(crate) fn assert_said(pipe: &mut PipeReader, wanted: &[&[u8]]) {
    let wanted = wanted.concat();
    let said = read(pipe, wanted.len());
    let shown = String::from_utf8_lossy(&said).into_owned();
    assert!(said == wanted, "{shown}");
    let more = pipe.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(more, Err(ErrorKind::WouldBlock));
}

/// A program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::null());
        Running(command.spawn().expect("the program starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until it holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes a shell script.
pub(crate) fn script(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).expect("the script");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
}

pub(crate) fn wharf_uploadscript() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wharf-uploadscript"))
}

/// A program of Debian's Pure-FTPd, or `None` where nobody named one; with `CI` set that is a failure.
pub(crate) fn pure(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("WHARF_PURE_PW").filter(|path| !path.is_empty());
    let Some(named) = named else {
        let is_ci = std::env::var_os("CI").is_some();
        assert!(!is_ci, "WHARF_PURE_PW is not set, and CI is");
        eprintln!("skipped: WHARF_PURE_PW names no pure-pw");
        return None;
    };
    let folder = Path::new(&named).ancestors().nth(2).expect("a folder usr");
    Some(folder.join("sbin").join(name))
}

/// Whether the test is root's; says so if not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}
