//! A file that several programs edit at once: locked while it is changed, and replaced whole or not at all.
//!
//! The lock is flock(2) on a file of its own beside it, named with `.lock` behind. It stays when the work is done: taking
//! it away would let two in. Only its owner can open it, so nobody else can keep it locked. Pure-FTPd's pure-pw knows
//! nothing of it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another editor is waited for.
const WAIT: Duration = Duration::from_secs(60);
/// How often the lock is tried meanwhile.
const RETRY: Duration = Duration::from_millis(10);

/// A file that nobody else who asks for its lock changes as long as this lives.
pub(super) struct Locked {
    path: PathBuf,
    _lock: File,
}

impl Locked {
    /// Waits for the lock of the file at `path`, which need not exist. A symbolic link stands for what it leads to.
    ///
    /// # Errors
    /// No right to write beside the file, or somebody holds the lock for a minute.
    pub(super) fn of(path: &Path) -> io::Result<Locked> {
        let path = resolved(path)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(with_suffix(&path, ".lock"))?;
        let limit = Instant::now() + WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { path, _lock: lock }),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() > limit => {
                    let text = "another program keeps it locked";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY),
            }
        }
    }

    /// What the file holds; `None` when there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a new file in place of the old one, on the disk when this returns. It is for its owner only, who stays the
    /// same.
    ///
    /// # Errors
    /// The directory cannot be written or the disk is full; the old file is then as it was.
    pub(super) fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary()?;
        let written = self.write(&temporary, bytes);
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// A name nobody can know before, so that neither an old file nor somebody's link is in the way.
    fn temporary(&self) -> io::Result<PathBuf> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or(OsStr::new("")));
        name.push(format!(".{:016x}.tmp", u64::from_ne_bytes(random)));
        Ok(self.path.with_file_name(name))
    }

    fn write(&self, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(temporary)?;
        file.write_all(bytes)?;
        self.keep_owner(&file)?;
        file.sync_all()?;
        fs::rename(temporary, &self.path)?;
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        File::open(directory)?.sync_all()
    }

    fn keep_owner(&self, new: &File) -> io::Result<()> {
        let Ok(old) = fs::metadata(&self.path) else {
            return Ok(());
        };
        let made = new.metadata()?;
        if (old.uid(), old.gid()) == (made.uid(), made.gid()) {
            return Ok(());
        }
        fchown(new, Some(old.uid()), Some(old.gid()))
    }
}

/// The path without links in it, so that the file itself is replaced.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    if let Ok(whole) = fs::canonicalize(path) {
        if whole.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        return Ok(whole);
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(fs::canonicalize(directory)?.join(name))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn replace(path: &Path, bytes: &[u8]) {
        Locked::of(path)
            .expect("lock")
            .replace(bytes)
            .expect("replaced");
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("directory");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_for_its_owner_and_leaves_nothing_beside_but_its_lock() {
        let home = tempfile::tempdir().expect("directory");
        let path = home.path().join("users");
        assert_eq!(Locked::of(&path).expect("lock").read().expect("read"), None);
        replace(&path, b"one");
        replace(&path, b"two");
        assert_eq!(fs::read(&path).expect("file"), b"two");
        for name in ["users", "users.lock"] {
            let mode = fs::metadata(home.path().join(name))
                .expect("file")
                .permissions()
                .mode();
            assert_eq!(mode & 0o7777, 0o600, "{name}");
        }
        assert_eq!(names(home.path()), ["users", "users.lock"]);
    }

    #[test]
    fn what_stands_in_the_way_of_pure_pw_is_in_nobodys_way() {
        let home = tempfile::tempdir().expect("directory");
        let path = home.path().join("users");
        for stale in ["users.tmp", ".users.tmp", "users.index", "users.data"] {
            fs::write(home.path().join(stale), "stale").expect("stale");
        }
        replace(&path, b"new");
        assert_eq!(fs::read(&path).expect("file"), b"new");
        assert_eq!(
            fs::read(home.path().join("users.tmp")).expect("stale"),
            b"stale"
        );
    }

    #[test]
    fn f1_a_link_is_followed_once_and_its_goal_replaced() {
        let home = tempfile::tempdir().expect("directory");
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        fs::write(&real, "old").expect("file");
        symlink("real", &link).expect("link");
        replace(&link, b"new");
        assert_eq!(fs::read(&real).expect("file"), b"new");
        assert!(fs::symlink_metadata(&link).expect("link").is_symlink());
    }

    #[test]
    fn a_link_in_place_of_the_lock_is_refused() {
        let home = tempfile::tempdir().expect("directory");
        symlink("elsewhere", home.path().join("users.lock")).expect("link");
        assert!(Locked::of(&home.path().join("users")).is_err());
        assert!(!home.path().join("elsewhere").exists());
    }

    #[test]
    fn the_lock_keeps_a_second_one_waiting() {
        let home = tempfile::tempdir().expect("directory");
        let path = home.path().join("users");
        let first = Locked::of(&path).expect("lock");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Locked::of(&path).map(|second| second.read()));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!second.is_finished());
            first.replace(b"from the first").expect("replaced");
            drop(first);
            let seen = second.join().expect("thread").expect("lock").expect("read");
            assert_eq!(seen.as_deref(), Some(&b"from the first"[..]));
        });
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let home = tempfile::tempdir().expect("directory");
        assert!(Locked::of(&home.path().join("none/users")).is_err());
        fs::create_dir(home.path().join("users")).expect("directory");
        assert!(Locked::of(&home.path().join("users")).is_err());
        assert_eq!(names(home.path()), ["users"]);
    }
}
