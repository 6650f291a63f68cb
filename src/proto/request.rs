//! What a command line asks for: its verb, and readers for the argument shapes of FTP (RFC 959 section 5.3, RFC 3659).
//!
//! Everything is judged as bytes; a value that comes out of here is a valid one. Which verbs exist, who may use them and
//! what the refusal says is for `session`; addresses are read by `address`, paths by `path`, facts by `facts`.

use super::time::parse_time;
use std::fmt;

/// Longest verb; a longer word is none.
pub const LONGEST_VERB: usize = 12;

/// A command word, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verb {
    length: u8,
    letters: [u8; LONGEST_VERB],
}

impl Verb {
    /// A verb of the given word: ASCII letters, digits and `@` (for `P@SW`), 1 to [`LONGEST_VERB`] of them, in any
    /// case. `None` for every other word.
    pub fn new(word: &[u8]) -> Option<Verb> {
        if word.is_empty()
            || word.len() > LONGEST_VERB
            || !word.iter().all(|byte| is_verb_byte(*byte))
        {
            return None;
        }
        let mut letters = [0; LONGEST_VERB];
        for (letter, byte) in letters.iter_mut().zip(word) {
            *letter = byte.to_ascii_uppercase();
        }
        Some(Verb {
            length: word.len() as u8,
            letters,
        })
    }

    /// The verb in upper case.
    pub fn as_str(&self) -> &str {
        let word = self
            .letters
            .get(..usize::from(self.length))
            .unwrap_or_default();
        std::str::from_utf8(word).unwrap_or_default()
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Verb {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Verb {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// One command of a client. Without `Debug`, so that no password is printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The command word.
    pub verb: Verb,
    /// Everything after exactly one blank; further blanks belong to it. Free of control bytes.
    pub argument: Vec<u8>,
    /// Whether a blank followed the verb, be the argument empty or not.
    pub has_argument: bool,
}

/// Why a line is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Nothing on the line.
    Empty,
    /// The line does not begin with a verb that is followed by a blank or the end.
    BadVerb,
    /// A byte below 0x20 or 0x7F in the argument. Never cut there: the shorter name may be somebody's file.
    ControlByte,
}

/// Takes a line, without its end, apart.
///
/// # Errors
/// See [`Malformed`]; each is a 500 or 501 and nothing of the line is acted on.
pub fn parse(line: &[u8]) -> Result<Request, Malformed> {
    if line.is_empty() {
        return Err(Malformed::Empty);
    }
    let (word, argument) = split_word(line);
    let verb = Verb::new(word).ok_or(Malformed::BadVerb)?;
    let has_argument = argument.is_some();
    let argument = argument.unwrap_or_default();
    if argument.iter().copied().any(is_control) {
        return Err(Malformed::ControlByte);
    }
    Ok(Request {
        verb,
        argument: argument.to_vec(),
        has_argument,
    })
}

/// Whether a byte may not stand in a name, an argument or a reply: below 0x20, or 0x7F.
pub const fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7F
}

const fn is_verb_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'@'
}

/// Cuts at the first blank: the word before it and, if there was a blank, what follows it.
pub fn split_word(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b' ') {
        Some(blank) => (
            text.get(..blank).unwrap_or_default(),
            Some(text.get(blank + 1..).unwrap_or_default()),
        ),
        None => (text, None),
    }
}

/// Names the protocol of a client that came to the wrong port, judged by the first bytes it sent.
///
/// A browser that can be made to post to this port would otherwise run FTP commands from its request's body. The HTTP
/// words are those Pure-FTPd ends the session for, and PATCH and TRACE; each counts whatever follows it.
pub fn greeting_of_another_protocol(first_line: &[u8]) -> Option<&'static str> {
    const HTTP: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "TRACE",
    ];
    const STARTS: [(&[u8], &str); 3] =
        [(b"\x16\x03", "TLS"), (b"SSH-", "SSH"), (b"\x03\x00", "RDP")];
    if let Some((_, name)) = STARTS
        .iter()
        .find(|(start, _)| first_line.starts_with(start))
    {
        return Some(name);
    }
    let end = first_line.iter().position(|byte| b" \r\n".contains(byte));
    let verb = Verb::new(first_line.get(..end.unwrap_or(first_line.len()))?)?;
    match verb.as_str() {
        "EHLO" | "HELO" => Some("SMTP"),
        word if HTTP.contains(&word) => Some("HTTP"),
        _ => None,
    }
}

