//! Where accounts come from (`-l`): each source is a file here and a row.
//!
//! A source runs in a check worker, with root's rights and nothing else to do: it may sleep. It says who a user is and
//! whether the password fits; whether that user may come in, and where, is decided after it, in one place for all.

mod extauth;
mod fit;
#[cfg(feature = "pam")]
mod pam;
mod passwd;
mod puredb;
mod share;
mod unix;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::message::{Check, Limits};

pub use share::Share;

/// The longest any source takes for a check; a worker that takes longer hangs.
pub const LONGEST_CHECK: Duration = Duration::from_secs(30);

/// What a source knows of a user whose password fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// User number.
    pub uid: u32,
    /// Main group.
    pub gid: u32,
    /// The system user whose groups the account has besides; none for accounts that are not of this machine.
    pub system_name: Option<Vec<u8>>,
    /// The home directory as the source has it, with `/./` where it parts root and start.
    pub home: Vec<u8>,
    /// Limits of the account.
    pub limits: Limits,
}

/// What a source says of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This is the user, and may come in as far as this source knows.
    Accepted(Box<Found>),
    /// No such user here: the next source is asked. As much work was done as for a user that exists (threats: C3).
    Unknown,
    /// This user, but not so: no further source is asked.
    Refused,
    /// The source could not be asked, for this reason (for the log; no secret in it).
    Broken(String),
}

/// Says that this process is about to wait for others, so that another should take its next questions.
pub type FallingAsleep = Arc<dyn Fn() + Send + Sync>;

/// A source, opened.
pub trait Source: Send {
    /// Makes ready for the next check what should not be made while a password is in memory; to be called before a worker
    /// waits for its next question. A check without it works as well.
    fn ready(&mut self) {}

    /// Reads anew what has changed since the last look, as a check does.
    fn look(&mut self) {}

    /// The processor's time that checking a password takes, measured by doing it; none where that is not this process's.
    fn cost(&mut self) -> Option<Duration> {
        None
    }

    /// Gives a source that may wait for others during a check what to call then; once, in the process that checks.
    fn call_before_sleep(&mut self, _falling_asleep: &FallingAsleep) {}

    /// Checks a login. It may sleep, within [`LONGEST_CHECK`]. A source that knows users by their passwords alone knows nobody
    /// who shows a certificate.
    fn check(&mut self, question: &Check) -> Verdict;

    /// What the log should know besides the verdicts, such as a new file that is broken while the last good one stays in
    /// force; to be asked for after each check. Each cause is said once. No secret is in it.
    fn complaint(&mut self) -> Option<String> {
        None
    }

    /// The session that the last check opened, when it was [`Verdict::Accepted`] and the source has sessions.
    fn session(&mut self) -> Option<Box<dyn Opened>> {
        None
    }
}

/// A session of a login that a source opened (that of PAM). Dropping it closes it: the login did not come about.
pub trait Opened: Send {
    /// Keeps it open until the other end of `until_closed`, a socket or a pipe, is closed or anything is written to it.
    /// A process of its own waits for that, so this returns at once.
    ///
    /// # Errors
    /// When that process is gone; the session is closed then.
    fn hold(self: Box<Self>, until_closed: OwnedFd) -> io::Result<()>;
}

/// A kind of source.
pub struct Row {
    /// Its name in `-l NAME[:ARGUMENT]`.
    pub name: &'static str,
    /// What the argument is, as help shows it; none where there is none.
    pub argument: Option<&'static str>,
    /// A sentence for help and manual.
    pub help: &'static str,
    /// Whether it knows the accounts of users who show a certificate instead of a password.
    pub takes_certificates: bool,
    /// Opens it; the error is one short line that names what is wrong with the argument.
    pub open: Open,
}

/// How a kind of source is opened.
pub type Open = fn(argument: &str, options: &Options) -> Result<Box<dyn Source>, String>;

/// What other flags than `-l` say to sources.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The service PAM is asked by; none for the usual one (`--pamservice`).
    pub pam_service: Option<String>,
    /// PAM is asked whether a user may come in, and opens no session (`--nopamsession`).
    pub no_pam_session: bool,
    /// Users of the machine may have any shell (`--anyshell`).
    pub any_shell: bool,
}

/// All kinds, in the order help lists them.
pub const ROWS: &[Row] = &[
    Row {
        name: "unix",
        argument: None,
        help: "The users of this machine, by their passwords in passwd and shadow.",
        takes_certificates: true,
        open: unix::open,
    },
    #[cfg(feature = "pam")]
    Row {
        name: "pam",
        argument: None,
        help: "The users of this machine, as the PAM service wharf-ftpd lets them in.",
        takes_certificates: true,
        open: pam::open,
    },
    Row {
        name: "puredb",
        argument: Some("FILE"),
        help: "Virtual users of a database made by wharf-pw or pure-pw.",
        takes_certificates: true,
        open: puredb::open,
    },
    Row {
        name: "extauth",
        argument: Some("SOCKET"),
        help: "What a program answers behind the Unix socket of wharf-authd or pure-authd.",
        takes_certificates: false,
        open: extauth::open,
    },
    Row {
        name: "passwd",
        argument: Some("FILE"),
        help: "Virtual users of a text file in the form of passwd, such as an AuthUserFile of ProFTPD.",
        takes_certificates: true,
        open: passwd::open,
    },
];

