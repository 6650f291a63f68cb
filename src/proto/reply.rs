//! Replies: a code and its lines, written so that no client can be made to read another reply in them.
//!
//! Form of RFC 959 section 4.2, with FEAT and MLST bodies as RFC 2389 and RFC 3659 have them. Bytes that could end a line
//! or move a cursor become `?`, and 0xFF is doubled, since the control connection is a telnet connection. Which code
//! and words to use is for `session`.

use super::request::is_control;
use std::borrow::Cow;

const IAC: u8 = 255;

/// Text of one line, not yet made safe: bytes, since it may hold a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Cow<'static, [u8]>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Text {
        Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(Cow::Owned(text.into_bytes()))
    }
}

impl From<&'static [u8]> for Text {
    fn from(text: &'static [u8]) -> Text {
        Text(Cow::Borrowed(text))
    }
}

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Text {
        Text(Cow::Owned(text))
    }
}

impl From<Cow<'static, [u8]>> for Text {
    fn from(text: Cow<'static, [u8]>) -> Text {
        Text(text)
    }
}

/// One reply. Its lines all carry its code, but for the body of a [`block`](Reply::block) or a
/// [`status`](Reply::status).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    head: Text,
    rest: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A line with the code.
    Coded(Text),
    /// A line with one leading blank and no code.
    Indented(Text),
    /// Lines of a listing, each ended by CRLF.
    Listing(Text),
}

impl Reply {
    /// A reply of one line. `code` has three digits.
    pub fn new(code: u16, text: impl Into<Text>) -> Reply {
        Reply {
            code,
            head: text.into(),
            rest: Vec::new(),
        }
    }

    /// A reply of the given lines, all with the code. Without lines it is one empty line.
    pub fn lines<T: Into<Text>>(code: u16, lines: impl IntoIterator<Item = T>) -> Reply {
        let mut lines = lines.into_iter();
        let head = lines.next().map(Into::into).unwrap_or_default();
        Reply {
            code,
            head,
            rest: lines.map(|line| Part::Coded(line.into())).collect(),
        }
    }

    /// A body between two lines with the code; each of its lines gets one leading blank and no code (FEAT, MLST, HELP).
    pub fn block<T: Into<Text>>(
        code: u16,
        head: impl Into<Text>,
        body: impl IntoIterator<Item = T>,
        tail: impl Into<Text>,
    ) -> Reply {
        let mut rest: Vec<Part> = body
            .into_iter()
            .map(|line| Part::Indented(line.into()))
            .collect();
        rest.push(Part::Coded(tail.into()));
        Reply {
            code,
            head: head.into(),
            rest,
        }
    }

    /// A listing, its lines ended by CRLF, between two lines with the code (STAT of a name).
    pub fn status(
        code: u16,
        head: impl Into<Text>,
        listing: impl Into<Text>,
        tail: impl Into<Text>,
    ) -> Reply {
        let rest = vec![Part::Listing(listing.into()), Part::Coded(tail.into())];
        Reply {
            code,
            head: head.into(),
            rest,
        }
    }

    /// The same reply with one more line at its end.
    #[must_use]
    pub fn line(mut self, text: impl Into<Text>) -> Reply {
        self.rest.push(Part::Coded(text.into()));
        self
    }

    /// The code, 100 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether the command succeeded so far: codes below 400.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Puts a line in front.
    #[must_use]
    pub fn after(mut self, text: impl Into<Text>) -> Reply {
        let head = std::mem::replace(&mut self.head, text.into());
        self.rest.insert(0, Part::Coded(head));
        self
    }

    /// Appends the reply as it goes over the control connection.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.write_coded(out, self.head.as_ref(), self.rest.is_empty());
        for (number, part) in self.rest.iter().enumerate() {
            match part {
                Part::Coded(text) => {
                    self.write_coded(out, text.as_ref(), number + 1 == self.rest.len())
                }
                Part::Indented(text) => {
                    out.push(b' ');
                    write_text(out, text.as_ref());
                    out.extend_from_slice(b"\r\n");
                }
                Part::Listing(listing) => write_listing(out, listing.as_ref()),
            }
        }
    }

    fn write_coded(&self, out: &mut Vec<u8>, text: &[u8], last: bool) {
        let digit = |of: u16| b'0' + (of % 10) as u8;
        let after = if last { b' ' } else { b'-' };
        out.extend_from_slice(&[
            digit(self.code / 100),
            digit(self.code / 10),
            digit(self.code),
            after,
        ]);
        write_text(out, text);
        out.extend_from_slice(b"\r\n");
    }
}

