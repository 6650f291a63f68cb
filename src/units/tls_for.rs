//! Whom a demand for TLS binds (`--tlsfor`).

use super::Expected;
use std::fmt;
use std::str::FromStr;

/// Whom a demand for TLS binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsFor {
    /// Everybody.
    #[default]
    All,
    /// Those who log in with a name of their own.
    Users,
    /// Anonymous sessions.
    Anonymous,
}

impl TlsFor {
    const WORDS: [(&'static str, TlsFor); 3] = [
        ("anonymous", TlsFor::Anonymous),
        ("users", TlsFor::Users),
        ("all", TlsFor::All),
    ];

    /// Whether it binds an anonymous session, or one of a user.
    pub fn binds(self, anonymous: bool) -> bool {
        match self {
            TlsFor::All => true,
            TlsFor::Users => !anonymous,
            TlsFor::Anonymous => anonymous,
        }
    }
}

impl FromStr for TlsFor {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let known = TlsFor::WORDS.iter().find(|(word, _)| *word == text);
        known
            .map(|(_, value)| *value)
            .ok_or(Expected("anonymous, users or all"))
    }
}

impl fmt::Display for TlsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = TlsFor::WORDS.iter().find(|(_, value)| value == self);
        f.write_str(known.map_or("all", |(word, _)| word))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn three_words_say_whom_it_binds() {
        for (word, anonymous, user) in [
            ("all", true, true),
            ("users", false, true),
            ("anonymous", true, false),
        ] {
            let value: TlsFor = word.parse().expect(word);
            assert_eq!((value.binds(true), value.binds(false)), (anonymous, user));
            assert_eq!(read::<TlsFor>(word), word);
        }
        refused::<TlsFor>(&["", "ftp", "All", "user"]);
    }
}