/// An argument that does not have the shape its command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadArgument;

/// Reads digits and nothing else, no sign and no blank, as a number up to `i64::MAX`, the largest file offset.
///
/// # Errors
/// Anything else, an empty text included.
pub fn number(text: &[u8]) -> Result<u64, BadArgument> {
    digits(text, 10, i64::MAX as u64)
}

/// Reads file permission bits: octal digits and nothing else, up to 7777.
///
/// # Errors
/// Anything else.
pub fn octal_mode(text: &[u8]) -> Result<u32, BadArgument> {
    digits(text, 8, 0o7777).map(|mode| mode as u32)
}

fn digits(text: &[u8], base: u32, limit: u64) -> Result<u64, BadArgument> {
    if text.is_empty() {
        return Err(BadArgument);
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(base).ok_or(BadArgument)?;
        let value = value
            .checked_mul(u64::from(base))
            .and_then(|value| value.checked_add(u64::from(digit)));
        value.filter(|value| *value <= limit).ok_or(BadArgument)
    })
}

/// A mode and the name it is for: `755 name`, the argument of SITE CHMOD. The name is not empty.
///
/// # Errors
/// No octal mode, or no name.
pub fn mode_and_name(text: &[u8]) -> Result<(u32, &[u8]), BadArgument> {
    let (mode, name) = word_and_name(text)?;
    Ok((octal_mode(mode)?, name))
}

/// A time and the name it is for, `20260101000000 name`: the argument of MFMT, and SITE UTIME's short form. Gives
/// seconds since 1970, nanoseconds, name.
///
/// # Errors
/// No time that exists, or no name.
pub fn time_and_name(text: &[u8]) -> Result<((i64, u32), &[u8]), BadArgument> {
    let (time, name) = word_and_name(text)?;
    Ok((parse_time(time).map_err(|_| BadArgument)?, name))
}

/// The argument of SITE UTIME: `TIME name`, or `name TIME TIME TIME UTC` (access, change and creation time), of which
/// Pure-FTPd uses the first.
///
/// # Errors
/// Neither form.
pub fn site_utime(text: &[u8]) -> Result<((i64, u32), &[u8]), BadArgument> {
    time_and_name(text).or_else(|_| {
        let mut rest = text;
        let mut words: [&[u8]; 4] = [b""; 4];
        for word in words.iter_mut().rev() {
            let blank = rest
                .iter()
                .rposition(|byte| *byte == b' ')
                .ok_or(BadArgument)?;
            *word = rest.get(blank + 1..).unwrap_or_default();
            rest = rest.get(..blank).unwrap_or_default();
        }
        let [first, second, third, zone] = words;
        let times = [first, second, third].map(parse_time);
        match times {
            [Ok(time), Ok(_), Ok(_)] if zone.eq_ignore_ascii_case(b"UTC") && !rest.is_empty() => {
                Ok((time, rest))
            }
            _ => Err(BadArgument),
        }
    })
}

fn word_and_name(text: &[u8]) -> Result<(&[u8], &[u8]), BadArgument> {
    match split_word(text) {
        (word, Some(name)) if !name.is_empty() => Ok((word, name)),
        _ => Err(BadArgument),
    }
}

/// A verb and its own argument, as PRET, OPTS and SITE carry them.
///
/// # Errors
/// The first word is no verb.
pub fn verb_and_argument(text: &[u8]) -> Result<(Verb, Option<&[u8]>), BadArgument> {
    let (word, argument) = split_word(text);
    Ok((Verb::new(word).ok_or(BadArgument)?, argument))
}

/// The argument of ALLO: `SIZE`, or `SIZE R RECORD` for files of records. Gives both numbers.
///
/// # Errors
/// Anything else.
pub fn allo(text: &[u8]) -> Result<(u64, Option<u64>), BadArgument> {
    let (size, rest) = split_word(text);
    let record = match rest.map(split_word) {
        None => None,
        Some((word, Some(record))) if word.eq_ignore_ascii_case(b"R") => Some(number(record)?),
        Some(_) => return Err(BadArgument),
    };
    Ok((number(size)?, record))
}

