//! How text becomes part of a log line: one record is one line, and no client can write another's.
//!
//! Two steps. [`escape`] makes a client's bytes readable and can be undone: a backslash is doubled, every byte that is not printable
//! becomes `\xNN`. [`Line`] then receives the whole text of a record and is the net under everyone who forgot the first step: it
//! lets no control character through, no text that looks like the head of another record, and no more than [`TEXT_LIMIT`] bytes.
//! What is done with a finished line is the business of the other files here.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::{Severity, json};

/// The most bytes of text one record carries; longer text is cut and ends in `...`.
pub const TEXT_LIMIT: usize = 2048;

/// Bytes of an account name shown in a line's head.
const ACCOUNT_LIMIT: usize = 256;

/// Bytes of a host name shown in a line's head (RFC 1035 section 2.3.4 allows 255).
const HOST_LIMIT: usize = 255;

/// What stands where text was cut.
const CUT: &str = "...";

/// How a record is laid out (`--logformat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A line in Pure-FTPd's shape.
    #[default]
    Plain,
    /// An object of JSON in a line.
    Json,
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Form, &'static str> {
        match text {
            "plain" => Ok(Form::Plain),
            "json" => Ok(Form::Json),
            _ => Err("expected plain or json"),
        }
    }
}

/// Shows bytes from outside in a log line, reversibly: `\` is `\\`; bytes that are not printable ASCII or part of a printable
/// UTF-8 character are `\xNN` in lower-case hexadecimal. Characters that are invisible or turn the direction of writing count as
/// not printable.
pub fn escape(bytes: &[u8]) -> Escaped<'_> {
    Escaped(bytes)
}

/// The [`Display`](fmt::Display) form made by [`escape`].
#[derive(Clone, Copy)]
pub struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write_characters(out, chunk.valid(), |c| c != '\\' && is_printable(c))?;
            chunk
                .invalid()
                .iter()
                .try_for_each(|byte| write!(out, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// Writes `text`, showing what is not `plain`: a backslash doubled, all else as `\xNN` for each of its bytes.
fn write_characters(out: &mut impl Write, text: &str, plain: impl Fn(char) -> bool) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c| !plain(c)) {
        let (before, special) = rest.split_at(at);
        out.write_str(before)?;
        let mut characters = special.chars();
        match characters.next() {
            Some('\\') => out.write_str("\\\\")?,
            Some(c) => c
                .encode_utf8(&mut [0; 4])
                .bytes()
                .try_for_each(|byte| write!(out, "\\x{byte:02x}"))?,
            None => {}
        }
        rest = characters.as_str();
    }
    out.write_str(rest)
}

/// Whether a reader sees `c` as what it is: no control character, no white space but the blank, nothing of Unicode's "default
/// ignorable" kind, no mark that reorders or hides its neighbours (Unicode Standard Annex 9).
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    !c.is_control()
        && !c.is_whitespace()
        && !matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// One record being written: what it is about, then text that arrives through [`fmt::Write`].
pub(super) struct Line {
    severity: Severity,
    /// Account and host, made harmless.
    session: Option<(String, String)>,
    text: String,
    is_cut: bool,
}

impl Line {
    /// A line about the server: `[LEVEL] text`.
    pub(super) fn of_server(severity: Severity) -> Self {
        Self::about(severity, None)
    }

    /// A line about a session, in Pure-FTPd's shape: `(ACCOUNT@HOST) [LEVEL] text`. Round brackets in an account are escaped, so
    /// that the last `@` before the first `)` always parts account and host.
    pub(super) fn of_session(severity: Severity, account: &[u8], host: &str) -> Self {
        let shown = &account[..account.len().min(ACCOUNT_LIMIT)];
        let account = escape(shown)
            .to_string()
            .replace('(', "\\x28")
            .replace(')', "\\x29");
        let host: String = host
            .chars()
            .take(HOST_LIMIT)
            .map(|c| if is_host_character(c) { c } else { '_' })
            .collect();
        Self::about(severity, Some((account, host)))
    }

