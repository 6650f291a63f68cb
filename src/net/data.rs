//! Opening data connections: waiting for the client's (passive) or going to it (active).
//!
//! A passive listener lives from its command to its use. It takes the owner's connection only: a stranger is
//! closed and the listener goes on waiting (threats: D2). Its port is random in the range (D3).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::SocketFlags;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Random, Stream, unmapped};
use crate::reactor::{Direction, Handle, Io, Priority};
use crate::units::PortRange;

/// How many ports of a range are tried for one listener. Each try costs two system calls on the loop.
const TRIES: u32 = 256;

/// Clients that may wait at a passive listener: the owner, and a stranger in front of it.
const QUEUE: i32 = 4;

/// Why no passive listener could be opened.
#[derive(Debug)]
pub enum PassiveError {
    /// Every port tried was taken.
    AllBusy,
    /// The system refused for another reason.
    System(io::Error),
}

/// A listener for one data connection.
pub struct Passive {
    io: Io<TcpListener>,
    local: SocketAddr,
}

impl Passive {
    /// Listens at our end of the control connection, on a random port of `range`.
    ///
    /// # Errors
    /// [`PassiveError`].
    pub fn open(
        handle: &Handle,
        control: SocketAddr,
        range: PortRange,
        random: &mut Random,
    ) -> Result<Passive, PassiveError> {
        // A link-local address keeps its zone.
        let mut local = control;
        for port in ports(range, random).map_err(PassiveError::System)? {
            local.set_port(port);
            match listen(local) {
                Ok(listener) => {
                    let io = Io::new(handle, listener, Priority::Control);
                    return Ok(Passive { io, local });
                }
                // Two sockets may both bind a port; it is the second listen() that then fails.
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(PassiveError::System(error)),
            }
        }
        Err(PassiveError::AllBusy)
    }

    /// Where it listens.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for a connection from a peer that `is_owner` accepts; others are closed and told to `stranger`.
    ///
    /// # Errors
    /// What accept(2) gives.
    pub async fn accept(
        &mut self,
        is_owner: impl Fn(IpAddr) -> bool,
        mut stranger: impl FnMut(SocketAddr),
    ) -> io::Result<Stream> {
        loop {
            let accepted = self.io.io(Direction::Read, |listener| {
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                rustix::net::acceptfrom_with(listener, flags).map_err(io::Error::from)
            });
            let (socket, peer) = match accepted.await {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            let Some(peer) = peer.and_then(|peer| SocketAddr::try_from(peer).ok()) else {
                continue;
            };
            let peer = unmapped(peer);
            if is_owner(peer.ip()) {
                let socket = TcpStream::from(socket);
                return Ok(Stream::new(self.io.handle(), socket, peer, Priority::Data));
            }
            stranger(peer);
        }
    }
}

/// Connects to `remote` from `local`; port 0 there lets the system choose.
///
/// # Errors
/// What socket(2), bind(2) and connect(2) give. The caller bounds the wait.
pub async fn connect(handle: &Handle, local: SocketAddr, remote: SocketAddr) -> io::Result<Stream> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(remote), kind, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&local.into())?;
    connect_from(handle, socket.into(), remote).await
}

/// Connects a bound, non-blocking TCP socket to `remote`.
///
/// # Errors
/// What connect(2) gives. The caller bounds the wait.
pub async fn connect_from(
    handle: &Handle,
    bound: OwnedFd,
    remote: SocketAddr,
) -> io::Result<Stream> {
    let socket = Socket::from(bound);
    let begun = socket.connect(&remote.into());
    let mut stream = Io::new(handle, TcpStream::from(socket), Priority::Control);
    if let Err(error) = begun {
        if error.raw_os_error() != Some(libc::EINPROGRESS) {
            return Err(error);
        }
        stream.io(Direction::Write, connected).await?;
    }
    let socket = stream.into_inner();
    Ok(Stream::new(handle, socket, remote, Priority::Data))
}

/// Whether a connection under way is up: `WouldBlock` until the kernel has decided.
fn connected(socket: &TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotConnected => Err(ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}

fn listen(local: SocketAddr) -> io::Result<TcpListener> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(local), kind, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&local.into())?;
    socket.listen(QUEUE)?;
    Ok(socket.into())
}

