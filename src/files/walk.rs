//! Reading directories, in batches.
//!
//! A batch holds its names in one piece of memory. While the session formats one batch, a helper thread already reads the
//! next; nothing ever holds a whole long directory. In memory the first, short batch is read on the loop, so
//! that listing a small directory costs no thread. `.` and `..` are not reported, and entries that vanish between
//! being read and being looked at are left out.

use std::io;
use std::mem::replace;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, RawDir, RawDirEntry, SeekFrom, readlinkat, seek};
use rustix::io::Errno;

use super::device::Medium;
use super::resolve::Name;
use super::stat::{Kind, Stat};
use super::trip::Trip;
use super::{Call, Reach, Root, Tree, is};

/// How much a call of getdents64(2) may bring: some 1000 short names; on the loop some 256.
const BLOCK: usize = 32 * 1024;
const BLOCK_ON_LOOP: usize = 8 * 1024;

/// A batch with as many entries is handed out.
const ENTRIES: usize = 1000;
const ENTRIES_ON_LOOP: usize = 128;

/// What to find out about each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The facts of the entry itself (links are not followed).
    pub stats: bool,
    /// The text of links.
    pub targets: bool,
    /// Also names that begin with a dot.
    pub hidden: bool,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name: any bytes but NUL and slash.
    pub name: &'a [u8],
    /// Its facts; `None` when not wanted or not permitted.
    pub stat: Option<Stat>,
    /// The text of a link; `None` when not wanted, not permitted, or no link.
    pub target: Option<&'a [u8]>,
}

/// Some entries, in the order of the directory.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    places: Vec<Place>,
    stats: Vec<Stat>,
}

/// Where an entry's parts are: its name in `bytes` from `start`, its target right behind, its facts in `stats`.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    name: u16,
    target: Option<u16>,
    stat: Option<u32>,
}

impl Batch {
    /// How many entries it has; it can be none.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The entry of this number, counted from 0.
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        self.places.get(index).map(|place| self.entry(place))
    }

    /// The entries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.places.iter().map(|place| self.entry(place))
    }

    fn entry(&self, place: &Place) -> Entry<'_> {
        let start = place.start as usize;
        let middle = start + usize::from(place.name);
        Entry {
            name: &self.bytes[start..middle],
            stat: place.stat.map(|index| self.stats[index as usize]),
            target: place
                .target
                .map(|length| &self.bytes[middle..middle + usize::from(length)]),
        }
    }

    fn push(&mut self, name: &[u8], stat: Option<Stat>, target: Option<&[u8]>) {
        let target = target.filter(|text| text.len() <= usize::from(u16::MAX));
        // A batch ends after few blocks of names and targets, each of at most 4 KiB: the numbers fit.
        self.places.push(Place {
            start: self.bytes.len() as u32,
            name: name.len() as u16,
            target: target.map(|text| text.len() as u16),
            stat: stat.map(|_| self.stats.len() as u32),
        });
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(target.unwrap_or_default());
        self.stats.extend(stat);
    }
}

/// An open directory. It moves to the helper thread that reads it, and back.
struct Reader {
    root: Arc<Root>,
    directory: OwnedFd,
    stat: Stat,
    medium: Medium,
    want: Want,
    buffer: Vec<u8>,
    ended: bool,
}

enum State {
    Here(Reader),
    Coming(Trip<Reader, (Option<Reader>, Batch)>),
    Ended,
}

/// A directory being read.
pub struct Directory {
    tree: Tree,
    stat: Stat,
    state: State,
}

impl Tree {
    /// Opens a directory to read its entries; links are followed inside the root.
    ///
    /// # Errors
    /// As [`Tree::stat`]; ENOTDIR; EACCES when it may not be read.
    pub async fn open_directory(&self, name: &[u8], want: Want) -> io::Result<Directory> {
        let name = Name::parse(name)?;
        let shared = Arc::clone(&self.root);
        let reader = self
            .perform(Call::Lookup, move |root, reach| {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
                let directory = root.open(reach, name.bytes(), flags, Mode::empty())?;
                let stat = Stat::of(&directory)?;
                Ok(Reader {
                    root: Arc::clone(&shared),
                    medium: root.whereabouts(reach, &stat, &directory)?,
                    directory,
                    stat,
                    want,
                    buffer: Vec::new(),
                    ended: false,
                })
            })
            .await?;
        Ok(Directory {
            tree: self.clone(),
            stat: reader.stat,
            state: State::Here(reader),
        })
    }
}

