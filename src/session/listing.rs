//! Listings: which entries, in which order and shape, to the data connection or into a STAT reply.
//!
//! Unsorted shapes (MLSD, NLST) stream: a batch of entries is formatted and sent while the next is fetched. Sorted
//! ones hold the entries in a compact form first, at most as many as `-L` allows. Nothing recurses: `-R` keeps a
//! list of directories still to come, links are never followed (threats: P4).

use std::rc::Rc;

use super::Session;
use super::place::Granted;
use super::refusal::Refusal;
use super::shared::{Shared, Terms};
use super::transfer::Mover;
use crate::files::{Batch, Directory, Entry, Kind, Stat, Tree, Want};
use crate::proto::facts::{self, Facts, Role};
use crate::proto::listing::{self, Item, LongFormat, Options, Owners, SortBy, SortKey};
use crate::proto::path::VirtualPath;
use crate::units::Glob;

/// Formatted bytes that are sent at once.
const CHUNK: usize = 32 * 1024;

/// Entries formatted between two looks at other sessions.
const SLICE: usize = 256;

/// Entries that are sorted on the loop; more are sorted by a helper thread.
const SORTED_HERE: usize = 2048;

/// The most a STAT reply may hold.
const LONGEST_STATUS: usize = 1024 * 1024;

/// Comparisons a pattern may cost in one listing (threats: P3).
const GLOB_STEPS: u64 = 20_000_000;

/// What a listing looks like.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// One line of columns each (LIST, STAT).
    Long,
    /// Names in columns (`LIST -C`).
    Columns,
    /// A name a line; `LIST -1` sorts, NLST does not.
    Names { sorted: bool },
    /// Facts (MLSD).
    Facts(Facts),
}

impl Shape {
    fn is_sorted(self) -> bool {
        match self {
            Shape::Long | Shape::Columns => true,
            Shape::Names { sorted } => sorted,
            Shape::Facts(_) => false,
        }
    }

    /// LIST and STAT hide what no client can fetch or enter; machine listings name it.
    fn hides_special(self) -> bool {
        match self {
            Shape::Long | Shape::Columns => true,
            Shape::Names { sorted } => sorted,
            Shape::Facts(_) => false,
        }
    }
}

/// Whether a listing was cut short by `-L`, and how many entries it had.
pub(super) type Counted = (u64, bool);

/// A listing to be made.
pub(super) struct Walk {
    shared: Rc<Shared>,
    terms: Rc<Terms>,
    tree: Tree,
    granted: Granted,
    shape: Shape,
    options: Options,
    /// The name as the client typed it.
    typed: Vec<u8>,
}

/// A listing whose first directory is open: what can be refused has been.
pub(super) struct Start {
    walk: Walk,
    path: VirtualPath,
    first: First,
}

enum First {
    /// A single entry, under the name as typed.
    One(Stat, Option<Vec<u8>>),
    /// What is in a directory.
    Inside(Directory),
    /// What of a directory fits a pattern.
    Matching(Directory, Glob),
}

/// Where a listing goes.
enum Out {
    Data(Mover),
    Status,
}

impl Session {
    /// Prepares a listing for this session's account.
    pub(super) fn walk(
        &self,
        shape: Shape,
        options: Options,
        typed: Vec<u8>,
    ) -> Result<Walk, Refusal> {
        Ok(Walk {
            shared: Rc::clone(&self.shared),
            terms: Rc::clone(self.terms()),
            tree: self.tree()?,
            granted: self.account()?.granted(),
            shape,
            options,
            typed,
        })
    }

    /// Parts a name whose last component is a pattern. A name that exists as it stands is no pattern.
    pub(super) fn split_pattern(
        &self,
        typed: &[u8],
    ) -> Result<(VirtualPath, Option<Glob>), Refusal> {
        let cut = typed
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |at| at + 1);
        let (directory, last) = typed.split_at(cut);
        if !Glob::is_pattern(last) {
            return Ok((self.visible_path(typed)?, None));
        }
        let glob = Glob::new(last).map_err(|_| Refusal::Malformed("That pattern is too long"))?;
        Ok((self.visible_path(directory)?, Some(glob)))
    }
}

