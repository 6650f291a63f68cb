//! Descriptors 0, 1 and 2: who gave them to us, and how to keep a client's connection out of them; and how many we may have.
//!
//! A super-server such as inetd hands the client's socket over as all three, so that whatever a library or a panic prints on
//! stderr would land in the control connection. Followed: inetd(8), xinetd(8), getsockopt(2) `SO_ACCEPTCONN`. Sockets
//! that a service manager passed stand from descriptor 3 on (sd_listen_fds(3)). Non-blocking mode is left to the network part.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketType, getpeername, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};

/// The first descriptor that is not a standard one.
const FIRST_OTHER: i32 = 3;

/// More sockets than anybody passes.
const MOST_PASSED: u32 = 64;

/// How this process came to be, by what descriptor 0 is.
#[derive(Debug)]
pub enum StartedAs {
    /// From a shell, a supervisor or a container: we listen ourselves.
    Daemon,
    /// For one client (`nowait`), with its connection.
    InetdNowait(OwnedFd),
    /// For a service (`wait`), with its listening socket, which is shared with the super-server.
    InetdWait(OwnedFd),
    /// For one client that has gone already.
    PeerGone,
}

/// Finds out who started us and, when descriptor 0 is a network socket, moves it above 2 with close-on-exec and points whichever
/// of 0, 1 and 2 are that socket at /dev/null. Afterwards 0, 1 and 2 are open and none of them is the client. To be called before
/// anything is opened or printed.
///
/// Only IPv4 and IPv6 stream sockets count: a Unix socket on descriptor 0 is what a parent such as sshd or a script's runtime
/// gives any child instead of a pipe.
///
/// # Errors
/// When /dev/null cannot be opened or the descriptor limit is reached.
pub fn detect_and_shield() -> io::Result<StartedAs> {
    open_missing()?;
    if !is_network_stream(stdin()) {
        return Ok(StartedAs::Daemon);
    }
    let is_listener = sockopt::socket_acceptconn(stdin())?;
    let peer = getpeername(stdin());
    let socket = shield()?;
    if is_listener {
        return Ok(StartedAs::InetdWait(socket));
    }
    match peer {
        Ok(_) => Ok(StartedAs::InetdNowait(socket)),
        Err(Errno::NOTCONN | Errno::INVAL | Errno::CONNRESET) => Ok(StartedAs::PeerGone),
        Err(error) => Err(error.into()),
    }
}

/// Whether a super-server started us: whether descriptor 0 is a network socket. Changes nothing.
pub fn stdin_is_client() -> bool {
    is_network_stream(stdin())
}

/// The sockets that a service manager passed to this process: LISTEN_FDS of them, where LISTEN_PID is this process
/// (sd_listen_fds(3)). To be called once, first of all: afterwards descriptors from 3 on may be others.
///
/// # Errors
/// When one of them is not open, or the count makes no sense.
pub fn passed() -> io::Result<Vec<OwnedFd>> {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(Vec::new());
    }
    let count = number("LISTEN_FDS").unwrap_or(0);
    if count > MOST_PASSED {
        return Err(io::Error::other("LISTEN_FDS: too many sockets"));
    }
    (FIRST_OTHER..)
        .take(count as usize)
        .map(|descriptor| {
            // SAFETY: nothing has opened a descriptor yet, so this one, if it is open, was passed, and nobody else owns it.
            // That it is open is what the next call finds out before anything else is done with it.
            let socket = unsafe { std::mem::ManuallyDrop::new(OwnedFd::from_raw_fd(descriptor)) };
            rustix::io::fcntl_setfd(&*socket, FdFlags::CLOEXEC)?;
            Ok(std::mem::ManuallyDrop::into_inner(socket))
        })
        .collect()
}

/// What a passed socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// One that waits for clients.
    Listener,
    /// The connection of a client.
    Connection,
    /// Nothing a server of TCP has use for.
    Other,
}

/// Finds out what a passed socket is.
pub fn kind_of(socket: &OwnedFd) -> Passed {
    if !is_network_stream(socket.as_fd()) {
        return Passed::Other;
    }
    match (sockopt::socket_acceptconn(socket), getpeername(socket)) {
        (Ok(true), _) => Passed::Listener,
        (_, Ok(_)) => Passed::Connection,
        _ => Passed::Other,
    }
}

/// Opens /dev/null on whichever of 0, 1 and 2 are closed, so that no file or socket opened later becomes "stderr".
fn open_missing() -> io::Result<()> {
    loop {
        let null = dev_null()?;
        // The kernel gives the lowest free number.
        if fd_number(&null) >= FIRST_OTHER {
            return Ok(());
        }
        // Open until the process ends.
        let _ = null.into_raw_fd();
    }
}

fn fd_number(fd: &OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}

fn dev_null() -> io::Result<OwnedFd> {
    // Without close-on-exec, as standard descriptors are; a number above 2 is closed before anything is executed.
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?)
}

fn is_network_stream(fd: BorrowedFd<'_>) -> bool {
    let is_stream = sockopt::socket_type(fd) == Ok(SocketType::STREAM);
    let domain = sockopt::socket_domain(fd);
    is_stream && matches!(domain, Ok(AddressFamily::INET | AddressFamily::INET6))
}

/// Moves the socket on descriptor 0 away and puts /dev/null in its place everywhere.
fn shield() -> io::Result<OwnedFd> {
    let socket = fcntl_dupfd_cloexec(stdin(), FIRST_OTHER)?;
    let null = dev_null()?;
    if is_same(&socket, stdout())? {
        dup2_stdout(&null)?;
    }
    if is_same(&socket, stderr())? {
        dup2_stderr(&null)?;
    }
    dup2_stdin(&null)?;
    Ok(socket)
}

