//! The command line of `wharf-pw`, as typed and as what it asks to change in a line.
//!
//! Letters and units are pure-pw's. Unlike there, a number that is none, a name nobody has and an address that is no
//! address are refused instead of read as far as they go.

use super::status;
use crate::keeper::record::{AddressList, Field, Hours, Line};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The longest login both servers take.
const LOGIN_BYTES: usize = 127;

/// Edit the virtual users of an FTP server
///
/// Users live in a text file, one a line. The server reads a database made of it by mkdb, or by -m after a change. The
/// file, the database and the options are those of pure-pw.
#[derive(Debug, Parser)]
#[command(
    name = "wharf-pw",
    version,
    args_override_self = true,
    subcommand_required = true
)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Add a user; the password is asked for
    Useradd(UserOptions),
    /// Change a user; what is not named stays
    Usermod(UserOptions),
    /// Remove a user
    Userdel(Selected),
    /// Set a new password
    Passwd(PasswordOptions),
    /// Show all about a user
    Show(Selected),
    /// Make the database of the text file
    Mkdb(Database),
    /// List all users
    List(Listed),
}

/// Which user of which file.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct Selected {
    /// The user's name; a colon in it becomes _
    #[arg(value_name = "LOGIN")]
    login: Option<OsString>,
    /// Text file of users [default: $PURE_PASSWDFILE, or /etc/pure-ftpd/pureftpd.passwd]
    #[arg(short = 'f', value_name = "FILE", allow_hyphen_values = true)]
    pub(super) file: Option<PathBuf>,
    /// Database for -m [default: $PURE_DBFILE, or /etc/pure-ftpd/pureftpd.pdb]
    #[arg(short = 'F', value_name = "FILE", allow_hyphen_values = true)]
    pub(super) database: Option<PathBuf>,
    /// Make the database as well when the change is done
    #[arg(short = 'm')]
    pub(super) mkdb: bool,
    /// Show the lines that would change, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// The text file and the database.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct Database {
    /// Database to write [default: $PURE_DBFILE, or /etc/pure-ftpd/pureftpd.pdb]
    #[arg(value_name = "DATABASE")]
    pub(super) path: Option<PathBuf>,
    /// Text file of users [default: $PURE_PASSWDFILE, or /etc/pure-ftpd/pureftpd.passwd]
    #[arg(short = 'f', value_name = "FILE", allow_hyphen_values = true)]
    pub(super) file: Option<PathBuf>,
    /// The same as DATABASE, which goes before it
    #[arg(short = 'F', value_name = "FILE", allow_hyphen_values = true)]
    pub(super) database: Option<PathBuf>,
    /// Accepted, does nothing here
    #[arg(short = 'm', hide = true)]
    _mkdb: bool,
    /// Make it in memory only, and say how large it is
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// The text file.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct Listed {
    /// Text file of users [default: $PURE_PASSWDFILE, or /etc/pure-ftpd/pureftpd.passwd]
    #[arg(short = 'f', value_name = "FILE", allow_hyphen_values = true)]
    pub(super) file: Option<PathBuf>,
}

/// What checking the new password may cost.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct Hashing {
    /// How many logins at once share the memory of -M
    #[arg(
        short = 'C',
        value_name = "LOGINS",
        default_value = "8",
        allow_hyphen_values = true
    )]
    concurrent: String,
    /// Memory for checking passwords, in MB
    #[arg(
        short = 'M',
        value_name = "MB",
        default_value = "64",
        allow_hyphen_values = true
    )]
    memory: String,
}

/// A new password for a user.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct PasswordOptions {
    #[command(flatten)]
    pub(super) selected: Selected,
    #[command(flatten)]
    pub(super) hashing: Hashing,
}

