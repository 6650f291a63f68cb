//! What `wharf-authd` and `wharf-certd` have in common: each runs a program of the administrator's for each question that a
//! server asks over a Unix socket. Options, protocol and the program's environment are those of Pure-FTPd's pure-authd(8) and
//! pure-certd(8), so that programs written for those work unchanged, and so does Pure-FTPd as the server.
//!
//! Other than those this answers several questions at a time and ends a program that takes too long. What an answer
//! means is the server's business: here it is bytes. The program is run by its path and without arguments; no shell sees
//! what a client sent.

mod request;
mod socket;

use clap::{Args, Parser};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
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

/// How one of the programs differs from the others.
pub(super) struct Trade {
    /// Its name, in front of what it says.
    pub(super) name: &'static str,
    /// What begins each line of a question, and what the program finds the rest of it as.
    pub(super) variables: &'static [(&'static str, &'static str)],
}

/// The options they have in common.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Listen on this Unix socket
    #[arg(short, long, value_name = "PATH")]
    pub(super) socket: PathBuf,

    /// Run this program, given by its absolute path
    #[arg(short, long, value_name = "PROGRAM")]
    pub(super) run: PathBuf,

    /// Run in the background
    #[arg(short = 'B', long)]
    pub(super) daemonize: bool,

    /// Run with this group id
    #[arg(short, long, value_name = "GID", value_parser = units::group_id)]
    pub(super) gid: Option<u32>,

    /// Run with this user id
    #[arg(short, long, value_name = "UID", value_parser = units::user_id)]
    pub(super) uid: Option<u32>,
}

/// A program with its arguments.
struct Responder<'a> {
    trade: &'static Trade,
    options: &'a Options,
    pid_file: &'a Path,
}

/// Runs one of the programs with the arguments of the process. `read` gives the options in common, and the file for the
/// process number.
pub(super) fn run<A: Parser>(trade: &'static Trade, read: fn(&A) -> (&Options, &Path)) -> ExitCode {
    let done = daemon::parse::<A>(std::env::args_os()).and_then(|arguments| {
        let (options, pid_file) = read(&arguments);
        let responder = Responder {
            trade,
            options,
            pid_file,
        };
        Ok(responder.serve(responder.start()?))
    });
    match done {
        Ok(code) => code,
        Err(stop) if stop.status == 0 => {
            print!("{}", stop.text);
            ExitCode::SUCCESS
        }
        Err(stop) => {
            trade.complain(&stop.text);
            ExitCode::from(stop.status)
        }
    }
}

impl Trade {
    /// One line for the administrator.
    fn complain(&self, text: &str) {
        eprintln!("{}: {text}", self.name);
    }
}

impl Responder<'_> {
    /// All that may fail, while there is one thread and somebody reads standard error.
    fn start(&self) -> Result<UnixListener, Stop> {
        let options = self.options;
        daemon::check_program(&options.run)
            .map_err(|text| Stop::new(sysexits::CONFIGURATION, text))?;
        let identity = Identity::new(options.uid, options.gid)
            .map_err(|text| Stop::new(sysexits::USAGE, text))?;
        let refused = |what: &str, error: &dyn std::fmt::Display| {
            Stop::new(sysexits::SYSTEM, format!("{what}: {error}"))
        };
        let listener = socket::bind(&options.socket).map_err(|error| {
            let status = match error.kind() {
                io::ErrorKind::AddrInUse => sysexits::UNAVAILABLE,
                _ => sysexits::SYSTEM,
            };
            Stop::new(
                status,
                format!("cannot listen on {}: {error}", options.socket.display()),
            )
        })?;
        if options.daemonize {
            daemon::detach().map_err(|error| refused("cannot run in the background", &error))?;
        }
        if let Err(error) = daemon::write_process_number(self.pid_file) {
            self.trade.complain(&format!(
                "warning: cannot write {}: {error}",
                self.pid_file.display()
            ));
        }
        let become_it = identity
            .own(&options.socket)
            .and_then(|()| identity.assume());
        become_it.map_err(|error| {
            self.clean_up();
            refused("cannot become the user and group", &error)
        })?;
        Ok(listener)
    }

    /// Removes what others would take for a running program. After a change of user that may not be permitted; the next start
    /// replaces both.
    fn clean_up(&self) {
        let _ = fs::remove_file(&self.options.socket);
        let _ = fs::remove_file(self.pid_file);
    }

    fn serve(&self, listener: UnixListener) -> ExitCode {
        let ending = Arc::new(AtomicBool::new(false));
        let watched = listener
            .try_clone()
            .and_then(|listener| end_on_signal(listener, Arc::clone(&ending)));
        if let Err(error) = watched {
            self.trade
                .complain(&format!("cannot wait for signals: {error}"));
            self.clean_up();
            return ExitCode::from(sysexits::SYSTEM);
        }
        let places = Arc::new(Places::default());
        while !ending.load(Ordering::Relaxed) {
            let place = Places::take(&places);
            match listener.accept() {
                Ok((stream, _)) => self.answer(place, stream),
                // Shut down by the signal; else descriptors are short, and will not be more at once.
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        self.clean_up();
        places.wait_until_free(ENDING);
        ExitCode::SUCCESS
    }

    fn answer(&self, place: Place, stream: UnixStream) {
        let (trade, program) = (self.trade, self.options.run.clone());
        let started = std::thread::Builder::new().spawn(move || {
            let _place = place;
            if let Err(error) = request::answer(stream, &program, trade.variables) {
                trade.complain(&format!("{}: {error}", program.display()));
            }
        });
        if let Err(error) = started {
            trade.complain(&format!("a request was dropped: {error}"));
        }
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
