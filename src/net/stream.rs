//! A connection: control or data, clear or (later) protected, behind one shape.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use crate::reactor::{Direction, Handle, Io, Priority, Watch};

/// A connected TCP socket on the loop.
pub struct Stream {
    io: Io<TcpStream>,
    peer: SocketAddr,
}

impl Stream {
    /// Takes a connected, non-blocking socket.
    pub fn new(handle: &Handle, socket: TcpStream, peer: SocketAddr, priority: Priority) -> Stream {
        Stream {
            io: Io::new(handle, socket, priority),
            peer,
        }
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

    /// Reads what there is, at most a buffer full; 0 is the end of input.
    pub fn poll_read(
        &mut self,
        context: &Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
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

    /// Writes some of `bytes`.
    pub fn poll_write(&mut self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_io(context, Direction::Write, |mut socket| socket.write(bytes))
    }

    /// Writes some of `bytes` now, without waiting and without asking to be woken.
    ///
    /// # Errors
    /// `WouldBlock`, or what write(2) gives.
    pub fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io.get().write(bytes)
    }

    /// Writes all of `bytes`.
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
    /// The caller sees to it that they are in memory: sendfile(2) sleeps on a cold page.
    ///
    /// # Errors
    /// What sendfile(2) gives, for either end.
    pub async fn send_file(
        &mut self,
        file: impl AsFd,
        offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        let file = file.as_fd();
        self.io
            .io(Direction::Write, |socket| {
                let mut position = offset;
                rustix::fs::sendfile(socket, file, Some(&mut position), count)
                    .map_err(io::Error::from)
            })
            .await
    }

    /// Ends our sending; the peer reads an end of file.
    pub fn end_writing(&self) {
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
