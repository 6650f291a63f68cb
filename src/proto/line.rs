//! Command lines out of what arrives on the control connection.
//!
//! CRLF ends a line and so does a bare LF. Telnet commands (RFC 854, RFC 959 section 4 asks for them) are removed
//! first, by a machine that only ever shrinks its input and may be interrupted at any byte. A line that grows too
//! long is reported once and its rest is thrown away, so that its tail never becomes a command of its own. What a
//! line means is for `request`; how much to read, and what to do about a flood, is for the session.

use memchr::{memchr, memchr3};

/// Longest line in bytes, its end not counted, that is given out as text.
pub const LONGEST_LINE: usize = 4096;

/// Bytes without a line end, telnet commands included, after which nothing more is read.
pub const FLOOD: usize = 64 * 1024;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const IAC: u8 = 255;
const DONT: u8 = 254;
const WILL: u8 = 251;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;
/// Lowest byte that is a telnet command after IAC (RFC 1184: EOF).
const FIRST_COMMAND: u8 = 236;

/// What one line of the control connection turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line without its end and without telnet commands; any byte but LF may be in it.
    Text(Vec<u8>),
    /// More than [`LONGEST_LINE`] bytes. Given out once, as soon as it is known; the rest of the line is skipped.
    TooLong,
    /// More than [`FLOOD`] bytes without a line end. Everything after it is thrown away.
    Flood,
}

