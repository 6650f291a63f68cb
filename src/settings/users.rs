//! Flags for single accounts (`--userflags`): which there are, and what they put in the place of those for everybody.

use super::{Settings, warnings};
use crate::flags::{Flags, Parsed, Stop, definition, on_one_line};
use crate::units::UserFlags;
use std::ffi::OsString;

/// An account with settings of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Its name; that of anonymous sessions is `ftp`.
    pub name: Vec<u8>,
    /// All that holds for it: its own settings, and where flags are not for accounts those of the command line. It names no
    /// users itself.
    pub settings: Settings,
}

impl User {
    /// The flag and the name, for a line about them.
    pub fn told(&self) -> String {
        told(&self.name)
    }
}

/// Takes what a flag sets from the second settings into the first.
type Take = fn(&mut Settings, &Settings);

/// Every flag that one account may have, by its identifier, and what it sets. What is decided before the server knows who
/// logs in, or for all sessions at once, is not here.
const ROWS: &[(&str, Take)] = &[
    ("passive_ports", |to, own| {
        to.network.passive_range = own.network.passive_range;
        to.network.passive_range_given = own.network.passive_range_given;
    }),
    ("nat_mode", |to, own| {
        to.network.no_passive = own.network.no_passive
    }),
    ("no_active", |to, own| {
        to.network.no_active = own.network.no_active
    }),
    ("allow_user_fxp", fxp),
    ("allow_anonymous_fxp", fxp),
    ("user_root", |to, own| {
        to.login.user_root.clone_from(&own.login.user_root)
    }),
    ("anonymous_cant_upload", anonymous_upload),
    ("anonymous_upload", anonymous_upload),
    ("anti_warez", anonymous_read_own),
    ("anonymous_read_own", anonymous_read_own),
    ("world_readable_only", |to, own| {
        to.files.world_readable_only = own.files.world_readable_only
    }),
    ("anonymous_can_create_dirs", |to, own| {
        to.files.create_dirs = own.files.create_dirs
    }),
    ("auto_rename", |to, own| {
        to.files.autorename = own.files.autorename
    }),
    ("no_truncate", |to, own| {
        to.files.no_truncate = own.files.no_truncate
    }),
    ("allow_dot_files", dot_files),
    ("display_dot_files", dot_files),
    ("prohibit_dot_files_write", dot_files),
    ("prohibit_dot_files_read", dot_files),
    ("umask", umasks),
    ("anonymous_umask", umasks),
    ("read_only", |to, own| {
        to.files.read_only = own.files.read_only
    }),
    ("no_overwrite", |to, own| {
        to.files.no_overwrite = own.files.no_overwrite
    }),
    ("no_store_restart", |to, own| {
        to.files.no_store_restart = own.files.no_store_restart
    }),
    ("fsync", |to, own| to.files.fsync = own.files.fsync),
    ("no_download", |to, own| {
        to.files.no_download = own.files.no_download
    }),
    ("no_list", |to, own| to.files.no_list = own.files.no_list),
    ("deny_commands", |to, own| {
        to.files.deny_commands.clone_from(&own.files.deny_commands)
    }),
    ("allow_commands", |to, own| {
        to.files
            .allow_commands
            .clone_from(&own.files.allow_commands)
    }),
    ("deny_files", |to, own| {
        to.files.deny_files.clone_from(&own.files.deny_files)
    }),
    ("hide_files", |to, own| {
        to.files.hide_files.clone_from(&own.files.hide_files)
    }),
    ("hide_ids", |to, own| to.files.hide_ids = own.files.hide_ids),
    ("max_disk_usage", |to, own| {
        to.files.max_disk_percent = own.files.max_disk_percent
    }),
    ("keep_all_files", |to, own| {
        to.files.keep_all = own.files.keep_all
    }),
    ("no_rename", |to, own| {
        to.files.no_rename = own.files.no_rename
    }),
    ("no_chmod", |to, own| to.files.no_chmod = own.files.no_chmod),
    ("customer_proof", |to, own| {
        to.files.customer_proof = own.files.customer_proof
    }),
    ("anonymous_bandwidth", rates),
    ("user_bandwidth", rates),
    ("anonymous_ratio", ratios),
    ("user_ratio", ratios),
    ("limit_recursion", |to, own| {
        to.limits.listing = own.limits.listing
    }),
    ("max_idle_time", idle),
    ("idle_timeout", idle),
    ("accept_timeout", |to, own| {
        to.limits.accept = own.limits.accept
    }),
    ("data_timeout", |to, own| to.limits.data = own.limits.data),
    ("max_upload_size", |to, own| {
        to.limits.max_upload_size = own.limits.max_upload_size
    }),
    ("max_session_bytes", |to, own| {
        to.limits.max_session_bytes = own.limits.max_session_bytes
    }),
    ("max_session_files", |to, own| {
        to.limits.max_session_files = own.limits.max_session_files
    }),
];