/// Everything a user's line says.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct UserOptions {
    #[command(flatten)]
    pub(super) selected: Selected,
    /// System user whose files the user's are: a name, which sets the group as well, or a number above 0
    #[arg(short = 'u', value_name = "USER", action = clap::ArgAction::Append, allow_hyphen_values = true)]
    uid: Vec<String>,
    /// System group: a name or a number above 0
    #[arg(short = 'g', value_name = "GROUP", action = clap::ArgAction::Append, allow_hyphen_values = true)]
    gid: Vec<String>,
    /// Home directory, which the user cannot leave
    #[arg(
        short = 'd',
        value_name = "HOME",
        overrides_with = "free",
        allow_hyphen_values = true
    )]
    confined: Option<OsString>,
    /// Home directory, which the user can leave
    #[arg(
        short = 'D',
        value_name = "HOME",
        overrides_with = "confined",
        allow_hyphen_values = true
    )]
    free: Option<OsString>,
    /// Full name, or any text
    #[arg(short = 'c', value_name = "TEXT", allow_hyphen_values = true)]
    gecos: Option<OsString>,
    /// Download bandwidth in KB/s; 0 or '' for no limit
    #[arg(short = 't', value_name = "KBS", allow_hyphen_values = true)]
    download: Option<String>,
    /// Upload bandwidth in KB/s; 0 or '' for no limit
    #[arg(short = 'T', value_name = "KBS", allow_hyphen_values = true)]
    upload: Option<String>,
    /// Most files, which may be 0; '' for no limit
    #[arg(short = 'n', value_name = "FILES", allow_hyphen_values = true)]
    files: Option<String>,
    /// Most MB in all, which may be 0; '' for no limit
    #[arg(short = 'N', value_name = "MB", allow_hyphen_values = true)]
    megabytes: Option<String>,
    /// Upload part of the ratio, 1 or more; '' for none
    #[arg(short = 'q', value_name = "N", allow_hyphen_values = true)]
    upload_ratio: Option<String>,
    /// Download part of the ratio, 1 or more; '' for none
    #[arg(short = 'Q', value_name = "N", allow_hyphen_values = true)]
    download_ratio: Option<String>,
    /// Only from these clients: addresses, ADDRESS/BITS and host names with commas between; '' for all
    #[arg(short = 'r', value_name = "LIST", allow_hyphen_values = true)]
    allow_client: Option<String>,
    /// Not from these clients
    #[arg(short = 'R', value_name = "LIST", allow_hyphen_values = true)]
    deny_client: Option<String>,
    /// Only through these addresses of the server
    #[arg(short = 'i', value_name = "LIST", allow_hyphen_values = true)]
    allow_local: Option<String>,
    /// Not through these addresses of the server
    #[arg(short = 'I', value_name = "LIST", allow_hyphen_values = true)]
    deny_local: Option<String>,
    /// Sessions at once; 0 or '' for no limit
    #[arg(short = 'y', value_name = "N", allow_hyphen_values = true)]
    sessions: Option<String>,
    /// Time of day at which logins are taken; '' for any
    #[arg(short = 'z', value_name = "HHMM-HHMM", allow_hyphen_values = true)]
    hours: Option<String>,
    #[command(flatten)]
    hashing: Hashing,
}

/// Why the program ends early: help, or one line about what is wrong.
#[derive(Debug)]
pub(super) struct Stop {
    /// The exit status.
    pub(super) status: u8,
    text: String,
}

impl Stop {
    /// A failure told in one line.
    pub(super) fn new(status: u8, text: String) -> Stop {
        Stop { status, text }
    }

    /// Help goes to standard output as it is, a failure to standard error behind the program's name.
    pub(super) fn print(&self, program: &str) {
        if self.status == 0 {
            let _ = super::print(self.text.as_bytes());
        } else {
            eprintln!("{program}: {}", self.text);
        }
    }
}

/// The definition of the command line, for whoever documents it.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Reads the command line. The name of an action counts in any case; without arguments help is what is asked for.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, Stop> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    match arguments.get_mut(1) {
        Some(action) => *action = action.to_ascii_lowercase(),
        None => arguments.push("--help".into()),
    }
    let read = definition().try_get_matches_from(arguments);
    let parsed = read.and_then(|found| Arguments::from_arg_matches(&found));
    parsed
        .map(|arguments| arguments.action)
        .map_err(|error| stop(&error))
}

fn stop(error: &clap::Error) -> Stop {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return Stop::new(0, text);
    }
    let first = text.lines().next().unwrap_or_default();
    Stop::new(
        status::USAGE,
        first.trim_start_matches("error: ").to_owned(),
    )
}

fn wrong(flag: &str, value: &str, expected: &str) -> Stop {
    Stop::new(
        status::USAGE,
        format!("{flag} {value}: expected {expected}"),
    )
}

impl Selected {
    /// The login, fit for a line of the file.
    pub(super) fn login(&self) -> Result<Vec<u8>, Stop> {
        let login = self
            .login
            .as_ref()
            .map(|login| login.as_bytes())
            .unwrap_or_default();
        if login.is_empty() {
            return Err(Stop::new(status::USAGE, "missing login".to_owned()));
        }
        let unfit = login.starts_with(b"#")
            || login.len() > LOGIN_BYTES
            || login.iter().any(u8::is_ascii_control);
        if unfit {
            let text = format!(
                "login {}: expected 1 to {LOGIN_BYTES} bytes, no control characters, no # at the beginning",
                login.escape_ascii()
            );
            return Err(Stop::new(status::USAGE, text));
        }
        Ok(login
            .iter()
            .map(|byte| if *byte == b':' { b'_' } else { *byte })
            .collect())
    }
}

