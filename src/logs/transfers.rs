//! Files that transfers are recorded in (`-O`): opened before a chroot hides them, written by a thread each, so that no client
//! waits for a disk, and changed for new ones at SIGHUP.
//!
//! Several processes may write the same file (a server under inetd for each client, or Pure-FTPd beside us), so lines are
//! appended under a lock of fcntl(2), which is what Pure-FTPd takes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, OFlags, fcntl_lock};

use super::formats::{Row, Transfer, TransferLog};
use super::writer::{self, Queue, Record, Sink};
use super::{Severity, server};
use crate::sys::files::may_be_made;

/// A log that is open.
struct Open {
    format: &'static Row,
    queue: Arc<Queue>,
    file: Arc<Mutex<File>>,
    path: String,
}

struct Logs {
    open: Vec<Open>,
    zone: TimeZone,
}

static LOGS: OnceLock<Logs> = OnceLock::new();

/// How a log is opened, by the server at start and by its keeper later: for appending, made for its owner alone, through no
/// link (but for the links of /dev, such as /dev/stdout), without waiting for the reader of a pipe.
///
/// # Errors
/// What open(2) gives.
pub fn open(path: &Path) -> io::Result<OwnedFd> {
    open_as(path, true)
}

fn open_as(path: &Path, create: bool) -> io::Result<OwnedFd> {
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if !path.starts_with("/dev") {
        flags |= OFlags::NOFOLLOW;
    }
    let file = OpenOptions::new()
        .append(true)
        .create(create)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    Ok(file.into())
}

/// Opens the logs; lines wait until [`start_writers`]. To be called once.
///
/// # Errors
/// The log that could not be opened, and why.
pub fn open_all(wanted: &[TransferLog], zone: &TimeZone) -> Result<(), (TransferLog, io::Error)> {
    let mut logs = Vec::new();
    for log in wanted {
        let file = open(&log.path).and_then(blocking);
        let file = file.map_err(|error| (log.clone(), error))?;
        logs.push(Open {
            format: log.format,
            queue: Arc::default(),
            file: Arc::new(Mutex::new(file)),
            path: log.path.display().to_string(),
        });
    }
    if !logs.is_empty() {
        let zone = zone.clone();
        let _ = LOGS.set(Logs { open: logs, zone });
    }
    Ok(())
}

/// Finds out whether the logs could be opened, and makes none.
///
/// # Errors
/// As for [`open_all`].
pub fn check_all(wanted: &[TransferLog]) -> Result<(), (TransferLog, io::Error)> {
    for log in wanted {
        let usable = match open_as(&log.path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => may_be_made(&log.path),
            opened => opened.map(drop),
        };
        usable.map_err(|error| (log.clone(), error))?;
    }
    Ok(())
}

/// The thread that writes may wait; what it shares with others must not be torn by that.
fn blocking(file: OwnedFd) -> io::Result<File> {
    rustix::io::ioctl_fionbio(&file, false)?;
    Ok(file.into())
}

/// Starts a thread for each log. To be called after privileges are dropped.
///
/// # Errors
/// When the system refuses another thread.
pub(super) fn start_writers() -> io::Result<()> {
    for log in all() {
        let sink = Appended {
            format: log.format,
            file: Arc::clone(&log.file),
            path: log.path.clone(),
            lines: Vec::new(),
        };
        writer::spawn(log.queue.clone(), Box::new(sink))?;
    }
    Ok(())
}

fn all() -> &'static [Open] {
    LOGS.get().map_or(&[], |logs| logs.open.as_slice())
}

/// Whether transfers are recorded at all.
pub fn records_transfers() -> bool {
    !all().is_empty()
}

/// Records a transfer in every log. Never blocks; lines that find no room are counted, and missed in the server's own log.
pub fn transfer(transfer: &Transfer<'_>) {
    let Some(logs) = LOGS.get() else {
        return;
    };
    for log in &logs.open {
        let mut line = Vec::new();
        (log.format.line)(transfer, &logs.zone, &mut line);
        log.queue.push(Severity::Notice, &line);
    }
}

/// Lets the log at this place in the order of [`open_all`] go on in another file. What waits already goes there too. It waits
/// for what is being written just now, so it is not for the loop.
///
/// # Errors
/// What ioctl(2) gives; the log stays as it was.
pub fn change_file(place: usize, file: OwnedFd) -> io::Result<()> {
    let file = blocking(file)?;
    if let Some(log) = all().get(place) {
        *log.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }
    Ok(())
}

/// Waits until everything recorded so far is written or lost, at most for `timeout`. False when time ran out.
pub(super) fn flush(timeout: Duration) -> bool {
    let until = Instant::now() + timeout;
    let drained = |log: &Open| {
        let left = until.saturating_duration_since(Instant::now());
        log.queue.wait_until_drained(left)
    };
    // Each is waited for, whatever the one before it came to.
    all().iter().filter(|log| !drained(log)).count() == 0
}

/// The end of a file, taken by a lock for each batch of lines.
struct Appended {
    format: &'static Row,
    file: Arc<Mutex<File>>,
    path: String,
    lines: Vec<u8>,
}

impl Sink for Appended {
    fn write(&mut self, records: &[Record]) -> usize {
        self.lines.clear();
        for record in records {
            self.lines.extend_from_slice(&record.line);
            self.lines.push(b'\n');
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match append(&mut file, self.format, &self.lines) {
            Ok(()) => 0,
            Err(_) => records.len(),
        }
    }

    fn report_dropped(&mut self, dropped: u64) -> bool {
        server(
            Severity::Warning,
            format_args!(
                "{dropped} transfers are missing in {}: it did not take them",
                self.path
            ),
        );
        true
    }
}

/// Appends whole lines or nothing.
fn append(file: &mut File, format: &Row, lines: &[u8]) -> io::Result<()> {
    // A pipe or a terminal has no lock and no length, and needs none.
    let regular = file.metadata()?.is_file();
    if !regular {
        return file.write_all(lines);
    }
    // Without a lock a line may at worst stand between two of another process.
    let locked = fcntl_lock(&*file, FlockOperation::LockExclusive).is_ok();
    let length = file.metadata()?.len();
    let header = format.header.filter(|_| length == 0);
    let header = header
        .map(|header| header(Timestamp::now()))
        .unwrap_or_default();
    let written = file
        .write_all(header.as_bytes())
        .and_then(|()| file.write_all(lines));
    if written.is_err() {
        // On a full disk, half a line would spoil the next one.
        let _ = file.set_len(length);
    }
    if locked {
        let _ = fcntl_lock(&*file, FlockOperation::Unlock);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::super::formats::ROWS;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn row(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).expect("a format")
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_begins_with_the_header_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for _ in 0..2 {
            let mut file = blocking(open(&path).unwrap()).unwrap();
            append(&mut file, row("w3c"), b"a line\n").unwrap();
            append(&mut file, row("w3c"), b"another\n").unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert!(lines[0].starts_with("#Software: Wharf "), "{text}");
        assert_eq!(lines[4..], ["a line", "another", "a line", "another"]);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_link_is_not_followed_and_a_pipe_without_a_reader_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
        assert!(open(&link).is_err());
        assert!(!folder.path().join("elsewhere").exists());
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(open(&pipe).is_err());
    }

    #[test]
    fn what_does_not_fit_on_the_disk_leaves_no_half_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "before\n").unwrap();
        // A file opened for reading takes nothing, like a full disk.
        let mut file = File::open(&path).unwrap();
        assert!(append(&mut file, row("clf"), b"line\n").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\n");
    }
}