/// Whether the flag of this long name may be among those for one account.
pub fn is_for_one_account(long: &str) -> bool {
    let command = definition();
    let mut flags = command.get_arguments();
    let flag = flags.find(|arg| arg.get_long() == Some(long));
    flag.is_some_and(|arg| is_row(arg.get_id().as_str()))
}

fn is_row(id: &str) -> bool {
    ROWS.iter().any(|(known, _)| *known == id)
}

fn fxp(to: &mut Settings, own: &Settings) {
    to.network.user_fxp = own.network.user_fxp;
    to.network.anonymous_fxp = own.network.anonymous_fxp;
}

fn anonymous_upload(to: &mut Settings, own: &Settings) {
    to.files.anonymous_upload = own.files.anonymous_upload;
}

fn anonymous_read_own(to: &mut Settings, own: &Settings) {
    to.files.anonymous_read_own = own.files.anonymous_read_own;
}

fn dot_files(to: &mut Settings, own: &Settings) {
    to.files.dotfiles = own.files.dotfiles;
}

fn umasks(to: &mut Settings, own: &Settings) {
    to.files.umasks = own.files.umasks;
    to.files.anonymous_umasks = own.files.anonymous_umasks;
}

fn rates(to: &mut Settings, own: &Settings) {
    to.limits.anonymous_bandwidth = own.limits.anonymous_bandwidth;
    to.limits.user_bandwidth = own.limits.user_bandwidth;
}

fn ratios(to: &mut Settings, own: &Settings) {
    to.limits.anonymous_ratio = own.limits.anonymous_ratio;
    to.limits.user_ratio = own.limits.user_ratio;
}

fn idle(to: &mut Settings, own: &Settings) {
    to.limits.idle = own.limits.idle;
}

/// The accounts with flags of their own; of several for one name, in whatever case, the last counts. Then what their author
/// should know.
pub(super) fn users(parsed: &Parsed, base: &Settings) -> Result<(Vec<User>, Vec<String>), Stop> {
    let mut users: Vec<User> = Vec::new();
    let mut said = Vec::new();
    for given in &parsed.flags.login.user_flags {
        let (user, warnings) = user(given, base)?;
        users.retain(|other| !other.name.eq_ignore_ascii_case(&user.name));
        users.push(user);
        said.extend(warnings);
    }
    Ok((users, said))
}

