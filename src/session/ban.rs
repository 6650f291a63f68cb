//! Addresses from which too many logins failed (`--ban`): one table for all sessions, of bounded size.
//!
//! Pure: the time comes as an argument, from a clock that never goes back. Whoever asks refuses the client and writes the
//! log. Of an IPv6 address the network of 64 bits counts, since that is what one customer has (RFC 6177); but for
//! link-local addresses, where that network is everybody's.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::units::Ban;

/// The most addresses that are remembered. Past it the one that failed longest ago is forgotten, and of banned ones, when
/// there are no others, the one whose ban ends first.
const MOST: usize = 8192;

/// What is known of an address. While it is banned, its failures are forgotten and no new ones are counted.
enum Record {
    /// When its last logins failed, oldest first; never empty.
    Failures(VecDeque<Instant>),
    Banned {
        until: Instant,
    },
}

/// The table.
pub struct Bans {
    rule: Option<Ban>,
    most: usize,
    records: RefCell<HashMap<IpAddr, Record>>,
}

impl Bans {
    /// An empty table; without a rule it stays so.
    pub fn new(rule: Option<Ban>) -> Bans {
        Bans {
            rule,
            most: MOST,
            records: RefCell::default(),
        }
    }

    /// Whether this address is refused now.
    pub fn holds(&self, address: IpAddr, now: Instant) -> bool {
        let records = self.records.borrow();
        matches!(records.get(&network(address)), Some(Record::Banned { until }) if now < *until)
    }

    /// Counts a login that failed. Gives the rule when that was one too many: the ban begins now.
    pub fn count(&self, address: IpAddr, now: Instant) -> Option<Ban> {
        let rule = self.rule?;
        let address = network(address);
        let mut records = self.records.borrow_mut();
        if !records.contains_key(&address) {
            make_room(&mut records, rule, self.most, now);
        }
        let record = records
            .entry(address)
            .or_insert_with(|| Record::Failures(VecDeque::new()));
        let mut failures = match record {
            Record::Banned { until } if now < *until => return None,
            Record::Banned { .. } => VecDeque::new(),
            Record::Failures(failures) => std::mem::take(failures),
        };
        failures.retain(|failure| now.duration_since(*failure) <= rule.within);
        failures.push_back(now);
        if failures.len() >= rule.failures {
            let until = now + rule.lasts;
            *record = Record::Banned { until };
            return Some(rule);
        }
        *record = Record::Failures(failures);
        None
    }
}

/// Sees to it that one more address can be remembered.
fn make_room(records: &mut HashMap<IpAddr, Record>, rule: Ban, most: usize, now: Instant) {
    if records.len() < most {
        return;
    }
    records.retain(|_, record| match record {
        Record::Banned { until } => now < *until,
        Record::Failures(failures) => failures
            .back()
            .is_some_and(|last| now.duration_since(*last) <= rule.within),
    });
    if records.len() < most {
        return;
    }
    // Addresses that failed come before those that are banned.
    let least = records.iter().min_by_key(|(_, record)| match record {
        Record::Failures(failures) => (false, failures.back().copied()),
        Record::Banned { until } => (true, Some(*until)),
    });
    if let Some(address) = least.map(|(address, _)| *address) {
        records.remove(&address);
    }
}

