//! Pure-FTPd's own form, which pure-statsdecode reads.

use std::io::Write as _;

use jiff::tz::TimeZone;

use super::{Direction, Transfer, plain, seconds, word};

/// `1795445140 6b045194.86 ftp 127.0.0.1 U 10 0 /srv/ftp/f`: end, session, user, host, direction, bytes, seconds, path to the
/// end of the line.
pub(super) fn line(transfer: &Transfer<'_>, _zone: &TimeZone, out: &mut Vec<u8>) {
    let ended = transfer.ended.as_second();
    let began = transfer.session_began.as_second();
    let direction = match (transfer.direction, transfer.whole) {
        (Direction::Up, true) => 'U',
        (Direction::Up, false) => 'u',
        (Direction::Down, true) => 'D',
        (Direction::Down, false) => 'd',
    };
    // Writing to memory does not fail.
    let _ = write!(out, "{ended} {began:x}.{:x} ", transfer.session);
    word(transfer.user, out);
    out.push(b' ');
    word(transfer.host.as_bytes(), out);
    let took = seconds(transfer.took);
    let _ = write!(out, " {direction} {} {took} ", transfer.bytes);
    plain(transfer.path, false, out);
}
