//! Moving bytes: a file to the client, the client's bytes to a file, a listing to the client.
//!
//! These functions own what they need and borrow nothing of the session, so that the session can listen to its client
//! while they run; dropping one of them gives everything up. Each moves at most a block before others get
//! their turn. What runs here and what in the helper pool is decided by the file (see `files`).

use std::cell::Cell;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Session;
use super::refusal::Refusal;
use super::shared::{BLOCK, SLICE, Shared};
use crate::files::{Place, ReadFile, Tree, Upload};
use crate::net::{Stream, TLS_SLICE, Throttle};
use crate::proto::ascii::{self, AsciiIn, AsciiOut};
use crate::reactor::{Handle, Job};
use crate::units::Rate;

/// Text is converted in pieces that stay in the processor's cache.
const TEXT_PIECE: usize = 64 * 1024;

/// How many bytes an upload may bring between two looks at the free space of the disk (`-k`).
const SPACE_CHECK: u64 = 4 * 1024 * 1024;

/// How far a transfer has come; STAT reads it while the transfer runs.
pub(super) struct Progress {
    moved: Rc<Cell<u64>>,
    total: Option<u64>,
    started: Option<Instant>,
}

impl Progress {
    /// For the wait before a transfer.
    pub(super) fn none() -> Progress {
        Progress {
            moved: Rc::default(),
            total: None,
            started: None,
        }
    }

    /// A transfer that begins now; `total` bytes if that is known.
    pub(super) fn begin(now: Instant, total: Option<u64>) -> Progress {
        Progress {
            moved: Rc::default(),
            total,
            started: Some(now),
        }
    }

    /// The counter that the transfer advances.
    pub(super) fn counter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.moved)
    }

    /// How many bytes there will be, where that is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Bytes moved so far.
    pub(super) fn moved(&self) -> u64 {
        self.moved.get()
    }

    /// Seconds since it began.
    pub(super) fn seconds(&self) -> f64 {
        self.started
            .map_or(0.0, |started| started.elapsed().as_secs_f64())
    }

    /// What STAT answers.
    pub(super) fn words(&self) -> String {
        match self.total {
            Some(total) => format!("{} of {total} bytes transferred", self.moved()),
            None => format!("{} bytes transferred", self.moved()),
        }
    }
}

/// What every transfer needs besides its two ends.
pub(super) struct Mover {
    pub(super) shared: Rc<Shared>,
    /// How long it may stand still.
    patience: Duration,
    pub(super) stream: Stream,
    pub(super) moved: Rc<Cell<u64>>,
    pub(super) pace: Option<Throttle>,
}

impl Mover {
    pub(super) fn new(
        session: &Session,
        stream: Stream,
        progress: &Progress,
        rate: Option<Rate>,
    ) -> Mover {
        let shared = Rc::clone(&session.shared);
        let now = shared.handle.now();
        Mover {
            shared,
            patience: session.settings().limits.data,
            stream,
            moved: progress.counter(),
            pace: rate.map(|rate| Throttle::new(rate.bytes_per_second(), now)),
        }
    }

    fn piece(&self, most: usize) -> usize {
        self.pace
            .as_ref()
            .map_or(most, |pace| pace.piece().min(most))
    }

    /// Counts bytes and, under a throttle, waits until the next may follow.
    async fn account_for(&mut self, count: u64) {
        self.moved.set(self.moved.get() + count);
        if let Some(pace) = &mut self.pace {
            let next = pace.moved(count);
            self.shared.handle.sleep_until(next).await;
        }
    }

    /// At most so much at once: what has to be encrypted or decrypted takes longer.
    fn slice(&self, clear: usize) -> usize {
        match self.stream.is_protected() {
            true => TLS_SLICE.min(clear),
            false => clear,
        }
    }

    /// Sends what is still here, and where TLS wants that said, that it was all.
    pub(super) async fn finish(&mut self) -> Result<(), Refusal> {
        if !self.stream.is_protected() {
            return Ok(());
        }
        patiently(&self.shared.handle, self.patience, self.stream.finish()).await
    }

