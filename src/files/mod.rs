#![forbid(unsafe_code)]
//! The rooted tree of one account. Every path a client names ends here; nothing else touches the served files.
//!
//! A [`Tree`] resolves names below its root ([`resolve`]), and each call acts on what that one resolution gave: no
//! name is looked up twice. It leaves to the session what a client may do, and to the kernel what the process may.
//!
//! Where calls run. The loop thread must not sleep, so a call is tried there only on file systems that are in
//! memory, or, for mere look-ups, on local disks as far as the names are cached; and never across a mount, behind which
//! anything may be. What cannot be done so is done by the helper pool, first without leaving the root's file
//! system, and only then wherever the name leads: one hung mount holds the threads of mounts, not those of the
//! tree ([`Reach`]).

mod device;
mod edit;
mod quota;
mod read;
mod resolve;
mod settled;
mod stat;
mod sweep;
mod trip;
mod upload;
mod walk;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{CWD, Mode, OFlags, fstatvfs, openat, readlinkat};
use rustix::io::Errno;

use crate::reactor::Handle;
use crate::sys::creds::{self, Identity};
use crate::sys::homes;

pub use quota::{
    Amounts, Limits, NotRecounted, Quotas, Recount, Trouble, Usage, is_over_quota,
    names_quota_file, recount,
};
pub use read::{NotServed, Place, ReadFile};
pub use settled::Settled;
pub use stat::{Kind, Stat};
pub use sweep::sweep;
pub use upload::{Create, Existing, NewOwner, Upload, is_temporary};
pub use walk::{Batch, Directory, Entry, Want};

use device::{Medium, Mount};
use resolve::{Name, Resolver};
use trip::Trip;

/// Freeing more bytes than this takes a helper thread even in memory: pages are given back one by one.
const HEAVY: u64 = 64 << 20;

/// Under which number the pool counts calls on a file system that is not known yet.
const UNKNOWN_DEVICE: u64 = u64::MAX - 1;

/// What never changes about a tree; shared with the helper threads.
struct Root {
    descriptor: Arc<OwnedFd>,
    device: u64,
    inode: u64,
    medium: Medium,
    resolver: Resolver,
    /// As whom the tree is touched; none where the process has one identity for all.
    identity: Option<Arc<Identity>>,
    opened: SystemTime,
}

/// How far a call may go, and so where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// On the loop thread: only what cannot sleep, on the root's file system.
    Loop,
    /// On a helper thread, on the root's file system.
    Home,
    /// On a helper thread, on any file system mounted below the root.
    Beyond,
}

impl Reach {
    /// Refuses to free `bytes` of a file on the loop when that takes long.
    ///
    /// # Errors
    /// EAGAIN, which sends the call to the pool.
    fn bears_freeing(self, bytes: u64) -> io::Result<()> {
        match self {
            Reach::Loop if bytes > HEAVY => Err(Errno::AGAIN.into()),
            _ => Ok(()),
        }
    }
}

/// What a call does, for choosing where it is tried first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Looks a name up, or opens it for reading.
    Lookup,
    /// Changes the tree.
    Change,
}

impl Root {
    fn open_at(
        path: &Path,
        resolver: Option<Resolver>,
        identity: Option<Arc<Identity>>,
    ) -> io::Result<Root> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = openat(CWD, path, flags, Mode::empty())?;
        Root::adopt(descriptor, resolver, None, identity)
    }

    fn adopt(
        descriptor: OwnedFd,
        resolver: Option<Resolver>,
        medium: Option<Medium>,
        identity: Option<Arc<Identity>>,
    ) -> io::Result<Root> {
        if let Some(identity) = &identity {
            creds::assume(identity)?;
        }
        let resolver = match resolver {
            Some(resolver) => resolver,
            None => Resolver::probe(descriptor.as_fd())?,
        };
        let stat = Stat::of(&descriptor)?;
        Ok(Root {
            device: stat.device,
            inode: stat.inode,
            medium: match medium {
                Some(medium) => medium,
                None => Medium::of(&descriptor)?,
            },
            resolver,
            descriptor: Arc::new(descriptor),
            identity,
            opened: SystemTime::now(),
        })
    }

    fn first_reach(&self, call: Call) -> Reach {
        match (self.resolver, self.medium, call) {
            (Resolver::Kernel { .. }, Medium::Memory, _) => Reach::Loop,
            (Resolver::Kernel { cached: true }, Medium::Local, Call::Lookup) => Reach::Loop,
            _ => Reach::Home,
        }
    }

    /// Under which device number the pool counts calls of a reach. All mounts below the root share one.
    fn device_of(&self, reach: Reach) -> u64 {
        match reach {
            Reach::Loop | Reach::Home => self.device,
            Reach::Beyond => !self.device,
        }
    }

    /// Runs what touches the tree. Every call does so through this, on whichever thread it is: whose rights it
    /// has is decided here.
    ///
    /// # Errors
    /// Those of the action; EPERM-like ones when the identity could not be taken.
    fn act<T>(&self, action: impl FnOnce(&Root) -> io::Result<T>) -> io::Result<T> {
        if let Some(identity) = &self.identity {
            creds::assume(identity)?;
        }
        action(self)
    }

    /// The medium and device of something opened with `reach`. Beyond the root it asks the file system.
    fn whereabouts(&self, reach: Reach, stat: &Stat, file: impl AsFd) -> io::Result<Medium> {
        if reach != Reach::Beyond || stat.device == self.device {
            return Ok(self.medium);
        }
        Medium::of(file)
    }
}

