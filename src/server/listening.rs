//! Where the server listens: the places of `-S` and `--listen`, with one address of each family at most for each, as Pure-FTPd
//! listens; or the sockets it was given.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;

use super::{Failure, sharing};
use crate::net::{self, Listener};
use crate::settings::{Family, Listen, Settings};
use crate::sys::descriptors::{self, Passed};
use crate::units::PortName;

/// The default port for root and for those who may not have it, without and with `--implicittls`.
const PORTS: (u16, u16) = (21, 2121);
const IMPLICIT_PORTS: (u16, u16) = (990, 2990);

/// Binds and listens at the places the flags name, or finds a free one (`--serve`).
pub(super) fn listen(settings: &Settings, is_root: bool) -> Result<Vec<TcpListener>, Failure> {
    match &settings.sharing {
        Some(sharing) if sharing.finds_port => sharing::listen(settings, is_root),
        _ => listen_at(&settings.network.listen, settings, is_root),
    }
}

/// Binds and listens at these places.
pub(super) fn listen_at(
    places: &[Listen],
    settings: &Settings,
    is_root: bool,
) -> Result<Vec<TcpListener>, Failure> {
    let queue = i32::try_from(settings.limits.max_clients / 8 + 128)
        .unwrap_or(i32::MAX)
        .min(4096);
    let (privileged, unprivileged) = match settings.tls.implicit {
        true => IMPLICIT_PORTS,
        false => PORTS,
    };
    let default_port = if is_root { privileged } else { unprivileged };
    let mut listeners = Vec::new();
    for listen in places {
        let addresses = addresses(listen, settings.network.family, default_port)?;
        let only_one = addresses.len() == 1;
        for address in addresses {
            match Listener::bind(address, queue) {
                Ok(listener) => listeners.push(listener),
                // A kernel without IPv6 is no reason not to serve IPv4.
                Err(error) if address.is_ipv6() && !only_one && is_no_ipv6(&error) => {}
                Err(error) => return Err(Failure::listen(address, &error)),
            }
        }
    }
    Ok(listeners)
}

/// Takes the sockets that a service manager or inetd (`wait`) passed.
pub(super) fn passed(sockets: Vec<OwnedFd>) -> Result<Vec<TcpListener>, Failure> {
    let taken = sockets.into_iter().map(|socket| {
        if descriptors::kind_of(&socket) != Passed::Listener {
            return Err(Failure::passed("one of them is no listening TCP socket"));
        }
        net::prepare_control(&socket2::SockRef::from(&socket)).map_err(Failure::loop_)?;
        Ok(TcpListener::from(socket))
    });
    taken.collect()
}

fn is_no_ipv6(error: &std::io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT)
        || error.kind() == std::io::ErrorKind::AddrNotAvailable
}

/// One address of each family at most, as Pure-FTPd listens.
fn addresses(
    listen: &Listen,
    family: Family,
    default_port: u16,
) -> Result<Vec<SocketAddr>, Failure> {
    let Listen { flag, at } = listen;
    let (host, port) = match &at.port {
        None => (at.host.clone(), default_port),
        Some(PortName::Number(port)) => (at.host.clone(), *port),
        Some(PortName::Service(name)) => {
            let port = service_port(name)
                .ok_or_else(|| Failure::lookup(flag, name, "there is no such service"))?;
            (at.host.clone(), port)
        }
        // A word alone: a service if there is one of that name, else a host.
        Some(PortName::ServiceOrHost(word)) => match service_port(word) {
            Some(port) => (None, port),
            None => (Some(word.clone()), default_port),
        },
    };
    let found: Vec<SocketAddr> = match &host {
        None => vec![([0_u16; 8], port).into(), ([0, 0, 0, 0], port).into()],
        Some(host) => (host.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| Failure::lookup(flag, host, &error.to_string()))?
            .collect(),
    };
    let fits = |address: &&SocketAddr| match family {
        Family::Both => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let first = |is_v4: bool| {
        found
            .iter()
            .filter(fits)
            .find(|address| address.is_ipv4() == is_v4)
    };
    let wanted: Vec<SocketAddr> = [first(false), first(true)]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    match (wanted.is_empty(), host) {
        (true, Some(host)) => Err(Failure::lookup(
            flag,
            &host,
            "it has no address of the wanted family",
        )),
        _ => Ok(wanted),
    }
}

/// The TCP port of a service, of services(5).
fn service_port(name: &str) -> Option<u16> {
    let text = std::fs::read_to_string("/etc/services").ok()?;
    text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
        let known = first == name || words.any(|alias| alias == name);
        known.then_some(port)
    })
}
