//! What all sessions of this server have in common.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use jiff::tz::TimeZone;

use super::advice::Advice;
use super::announce::Announcements;
use super::ban::Bans;
use super::commands::Allowed;
use super::control::Scratch;
use super::handshakes::Handshakes;
use super::policy::Listed;
use crate::board::Board;
use crate::files::{NewOwner, Quotas, Tree};
use crate::keeper::Link;
use crate::logs::formats::Direction;
use crate::net::{Acceptor, Random, Resumption};
use crate::proto::path::VirtualPath;
use crate::reactor::Handle;
use crate::settings::Settings;
use crate::sys::creds::Identity;

/// Size of the buffer all sessions read commands into.
const COMMAND_SCRATCH: usize = 8 * 1024;

/// Most bytes of a download between two looks at other sessions.
pub const SLICE: usize = 256 * 1024;

/// Size in bytes of a block of an upload, and the most one takes between two looks at other sessions. For one upload over
/// loopback half of it cost a sixth more processor time per byte, and twice as much won nothing.
pub const BLOCK: usize = 512 * 1024;

/// Blocks kept for reuse once they are given back.
const KEPT_BLOCKS: usize = 8;

/// A tree that anonymous clients are shown.
pub struct Site {
    /// The tree itself.
    pub tree: Tree,
    /// How logs name its root: `/srv/ftp/`, or the virtual host's address and a colon.
    pub label: Vec<u8>,
    /// As whom it is touched.
    pub identity: Arc<Identity>,
    /// Where a session begins: what stands behind `/./` in a home directory.
    pub start: VirtualPath,
}

/// The words a client is greeted with.
pub enum GreetingText {
    /// The usual lines.
    Default,
    /// Lines that replace them.
    Fixed(Vec<u8>),
    /// A file of fortunes, one of which replaces them.
    Fortunes(Vec<u8>),
}

/// How far the server is on its way to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopping {
    /// Not at all.
    No,
    /// Idle sessions end; transfers may finish.
    Draining,
    /// Everything ends.
    Now,
}

/// What a session may do and how it is served: what the flags mean for it.
pub struct Terms {
    /// What the flags mean.
    pub settings: Settings,
    /// The commands left to those who are logged in.
    pub commands: Allowed,
    /// Whether strangers may upload where the file system lets them.
    pub anonymous_upload: bool,
    /// Whether strangers are served files that belong to the user they act as.
    pub serves_own: bool,
}

impl Terms {
    /// Whose files are not served to a stranger who acts as this user.
    pub fn unserved_owner(&self, uid: u32) -> Option<u32> {
        (!self.serves_own).then_some(uid)
    }
}

/// What TLS needs, where there is any.
pub struct Tls {
    /// What new sessions make their handshakes with; those that are there keep what they began with.
    pub acceptor: RefCell<Rc<Acceptor>>,
    /// The keys of tickets, which outlive certificates.
    pub resumption: Resumption,
    /// What the files were when they were read last: those of `-2`, of `--tlsclientca` and of `--tlscrl`, in the order of the flags.
    pub marks: RefCell<Vec<FileMark>>,
    /// Rung by each handshake: somebody may look whether the files have changed.
    pub used: Bell,
}

/// By what a file is seen to have changed: device, number, size, and the times of its content and its inode in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark(pub [i128; 5]);

/// Rung by many, waited for by one.
#[derive(Default)]
pub struct Bell {
    rung: Cell<bool>,
    waiting: Cell<Option<Waker>>,
}