/// The one user and group of all accounts, where these sources are databases of virtual users that agree on one. As they
/// stand now: an account that comes later with another is for the keeper to refuse.
pub fn only_identity(specs: &[String]) -> Option<(u32, u32)> {
    let mut only = None;
    for spec in specs {
        let (row, path) = parse(spec).ok()?;
        if row.name != "puredb" {
            return None;
        }
        for identity in puredb::identities(path)? {
            if *only.get_or_insert(identity) != identity {
                return None;
            }
        }
    }
    only
}

/// Whether an account of these sources may have root's group: one of the machine may, the other kinds refuse such records.
pub fn may_have_group_0(specs: &[String]) -> bool {
    specs
        .iter()
        .any(|spec| parse(spec).is_ok_and(|(row, _)| matches!(row.name, "unix" | "pam")))
}

/// Which kind `-l` asks for, and its argument (empty where there is none). Names are read as Pure-FTPd reads them, in
/// any case.
///
/// # Errors
/// One line with the accepted forms.
pub fn parse(spec: &str) -> Result<(&'static Row, &str), String> {
    let (name, argument) = spec.split_once(':').unwrap_or((spec, ""));
    let row = ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name));
    let Some(row) = row else {
        return Err(format!("expected {}", forms()));
    };
    match row.argument {
        Some(what) if argument.is_empty() => Err(format!("expected {}:{what}", row.name)),
        None if !argument.is_empty() => Err(format!("expected {} without an argument", row.name)),
        _ => Ok((row, argument)),
    }
}

/// Whether any of these can tell the account of a user who shows a certificate.
pub fn take_certificates(specs: &[String]) -> bool {
    specs
        .iter()
        .any(|spec| parse(spec).is_ok_and(|(row, _)| row.takes_certificates))
}

/// Opens the source that `-l` asks for.
///
/// # Errors
/// One line: what [`parse`] says, or what is wrong with the argument.
pub fn open(spec: &str, options: &Options) -> Result<Box<dyn Source>, String> {
    let (row, argument) = parse(spec)?;
    (row.open)(argument, options)
}

/// The accepted forms, for an error or help.
fn forms() -> String {
    let forms: Vec<String> = ROWS.iter().map(form).collect();
    let (last, others) = forms
        .split_last()
        .map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
    format!("{} or {last}", others.join(", "))
}

fn form(row: &Row) -> String {
    match row.argument {
        Some(what) => format!("{}:{what}", row.name),
        None => row.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Proof, Secret};
    use super::*;

    /// A question of a client on this machine.
    pub(super) fn question(user: &[u8], password: &[u8]) -> Check {
        Check {
            user: user.to_vec(),
            proof: Proof::Password(Secret::new(password.to_vec())),
            peer: "127.0.0.1".parse().unwrap(),
            local: "127.0.0.1:2121".parse().unwrap(),
            encrypted: false,
            sni: Vec::new(),
        }
    }

    /// Likewise, with a certificate.
    pub(super) fn certified(user: &[u8]) -> Check {
        Check {
            proof: Proof::Certificate,
            ..question(user, b"")
        }
    }

    #[test]
    fn sources_are_named_as_in_pure_ftpd_and_in_any_case() {
        let parsed = |spec: &'static str| parse(spec).map(|(row, argument)| (row.name, argument));
        assert_eq!(parsed("unix"), Ok(("unix", "")));
        assert_eq!(parsed("UNIX:"), Ok(("unix", "")));
        assert_eq!(parsed("PureDB:/etc/a:b"), Ok(("puredb", "/etc/a:b")));
        assert_eq!(
            parsed("extauth:/run/ftpd.sock"),
            Ok(("extauth", "/run/ftpd.sock"))
        );
        assert_eq!(parsed("passwd:f"), Ok(("passwd", "f")));
        assert_eq!(cfg!(feature = "pam"), parsed("pam").is_ok());
    }

    #[test]
    fn of_some_sources_a_certificate_is_enough() {
        let take = |specs: &[&str]| {
            let specs: Vec<String> = specs.iter().map(|spec| (*spec).to_owned()).collect();
            take_certificates(&specs)
        };
        assert!(take(&["extauth:s", "puredb:f"]) && take(&["unix"]) && take(&["passwd:f"]));
        assert!(!take(&["extauth:s"]) && !take(&[]));
    }

    #[test]
    fn an_unknown_source_lists_those_there_are_and_an_argument_is_asked_for_or_refused() {
        let pam = if cfg!(feature = "pam") { "pam, " } else { "" };
        let all = format!("expected unix, {pam}puredb:FILE, extauth:SOCKET or passwd:FILE");
        for unknown in ["", "uni", "unixx", "mysql:f", ":f", "/etc/pureftpd.pdb"] {
            assert_eq!(parse(unknown).map(|_| ()), Err(all.clone()), "{unknown}");
        }
        assert_eq!(
            parse("puredb").map(|_| ()),
            Err("expected puredb:FILE".to_owned())
        );
        assert_eq!(
            parse("extauth:").map(|_| ()),
            Err("expected extauth:SOCKET".to_owned())
        );
        assert_eq!(
            parse("unix:x").map(|_| ()),
            Err("expected unix without an argument".to_owned())
        );
    }
}
