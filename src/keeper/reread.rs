//! A file of accounts, or of their names, that is read anew when it changes, and stays in force as it last was when what
//! came is broken.
//!
//! Whether it changed is asked at each login, by stat(2), so that a file put in place by rename(2) holds for the next
//! login and one that is being written for none that it would break.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::sys::words;

/// The largest file that is read; Pure-FTPd's format ends at 4 GiB, and this is some hundred thousand users.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What a file was when it was read: another one differs in one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The content of a file in a form of its own, as of the last time it was whole.
pub(super) struct Reread<T> {
    path: PathBuf,
    read: fn(&Metadata, Vec<u8>) -> Result<T, String>,
    content: T,
    /// What was last looked at, good or broken; none for a file that was not there.
    seen: Option<Stamp>,
    complaint: Option<String>,
}

impl<T> Reread<T> {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub(super) fn open(
        path: impl AsRef<Path>,
        read: fn(&Metadata, Vec<u8>) -> Result<T, String>,
    ) -> Result<Reread<T>, String> {
        let path = path.as_ref().to_owned();
        let (stamp, bytes) = load(&path).map_err(|error| named(&path, &words(&error)))?;
        let content = bytes
            .and_then(|(metadata, bytes)| read(&metadata, bytes))
            .map_err(|what| named(&path, &what))?;
        Ok(Reread {
            path,
            read,
            content,
            seen: Some(stamp),
            complaint: None,
        })
    }

    /// The content in force, after a look at the file.
    pub(super) fn current(&mut self) -> &T {
        let now = std::fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata));
        if now.as_ref().ok() != self.seen.as_ref() {
            self.reload();
        }
        &self.content
    }

    /// What is wrong with the newest file, once for each change of it.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    fn reload(&mut self) {
        let loaded = load(&self.path);
        self.seen = loaded.as_ref().ok().map(|(stamp, _)| *stamp);
        let read = loaded
            .map_err(|error| words(&error))
            .and_then(|(_, bytes)| bytes)
            .and_then(|(metadata, bytes)| (self.read)(&metadata, bytes));
        match read {
            Ok(content) => (self.content, self.complaint) = (content, None),
            Err(what) => {
                let what = named(&self.path, &what);
                self.complaint = Some(format!("{what}; its last good content stays in force"));
            }
        }
    }
}

fn named(path: &Path, what: &dyn std::fmt::Display) -> String {
    format!("{}: {what}", path.display())
}

type Bytes = Result<(Metadata, Vec<u8>), String>;

/// The bytes of a file and what it was: one that changed while it was read is not whole.
fn load(path: &Path) -> io::Result<(Stamp, Bytes)> {
    // The path may lead to a FIFO by now, whose open would wait for a writer.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    let stamp = Stamp::of(&metadata);
    if !metadata.is_file() {
        return Ok((stamp, Err("not a regular file".to_owned())));
    }
    if metadata.size() > LARGEST {
        return Ok((stamp, Err("larger than 256 MiB".to_owned())));
    }
    let mut bytes = Vec::new();
    (&file).take(LARGEST).read_to_end(&mut bytes)?;
    if Stamp::of(&file.metadata()?) != stamp {
        return Ok((stamp, Err("it was being written".to_owned())));
    }
    Ok((stamp, Ok((metadata, bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(_: &Metadata, bytes: Vec<u8>) -> Result<u32, String> {
        let text = String::from_utf8(bytes).map_err(|_| "not text".to_owned())?;
        text.trim().parse().map_err(|_| "not a number".to_owned())
    }

    fn put(path: &Path, text: &str) {
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, path).unwrap();
    }

    #[test]
    fn a_new_file_holds_at_once_and_a_broken_or_vanished_one_leaves_the_last_good_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "1").unwrap();
        let mut file = Reread::open(path.to_str().unwrap(), number).unwrap();
        assert_eq!((*file.current(), file.complaint()), (1, None));
        put(&path, "2");
        assert_eq!((*file.current(), file.complaint()), (2, None));
        put(&path, "x");
        assert_eq!(*file.current(), 2);
        let said = file.complaint().expect("a broken file is complained about");
        assert!(said.contains("file: not a number"), "{said}");
        assert_eq!((*file.current(), file.complaint()), (2, None), "said once");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(*file.current(), 2);
        assert!(
            file.complaint()
                .is_some_and(|said| said.contains("No such file"))
        );
        assert_eq!((*file.current(), file.complaint()), (2, None), "said once");
        put(&path, "3");
        assert_eq!((*file.current(), file.complaint()), (3, None));
    }

    #[test]
    fn what_is_missing_broken_or_no_file_at_the_start_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| Reread::open(path.to_str().unwrap(), number).err().unwrap();
        assert!(refused(&folder.path().join("none")).contains("none: No such file"));
        assert!(refused(folder.path()).contains("not a regular file"));
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        assert!(refused(&path).contains("not a number"));
    }
}