impl Bell {
    /// Wakes whoever waits, now or next.
    pub fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Ready when it has been rung since the last time.
    pub async fn rung(&self) {
        std::future::poll_fn(|context| match self.rung.take() {
            true => Poll::Ready(()),
            false => {
                self.waiting.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await;
    }
}

/// Shared by all sessions through one `Rc`; no borrow of a cell in it lives across an await.
pub struct Shared {
    /// The loop.
    pub handle: Handle,
    /// What holds for whoever has no terms of their own, and for everybody before the login. A session asks
    /// [`super::Session::terms`] for those it is served on.
    pub base: Rc<Terms>,
    /// The terms of those named by `--userflags`, by the name in lower case.
    pub own: HashMap<Vec<u8>, Rc<Terms>>,
    /// Local time, read before a chroot hid it.
    pub zone: TimeZone,
    /// TLS; none without `-Y`.
    pub tls: Option<Tls>,
    /// Random numbers for ports and fortunes.
    pub random: RefCell<Random>,
    /// The greeting.
    pub greeting: GreetingText,
    /// The anonymous tree.
    pub site: Option<Rc<Site>>,
    /// Trees for clients that came to one of these addresses.
    pub virtual_sites: HashMap<IpAddr, Rc<Site>>,
    /// Short names for directories, of `CWD` and `SITE ALIAS`.
    pub aliases: Vec<(Vec<u8>, Vec<u8>)>,
    /// The address to announce, of `-P`, as last looked up.
    pub passive_address: Cell<Option<IpAddr>>,
    /// When a name of `-P` is to be looked up again; none before the first time.
    pub passive_address_until: Cell<Option<Instant>>,
    /// The keeper; none where all sessions are anonymous.
    pub link: Option<Link>,
    /// The way to the upload script; none without `-o`.
    pub announcements: Option<Rc<Announcements>>,
    /// Whether the server also listens on IPv6.
    pub listens_on_ipv6: bool,
    /// Who may log in at all.
    pub listed: RefCell<Listed>,
    /// Who may not come back for a while.
    pub bans: Bans,
    /// Whose TLS handshakes led to no login.
    pub handshakes: Handshakes,
    /// What the administrator was told about data connections that cannot work.
    pub advice: Advice,
    /// To whom anonymous uploads are given.
    pub upload_owner: Option<NewOwner>,
    /// Who is here.
    pub counts: Counts,
    /// Transfers under way; none where nobody looks at them.
    pub board: Option<Board>,
    /// What accounts with a quota have.
    pub quotas: Quotas,
    /// How far the server is on its way to stop.
    pub stopping: Cell<Stopping>,
    /// The buffer commands are read into.
    pub command_scratch: Scratch,
    /// Blocks for transfers.
    pub blocks: Blocks,
    /// For names of STOU: how many this server has made.
    pub unique: Cell<u64>,
}

impl Shared {
    /// The terms of the account of this name. `Joe` and `joe` are one, as to some sources, so that nobody sheds them.
    pub fn terms_of(&self, name: &[u8]) -> &Rc<Terms> {
        let own = self.own.get(&name.to_ascii_lowercase());
        own.unwrap_or(&self.base)
    }
}

/// The buffer of [`Shared::command_scratch`].
pub fn command_scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; COMMAND_SCRATCH].into_boxed_slice()))
}

/// Blocks of [`BLOCK`] bytes, lent to transfers while bytes are in flight.
#[derive(Default)]
pub struct Blocks(RefCell<Vec<Vec<u8>>>);

impl Blocks {
    /// A block, its length [`BLOCK`], its content of an earlier transfer or zero.
    pub fn take(&self) -> Vec<u8> {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| vec![0; BLOCK])
    }

    /// Gives a block back.
    pub fn give(&self, mut block: Vec<u8>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_BLOCKS && block.capacity() >= BLOCK {
            block.resize(BLOCK, 0);
            kept.push(block);
        }
    }
}

/// Transfers that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many were whole.
    pub whole: u64,
    /// How many were not.
    pub broken: u64,
    /// Bytes of both.
    pub bytes: u64,
}

/// How many sessions there are: one process, one count.
#[derive(Default)]
pub struct Counts {
    sessions: Cell<u32>,
    begun: Cell<u64>,
    unspoken: Cell<u64>,
    uploads: Cell<Moved>,
    downloads: Cell<Moved>,
    anonymous: Cell<u32>,
    by_address: RefCell<HashMap<IpAddr, u32>>,
    by_user: RefCell<HashMap<Vec<u8>, u32>>,
}

impl Counts {
    /// All sessions.
    pub fn sessions(&self) -> u32 {
        self.sessions.get()
    }

