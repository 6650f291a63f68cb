//! `--doctor`: what --check does not see, since it is no reason not to start: whether clients can reach the passive ports and
//! the address they are told, as far as this machine and its name server can say. Each finding is a line with its cure.
//!
//! Nothing is sent but a question about a name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use super::{Failure, holder, listening, materials};
use crate::flags::on_one_line;
use crate::net::{self, Listener};
use crate::settings::{Family, Settings};
use crate::sys::{descriptors, host, privileges, words};
use crate::units::sysexits::{CONFIGURATION, UNAVAILABLE};

/// The ports that the system gives to connections which name none (ip(7)).
const LOCAL_PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    Warning,
    /// It cannot work; the exit status that says so.
    Error(u8),
}

/// One line.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    text: String,
}

impl Finding {
    pub(super) fn ok(text: String) -> Finding {
        let level = Level::Ok;
        Finding { level, text }
    }

    fn warning(text: String) -> Finding {
        let level = Level::Warning;
        Finding { level, text }
    }

    fn error(status: u8, text: String) -> Finding {
        let level = Level::Error(status);
        Finding { level, text }
    }

    /// What keeps the server from starting.
    pub(super) fn failure(failure: &Failure) -> Finding {
        let text = failure.to_string();
        let text = text.strip_prefix("wharf-ftpd: ").unwrap_or(&text);
        Finding::error(failure.status, text.to_owned())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error(_) => "error",
        };
        write!(formatter, "{level}: {}", on_one_line(&self.text))
    }
}

/// The status of the first error, 0 if there is none.
pub(super) fn status(findings: &[Finding]) -> u8 {
    let errors = findings.iter().filter_map(|finding| match finding.level {
        Level::Error(status) => Some(status),
        Level::Ok | Level::Warning => None,
    });
    errors.into_iter().next().unwrap_or(0)
}

/// What was found on this machine.
#[derive(Debug, Default)]
struct Facts {
    /// Its addresses.
    own: Vec<IpAddr>,
    /// The IPv4 addresses that clients can come to.
    reached: Vec<Ipv4Addr>,
    /// The address of -P; none without -P, or where it has none.
    told: Option<IpAddr>,
    /// The name asked about, and what it leads to.
    name: Option<(String, Result<Vec<IpAddr>, String>)>,
    /// First and last port of [`LOCAL_PORTS`].
    local_ports: Option<(u16, u16)>,
    /// How many descriptors the server may have, and how many it may need.
    descriptors: (u64, u64),
    /// Ports of the range that are taken.
    taken: Vec<u16>,
    /// Who holds the first of them.
    holder: Option<String>,
}

/// Looks at the machine as these settings need it. `name` is what clients call it, or empty.
pub(super) fn look(settings: &Settings, name: &str, descriptors_wanted: u64) -> Vec<Finding> {
    judge(settings, &gather(settings, name, descriptors_wanted))
}

fn gather(settings: &Settings, name: &str, descriptors_wanted: u64) -> Facts {
    let network = &settings.network;
    let own = host::addresses().unwrap_or_default();
    let taken = match network.passive_range_given && !network.no_passive {
        true => taken_ports(settings),
        false => Vec::new(),
    };
    let all = all_addresses(settings);
    let first = taken.first().map(|port| SocketAddr::new(all, *port));
    Facts {
        reached: reached(settings, &own),
        own,
        told: materials::passive_address(settings).ok().flatten(),
        name: (!name.is_empty()).then(|| (name.to_owned(), addresses_of(name))),
        local_ports: local_ports(),
        descriptors: (descriptors::raise_descriptor_limit().0, descriptors_wanted),
        taken,
        holder: first.and_then(holder::of).map(|holder| holder.to_string()),
    }
}

