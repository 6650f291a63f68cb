//! What a configuration file becomes: flags, each with the setting it came from, and what is to be said about the rest.
//!
//! The rule for every setting: it is expressed exactly, or it needs no flag, or it is decoration and ignored with a warning,
//! or it is refused with a reason and a cure. Nothing ends at the first refusal, so that an administrator sees all of them
//! at once. Flags are named by their long names, and whether the server has them, takes their value and can do yet what
//! they ask for is looked up here, so no dialect has to.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::rc::Rc;

use crate::flags::{Flags, Stop, definition, not_available_yet};
use crate::keeper::sources;
use crate::settings::Settings;
use crate::units::typing_distance;

use super::files::Text;
use super::print::{shown, shown_path};

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file as it was named.
    pub file: Rc<Path>,
    /// Its line, from 1; none for what is about the file as a whole.
    pub line: Option<usize>,
    /// The setting's name as written; empty for what is about no single setting.
    pub setting: String,
}

impl Origin {
    /// A setting of a file.
    pub fn new(file: &Rc<Path>, line: usize, setting: &[u8]) -> Origin {
        Origin {
            file: Rc::clone(file),
            line: Some(line),
            setting: shown(setting),
        }
    }

    /// A file as a whole.
    pub fn file(file: &Rc<Path>) -> Origin {
        Origin {
            file: Rc::clone(file),
            line: None,
            setting: String::new(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_path(&self.file))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.setting.is_empty() {
            write!(f, ": {}", self.setting)?;
        }
        Ok(())
    }
}

/// A flag for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its long name, without dashes.
    pub long: String,
    /// Its value; none for a switch.
    pub value: Option<OsString>,
    /// What it came from.
    pub origin: Origin,
}

impl Flag {
    /// The words of the command line: by the letter where there is one.
    pub fn words(&self) -> Vec<OsString> {
        let letter = definition()
            .get_arguments()
            .find(|arg| arg.get_long() == Some(&self.long))
            .and_then(clap::Arg::get_short);
        let name = letter.map_or_else(|| format!("--{}", self.long), |letter| format!("-{letter}"));
        match &self.value {
            None => vec![name.into()],
            // A value like this would be taken for a flag, or for none at all, if it stood alone.
            Some(value) if value.is_empty() || value.as_encoded_bytes().starts_with(b"-") => {
                let mut word = OsString::from(format!("--{}=", self.long));
                word.push(value);
                vec![word]
            }
            Some(value) => vec![name.into(), value.clone()],
        }
    }
}

/// What became of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the command line as these words.
    Flag(Vec<OsString>),
    /// It holds without a flag, for this reason.
    Nothing(String),
    /// It changes nothing that matters, and is ignored for this reason.
    Ignored(String),
    /// It holds, and this should be known about it.
    Warned(String),
    /// It cannot be expressed: the reason, and what to do.
    Refused(String),
}

/// A setting and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The setting.
    pub origin: Origin,
    /// What became of it.
    pub outcome: Outcome,
}

/// A configuration as it is understood so far.
#[derive(Clone, Debug, Default)]
pub struct Translation {
    /// The flags, in order.
    pub flags: Vec<Flag>,
    /// Every setting seen, in order.
    pub findings: Vec<Finding>,
}

impl Translation {
    /// Adds a flag without a value, by its long name.
    pub fn switch(&mut self, origin: &Origin, long: &str) {
        self.push(origin, long, None);
    }

    /// Adds a flag with a value, by its long name. A value the server would not take is refused here, with its line.
    pub fn value(&mut self, origin: &Origin, long: &str, value: impl AsRef<OsStr>) {
        self.push(origin, long, Some(value.as_ref().to_owned()));
    }

    /// Adds a source of accounts: `-l NAME` or `-l NAME:ARGUMENT`. A source the server was built without is refused.
    pub fn source(&mut self, origin: &Origin, name: &str, argument: Option<&OsStr>) {
        if !has_source(name) {
            let (reason, cure) = match name {
                "pam" => (
                    "this server was built without PAM".to_owned(),
                    "build it with --features pam, or have passwords of the system checked without PAM",
                ),
                _ => (
                    format!("the server knows no accounts of {name}"),
                    "move them to a database of wharf-pw, or have a program answer for them through wharf-authd",
                ),
            };
            return self.refuse(origin, &reason, cure);
        }
        let mut value = OsString::from(name);
        if let Some(argument) = argument {
            value.push(":");
            value.push(argument);
        }
        self.push(origin, "login", Some(value));
    }

