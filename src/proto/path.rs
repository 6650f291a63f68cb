//! Paths as a client sees them: absolute, normalised, bytes.
//!
//! This is text only. The kernel decides what a path means, below the account's root and link by link (`files`); here
//! `..` is taken away before anything is asked, so that a path can be shown, compared and judged by its names.

use super::request::is_control;

/// Longest path in bytes.
pub const LONGEST_PATH: usize = 4096;

/// Longest name in bytes, as on every Linux file system.
pub const LONGEST_NAME: usize = 255;

/// Why a client's path cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// NUL or another control byte.
    ControlByte,
    /// More than [`LONGEST_PATH`] bytes in all, or a name of more than [`LONGEST_NAME`].
    TooLong,
}

/// An absolute path without `.`, `..`, empty names and control bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath {
    /// `/`, or names each with a slash before it.
    bytes: Vec<u8>,
}

impl Default for VirtualPath {
    fn default() -> Self {
        VirtualPath::root()
    }
}

impl VirtualPath {
    /// The account's root, `/`.
    pub fn root() -> VirtualPath {
        VirtualPath {
            bytes: b"/".to_vec(),
        }
    }

    /// The path a client means by `argument` while it is at this one. `..` at the root stays there, repeated and
    /// trailing slashes vanish, an empty argument is this path.
    ///
    /// # Errors
    /// See [`PathError`]. The length is that of the result.
    pub fn join(&self, argument: &[u8]) -> Result<VirtualPath, PathError> {
        if argument.iter().copied().any(is_control) {
            return Err(PathError::ControlByte);
        }
        let from = if argument.starts_with(b"/") {
            b"/"
        } else {
            self.as_bytes()
        };
        let mut bytes = Vec::with_capacity(from.len() + argument.len() + 1);
        bytes.extend_from_slice(from);
        for name in argument.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => bytes.truncate(parent_length(&bytes)),
                name if name.len() > LONGEST_NAME => return Err(PathError::TooLong),
                name => {
                    if bytes != b"/" {
                        bytes.push(b'/');
                    }
                    bytes.extend_from_slice(name);
                }
            }
        }
        match bytes.len() <= LONGEST_PATH {
            true => Ok(VirtualPath { bytes }),
            false => Err(PathError::TooLong),
        }
    }

    /// The directory this path is in; the root is in itself.
    pub fn parent(&self) -> VirtualPath {
        let bytes = self.bytes.get(..parent_length(&self.bytes)).unwrap_or(b"/");
        VirtualPath {
            bytes: bytes.to_vec(),
        }
    }

    /// The last name; the root has none.
    pub fn name(&self) -> Option<&[u8]> {
        self.components().next_back()
    }

    /// The path as it is shown: `/a/b`, or `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path as it is resolved below the root: `a/b`, or `.`.
    pub fn relative(&self) -> &[u8] {
        match self.bytes.get(1..) {
            Some(relative) if !relative.is_empty() => relative,
            _ => b".",
        }
    }

    /// The names, outermost first. The root has none.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.bytes
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.bytes == b"/"
    }

    /// Whether any name begins with a dot.
    pub fn has_dot_component(&self) -> bool {
        self.components().any(|name| name.starts_with(b"."))
    }
}