/// Whether two descriptors are the same socket: every socket has its own inode in the kernel's socket file system.
fn is_same(socket: &OwnedFd, other: BorrowedFd<'_>) -> io::Result<bool> {
    let ours = rustix::fs::fstat(socket.as_fd())?;
    let theirs = rustix::fs::fstat(other)?;
    Ok((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
}

/// Raises the number of descriptors this process may have to the hard limit and answers the (soft, hard) limits that now hold;
/// `u64::MAX` is no limit.
pub fn raise_descriptor_limit() -> (u64, u64) {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    // A refusal leaves the limit as it was, and the answer says which that is.
    let _ = setrlimit(Resource::Nofile, raised);
    let now = getrlimit(Resource::Nofile);
    (
        now.current.unwrap_or(u64::MAX),
        now.maximum.unwrap_or(u64::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::super::forked::{expect, in_child};
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    fn put_on_all_three(fd: impl AsFd) -> Result<(), String> {
        dup2_stdin(&fd)
            .and_then(|()| dup2_stdout(&fd))
            .and_then(|()| dup2_stderr(&fd))
            .map_err(|error| error.to_string())
    }

    fn is_null(fd: BorrowedFd<'_>) -> bool {
        let null = dev_null().and_then(|null| Ok(rustix::fs::fstat(&null)?));
        let stat = rustix::fs::fstat(fd);
        matches!((null, stat), (Ok(a), Ok(b)) if a.st_rdev == b.st_rdev && a.st_ino == b.st_ino)
    }

    fn all_three_are_null() -> bool {
        is_null(stdin()) && is_null(stdout()) && is_null(stderr())
    }

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_client_from_inetd_gets_nothing_that_is_printed() {
        let (mut client, served) = connected();
        let outcome = in_child(|| {
            put_on_all_three(&served)?;
            let StartedAs::InetdNowait(socket) = detect_and_shield().map_err(|e| e.to_string())?
            else {
                return Err("not seen as nowait".into());
            };
            expect(
                all_three_are_null(),
                "a standard descriptor is not /dev/null",
            )?;
            let flags = rustix::io::fcntl_getfd(&socket).map_err(|e| e.to_string())?;
            expect(
                flags.contains(rustix::io::FdFlags::CLOEXEC),
                "no close-on-exec",
            )?;
            let _ = rustix::io::write(stderr(), b"a panic message");
            let mut socket = File::from(socket);
            socket.write_all(b"220 ").map_err(|e| e.to_string())
        });
        assert_eq!(outcome, Ok(()));
        drop(served);
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        assert_eq!(said, "220 ");
    }

    #[test]
    fn a_listening_socket_from_inetd_is_taken_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let outcome = in_child(|| {
            put_on_all_three(&listener)?;
            match detect_and_shield().map_err(|e| e.to_string())? {
                StartedAs::InetdWait(_) => expect(all_three_are_null(), "not shielded"),
                other => Err(format!("{other:?}")),
            }
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn a_client_that_reset_the_connection_is_gone() {
        let (client, served) = connected();
        socket2::SockRef::from(&client)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
        drop(client);
        // The reset has arrived once a read says so.
        assert!((&served).read(&mut [0]).is_err());
        let outcome = in_child(|| {
            put_on_all_three(&served)?;
            match detect_and_shield().map_err(|e| e.to_string())? {
                StartedAs::PeerGone => expect(all_three_are_null(), "not shielded"),
                other => Err(format!("{other:?}")),
            }
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn an_stderr_of_its_own_is_kept() {
        let (_client, served) = connected();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let outcome = in_child(|| {
            put_on_all_three(&served)?;
            dup2_stderr(&writer).map_err(|e| e.to_string())?;
            detect_and_shield().map_err(|e| e.to_string())?;
            let written = rustix::io::write(stderr(), b"kept");
            expect(written == Ok(4), "stderr was closed")
        });
        assert_eq!(outcome, Ok(()));
        drop(writer);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(said, "kept");
    }

    #[test]
    fn a_parent_that_uses_unix_sockets_as_pipes_starts_a_daemon() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let outcome = in_child(|| {
            put_on_all_three(&ours)?;
            match detect_and_shield().map_err(|e| e.to_string())? {
                StartedAs::Daemon => expect(!is_null(stderr()), "stderr was taken away"),
                other => Err(format!("{other:?}")),
            }
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn closed_standard_descriptors_are_opened() {
        let outcome = in_child(|| {
            for number in [0, 2] {
                // SAFETY: the child owns these numbers and nothing in it uses them between here and their opening.
                unsafe { libc::close(number) };
            }
            match detect_and_shield().map_err(|e| e.to_string())? {
                StartedAs::Daemon => expect(
                    is_null(stdin()) && is_null(stderr()) && !is_null(stdout()),
                    "wrong descriptors",
                ),
                other => Err(format!("{other:?}")),
            }
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn l2_the_soft_descriptor_limit_is_raised_to_the_hard_one() {
        let outcome = in_child(|| {
            let low = Rlimit {
                current: Some(64),
                maximum: Some(512),
            };
            setrlimit(Resource::Nofile, low).map_err(|e| e.to_string())?;
            expect(raise_descriptor_limit() == (512, 512), "not raised")
        });
        assert_eq!(outcome, Ok(()));
    }
}
