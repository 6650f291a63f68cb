//! Addresses of data connections in commands and replies: PORT and PASV (RFC 959), EPRT and EPSV (RFC 2428).
//!
//! Only the form is judged here. Whether the address is the client's own, the port high enough, the family the one
//! of the control connection, is for `session`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

/// Why an argument of PORT or EPRT is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// Not of the form the RFC gives, or a number out of range, port 0 included: 501.
    Syntax,
    /// EPRT with a family other than 1 (IPv4) and 2 (IPv6): 522.
    UnsupportedFamily,
}

/// Reads the argument of PORT, `h1,h2,h3,h4,p1,p2`: decimal bytes without signs and blanks.
///
/// # Errors
/// [`AddressError::Syntax`] for everything else.
pub fn port(argument: &[u8]) -> Result<SocketAddrV4, AddressError> {
    let mut bytes = [0; 6];
    let mut fields = argument.split(|byte| *byte == b',');
    for byte in &mut bytes {
        *byte = fields
            .next()
            .and_then(decimal::<u8>)
            .ok_or(AddressError::Syntax)?;
    }
    let [a, b, c, d, high, low] = bytes;
    let port = u16::from_be_bytes([high, low]);
    if fields.next().is_some() || port == 0 {
        return Err(AddressError::Syntax);
    }
    Ok(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port))
}

/// Reads the argument of EPRT, `|1|192.0.2.1|2021|` or `|2|2001:db8::1|2021|`, with any delimiter from 33 to 126. An
/// IPv4 address mapped into IPv6 comes out as written.
///
/// # Errors
/// [`AddressError::UnsupportedFamily`], or [`AddressError::Syntax`] for everything else.
pub fn eprt(argument: &[u8]) -> Result<SocketAddr, AddressError> {
    let delimiter = *argument.first().ok_or(AddressError::Syntax)?;
    let fields: Vec<&[u8]> = argument.splitn(6, |byte| *byte == delimiter).collect();
    let [b"", family, address, port, b""] = fields.as_slice() else {
        return Err(AddressError::Syntax);
    };
    if !(33..=126).contains(&delimiter) {
        return Err(AddressError::Syntax);
    }
    let address = match decimal::<u32>(family) {
        Some(1) => parsed::<Ipv4Addr>(address).map(IpAddr::V4),
        Some(2) => parsed::<Ipv6Addr>(address).map(IpAddr::V6),
        Some(_) => return Err(AddressError::UnsupportedFamily),
        None => None,
    };
    let port = decimal::<u16>(port).filter(|port| *port != 0);
    match (address, port) {
        (Some(address), Some(port)) => Ok(SocketAddr::new(address, port)),
        _ => Err(AddressError::Syntax),
    }
}

/// The argument of EPSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpsvArgument {
    /// None: the family of the control connection.
    None,
    /// `1`: IPv4.
    V4,
    /// `2`: IPv6.
    V6,
    /// `ALL`: nothing but EPSV from now on.
    All,
    /// Anything else: 522.
    Unsupported,
}

/// Reads the argument of EPSV.
pub fn epsv(argument: &[u8]) -> EpsvArgument {
    match argument {
        b"" => EpsvArgument::None,
        b"1" => EpsvArgument::V4,
        b"2" => EpsvArgument::V6,
        word if word.eq_ignore_ascii_case(b"ALL") => EpsvArgument::All,
        _ => EpsvArgument::Unsupported,
    }
}

/// The words of a 227 reply. Clients look for the six numbers in their parentheses.
pub fn passive_text(address: Ipv4Addr, port: u16) -> String {
    let [a, b, c, d] = address.octets();
    let [high, low] = port.to_be_bytes();
    format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low})")
}

/// The words of a 229 reply.
pub fn extended_passive_text(port: u16) -> String {
    format!("Extended Passive mode OK (|||{port}|)")
}

/// An address in the form of EPRT, `|1|192.0.2.1|2021|`, as the replies to ESTA and ESTP show it in parentheses.
pub fn extended_address_text(address: SocketAddr) -> String {
    let family = if address.is_ipv4() { 1 } else { 2 };
    format!("|{family}|{}|{}|", address.ip(), address.port())
}

/// One to five digits as a number, nothing around them.
fn decimal<N: TryFrom<u32>>(text: &[u8]) -> Option<N> {
    if text.is_empty() || text.len() > 5 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text
        .iter()
        .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    N::try_from(number).ok()
}

