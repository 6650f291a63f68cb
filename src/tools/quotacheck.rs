//! `wharf-quotacheck`: counts what is in a user's directory and writes its `.ftpquota`. Options, the count and the exit statuses
//! are those of Pure-FTPd's pure-quotacheck(8); counting and writing are in [`crate::files`]. Root becomes the user, inside
//! the directory, before it looks at anything in it.

use crate::files::{Amounts, NotRecounted, recount};
use crate::flags;
use crate::keeper::message::MOST_GROUPS;
use crate::sys::{privileges, system_users};
use clap::{CommandFactory, FromArgMatches, Parser};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Exit statuses, pure-quotacheck's own.
mod status {
    /// A directory is missing, or an option makes no sense.
    pub(super) const USAGE: u8 = 255;
    /// No user and group other than root's.
    pub(super) const ROOT: u8 = 254;
    /// The directory cannot be entered as the user.
    pub(super) const NOT_ENTERED: u8 = 253;
    /// The directory cannot be read.
    pub(super) const NOT_READ: u8 = 252;
    /// The quota file cannot be written.
    pub(super) const NOT_WRITTEN: u8 = 251;
}

/// How often the progress is shown anew.
const PACE: Duration = Duration::from_millis(100);

/// Count a user's files and write the quota file
///
/// Counts the files and directories below a directory, and the bytes of the files, as the user they belong to, and writes
/// the sums into the file .ftpquota in it. Nothing is printed, except for the progress on a terminal.
#[derive(Debug, Parser)]
#[command(name = "wharf-quotacheck", version)]
struct Arguments {
    /// Count as this user, a name or a number; needed by root
    #[arg(short = 'u', value_name = "USER")]
    user: Option<OsString>,

    /// Count below this directory
    #[arg(short = 'd', value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    /// Count as this group, a name or a number, instead of the user's own
    #[arg(short = 'g', value_name = "GROUP")]
    group: Option<OsString>,
}

/// Why it was not done.
struct Stop {
    status: u8,
    text: String,
}

impl Stop {
    fn new(status: u8, text: impl Into<String>) -> Stop {
        let text = text.into();
        Stop { status, text }
    }
}

/// The definition of the command line, for whoever documents it.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    if std::env::args_os().len() < 2 {
        let help = definition().render_help();
        print!("{help}");
        return ExitCode::SUCCESS;
    }
    let read = definition().try_get_matches();
    let arguments = match read.and_then(|found| Arguments::from_arg_matches(&found)) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            print!("{}", error.render());
            return ExitCode::SUCCESS;
        }
        Err(error) => return complain(&Stop::new(status::USAGE, flags::mistake(&error))),
    };
    match check(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => complain(&stop),
    }
}

fn complain(stop: &Stop) -> ExitCode {
    eprintln!("wharf-quotacheck: {}", stop.text);
    ExitCode::from(stop.status)
}

fn check(arguments: &Arguments) -> Result<(), Stop> {
    let Some(directory) = &arguments.directory else {
        return Err(Stop::new(
            status::USAGE,
            "a directory is missing: -d DIRECTORY",
        ));
    };
    let shown = directory.display().to_string();
    let root = if privileges::is_root() {
        let owner = Owner::of(arguments)?;
        privileges::drop_with_groups(owner.uid, owner.gid, &owner.groups, directory, false)
            .map_err(|error| {
                Stop::new(
                    status::NOT_ENTERED,
                    format!("cannot enter {shown}: {error}"),
                )
            })?;
        Path::new("/")
    } else {
        directory
    };
    let mut progress = Progress::new();
    let counted = recount(root, &mut |found| progress.show(found));
    progress.end(counted.as_ref().ok().map(|counted| counted.amounts));
    match counted {
        Ok(counted) => {
            if counted.partial {
                let text = "warning: some directories cannot be read as the user";
                eprintln!("wharf-quotacheck: {text}: what is in them does not count");
            }
            Ok(())
        }
        Err(NotRecounted::Tree(error)) => Err(Stop::new(
            status::NOT_READ,
            format!("cannot read {shown}: {error}"),
        )),
        Err(NotRecounted::File(error)) => Err(Stop::new(
            status::NOT_WRITTEN,
            format!("cannot write the file .ftpquota in {shown}: {error}"),
        )),
    }
}

