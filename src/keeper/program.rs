//! One question to a program of the administrator's behind a Unix socket, as Pure-FTPd's helpers are asked: one write, and
//! the answer is what comes until the program closes.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How long between two tries to connect.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// The most that is read of an answer, in bytes; Pure-FTPd's limit.
pub(super) const LONGEST_ANSWER: usize = 4095;

/// A program behind a socket.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) socket: PathBuf,
    /// How long connecting is tried while nobody listens.
    pub(super) connecting: Duration,
    /// How long the exchange may take after that.
    pub(super) exchange: Duration,
}

impl Program {
    /// The answer, empty where the program closes without one.
    ///
    /// # Errors
    /// What connect(2), write(2) and read(2) give; [`io::ErrorKind::TimedOut`] without the end of an answer in time.
    pub(super) fn ask(&self, request: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut stream = self.connect()?;
        let deadline = Instant::now() + self.exchange;
        stream.set_write_timeout(Some(self.exchange))?;
        stream.write_all(request).map_err(plain)?;
        let mut answer = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER));
        while answer.len() < LONGEST_ANSWER {
            let mut piece = [0; 512];
            let room = piece.len().min(LONGEST_ANSWER - answer.len());
            stream.set_read_timeout(Some(left(deadline)?))?;
            match stream.read(&mut piece[..room]) {
                Ok(0) => break,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Its end, from a program that closed without having read the question.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) => return Err(plain(error)),
            }
        }
        Ok(answer)
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let until = Instant::now() + self.connecting;
        loop {
            match connect_at_once(&self.socket) {
                Err(error) if Instant::now() + BETWEEN_TRIES > until => return Err(error),
                Err(_) => std::thread::sleep(BETWEEN_TRIES),
                connected => return connected,
            }
        }
    }
}

/// A connection, or an error where the program's queue is full: connect(2) would wait for room without end.
///
/// # Errors
/// What connect(2) gives.
pub(super) fn connect_at_once(path: &Path) -> io::Result<UnixStream> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&socket2::SockAddr::unix(path)?)?;
    socket.set_nonblocking(false)?;
    Ok(UnixStream::from(std::os::fd::OwnedFd::from(socket)))
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(out_of_time())
    } else {
        Ok(left)
    }
}

/// A read that ended by its time-out says EAGAIN, which would tell an administrator nothing.
fn plain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => out_of_time(),
        _ => error,
    }
}

fn out_of_time() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no whole answer in time")
}