/// A path in the form of a 257 reply: in double quotes, those inside doubled (RFC 959 appendix II).
pub fn quoted(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 2);
    out.push(b'"');
    for part in path.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
    out
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| is_control(*byte) || *byte == IAC) {
        out.extend_from_slice(text);
        return;
    }
    for byte in text {
        match *byte {
            IAC => out.extend_from_slice(&[IAC, IAC]),
            byte if is_control(byte) => out.push(b'?'),
            byte => out.push(byte),
        }
    }
}

/// A line that begins with three digits would end the reply for the client, so it is moved by a blank.
fn write_listing(out: &mut Vec<u8>, listing: &[u8]) {
    for line in listing.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line
            .get(..3)
            .is_some_and(|start| start.iter().all(u8::is_ascii_digit))
        {
            out.push(b' ');
        }
        // TABs stay: columns of names are set with them.
        for (number, cell) in line.split(|byte| *byte == b'\t').enumerate() {
            if number > 0 {
                out.push(b'\t');
            }
            write_text(out, cell);
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::xorshift::Xorshift;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_line_of_a_reply_carries_its_code() {
        assert_eq!(written(&Reply::new(200, "Zzz...")), "200 Zzz...\r\n");
        let reply = Reply::new(226, "one").line("two").line(b"three".to_vec());
        assert_eq!(written(&reply), "226-one\r\n226-two\r\n226 three\r\n");
        assert_eq!(
            written(&Reply::lines(230, ["a", "b"])),
            "230-a\r\n230 b\r\n"
        );
        assert_eq!(written(&Reply::lines::<Text>(230, [])), "230 \r\n");
    }

    #[test]
    fn bodies_are_indented_and_have_no_code() {
        let reply = Reply::block(
            211,
            "Extensions supported:",
            ["UTF8", "REST STREAM"],
            "End.",
        );
        assert_eq!(
            written(&reply),
            "211-Extensions supported:\r\n UTF8\r\n REST STREAM\r\n211 End.\r\n"
        );
    }

    #[test]
    fn listings_in_a_reply_cannot_end_it() {
        let listing = b"drwx x\r\n226 forged\r\n213-x\r\n21 x\r\na\tb\r\nx\r226\n200 y".to_vec();
        let reply = Reply::status(213, "STAT", listing, "End.");
        assert_eq!(
            written(&reply),
            "213-STAT\r\ndrwx x\r\n 226 forged\r\n 213-x\r\n21 x\r\na\tb\r\nx?226\r\n 200 y\r\n213 End.\r\n"
        );
        let empty = Reply::status(213, "STAT", "", "End.");
        assert_eq!(written(&empty), "213-STAT\r\n213 End.\r\n");
    }

    #[test]
    fn p10_a_name_cannot_forge_a_line() {
        let reply = Reply::new(
            250,
            b"OK. Current directory is /a\r\n226 forged\x1b\x7f\t".to_vec(),
        );
        assert_eq!(
            written(&reply),
            "250 OK. Current directory is /a??226 forged???\r\n"
        );
        let mut random = Xorshift::new(11);
        for _ in 0..5000 {
            let text: Vec<u8> = (0..random.below(12))
                .map(|_| random.pick(b"2 6\r\n\0\xff\t-\""))
                .collect();
            let reply = Reply::block(250, text.clone(), [text.clone()], text.clone()).line(text);
            let mut out = Vec::new();
            reply.write_to(&mut out);
            assert_eq!(out.iter().filter(|byte| is_control(**byte)).count(), 8);
            let lines: Vec<&[u8]> = out.split(|byte| *byte == b'\n').collect();
            let starts: Vec<&[u8]> = lines
                .iter()
                .map(|line| &line[..line.len().min(4)])
                .collect();
            assert_eq!(
                (starts[0], starts[2], starts[3], starts[4]),
                (&b"250-"[..], &b"250-"[..], &b"250 "[..], &b""[..])
            );
            assert_eq!((starts[1][0], lines.len()), (b' ', 5));
        }
    }

    #[test]
    fn p6_a_byte_that_telnet_would_take_is_doubled() {
        let mut out = Vec::new();
        Reply::new(257, b"\xff\xfe".to_vec()).write_to(&mut out);
        assert_eq!(out, b"257 \xff\xff\xfe\r\n");
        out.clear();
        Reply::status(213, "s", b"\xff\r\n".to_vec(), "e").write_to(&mut out);
        assert_eq!(out, b"213-s\r\n\xff\xff\r\n213 e\r\n");
    }

    #[test]
    fn p10_quotes_in_a_path_are_doubled() {
        assert_eq!(quoted(b"/"), b"\"/\"");
        assert_eq!(quoted(b"/a\"b\""), b"\"/a\"\"b\"\"\"");
    }

    #[test]
    fn codes_below_400_are_positive() {
        assert!(Reply::new(350, "").is_positive());
        assert!(!Reply::new(421, "").is_positive());
        assert_eq!(Reply::new(550, "").code(), 550);
    }
}
