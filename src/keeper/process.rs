//! The keeper's process and its workers.
//!
//! The keeper itself only watches: it forks workers, forks another when one dies, adds one when one hangs or waits for
//! others (a module of PAM that sleeps), and ends with the server. The workers of a kind share one end of a socket pair, and
//! the kernel deals the messages out: a slow hash keeps one worker busy and no other client waiting. A worker in whose
//! place another was put ends when it has answered, so that there are as many as before. All but one of the check workers
//! give way to whoever else wants the processor, so that a storm of logins starves no transfer.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Protocol, Socket, Type};
use zeroize::Zeroize;

use super::judge::{self, Outcome, Plan};
use super::link::Ends;
use super::message::{Answer, LONGEST, Question};
use super::sources::{FallingAsleep, Source};
use super::wire;
use crate::sys::creds::{self, Identity};
use crate::sys::host;
use crate::sys::process::{self, Forked, SharedNumbers};

/// A worker busy for longer gets another beside it.
const HUNG: u64 = 4;

/// A worker busy for longer is ended.
const LOST: u64 = 60;

/// How far all check workers but one stand behind the server, in steps of nice(2).
const NICE: i32 = 10;

/// How often the keeper looks at its workers.
const LOOK: Duration = Duration::from_secs(1);

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
    Names,
    Binds,
}

/// Forks the keeper, with the sources opened; gives the server its ends. The server calls it before it gives its rights up and while it has one
/// thread.
///
/// # Errors
/// What socketpair, mmap and fork give.
pub fn start(plan: Plan, sources: Vec<Box<dyn Source>>) -> io::Result<Ends> {
    let (checks, check_side) = process::message_pair()?;
    let (names, name_side) = process::message_pair()?;
    let (binds, bind_side) = process::message_pair()?;
    let busy = Arc::new(SharedNumbers::new(3 * MOST)?);
    let (bell, ringer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    match process::fork()? {
        Forked::Parent(_) => Ok(Ends {
            checks,
            names,
            binds,
        }),
        Forked::Child => {
            drop((checks, names, binds));
            let ringer = Arc::new(ringer);
            let mut keeper = Keeper {
                plan,
                sources,
                busy,
                bell,
                ringer,
                sides: [
                    (Kind::Checks, check_side),
                    (Kind::Names, name_side),
                    (Kind::Binds, bind_side),
                ],
                workers: Vec::new(),
            };
            keeper.watch();
            process::leave(0)
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
    sources: Vec<Box<dyn Source>>,
    busy: Arc<SharedNumbers>,
    /// What workers write to when the keeper should look at once.
    bell: OwnedFd,
    ringer: Arc<OwnedFd>,
    sides: [(Kind, OwnedFd); 3],
    workers: Vec<Worker>,
}

impl Keeper {
    fn wanted(kind: Kind) -> usize {
        match kind {
            Kind::Checks => {
                std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8))
            }
            Kind::Names => 2,
            Kind::Binds => 1,
        }
    }

    /// Keeps the workers going until the server is gone.
    fn watch(&mut self) {
        // No core file, no debugger: a worker's memory has passwords in it.
        let _ =
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        // What workers leave behind (the sitters of PAM) is waited for here: the init of a container may wait for nobody.
        let _ = set_child_subreaper(Some(getpid()));
        loop {
            self.provide();
            if self.server_is_gone() {
                return;
            }
            self.collect();
        }
    }

    /// Waits a little; the server's end of the first pair tells when it is gone.
    fn server_is_gone(&self) -> bool {
        let (_, side) = &self.sides[0];
        let mut watched = [
            PollFd::new(side, PollFlags::empty()),
            PollFd::new(&self.bell, PollFlags::IN),
        ];
        let timeout = rustix::time::Timespec {
            tv_sec: LOOK.as_secs() as i64,
            tv_nsec: 0,
        };
        let is_gone = match poll(&mut watched, Some(&timeout)) {
            Ok(_) => watched[0].revents().contains(PollFlags::HUP),
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
                if let Some(since) = self.busy.get(gone.slot) {
                    since.store(0, Ordering::Relaxed);
                }
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

    fn state(&self, slot: usize) -> u64 {
        self.busy
            .get(slot)
            .map_or(0, |state| state.load(Ordering::Relaxed))
    }

    /// Forks what is missing: dead workers, and one for each that hangs or sleeps.
    fn provide(&mut self) {
        let now = seconds();
        for (number, kind) in [Kind::Checks, Kind::Names, Kind::Binds]
            .into_iter()
            .enumerate()
        {
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
            let missing = (Keeper::wanted(kind) + away.len())
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
        let falling_asleep = self.falling_asleep(slot);
        // The other kinds' ends are not a worker's business.
        let (_, side) = &self.sides[number];
        let sources = match kind {
            Kind::Checks => self.sources.as_mut_slice(),
            Kind::Names | Kind::Binds => &mut [],
        };
        for source in sources.iter_mut() {
            source.call_before_sleep(&falling_asleep);
        }
        if self.plan.switches {
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
            for source in sources.iter_mut() {
                source.ready();
            }
            let received = process::receive(side, &mut buffer);
            let length = match received {
                Ok((0, _)) => process::leave(0),
                Ok((length, _)) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => process::leave(1),
            };
            if let Some(since) = self.busy.get(slot) {
                since.store(seconds(), Ordering::Relaxed);
            }
            let read = wire::read_question(&buffer[..length]);
            buffer[..length].zeroize();
            // A server that talks nonsense gets no answer.
            if let Ok((id, question)) = read {
                let outcome = respond(kind, &self.plan, sources, &question);
                let message = wire::answer(id, &outcome.answer);
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
fn respond(
    kind: Kind,
    plan: &Plan,
    sources: &mut [Box<dyn Source>],
    question: &Question,
) -> Outcome {
    const NOT_PERMITTED: i32 = 1;
    let alone = |answer| Outcome {
        answer,
        descriptors: Vec::new(),
    };
    match (kind, question) {
        (Kind::Checks, Question::Check(check)) => judge::check(sources, plan, check),
        (Kind::Names, Question::Name(address)) => alone(Answer::Name(host::name_of(*address))),
        (Kind::Binds, Question::Bind(local)) => match bind(*local) {
            Ok(socket) => Outcome {
                answer: Answer::Bound,
                descriptors: vec![socket],
            },
            Err(error) => alone(Answer::Failed(
                error.raw_os_error().unwrap_or(NOT_PERMITTED),
            )),
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

fn seconds() -> u64 {
    clock_gettime(ClockId::Monotonic).tv_sec.unsigned_abs()
}
