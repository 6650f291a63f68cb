//! `wharf-authd`: runs a program of the administrator's for each login that a server asks about over a Unix socket. The
//! options, the protocol and the program's environment are those of Pure-FTPd's pure-authd(8), so that programs written
//! for that work unchanged, and so does Pure-FTPd as the server.
//!
//! Other than pure-authd it answers several requests at a time and ends a program that takes too long. What an answer
//! means is the server's business: here it is bytes. The program is run by its path and without arguments; no shell sees
//! what a client typed.

mod request;
mod socket;

use clap::{CommandFactory, Parser};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::daemon::{self, Identity, Stop};
use crate::units;
use crate::units::sysexits;

/// Programs running at a time; further requests wait in the socket's queue.
const AT_ONCE: usize = 16;

/// How long programs that run are waited for at the end.
const ENDING: Duration = Duration::from_secs(5);

/// Where Debian's pure-authd writes its process number.
const PID_FILE: &str = "/var/run/pure-authd.pid";

/// Answer a server's questions about logins with a program
///
/// Listens on a Unix socket for wharf-ftpd -l extauth:SOCKET, or pure-ftpd, and runs the program for each login. It
/// finds the login in AUTHD_ACCOUNT, AUTHD_PASSWORD, AUTHD_LOCAL_IP, AUTHD_LOCAL_PORT, AUTHD_REMOTE_IP, AUTHD_ENCRYPTED
/// and AUTHD_CLIENT_SNI_NAME, and prints the answer.
#[derive(Debug, Parser)]
#[command(name = "wharf-authd", version, args_override_self = true)]
struct Arguments {
    /// Listen on this Unix socket
    #[arg(short, long, value_name = "PATH")]
    socket: PathBuf,

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
}

/// The definition of the command line, for whoever documents it.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let stop = match daemon::parse(std::env::args_os()) {
        Ok(arguments) => match start(&arguments) {
            Ok(listener) => return serve(&arguments, listener),
            Err(stop) => stop,
        },
        Err(stop) => stop,
    };
    if stop.status == 0 {
        print!("{}", stop.text);
    } else {
        complain(&stop.text);
    }
    ExitCode::from(stop.status)
}

/// One line for the administrator.
fn complain(text: &str) {
    eprintln!("wharf-authd: {text}");
}

/// All that may fail, while there is one thread and somebody reads standard error.
fn start(arguments: &Arguments) -> Result<UnixListener, Stop> {
    daemon::check_program(&arguments.run)
        .map_err(|text| Stop::new(sysexits::CONFIGURATION, text))?;
    let identity = Identity::new(arguments.uid, arguments.gid)
        .map_err(|text| Stop::new(sysexits::USAGE, text))?;
    let refused = |what: &str, error: &dyn std::fmt::Display| {
        Stop::new(sysexits::SYSTEM, format!("{what}: {error}"))
    };
    let listener = socket::bind(&arguments.socket).map_err(|error| {
        let status = match error.kind() {
            io::ErrorKind::AddrInUse => sysexits::UNAVAILABLE,
            _ => sysexits::SYSTEM,
        };
        Stop::new(
            status,
            format!("cannot listen on {}: {error}", arguments.socket.display()),
        )
    })?;
    if arguments.daemonize {
        daemon::detach().map_err(|error| refused("cannot run in the background", &error))?;
    }
    if let Err(error) = daemon::write_process_number(&arguments.pidfile) {
        complain(&format!(
            "warning: cannot write {}: {error}",
            arguments.pidfile.display()
        ));
    }
    let become_it = identity
        .own(&arguments.socket)
        .and_then(|()| identity.assume());
    become_it.map_err(|error| {
        clean_up(arguments);
        refused("cannot become the user and group", &error)
    })?;
    Ok(listener)
}

/// Removes what others would take for a running program. After a change of user that may not be permitted; the next start
/// replaces both.
fn clean_up(arguments: &Arguments) {
    let _ = fs::remove_file(&arguments.socket);
    let _ = fs::remove_file(&arguments.pidfile);
}

