//! `wharf-config`: runs the server from the configuration file of another server.
//!
//! A dialect ([`dialects`]) reads the file and fills a [`translation::Translation`] with flags, each with the line it came
//! from. Either the result is shown ([`mod@print`]) or this process becomes the server ([`exec`]). What cannot be expressed is
//! refused, all of it at once, and nothing is started. Files are read by [`files`], which trusts only what root or the
//! caller wrote.
//!
//! This part knows the server by its flags alone. It leaves descriptors 0 to 2 alone, since under inetd they are the
//! client's connection, for the server to find; what goes wrong there is told to the system log and to the client as 421.
#![forbid(unsafe_code)]

pub mod dialects;
pub mod exec;
pub mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod print;
pub mod translation;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::flags;
use crate::logs;
use crate::sys::descriptors::{self, StartedAs};
use crate::sys::words;
use crate::units::sysexits;
use dialects::{Choices, Dialect};
use files::{Files, Source, Unusable};
use translation::{Outcome, Translation};

/// Runs wharf-ftpd from the configuration of another FTP server.
///
/// The file is translated to flags, and wharf-ftpd is executed with them. What the flags cannot express is refused.
#[derive(Parser, Debug, Clone)]
#[command(
    name = "wharf-config",
    version,
    args_override_self = true,
    after_help = "See wharf-config(8) for what becomes of each setting."
)]
pub struct Arguments {
    /// Show the command line, quoted for the shell, and start nothing
    #[arg(long = "print")]
    pub print: bool,

    /// Show one flag a line with the setting it came from, and start nothing
    #[arg(long = "printlines")]
    pub print_lines: bool,

    /// Say what is fine, ignored and refused, and start nothing
    #[arg(long = "check")]
    pub check: bool,

    /// Explain each flag in a sentence, and start nothing
    #[arg(long = "explain")]
    pub explain: bool,

    /// Read the file in this dialect; "list" lists them. By default the dialect is found out
    #[arg(long = "dialect", value_name = "NAME")]
    pub dialect: Option<String>,

    /// Run this server; by default wharf-ftpd beside this program, else in PATH
    #[arg(long = "server", value_name = "PROGRAM")]
    pub server: Option<PathBuf>,

    /// Serve the virtual host of this name or address (proftpd)
    #[arg(long = "host", value_name = "NAME")]
    pub host: Option<String>,

    /// Define this name for conditional sections, as proftpd -D does; may be repeated (proftpd)
    #[arg(long = "define", value_name = "NAME")]
    pub define: Vec<String>,

    /// Read the choices of Debian's start script from this file as well (debian)
    #[arg(long = "defaults", value_name = "FILE")]
    pub defaults: Option<PathBuf>,

    /// Have passwords checked by this method of wharf-ftpd -l, such as unix or puredb:FILE, and not by PAM (vsftpd)
    #[arg(long = "login", value_name = "METHOD[:FILE]")]
    pub login: Option<String>,

    /// Take this setting as well, as if it were the last line of the file; may be repeated (vsftpd)
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE")]
    pub option: Vec<OsString>,

    /// The configuration file, or the folder of Debian's Pure-FTPd
    #[arg(value_name = "FILE|DIR", required_unless_present = "dialect")]
    pub file: Option<PathBuf>,

    /// Further flags for the server, behind those of the file
    #[arg(value_name = "FLAG", last = true)]
    pub extra: Vec<OsString>,
}

impl Arguments {
    fn shows(&self) -> bool {
        self.print || self.print_lines || self.check || self.explain
    }
}

/// Why nothing was started: an exit status, and lines for whoever did it.
#[derive(Debug)]
struct Failure {
    status: u8,
    lines: Vec<String>,
}

impl Failure {
    fn new(status: u8, line: impl fmt::Display) -> Failure {
        Failure {
            status,
            lines: vec![line.to_string()],
        }
    }

    fn unusable(path: &Path, why: &Unusable) -> Failure {
        let path = print::shown_path(path);
        let line = match why.cure.as_str() {
            "" => format!("{path}: {}", why.reason),
            cure => format!("{path}: {}; {cure}", why.reason),
        };
        Failure::new(why.status, line)
    }
}

/// Runs the program; gives its exit status unless it becomes the server.
pub fn main() -> ExitCode {
    let under_inetd = descriptors::stdin_is_client();
    match run(std::env::args_os(), under_inetd) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure, under_inetd),
    }
}

fn run(words: impl Iterator<Item = OsString>, under_inetd: bool) -> Result<(), Failure> {
    let Some(arguments) = arguments(words, under_inetd)? else {
        return Ok(());
    };
    let lists = arguments.dialect.as_deref() == Some("list");
    if under_inetd && (lists || arguments.shows()) {
        return Err(only_for_a_terminal());
    }
    if lists {
        return write_out(|out| dialects::list(out));
    }
    let Some(path) = &arguments.file else {
        return Err(Failure::new(
            sysexits::USAGE,
            "which file? See wharf-config --help",
        ));
    };
    let mut files = Files::of_machine();
    let source = files
        .source(path)
        .map_err(|why| Failure::unusable(path, &why))?;
    let (dialect, choices) = choose(&arguments, &source, &mut files)?;
    let translation = dialects::translate(dialect, &source, &mut files, &choices);
    if arguments.check {
        write_out(|out| print::check(out, &translation))?;
    }
    if translation.is_refused() {
        // With --check they are told on standard output already.
        let lines = match arguments.check {
            true => Vec::new(),
            false => translation.refusals(),
        };
        return Err(Failure {
            status: sysexits::CONFIGURATION,
            lines,
        });
    }
    let whole = translation.check(&arguments.extra);
    whole.map_err(|text| Failure::new(sysexits::CONFIGURATION, text))?;
    if arguments.shows() {
        return show(&arguments, &translation);
    }
    // Under inetd every client would make the log repeat them; --check tells them.
    if !under_inetd {
        warn(&translation);
    }
    let server = server(&arguments)?;
    let (status, error) = exec::become_server(&server, &translation.words(&arguments.extra));
    let server = print::shown_path(&server);
    Err(Failure::new(
        status,
        format_args!("cannot run {server}: {}", self::words(&error)),
    ))
}

