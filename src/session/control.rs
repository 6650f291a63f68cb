//! The control connection: lines in, replies out.
//!
//! Replies collect in a buffer that is written when the session is about to wait, so that the answers to pipelined
//! commands leave in one segment. The 150 of a transfer leaves before its first byte. Input is read only while there is room
//! for it; nothing is held while the client is silent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::End;
use crate::net::{Acceptor, Agreed, Asked, Stream};
use crate::proto::line::{Line, LineReader};
use crate::proto::reply::Reply;
use crate::proto::request;
use crate::reactor::Watch;

/// Replies waiting for a client that does not read them; beyond it no further command is looked at.
const UNREAD_REPLIES: usize = 64 * 1024;

/// Input held while a transfer runs or replies wait; beyond it nothing is read.
const UNREAD_COMMANDS: usize = 64 * 1024;

/// The buffer into which every session reads its commands.
pub(super) type Scratch = Rc<RefCell<Box<[u8]>>>;

/// One control connection.
pub struct Control {
    stream: Stream,
    scratch: Scratch,
    lines: LineReader,
    /// Lines that came during a transfer and wait for its end, and what they weigh.
    postponed: VecDeque<Line>,
    postponed_bytes: usize,
    out: Vec<u8>,
    written: usize,
    input_ended: bool,
}

impl Control {
    /// Takes the client's connection; `scratch` is shared by all sessions.
    pub fn new(stream: Stream, scratch: Scratch) -> Control {
        Control {
            stream,
            scratch,
            lines: LineReader::default(),
            postponed: VecDeque::new(),
            postponed_bytes: 0,
            out: Vec::new(),
            written: 0,
            input_ended: false,
        }
    }

    /// The client.
    pub fn peer(&self) -> SocketAddr {
        self.stream.peer()
    }

    /// Queues a reply.
    pub fn reply(&mut self, reply: &Reply) {
        reply.write_to(&mut self.out);
    }

    /// Whether another command may be looked at before replies are written.
    pub fn has_room(&self) -> bool {
        self.out.len() - self.written < UNREAD_REPLIES
    }

    /// Whether a whole line waits in the buffer.
    pub fn has_line(&self) -> bool {
        !self.postponed.is_empty() || self.lines.has_complete_line()
    }

    /// A line that waits already, without reading.
    pub fn take_line(&mut self) -> Option<Line> {
        if let Some(line) = self.postponed.pop_front() {
            self.postponed_bytes = self.postponed_bytes.saturating_sub(weight(&line));
            return Some(line);
        }
        self.lines.next()
    }

    /// Whether a line was put aside during this transfer.
    pub fn has_postponed(&self) -> bool {
        !self.postponed.is_empty()
    }

