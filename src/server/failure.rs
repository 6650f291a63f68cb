//! What keeps the server from starting: one line that names the cure, and an exit status of sysexits.h.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

use super::holder;
use super::pid_file::NoPidFile;
use crate::net::{ClientsError, PairError};
use crate::sys::words;
use crate::units::sysexits::{CONFIGURATION, PERMISSION, SYSTEM, UNAVAILABLE, USAGE};

/// The home that is proposed for the account of anonymous clients.
const ANONYMOUS_HOME: &str = "/srv/ftp";

/// The command that makes a directory which root owns and everybody may read.
fn make_directory(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = shlex::try_quote(&path).unwrap_or_default();
    format!("install -d -o root -g root -m 755 {path}")
}

/// What whoever is not root can do to listen on a port below 1024.
fn ways_to_a_low_port() -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "wharf-ftpd".into());
    let program = program.to_string_lossy();
    let program = shlex::try_quote(&program).unwrap_or_default();
    format!(
        "ports below 1024 need root; three ways out: let a socket unit pass the socket, as wharf-ftpd.socket does; \
         grant CAP_NET_BIND_SERVICE with: setcap cap_net_bind_service=+ep {program}; or choose another port: -S 2121"
    )
}

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
            ErrorKind::AddrInUse => {
                let holder = holder::of(address).map(|holder| holder.to_string());
                let holder = holder.as_deref().unwrap_or("another program");
                let cure = "stop it or choose another port with -S";
                (UNAVAILABLE, format!("{holder} listens there: {cure}"))
            }
            ErrorKind::PermissionDenied => (PERMISSION, ways_to_a_low_port()),
            ErrorKind::AddrNotAvailable => (
                UNAVAILABLE,
                "this machine has no such address: give one of its own to -S".to_owned(),
            ),
            _ => (SYSTEM, "see -S".to_owned()),
        };
        Failure::new(
            status,
            format!("cannot listen on {address}: {cause} ({cure})"),
        )
    }

    /// No server answered there (`--health`).
    pub(super) fn health(address: SocketAddr, why: &str) -> Failure {
        Failure::new(UNAVAILABLE, format!("--health: {address}: {why}"))
    }

    /// A name of `-S` or `-P` could not be looked up.
    pub(super) fn lookup(flag: &str, name: &str, why: &str) -> Failure {
        Failure::new(CONFIGURATION, format!("{flag} {name}: {why}"))
    }

    /// There is no account to serve anonymous clients with.
    pub(super) fn no_account(name: &str, why: &str) -> Failure {
        let cure = "name another with --anonymoususer";
        Failure::new(
            CONFIGURATION,
            format!("anonymous user {name}: {why} ({cure})"),
        )
    }

    /// The same, since it does not exist. Its home is root's, so that nobody can replace what lies at the top.
    pub(super) fn missing_account(name: &str) -> Failure {
        let quoted = shlex::try_quote(name).unwrap_or_default();
        let why = format!(
            "there is no such account (make it: useradd --system --home-dir {ANONYMOUS_HOME} --no-create-home \
             --shell /usr/sbin/nologin {quoted} && {}; or name another with --anonymoususer)",
            make_directory(Path::new(ANONYMOUS_HOME))
        );
        Failure::new(CONFIGURATION, format!("anonymous user {name}: {why}"))
    }

    /// The directory served to anonymous clients cannot be opened.
    pub(super) fn anonymous_root(path: &Path, error: &io::Error) -> Failure {
        let mut failure = Failure::open("anonymous root", path, error);
        if error.kind() == ErrorKind::NotFound {
            let cure = format!(" (make it: {})", make_directory(path));
            failure.text.push_str(&cure);
        }
        failure
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

    /// The kernel grants less than `--sandbox strict` asks for.
    pub(super) fn sandbox(missing: &str) -> Failure {
        Failure::new(
            SYSTEM,
            format!(
                "--sandbox strict: the kernel lacks {missing} (--sandbox on does with what it has)"
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

    /// More would be shared than somebody may have thought of.
    pub(super) fn shares_too_much(path: &Path, what: &str) -> Failure {
        Failure::new(
            USAGE,
            format!(
                "--serve {}: this is {what}: name a directory in it, or add --yes",
                path.display()
            ),
        )
    }

    /// A folder is shared from the shell only.
    pub(super) fn share_was_given_sockets() -> Failure {
        Failure::new(
            USAGE,
            "--serve: for the shell, not for inetd or a socket unit: give flags such as --anonymousroot there".into(),
        )
    }

    /// Started without root and without a flag: nothing says what is wanted.
    pub(super) fn bare() -> Failure {
        Failure::new(
            PERMISSION,
            "port 21 and the users of this machine need root. Without root:\n  \
             wharf-ftpd --serve .                               shares this directory, read-only\n  \
             wharf-ftpd -S 2121 --anonymousroot DIR             serves DIR to anonymous on port 2121\n  \
             sudo setcap cap_net_bind_service=+ep WHARF-FTPD    lets it use port 21; a socket unit does so too"
                .into(),
        )
    }

    /// A certificate or its key is of no use.
    pub(super) fn certificate(path: &Path, why: &PairError) -> Failure {
        Failure::new(CONFIGURATION, format!("-2 {}: {why}", path.display()))
    }

    /// Whose certificates are asked for is not to be read there.
    pub(super) fn clients(flag: &str, path: &Path, why: &ClientsError) -> Failure {
        Failure::new(CONFIGURATION, format!("{flag} {}: {why}", path.display()))
    }

    /// `-J -C:` and no authority.
    pub(super) fn no_authority(why: &ClientsError) -> Failure {
        let cure = "name who vouches for clients with --tlsclientca";
        let what = match why {
            ClientsError::NoCertificate => "no certificate of -2 is signed by itself".to_owned(),
            why => why.to_string(),
        };
        Failure::new(CONFIGURATION, format!("-J -C: {what} ({cure})"))
    }

    /// `--tlsclientlogin` and nobody who could come in by it.
    pub(super) fn nobody_by_certificate() -> Failure {
        Failure::new(
            CONFIGURATION,
            "--tlsclientlogin: no source of -l tells an account without its password (unix, pam, puredb and passwd do)"
                .to_owned(),
        )
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