    /// Sends bytes, giving up when none leaves for too long.
    async fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let writing = std::future::poll_fn(|context| self.stream.poll_write(context, bytes));
            let count = patiently(&self.shared.handle, self.patience, writing).await?;
            bytes = &bytes[count..];
            if self.stream.is_protected() && !bytes.is_empty() {
                self.shared.handle.breathe().await;
            }
        }
        Ok(())
    }

    /// Sends a piece of a listing.
    pub(super) async fn send_listing(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.write_all(bytes).await?;
        self.account_for(bytes.len() as u64).await;
        Ok(())
    }

    /// Sends `file` from `offset` as it is.
    pub(super) async fn send_image(mut self, file: ReadFile, offset: u64) -> Result<(), Refusal> {
        let end = file.stat().size;
        let mut position = offset;
        // For what has to be encrypted on its way.
        let mut block = Vec::new();
        while position < end {
            let most = usize::try_from(end - position).unwrap_or(SLICE).min(SLICE);
            let count = self.piece(self.slice(most));
            let on_loop = file.place(position, count) == Place::Loop;
            let sent = if on_loop && self.stream.is_protected() {
                block.resize(block.len().max(count), 0);
                let read = file.read_now(position, &mut block[..count]);
                let read = read.map_err(Refusal::ReadError)?;
                self.write_all(&block[..read]).await?;
                read
            } else if on_loop {
                let sending = self.stream.send_file(&**file.file(), position, count);
                patiently(&self.shared.handle, self.patience, sending).await?
            } else {
                let count = self.piece(most);
                let block = file
                    .read_block(position, count)
                    .await
                    .map_err(Refusal::ReadError)?;
                self.write_all(&block).await?;
                block.len()
            };
            if sent == 0 {
                return Err(Refusal::FileShrank);
            }
            position += sent as u64;
            self.account_for(sent as u64).await;
            if position < end {
                self.shared.handle.breathe().await;
            }
        }
        self.finish().await
    }

    /// Sends `file` as text: each line ends with CR LF on the wire.
    pub(super) async fn send_text(mut self, file: ReadFile) -> Result<(), Refusal> {
        let end = file.stat().size;
        let mut converter = AsciiOut::default();
        let mut wire = Vec::with_capacity(2 * TEXT_PIECE);
        let mut position = 0;
        while position < end {
            let most = usize::try_from(end - position)
                .unwrap_or(TEXT_PIECE)
                .min(TEXT_PIECE);
            let count = self.piece(most);
            wire.clear();
            let read = if file.place(position, count) == Place::Loop {
                let mut block = self.shared.blocks.take();
                let read = file.read_now(position, &mut block[..count]);
                if let Ok(read) = &read {
                    ascii::to_network(&block[..*read], &mut converter, &mut wire);
                }
                self.shared.blocks.give(block);
                read.map_err(Refusal::ReadError)?
            } else {
                let block = file
                    .read_block(position, count)
                    .await
                    .map_err(Refusal::ReadError)?;
                ascii::to_network(&block, &mut converter, &mut wire);
                block.len()
            };
            if read == 0 {
                return Err(Refusal::FileShrank);
            }
            position += read as u64;
            self.write_all(&wire).await?;
            self.account_for(wire.len() as u64).await;
            if position < end {
                self.shared.handle.breathe().await;
            }
        }
        self.finish().await
    }

    /// Receives into `upload` until the client ends its data; the upload is then ready to be finished.
    pub(super) async fn receive(mut self, mut sink: Sink) -> Result<Sink, Refusal> {
        let outcome = if sink.upload.on_loop() {
            self.receive_here(&mut sink).await
        } else {
            self.receive_through_pool(&mut sink).await
        };
        outcome?;
        // There are clients that wait for it before they look at the reply.
        self.stream.say_end();
        Ok(sink)
    }

    /// Onto a file system whose writes never sleep: each block is written as soon as it was read.
    async fn receive_here(&mut self, sink: &mut Sink) -> Result<(), Refusal> {
        loop {
            let most = self.piece(self.slice(BLOCK));
            let shared = Rc::clone(&self.shared);
            let reading = std::future::poll_fn(|context| {
                // A block is lent only while there is something to put into it.
                let mut block = shared.blocks.take();
                let polled = self.stream.poll_read(context, &mut block[..most]);
                let polled = polled.map_ok(|count| (count, sink.write_now(&block[..count])));
                shared.blocks.give(block);
                polled
            });
            let (count, written) = patiently(&self.shared.handle, self.patience, reading).await?;
            written?;
            sink.write_held().await?;
            if count == 0 {
                return Ok(());
            }
            self.account_for(count as u64).await;
            sink.check_space().await?;
            self.shared.handle.breathe().await;
        }
    }

    /// Onto a disk: one block is written by a helper while the next is read.
    async fn receive_through_pool(&mut self, sink: &mut Sink) -> Result<(), Refusal> {
        let mut pipe = Pipe::default();
        loop {
            let most = self.piece(self.slice(BLOCK));
            let shared = Rc::clone(&self.shared);
            let stepping =
                std::future::poll_fn(|context| pipe.poll(context, &mut self.stream, &shared, most));
            let step = patiently(&self.shared.handle, self.patience, stepping).await??;
            match step {
                Step::Finished => return sink.write_rest().await,
                Step::Write(block, count) => {
                    pipe.writing = Some(sink.write_block(block, count).await?);
                    self.account_for(count as u64).await;
                    sink.check_space().await?;
                }
            }
            self.shared.handle.breathe().await;
        }
    }
}

