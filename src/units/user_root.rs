//! The directory that takes the place of users' homes.

use super::Expected;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What the name of the user takes the place of.
const USER: &[u8] = b"$USER";

/// A directory for each user: an absolute path in which each `$USER` stands for the name of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRoot(Vec<u8>);

impl UserRoot {
    /// From a path as typed; it need not be UTF-8.
    ///
    /// # Errors
    /// For a path that does not begin with a slash.
    pub fn new(text: &OsStr) -> Result<UserRoot, Expected> {
        match text.as_bytes() {
            path if path.starts_with(b"/") => Ok(UserRoot(path.to_vec())),
            _ => Err(Expected("a directory that begins with /")),
        }
    }

    /// The directory of the user of this name. None where the name belongs into the path and would lead elsewhere than to a
    /// directory of its own: it is empty, `.` or `..`, or holds a slash or NUL.
    pub fn of(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut path = Vec::new();
        let mut rest = self.0.as_slice();
        while let Some(at) = rest.windows(USER.len()).position(|part| part == USER) {
            let leads_elsewhere = matches!(name, b"" | b"." | b"..");
            if leads_elsewhere || name.iter().any(|byte| b"/\0".contains(byte)) {
                return None;
            }
            path.extend_from_slice(&rest[..at]);
            path.extend_from_slice(name);
            rest = &rest[at + USER.len()..];
        }
        path.extend_from_slice(rest);
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(root: &str, name: &str) -> Option<String> {
        let path = UserRoot::new(OsStr::new(root)).unwrap().of(name.as_bytes());
        path.map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn the_name_stands_wherever_it_is_asked_for_and_is_not_read_again() {
        assert_eq!(of("/srv", "joe").as_deref(), Some("/srv"));
        assert_eq!(of("/srv/$USER", "joe").as_deref(), Some("/srv/joe"));
        assert_eq!(of("/$USER/./x-$USER", "a").as_deref(), Some("/a/./x-a"));
        assert_eq!(of("/srv/$USER", "$USER").as_deref(), Some("/srv/$USER"));
        assert_eq!(of("/srv/$USE", "joe").as_deref(), Some("/srv/$USE"));
    }

    #[test]
    fn f1_a_name_leads_nowhere_else() {
        for name in ["", ".", "..", "a/b", "../x", "/etc", "a\0b"] {
            assert_eq!(of("/srv/$USER", name), None, "{name:?}");
            assert_eq!(
                of("/srv/ftp", name).as_deref(),
                Some("/srv/ftp"),
                "{name:?}"
            );
        }
        assert_eq!(of("/srv/$USER", "...").as_deref(), Some("/srv/..."));
    }

    #[test]
    fn a_relative_directory_is_refused() {
        for text in ["", "srv", "$USER", "./srv", "~"] {
            assert!(UserRoot::new(OsStr::new(text)).is_err(), "{text}");
        }
    }
}