    /// Uploads there ever were.
    pub fn uploads(&self) -> Moved {
        self.uploads.get()
    }

    /// Downloads there ever were.
    pub fn downloads(&self) -> Moved {
        self.downloads.get()
    }

    /// Counts a transfer that has ended.
    pub fn count_transfer(&self, direction: Direction, bytes: u64, whole: bool) {
        let place = match direction {
            Direction::Up => &self.uploads,
            Direction::Down => &self.downloads,
        };
        let mut moved = place.get();
        moved.bytes = moved.bytes.saturating_add(bytes);
        match whole {
            true => moved.whole += 1,
            false => moved.broken += 1,
        }
        place.set(moved);
    }

    /// Sessions there ever were, but for those that did not count.
    pub fn begun(&self) -> u64 {
        self.begun.get() - self.unspoken.get()
    }

    /// Sessions of one client address.
    pub fn of_address(&self, address: IpAddr) -> u32 {
        self.by_address.borrow().get(&address).copied().unwrap_or(0)
    }

    /// Sessions logged in as anonymous.
    pub fn anonymous(&self) -> u32 {
        self.anonymous.get()
    }
}

/// Holds a session's place in the counts.
pub struct Counted {
    shared: Rc<Shared>,
    address: IpAddr,
    number: u64,
    /// Nothing is told of this session yet, as it may be no more than a look at whether the server lives. Here since a
    /// session has no room for it.
    pub(super) untold: bool,
}

impl Counted {
    /// Enters a session of `peer`.
    pub fn session(shared: &Rc<Shared>, peer: SocketAddr) -> Counted {
        let counts = &shared.counts;
        counts.sessions.set(counts.sessions.get() + 1);
        counts.begun.set(counts.begun.get() + 1);
        *counts.by_address.borrow_mut().entry(peer.ip()).or_default() += 1;
        Counted {
            shared: Rc::clone(shared),
            address: peer.ip(),
            number: counts.begun.get(),
            untold: false,
        }
    }

    /// How many sessions this server had begun with this one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Says that this session, which is over, was a look at whether the server lives.
    pub fn does_not_count(&self) {
        let unspoken = &self.shared.counts.unspoken;
        unspoken.set(unspoken.get() + 1);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counts = &self.shared.counts;
        counts.sessions.set(counts.sessions.get() - 1);
        let mut by_address = counts.by_address.borrow_mut();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// Holds a place in the count of an account's sessions.
pub struct CountedUser {
    shared: Rc<Shared>,
    name: Vec<u8>,
}

impl CountedUser {
    /// Enters a session of `name` if there are fewer than `limit`. One look and one step: simultaneous logins never
    /// overshoot.
    pub fn enter(shared: &Rc<Shared>, name: &[u8], limit: Option<u32>) -> Option<CountedUser> {
        // As Pure-FTPd counts: `Joe` and `joe` are one.
        let name = name.to_ascii_lowercase();
        let mut by_user = shared.counts.by_user.borrow_mut();
        let count = by_user.entry(name.clone()).or_default();
        if limit.is_some_and(|limit| *count >= limit) {
            return None;
        }
        *count += 1;
        drop(by_user);
        let shared = Rc::clone(shared);
        Some(CountedUser { shared, name })
    }
}

impl Drop for CountedUser {
    fn drop(&mut self) {
        let mut by_user = self.shared.counts.by_user.borrow_mut();
        if let Some(count) = by_user.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                by_user.remove(&self.name);
            }
        }
    }
}

/// Holds an anonymous login's place in the counts.
pub struct CountedAnonymous(Rc<Shared>);

impl CountedAnonymous {
    /// Enters an anonymous login.
    pub fn new(shared: &Rc<Shared>) -> CountedAnonymous {
        let count = &shared.counts.anonymous;
        count.set(count.get() + 1);
        CountedAnonymous(Rc::clone(shared))
    }
}

impl Drop for CountedAnonymous {
    fn drop(&mut self) {
        let count = &self.0.counts.anonymous;
        count.set(count.get() - 1);
    }
}