/// The tree of one account. Cloning is cheap; it lives on the loop thread.
#[derive(Clone)]
pub struct Tree {
    root: Arc<Root>,
    handle: Handle,
    quota: Option<Rc<quota::Quota>>,
}

/// Room on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub available: u64,
    /// The size of the whole file system; 0 when it has none.
    pub total: u64,
}

impl Space {
    fn of(file: impl AsFd) -> io::Result<Space> {
        let raw = fstatvfs(file)?;
        let unit = raw.f_frsize;
        Ok(Space {
            available: raw.f_bavail.saturating_mul(unit),
            total: raw.f_blocks.saturating_mul(unit),
        })
    }
}

impl Tree {
    /// Opens the root of a tree. It blocks: meant for the start of the server, before it serves anyone. A link as
    /// last component is followed: the administrator chose it.
    ///
    /// # Errors
    /// What opening gives: it is missing, no directory, not permitted.
    pub fn open(path: &Path, handle: &Handle) -> io::Result<Tree> {
        Tree::open_with(path, handle, None, None)
    }

    /// As [`Tree::open`]; the tree is touched as `identity`, where the process switches.
    ///
    /// # Errors
    /// As [`Tree::open`].
    pub fn open_as(path: &Path, handle: &Handle, identity: Arc<Identity>) -> io::Result<Tree> {
        Tree::open_with(path, handle, None, Some(identity))
    }

    fn open_with(
        path: &Path,
        handle: &Handle,
        resolver: Option<Resolver>,
        identity: Option<Arc<Identity>>,
    ) -> io::Result<Tree> {
        Ok(Tree {
            root: Arc::new(Root::open_at(path, resolver, identity)?),
            handle: handle.clone(),
            quota: None,
        })
    }

