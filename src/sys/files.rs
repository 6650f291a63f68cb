//! Calls on files that no safe crate covers: closing with the error kept, `fchmodat2`, locks of open files; whether a file could
//! be made, and what is in a small one.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::Access;

/// Closes a descriptor and says what closing found out: network and user-space file systems report failed
/// writes only here (close(2)).
///
/// # Errors
/// What the file system gives (EIO, ENOSPC, EDQUOT). The descriptor is closed in every case.
pub fn close(descriptor: OwnedFd) -> io::Result<()> {
    let raw = descriptor.into_raw_fd();
    // SAFETY: the number came out of an `OwnedFd` that was given up above, so nobody else closes it.
    match unsafe { libc::close(raw) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What a regular file holds, up to `most` bytes of it.
///
/// # Errors
/// What fstat(2) and read(2) give, and for anything that is no regular file.
pub fn read_regular(file: OwnedFd, most: u64) -> io::Result<Vec<u8>> {
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = Vec::new();
    file.take(most).read_to_end(&mut text)?;
    Ok(text)
}

/// Sets the mode of the object a descriptor stands for, also one opened with `O_PATH` (fchmodat2(2), Linux 6.6).
///
/// # Errors
/// ENOSYS (or EPERM from a filter) where the kernel lacks the call; EPERM when the object is not the caller's.
pub fn change_mode(object: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    let empty = c"".as_ptr();
    let number = object.as_raw_fd();
    // SAFETY: the call reads one C string, which is static, and writes no memory.
    let done = unsafe {
        libc::syscall(
            libc::SYS_fchmodat2,
            number,
            empty,
            mode,
            libc::AT_EMPTY_PATH,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes a write lock on the whole file if nobody else holds one (F_OFD_SETLK of fcntl(2)). It keeps out whoever locks by
/// fcntl, in this process too, and is given back when the last descriptor of this open file is closed.
///
/// # Errors
/// EAGAIN (or EACCES) when it is held; what the file system gives; EBADF for a file that was not opened for writing.
pub fn try_lock(file: BorrowedFd<'_>) -> io::Result<()> {
    let request = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: the call reads the structure, which outlives it, and writes no memory.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether a file that is not there could be made: its directory is there and may be written by this process.
///
/// # Errors
/// What access(2) gives.
pub fn may_be_made(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(rustix::fs::access(
        parent,
        Access::WRITE_OK | Access::EXEC_OK,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn closing_a_healthy_file_is_no_error() {
        let file = tempfile::tempfile().unwrap();
        assert!(close(file.into()).is_ok());
    }

    #[test]
    fn the_mode_changes_where_the_kernel_has_the_call() {
        let file = tempfile::NamedTempFile::new().unwrap();
        match change_mode(file.as_file().as_fd(), 0o640) {
            Ok(()) => {
                let mode = file.as_file().metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o7777, 0o640);
            }
            Err(error) => assert!(matches!(
                error.raw_os_error(),
                Some(libc::ENOSYS | libc::EPERM)
            )),
        }
    }

    #[test]
    fn a_lock_keeps_others_out_until_its_file_is_closed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (first, second) = (file.reopen().unwrap(), file.reopen().unwrap());
        try_lock(first.as_fd()).unwrap();
        assert!(try_lock(second.as_fd()).is_err());
        drop(first);
        try_lock(second.as_fd()).unwrap();
    }
}
