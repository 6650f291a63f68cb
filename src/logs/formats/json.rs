//! An object a line (RFC 8259), for programs that read any field by its name.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::{Direction, Transfer};
use crate::logs::json::{bytes, string};
use crate::logs::writer::RFC3339;

/// `{"time":"2026-11-23T14:45:40+00:00",...}`.
pub(super) fn line(transfer: &Transfer<'_>, zone: &TimeZone, out: &mut Vec<u8>) {
    let mut text = String::new();
    let ended = transfer.ended.to_zoned(zone.clone()).strftime(RFC3339);
    let direction = match transfer.direction {
        Direction::Up => "upload",
        Direction::Down => "download",
    };
    // Writing to memory does not fail.
    let _ = write!(
        text,
        "{{\"time\":\"{ended}\",\"session\":\"{:x}.{:x}\",\"account\":",
        transfer.session_began.as_second(),
        transfer.session
    );
    bytes(transfer.user, &mut text);
    let _ = write!(text, ",\"anonymous\":{},\"address\":", transfer.anonymous);
    string(transfer.host, &mut text);
    let _ = write!(text, ",\"direction\":\"{direction}\",\"path\":");
    bytes(transfer.path, &mut text);
    let _ = write!(
        text,
        ",\"bytes\":{},\"seconds\":{:.3},\"ascii\":{},\"whole\":{}}}",
        transfer.bytes,
        transfer.took.as_secs_f64(),
        transfer.ascii,
        transfer.whole
    );
    out.extend_from_slice(text.as_bytes());
}
