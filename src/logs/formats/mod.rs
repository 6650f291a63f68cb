//! The forms in which transfers are recorded (`-O FORMAT:FILE`): each is a file here and a row of [`ROWS`].
//!
//! Layouts are those of Pure-FTPd's alternative logs, with what was aborted marked as such. A line never holds a line feed
//! or another control character, whatever a client called its file.

mod clf;
mod json;
mod stats;
mod w3c;
mod xferlog;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Which way the bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// A transfer that has ended.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// When it ended.
    pub ended: Timestamp,
    /// When the client's session began.
    pub session_began: Timestamp,
    /// Tells sessions apart that began in the same second; Pure-FTPd has the process number here.
    pub session: u64,
    /// The client's address.
    pub host: &'a str,
    /// The login; `ftp` for anonymous.
    pub user: &'a [u8],
    /// Whether the session was anonymous.
    pub anonymous: bool,
    /// Which way.
    pub direction: Direction,
    /// Bytes moved, as they went over the wire.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// The file's path on this machine.
    pub path: &'a [u8],
    /// Whether the type was ASCII.
    pub ascii: bool,
    /// Whether all of it was moved.
    pub whole: bool,
}

/// A format.
pub struct Row {
    /// Its name in `-O NAME:FILE`.
    pub name: &'static str,
    /// A sentence for help and manual.
    pub help: &'static str,
    /// What a new file begins with, lines and all.
    pub header: Option<fn(now: Timestamp) -> String>,
    /// Appends the line of a transfer, without its line feed. Times are of `zone` where the format has local ones.
    pub line: fn(transfer: &Transfer<'_>, zone: &TimeZone, out: &mut Vec<u8>),
}

/// All formats; the first holds where none is named, as in Pure-FTPd.
pub const ROWS: &[Row] = &[
    Row {
        name: "clf",
        help: "The common log format of web servers, with GET and PUT; 426 in place of 200 marks what was aborted.",
        header: None,
        line: clf::line,
    },
    Row {
        name: "json",
        help: "An object of JSON a line; \"whole\":false marks what was aborted, and bytes that are no text are \\xNN.",
        header: None,
        line: json::line,
    },
    Row {
        name: "stats",
        help: "Pure-FTPd's own compact form; d and u in place of D and U mark what was aborted.",
        header: None,
        line: stats::line,
    },
    Row {
        name: "w3c",
        help: "The extended log file format of the W3C, in UTC; 426 in place of 226 marks what was aborted.",
        header: Some(w3c::header),
        line: w3c::line,
    },
    Row {
        name: "xferlog",
        help: "The form of wu-ftpd that most analysers read; i at the end of a line marks what was aborted.",
        header: None,
        line: xferlog::line,
    },
];

/// A file that transfers are recorded in, as `-O` names it.
#[derive(Clone)]
pub struct TransferLog {
    /// Its format.
    pub format: &'static Row,
    /// The file.
    pub path: PathBuf,
}

impl PartialEq for TransferLog {
    fn eq(&self, other: &Self) -> bool {
        self.format.name == other.format.name && self.path == other.path
    }
}

impl Eq for TransferLog {}

impl fmt::Debug for TransferLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.format.name, self.path.display())
    }
}

/// Text that names no transfer log; prints the accepted forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTransferLog;

impl fmt::Display for NoTransferLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        write!(
            f,
            "expected FILE, or FORMAT:FILE with as format {} or {last}",
            others.join(", ")
        )
    }
}

impl std::error::Error for NoTransferLog {}

impl FromStr for TransferLog {
    type Err = NoTransferLog;

    /// `FORMAT:FILE`, or `FILE` alone if it begins with a slash or holds no colon.
    fn from_str(text: &str) -> Result<TransferLog, NoTransferLog> {
        let (name, path) = match text.split_once(':') {
            Some((name, path)) if !name.contains('/') => (Some(name), path),
            _ => (None, text),
        };
        let found = match name {
            None => ROWS.first(),
            Some(name) => ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name)),
        };
        let format = found.filter(|_| !path.is_empty()).ok_or(NoTransferLog)?;
        Ok(TransferLog {
            format,
            path: path.into(),
        })
    }
}

