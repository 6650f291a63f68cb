//! Who holds a port that could not be had: the process that listens there, as far as /proc shows it (proc(5)).
//!
//! A process that was not started by root sees the descriptors of its own user's processes alone, and in a container those
//! of the container. Then nobody is named.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::flags::on_one_line;

/// The state of a listening socket in the tables of the kernel: TCP_LISTEN.
const LISTENS: &str = "0A";

/// The column of a table with the local address, and those with the state and the number of the socket.
const LOCAL: usize = 1;
const STATE: usize = 3;
const SOCKET: usize = 9;

/// A process that listens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pid: u32,
    /// What the kernel calls its program, at most 15 bytes; safe to print.
    name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(formatter, "process {}", self.pid),
            name => write!(formatter, "process {}, {name},", self.pid),
        }
    }
}

/// The process whose listening socket keeps others from `address`; of several that share it the one that was started first, as
/// their numbers tell.
pub(super) fn of(address: SocketAddr) -> Option<Holder> {
    let table = |name: &str| fs::read_to_string(Path::new("/proc/net").join(name));
    let mut sockets = listening(&table("tcp").unwrap_or_default());
    sockets.extend(listening(&table("tcp6").unwrap_or_default()));
    let socket = in_the_way(&sockets, address)?;
    let wanted = format!("socket:[{socket}]");
    let numbers = fs::read_dir("/proc").ok()?.flatten();
    let mut pids: Vec<u32> = numbers
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter()
        .find(|pid| has_open(*pid, &wanted))
        .map(|pid| Holder {
            pid,
            name: name(pid),
        })
}

fn has_open(pid: u32, wanted: &str) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
    descriptors.is_ok_and(|descriptors| {
        descriptors.flatten().any(|entry| {
            fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == wanted)
        })
    })
}

/// A process may call itself what it likes.
fn name(pid: u32) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    on_one_line(String::from_utf8_lossy(&name).trim_end())
}

/// The listening sockets of a table: where, and their numbers.
fn listening(table: &str) -> Vec<(SocketAddr, u64)> {
    let rows = table.lines().map(|line| line.split_ascii_whitespace());
    rows.filter_map(|row| {
        let row: Vec<&str> = row.collect();
        let listens = *row.get(STATE)? == LISTENS;
        let socket = row.get(SOCKET)?.parse().ok()?;
        listens.then_some((place(row.get(LOCAL)?)?, socket))
    })
    .collect()
}

/// An address as the tables have it: words of 32 bits as this machine reads them, then the port.
fn place(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for at in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    let address: IpAddr = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => Ipv4Addr::from(four).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into(),
    };
    Some(SocketAddr::new(address, port))
}

/// Of sockets on the same port the one on the same address, else one on all addresses, of the same family first: a socket
/// on all IPv6 addresses may be one on all IPv4 addresses too, which the tables do not tell.
fn in_the_way(sockets: &[(SocketAddr, u64)], address: SocketAddr) -> Option<u64> {
    let distance = |held: &SocketAddr| {
        let same_family = held.is_ipv4() == address.is_ipv4();
        let all = held.ip().is_unspecified() || address.ip().is_unspecified();
        match () {
            () if held.ip().to_canonical() == address.ip().to_canonical() => Some(0),
            () if same_family && all => Some(1),
            () if address.is_ipv4() && held.ip().is_unspecified() => Some(2),
            () => None,
        }
    };
    sockets
        .iter()
        .filter(|(held, _)| held.port() == address.port())
        .filter_map(|(held, socket)| Some((distance(held)?, *socket)))
        .min()
        .map(|(_, socket)| socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_listening_socket_of_this_process_is_found_with_its_name() {
        for place in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            // A machine may be without IPv6.
            let Ok(listener) = TcpListener::bind(place) else {
                assert!(place.starts_with('['));
                continue;
            };
            let address = listener.local_addr().unwrap();
            let holder = of(address).unwrap();
            assert_eq!(holder.pid, std::process::id());
            assert!(!holder.name.is_empty());
            drop(listener);
            assert_eq!(of(address), None);
        }
    }

    #[test]
    fn only_rows_that_listen_are_read_and_rubbish_is_none() {
        let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let v4 = word([127, 0, 0, 1]);
        let v6 = [[0; 4], [0; 4], [0; 4], [0, 0, 0, 1]].map(word).concat();
        let table = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: {v4}:0849 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0        0 4711 1 0\n\
             1: {v4}:0015 {v4}:0849 01 00000000:00000000 00:00000000 00000000  0        0 4712 1 0\n\
             2: {v6}:0015 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0        0 4713 1 0\n\
             3: short\n4: 0A:x 1 0A 1 1 1 1 1 5\n"
        );
        assert_eq!(
            listening(&table),
            [(at("127.0.0.1:2121"), 4711), (at("[::1]:21"), 4713)]
        );
    }

    #[test]
    fn the_socket_in_the_way_is_the_nearest_that_can_be() {
        let sockets = [
            (at("[::]:21"), 1),
            (at("0.0.0.0:21"), 2),
            (at("127.0.0.1:21"), 3),
            (at("10.0.0.1:22"), 4),
        ];
        assert_eq!(in_the_way(&sockets, at("127.0.0.1:21")), Some(3));
        assert_eq!(in_the_way(&sockets, at("10.0.0.1:21")), Some(2));
        assert_eq!(in_the_way(&sockets[..1], at("10.0.0.1:21")), Some(1));
        assert_eq!(in_the_way(&sockets, at("[::1]:21")), Some(1));
        assert_eq!(in_the_way(&sockets, at("0.0.0.0:22")), Some(4));
        assert_eq!(in_the_way(&sockets[1..], at("[::1]:21")), None);
        assert_eq!(in_the_way(&sockets, at("127.0.0.1:22")), None);
    }
}
