//! The socket that servers connect to: for its owner alone, in place of one that a former run left behind, and never in
//! place of anything else.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::Mode;

/// Listens at that path. To be called while there is one thread, since it sets the process's umask for a moment.
///
/// # Errors
/// `AddrInUse` when something answers there, or something other than a socket is there.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    make_room(path)?;
    // Between bind(2) and chmod(2) others could connect.
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    bound
}

fn make_room(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            Err(in_use("something that is no socket is there"))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => Err(in_use("another program answers there")),
        Ok(_) => std::fs::remove_file(path),
    }
}

fn in_use(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_socket_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_left_over_socket_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = bind(&path).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        drop(bind(&path).unwrap());
        let file = folder.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        assert_eq!(bind(&file).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(bind(&link).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    }
}
