//! A command line told back: which flags count, in their order, as words and as a line for a shell.

use super::{Parsed, definition};
use clap::ArgAction;
use clap::parser::ValueSource;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A flag that counts: no later one has taken its place.
#[derive(Debug, Clone)]
pub struct GivenFlag {
    /// Its definition, with letter, long name and help.
    pub arg: clap::Arg,
    /// Its value as it was typed; none for a switch.
    pub value: Option<OsString>,
    /// How often it counts; once but for those of which the number matters, as `-d -d`.
    pub times: usize,
}

impl GivenFlag {
    /// The words that say it, each of which stands for itself: `--name` or `--name=value`.
    pub fn words(&self) -> Vec<OsString> {
        let mut word = OsString::from("--");
        word.push(self.arg.get_long().unwrap_or_default());
        if let Some(value) = &self.value {
            word.push("=");
            word.push(value);
        }
        vec![word; self.times]
    }
}

impl Parsed {
    /// The flags that count, in the order of the line. Of a flag that was repeated it is the last place.
    pub fn flags_in_order(&self) -> Vec<GivenFlag> {
        let mut placed = Vec::new();
        for arg in definition().get_arguments() {
            let id = arg.get_id().as_str();
            if self.matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let given = |value, times| GivenFlag {
                arg: arg.clone(),
                value,
                times,
            };
            let places: Vec<usize> = self.matches.indices_of(id).into_iter().flatten().collect();
            let last = places.last().copied().unwrap_or_default();
            if !arg.get_action().takes_values() {
                let times = match arg.get_action() {
                    ArgAction::Count => usize::from(self.matches.get_count(id)),
                    _ => 1,
                };
                placed.push((last, given(None, times)));
                continue;
            }
            let values = self.matches.get_raw(id).into_iter().flatten();
            let values: Vec<_> = places
                .into_iter()
                .zip(values.map(OsStr::to_owned))
                .collect();
            let count = match arg.get_action() {
                ArgAction::Append => usize::MAX,
                _ => 1,
            };
            // What counts of a flag that may be given once only is the last.
            for (place, value) in values.into_iter().rev().take(count) {
                placed.push((place, given(Some(value), 1)));
            }
        }
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, flag)| flag).collect()
    }
}

/// A word as sh(1) reads it back. What needs no quotes gets none: inetd knows none.
pub fn quoted(word: &OsStr) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./,:=@%+".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return bytes.to_vec();
    }
    let mut text = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => text.extend_from_slice(b"'\\''"),
            byte => text.push(*byte),
        }
    }
    text.push(b'\'');
    text
}

/// Words as a line for the shell.
pub fn quoted_line(words: &[OsString]) -> Vec<u8> {
    let quoted: Vec<Vec<u8>> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::super::tests::parse;
    use super::*;

    fn told(line: &str) -> String {
        let flags = parse(line).expect(line).flags_in_order();
        let words: Vec<OsString> = flags.iter().flat_map(GivenFlag::words).collect();
        String::from_utf8(quoted_line(&words)).expect("text")
    }

    #[test]
    fn a_line_is_told_in_its_order_without_what_no_longer_counts() {
        for (line, wanted) in [
            ("", ""),
            (
                "-c 5 -4Hp30000:30009 -c7",
                "--ipv4only --dontresolve --passiveportrange=30000:30009 --maxclientsnumber=7",
            ),
            ("-d -e -d", "--anonymousonly --verboselog --verboselog"),
            ("-E -e", "--anonymousonly"),
            (
                "-l unix -A -l puredb:/f",
                "--login=unix --chrooteveryone --login=puredb:/f",
            ),
            ("--idletimeout 45 -I 2", "--idletimeout=45 --maxidletime=2"),
            ("-I 2 --idletimeout 45", "--maxidletime=2 --idletimeout=45"),
            ("--denyfiles *.mp3", "'--denyfiles=*.mp3'"),
        ] {
            assert_eq!(told(line), wanted, "{line}");
        }
    }

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        let quoted = |text: &str| String::from_utf8(quoted(OsStr::new(text))).expect("text");
        assert_eq!(quoted("clf:/var/log/x"), "clf:/var/log/x");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted("~user"), "'~user'");
    }
}
