//! What LIST, NLST and STAT are asked for: the options of `ls` that Pure-FTPd knows, and the order they give.
//!
//! RFC 959 has no options; clients send them all the same. A short fixed list is known, the rest is ignored and nothing
//! is passed on. Writing the lines is for `listing`, finding the name for `files`.

use std::cmp::Ordering;

/// What a listing is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Names, byte by byte.
    #[default]
    Name,
    /// `-t`: newest first.
    Time,
    /// `-S`: largest first.
    Size,
}

/// The options of LIST, NLST and STAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `-a`: names that begin with a dot, too.
    pub all: bool,
    /// `-C`: names in columns.
    pub columns: bool,
    /// `-d`: a directory itself, not what is in it.
    pub directory: bool,
    /// `-F`: marks after names.
    pub classify: bool,
    /// `-l`: one line of facts each.
    pub long: bool,
    /// `-r`: the other way round.
    pub reverse: bool,
    /// `-R`: directories within directories.
    pub recursive: bool,
    /// `-t`, `-S`: what to sort by.
    pub sort_by: SortBy,
}

impl Options {
    /// Takes leading groups of options off an argument, and gives what is left: one name, which may hold blanks and
    /// may be empty.
    ///
    /// `long` is what the command shows without options: long lines for LIST and STAT, names for NLST. Unknown letters are
    /// ignored. A word that begins with a dash but holds more than letters and digits is a name; `--` ends the options.
    pub fn parse(argument: &[u8], long: bool) -> (Options, &[u8]) {
        let mut options = Options {
            long,
            ..Options::default()
        };
        let mut rest = argument;
        loop {
            let word = rest
                .get(
                    ..rest
                        .iter()
                        .position(|byte| *byte == b' ')
                        .unwrap_or(rest.len()),
                )
                .unwrap_or_default();
            let after = rest.get(word.len()..).unwrap_or_default();
            if word == b"--" {
                return (options, after.strip_prefix(b" ").unwrap_or_default());
            }
            match word.strip_prefix(b"-") {
                Some(letters)
                    if !letters.is_empty() && letters.iter().all(u8::is_ascii_alphanumeric) =>
                {
                    letters.iter().for_each(|letter| options.set(*letter));
                    rest = after.trim_ascii_start();
                }
                // Some clients send blanks where they have nothing to say.
                _ if rest.trim_ascii_start().is_empty() => return (options, b""),
                _ => return (options, rest),
            }
        }
    }

    fn set(&mut self, letter: u8) {
        match letter {
            b'a' => self.all = true,
            b'l' => (self.long, self.columns) = (true, false),
            b'1' => (self.long, self.columns) = (false, false),
            b'C' => (self.long, self.columns) = (false, true),
            b'F' => self.classify = true,
            b'R' => self.recursive = true,
            b'd' => self.directory = true,
            b'r' => self.reverse = true,
            b't' => self.sort_by = SortBy::Time,
            b'S' => self.sort_by = SortBy::Size,
            _ => {}
        }
    }

    /// The line about options before the final line of LIST, `Options: -a -l `, in Pure-FTPd's order and with its
    /// blanks. `None` when none is in force.
    pub fn summary(&self) -> Option<String> {
        let parts = [
            (self.all, "-a "),
            (self.columns, "-C "),
            (self.directory, "-d "),
            (self.classify, "-F "),
            (self.long, "-l "),
            (self.reverse, "-r "),
            (self.recursive, "-R "),
            (self.sort_by == SortBy::Size, "-S "),
            (self.sort_by == SortBy::Time, "-t"),
        ];
        let text: String = parts
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, text)| *text)
            .collect();
        (!text.is_empty()).then(|| format!("Options: {text}"))
    }

    /// Compares two entries as these options sort them. Equal times and sizes are sorted by name.
    pub fn compare(&self, a: &SortKey<'_>, b: &SortKey<'_>) -> Ordering {
        let by_name = a.name.cmp(b.name);
        let order = match self.sort_by {
            SortBy::Name => by_name,
            SortBy::Time => b.modified.cmp(&a.modified).then(by_name),
            SortBy::Size => b.size.cmp(&a.size).then(by_name),
        };
        if self.reverse { order.reverse() } else { order }
    }
}

