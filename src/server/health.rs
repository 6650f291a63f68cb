//! `--health`: asks the server that runs with the same flags whether it lives, as images do from time to time.
//!
//! It comes as any client does, reads the greeting, says QUIT and goes. The server tells nothing of such a session in its
//! log (see `session`), and over IPv4 it comes from an address of its own, so that it takes no place of `-C` from
//! clients of this machine.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Failure, listening};
use crate::flags::on_one_line;
use crate::net;
use crate::settings::Settings;
use crate::sys::{privileges, words};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address of the loopback network that no client of this machine comes from by itself.
const OWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 72, 76, 84);

/// The longest line of a greeting that is looked at.
const LONGEST_LINE: u64 = 512;

/// Asks at each place where a server with these settings listens; at one address of each, as a machine may be without IPv6.
///
/// # Errors
/// The first place where nobody answered as an FTP server does, with what was found there.
pub(super) fn ask(settings: &Settings) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    for listen in &settings.network.listen {
        let default_port = listening::default_port(settings, privileges::is_root());
        let mut addresses = listening::addresses(listen, settings.network.family, default_port)?;
        // IPv4 comes last there, and is the one that takes no place of others.
        addresses.reverse();
        let mut found = None;
        for address in addresses.into_iter().map(reachable) {
            if address.port() == 0 {
                return Err(Failure::health(
                    address,
                    "port 0 is another one each time: give -S a number",
                ));
            }
            match greeted(address, settings.tls.implicit, end) {
                Ok(()) => {
                    found = None;
                    break;
                }
                Err(why) => {
                    found.get_or_insert((address, why));
                }
            }
        }
        if let Some((address, why)) = found {
            return Err(Failure::health(address, &why));
        }
    }
    Ok(())
}

/// Where to ask for a server that listens there: on this machine itself, where that is all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(all) if all.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(all) if all.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        // As it is, since a link-local one has a zone.
        _ => return address,
    };
    SocketAddr::new(ip, address.port())
}

/// A connection in clear or in TLS.
trait Talk: Read + Write {}
impl<T: Read + Write> Talk for T {}

fn greeted(address: SocketAddr, in_tls: bool, end: Instant) -> Result<(), String> {
    let said = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("no greeting within {} seconds", PATIENCE.as_secs())
        }
        _ => words(&error),
    };
    let socket = connect(address, end).map_err(said)?;
    let mut stream: Box<dyn Talk> = match in_tls {
        false => Box::new(socket.try_clone().map_err(said)?),
        true => {
            let socket = socket.try_clone().map_err(said)?;
            Box::new(net::protect_for_any_server(socket, address.ip()).map_err(said)?)
        }
    };
    let line = match first_line(stream.as_mut(), &socket, end) {
        // Whoever shows no certificate of a client learns no more, and this much is enough.
        Err(error) if net::misses_certificate(&error) => return Ok(()),
        line => line.map_err(said)?,
    };
    // Whoever is turned away, since the server is full, say, was turned away by a server that lives.
    if !line.starts_with(b"220") && !line.starts_with(b"421") {
        let line = on_one_line(String::from_utf8_lossy(&line).trim_end());
        return Err(format!("no greeting of an FTP server: '{line}'"));
    }
    // From here on nothing can change the answer.
    let _ = part(stream.as_mut(), &socket, end);
    Ok(())
}

fn connect(address: SocketAddr, end: Instant) -> io::Result<TcpStream> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv4() && address.ip().is_loopback() {
        socket.bind(&SocketAddr::from((OWN_ADDRESS, 0)).into())?;
    }
    socket.connect_timeout(&address.into(), left(end)?)?;
    Ok(socket.into())
}

/// The time left until then, if any.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(ErrorKind::TimedOut.into()),
        false => Ok(left),
    }
}

fn first_line(stream: &mut dyn Talk, socket: &TcpStream, end: Instant) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") && (line.len() as u64) < LONGEST_LINE {
        socket.set_read_timeout(Some(left(end)?))?;
        if stream.read(&mut byte)? == 0 {
            break;
        }
        line.extend_from_slice(&byte);
    }
    Ok(line)
}

/// Says QUIT and waits for the server to close, so that it never meets a broken connection.
fn part(stream: &mut dyn Talk, socket: &TcpStream, end: Instant) -> io::Result<()> {
    stream.write_all(b"QUIT\r\n")?;
    let mut rest = [0; 512];
    loop {
        socket.set_read_timeout(Some(left(end)?))?;
        if stream.read(&mut rest)? == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn all_addresses_of_a_machine_are_asked_for_on_loopback() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:21"), "127.0.0.1:21");
        assert_eq!(reached("[::]:21"), "[::1]:21");
        assert_eq!(reached("192.0.2.1:21"), "192.0.2.1:21");
        assert_eq!(reached("[fe80::1%7]:21"), "[fe80::1%7]:21");
    }

    /// What comes of asking somebody who says this; nothing more is said.
    fn asked(greeting: &'static [u8], patience: Duration) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut client, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), OWN_ADDRESS);
            client.write_all(greeting).unwrap();
            let mut said = String::new();
            let _ = client.read_to_string(&mut said);
            said
        });
        let answer = greeted(address, false, Instant::now() + patience);
        let said = server.join().unwrap();
        assert_eq!(said == "QUIT\r\n", answer.is_ok(), "{said}");
        answer
    }

    #[test]
    fn only_a_greeting_or_a_server_that_is_full_will_do() {
        let long = Duration::from_secs(5);
        let short = Duration::from_millis(200);
        // Neither closes after QUIT.
        assert_eq!(asked(b"220-Welcome\r\n220 you\r\n", short), Ok(()));
        assert_eq!(asked(b"421 full\r\n", short), Ok(()));
        let why = asked(b"SSH-2.0-x\x1b\r\n", long).unwrap_err();
        assert_eq!(why, "no greeting of an FTP server: 'SSH-2.0-x\\u{1b}'");
        let why = asked(b"22", short).unwrap_err();
        assert!(why.starts_with("no greeting within"), "{why}");
    }
}
