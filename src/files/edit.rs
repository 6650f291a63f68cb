//! Changing names and facts: making and removing directories, removing files, renaming, modes and times.
//!
//! None of these calls has a rooted form in the kernel, so the directory is resolved and held, and the call acts on the
//! last component in it, never following a link there; modes and times act on the object itself, opened first.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT, fchmod, futimens, linkat,
    mkdirat, renameat, renameat_with, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::quota::{Amounts, Ledger, ONE_FILE, worth};
use super::resolve::Name;
use super::stat::{Kind, Stat};
use super::upload::refuse_temporary;
use super::{Call, Reach, Root, Tree, is};
use crate::sys;

/// Permission bits a client may set: no set-id, no sticky bit.
pub(super) const PERMISSIONS: u32 = 0o777;

/// The bits of a directory that survive a change of its mode: new files keep inheriting its group.
const KEPT_OF_DIRECTORY: u32 = 0o2000;

/// The bits of a directory a client may set. The sticky bit only takes rights away.
const PERMISSIONS_OF_DIRECTORY: u32 = 0o1777;

impl Tree {
    /// Makes a directory with `mode` (permission bits only; the process's umask still applies).
    ///
    /// # Errors
    /// As [`Tree::stat`]; EEXIST; what [`super::is_over_quota`] knows.
    pub async fn make_directory(&self, name: &[u8], mode: u32) -> io::Result<()> {
        let name = Name::parse(name)?;
        let mode = Mode::from_raw_mode(mode & PERMISSIONS);
        // It goes with the call, which a session that is given up does not stop.
        let claim = self.claim(None);
        if let Some(claim) = &claim {
            claim.take(ONE_FILE, self.handle()).await?;
        }
        let made = self.perform(Call::Change, move |root, reach| {
            let (directory, last) = name.split()?;
            let parent = root.open_parent(reach, directory)?;
            mkdirat(parent, last, mode)?;
            if let Some(claim) = &claim {
                claim.stands(1, false);
            }
            Ok(())
        });
        let made = made.await;
        self.forget_claim(made).await
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As [`Tree::stat`]; ENOTDIR for anything else, also for a link to a directory; ENOTEMPTY.
    pub async fn remove_directory(&self, name: &[u8]) -> io::Result<()> {
        let name = Name::parse(name)?;
        let ledger = self.ledger();
        self.perform(Call::Change, move |root, reach| {
            let (directory, last) = name.split()?;
            let parent = root.open_parent(reach, directory)?;
            let stat = match &ledger {
                Some(_) => Some(Stat::at_cached(&parent, last)?),
                None => None,
            };
            unlinkat(parent, last, AtFlags::REMOVEDIR)?;
            if let (Some(ledger), Some(stat)) = (&ledger, &stat) {
                ledger.removed(stat, ONE_FILE);
            }
            Ok(())
        })
        .await
    }

    /// Removes a regular file or a link (not what it points to).
    ///
    /// # Errors
    /// As [`Tree::stat`]; EISDIR for a directory, EPERM for devices, named pipes and sockets.
    pub async fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        let name = Name::parse(name)?;
        let ledger = self.ledger();
        self.perform(Call::Change, move |root, reach| {
            let (directory, last) = name.split()?;
            let parent = root.open_parent(reach, directory)?;
            let stat = Stat::at_cached(&parent, last)?;
            match stat.kind {
                Kind::File => reach.bears_freeing(stat.size)?,
                Kind::Link => {}
                Kind::Directory => return Err(Errno::ISDIR.into()),
                _ => return Err(Errno::PERM.into()),
            }
            let counted = match &ledger {
                Some(_) => Some(worth(root, reach, &name, (&parent, last))?),
                None => None,
            };
            unlinkat(parent, last, AtFlags::empty())?;
            if let (Some(ledger), Some((stat, amounts))) = (&ledger, counted) {
                ledger.removed(&stat, amounts);
            }
            Ok(())
        })
        .await
    }

    /// Renames `from` to `to`, both below the root. Without `replace` a name that exists is never replaced.
    ///
    /// # Errors
    /// As [`Tree::stat`]; EEXIST without `replace`; EXDEV across file systems; EPERM when `to` looks like a
    /// temporary upload of this server.
    pub async fn rename(&self, from: &[u8], to: &[u8], replace: bool) -> io::Result<()> {
        let (from, to) = (Name::parse(from)?, Name::parse(to)?);
        let ledger = self.ledger();
        self.perform(Call::Change, move |root, reach| {
            rename(root, reach, (&from, &to), replace, ledger.as_ref())
        })
        .await
    }

    /// Sets the mode of a regular file or directory; links are followed inside the root. Files get permission bits
    /// only, directories also the sticky bit and keep their set-group-id bit.
    ///
    /// # Errors
    /// As [`Tree::stat`]; EPERM for other kinds of objects and for those of others.
    pub async fn set_mode(&self, name: &[u8], mode: u32) -> io::Result<()> {
        let name = Name::parse(name)?;
        self.perform(Call::Change, move |root, reach| {
            let object = root.open(reach, name.bytes(), OFlags::PATH, Mode::empty())?;
            let wanted = permitted_mode(&Stat::of(&object)?, mode)?;
            match sys::files::change_mode(object.as_fd(), wanted) {
                Err(error) if is_missing_call(&error) => {}
                result => return result,
            }
            // Without fchmodat2 only a descriptor that could read or write takes a mode.
            let object = open_really(root, reach, name.bytes())?;
            let wanted = permitted_mode(&Stat::of(&object)?, mode)?;
            Ok(fchmod(object, Mode::from_raw_mode(wanted))?)
        })
        .await
    }

