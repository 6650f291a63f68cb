//! Home directories: opening one as the root of a session, and making one that is missing.
//!
//! A path of the user database is walked component by component. A link on the way is followed only if it does not belong
//! to the user: who may replace a part of the own home by a link could otherwise choose where the session is rooted
//! (CVE-2017-7418 of another server).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use rustix::fs::{
    Access, AtFlags, FileType, Gid, Mode, OFlags, Uid, accessat, fchmod, fchown, mkdirat, openat,
    readlinkat, statat,
};
use rustix::io::Errno;

/// Links followed at most on the way to a home.
const MOST_LINKS: usize = 40;

/// Opens an absolute path as a directory, for resolving names below it.
///
/// # Errors
/// What the kernel gives; ELOOP for a link of the user's own.
pub fn open_root(path: &Path, uid: u32) -> io::Result<OwnedFd> {
    let mut walk = Walk::new(path)?;
    while let Some(name) = walk.next_name() {
        walk.enter(&name, uid)?;
    }
    Ok(walk.directory)
}

/// Whether this thread may make names in a directory, with the rights it has taken.
///
/// # Errors
/// What faccessat2(2) gives, where that says neither yes nor no.
pub fn is_writable(directory: impl AsFd) -> io::Result<bool> {
    match accessat(directory, ".", Access::WRITE_OK, AtFlags::EACCESS) {
        Ok(()) => Ok(true),
        Err(Errno::ACCESS | Errno::ROFS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes a home and the directories above it that are missing: those with mode 0755 and owner root, the home with mode 0777
/// less `umask` for the user.
///
/// # Errors
/// What the kernel gives; ELOOP for a link of the user's own.
pub fn make(path: &Path, uid: u32, gid: u32, umask: u32) -> io::Result<()> {
    let mut walk = Walk::new(path)?;
    while let Some(name) = walk.next_name() {
        match walk.enter(&name, uid) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            entered => {
                entered?;
                continue;
            }
        }
        let is_home = walk.is_done();
        let mode = if is_home { 0o700 } else { 0o755 };
        match mkdirat(&walk.directory, name.as_os_str(), Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        if !is_home {
            walk.enter(&name, uid)?;
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let home = openat(&walk.directory, name.as_os_str(), flags, Mode::empty())?;
        fchmod(&home, Mode::from_raw_mode(0o777 & !umask))?;
        fchown(&home, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    Ok(())
}

/// The way to a directory: where we are, and the names still to come (the next one last).
struct Walk {
    directory: OwnedFd,
    names: Vec<OsString>,
    links: usize,
}

impl Walk {
    fn new(path: &Path) -> io::Result<Walk> {
        if !path.is_absolute() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut walk = Walk {
            directory: open_directory(rustix::fs::CWD, OsStr::new("/"))?,
            names: Vec::new(),
            links: 0,
        };
        walk.push(path);
        Ok(walk)
    }

    fn push(&mut self, path: &Path) {
        let names = path.components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        let at = self.names.len();
        self.names.extend(names);
        self.names[at..].reverse();
    }

    fn next_name(&mut self) -> Option<OsString> {
        self.names.pop()
    }

    fn is_done(&self) -> bool {
        self.names.is_empty()
    }

    fn enter(&mut self, name: &OsStr, uid: u32) -> io::Result<()> {
        let stat = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            self.directory = open_directory(&self.directory, name)?;
            return Ok(());
        }
        self.links += 1;
        if stat.st_uid == uid && uid != 0 || self.links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = readlinkat(&self.directory, name, Vec::new())?.into_bytes();
        let target = OsString::from_vec(target);
        if target.as_bytes().first() == Some(&b'/') {
            self.directory = open_directory(rustix::fs::CWD, OsStr::new("/"))?;
        }
        self.push(Path::new(&target));
        Ok(())
    }
}

fn open_directory(at: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn f5_a_link_of_the_user_is_not_followed_one_of_another_is() {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(base.path().join("real/home")).unwrap();
        symlink("real", base.path().join("link")).unwrap();
        let through = base.path().join("link/home");
        if own_uid() == 0 {
            assert!(open_root(&through, 1234).is_ok());
            rustix::fs::chownat(
                rustix::fs::CWD,
                base.path().join("link"),
                Some(Uid::from_raw(1234)),
                None,
                AtFlags::SYMLINK_NOFOLLOW,
            )
            .unwrap();
            let refused = open_root(&through, 1234).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::ELOOP));
        } else {
            let refused = open_root(&through, own_uid()).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::ELOOP));
        }
    }

    #[test]
    fn a_missing_home_is_made_with_its_parents() {
        let base = tempfile::tempdir().unwrap();
        let home = base.path().join("a/b/joe");
        make(&home, own_uid(), rustix::process::getegid().as_raw(), 0o027).unwrap();
        assert_eq!(std::fs::metadata(&home).unwrap().mode() & 0o7777, 0o750);
        assert_eq!(
            std::fs::metadata(home.parent().unwrap()).unwrap().mode() & 0o7777,
            0o755
        );
        assert!(open_root(&home, own_uid()).is_ok());
    }

    #[test]
    fn links_in_a_circle_end() {
        let base = tempfile::tempdir().unwrap();
        symlink("b", base.path().join("a")).unwrap();
        symlink("a", base.path().join("b")).unwrap();
        assert!(open_root(&base.path().join("a"), 4_000_000).is_err());
    }

    #[test]
    fn a_relative_path_is_no_home() {
        assert!(open_root(Path::new("home"), 1).is_err());
    }
}
