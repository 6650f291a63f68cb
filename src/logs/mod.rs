//! What the server says about itself and its sessions: to stderr or to syslog, in Pure-FTPd's line shapes.
//!
//! A record goes through the `log` facade to env_logger, whose pipe end puts it into a bounded queue ([`writer`]); one thread
//! does the writing, so the caller never waits for a log. [`text`] makes the line, [`syslog`] the datagram of RFC 3164.
//! Which events are worth a record is decided by whoever sees them. Transfers are recorded besides in files of their own
//! ([`transfers`]), in one of the [`formats`] that analysers read.
//!
//! Order of starting: [`start`] (opens what a chroot would hide), drop privileges, [`Started::start_writer`]. Records made in
//! between wait in the queue. A process that wants to fork does so before [`start`].

#![forbid(unsafe_code)]

pub mod formats;
mod json;
mod last_words;
mod syslog;
mod text;
pub mod transfers;
mod writer;

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::fd::BorrowedFd;
use std::panic;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use log::{Level, LevelFilter, Record};

pub use last_words::{to_syslog, turn_away};
pub use text::{Escaped, Form, TEXT_LIMIT, escape};

use json::Opening;
use syslog::Syslog;
use text::Line;
use writer::{Queue, Sink, Stream};

/// The program's name in every line.
pub const IDENT: &str = "wharf-ftpd";

/// The facade's target of our own records, whose text is a finished line.
const TARGET: &str = "wharf.log";

/// The same for notices, which the facade has no level for.
const NOTICE_TARGET: &str = "wharf.log.notice";

/// How grave a record is: the levels Pure-FTPd prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something the administrator must see to.
    Error,
    /// A client was refused for a reason worth a look.
    Warning,
    /// A file changed or was fetched.
    Notice,
    /// Comings and goings.
    Info,
    /// Every command; only with `-d`.
    Debug,
}

impl Severity {
    /// All of them, the gravest first.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// The word between the square brackets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }

    /// The severity of RFC 3164 section 4.1.1, 0 to 7.
    pub fn code(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.code() == code)
    }

    fn level(self) -> Level {
        match self {
            Self::Error => Level::Error,
            Self::Warning => Level::Warn,
            Self::Notice | Self::Info => Level::Info,
            Self::Debug => Level::Debug,
        }
    }

    fn of(record: &Record<'_>) -> Self {
        match record.level() {
            Level::Error => Self::Error,
            Level::Warn => Self::Warning,
            Level::Info if record.target() == NOTICE_TARGET => Self::Notice,
            Level::Info => Self::Info,
            Level::Debug | Level::Trace => Self::Debug,
        }
    }
}

/// Where records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Standard error, as it is when [`start`] is called.
    Stderr,
    /// Standard output, likewise.
    Stdout,
    /// The local log daemon, under this facility code (RFC 3164 section 4.1.1; 11 is ftp).
    Syslog(u8),
    /// Nowhere (`-f none`).
    None,
}

/// What the flags say about logging.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where records go.
    pub to: To,
    /// How they are laid out (`--logformat`).
    pub form: Form,
    /// Whether lines carry the process number after the program's name (`-1`).
    pub pid: bool,
    /// How often `-d` was given: from 1 on, [`Severity::Debug`] is written.
    pub verbose: u8,
    /// The zone of the times in front of lines, read before a chroot hides the zone files.
    pub zone: TimeZone,
}

/// What runs once logging has started.
struct Logs {
    form: Form,
    queue: Arc<Queue>,
    /// Until the writer thread takes it.
    sink: Mutex<Option<Box<dyn Sink>>>,
}

static LOGS: OnceLock<Logs> = OnceLock::new();

/// Logging is set up and records are collected; nothing is written until [`start_writer`](Self::start_writer).
#[derive(Debug)]
#[must_use = "nothing is written before the writer is started"]
pub struct Started {
    trouble: Option<io::Error>,
}

impl Started {
    /// Why the log daemon could not be reached, if so. Records try again, so this is worth a warning, not an end.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    /// Starts the thread that writes. To be called after privileges are dropped, so that the thread has none either.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn start_writer(self) -> io::Result<()> {
        transfers::start_writers()?;
        ensure_writer()
    }
}

/// Opens the log and begins to collect records.
///
/// # Errors
/// When stderr cannot be duplicated, or logging was started before. A log daemon that does not answer is not an error, see
/// [`Started::trouble`].
pub fn start(config: &Config) -> io::Result<Started> {
    start_with(config, Path::new(syslog::SOCKET))
}

