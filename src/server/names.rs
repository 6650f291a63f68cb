//! Names: those of clients, for the log, and that of `-P`, whose address may change while the server runs.
//!
//! The keeper asks the name servers. No client waits for it: the log gets the name when it is known, and what PASV tells
//! is what was known last.

use std::rc::Rc;
use std::time::Duration;

use crate::logs::{self, Severity};
use crate::net;
use crate::session::shared::Shared;
use crate::units::PassiveAddress;

/// How old the address of `-P` may be when a client comes; Pure-FTPd asks for each client.
const FRESH: Duration = Duration::from_secs(30);

/// Does what there is to do for a client that has come.
pub(super) fn look_up(shared: &Rc<Shared>, peer: std::net::SocketAddr) {
    refresh_passive_address(shared);
    if shared.base.settings.logs_names() {
        shared.handle.spawn(log_name(Rc::clone(shared), peer));
    }
}

async fn log_name(shared: Rc<Shared>, peer: std::net::SocketAddr) {
    let Some(link) = &shared.link else {
        return;
    };
    let address = net::unmapped(peer).ip();
    if let Some(name) = link.name(address).await {
        let (text, line) = (address.to_string(), format_args!("{address} is {name}"));
        logs::session(Severity::Info, b"?", &text, line);
    }
}

/// Asks for the address of the name of `-P`, unless that was done a short while ago.
fn refresh_passive_address(shared: &Rc<Shared>) {
    let Some(PassiveAddress::Name(_)) = &shared.base.settings.network.passive_address else {
        return;
    };
    let now = shared.handle.now();
    let fresh_until = shared.passive_address_until.get();
    if shared.link.is_none() || fresh_until.is_some_and(|until| now < until) {
        return;
    }
    shared.passive_address_until.set(Some(now + FRESH));
    let shared = Rc::clone(shared);
    let handle = shared.handle.clone();
    handle.spawn(async move {
        let Some(link) = &shared.link else {
            return;
        };
        let found = link.passive_address().await.map(std::net::IpAddr::V4);
        if let Some(address) = found
            && shared.passive_address.replace(found) != found
        {
            logs::server(
                Severity::Info,
                format_args!("-P: passive clients are told {address} from now on"),
            );
        }
    });
}
