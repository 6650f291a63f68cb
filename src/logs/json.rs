//! Records and transfers as JSON (RFC 8259): one object in each line.
//!
//! JSON has text only, and names of files are bytes: what is no printable text stands in a string as it does in a plain line, a
//! byte as `\xNN` and a backslash doubled, before JSON writes its own escapes.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::writer::{Clock, RFC3339, Record};
use super::{Severity, escape};

/// Appends a string with its quotes (section 7).
pub(super) fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..='\x1f' => {
                // Writing to memory does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Appends bytes from outside as a string.
pub(super) fn bytes(bytes: &[u8], out: &mut String) {
    string(&escape(bytes).to_string(), out);
}

/// What a record says, without the beginning of its object, which [`Opening`] makes when it is written.
pub(super) fn rest(severity: Severity, session: Option<&(String, String)>, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    out.push_str("\"level\":");
    string(&severity.name().to_ascii_lowercase(), &mut out);
    if let Some((account, host)) = session {
        out.push_str(",\"account\":");
        string(account, &mut out);
        out.push_str(",\"address\":");
        string(host, &mut out);
    }
    out.push_str(",\"message\":");
    string(text, &mut out);
    out.push('}');
    out
}

/// Begins the objects of records: with the time, and with the process number where it is wanted.
pub(super) struct Opening {
    clock: Clock,
    pid: String,
}

impl Opening {
    /// Times are of `zone`.
    pub(super) fn new(zone: TimeZone, pid: Option<u32>) -> Opening {
        Opening {
            clock: Clock::new(zone, RFC3339),
            pid: pid.map_or_else(String::new, |pid| format!(",\"pid\":{pid}")),
        }
    }

    /// Appends the whole object.
    pub(super) fn write(&mut self, record: &Record, out: &mut Vec<u8>) {
        let time = self.clock.show(record.when);
        for part in ["{\"time\":\"", time, "\"", &self.pid, ","] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(&record.line);
    }
}
