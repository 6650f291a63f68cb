//! Builds served trees from the `tree` and `beside` lines of conversation scripts.
//! What a line may say is described at the top of tests/conversations.rs; reading its words is left to `script`.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::server::Account;

/// One name of a tree.
#[derive(Clone)]
pub(crate) struct Entry {
    path: PathBuf,
    kind: Kind,
    mode: Option<u32>,
    modified: Option<SystemTime>,
    anonymous: bool,
}

#[derive(Clone)]
enum Kind {
    Directory,
    File(Vec<u8>),
    /// So many zero bytes that take no room.
    Sparse(u64),
    Link(PathBuf),
    Fifo,
}

impl Entry {
    /// Reads the words of a `tree` line: the path (a directory when it ends with `/`) and what it is like.
    pub(crate) fn parse(words: &[Vec<u8>]) -> Result<Entry, String> {
        let (name, rest) = words.split_first().ok_or("a tree line needs a path")?;
        let directory = name.ends_with(b"/") || name == b".";
        let mut entry = Entry {
            path: path_of(name),
            kind: if directory {
                Kind::Directory
            } else {
                Kind::File(Vec::new())
            },
            mode: None,
            modified: None,
            anonymous: false,
        };
        for word in rest {
            entry.set(word)?;
        }
        Ok(entry)
    }

    fn set(&mut self, word: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(word).into_owned();
        let (key, value) = text.split_once('=').unwrap_or((&text, ""));
        match key {
            "content" => self.kind = Kind::File(word["content=".len()..].to_vec()),
            "size" => self.kind = Kind::File(vec![b'x'; number(value, 10)?]),
            "sparse" => self.kind = Kind::Sparse(number(value, 10)?),
            "link" => self.kind = Kind::Link(path_of(&word["link=".len()..])),
            "fifo" => self.kind = Kind::Fifo,
            "mode" => self.mode = Some(number(value, 8)?),
            "mtime" => self.modified = Some(moment(value)?),
            "owner" if value == "anonymous" => self.anonymous = true,
            _ => return Err(format!("a tree line cannot say {text:?}")),
        }
        Ok(())
    }

    /// Makes the name below `root`. Without root, `owner=anonymous` is what every file is already.
    pub(crate) fn plant(&self, root: &Path, account: Option<&Account>) -> io::Result<()> {
        let path = root.join(&self.path);
        match &self.kind {
            Kind::Directory => fs::create_dir_all(&path)?,
            Kind::File(content) => File::create(&path)?.write_all(content)?,
            Kind::Sparse(size) => File::create(&path)?.set_len(*size)?,
            Kind::Link(target) => return symlink(target, &path),
            Kind::Fifo => mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?,
        }
        let mode = match self.kind {
            Kind::Directory => 0o755,
            _ => 0o644,
        };
        fs::set_permissions(&path, Permissions::from_mode(self.mode.unwrap_or(mode)))?;
        if let (true, Some(account)) = (self.anonymous, account) {
            chown(&path, Some(account.uid), Some(account.gid))?;
        }
        Ok(())
    }

    /// Sets the time of the last change; to be done when everything is planted, because that changes directories.
    pub(crate) fn date(&self, root: &Path) -> io::Result<()> {
        match self.modified {
            Some(time) => File::open(root.join(&self.path))?.set_modified(time),
            None => Ok(()),
        }
    }
}

/// Plants `entries` below `root` in order.
pub(crate) fn plant(
    entries: &[Entry],
    root: &Path,
    account: Option<&Account>,
) -> Result<(), String> {
    for entry in entries {
        let failed = |e: io::Error| format!("cannot make {}: {e}", entry.path.display());
        entry.plant(root, account).map_err(failed)?;
    }
    for entry in entries {
        let failed = |e: io::Error| format!("cannot date {}: {e}", entry.path.display());
        entry.date(root).map_err(failed)?;
    }
    Ok(())
}

/// The path the bytes of a script name.
pub(crate) fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}

/// A number in `base`.
pub(crate) fn number<N: TryFrom<u64>>(text: &str, base: u32) -> Result<N, String> {
    let wrong = || format!("not a number: {text:?}");
    let number = u64::from_str_radix(text, base).map_err(|_| wrong())?;
    N::try_from(number).map_err(|_| wrong())
}

/// `YYYYMMDDHHMMSS` in UTC.
fn moment(text: &str) -> Result<SystemTime, String> {
    let wrong = || format!("not a time: {text:?}");
    let when = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text).map_err(|_| wrong())?;
    let zoned = when
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| wrong())?;
    let seconds = u64::try_from(zoned.timestamp().as_second()).map_err(|_| wrong())?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
