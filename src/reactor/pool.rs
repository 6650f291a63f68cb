//! Helper threads for calls that may sleep: cold reads, slow file systems, long directories.
//!
//! Jobs carry the number of the device they will sleep on. No device may occupy more than
//! [`PER_DEVICE`] threads, so one hung mount leaves the others served. A job that is not done within
//! [`DEADLINE`] is given up by its waiter; its thread goes on sleeping and stays counted.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Handle, Sleep};

/// Most helper threads alive.
const THREADS: usize = 16;

/// For jobs of which it does not matter on what disk they sleep: the few that read files of the administrator.
pub const UNKNOWN_DEVICE: u64 = u64::MAX;

/// Most threads busy for one device.
const PER_DEVICE: usize = 4;

/// Most jobs waiting; beyond it [`Pool::run`] gives [`ErrorKind::ResourceBusy`].
const WAITING: usize = 4096;

/// How long a waiter waits for its job.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long an idle thread stays.
const IDLE: Duration = Duration::from_secs(10);

/// How far helper threads give way to the loop, in steps of nice(2).
const NICE: i32 = 5;

const STACK: usize = 256 * 1024;

type Work = Box<dyn FnOnce() + Send>;

struct Waiting {
    device: u64,
    work: Work,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    busy: HashMap<u64, usize>,
    threads: usize,
    idle: usize,
    detached: usize,
    drained: Option<Waker>,
}

impl State {
    /// The oldest job whose device has a thread to spare.
    fn take_next(&mut self) -> Option<Waiting> {
        let busy = &self.busy;
        let at = self.waiting.iter().position(|job| {
            busy.get(&job.device)
                .is_none_or(|&count| count < PER_DEVICE)
        })?;
        let job = self.waiting.remove(at)?;
        *self.busy.entry(job.device).or_default() += 1;
        Some(job)
    }

