//! Ports and the places to listen at.
//!
//! Service names stay names (looking them up is I/O); the shape of one is RFC 6335 section 5.1.

use super::Expected;
use super::number::decimal;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A TCP port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port(u16);

impl Port {
    /// The port, never 0.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl FromStr for Port {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        number(text)
            .filter(|port| *port > 0)
            .map(Port)
            .ok_or(Expected("a port from 1 to 65535"))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn number(text: &str) -> Option<u16> {
    decimal(text).and_then(|number| u16::try_from(number).ok())
}

/// The ports from which passive data connections are taken, typed `FIRST:LAST` (or `FIRST-LAST`, as firewalls have it), both
/// within 1024 to 65535 and FIRST not above LAST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port, itself included.
    pub last: u16,
}

impl PortRange {
    /// How many ports there are, at least 1 for a range that was parsed.
    // A range is never empty, so an `is_empty` would answer nothing.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        (usize::from(self.last) + 1).saturating_sub(usize::from(self.first))
    }
}

impl Default for PortRange {
    /// Every port from 1024 on.
    fn default() -> Self {
        PortRange {
            first: 1024,
            last: 65535,
        }
    }
}

impl FromStr for PortRange {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        text.split_once([':', '-'])
            .and_then(|(first, last)| {
                Some(PortRange {
                    first: number(first)?,
                    last: number(last)?,
                })
            })
            .filter(|range| range.first >= 1024 && range.first <= range.last)
            .ok_or(Expected(
                "FIRST:LAST, both from 1024 to 65535 and FIRST not above LAST",
            ))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.first, self.last)
    }
}

/// A port as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortName {
    /// A port number; 0 lets the system choose one.
    Number(u16),
    /// A name behind a comma, which can only be a service's.
    Service(String),
    /// A name that stood alone: the port of that service if the system knows one, else a host to
    /// listen at on the default port.
    ServiceOrHost(String),
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortName::Number(port) => write!(f, "{port}"),
            PortName::Service(name) | PortName::ServiceOrHost(name) => write!(f, "{name}"),
        }
    }
}

/// Where to listen, typed `PORT`, `HOST`, `HOST,` or `[HOST],PORT`. A missing host is every address
/// of the machine, a missing port the default port. The default value has neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostPort {
    /// An address, IPv6 without brackets, or a host name.
    pub host: Option<String>,
    /// A port number or service name.
    pub port: Option<PortName>,
}

const PLACE: Expected = Expected(
    "PORT, HOST or HOST,PORT: an address or host name, a port from 0 to 65535 or a service name",
);

impl FromStr for HostPort {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.split_once(',') {
            Some(("", "")) => Err(PLACE),
            Some((host, port)) => Ok(HostPort {
                host: optional(host, self::host)?,
                port: optional(port, self::port)?,
            }),
            None => alone(text),
        }
    }
}

/// A word without a comma: a port when it is a number, a host when no service can be called so.
fn alone(text: &str) -> Result<HostPort, Expected> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let port = number(text).ok_or(PLACE)?;
        Ok(HostPort {
            host: None,
            port: Some(PortName::Number(port)),
        })
    } else if is_service_name(text) {
        Ok(HostPort {
            host: None,
            port: Some(PortName::ServiceOrHost(text.to_owned())),
        })
    } else {
        Ok(HostPort {
            host: Some(host(text)?),
            port: None,
        })
    }
}

fn optional<T>(text: &str, read: fn(&str) -> Result<T, Expected>) -> Result<Option<T>, Expected> {
    match text {
        "" => Ok(None),
        text => read(text).map(Some),
    }
}

fn port(text: &str) -> Result<PortName, Expected> {
    if let Some(port) = number(text) {
        Ok(PortName::Number(port))
    } else if is_service_name(text) {
        Ok(PortName::Service(text.to_owned()))
    } else {
        Err(PLACE)
    }
}

fn host(text: &str) -> Result<String, Expected> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if is_host_name(bare) || is_ipv6(bare) {
        Ok(bare.to_owned())
    } else {
        Err(PLACE)
    }
}

/// An IPv6 address, also with the zone that link-local ones need (`fe80::1%eth0`, RFC 4007).
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "-"));
    address.parse::<Ipv6Addr>().is_ok()
        && !zone.is_empty()
        && zone.bytes().all(|b| b.is_ascii_graphic())
}

