//! As whom the files are touched: the identity of one thread, switched from call to call.
//!
//! The calls are the raw ones of Linux, which change the calling thread alone (setfsuid(2), setfsgid(2),
//! setgroups(2)); the C library's wrappers would change all threads. Only the identity for the file system is switched: the
//! user number that signals and the like look at stays that of the server. A process that wants to switch keeps
//! CAP_SETUID and CAP_SETGID and says so once with [`begin`]; without that, [`assume`] does nothing, since there is one
//! identity for all.
//!
//! The identity is remembered: a call under the identity in force costs nothing. [`reset`] goes back to nobody; the loop
//! calls it before another task's turn, a helper thread after each job. So a forgotten switch fails closed.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, OnceLock};

/// A user as the kernel sees one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User number.
    pub uid: u32,
    /// Number of the main group; new files belong to it.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// Who the server is while it acts for nobody; set when identities are switched at all.
static NOBODY: OnceLock<Arc<Identity>> = OnceLock::new();

thread_local! {
    /// Whose identity this thread has; none is nobody's.
    static CURRENT: RefCell<Option<Arc<Identity>>> = const { RefCell::new(None) };
}

/// Says that this process switches identities, and who it is in between. To be called once, by a process that has that
/// identity and keeps CAP_SETUID and CAP_SETGID.
pub fn begin(nobody: Identity) {
    // A second call would change nothing; there is one start.
    let _ = NOBODY.set(Arc::new(nobody));
}

/// Takes the identity for this thread, until another is taken or [`reset`].
///
/// # Errors
/// When the kernel did not take it in full; the thread then acts for nobody.
pub fn assume(identity: &Arc<Identity>) -> io::Result<()> {
    if NOBODY.get().is_none() {
        return Ok(());
    }
    CURRENT.with_borrow_mut(|current| {
        let same = current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, identity) || current == identity);
        if same {
            return Ok(());
        }
        // Whatever fails below, the thread no longer has what it had.
        *current = None;
        match switch(identity) {
            Ok(()) => {
                *current = Some(Arc::clone(identity));
                Ok(())
            }
            Err(error) => {
                back_to_nobody();
                Err(error)
            }
        }
    })
}

/// Goes back to nobody. Ends the process when that is not possible: it would act for one client with another's rights.
pub fn reset() {
    CURRENT.with_borrow_mut(|current| {
        if current.take().is_some() {
            back_to_nobody();
        }
    });
}

fn back_to_nobody() {
    let Some(nobody) = NOBODY.get() else {
        return;
    };
    if switch(nobody).is_err() {
        std::process::abort();
    }
}

/// Groups first: while the user is still another, they are of no use to the new one.
fn switch(to: &Identity) -> io::Result<()> {
    set_groups(&to.groups)?;
    set_fs_gid(to.gid)?;
    set_fs_uid(to.uid)
}

fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: the pointer and the length describe a live slice of gid_t, which is u32 on Linux.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The call tells no error: a second one, with a number nobody has, gives the number in force.
fn set_fs_uid(uid: u32) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    let now = unsafe {
        libc::syscall(libc::SYS_setfsuid, uid);
        libc::syscall(libc::SYS_setfsuid, u32::MAX)
    };
    taken(now, uid)
}

fn set_fs_gid(gid: u32) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    let now = unsafe {
        libc::syscall(libc::SYS_setfsgid, gid);
        libc::syscall(libc::SYS_setfsgid, u32::MAX)
    };
    taken(now, gid)
}

fn taken(now: libc::c_long, wanted: u32) -> io::Result<()> {
    if u32::try_from(now) == Ok(wanted) {
        return Ok(());
    }
    let text = format!("the kernel kept {now} for the wanted user or group {wanted}");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::super::forked::{expect, in_child};
    use super::*;

    fn user(uid: u32, groups: &[u32]) -> Arc<Identity> {
        Arc::new(Identity {
            uid,
            gid: uid,
            groups: groups.to_vec(),
        })
    }

    #[test]
    fn s3_two_users_in_turn_never_see_each_others_files() {
        if !super::super::privileges::is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let outcome = in_child(|| {
            let text = |error: io::Error| error.to_string();
            begin(Identity {
                uid: 65534,
                gid: 65534,
                groups: Vec::new(),
            });
            super::super::privileges::drop_to_switching(65534, 65534, directory.path(), false)
                .map_err(text)?;
            let users = [user(2001, &[2001, 3000]), user(2002, &[2002])];
            for user in &users {
                assume(user).map_err(text)?;
                let path = format!("/{}", user.uid);
                std::fs::write(&path, "own").map_err(text)?;
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).map_err(text)?;
                let metadata = std::fs::metadata(&path).map_err(text)?;
                expect(
                    (metadata.uid(), metadata.gid()) == (user.uid, user.gid),
                    "another owner",
                )?;
            }
            for number in 0..1000 {
                let user = &users[number % 2];
                let other = &users[(number + 1) % 2];
                assume(user).map_err(text)?;
                std::fs::read(format!("/{}", user.uid)).map_err(text)?;
                expect(
                    std::fs::read(format!("/{}", other.uid)).is_err(),
                    "read another's file",
                )?;
            }
            reset();
            for user in &users {
                expect(
                    std::fs::read(format!("/{}", user.uid)).is_err(),
                    "nobody read a file",
                )?;
            }
            // Groups come and go with their user.
            assume(&users[0]).map_err(text)?;
            let groups = rustix::process::getgroups().map_err(|error| error.to_string())?;
            expect(groups.len() == 2, "groups of the user")?;
            reset();
            let groups = rustix::process::getgroups().map_err(|error| error.to_string())?;
            expect(groups.is_empty(), "groups left over")
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn without_switching_an_identity_changes_nothing() {
        let outcome = in_child(|| {
            let before = rustix::process::geteuid();
            assume(&user(2001, &[])).map_err(|error| error.to_string())?;
            expect(rustix::process::geteuid() == before, "the user changed")
        });
        assert_eq!(outcome, Ok(()));
    }
}
