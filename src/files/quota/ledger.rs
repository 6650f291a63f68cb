//! The one counter of an account's tree in this process: every session of the account shares it, and every change of the file
//! goes through it, one after the other, on a helper thread.
//!
//! A change is put down in the [`Books`] at once and in the file by the next round. Rounds are jobs that nobody can give up,
//! so what is asked for, taken or given back reaches the file however a session ends.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::super::stat::Stat;
use super::super::{Reach, Root, is};
use super::books::{Books, Inode, Refused, Store, Wish};
use super::count::count;
use super::file::{Entry, QuotaFile};
use super::{Amounts, Limits, Trouble, over_quota};
use crate::reactor::{Handle, Pool};

/// How long a round waits for others who hold the file's lock; and how long once it waited in vain.
const PATIENCE: Duration = Duration::from_secs(2);
const IMPATIENCE: Duration = Duration::from_millis(50);

/// How long a command waits for a round, and a login.
const DEADLINE: Duration = Duration::from_secs(15);
const AT_LOGIN: Duration = Duration::from_secs(3);

/// What counting a tree after a login may cost.
const MOST_COUNTED: u64 = 5_000_000;
const LONGEST_COUNT: Duration = Duration::from_secs(180);

/// How often what others gave up may be taken away by somebody quicker.
const TRIES: usize = 32;

pub(in super::super) struct Ledger {
    root: Arc<Root>,
    pool: Pool,
    books: Mutex<Books>,
    /// The file, held open to show that this server is at work here.
    life: Mutex<Option<QuotaFile>>,
}