impl Directory {
    /// The facts of the directory itself.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// The next entries, or `None` at the end. A call that is given up while it waits loses nothing.
    ///
    /// # Errors
    /// What reading a directory gives (EIO, ENOENT when it was removed), and [`crate::reactor::Pool::run`]. The directory
    /// is at its end then.
    pub async fn next(&mut self) -> io::Result<Option<Batch>> {
        let (reader, batch) = match replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(None),
            State::Here(reader) => match reader.read_here()? {
                Read::Done(reader, batch) => (reader, batch),
                Read::Sleeps(reader) => {
                    self.state = self.send(reader);
                    self.arrival().await?
                }
            },
            coming => {
                self.state = coming;
                self.arrival().await?
            }
        };
        let ended = reader.is_none();
        if let Some(reader) = reader {
            self.state = self.send(reader);
        }
        Ok((!ended || !batch.is_empty()).then_some(batch))
    }

    /// Sends the reader to the pool for the next batch.
    fn send(&self, reader: Reader) -> State {
        let device = reader.stat.device;
        State::Coming(Trip::begin(
            &self.tree.handle,
            device,
            reader,
            Reader::read_in_pool,
        ))
    }

    async fn arrival(&mut self) -> io::Result<(Option<Reader>, Batch)> {
        let State::Coming(trip) = &mut self.state else {
            return Ok((None, Batch::default()));
        };
        let result = trip.await;
        self.state = State::Ended;
        result
    }
}

/// What came of reading on the loop.
enum Read {
    /// A batch, and the reader unless the directory is at its end.
    Done(Option<Reader>, Batch),
    /// It takes a helper thread, from the start.
    Sleeps(Reader),
}

impl Reader {
    fn read_in_pool(mut self) -> io::Result<(Option<Reader>, Batch)> {
        let root = Arc::clone(&self.root);
        let batch = root.act(|_| self.read(Reach::Beyond))?;
        Ok(((!self.ended).then_some(self), batch))
    }

    /// Reads the first batch on the loop where nothing sleeps.
    fn read_here(mut self) -> io::Result<Read> {
        let by_kernel = self.root.first_reach(Call::Lookup) == Reach::Loop;
        if self.medium != Medium::Memory || !by_kernel {
            return Ok(Read::Sleeps(self));
        }
        let root = Arc::clone(&self.root);
        match root.act(|_| self.read(Reach::Loop)) {
            // Something is mounted on an entry.
            Err(error) if is(&error, Errno::XDEV) => {
                seek(&self.directory, SeekFrom::Start(0))?;
                self.buffer = Vec::new();
                self.ended = false;
                Ok(Read::Sleeps(self))
            }
            result => result.map(|batch| Read::Done((!self.ended).then_some(self), batch)),
        }
    }

    fn read(&mut self, reach: Reach) -> io::Result<Batch> {
        let (block, enough) = match reach {
            Reach::Loop => (BLOCK_ON_LOOP, ENTRIES_ON_LOOP),
            Reach::Home | Reach::Beyond => (BLOCK, ENTRIES),
        };
        self.buffer.reserve(block);
        let room = &mut self.buffer.spare_capacity_mut()[..block];
        let mut entries = RawDir::new(&self.directory, room);
        let look = Look {
            directory: &self.directory,
            device: self.stat.device,
            reach,
            want: self.want,
        };
        let mut batch = Batch::default();
        // A block that has been read must be used up: its entries do not come again.
        while !(entries.is_buffer_empty() && batch.len() >= enough) {
            let Some(entry) = entries.next() else {
                self.ended = true;
                break;
            };
            look.add(&entry?, &mut batch)?;
        }
        Ok(batch)
    }
}

/// How entries of a directory are looked at.
struct Look<'a> {
    directory: &'a OwnedFd,
    device: u64,
    reach: Reach,
    want: Want,
}

impl Look<'_> {
    /// Adds the entry to the batch, with what is wanted of it.
    fn add(&self, entry: &RawDirEntry<'_>, batch: &mut Batch) -> io::Result<()> {
        let name = entry.file_name().to_bytes();
        let hidden = name.first() == Some(&b'.');
        if matches!(name, b"." | b"..") || (hidden && !self.want.hidden) {
            return Ok(());
        }
        let stat = match self.stat(name) {
            Err(error) if is(&error, Errno::NOENT) => return Ok(()),
            Err(error) if is(&error, Errno::XDEV) => return Err(error),
            result => result.ok().flatten(),
        };
        let link = match stat {
            Some(stat) => stat.kind == Kind::Link,
            None => matches!(entry.file_type(), FileType::Symlink | FileType::Unknown),
        };
        let target = (link && self.want.targets)
            .then(|| readlinkat(self.directory, name, Vec::with_capacity(256)).ok())
            .flatten();
        batch.push(name, stat, target.as_ref().map(|text| text.to_bytes()));
        Ok(())
    }

    fn stat(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        if !self.want.stats {
            return Ok(None);
        }
        if self.reach != Reach::Loop {
            return Stat::at(self.directory, name).map(Some);
        }
        let stat = Stat::at_cached(self.directory, name)?;
        if stat.device != self.device {
            return Err(Errno::XDEV.into());
        }
        Ok(Some(stat))
    }
}