    /// The setting holds without a flag.
    pub fn nothing(&mut self, origin: &Origin, why: &str) {
        self.find(origin, Outcome::Nothing(why.to_owned()));
    }

    /// The setting is decoration, and ignored with a warning. Never for what restricts anybody.
    pub fn ignore(&mut self, origin: &Origin, why: &str) {
        self.find(origin, Outcome::Ignored(why.to_owned()));
    }

    /// Says something about a setting whose meaning is in the command line besides.
    pub fn warn(&mut self, origin: &Origin, text: &str) {
        self.find(origin, Outcome::Warned(text.to_owned()));
    }

    /// Says that a setting is a secret when others can read its file.
    pub fn secret(&mut self, origin: &Origin, text: &Text) {
        if text.is_readable_by_others {
            let path = shown_path(&text.path);
            self.warn(
                origin,
                &format!("others can read this secret; chmod go-r {path}"),
            );
        }
    }

    /// The setting cannot be expressed. `cure` says what the administrator can do.
    pub fn refuse(&mut self, origin: &Origin, reason: &str, cure: &str) {
        let text = match cure {
            "" => reason.to_owned(),
            cure => format!("{reason}; {cure}"),
        };
        self.find(origin, Outcome::Refused(text));
    }

    /// A key that no row has: refused, with the nearest one that there is.
    pub fn unknown<'a>(&mut self, origin: &Origin, known: impl IntoIterator<Item = &'a str>) {
        let cure = match nearest(&origin.setting, known) {
            Some(key) => format!("did you mean {key}?"),
            None => "remove it".to_owned(),
        };
        self.refuse(origin, "unknown setting", &cure);
    }

    /// Whether a flag was given, by its long name.
    pub fn has(&self, long: &str) -> bool {
        self.flags.iter().any(|flag| flag.long == long)
    }

    /// Takes back the flags chosen, whose settings then have this outcome; gives them.
    pub fn take_back(&mut self, chosen: impl Fn(&Flag) -> bool, outcome: &Outcome) -> Vec<Flag> {
        let (gone, kept) = std::mem::take(&mut self.flags)
            .into_iter()
            .partition::<Vec<_>, _>(chosen);
        self.flags = kept;
        for flag in &gone {
            let words = Outcome::Flag(flag.words());
            let mut findings = self.findings.iter_mut();
            let finding =
                findings.find(|found| found.origin == flag.origin && found.outcome == words);
            if let Some(finding) = finding {
                finding.outcome = outcome.clone();
            }
        }
        gone
    }

    /// Whether anything was refused.
    pub fn is_refused(&self) -> bool {
        let refused = |finding: &Finding| matches!(finding.outcome, Outcome::Refused(_));
        self.findings.iter().any(refused)
    }

    /// What is refused, each with its place, in order.
    pub fn refusals(&self) -> Vec<String> {
        let refused = self
            .findings
            .iter()
            .filter_map(|finding| match &finding.outcome {
                Outcome::Refused(text) => Some(format!("{}: {text}", finding.origin)),
                _ => None,
            });
        refused.collect()
    }

    /// The words behind the server's name, `extra` last so that it can overrule the file.
    pub fn words(&self, extra: &[OsString]) -> Vec<OsString> {
        let mut words: Vec<OsString> = self.flags.iter().flat_map(Flag::words).collect();
        words.extend_from_slice(extra);
        words
    }

    /// Looks at the command line as a whole, as the server will: flags that exclude each other are told only so.
    ///
    /// # Errors
    /// What the server would say, without its name in front.
    pub fn check(&self, extra: &[OsString]) -> Result<(), String> {
        parse(self.words(extra)).map(|_| ())
    }

    fn push(&mut self, origin: &Origin, long: &str, value: Option<OsString>) {
        let flag = Flag {
            long: long.to_owned(),
            value,
            origin: origin.clone(),
        };
        // The server's own reading comes first: a wrong value is wrong now as it will be later.
        match Flags::parse(std::iter::once("wharf-ftpd".into()).chain(flag.words())) {
            Ok(_) => {
                self.find(origin, Outcome::Flag(flag.words()));
                self.flags.push(flag);
            }
            Err(stop) => match not_available_yet(long).filter(|why| stop.text.ends_with(why)) {
                Some(_) => {
                    let cure =
                        "remove the setting if you can do without it, or wait for a later version";
                    self.refuse(origin, &bare(&stop), cure);
                }
                None => self.refuse(origin, &bare(&stop), ""),
            },
        }
    }

    fn find(&mut self, origin: &Origin, outcome: Outcome) {
        self.findings.push(Finding {
            origin: origin.clone(),
            outcome,
        });
    }
}