fn start_with(config: &Config, log_socket: &Path) -> io::Result<Started> {
    let facility = match config.to {
        To::None => return Ok(Started { trouble: None }),
        To::Stderr => return start_stream(config, rustix::stdio::stderr()),
        To::Stdout => return start_stream(config, rustix::stdio::stdout()),
        To::Syslog(facility) => facility,
    };
    let syslog = Syslog::new(log_socket, facility, tag(config.pid), config.zone.clone());
    let mut syslog = match config.form {
        Form::Plain => syslog,
        Form::Json => syslog.json(opening(config)),
    };
    let trouble = syslog.connect().err();
    install(config, Box::new(syslog))?;
    Ok(Started { trouble })
}

fn start_stream(config: &Config, stream: BorrowedFd<'_>) -> io::Result<Started> {
    let own = rustix::io::fcntl_dupfd_cloexec(stream, 3)?;
    let sink = match config.form {
        Form::Plain => Stream::new(own, tag(config.pid), config.zone.clone()),
        Form::Json => Stream::json(own, opening(config)),
    };
    install(config, Box::new(sink))?;
    Ok(Started { trouble: None })
}

fn opening(config: &Config) -> Opening {
    Opening::new(config.zone.clone(), config.pid.then(std::process::id))
}

fn tag(with_pid: bool) -> String {
    if with_pid {
        format!("{IDENT}[{}]", std::process::id())
    } else {
        IDENT.to_owned()
    }
}

/// Makes env_logger the facade's logger and the queue env_logger's output.
fn install(config: &Config, sink: Box<dyn Sink>) -> io::Result<()> {
    let again = || io::Error::new(io::ErrorKind::AlreadyExists, "logging was already started");
    let queue = Arc::new(Queue::default());
    let logs = Logs {
        form: config.form,
        queue: queue.clone(),
        sink: Mutex::new(Some(sink)),
    };
    LOGS.set(logs).map_err(|_| again())?;
    let own_level = if config.verbose > 0 {
        LevelFilter::Debug
    } else {
        LevelFilter::Info
    };
    env_logger::Builder::new()
        .filter_level(LevelFilter::Warn)
        .filter_module("wharf", own_level)
        .target(env_logger::Target::Pipe(Box::new(QueueEnd(queue))))
        .format(format)
        .try_init()
        .map_err(|_| again())
}

/// Lays a record out for [`QueueEnd`]: one byte of severity, then the line.
fn format(out: &mut env_logger::fmt::Formatter, record: &Record<'_>) -> io::Result<()> {
    let severity = Severity::of(record);
    out.write_all(&[severity.code()])?;
    if matches!(record.target(), TARGET | NOTICE_TARGET) {
        return out.write_fmt(*record.args());
    }
    // Somebody else's record: a library's, or one made with the facade's own macros.
    let mut line = Line::of_server(severity);
    let _ = write!(line, "{}: {}", record.target(), record.args());
    out.write_all(line.finish(form()).as_bytes())
}

/// How records are laid out, once logging was started.
fn form() -> Form {
    LOGS.get().map_or(Form::Plain, |logs| logs.form)
}

/// The end env_logger writes to. It hands over each record in one piece.
struct QueueEnd(Arc<Queue>);

