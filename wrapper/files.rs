//! Reading configuration files: only those that nobody but root and the caller can have written.
//!
//! A file is opened once and asked through its descriptor who owns it, so what is checked is what is read. It must be a
//! regular file that belongs to root or to whoever runs the wrapper, not writable by group or others (vsftpd asks for the
//! same), and of bounded size. How deep files include each other, and how much is read in all, is bounded as well. Bytes
//! stay bytes; what they mean is for a dialect to say.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::OFlags;

use super::print::shown_path;
use crate::sys::words;
use crate::units::sysexits;

/// The largest file, in bytes.
const LARGEST: u64 = 1 << 20;

/// What may be read in all, in bytes and in files: includes of includes grow fast.
const ALL_BYTES: u64 = 8 << 20;
const ALL_FILES: usize = 1000;

/// How many files may be open inside each other; Pure-FTPd's own bound.
const DEEPEST: usize = 16;

/// Why a file cannot be used: an exit status of sysexits(3), the reason, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// 66 for a missing file, 77 for a forbidden one, 78 for one that must not be trusted.
    pub status: u8,
    /// The reason.
    pub reason: String,
    /// What to do; may be empty.
    pub cure: String,
    /// Whether there is no such file.
    pub is_missing: bool,
}

impl Unusable {
    fn new(status: u8, reason: &str, cure: &str) -> Unusable {
        Unusable {
            status,
            reason: reason.to_owned(),
            cure: cure.to_owned(),
            is_missing: false,
        }
    }

    fn of(error: &io::Error) -> Unusable {
        let status = match error.kind() {
            ErrorKind::PermissionDenied => sysexits::PERMISSION,
            _ => sysexits::NO_INPUT,
        };
        Unusable {
            is_missing: error.kind() == ErrorKind::NotFound,
            ..Unusable::new(status, &words(error), "")
        }
    }
}

/// The text of a file.
#[derive(Clone, Debug)]
pub struct Text {
    /// The file as it was named.
    pub path: Rc<Path>,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether group or others may read it: worth a warning when it holds a secret.
    pub is_readable_by_others: bool,
    identity: (u64, u64),
}

impl Text {
    /// A text that lies on no disk.
    pub fn of_bytes(path: &Path, bytes: &[u8]) -> Text {
        Text {
            path: path.into(),
            bytes: bytes.to_vec(),
            is_readable_by_others: false,
            identity: (0, 0),
        }
    }

    /// Its lines with their numbers, from 1, without line feeds.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        (1..).zip(bytes.split(|byte| *byte == b'\n'))
    }
}

/// What was named on the command line.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    File(Text),
    /// A folder.
    Folder(Rc<Path>),
}

impl Source {
    /// Its path as named.
    pub fn path(&self) -> &Rc<Path> {
        match self {
            Source::File(text) => &text.path,
            Source::Folder(path) => path,
        }
    }
}

/// The disk, as far as configurations may see it.
#[derive(Debug)]
pub struct Files {
    has_disk: bool,
    /// The files that are being read, outermost first.
    open: Vec<(u64, u64)>,
    bytes_left: u64,
    files_left: usize,
}

impl Files {
    /// The disk of this machine.
    pub fn of_machine() -> Files {
        Files {
            has_disk: true,
            open: Vec::new(),
            bytes_left: ALL_BYTES,
            files_left: ALL_FILES,
        }
    }

    /// No disk at all, for tests and fuzzing: no file is there, except that whatever [`Files::is_file`] and
    /// [`Files::is_socket`] ask for counts as there.
    pub fn none() -> Files {
        Files {
            has_disk: false,
            ..Files::of_machine()
        }
    }

