//! Flags that are understood but whose feature is still to come.
//!
//! They are refused at start rather than ignored: whoever asks for a protection or a right must
//! not get a server without them. One row here is all it takes; help and manual say it as well.

use super::{Stop, Words};
use clap::CommandFactory;
use clap::parser::ValueSource;

const CERTD: &str = "certificates come from files (-2) so far";

/// The identifier of each flag, and why it has to wait.
const ROWS: [(&str, &str); 1] = [("ext_cert", CERTD)];

/// Why a flag, by its long name, is not available yet; none for one that is.
pub fn not_available_yet(long: &str) -> Option<&'static str> {
    let command = super::Flags::command();
    let arg = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(long))?;
    let row = ROWS.iter().find(|(id, _)| arg.get_id() == id)?;
    Some(row.1)
}

/// Says in the help of each such flag that it is not available.
pub(super) fn note(command: clap::Command) -> clap::Command {
    // Not mut_arg, which moves what it changes behind all others.
    command.mut_args(|arg| match ROWS.iter().find(|(id, _)| arg.get_id() == id) {
        Some((_, reason)) => noted(arg, reason),
        None => arg,
    })
}

fn noted(arg: clap::Arg, reason: &str) -> clap::Arg {
    let short = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let long = arg
        .get_long_help()
        .map_or_else(|| short.clone(), ToString::to_string);
    arg.help(format!("{short} (not available yet)"))
        .long_help(format!(
            "{long}\n\nThis flag is not available in this version yet: {reason}."
        ))
}

/// Refuses the first such flag on the command line.
pub(super) fn refuse(matches: &clap::ArgMatches, words: &Words) -> Result<(), Stop> {
    for (id, reason) in ROWS {
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        if given {
            let flag = words.spelled(id);
            return Err(Stop::usage(format!(
                "{flag}: not available in this version yet: {reason}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::definition;
    use crate::flags::tests::text;

    #[test]
    fn every_flag_whose_feature_comes_later_is_refused_in_one_line() {
        let lines = ["-3 /run/certd"];
        assert_eq!(lines.len(), ROWS.len());
        for line in lines {
            let text = text(line);
            let start = format!(
                "wharf-ftpd: {}: not available in this version yet: ",
                &line[..2]
            );
            assert!(text.starts_with(&start), "{text}");
            assert!(!text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn later_flags_still_check_their_values() {
        assert_eq!(text("-Y x"), "wharf-ftpd: -Y x: expected 0, 1, 2 or 3");
        assert!(text("-u 0x64").contains("expected a numeric user id"));
        assert!(text("-a staff").contains("expected a numeric group id"));
    }

    #[test]
    fn others_can_ask_which_flags_have_to_wait() {
        assert_eq!(not_available_yet("extcert"), Some(CERTD));
        assert_eq!(not_available_yet("bind"), None);
        assert_eq!(not_available_yet("nonsense"), None);
    }

    #[test]
    fn help_says_which_flags_are_not_available() {
        for (id, reason) in ROWS {
            let command = definition();
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_id() == id)
                .expect(id);
            let help = arg.get_help().map(ToString::to_string).expect(id);
            assert!(help.ends_with("(not available yet)"), "{help}");
            let long = arg.get_long_help().map(ToString::to_string).expect(id);
            assert!(long.contains(reason), "{long}");
        }
    }
}