/// An entry as `proto` formats it.
pub(super) fn item<'a>(name: &'a [u8], stat: &Stat, target: Option<&'a [u8]>) -> Item<'a> {
    Item {
        name,
        kind: kind(stat.kind),
        mode: stat.mode,
        links: stat.links,
        uid: stat.uid,
        gid: stat.gid,
        size: stat.size,
        modified: stat.modified,
        dev: stat.device,
        ino: stat.inode,
        target,
        leads_to: None,
    }
}

fn kind(kind: Kind) -> listing::Kind {
    match kind {
        Kind::File => listing::Kind::File,
        Kind::Directory => listing::Kind::Directory,
        Kind::Link => listing::Kind::Link,
        Kind::Fifo => listing::Kind::Fifo,
        Kind::Socket => listing::Kind::Socket,
        Kind::CharDevice => listing::Kind::CharacterDevice,
        Kind::BlockDevice => listing::Kind::BlockDevice,
    }
}

impl Walk {
    /// Opens what is to be listed.
    pub(super) async fn start(
        self,
        path: VirtualPath,
        pattern: Option<Glob>,
    ) -> Result<Start, Refusal> {
        let first = match pattern {
            Some(glob) => First::Matching(self.open(&path).await?, glob),
            None => {
                let stat = self.tree.stat(path.relative()).await;
                match stat {
                    Ok(stat) if stat.kind == Kind::Directory && !self.options.directory => {
                        First::Inside(self.open(&path).await?)
                    }
                    // A link that leads nowhere is listed as the link it is.
                    _ => {
                        let missing = Refusal::NoSuchFile;
                        let stat = self.tree.lstat(path.relative()).await.map_err(missing)?;
                        First::One(stat, self.target(&path, &stat).await)
                    }
                }
            }
        };
        Ok(Start {
            walk: self,
            path,
            first,
        })
    }

    async fn open(&self, path: &VirtualPath) -> Result<Directory, Refusal> {
        let plain = matches!(self.shape, Shape::Names { .. } | Shape::Columns);
        let sorted_by_name = self.options.sort_by == SortBy::Name;
        let stats = !plain
            || self.options.classify
            || !sorted_by_name
            || self.options.recursive
            || self.shape.hides_special();
        let want = Want {
            stats,
            targets: matches!(self.shape, Shape::Long | Shape::Facts(_)),
            hidden: self.shows_dots(),
        };
        let opened = self.tree.open_directory(path.relative(), want).await;
        let directory = opened.map_err(|error| Refusal::CannotOpen(self.typed.clone(), error))?;
        match self.granted.may_read(directory.stat().mode) {
            true => Ok(directory),
            false => Err(Refusal::NotForEverybody(self.typed.clone())),
        }
    }

    fn shows_dots(&self) -> bool {
        match self.shape {
            Shape::Long | Shape::Columns | Shape::Names { sorted: true } => self.options.all,
            // As Pure-FTPd since 1.0.48: what mirrors must see.
            Shape::Names { sorted: false } | Shape::Facts(_) => true,
        }
    }

    async fn target(&self, path: &VirtualPath, stat: &Stat) -> Option<Vec<u8>> {
        match stat.kind {
            Kind::Link => self.tree.read_link(path.relative()).await.ok(),
            _ => None,
        }
    }

    fn shows(&self, entry: &Entry<'_>) -> bool {
        let special = entry
            .stat
            .is_some_and(|stat| !matches!(stat.kind, Kind::File | Kind::Directory | Kind::Link));
        let truly =
            matches!(self.shape, Shape::Long | Shape::Columns) || listing::shows_truly(entry.name);
        truly
            && !(special && self.shape.hides_special())
            && self.granted.shows(&self.terms.settings, entry.name)
    }
}

impl Start {
    /// Sends the listing.
    pub(super) async fn send(self, mover: Mover) -> Result<Counted, Refusal> {
        let mut writer = Writer::new(self.walk, Out::Data(mover));
        writer.run(self.path, self.first).await?;
        writer.flush().await?;
        if let Out::Data(mover) = &mut writer.out {
            mover.finish().await?;
        }
        Ok((writer.count, writer.truncated))
    }

