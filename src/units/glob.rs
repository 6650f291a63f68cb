//! Patterns for file names: `*`, `?`, `[a-z]`, `[!a-z]` and `[^a-z]`, over bytes.
//!
//! Nothing else is special: no braces, no `~`, no backslash (`[*]` is a plain star), and `/` is a byte
//! like any other since names, not paths, are matched. Only the last star is ever tried again, which
//! is enough for a right answer and bounds the work by pattern times name, where the recursive
//! matchers of other servers needed exponential time (CVE-2011-0762 and its like).

use super::Expected;
use std::fmt;
use std::str::FromStr;

/// A pattern of 1 to 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: Box<[u8]>,
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    AnyByte,
    AnyBytes,
    /// One bit for each byte that matches.
    OneOf([u64; 4]),
}

/// The longest pattern, in bytes; the longest name on Linux too.
const LONGEST: usize = 255;

impl Glob {
    /// Reads a pattern. A `[` that is never closed stands for itself.
    ///
    /// # Errors
    /// An empty pattern, or one of more than 255 bytes.
    pub fn new(pattern: &[u8]) -> Result<Glob, Expected> {
        if pattern.is_empty() || pattern.len() > LONGEST {
            return Err(Expected("a pattern of 1 to 255 bytes, with * ? and [a-z]"));
        }
        Ok(Glob {
            pattern: pattern.into(),
            tokens: tokens(pattern),
        })
    }

    /// Whether the bytes hold any of the special characters, so that they are a pattern rather than a
    /// plain name.
    pub fn is_pattern(bytes: &[u8]) -> bool {
        bytes.iter().any(|b| b"*?[".contains(b))
    }

    /// The pattern as it was given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.pattern
    }

    /// Whether the whole name matches. At most pattern times name steps; names from clients and long
    /// directories are better matched with [`Glob::matches_within`].
    pub fn matches(&self, name: &[u8]) -> bool {
        let mut steps = u64::MAX;
        self.matches_within(name, &mut steps).unwrap_or(false)
    }

    /// Whether the whole name matches, or None when it would take more than the steps left. The steps
    /// taken are subtracted, so that one budget can serve a whole listing.
    pub fn matches_within(&self, name: &[u8], steps: &mut u64) -> Option<bool> {
        let (mut token, mut at) = (0, 0);
        // After the last star: where it stands, and how far into the name it reaches by now.
        let mut star: Option<(usize, usize)> = None;
        while at < name.len() {
            *steps = steps.checked_sub(1)?;
            match self.tokens.get(token) {
                Some(Token::AnyBytes) => {
                    star = Some((token, at));
                    token += 1;
                }
                Some(other) if other.fits(name[at]) => {
                    token += 1;
                    at += 1;
                }
                _ => {
                    let Some((place, reach)) = star else {
                        return Some(false);
                    };
                    star = Some((place, reach + 1));
                    token = place + 1;
                    at = reach + 1;
                }
            }
        }
        Some(
            self.tokens[token..]
                .iter()
                .all(|rest| *rest == Token::AnyBytes),
        )
    }
}

impl Token {
    fn fits(&self, byte: u8) -> bool {
        match self {
            Token::Byte(wanted) => *wanted == byte,
            Token::AnyByte | Token::AnyBytes => true,
            Token::OneOf(set) => holds(set, byte),
        }
    }
}