/// Appends bytes; those that would end a field or a line become `_`, which cannot be undone.
fn plain(bytes: &[u8], blanks_too: bool, out: &mut Vec<u8>) {
    let bad = |byte: u8| byte.is_ascii_control() || blanks_too && byte == b' ';
    out.extend(
        bytes
            .iter()
            .map(|&byte| if bad(byte) { b'_' } else { byte }),
    );
}

/// Appends a field that must not hold blanks; `-` stands for an empty one.
fn word(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.is_empty() {
        true => out.push(b'-'),
        false => plain(bytes, true, out),
    }
}

/// Appends a path with everything but letters, digits and `./_-` in the form `%2F` (RFC 3986 section 2.1).
fn percent_encoded(path: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"./_-".contains(&byte) {
            out.push(byte);
        } else {
            let digit = |value: u8| HEX[usize::from(value & 15)];
            out.extend([b'%', digit(byte >> 4), digit(byte)]);
        }
    }
}

/// Seconds, rounded.
fn seconds(took: Duration) -> u64 {
    took.as_secs() + u64::from(took.subsec_millis() >= 500)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The upload of reference: one of ten bytes to a name with a blank.
    pub(crate) fn upload() -> Transfer<'static> {
        Transfer {
            ended: "2026-11-23T14:45:40Z".parse().expect("a time"),
            session_began: Timestamp::from_second(0x6b04_5194).expect("a time"),
            session: 0x86,
            host: "127.0.0.1",
            user: b"ftp",
            anonymous: true,
            direction: Direction::Up,
            bytes: 10,
            took: Duration::from_millis(400),
            path: b"/srv/ftp/incoming/with space",
            ascii: false,
            whole: true,
        }
    }

    /// The line of a format for a transfer, times in UTC.
    fn line(name: &str, transfer: &Transfer<'_>) -> String {
        line_in(name, transfer, &TimeZone::UTC)
    }

    fn line_in(name: &str, transfer: &Transfer<'_>, zone: &TimeZone) -> String {
        let row = ROWS.iter().find(|row| row.name == name).expect("a format");
        let mut out = Vec::new();
        (row.line)(transfer, zone, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_are_those_of_pure_ftpd_byte_for_byte() {
        let upload = upload();
        assert_eq!(
            line("clf", &upload),
            "127.0.0.1 - ftp [23/Nov/2026:14:45:40 -0000] \"PUT /srv/ftp/incoming/with%20space\" 200 10"
        );
        assert_eq!(
            line("stats", &upload),
            "1795445140 6b045194.86 ftp 127.0.0.1 U 10 0 /srv/ftp/incoming/with space"
        );
        assert_eq!(
            line("w3c", &upload),
            "2026-11-23 14:45:40 127.0.0.1 []created /srv/ftp/incoming/with%20space 226 ftp 10"
        );
        assert_eq!(
            line("xferlog", &upload),
            "Mon Nov 23 14:45:40 2026 0 127.0.0.1 10 /srv/ftp/incoming/with_space b _ i a ftp ftp 1 * c"
        );
    }

    #[test]
    fn json_has_every_field() {
        assert_eq!(
            line("json", &upload()),
            r#"{"time":"2026-11-23T14:45:40+00:00","session":"6b045194.86","account":"ftp","anonymous":true,"address":"127.0.0.1","direction":"upload","path":"/srv/ftp/incoming/with space","bytes":10,"seconds":0.400,"ascii":false,"whole":true}"#
        );
    }

    #[test]
    fn downloads_accounts_and_ascii_have_their_own_marks() {
        let download = Transfer {
            user: b"joe",
            anonymous: false,
            direction: Direction::Down,
            took: Duration::from_millis(2500),
            ascii: true,
            ..upload()
        };
        assert!(line("clf", &download).contains("- joe ["));
        assert!(line("clf", &download).contains("\"GET /srv"));
        assert!(line("stats", &download).contains(" joe 127.0.0.1 D 10 3 /srv"));
        assert!(line("w3c", &download).contains(" []sent /srv"));
        let xferlog = line("xferlog", &download);
        assert!(xferlog.contains(" 2026 3 127.0.0.1 "), "{xferlog}");
        assert!(xferlog.ends_with(" a _ o r joe ftp 1 * c"), "{xferlog}");
    }

    #[test]
    fn what_was_aborted_does_not_look_whole_in_any_format() {
        let aborted = Transfer {
            whole: false,
            ..upload()
        };
        assert!(line("clf", &aborted).ends_with("\" 426 10"));
        assert!(line("stats", &aborted).contains(" u 10 "));
        assert!(line("w3c", &aborted).ends_with(" 426 ftp 10"));
        assert!(line("xferlog", &aborted).ends_with(" * i"));
        assert!(line("json", &aborted).ends_with(",\"whole\":false}"));
    }

    #[test]
    fn local_times_and_the_zones_sign_are_those_of_the_zone() {
        let east = TimeZone::fixed(jiff::tz::offset(2));
        let west = TimeZone::posix("XXX5:30").expect("a zone");
        let upload = upload();
        assert!(line_in("clf", &upload, &east).contains("[23/Nov/2026:16:45:40 +0200]"));
        assert!(line_in("clf", &upload, &west).contains("[23/Nov/2026:09:15:40 -0530]"));
        assert!(line_in("xferlog", &upload, &east).starts_with("Mon Nov 23 16:45:40 2026 "));
        assert!(line_in("w3c", &upload, &east).starts_with("2026-11-23 14:45:40 "));
    }

    #[test]
    fn the_day_has_two_digits_in_xferlog() {
        let early = Transfer {
            ended: "2026-02-03T04:05:06Z".parse().expect("a time"),
            ..upload()
        };
        assert!(line("xferlog", &early).starts_with("Tue Feb 03 04:05:06 2026 "));
    }

    #[test]
    fn no_name_breaks_a_line_or_moves_a_field() {
        let hostile = Transfer {
            user: b"a b\nc",
            path: b"/x\n\r\x1b y\xff\"%",
            ..upload()
        };
        for row in ROWS {
            let mut out = Vec::new();
            (row.line)(&hostile, &TimeZone::UTC, &mut out);
            assert!(!out.iter().any(u8::is_ascii_control), "{}", row.name);
            let user: &[u8] = match row.name {
                "json" => br#""account":"a b\\x0ac""#,
                _ => b"a_b_c",
            };
            let joined = out.windows(user.len()).any(|part| part == user);
            assert!(joined, "{}", row.name);
        }
        assert!(line("clf", &hostile).contains("\"PUT /x%0A%0D%1B%20y%FF%22%25\""));
    }

    #[test]
    fn a_log_is_a_file_or_a_format_and_a_file() {
        let read = |text: &str| {
            let log = text.parse::<TransferLog>();
            log.map(|log| format!("{log:?}"))
        };
        assert_eq!(read("/var/log/x").as_deref(), Ok("clf:/var/log/x"));
        assert_eq!(read("/var/log/a:b").as_deref(), Ok("clf:/var/log/a:b"));
        assert_eq!(read("x.log").as_deref(), Ok("clf:x.log"));
        assert_eq!(read("W3C:/x").as_deref(), Ok("w3c:/x"));
        assert_eq!(read("stats:a:b").as_deref(), Ok("stats:a:b"));
        for wrong in ["", "clf:", "nonsense:/x", ":/x"] {
            assert_eq!(read(wrong), Err(NoTransferLog), "{wrong}");
        }
        assert_eq!(
            NoTransferLog.to_string(),
            "expected FILE, or FORMAT:FILE with as format clf, json, stats, w3c or xferlog"
        );
    }
}