/// What entries are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey<'a> {
    /// The name.
    pub name: &'a [u8],
    /// Last modification, in seconds since 1970.
    pub modified: i64,
    /// Bytes.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_groups_before_one_name() {
        let name = |argument: &'static str| {
            let (_, name) = Options::parse(argument.as_bytes(), true);
            std::str::from_utf8(name).unwrap()
        };
        for (argument, expected) in [
            ("", ""),
            ("-la", ""),
            ("-l -a", ""),
            ("-la d1", "d1"),
            ("-a  -l   a b.txt ", "a b.txt "),
            ("d1 -la", "d1 -la"),
            (" d1", " d1"),
            ("   ", ""),
            ("-l  ", ""),
            ("-", "-"),
            ("-foo.txt", "-foo.txt"),
            ("-l -foo.txt", "-foo.txt"),
            ("-- -rf", "-rf"),
            ("-a --  -rf", " -rf"),
            ("--", ""),
            ("-é", "-é"),
        ] {
            assert_eq!(name(argument), expected, "{argument}");
        }
    }

    #[test]
    fn p11_every_letter_alone_and_combined_is_known_or_ignored() {
        for first in b'0'..=b'z' {
            for second in b'0'..=b'z' {
                let argument = [b'-', first, second];
                let (options, name) = Options::parse(&argument, true);
                let group = first.is_ascii_alphanumeric() && second.is_ascii_alphanumeric();
                assert_eq!(name.is_empty(), group);
                if !b"al1CFRdrtS".contains(&first) && !b"al1CFRdrtS".contains(&second) {
                    assert_eq!(
                        options,
                        Options {
                            long: true,
                            ..Options::default()
                        }
                    );
                }
            }
        }
    }

    #[test]
    fn the_summary_is_pure_ftpds() {
        let summary = |argument: &str| Options::parse(argument.as_bytes(), true).0.summary();
        for (argument, expected) in [
            ("", Some("Options: -l ")),
            ("-a", Some("Options: -a -l ")),
            ("-1", None),
            ("-C", Some("Options: -C ")),
            ("-Cl", Some("Options: -l ")),
            ("-F", Some("Options: -F -l ")),
            ("-d d1", Some("Options: -d -l ")),
            ("-R", Some("Options: -l -R ")),
            ("-t", Some("Options: -l -t")),
            ("-S -r", Some("Options: -l -r -S ")),
            ("-S -t", Some("Options: -l -t")),
        ] {
            assert_eq!(summary(argument).as_deref(), expected, "{argument}");
        }
        assert_eq!(Options::parse(b"", false).0.summary(), None);
    }

    #[test]
    fn entries_are_sorted_by_name_time_or_size_and_back() {
        let keys = [("b", 3, 1), ("a", 1, 2), ("C", 2, 2), ("\u{e9}", 3, 9)].map(
            |(name, modified, size)| SortKey {
                name: name.as_bytes(),
                modified,
                size,
            },
        );
        let sorted = |argument: &str| {
            let (options, _) = Options::parse(argument.as_bytes(), true);
            let mut keys = keys;
            keys.sort_by(|a, b| options.compare(a, b));
            keys.map(|key| std::str::from_utf8(key.name).unwrap())
                .concat()
        };
        assert_eq!(sorted(""), "Cab\u{e9}");
        assert_eq!(sorted("-r"), "\u{e9}baC");
        assert_eq!(sorted("-t"), "b\u{e9}Ca");
        assert_eq!(sorted("-tr"), "aC\u{e9}b");
        assert_eq!(sorted("-S"), "\u{e9}Cab");
        assert_eq!(sorted("-Sr"), "baC\u{e9}");
    }
}
