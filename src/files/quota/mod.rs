//! Quotas: how many files and bytes an account may have, kept in `.ftpquota` as Pure-FTPd keeps it.
//!
//! A [`Tree`] with a quota counts by itself whatever is made, written and removed through it; there is no way around. All
//! sessions of one root share one [`Ledger`], so together they never have more than they may. The session says no in words
//! and shows the numbers; whose quota is how large it knows as well.
//!
//! Directories count as files. A file that is replaced needs no place of its own, except as long as a whole-or-nothing upload
//! stands beside it.

mod amounts;
mod books;
mod count;
mod file;
mod ledger;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::resolve::Name;
use super::stat::{Kind, Stat};
use super::{Reach, Root, Tree, is};
use crate::reactor::{Handle, Pool};

pub use amounts::{Amounts, Limits};
pub(super) use ledger::{Claim, Ledger};

use count::count;
use file::{DOUBT, Entry, NAME, QuotaFile};

/// One new file or directory.
pub(super) const ONE_FILE: Amounts = Amounts { files: 1, bytes: 0 };

/// How long a recount waits for the lock of the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// What hinders the count of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The file holds something else than a count: nothing may be added until it is counted anew.
    Broken,
    /// Somebody holds the file's lock.
    Locked,
    /// The tree could not be counted, or the file not reached.
    Uncounted,
    /// The tree is being counted.
    Counting,
    /// The account may not write the file: the count is kept in memory.
    Unwritable,
}

impl Trouble {
    fn of(error: &io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::InvalidData => Trouble::Broken,
            io::ErrorKind::WouldBlock => Trouble::Locked,
            _ => Trouble::Uncounted,
        }
    }
}

/// The error of what a quota does not allow.
pub(super) fn over_quota() -> io::Error {
    io::ErrorKind::QuotaExceeded.into()
}

/// Whether an error is of a quota kept here, and not of the disk's own.
pub fn is_over_quota(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::QuotaExceeded && error.raw_os_error().is_none()
}

/// Whether a name is that of the file, or too close to it: clients neither see nor touch it.
pub fn names_quota_file(name: &[u8]) -> bool {
    name.windows(NAME.len())
        .any(|part| part.eq_ignore_ascii_case(NAME))
}

/// What an account has and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What it has.
    pub used: Amounts,
    /// What it may have.
    pub limits: Limits,
}

impl Usage {
    /// Whether so many bytes more are allowed.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        let more = Amounts { files: 0, bytes };
        self.limits.allow(self.used.plus(more))
    }
}

/// The ledgers of all roots in use; one for the process, on the loop.
#[derive(Default)]
pub struct Quotas {
    ledgers: RefCell<HashMap<(u64, u64), Weak<Ledger>>>,
    tidied_at: Cell<usize>,
}

impl Quotas {
    /// The tree with these limits in force. Where no other session is in it, the count is read, and made where there is none or
    /// a killed server left it in doubt. A large tree is counted on behind the login; until then nothing can be taken.
    pub async fn enforce(&self, tree: Tree, limits: Limits) -> Tree {
        let ledger = self.ledger(&tree);
        // Without an answer the quota is in force all the same: nothing can be taken.
        let _ = ledger.opened(&tree.handle).await;
        Tree {
            quota: Some(Rc::new(Quota {
                ledger: Some(ledger),
                limits,
                pool: tree.handle.pool().clone(),
            })),
            ..tree
        }
    }

    fn ledger(&self, tree: &Tree) -> Arc<Ledger> {
        let mut ledgers = self.ledgers.borrow_mut();
        let key = (tree.root.device, tree.root.inode);
        if let Some(ledger) = ledgers.get(&key).and_then(Weak::upgrade) {
            return ledger;
        }
        if ledgers.len() >= self.tidied_at.get() {
            ledgers.retain(|_, ledger| ledger.strong_count() > 0);
            self.tidied_at.set(2 * ledgers.len() + 16);
        }
        let ledger = Ledger::new(&tree.root, tree.handle.pool());
        ledgers.insert(key, Arc::downgrade(&ledger));
        ledger
    }
}

/// A tree's part in its ledger.
pub(super) struct Quota {
    /// Taken when it is dropped.
    ledger: Option<Arc<Ledger>>,
    limits: Limits,
    pool: Pool,
}

impl Drop for Quota {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            // The last one closes a file, which can sleep.
            self.pool.detach(ledger.device(), move || drop(ledger));
        }
    }
}

impl Tree {
    /// The ledger of a tree with a quota.
    pub(super) fn ledger(&self) -> Option<Arc<Ledger>> {
        self.quota.as_ref()?.ledger.clone()
    }