/// Waits for `moving` at most as long as a transfer may stand still; an error is the data connection's.
async fn patiently<T>(
    handle: &Handle,
    patience: Duration,
    moving: impl Future<Output = std::io::Result<T>>,
) -> Result<T, Refusal> {
    let deadline = handle.now() + patience;
    match handle.until(deadline, moving).await {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Err(Refusal::CutShort),
        Some(Err(_)) => Err(Refusal::DataConnectionBroke),
        None => Err(Refusal::Stalled),
    }
}

/// An upload between socket and disk: one block being filled, one being written.
#[derive(Default)]
struct Pipe {
    filling: Option<Vec<u8>>,
    filled: usize,
    writing: Option<Job<Vec<u8>>>,
    ended: bool,
}

enum Step {
    /// A block, and how many bytes of it were received.
    Write(Vec<u8>, usize),
    Finished,
}

impl Pipe {
    fn poll(
        &mut self,
        context: &mut std::task::Context<'_>,
        stream: &mut Stream,
        shared: &Shared,
        most: usize,
    ) -> Poll<std::io::Result<Result<Step, Refusal>>> {
        if let Some(job) = &mut self.writing
            && let Poll::Ready(written) = Pin::new(job).poll(context)
        {
            self.writing = None;
            match written {
                Ok(block) => shared.blocks.give(block),
                Err(error) => return Poll::Ready(Ok(Err(Refusal::WriteError(error)))),
            }
        }
        while !self.ended && self.filled < most {
            let block = self.filling.get_or_insert_with(|| shared.blocks.take());
            match stream.poll_read(context, &mut block[self.filled..most]) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(count)) => self.filled += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if self.filled == 0 {
            if let Some(block) = self.filling.take() {
                shared.blocks.give(block);
            }
            return match self.ended && self.writing.is_none() {
                true => Poll::Ready(Ok(Ok(Step::Finished))),
                false => Poll::Pending,
            };
        }
        if self.writing.is_none()
            && let Some(block) = self.filling.take()
        {
            let count = std::mem::take(&mut self.filled);
            return Poll::Ready(Ok(Ok(Step::Write(block, count))));
        }
        Poll::Pending
    }
}

/// Bounds on what one upload may bring.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// `--maxuploadsize`: the resulting file.
    pub(super) size: Option<u64>,
    /// `--maxsessionbytes`: what is left of it.
    pub(super) session: Option<u64>,
    /// `-k`: percentage of the disk that may be in use.
    pub(super) disk: Option<u8>,
}

/// Where an upload goes, and what stops it.
pub(super) struct Sink {
    pub(super) upload: Upload,
    tree: Tree,
    place: Vec<u8>,
    bounds: Bounds,
    text: Option<AsciiIn>,
    converted: Vec<u8>,
    /// What waits for room in the quota.
    held: Vec<u8>,
    received: u64,
    next_check: u64,
}

