//! The upload pipe of `-o`: a named pipe (fifo(7)) for its owner alone, made by whoever comes first, the server or
//! `wharf-uploadscript`. What goes through it is the matter of `session::announce` and `tools::uploadscript`.
//!
//! Both ends open it for reading and writing: then neither waits for the other, and what is in it outlives a reader that
//! is started again. Pure-FTPd's programs, which do wait, find in ours what they wait for.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, mknodat};
use rustix::io::Errno;

/// Opens the pipe, not to block, and makes it if it is missing.
///
/// # Errors
/// What mknod(2) and open(2) give; [`io::ErrorKind::InvalidInput`] for what is no pipe, or one that is not for this user
/// alone: others could write names there, or read them.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags =
        OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            make(path)?;
            rustix::fs::open(path, flags, Mode::empty())?
        }
        opened => opened?,
    };
    check(&opened)?;
    Ok(opened)
}

fn make(path: &Path) -> io::Result<()> {
    let mode = Mode::RUSR | Mode::WUSR;
    match mknodat(CWD, path, FileType::Fifo, mode, 0) {
        // The other end was quicker.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn check(pipe: &OwnedFd) -> io::Result<()> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let found = fstat(pipe)?;
    let own = rustix::process::geteuid().as_raw();
    match () {
        () if FileType::from_raw_mode(found.st_mode) != FileType::Fifo => {
            refuse("it is not a named pipe")
        }
        () if found.st_uid != own => refuse("it belongs to another user"),
        // pure-uploadscript takes it with no other mode.
        () if found.st_mode & 0o7777 != 0o600 => refuse("its mode is not 0600"),
        () => Ok(()),
    }
}

/// Whether some program has the pipe open for reading.
pub(crate) fn is_read(path: &Path) -> bool {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags | OFlags::NOCTTY, Mode::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::io::{PipeReader, PipeWriter, Read, Write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn either_end_makes_the_pipe_and_neither_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(!is_read(&path));
        let one = open(&path).unwrap();
        assert!(is_read(&path));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        PipeWriter::from(one.try_clone().unwrap())
            .write_all(b"before")
            .unwrap();
        let mut other = PipeReader::from(open(&path).unwrap());
        drop(one);
        let mut read = [0; 6];
        other.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"before");
        let error = other.read(&mut read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn l8_a_pipe_that_others_could_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |name: &str| open(&path(name)).unwrap_err().kind();
        fs::write(path("file"), "").unwrap();
        assert_eq!(refused("file"), io::ErrorKind::InvalidInput);
        drop(open(&path("pipe")).unwrap());
        symlink("pipe", path("link")).unwrap();
        assert!(open(&path("link")).is_err());
        fs::set_permissions(path("pipe"), Permissions::from_mode(0o622)).unwrap();
        assert_eq!(refused("pipe"), io::ErrorKind::InvalidInput);
        assert!(open(&path("no/such/folder")).is_err());
        if rustix::process::geteuid().is_root() {
            fs::set_permissions(path("pipe"), Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(path("pipe"), Some(65534), None).unwrap();
            assert_eq!(refused("pipe"), io::ErrorKind::InvalidInput);
        }
    }
}
