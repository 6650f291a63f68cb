#![forbid(unsafe_code)]
//! The process: start, listen or inherit a connection, admit clients, stop.
//!
//! Order of starting (each step needs what the one before left, and nothing after it):
//!
//! 1. descriptors 0 to 2 are kept away from a client whose socket they are (inetd),
//! 2. flags become settings,
//! 3. sockets are bound; trees, messages and the time zone are opened while paths still mean what the administrator
//!    meant,
//! 4. rights are given up for good; files out of the way and system calls FTP never needs are forbidden (`--sandbox`),
//! 5. the log's thread starts, then the loop, whose helper threads inherit all of it.
//!
//! After that this process opens nothing by an absolute path, looks up no name and runs no program: what must be, its keeper does.

mod admission;
mod confine;
mod doctor;
mod failure;
mod given;
mod health;
mod holder;
mod listening;
mod live;
mod materials;
mod names;
mod notify;
mod pid_file;
mod reload;
mod rights;
mod sharing;
mod shown;
mod start;
mod summary;
pub(crate) mod upload_pipe;

use std::cell::Cell;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

pub use failure::Failure;
pub use start::main;

use notify::Notify;
use start::Until;

use crate::logs::{self, Severity};
use crate::net::{self, Listener, Stream};
use crate::reactor::{Handle, Priority, Reactor, Signals};
use crate::session::Session;
use crate::session::shared::{Counted, Shared, Stopping};

/// How long the server waits, once sessions have been told to end, for helper threads to give back files.
const LAST_JOBS: Duration = Duration::from_secs(5);

/// How long a session that was told to end now may take.
const LAST_SESSIONS: Duration = Duration::from_secs(1);

/// How often the server looks whether its keeper lives.
const LOOK_AT_KEEPER: Duration = Duration::from_secs(1);

/// How long a server under inetd with `wait` stays when the last client has gone: as long as this at least, and at most twice.
const LAST_CLIENT: Duration = Duration::from_secs(3);

/// How often a stopping server looks whether sessions are left.
const LOOK: Duration = Duration::from_millis(20);

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGUSR1: i32 = 10;
const SIGTERM: i32 = 15;

