//! Finding the server and becoming it. There is no child: signals, descriptors and the process number stay, so the wrapper
//! can stand in inetd.conf, in a unit or at the start of a container. Descriptors 0, 1 and 2 are passed on as they came.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::units::sysexits;

/// The server's name.
pub const SERVER: &str = "wharf-ftpd";

/// The server beside this program, else the first in PATH.
pub fn find_server() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok()?.with_file_name(SERVER);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(beside)
        .chain(std::env::split_paths(&path).map(|folder| folder.join(SERVER)))
        .find(|program| is_program(program))
}

/// Whether this can be run.
pub fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Becomes the server; returns only when that fails, with exit status and reason.
pub fn become_server(server: &Path, words: &[OsString]) -> (u8, io::Error) {
    let error = Command::new(server).args(words).exec();
    let status = match error.kind() {
        ErrorKind::NotFound => sysexits::UNAVAILABLE,
        ErrorKind::PermissionDenied => sysexits::PERMISSION,
        _ => sysexits::SYSTEM,
    };
    (status, error)
}