    /// Makes the listing as the body of a reply.
    pub(super) async fn gather(self) -> Result<Vec<u8>, Refusal> {
        let mut writer = Writer::new(self.walk, Out::Status);
        writer.run(self.path, self.first).await?;
        Ok(writer.buffer)
    }
}

/// A listing being made.
struct Writer {
    walk: Walk,
    out: Out,
    format: LongFormat,
    buffer: Vec<u8>,
    columns: Vec<Vec<u8>>,
    count: u64,
    limit: u64,
    truncated: bool,
}

/// A directory that `-R`, or a pattern, has still to list.
struct Pending {
    path: VirtualPath,
    shown: Vec<u8>,
    depth: u32,
}

impl Writer {
    fn new(walk: Walk, out: Out) -> Writer {
        let settings = &walk.terms.settings;
        let owners = match settings.files.hide_ids {
            true => Owners::Hidden,
            false => Owners::Numeric,
        };
        let now = jiff::Timestamp::now().as_second();
        let format = LongFormat::new(walk.shared.zone.clone(), now, owners);
        let limit = u64::from(settings.limits.listing.files);
        Writer {
            walk,
            out,
            format,
            buffer: Vec::new(),
            columns: Vec::new(),
            count: 0,
            limit,
            truncated: false,
        }
    }

    async fn run(&mut self, path: VirtualPath, first: First) -> Result<(), Refusal> {
        let mut pending = Vec::new();
        match first {
            First::One(stat, target) => {
                let typed = std::mem::take(&mut self.walk.typed);
                let name: &[u8] = if typed.is_empty() { b"." } else { &typed };
                let entry = Entry {
                    name,
                    stat: Some(stat),
                    target: target.as_deref(),
                };
                self.write(&entry, Role::Entry, b"", None);
            }
            First::Inside(directory) => {
                let start = Pending {
                    path,
                    shown: b".".to_vec(),
                    depth: 0,
                };
                self.list(directory, &start, &mut pending).await?;
            }
            First::Matching(directory, glob) => {
                self.list_matching(directory, &glob, &path, &mut pending)
                    .await?;
            }
        }
        while let Some(next) = pending.pop() {
            if self.is_full() {
                break;
            }
            // A directory that cannot be read within a recursive listing is an empty one.
            let Ok(directory) = self.walk.open(&next.path).await else {
                continue;
            };
            if self.count > 0 || next.depth > 0 || !pending.is_empty() {
                listing::write_heading(&mut self.buffer, &next.shown);
            }
            self.list(directory, &next, &mut pending).await?;
        }
        Ok(())
    }

    /// Whether no further entry has a place; asked when there is one.
    fn is_full(&mut self) -> bool {
        let status_full = matches!(self.out, Out::Status) && self.buffer.len() >= LONGEST_STATUS;
        let full = self.count >= self.limit || status_full;
        self.truncated |= full;
        full
    }

