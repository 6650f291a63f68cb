//! Removing temporary files of uploads that a killed server left behind.
//!
//! What is removed has a name only this server makes up, is a regular file with one name, is owned by this process's user,
//! is older than this start, and is not locked by an upload of another process. Directories that may not be read are
//! not searched; nor is what is mounted below the root.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir, flock, openat, unlinkat,
};
use rustix::process::geteuid;

use super::stat::{Kind, Stat};
use super::upload::is_temporary;
use super::{Reach, Root, Tree};

/// Entries looked at in one sweep.
const MOST_ENTRIES: usize = 5_000_000;

/// Directories found and not yet searched.
const MOST_WAITING: usize = 100_000;

/// Longest name of a directory that is searched.
const LONGEST_NAME: usize = 4000;

const BLOCK: usize = 32 * 1024;

/// Files younger than this before the start stay: the clock of file times is coarser than the other.
const MARGIN_SECONDS: i64 = 1;

/// Searches the tree in the helper pool; nobody waits for it.
pub fn sweep(tree: &Tree) {
    let root = Arc::clone(&tree.root);
    let pool = tree.handle.pool();
    pool.detach(root.device, move || {
        // Without the tree's rights nothing is swept; the next start tries again.
        let _ = root.act(search);
    });
}

fn search(root: &Root) -> io::Result<()> {
    let mut waiting = vec![b".".to_vec()];
    let mut entries = MOST_ENTRIES;
    let before = seconds(root.opened) - MARGIN_SECONDS;
    while let Some(name) = waiting.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let Ok(directory) = root.open(Reach::Home, &name, flags, Mode::empty()) else {
            continue;
        };
        search_directory(&directory, &name, before, &mut entries, &mut waiting);
        if entries == 0 {
            break;
        }
    }
    Ok(())
}

fn search_directory(
    directory: &OwnedFd,
    path: &[u8],
    before: i64,
    entries: &mut usize,
    waiting: &mut Vec<Vec<u8>>,
) {
    let mut buffer = Vec::with_capacity(BLOCK);
    let mut reader = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(Ok(entry)) = reader.next() {
        let name = entry.file_name().to_bytes();
        *entries -= 1;
        if *entries == 0 {
            return;
        }
        if matches!(name, b"." | b"..") {
            continue;
        }
        if is_temporary(name) {
            // One that cannot be removed now is tried again at the next start.
            let _ = remove_left_over(directory, name, before);
        } else if is_directory(directory, name, entry.file_type())
            && waiting.len() < MOST_WAITING
            && path.len() + name.len() < LONGEST_NAME
        {
            waiting.push(join(path, name));
        }
    }
}

fn is_directory(directory: &OwnedFd, name: &[u8], kind: FileType) -> bool {
    match kind {
        FileType::Directory => true,
        FileType::Unknown => {
            Stat::at_cached(directory, name).is_ok_and(|stat| stat.kind == Kind::Directory)
        }
        _ => false,
    }
}

fn remove_left_over(directory: &OwnedFd, name: &[u8], before: i64) -> io::Result<()> {
    let is_left_over = |stat: &Stat| {
        stat.kind == Kind::File
            && stat.links == 1
            && stat.uid == geteuid().as_raw()
            && stat.modified < before
    };
    if !is_left_over(&Stat::at(directory, name)?) {
        return Ok(());
    }
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(directory, name, flags | OFlags::CLOEXEC, Mode::empty())?;
    // A living upload holds this lock.
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let stat = Stat::of(&file)?;
    if is_left_over(&stat) && Stat::at(directory, name)?.is_same_object(&stat) {
        unlinkat(directory, name, AtFlags::empty())?;
    }
    Ok(())
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path == b"." {
        return name.to_vec();
    }
    [path, b"/", name].concat()
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