/// Cuts the control connection's bytes into lines. Holds no memory while nothing is pending.
///
/// It is an iterator over the lines complete so far: `None` means "feed more", not "never again".
#[derive(Debug, Default)]
pub struct LineReader {
    /// Complete lines, each followed by LF, then the beginning of the line under way.
    held: Vec<u8>,
    /// Bytes at the front of `held` that were given out.
    taken: usize,
    /// Lines ready to be given out, overlong ones included.
    complete: usize,
    /// Places in `held` where an overlong line stood.
    overlong: Vec<usize>,
    /// Where in `held` the line under way begins.
    line_start: usize,
    /// Bytes that arrived since the last line end.
    line_bytes: usize,
    telnet: Telnet,
    /// A CR arrived and what follows will say whether it belongs to the line end.
    after_cr: bool,
    /// The line under way was reported as too long.
    skipping: bool,
    flood: Flood,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Telnet {
    #[default]
    Text,
    AfterIac,
    Option,
    Subnegotiation,
    SubnegotiationAfterIac,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flood {
    #[default]
    No,
    Reached,
    Told,
}

impl LineReader {
    /// Takes in what was read from the control connection.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.flood != Flood::No {
                return;
            }
            let used = match self.telnet {
                Telnet::Text => self.feed_text(first, rest),
                _ => self.feed_command(first),
            };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// Bytes held: complete lines not yet given out and the beginning of the next one.
    pub fn pending(&self) -> usize {
        self.held.len() - self.taken
    }

    /// The bytes held, oldest first, telnet commands already removed: for judging a first line that may never end.
    pub fn held(&self) -> &[u8] {
        self.held.get(self.taken..).unwrap_or_default()
    }

    /// Whether `next` would give out something.
    pub fn has_complete_line(&self) -> bool {
        self.complete > 0 || self.flood == Flood::Reached
    }

    /// Forgets everything that arrived, and the state of telnet with it (RFC 4217 section 10 wants this at AUTH TLS).
    pub fn clear(&mut self) {
        *self = LineReader::default();
    }

    /// Takes a run of ordinary bytes, or the one special byte at the front; returns how many bytes were used.
    fn feed_text(&mut self, first: u8, rest: &[u8]) -> usize {
        if self.after_cr && first == 0 {
            self.append(&[]);
            return self.note_arrival(1);
        }
        match first {
            LF => {
                self.end_line();
                1
            }
            CR => {
                self.append(&[]);
                self.after_cr = true;
                self.note_arrival(1)
            }
            IAC => {
                self.telnet = Telnet::AfterIac;
                self.note_arrival(1)
            }
            _ => {
                let run = memchr3(IAC, CR, LF, rest).unwrap_or(rest.len());
                self.append(rest.get(..run).unwrap_or_default());
                self.note_arrival(run)
            }
        }
    }

    /// Takes one byte after IAC; returns how many bytes were used, 0 when the byte was no telnet byte after all.
    fn feed_command(&mut self, byte: u8) -> usize {
        self.telnet = match (self.telnet, byte) {
            (Telnet::AfterIac, IAC) => {
                self.append(&[IAC]);
                Telnet::Text
            }
            (Telnet::AfterIac, WILL..=DONT) => Telnet::Option,
            (Telnet::AfterIac, SUBNEGOTIATION) => Telnet::Subnegotiation,
            // Swallowing a line end here would glue two commands together (compare CVE-2022-39028).
            (Telnet::AfterIac, ..FIRST_COMMAND) => {
                self.telnet = Telnet::Text;
                return 0;
            }
            (Telnet::Subnegotiation, IAC) => Telnet::SubnegotiationAfterIac,
            (Telnet::Subnegotiation, _) => Telnet::Subnegotiation,
            (Telnet::SubnegotiationAfterIac, SUBNEGOTIATION_END) => Telnet::Text,
            (Telnet::SubnegotiationAfterIac, _) => Telnet::Subnegotiation,
            (Telnet::AfterIac | Telnet::Option | Telnet::Text, _) => Telnet::Text,
        };
        self.note_arrival(1)
    }

    /// Adds text to the line under way, after the CR that turned out not to end it.
    fn append(&mut self, text: &[u8]) {
        if self.after_cr {
            self.after_cr = false;
            self.append_bytes(&[CR]);
        }
        self.append_bytes(text);
    }

    fn append_bytes(&mut self, text: &[u8]) {
        if self.skipping {
            return;
        }
        let text = match self.held.len() == self.line_start {
            true => without_stray_commands(text),
            false => text,
        };
        let room = (LONGEST_LINE + 1).saturating_sub(self.held.len() - self.line_start);
        self.held
            .extend_from_slice(text.get(..room).unwrap_or(text));
        if self.held.len() - self.line_start > LONGEST_LINE {
            self.held.truncate(self.line_start);
            self.overlong.push(self.line_start);
            self.complete += 1;
            self.skipping = true;
        }
    }

    fn end_line(&mut self) {
        if !self.skipping {
            self.held.push(LF);
            self.complete += 1;
        }
        self.skipping = false;
        self.after_cr = false;
        self.line_start = self.held.len();
        self.line_bytes = 0;
    }

    fn note_arrival(&mut self, bytes: usize) -> usize {
        self.line_bytes += bytes;
        if self.line_bytes > FLOOD {
            self.held.truncate(self.line_start);
            self.flood = Flood::Reached;
        }
        bytes
    }

    fn take_text(&mut self) -> Vec<u8> {
        let waiting = self.held.get(self.taken..).unwrap_or_default();
        let length = memchr(LF, waiting).unwrap_or(waiting.len());
        if self.complete == 0 && self.taken == 0 && length + 1 == self.held.len() {
            self.line_start = 0;
            let mut text = std::mem::take(&mut self.held);
            text.truncate(length);
            return text;
        }
        let text = waiting.get(..length).unwrap_or_default().to_vec();
        self.taken += length + 1;
        text
    }

    /// Lets go of what was given out, once no complete line is left.
    fn give_back(&mut self) {
        if self.complete > 0 {
            return;
        }
        self.held.drain(..self.taken);
        self.held.shrink_to_fit();
        self.line_start -= self.taken;
        self.taken = 0;
        self.overlong = Vec::new();
    }
}

impl Iterator for LineReader {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.complete == 0 {
            if self.flood != Flood::Reached {
                return None;
            }
            self.flood = Flood::Told;
            return Some(Line::Flood);
        }
        self.complete -= 1;
        let line = if self.overlong.first() == Some(&self.taken) {
            self.overlong.remove(0);
            Line::TooLong
        } else {
            Line::Text(self.take_text())
        };
        self.give_back();
        Some(line)
    }
}

