//! What `--serve` stands for: the settings of a folder shared from the shell, where no other flag says otherwise.

use super::{Jail, Permission, Settings};
use crate::flags::{Parsed, Stop};
use crate::units::{Glob, HostPort, PortName, PortRange, WriteMode};
use std::path::PathBuf;
use std::time::Duration;

/// The user of `--write`, and the source of accounts that knows no other.
pub const SHARE_USER: &str = "share";

/// The ports tried one after the other.
pub const SHARE_PORTS: std::ops::RangeInclusive<u16> = 2121..=2130;

/// The ports of data connections.
const PASSIVE: PortRange = PortRange {
    first: 50000,
    last: 50019,
};

/// How many may be there at once: each transfer needs a port.
const CLIENTS: u32 = 20;

/// A path at which nobody can put anything.
const NOTHING: &str = "/proc/nonexistent";

/// What tells of names without listing them, refused where names are nobody's business.
const TELLING: [&str; 4] = ["MLST", "SIZE", "MDTM", "MFMT"];

/// A folder shared from the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// The directory (--serve).
    pub directory: PathBuf,
    /// What may be changed in it (--write).
    pub write: Option<WriteMode>,
    /// When the server ends by itself (--for).
    pub stop_after: Option<Duration>,
    /// The server ends with the first whole transfer (--once).
    pub once: bool,
    /// The first address is drawn (--qr).
    pub qr: bool,
    /// The root and a home may be shared (--yes).
    pub yes: bool,
    /// Whether the ports of [`SHARE_PORTS`] are tried, since no flag names a place to listen.
    pub finds_port: bool,
}

/// Flags that say who may log in and what is served, which is what `--serve` says, or that leave the terminal.
const EXCLUDED: [&str; 8] = [
    "login",
    "anonymous_only",
    "no_anonymous",
    "anonymous_root",
    "anonymous_user",
    "map_users",
    "user_flags",
    "daemonize",
];

/// Flags that are for `--serve`.
const BESIDE: [&str; 5] = ["write", "stop_after", "once", "qr", "yes"];

/// What no flag but `--serve` says, put into `settings`.
///
/// # Errors
/// Flags that make no sense beside `--serve`, or without it.
pub(super) fn apply(parsed: &Parsed, settings: &mut Settings) -> Result<(), Stop> {
    let flags = &parsed.flags.sharing;
    let is_given = |field: &str| parsed.given().any(|given| given == field);
    let Some(directory) = &flags.serve else {
        return match BESIDE.into_iter().find(|field| is_given(field)) {
            None => Ok(()),
            Some(field) => Err(Stop::usage(format!(
                "{}: expected --serve beside it",
                parsed.spelled(field)
            ))),
        };
    };
    if let Some(field) = EXCLUDED.into_iter().find(|field| is_given(field)) {
        return Err(Stop::usage(format!(
            "--serve and {}: expected one of them at most",
            parsed.spelled(field)
        )));
    }
    let write = flags.write;
    settings.sharing = Some(Sharing {
        directory: directory.clone(),
        write,
        stop_after: flags.stop_after.map(|time| time.duration()),
        once: flags.once,
        qr: flags.qr,
        yes: flags.yes,
        finds_port: !is_given("bind") && !is_given("listen"),
    });
    if !is_given("passive_ports") {
        settings.network.passive_range = PASSIVE;
    }
    if !is_given("max_clients") {
        settings.limits.max_clients = CLIENTS;
    }
    // Nobody waits for names at a share of half an hour.
    settings.network.resolve_names = false;
    who(settings, write);
    what(settings, write);
    Ok(())
}

fn who(settings: &mut Settings, write: Option<WriteMode>) {
    let sharing = settings.sharing.as_ref();
    let directory = sharing.map(|sharing| sharing.directory.clone());
    let login = &mut settings.login;
    // What a machine's own FTP server shows is not part of it.
    login.virtual_hosts = PathBuf::from(NOTHING);
    login.aliases = PathBuf::from(NOTHING);
    match write {
        Some(WriteMode::All) => {
            login.no_anonymous = true;
            login.sources = vec![SHARE_USER.to_owned()];
            login.jail = Jail::Everyone;
        }
        Some(WriteMode::Drop) | None => {
            login.anonymous_only = true;
            login.anonymous_root = directory;
        }
    }
}

