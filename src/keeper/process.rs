//! The keeper's process and its workers.
//!
//! The keeper itself only watches: it forks workers, forks another when one dies, adds one when one hangs or waits for
//! others (a module of PAM that sleeps), and ends with the server. Of each kind there are as many workers as the flags give
//! work to; those for names come with the first name that is asked for. The workers of a kind share one end of a socket
//! pair, and the kernel deals the messages out: a slow hash keeps one worker busy and no other client waiting. A worker in
//! whose place another was put ends when it has answered, so that there are as many as before. All but one of the check
//! workers give way to whoever else wants the processor, so that a storm of logins starves no transfer.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};
use socket2::{Domain, Protocol, Socket, Type};
use zeroize::Zeroize;

use super::judge::{self, Accounts, Outcome, Plan};
use super::link::Ends;
use super::message::{Answer, Denial, LONGEST, Question};
use super::sources::FallingAsleep;
use super::{seconds, wire};
use crate::sys::creds::{self, Identity};
use crate::sys::process::{self, Forked, SharedNumbers};
use crate::sys::{host, privileges};

/// A worker busy for longer gets another beside it.
const HUNG: u64 = 4;

/// A worker busy for longer is ended.
const LOST: u64 = 60;

/// How far all check workers but one stand behind the server, in steps of nice(2).
const NICE: i32 = 10;

/// How often the keeper looks at its workers.
const LOOK: Duration = Duration::from_secs(1);

/// How long the ends of sessions may take once the server is gone, and how often they are looked at.
const LAST_SESSIONS: Duration = Duration::from_secs(3);
const GLANCE: Duration = Duration::from_millis(2);

/// EPERM and EIO, for what is not to be asked, and what was not answered.
const NOT_PERMITTED: i32 = 1;
const NO_ANSWER: i32 = 5;

/// The most workers of a kind, however many hang.
const MOST: usize = 16;

/// What the number of a worker says besides the second since which it has been busy: that it waits for others, and that
/// another was put in its place.
const ASLEEP: u64 = 1 << 63;
const REPLACED: u64 = 1 << 62;

/// What a worker is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Checks,
    /// Looking names up: without rights, as what a name server sends is not to be read by root.
    Names,
    /// Ports and files.
    Opens,
    /// Certificates: the program that is asked may take its time, which no port and no login waits for.
    Certificates,
}

const KINDS: [Kind; 4] = [Kind::Checks, Kind::Names, Kind::Opens, Kind::Certificates];