/// Standard output is a client's connection under inetd, and a configuration is none of a client's business.
fn only_for_a_terminal() -> Failure {
    Failure::new(
        sysexits::USAGE,
        "under inetd there is nobody to show anything to",
    )
}

/// None when help or version was asked for, and printed.
fn arguments(
    words: impl Iterator<Item = OsString>,
    under_inetd: bool,
) -> Result<Option<Arguments>, Failure> {
    match Arguments::try_parse_from(words) {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) if !error.use_stderr() && under_inetd => Err(only_for_a_terminal()),
        Err(error) if !error.use_stderr() => {
            write_out(|out| write!(out, "{error}"))?;
            Ok(None)
        }
        Err(error) => Err(Failure::new(sysexits::USAGE, flags::mistake(&error))),
    }
}

/// The dialect asked for or found out, and what it may want to know besides the file.
fn choose(
    arguments: &Arguments,
    source: &Source,
    files: &mut Files,
) -> Result<(&'static Dialect, Choices), Failure> {
    let usage = |text: String| Failure::new(sysexits::USAGE, text);
    let (dialect, variant) = match &arguments.dialect {
        Some(name) => dialects::named(name).map_err(usage)?,
        None => {
            let path = print::shown_path(source.path());
            let found = dialects::detect(source, files);
            let dialect = found.map_err(|why| usage(format!("{path}: {why}")))?;
            (dialect, dialect.variants.first().copied())
        }
    };
    let choices = Choices {
        variant,
        host: arguments.host.clone(),
        defines: arguments.define.clone(),
        defaults: arguments.defaults.clone(),
        login: arguments.login.clone(),
        options: arguments.option.clone(),
    };
    choices.check(dialect).map_err(usage)?;
    Ok((dialect, choices))
}

fn show(arguments: &Arguments, translation: &Translation) -> Result<(), Failure> {
    if arguments.print {
        // A command line can be looked at where no server is installed.
        let server = server(arguments).unwrap_or_else(|_| exec::SERVER.into());
        let words = translation.words(&arguments.extra);
        write_out(|out| print::command(out, &server, &words))?;
    }
    if arguments.print_lines || arguments.explain {
        let (origins, explain) = (arguments.print_lines, arguments.explain);
        write_out(|out| print::lines(out, translation, &arguments.extra, origins, explain))?;
    }
    if !arguments.check {
        warn(translation);
    }
    Ok(())
}

fn server(arguments: &Arguments) -> Result<PathBuf, Failure> {
    match &arguments.server {
        Some(server) if exec::is_program(server) => Ok(server.clone()),
        Some(server) => Err(Failure::new(
            sysexits::UNAVAILABLE,
            format_args!("--server {}: not a program", print::shown_path(server)),
        )),
        None => exec::find_server().ok_or_else(|| {
            Failure::new(
                sysexits::UNAVAILABLE,
                "there is no wharf-ftpd beside this program nor in PATH; name it with --server",
            )
        }),
    }
}

/// Says what is ignored and what should be known, each kind once.
fn warn(translation: &Translation) {
    let mut said: Vec<(&str, &str)> = Vec::new();
    for finding in &translation.findings {
        let (what, text) = match &finding.outcome {
            Outcome::Ignored(why) => ("ignored: ", why),
            Outcome::Warned(text) => ("", text),
            _ => continue,
        };
        let kind = (finding.origin.setting.as_str(), text.as_str());
        if !said.contains(&kind) {
            said.push(kind);
            let origin = &finding.origin;
            let _ = writeln!(io::stderr(), "wharf-config: {origin}: {what}{text}");
        }
    }
}

fn write_out(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        // Who reads the first lines only, as head(1) does, misses nothing it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| {
            Failure::new(
                sysexits::SYSTEM,
                format_args!("cannot write: {}", words(&error)),
            )
        }),
    }
}

fn complain(failure: &Failure, under_inetd: bool) -> ExitCode {
    let client = match under_inetd {
        true => client(),
        false => None,
    };
    let lines = failure.lines.iter();
    let lines: Vec<String> = lines.map(|line| format!("wharf-config: {line}")).collect();
    if under_inetd {
        logs::to_syslog(&lines);
    } else {
        for line in &lines {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
    if let Some(client) = client {
        logs::turn_away(client);
    }
    ExitCode::from(failure.status)
}

/// The client's connection, taken away from descriptors 0 to 2; no server will want them any more.
fn client() -> Option<OwnedFd> {
    match descriptors::detect_and_shield() {
        Ok(StartedAs::InetdNowait(client)) => Some(client),
        _ => None,
    }
}
