//! TYPE A: line ends between disk (LF) and network (CRLF), RFC 959 section 3.1.1.1.
//!
//! One pass per block, runs copied whole. Conversion is idempotent towards the network: what already ends in CRLF is left
//! alone. From the network only CRLF changes; a lone CR stays what it was (Pure-FTPd deletes it).

use memchr::memchr;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// What [`to_network`] remembers from one block to the next.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsciiOut {
    after_cr: bool,
}

/// What [`from_network`] remembers from one block to the next: a CR whose successor has not arrived.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsciiIn {
    held_cr: bool,
}

/// Appends a block of a file as it goes over the data connection, at most twice as long.
pub fn to_network(input: &[u8], state: &mut AsciiOut, out: &mut Vec<u8>) {
    out.reserve(input.len() + input.len() / 8);
    let mut after_cr = state.after_cr;
    let mut rest = input;
    while let Some(at) = memchr(LF, rest) {
        let (line, after) = rest.split_at(at);
        rest = after.get(1..).unwrap_or_default();
        let complete = line.last().map_or(after_cr, |last| *last == CR);
        after_cr = false;
        out.extend_from_slice(line);
        out.extend_from_slice(if complete { b"\n" } else { b"\r\n" });
    }
    out.extend_from_slice(rest);
    state.after_cr = rest.last().map_or(after_cr, |last| *last == CR);
}

/// Appends a block from the data connection as it goes to disk; a CR at its end waits for the next block or
/// [`finish`].
pub fn from_network(input: &[u8], state: &mut AsciiIn, out: &mut Vec<u8>) {
    let Some(first) = input.first() else {
        return;
    };
    out.reserve(input.len() + 1);
    if state.held_cr && *first != LF {
        out.push(CR);
    }
    state.held_cr = false;
    let mut rest = input;
    while let Some(at) = memchr(CR, rest) {
        let (run, after) = rest.split_at(at);
        out.extend_from_slice(run);
        rest = after.get(1..).unwrap_or_default();
        match rest.first() {
            Some(&LF) => {}
            Some(_) => out.push(CR),
            None => state.held_cr = true,
        }
    }
    out.extend_from_slice(rest);
}

/// Appends the CR that a text from the network ended with, if it did.
pub fn finish(state: &mut AsciiIn, out: &mut Vec<u8>) {
    if std::mem::take(&mut state.held_cr) {
        out.push(CR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::xorshift::Xorshift;

    fn sent(blocks: &[&[u8]]) -> Vec<u8> {
        let mut state = AsciiOut::default();
        let mut out = Vec::new();
        blocks
            .iter()
            .for_each(|block| to_network(block, &mut state, &mut out));
        out
    }

    fn received(blocks: &[&[u8]]) -> Vec<u8> {
        let mut state = AsciiIn::default();
        let mut out = Vec::new();
        blocks
            .iter()
            .for_each(|block| from_network(block, &mut state, &mut out));
        finish(&mut state, &mut out);
        out
    }

    #[test]
    fn line_feeds_become_crlf_and_crlf_stays() {
        assert_eq!(sent(&[b"hello\nworld\n"]), b"hello\r\nworld\r\n");
        assert_eq!(sent(&[b"a\r\nb\r\r\n\n\rc"]), b"a\r\nb\r\r\n\r\n\rc");
        assert_eq!(
            sent(&[b"a\r", b"\nb\n", b"\n", b"", b"\r", b"", b"\n"]),
            b"a\r\nb\r\n\r\n\r\n"
        );
    }

    #[test]
    fn crlf_becomes_a_line_feed_and_a_lone_cr_stays() {
        assert_eq!(received(&[b"a\r\nb\r\n"]), b"a\nb\n");
        assert_eq!(received(&[b"a\rb\n\r\r\n\rc\r"]), b"a\rb\n\r\n\rc\r");
        assert_eq!(
            received(&[b"a\r", b"\nb\r", b"", b"\r", b"\n\r", b"x"]),
            b"a\nb\r\n\rx"
        );
    }

    #[test]
    fn p12_random_texts_cut_anywhere_convert_as_a_whole_and_back() {
        let mut random = Xorshift::new(23);
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..random.below(30))
                .map(|_| random.pick(b"ab\r\n\n"))
                .collect();
            let first = random.below(text.len() + 1);
            let second = first + random.below(text.len() - first + 1);
            let blocks = [&text[..first], &text[first..second], &text[second..]];
            let out = sent(&blocks);
            assert_eq!(out, sent(&[&text]), "{text:?} cut at {first}, {second}");
            assert_eq!(
                received(&blocks),
                received(&[&text]),
                "{text:?} cut at {first}, {second}"
            );
            assert_eq!(sent(&[&out]), out, "idempotent: {text:?}");
            assert!(out.len() <= 2 * text.len());
            if !text.windows(2).any(|pair| pair == b"\r\n") {
                assert_eq!(received(&[&out]), text);
            }
        }
    }
}
