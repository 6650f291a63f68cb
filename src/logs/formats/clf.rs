//! The common log format of web servers: host, `-`, user, local time, request, status, bytes.

use std::io::Write as _;

use jiff::tz::TimeZone;

use super::{Direction, Transfer, percent_encoded, word};

/// `127.0.0.1 - ftp [23/Nov/2026:14:45:40 -0000] "PUT /srv/ftp/f" 200 10`; Pure-FTPd has 200 for aborted transfers too, and
/// zones with the wrong sign.
pub(super) fn line(transfer: &Transfer<'_>, zone: &TimeZone, out: &mut Vec<u8>) {
    let local = transfer.ended.to_zoned(zone.clone());
    let minutes = local.offset().seconds() / 60;
    let sign = if minutes > 0 { '+' } else { '-' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    let verb = match transfer.direction {
        Direction::Up => "PUT",
        Direction::Down => "GET",
    };
    let status = if transfer.whole { 200 } else { 426 };
    word(transfer.host.as_bytes(), out);
    out.extend(b" - ");
    word(transfer.user, out);
    let time = local.strftime("%d/%b/%Y:%H:%M:%S");
    // Writing to memory does not fail.
    let _ = write!(out, " [{time} {sign}{hours:02}{minutes:02}] \"{verb} ");
    percent_encoded(transfer.path, out);
    let _ = write!(out, "\" {status} {}", transfer.bytes);
}