fn user(given: &UserFlags, base: &Settings) -> Result<(User, Vec<String>), Stop> {
    let told = told(&given.name);
    let refused = |text: String| Stop::usage(format!("{told}: {text}"));
    let words = [OsString::from("wharf-ftpd")]
        .into_iter()
        .chain(given.words.iter().cloned());
    let bare = |stop: Stop| match stop.to_stdout {
        true => refused("help and version are for the command line".to_owned()),
        false => refused(stop.text.trim_start_matches("wharf-ftpd: ").to_owned()),
    };
    let parsed = Flags::parse(words).map_err(bare)?;
    let foreign = parsed.given().find(|id| !is_row(id));
    if let Some(foreign) = foreign {
        let flag = parsed.spelled(foreign);
        return Err(refused(format!(
            "{flag} is not for single accounts, as are {}",
            names()
        )));
    }
    let (own, _) = Settings::from_flags(&parsed).map_err(bare)?;
    let is_anonymous = !base.login.no_anonymous;
    if is_anonymous && given.name.eq_ignore_ascii_case(b"anonymous") {
        return Err(refused(
            "expected ftp, the name of anonymous sessions".to_owned(),
        ));
    }
    let is_ftp = given.name.eq_ignore_ascii_case(b"ftp");
    if is_anonymous && is_ftp && own.login.user_root.is_some() {
        let flag = parsed.spelled("user_root");
        return Err(refused(format!(
            "{flag}: expected --anonymousroot outside, for anonymous sessions"
        )));
    }
    let mut settings = base.clone();
    for (_, take) in ROWS {
        take(&mut settings, &own);
    }
    let mut said = warnings(&parsed, &settings);
    if !is_ftp && (base.login.sources.is_empty() || base.login.anonymous_only) {
        said.push("has no effect, nobody but anonymous can log in".to_owned());
    }
    let said = said
        .into_iter()
        .map(|text| format!("{told}: {text}"))
        .collect();
    let name = given.name.clone();
    Ok((User { name, settings }, said))
}

fn told(name: &[u8]) -> String {
    format!(
        "--userflags {}",
        on_one_line(&String::from_utf8_lossy(name))
    )
}

