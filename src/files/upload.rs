//! Files being received: where they may be put, how their bytes are written, and when they appear.
//!
//! A plain upload writes the file under its own name. A whole-or-nothing upload writes a temporary file in the same
//! directory and gives it its name once everything is on it. Whatever does not reach [`Upload::finish`] is taken
//! back by a job of the helper pool, which looks whether the name still stands for the same file before it
//! removes it. Nothing is truncated before [`Upload::begin`], no link is followed at the last component, and devices,
//! named pipes and sockets are never opened.

use std::io::{self, ErrorKind};
use std::mem::replace;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, Uid, fchmod, fchown, flock, fsync, ftruncate, openat,
    renameat, syncfs, unlinkat,
};
use rustix::io::{Errno, dup, pwrite, write};

use super::device::Medium;
use super::edit::{PERMISSIONS, rename_to_free_name};
use super::quota::{Amounts, Claim, ONE_FILE, is_over_quota, over_quota, worth};
use super::resolve::Name;
use super::settled::{Settled, Settler};
use super::stat::{Kind, Stat};
use super::trip::Trip;
use super::{Call, HEAVY, Reach, Root, Space, Tree, is};
use crate::reactor::Job;
use crate::sys;

/// How a temporary file's name begins; 16 hexadecimal digits follow.
const TEMPORARY: &[u8] = b".wharf-upload.";

/// Only the owner sees a file that is not whole yet.
const TEMPORARY_MODE: u32 = 0o600;

/// The highest number tried for a name that is taken, and how far the loop thread goes.
const MOST_NUMBERED: u32 = 10_000;
const MOST_NUMBERED_ON_LOOP: u32 = 64;

/// How often an upload begins again when the file it found vanishes or appears in between.
const TRIES: usize = 8;

/// What ends with an upload, whichever way: dropped with the last part of it, which may be a block being written.
#[derive(Default)]
struct Stake {
    /// What it takes from the quota, where there is one.
    claim: Option<Claim>,
    /// The last field: dropped when all is done.
    settler: Settler,
}

/// What to do about a name that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// EEXIST, whatever it is.
    Refuse,
    /// A regular file is overwritten.
    Truncate,
    /// A regular file is added to.
    Append,
    /// A regular file is cut to this many bytes and added to. It must have as many; 0 is [`Existing::Truncate`].
    ResumeAt(u64),
    /// The first free of `name`, `name.1`, `name.2` and so on is taken.
    NextFreeName,
}

/// How a file is to be received.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// Permission bits of a new file; others are dropped. The process's umask still applies to plain uploads.
    pub mode: u32,
    /// What to do about a name that exists.
    pub existing: Existing,
    /// The file appears under its name only when it is whole. Appending and resuming work in place all the same.
    pub whole_or_nothing: bool,
    /// A new file that was cut short stays (never the temporary file of a whole-or-nothing upload).
    pub keep_partial: bool,
}

/// To whom a new file is given once it is whole, and with which permission bits. The process needs CAP_CHOWN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOwner {
    /// User number. The group stays.
    pub uid: u32,
    /// Permission bits; others are dropped.
    pub mode: u32,
}