fn parsed<A: FromStr>(text: &[u8]) -> Option<A> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_eprt_of_the_standards_are_read() {
        assert_eq!(
            port(b"132,235,1,2,24,131"),
            Ok("132.235.1.2:6275".parse().unwrap())
        );
        assert_eq!(port(b"127,0,0,001,0,1"), Ok("127.0.0.1:1".parse().unwrap()));
        for (text, address) in [
            (&b"|1|132.235.1.2|6275|"[..], "132.235.1.2:6275"),
            (
                b"|2|1080::8:800:200C:417A|5282|",
                "[1080::8:800:200C:417A]:5282",
            ),
            (b"!1!132.235.1.2!65535!", "132.235.1.2:65535"),
            (b"~2~::ffff:10.0.0.1~1~", "[::ffff:10.0.0.1]:1"),
        ] {
            assert_eq!(eprt(text), Ok(address.parse().unwrap()));
        }
    }

    #[test]
    fn p7_port_takes_six_decimal_bytes_and_nothing_else() {
        for text in [
            &b""[..],
            b"127,0,0,1,4",
            b"127,0,0,1,4,1,1",
            b"127,0,0,1,4,1,",
            b"256,0,0,1,4,1",
            b"127,0,0,1,256,1",
            b"127,0,0,1,-1,1",
            b"127,0,0,1,+4,1",
            b"127,0,0,1, 4,1",
            b" 127,0,0,1,4,1",
            b"127,0,0,1,4,1 ",
            b"127,0,0,1,0,0",
            b"0x7f,0,0,1,4,1",
            b"127,,0,1,4,1",
            b"127.0.0.1.4.1",
            b"999999999999,0,0,1,4,1",
            b"000127,0,0,1,4,1",
            b"a,b,c,d,e,f",
        ] {
            assert_eq!(port(text), Err(AddressError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn p7_eprt_refuses_ports_families_and_forms_out_of_range() {
        for text in [
            &b""[..],
            b"|",
            b"||||",
            b"|1|127.0.0.1|70000|",
            b"|1|127.0.0.1|65536|",
            b"|1|127.0.0.1|0|",
            b"|1|127.0.0.1|-1|",
            b"|1|127.0.0.1| 21|",
            b"|1|127.0.0.1||",
            b"|1|127.0.0.1|2021",
            b"1|127.0.0.1|2021|",
            b"|1|127.0.0.1|2021|x",
            b"|1|127.0.0.1|2021||",
            b"|1|::1|2021|",
            b"|2|127.0.0.1|2021|",
            b"|2|fe80::1%eth0|2021|",
            b"|1|127.0.0|2021|",
            b"|1|localhost|2021|",
            b"|x|127.0.0.1|2021|",
            b"||127.0.0.1|2021|",
            b" 1 127.0.0.1 2021 ",
            b"\x7f1\x7f127.0.0.1\x7f2021\x7f",
            b"|1|127,0,0,1|2021|",
            b"\xff1\xff127.0.0.1\xff2021\xff",
            b"|1|\xff|2021|",
            b"|01x|127.0.0.1|1|",
        ] {
            assert_eq!(eprt(text), Err(AddressError::Syntax), "{text:?}");
        }
        assert_eq!(
            eprt(b"|3|127.0.0.1|2021|"),
            Err(AddressError::UnsupportedFamily)
        );
        assert_eq!(eprt(b"|0|x|y|"), Err(AddressError::UnsupportedFamily));
    }

    #[test]
    fn epsv_knows_families_and_all() {
        assert_eq!(epsv(b""), EpsvArgument::None);
        assert_eq!(epsv(b"1"), EpsvArgument::V4);
        assert_eq!(epsv(b"2"), EpsvArgument::V6);
        assert_eq!(epsv(b"aLL"), EpsvArgument::All);
        for text in [&b"9"[..], b"x", b"ALL ", b" 1", b"\xff"] {
            assert_eq!(epsv(text), EpsvArgument::Unsupported);
        }
    }

    #[test]
    fn replies_have_the_words_clients_look_for() {
        let text = passive_text(Ipv4Addr::new(127, 0, 0, 1), 34470);
        assert_eq!(text, "Entering Passive Mode (127,0,0,1,134,166)");
        for text in ["|1|192.0.2.1|2021|", "|2|2001:db8::1|2021|"] {
            let address = eprt(text.as_bytes()).unwrap();
            assert_eq!(extended_address_text(address), text);
        }
        assert_eq!(
            extended_passive_text(38137),
            "Extended Passive mode OK (|||38137|)"
        );
    }
}