/// The argument of TYPE (RFC 959 section 3.1.1): how bytes are represented on the data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeArgument {
    /// `A`: lines end with CRLF.
    Ascii(TextFormat),
    /// `E`.
    Ebcdic(TextFormat),
    /// `I`: bytes as they are.
    Image,
    /// `L 8` or `L8`: bytes of that many bits.
    Local(u64),
    /// `L` without a size.
    LocalWithoutSize,
}

/// The second parameter of TYPE A and TYPE E.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// `N`, and the default.
    NonPrint,
    /// `T`.
    Telnet,
    /// `C`.
    CarriageControl,
}

/// Reads the argument of TYPE.
///
/// # Errors
/// A type RFC 959 does not have.
pub fn type_argument(text: &[u8]) -> Result<TypeArgument, BadArgument> {
    let (letter, rest) = text.split_first().ok_or(BadArgument)?;
    let parameter = rest.strip_prefix(b" ").unwrap_or(rest);
    match letter.to_ascii_uppercase() {
        b'A' => text_format(rest).map(TypeArgument::Ascii),
        b'E' => text_format(rest).map(TypeArgument::Ebcdic),
        b'I' if rest.is_empty() => Ok(TypeArgument::Image),
        b'L' if parameter.is_empty() => Ok(TypeArgument::LocalWithoutSize),
        b'L' => number(parameter).map(TypeArgument::Local),
        _ => Err(BadArgument),
    }
}

fn text_format(rest: &[u8]) -> Result<TextFormat, BadArgument> {
    match rest.to_ascii_uppercase().as_slice() {
        b"" | b" N" => Ok(TextFormat::NonPrint),
        b" T" => Ok(TextFormat::Telnet),
        b" C" => Ok(TextFormat::CarriageControl),
        _ => Err(BadArgument),
    }
}

/// The argument of MODE (RFC 959 section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferMode {
    /// `S`, the one everybody uses.
    Stream,
    /// `B`.
    Block,
    /// `C`.
    Compressed,
}

/// Reads the argument of MODE.
///
/// # Errors
/// A mode RFC 959 does not have.
pub fn mode_argument(text: &[u8]) -> Result<TransferMode, BadArgument> {
    match text.to_ascii_uppercase().as_slice() {
        b"S" => Ok(TransferMode::Stream),
        b"B" => Ok(TransferMode::Block),
        b"C" => Ok(TransferMode::Compressed),
        _ => Err(BadArgument),
    }
}

/// The argument of STRU (RFC 959 section 3.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// `F`, the one everybody uses.
    File,
    /// `R`.
    Record,
    /// `P`.
    Page,
}

