#![forbid(unsafe_code)]
//! Sockets on the loop: listeners, the one shape of a connection, opening data connections.
//!
//! Nothing here knows FTP's text. Addresses that come out are never IPv4-mapped: a client that arrives over IPv4
//! at a socket for both families has an IPv4 address everywhere in this program.

mod any_server;
mod certificate;
mod client;
mod data;
mod listener;
mod random;
mod stream;
mod throttle;
mod tls;

use std::net::{IpAddr, SocketAddr};

pub use any_server::{misses_certificate, protect_for_any_server};
pub use client::{Authorities, ClientCertificate, Clients, ClientsError, RevocationLists};
pub use data::{Passive, PassiveError, connect, connect_from};
pub use listener::{Accepted, Listener, prepare_control};
pub use random::Random;
pub use stream::Stream;
pub use throttle::Throttle;
pub use tls::{Acceptor, Agreed, Asked, Hello, Pair, PairError, Purpose, Resumption, TLS_SLICE};

/// The address without the disguise that a socket for both families gives to IPv4 peers.
pub fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether this is an address one can send to: not unspecified, broadcast or multicast.
pub fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_broadcast() && !v4.is_multicast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    }
}

/// Whether a connection from `peer` to `local` has both ends on this machine, as far as the addresses tell.
pub fn is_same_machine(peer: SocketAddr, local: SocketAddr) -> bool {
    peer.ip() == local.ip() || peer.ip().is_loopback()
}

/// Whether this address is of a private network (RFC 1918, RFC 4193), of the link or of this machine.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