impl io::Write for QueueEnd {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        if let Some((code, line)) = record.split_first() {
            self.0
                .push(Severity::from_code(*code).unwrap_or(Severity::Error), line);
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ensure_writer() -> io::Result<()> {
    let Some(logs) = LOGS.get() else {
        return Ok(());
    };
    let sink = logs
        .sink
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match sink {
        Some(sink) => writer::spawn(logs.queue.clone(), sink),
        None => Ok(()),
    }
}

/// Whether a record of this severity would be kept; cheap, so that a caller can spare itself the making of one.
pub fn enabled(severity: Severity) -> bool {
    severity.level() <= log::max_level()
}

/// Makes a record about a session: `(ACCOUNT@HOST) [LEVEL] text`. `account` is `?` until login succeeded. Client text in `text`
/// is shown with [`escape`]; what was forgotten is made harmless, though no longer reversibly. Text beyond [`TEXT_LIMIT`] is cut.
/// Never blocks; before [`start`] the record is lost.
pub fn session(severity: Severity, account: &[u8], host: &str, text: fmt::Arguments<'_>) {
    if enabled(severity) {
        emit(severity, Line::of_session(severity, account, host), text);
    }
}

/// Makes a record about the server: `[LEVEL] text`. Otherwise like [`session`].
pub fn server(severity: Severity, text: fmt::Arguments<'_>) {
    if enabled(severity) {
        emit(severity, Line::of_server(severity), text);
    }
}

fn emit(severity: Severity, mut line: Line, text: fmt::Arguments<'_>) {
    // A Display that fails leaves a shorter text.
    let _ = line.write_fmt(text);
    let line = line.finish(form());
    let target = match severity {
        Severity::Notice => NOTICE_TARGET,
        _ => TARGET,
    };
    log::log!(target: target, severity.level(), "{line}");
}

/// Shows these lines below all records, in the place of those shown before; none takes them away. For a log that goes to a
/// terminal, whose lines they must not break: no control characters. Never blocks.
pub fn show(lines: Vec<String>) {
    if let Some(logs) = LOGS.get() {
        logs.queue.show(lines);
    }
}

/// Waits until all records are written, at most for `timeout`; for a clean end. Starts the writer when an early end comes before
/// it was started. False when records are left.
pub fn flush(timeout: Duration) -> bool {
    // First: what is missing there is told here.
    let transfers = transfers::flush(timeout);
    let Some(logs) = LOGS.get() else {
        return transfers;
    };
    transfers && ensure_writer().is_ok() && logs.queue.wait_until_drained(timeout)
}

/// Makes a panic one ERROR record with its place, and nothing else: stderr may be a client's connection. Before [`start`] the
/// hook that was there before is used, so descriptors 0 to 2 must be safe by then.
pub fn install_panic_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if LOGS.get().is_none() {
            return before(info);
        }
        let payload = info.payload();
        let payload = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        match info.location() {
            Some(place) => server(Severity::Error, format_args!("panic at {place}: {payload}")),
            None => server(Severity::Error, format_args!("panic: {payload}")),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// The next datagram that holds `part`; other tests of this process may log too.
    fn next_with(daemon: &UnixDatagram, part: &str) -> String {
        let mut datagram = [0; 8192];
        loop {
            let length = daemon.recv(&mut datagram).unwrap();
            let text = String::from_utf8_lossy(&datagram[..length]);
            if text.contains(part) {
                return text.into_owned();
            }
        }
    }

    /// One test, because a process starts its log once.
    #[test]
    fn a_record_travels_from_the_caller_to_the_daemon() {
        session(
            Severity::Error,
            b"?",
            "192.0.2.1",
            format_args!("before start, lost"),
        );
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        daemon.set_read_timeout(Some(PATIENCE)).unwrap();
        let config = Config {
            to: To::Syslog(11),
            form: Form::Plain,
            pid: true,
            verbose: 0,
            zone: TimeZone::UTC,
        };
        let started = start_with(&config, &path).unwrap();
        assert!(started.trouble().is_none());
        assert!(start_with(&config, &path).is_err());
        assert!(enabled(Severity::Info) && !enabled(Severity::Debug));

        session(
            Severity::Debug,
            b"ftp",
            "192.0.2.1",
            format_args!("not asked for"),
        );
        session(
            Severity::Notice,
            b"ftp",
            "192.0.2.1",
            format_args!("Deleted {}", escape(b"/srv//a\nb")),
        );
        started.start_writer().unwrap();
        assert!(flush(PATIENCE));
        let first = next_with(&daemon, "192.0.2.1");
        assert!(first.starts_with("<93>"), "{first}");
        let tail = format!(
            " wharf-ftpd[{}]: (ftp@192.0.2.1) [NOTICE] Deleted /srv//a\\x0ab",
            std::process::id()
        );
        assert!(first.ends_with(&tail), "{first}");

        log::warn!(target: "somelibrary", "line\nbreak");
        let foreign = next_with(&daemon, "somelibrary");
        assert!(
            foreign.ends_with("]: [WARNING] somelibrary: line\\x0abreak"),
            "{foreign}"
        );

        let before = panic::take_hook();
        install_panic_hook();
        let outcome = panic::catch_unwind(|| panic!("{}", "told\nyou"));
        panic::set_hook(before);
        assert!(outcome.is_err());
        let panicked = next_with(&daemon, "panic at");
        assert!(
            panicked.contains("[ERROR] panic at src/logs/mod.rs:"),
            "{panicked}"
        );
        assert!(panicked.ends_with(": told\\x0ayou"), "{panicked}");
    }
}