/// As whom the files are counted.
struct Owner {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Owner {
    fn of(arguments: &Arguments) -> Result<Owner, Stop> {
        let missing = |what: &str, option: &str| {
            let text = format!("expected a {what} other than root's: {option}");
            Stop::new(status::ROOT, text)
        };
        let user = arguments.user.as_ref().and_then(|text| {
            users::get_user_by_name(text).or_else(|| users::get_user_by_uid(number(text)?))
        });
        let uid = match &user {
            Some(user) => Some(user.uid()),
            None => arguments.user.as_deref().and_then(number),
        };
        let uid = uid.filter(|uid| is_unprivileged(*uid));
        let uid = uid.ok_or_else(|| missing("user", "-u USER"))?;
        let gid = match &arguments.group {
            Some(text) => users::get_group_by_name(text)
                .map(|group| group.gid())
                .or_else(|| number(text)),
            None => user.as_ref().map(users::User::primary_group_id),
        };
        let gid = gid.filter(|gid| is_unprivileged(*gid));
        let gid = gid.ok_or_else(|| missing("group", "-g GROUP"))?;
        let groups = user
            .map(|user| system_users::groups_of(user.name().as_encoded_bytes(), gid, MOST_GROUPS));
        let numbers = groups.into_iter().flatten();
        let groups = numbers.filter(|gid| is_unprivileged(*gid)).collect();
        Ok(Owner { uid, gid, groups })
    }
}

fn number(text: impl AsRef<std::ffi::OsStr>) -> Option<u32> {
    let text = text.as_ref().to_str()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn is_unprivileged(id: u32) -> bool {
    !matches!(id, 0 | u32::MAX)
}

/// What was found so far, on one line of a terminal.
struct Progress {
    terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    fn new() -> Progress {
        Progress {
            terminal: io::stderr().is_terminal(),
            shown: None,
        }
    }

    fn show(&mut self, found: Amounts) {
        let now = Instant::now();
        let due = self.shown.is_none_or(|shown| now >= shown + PACE);
        if self.terminal && due {
            self.shown = Some(now);
            write_line(found, "");
        }
    }

    fn end(&mut self, found: Option<Amounts>) {
        match found {
            Some(found) if self.terminal => write_line(found, "\n"),
            None if self.shown.is_some() => {
                // The line that is to come stands alone.
                let _ = writeln!(io::stderr());
            }
            _ => {}
        }
    }
}

fn write_line(found: Amounts, end: &str) {
    let (files, bytes) = (found.files, found.bytes);
    // A terminal that has gone away misses nothing it wanted.
    let _ = write!(io::stderr(), "\r{files} files, {bytes} bytes\x1b[K{end}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(words: &[&str]) -> Result<(u32, u32), u8> {
        let words = ["wharf-quotacheck"].iter().chain(words);
        let arguments = Arguments::try_parse_from(words).expect("arguments");
        Owner::of(&arguments)
            .map(|owner| (owner.uid, owner.gid))
            .map_err(|stop| stop.status)
    }

    #[test]
    fn users_and_groups_are_names_or_numbers() {
        assert_eq!(owner(&["-u", "4242", "-g", "4343"]), Ok((4242, 4343)));
        let daemon = owner(&["-u", "daemon"]);
        assert!(daemon.is_ok_and(|(uid, gid)| uid > 0 && gid > 0));
        assert_eq!(
            owner(&["-u", "daemon", "-g", "77"]).map(|(_, gid)| gid),
            Ok(77)
        );
    }

    #[test]
    fn s2_root_and_what_wraps_to_it_are_refused() {
        for words in [
            &[][..],
            &["-u", "root"],
            &["-u", "0", "-g", "1"],
            &["-u", "4294967296", "-g", "1"],
            &["-u", "4294967295", "-g", "1"],
            &["-u", "nobody-of-that-name", "-g", "1"],
            &["-u", "", "-g", "1"],
            &["-u", "4242"],
            &["-u", "daemon", "-g", "0"],
            &["-u", "daemon", "-g", "root"],
        ] {
            assert_eq!(owner(words), Err(254), "{words:?}");
        }
    }
}