/// Forks the keeper, with the sources and lists opened; gives the server its ends. The server calls it before it gives its
/// rights up and while it has one thread.
///
/// # Errors
/// What socketpair, mmap and fork give.
pub fn start(plan: Plan, accounts: Accounts) -> io::Result<Ends> {
    let (checks, check_side) = process::message_pair()?;
    let (names, name_side) = process::message_pair()?;
    let (opens, open_side) = process::message_pair()?;
    let (certificates, certificate_side) = process::message_pair()?;
    let busy = Arc::new(SharedNumbers::new(KINDS.len() * MOST)?);
    let asked = SharedNumbers::new(KINDS.len() * MOST)?;
    let (bell, ringer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let (has_accounts, is_vital) = (!plan.sources.is_empty(), plan.is_vital());
    match process::fork()? {
        Forked::Parent(keeper) => Ok(Ends {
            keeper,
            checks,
            names,
            opens,
            certificates,
            has_accounts,
            is_vital,
        }),
        Forked::Child => {
            drop((checks, names, opens, certificates));
            let ringer = Arc::new(ringer);
            let mut keeper = Keeper {
                plan,
                accounts,
                busy,
                asked,
                named: false,
                bell,
                ringer,
                sides: [
                    (Kind::Checks, check_side),
                    (Kind::Names, name_side),
                    (Kind::Opens, open_side),
                    (Kind::Certificates, certificate_side),
                ],
                workers: Vec::new(),
            };
            keeper.watch();
            process::leave(0)
        }
    }
}

/// Waits for a keeper whose server has closed its ends: until then sessions of its sources are being closed.
pub fn await_end(keeper: Pid) {
    let until = Instant::now() + LAST_SESSIONS + LOOK;
    while Instant::now() < until {
        match waitpid(Some(keeper), WaitOptions::NOHANG) {
            Ok(None) => std::thread::sleep(GLANCE),
            Ok(Some(_)) | Err(_) => return,
        }
    }
}

struct Worker {
    pid: Pid,
    kind: Kind,
    slot: usize,
}

struct Keeper {
    plan: Plan,
    /// Opened once, so that a new worker has what was good at the start.
    accounts: Accounts,
    /// Since when the worker of each slot is busy, and more; 0 where it is not.
    busy: Arc<SharedNumbers>,
    /// The number of the question it is busy with.
    asked: SharedNumbers,
    /// Whether a name was ever asked for.
    named: bool,
    /// What workers write to when the keeper should look at once.
    bell: OwnedFd,
    ringer: Arc<OwnedFd>,
    sides: [(Kind, OwnedFd); KINDS.len()],
    workers: Vec<Worker>,
}

impl Keeper {
    fn wanted(&self, kind: Kind) -> usize {
        let plan = &self.plan;
        match kind {
            Kind::Checks if plan.sources.is_empty() => 0,
            Kind::Checks => {
                std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8))
            }
            Kind::Names => 2 * usize::from(self.named),
            Kind::Opens => usize::from(plan.binds || !plan.reopened.is_empty()),
            Kind::Certificates => usize::from(plan.certd.is_some()),
        }
    }

    /// Keeps the workers going until the server is gone.
    fn watch(&mut self) {
        // No core file, no debugger: a worker's memory has passwords in it.
        let _ =
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        if !self.plan.needs_rights() && self.become_nobody().is_err() {
            // Names alone are not worth a process of root.
            return;
        }
        // What workers leave behind (the sitters of PAM) is waited for here: the init of a container may wait for nobody.
        let _ = set_child_subreaper(Some(getpid()));
        loop {
            self.provide();
            if self.server_is_gone() {
                return self.finish();
            }
            self.collect();
        }
    }

    /// Nobody waits for an answer any more, but sessions of PAM are still to be closed by whoever holds them. A supervisor, or
    /// the end of a container, would end those with the server, who therefore waits for the keeper.
    fn finish(&self) {
        for worker in &self.workers {
            let _ = kill_process(worker.pid, Signal::KILL);
        }
        let until = Instant::now() + LAST_SESSIONS;
        while Instant::now() < until {
            match waitpid(None, WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => std::thread::sleep(GLANCE),
                // No child is left.
                Err(_) => return,
            }
        }
    }

    /// Gives up the rights of root for good, where there are any.
    fn become_nobody(&self) -> io::Result<()> {
        match self.plan.nobody {
            Some((uid, gid)) if privileges::is_root() => {
                privileges::drop_for_good(uid, gid, Path::new("/"), false)
            }
            _ => Ok(()),
        }
    }

    /// Waits a little; the server's end of the first pair tells when it is gone. The first question for a name ends the
    /// wait.
    fn server_is_gone(&mut self) -> bool {
        let [(_, checks), (_, names), ..] = &self.sides;
        let awaited = match self.named {
            true => PollFlags::empty(),
            false => PollFlags::IN,
        };
        let mut watched = [
            PollFd::new(checks, PollFlags::empty()),
            PollFd::new(names, awaited),
            PollFd::new(&self.bell, PollFlags::IN),
        ];
        let timeout = rustix::time::Timespec {
            tv_sec: LOOK.as_secs() as i64,
            tv_nsec: 0,
        };
        let is_gone = match poll(&mut watched, Some(&timeout)) {
            Ok(_) => {
                let asked = watched[1].revents().contains(PollFlags::IN);
                let gone = watched[0].revents().contains(PollFlags::HUP);
                self.named |= asked;
                gone
            }
            Err(error) => error != rustix::io::Errno::INTR,
        };
        // However often it was rung, one look answers it.
        while rustix::io::read(&self.bell, &mut [0; 64]).is_ok_and(|count| count == 64) {}
        is_gone
    }

    fn collect(&mut self) {
        while let Ok(Some((pid, _))) = waitpid(None, WaitOptions::NOHANG) {
            if let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) {
                let gone = self.workers.swap_remove(at);
                self.answer_for(&gone);
            }
        }
        let now = seconds();
        for worker in &self.workers {
            if busy_for(self.state(worker.slot), now) > LOST {
                // What it was asked has been given up by the server long ago.
                let _ = kill_process(worker.pid, Signal::KILL);
            }
        }
    }

    /// Whoever waits for the answer of a dead worker is told that there is none.
    fn answer_for(&self, dead: &Worker) {
        let state = self
            .busy
            .get(dead.slot)
            .map(|state| state.swap(0, Ordering::Relaxed));
        let number = self
            .asked
            .get(dead.slot)
            .map(|number| number.load(Ordering::Relaxed));
        let (Some(1..), Some(number)) = (state, number) else {
            return;
        };
        let answer = match dead.kind {
            Kind::Checks => Answer::Denied(
                Denial::Unavailable,
                "the process that checked this password died; another takes its place".into(),
            ),
            Kind::Names | Kind::Opens | Kind::Certificates => Answer::Failed(NO_ANSWER),
        };
        let sides = self.sides.iter().find(|(kind, _)| *kind == dead.kind);
        if let Some((_, side)) = sides {
            // Where this fails the server is gone, which the next look finds.
            let _ = process::send(side, &wire::answer(number, &answer), &[]);
        }
    }

    fn state(&self, slot: usize) -> u64 {
        self.busy
            .get(slot)
            .map_or(0, |state| state.load(Ordering::Relaxed))
    }

    /// Forks what is missing: dead workers, and one for each that hangs or sleeps.
    fn provide(&mut self) {
        let now = seconds();
        for (number, kind) in KINDS.into_iter().enumerate() {
            let of_kind = || {
                self.workers
                    .iter()
                    .filter(move |worker| worker.kind == kind)
            };
            let mut away: Vec<usize> = of_kind()
                .map(|worker| worker.slot)
                .filter(|&slot| is_away(self.state(slot), now))
                .collect();
            let all = of_kind().count();
            let missing = (self.wanted(kind) + away.len())
                .saturating_sub(all)
                .min(MOST - all.min(MOST));
            away.retain(|&slot| self.state(slot) & REPLACED == 0);
            for _ in 0..missing {
                let range = number * MOST..(number + 1) * MOST;
                let taken: Vec<usize> = self.workers.iter().map(|worker| worker.slot).collect();
                let Some(slot) = range.clone().find(|slot| !taken.contains(slot)) else {
                    break;
                };
                if let Some(state) = away.pop().and_then(|slot| self.busy.get(slot)) {
                    let marked =
                        state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
                            (state != 0).then_some(state | REPLACED)
                        });
                    if marked.is_err() {
                        // It has come back in between.
                        continue;
                    }
                }
                let keeper = getpid();
                match process::fork() {
                    Ok(Forked::Parent(pid)) => self.workers.push(Worker { pid, kind, slot }),
                    Ok(Forked::Child) => self.work(keeper, number, kind, slot),
                    // No process to be had: the next look tries again.
                    Err(_) => return,
                }
            }
        }
    }

    /// What a source calls before it waits for others: another worker takes this one's place meanwhile.
    fn falling_asleep(&self, slot: usize) -> FallingAsleep {
        let (busy, ringer) = (Arc::clone(&self.busy), Arc::clone(&self.ringer));
        Arc::new(move || {
            if let Some(state) = busy.get(slot) {
                state.fetch_or(ASLEEP, Ordering::Relaxed);
            }
            // A bell that is full has been rung.
            let _ = rustix::io::write(&ringer, &[0]);
        })
    }

    /// The life of a worker.
    fn work(&mut self, keeper: Pid, number: usize, kind: Kind, slot: usize) -> ! {
        let is_first = slot == number * MOST;
        if kind == Kind::Checks && !is_first {
            let _ = process::give_way(NICE);
        }
        if kind == Kind::Names && self.become_nobody().is_err() {
            process::leave(1);
        }
        let falling_asleep = self.falling_asleep(slot);
        // The other kinds' ends are not a worker's business.
        let (_, side) = &self.sides[number];
        if kind == Kind::Checks {
            self.accounts.call_before_sleep(&falling_asleep);
        }
        if kind == Kind::Checks && self.plan.switches {
            creds::begin(Identity {
                uid: 0,
                gid: 0,
                groups: Vec::new(),
            });
        }
        let mut buffer = vec![0; LONGEST];
        loop {
            // The kernel forgets it when a home was opened as its user.
            if process::end_with_parent(keeper).is_err() {
                process::leave(1);
            }
            if kind == Kind::Checks {
                self.accounts.ready();
            }
            let received = process::receive(side, &mut buffer);
            let length = match received {
                Ok((0, _)) => process::leave(0),
                Ok((length, _)) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => process::leave(1),
            };
            let read = wire::read_question(&buffer[..length]);
            buffer[..length].zeroize();
            // A server that talks nonsense gets no answer, and a question that came too late needs none.
            if let Ok(asked) = read
                && asked.until >= seconds()
            {
                if let Some(number) = self.asked.get(slot) {
                    number.store(asked.number, Ordering::Relaxed);
                }
                if let Some(since) = self.busy.get(slot) {
                    since.store(seconds(), Ordering::Release);
                }
                if kind == Kind::Certificates {
                    falling_asleep();
                }
                let outcome = respond(kind, &self.plan, &mut self.accounts, &asked.question);
                let message = wire::answer(asked.number, &outcome.answer);
                let passed: Vec<_> = outcome.descriptors.iter().map(AsFd::as_fd).collect();
                if process::send(side, &message, &passed).is_err() {
                    process::leave(1);
                }
            }
            let state = self.busy.get(slot);
            let state = state.map_or(0, |state| state.swap(0, Ordering::Relaxed));
            // The first one stays: only it does not give way.
            if state & REPLACED != 0 && !is_first {
                process::leave(0);
            }
        }
    }
}

