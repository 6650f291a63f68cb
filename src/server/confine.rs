//! `--sandbox`: what the kernel is to hold the serving process to, besides the rights it has given up.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};

use super::Failure;
use crate::logs::{self, Severity};
use crate::session::shared::Shared;
use crate::sys::landlock::{self, Bounds, Trees};
use crate::sys::sandbox::{self, Identities, Outcome};
use crate::sys::words;
use crate::units::Sandbox;

/// What has to be looked at while the process still sees the machine.
pub(super) struct Outside {
    machine: Option<OwnedFd>,
}

impl Outside {
    /// To be called before a chroot. What it holds leads out of one, and is gone before a client is served.
    pub(super) fn new() -> Outside {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Outside {
            machine: rustix::fs::open("/", flags, Mode::empty()).ok(),
        }
    }
}

/// Puts the sandbox in force as far as flags and kernel want it. To be called with the rights given up and one thread.
/// `removes_in` is the directory of a file that the server removes at its end.
///
/// # Errors
/// The kernel lacks some of it, and the flags do not go without.
pub(super) fn confine(
    shared: &Shared,
    outside: Outside,
    removes_in: Option<BorrowedFd<'_>>,
    identities: &Identities,
) -> Result<(), Failure> {
    let sandbox = shared.base.settings.process.sandbox;
    if sandbox == Sandbox::Off {
        return Ok(());
    }
    let mut missing = bound(shared, &outside, removes_in);
    drop(outside);
    let owner = shared.upload_owner.map(|owner| owner.uid);
    if let Outcome::Unavailable(why) = sandbox::install(identities, owner) {
        if owner.is_some() {
            return Err(Failure::upload_owner_needs_filter(&why));
        }
        missing.push(format!("the system call filter ({why})"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    if sandbox == Sandbox::Strict {
        return Err(Failure::sandbox(&missing));
    }
    logs::server(
        Severity::Warning,
        format_args!(
            "--sandbox: the kernel lacks {missing}; the server runs without (off is silent, strict does not start)"
        ),
    );
    Ok(())
}

/// Enters Landlock; names what of it is missing.
fn bound(shared: &Shared, outside: &Outside, removes_in: Option<BorrowedFd<'_>>) -> Vec<String> {
    let terms = || shared.own.values().chain([&shared.base]);
    let trees = if shared.base.settings.login.sources.is_empty() {
        let sites = shared.site.iter().chain(shared.virtual_sites.values());
        Trees::Only {
            roots: sites.map(|site| site.tree.root()).collect(),
            written: terms().any(|terms| {
                let files = &terms.settings.files;
                let makes_directories = files.create_dirs && !files.read_only;
                // What a server that was killed left behind is removed.
                terms.anonymous_upload || makes_directories || files.no_truncate
            }),
        }
    } else {
        match &outside.machine {
            Some(machine) => Trees::Any {
                machine: machine.as_fd(),
            },
            None => return vec!["Landlock (the root of the machine cannot be opened)".into()],
        }
    };
    let entered = landlock::enter(&Bounds {
        trees,
        removes_in,
        connects: terms().any(|terms| !terms.settings.network.no_active),
    });
    match entered {
        Ok(missing) if missing.is_empty() => Vec::new(),
        Ok(missing) => vec![format!("in its Landlock {}", missing.join(" and "))],
        Err(error) => vec![format!("Landlock ({})", words(&error))],
    }
}
