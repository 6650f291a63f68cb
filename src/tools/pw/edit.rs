//! The text file as a list of lines of which single ones are changed: all others, comments and broken ones among them,
//! keep their bytes and their places.

use super::HIDDEN;
use crate::keeper::record::{Field, Line};

/// The lines of the text file, without their line feeds.
#[derive(Debug, Clone, Default)]
pub(super) struct Users {
    lines: Vec<Vec<u8>>,
}

impl Users {
    /// Takes a file apart. A last line without a line feed gets one when it is written.
    pub(super) fn read(mut text: Vec<u8>) -> Users {
        if text.last() == Some(&b'\n') {
            text.pop();
        } else if text.is_empty() {
            return Users::default();
        }
        let lines = text.split(|byte| *byte == b'\n');
        Users {
            lines: lines.map(<[u8]>::to_vec).collect(),
        }
    }

    /// The file as it is written.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| line.iter().chain(b"\n"))
            .copied()
            .collect()
    }

    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        self.lines.clone()
    }

    /// Every line that is neither empty nor a comment.
    pub(super) fn users(&self) -> impl Iterator<Item = Line> {
        let lines = self.lines.iter().map(|line| content(line));
        lines
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
            .map(Line::read)
    }

    /// The line that counts for this login, which is the first.
    pub(super) fn line(&self, login: &[u8]) -> Option<Line> {
        let line = self.lines.iter().find(|line| is_of(line, login))?;
        Some(Line::read(content(line)))
    }

    pub(super) fn append(&mut self, line: &Line) {
        self.lines.push(line.bytes());
    }

    /// Puts a line in the place of the login's first, and takes further ones of the same login out, as pure-pw does.
    pub(super) fn replace(&mut self, login: &[u8], line: &Line) {
        let Some(place) = self.lines.iter().position(|line| is_of(line, login)) else {
            return;
        };
        self.lines[place] = line.bytes();
        let mut at = 0;
        self.lines.retain(|line| {
            at += 1;
            at - 1 <= place || !is_of(line, login)
        });
    }

    /// Takes all lines of a login out; whether there was one.
    pub(super) fn remove(&mut self, login: &[u8]) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !is_of(line, login));
        self.lines.len() < before
    }
}

fn is_of(line: &[u8], login: &[u8]) -> bool {
    line.strip_prefix(login)
        .is_some_and(|rest| rest.starts_with(b":"))
}

/// What counts of a line: Pure-FTPd stops at a carriage return.
fn content(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b'\r').next().unwrap_or_default()
}

/// What changes between two lists of lines, a line each, with `-` or `+` before it and without password hashes.
pub(super) fn difference(before: &[Vec<u8>], after: &[Vec<u8>]) -> Vec<u8> {
    let alike = before
        .iter()
        .zip(after)
        .take_while(|(old, new)| old == new)
        .count();
    let (before, after) = (&before[alike..], &after[alike..]);
    let tail = before.iter().rev().zip(after.iter().rev());
    let alike = tail.take_while(|(old, new)| old == new).count();
    let (gone, new) = (
        &before[..before.len() - alike],
        &after[..after.len() - alike],
    );
    let signed = gone
        .iter()
        .map(|line| (b'-', line))
        .chain(new.iter().map(|line| (b'+', line)));
    signed
        .flat_map(|(sign, line)| [&[sign, b' '][..], &without_hash(line), b"\n"].concat())
        .collect()
}

fn without_hash(line: &[u8]) -> Vec<u8> {
    if line.starts_with(b"#") || !line.contains(&b':') {
        return line.to_vec();
    }
    let mut line = Line::read(line);
    line.set(Field::Hash, HIDDEN);
    line.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        b"# users\na:h:1:2::/a\n\nb:h:1:2::/b\r\nab:h:1:2::/ab\nb:second:1:2::/b\nbroken";

    fn users() -> Users {
        Users::read(TEXT.to_vec())
    }

    #[test]
    fn a_file_that_is_not_changed_keeps_its_bytes() {
        assert_eq!(users().bytes(), [TEXT, b"\n"].concat());
        assert_eq!(Users::read(Vec::new()).bytes(), b"");
        assert_eq!(Users::read(b"\n".to_vec()).bytes(), b"\n");
    }

    #[test]
    fn a_login_is_found_whole_and_its_first_line_counts() {
        assert_eq!(
            users().line(b"b").map(|line| line.bytes()).as_deref(),
            Some(&b"b:h:1:2::/b"[..])
        );
        assert_eq!(
            users()
                .line(b"ab")
                .map(|line| line.get(Field::Home).to_vec())
                .as_deref(),
            Some(&b"/ab"[..])
        );
        assert!(users().line(b"broken").is_none() && users().line(b"B").is_none());
    }

    #[test]
    fn a_changed_user_keeps_its_place_and_others_their_bytes() {
        let mut changed = users();
        changed.replace(b"b", &Line::read(b"b:new"));
        assert_eq!(
            changed.bytes(),
            b"# users\na:h:1:2::/a\n\nb:new\nab:h:1:2::/ab\nbroken\n"
        );
    }

    #[test]
    fn a_removed_user_is_gone_from_every_line() {
        let mut changed = users();
        assert!(changed.remove(b"b"));
        assert!(changed.line(b"b").is_none());
        assert!(!changed.remove(b"b"));
    }

    #[test]
    fn a_difference_shows_changed_lines_without_hashes() {
        let mut changed = users();
        changed.replace(b"ab", &Line::read(b"ab:secret:1:2::/new"));
        let shown = difference(&users().lines(), &changed.lines());
        let shown = String::from_utf8(shown).expect("text");
        assert!(
            shown.starts_with("- ab:*:1:2::/ab:") && shown.contains("\n+ ab:*:1:2::/new:"),
            "{shown}"
        );
        assert!(
            !shown.contains("secret") && shown.lines().count() == 2,
            "{shown}"
        );
        assert_eq!(difference(&users().lines(), &users().lines()), b"");
    }
}
