//! `wharf-uploadscript`: runs a program of the administrator's for each upload that a server tells of through the pipe of
//! `-o`. The options, the pipe's records and the program's environment are those of Pure-FTPd's pure-uploadscript(8), so
//! that programs written for that work unchanged, and so does Pure-FTPd as the server.
//!
//! [`pipe`] gets records out of the pipe, [`upload`] makes a file and a program under way of one. One program runs at a
//! time; what is not begun stays in the pipe, where the next to read it finds it.

mod pipe;
mod upload;

use clap::{CommandFactory, Parser};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use super::daemon::{self, Identity, Stop};
use crate::logs::escape;
use crate::settings::{self, UPLOAD_PIPE};
use crate::sys::words;
use crate::units;
use crate::units::sysexits;
use pipe::Pipe;
use upload::Upload;

/// Where Debian's pure-uploadscript writes its process number.
const PID_FILE: &str = "/var/run/pure-uploadscript.pid";

/// Run a program for each upload to a server
///
/// Reads from the named pipe to which wharf-ftpd -o, or pure-ftpd -o, writes the names of uploads. The program finds the
/// path of the file in its first argument, and more about it in UPLOAD_SIZE, UPLOAD_PERMS, UPLOAD_UID, UPLOAD_GID,
/// UPLOAD_USER, UPLOAD_GROUP and UPLOAD_VUSER.
#[derive(Debug, Parser)]
#[command(name = "wharf-uploadscript", version, args_override_self = true)]
struct Arguments {
    /// Run this program, given by its absolute path
    #[arg(short, long, value_name = "PROGRAM")]
    run: PathBuf,

    /// Run in the background
    #[arg(short = 'B', long)]
    daemonize: bool,

    /// Run with this group id
    #[arg(short, long, value_name = "GID", value_parser = units::group_id)]
    gid: Option<u32>,

    /// Run with this user id
    #[arg(short, long, value_name = "UID", value_parser = units::user_id)]
    uid: Option<u32>,

    /// Write the process number to this file
    #[arg(short, long, value_name = "FILE", default_value = PID_FILE)]
    pidfile: PathBuf,

    /// Read from this named pipe
    #[arg(long = "uploadpipe", value_name = "FILE", default_value = UPLOAD_PIPE)]
    upload_pipe: PathBuf,

    /// Find the roots of virtual hosts in this directory
    #[arg(long = "virtualhosts", value_name = "DIR", default_value_os_t = settings::Login::default().virtual_hosts)]
    virtual_hosts: PathBuf,
}

/// The definition of the command line, for whoever documents it.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let stop = match daemon::parse(std::env::args_os()) {
        Ok(arguments) => work(&arguments),
        Err(stop) => stop,
    };
    match stop.status {
        // A reader that has gone away misses nothing it wanted.
        0 => drop(write!(io::stdout(), "{}", stop.text)),
        _ => complain(&stop.text),
    }
    ExitCode::from(stop.status)
}

fn work(arguments: &Arguments) -> Stop {
    match start(arguments) {
        Ok(pipe) => {
            let stop = serve(arguments, pipe);
            clean_up(arguments);
            stop
        }
        Err(stop) => stop,
    }
}

/// One line for the administrator.
fn complain(text: &str) {
    // Nobody may be left to read it.
    let _ = writeln!(io::stderr(), "wharf-uploadscript: {text}");
}

/// All that may fail, while there is one thread and somebody reads standard error.
fn start(arguments: &Arguments) -> Result<Pipe, Stop> {
    let refused = |what: &str, error: &io::Error| {
        Stop::new(sysexits::SYSTEM, format!("{what}: {}", words(error)))
    };
    daemon::check_program(&arguments.run)
        .map_err(|text| Stop::new(sysexits::CONFIGURATION, text))?;
    let identity = Identity::new(arguments.uid, arguments.gid)
        .map_err(|text| Stop::new(sysexits::USAGE, text))?;
    let pipe =
        Pipe::open(&arguments.upload_pipe).map_err(|error| cannot_read(arguments, &error))?;
    if arguments.daemonize {
        daemon::detach().map_err(|error| refused("cannot run in the background", &error))?;
    }
    if let Err(error) = daemon::write_process_number(&arguments.pidfile) {
        complain(&format!(
            "warning: cannot write {}: {}",
            arguments.pidfile.display(),
            words(&error)
        ));
    }
    identity.assume().map_err(|error| {
        clean_up(arguments);
        refused("cannot become the user and group", &error)
    })?;
    Ok(pipe)
}

