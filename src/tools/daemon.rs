//! What programs that run beside the server do at their start: read their options, look at the program they are to run, go
//! into the background, write their process number, give up root's rights. What the options are is left to each of them.

use clap::Parser;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::flags;
use crate::sys::{background, words};
use crate::units::sysexits;

/// Why the program ends: exit status and one line; with status 0 the text for standard output.
pub(super) struct Stop {
    pub(super) status: u8,
    pub(super) text: String,
}

impl Stop {
    pub(super) fn new(status: u8, text: String) -> Stop {
        Stop { status, text }
    }
}

/// Reads the options of a program.
///
/// # Errors
/// With status 0 for `--help` and `--version`, with [`sysexits::USAGE`] for what is missing or not known.
pub(super) fn parse<A: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<A, Stop> {
    A::try_parse_from(arguments).map_err(|error| {
        if error.use_stderr() {
            Stop::new(sysexits::USAGE, flags::mistake(&error))
        } else {
            Stop::new(0, error.render().to_string())
        }
    })
}

/// Looks whether a program can be run by its path alone.
///
/// # Errors
/// Why not.
pub(super) fn check_program(program: &Path) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("cannot run {}: {why}", program.display()));
    if !program.is_absolute() {
        return refuse("expected an absolute path");
    }
    match fs::metadata(program) {
        Err(error) => refuse(&words(&error)),
        Ok(found) if !found.is_file() || found.permissions().mode() & 0o111 == 0 => {
            refuse("it is not an executable file")
        }
        Ok(_) => Ok(()),
    }
}

/// Whom to become.
pub(super) struct Identity {
    uid: Option<Uid>,
    gid: Option<Gid>,
}

impl Identity {
    /// Of `-u` and `-g`. The group of a user without `-g` is the user's own: root's group is left behind in any case.
    ///
    /// # Errors
    /// For a number that no user has, when no group is given.
    pub(super) fn new(uid: Option<u32>, gid: Option<u32>) -> Result<Identity, String> {
        let gid = match (gid, uid) {
            (None, Some(uid)) => match users::get_user_by_uid(uid) {
                Some(user) => Some(user.primary_group_id()),
                None => {
                    return Err(format!(
                        "-u {uid}: there is no such user, so give the group with -g as well"
                    ));
                }
            },
            (gid, _) => gid,
        };
        Ok(Identity {
            uid: uid.map(Uid::from_raw),
            gid: gid.map(Gid::from_raw),
        })
    }

    /// Gives it a file.
    ///
    /// # Errors
    /// What chown(2) gives.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        if self.uid.is_none() && self.gid.is_none() {
            return Ok(());
        }
        Ok(rustix::fs::chown(path, self.uid, self.gid)?)
    }

    /// Becomes it for good, and leaves the directory of the start. The calls act on one thread; threads and programs
    /// that start later inherit the result.
    ///
    /// # Errors
    /// What setgroups(2), setresgid(2), setresuid(2) and chdir(2) give.
    pub(super) fn assume(&self) -> io::Result<()> {
        if let Some(gid) = self.gid {
            set_thread_groups(&[gid])?;
            set_thread_res_gid(gid, gid, gid)?;
        }
        if let Some(uid) = self.uid {
            set_thread_res_uid(uid, uid, uid)?;
        }
        std::env::set_current_dir("/")
    }
}

/// Goes on in a child that no terminal controls; the process that was started ends. Only while there is one thread.
///
/// # Errors
/// What fork(2), setsid(2) and opening /dev/null give.
pub(super) fn detach() -> io::Result<()> {
    background::enter()?.tell()
}

/// Writes the number of this process. The file is made anew: whatever stands there, a link included, is not written to.
///
/// # Errors
/// What unlink(2), open(2) and write(2) give.
pub(super) fn write_process_number(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_run_is_refused_at_the_start() {
        for program in ["true", "/no/such/program", "/etc/passwd", "/"] {
            assert!(check_program(Path::new(program)).is_err(), "{program}");
        }
        assert!(check_program(Path::new("/bin/sh")).is_ok());
    }

    #[test]
    fn s2_a_user_without_a_group_leaves_roots_group() {
        let identity = Identity::new(Some(65534), None).unwrap();
        assert!(identity.gid.is_some_and(|gid| gid.as_raw() != 0));
        assert!(Identity::new(Some(4_000_000), None).is_err());
        assert!(Identity::new(Some(4_000_000), Some(7)).is_ok());
    }

    #[test]
    fn the_process_number_is_written_to_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, target) = (folder.path().join("pid"), folder.path().join("target"));
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &file).unwrap();
        write_process_number(&file).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        let number = format!("{}\n", std::process::id());
        assert_eq!(fs::read_to_string(&file).unwrap(), number);
    }
}
