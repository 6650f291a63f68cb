//! Flags for one account.

use super::Expected;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The name of an account and the flags that hold for it, already parted into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFlags {
    /// The name, as it is typed at the login.
    pub name: Vec<u8>,
    /// The words of its command line.
    pub words: Vec<OsString>,
}

impl UserFlags {
    /// From `NAME:FLAGS` as typed; neither need be UTF-8. FLAGS are parted as the shell parts words, quotes included.
    ///
    /// # Errors
    /// For a text without a name or a colon, and for quotes that do not end.
    pub fn new(text: &OsStr) -> Result<UserFlags, Expected> {
        const FORM: Expected = Expected("NAME:FLAGS, the flags quoted as for the shell");
        let text = text.as_bytes();
        let colon = text.iter().position(|byte| *byte == b':');
        let (name, flags) = match colon {
            Some(at) if at > 0 => (&text[..at], &text[at + 1..]),
            _ => return Err(FORM),
        };
        let words = shlex::bytes::split(flags).ok_or(FORM)?;
        Ok(UserFlags {
            name: name.to_vec(),
            words: words.into_iter().map(OsString::from_vec).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[u8]) -> Option<(Vec<u8>, Vec<OsString>)> {
        let read = UserFlags::new(OsStr::from_bytes(text)).ok()?;
        Some((read.name, read.words))
    }

    #[test]
    fn words_are_parted_as_by_the_shell() {
        let (name, words) = words(b"joe:-U 022:077 --denyfiles '*.b c' --hidefiles \\*").unwrap();
        assert_eq!(name, b"joe");
        assert_eq!(
            words,
            ["-U", "022:077", "--denyfiles", "*.b c", "--hidefiles", "*"]
        );
    }

    #[test]
    fn no_flags_and_bytes_are_fine() {
        assert_eq!(words(b"joe:"), Some((b"joe".to_vec(), Vec::new())));
        let (name, words) = words(b"\xff:--denyfiles \xfe").unwrap();
        assert_eq!(
            (name.as_slice(), words[1].as_bytes()),
            (&b"\xff"[..], &b"\xfe"[..])
        );
    }

    #[test]
    fn without_a_name_or_with_an_open_quote_it_is_refused() {
        for text in [&b""[..], b"joe", b":-M", b"joe:--denyfiles 'x"] {
            assert_eq!(words(text), None, "{text:?}");
        }
    }
}