impl Sink {
    /// `place` is a name on the disk that is to be watched; `text` says whether line ends are converted.
    pub(super) fn new(
        upload: Upload,
        tree: Tree,
        place: Vec<u8>,
        bounds: Bounds,
        text: bool,
    ) -> Sink {
        Sink {
            upload,
            tree,
            place,
            bounds,
            text: text.then(AsciiIn::default),
            converted: Vec::new(),
            held: Vec::new(),
            received: 0,
            next_check: SPACE_CHECK,
        }
    }

    fn admit(&mut self, count: usize) -> Result<(), Refusal> {
        self.received += count as u64;
        if let Some(limit) = self.bounds.size
            && self.upload.size() + count as u64 > limit
        {
            return Err(Refusal::TooLarge(limit));
        }
        match self.bounds.session {
            Some(left) if self.received > left => Err(Refusal::SessionLimit),
            _ => Ok(()),
        }
    }

    /// Writes a block as it came; an empty one is the end.
    fn write_now(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut converted = std::mem::take(&mut self.converted);
        converted.clear();
        let bytes = match &mut self.text {
            None => bytes,
            Some(converter) => {
                match bytes {
                    [] => ascii::finish(converter, &mut converted),
                    _ => ascii::from_network(bytes, converter, &mut converted),
                }
                &converted
            }
        };
        let written = match bytes {
            [] => Ok(()),
            _ => self.admit(bytes.len()).and_then(|()| self.put(bytes)),
        };
        self.converted = converted;
        written
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if !self.upload.affords(bytes.len() as u64) {
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        self.upload.write_now(bytes).map_err(Refusal::WriteError)
    }

    /// Writes what waited for room in the quota, if anything did.
    async fn write_held(&mut self) -> Result<(), Refusal> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        self.afford(held.len()).await?;
        self.upload.write_now(&held).map_err(Refusal::WriteError)
    }

    async fn afford(&mut self, count: usize) -> Result<(), Refusal> {
        let afforded = self.upload.afford(count as u64).await;
        afforded.map_err(Refusal::WriteError)
    }

    async fn write_block(&mut self, block: Vec<u8>, count: usize) -> Result<Job<Vec<u8>>, Refusal> {
        let (block, count) = match &mut self.text {
            None => (block, count),
            Some(converter) => {
                let mut converted = Vec::with_capacity(BLOCK + 1);
                ascii::from_network(&block[..count], converter, &mut converted);
                let count = converted.len();
                (converted, count)
            }
        };
        self.admit(count)?;
        self.afford(count).await?;
        Ok(self.upload.write_block(block, count))
    }

    /// Writes what the conversion still held when the client ended its data.
    async fn write_rest(&mut self) -> Result<(), Refusal> {
        let mut rest = Vec::new();
        if let Some(converter) = &mut self.text {
            ascii::finish(converter, &mut rest);
        }
        if rest.is_empty() {
            return Ok(());
        }
        let count = rest.len();
        self.admit(count)?;
        self.afford(count).await?;
        let written = self.upload.write_block(rest, count).await;
        written.map(drop).map_err(Refusal::WriteError)
    }

    /// Looks at the disk from time to time.
    async fn check_space(&mut self) -> Result<(), Refusal> {
        let Some(percent) = self.bounds.disk else {
            return Ok(());
        };
        if self.received < self.next_check {
            return Ok(());
        }
        self.next_check = self.received + SPACE_CHECK;
        check_disk(&self.tree, &self.place, percent).await
    }
}

/// Whether more than `percent` of the disk that holds `place` is in use (`-k`). A disk that cannot be asked
/// is no reason to refuse.
pub(super) async fn check_disk(tree: &Tree, place: &[u8], percent: u8) -> Result<(), Refusal> {
    let Ok(space) = tree.space(place).await else {
        return Ok(());
    };
    let used = space.total.saturating_sub(space.available);
    let limit = u128::from(space.total) * u128::from(percent);
    if u128::from(used) * 100 > limit {
        return Err(Refusal::DiskFull);
    }
    Ok(())
}

/// The rate in KB/s as logs show it.
pub(super) fn kilobytes_per_second(bytes: u64, seconds: f64) -> f64 {
    if bytes == 0 {
        return 0.0;
    }
    bytes as f64 / 1024.0 / seconds.max(Duration::from_micros(1).as_secs_f64())
}