    /// Sets the time of last modification (seconds since 1970 and nanoseconds below 1 000 000 000) of a regular file
    /// or directory; links are followed inside the root. The time of last access stays.
    ///
    /// # Errors
    /// As [`Tree::stat`]; EPERM for other kinds of objects and for those of others.
    pub async fn set_times(&self, name: &[u8], modified: (i64, u32)) -> io::Result<()> {
        let name = Name::parse(name)?;
        self.perform(Call::Change, move |root, reach| {
            let times = Timestamps {
                last_access: Timespec {
                    tv_sec: 0,
                    tv_nsec: UTIME_OMIT,
                },
                last_modification: Timespec {
                    tv_sec: modified.0,
                    tv_nsec: modified.1.min(999_999_999).into(),
                },
            };
            let object = root.open(reach, name.bytes(), OFlags::PATH, Mode::empty())?;
            refuse_special(&Stat::of(&object)?)?;
            match utimensat(&object, c"", &times, AtFlags::EMPTY_PATH) {
                // Kernels before 5.8 do not know AT_EMPTY_PATH here.
                Err(Errno::INVAL) => {}
                result => return Ok(result?),
            }
            let object = open_really(root, reach, name.bytes())?;
            refuse_special(&Stat::of(&object)?)?;
            Ok(futimens(object, &times)?)
        })
        .await
    }
}

fn is_missing_call(error: &io::Error) -> bool {
    // EPERM is also what some container filters say to calls they do not know.
    [Errno::NOSYS, Errno::PERM, Errno::INVAL, Errno::OPNOTSUPP]
        .iter()
        .any(|&errno| is(error, errno))
}

fn refuse_special(stat: &Stat) -> io::Result<()> {
    match stat.kind {
        Kind::File | Kind::Directory => Ok(()),
        _ => Err(Errno::PERM.into()),
    }
}

fn permitted_mode(stat: &Stat, mode: u32) -> io::Result<u32> {
    refuse_special(stat)?;
    Ok(match stat.kind {
        Kind::Directory => (mode & PERMISSIONS_OF_DIRECTORY) | (stat.mode & KEPT_OF_DIRECTORY),
        _ => mode & PERMISSIONS,
    })
}

/// Opens a file or directory for reading, or a file that cannot be read for writing.
fn open_really(root: &Root, reach: Reach, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    match root.open(reach, name, flags | OFlags::RDONLY, Mode::empty()) {
        Err(error) if is(&error, Errno::ACCESS) => {
            root.open(reach, name, flags | OFlags::WRONLY, Mode::empty())
        }
        result => result,
    }
}

fn rename(
    root: &Root,
    reach: Reach,
    (from, to): (&Name, &Name),
    replace: bool,
    ledger: Option<&Arc<Ledger>>,
) -> io::Result<()> {
    let (from_directory, from_last) = from.split()?;
    let (to_directory, to_last) = to.split()?;
    refuse_temporary(to_last)?;
    let from_parent = root.open_parent(reach, from_directory)?;
    let to_parent = root.open_parent(reach, to_directory)?;
    if !replace {
        return rename_to_free_name((&from_parent, from_last), (&to_parent, to_last));
    }
    if reach == Reach::Loop
        && let Ok(stat) = Stat::at_cached(&to_parent, to_last)
    {
        reach.bears_freeing(stat.size)?;
    }
    let replaced = match ledger {
        Some(_) => replaced(
            root,
            reach,
            (&from_parent, from_last),
            to,
            (&to_parent, to_last),
        )?,
        None => None,
    };
    renameat(from_parent, from_last, to_parent, to_last)?;
    if let (Some(ledger), Some((stat, amounts))) = (ledger, replaced) {
        ledger.removed(&stat, amounts);
    }
    Ok(())
}

/// What a rename is about to remove, and what it counts for. Two names of one object stay both.
fn replaced(
    root: &Root,
    reach: Reach,
    (from_parent, from_last): (&OwnedFd, &[u8]),
    to: &Name,
    to_entry: (&OwnedFd, &[u8]),
) -> io::Result<Option<(Stat, Amounts)>> {
    let found = match worth(root, reach, to, to_entry) {
        Err(error) if is(&error, Errno::NOENT) => return Ok(None),
        found => found?,
    };
    let source = Stat::at_cached(from_parent, from_last)?;
    Ok((!found.0.is_same_object(&source)).then_some(found))
}

/// Renames within held directories, never replacing anything.
///
/// # Errors
/// EEXIST, and those of renameat2(2).
pub(super) fn rename_to_free_name(
    from: (&OwnedFd, &[u8]),
    to: (&OwnedFd, &[u8]),
) -> io::Result<()> {
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        // NFS and others have no such rename; a second name for a file is as safe.
        Err(Errno::INVAL | Errno::NOSYS) => {}
        result => return Ok(result?),
    }
    let source = Stat::at(from.0, from.1)?;
    if source.kind != Kind::Directory {
        match linkat(from.0, from.1, to.0, to.1, AtFlags::empty()) {
            Ok(()) => return Ok(unlinkat(from.0, from.1, AtFlags::empty())?),
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Directories, and file systems without second names: the check is all there is.
    match Stat::at(to.0, to.1) {
        Ok(_) => Err(Errno::EXIST.into()),
        Err(error) if is(&error, Errno::NOENT) => Ok(renameat(from.0, from.1, to.0, to.1)?),
        Err(error) => Err(error),
    }
}
