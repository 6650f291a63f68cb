//! What whoever started the server gave it, and so who is told when it does not start.
//!
//! A shell or supervisor gives nothing, a service manager may pass sockets (sd_listen_fds(3)), and inetd gives a connection
//! (`nowait`) or a socket (`wait`) as descriptors 0 to 2. Under inetd standard error is the client's connection, or was: errors
//! go to the log, and a client hears no more than that it must go.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use super::Failure;
use crate::flags::Stop;
use crate::logs;
use crate::settings::{Listen, LogTo, Settings};
use crate::sys::descriptors::{self, Passed, StartedAs};
use crate::sys::words;

/// What whoever started the server gave it.
pub(super) enum Given {
    Nothing,
    /// The connection of one client: inetd with `nowait`, or a socket unit with `Accept=yes`.
    Client(OwnedFd),
    /// Sockets to listen on: a socket unit.
    Sockets(Vec<OwnedFd>),
    /// The socket of a service, which inetd with `wait` listens on again when the server has ended.
    Service(OwnedFd),
}

impl Given {
    pub(super) fn find() -> Result<Option<Given>, Failure> {
        let passed = descriptors::passed().map_err(|error| Failure::passed(&words(&error)))?;
        let started_as = descriptors::detect_and_shield().map_err(Failure::loop_)?;
        Ok(Some(match started_as {
            StartedAs::PeerGone => return Ok(None),
            StartedAs::InetdNowait(connection) => Given::Client(connection),
            StartedAs::InetdWait(socket) => Given::Service(socket),
            StartedAs::Daemon => match <[OwnedFd; 1]>::try_from(passed) {
                Ok([one]) if descriptors::kind_of(&one) == Passed::Connection => Given::Client(one),
                Ok([one]) => Given::Sockets(vec![one]),
                Err(passed) if passed.is_empty() => Given::Nothing,
                Err(passed) => Given::Sockets(passed),
            },
        }))
    }

    /// Whether standard error is, or was, a connection.
    pub(super) fn is_inetd(&self) -> bool {
        matches!(self, Given::Client(_) | Given::Service(_))
    }

    /// Who is told, should the start fail.
    pub(super) fn audience(&self) -> Audience {
        match self {
            Given::Client(client) => Audience::Client(client.try_clone().ok()),
            Given::Service(_) => Audience::Client(None),
            Given::Nothing | Given::Sockets(_) => Audience::Terminal,
        }
    }
}

/// Who is told when the server does not start.
pub(super) enum Audience {
    /// Whoever reads standard error.
    Terminal,
    /// The log, and a client that it must go.
    Client(Option<OwnedFd>),
}

/// Flags that do nothing in the way the server was started.
pub(super) fn without_effect(settings: &Settings, given: &Given) -> Vec<String> {
    let mut warnings = Vec::new();
    if given.is_inetd() {
        if settings.process.background {
            warnings.push("-B: the server stays where inetd started it".to_owned());
        }
        if settings.process.pid_file.is_some() {
            warnings.push("-g: under inetd no file is written".to_owned());
        }
        if matches!(settings.logging.facility, LogTo::Stderr | LogTo::Stdout) {
            warnings.push(
                "-f: under inetd that is the client's connection; the log goes to the facility ftp"
                    .to_owned(),
            );
        }
    }
    let listens = !matches!(given, Given::Nothing);
    let asked = settings.network.listen.first();
    if listens && asked != Some(&Listen::default()) {
        let flag = asked.map_or("-S", |listen| listen.flag);
        warnings.push(format!(
            "{flag}: the server was given its sockets and opens none"
        ));
    }
    warnings
}

/// Help, version and flag errors: to the terminal, or where a client listens, to the log and a plain 421.
pub(super) fn print_and_stop(stop: &Stop, given: &Given) -> ExitCode {
    if stop.to_stdout && !given.is_inetd() {
        // A reader that has gone away misses nothing it wanted.
        let _ = writeln!(std::io::stdout(), "{}", stop.text);
        return ExitCode::from(stop.status);
    }
    complain(
        &Failure::usage(stop.status, stop.text.clone()),
        given.audience(),
    )
}

/// What was asked for instead of a start; where a client listens, nothing of it is for the client.
pub(super) fn print(text: &[u8], given: &Given) -> ExitCode {
    if given.is_inetd() {
        let why = "--printflags and --explain are for a terminal, not for inetd".to_owned();
        return complain(&Failure::usage(Stop::USAGE, why), given.audience());
    }
    // A reader that has gone away misses nothing it wanted.
    let _ = std::io::stdout().write_all(text);
    ExitCode::SUCCESS
}

pub(super) fn complain(failure: &Failure, audience: Audience) -> ExitCode {
    match audience {
        Audience::Terminal => {
            let _ = writeln!(std::io::stderr(), "{failure}");
        }
        Audience::Client(client) => {
            logs::to_syslog(&[failure]);
            if let Some(client) = client {
                logs::turn_away(client);
            }
        }
    }
    ExitCode::from(failure.status)
}
