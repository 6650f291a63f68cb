//! Files being sent: opening them, and where their next bytes can be read.
//!
//! The bytes themselves are moved by the transfer: with sendfile(2) from [`ReadFile::file`], or with
//! [`ReadFile::read_block`]. Nothing is ever mapped, so a file cut short under a download is a short read.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};

use super::device::Medium;
use super::resolve::Name;
use super::stat::{Kind, Stat};
use super::{Call, HEAVY, Reach, Root, Tree, is};
use crate::reactor::Job;

/// Why a name is not opened for reading.
#[derive(Debug)]
pub enum NotServed {
    /// The kernel refused, or the helper pool did.
    Io(io::Error),
    /// It is a directory, a device, a named pipe or a socket.
    NotRegular,
}

impl fmt::Display for NotServed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotServed::Io(error) => error.fmt(out),
            NotServed::NotRegular => out.write_str("not a regular file"),
        }
    }
}

impl std::error::Error for NotServed {}

impl From<io::Error> for NotServed {
    fn from(error: io::Error) -> NotServed {
        // What the kernel says about opening a socket, or a device without a driver.
        if is(&error, Errno::NXIO) || is(&error, Errno::NODEV) {
            return NotServed::NotRegular;
        }
        NotServed::Io(error)
    }
}

/// Where a chunk is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At once: the call will not sleep.
    Loop,
    /// In the helper pool.
    Pool,
}

/// A regular file open for reading.
pub struct ReadFile {
    tree: Tree,
    file: Arc<OwnedFd>,
    stat: Stat,
    medium: Medium,
}

impl Tree {
    /// Opens a regular file for reading. A named pipe neither blocks this nor is read.
    ///
    /// # Errors
    /// [`NotServed::NotRegular`] for every other kind of object; else as [`Tree::stat`].
    pub async fn open_read(&self, name: &[u8]) -> Result<ReadFile, NotServed> {
        let name = Name::parse(name)?;
        let opened = self
            .perform(Call::Lookup, move |root, reach| {
                open_regular(root, reach, name.bytes())
            })
            .await?;
        let (file, stat, medium) = opened.ok_or(NotServed::NotRegular)?;
        Ok(ReadFile {
            tree: self.clone(),
            file: Arc::new(file),
            stat,
            medium,
        })
    }
}

fn open_regular(
    root: &Root,
    reach: Reach,
    name: &[u8],
) -> io::Result<Option<(OwnedFd, Stat, Medium)>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = root.open(reach, name, flags, Mode::empty())?;
    let stat = Stat::of(&file)?;
    if stat.kind != Kind::File {
        return Ok(None);
    }
    let medium = root.whereabouts(reach, &stat, &file)?;
    Ok(Some((file, stat, medium)))
}

impl ReadFile {
    /// The facts of the file when it was opened.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// The descriptor, to be shared with jobs that read from it.
    pub fn file(&self) -> &Arc<OwnedFd> {
        &self.file
    }

    /// Where `count` bytes from `offset` should be read now. On a local disk a one-byte read that refuses to wait
    /// tells it for both ends of the chunk; readahead makes what lies between as warm as the ends.
    pub fn place(&self, offset: u64, count: usize) -> Place {
        let last = offset.saturating_add((count as u64).saturating_sub(1));
        match self.medium {
            Medium::Memory => Place::Loop,
            Medium::Local if self.is_cached(offset) && self.is_cached(last) => Place::Loop,
            Medium::Local | Medium::Other => Place::Pool,
        }
    }

    /// Reads into `buffer` from `offset`, as much as there is; for bytes whose place is the loop.
    ///
    /// # Errors
    /// What pread(2) gives.
    pub fn read_now(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(pread(&self.file, buffer, offset)?)
    }

    fn is_cached(&self, offset: u64) -> bool {
        let mut byte = [0];
        let mut buffers = [IoSliceMut::new(&mut byte)];
        preadv2(&self.file, &mut buffers, offset, ReadWriteFlags::NOWAIT).is_ok()
    }

    /// The device to name when a job that reads this file goes to the pool.
    pub fn device(&self) -> u64 {
        self.stat.device
    }

    /// Reads `count` bytes from `offset` in the pool. Fewer come only at the end of the file.
    ///
    /// # Errors
    /// What reading gives (EIO, ESTALE), and [`crate::reactor::Pool::run`].
    pub fn read_block(&self, offset: u64, count: usize) -> Job<Vec<u8>> {
        let file = Arc::clone(&self.file);
        let handle = &self.tree.handle;
        handle.pool().run(handle, self.stat.device, move || {
            read_whole(&file, offset, count)
        })
    }

    /// Whether closing may sleep. The last descriptor of a file whose name is gone frees its blocks.
    fn closing_sleeps(&self) -> bool {
        let nameless = || Stat::of(&self.file).is_ok_and(|stat| stat.links == 0);
        match self.medium {
            Medium::Memory => self.stat.size > HEAVY && nameless(),
            Medium::Local => nameless(),
            Medium::Other => true,
        }
    }
}

fn read_whole(file: &OwnedFd, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(count);
    while block.len() < count {
        let at = offset.saturating_add(block.len() as u64);
        match pread(file, spare_capacity(&mut block), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // An allocation may be larger than asked for.
    block.truncate(count);
    Ok(block)
}

impl Drop for ReadFile {
    fn drop(&mut self) {
        if !self.closing_sleeps() {
            return;
        }
        let stand_in = Arc::clone(&self.tree.root.descriptor);
        let file = std::mem::replace(&mut self.file, stand_in);
        let pool = self.tree.handle.pool();
        pool.detach(self.stat.device, move || drop(file));
    }
}