impl Hashing {
    /// Logins at once, and MB for all of them.
    pub(super) fn cost(&self) -> Result<(u32, u32), Stop> {
        let read = |flag, text: &str| {
            decimal(text)
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| *number > 0)
                .ok_or_else(|| wrong(flag, text, "a number of 1 or more"))
        };
        Ok((read("-C", &self.concurrent)?, read("-M", &self.memory)?))
    }
}

impl UserOptions {
    /// What the password may cost.
    pub(super) fn cost(&self) -> Result<(u32, u32), Stop> {
        self.hashing.cost()
    }

    /// Changes in a line what the options name.
    pub(super) fn apply(&self, line: &mut Line) -> Result<(), Stop> {
        self.cost()?;
        self.apply_limits(line)?;
        self.apply_access(line)?;
        self.apply_home(line)?;
        if let Some(gecos) = &self.gecos {
            line.set(Field::Gecos, &text("-c", gecos)?);
        }
        self.apply_ids(line)
    }

    fn apply_limits(&self, line: &mut Line) -> Result<(), Stop> {
        const ANY: &str = "a number, or '' for no limit";
        const SOME: &str = "a number of 1 or more, or '' for none";
        let small = u64::from(u32::MAX);
        let large = i64::MAX as u64;
        // The letter, its value, its field, what one of its units is, the least and the greatest, what zero is written as.
        let limits = [
            (
                "-t",
                &self.download,
                Field::DownloadRate,
                1024,
                0,
                large,
                "",
            ),
            ("-T", &self.upload, Field::UploadRate, 1024, 0, large, ""),
            ("-n", &self.files, Field::QuotaFiles, 1, 0, large, "0"),
            (
                "-N",
                &self.megabytes,
                Field::QuotaBytes,
                1 << 20,
                0,
                large,
                "0",
            ),
            (
                "-q",
                &self.upload_ratio,
                Field::UploadRatio,
                1,
                1,
                small,
                "",
            ),
            (
                "-Q",
                &self.download_ratio,
                Field::DownloadRatio,
                1,
                1,
                small,
                "",
            ),
            ("-y", &self.sessions, Field::Sessions, 1, 0, small, ""),
        ];
        for (flag, value, field, unit, least, greatest, zero) in limits {
            let Some(value) = value else { continue };
            let expected = if least == 0 { ANY } else { SOME };
            let number = match value.as_str() {
                "" => None,
                text => Some(
                    decimal(text)
                        .filter(|number| *number >= least)
                        .and_then(|number| number.checked_mul(unit))
                        .filter(|number| *number <= greatest)
                        .ok_or_else(|| wrong(flag, text, expected))?,
                ),
            };
            let written = match number {
                None => String::new(),
                Some(0) => zero.to_owned(),
                Some(number) => number.to_string(),
            };
            line.set(field, written.as_bytes());
        }
        Ok(())
    }

    fn apply_access(&self, line: &mut Line) -> Result<(), Stop> {
        let lists = [
            ("-r", &self.allow_client, Field::AllowClient),
            ("-R", &self.deny_client, Field::DenyClient),
            ("-i", &self.allow_local, Field::AllowLocal),
            ("-I", &self.deny_local, Field::DenyLocal),
        ];
        for (flag, value, field) in lists {
            let Some(value) = value else { continue };
            let expected = "addresses, ADDRESS/BITS and host names with commas between them";
            let stored = AddressList::stored(value).ok_or_else(|| wrong(flag, value, expected))?;
            line.set(field, stored.as_bytes());
        }
        match self.hours.as_deref() {
            None => {}
            Some("") => line.set(Field::Hours, b""),
            Some(text) => {
                let hours =
                    Hours::read(text.as_bytes()).ok_or_else(|| wrong("-z", text, Hours::FORM))?;
                line.set(Field::Hours, hours.to_string().as_bytes());
            }
        }
        Ok(())
    }