fn cannot_read(arguments: &Arguments, error: &io::Error) -> Stop {
    let status = match error.kind() {
        ErrorKind::AddrInUse => sysexits::UNAVAILABLE,
        ErrorKind::PermissionDenied => sysexits::PERMISSION,
        ErrorKind::InvalidInput | ErrorKind::NotFound => sysexits::CONFIGURATION,
        _ => sysexits::SYSTEM,
    };
    let pipe = arguments.upload_pipe.display();
    Stop::new(status, format!("cannot read {pipe}: {}", words(error)))
}

/// Removes what others would take for a running program. After a change of user that may not be permitted; the next start
/// replaces it.
fn clean_up(arguments: &Arguments) {
    let _ = fs::remove_file(&arguments.pidfile);
}

/// Deals with uploads until the pipe cannot be read any more.
fn serve(arguments: &Arguments, mut pipe: Pipe) -> Stop {
    if let Err(error) = end_on_signal(arguments.pidfile.clone()) {
        let text = format!("cannot wait for signals: {}", words(&error));
        return Stop::new(sysexits::SYSTEM, text);
    }
    loop {
        match pipe.next_record() {
            Ok(record) => deal_with(arguments, &record),
            Err(error) => return cannot_read(arguments, &error),
        }
    }
}

fn deal_with(arguments: &Arguments, record: &[u8]) {
    let Some(upload) = Upload::of_record(record, &arguments.virtual_hosts) else {
        return complain(&format!("no upload, passed over: {}", escape(record)));
    };
    if let Err(why) = upload.run(&arguments.run) {
        complain(&format!("{}: {why}", escape(upload.path())));
    }
}

/// Ends this process at the first signal. A program under way goes on: half of its work would be worse than all of it.
fn end_on_signal(pid_file: PathBuf) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGQUIT])?;
    let wait = move || {
        signals.forever().next();
        let _ = fs::remove_file(pid_file);
        std::process::exit(0);
    };
    std::thread::Builder::new().spawn(wait).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::path::Path;

    fn parsed(line: &str) -> Result<Arguments, Stop> {
        daemon::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_options_are_those_of_pure_uploadscript() {
        let line = "wharf-uploadscript -B -g 21 -p /p -r /bin/true -u 42";
        let long = "wharf-uploadscript --daemonize --gid=21 --pidfile /p --run /bin/true --uid 42";
        for line in [line, long] {
            let Ok(arguments) = parsed(line) else {
                panic!("refused: {line}");
            };
            assert!(arguments.daemonize && arguments.pidfile == Path::new("/p"));
            assert_eq!((arguments.uid, arguments.gid), (Some(42), Some(21)));
            assert_eq!(arguments.run, Path::new("/bin/true"));
        }
        let Ok(arguments) = parsed("wharf-uploadscript -r/bin/true") else {
            panic!("refused");
        };
        assert_eq!(arguments.pidfile, Path::new(PID_FILE));
        assert_eq!(arguments.upload_pipe, Path::new(UPLOAD_PIPE));
        let hosts = Path::new("/etc/pure-ftpd/pure-ftpd");
        assert_eq!(arguments.virtual_hosts, hosts);
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_in_one_line() {
        for (line, words) in [
            ("wharf-uploadscript", "--run"),
            ("wharf-uploadscript -r /r -u root", "-u"),
            ("wharf-uploadscript -r /r -g 1x", "-g"),
            ("wharf-uploadscript -r /r -x", "-x"),
        ] {
            let Err(stop) = parsed(line) else {
                panic!("{line}");
            };
            assert_eq!(stop.status, sysexits::USAGE, "{line}");
            assert!(
                stop.text.contains(words) && !stop.text.contains('\n'),
                "{line}: {}",
                stop.text
            );
        }
        let help = parsed("wharf-uploadscript -h").expect_err("help");
        assert!(help.status == 0 && help.text.contains("--pidfile"));
    }
}