/// Clients send ABOR after IAC IP IAC DM with one of these bytes urgent. Where the urgent byte is not kept in line, the
/// IAC before DM is lost and DM stands alone at the front of the line, where no verb begins with such a byte.
fn without_stray_commands(text: &[u8]) -> &[u8] {
    let stray = |byte: &u8| (SUBNEGOTIATION_END..IAC).contains(byte);
    let count = text.iter().take_while(|byte| stray(byte)).count();
    text.get(count..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::xorshift::Xorshift;

    fn lines(pieces: &[&[u8]]) -> Vec<Line> {
        let mut reader = LineReader::default();
        let mut lines = Vec::new();
        for piece in pieces {
            reader.feed(piece);
            lines.extend(reader.by_ref());
        }
        lines
    }

    fn texts(texts: &[&[u8]]) -> Vec<Line> {
        texts.iter().map(|text| Line::Text(text.to_vec())).collect()
    }

    #[test]
    fn crlf_and_bare_lf_end_a_line() {
        let got = lines(&[b"NOOP\r\nSYST\nQU", b"IT\r", b"\n\r\n\n"]);
        assert_eq!(got, texts(&[b"NOOP", b"SYST", b"QUIT", b"", b""]));
    }

    #[test]
    fn p5_a_bare_cr_stays_in_the_line_and_cr_nul_is_a_cr() {
        assert_eq!(lines(&[b"A\rB\r\0C\r\r\n"]), texts(&[b"A\rB\rC\r"]));
        assert_eq!(lines(&[b"A\r\0\n", b"\0B\n"]), texts(&[b"A\r", b"\0B"]));
    }

    #[test]
    fn p6_telnet_sequences_are_removed_wherever_they_are_split() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"\xff\xf4\xff\xf2ABOR\r\n", &[b"ABOR"]),
            (b"A\xff\xffB\r\n", &[b"A\xffB"]),
            (b"\xff\xffB\r\n", &[b"\xffB"]),
            (b"NO\xff\xfb\x01OP\r\n", &[b"NOOP"]),
            (b"\xff\xfd\nNOOP\r\n", &[b"NOOP"]),
            (b"NO\xff\xfa\x18\x00\r\n\xff\xffx\xff\xf0OP\r\n", &[b"NOOP"]),
            (b"NOOP\xff\r\nQUIT\xff\n", &[b"NOOP", b"QUIT"]),
            (
                b"NOOP\r\xff\xf1\nQUIT\r\xff\xff\n",
                &[b"NOOP", b"QUIT\r\xff"],
            ),
            (b"\xff\xf4\xf2ABOR\r\n", &[b"ABOR"]),
        ];
        for (input, expected) in cases {
            for first in 0..=input.len() {
                for second in first..=input.len() {
                    let pieces = [&input[..first], &input[first..second], &input[second..]];
                    assert_eq!(
                        lines(&pieces),
                        texts(expected),
                        "{input:?} cut at {first}, {second}"
                    );
                }
            }
        }
    }

    #[test]
    fn p1_a_line_of_the_limit_is_text_and_one_byte_more_is_too_long_once() {
        let longest = vec![b'A'; LONGEST_LINE];
        let mut input = longest.clone();
        input.extend_from_slice(b"\r\nNOOP\r\n");
        assert_eq!(lines(&[&input]), texts(&[&longest, b"NOOP"]));
        let mut input = vec![b'A'; LONGEST_LINE + 1];
        assert_eq!(lines(&[&input]), [Line::TooLong]);
        input.extend_from_slice(b"DELE x\r\nNOOP\r\n");
        let expected = [Line::TooLong, Line::Text(b"NOOP".to_vec())];
        assert_eq!(lines(&[&input]), expected);
        input.resize(LONGEST_LINE, b' ');
        input.extend_from_slice(b"\rX\nNOOP\r\n");
        assert_eq!(lines(&[&input]), expected);
    }

    #[test]
    fn overlong_lines_keep_their_place_among_the_others() {
        let long = vec![b'L'; 5000];
        let input = [b"A\n", &long[..], b"\n", &long[..], b"\nB\nC\n", &long[..]].concat();
        let text = |byte: u8| Line::Text(vec![byte]);
        let expected = [
            text(b'A'),
            Line::TooLong,
            Line::TooLong,
            text(b'B'),
            text(b'C'),
            Line::TooLong,
        ];
        assert_eq!(lines(&[&input]), expected);
    }

    #[test]
    fn p1_a_flood_is_told_once_after_the_lines_before_it_and_ends_the_reading() {
        let mut reader = LineReader::default();
        reader.feed(b"NOOP\r\n");
        for _ in 0..8192 {
            reader.feed(&[b'x'; 1024]);
            assert!(reader.pending() <= LONGEST_LINE + 5);
        }
        reader.feed(b"\r\nDELE x\r\n");
        let expected = [Line::Text(b"NOOP".to_vec()), Line::TooLong, Line::Flood];
        assert!(reader.has_complete_line());
        assert_eq!(reader.by_ref().collect::<Vec<_>>(), expected);
        assert!(!reader.has_complete_line());
    }

    #[test]
    fn p1_telnet_commands_without_end_are_a_flood_too() {
        let mut reader = LineReader::default();
        reader.feed(b"\xff\xfa");
        for _ in 0..=FLOOD / 4 {
            reader.feed(b"x\r\nQ");
        }
        assert_eq!(reader.by_ref().collect::<Vec<_>>(), [Line::Flood]);
    }

    #[test]
    fn p1_no_split_ever_yields_the_tail_of_an_overlong_line() {
        let mut random = Xorshift::new(7);
        for _ in 0..200 {
            let mut input = vec![b'A'; LONGEST_LINE - 3 + random.below(8)];
            let fits = input.len() <= LONGEST_LINE;
            input.extend_from_slice(b"\r\nOK\r\n");
            let mut reader = LineReader::default();
            let mut got = Vec::new();
            let mut rest = &input[..];
            while !rest.is_empty() {
                let (piece, next) = rest.split_at(rest.len().min(1 + random.below(3000)));
                reader.feed(piece);
                got.extend(reader.by_ref());
                rest = next;
            }
            assert_eq!(got.len(), 2);
            assert_eq!(matches!(got[0], Line::Text(_)), fits);
            assert_eq!(got[1], Line::Text(b"OK".to_vec()));
        }
    }

    #[test]
    fn cutting_random_bytes_differently_gives_the_same_lines() {
        let mut random = Xorshift::new(99);
        for _ in 0..3000 {
            let alphabet = b"AB\r\n\0 \xff\xff\xfa\xf0\xfb\xf2\x7f\x01";
            let input: Vec<u8> = (0..1 + random.below(40))
                .map(|_| random.pick(alphabet))
                .collect();
            let whole = lines(&[&input]);
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(lines(&bytes), whole, "{input:?}");
            let size: usize = whole
                .iter()
                .map(|line| match line {
                    Line::Text(text) => text.len(),
                    _ => 0,
                })
                .sum();
            assert!(size <= input.len());
        }
    }

    #[test]
    fn memory_is_given_back_when_drained_and_none_is_held_before() {
        let mut reader = LineReader::default();
        assert_eq!(reader.held.capacity(), 0);
        reader.feed(&b"NOOP\r\n".repeat(1000));
        reader.feed(b"PA");
        assert_eq!(reader.pending(), 5002);
        assert_eq!(reader.by_ref().count(), 1000);
        assert_eq!((reader.pending(), reader.held()), (2, &b"PA"[..]));
        assert!(reader.held.capacity() <= 64);
        reader.feed(b"SV\r\n");
        assert_eq!(reader.next(), Some(Line::Text(b"PASV".to_vec())));
        assert_eq!((reader.held.capacity(), reader.overlong.capacity()), (0, 0));
    }

    #[test]
    fn c1_clear_forgets_lines_beginnings_and_telnet_state() {
        let mut reader = LineReader::default();
        reader.feed(b"NOOP\r\nDEL\xff\xfa");
        reader.clear();
        assert_eq!((reader.pending(), reader.has_complete_line()), (0, false));
        reader.feed(b"QUIT\r\n");
        assert_eq!(reader.next(), Some(Line::Text(b"QUIT".to_vec())));
    }
}