/// Whether the last component of `name` is one that temporary files of uploads have. No client may give such a name to a
/// file: at the next start it could be swept away.
pub fn is_temporary(name: &[u8]) -> bool {
    let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
    last.strip_prefix(TEMPORARY).is_some_and(|digits| {
        digits.len() == 16
            && digits
                .iter()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// # Errors
/// EPERM for the name of a temporary file.
pub(super) fn refuse_temporary(name: &[u8]) -> io::Result<()> {
    if is_temporary(name) {
        return Err(Errno::PERM.into());
    }
    Ok(())
}

fn temporary_name() -> io::Result<Vec<u8>> {
    let number = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    Ok([TEMPORARY, format!("{number:016x}").as_bytes()].concat())
}

/// `name` for 0, else `name.number`.
fn numbered(name: &[u8], number: u32) -> Vec<u8> {
    let mut name = name.to_vec();
    if number > 0 {
        name.extend_from_slice(format!(".{number}").as_bytes());
    }
    name
}

/// How the file came to be, and so how it is published or taken back.
enum Way {
    /// It was there before: never removed.
    Found,
    /// This upload created it under its own name.
    Created,
    /// A file in `parent` under a temporary name.
    Temporary {
        parent: Arc<OwnedFd>,
        temporary: Vec<u8>,
        existing: Existing,
    },
}

/// An upload without the loop: owns the descriptors and moves between the threads. Dropped unfinished it takes the file
/// back, which can sleep: so the loop never drops one.
struct Draft {
    root: Arc<Root>,
    file: Arc<OwnedFd>,
    medium: Medium,
    device: u64,
    name: Vec<u8>,
    way: Way,
    mode: u32,
    owner: Option<NewOwner>,
    keep_partial: bool,
    /// Nothing of what was received is to stay.
    discard: bool,
    /// To what length an existing file is to be cut, and how many bytes that frees.
    cut: Option<(u64, u64)>,
    /// The offset of the first byte received; with `append` only for counting.
    base: u64,
    append: bool,
    begun: bool,
    finished: bool,
    written: Arc<AtomicU64>,
    /// The last field: dropped when the file has been taken back.
    stake: Arc<Stake>,
}

/// A file being received.
pub struct Upload {
    tree: Tree,
    draft: Draft,
    /// Bytes handed over to be written.
    given: u64,
}

impl Tree {
    /// Opens a file for an upload; what exists is not touched before [`Upload::begin`].
    ///
    /// # Errors
    /// As [`Tree::stat`]. For a name that exists: EEXIST where it must not, or when all numbered names are taken;
    /// EISDIR, ELOOP, ENXIO for a directory, a link, anything else that is no regular file. ESPIPE when less
    /// than the wanted offset is there to resume. EPERM for the name of a temporary file. What
    /// [`super::is_over_quota`] knows where the quota has no place for a new file.
    pub async fn create(&self, name: &[u8], how: Create) -> io::Result<Upload> {
        let name = Name::parse(name)?;
        refuse_temporary(name.split()?.1)?;
        let created = self.create_claimed(name, how).await;
        self.forget_claim(created).await
    }

    async fn create_claimed(&self, name: Name, how: Create) -> io::Result<Upload> {
        let written = Arc::default();
        let stake = Arc::new(Stake {
            claim: self.claim(Some(&written)),
            settler: Settler::default(),
        });
        let may_be_new = self.place_for_new(&stake).await?;
        let start = Start {
            root: Arc::clone(&self.root),
            how,
            may_be_new,
            written,
            stake: Arc::clone(&stake),
        };
        let draft = self
            .perform(Call::Change, move |_, reach| start.open(reach, &name))
            .await?;
        if let (Some(claim), Way::Found) = (&stake.claim, &draft.way)
            && may_be_new
        {
            claim.needs_no_file();
        }
        Ok(Upload {
            tree: self.clone(),
            draft,
            given: 0,
        })
    }

    /// Takes the place of a new file from the quota; says whether there was one. What exists needs none.
    async fn place_for_new(&self, stake: &Stake) -> io::Result<bool> {
        let Some(claim) = &stake.claim else {
            return Ok(true);
        };
        match claim.take(ONE_FILE, self.handle()).await {
            Err(error) if is_over_quota(&error) => {
                claim.take(Amounts::default(), self.handle()).await?;
                Ok(false)
            }
            taken => taken.map(|()| true),
        }
    }
}

/// What an upload begins with; it may take more than one try, on more than one thread.
struct Start {
    root: Arc<Root>,
    how: Create,
    /// Whether the quota has a place for a file that is not there yet.
    may_be_new: bool,
    written: Arc<AtomicU64>,
    stake: Arc<Stake>,
}

impl Start {
    fn open(&self, reach: Reach, name: &Name) -> io::Result<Draft> {
        let draft = match self.may_be_new {
            true => Draft::open(self, reach, name)?,
            false => Draft::open_found(self, reach, name)?,
        };
        if let Some(claim) = &self.stake.claim {
            claim.writes_to(&Stat::of(&draft.file)?);
        }
        Ok(draft)
    }
}

impl Draft {
    fn open(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        let in_place = match start.how.existing {
            Existing::Append => true,
            Existing::ResumeAt(offset) => offset > 0,
            _ => false,
        };
        let mut draft = if start.how.whole_or_nothing && !in_place {
            Draft::temporary(start, reach, name)?
        } else {
            Draft::plain(start, reach, name)?
        };
        draft.look_around(reach)?;
        Ok(draft)
    }

    /// As [`Draft::open`], where the quota has no place for a new file.
    fn open_found(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        let in_place = match start.how.existing {
            Existing::Append | Existing::ResumeAt(_) => true,
            Existing::Truncate => !start.how.whole_or_nothing,
            Existing::Refuse | Existing::NextFreeName => false,
        };
        if !in_place {
            return Err(over_quota());
        }
        match Draft::found(start, reach, name) {
            Err(error) if is(&error, Errno::NOENT) => Err(over_quota()),
            found => {
                let mut draft = found?;
                draft.look_around(reach)?;
                Ok(draft)
            }
        }
    }

    /// On which file system the file is. An error takes back what was created.
    fn look_around(&mut self, reach: Reach) -> io::Result<()> {
        if reach == Reach::Beyond {
            let stat = Stat::of(&self.file)?;
            self.device = stat.device;
            self.medium = self.root.whereabouts(reach, &stat, &self.file)?;
        }
        Ok(())
    }

    fn new(start: &Start, file: OwnedFd, name: Vec<u8>, way: Way) -> Draft {
        let how = start.how;
        if let Some(claim) = &start.stake.claim {
            let new = !matches!(way, Way::Found);
            claim.stands(new.into(), true);
        }
        Draft {
            root: Arc::clone(&start.root),
            file: Arc::new(file),
            medium: start.root.medium,
            device: start.root.device,
            name,
            way,
            mode: how.mode & PERMISSIONS,
            owner: None,
            keep_partial: how.keep_partial,
            discard: false,
            cut: None,
            base: 0,
            append: how.existing == Existing::Append,
            begun: false,
            finished: false,
            written: Arc::clone(&start.written),
            stake: Arc::clone(&start.stake),
        }
    }

    fn plain(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        match start.how.existing {
            Existing::NextFreeName => Draft::created_under_free_name(start, reach, name),
            Existing::Refuse => Draft::created(start, reach, name.bytes().to_vec()),
            Existing::ResumeAt(offset) if offset > 0 => match Draft::found(start, reach, name) {
                Err(error) if is(&error, Errno::NOENT) => Err(Errno::SPIPE.into()),
                result => result,
            },
            Existing::Truncate | Existing::Append | Existing::ResumeAt(_) => {
                Draft::created_or_found(start, reach, name)
            }
        }
    }

    fn created(start: &Start, reach: Reach, name: Vec<u8>) -> io::Result<Draft> {
        let mut flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        if start.how.existing == Existing::Append {
            flags |= OFlags::APPEND;
        }
        let mode = Mode::from_raw_mode(start.how.mode & PERMISSIONS);
        let file = start.root.open(reach, &name, flags, mode)?;
        Ok(Draft::new(start, file, name, Way::Created))
    }

    fn created_or_found(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        for _ in 0..TRIES {
            match Draft::created(start, reach, name.bytes().to_vec()) {
                Err(error) if is(&error, Errno::EXIST) => {}
                result => return result,
            }
            match Draft::found(start, reach, name) {
                Err(error) if is(&error, Errno::NOENT) => {}
                result => return result,
            }
        }
        Err(Errno::BUSY.into())
    }

    fn created_under_free_name(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        for number in 0..highest_number(reach) {
            match Draft::created(start, reach, numbered(name.bytes(), number)) {
                Err(error) if is(&error, Errno::EXIST) => {}
                result => return result,
            }
        }
        Err(names_used_up(reach))
    }

    /// Opens a regular file that exists. It is looked at before it is opened, since opening alone makes some devices
    /// act, and again afterwards, since only that is certain.
    fn found(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        let look = OFlags::PATH | OFlags::NOFOLLOW;
        let object = start.root.open(reach, name.bytes(), look, Mode::empty())?;
        require_regular(&Stat::of(&object)?)?;
        let mut flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        if start.how.existing == Existing::Append {
            flags |= OFlags::APPEND;
        }
        let file = start.root.open(reach, name.bytes(), flags, Mode::empty())?;
        let stat = Stat::of(&file)?;
        require_regular(&stat)?;
        let mut draft = Draft::new(start, file, name.bytes().to_vec(), Way::Found);
        match start.how.existing {
            Existing::Append => draft.base = stat.size,
            Existing::ResumeAt(offset) if offset > stat.size => return Err(Errno::SPIPE.into()),
            Existing::ResumeAt(offset) => {
                draft.base = offset;
                draft.cut = Some((offset, stat.size - offset));
            }
            _ => draft.cut = Some((0, stat.size)),
        }
        Ok(draft)
    }

    fn temporary(start: &Start, reach: Reach, name: &Name) -> io::Result<Draft> {
        let (directory, last) = name.split()?;
        let existing = start.how.existing;
        let parent = start.root.open_parent(reach, directory)?;
        let number = first_number(&parent, last, reach, existing)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..TRIES {
            let temporary = temporary_name()?;
            let mode = Mode::from_raw_mode(TEMPORARY_MODE);
            let file = match openat(&parent, &temporary, flags, mode) {
                Err(Errno::EXIST) => continue,
                result => result?,
            };
            // The lock tells a server that sweeps this tree that the upload is alive. Without it the time of the
            // file speaks.
            let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
            let way = Way::Temporary {
                parent,
                temporary,
                existing,
            };
            let name = numbered(name.bytes(), number);
            return Ok(Draft::new(start, file, name, way));
        }
        Err(Errno::EXIST.into())
    }

    fn finish(&mut self, reach: Reach, sync: bool) -> io::Result<()> {
        if sync {
            fsync(&self.file)?;
        }
        if self.medium != Medium::Memory {
            // Some file systems report failed writes only to close(2), and the name must not appear then.
            sys::files::close(dup(&self.file)?)?;
        }
        self.publish(reach)?;
        self.give_away(sync)?;
        self.finished = true;
        if sync && self.medium != Medium::Memory {
            self.sync_directory()?;
        }
        Ok(())
    }

    fn publish(&mut self, reach: Reach) -> io::Result<()> {
        let Way::Temporary {
            parent,
            temporary,
            existing,
        } = &self.way
        else {
            return Ok(());
        };
        if self.mode != TEMPORARY_MODE {
            fchmod(&self.file, Mode::from_raw_mode(self.mode))?;
        }
        let from = (&**parent, &temporary[..]);
        let last = last_component(&self.name);
        match existing {
            Existing::Refuse => rename_to_free_name(from, (parent, last)),
            Existing::NextFreeName => {
                self.name = publish_under_free_name(from, &self.name, reach)?;
                Ok(())
            }
            _ => {
                if reach == Reach::Loop
                    && let Ok(old) = Stat::at_cached(parent, last)
                {
                    reach.bears_freeing(old.size)?;
                }
                let old = match &self.stake.claim {
                    Some(_) => self.replaced(reach, parent, last)?,
                    None => None,
                };
                renameat(parent, temporary, parent, last)?;
                if let (Some(claim), Some((stat, amounts))) = (&self.stake.claim, old) {
                    claim.ledger().removed(&stat, amounts);
                }
                Ok(())
            }
        }
    }

    /// After publishing: in a sticky directory a file can be renamed by its owner only. A file that cannot be given away is
    /// taken back.
    fn give_away(&mut self, sync: bool) -> io::Result<()> {
        let Some(owner) = self.owner else {
            return Ok(());
        };
        match &mut self.way {
            Way::Found => return Ok(()),
            Way::Created => {}
            // The name to take back.
            Way::Temporary { temporary, .. } => *temporary = last_component(&self.name).to_vec(),
        }
        fchmod(&self.file, Mode::from_raw_mode(owner.mode & PERMISSIONS))?;
        fchown(&self.file, Some(Uid::from_raw(owner.uid)), None)?;
        if sync {
            fsync(&self.file)?;
        }
        Ok(())
    }

    /// What publishing is about to replace, and what it counts for.
    fn replaced(
        &self,
        reach: Reach,
        parent: &OwnedFd,
        last: &[u8],
    ) -> io::Result<Option<(Stat, Amounts)>> {
        let name = Name::parse(&self.name)?;
        match worth(&self.root, reach, &name, (parent, last)) {
            Err(error) if is(&error, Errno::NOENT) => Ok(None),
            found => found.map(Some),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        let parent = match &self.way {
            Way::Found => return Ok(()),
            Way::Created => {
                let name = Name::parse(&self.name)?;
                self.root.open_parent(Reach::Beyond, name.split()?.0)?
            }
            Way::Temporary { parent, .. } => Arc::clone(parent),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(parent, c".", flags, Mode::empty()) {
            Ok(directory) => Ok(fsync(directory)?),
            // A drop directory that may not be read: its whole file system is brought to the disk instead.
            Err(Errno::ACCESS) => Ok(syncfs(&self.file)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what this upload created, if its name still stands for it.
    fn take_back(&self, root: &Root) -> io::Result<()> {
        match &self.way {
            Way::Found if self.begun && self.discard => self.take_back_found(root),
            Way::Found => Ok(()),
            Way::Created if self.begun && self.keep_partial && !self.discard => Ok(()),
            Way::Created => {
                if self.remove_by_name(root)? {
                    self.nothing_stands();
                }
                Ok(())
            }
            Way::Temporary {
                parent, temporary, ..
            } => {
                if self.remove(parent, temporary)? {
                    self.nothing_stands();
                }
                Ok(())
            }
        }
    }

    /// Takes what was received out of a file that was there before: what it was added to stays; one that was to be replaced
    /// is empty by now, and goes.
    fn take_back_found(&self, root: &Root) -> io::Result<()> {
        let Some(claim) = self.stake.claim.as_ref().filter(|claim| claim.is_alone()) else {
            return Ok(());
        };
        let written = self.written.load(Ordering::Relaxed);
        if self.base == 0 && !self.append {
            if self.remove_by_name(root)? {
                claim.lost_file();
                self.nothing_stands();
            }
        } else if Stat::of(&self.file)?.size == self.base + written {
            ftruncate(&self.file, self.base)?;
            self.nothing_stands();
        }
        Ok(())
    }

    fn nothing_stands(&self) {
        if let Some(claim) = &self.stake.claim {
            claim.stands(0, false);
        }
    }

    fn remove_by_name(&self, root: &Root) -> io::Result<bool> {
        let name = Name::parse(&self.name)?;
        let (directory, last) = name.split()?;
        let parent = root.open_parent(Reach::Beyond, directory)?;
        self.remove(&parent, last)
    }

    /// Removes the name if it stands for this file; says whether it did.
    fn remove(&self, parent: &OwnedFd, name: &[u8]) -> io::Result<bool> {
        let own = Stat::of(&self.file)?;
        let same = Stat::at(parent, name)?.is_same_object(&own);
        if same {
            unlinkat(parent, name, AtFlags::empty())?;
        }
        Ok(same)
    }

    /// What an upload holds when its draft has gone elsewhere.
    fn gone(root: &Arc<Root>) -> Draft {
        Draft {
            root: Arc::clone(root),
            file: Arc::clone(&root.descriptor),
            medium: root.medium,
            device: root.device,
            name: Vec::new(),
            way: Way::Found,
            mode: 0,
            owner: None,
            keep_partial: false,
            discard: false,
            cut: None,
            base: 0,
            append: false,
            begun: true,
            finished: true,
            written: Arc::default(),
            stake: Arc::default(),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody is left to hear of a failure; what stays is swept at the next start if it is temporary.
            let _ = self.root.act(|root| self.take_back(root));
        }
    }
}

fn highest_number(reach: Reach) -> u32 {
    match reach {
        Reach::Loop => MOST_NUMBERED_ON_LOOP,
        Reach::Home | Reach::Beyond => MOST_NUMBERED,
    }
}

fn names_used_up(reach: Reach) -> io::Error {
    match reach {
        // The pool has more time to look.
        Reach::Loop => Errno::AGAIN.into(),
        Reach::Home | Reach::Beyond => Errno::EXIST.into(),
    }
}

/// Whether, and under which number, a whole-or-nothing upload may be given its name as things stand.
fn first_number(
    parent: &OwnedFd,
    last: &[u8],
    reach: Reach,
    existing: Existing,
) -> io::Result<u32> {
    let numbers = match existing {
        Existing::NextFreeName => highest_number(reach),
        _ => 1,
    };
    for number in 0..numbers {
        match Stat::at_cached(parent, &numbered(last, number)) {
            Err(error) if is(&error, Errno::NOENT) => return Ok(number),
            Err(error) => return Err(error),
            Ok(_) if existing == Existing::NextFreeName => {}
            Ok(_) if existing == Existing::Refuse => return Err(Errno::EXIST.into()),
            Ok(stat) => return require_regular(&stat).map(|()| number),
        }
    }
    Err(names_used_up(reach))
}

/// Publishes under `name`, or with the next free number when somebody else took it meanwhile; gives the name.
fn publish_under_free_name(
    from: (&OwnedFd, &[u8]),
    name: &[u8],
    reach: Reach,
) -> io::Result<Vec<u8>> {
    for number in 0..highest_number(reach) {
        let candidate = numbered(name, number);
        match rename_to_free_name(from, (from.0, last_component(&candidate))) {
            Err(error) if is(&error, Errno::EXIST) => {}
            result => return result.map(|()| candidate),
        }
    }
    Err(names_used_up(reach))
}

fn last_component(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b'/').next().unwrap_or(name)
}

fn require_regular(stat: &Stat) -> io::Result<()> {
    match stat.kind {
        Kind::File => Ok(()),
        Kind::Directory => Err(Errno::ISDIR.into()),
        Kind::Link => Err(Errno::LOOP.into()),
        _ => Err(Errno::NXIO.into()),
    }
}

impl Upload {
    /// The name the file has, or will have, below the root. With [`Existing::NextFreeName`] it can differ from the one
    /// asked for.
    pub fn name(&self) -> &[u8] {
        &self.draft.name
    }

    /// Ready once this upload is published, or dropped and taken back.
    pub fn settled(&self) -> Settled {
        self.draft.stake.settler.watch()
    }

    /// Has the file given away at the end, if this upload creates it. A file that was there before keeps its owner and mode.
    pub fn give_to(&mut self, owner: NewOwner) {
        self.draft.owner = Some(owner);
    }

    /// Whether the file is in memory, so that [`Upload::write_now`] may be used.
    pub fn on_loop(&self) -> bool {
        self.draft.medium == Medium::Memory
    }

    /// How many bytes have been written.
    pub fn written(&self) -> u64 {
        self.draft.written.load(Ordering::Relaxed)
    }

    /// The size the file has with what has been written: the figure limits are about.
    pub fn size(&self) -> u64 {
        self.draft.base + self.written()
    }

    /// The room on the file system of the file. Off the loop unless that is in memory.
    ///
    /// # Errors
    /// What statvfs(3) and [`crate::reactor::Pool::run`] give.
    pub async fn space(&self) -> io::Result<Space> {
        if self.on_loop() {
            return Space::of(&self.draft.file);
        }
        let file = Arc::clone(&self.draft.file);
        self.run(move || Space::of(file)).await
    }

    /// The first byte can arrive: cuts a file that existed to where the new bytes go. Later calls do nothing.
    ///
    /// # Errors
    /// What ftruncate(2) and [`crate::reactor::Pool::run`] give.
    pub async fn begin(&mut self) -> io::Result<()> {
        self.draft.begun = true;
        let Some((length, freed)) = self.draft.cut.take() else {
            return Ok(());
        };
        let file = Arc::clone(&self.draft.file);
        let stake = Arc::clone(&self.draft.stake);
        let cut = move || {
            ftruncate(file, length)?;
            if let Some(claim) = &stake.claim {
                claim.cut(freed);
            }
            Ok(())
        };
        if self.on_loop() && freed <= HEAVY {
            return cut();
        }
        self.run(cut).await
    }

    /// Takes so many bytes from the quota, if that needs no waiting; true without one. Whatever is given to be written is
    /// taken before.
    pub fn affords(&self, bytes: u64) -> bool {
        let need = Amounts { files: 0, bytes };
        let claim = self.draft.stake.claim.as_ref();
        claim.is_none_or(|claim| claim.take_now(need))
    }

    /// Takes so many bytes from the quota. Where it does not allow them, nothing of this upload will stay.
    ///
    /// # Errors
    /// What [`super::is_over_quota`] knows; [`ErrorKind::TimedOut`] when the disk does not answer.
    pub async fn afford(&mut self, bytes: u64) -> io::Result<()> {
        let stake = Arc::clone(&self.draft.stake);
        let Some(claim) = &stake.claim else {
            return Ok(());
        };
        let taken = claim
            .take(Amounts { files: 0, bytes }, self.tree.handle())
            .await;
        self.draft.discard |= taken.is_err();
        taken
    }

    /// Whether the quota, if there is one, has granted these bytes and all before.
    fn is_afforded(&self, count: usize) -> bool {
        let claim = self.draft.stake.claim.as_ref();
        claim.is_none_or(|claim| self.given + count as u64 <= claim.bytes())
    }

    /// Writes the whole block at once. Only for files in memory ([`Upload::on_loop`]).
    ///
    /// # Errors
    /// What writing gives (ENOSPC, EDQUOT, EFBIG); [`ErrorKind::Unsupported`] for other files.
    pub fn write_now(&mut self, block: &[u8]) -> io::Result<()> {
        if !self.on_loop() {
            return Err(ErrorKind::Unsupported.into());
        }
        if !self.is_afforded(block.len()) {
            return Err(over_quota());
        }
        let at = self.next_offset(block.len());
        write_whole(&self.draft.file, block, at, &self.draft.written)
    }

    /// Writes the first `count` bytes of the block (at most its length) in the pool and gives the buffer back as it was,
    /// so that nobody clears it to fill it again. The next block may be filled meanwhile, but must be written only when
    /// this one is done.
    ///
    /// # Errors
    /// As [`Upload::write_now`], EIO, and [`crate::reactor::Pool::run`].
    pub fn write_block(&mut self, block: Vec<u8>, count: usize) -> Job<Vec<u8>> {
        let count = count.min(block.len());
        if !self.is_afforded(count) {
            return self.run(|| Err(over_quota()));
        }
        let at = self.next_offset(count);
        let file = Arc::clone(&self.draft.file);
        let written = Arc::clone(&self.draft.written);
        let stake = Arc::clone(&self.draft.stake);
        self.run(move || {
            // Until the block is written the upload has not come to its end.
            let _stake = stake;
            write_whole(&file, &block[..count], at, &written)?;
            Ok(block)
        })
    }

    /// Everything has been received and written: makes it last (`sync`: 226 waits for the disk, the directory included),
    /// then publishes it. Gives the name, which with [`Existing::NextFreeName`] may have changed once more.
    ///
    /// # Errors
    /// What the disk had not told yet (EIO, ENOSPC, EDQUOT), EEXIST when the name was taken meanwhile,
    /// [`ErrorKind::Other`] when a block given to be written was not, or not yet, and those of
    /// [`crate::reactor::Pool::run`]. The upload is then taken back as if it had been dropped.
    pub async fn finish(mut self, sync: bool) -> io::Result<Vec<u8>> {
        if self.written() != self.given {
            return Err(io::Error::other("not all that was received was written"));
        }
        self.begin().await?;
        if self.on_loop() {
            let root = Arc::clone(&self.tree.root);
            match root.act(|_| self.draft.finish(Reach::Loop, sync)) {
                Err(error) if is(&error, Errno::AGAIN) => {}
                result => return result.map(|()| std::mem::take(&mut self.draft.name)),
            }
        }
        let draft = self.take_draft();
        let device = draft.device;
        Trip::begin(&self.tree.handle, device, draft, move |mut draft| {
            let root = Arc::clone(&draft.root);
            root.act(|_| draft.finish(Reach::Beyond, sync))?;
            Ok(std::mem::take(&mut draft.name))
        })
        .await
    }

    fn next_offset(&mut self, count: usize) -> Option<u64> {
        let at = self.draft.base + self.given;
        self.given += count as u64;
        // Appending leaves the place to the kernel, so that two clients never write over each other.
        (!self.draft.append).then_some(at)
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Job<T> {
        let handle = &self.tree.handle;
        handle.pool().run(handle, self.draft.device, work)
    }

    fn take_draft(&mut self) -> Draft {
        replace(&mut self.draft, Draft::gone(&self.tree.root))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.draft.finished {
            return;
        }
        let draft = self.take_draft();
        let pool = self.tree.handle.pool();
        pool.detach(draft.device, move || drop(draft));
    }
}

fn write_whole(
    file: &OwnedFd,
    mut block: &[u8],
    at: Option<u64>,
    written: &AtomicU64,
) -> io::Result<()> {
    let mut at = at;
    while !block.is_empty() {
        let result = match at {
            Some(offset) => pwrite(file, block, offset),
            None => write(file, block),
        };
        match result {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                block = block.get(count..).unwrap_or_default();
                at = at.map(|offset| offset + count as u64);
                written.fetch_add(count as u64, Ordering::Relaxed);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Reactor;

    #[test]
    fn f10_an_upload_with_a_block_that_was_not_written_is_not_published() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("f");
        std::fs::write(&path, b"old").unwrap();
        let mut reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let tree = Tree::open(base.path(), &handle).unwrap();
        let how = Create {
            mode: 0o644,
            existing: Existing::Truncate,
            whole_or_nothing: true,
            keep_partial: false,
        };
        let (written, finished) = reactor
            .run(async move {
                let mut upload = tree.create(b"f", how).await.unwrap();
                // Beyond the largest file there can be: the write fails.
                upload.draft.base = u64::MAX >> 1;
                let written = upload.write_block(b"lost".to_vec(), 4).await;
                let finished = upload.finish(false).await;
                handle.pool().drained().await;
                (written, finished)
            })
            .unwrap();
        assert!(written.is_err() && finished.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 1);
    }

    /// Uploads `f` and gives it to user 2121.
    fn give_away(base: &std::path::Path, existing: Existing, whole: bool) -> io::Result<Vec<u8>> {
        let mut reactor = Reactor::new()?;
        let handle = reactor.handle();
        let tree = Tree::open(base, &handle)?;
        let how = Create {
            mode: 0o600,
            existing,
            whole_or_nothing: whole,
            keep_partial: false,
        };
        reactor.run(async move {
            let mut upload = tree.create(b"f", how).await?;
            upload.give_to(NewOwner {
                uid: 2121,
                mode: 0o640,
            });
            drop(upload.write_block(b"new".to_vec(), 3).await?);
            let finished = upload.finish(true).await;
            handle.pool().drained().await;
            finished
        })?
    }

    #[test]
    fn f9_a_new_file_is_given_away_when_it_is_whole_and_an_old_one_never() {
        use std::os::unix::fs::MetadataExt;
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        for whole in [false, true] {
            let base = tempfile::tempdir().unwrap();
            for (existing, name) in [(Existing::Refuse, "f"), (Existing::NextFreeName, "f.1")] {
                let given = give_away(base.path(), existing, whole).unwrap();
                assert_eq!(given, name.as_bytes());
                let new = std::fs::metadata(base.path().join(name)).unwrap();
                assert_eq!(
                    (new.uid(), new.gid(), new.mode() & 0o7777),
                    (2121, 0, 0o640)
                );
            }
        }
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("f");
        std::fs::write(&path, b"old").unwrap();
        let before = std::fs::metadata(&path).unwrap();
        give_away(base.path(), Existing::Append, false).unwrap();
        let after = std::fs::metadata(&path).unwrap();
        assert_eq!((after.uid(), after.mode()), (before.uid(), before.mode()));
        assert_eq!(std::fs::read(&path).unwrap(), b"oldnew");
    }

    #[test]
    fn a_file_that_cannot_be_given_away_is_taken_back() {
        let given_up = std::thread::spawn(|| {
            use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
            // Of this thread and of those it starts.
            let mut sets = capabilities(None).unwrap();
            sets.effective.remove(CapabilitySet::CHOWN);
            set_capabilities(None, sets).unwrap();
            for whole in [false, true] {
                let base = tempfile::tempdir().unwrap();
                let error = give_away(base.path(), Existing::Refuse, whole).unwrap_err();
                assert!(is(&error, Errno::PERM), "{error}");
                assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
            }
        });
        given_up.join().unwrap();
    }

    #[test]
    fn temporary_names_are_recognised_exactly() {
        let name = temporary_name().unwrap();
        assert!(is_temporary(&name));
        assert!(is_temporary(&[b"a/b/", &name[..]].concat()));
        assert!(!is_temporary(&name[1..]));
        assert!(!is_temporary(&name[..name.len() - 1]));
        assert!(!is_temporary(&[&name[..], b"0"].concat()));
        assert!(!is_temporary(b".wharf-upload.0123456789abcdeg"));
    }
}