fn holds(set: &[u64; 4], byte: u8) -> bool {
    set[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
}

fn tokens(mut pattern: &[u8]) -> Box<[Token]> {
    let mut tokens = Vec::new();
    while let Some((first, rest)) = pattern.split_first() {
        let (token, rest) = match first {
            b'*' => (Token::AnyBytes, rest),
            b'?' => (Token::AnyByte, rest),
            b'[' => class(rest).unwrap_or((Token::Byte(b'['), rest)),
            byte => (Token::Byte(*byte), rest),
        };
        // Stars in a row mean what one star means.
        if token != Token::AnyBytes || tokens.last() != Some(&Token::AnyBytes) {
            tokens.push(token);
        }
        pattern = rest;
    }
    tokens.into()
}

/// Reads a class behind its `[`; None when nothing closes it. A `]` in first place is a member.
fn class(text: &[u8]) -> Option<(Token, &[u8])> {
    let (negated, members) = match text.first() {
        Some(b'!' | b'^') => (true, &text[1..]),
        _ => (false, text),
    };
    let end = 1 + members.get(1..)?.iter().position(|b| *b == b']')?;
    let mut set = [0; 4];
    let mut rest = &members[..end];
    while let Some((first, behind)) = rest.split_first() {
        let (last, behind) = match behind {
            [b'-', last, behind @ ..] => (last, behind),
            _ => (first, behind),
        };
        for byte in *first..=*last {
            set[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        rest = behind;
    }
    if negated {
        set = set.map(|bits: u64| !bits);
    }
    Some((Token::OneOf(set), &members[end + 1..]))
}

impl FromStr for Glob {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        Glob::new(text.as_bytes())
    }
}

impl fmt::Display for Glob {
    /// The pattern, with bytes that are no UTF-8 replaced.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern
            .parse::<Glob>()
            .expect("pattern")
            .matches(name.as_bytes())
    }

    #[test]
    fn stars_and_question_marks_match_the_whole_name() {
        assert!(matches("*.mp3", "a.mp3"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(matches("a?c", "abc"));
        assert!(matches("***", "anything"));
        assert!(matches("*a*", "bab"));
        assert!(!matches("*.mp3", "a.mp3.txt"));
        assert!(!matches("a?c", "ac"));
        assert!(!matches("abc", "ab"));
        assert!(!matches("ab", "abc"));
        assert!(!matches("?", ""));
    }

    #[test]
    fn classes_take_ranges_and_both_negations() {
        assert!(matches("[a-c]x", "bx"));
        assert!(!matches("[a-c]x", "dx"));
        assert!(matches("[!a-c]", "d"));
        assert!(matches("[^a-c]", "d"));
        assert!(!matches("[^a-c]", "b"));
        assert!(matches("[]x]", "]"));
        assert!(matches("[!]]", "x"));
        assert!(!matches("[!]]", "]"));
        assert!(matches("[a-]", "-"));
        assert!(matches("[*]", "*"));
        assert!(!matches("[*]", "x"));
        assert!(!matches("[z-a]", "m"));
        assert!(matches("[é]*", "é"));
    }

    #[test]
    fn what_is_not_closed_or_not_special_stands_for_itself() {
        assert!(matches("[abc", "[abc"));
        assert!(matches("[", "["));
        assert!(matches("[]", "[]"));
        assert!(matches("[!", "[!"));
        assert!(matches("{a,b}", "{a,b}"));
        assert!(!matches("{a,b}", "a"));
        assert!(matches("\\*", "\\x"));
        assert!(matches("~", "~"));
    }

    #[test]
    fn names_are_bytes() {
        let glob = Glob::new(b"\xff*[\xf0-\xfe]").expect("pattern");
        assert!(glob.matches(b"\xff\n\xf5"));
        assert!(!glob.matches(b"\xff\n\xff"));
    }

    #[test]
    fn p3_patterns_end_at_255_bytes() {
        assert!(Glob::new(&[b'a'; 255]).is_ok());
        assert!(Glob::new(&[b'a'; 256]).is_err());
        assert!(Glob::new(b"").is_err());
    }

    #[test]
    fn p3_star_bombs_take_no_more_than_pattern_times_name() {
        let name = [b'a'; 255];
        for bomb in [
            "a*".repeat(127) + "b",
            "*a".repeat(126) + "?b",
            "*?".repeat(127),
        ] {
            let glob: Glob = bomb.parse().expect("pattern");
            let mut steps = 2 * 255 * 255;
            assert_eq!(
                glob.matches_within(&name, &mut steps),
                Some(glob.matches(&name)),
                "{bomb}"
            );
        }
    }

    #[test]
    fn p3_a_spent_budget_gives_no_answer() {
        let glob: Glob = "*b".parse().expect("pattern");
        let mut steps = 10;
        assert_eq!(glob.matches_within(&[b'a'; 100], &mut steps), None);
        assert_eq!(steps, 0);
        let mut steps = 1000;
        assert_eq!(glob.matches_within(b"aab", &mut steps), Some(true));
        assert!(steps < 1000);
    }

    #[test]
    fn plain_names_are_told_from_patterns() {
        assert!(Glob::is_pattern(b"*.txt") && Glob::is_pattern(b"a?") && Glob::is_pattern(b"[a]"));
        assert!(!Glob::is_pattern(b"a.txt") && !Glob::is_pattern(b"{a}"));
    }
}