/// For how long a worker has been busy that says so of itself.
fn busy_for(state: u64, now: u64) -> u64 {
    match state & !(ASLEEP | REPLACED) {
        0 => 0,
        since => now.saturating_sub(since),
    }
}

/// Whether another should do its work meanwhile.
fn is_away(state: u64, now: u64) -> bool {
    state & ASLEEP != 0 || busy_for(state, now) > HUNG
}

/// What each kind of worker may be asked. Anything else is refused.
fn respond(kind: Kind, plan: &Plan, accounts: &mut Accounts, question: &Question) -> Outcome {
    let alone = |answer| Outcome {
        answer,
        descriptors: Vec::new(),
    };
    let opened = |answer, result: io::Result<OwnedFd>| match result {
        Ok(descriptor) => Outcome {
            answer,
            descriptors: vec![descriptor],
        },
        Err(error) => alone(Answer::Failed(
            error.raw_os_error().unwrap_or(NOT_PERMITTED),
        )),
    };
    match (kind, question) {
        (Kind::Checks, Question::Check(check)) => judge::check(accounts, plan, check),
        (Kind::Checks, Question::Look) => alone(judge::look(accounts)),
        (Kind::Checks, Question::Costs) => alone(judge::costs(accounts, plan)),
        (Kind::Names, Question::Name(address)) => alone(Answer::Name(host::name_of(*address))),
        (Kind::Names, Question::Passive) => {
            let name = plan.passive_name.as_deref();
            alone(Answer::Passive(name.and_then(host::ipv4_of)))
        }
        (Kind::Opens, Question::Bind(local)) => opened(Answer::Bound, bind(*local)),
        (Kind::Opens, Question::Reopen(place)) => match plan.reopened.get(usize::from(*place)) {
            Some(file) => opened(Answer::Reopened, (file.open)(&file.path)),
            None => alone(Answer::Failed(NOT_PERMITTED)),
        },
        (Kind::Certificates, Question::Certificate(name)) => match &plan.certd {
            Some(certd) => certd.choose(name.as_bytes()),
            None => alone(Answer::Failed(NOT_PERMITTED)),
        },
        _ => alone(Answer::Failed(NOT_PERMITTED)),
    }
}

/// A socket for an active data connection. Several may use the same port at a time, to different clients.
fn bind(local: SocketAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(local),
        Type::STREAM.cloexec().nonblocking(),
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&local.into())?;
    Ok(socket.into())
}
