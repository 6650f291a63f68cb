//! What a program under inetd says when it cannot serve: to the log what is wrong, to the client that it must go.
//!
//! Standard error is the client's connection there, and a client is told nothing about the inside of the machine.

use std::fmt;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::{Config, Form, Severity, To};
use crate::units::Facility;

/// How long the log may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes errors to the system log, facility ftp, and waits until they are there. Where logging was started already the
/// caller has made its records there, and nothing is written twice.
pub fn to_syslog<T: fmt::Display>(lines: &[T]) {
    let config = Config {
        to: To::Syslog(Facility::FTP.code()),
        form: Form::Plain,
        pid: true,
        verbose: 0,
        zone: jiff::tz::TimeZone::UTC,
    };
    if let Ok(log) = super::start(&config)
        && log.start_writer().is_ok()
    {
        for line in lines {
            super::server(Severity::Error, format_args!("{line}"));
        }
    }
    super::flush(PATIENCE);
}

/// Tells a client that there is no service, and closes its connection.
pub fn turn_away(client: OwnedFd) {
    let _ = std::net::TcpStream::from(client).write_all(b"421 Service not available\r\n");
}
