//! What a user does with a server: logs in, sends commands, uploads. Every wait is bounded.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a single wait may last.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const PASSWORD: &str = "se cret";

/// One control connection.
pub(crate) struct Client {
    control: BufReader<TcpStream>,
}

/// The lines of one reply, and its code.
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

impl Client {
    /// Connects and reads the greeting.
    pub(crate) fn connect(server: SocketAddr) -> std::io::Result<Client> {
        let mut client = Client {
            control: BufReader::new(connect(server)?),
        };
        assert_eq!(client.reply().code, 220);
        Ok(client)
    }

    /// The user `joe`, logged in. Gives the lines of the last reply as well.
    pub(crate) fn log_in(server: SocketAddr) -> (Client, Vec<String>) {
        let mut client = Client::connect(server).expect("a connection");
        client.expect("USER joe", 331);
        let lines = client.expect(&format!("PASS {PASSWORD}"), 230);
        client.expect("TYPE I", 200);
        (client, lines)
    }

    pub(crate) fn reply(&mut self) -> Reply {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let count = self.control.read_line(&mut line).expect("a line in time");
            assert_ne!(count, 0, "the server hung up after {lines:?}");
            let last = line.as_bytes().get(3) == Some(&b' ');
            lines.push(line.trim_end().to_owned());
            if last {
                let code = line[..3].parse().expect("a code");
                return Reply { code, lines };
            }
        }
    }

    pub(crate) fn command(&mut self, line: &str) -> Reply {
        let text = format!("{line}\r\n");
        let sent = self.control.get_mut().write_all(text.as_bytes());
        sent.expect("sent");
        self.reply()
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str, code: u16) -> Vec<String> {
        let reply = self.command(line);
        assert_eq!(reply.code, code, "{line}: {:?}", reply.lines);
        reply.lines
    }

    /// Begins an upload; the code where it is refused.
    pub(crate) fn begin(&mut self, line: &str) -> Result<TcpStream, u16> {
        let words = self.expect("EPSV", 229).remove(0);
        let port = words.split('|').nth(3).and_then(|port| port.parse().ok());
        let mut address = self.control.get_ref().peer_addr().expect("an address");
        address.set_port(port.expect("a port"));
        let data = connect(address).expect("a data connection");
        match self.command(line).code {
            150 => Ok(data),
            code => Err(code),
        }
    }

    /// Uploads; gives the last code.
    pub(crate) fn upload(&mut self, line: &str, bytes: &[u8]) -> u16 {
        let mut data = match self.begin(line) {
            Ok(data) => data,
            Err(code) => return code,
        };
        // The server may have had enough before the end.
        let _ = data.write_all(bytes);
        drop(data);
        self.reply().code
    }
}

fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