/// Why the server ends.
enum Cause {
    Signal(i32),
    /// Nobody can log in any more; whoever watches the server starts it anew.
    KeeperGone,
    /// Nobody was there for a while, and inetd listens on.
    Idle,
    /// A shared folder was to be shared so long.
    Over(&'static str),
}

/// Serves clients of these listeners until a signal stops the server, or its keeper dies.
async fn serve(
    shared: Rc<Shared>,
    listeners: Vec<Listener>,
    mut signals: Signals,
    until: Until,
    notify: Rc<Notify>,
) -> Result<(), Failure> {
    let handle = shared.handle.clone();
    let closed = Rc::new(Cell::new(false));
    for listener in listeners {
        let gate = admission::accept(Rc::clone(&shared), listener, Rc::clone(&closed));
        handle.spawn(gate);
    }
    handle.spawn(reload::look_at_costs(Rc::clone(&shared)));
    if shared.tls.is_some() {
        handle.spawn(reload::watch_certificates(Rc::clone(&shared)));
    }
    if shared.board.is_some() {
        handle.spawn(live::show(Rc::clone(&shared)));
    }
    notify.ready();
    let cause = notify
        .while_telling(
            &shared,
            serve_until(&shared, &mut signals, &closed, &notify, until),
        )
        .await;
    notify.stopping();
    shared.stopping.set(Stopping::Draining);
    handle.wake_all();
    let patience = handle.now() + shared.base.settings.process.drain;
    let again = async {
        let second = next_stop(&shared, &mut signals, &notify).await;
        logs::server(
            Severity::Info,
            format_args!("Signal {second}: ending transfers"),
        );
    };
    let empty = no_sessions(&shared);
    handle
        .until(patience, futures_lite::future::or(again, empty))
        .await;
    shared.stopping.set(Stopping::Now);
    handle.wake_all();
    let until = handle.now() + LAST_SESSIONS;
    handle.until(until, no_sessions(&shared)).await;
    let until = handle.now() + LAST_JOBS;
    handle.until(until, handle.pool().drained()).await;
    if shared.board.is_some() {
        logs::show(Vec::new());
    }
    match cause {
        Cause::Signal(_) | Cause::Idle | Cause::Over(_) => Ok(()),
        Cause::KeeperGone => Err(Failure::keeper()),
    }
}

/// Ready when the server is to end, and no client is accepted any more; with a dead keeper when the last session is over.
async fn serve_until(
    shared: &Rc<Shared>,
    signals: &mut Signals,
    closed: &Cell<bool>,
    notify: &Rc<Notify>,
    until: Until,
) -> Cause {
    let signalled = async { Cause::Signal(next_stop(shared, signals, notify).await) };
    let over = async { Cause::Over(sharing::over(shared).await) };
    let ends = futures_lite::future::or(keeper_gone(shared), idle(shared, until));
    let ends = futures_lite::future::or(ends, over);
    let cause = futures_lite::future::or(signalled, ends).await;
    closed.set(true);
    shared.handle.wake_all();
    match cause {
        Cause::Idle => {}
        Cause::Over(why) => {
            logs::server(Severity::Info, format_args!("{why}: stopping"));
        }
        Cause::Signal(signal) => {
            logs::server(Severity::Info, format_args!("Signal {signal}: stopping"));
        }
        Cause::KeeperGone => {
            logs::server(
                Severity::Error,
                format_args!("The keeper is gone: no more logins, sessions may finish"),
            );
            let stop = async {
                let _ = next_stop(shared, signals, notify).await;
            };
            futures_lite::future::or(stop, no_sessions(shared)).await;
        }
    }
    cause
}

/// Ready when there was a keeper that more than names depend on, and is none any more.
async fn keeper_gone(shared: &Shared) -> Cause {
    let Some(link) = &shared.link else {
        return std::future::pending().await;
    };
    while !link.is_missed() {
        shared.handle.sleep(LOOK_AT_KEEPER).await;
    }
    Cause::KeeperGone
}

async fn next_stop(shared: &Rc<Shared>, signals: &mut Signals, notify: &Rc<Notify>) -> i32 {
    loop {
        match signals.next().await {
            SIGHUP => {
                let (shared, notify) = (Rc::clone(shared), Rc::clone(notify));
                shared.handle.clone().spawn(async move {
                    notify.reloading();
                    reload::reload(shared).await;
                    notify.ready();
                });
            }
            SIGUSR1 => log_counters(shared),
            signal => return signal,
        }
    }
}

/// Ready when no client has been there for a while, under inetd with `wait`.
async fn idle(shared: &Shared, until: Until) -> Cause {
    if until == Until::Told {
        return std::future::pending().await;
    }
    loop {
        no_sessions(shared).await;
        let begun = shared.counts.begun();
        shared.handle.sleep(LAST_CLIENT).await;
        if shared.counts.sessions() == 0 && shared.counts.begun() == begun {
            return Cause::Idle;
        }
    }
}

/// One line of what the server does and has done.
fn log_counters(shared: &Shared) {
    let counts = &shared.counts;
    let (up, down) = (counts.uploads(), counts.downloads());
    logs::server(
        Severity::Info,
        format_args!(
            "Signal 10: {} sessions now ({} anonymous), {} since the start; uploads: {} whole, {} broken, {} bytes; \
             downloads: {} whole, {} broken, {} bytes",
            counts.sessions(),
            counts.anonymous(),
            counts.begun(),
            up.whole,
            up.broken,
            up.bytes,
            down.whole,
            down.broken,
            down.bytes
        ),
    );
}

async fn no_sessions(shared: &Shared) {
    while shared.counts.sessions() > 0 {
        shared.handle.sleep(LOOK).await;
    }
}

/// Serves the one client whose connection inetd passed.
async fn serve_one(
    shared: Rc<Shared>,
    connection: OwnedFd,
    mut signals: Signals,
    notify: Rc<Notify>,
) {
    let handle = shared.handle.clone();
    let Some((stream, local)) = inherit(&handle, connection) else {
        return;
    };
    let counted = Counted::session(&shared, stream.peer());
    if let Some(words) = admission::objection(&shared, stream.peer(), 0) {
        admission::turn_away(stream, words);
        return;
    }
    names::refresh_passive_address(&shared);
    let mut session = Session::new(&shared, stream, local, counted);
    admission::note_load(&shared, &mut session);
    let stopper = {
        let (shared, handle) = (Rc::clone(&shared), handle.clone());
        async move {
            next_stop(&shared, &mut signals, &notify).await;
            shared.stopping.set(Stopping::Now);
            handle.wake_all();
            std::future::pending::<()>().await;
        }
    };
    futures_lite::future::or(session.run(), stopper).await;
    let until = handle.now() + LAST_JOBS;
    handle.until(until, handle.pool().drained()).await;
}

/// A connection given to us: whose it is and where it came to. None when the client is gone already.
fn inherit(handle: &Handle, connection: OwnedFd) -> Option<(Stream, std::net::SocketAddr)> {
    let socket = TcpStream::from(connection);
    let peer = net::unmapped(socket.peer_addr().ok()?);
    let local = net::unmapped(socket.local_addr().ok()?);
    socket.set_nonblocking(true).ok()?;
    net::prepare_control(&socket2::SockRef::from(&socket)).ok()?;
    Some((Stream::new(handle, socket, peer, Priority::Control), local))
}

/// Runs the loop with what was prepared.
fn run(
    mut reactor: Reactor,
    shared: Rc<Shared>,
    clients: start::Clients,
    notify: Rc<Notify>,
) -> Result<(), Failure> {
    let handle = reactor.handle();
    let signals =
        Signals::new(&handle, &[SIGHUP, SIGINT, SIGUSR1, SIGTERM]).map_err(Failure::loop_)?;
    let ended = match clients {
        start::Clients::One(connection) => reactor
            .run(serve_one(shared, connection, signals, notify))
            .map(Ok),
        start::Clients::Listeners(sockets, until) => {
            let listeners: Result<Vec<Listener>, _> = sockets
                .into_iter()
                .map(|socket| Listener::new(&handle, socket))
                .collect();
            let listeners = listeners.map_err(Failure::loop_)?;
            reactor.run(serve(shared, listeners, signals, until, notify))
        }
    };
    ended.map_err(Failure::loop_)?
}