    fn apply_home(&self, line: &mut Line) -> Result<(), Stop> {
        let (flag, home, mark) = match (&self.confined, &self.free) {
            (Some(home), _) => ("-d", home, &b"/./"[..]),
            (None, Some(home)) => ("-D", home, &b""[..]),
            (None, None) => return Ok(()),
        };
        let typed = text(flag, home)?;
        let end = typed
            .iter()
            .rposition(|byte| *byte != b'/')
            .map_or(0, |at| at + 1);
        let home = &typed[..end];
        if !home.starts_with(b"/") {
            let shown = typed.escape_ascii().to_string();
            return Err(wrong(flag, &shown, "an absolute path below /"));
        }
        line.set(Field::Home, &[home, mark].concat());
        Ok(())
    }

    fn apply_ids(&self, line: &mut Line) -> Result<(), Stop> {
        let (uid, primary) = match once("-u", &self.uid)? {
            Some(user) => user_of(user)?,
            None => (None, None),
        };
        let gid = match once("-g", &self.gid)? {
            Some(group) => Some(group_of(group)?),
            None => primary,
        };
        for (id, field) in [(uid, Field::Uid), (gid, Field::Gid)] {
            if let Some(id) = id {
                line.set(field, id.to_string().as_bytes());
            }
        }
        Ok(())
    }
}

/// Whether a new line has what every user needs.
pub(super) fn complete(line: &Line) -> Result<(), Stop> {
    if line.get(Field::Uid).is_empty() || line.get(Field::Gid).is_empty() {
        let text = "a new user needs a system user and group other than root: -u and, with a number there, -g";
        return Err(Stop::new(status::ROOT, text.to_owned()));
    }
    if line.get(Field::Home).is_empty() {
        let text =
            "a new user needs a home directory: -d HOME, or -D HOME for one that can be left";
        return Err(Stop::new(status::NO_HOME, text.to_owned()));
    }
    Ok(())
}

/// The only value of a flag that may not be repeated.
fn once<'a>(flag: &str, values: &'a [String]) -> Result<Option<&'a str>, Stop> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err(Stop::new(status::USAGE, format!("{flag}: expected once"))),
    }
}

/// The id of a user, and the user's group if it has a name.
fn user_of(text: &str) -> Result<(Option<u32>, Option<u32>), Stop> {
    match users::get_user_by_name(text) {
        Some(user) => {
            let gid = user.primary_group_id();
            Ok((
                Some(not_root("-u", text, user.uid())?),
                Some(gid).filter(|gid| *gid > 0),
            ))
        }
        None => Ok((Some(number_of("-u", text)?), None)),
    }
}

fn group_of(text: &str) -> Result<u32, Stop> {
    match users::get_group_by_name(text) {
        Some(group) => not_root("-g", text, group.gid()),
        None => number_of("-g", text),
    }
}

fn number_of(flag: &str, text: &str) -> Result<u32, Stop> {
    let id = decimal(text)
        .and_then(|id| u32::try_from(id).ok())
        .unwrap_or(0);
    not_root(flag, text, id)
}

fn not_root(flag: &str, text: &str, id: u32) -> Result<u32, Stop> {
    if matches!(id, 0 | u32::MAX) {
        let text = format!(
            "{flag} {text}: expected a name the system knows, not root, or a number from 1 to 4294967294"
        );
        return Err(Stop::new(status::ROOT, text));
    }
    Ok(id)
}

