//! Counting what is in a tree, as pure-quotacheck(8) does: files and directories below the root, and the sizes of files.
//!
//! Links are followed inside the root. A directory counts once, whatever leads to it; a file counts under each of its names.
//! Files called `.ftpquota` do not count. A directory that may not be read counts, what is in it does not, and the count
//! says so.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, RawDir};

use super::super::stat::{Kind, Stat};
use super::super::{Reach, Root};
use super::Amounts;
use super::file::NAME;

const BLOCK: usize = 32 * 1024;

/// Longest path below the root that is opened.
const LONGEST_PATH: usize = 4000;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) amounts: Amounts,
    /// Something could not be looked at.
    pub(super) partial: bool,
    /// The caller had enough before the end.
    pub(super) stopped: bool,
}

struct Walk<'a> {
    root: &'a Root,
    reach: Reach,
    found: Count,
    /// Directories counted, by device and inode.
    seen: HashSet<(u64, u64)>,
    waiting: Vec<Vec<u8>>,
}

/// Counts the tree; `go_on` is asked after each directory and each thousand entries.
///
/// # Errors
/// When the root itself cannot be read.
pub(super) fn count(
    root: &Root,
    reach: Reach,
    go_on: &mut dyn FnMut(Amounts) -> bool,
) -> io::Result<Count> {
    let mut walk = Walk {
        root,
        reach,
        found: Count::default(),
        seen: HashSet::new(),
        waiting: Vec::new(),
    };
    let top = walk.open(b".")?;
    let stat = Stat::of(&top)?;
    walk.seen.insert((stat.device, stat.inode));
    walk.read(&top, b".", go_on);
    drop(top);
    while !walk.found.stopped
        && let Some(path) = walk.waiting.pop()
    {
        match walk.open(&path) {
            Ok(directory) => walk.read(&directory, &path, go_on),
            Err(_) => walk.found.partial = true,
        }
    }
    Ok(walk.found)
}

impl Walk<'_> {
    fn open(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        self.root.open(self.reach, path, flags, Mode::empty())
    }

    fn read(&mut self, directory: &OwnedFd, path: &[u8], go_on: &mut dyn FnMut(Amounts) -> bool) {
        let mut buffer = Vec::with_capacity(BLOCK);
        let mut reader = RawDir::new(directory, buffer.spare_capacity_mut());
        let mut entries = 0_u32;
        while let Some(entry) = reader.next() {
            let Ok(entry) = entry else {
                self.found.partial = true;
                break;
            };
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") && name != NAME {
                self.add(directory, path, name, entry.file_type());
            }
            entries += 1;
            if entries.is_multiple_of(1000) && !go_on(self.found.amounts) {
                self.found.stopped = true;
                return;
            }
        }
        self.found.stopped |= !go_on(self.found.amounts);
    }

    fn add(&mut self, directory: &OwnedFd, path: &[u8], name: &[u8], kind: FileType) {
        let own = |kind: FileType| matches!(kind, FileType::Fifo | FileType::Socket);
        if own(kind) {
            return;
        }
        let Ok(mut stat) = Stat::at(directory, name) else {
            // It may just have been removed.
            return;
        };
        let below = join(path, name);
        if stat.kind == Kind::Link {
            let flags = OFlags::PATH;
            let target = self.root.open(self.reach, &below, flags, Mode::empty());
            match target.and_then(Stat::of) {
                Ok(target) => stat = target,
                Err(_) => return,
            }
        }
        match stat.kind {
            Kind::File => {
                self.found.amounts = self.found.amounts.plus(Amounts {
                    files: 1,
                    bytes: stat.size,
                });
            }
            Kind::Directory if self.seen.insert((stat.device, stat.inode)) => {
                self.found.amounts = self.found.amounts.plus(Amounts { files: 1, bytes: 0 });
                match below.len() {
                    0..LONGEST_PATH => self.waiting.push(below),
                    _ => self.found.partial = true,
                }
            }
            _ => {}
        }
    }
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path == b"." {
        return name.to_vec();
    }
    [path, b"/", name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn counted(path: &Path) -> Count {
        let root = Root::open_at(path, None, None).unwrap();
        count(&root, Reach::Beyond, &mut |_| true).unwrap()
    }

    #[test]
    fn files_directories_and_sizes_are_counted_once_for_each_name() {
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        fs::write(path("a/f"), [0; 1000]).unwrap();
        fs::write(path("a/b/g"), [0; 24]).unwrap();
        fs::write(path(".ftpquota"), "9 9\n").unwrap();
        fs::write(path("a/.ftpquota"), "9 9\n").unwrap();
        let found = counted(base.path());
        let amounts = Amounts {
            files: 4,
            bytes: 1024,
        };
        assert_eq!(
            found,
            Count {
                amounts,
                ..Count::default()
            }
        );
        fs::hard_link(path("a/f"), path("second")).unwrap();
        assert_eq!(counted(base.path()).amounts.bytes, 2024);
    }

    #[test]
    fn links_are_followed_inside_the_root_and_never_in_circles() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("f"), [0; 7]).unwrap();
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        fs::create_dir(path("d")).unwrap();
        fs::write(path("d/f"), [0; 10]).unwrap();
        symlink("d", path("again")).unwrap();
        symlink("..", path("d/up")).unwrap();
        symlink("d/f", path("file")).unwrap();
        symlink("/d/f", path("rooted")).unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        symlink(outside.path(), path("out")).unwrap();
        let found = counted(base.path());
        let amounts = Amounts {
            files: 4,
            bytes: 30,
        };
        assert_eq!(found.amounts, amounts);
        assert!(!found.partial);
    }

    #[test]
    fn a_count_stops_when_it_is_told_to() {
        let base = tempfile::tempdir().unwrap();
        for number in 0..3 {
            fs::create_dir(base.path().join(number.to_string())).unwrap();
        }
        let root = Root::open_at(base.path(), None, None).unwrap();
        let found = count(&root, Reach::Beyond, &mut |_| false).unwrap();
        assert!(found.stopped);
    }
}