    fn about(severity: Severity, session: Option<(String, String)>) -> Self {
        Self {
            severity,
            session,
            text: String::new(),
            is_cut: false,
        }
    }

    /// The line without its end of line, and of JSON without the beginning of the object, which comes with the time.
    pub(super) fn finish(mut self, form: Form) -> String {
        if self.is_cut {
            self.text.push_str(CUT);
        }
        let level = self.severity.name();
        match (form, &self.session) {
            (Form::Json, session) => json::rest(self.severity, session.as_ref(), &self.text),
            (Form::Plain, None) => format!("[{level}] {}", self.text),
            (Form::Plain, Some((account, host))) => {
                format!("({account}@{host}) [{level}] {}", self.text)
            }
        }
    }

    /// Adds what has been made printable, as far as it fits.
    fn push(&mut self, piece: &str) {
        if self.is_cut {
            return;
        }
        let room = TEXT_LIMIT.saturating_sub(self.text.len());
        if piece.len() <= room {
            self.text.push_str(piece);
            return;
        }
        self.is_cut = true;
        let fits = (0..=room).rev().find(|at| piece.is_char_boundary(*at));
        self.text.push_str(&piece[..fits.unwrap_or(0)]);
    }

    /// Spoils a text that ends like the head of a record, `...) [WARNING]`: programs that ban addresses search for that pattern
    /// with a loose expression, and a file of such a name would have somebody else banned.
    fn break_false_head(&mut self) {
        let bracket = Severity::ALL.iter().find_map(|severity| {
            let head = self.text.strip_suffix(']')?;
            head.strip_suffix(severity.name())?
                .strip_suffix(" [")?
                .strip_suffix(')')
                .map(str::len)
        });
        if let Some(at) = bracket {
            self.text.replace_range(at..at + 1, "\\x29");
        }
    }
}

