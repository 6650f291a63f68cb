//! What keeps the server from starting: one line that names the cure, and an exit status of sysexits.h.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

use super::pid_file::NoPidFile;
use crate::net::PairError;
use crate::sys::words;
use crate::units::sysexits::{CONFIGURATION, PERMISSION, SYSTEM, UNAVAILABLE};

/// A reason not to start.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    text: String,
}

impl Failure {
    fn new(status: u8, text: String) -> Failure {
        Failure { status, text }
    }

    /// 64, with the text of the flags' own error.
    pub(super) fn usage(status: u8, text: String) -> Failure {
        let text = text
            .strip_prefix("wharf-ftpd: ")
            .unwrap_or(&text)
            .to_owned();
        Failure { status, text }
    }

    /// A socket could not be bound.
    pub(super) fn listen(address: SocketAddr, error: &io::Error) -> Failure {
        let cause = words(error);
        let (status, cure) = match error.kind() {
            ErrorKind::AddrInUse => (
                UNAVAILABLE,
                "another program listens there: stop it or choose another port with -S",
            ),
            ErrorKind::PermissionDenied => (
                PERMISSION,
                "ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another with -S, as -S 2121",
            ),
            ErrorKind::AddrNotAvailable => (
                UNAVAILABLE,
                "this machine has no such address: give one of its own to -S",
            ),
            _ => (SYSTEM, "see -S"),
        };
        Failure::new(
            status,
            format!("cannot listen on {address}: {cause} ({cure})"),
        )
    }

    /// A name of `-S` or `-P` could not be looked up.
    pub(super) fn lookup(flag: &str, name: &str, why: &str) -> Failure {
        Failure::new(CONFIGURATION, format!("{flag} {name}: {why}"))
    }

    /// There is no account to serve anonymous clients with.
    pub(super) fn no_account(name: &str, why: &str) -> Failure {
        let cure = "make the account, or name another with --anonymoususer";
        Failure::new(
            CONFIGURATION,
            format!("anonymous user {name}: {why} ({cure})"),
        )
    }

    /// A source of accounts cannot be used.
    pub(super) fn source(source: &str, why: &str) -> Failure {
        Failure::new(CONFIGURATION, format!("-l {source}: {why}"))
    }

    /// Users cannot act as this account.
    pub(super) fn mapped(name: &str, why: &str) -> Failure {
        Failure::new(CONFIGURATION, format!("--mapusers {name}: {why}"))
    }

    /// Users can act as no other account, since the server is not root's.
    pub(super) fn mapping_needs_root() -> Failure {
        Failure::new(
            PERMISSION,
            "--mapusers: only a server started by root can act as another user".into(),
        )
    }

    /// A list of names that the keeper reads; the text begins with its flag.
    pub(super) fn list(why: String) -> Failure {
        Failure::new(CONFIGURATION, why)
    }

    /// A port for active data connections that only root may use.
    pub(super) fn active_port() -> Failure {
        Failure::new(
            PERMISSION,
            "--activeport: ports below 1024 need a server started by root".into(),
        )
    }

    /// The process that checks logins died.
    pub(super) fn keeper() -> Failure {
        Failure::new(
            SYSTEM,
            "the keeper process died: start the server again".into(),
        )
    }

    /// Uploads cannot be given away.
    pub(super) fn upload_owner(why: &str) -> Failure {
        Failure::new(CONFIGURATION, format!("--chownuploads {why}"))
    }

    /// The same, since the server is not root's.
    pub(super) fn upload_owner_needs_root() -> Failure {
        Failure::new(
            PERMISSION,
            "--chownuploads: only a server started by root can give files to another user".into(),
        )
    }

    /// The right to change owners would be without bounds.
    pub(super) fn upload_owner_needs_filter(why: &str) -> Failure {
        Failure::new(
            SYSTEM,
            format!(
                "--chownuploads: the kernel allows no system call filter to narrow it down ({why})"
            ),
        )
    }

    /// Anonymous may write the top of what it is kept in, and `--refusewritableroot` is given.
    pub(super) fn writable_root(path: &Path) -> Failure {
        let path = path.display();
        Failure::new(
            CONFIGURATION,
            format!(
                "--refusewritableroot: anonymous may write {path} itself (chown root {path} && chmod go-w {path})"
            ),
        )
    }

    /// Not root, and no directory was named.
    pub(super) fn no_root() -> Failure {
        Failure::new(
            CONFIGURATION,
            "which directory is to be served? Started without root, give it with --anonymousroot DIR".into(),
        )
    }

    /// A certificate or its key is of no use.
    pub(super) fn certificate(path: &Path, why: &PairError) -> Failure {
        Failure::new(CONFIGURATION, format!("-2 {}: {why}", path.display()))
    }

    /// TLS without what it needs.
    pub(super) fn tls(error: &io::Error) -> Failure {
        Failure::new(CONFIGURATION, format!("-Y: {}", words(error)))
    }

    /// A directory or file of a flag cannot be opened.
    pub(super) fn open(flag: &str, path: &Path, error: &io::Error) -> Failure {
        let status = match error.kind() {
            ErrorKind::PermissionDenied => PERMISSION,
            _ => CONFIGURATION,
        };
        Failure::new(
            status,
            format!("{flag} {}: {}", path.display(), words(error)),
        )
    }

    /// The pipe of `-o` cannot be used.
    pub(super) fn upload_pipe(path: &Path, error: &io::Error) -> Failure {
        let status = match error.kind() {
            ErrorKind::PermissionDenied => PERMISSION,
            _ => CONFIGURATION,
        };
        let (path, cause) = (path.display(), words(error));
        Failure::new(
            status,
            format!("-o: upload pipe {path}: {cause} (name another with --uploadpipe)"),
        )
    }

    /// Rights could not be given up.
    pub(super) fn rights(error: &io::Error) -> Failure {
        Failure::new(
            SYSTEM,
            format!("cannot give up root's rights: {}", words(error)),
        )
    }

    /// The loop, its signals or its random numbers could not be had.
    pub(super) fn loop_(error: io::Error) -> Failure {
        Failure::new(SYSTEM, format!("cannot run: {}", words(&error)))
    }

    /// A service manager passed something that is no socket of ours.
    pub(super) fn passed(why: &str) -> Failure {
        Failure::new(
            CONFIGURATION,
            format!("sockets passed by LISTEN_FDS: {why}"),
        )
    }

    /// The background could not be reached.
    pub(super) fn background(error: &io::Error) -> Failure {
        Failure::new(SYSTEM, format!("-B: {}", words(error)))
    }

    /// The file for the process number cannot be written.
    pub(super) fn pid_file(path: &Path, why: &NoPidFile) -> Failure {
        match why {
            NoPidFile::Io(error) => Failure::open("-g", path, error),
            NoPidFile::Taken(number) => {
                let path = path.display();
                let number = number.map(|number| format!(", process {number}"));
                let number = number.unwrap_or_default();
                let cure = "stop it, or name another file with -g";
                Failure::new(
                    UNAVAILABLE,
                    format!("-g {path}: another server has this file{number} ({cure})"),
                )
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "wharf-ftpd: {}", self.text)
    }
}
