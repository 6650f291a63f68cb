//! Waiting for a descriptor.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd};
use std::task::{Context, Poll, Waker};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use slab::Slab;

use super::Handle;

/// Whose events go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Control connections, listeners: short work, somebody waits for the answer.
    Control,
    /// Data connections: long work in slices.
    Data,
}

/// Which way a task wants to use a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Reading, accepting.
    Read,
    /// Writing, connecting.
    Write,
}

/// One registered descriptor: who waits for it.
pub(super) struct Slot {
    generation: u32,
    pub(super) priority: Priority,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whether a call could succeed: set by events, cleared when a call would have blocked or left nothing over.
    readable: bool,
    writable: bool,
    /// Urgent bytes came: a read then stops short of them, with more behind.
    urgent: bool,
    /// The peer has ended its sending: reading never blocks again, whatever an earlier short read said.
    ended: bool,
    broken: bool,
}

impl Slot {
    fn park(&mut self, context: &Context<'_>, direction: Direction) {
        let place = match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        };
        match place {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => *place = Some(context.waker().clone()),
        }
    }

    pub(super) fn take_woken(&mut self, event: &Event) -> [Option<Waker>; 2] {
        let broken = event.is_error() || (event.is_read_closed() && event.is_write_closed());
        let readable = broken || event.is_readable() || event.is_read_closed();
        let writable = broken || event.is_writable() || event.is_write_closed();
        self.broken |= broken;
        self.urgent |= event.is_priority();
        self.ended |= broken || event.is_read_closed();
        self.readable |= readable;
        self.writable |= writable;
        let reader = readable.then(|| self.reader.take()).flatten();
        let writer = writable.then(|| self.writer.take()).flatten();
        [reader, writer]
    }
}

pub(super) fn slot_of(slots: &mut Slab<Slot>, token: Token) -> Option<&mut Slot> {
    let slot = slots.get_mut(token.0 & 0xffff_ffff)?;
    (slot.generation as usize == token.0 >> 32).then_some(slot)
}

/// A source the kernel watches for us, and the place where its waiters are kept.
pub(super) struct Registration {
    handle: Handle,
    index: usize,
    token: Token,
}

impl Registration {
    pub(super) fn new(
        handle: &Handle,
        source: &mut dyn mio::event::Source,
        priority: Priority,
    ) -> io::Result<Registration> {
        let inner = &handle.0;
        let generation = inner.generation.get().wrapping_add(1);
        inner.generation.set(generation);
        let index = inner.slots.borrow_mut().insert(Slot {
            generation,
            priority,
            reader: None,
            writer: None,
            readable: false,
            writable: false,
            urgent: false,
            ended: false,
            broken: false,
        });
        let token = Token((generation as usize) << 32 | index);
        // From here on the place is given back by Drop.
        let registration = Registration {
            handle: handle.clone(),
            index,
            token,
        };
        let interest = match priority {
            // Telnet's urgent bytes come on control connections only.
            Priority::Control => Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY,
            Priority::Data => Interest::READABLE | Interest::WRITABLE,
        };
        source.register(&inner.registry, token, interest)?;
        Ok(registration)
    }

    pub(super) fn park(&self, context: &Context<'_>, direction: Direction) {
        self.with_slot(|slot| slot.park(context, direction));
    }

    fn with_slot<R>(&self, read: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        let mut slots = self.handle.0.slots.borrow_mut();
        slots.get_mut(self.index).map(read)
    }

    fn may_succeed(&self, direction: Direction) -> bool {
        self.with_slot(|slot| match direction {
            Direction::Read => slot.readable,
            Direction::Write => slot.writable,
        })
        .unwrap_or(true)
    }

    fn would_block(&self, direction: Direction) {
        self.with_slot(|slot| match direction {
            Direction::Read => (slot.readable, slot.urgent) = (slot.ended, false),
            Direction::Write => slot.writable = slot.broken,
        });
    }

    fn exhausted(&self, direction: Direction) {
        self.with_slot(|slot| match direction {
            Direction::Read => slot.readable = slot.ended || slot.urgent,
            Direction::Write => slot.writable = slot.broken,
        });
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Closing the descriptor takes it out of the kernel's list; where a helper thread still holds the
        // descriptor, late events carry a token of a generation that is gone.
        self.handle.0.slots.borrow_mut().try_remove(self.index);
    }
}

