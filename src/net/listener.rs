//! Listening for control connections.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::SocketFlags;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::reactor::{Direction, Handle, Io, Priority};

/// After this much silence the kernel asks whether the client still lives, so that NATs keep a control
/// connection open through a long transfer.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A listening socket on the loop.
pub struct Listener {
    io: Io<TcpListener>,
    spare: Option<OwnedFd>,
}

/// What came of waiting for a connection.
pub enum Accepted {
    /// A client, its socket non-blocking.
    Client(TcpStream, SocketAddr),
    /// A client for whom there is no descriptor to keep: to be told so at once and closed.
    NoDescriptor(TcpStream, SocketAddr),
}

impl Listener {
    /// Binds and listens. `queue` clients may wait to be accepted.
    ///
    /// # Errors
    /// What socket(2), bind(2) and listen(2) give.
    pub fn bind(address: SocketAddr, queue: i32) -> io::Result<TcpListener> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(
            domain,
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        prepare_control(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(queue)?;
        Ok(socket.into())
    }

    /// Takes a listening socket onto the loop.
    ///
    /// # Errors
    /// When the spare descriptor cannot be had.
    pub fn new(handle: &Handle, listener: TcpListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        let spare = spare_descriptor(&listener)?;
        Ok(Listener {
            io: Io::new(handle, listener, Priority::Control),
            spare: Some(spare),
        })
    }

    /// Waits for a connection. With the descriptor table full the spare one is given up for a moment, so that the
    /// client gets an answer instead of waiting and the loop does not spin on an event it cannot serve.
    ///
    /// # Errors
    /// What accept(2) gives where neither waiting nor the spare descriptor helps (out of memory): the caller waits a
    /// little before it tries again.
    pub fn poll_accept(&mut self, context: &Context<'_>) -> Poll<io::Result<Accepted>> {
        if self.spare.is_none() {
            self.spare = spare_descriptor(self.io.get()).ok();
        }
        let accepted = self.io.poll_io(context, Direction::Read, accept_now);
        Poll::Ready(match std::task::ready!(accepted) {
            Ok((socket, peer)) => Ok(Accepted::Client(socket, peer)),
            Err(error) if is_descriptor_shortage(&error) && self.spare.take().is_some() => {
                let last = accept_now(self.io.get());
                last.map(|(socket, peer)| Accepted::NoDescriptor(socket, peer))
            }
            Err(error) => Err(error),
        })
    }
}

/// Options of a control connection; on Linux an accepted socket inherits them from the listening one.
///
/// # Errors
/// What setsockopt(2) gives.
pub fn prepare_control(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    // Telnet "urgent" bytes before ABOR then come in their place in the stream (RFC 959, section 4.1.3).
    socket.set_out_of_band_inline(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE),
    )
}

fn accept_now(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (socket, peer) = match rustix::net::acceptfrom_with(listener, flags) {
            Ok(accepted) => accepted,
            // The client was gone before we came: the next one may be there.
            Err(rustix::io::Errno::CONNABORTED) => continue,
            Err(error) => return Err(error.into()),
        };
        if let Some(peer) = peer.and_then(|peer| SocketAddr::try_from(peer).ok()) {
            return Ok((socket.into(), super::unmapped(peer)));
        }
    }
}

fn spare_descriptor(any: &TcpListener) -> io::Result<OwnedFd> {
    // A copy of what is at hand: the loop opens no path.
    any.try_clone().map(OwnedFd::from)
}

fn is_descriptor_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
        && error.kind() != ErrorKind::WouldBlock
}
