//! The file `.ftpquota` at the top of an account's tree, shared with Pure-FTPd and its pure-quotacheck.
//!
//! Its first line is `FILES SIZE`, in decimal: what the account has, and what servers at work keep for uploads under way.
//! While they keep something a second line says how much of the first that is, `reserved FILES SIZE`; Pure-FTPd reads over it.
//! A second line that no server stands behind is what a killed one left: the tree must be counted again. Who reads and
//! changes the file holds a lock of fcntl(2) on it, as Pure-FTPd does; a server with a session of the account holds
//! besides a lock of flock(2), which those do not meet, to show that it is alive.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstatfs, ftruncate, openat};
use rustix::io::{Errno, pread, pwrite};

use super::super::is;
use super::super::stat::{Kind, Stat};
use super::Amounts;
use crate::sys;

/// Its name. Clients never see it and never touch it.
pub(super) const NAME: &[u8] = b".ftpquota";

/// More than the longest text of two lines.
const LONGEST: usize = 200;

/// How long to wait between two looks at a lock that is held.
const PAUSE: Duration = Duration::from_millis(2);

/// File systems on which a lock of flock(2) is turned into one of fcntl(2), which would keep the server itself out (NFS,
/// SMB, 9P); numbers of statfs(2).
const ONE_KIND_OF_LOCK: [u32; 5] = [
    0x0000_6969,
    0xff53_4d42,
    0xfe53_4d42,
    0x0000_517b,
    0x0102_1997,
];

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// What the account has, the reserve included.
    pub(super) total: Amounts,
    /// What is kept for uploads under way.
    pub(super) reserved: Amounts,
}

/// A reserve of nothing that can be kept: asks for a new count.
pub(super) const DOUBT: Amounts = Amounts { files: 0, bytes: 1 };

impl Entry {
    /// Reads the text of the file; none where it is empty, as a new one of Pure-FTPd is.
    fn parse(text: &[u8]) -> Option<Option<Entry>> {
        if text.is_empty() {
            return Some(None);
        }
        let mut lines = text.splitn(2, |byte| *byte == b'\n');
        let total = pair(lines.next()?)?;
        let rest = lines.next().unwrap_or_default();
        let reserved = match rest {
            [] => Amounts::NONE,
            // Something else there is the rest of a broken write.
            _ => rest
                .strip_prefix(b"reserved ")
                .and_then(|rest| rest.strip_suffix(b"\n"))
                .and_then(pair)
                .unwrap_or(DOUBT),
        };
        Some(Some(Entry { total, reserved }))
    }

    fn text(&self) -> String {
        let (total, reserved) = (self.total, self.reserved);
        match reserved {
            Amounts::NONE => format!("{} {}\n", total.files, total.bytes),
            _ => format!(
                "{} {}\nreserved {} {}\n",
                total.files, total.bytes, reserved.files, reserved.bytes
            ),
        }
    }
}

/// `FILES SIZE`.
fn pair(line: &[u8]) -> Option<Amounts> {
    let mut numbers = line.splitn(2, |byte| *byte == b' ');
    let (files, bytes) = (number(numbers.next()?)?, number(numbers.next()?)?);
    Some(Amounts { files, bytes })
}

fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The file, opened for one look and change.
pub(super) struct QuotaFile {
    file: OwnedFd,
    stat: Stat,
}

