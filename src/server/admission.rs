//! Who gets in: the limits that hold before a session begins, cheapest first.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::names;
use crate::logs::{self, Severity};
use crate::net::{self, Accepted, Listener, Stream};
use crate::proto::reply::Reply;
use crate::reactor::Priority;
use crate::session::Session;
use crate::session::shared::{Counted, Shared};
use crate::sys::{host, words};

/// Connections accepted in a row before sessions get their turn.
const IN_A_ROW: u32 = 16;

/// The wait after an error of accept(2) that no client caused.
const PAUSE: Duration = Duration::from_millis(100);

/// What a client of a banned address is told.
const BANNED: &str = "Too many failed logins from your address, please try again later";

/// Accepts clients of one listener until `closed`.
pub(super) async fn accept(shared: Rc<Shared>, mut listener: Listener, closed: Rc<Cell<bool>>) {
    let handle = shared.handle.clone();
    let mut in_a_row = 0;
    let mut complained = None;
    loop {
        let accepted = std::future::poll_fn(|context| {
            if closed.get() {
                return std::task::Poll::Ready(None);
            }
            listener.poll_accept(context).map(Some)
        });
        match accepted.await {
            None => return,
            Some(Ok(Accepted::Client(socket, peer))) => {
                let stream = Stream::new(&handle, socket, peer, Priority::Control);
                admit(&shared, stream, &mut complained);
            }
            Some(Ok(Accepted::NoDescriptor(socket, peer))) => {
                complain(
                    &mut complained,
                    peer,
                    "Too many open files: client turned away",
                );
                let stream = Stream::new(&handle, socket, peer, Priority::Control);
                turn_away(stream, "Too many open files, please try again later".into());
            }
            Some(Err(error)) => {
                logs::server(
                    Severity::Error,
                    format_args!("Can't accept a connection: {}", words(&error)),
                );
                handle.sleep(PAUSE).await;
            }
        }
        in_a_row += 1;
        if in_a_row == IN_A_ROW {
            in_a_row = 0;
            handle.breathe().await;
        }
    }
}

fn admit(shared: &Rc<Shared>, stream: Stream, complained: &mut Option<std::net::IpAddr>) {
    let peer = stream.peer();
    if shared.bans.holds(peer.ip(), shared.handle.now()) {
        // The log knows since the ban began.
        return turn_away(stream, BANNED.into());
    }
    let others = shared.counts.of_address(peer.ip());
    if let Some(words) = objection(shared, peer, others) {
        complain(complained, peer, &words);
        return turn_away(stream, words);
    }
    let Ok(local) = stream.local() else {
        return;
    };
    let counted = Counted::session(shared, peer);
    let mut session = Session::new(shared, stream, local, counted);
    note_load(shared, &mut session);
    names::refresh_passive_address(shared);
    shared.handle.spawn(session.run());
}

/// Why this client may not come in; `others` are its other sessions.
pub(super) fn objection(shared: &Shared, peer: SocketAddr, others: u32) -> Option<String> {
    let settings = &shared.base.settings;
    let network = &settings.network;
    let denied = network
        .deny_from
        .iter()
        .any(|cidr| cidr.contains(peer.ip()));
    let allowed = network.allow_from.is_empty()
        || network
            .allow_from
            .iter()
            .any(|cidr| cidr.contains(peer.ip()));
    if denied || !allowed {
        return Some("Your address is not allowed here".into());
    }
    let limit = settings.limits.max_clients;
    if shared.counts.sessions() >= limit {
        return Some(format!(
            "{limit} users (the maximum) are already logged in, sorry"
        ));
    }
    match settings.limits.max_per_address {
        Some(limit) if others >= limit => {
            Some(format!("Too many connections ({others}) from this IP"))
        }
        _ => None,
    }
}

/// Answers 421 and closes; a client that does not take the answer at once goes without.
pub(super) fn turn_away(mut stream: Stream, words: String) {
    let mut text = Vec::new();
    Reply::new(421, words).write_to(&mut text);
    let _ = stream.write_now(&text);
    stream.end_writing();
}

/// `-m` looks at the load when the client comes.
pub(super) fn note_load(shared: &Shared, session: &mut Session) {
    if shared.base.settings.limits.max_load.is_some() {
        let [_, five_minutes, _] = host::load_average();
        session.set_load(five_minutes);
    }
}

/// One record for a run of refusals to the same address.
fn complain(last: &mut Option<std::net::IpAddr>, peer: SocketAddr, words: &str) {
    let address = net::unmapped(peer).ip();
    if last.replace(address) != Some(address) {
        logs::session(
            Severity::Warning,
            b"?",
            &address.to_string(),
            format_args!("{words}: [{address}]"),
        );
    }
}
