//! What is said instead of starting: help, the version, or one line about the first mistake.
//!
//! A line has the program, the flag as it was written, the value and the accepted form. Exit statuses
//! are those of sysexits.h.

use super::definition;
use crate::units::sysexits;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;
use std::ffi::OsString;
use std::fmt;

/// Why the server does not start, for whoever prints it and ends the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The exit status: 0 for help and version, [`Stop::USAGE`] for mistakes.
    pub status: u8,
    /// What to print: one line without a line feed for mistakes, several for help.
    pub text: String,
    /// Whether it was asked for, and so goes to standard output. All else is for standard error, or
    /// under inetd for the system log.
    pub to_stdout: bool,
}

impl Stop {
    /// The command line is wrong.
    pub const USAGE: u8 = sysexits::USAGE;

    /// A mistake on the command line, told in one line that begins with the flag.
    pub(crate) fn usage(text: impl fmt::Display) -> Stop {
        Stop {
            status: Stop::USAGE,
            text: format!("wharf-ftpd: {text}"),
            to_stdout: false,
        }
    }

    fn asked_for(text: &str) -> Stop {
        Stop {
            status: 0,
            text: text.trim_end().to_owned(),
            to_stdout: true,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Stop {}

/// The words of the command line, kept to name flags as they were written.
#[derive(Debug, Clone)]
pub(super) struct Words(Vec<OsString>);

impl Words {
    pub(super) fn new(words: Vec<OsString>) -> Words {
        Words(words)
    }

    /// The flag of this field as it was written: by its long name if that occurs, else by its letter
    /// if it has one.
    pub(super) fn spelled(&self, field: &str) -> String {
        let command = definition();
        match command.get_arguments().find(|arg| arg.get_id() == field) {
            Some(arg) => self.spelled_arg(arg),
            None => format!("--{field}"),
        }
    }

    fn spelled_arg(&self, arg: &clap::Arg) -> String {
        let long = arg
            .get_long()
            .map(|name| format!("--{name}"))
            .unwrap_or_default();
        let written = |word: &OsString| {
            word.to_str()
                .is_some_and(|word| word.split('=').next() == Some(&long))
        };
        match arg.get_short() {
            Some(letter) if !self.0.iter().any(written) => format!("-{letter}"),
            _ => long,
        }
    }

    /// Turns what clap found into what is said.
    pub(super) fn stop(&self, error: &clap::Error) -> Stop {
        let value = context(error, ContextKind::InvalidValue);
        let named = context(error, ContextKind::InvalidArg);
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Stop::asked_for(&error.render().to_string())
            }
            ErrorKind::UnknownArgument => unknown(error, &named),
            ErrorKind::InvalidValue if value.is_empty() => Stop::usage(format!(
                "{}: needs a value, {}",
                self.flag(&named),
                value_name(&named)
            )),
            ErrorKind::ValueValidation => {
                let form = error.source().map(ToString::to_string).unwrap_or_default();
                Stop::usage(format!("{} {}: {form}", self.flag(&named), shown(&value)))
            }
            ErrorKind::TooManyValues => {
                let flag = self.flag(&named);
                Stop::usage(format!("{flag}={}: {flag} takes no value", shown(&value)))
            }
            ErrorKind::InvalidUtf8 => Stop::usage(format!("{}: expected UTF-8", self.not_utf8())),
            _ => Stop::usage(mistake(error)),
        }
    }

    /// The flag as it was written, from clap's `--long <VALUE>`.
    fn flag(&self, named: &str) -> String {
        let command = definition();
        let long = named
            .split_whitespace()
            .next()
            // A value that may be left out, as in `--write[=<drop>]`.
            .and_then(|name| name.split('[').next())
            .and_then(|name| name.strip_prefix("--"));
        match command
            .get_arguments()
            .find(|arg| long.is_some() && arg.get_long() == long)
        {
            Some(arg) => self.spelled_arg(arg),
            None => shown(named),
        }
    }

    fn not_utf8(&self) -> String {
        let word = self.0.iter().find(|word| word.to_str().is_none());
        word.map(|word| shown(&word.to_string_lossy()))
            .unwrap_or_default()
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

/// The value's name, from clap's `--long <VALUE>`.
fn value_name(named: &str) -> &str {
    let name = named.split_once('<').map_or(named, |(_, name)| name);
    name.strip_suffix('>').unwrap_or(name)
}

fn unknown(error: &clap::Error, word: &str) -> Stop {
    let near = context(error, ContextKind::SuggestedArg);
    let word_shown = shown(word);
    Stop::usage(if !word.starts_with('-') || word == "-" {
        format!(
            "{word_shown}: not a flag; a configuration file is started with wharf-config {word_shown}"
        )
    } else if near.is_empty() {
        format!("{word_shown}: unknown flag, see wharf-ftpd --help")
    } else {
        format!("{word_shown}: unknown flag, did you mean {near}")
    })
}

/// A word safe to print on one line: control characters are escaped, blanks quoted.
fn shown(word: &str) -> String {
    let escaped = on_one_line(word);
    if escaped.is_empty() || escaped.contains(char::is_whitespace) {
        format!("'{escaped}'")
    } else {
        escaped
    }
}

/// Text with its control characters escaped.
pub fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

/// What clap finds wrong with a command line, for whatever program, in one line that begins with no program's name.
pub fn mistake(error: &clap::Error) -> String {
    let text = error.render().to_string();
    // What is missing stands on lines of its own.
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    on_one_line(line.strip_prefix("error: ").unwrap_or(&line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;
    use crate::flags::tests::{parse, text};

    #[test]
    fn a_bad_value_is_told_with_program_flag_value_and_form() {
        assert_eq!(
            text("-p 5"),
            "wharf-ftpd: -p 5: expected FIRST:LAST, both from 1024 to 65535 and FIRST not above LAST"
        );
        assert!(text("-4Hp5").starts_with("wharf-ftpd: -p 5: expected FIRST:LAST"));
        assert!(
            text("--passiveportrange 5").starts_with("wharf-ftpd: --passiveportrange 5: expected")
        );
        assert!(
            text("--passiveportrange=5").starts_with("wharf-ftpd: --passiveportrange 5: expected")
        );
        assert!(text("--maxuploadsize x").starts_with("wharf-ftpd: --maxuploadsize x: expected"));
    }

    #[test]
    fn what_pure_ftpd_lets_pass_is_refused() {
        for line in [
            "-S addr,99999",
            "-Y x",
            "-U 999",
            "-f nonsense",
            "-I junk",
            "-c 0",
            "-t 0",
        ] {
            let stop = parse(line).expect_err(line);
            assert_eq!(stop.status, 64, "{line}");
            assert!(stop.text.contains(": expected "), "{}", stop.text);
        }
        for line in [
            "-k 101",
            "-m 0",
            "-q 1:0",
            "-L 0:5",
            "-y 3",
            "-V 10.0.0.0/8",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_flag_without_its_value_says_what_it_needs() {
        assert_eq!(text("-p"), "wharf-ftpd: -p: needs a value, FIRST:LAST");
        assert_eq!(
            text("--anonymousroot="),
            "wharf-ftpd: --anonymousroot: needs a value, DIR"
        );
    }

    #[test]
    fn a_value_for_a_switch_is_refused() {
        assert_eq!(
            text("--natmode=yes"),
            "wharf-ftpd: --natmode=yes: --natmode takes no value"
        );
    }

    #[test]
    fn unknown_flags_get_the_nearest_one_named() {
        assert_eq!(
            text("--anonymosonly"),
            "wharf-ftpd: --anonymosonly: unknown flag, did you mean --anonymousonly"
        );
        assert_eq!(
            text("-5"),
            "wharf-ftpd: -5: unknown flag, see wharf-ftpd --help"
        );
        assert_eq!(
            text("-e5"),
            "wharf-ftpd: -5: unknown flag, see wharf-ftpd --help"
        );
    }

    #[test]
    fn a_stray_word_names_the_tool_for_configuration_files() {
        let expected = "wharf-ftpd: /etc/pure-ftpd.conf: not a flag; a configuration file is started \
                        with wharf-config /etc/pure-ftpd.conf";
        assert_eq!(text("/etc/pure-ftpd.conf"), expected);
        assert_eq!(text("-4 /etc/pure-ftpd.conf"), expected);
        assert_eq!(text("-4 -- /etc/pure-ftpd.conf"), expected);
    }

    #[test]
    fn mistakes_stay_on_one_line_whatever_was_typed() {
        use std::os::unix::ffi::OsStringExt;
        let words: [&[u8]; 7] = [
            b"-pa\nb",
            b"a\nb\x1b[1m",
            b"",
            b"-fa b",
            b"--\xff",
            b"-S\xff",
            b"--x\ny",
        ];
        for word in words {
            let line = [
                OsString::from("wharf-ftpd"),
                OsString::from_vec(word.to_vec()),
            ];
            let stop = Flags::parse(line).expect_err("mistake");
            assert_eq!((stop.status, stop.to_stdout), (64, false));
            assert!(!stop.text.chars().any(char::is_control), "{:?}", stop.text);
            assert!(stop.text.starts_with("wharf-ftpd: "), "{:?}", stop.text);
        }
    }

    #[test]
    fn mistakes_of_other_programs_fit_on_a_line_with_all_that_is_missing() {
        let program = clap::Command::new("x").args([
            clap::Arg::new("one").long("one").required(true),
            clap::Arg::new("two").required(true),
        ]);
        let said =
            |words: &[&str]| mistake(&program.clone().try_get_matches_from(words).unwrap_err());
        let missing = said(&["x"]);
        assert!(missing.starts_with("the following required"), "{missing}");
        assert!(
            missing.ends_with("provided: --one <one> <two>"),
            "{missing}"
        );
        let unknown = said(&["x", "--\x1b[1m"]);
        assert!(!unknown.chars().any(char::is_control), "{unknown:?}");
    }

    #[test]
    fn help_and_version_are_for_standard_output() {
        for line in ["-h", "--help", "--version"] {
            let stop = parse(line).expect_err(line);
            assert_eq!((stop.status, stop.to_stdout), (0, true));
        }
        assert_eq!(
            text("--version"),
            concat!("wharf-ftpd ", env!("CARGO_PKG_VERSION"))
        );
        assert!(text("-V").starts_with("wharf-ftpd: -V: needs a value"));
    }

    #[test]
    fn help_is_grouped_and_explains_each_flag() {
        let help = text("-h");
        for heading in [
            "Network:", "Login:", "Files:", "Limits:", "Logging:", "TLS:", "Process:",
        ] {
            assert!(help.contains(&format!("\n{heading}\n")), "{heading}");
        }
        for arg in definition().get_arguments() {
            assert!(
                help.contains(&format!("--{}", arg.get_long().unwrap_or("?"))),
                "{arg}"
            );
        }
        assert!(text("--help").len() > 2 * help.len());
    }
}
