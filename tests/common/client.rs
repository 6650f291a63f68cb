//! A raw FTP client for tests: bytes out, reply lines in, nothing interpreted on the way.
//! It follows RFC 959 section 4.2 for multi-line replies and gives up after [`PATIENCE`], so that a silent server
//! fails a test instead of hanging it. What to say and what to expect is left to the test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long any single wait may last before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One control connection.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// One complete reply; the lines are without their CRLF.
pub(crate) struct Reply {
    /// The three digits of the last line, 0 when it has none.
    pub(crate) code: u16,
    /// All lines, the last one included.
    pub(crate) lines: Vec<Vec<u8>>,
}

impl Client {
    /// Connects; the greeting is not read.
    pub(crate) fn connect(server: SocketAddr) -> io::Result<Client> {
        Ok(Client {
            stream: connect_data(server)?,
            unread: Vec::new(),
        })
    }

    /// The connection itself, for urgent data, half closes and addresses.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Writes all of `bytes` as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next line without its CRLF, or `None` when the server has closed or reset the connection.
    pub(crate) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = [0; 4096];
        loop {
            if let Some(end) = self.unread.iter().position(|&b| b == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            match self.stream.read(&mut block) {
                Ok(0) => return Ok(None),
                Ok(n) => self.unread.extend_from_slice(&block[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        "the server said nothing",
                    ));
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads one whole reply.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self
                .line()?
                .ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "the server hung up"))?;
            let last = line.len() >= 3
                && line[..3].iter().all(u8::is_ascii_digit)
                && matches!(line.get(3), None | Some(b' '));
            lines.push(line);
            if last {
                let code = std::str::from_utf8(&lines[lines.len() - 1][..3])
                    .ok()
                    .and_then(|digits| digits.parse().ok())
                    .unwrap_or(0);
                return Ok(Reply { code, lines });
            }
        }
    }

    /// Sends `line` with CRLF and reads the reply to it.
    pub(crate) fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// PASV, without connecting: the address the server listens on for the data connection.
    pub(crate) fn ask_passive(&mut self) -> io::Result<SocketAddr> {
        let reply = self.command("PASV")?;
        passive_address(&reply).ok_or_else(|| unexpected(&reply))
    }

    /// EPSV, without connecting.
    pub(crate) fn ask_extended_passive(&mut self) -> io::Result<SocketAddr> {
        let reply = self.command("EPSV")?;
        let port = extended_port(&reply).ok_or_else(|| unexpected(&reply))?;
        Ok(SocketAddr::new(self.stream.peer_addr()?.ip(), port))
    }
}

impl Reply {
    /// The last line as text, for messages.
    pub(crate) fn last(&self) -> String {
        String::from_utf8_lossy(self.lines.last().map_or(&[][..], Vec::as_slice)).into_owned()
    }
}

/// Opens a connection on which every wait is bounded.
pub(crate) fn connect_data(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn unexpected(reply: &Reply) -> io::Error {
    io::Error::other(format!("unexpected reply: {}", reply.last()))
}

/// The address in `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)`.
fn passive_address(reply: &Reply) -> Option<SocketAddr> {
    let text = reply.last();
    let inner = text.strip_prefix("227 ")?.split_once('(')?.1;
    let numbers: Vec<u8> = inner
        .split_once(')')?
        .0
        .split(',')
        .map(|n| n.parse().ok())
        .collect::<Option<_>>()?;
    let [a, b, c, d, high, low] = numbers[..] else {
        return None;
    };
    Some(SocketAddr::new(
        IpAddr::from([a, b, c, d]),
        u16::from_be_bytes([high, low]),
    ))
}

/// The port in `229 Extended Passive mode OK (|||port|)`.
fn extended_port(reply: &Reply) -> Option<u16> {
    let text = reply.last();
    let inner = text.strip_prefix("229 ")?.split_once("(|||")?.1;
    inner.split_once("|)")?.0.parse().ok()
}
