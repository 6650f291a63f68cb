//! Flags from the environment, for images whose users set variables rather than a command: `WHARF_FLAGS` holds flags as a
//! shell would take them apart, and `WHARF_NAME` the value of the flag with that long name, in capitals.
//!
//! They stand before the command line, whose flags therefore win. A variable whose name no flag has is somebody else's
//! (Kubernetes sets `WHARF_PORT` and the like beside a service called wharf).

use super::{Flags, Stop, definition};
use clap::ArgAction;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// How the names of our variables begin.
const PREFIX: &str = "WHARF_";

/// The variable that holds flags.
const FLAGS: &str = "WHARF_FLAGS";

/// The command line with what the environment says put in behind the program's name.
///
/// # Errors
/// A value that its flag does not take, told with the variable's name, and quotes in WHARF_FLAGS that are not closed.
pub fn with_environment(
    words: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<OsString>, Stop> {
    let mut words = words.into_iter();
    let mut all: Vec<OsString> = words.next().into_iter().collect();
    let mut ours: Vec<(OsString, OsString)> = variables
        .into_iter()
        .filter(|(name, _)| name.as_bytes().starts_with(PREFIX.as_bytes()))
        .collect();
    // The environment has no order; the same set of variables shall always mean the same.
    ours.sort();
    for (name, value) in &ours {
        if let Some(named) = named(name, value)? {
            all.extend(named);
        }
    }
    let flags = ours.iter().find(|(name, _)| name == FLAGS);
    if let Some((_, value)) = flags {
        let split = shlex::bytes::split(value.as_bytes());
        let split = split.ok_or_else(|| {
            Stop::usage(format!(
                "{FLAGS}: a quote or a backslash has nothing behind it"
            ))
        })?;
        let split: Vec<OsString> = split.into_iter().map(OsString::from_vec).collect();
        check(FLAGS, &split)?;
        all.extend(split);
    }
    all.extend(words);
    Ok(all)
}

/// The flags of one variable; none for a variable that is not ours.
fn named(name: &OsStr, value: &OsStr) -> Result<Option<Vec<OsString>>, Stop> {
    let Some(variable) = name.to_str() else {
        return Ok(None);
    };
    let long = variable[PREFIX.len()..].to_ascii_lowercase();
    let is_upper = variable.bytes().all(|byte| !byte.is_ascii_lowercase());
    let definition = definition();
    let mut flags = definition.get_arguments();
    let Some(flag) = flags.find(|flag| is_upper && flag.get_long() == Some(&long)) else {
        return Ok(None);
    };
    let word = |value: &[u8]| OsString::from_vec([b"--", long.as_bytes(), b"=", value].concat());
    let words: Vec<OsString> = match flag.get_action() {
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version => {
            return Ok(None);
        }
        ArgAction::SetTrue => match is_yes(variable, value)? {
            true => vec![format!("--{long}").into()],
            false => Vec::new(),
        },
        ArgAction::Count => vec![format!("--{long}").into(); count(variable, value)?],
        // What may be given more than once is a line each.
        ArgAction::Append => value
            .as_bytes()
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(word)
            .collect(),
        // A variable that is set to nothing is as good as none, as in the files of images.
        _ if value.is_empty() => Vec::new(),
        _ => vec![word(value.as_bytes())],
    };
    check(variable, &words)?;
    Ok(Some(words))
}

fn is_yes(variable: &str, value: &OsStr) -> Result<bool, Stop> {
    match value.to_ascii_lowercase().to_str() {
        Some("yes" | "true" | "on" | "1") => Ok(true),
        Some("" | "no" | "false" | "off" | "0") => Ok(false),
        _ => Err(Stop::usage(format!("{variable}: expected yes or no"))),
    }
}

fn count(variable: &str, value: &OsStr) -> Result<usize, Stop> {
    match value.to_str() {
        Some("") => Ok(0),
        Some(text) if text.len() == 1 && text.as_bytes()[0].is_ascii_digit() => {
            Ok(usize::from(text.as_bytes()[0] - b'0'))
        }
        _ => Err(Stop::usage(format!("{variable}: expected 0 to 9"))),
    }
}

/// Whether the words are flags by themselves; what is wrong is told with the variable in front.
fn check(variable: &str, words: &[OsString]) -> Result<(), Stop> {
    let line = std::iter::once(OsString::from("wharf-ftpd")).chain(words.iter().cloned());
    match Flags::parse(line) {
        Ok(_) => Ok(()),
        Err(stop) if stop.to_stdout => Err(Stop::usage(format!(
            "{variable}: help and version are for the command line"
        ))),
        Err(stop) => {
            let text = stop.text.strip_prefix("wharf-ftpd: ").unwrap_or(&stop.text);
            Err(Stop {
                text: format!("wharf-ftpd: {variable}: {text}"),
                ..stop
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let line = line.split_whitespace().map(OsString::from);
        let variables = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let words = with_environment(line, variables).map_err(|stop| stop.text)?;
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        Ok(words.join(" "))
    }

    #[test]
    fn variables_stand_before_the_command_line_which_wins() {
        let variables = [
            ("WHARF_MAXCLIENTSNUMBER", "7"),
            ("WHARF_FLAGS", "-4 --banner 'two words'"),
            ("WHARF_NOANONYMOUS", "Yes"),
            ("PATH", "/bin"),
        ];
        let all = words("wharf-ftpd -c 8", &variables).unwrap();
        assert_eq!(
            all,
            "wharf-ftpd --maxclientsnumber=7 --noanonymous -4 --banner two words -c 8"
        );
        let parsed = Flags::parse(all.replace("two words", "x").split(' ')).unwrap();
        assert_eq!(parsed.flags.limits.max_clients.map(|n| n.get()), Some(8));
    }

    #[test]
    fn what_is_unset_off_or_somebody_elses_is_nothing() {
        let variables = [
            ("WHARF_READONLY", "no"),
            ("WHARF_BANNER", ""),
            ("WHARF_FLAGS", ""),
            ("WHARF_VERBOSELOG", "0"),
            ("WHARF_PORT", "tcp://10.0.0.1:21"),
            ("WHARF_SERVICE_HOST", "10.0.0.1"),
            ("WHARF_readonly", "yes"),
            ("WHARF_HELP", "1"),
            ("WHARF_", "x"),
        ];
        assert_eq!(words("wharf-ftpd", &variables).unwrap(), "wharf-ftpd");
    }

    #[test]
    fn what_may_be_repeated_is_a_line_each_and_what_counts_a_number() {
        let variables = [
            ("WHARF_LOGIN", "unix\npuredb:/a b\n"),
            ("WHARF_VERBOSELOG", "2"),
        ];
        assert_eq!(
            words("x", &variables).unwrap(),
            "x --login=unix --login=puredb:/a b --verboselog --verboselog"
        );
    }

    #[test]
    fn a_value_that_makes_no_sense_is_told_with_its_variable() {
        for (name, value, wanted) in [
            (
                "WHARF_PASSIVEPORTRANGE",
                "5",
                "WHARF_PASSIVEPORTRANGE: --passiveportrange 5: expected FIRST:LAST",
            ),
            (
                "WHARF_READONLY",
                "maybe",
                "WHARF_READONLY: expected yes or no",
            ),
            ("WHARF_VERBOSELOG", "x", "WHARF_VERBOSELOG: expected 0 to 9"),
            ("WHARF_FLAGS", "-c 'x", "WHARF_FLAGS: a quote"),
            (
                "WHARF_FLAGS",
                "--nonsense",
                "WHARF_FLAGS: --nonsense: unknown flag",
            ),
            ("WHARF_FLAGS", "--help", "WHARF_FLAGS: help and version"),
        ] {
            let said = words("x", &[(name, value)]).expect_err(value);
            assert!(said.starts_with(&format!("wharf-ftpd: {wanted}")), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }
}