    fn done_with(&mut self, device: u64) {
        if let Some(count) = self.busy.get_mut(&device) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(&device);
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_until_idle(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.take_next() {
                drop(state);
                // The waiter of a job that panicked sees its result missing.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job.work));
                crate::sys::creds::reset();
                state = self.state();
                state.done_with(job.device);
                continue;
            }
            state.idle += 1;
            let (after, timeout) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

/// The pool. Threads are started when jobs come and end when they have been idle for a while. A clone is the same pool.
#[derive(Clone, Default)]
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    pub(super) fn new() -> Pool {
        Pool::default()
    }

    /// Runs `work` on a helper thread, as a call that may sleep on `device`, and gives its result.
    ///
    /// A waiter that is dropped takes the job with it if no thread has begun it; a job already begun runs to its
    /// end and its result is dropped on that thread.
    ///
    /// # Errors
    /// What `work` gives; [`ErrorKind::ResourceBusy`] when too many jobs wait or no thread can be made;
    /// [`ErrorKind::TimedOut`] after [`DEADLINE`]; [`ErrorKind::Other`] when the job panicked.
    pub fn run<T: Send + 'static>(
        &self,
        handle: &Handle,
        device: u64,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Job<T> {
        let outcome = Arc::new(Mutex::new(Outcome::<T>::Waiting(None)));
        let place = Arc::clone(&outcome);
        let submitted = self.submit(
            device,
            Box::new(move || {
                if !matches!(*lock(&place), Outcome::Waiting(_)) {
                    return;
                }
                let completion = Completion(Some(place));
                let result = work();
                completion.deliver(result);
            }),
        );
        if let Err(error) = submitted {
            *lock(&outcome) = Outcome::Done(Err(error));
        }
        Job {
            outcome,
            deadline: handle.sleep(DEADLINE),
        }
    }

    /// Runs `work` on a helper thread with nobody waiting: giving back what can sleep. It is never refused: without
    /// a thread it waits in the queue. [`Pool::drained`] waits for such jobs.
    pub fn detach(&self, device: u64, work: impl FnOnce() + Send + 'static) {
        self.shared.state().detached += 1;
        let counted = Detached(Arc::clone(&self.shared));
        let job = Waiting {
            device,
            work: Box::new(move || {
                let _counted = counted;
                work();
            }),
        };
        let mut state = self.shared.state();
        state.waiting.push_back(job);
        let _ = self.provide_thread(state);
    }

    /// Waits until no detached job is left.
    pub async fn drained(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.shared.state();
            if state.detached == 0 {
                return Poll::Ready(());
            }
            state.drained = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn submit(&self, device: u64, work: Work) -> io::Result<()> {
        let mut state = self.shared.state();
        if state.waiting.len() >= WAITING {
            return Err(ErrorKind::ResourceBusy.into());
        }
        state.waiting.push_back(Waiting { device, work });
        self.provide_thread(state)
    }

    fn provide_thread(&self, mut state: MutexGuard<'_, State>) -> io::Result<()> {
        if state.idle > 0 || state.threads >= THREADS {
            drop(state);
            self.shared.work.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let started = std::thread::Builder::new()
            .name("helper".into())
            .stack_size(STACK)
            .spawn(move || {
                // A long listing keeps a processor busy, and the loop must not wait for its turn behind it. Where the
                // kernel refuses, only that is lost.
                let _ = rustix::process::setpriority_process(None, NICE);
                shared.work_until_idle();
            });
        if started.is_err() {
            let mut state = self.shared.state();
            state.threads -= 1;
            // With another thread alive the job only waits longer.
            if state.threads == 0 {
                return Err(ErrorKind::ResourceBusy.into());
            }
        }
        Ok(())
    }
}

/// Counts a detached job until it is done, however it ends.
struct Detached(Arc<Shared>);

impl Drop for Detached {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.detached -= 1;
        if state.detached == 0
            && let Some(waker) = state.drained.take()
        {
            drop(state);
            waker.wake();
        }
    }
}

enum Outcome<T> {
    Waiting(Option<Waker>),
    Done(io::Result<T>),
    /// The result was taken, or nobody wants it any more.
    Gone,
}

fn lock<T>(outcome: &Mutex<Outcome<T>>) -> MutexGuard<'_, Outcome<T>> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the result to the waiter; dropped without one (a panic), it gives an error.
struct Completion<T>(Option<Arc<Mutex<Outcome<T>>>>);

impl<T> Completion<T> {
    fn deliver(mut self, result: io::Result<T>) {
        if let Some(place) = self.0.take() {
            put(&place, result);
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        if let Some(place) = self.0.take() {
            put(&place, Err(io::Error::other("the helper thread panicked")));
        }
    }
}

fn put<T>(place: &Mutex<Outcome<T>>, result: io::Result<T>) {
    let mut outcome = lock(place);
    if let Outcome::Waiting(waker) = &mut *outcome {
        let waker = waker.take();
        *outcome = Outcome::Done(result);
        drop(outcome);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A job in the pool; awaited by whoever wants its result.
pub struct Job<T> {
    outcome: Arc<Mutex<Outcome<T>>>,
    deadline: Sleep,
}

impl<T> Future for Job<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let outcome = Arc::clone(&self.outcome);
        let mut outcome = lock(&outcome);
        match std::mem::replace(&mut *outcome, Outcome::Gone) {
            Outcome::Done(result) => return Poll::Ready(result),
            Outcome::Waiting(_) => *outcome = Outcome::Waiting(Some(context.waker().clone())),
            Outcome::Gone => return Poll::Ready(Err(ErrorKind::TimedOut.into())),
        }
        if Pin::new(&mut self.deadline).poll(context).is_ready() {
            *outcome = Outcome::Gone;
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        let unwanted = std::mem::replace(&mut *lock(&self.outcome), Outcome::Gone);
        drop(unwanted);
    }
}