/// How many bytes of a normalised path its parent has, 1 for the root.
fn parent_length(path: &[u8]) -> usize {
    path.iter()
        .rposition(|byte| *byte == b'/')
        .unwrap_or(0)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::xorshift::Xorshift;

    fn joined(at: &str, argument: &str) -> String {
        let path = VirtualPath::root()
            .join(at.as_bytes())
            .unwrap()
            .join(argument.as_bytes())
            .unwrap();
        String::from_utf8(path.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn paths_are_joined_as_a_client_means_them() {
        for (at, argument, expected) in [
            ("/", "a", "/a"),
            ("/a", "b/c/", "/a/b/c"),
            ("/a/b", "/c", "/c"),
            ("/a/b", "..", "/a"),
            ("/a/b", "../../..", "/"),
            ("/", "..", "/"),
            ("/", "../../etc/passwd", "/etc/passwd"),
            ("/a", "././/b/../c", "/a/c"),
            ("/a", "//b", "/b"),
            ("/a", "", "/a"),
            ("/a", ".", "/a"),
            ("/a", "...", "/a/..."),
            ("/a", "b\\..\\c", "/a/b\\..\\c"),
            ("/a", " b ", "/a/ b "),
            ("/a", "%2e%2e", "/a/%2e%2e"),
            ("/", "~", "/~"),
        ] {
            assert_eq!(joined(at, argument), expected, "{at} + {argument}");
        }
    }

    #[test]
    fn p5_control_bytes_in_a_path_are_refused() {
        for byte in (0..0x20).chain([0x7F]) {
            let argument = [b'a', byte, b'b'];
            assert_eq!(
                VirtualPath::root().join(&argument),
                Err(PathError::ControlByte)
            );
        }
        assert!(
            VirtualPath::root()
                .join(b"\x80\xff\xc0\xae\xc0\xae")
                .is_ok()
        );
    }

    #[test]
    fn p9_paths_and_names_over_the_limit_are_refused_and_the_way_back_stays_open() {
        assert!(VirtualPath::root().join(&[b'a'; LONGEST_NAME]).is_ok());
        assert_eq!(
            VirtualPath::root().join(&[b'a'; LONGEST_NAME + 1]),
            Err(PathError::TooLong)
        );
        let mut path = VirtualPath::root();
        let mut depth = 0;
        while let Ok(deeper) = path.join(&[b'x'; 100]) {
            path = deeper;
            depth += 1;
        }
        assert_eq!(depth, LONGEST_PATH / 101);
        assert_eq!(path.join(&[b'x'; 100]), Err(PathError::TooLong));
        for _ in 0..depth {
            path = path.parent();
        }
        assert!(path.is_root());
        let detour = [&b"x/"[..], &b"a/../".repeat(2000)].concat();
        assert_eq!(VirtualPath::root().join(&detour).unwrap().as_bytes(), b"/x");
    }

    #[test]
    fn f1_no_join_ever_yields_dots_empty_names_or_a_place_above_the_root() {
        let mut random = Xorshift::new(5);
        for _ in 0..20_000 {
            let mut path = VirtualPath::root();
            for _ in 0..3 {
                let argument: Vec<u8> = (0..random.below(12))
                    .map(|_| random.pick(b"../a/.b"))
                    .collect();
                path = path.join(&argument).unwrap();
            }
            assert!(path.as_bytes().starts_with(b"/"));
            assert!(
                path.components()
                    .all(|name| !matches!(name, b"." | b".." | b""))
            );
            let again = path.components().fold(Vec::new(), |mut bytes, name| {
                bytes.push(b'/');
                bytes.extend_from_slice(name);
                bytes
            });
            assert_eq!(
                path.as_bytes(),
                if again.is_empty() {
                    b"/"
                } else {
                    again.as_slice()
                }
            );
            assert_eq!(path.join(b"..").unwrap(), path.parent());
            assert_eq!(VirtualPath::root().join(path.relative()).unwrap(), path);
        }
    }

    #[test]
    fn parts_of_a_path_are_given_out() {
        let path = VirtualPath::root().join(b"pub/.x/b").unwrap();
        assert_eq!(path.name(), Some(&b"b"[..]));
        assert_eq!(path.relative(), b"pub/.x/b");
        assert_eq!(path.parent().as_bytes(), b"/pub/.x");
        assert_eq!(
            path.components().collect::<Vec<_>>(),
            [&b"pub"[..], b".x", b"b"]
        );
        assert!(path.has_dot_component());
        assert!(
            !VirtualPath::root()
                .join(b"a.b/c.")
                .unwrap()
                .has_dot_component()
        );
        let root = VirtualPath::root();
        assert_eq!(
            (root.name(), root.relative(), root.is_root()),
            (None, &b"."[..], true)
        );
        assert_eq!(root.parent(), root);
    }
}