impl Ledger {
    pub(super) fn new(root: &Arc<Root>, pool: &Pool) -> Arc<Ledger> {
        Arc::new(Ledger {
            root: Arc::clone(root),
            pool: pool.clone(),
            books: Mutex::default(),
            life: Mutex::default(),
        })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where calls on the tree count in the pool.
    pub(super) fn device(&self) -> u64 {
        self.root.device_of(Reach::Home)
    }

    /// Has a round that heeds all that is in the books now, and gives its number.
    fn ask_for_round(self: &Arc<Ledger>) -> u64 {
        let mut books = self.books();
        let rounds = &mut books.rounds;
        let wanted = rounds.want();
        if !rounds.running {
            rounds.running = true;
            drop(books);
            let ledger = Arc::clone(self);
            self.pool.detach(self.device(), move || ledger.work());
        }
        wanted
    }

    /// Waits until what is in the books now is in the file.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the disk does not answer.
    pub(super) async fn settled(self: &Arc<Ledger>, handle: &Handle) -> io::Result<()> {
        self.settled_within(DEADLINE, handle).await
    }

    /// As [`Ledger::settled`], for a login: where the tree has to be counted first it does not wait for that.
    ///
    /// # Errors
    /// As [`Ledger::settled`].
    pub(super) async fn opened(self: &Arc<Ledger>, handle: &Handle) -> io::Result<()> {
        self.settled_within(AT_LOGIN, handle).await
    }

    async fn settled_within(
        self: &Arc<Ledger>,
        deadline: Duration,
        handle: &Handle,
    ) -> io::Result<()> {
        let wanted = self.ask_for_round();
        let done = std::future::poll_fn(|context| {
            let rounds = &mut self.books().rounds;
            if rounds.done >= wanted {
                return Poll::Ready(());
            }
            rounds.waiting.push(context.waker().clone());
            Poll::Pending
        });
        let answered = handle.until(handle.now() + deadline, done).await;
        answered.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    /// What the account has, and what hinders the count.
    pub(super) fn standing(&self) -> (Amounts, Option<Trouble>) {
        let books = self.books();
        let trouble = match (books.trouble, books.store) {
            (None, Store::Memory) => Some(Trouble::Unwritable),
            (None, Store::Unopened) => Some(Trouble::Counting),
            (trouble, _) => trouble,
        };
        (books.used(), trouble)
    }

    /// Something is no longer in the tree. Called as soon as it is gone, on whichever thread.
    pub(in super::super) fn removed(self: &Arc<Ledger>, stat: &Stat, amounts: Amounts) {
        self.books().removed((stat.device, stat.inode), amounts);
        self.ask_for_round();
    }

    fn work(&self) {
        let _ended = Ended(self);
        loop {
            self.books().rounds.begun += 1;
            let outcome = self.root.act(|root| self.round(root));
            let mut books = self.books();
            books.trouble = outcome.err().map(|error| Trouble::of(&error));
            let rounds = &mut books.rounds;
            rounds.done = rounds.begun;
            let waiting = std::mem::take(&mut rounds.waiting);
            let finished = rounds.wanted <= rounds.begun;
            rounds.running = !finished;
            drop(books);
            waiting.into_iter().for_each(std::task::Waker::wake);
            if finished {
                return;
            }
        }
    }

    fn round(&self, root: &Root) -> io::Result<()> {
        if self.books().store == Store::Unopened {
            self.open(root)?;
        }
        if self.books().store == Store::Memory {
            let mut books = self.books();
            let seen = books.remembered();
            let plan = books.plan(seen);
            books.settle(&plan, true);
            return Ok(());
        }
        let file = self.open_locked(root)?;
        let seen = file.read()?;
        let plan = {
            let mut books = self.books();
            // Without its text the file says what it said.
            let seen = seen.unwrap_or_else(|| books.remembered());
            books.plan(seen)
        };
        let written = match seen == Some(plan.entry) {
            true => Ok(()),
            false => file.write(&plan.entry),
        };
        self.books().settle(&plan, written.is_ok());
        written?;
        self.keep_showing_life(file);
        Ok(())
    }

    fn open_locked(&self, root: &Root) -> io::Result<QuotaFile> {
        let stuck = self.books().trouble == Some(Trouble::Locked);
        let file = QuotaFile::open(&root.descriptor)?;
        file.lock(if stuck { IMPATIENCE } else { PATIENCE })?;
        Ok(file)
    }

    fn life(&self) -> MutexGuard<'_, Option<QuotaFile>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody may have replaced the file by another.
    fn keep_showing_life(&self, file: QuotaFile) {
        let mut life = self.life();
        let replaced = life
            .as_ref()
            .is_some_and(|shown| !shown.stat().is_same_object(file.stat()));
        if replaced {
            *life = None;
            if let Ok(fresh) = QuotaFile::open(&self.root.descriptor)
                && matches!(fresh.show_life(), Ok(true))
            {
                *life = Some(fresh);
            }
        }
    }

    /// The first look: takes the count over, or counts the tree where there is none or a killed server left its mark.
    fn open(&self, root: &Root) -> io::Result<()> {
        let shown = match QuotaFile::open(&root.descriptor) {
            Err(error) if is_not_for_us(&error) => return self.open_in_memory(root),
            opened => opened?,
        };
        let alive = match shown.show_life() {
            Ok(false) => {
                // Another server counts the tree.
                return Err(Errno::AGAIN.into());
            }
            Ok(true) => true,
            // Not on this file system: then no other server's mark can be told from a killed one's.
            Err(_) => false,
        };
        let seen = {
            let file = self.open_locked(root)?;
            file.read()?
        };
        let total = match seen {
            Some(entry) if entry.reserved == Amounts::NONE => entry.total,
            _ => self.recount(root, &shown, alive, seen)?,
        };
        let mut books = self.books();
        books.store = Store::File;
        books.total = total;
        drop(books);
        if alive && matches!(shown.show_life(), Ok(true)) {
            *self.life() = Some(shown);
        }
        Ok(())
    }

    fn recount(
        &self,
        root: &Root,
        shown: &QuotaFile,
        alive: bool,
        seen: Option<Entry>,
    ) -> io::Result<Amounts> {
        let alone = alive && shown.be_alone()?;
        if let Some(entry) = seen
            && !alone
        {
            // The mark is another's, or could be.
            return Ok(entry.total);
        }
        if alive && !alone {
            return Err(Errno::AGAIN.into());
        }
        let counted = count_within_reason(root)?;
        let total = match (seen, counted) {
            // Only a whole count may lower what the file says.
            (Some(entry), None | Some((_, true))) => entry.total,
            (_, Some((amounts, _))) => amounts,
            (None, None) => return Err(uncounted()),
        };
        let file = self.open_locked(root)?;
        if file.read()? == seen {
            file.write(&Entry {
                total,
                reserved: Amounts::NONE,
            })?;
            return Ok(total);
        }
        // Changed meanwhile, by Pure-FTPd: its count stands, the next login counts again.
        file.read()?.map(|entry| entry.total).ok_or_else(uncounted)
    }

    /// The quota of an account that may not write its file stays on, for as long as this server runs.
    fn open_in_memory(&self, root: &Root) -> io::Result<()> {
        let (amounts, _) = count_within_reason(root)?.ok_or_else(uncounted)?;
        let mut books = self.books();
        books.store = Store::Memory;
        books.total = amounts;
        Ok(())
    }
}

/// The amounts, and whether something could not be looked at; none where the tree is too large to be counted at a login.
fn count_within_reason(root: &Root) -> io::Result<Option<(Amounts, bool)>> {
    let until = Instant::now() + LONGEST_COUNT;
    let found = count(root, Reach::Home, &mut |amounts| {
        amounts.files < MOST_COUNTED && Instant::now() < until
    })?;
    Ok((!found.stopped).then_some((found.amounts, found.partial)))
}

fn is_not_for_us(error: &io::Error) -> bool {
    [Errno::ACCESS, Errno::PERM, Errno::ROFS]
        .iter()
        .any(|&errno| is(error, errno))
}

fn uncounted() -> io::Error {
    io::Error::other("the tree could not be counted")
}

/// Ends the rounds, also when one panicked.
struct Ended<'a>(&'a Ledger);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut books = self.0.books();
        let rounds = &mut books.rounds;
        if !rounds.running || !std::thread::panicking() {
            return;
        }
        rounds.running = false;
        rounds.done = rounds.begun;
        let waiting = std::mem::take(&mut rounds.waiting);
        books.trouble = Some(Trouble::Uncounted);
        drop(books);
        waiting.into_iter().for_each(std::task::Waker::wake);
    }
}

