//! What the administrator should know about passive data connections that cannot work: an address that clients cannot
//! reach, and ports to which nothing comes. Each cause is told once an hour at most, whatever clients do.
//!
//! Pure: the time comes as an argument, from a clock that never goes back.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::net;

/// How long a cause is not told again.
const QUIET: Duration = Duration::from_secs(3600);

/// How many data connections in a row must fail to come.
const IN_A_ROW: u32 = 3;

/// How long one must have been awaited where the client gave up before the server did.
pub(super) const AWAITED: Duration = Duration::from_secs(5);

/// The most addresses that are remembered.
const MOST: usize = 1024;

/// What has been told, and what clients have met with.
#[derive(Default)]
pub struct Advice {
    told_of_address: Cell<Option<Instant>>,
    told_of_ports: Cell<Option<Instant>>,
    missed: RefCell<HashMap<IpAddr, u32>>,
}

impl Advice {
    /// Whether to tell that PASV sends this client to `announced`: an address of a private network, for one who comes from
    /// outside.
    pub(super) fn is_told_of_address(
        &self,
        client: IpAddr,
        announced: IpAddr,
        now: Instant,
    ) -> bool {
        net::is_private(announced) && !net::is_private(client) && due(&self.told_of_address, now)
    }

    /// A data connection of this client came.
    pub(super) fn came(&self, client: IpAddr) {
        self.missed.borrow_mut().remove(&client);
    }

    /// One did not. Whether to tell that none of the last few did.
    pub(super) fn is_told_of_ports(&self, client: IpAddr, now: Instant) -> bool {
        let mut missed = self.missed.borrow_mut();
        if missed.len() >= MOST && !missed.contains_key(&client) {
            // Whoever floods the table only delays what is told of others.
            missed.clear();
        }
        let times = missed.entry(client).or_default();
        *times = times.saturating_add(1);
        *times >= IN_A_ROW && due(&self.told_of_ports, now)
    }
}

/// Whether a cause was not told for a while; then it is told now.
fn due(told: &Cell<Option<Instant>>, now: Instant) -> bool {
    let due = told
        .get()
        .is_none_or(|last| now.saturating_duration_since(last) >= QUIET);
    if due {
        told.set(Some(now));
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_private_address_is_told_of_for_clients_from_outside_once_an_hour() {
        let (advice, start) = (Advice::default(), Instant::now());
        let told = |client, announced, minutes: u64| {
            let now = start + Duration::from_secs(60 * minutes);
            advice.is_told_of_address(ip(client), ip(announced), now)
        };
        assert!(!told("192.168.0.7", "192.168.0.1", 0));
        assert!(!told("203.0.113.7", "198.51.100.1", 0));
        assert!(!told("10.1.1.1", "198.51.100.1", 0));
        assert!(told("203.0.113.7", "192.168.0.1", 1));
        assert!(!told("203.0.113.8", "10.0.0.1", 60));
        assert!(told("203.0.113.8", "10.0.0.1", 61));
        assert!(!told("2001:db8::1", "127.0.0.1", 62));
    }

    #[test]
    fn ports_are_told_of_when_three_in_a_row_of_one_client_found_nobody() {
        let (advice, start) = (Advice::default(), Instant::now());
        let (one, other) = (ip("203.0.113.7"), ip("203.0.113.8"));
        let missed = |client, minutes: u64| {
            advice.is_told_of_ports(client, start + Duration::from_secs(60 * minutes))
        };
        assert!(!missed(one, 0) && !missed(one, 0));
        advice.came(one);
        assert!(!missed(one, 1) && !missed(other, 1) && !missed(one, 1));
        assert!(missed(one, 1));
        // The hour is for all clients, and so is what comes after it.
        assert!(!missed(one, 2) && !missed(other, 2) && !missed(other, 3));
        assert!(missed(other, 61));
        assert!(!missed(one, 62));
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let (advice, now) = (Advice::default(), Instant::now());
        for number in 0..10_000_u32 {
            advice.is_told_of_ports(IpAddr::V4(number.into()), now);
        }
        assert!(advice.missed.borrow().len() <= MOST);
    }
}