/// The IPv4 addresses under which the server listens.
fn reached(settings: &Settings, own: &[IpAddr]) -> Vec<Ipv4Addr> {
    let mut reached = Vec::new();
    for listen in &settings.network.listen {
        let family = settings.network.family;
        let default_port = listening::default_port(settings, privileges::is_root());
        let at = listening::addresses(listen, family, default_port).unwrap_or_default();
        for address in at {
            match address.ip() {
                IpAddr::V4(all) if all.is_unspecified() => {
                    reached.extend(own.iter().filter_map(|own| match own {
                        IpAddr::V4(own) if !own.is_loopback() => Some(*own),
                        _ => None,
                    }));
                }
                IpAddr::V4(one) => reached.push(one),
                IpAddr::V6(_) => {}
            }
        }
    }
    reached.sort_unstable();
    reached.dedup();
    reached
}

fn addresses_of(name: &str) -> Result<Vec<IpAddr>, String> {
    let found = (name, 0).to_socket_addrs().map_err(|error| words(&error))?;
    let mut addresses: Vec<IpAddr> = found.map(|found| found.ip().to_canonical()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

fn local_ports() -> Option<(u16, u16)> {
    let text = std::fs::read_to_string(LOCAL_PORTS).ok()?;
    let mut numbers = text.split_ascii_whitespace();
    let first = numbers.next()?.parse().ok()?;
    Some((first, numbers.next()?.parse().ok()?))
}

fn all_addresses(settings: &Settings) -> IpAddr {
    match settings.network.family {
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        Family::Both | Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// The ports of the range at which nobody else could listen now.
fn taken_ports(settings: &Settings) -> Vec<u16> {
    let range = settings.network.passive_range;
    let all = all_addresses(settings);
    (range.first..=range.last)
        .filter(|port| Listener::bind(SocketAddr::new(all, *port), 1).is_err())
        .collect()
}

fn judge(settings: &Settings, facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![own_addresses(facts)];
    if settings.network.no_passive {
        findings.push(Finding::ok(
            "-N: there is no passive mode, clients use active mode".to_owned(),
        ));
    } else {
        findings.push(told_address(settings, facts));
        for rule in &settings.network.passive_for {
            findings.push(Finding::ok(format!(
                "--passivefor: PASV tells clients of {} to connect to {}",
                rule.network, rule.address
            )));
        }
    }
    findings.extend(public_name(settings, facts));
    if !settings.network.no_passive {
        findings.push(enough_ports(settings));
        findings.extend(local_port_range(settings, facts));
        findings.extend(free_ports(settings, facts));
    }
    findings.push(enough_descriptors(settings, facts));
    findings
}

fn list<A: fmt::Display>(addresses: impl IntoIterator<Item = A>) -> String {
    let addresses = addresses.into_iter().map(|address| address.to_string());
    addresses.collect::<Vec<_>>().join(", ")
}

fn own_addresses(facts: &Facts) -> Finding {
    let others: Vec<&IpAddr> = (facts.own.iter())
        .filter(|address| !address.is_loopback())
        .collect();
    match others.is_empty() {
        true => Finding::warning(
            "this machine has no address but those of the loopback interface: nobody else can reach it".to_owned(),
        ),
        false => Finding::ok(format!("the addresses of this machine are {}", list(others))),
    }
}

/// What PASV tells.
fn told_address(settings: &Settings, facts: &Facts) -> Finding {
    let range = settings.network.passive_range;
    if let Some(told) = facts.told {
        let text = format!("PASV tells clients to connect to {told} (-P)");
        return match () {
            () if net::is_private(told) => Finding::warning(format!(
                "{text}, an address of a private network, which nobody outside of it can reach: give the public one to -P"
            )),
            () if facts.own.contains(&told) => {
                Finding::ok(format!("{text}, which is this machine"))
            }
            () => Finding::ok(format!(
                "{text}, which is not this machine: whoever has that address must forward the ports {range} to it"
            )),
        };
    }
    let text = "PASV tells clients the address they came to";
    let reached = list(&facts.reached);
    let all = |is: fn(IpAddr) -> bool| facts.reached.iter().all(|address| is((*address).into()));
    match () {
        () if facts.reached.is_empty() => Finding::ok(format!(
            "{text}, and the server listens at no IPv4 address of this machine: clients use EPSV"
        )),
        () if all(|address| address.is_loopback()) => Finding::ok(format!(
            "{text}, {reached}: nobody but this machine itself can come there"
        )),
        () if all(net::is_private) => Finding::warning(format!(
            "{text}, {reached}, of a private network: for clients that come from outside through a router give its \
             public address: -P ADDRESS"
        )),
        () => Finding::ok(format!("{text}, {reached}")),
    }
}

/// Whether the name that clients use and what PASV tells are the same machine.
fn public_name(settings: &Settings, facts: &Facts) -> Option<Finding> {
    let (name, found) = facts.name.as_ref()?;
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            return Some(Finding::error(
                CONFIGURATION,
                format!(
                    "{name}: {why}: clients do not find the server by this name, its domain needs a record"
                ),
            ));
        }
    };
    let leads = format!("{name} leads to {}", list(found));
    let v4: Vec<IpAddr> = found.iter().copied().filter(IpAddr::is_ipv4).collect();
    if settings.network.no_passive || v4.is_empty() {
        // EPSV tells no address, so the name is all that counts.
        return Some(match found.iter().any(|found| facts.own.contains(found)) {
            true => Finding::ok(format!("{leads}, which is this machine")),
            false => Finding::warning(format!(
                "{leads}, which is not this machine: whoever has that address must forward the ports of the server to it"
            )),
        });
    }
    Some(match facts.told {
        Some(told) if v4.contains(&told) => Finding::ok(format!("{leads}, which PASV tells too")),
        Some(told) => Finding::error(
            CONFIGURATION,
            format!(
                "{leads}, but PASV tells {told}, so that data connections go elsewhere: -P {name}"
            ),
        ),
        None if v4.iter().any(|found| facts.own.contains(found)) => {
            Finding::ok(format!("{leads}, which is this machine"))
        }
        None => Finding::error(
            CONFIGURATION,
            format!(
                "{leads}, which is not this machine, and without -P clients are told an address of this machine: -P {name}"
            ),
        ),
    })
}

fn enough_ports(settings: &Settings) -> Finding {
    let (range, clients) = (settings.network.passive_range, settings.limits.max_clients);
    let ports = range.len();
    let text = format!("-p {range}: {ports} ports for up to {clients} clients (-c)");
    match ports < usize::try_from(clients).unwrap_or(usize::MAX) {
        true => Finding::warning(format!(
            "{text}: some may find none free, give more or lower -c"
        )),
        false => Finding::ok(text),
    }
}

fn local_port_range(settings: &Settings, facts: &Facts) -> Option<Finding> {
    let range = settings.network.passive_range;
    if !settings.network.passive_range_given {
        return Some(Finding::warning(format!(
            "passive data connections come to any port of {range}, which firewalls and routers would have to let through: \
             give a range that they do, as -p 30000:30999"
        )));
    }
    let (first, last) = facts.local_ports?;
    let text =
        format!("the ports that the system gives to other connections are {first} to {last}");
    Some(match range.first <= last && first <= range.last {
        true => Finding::warning(format!(
            "{text}, and may take some of -p {range}: choose others, or sysctl net.ipv4.ip_local_reserved_ports={}-{}",
            range.first, range.last
        )),
        false => Finding::ok(format!("{text}, and none of -p {range}")),
    })
}

fn free_ports(settings: &Settings, facts: &Facts) -> Option<Finding> {
    let range = settings.network.passive_range;
    let (taken, all) = (facts.taken.len(), range.len());
    let Some(first) = facts.taken.first() else {
        return (settings.network.passive_range_given)
            .then(|| Finding::ok(format!("all {all} ports of -p {range} are free")));
    };
    let holder = facts.holder.as_deref().unwrap_or("another program");
    let text = format!(
        "{taken} of the {all} ports of -p {range} are taken, the first is {first}, where {holder} listens: stop it or choose others"
    );
    Some(match taken == all {
        true => Finding::error(UNAVAILABLE, text),
        false => Finding::warning(text),
    })
}

fn enough_descriptors(settings: &Settings, facts: &Facts) -> Finding {
    let (limit, wanted) = facts.descriptors;
    let clients = settings.limits.max_clients;
    match limit < wanted {
        true => Finding::warning(format!(
            "-c {clients}: so many clients may need {wanted} descriptors, and {limit} are allowed: raise the limit (ulimit -n, \
             LimitNOFILE= of a unit) or lower -c"
        )),
        false => Finding::ok(format!(
            "-c {clients}: so many clients may need {wanted} descriptors, and {limit} are allowed"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    fn settings(line: &str) -> Settings {
        let parsed = Flags::parse(["wharf-ftpd"].into_iter().chain(line.split_whitespace()));
        Settings::from_flags(&parsed.unwrap()).unwrap().0
    }

    fn addresses(text: &str) -> Vec<IpAddr> {
        text.split_whitespace()
            .map(|address| address.parse().unwrap())
            .collect()
    }

    /// A machine at home, where all is well.
    fn home() -> Facts {
        Facts {
            own: addresses("127.0.0.1 ::1 192.168.0.5 2001:db8::5"),
            reached: vec![Ipv4Addr::new(192, 168, 0, 5)],
            local_ports: Some((32768, 60999)),
            descriptors: (1024, 264),
            ..Facts::default()
        }
    }

    /// The findings that hold this part, and the exit status.
    fn found(line: &str, facts: &Facts, part: &str) -> (String, u8) {
        let findings = judge(&settings(line), facts);
        let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
        let lines: Vec<String> = lines
            .into_iter()
            .filter(|line| line.contains(part))
            .collect();
        (lines.join("\n"), status(&findings))
    }

    /// One finding holds the part and begins so.
    #[track_caller]
    fn is(line: &str, facts: &Facts, begin: &str, part: &str, wanted: u8) {
        let (lines, status) = found(line, facts, part);
        assert!(
            lines.starts_with(begin) && !lines.contains('\n'),
            "{line}: {part}: {lines}"
        );
        assert_eq!(status, wanted, "{line}: {lines}");
    }

    const LINE: &str = "-p 30000:30099";

    #[test]
    fn addresses_are_listed_without_the_loopback_interface() {
        is(
            LINE,
            &home(),
            "ok: the addresses of this machine are 192.168.0.5, 2001:db8::5",
            "of this machine are",
            0,
        );
        let alone = Facts {
            own: addresses("127.0.0.1"),
            ..home()
        };
        is(LINE, &alone, "warning: ", "loopback interface", 0);
    }

    #[test]
    fn what_pasv_tells_is_judged_by_whom_it_can_be_reached_from() {
        is(
            LINE,
            &home(),
            "warning: ",
            "192.168.0.5, of a private network",
            0,
        );
        let reached = |address: [u8; 4]| Facts {
            reached: vec![address.into()],
            ..home()
        };
        is(
            LINE,
            &reached([203, 0, 113, 1]),
            "ok: ",
            "they came to, 203.0.113.1",
            0,
        );
        is(
            LINE,
            &reached([127, 0, 0, 1]),
            "ok: ",
            "this machine itself",
            0,
        );
        let both = Facts {
            reached: vec![[192, 168, 0, 5].into(), [203, 0, 113, 1].into()],
            ..home()
        };
        is(LINE, &both, "ok: ", "they came to, ", 0);
        let told = |address: &str| Facts {
            told: address.parse().ok(),
            ..home()
        };
        is(
            LINE,
            &told("203.0.113.1"),
            "ok: ",
            "must forward the ports 30000:30099",
            0,
        );
        is(
            LINE,
            &told("10.0.0.1"),
            "warning: ",
            "give the public one to -P",
            0,
        );
        let line = "-N -p 30000:30099";
        is(line, &home(), "ok: -N", "no passive mode", 0);
        assert_eq!(found(line, &home(), "-p ").0, "");
        is(
            "--passivefor 10.0.0.0/8=10.0.0.1",
            &home(),
            "ok: ",
            "clients of 10.0.0.0/8 to connect to 10.0.0.1",
            0,
        );
    }

    #[test]
    fn a_name_must_lead_where_pasv_tells_clients_to_go() {
        let facts = |told: &str, found: Result<&str, &str>| Facts {
            told: told.parse().ok(),
            name: Some((
                "ftp.example.org".into(),
                found.map(addresses).map_err(str::to_owned),
            )),
            ..home()
        };
        let leads = "ftp.example.org leads to";
        is(
            LINE,
            &facts("203.0.113.1", Ok("203.0.113.1")),
            "ok: ",
            "which PASV tells too",
            0,
        );
        is(
            LINE,
            &facts("203.0.113.1", Ok("203.0.113.2")),
            "error: ",
            "elsewhere: -P ftp.example.org",
            78,
        );
        is(
            LINE,
            &facts("", Ok("203.0.113.1")),
            "error: ",
            "an address of this machine: -P ftp.example.org",
            78,
        );
        is(LINE, &facts("", Ok("192.168.0.5")), "ok: ", leads, 0);
        is(LINE, &facts("", Ok("2001:db8::5")), "ok: ", leads, 0);
        is(LINE, &facts("", Ok("2001:db8::6")), "warning: ", leads, 0);
        is(
            LINE,
            &facts("", Err("no such name")),
            "error: ftp.example.org: no such name",
            "record",
            78,
        );
        is("-N", &facts("", Ok("203.0.113.1")), "warning: ", leads, 0);
        assert_eq!(found(LINE, &home(), "leads to").0, "");
    }

    #[test]
    fn the_ports_of_the_range_must_be_enough_free_and_nobody_elses() {
        is(LINE, &home(), "ok: ", "100 ports for up to 50 clients", 0);
        is(
            "-p 30000:30009",
            &home(),
            "warning: ",
            "10 ports for up to 50 clients",
            0,
        );
        is(LINE, &home(), "ok: ", "32768 to 60999", 0);
        is(
            "-p 30000:32768",
            &home(),
            "warning: ",
            "ip_local_reserved_ports=30000-32768",
            0,
        );
        is(
            "-p 60999:61999",
            &home(),
            "warning: ",
            "ip_local_reserved_ports=60999-61999",
            0,
        );
        is("", &home(), "warning: ", "give a range", 0);
        is(
            LINE,
            &home(),
            "ok: all 100 ports of -p 30000:30099 are free",
            "are free",
            0,
        );
        let taken = |ports: std::ops::RangeInclusive<u16>| Facts {
            taken: ports.collect(),
            holder: Some("process 7, x,".into()),
            ..home()
        };
        is(
            LINE,
            &taken(30001..=30002),
            "warning: 2 of the 100",
            "the first is 30001, where process 7, x, listens",
            0,
        );
        is(
            LINE,
            &taken(30000..=30099),
            "error: 100 of the 100",
            "stop it",
            69,
        );
    }

    #[test]
    fn descriptors_must_be_enough() {
        is(
            LINE,
            &home(),
            "ok: -c 50",
            "may need 264 descriptors, and 1024 are allowed",
            0,
        );
        let few = Facts {
            descriptors: (256, 264),
            ..home()
        };
        is(LINE, &few, "warning: -c 50", "ulimit -n", 0);
    }

    #[test]
    fn the_status_is_that_of_the_first_error() {
        let line = |level| Finding {
            level,
            text: "a\nb".into(),
        };
        assert_eq!(status(&[line(Level::Ok), line(Level::Warning)]), 0);
        assert_eq!(
            status(&[
                line(Level::Warning),
                line(Level::Error(77)),
                line(Level::Error(78))
            ]),
            77
        );
        assert_eq!(line(Level::Error(77)).to_string(), "error: a\\nb");
    }
}
