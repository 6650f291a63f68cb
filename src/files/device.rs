//! What kind of storage a file system is, which decides where its calls may run.
//!
//! Magic numbers are those of statfs(2). A name missing here counts as [`Medium::Other`]: slower, never wrong.
//! overlayfs is left out on purpose: what lies below it may be a network.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, StatxFlags, fstatfs, statx};

/// Mounts remembered at most; beyond them the oldest is forgotten.
const MOST_REMEMBERED: usize = 64;

/// A mount as the kernel numbers it: device and mount number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    device: (u32, u32),
    number: u64,
}

thread_local! {
    static REMEMBERED: RefCell<Vec<(Mount, Medium)>> = const { RefCell::new(Vec::new()) };
}

impl Mount {
    /// The mount `file` is on, from what the kernel has at hand; none on kernels that do not number mounts.
    pub(super) fn of(file: impl AsFd) -> Option<Mount> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let facts = statx(file, c"", flags, StatxFlags::MNT_ID).ok()?;
        (facts.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(Mount {
            device: (facts.stx_dev_major, facts.stx_dev_minor),
            number: facts.stx_mnt_id,
        })
    }

    /// What was found out about it before, by this thread.
    pub(super) fn medium(self) -> Option<Medium> {
        REMEMBERED.with_borrow(|known| {
            let known = known.iter().find(|(mount, _)| *mount == self);
            known.map(|(_, medium)| *medium)
        })
    }

    /// Remembers what was found out about it.
    pub(super) fn remember(self, medium: Medium) {
        REMEMBERED.with_borrow_mut(|known| {
            if known.len() >= MOST_REMEMBERED {
                known.remove(0);
            }
            known.push((self, medium));
        });
    }
}

/// How long calls on a file system may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// Lives in memory: no call sleeps on a device.
    Memory,
    /// A local disk whose cached names and pages can be used without sleeping.
    Local,
    /// Anything else: every call may sleep for as long as it likes.
    Other,
}

const MEMORY: &[u32] = &[
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
];

const LOCAL: &[u32] = &[
    0x0000_ef53, // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0xf2f5_2010, // f2fs
    0xca45_1a4e, // bcachefs
    0x3153_464a, // jfs
    0x5265_4973, // reiserfs
    0x0000_3434, // nilfs2
    0x2011_bab0, // exfat
    0x0000_4d44, // vfat
    0x7366_746e, // ntfs3
    0x0000_9660, // iso9660
    0x7371_7368, // squashfs
    0xe0f5_e1e2, // erofs
];

impl Medium {
    /// The medium `file` is on. Asks its file system, so it may sleep.
    pub(super) fn of(file: impl AsFd) -> io::Result<Medium> {
        // The magic number has 32 bits; the field's width and sign differ between machines.
        Ok(Medium::of_magic(fstatfs(file)?.f_type as u32))
    }

    fn of_magic(magic: u32) -> Medium {
        if MEMORY.contains(&magic) {
            Medium::Memory
        } else if LOCAL.contains(&magic) {
            Medium::Local
        } else {
            Medium::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn known_media_are_told_apart() {
        assert_eq!(
            Medium::of(File::open("/dev/shm").unwrap()).unwrap(),
            Medium::Memory
        );
        assert_eq!(Medium::of_magic(0xef53), Medium::Local);
    }

    #[test]
    fn what_is_not_known_counts_as_slow() {
        let (fuse, overlay) = (0x6573_5546, 0x794c_7630);
        assert_eq!(Medium::of_magic(fuse), Medium::Other);
        assert_eq!(Medium::of_magic(overlay), Medium::Other);
    }
}