/// A host name of RFC 1123 section 2.1 (underlines allowed, as in practice) or an IPv4 address. Digits
/// and dots that are no address are a mistyped one, not a name.
pub(super) fn is_host_name(text: &str) -> bool {
    let broken_address = text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.parse::<std::net::Ipv4Addr>().is_err();
    (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !text.starts_with('-')
        && !text.starts_with('.')
        && !broken_address
}

/// 1 to 15 letters, digits and inner dashes, a letter among them.
fn is_service_name(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, &self.port) {
            (None, None) => Ok(()),
            (None, Some(port @ PortName::ServiceOrHost(_))) => write!(f, "{port}"),
            (None, Some(port)) => write!(f, ",{port}"),
            (Some(host), None) => write!(f, "{host},"),
            (Some(host), Some(port)) => write!(f, "{host},{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    #[test]
    fn passive_ranges_keep_to_unprivileged_ports_in_order() {
        let range: Result<PortRange, _> = "30000:50000".parse();
        assert_eq!(
            range,
            Ok(PortRange {
                first: 30000,
                last: 50000
            })
        );
        assert_eq!(range.map(PortRange::len), Ok(20001));
        assert_eq!("1024:1024".parse().map(PortRange::len), Ok(1));
        assert_eq!(PortRange::default().len(), 64512);
        assert_eq!(read::<PortRange>("30010-30019"), "30010:30019");
        assert_eq!(read::<PortRange>("1024:65535"), "1024:65535");
        refused::<PortRange>(&[
            "5",
            "1023:2000",
            "3000:2000",
            "2000:65536",
            "1:2:3",
            ":",
            "a:b",
            "-",
            "-2000",
            "2000-",
            "2000-3000-4000",
            "2000:-3000",
            "3000-2000",
        ]);
    }

    #[test]
    fn ports_are_never_zero() {
        assert_eq!(read::<Port>("65535"), "65535");
        refused::<Port>(&["0", "65536", "ftp", ""]);
    }

    #[test]
    fn a_number_alone_is_a_port() {
        let place = |port| HostPort {
            host: None,
            port: Some(PortName::Number(port)),
        };
        assert_eq!("2121".parse(), Ok(place(2121)));
        assert_eq!(",2121".parse(), Ok(place(2121)));
        assert_eq!("0".parse(), Ok(place(0)));
        refused::<HostPort>(&["65536", ",65536", "127.0.0.1,99999"]);
    }

    #[test]
    fn a_word_alone_is_a_service_or_a_host() {
        let place = |word: &str| HostPort {
            host: None,
            port: Some(PortName::ServiceOrHost(word.to_owned())),
        };
        assert_eq!("ftp".parse(), Ok(place("ftp")));
        assert_eq!("localhost".parse(), Ok(place("localhost")));
        let service = HostPort {
            host: None,
            port: Some(PortName::Service("ftp".to_owned())),
        };
        assert_eq!(",ftp".parse(), Ok(service));
    }

    #[test]
    fn what_no_service_is_called_is_a_host_with_the_default_port() {
        let place = |host: &str| HostPort {
            host: Some(host.to_owned()),
            port: None,
        };
        assert_eq!("127.0.0.1".parse(), Ok(place("127.0.0.1")));
        assert_eq!("::1".parse(), Ok(place("::1")));
        assert_eq!("[2001:db8::1]".parse(), Ok(place("2001:db8::1")));
        assert_eq!("fe80::1%eth0".parse(), Ok(place("fe80::1%eth0")));
        assert_eq!("ftp.example.org".parse(), Ok(place("ftp.example.org")));
        assert_eq!("ftp,".parse(), Ok(place("ftp")));
    }

    #[test]
    fn a_comma_separates_host_and_port() {
        let both = HostPort {
            host: Some("::1".to_owned()),
            port: Some(PortName::Number(2121)),
        };
        assert_eq!("::1,2121".parse(), Ok(both.clone()));
        assert_eq!("[::1],2121".parse(), Ok(both));
        refused::<HostPort>(&[
            "",
            ",",
            "a b,21",
            "host,21,22",
            "[::1,21",
            "1.2.3,21",
            "300.1.1.1",
        ]);
        refused::<HostPort>(&["host,a b", "::zz,21", "fe80::1%,21", "-h,21", "a\nb,21"]);
    }

    #[test]
    fn places_print_as_they_may_be_typed() {
        for text in [
            "::1,2121",
            ",2121",
            "ftp.example.org,",
            "ftp",
            "host,ftp",
            ",ftp",
        ] {
            assert_eq!(read::<HostPort>(text), text);
        }
        assert_eq!(read::<HostPort>("2121"), ",2121");
    }
}