/// A non-blocking descriptor on the loop.
///
/// It is registered with the kernel only when a call on it first would have blocked: a data connection that
/// moves a small file at once never costs a registration.
pub struct Io<T: AsFd> {
    source: T,
    handle: Handle,
    priority: Priority,
    registration: Option<Registration>,
}

impl<T: AsFd> Io<T> {
    /// Takes a descriptor that is already non-blocking.
    pub fn new(handle: &Handle, source: T, priority: Priority) -> Io<T> {
        Io {
            source,
            handle: handle.clone(),
            priority,
            registration: None,
        }
    }

    /// The loop this descriptor lives on.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Takes the descriptor off the loop; it may then be given another priority.
    pub fn into_inner(self) -> T {
        self.source
    }

    /// The descriptor, for calls that do not wait.
    pub fn get(&self) -> &T {
        &self.source
    }

    /// Tries `call`; when it would block, parks the task until the kernel reports a change in `direction`.
    /// Interrupted calls are repeated.
    pub fn poll_io<R>(
        &mut self,
        context: &Context<'_>,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if let Some(registration) = &self.registration
            && !registration.may_succeed(direction)
        {
            registration.park(context, direction);
            return Poll::Pending;
        }
        loop {
            match call(&self.source) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if let Some(registration) = &self.registration {
                        registration.would_block(direction);
                    }
                    return match self.park(context, direction) {
                        Ok(()) => Poll::Pending,
                        Err(error) => Poll::Ready(Err(error)),
                    };
                }
                result => return Poll::Ready(result),
            }
        }
    }

    /// [`Io::poll_io`] as a future.
    pub async fn io<R>(
        &mut self,
        direction: Direction,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        std::future::poll_fn(|context| self.poll_io(context, direction, &mut call)).await
    }

    /// Says that the last call used up what there was (a read that filled less than its buffer): the next one
    /// waits for an event without asking the kernel first. epoll(7) allows it for stream sockets.
    pub fn exhausted(&self, direction: Direction) {
        if let Some(registration) = &self.registration {
            registration.exhausted(direction);
        }
    }

    /// Parks the task until the kernel reports a change. Sound only directly after a call that would have blocked.
    ///
    /// # Errors
    /// What registering gives (out of memory, watch limit).
    fn park(&mut self, context: &Context<'_>, direction: Direction) -> io::Result<()> {
        self.registered()?.park(context, direction);
        Ok(())
    }

    fn registered(&mut self) -> io::Result<&Registration> {
        match &mut self.registration {
            Some(registration) => Ok(registration),
            none => {
                let descriptor = self.source.as_fd().as_raw_fd();
                let source = &mut SourceFd(&descriptor);
                Ok(none.insert(Registration::new(&self.handle, source, self.priority)?))
            }
        }
    }

    /// Whether the kernel has reported an error or the end of both directions. Known only once a call has
    /// waited for this descriptor.
    pub fn is_broken(&self) -> bool {
        self.registration
            .as_ref()
            .and_then(|registration| registration.with_slot(|slot| slot.broken))
            .unwrap_or(false)
    }

    /// For seeing the connection break while its owner is busy with something else.
    ///
    /// # Errors
    /// What registering gives (out of memory, watch limit).
    pub fn watch(&mut self) -> io::Result<Watch> {
        let token = self.registered()?.token;
        Ok(Watch {
            handle: self.handle.clone(),
            token,
        })
    }

    /// Parks the task until the connection breaks, without reading from it. Ready at once if it has.
    ///
    /// # Errors
    /// As [`Io::watch`].
    pub fn poll_broken(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        match self.watch() {
            Ok(watch) => watch.poll_broken(context).map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Sees an [`Io`] break without borrowing it; made by [`Io::watch`]. It waits in the place of the reader, so it is for the
/// task that reads from the descriptor.
pub struct Watch {
    handle: Handle,
    token: Token,
}

impl Watch {
    /// Parks the task until the connection breaks. Ready at once if it has, or if its [`Io`] is gone.
    pub fn poll_broken(&self, context: &Context<'_>) -> Poll<()> {
        let mut slots = self.handle.0.slots.borrow_mut();
        match slot_of(&mut slots, self.token) {
            Some(slot) if !slot.broken => {
                slot.park(context, Direction::Read);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}
