//! The name of `-P`, whose address may change while the server runs.
//!
//! The keeper asks the name servers. No client waits for it: what PASV tells is what was known last.

use std::rc::Rc;
use std::time::Duration;

use crate::logs::{self, Severity};
use crate::session::shared::Shared;
use crate::units::PassiveAddress;

/// How old the address of `-P` may be when a client comes; Pure-FTPd asks for each client.
const FRESH: Duration = Duration::from_secs(30);

/// Asks for the address of the name of `-P`, unless that was done a short while ago.
pub(super) fn refresh_passive_address(shared: &Rc<Shared>) {
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