    /// The root.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.descriptor.as_fd()
    }

    /// Whether names can be made in the root itself, with the tree's rights. It blocks: meant for the start of the server.
    ///
    /// # Errors
    /// What taking the rights and faccessat2(2) give, where that says neither yes nor no.
    pub fn is_root_writable(&self) -> io::Result<bool> {
        self.root.act(|root| homes::is_writable(&*root.descriptor))
    }

    /// The tree below a directory that was opened elsewhere, touched as `identity`. A file system that is not known yet is
    /// asked in the pool.
    ///
    /// # Errors
    /// What fstat(2), statfs(2) and [`crate::reactor::Pool::run`] give.
    pub async fn adopt(
        root: OwnedFd,
        identity: Arc<Identity>,
        handle: &Handle,
    ) -> io::Result<Tree> {
        let mount = Mount::of(&root);
        // A file system whose every call may sleep is asked in the pool each time.
        let known = mount
            .and_then(Mount::medium)
            .filter(|medium| *medium != Medium::Other);
        if known.is_some() {
            return Ok(Tree {
                root: Arc::new(Root::adopt(root, None, known, Some(identity))?),
                handle: handle.clone(),
                quota: None,
            });
        }
        let asking = handle.pool().run(handle, UNKNOWN_DEVICE, move || {
            Root::adopt(root, None, None, Some(identity))
        });
        let root = asking.await?;
        if let Some(mount) = mount {
            mount.remember(root.medium);
        }
        Ok(Tree {
            root: Arc::new(root),
            handle: handle.clone(),
            quota: None,
        })
    }

    /// Whether the kernel resolves names below the root (openat2); otherwise the slower walk does. For the log.
    pub fn is_rooted_by_kernel(&self) -> bool {
        self.root.resolver != Resolver::Walk
    }

    /// The facts of an object; links are followed, inside the root.
    ///
    /// # Errors
    /// As all calls of a tree: [`io::ErrorKind::InvalidInput`] for a name in the wrong form; what the kernel gives;
    /// EAGAIN when renames disturbed the look-up again and again; what [`crate::reactor::Pool::run`] gives.
    pub async fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        self.look(name, OFlags::PATH, Stat::of).await
    }

    /// The facts of an object; a link as last component is not followed.
    ///
    /// # Errors
    /// As [`Tree::stat`].
    pub async fn lstat(&self, name: &[u8]) -> io::Result<Stat> {
        self.look(name, OFlags::PATH | OFlags::NOFOLLOW, Stat::of)
            .await
    }

    /// The facts of a directory that may be entered: one that is there and may be searched.
    ///
    /// # Errors
    /// As [`Tree::stat`]; ENOTDIR for anything else, EACCES without the right to search it.
    pub async fn enter(&self, name: &[u8]) -> io::Result<Stat> {
        self.look(name, OFlags::PATH | OFlags::DIRECTORY, |directory| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            openat(&directory, c".", flags, Mode::empty())?;
            Stat::of(directory)
        })
        .await
    }

    /// The text of a link.
    ///
    /// # Errors
    /// As [`Tree::stat`]; [`io::ErrorKind::InvalidInput`] (EINVAL) or ENOENT when it is no link.
    pub async fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        self.look(name, flags, |link| {
            Ok(readlinkat(link, c"", Vec::with_capacity(256))?.into_bytes())
        })
        .await
    }

    /// The room on the file system `name` is on (statvfs(3)). Off the loop unless that is in memory.
    ///
    /// # Errors
    /// As [`Tree::stat`].
    pub async fn space(&self, name: &[u8]) -> io::Result<Space> {
        let name = Name::parse(name)?;
        self.perform(Call::Change, move |root, reach| {
            Space::of(root.open(reach, name.bytes(), OFlags::PATH, Mode::empty())?)
        })
        .await
    }

    /// Opens `name` and asks the opened object something.
    async fn look<T: Send + 'static>(
        &self,
        name: &[u8],
        flags: OFlags,
        ask: fn(OwnedFd) -> io::Result<T>,
    ) -> io::Result<T> {
        let name = Name::parse(name)?;
        self.perform(Call::Lookup, move |root, reach| {
            ask(root.open(reach, name.bytes(), flags, Mode::empty())?)
        })
        .await
    }

    /// Runs an action where it may run: on the loop if it cannot sleep, else in the pool; see [`Reach`]. The
    /// action answers EAGAIN or EXDEV before it has changed anything when its reach does not suffice.
    async fn perform<T: Send + 'static>(
        &self,
        call: Call,
        action: impl Fn(&Root, Reach) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let mut reach = self.root.first_reach(call);
        if reach == Reach::Loop {
            match self.root.act(|root| action(root, reach)) {
                Err(error) if is(&error, Errno::AGAIN) => reach = Reach::Home,
                Err(error) if is(&error, Errno::XDEV) => reach = Reach::Beyond,
                result => return result,
            }
        }
        let (result, action) = self.in_pool(reach, action).await?;
        match result {
            Err(error) if is(&error, Errno::XDEV) && reach == Reach::Home => {
                self.in_pool(Reach::Beyond, action).await?.0
            }
            result => result,
        }
    }

    /// Runs an action on a helper thread and brings it back with its result.
    fn in_pool<T: Send + 'static, A>(&self, reach: Reach, action: A) -> Trip<A, (io::Result<T>, A)>
    where
        A: Fn(&Root, Reach) -> io::Result<T> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        let device = root.device_of(reach);
        Trip::begin(&self.handle, device, action, move |action| {
            Ok((root.act(|root| action(root, reach)), action))
        })
    }
}

/// Whether `error` is this error of the kernel.
fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests;
