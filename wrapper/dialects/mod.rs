//! The kinds of configuration that are understood: each is a file here and a row of [`DIALECTS`].
//!
//! A dialect reads its syntax as its own server does and says of each setting what becomes of it. What it knows is a table
//! of rows, from which the manual page is printed; everything else in here works on any dialect: the list of `--dialect`,
//! finding out which one a file is in, and checking that the rows name flags that exist.

pub mod debian;
pub mod proftpd;
pub mod pureftpd;
pub mod vsftpd;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

use super::files::{Files, Source, Text, Unusable};
use super::translation::{Origin, Translation};

/// A kind of configuration.
pub struct Dialect {
    /// Its name in `--dialect NAME`.
    pub name: &'static str,
    /// Variants, as in `--dialect NAME:VARIANT`, the first of which holds when none is named.
    pub variants: &'static [&'static str],
    /// What it is, in a sentence.
    pub sentence: &'static str,
    /// Further options of the command line it takes, by name: host, define, defaults, login, option.
    pub takes: &'static [&'static str],
    /// How many settings of the source look like this dialect; 0 for another one, and for one that must be asked for.
    pub recognise: fn(&Source, &mut Files) -> usize,
    /// Reads the source and whatever it includes.
    pub read: fn(&Source, &mut Files, &Choices, &mut Translation),
    /// Its settings, in the order of the manual page.
    pub rows: fn() -> Vec<Row>,
}

/// All of them. The first of two that recognise a file equally well does not win: the user is asked.
pub const DIALECTS: &[Dialect] = &[
    pureftpd::OWN,
    pureftpd::SCRIPT,
    debian::FOLDER,
    proftpd::PROFTPD,
    vsftpd::FILE,
];

/// A setting, for the manual page and for tests.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, spelled as its own server spells it.
    pub key: &'static str,
    /// The form of its value, such as `yes or no`.
    pub value: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// A sentence about it. Empty where the help of its first flag says it already.
    pub sentence: &'static str,
}

/// What becomes of a setting when it asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This flag, by its long name without dashes.
    Flag(&'static str),
    /// These flags, by their long names without dashes, alone or together with what other settings say.
    Flags(&'static [&'static str]),
    /// A source of accounts, `-l NAME`.
    Login(&'static str),
    /// Other settings are read from elsewhere.
    Include,
    /// The server does so without being told.
    Nothing,
    /// Decoration: ignored with a warning.
    Ignored,
    /// Refused, with what to do instead.
    Refused(&'static str),
}

/// What the command line says besides the file.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The variant of the dialect.
    pub variant: Option<&'static str>,
    /// The virtual host to serve.
    pub host: Option<String>,
    /// Names that are defined.
    pub defines: Vec<String>,
    /// The file of the start script's choices.
    pub defaults: Option<PathBuf>,
    /// The method passwords are checked by in place of the one the file asks for.
    pub login: Option<String>,
    /// Settings given beside the file, which follow its own.
    pub options: Vec<OsString>,
}

impl Choices {
    /// Whether the dialect takes all that was given.
    ///
    /// # Errors
    /// The option it does not take, for the user.
    pub fn check(&self, dialect: &Dialect) -> Result<(), String> {
        let given = [
            ("host", self.host.is_some()),
            ("define", !self.defines.is_empty()),
            ("defaults", self.defaults.is_some()),
            ("login", self.login.is_some()),
            ("option", !self.options.is_empty()),
        ];
        match given
            .iter()
            .find(|(name, given)| *given && !dialect.takes.contains(name))
        {
            Some((name, _)) => Err(format!(
                "--{name}: the dialect {} has no use for it",
                dialect.name
            )),
            None => Ok(()),
        }
    }
}

/// The dialect called NAME or NAME:VARIANT.
///
/// # Errors
/// For a name that none has, in one line.
pub fn named(text: &str) -> Result<(&'static Dialect, Option<&'static str>), String> {
    let (name, variant) = match text.split_once(':') {
        Some((name, variant)) => (name, Some(variant)),
        None => (text, None),
    };
    let dialect = DIALECTS.iter().find(|dialect| dialect.name == name);
    let found = dialect.and_then(|dialect| match variant {
        None => Some((dialect, dialect.variants.first().copied())),
        Some(wanted) => {
            let variant = dialect
                .variants
                .iter()
                .find(|variant| **variant == wanted)?;
            Some((dialect, Some(*variant)))
        }
    });
    found.ok_or_else(|| {
        let text = super::print::shown(text.as_bytes());
        format!("--dialect {text}: expected one of {}", names().join(", "))
    })
}

/// Names for `--dialect`, variants included.
pub fn names() -> Vec<String> {
    let variants = |dialect: &'static Dialect| {
        let variants = dialect.variants.iter();
        let with = variants.map(move |variant| format!("{}:{variant}", dialect.name));
        std::iter::once(dialect.name.to_owned()).chain(with)
    };
    DIALECTS.iter().flat_map(variants).collect()
}