/// Reads the argument of STRU.
///
/// # Errors
/// A structure RFC 959 does not have.
pub fn structure_argument(text: &[u8]) -> Result<Structure, BadArgument> {
    match text.to_ascii_uppercase().as_slice() {
        b"F" => Ok(Structure::File),
        b"R" => Ok(Structure::Record),
        b"P" => Ok(Structure::Page),
        _ => Err(BadArgument),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[u8]) -> Result<(String, Vec<u8>, bool), Malformed> {
        parse(line).map(|request| {
            (
                request.verb.to_string(),
                request.argument,
                request.has_argument,
            )
        })
    }

    fn request(
        verb: &str,
        argument: &[u8],
        has: bool,
    ) -> Result<(String, Vec<u8>, bool), Malformed> {
        Ok((verb.to_owned(), argument.to_vec(), has))
    }

    #[test]
    fn a_line_is_a_verb_one_blank_and_the_rest() {
        assert_eq!(parsed(b"noop"), request("NOOP", b"", false));
        assert_eq!(parsed(b"PASV "), request("PASV", b"", true));
        assert_eq!(parsed(b"stor  a b "), request("STOR", b" a b ", true));
        assert_eq!(parsed(b"p@sw"), request("P@SW", b"", false));
        assert_eq!(
            parsed(b"CWD \xc3\xa9\xff"),
            request("CWD", b"\xc3\xa9\xff", true)
        );
        assert_eq!(parsed(b"ABCDEFGHIJKL"), request("ABCDEFGHIJKL", b"", false));
    }

    #[test]
    fn junk_lines_are_malformed_and_not_silent() {
        assert_eq!(parsed(b""), Err(Malformed::Empty));
        for line in [
            &b" NOOP"[..],
            b"?",
            b"NOOP\tx",
            b"NO\x01OP",
            b"ABCDEFGHIJKLM",
            b"\xc3\xa9",
            b"A-B c",
            b" ",
        ] {
            assert_eq!(parsed(line), Err(Malformed::BadVerb), "{line:?}");
        }
    }

    #[test]
    fn p5_nul_in_argument_is_refused() {
        assert_eq!(parsed(b"DELE d\0/../x"), Err(Malformed::ControlByte));
        assert_eq!(parsed(b"DELE d\r"), Err(Malformed::ControlByte));
        assert_eq!(parsed(b"DELE \x7f"), Err(Malformed::ControlByte));
        assert_eq!(parsed(b"DELE a\tb"), Err(Malformed::ControlByte));
    }

    #[test]
    fn p5_every_byte_at_every_place_of_a_short_command() {
        for place in 0..=6 {
            for byte in 0..=255 {
                let mut line = b"CWD ab".to_vec();
                line.insert(place, byte);
                let expected = match (place, byte) {
                    (0..=3, b'0'..=b'9' | b'@' | b'A'..=b'Z' | b'a'..=b'z') => request(
                        &String::from_utf8(line[..4].to_ascii_uppercase()).unwrap(),
                        b"ab",
                        true,
                    ),
                    (0, _) => Err(Malformed::BadVerb),
                    (1..=3, b' ') => {
                        let rest = &line[place + 1..];
                        request(std::str::from_utf8(&line[..place]).unwrap(), rest, true)
                    }
                    (1..=3, _) => Err(Malformed::BadVerb),
                    (_, byte) if is_control(byte) => Err(Malformed::ControlByte),
                    _ => request("CWD", &line[4..], true),
                };
                assert_eq!(parsed(&line), expected, "{line:?}");
            }
        }
    }

    #[test]
    fn c2_other_protocols_are_known_by_their_first_bytes() {
        for (line, name) in [
            (&b"GET / HTTP/1.1"[..], "HTTP"),
            (b"post", "HTTP"),
            (b"OPTIONS *", "HTTP"),
            (b"PATCH /x HTTP/1.1\r\n", "HTTP"),
            (b"TRACE /", "HTTP"),
            (b"DELETE /x", "HTTP"),
            (b"\x16\x03\x01\x02\x00", "TLS"),
            (b"SSH-2.0-OpenSSH", "SSH"),
            (b"EHLO x", "SMTP"),
            (b"helo", "SMTP"),
            (b"\x03\x00\x00\x13", "RDP"),
        ] {
            assert_eq!(greeting_of_another_protocol(line), Some(name), "{line:?}");
        }
        for line in [
            &b"USER x"[..],
            b"DELE x",
            b"OPTS UTF8 ON",
            b"GETX",
            b"",
            b"\x16",
            b"SSH",
            b"HEADER",
            b" GET /",
        ] {
            assert_eq!(greeting_of_another_protocol(line), None, "{line:?}");
        }
    }

    #[test]
    fn p7_numbers_are_digits_up_to_the_largest_offset() {
        assert_eq!(number(b"0"), Ok(0));
        assert_eq!(number(b"007"), Ok(7));
        assert_eq!(number(b"9223372036854775807"), Ok(i64::MAX as u64));
        for text in [
            &b""[..],
            b"9223372036854775808",
            b"18446744073709551616",
            b"-1",
            b"+1",
            b" 1",
            b"1 ",
            b"0x10",
            b"1.0",
            b"abc",
            b"999999999999999999999999999999",
            b"\xd9\xa1",
        ] {
            assert_eq!(number(text), Err(BadArgument), "{text:?}");
        }
    }

    #[test]
    fn f8_a_mode_with_bad_digits_is_refused_and_not_cut() {
        assert_eq!(octal_mode(b"0644"), Ok(0o644));
        assert_eq!(octal_mode(b"7777"), Ok(0o7777));
        for text in [&b""[..], b"10000", b"99999", b"abc", b"64 ", b"-1", b"u+x"] {
            assert_eq!(octal_mode(text), Err(BadArgument), "{text:?}");
        }
        assert_eq!(mode_and_name(b"600 a b"), Ok((0o600, &b"a b"[..])));
        for text in [&b"600"[..], b"600 ", b" 600 a", b"abc a", b""] {
            assert_eq!(mode_and_name(text), Err(BadArgument), "{text:?}");
        }
    }

    #[test]
    fn times_come_with_a_name() {
        let time = (1_767_225_600, 0);
        assert_eq!(
            time_and_name(b"20260101000000 a b"),
            Ok((time, &b"a b"[..]))
        );
        for text in [
            &b"20260101000000"[..],
            b"20261301000000 a",
            b"20260101000000 ",
            b"x a",
            b"",
        ] {
            assert_eq!(time_and_name(text), Err(BadArgument), "{text:?}");
        }
        assert_eq!(site_utime(b"20260101000000 a b"), Ok((time, &b"a b"[..])));
        let long = b"a b 20260101000000 20250101000000 20240101000000 UTC";
        assert_eq!(site_utime(long), Ok((time, &b"a b"[..])));
        for text in [
            &b"a 20260101000000 20250101000000 20240101000000"[..],
            b" 20260101000000 20250101000000 20240101000000 UTC",
            b"20260101000000 20250101000000 20240101000000 UTCX",
            b"a 20260101000000 x 20240101000000 UTC",
            b"",
        ] {
            let got = site_utime(text);
            assert!(
                got.is_err() || got.is_ok_and(|(_, name)| name.ends_with(b"UTCX")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn allo_takes_a_size_and_perhaps_a_record_size() {
        assert_eq!(allo(b"100"), Ok((100, None)));
        assert_eq!(allo(b"100 r 80"), Ok((100, Some(80))));
        for text in [
            &b""[..],
            b"x",
            b"100 ",
            b"100 R",
            b"100 R x",
            b"100 Q 1",
            b"-1",
        ] {
            assert_eq!(allo(text), Err(BadArgument), "{text:?}");
        }
    }

    #[test]
    fn types_modes_and_structures_of_the_standard_are_known() {
        use TypeArgument::{Ascii, Ebcdic, Image, Local, LocalWithoutSize};
        for (text, expected) in [
            (&b"a"[..], Ascii(TextFormat::NonPrint)),
            (b"A N", Ascii(TextFormat::NonPrint)),
            (b"A t", Ascii(TextFormat::Telnet)),
            (b"A C", Ascii(TextFormat::CarriageControl)),
            (b"E", Ebcdic(TextFormat::NonPrint)),
            (b"i", Image),
            (b"L8", Local(8)),
            (b"l 7", Local(7)),
            (b"L", LocalWithoutSize),
        ] {
            assert_eq!(type_argument(text), Ok(expected), "{text:?}");
        }
        for text in [
            &b""[..],
            b"X",
            b"AN",
            b"A X",
            b"I N",
            b"L x",
            b"L  8",
            b"IMAGE",
        ] {
            assert_eq!(type_argument(text), Err(BadArgument), "{text:?}");
        }
        assert_eq!(mode_argument(b"s"), Ok(TransferMode::Stream));
        assert_eq!(mode_argument(b"B"), Ok(TransferMode::Block));
        assert_eq!(mode_argument(b"Z"), Err(BadArgument));
        assert_eq!(structure_argument(b"f"), Ok(Structure::File));
        assert_eq!(structure_argument(b"R"), Ok(Structure::Record));
        assert_eq!(structure_argument(b""), Err(BadArgument));
    }

    #[test]
    fn nested_commands_are_a_verb_and_its_argument() {
        let (verb, argument) = verb_and_argument(b"retr a b").unwrap();
        assert_eq!((verb.as_str(), argument), ("RETR", Some(&b"a b"[..])));
        assert_eq!(verb_and_argument(b"UTF8").unwrap().1, None);
        assert_eq!(verb_and_argument(b""), Err(BadArgument));
        assert_eq!(verb_and_argument(b" x"), Err(BadArgument));
    }
}