    /// Reads and forgets what the client still sends, until it ends.
    pub async fn drain(&mut self) {
        self.stream.end_writing();
        std::future::poll_fn(|context| {
            loop {
                self.lines.clear();
                match self.poll_fill(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(())) if self.input_ended => return Poll::Ready(()),
                    Poll::Ready(Ok(())) => {}
                }
            }
        })
        .await;
    }

    /// Puts a line that came during a transfer aside until its end.
    pub fn postpone(&mut self, line: Line) {
        self.postponed_bytes += weight(&line);
        self.postponed.push_back(line);
    }

    /// Makes keys with the client (see [`Stream::protect`]).
    ///
    /// # Errors
    /// Why none could be made.
    pub async fn protect(&mut self, acceptor: &Acceptor, asked: &Asked<'_>) -> io::Result<()> {
        self.stream.protect(acceptor, asked).await
    }

    /// Ends TLS; what comes from here on is in clear.
    ///
    /// # Errors
    /// What read(2) and write(2) give, and an end of the connection.
    pub async fn unprotect(&mut self) -> io::Result<()> {
        if self.flush().await.is_err() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let clear = self.stream.unprotect().await?;
        self.lines.feed(&clear);
        Ok(())
    }

    /// What the handshake came to.
    pub fn agreed(&self) -> Option<Agreed> {
        self.stream.agreed()
    }

    /// Says, where TLS wants that said, that nothing more will be sent.
    pub fn say_end(&mut self) {
        self.stream.say_end();
    }

    /// Forgets everything the client has sent so far (after QUIT; and before a handshake). Whether there was anything.
    pub fn discard_input(&mut self) -> bool {
        let any = self.has_postponed() || self.lines.pending() > 0;
        self.postponed.clear();
        self.postponed_bytes = 0;
        self.lines.clear();
        any
    }

    /// Writes queued replies; ready when all are written.
    pub fn poll_flush(&mut self, context: &Context<'_>) -> Poll<Result<(), End>> {
        while self.written < self.out.len() {
            let rest = &self.out[self.written..];
            match self.stream.poll_write(context, rest) {
                Poll::Ready(Ok(count)) if count > 0 => self.written += count,
                Poll::Ready(_) => return Poll::Ready(Err(End::Gone)),
                Poll::Pending => return Poll::Pending,
            }
        }
        match self.stream.poll_flush(context) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(Err(End::Gone)),
            Poll::Pending => return Poll::Pending,
        }
        // An idle session keeps no buffer; a busy one keeps its small one.
        self.out.clear();
        if self.out.capacity() > 1024 {
            self.out = Vec::new();
        }
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Writes all queued replies.
    ///
    /// # Errors
    /// [`End::Gone`] when the client is.
    pub async fn flush(&mut self) -> Result<(), End> {
        std::future::poll_fn(|context| self.poll_flush(context)).await
    }

    /// The next line for a session that has nothing else to do: flushes, then waits.
    pub fn poll_line(&mut self, context: &Context<'_>) -> Poll<Result<Line, End>> {
        loop {
            if self.has_room()
                && let Some(line) = self.take_line()
            {
                return Poll::Ready(Ok(line));
            }
            let flushed = self.poll_flush(context)?;
            if flushed.is_pending() {
                return self.pending_unless_broken(context);
            }
            if let Some(line) = self.take_line() {
                return Poll::Ready(Ok(line));
            }
            if self.input_ended {
                return Poll::Ready(Err(End::Gone));
            }
            if self.poll_fill(context)?.is_pending() {
                self.give_memory_back();
                return Poll::Pending;
            }
            if let Some(greeting) = self.take_binary_greeting() {
                return Poll::Ready(Ok(greeting));
            }
        }
    }

    /// The opening of a protocol that has no lines (a ClientHello, say) would otherwise wait for one for ever.
    fn take_binary_greeting(&mut self) -> Option<Line> {
        let held = self.lines.held();
        let binary = held.first().is_some_and(|byte| request::is_control(*byte));
        if !binary || request::greeting_of_another_protocol(held).is_none() {
            return None;
        }
        let text = held.to_vec();
        self.lines.clear();
        Some(Line::Text(text))
    }

    /// What comes while a transfer runs: a line, or the end of input (once).
    pub fn poll_interruption(&mut self, context: &Context<'_>) -> Poll<Result<Interruption, End>> {
        // A client that reads no replies gets no further line looked at; the transfer goes on.
        let _ = self.poll_flush(context)?;
        loop {
            if self.has_room()
                && let Some(line) = self.lines.next()
            {
                return Poll::Ready(Ok(Interruption::Line(line)));
            }
            let held = self.lines.pending() + self.postponed_bytes;
            if self.input_ended || held >= UNREAD_COMMANDS {
                return self.pending_unless_broken(context);
            }
            if self.poll_fill(context)?.is_pending() {
                return Poll::Pending;
            }
            if self.input_ended && !self.lines.has_complete_line() {
                return Poll::Ready(Ok(Interruption::EndOfInput));
            }
        }
    }

    /// One read into the line buffer; marks the end of input.
    fn poll_fill(&mut self, context: &Context<'_>) -> Poll<Result<(), End>> {
        let mut scratch = self.scratch.borrow_mut();
        match self.stream.poll_read(context, &mut scratch) {
            Poll::Ready(Ok(0)) => {
                self.input_ended = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(count)) => {
                self.lines.feed(&scratch[..count]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(End::Gone)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn pending_unless_broken<T>(&mut self, context: &Context<'_>) -> Poll<Result<T, End>> {
        match self.stream.poll_broken(context) {
            Poll::Ready(_) => Poll::Ready(Err(End::Gone)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// For seeing the client break away during a command that waits. None where the kernel has no room for it.
    pub(super) fn watch(&mut self) -> Option<Watch> {
        self.stream.watch().ok()
    }

    fn give_memory_back(&mut self) {
        if self.out.capacity() > 0 {
            self.out = Vec::new();
        }
        if self.postponed.capacity() > 0 && self.postponed.is_empty() {
            self.postponed = VecDeque::new();
        }
    }

    /// Writes what the kernel takes at once, for a last word that nobody waits for.
    pub fn last_words(&mut self, reply: &Reply) {
        self.reply(reply);
        let rest = self.out.get(self.written..).unwrap_or_default();
        let sent: io::Result<usize> = self.stream.write_now(rest);
        if let Err(error) = sent
            && error.kind() != ErrorKind::WouldBlock
        {
            self.input_ended = true;
        }
        self.out.clear();
        self.written = 0;
    }
}

/// What a client does while its transfer runs.
pub enum Interruption {
    /// A command line.
    Line(Line),
    /// No more will come; the connection still takes replies.
    EndOfInput,
}

fn weight(line: &Line) -> usize {
    match line {
        Line::Text(text) => text.len() + size_of::<Line>(),
        Line::TooLong | Line::Flood => size_of::<Line>(),
    }
}