/// Prints all dialects, one a line.
///
/// # Errors
/// What writing gives.
pub fn list(out: &mut dyn Write) -> io::Result<()> {
    for dialect in DIALECTS {
        writeln!(out, "{:<12}{}", dialect.name, dialect.sentence)?;
        for variant in dialect.variants {
            writeln!(out, "  {}:{variant}", dialect.name)?;
        }
    }
    Ok(())
}

/// Finds out which dialect a source is in: the one most of whose settings it holds.
///
/// # Errors
/// When none or several fit, in one line.
pub fn detect(source: &Source, files: &mut Files) -> Result<&'static Dialect, String> {
    let scores = DIALECTS
        .iter()
        .map(|dialect| ((dialect.recognise)(source, files), dialect));
    let mut scores: Vec<(usize, &Dialect)> = scores.filter(|(score, _)| *score > 0).collect();
    scores.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    match scores.as_slice() {
        [] => Err(
            "no setting of a known server found in it; name one with --dialect (--dialect list)"
                .into(),
        ),
        [(best, first), (next, second), ..] if best == next => Err(format!(
            "it may be {} or {}; name one with --dialect",
            first.name, second.name
        )),
        [(_, first), ..] => Ok(first),
    }
}

/// Translates a source.
pub fn translate(
    dialect: &Dialect,
    source: &Source,
    files: &mut Files,
    choices: &Choices,
) -> Translation {
    let mut translation = Translation::default();
    (dialect.read)(source, files, choices, &mut translation);
    translation
}

/// Translates bytes that lie on no disk, for fuzzing and for tests. Nothing of the machine is looked at.
pub fn translate_bytes(dialect: &Dialect, bytes: &[u8]) -> Translation {
    translate_bytes_with(dialect, bytes, &Choices::default())
}

/// The same with choices of the command line.
pub fn translate_bytes_with(dialect: &Dialect, bytes: &[u8], choices: &Choices) -> Translation {
    let path = std::path::Path::new("file");
    let source = Source::File(Text::of_bytes(path, bytes));
    translate(dialect, &source, &mut Files::none(), choices)
}

/// Refuses a file that a setting names, or the source itself.
pub(super) fn refuse_unusable(
    translation: &mut Translation,
    origin: &Origin,
    path: &std::path::Path,
    why: &Unusable,
) {
    let reason = format!("{}: {}", super::print::shown_path(path), why.reason);
    translation.refuse(origin, &reason, &why.cure);
}

/// The source of a dialect that has files only; a folder is refused.
pub(super) fn text_of<'a>(source: &'a Source, translation: &mut Translation) -> Option<&'a Text> {
    match source {
        Source::File(text) => Some(text),
        Source::Folder(path) => {
            let origin = Origin::file(&Rc::clone(path));
            translation.refuse(
                &origin,
                "it is a folder",
                "name a file, or --dialect debian",
            );
            None
        }
    }
}

/// Bytes as the system takes them.
pub(super) fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::definition;

    /// The long names of the server's flags.
    fn is_flag(long: &str) -> bool {
        let definition = definition();
        definition
            .get_arguments()
            .any(|arg| arg.get_long() == Some(long))
    }

    #[test]
    fn every_row_names_flags_that_exist_and_says_what_it_does() {
        for dialect in DIALECTS {
            let rows = (dialect.rows)();
            assert!(!rows.is_empty(), "{}", dialect.name);
            for row in &rows {
                let place = format!("{}: {}", dialect.name, row.key);
                match row.fate {
                    Fate::Flag(flag) => assert!(is_flag(flag), "{place}: --{flag}"),
                    Fate::Flags(flags) => {
                        assert!(!flags.is_empty(), "{place}");
                        for flag in flags {
                            assert!(is_flag(flag), "{place}: --{flag}");
                        }
                    }
                    Fate::Refused(cure) => assert!(cure.len() > 5, "{place}"),
                    _ => {}
                }
                let helped = matches!(row.fate, Fate::Flag(_) | Fate::Flags(_));
                assert!(helped || row.sentence.len() > 5, "{place} needs a sentence");
            }
        }
    }

    #[test]
    fn no_row_occurs_twice() {
        for dialect in DIALECTS {
            let mut keys: Vec<_> = (dialect.rows)().iter().map(|row| row.key).collect();
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), all, "{}", dialect.name);
        }
    }

    #[test]
    fn dialects_are_found_by_name_and_variant() {
        for name in names() {
            assert!(named(&name).is_ok(), "{name}");
        }
        let wrong = named("apache").err().expect("an error");
        assert!(wrong.contains("pureftpd"), "{wrong}");
        assert!(named("pureftpd:x").is_err());
    }
}
