//! The form of wu-ftpd (xferlog(5)), as Pure-FTPd writes it: the service is `ftp`, the user is known by a password (1).

use std::io::Write as _;

use jiff::tz::TimeZone;

use super::{Direction, Transfer, plain, seconds, word};

/// `Mon Nov 23 14:45:40 2026 0 127.0.0.1 10 /srv/ftp/f b _ i r joe ftp 1 * c`; `a` in place of `r` for anonymous, `i` at the end for
/// what was aborted.
pub(super) fn line(transfer: &Transfer<'_>, zone: &TimeZone, out: &mut Vec<u8>) {
    let local = transfer.ended.to_zoned(zone.clone());
    let time = local.strftime("%a %b %d %H:%M:%S %Y");
    let took = seconds(transfer.took);
    // Writing to memory does not fail.
    let _ = write!(out, "{time} {took} ");
    word(transfer.host.as_bytes(), out);
    let _ = write!(out, " {} ", transfer.bytes);
    plain(transfer.path, true, out);
    let kind = if transfer.ascii { 'a' } else { 'b' };
    let direction = match transfer.direction {
        Direction::Up => 'i',
        Direction::Down => 'o',
    };
    let access = if transfer.anonymous { 'a' } else { 'r' };
    let _ = write!(out, " {kind} _ {direction} {access} ");
    word(transfer.user, out);
    let completion = if transfer.whole { 'c' } else { 'i' };
    let _ = write!(out, " ftp 1 * {completion}");
}