fn what(settings: &mut Settings, write: Option<WriteMode>) {
    let files = &mut settings.files;
    files.anonymous_read_own = Permission::Allowed;
    if !files.dotfiles.allow_read {
        files.dotfiles.prohibit_read = true;
        files.dotfiles.prohibit_write = true;
        files.hide_files.extend(Glob::new(b".?*").ok());
    }
    match write {
        None => files.read_only = true,
        Some(WriteMode::All) => files.no_truncate = true,
        Some(WriteMode::Drop) => {
            files.anonymous_upload = Permission::Allowed;
            files.no_truncate = true;
            files.autorename = true;
            files.no_download = true;
            files.no_list = true;
            files.deny_commands.extend(TELLING.map(str::to_owned));
        }
    }
}

/// A place to listen on one of [`SHARE_PORTS`].
pub fn share_place(port: u16) -> HostPort {
    HostPort {
        host: None,
        port: Some(PortName::Number(port)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal, settings};
    use super::*;

    #[test]
    fn a_share_is_read_only_and_hides_dot_files() {
        let read = settings("--serve /srv/x");
        let sharing = read.sharing.clone().expect("a share");
        assert_eq!(sharing.directory, PathBuf::from("/srv/x"));
        assert!(sharing.finds_port && !sharing.once && sharing.write.is_none());
        assert_eq!(read.login.anonymous_root, Some(PathBuf::from("/srv/x")));
        assert!(read.login.anonymous_only && read.files.read_only);
        assert!(read.files.dotfiles.prohibit_read);
        assert!(read.files.hide_files[0].matches(b".x") && !read.files.hide_files[0].matches(b"x"));
        assert_eq!(read.network.passive_range, PASSIVE);
        assert_eq!(
            settings("--serve").sharing.map(|s| s.directory),
            Some(".".into())
        );
    }

    #[test]
    fn other_flags_go_before_what_a_share_says() {
        let read = settings("--serve -S 2100 -p 40000:40001 -c 3 -z");
        assert!(!read.sharing.expect("a share").finds_port);
        assert_eq!(
            (read.network.passive_range.first, read.limits.max_clients),
            (40000, 3)
        );
        assert!(!read.files.dotfiles.prohibit_read && read.files.hide_files.is_empty());
    }

    #[test]
    fn writing_is_for_one_user_or_for_leaving_files_only() {
        let read = settings("--serve --write");
        assert!(read.login.no_anonymous && !read.files.read_only);
        assert_eq!(read.login.sources, [SHARE_USER]);
        let read = settings("--serve --write=drop");
        assert!(read.login.anonymous_only && !read.files.read_only);
        assert!(read.files.no_list && read.files.no_download && read.files.autorename);
        assert_eq!(read.files.anonymous_upload, Permission::Allowed);
        assert!(refusal("--serve --write=x").contains("--write x: expected drop, or no value"));
    }

    #[test]
    fn what_says_the_same_or_needs_a_share_is_refused() {
        assert_eq!(
            refusal("--serve -l unix"),
            "wharf-ftpd: --serve and -l: expected one of them at most"
        );
        for flag in ["-e", "-E", "-B", "--anonymousroot /x", "--userflags joe:-K"] {
            assert!(
                refusal(&format!("--serve {flag}")).contains("--serve and "),
                "{flag}"
            );
        }
        for flag in ["--write", "--for 3m", "--once", "--qr", "--yes"] {
            let name = flag.split(' ').next().unwrap_or_default();
            assert_eq!(
                refusal(flag),
                format!("wharf-ftpd: {name}: expected --serve beside it")
            );
        }
    }
}
