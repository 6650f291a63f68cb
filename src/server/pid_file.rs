//! The file with the server's process number (`-g`): locked as long as the server runs, so that a second server with the same
//! file does not start, and a file that a killed server left is no obstacle.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, unlinkat};

/// Ours, as long as this lives.
pub(super) struct PidFile {
    file: File,
    folder: OwnedFd,
    name: std::ffi::OsString,
}

/// Why there is none.
pub(super) enum NoPidFile {
    /// Another server has it; its number, if it can be read.
    Taken(Option<u32>),
    /// It could not be written.
    Io(io::Error),
}

impl From<io::Error> for NoPidFile {
    fn from(error: io::Error) -> NoPidFile {
        NoPidFile::Io(error)
    }
}

impl PidFile {
    /// Writes the number of this process. No link is followed.
    pub(super) fn write(path: &Path) -> Result<PidFile, NoPidFile> {
        let name = path
            .file_name()
            .ok_or(io::Error::from(io::ErrorKind::IsADirectory))?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // /run is empty after each start of the machine, and Debian's start scripts name a folder of their own in it.
        match std::fs::DirBuilder::new().mode(0o755).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(parent, flags, Mode::empty()).map_err(io::Error::from)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut text = String::new();
            let _ = (&file).take(32).read_to_string(&mut text);
            return Err(NoPidFile::Taken(text.trim().parse().ok()));
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(PidFile {
            file,
            folder,
            name: name.to_owned(),
        })
    }

    /// The directory it is in.
    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Removes it; where the server has given up the right to do so it is left empty.
    pub(super) fn remove(self) {
        if unlinkat(&self.folder, &self.name, AtFlags::empty()).is_err() {
            let _ = self.file.set_len(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path) -> Result<PidFile, Option<u32>> {
        PidFile::write(path).map_err(|error| match error {
            NoPidFile::Taken(number) => number,
            NoPidFile::Io(error) => panic!("{error}"),
        })
    }

    #[test]
    fn the_number_is_there_while_the_server_is_and_only_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/pid");
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(&path, "4000000 left by a server that was killed\n").unwrap();
        let file = write(&path).unwrap_or_else(|number| panic!("{number:?}"));
        let own = std::process::id();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{own}\n"));
        // The lock is the open file's, so a second one in the same process counts as another.
        assert_eq!(write(&path).err(), Some(Some(own)));
        file.remove();
        assert!(!path.exists());
        std::fs::remove_dir_all(folder.path().join("run")).unwrap();
        assert!(write(&path).is_ok());
    }

    #[test]
    fn a_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("pid"), folder.path().join("target"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(matches!(PidFile::write(&path), Err(NoPidFile::Io(_))));
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    }
}