    /// One directory; directories in it are added to `pending` under `-R`.
    async fn list(
        &mut self,
        mut directory: Directory,
        place: &Pending,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Refusal> {
        self.write_itself(&directory, &place.path).await;
        let prefix = self.name_prefix();
        let parent = *directory.stat();
        if !self.walk.shape.is_sorted() {
            while let Some(batch) = next_batch(&mut directory).await? {
                for (number, entry) in batch.iter().enumerate() {
                    if self.walk.shows(&entry) {
                        if self.is_full() {
                            return Ok(());
                        }
                        self.write(&entry, Role::Entry, &prefix, Some(&parent));
                    }
                    if number % SLICE == SLICE - 1 {
                        self.flush_if_large().await?;
                    }
                }
                self.flush_if_large().await?;
            }
            return Ok(());
        }
        let sorted = self.collect(directory, None).await?;
        let mut directories = Vec::new();
        for (number, entry) in sorted.iter().enumerate() {
            if self.is_full() {
                break;
            }
            self.write(&entry, Role::Entry, b"", Some(&parent));
            if self.walk.options.recursive
                && entry.stat.is_some_and(|stat| stat.kind == Kind::Directory)
            {
                match self.below(place, entry.name) {
                    Some(below) => directories.push(below),
                    // Deeper than `-L` allows.
                    None => self.truncated = true,
                }
            }
            if number % SLICE == SLICE - 1 {
                self.flush_if_large().await?;
            }
        }
        self.write_columns();
        pending.extend(directories.into_iter().rev());
        self.flush_if_large().await
    }

    /// What of a directory fits a pattern: entries first, then, for LIST, what is in the directories among them.
    async fn list_matching(
        &mut self,
        directory: Directory,
        glob: &Glob,
        path: &VirtualPath,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Refusal> {
        let opens =
            matches!(self.walk.shape, Shape::Long | Shape::Columns) && !self.walk.options.directory;
        let prefix = self.typed_directory();
        let parent = *directory.stat();
        let sorted = self.collect(directory, Some(glob)).await?;
        let mut directories = Vec::new();
        for (number, entry) in sorted.iter().enumerate() {
            if opens && entry.stat.is_some_and(|stat| stat.kind == Kind::Directory) {
                if let Ok(below) = path.join(entry.name) {
                    let shown = [prefix.as_slice(), entry.name].concat();
                    directories.push(Pending {
                        path: below,
                        shown,
                        depth: 0,
                    });
                }
                continue;
            }
            if self.is_full() {
                break;
            }
            let name = [prefix.as_slice(), entry.name].concat();
            let shown = Entry {
                name: &name,
                ..entry
            };
            self.write(&shown, Role::Entry, b"", Some(&parent));
            if number % SLICE == SLICE - 1 {
                self.flush_if_large().await?;
            }
        }
        self.write_columns();
        pending.extend(directories.into_iter().rev());
        self.flush_if_large().await
    }

    fn below(&self, place: &Pending, name: &[u8]) -> Option<Pending> {
        let depth = place.depth + 1;
        if depth >= self.walk.terms.settings.limits.listing.depth {
            return None;
        }
        Some(Pending {
            path: place.path.join(name).ok()?,
            shown: [place.shown.as_slice(), b"/", name].concat(),
            depth,
        })
    }

    /// `.` and `..`, where the shape shows them.
    async fn write_itself(&mut self, directory: &Directory, path: &VirtualPath) {
        let wanted = match self.walk.shape {
            Shape::Long | Shape::Columns | Shape::Names { sorted: true } => self.walk.options.all,
            Shape::Names { sorted: false } => false,
            Shape::Facts(_) => true,
        };
        if !wanted {
            return;
        }
        let itself = Entry {
            name: b".",
            stat: Some(*directory.stat()),
            target: None,
        };
        self.write(&itself, Role::Current, b"", None);
        let above = path.parent();
        if let Ok(stat) = self.walk.tree.stat(above.relative()).await {
            let parent = Entry {
                name: b"..",
                stat: Some(stat),
                target: None,
            };
            self.write(&parent, Role::Parent, b"", None);
        }
    }

    /// NLST names what it lists as the client named the directory.
    fn name_prefix(&self) -> Vec<u8> {
        let typed = &self.walk.typed;
        match self.walk.shape {
            Shape::Names { sorted: false } if !typed.is_empty() && typed != b"." => {
                let slash: &[u8] = if typed.ends_with(b"/") { b"" } else { b"/" };
                [typed, slash].concat()
            }
            _ => Vec::new(),
        }
    }

    fn typed_directory(&self) -> Vec<u8> {
        let typed = &self.walk.typed;
        let cut = typed
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |at| at + 1);
        typed[..cut].to_vec()
    }

    fn write(&mut self, entry: &Entry<'_>, role: Role, prefix: &[u8], parent: Option<&Stat>) {
        self.count += 1;
        let item = match &entry.stat {
            Some(stat) => item(entry.name, stat, entry.target),
            None => nameless(entry.name),
        };
        let classify = self.walk.options.classify;
        match self.walk.shape {
            Shape::Long => self.format.write(&mut self.buffer, &item, classify),
            Shape::Names { .. } => listing::write_name(&mut self.buffer, prefix, &item, classify),
            Shape::Columns => {
                let mark = if classify { listing::mark(&item) } else { b"" };
                self.columns.push([entry.name, mark].concat());
            }
            Shape::Facts(facts) => {
                let perm = entry
                    .stat
                    .map(|stat| self.walk.granted.perm(&stat, parent))
                    .unwrap_or_default();
                facts::write(&mut self.buffer, &item, facts, perm, role);
            }
        }
    }

    fn write_columns(&mut self) {
        if !self.columns.is_empty() {
            listing::write_columns(&mut self.buffer, &self.columns);
            self.columns.clear();
        }
    }

    async fn collect(
        &mut self,
        mut directory: Directory,
        glob: Option<&Glob>,
    ) -> Result<Sorted, Refusal> {
        let mut sorted = Sorted::default();
        let mut steps = GLOB_STEPS;
        let room = self.limit.saturating_sub(self.count);
        while let Some(batch) = next_batch(&mut directory).await? {
            let number = sorted.batches.len() as u32;
            for (index, entry) in batch.iter().enumerate() {
                if !self.walk.shows(&entry) {
                    continue;
                }
                match glob.map(|glob| glob.matches_within(entry.name, &mut steps)) {
                    None | Some(Some(true)) => {}
                    Some(Some(false)) => continue,
                    Some(None) => {
                        sorted.is_cut = true;
                        break;
                    }
                }
                if sorted.order.len() as u64 >= room {
                    sorted.is_cut = true;
                    break;
                }
                sorted.order.push((number, index as u32));
            }
            sorted.batches.push(batch);
            if sorted.is_cut {
                self.truncated = true;
                break;
            }
            self.walk.shared.handle.breathe().await;
        }
        sorted.sort(&self.walk.shared, self.walk.options).await
    }

    async fn flush_if_large(&mut self) -> Result<(), Refusal> {
        if self.buffer.len() >= CHUNK {
            self.flush().await?;
        }
        self.walk.shared.handle.breathe().await;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Refusal> {
        if let Out::Data(mover) = &mut self.out {
            mover.send_listing(&self.buffer).await?;
            self.buffer.clear();
        }
        Ok(())
    }
}

async fn next_batch(directory: &mut Directory) -> Result<Option<Batch>, Refusal> {
    directory.next().await.map_err(Refusal::ReadError)
}

/// An entry of which only the name is wanted, or known.
fn nameless(name: &[u8]) -> Item<'_> {
    Item {
        name,
        kind: listing::Kind::File,
        mode: 0,
        links: 1,
        uid: 0,
        gid: 0,
        size: 0,
        modified: 0,
        dev: 0,
        ino: 0,
        target: None,
        leads_to: None,
    }
}

/// Entries of a directory in order: the batches as they came, and the order as pairs of numbers.
#[derive(Default)]
struct Sorted {
    batches: Vec<Batch>,
    order: Vec<(u32, u32)>,
    /// Whether there was more than found a place.
    is_cut: bool,
}

impl Sorted {
    fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.order.iter().filter_map(|place| self.entry(*place))
    }