    /// A claim on the quota for something new, where there is one. `written` as for [`Claim::new`].
    pub(super) fn claim(&self, written: Option<&Arc<AtomicU64>>) -> Option<Claim> {
        let quota = self.quota.as_ref()?;
        let ledger = quota.ledger.as_ref()?;
        Some(Claim::new(ledger, quota.limits, written))
    }

    /// Waits until a claim that came to nothing is no longer in the file.
    pub(super) async fn forget_claim<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if let (Err(_), Some(ledger)) = (&outcome, self.ledger()) {
            // What is wrong with the disk is known already.
            let _ = ledger.settled(&self.handle).await;
        }
        outcome
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What the account has, once all that it did so far is in the file; none without a quota, or where it cannot be known.
    pub async fn usage(&self) -> Option<Usage> {
        let ledger = self.ledger()?;
        if ledger.standing().1 == Some(Trouble::Counting) {
            return None;
        }
        ledger.settled(&self.handle).await.ok()?;
        let limits = self.quota.as_ref()?.limits;
        match ledger.standing() {
            (used, None | Some(Trouble::Unwritable)) => Some(Usage { used, limits }),
            (_, Some(_)) => None,
        }
    }

    /// What hinders the count, for the log.
    pub fn quota_trouble(&self) -> Option<Trouble> {
        self.ledger()?.standing().1
    }
}

/// What an entry counts for. `path` is its whole name, `last` its last component, in `parent`.
pub(super) fn worth(
    root: &Root,
    reach: Reach,
    path: &Name,
    (parent, last): (&OwnedFd, &[u8]),
) -> io::Result<(Stat, Amounts)> {
    let stat = match reach {
        Reach::Loop => Stat::at_cached(parent, last)?,
        Reach::Home | Reach::Beyond => Stat::at(parent, last)?,
    };
    let amounts = match stat.kind {
        Kind::File => Amounts {
            files: 1,
            bytes: stat.size,
        },
        Kind::Directory => ONE_FILE,
        // A count follows links.
        Kind::Link => match root.open(reach, path.bytes(), OFlags::PATH, Mode::empty()) {
            Ok(target) => worth_of_target(&Stat::of(&target)?),
            Err(error) if is(&error, Errno::AGAIN) || is(&error, Errno::XDEV) => return Err(error),
            Err(_) => Amounts::NONE,
        },
        _ => Amounts::NONE,
    };
    Ok((stat, amounts))
}

fn worth_of_target(stat: &Stat) -> Amounts {
    match stat.kind {
        Kind::File => Amounts {
            files: 1,
            bytes: stat.size,
        },
        _ => Amounts::NONE,
    }
}

/// What a new count found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recount {
    /// What is there.
    pub amounts: Amounts,
    /// Something could not be looked at and is not in the count.
    pub partial: bool,
}

/// Why a tree was not counted anew.
#[derive(Debug)]
pub enum NotRecounted {
    /// The tree cannot be read.
    Tree(io::Error),
    /// The file cannot be written.
    File(io::Error),
}

/// Counts the tree below `root` and writes its `.ftpquota`. `progress` hears from time to time what was found so far. It takes
/// as long as the tree is large: not for a server's loop.
///
/// What a server keeps in reserve for uploads under way stays in the count, and the tree is counted once more at a later login.
///
/// # Errors
/// Which of both could not be done.
pub fn recount(root: &Path, progress: &mut dyn FnMut(Amounts)) -> Result<Recount, NotRecounted> {
    let root = Root::open_at(root, None, None).map_err(NotRecounted::Tree)?;
    let mut go_on = |amounts| {
        progress(amounts);
        true
    };
    let found = count(&root, Reach::Beyond, &mut go_on).map_err(NotRecounted::Tree)?;
    write_count(root.descriptor.as_fd(), found.amounts).map_err(NotRecounted::File)?;
    Ok(Recount {
        amounts: found.amounts,
        partial: found.partial,
    })
}

fn write_count(root: impl AsFd, counted: Amounts) -> io::Result<()> {
    let file = QuotaFile::open(root)?;
    let alone = file.be_alone().unwrap_or(true);
    file.lock(PATIENCE)?;
    let reserved = match file.read() {
        Ok(Some(entry)) if !alone => entry.reserved,
        _ => Amounts::NONE,
    };
    let mark = if alone { Amounts::NONE } else { DOUBT };
    file.write(&Entry {
        total: counted.plus(reserved),
        reserved: reserved.plus(mark),
    })
}