fn serve(arguments: &Arguments, listener: UnixListener) -> ExitCode {
    let ending = Arc::new(AtomicBool::new(false));
    let watched = listener
        .try_clone()
        .and_then(|listener| end_on_signal(listener, Arc::clone(&ending)));
    if let Err(error) = watched {
        complain(&format!("cannot wait for signals: {error}"));
        clean_up(arguments);
        return ExitCode::from(sysexits::SYSTEM);
    }
    let places = Arc::new(Places::default());
    while !ending.load(Ordering::Relaxed) {
        let place = Places::take(&places);
        match listener.accept() {
            Ok((stream, _)) => answer(place, stream, arguments.run.clone()),
            // Shut down by the signal; else descriptors are short, and will not be more at once.
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    clean_up(arguments);
    places.wait_until_free(ENDING);
    ExitCode::SUCCESS
}

fn answer(place: Place, stream: UnixStream, program: PathBuf) {
    let started = std::thread::Builder::new().spawn(move || {
        let _place = place;
        if let Err(error) = request::answer(stream, &program) {
            complain(&format!("{}: {error}", program.display()));
        }
    });
    if let Err(error) = started {
        complain(&format!("a request was dropped: {error}"));
    }
}

/// Shuts the socket down at the first signal, which ends the wait in accept(2).
fn end_on_signal(listener: UnixListener, ending: Arc<AtomicBool>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGQUIT])?;
    let wait = move || {
        signals.forever().next();
        ending.store(true, Ordering::Relaxed);
        let _ = rustix::net::shutdown(&listener, rustix::net::Shutdown::Both);
    };
    std::thread::Builder::new().spawn(wait).map(drop)
}

/// How many requests are being answered.
#[derive(Default)]
struct Places {
    taken: Mutex<usize>,
    given_back: Condvar,
}

/// Room for one request, given back when dropped.
struct Place(Arc<Places>);

impl Places {
    /// Waits for room.
    fn take(places: &Arc<Places>) -> Place {
        let taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = places
            .given_back
            .wait_while(taken, |taken| *taken >= AT_ONCE);
        *wait.unwrap_or_else(PoisonError::into_inner) += 1;
        Place(Arc::clone(places))
    }

    fn wait_until_free(&self, limit: Duration) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Past the limit they are left to themselves.
        let _ = self
            .given_back
            .wait_timeout_while(taken, limit, |taken| *taken > 0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.given_back.notify_all();
    }
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
    fn the_options_are_those_of_pure_authd() {
        let Ok(arguments) = parsed("wharf-authd -B -g 21 -p /p -r /bin/true -s /s -u 42") else {
            panic!("refused");
        };
        assert!(arguments.daemonize && arguments.pidfile == Path::new("/p"));
        assert_eq!((arguments.uid, arguments.gid), (Some(42), Some(21)));
        let Ok(arguments) = parsed(
            "wharf-authd --socket /s --run=/bin/true --daemonize --gid 1 --uid 1 --pidfile /p",
        ) else {
            panic!("refused");
        };
        assert_eq!(arguments.socket, Path::new("/s"));
        let Ok(arguments) = parsed("wharf-authd -s/s -r/bin/true") else {
            panic!("refused");
        };
        assert!(!arguments.daemonize && arguments.pidfile == Path::new(PID_FILE));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_in_one_line() {
        for (line, words) in [
            ("wharf-authd", "--socket"),
            ("wharf-authd -s /s", "--run"),
            ("wharf-authd -s /s -r /r -u root", "-u"),
            ("wharf-authd -s /s -r /r -g 1x", "-g"),
            ("wharf-authd -s /s -r /r -x", "-x"),
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
        let help = parsed("wharf-authd -h").expect_err("help");
        assert!(help.status == 0 && help.text.contains("--pidfile"));
    }

    #[test]
    fn l8_requests_beyond_the_places_wait_for_one() {
        let places = Arc::new(Places::default());
        let mut taken: Vec<Place> = (0..AT_ONCE).map(|_| Places::take(&places)).collect();
        let (sender, receiver) = std::sync::mpsc::channel();
        let others = Arc::clone(&places);
        let waiting = std::thread::spawn(move || {
            let place = Places::take(&others);
            sender.send(()).unwrap();
            place
        });
        assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
        taken.pop();
        assert!(receiver.recv_timeout(Duration::from_secs(20)).is_ok());
        drop((waiting.join().unwrap(), taken));
        places.wait_until_free(Duration::from_secs(20));
        assert_eq!(*places.taken.lock().unwrap(), 0);
    }
}