    fn entry(&self, (batch, index): (u32, u32)) -> Option<Entry<'_>> {
        self.batches.get(batch as usize)?.get(index as usize)
    }

    fn key(&self, place: (u32, u32)) -> SortKey<'_> {
        let entry = self.entry(place);
        let stat = entry.as_ref().and_then(|entry| entry.stat);
        SortKey {
            name: entry.map_or(b"", |entry| entry.name),
            modified: stat.map_or(0, |stat| stat.modified),
            size: stat.map_or(0, |stat| stat.size),
        }
    }

    fn sort_here(mut self, options: Options) -> Sorted {
        let mut order = std::mem::take(&mut self.order);
        order.sort_unstable_by(|a, b| options.compare(&self.key(*a), &self.key(*b)));
        self.order = order;
        self
    }

    async fn sort(self, shared: &Shared, options: Options) -> Result<Sorted, Refusal> {
        if self.order.len() <= SORTED_HERE {
            return Ok(self.sort_here(options));
        }
        let handle = &shared.handle;
        let sorting = handle
            .pool()
            .run(handle, SORTING, move || Ok(self.sort_here(options)));
        sorting.await.map_err(Refusal::ReadError)
    }
}

/// The device number under which the pool counts sorting: that of no disk.
const SORTING: u64 = u64::MAX;