/// The flags of the table, by their letters where they have one.
fn names() -> String {
    let command = definition();
    let flags = command
        .get_arguments()
        .filter(|arg| is_row(arg.get_id().as_str()));
    let names = flags.map(|arg| match (arg.get_short(), arg.get_long()) {
        (Some(letter), _) => format!("-{letter}"),
        (None, long) => format!("--{}", long.unwrap_or_default()),
    });
    names.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<(Settings, Vec<String>), Stop> {
        Settings::from_flags(&Flags::parse(["wharf-ftpd"].iter().chain(line))?)
    }

    fn refusal(flags: &str) -> String {
        let stop = read(&["-l", "unix", "--userflags", flags]).expect_err(flags);
        assert_eq!((stop.status, stop.to_stdout), (64, false));
        assert!(!stop.text.contains('\n'), "{}", stop.text);
        stop.text
    }

    fn of_joe(line: &[&str]) -> Settings {
        let settings = read(line).unwrap().0;
        settings
            .users
            .iter()
            .find(|user| user.name == b"joe")
            .unwrap()
            .settings
            .clone()
    }

    #[test]
    fn flags_of_an_account_stand_in_the_place_of_those_for_everybody() {
        let line = "-l unix --readonly --nolist -I 3 -c 7 -T 10 --denyfiles x --userflags";
        let mut line: Vec<&str> = line.split(' ').collect();
        line.push("joe:--nodownload -U 007:077 --hidefiles 'a b'");
        let joe = of_joe(&line);
        assert!(joe.files.no_download && !joe.files.no_list && !joe.files.read_only);
        assert_eq!(joe.files.umasks.to_string(), "007:077");
        assert!(joe.files.hide_files[0].matches(b"a b") && joe.files.deny_files.is_empty());
        assert_eq!(joe.limits.idle.as_secs(), 900);
        assert_eq!(joe.limits.user_bandwidth.down, None);
        assert_eq!(joe.limits.max_clients, 7);
        assert!(joe.users.is_empty());
    }

    #[test]
    fn every_row_is_a_flag_and_takes_what_it_sets() {
        let values = [
            ("passive_ports", "40000:40009"),
            ("user_root", "/srv"),
            ("umask", "1:2"),
            ("anonymous_umask", "1:2"),
            ("deny_commands", "MKD"),
            ("allow_commands", "MKD"),
            ("deny_files", "x"),
            ("hide_files", "x"),
            ("max_disk_usage", "5"),
            ("anonymous_bandwidth", "3"),
            ("user_bandwidth", "3"),
            ("anonymous_ratio", "1:2"),
            ("user_ratio", "1:2"),
            ("limit_recursion", "3:4"),
            ("max_idle_time", "4"),
            ("idle_timeout", "4"),
            ("accept_timeout", "4"),
            ("data_timeout", "4"),
            ("max_upload_size", "4"),
            ("max_session_bytes", "4"),
            ("max_session_files", "4"),
        ];
        let command = definition();
        for (id, _) in ROWS {
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_id() == id)
                .expect(id);
            let long = arg.get_long().expect(id);
            let value = values.iter().find(|(of, _)| of == id);
            let flag = match value {
                Some((_, value)) => format!("--{long}={value}"),
                None => format!("--{long}"),
            };
            let joe = of_joe(&["-l", "unix", "--userflags", &format!("joe:{flag}")]);
            let mut alone = read(&["-l", "unix", &flag]).unwrap().0;
            assert_ne!(alone, read(&["-l", "unix"]).unwrap().0, "{id}");
            assert_eq!(joe, alone, "{id}");
            // And one that everybody has is not left to an account that does not.
            let joe = of_joe(&["-l", "unix", &flag, "--userflags", "joe:"]);
            alone = read(&["-l", "unix"]).unwrap().0;
            assert_eq!(joe, alone, "{id}");
        }
    }

    #[test]
    fn what_is_not_for_one_account_is_refused_with_what_is() {
        let text = refusal("joe:--nolist -c 5");
        assert!(
            text.starts_with("wharf-ftpd: --userflags joe: -c is not for single accounts, as are ")
        );
        assert!(
            text.contains(" --nodownload ") && text.contains(" -U "),
            "{text}"
        );
        for flags in [
            "joe:-A",
            "joe:-E",
            "joe:-l pam",
            "joe:--userflags x:",
            "joe:-n 1:1",
            "joe:-B",
        ] {
            assert!(
                refusal(flags).contains(" is not for single accounts"),
                "{flags}"
            );
        }
        assert_eq!(
            refusal("joe:-U 999:0"),
            format!(
                "wharf-ftpd: --userflags joe: {}",
                refusal_outside("-U", "999:0")
            )
        );
        for flags in [
            "joe:--help",
            "joe:-h",
            "joe:--version",
            "joe:--nosuch",
            "joe:stray",
        ] {
            assert!(
                refusal(flags).starts_with("wharf-ftpd: --userflags joe: "),
                "{flags}"
            );
        }
        assert!(refusal("joe").contains("--userflags joe: expected NAME:FLAGS"));
        assert!(refusal("joe:-N --noactive").contains("--userflags joe: -N and --noactive"));
        assert!(refusal("a\nb:-A").contains("--userflags a\\nb: -A"));
    }

    fn refusal_outside(flag: &str, value: &str) -> String {
        let stop = read(&[flag, value]).expect_err(flag);
        stop.text.trim_start_matches("wharf-ftpd: ").to_owned()
    }

    #[test]
    fn anonymous_sessions_have_one_name_and_no_root_here() {
        assert!(
            refusal("anonymous:--nolist").ends_with("expected ftp, the name of anonymous sessions")
        );
        assert!(refusal("ftp:--userroot /srv").contains("expected --anonymousroot outside"));
        for flags in ["anonymous:--nolist", "ftp:--userroot /srv"] {
            assert!(read(&["-l", "unix", "-E", "--userflags", flags]).is_ok());
        }
    }

    #[test]
    fn of_several_for_one_name_the_last_counts() {
        let line = [
            "-l",
            "unix",
            "--userflags",
            "Joe:--nolist",
            "--userflags",
            "joe:--fsync",
        ];
        let settings = read(&line).unwrap().0;
        assert_eq!(settings.users.len(), 1);
        assert!(
            settings.users[0].settings.files.fsync && !settings.users[0].settings.files.no_list
        );
    }

    #[test]
    fn warnings_name_the_account_and_only_what_was_given_for_it() {
        let warned = |line: &[&str]| read(line).unwrap().1;
        assert_eq!(
            warned(&["-l", "unix", "--userflags", "joe:-I 0"]),
            ["--userflags joe: -I: 0 stands for the default, 15 minutes"]
        );
        assert_eq!(
            warned(&["--userflags", "joe:--nolist", "--userflags", "ftp:--nolist"]),
            ["--userflags joe: has no effect, nobody but anonymous can log in"]
        );
        assert_eq!(warned(&["-E", "--userflags", "ftp:-i"]).len(), 1);
    }
}
