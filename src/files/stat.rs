//! What is known of one object in the tree (stat(2)).

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, fstat, statat};

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file: the only kind whose content is served or written.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device, and whatever the kernel may add one day.
    CharDevice,
    /// A block device.
    BlockDevice,
}

impl Kind {
    fn of_mode(mode: u32) -> Kind {
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::BlockDevice => Kind::BlockDevice,
            FileType::CharacterDevice | FileType::Unknown => Kind::CharDevice,
        }
    }
}

/// The facts of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits (`0o7777`), without the kind.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Time of last modification, in seconds since 1970 (UTC).
    pub modified: i64,
    /// The nanoseconds of that time.
    pub modified_nanos: u32,
    /// The device it is on.
    pub device: u64,
    /// Its number on that device.
    pub inode: u64,
}

impl Stat {
    /// The facts of an open object (also one opened with `O_PATH`).
    pub(super) fn of(object: impl AsFd) -> io::Result<Stat> {
        Ok(fstat(object)?.into())
    }

    /// The facts of the entry `name` of `directory`; a link is not followed.
    pub(super) fn at(directory: impl AsFd, name: &[u8]) -> io::Result<Stat> {
        Ok(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.into())
    }

    /// As [`Stat::at`], but with what the kernel knows without asking a file server or user-space process, so that an
    /// entry something is mounted on never makes the caller wait. The kind is right, the rest may be old.
    pub(super) fn at_cached(directory: impl AsFd, name: &[u8]) -> io::Result<Stat> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        Ok(statat(directory, name, flags)?.into())
    }

    /// Whether both are facts of one object.
    pub fn is_same_object(&self, other: &Stat) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

// The widths of these fields differ between machines.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
impl From<rustix::fs::Stat> for Stat {
    fn from(raw: rustix::fs::Stat) -> Stat {
        Stat {
            kind: Kind::of_mode(raw.st_mode),
            mode: raw.st_mode & 0o7777,
            links: raw.st_nlink as u64,
            uid: raw.st_uid,
            gid: raw.st_gid,
            size: u64::try_from(raw.st_size).unwrap_or(0),
            modified: raw.st_mtime as i64,
            modified_nanos: raw.st_mtime_nsec as u32,
            device: raw.st_dev as u64,
            inode: raw.st_ino as u64,
        }
    }
}