    /// What the command line named: a file's text, or a folder that only root and the caller can write.
    ///
    /// # Errors
    /// When it is not there, cannot be read or must not be trusted.
    pub fn source(&mut self, path: &Path) -> Result<Source, Unusable> {
        if self.has_disk && fs::metadata(path).is_ok_and(|found| found.is_dir()) {
            self.names(path)?;
            return Ok(Source::Folder(path.into()));
        }
        self.read(path).map(Source::File)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there, cannot be read or must not be trusted, or when enough was read.
    pub fn read(&mut self, path: &Path) -> Result<Text, Unusable> {
        let mut file = self.open_to_read(path)?;
        let found = file.metadata().map_err(|error| Unusable::of(&error))?;
        if !found.is_file() {
            return Err(Unusable::new(sysexits::NO_INPUT, "not a regular file", ""));
        }
        check_writers(path, &found)?;
        let mut bytes = Vec::new();
        let mut limited = Read::by_ref(&mut file).take(LARGEST + 1);
        limited
            .read_to_end(&mut bytes)
            .map_err(|error| Unusable::of(&error))?;
        let length = bytes.len() as u64;
        self.files_left = self.files_left.saturating_sub(1);
        if length > LARGEST || length > self.bytes_left || self.files_left == 0 {
            let reason = "too large for a configuration, or one of too many files";
            return Err(Unusable::new(sysexits::CONFIGURATION, reason, ""));
        }
        self.bytes_left -= length;
        Ok(Text {
            path: path.into(),
            bytes,
            is_readable_by_others: found.mode() & 0o044 != 0,
            identity: (found.dev(), found.ino()),
        })
    }

    /// Begins to read what is in a file, so that it cannot include itself. To be followed by [`Files::leave`].
    ///
    /// # Errors
    /// When it is being read already, or too many files include each other.
    pub fn enter(&mut self, text: &Text) -> Result<(), Unusable> {
        let refuse = |reason| {
            Err(Unusable::new(
                sysexits::CONFIGURATION,
                reason,
                "remove one Include",
            ))
        };
        if text.identity != (0, 0) && self.open.contains(&text.identity) {
            return refuse("the file includes itself, directly or through others");
        }
        if self.open.len() >= DEEPEST {
            return refuse("more than 16 files include each other");
        }
        self.open.push(text.identity);
        Ok(())
    }

    /// Ends to read what is in the file entered last.
    pub fn leave(&mut self) {
        self.open.pop();
    }

    /// The names in a folder that only root and the caller can write, in byte order.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or others can put files into it.
    pub fn names(&mut self, folder: &Path) -> Result<Vec<OsString>, Unusable> {
        if !self.has_disk {
            return Err(Unusable::of(&ErrorKind::NotFound.into()));
        }
        let found = fs::metadata(folder).map_err(|error| Unusable::of(&error))?;
        check_writers(folder, &found)?;
        let entries = fs::read_dir(folder).map_err(|error| Unusable::of(&error))?;
        let names: Result<Vec<OsString>, _> = entries
            .take(ALL_FILES + 1)
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect();
        let mut names = names.map_err(|error| Unusable::of(&error))?;
        if names.len() > ALL_FILES {
            return Err(Unusable::new(
                sysexits::CONFIGURATION,
                "more than 1000 files",
                "",
            ));
        }
        names.sort();
        Ok(names)
    }

    /// Where a symbolic link leads, if it is one.
    pub fn link(&self, path: &Path) -> Option<PathBuf> {
        self.has_disk.then(|| fs::read_link(path).ok()).flatten()
    }

    /// Whether there is a folder.
    pub fn is_folder(&self, path: &Path) -> bool {
        self.has_disk && fs::metadata(path).is_ok_and(|found| found.is_dir())
    }

    /// A variable of the environment, which belongs to whoever runs the wrapper; empty when it is not set.
    pub fn variable(&self, name: &OsStr) -> Vec<u8> {
        // The standard library panics on such names in older versions.
        let is_name =
            !name.is_empty() && !name.as_encoded_bytes().iter().any(|b| b"=\0".contains(b));
        let value = match self.has_disk && is_name {
            true => std::env::var_os(name),
            false => None,
        };
        value.map(OsString::into_encoded_bytes).unwrap_or_default()
    }

    /// Whether the disk has anything of this name.
    pub fn is_on_disk(&self, path: &Path) -> bool {
        self.has_disk && path.exists()
    }

    /// Whether there is a regular file.
    pub fn is_file(&self, path: &Path) -> bool {
        !self.has_disk || fs::metadata(path).is_ok_and(|found| found.is_file())
    }

    /// Whether there is a socket.
    pub fn is_socket(&self, path: &Path) -> bool {
        !self.has_disk || fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
    }

    fn open_to_read(&self, path: &Path) -> Result<File, Unusable> {
        if !self.has_disk {
            return Err(Unusable::of(&ErrorKind::NotFound.into()));
        }
        // Nobody writes to a pipe that was named by mistake, and a terminal must not become ours.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(|error| Unusable::of(&error))
    }
}

/// Refuses what somebody else could have written.
fn check_writers(path: &Path, found: &Metadata) -> Result<(), Unusable> {
    let caller = rustix::process::geteuid().as_raw();
    let refuse =
        |reason: &str, cure: String| Err(Unusable::new(sysexits::CONFIGURATION, reason, &cure));
    let path = shown_path(path);
    if found.uid() != 0 && found.uid() != caller {
        let reason = format!(
            "it belongs to user {}, who is neither root nor you",
            found.uid()
        );
        return refuse(&reason, format!("chown root {path}"));
    }
    if found.mode() & 0o022 != 0 {
        let reason = format!("others can write it (mode {:04o})", found.mode() & 0o7777);
        return refuse(&reason, format!("chmod go-w {path}"));
    }
    Ok(())
}
