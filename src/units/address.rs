//! Addresses and networks: who may come, and which address passive clients are told.

use super::Expected;
use super::number::decimal;
use super::ports::is_host_name;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// An IPv4 or IPv6 address; one that maps an IPv4 address (`::ffff:192.0.2.1`) is that address.
///
/// # Errors
/// Names, ports, prefixes and brackets.
pub fn address(text: &str) -> Result<IpAddr, Expected> {
    text.parse::<IpAddr>()
        .map(|address| address.to_canonical())
        .map_err(|_| Expected("an IPv4 or IPv6 address"))
}

/// A network, typed `ADDRESS/BITS`, or `ADDRESS` for a single host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Whether the address lies in the network. IPv4 addresses mapped into IPv6 count as IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }

    /// Whether this is a network of IPv4 addresses.
    pub fn is_ipv4(self) -> bool {
        self.network.is_ipv4()
    }
}

impl FromStr for Cidr {
    type Err = Expected;

    /// Bits set beyond the prefix are refused and not cleared: they are more often a mistyped
    /// prefix, and clearing them would let in or shut out more than was meant.
    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected(
            "ADDRESS or ADDRESS/BITS with no bit of the address set beyond BITS, such as 192.0.2.0/24",
        );
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(decimal(bits).ok_or(FORM)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| FORM)?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(widest);
        if bits > widest || significant_bits(address) > bits {
            return Err(FORM);
        }
        let bits = u8::try_from(bits).map_err(|_| FORM)?;
        Ok(Cidr {
            network: address,
            bits,
        }
        .canonical())
    }
}

/// The place of the last bit that is set, counted from 1.
fn significant_bits(address: IpAddr) -> u64 {
    u64::from(match address {
        IpAddr::V4(address) => 32 - address.to_bits().trailing_zeros(),
        IpAddr::V6(address) => 128 - address.to_bits().trailing_zeros(),
    })
}

impl Cidr {
    /// A network of mapped addresses, as the IPv4 network it stands for.
    fn canonical(self) -> Cidr {
        match self.network.to_canonical() {
            network @ IpAddr::V4(_) if self.network.is_ipv6() && self.bits >= 96 => Cidr {
                network,
                bits: self.bits - 96,
            },
            _ => self,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

/// The address that passive clients of one network are told, typed `CIDR=ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassiveFor {
    /// Where the client comes from.
    pub network: Cidr,
    /// What it is told.
    pub address: IpAddr,
}

impl FromStr for PassiveFor {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected("CIDR=ADDRESS, such as 10.0.0.0/8=10.0.0.1");
        let (network, address) = text.split_once('=').ok_or(FORM)?;
        let network = network.parse().map_err(|_| FORM)?;
        let address = self::address(address).map_err(|_| FORM)?;
        if address.is_unspecified() || address.is_multicast() {
            return Err(FORM);
        }
        Ok(PassiveFor { network, address })
    }
}

impl fmt::Display for PassiveFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.network, self.address)
    }
}

/// The address that passive clients are told in 227, which has room for IPv4 only (RFC 959).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassiveAddress {
    /// This one, always IPv4.
    Address(IpAddr),
    /// The address the client's control connection came to; typed `0.0.0.0`.
    OfControl,
    /// The IPv4 address of this host name.
    Name(String),
}

impl FromStr for PassiveAddress {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        const FORM: Expected = Expected(
            "an IPv4 address, a host name, or 0.0.0.0 for the address each client connected to",
        );
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ok(PassiveAddress::OfControl),
            Ok(address) if address.is_ipv4() && !address.is_multicast() => {
                Ok(PassiveAddress::Address(address))
            }
            Err(_) if is_host_name(text) => Ok(PassiveAddress::Name(text.to_owned())),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for PassiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PassiveAddress::Address(address) => write!(f, "{address}"),
            PassiveAddress::OfControl => write!(f, "0.0.0.0"),
            PassiveAddress::Name(name) => write!(f, "{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, refused};
    use super::*;

    fn within(network: &str, address: &str) -> bool {
        let network: Cidr = network.parse().expect("network");
        network.contains(address.parse().expect("address"))
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        assert!(within("192.0.2.0/24", "192.0.2.255"));
        assert!(!within("192.0.2.0/24", "192.0.3.0"));
        assert!(within("0.0.0.0/0", "203.0.113.9"));
        assert!(within("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!within("2001:db8::/32", "2001:db9::1"));
        assert!(within("::/0", "2001:db8::1"));
    }

    #[test]
    fn a_bare_address_is_one_host() {
        assert!(within("192.0.2.7", "192.0.2.7"));
        assert!(!within("192.0.2.7", "192.0.2.6"));
        assert!(!within("2001:db8::1", "2001:db8::2"));
    }

    #[test]
    fn addresses_mapped_into_ipv6_count_as_ipv4() {
        assert!(within("192.0.2.0/24", "::ffff:192.0.2.1"));
        assert!(within("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!within("::/0", "192.0.2.1"));
        assert!(!within("0.0.0.0/0", "2001:db8::1"));
    }

    #[test]
    fn mistyped_networks_are_refused_and_never_fail_open() {
        refused::<Cidr>(&[
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0",
            "",
        ]);
        refused::<Cidr>(&[
            "10.0.0.0/8/8",
            "2001:db8::/129",
            "2001:db8::1/64",
            "/8",
            "example.org",
        ]);
        refused::<Cidr>(&["10.0.0.0/256", "10.0.0.0/264"]);
        assert_eq!(read::<Cidr>("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(read::<Cidr>("2001:db8::1"), "2001:db8::1/128");
    }

    #[test]
    fn d5_an_address_for_a_network_is_one_a_client_can_reach() {
        let told: PassiveFor = "10.0.0.0/8=10.0.0.1".parse().expect("both parts");
        assert!(told.network.contains("10.9.9.9".parse().expect("address")));
        assert_eq!(told.address, "10.0.0.1".parse::<IpAddr>().expect("address"));
        assert_eq!(
            read::<PassiveFor>("10.0.0.0/8=10.0.0.1"),
            "10.0.0.0/8=10.0.0.1"
        );
        refused::<PassiveFor>(&[
            "10.0.0.0/8",
            "=10.0.0.1",
            "10.0.0.0/8=",
            "10.0.0.0/8=0.0.0.0",
        ]);
        refused::<PassiveFor>(&["10.0.0.0/8=224.0.0.1", "10.0.0.0/8=host"]);
    }

    #[test]
    fn d5_the_passive_address_is_ipv4_a_name_or_the_control_connections() {
        let address = "203.0.113.1"
            .parse()
            .map(PassiveAddress::Address)
            .expect("address");
        assert_eq!("203.0.113.1".parse(), Ok(address));
        assert_eq!("0.0.0.0".parse(), Ok(PassiveAddress::OfControl));
        let name = PassiveAddress::Name("ftp.example.org".to_owned());
        assert_eq!("ftp.example.org".parse(), Ok(name));
        refused::<PassiveAddress>(&[
            "::1",
            "2001:db8::1",
            "300.1.1.1",
            "1.2.3",
            "a b",
            "",
            "224.0.0.1",
        ]);
        for text in ["203.0.113.1", "0.0.0.0", "ftp.example.org"] {
            assert_eq!(read::<PassiveAddress>(text), text);
        }
    }

    #[test]
    fn an_address_alone_is_unmapped() {
        assert_eq!(
            address("::ffff:192.0.2.1"),
            "192.0.2.1".parse().map_err(|_| Expected(""))
        );
        assert!(address("192.0.2.1/32").is_err());
        assert!(address("localhost").is_err());
    }
}
