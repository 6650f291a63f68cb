//! A connection: control or data, clear or protected by TLS, behind one shape.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::tls::{Acceptor, Agreed, Asked, Tls};
use crate::reactor::{Direction, Handle, Io, Priority, Watch};

/// A connected TCP socket on the loop.
pub struct Stream {
    io: Io<TcpStream>,
    peer: SocketAddr,
    /// Boxed, so that connections in clear stay small.
    tls: Option<Box<Tls>>,
}

impl Stream {
    /// Takes a connected, non-blocking socket.
    pub fn new(handle: &Handle, socket: TcpStream, peer: SocketAddr, priority: Priority) -> Stream {
        Stream {
            io: Io::new(handle, socket, priority),
            peer,
            tls: None,
        }
    }

    /// Whether TLS protects it.
    pub fn is_protected(&self) -> bool {
        self.tls.is_some()
    }

    /// Makes keys with the client, which speaks first; from then on all that is read and written is protected.
    ///
    /// # Errors
    /// What is wrong with what the client says, in words for a log, or what read(2) and write(2) give. The connection is then of
    /// no further use. The caller bounds the wait.
    pub async fn protect(&mut self, acceptor: &Acceptor, asked: &Asked<'_>) -> io::Result<()> {
        let mut tls = Box::new(Tls::new(acceptor, asked)?);
        let io = &mut self.io;
        std::future::poll_fn(|context| tls.poll_handshake(io, context)).await?;
        self.tls = Some(tls);
        Ok(())
    }

    /// Ends TLS in both directions (RFC 8446, section 6.1); gives what the peer has sent in clear already. A peer that says nothing
    /// of an end in TLS and goes on in clear is understood as well.
    ///
    /// # Errors
    /// What read(2) and write(2) give, and an end of the connection.
    pub async fn unprotect(&mut self) -> io::Result<Vec<u8>> {
        let Some(tls) = &mut self.tls else {
            return Ok(Vec::new());
        };
        tls.end();
        let io = &mut self.io;
        let clear = std::future::poll_fn(|context| tls.poll_leave(io, context)).await?;
        self.tls = None;
        Ok(clear)
    }

    /// What the handshake came to.
    pub fn agreed(&self) -> Option<Agreed> {
        self.tls.as_ref().and_then(|tls| tls.agreed())
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Our end.
    ///
    /// # Errors
    /// What getsockname(2) gives.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.io.get().local_addr().map(super::unmapped)
    }

    /// Reads what there is, at most a buffer full; 0 is the end of input. Under TLS an end that the peer did not announce is an
    /// error, `UnexpectedEof`.
    pub fn poll_read(
        &mut self,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(tls) = &mut self.tls {
            return tls.poll_read(&mut self.io, context, buffer);
        }
        let wanted = buffer.len();
        let polled = self
            .io
            .poll_io(context, Direction::Read, |mut socket| socket.read(buffer));
        if let Poll::Ready(Ok(count)) = polled
            && count > 0
            && count < wanted
        {
            self.io.exhausted(Direction::Read);
        }
        polled
    }

    /// Writes some of `bytes`. Under TLS they may wait here until the next call, or [`Stream::poll_flush`].
    pub fn poll_write(&mut self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(tls) = &mut self.tls {
            return tls.poll_write(&mut self.io, context, bytes);
        }
        self.io
            .poll_io(context, Direction::Write, |mut socket| socket.write(bytes))
    }

    /// Ready when the kernel has all that was written.
    ///
    /// # Errors
    /// What write(2) gives.
    pub fn poll_flush(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.tls {
            Some(tls) => tls.poll_flush(&mut self.io, context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Writes some of `bytes` now, without waiting and without asking to be woken.
    ///
    /// # Errors
    /// `WouldBlock`, or what write(2) gives.
    pub fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            return tls.write_now(&self.io, bytes);
        }
        self.io.get().write(bytes)
    }

    /// Writes all of `bytes`; under TLS the last of them may wait for [`Stream::finish`].
    ///
    /// # Errors
    /// What write(2) gives; the peer then has an unknown part of them.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = std::future::poll_fn(|context| self.poll_write(context, bytes)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Sends up to `count` bytes of `file` from `offset` in one system call; 0 means that the file ends there.
    /// The caller sees to it that they are in memory, since sendfile(2) sleeps on a cold page, and that the connection is in
    /// clear.
    ///
    /// # Errors
    /// What sendfile(2) gives, for either end.
    pub async fn send_file(
        &mut self,
        file: impl AsFd,
        offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        if self.is_protected() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let file = file.as_fd();
        self.io
            .io(Direction::Write, |socket| {
                let mut position = offset;
                rustix::fs::sendfile(socket, file, Some(&mut position), count)
                    .map_err(io::Error::from)
            })
            .await
    }

    /// Under TLS: sends what is left and says that it was all, without which the peer has to take it for cut short. In clear the
    /// end of the connection says it.
    ///
    /// # Errors
    /// What write(2) gives.
    pub async fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.end();
            let io = &mut self.io;
            std::future::poll_fn(|context| tls.poll_flush(io, context)).await?;
        }
        Ok(())
    }

    /// Under TLS: says that nothing more will be sent, if the kernel takes that at once.
    pub fn say_end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.end_now(&self.io);
        }
    }

    /// Ends our sending; the peer reads an end of file.
    pub fn end_writing(&mut self) {
        self.say_end();
        // A peer that is gone already needs no goodbye.
        let _ = self.io.get().shutdown(Shutdown::Write);
    }

    /// For seeing the connection break while nobody reads from it.
    ///
    /// # Errors
    /// What registering with the kernel gives.
    pub fn watch(&mut self) -> io::Result<Watch> {
        self.io.watch()
    }

    /// Ready once the connection is broken; reads nothing.
    pub fn poll_broken(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_broken(context)
    }
}