/// Whether the server was built with this source of accounts.
pub fn has_source(name: &str) -> bool {
    sources::ROWS.iter().any(|row| row.name == name)
}

/// What the server makes of these words.
pub(super) fn parse(words: Vec<OsString>) -> Result<Settings, String> {
    Flags::parse(std::iter::once("wharf-ftpd".into()).chain(words))
        .and_then(|parsed| Settings::from_flags(&parsed))
        .map(|(settings, _)| settings)
        .map_err(|stop| bare(&stop))
}

/// Without the server's name, as ours stands in front.
fn bare(stop: &Stop) -> String {
    let text = stop.text.strip_prefix("wharf-ftpd: ");
    text.unwrap_or(&stop.text).to_owned()
}

/// The known key that a mistyped one most likely stands for.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    known
        .into_iter()
        .map(|key| (typing_distance(&typed, &key.to_ascii_lowercase()), key))
        .filter(|(distance, key)| *distance <= 1 + key.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::new(&Path::new("/etc/x.conf").into(), 7, b"Key")
    }

    fn refusal(translation: &Translation) -> &str {
        match &translation.findings.last().expect("a finding").outcome {
            Outcome::Refused(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_the_server_would_not_take_is_refused_with_its_line() {
        let mut translation = Translation::default();
        translation.value(&origin(), "maxdiskusagepct", "101");
        assert_eq!(
            refusal(&translation),
            "-k 101: expected a percentage from 0 to 100"
        );
        assert_eq!(
            translation.findings[0].origin.to_string(),
            "/etc/x.conf:7: Key"
        );
        assert!(translation.flags.is_empty());
    }

    #[test]
    fn a_flag_that_has_to_wait_is_refused_unless_it_is_harmless() {
        let mut translation = Translation::default();
        translation.value(&origin(), "tls", "1");
        translation.value(&origin(), "pidfile", "/run/x");
        assert!(!translation.is_refused());
        if not_available_yet("extcert").is_some() {
            translation.value(&origin(), "extcert", "/run/x");
            let said = refusal(&translation);
            assert!(said.contains("not available"), "{said}");
            assert!(said.ends_with("or wait for a later version"), "{said}");
        }
    }

    #[test]
    fn values_that_look_like_flags_are_joined_to_theirs() {
        let mut translation = Translation::default();
        translation.value(&origin(), "limitrecursion", "-1:5");
        translation.value(&origin(), "fortunesfile", "-x");
        translation.value(&origin(), "maxclientsnumber", "5");
        let words = translation.words(&["-H".into()]);
        assert_eq!(
            words,
            [
                "--limitrecursion=-1:5",
                "--fortunesfile=-x",
                "-c",
                "5",
                "-H"
            ]
        );
        assert_eq!(translation.check(&[]), Ok(()));
    }

    #[test]
    fn flags_that_exclude_each_other_are_found_in_the_whole_line() {
        let mut translation = Translation::default();
        translation.switch(&origin(), "ipv4only");
        translation.switch(&origin(), "ipv6only");
        assert!(
            translation
                .check(&[])
                .is_err_and(|text| text.starts_with("-4 and -6"))
        );
    }

    #[test]
    fn the_nearest_key_is_named_and_no_far_one() {
        let known = ["MaxClientsNumber", "MaxClientsPerIP", "TLS"];
        assert_eq!(nearest("maxclientnumber", known), Some("MaxClientsNumber"));
        assert_eq!(nearest("MaxClientsPerI", known), Some("MaxClientsPerIP"));
        assert_eq!(nearest("Listen", known), None);
    }
}
