//! The extended log file format of the W3C (working draft WD-logfile-960323), in UTC.

use std::io::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Direction, Transfer, percent_encoded, word};

const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// The four lines a file begins with.
pub(super) fn header(now: Timestamp) -> String {
    let date = now.strftime(TIME);
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "#Software: Wharf {version}\n#Version: 1.0\n#Date: {date}\n\
         #Fields: date time c-ip cs-method cs-uri-stem sc-status cs-username sc-bytes\n"
    )
}

/// `2026-11-23 14:45:40 127.0.0.1 []created /srv/ftp/f 226 ftp 10`
pub(super) fn line(transfer: &Transfer<'_>, _zone: &TimeZone, out: &mut Vec<u8>) {
    let method = match transfer.direction {
        Direction::Up => "created",
        Direction::Down => "sent",
    };
    let status = if transfer.whole { 226 } else { 426 };
    let time = transfer.ended.strftime(TIME);
    // Writing to memory does not fail.
    let _ = write!(out, "{time} ");
    word(transfer.host.as_bytes(), out);
    let _ = write!(out, " []{method} ");
    percent_encoded(transfer.path, out);
    let _ = write!(out, " {status} ");
    word(transfer.user, out);
    let _ = write!(out, " {}", transfer.bytes);
}