/// Ports of the range in a random order: a random start and a random stride without a common divisor
/// with the length, so that every port of a short range comes up once and neighbours do not follow each other.
fn ports(range: PortRange, random: &mut Random) -> io::Result<impl Iterator<Item = u16>> {
    let length = u32::from(range.last) - u32::from(range.first) + 1;
    let start = random.below(length)?;
    let mut stride = 1 + random.below(length)?;
    while common_divisor(stride, length) != 1 {
        stride = stride % length + 1;
    }
    Ok((0..length.min(TRIES)).map(move |step| {
        let offset = (u64::from(start) + u64::from(step) * u64::from(stride)) % u64::from(length);
        range.first + offset as u16
    }))
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Write;
    use std::time::Duration;

    use super::*;
    use crate::reactor::Reactor;

    fn range(first: u16, last: u16) -> PortRange {
        format!("{first}:{last}").parse().unwrap()
    }

    #[test]
    fn every_port_of_a_short_range_comes_up_once() {
        let mut random = Random::new().unwrap();
        for last in [20000, 20001, 20007, 20099] {
            let all: Vec<u16> = ports(range(20000, last), &mut random).unwrap().collect();
            let different: HashSet<u16> = all.iter().copied().collect();
            assert_eq!(all.len(), usize::from(last - 20000) + 1);
            assert_eq!(different.len(), all.len());
        }
    }

    #[test]
    fn d3_consecutive_listeners_are_no_neighbours() {
        let mut random = Random::new().unwrap();
        let first: Vec<u16> = (0..300)
            .filter_map(|_| ports(range(1024, 65535), &mut random).unwrap().next())
            .collect();
        let neighbours = first
            .windows(2)
            .filter(|pair| pair[0].abs_diff(pair[1]) <= 1)
            .count();
        assert!(neighbours < 30, "{neighbours} of 300 are neighbours");
    }

    #[test]
    fn d4_a_full_range_is_said_to_be_busy() {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let mut random = Random::new().unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let local = SocketAddr::from(([127, 0, 0, 1], 21));
        let second = Passive::open(&handle, local, range(port, port), &mut random);
        assert!(matches!(second, Err(PassiveError::AllBusy)));
    }

    #[test]
    fn d2_a_stranger_is_closed_and_the_owner_still_served() {
        let mut reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let mut random = Random::new().unwrap();
        let local = IpAddr::from([127, 0, 0, 1]);
        let control = SocketAddr::new(local, 21);
        let mut passive =
            Passive::open(&handle, control, range(20000, 60000), &mut random).unwrap();
        let target = passive.local();
        let clients = std::thread::spawn(move || {
            let kind = Type::STREAM;
            let stranger = Socket::new(Domain::IPV4, kind, None).unwrap();
            stranger
                .bind(&SocketAddr::from(([127, 0, 0, 9], 0)).into())
                .unwrap();
            stranger.connect(&target.into()).unwrap();
            let mut owner = TcpStream::connect(target).unwrap();
            owner.write_all(b"mine").unwrap();
            let mut nothing = [0; 1];
            let end = std::io::Read::read(&mut TcpStream::from(stranger), &mut nothing);
            assert!(matches!(end, Ok(0) | Err(_)));
        });
        let (peer, strangers) = reactor
            .run(async move {
                let mut strangers = 0;
                let limit = handle.now() + Duration::from_secs(10);
                let accepted = passive.accept(|peer| peer == local, |_| strangers += 1);
                let stream = handle.until(limit, accepted).await.unwrap().unwrap();
                (stream.peer(), strangers)
            })
            .unwrap();
        clients.join().unwrap();
        assert_eq!(peer.ip(), local);
        assert_eq!(strangers, 1);
    }

    #[test]
    fn an_active_connection_to_a_closed_port_is_refused() {
        let mut reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let remote = free.local_addr().unwrap();
        drop(free);
        let result = reactor
            .run(async move {
                connect(&handle, ([127, 0, 0, 1], 0).into(), remote)
                    .await
                    .err()
            })
            .unwrap();
        assert_eq!(result.unwrap().kind(), ErrorKind::ConnectionRefused);
    }
}