/// Decimal digits alone.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Free text without what would end its line.
fn text(flag: &str, value: &OsString) -> Result<Vec<u8>, Stop> {
    let bytes = value.as_bytes();
    if bytes.iter().any(u8::is_ascii_control) {
        let shown = bytes.escape_ascii().to_string();
        return Err(wrong(flag, &shown, "text without control characters"));
    }
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    fn parsed(words: &str) -> Result<Action, Stop> {
        parse(
            format!("wharf-pw {words}")
                .split(' ')
                .map(|word| match word {
                    "''" => OsString::new(),
                    word => OsString::from(word),
                }),
        )
    }

    /// The line that a new user with these options gets, or the exit status.
    fn line(options: &str) -> Result<String, u8> {
        let action = parsed(&format!("useradd v {options}")).map_err(|stop| stop.status)?;
        let Action::Useradd(options) = action else {
            panic!("another action");
        };
        let mut line = Line::new(b"v");
        let applied = options.apply(&mut line).and_then(|()| complete(&line));
        applied.map_err(|stop| stop.status)?;
        Ok(String::from_utf8(line.bytes()).expect("text"))
    }

    #[test]
    fn options_stand_in_the_file_in_the_units_of_pure_pw() {
        let all = "-u 20106 -g 20107 -D /srv/u2/ -c a:b -t 100 -T 50 -n 3 -N 1 -q 1 -Q 10 -r 127.0.0.0/8,10.0.0.1 -R 127.0.0.9 -i 127.0.0.1 -I 127.0.0.5 -y 2 -z 0000-2359 -m";
        let wanted = "v::20106:20107:a_b:/srv/u2:51200:102400:1:10:2:3:1048576:127.0.0.1:127.0.0.5:127.0.0.0/8,10.0.0.1:127.0.0.9:0-2359";
        assert_eq!(line(all).as_deref(), Ok(wanted));
        assert_eq!(
            line("-u5 -g6 -d/x").as_deref(),
            Ok("v::5:6::/x/./::::::::::::")
        );
        assert_eq!(
            line("-u 5 -g 6 -d /a -D /b").as_deref(),
            Ok("v::5:6::/b::::::::::::")
        );
        assert_eq!(
            line("-u 5 -g 6 -D /a -d /b//").as_deref(),
            Ok("v::5:6::/b/./::::::::::::")
        );
    }

    #[test]
    fn empty_values_clear_and_zero_is_a_quota() {
        let mut full =
            Line::read(b"v:h:1:2:g:/x:1:2:3:4:5:6:7:1.1.1.1:1.1.1.2:1.1.1.3:1.1.1.4:1-2");
        let clear =
            "usermod v -t '' -T '' -n '' -N '' -q '' -Q '' -r '' -R '' -i '' -I '' -y '' -z ''";
        let Ok(Action::Usermod(options)) = parsed(clear) else {
            panic!("not read");
        };
        options
            .apply(&mut full)
            .unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(full.bytes(), b"v:h:1:2:g:/x::::::::::::");
        assert_eq!(
            line("-u 1 -g 1 -d /x -n 0 -N 0 -y 0 -t 0").as_deref(),
            Ok("v::1:1::/x/./::::::0:0:::::")
        );
    }

    #[test]
    fn what_is_wrong_ends_with_the_status_of_pure_pw() {
        for (options, status) in [
            ("-u 0 -g 5 -d /x", 32),
            ("-u root -d /x", 32),
            ("-u nobodyhasthisname -d /x", 32),
            ("-u 5 -d /x", 32),
            ("-u 5 -g 6", 64),
            ("-u 5 -g 6 -d /", 1),
            ("-u 5 -g 6 -d x", 1),
            ("-u 5 -u 6", 1),
            ("-q 0", 1),
            ("-Q -1", 1),
            ("-z 1", 1),
            ("-z 2400-2500", 1),
            ("-x", 1),
            ("-t 18446744073709551615", 1),
            ("-t 9007199254740992", 1),
            ("-N 1k", 1),
            ("-r 10.0.0.0/33", 1),
            ("-C 0", 1),
            ("-M x", 1),
        ] {
            assert_eq!(line(options), Err(status), "{options}");
        }
    }

    #[test]
    fn p7_ids_beyond_32_bits_are_nobody() {
        for id in ["4294967295", "4294967296", "4294967297", "-1", "+5"] {
            assert_eq!(line(&format!("-u {id} -g 5 -d /x")), Err(32), "{id}");
            assert_eq!(line(&format!("-u 5 -g {id} -d /x")), Err(32), "{id}");
        }
    }

    #[test]
    fn logins_cannot_become_comments_or_other_lines() {
        let login = |login: &str| match parse(["wharf-pw", "show", login].map(OsString::from)) {
            Ok(Action::Show(selected)) => selected.login().map_err(|stop| stop.status),
            _ => panic!("not read"),
        };
        assert_eq!(login("a:b"), Ok(b"a_b".to_vec()));
        for wrong in ["", "#a", "a\nb", "a\rb", &"a".repeat(128)] {
            assert_eq!(login(wrong), Err(1), "{wrong:?}");
        }
    }

    #[test]
    fn actions_count_in_any_case_and_none_is_a_question_for_help() {
        assert!(matches!(parsed("UserDel v"), Ok(Action::Userdel(_))));
        assert!(parse(["wharf-pw".into()]).is_err_and(|stop| stop.status == 0));
        assert!(parsed("unknown").is_err_and(|stop| stop.status == 1));
        assert!(parsed("useradd -h").is_err_and(|stop| stop.status == 0));
    }

    #[test]
    fn text_cannot_end_its_line() {
        let words = ["wharf-pw", "usermod", "v", "-c", "a\nb:c:0:0::/:"].map(OsString::from);
        let Ok(Action::Usermod(options)) = parse(words) else {
            panic!("not read");
        };
        let mut line = Line::new(b"v");
        assert!(options.apply(&mut line).is_err_and(|stop| stop.status == 1));
    }
}