/// How much of what a claim took is there when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    files: u64,
    bytes: bool,
}

#[derive(Default)]
struct Held {
    taken: Amounts,
    fate: Fate,
    inode: Option<Inode>,
}

/// What one command takes from the quota for something new. It ends with its last reference, on whichever thread, and then gives
/// back what did not come to be.
pub(in super::super) struct Claim {
    ledger: Arc<Ledger>,
    limits: Limits,
    upload: bool,
    written: Arc<AtomicU64>,
    held: Mutex<Held>,
}

impl Claim {
    /// A claim on nothing yet. `written` counts the bytes of an upload as they reach the file.
    pub(super) fn new(
        ledger: &Arc<Ledger>,
        limits: Limits,
        written: Option<&Arc<AtomicU64>>,
    ) -> Claim {
        let mut books = ledger.books();
        books.begin_claim(written.is_some());
        books.limits_hold(limits);
        drop(books);
        Claim {
            ledger: Arc::clone(ledger),
            limits,
            upload: written.is_some(),
            written: written.map(Arc::clone).unwrap_or_default(),
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in super::super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Bytes taken so far.
    pub(in super::super) fn bytes(&self) -> u64 {
        self.held().taken.bytes
    }

    /// Takes `need` if it is in reserve; the file is not asked.
    pub(in super::super) fn take_now(&self, need: Amounts) -> bool {
        self.try_take(need).is_ok()
    }

    fn try_take(&self, need: Amounts) -> Result<(), Refused> {
        let mut books = self.ledger.books();
        books.take(need, self.limits)?;
        let low = books.is_running_low();
        drop(books);
        let mut held = self.held();
        held.taken = held.taken.plus(need);
        drop(held);
        if low {
            self.ledger.ask_for_round();
        }
        Ok(())
    }

    /// Takes `need`, once the file says so.
    ///
    /// # Errors
    /// [`over_quota`] where the limits do not allow it or nobody knows whether they do; [`io::ErrorKind::TimedOut`] when
    /// the disk does not answer.
    pub(in super::super) async fn take(&self, need: Amounts, handle: &Handle) -> io::Result<()> {
        if self.take_now(need) {
            return Ok(());
        }
        let _wish = Wished::new(self, need);
        for _ in 0..TRIES {
            self.ledger.settled(handle).await?;
            match self.try_take(need) {
                Ok(()) => return Ok(()),
                Err(Refused::OverLimit) => return Err(over_quota()),
                Err(Refused::Short) if self.ledger.books().trouble.is_some() => {
                    return Err(over_quota());
                }
                Err(Refused::Short) => {}
            }
        }
        Err(over_quota())
    }

    /// Gives the place for a new file back: there was one already.
    pub(in super::super) fn needs_no_file(&self) {
        let mut held = self.held();
        let files = std::mem::take(&mut held.taken.files);
        drop(held);
        self.ledger.books().give_back(Amounts { files, bytes: 0 });
    }

    /// The upload writes to this file.
    pub(in super::super) fn writes_to(&self, stat: &Stat) {
        let inode = (stat.device, stat.inode);
        let before = self.held().inode.replace(inode);
        let mut books = self.ledger.books();
        if let Some(before) = before {
            books.end_writing(before);
        }
        books.begin_writing(inode);
    }

    /// What there is as things stand: so many new files, with or without what was written.
    pub(in super::super) fn stands(&self, files: u64, bytes: bool) {
        self.held().fate = Fate { files, bytes };
    }

    /// Bytes that were in the file before are no longer.
    pub(in super::super) fn cut(&self, bytes: u64) {
        let inode = self.held().inode;
        let mut books = self.ledger.books();
        if inode.is_some_and(|inode| books.is_alone(inode)) {
            books.give_back(Amounts { files: 0, bytes });
        }
    }

    /// A file that was there before this upload is gone with it.
    pub(in super::super) fn lost_file(&self) {
        let inode = self.held().inode;
        let mut books = self.ledger.books();
        if inode.is_some_and(|inode| books.is_alone(inode)) {
            books.give_back(Amounts { files: 1, bytes: 0 });
        }
    }

    /// Whether nobody else writes to the upload's file or has removed it.
    pub(in super::super) fn is_alone(&self) -> bool {
        let inode = self.held().inode;
        inode.is_some_and(|inode| self.ledger.books().is_alone(inode))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let held = self.held();
        let (taken, fate, inode) = (held.taken, held.fate, held.inode);
        drop(held);
        let there = Amounts {
            files: fate.files,
            bytes: match fate.bytes {
                true => self.written.load(Ordering::Relaxed),
                false => 0,
            },
        };
        let mut books = self.ledger.books();
        let alone = inode.is_none_or(|inode| books.end_writing(inode));
        if alone {
            books.give_back(taken.minus(there));
        }
        books.end_claim(self.upload);
        drop(books);
        self.ledger.ask_for_round();
    }
}

/// A wish in the books for as long as somebody waits.
struct Wished<'a> {
    ledger: &'a Ledger,
    number: u64,
}

impl<'a> Wished<'a> {
    fn new(claim: &'a Claim, need: Amounts) -> Wished<'a> {
        let mut books = claim.ledger.books();
        books.wishes_made += 1;
        let number = books.wishes_made;
        books.wishes.push(Wish {
            number,
            need,
            limits: claim.limits,
        });
        Wished {
            ledger: &claim.ledger,
            number,
        }
    }
}

impl Drop for Wished<'_> {
    fn drop(&mut self) {
        let mut books = self.ledger.books();
        books.wishes.retain(|wish| wish.number != self.number);
    }
}