/// What Pure-FTPd lets through of a client's name.
fn is_host_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(']') {
            if part.chars().all(is_printable) {
                self.push(part);
            } else {
                let mut printable = String::new();
                write_characters(&mut printable, part, |c| c == '\\' || is_printable(c))?;
                self.push(&printable);
            }
            if part.ends_with(']') {
                self.break_false_head();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an escaped field back, as an administrator's script would.
    fn unescape(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            (rest, _) = match (first, tail) {
                (b'\\', [b'\\', tail @ ..]) => (tail, bytes.push(b'\\')),
                (b'\\', [b'x', high, low, tail @ ..]) => {
                    let digits = [*high, *low];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    (
                        tail,
                        bytes.push(u8::from_str_radix(digits, 16).expect("two digits")),
                    )
                }
                (byte, tail) => (tail, bytes.push(*byte)),
            };
        }
        bytes
    }

    fn server_line(arguments: fmt::Arguments<'_>) -> String {
        let mut line = Line::of_server(Severity::Info);
        line.write_fmt(arguments).unwrap();
        line.finish(Form::Plain)
    }

    #[test]
    fn c10_every_byte_string_can_be_read_back() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for round in 0..2000_usize {
            let bytes: Vec<u8> = (0..round % 40)
                .map(|_| {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    // Half of them from the few that matter, so that runs like `\x5c` and `\\x` come up.
                    let byte = (seed >> 33) as u8;
                    if seed >> 63 == 0 {
                        byte
                    } else {
                        b"\\x0a5c\n"[usize::from(byte) % 7]
                    }
                })
                .collect();
            let shown = escape(&bytes).to_string();
            assert!(shown.chars().all(is_printable), "{shown:?}");
            assert_eq!(unescape(&shown), bytes, "{shown}");
        }
    }

    #[test]
    fn printable_utf8_stays_and_everything_else_is_shown_in_hexadecimal() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain name", "plain name"),
            (
                "gr\u{fc}\u{df}e \u{65e5}\u{672c}".as_bytes(),
                "gr\u{fc}\u{df}e \u{65e5}\u{672c}",
            ),
            (b"a\\b", "a\\\\b"),
            (b"\x1b[2J\r\n\0\x7f", "\\x1b[2J\\x0d\\x0a\\x00\\x7f"),
            (b"\xff\xc3(", "\\xff\\xc3("),
            ("\u{202e}txt.exe".as_bytes(), "\\xe2\\x80\\xaetxt.exe"),
            (
                "a\u{a0}b\u{85}\u{2028}".as_bytes(),
                "a\\xc2\\xa0b\\xc2\\x85\\xe2\\x80\\xa8",
            ),
        ];
        for (bytes, shown) in cases {
            assert_eq!(escape(bytes).to_string(), *shown);
        }
    }

    #[test]
    fn c10_a_record_stays_one_line_even_when_the_caller_escapes_nothing() {
        let line = server_line(format_args!("Deleted {}", "a\r\n(?@10.0.0.1) x\u{1b}"));
        assert_eq!(line, "[INFO] Deleted a\\x0d\\x0a(?@10.0.0.1) x\\x1b");
    }

    #[test]
    fn c10_a_name_cannot_pass_for_the_head_of_another_record() {
        let name = "a@10.0.0.1) [WARNING] Authentication failed for user [x";
        let line = server_line(format_args!("renamed: [y]->[{}]", escape(name.as_bytes())));
        assert_eq!(
            line,
            "[INFO] renamed: [y]->[a@10.0.0.1\\x29 [WARNING] Authentication failed for user [x]"
        );
        let harmless = server_line(format_args!("Film (2010) [1080p].mkv"));
        assert_eq!(harmless, "[INFO] Film (2010) [1080p].mkv");
        let pieces = server_line(format_args!("{}{}{}", "x) [ERR", "OR", "]"));
        assert_eq!(pieces, "[INFO] x\\x29 [ERROR]");
    }

    #[test]
    fn the_head_has_pure_ftpds_shape_and_its_fields_cannot_run_over() {
        let head = |account: &[u8], host| {
            Line::of_session(Severity::Warning, account, host).finish(Form::Plain)
        };
        assert_eq!(head(b"?", "192.0.2.7"), "(?@192.0.2.7) [WARNING] ");
        assert_eq!(
            head(b"joe@example.org", "2001:db8::1"),
            "(joe@example.org@2001:db8::1) [WARNING] "
        );
        assert_eq!(
            head(b"a) (b\n", "h st)\n"),
            "(a\\x29 \\x28b\\x0a@h_st__) [WARNING] "
        );
        assert!(head(&[b'a'; 9000], &"h".repeat(9000)).len() < 600);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "\u{fc}".repeat(4000);
        let line = server_line(format_args!("x{long}y"));
        assert!(line.len() <= TEXT_LIMIT + "[INFO] ".len() + CUT.len());
        assert!(line.ends_with("\u{fc}..."), "{line}");
        assert!(!server_line(format_args!("{}", "x".repeat(TEXT_LIMIT))).ends_with(CUT));
    }

    #[test]
    fn p2_percent_signs_and_braces_are_only_text() {
        let line = server_line(format_args!("{}", escape(b"%n%s%x{}{0}$(id)")));
        assert_eq!(line, "[INFO] %n%s%x{}{0}$(id)");
    }

    #[test]
    fn c10_the_same_record_as_json_has_its_parts_as_fields() {
        let mut line = Line::of_session(Severity::Warning, b"a\"b\\\xff", "2001:db8::1");
        writeln!(line, "said {}", escape(b"\"\\\x01\xe9")).unwrap();
        assert_eq!(
            line.finish(Form::Json),
            r#""level":"warning","account":"a\"b\\\\\\xff","address":"2001:db8::1","message":"said \"\\\\\\x01\\xe9\\x0a"}"#
        );
        let server = Line::of_server(Severity::Info).finish(Form::Json);
        assert_eq!(server, r#""level":"info","message":""}"#);
    }
}
