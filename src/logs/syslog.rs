//! Records as datagrams to the local log daemon, in the form the C library's syslog(3) sends and RFC 3164 section 4.1 describes:
//! `<PRI>Mmm dd hh:mm:ss ident[pid]: text`.
//!
//! The socket is connected when logging starts, before a chroot hides its path. When the daemon comes back under the same path
//! and that path can still be seen, the connection is made anew; otherwise records are lost and counted until it listens again.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::json::Opening;
use super::text::Form;
use super::writer::{Clock, Record, Sink, dropped_report};

/// Where log daemons listen on Linux.
pub(super) const SOCKET: &str = "/dev/log";

/// A connection to the log daemon. Sending waits while the daemon is busy: its queue is as short as ten datagrams (unix(7),
/// `max_dgram_qlen`), and only the writer thread waits here.
pub(super) struct Syslog {
    path: PathBuf,
    facility: u8,
    tag: String,
    clock: Clock,
    json: Option<Opening>,
    socket: Option<UnixDatagram>,
    datagram: Vec<u8>,
}

impl Syslog {
    /// Records for `facility` (RFC 3164's code, 0 to 23) sent to the daemon behind `path`, which [`connect`](Self::connect)
    /// reaches.
    pub(super) fn new(path: &Path, facility: u8, tag: String, zone: TimeZone) -> Self {
        Self {
            path: path.to_path_buf(),
            facility,
            tag,
            clock: Clock::new(zone, "%b %e %H:%M:%S"),
            json: None,
            socket: None,
            datagram: Vec::new(),
        }
    }

    /// Objects of JSON as what a datagram says.
    pub(super) fn json(self, opening: Opening) -> Self {
        Self {
            json: Some(opening),
            ..self
        }
    }

    /// Connects to the daemon. An error is no reason to give up: every record tries again.
    pub(super) fn connect(&mut self) -> io::Result<()> {
        self.socket = None;
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.path)?;
        self.socket = Some(socket);
        Ok(())
    }

    fn compose(&mut self, record: &Record) {
        let priority = u16::from(self.facility) * 8 + u16::from(record.severity.code());
        let head = format!(
            "<{priority}>{} {}: ",
            self.clock.show(record.when),
            self.tag
        );
        self.datagram.clear();
        self.datagram.extend_from_slice(head.as_bytes());
        match &mut self.json {
            None => self.datagram.extend_from_slice(&record.line),
            Some(opening) => opening.write(record, &mut self.datagram),
        }
    }

    fn send(&self) -> io::Result<()> {
        let Some(socket) = &self.socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        loop {
            match socket.send(&self.datagram) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map(drop),
            }
        }
    }
}

impl Sink for Syslog {
    fn write(&mut self, records: &[Record]) -> usize {
        let mut lost = 0;
        for record in records {
            self.compose(record);
            let sent = self
                .send()
                .or_else(|_| self.connect().and_then(|()| self.send()));
            lost += usize::from(sent.is_err());
        }
        lost
    }

    fn report_dropped(&mut self, dropped: u64) -> bool {
        let form = match self.json {
            None => Form::Plain,
            Some(_) => Form::Json,
        };
        self.write(&[dropped_report(dropped, form)]) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use jiff::Timestamp;

    fn record(severity: Severity, line: &str) -> Record {
        Record {
            when: Timestamp::from_second(1_795_444_830).unwrap(),
            severity,
            line: line.as_bytes().into(),
        }
    }

    fn received(daemon: &UnixDatagram) -> String {
        let mut datagram = [0; 8192];
        let length = daemon.recv(&mut datagram).unwrap();
        String::from_utf8_lossy(&datagram[..length]).into()
    }

    #[test]
    fn a_datagram_looks_like_the_c_librarys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(&path, 11, "wharf-ftpd".into(), TimeZone::UTC);
        syslog.connect().unwrap();
        let line = "(?@127.0.0.1) [INFO] New connection from 127.0.0.1";
        assert_eq!(syslog.write(&[record(Severity::Info, line)]), 0);
        assert_eq!(
            received(&daemon),
            "<94>Nov 23 14:40:30 wharf-ftpd: (?@127.0.0.1) [INFO] New connection from 127.0.0.1"
        );
        let graver = [
            Severity::Notice,
            Severity::Warning,
            Severity::Error,
            Severity::Debug,
        ];
        syslog.write(&graver.map(|severity| record(severity, "x")));
        for priority in ["<93>", "<92>", "<91>", "<95>"] {
            assert!(received(&daemon).starts_with(priority));
        }
    }

    #[test]
    fn the_day_is_padded_with_a_blank() {
        let mut clock = Clock::new(TimeZone::UTC, "%b %e %H:%M:%S");
        let second_of_january = Timestamp::from_second(86_400 + 3_661).unwrap();
        assert_eq!(clock.show(second_of_january), "Jan  2 01:01:01");
    }

    #[test]
    fn c11_a_daemon_that_goes_away_costs_records_until_it_is_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut syslog = Syslog::new(&path, 3, "wharf-ftpd[9]".into(), TimeZone::UTC);
        assert!(syslog.connect().is_err());
        assert_eq!(syslog.write(&[record(Severity::Info, "a")]), 1);
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(syslog.write(&[record(Severity::Info, "b")]), 0);
        assert_eq!(received(&daemon), "<30>Nov 23 14:40:30 wharf-ftpd[9]: b");
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            syslog.write(&[record(Severity::Info, "c"), record(Severity::Info, "d")]),
            2
        );
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert_eq!(syslog.write(&[record(Severity::Info, "e")]), 0);
        assert!(received(&daemon).ends_with(": e"));
    }
}
