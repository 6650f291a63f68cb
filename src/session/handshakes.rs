//! TLS handshakes that lead to no login, by address: each costs a signature, so nobody has as many as they like.
//!
//! Pure: the time comes as an argument, from a clock that never goes back. A handshake is a debt that a login pays, and that
//! time pays otherwise. Addresses are told apart as in the table of bans.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use super::ban::network;

/// How many an address may owe. A room of clients behind one address, or a client with many connections, owes far fewer.
const MOST: f64 = 200.0;

/// How many a second pays.
const PAID: f64 = 5.0;

/// The most addresses that are remembered; past it those that owe least are forgotten.
const ADDRESSES: usize = 8192;

/// What an address owed when it was last looked at.
struct Debt {
    owed: f64,
    at: Instant,
}

impl Debt {
    fn left(&self, now: Instant) -> f64 {
        let paid = now.duration_since(self.at).as_secs_f64() * PAID;
        (self.owed - paid).max(0.0)
    }
}

/// The table.
#[derive(Default)]
pub struct Handshakes(RefCell<HashMap<IpAddr, Debt>>);

impl Handshakes {
    /// Counts a handshake that begins now; false if the address owes too many.
    pub fn begin(&self, address: IpAddr, now: Instant) -> bool {
        let address = network(address);
        let mut debts = self.0.borrow_mut();
        if debts.len() >= ADDRESSES && !debts.contains_key(&address) {
            make_room(&mut debts, now);
        }
        let debt = debts.entry(address).or_insert(Debt { owed: 0.0, at: now });
        let left = debt.left(now);
        let allowed = left + 1.0 <= MOST;
        *debt = Debt {
            owed: if allowed { left + 1.0 } else { left },
            at: now,
        };
        allowed
    }

    /// A handshake led to a login.
    pub fn paid(&self, address: IpAddr, now: Instant) {
        let address = network(address);
        let mut debts = self.0.borrow_mut();
        if let Some(debt) = debts.get_mut(&address) {
            let left = debt.left(now) - 1.0;
            match left > 0.0 {
                true => {
                    *debt = Debt {
                        owed: left,
                        at: now,
                    }
                }
                false => drop(debts.remove(&address)),
            }
        }
    }
}

fn make_room(debts: &mut HashMap<IpAddr, Debt>, now: Instant) {
    debts.retain(|_, debt| debt.left(now) > 0.0);
    if debts.len() < ADDRESSES {
        return;
    }
    let least = debts
        .iter()
        .min_by(|one, other| one.1.left(now).total_cmp(&other.1.left(now)));
    if let Some(address) = least.map(|(address, _)| *address) {
        debts.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of `count` handshakes at one moment are allowed.
    fn allowed(table: &Handshakes, address: &str, now: Instant, count: usize) -> usize {
        (0..count).filter(|_| table.begin(ip(address), now)).count()
    }

    #[test]
    fn l7_an_address_without_a_login_has_so_many_and_then_some_a_second() {
        let table = Handshakes::default();
        let start = Instant::now();
        assert_eq!(allowed(&table, "192.0.2.1", start, 300), 200);
        assert_eq!(allowed(&table, "192.0.2.2", start, 1), 1);
        let later = start + Duration::from_secs(2);
        assert_eq!(allowed(&table, "192.0.2.1", later, 300), 10);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!(allowed(&table, "192.0.2.1", much_later, 300), 200);
    }

    #[test]
    fn whoever_logs_in_owes_nothing() {
        let table = Handshakes::default();
        let now = Instant::now();
        for _ in 0..1000 {
            assert!(table.begin(ip("192.0.2.1"), now));
            table.paid(ip("192.0.2.1"), now);
        }
        assert!(table.0.borrow().is_empty());
        table.paid(ip("192.0.2.9"), now);
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_the_table_is_bounded() {
        let table = Handshakes::default();
        let now = Instant::now();
        assert_eq!(allowed(&table, "2001:db8::1", now, 150), 150);
        assert_eq!(allowed(&table, "2001:db8::2", now, 150), 50);
        for number in 0..(ADDRESSES as u32 + 500) {
            table.begin(IpAddr::from((0x0a00_0000 + number).to_be_bytes()), now);
        }
        assert!(table.0.borrow().len() <= ADDRESSES);
        assert_eq!(allowed(&table, "2001:db8::1", now, 1), 0);
    }
}