impl QuotaFile {
    /// Opens the file in the directory `root`, and makes it where it is missing.
    ///
    /// # Errors
    /// What openat(2) gives; [`io::ErrorKind::InvalidData`] for anything but a regular file.
    pub(super) fn open(root: impl AsFd) -> io::Result<QuotaFile> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let file = match openat(root, NAME, flags, Mode::from_raw_mode(0o600)) {
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::NODEV) => return Err(broken()),
            opened => opened?,
        };
        let stat = Stat::of(&file)?;
        match stat.kind {
            Kind::File => Ok(QuotaFile { file, stat }),
            _ => Err(broken()),
        }
    }

    /// The facts of the file.
    pub(super) fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Waits for the lock of fcntl(2), which ends with this value.
    ///
    /// # Errors
    /// EAGAIN when somebody else holds it for longer than `patience`; what the file system gives.
    pub(super) fn lock(&self, patience: Duration) -> io::Result<()> {
        let until = Instant::now() + patience;
        loop {
            match sys::files::try_lock(self.file.as_fd()) {
                Err(error) if is(&error, Errno::AGAIN) || is(&error, Errno::ACCESS) => {
                    if Instant::now() >= until {
                        return Err(Errno::AGAIN.into());
                    }
                    sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// What it says; none where it is empty. The lock is held.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for another text; what pread(2) gives.
    pub(super) fn read(&self) -> io::Result<Option<Entry>> {
        let mut text = [0; LONGEST];
        let mut length = 0;
        while length < text.len() {
            match pread(&self.file, &mut text[length..], length as u64) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if length == LONGEST {
            return Err(broken());
        }
        Entry::parse(&text[..length]).ok_or_else(broken)
    }

    /// Replaces what it says, without a moment in which it would say less. The lock is held.
    ///
    /// # Errors
    /// What pwrite(2) and ftruncate(2) give (ENOSPC, EDQUOT).
    pub(super) fn write(&self, entry: &Entry) -> io::Result<()> {
        let text = entry.text();
        let written = loop {
            match pwrite(&self.file, text.as_bytes(), 0) {
                Err(Errno::INTR) => {}
                result => break result?,
            }
        };
        if written != text.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(ftruncate(&self.file, text.len() as u64)?)
    }

    /// Shows that a server is at work here, until this value ends. Not where another makes sure to be alone.
    ///
    /// # Errors
    /// What flock(2) gives; [`io::ErrorKind::Unsupported`] where the file system does not keep the two kinds of locks apart.
    pub(super) fn show_life(&self) -> io::Result<bool> {
        // The magic number has 32 bits; the field's width and sign differ between machines.
        if ONE_KIND_OF_LOCK.contains(&(fstatfs(&self.file)?.f_type as u32)) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        held(flock(&self.file, FlockOperation::NonBlockingLockShared))
    }

    /// Makes sure that no other server is at work here, until this value ends or [`QuotaFile::show_life`] is called.
    ///
    /// # Errors
    /// What flock(2) gives.
    pub(super) fn be_alone(&self) -> io::Result<bool> {
        held(flock(&self.file, FlockOperation::NonBlockingLockExclusive))
    }
}

fn held(outcome: Result<(), Errno>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;

    fn entry(total: (u64, u64), reserved: (u64, u64)) -> Entry {
        let amounts = |(files, bytes)| Amounts { files, bytes };
        Entry {
            total: amounts(total),
            reserved: amounts(reserved),
        }
    }

    #[test]
    fn the_text_is_pure_ftpds() {
        assert_eq!(entry((2, 1010), (0, 0)).text(), "2 1010\n");
        assert_eq!(
            entry((2, 1010), (1, 500)).text(),
            "2 1010\nreserved 1 500\n"
        );
        for whole in [entry((0, 0), (0, 0)), entry((u64::MAX, 7), (0, u64::MAX))] {
            assert_eq!(Entry::parse(whole.text().as_bytes()), Some(Some(whole)));
            assert!(whole.text().len() < LONGEST);
        }
        assert_eq!(Entry::parse(b""), Some(None));
        assert_eq!(Entry::parse(b"3 4"), Some(Some(entry((3, 4), (0, 0)))));
    }

    #[test]
    fn f14_another_text_is_no_count_of_nothing() {
        for text in [
            &b"\n"[..],
            b"garbage",
            b"5\n",
            b"-1 5\n",
            b"1 -5\n",
            b"1 5x\n",
            b" 1 5\n",
            b"1  5\n",
            b"18446744073709551616 0\n",
            b"\0\0\0",
        ] {
            assert_eq!(Entry::parse(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn the_rest_of_a_broken_write_asks_for_a_count() {
        for text in [&b"9 5\n9\n"[..], b"9 5\nreserved 1", b"9 5\n\n"] {
            let read = Entry::parse(text).flatten().unwrap();
            assert_eq!(read.total, Amounts { files: 9, bytes: 5 });
            assert_ne!(read.reserved, Amounts::NONE);
        }
    }

    #[test]
    fn a_file_that_is_missing_is_made_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let root = File::open(directory.path()).unwrap();
        let file = QuotaFile::open(&root).unwrap();
        assert_eq!(file.read().unwrap(), None);
        let path = directory.path().join(".ftpquota");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7177, 0);
        file.write(&entry((10, 12345), (1, 1))).unwrap();
        file.write(&entry((9, 5), (0, 0))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"9 5\n");
        assert_eq!(file.read().unwrap(), Some(entry((9, 5), (0, 0))));
    }

    #[test]
    fn links_directories_and_pipes_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let root = File::open(directory.path()).unwrap();
        let path = directory.path().join(".ftpquota");
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        let kind = || QuotaFile::open(&root).map(drop).unwrap_err().kind();
        assert_eq!(kind(), io::ErrorKind::InvalidData);
        fs::remove_file(&path).unwrap();
        assert!(!directory.path().join("elsewhere").exists());
        fs::create_dir(&path).unwrap();
        assert_eq!(kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn locks_of_both_kinds_are_met_by_their_own_kind_only() {
        let directory = tempfile::tempdir().unwrap();
        let root = File::open(directory.path()).unwrap();
        let open = || QuotaFile::open(&root).unwrap();
        let (first, second, third) = (open(), open(), open());
        first.lock(Duration::ZERO).unwrap();
        assert!(second.lock(Duration::from_millis(10)).is_err());
        assert!(second.show_life().unwrap() && third.show_life().unwrap());
        assert!(!third.be_alone().unwrap());
        drop(second);
        assert!(third.be_alone().unwrap());
        assert!(!first.show_life().unwrap());
        drop(first);
        third.lock(Duration::ZERO).unwrap();
    }
}