/// The address that stands for all that are banned together.
pub(super) fn network(address: IpAddr) -> IpAddr {
    /// The upper half.
    const NETWORK: u128 = u128::MAX << 64;
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_unicast_link_local() => {
            Ipv6Addr::from_bits(v6.to_bits() & NETWORK).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Three failures in 60 seconds, then 600 seconds.
    fn bans() -> Bans {
        Bans::new("3/60/600".parse().ok())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Counts a failure of 192.0.2.1 at each second; whether each began a ban.
    fn begun(bans: &Bans, start: Instant, seconds: &[u64]) -> Vec<bool> {
        let count = |second: &u64| {
            let now = start + Duration::from_secs(*second);
            bans.count(ip("192.0.2.1"), now).is_some()
        };
        seconds.iter().map(count).collect()
    }

    fn held(bans: &Bans, address: &str, start: Instant, second: u64) -> bool {
        bans.holds(ip(address), start + Duration::from_secs(second))
    }

    #[test]
    fn c4_the_last_failure_bans_for_the_time_and_not_a_moment_longer() {
        let (bans, start) = (bans(), Instant::now());
        assert_eq!(begun(&bans, start, &[0, 1]), [false, false]);
        assert!(!held(&bans, "192.0.2.1", start, 1));
        assert_eq!(begun(&bans, start, &[2]), [true]);
        assert!(held(&bans, "192.0.2.1", start, 2));
        assert!(held(&bans, "192.0.2.1", start, 601));
        assert!(!held(&bans, "192.0.2.1", start, 602));
        assert!(!held(&bans, "192.0.2.2", start, 2));
    }

    #[test]
    fn c4_only_failures_close_to_each_other_count() {
        let start = Instant::now();
        assert_eq!(begun(&bans(), start, &[0, 30, 61]), [false; 3]);
        assert_eq!(begun(&bans(), start, &[0, 30, 60]), [false, false, true]);
        // The window goes along: the first is forgotten, the second counts with the third.
        assert!(begun(&bans(), start, &[0, 59, 61, 62])[3]);
    }

    #[test]
    fn failures_during_a_ban_neither_lengthen_it_nor_count_after_it() {
        let (bans, start) = (bans(), Instant::now());
        assert_eq!(
            begun(&bans, start, &[0, 0, 0, 300, 599]),
            [false, false, true, false, false]
        );
        assert!(!held(&bans, "192.0.2.1", start, 600));
        assert_eq!(begun(&bans, start, &[600, 601, 602]), [false, false, true]);
    }

    #[test]
    fn c4_an_ipv6_network_of_64_bits_is_banned_whole() {
        let (bans, start) = (bans(), Instant::now());
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:ffff"] {
            let _ = bans.count(ip(host), start);
        }
        assert!(held(&bans, "2001:db8::7", start, 1));
        assert!(!held(&bans, "2001:db8:0:1::1", start, 1));
    }

    #[test]
    fn neighbours_on_a_link_and_mapped_addresses_are_told_apart() {
        let (bans, start) = (bans(), Instant::now());
        for host in ["fe80::1", "fe80::1", "fe80::1", "::ffff:192.0.2.1"] {
            let _ = bans.count(ip(host), start);
        }
        assert!(held(&bans, "fe80::1", start, 1));
        assert!(!held(&bans, "fe80::2", start, 1));
        assert_eq!(begun(&bans, start, &[1, 1]), [false, true]);
        assert!(held(&bans, "::ffff:192.0.2.1", start, 1));
        assert!(!held(&bans, "::ffff:192.0.2.2", start, 1));
    }

    #[test]
    fn without_the_flag_nobody_is_counted_or_banned() {
        let (bans, start) = (Bans::new(None), Instant::now());
        assert_eq!(begun(&bans, start, &[0; 50]), [false; 50]);
        assert!(!held(&bans, "192.0.2.1", start, 0));
        assert!(bans.records.borrow().is_empty());
    }

    #[test]
    fn l5_the_table_is_bounded_and_bans_are_the_last_to_be_forgotten() {
        let start = Instant::now();
        let mut bans = bans();
        bans.most = 3;
        assert!(begun(&bans, start, &[0, 0, 0])[2]);
        for host in 0..1000_u32 {
            let now = start + Duration::from_millis(host.into());
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + host);
            let _ = bans.count(address.into(), now);
            assert!(bans.records.borrow().len() <= 3);
        }
        assert!(held(&bans, "192.0.2.1", start, 2));
        assert!(bans.records.borrow().contains_key(&ip("10.0.3.231")));
        // What has run out goes first of all.
        let _ = bans.count(ip("10.9.9.9"), start + Duration::from_secs(700));
        assert_eq!(bans.records.borrow().len(), 1);
    }
}
