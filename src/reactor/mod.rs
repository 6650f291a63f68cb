#![forbid(unsafe_code)]
//! The loop: one thread, one mio `Poll`, every task, timer and socket of the server.
//!
//! This module knows no FTP. It offers tasks ([`Handle::spawn`]), waiting for descriptors ([`Io`]),
//! timers ([`Handle::sleep`]), signals ([`Signals`]) and a pool of helper threads for calls that may
//! sleep ([`Handle::pool`]).
//!
//! Order of work in a turn. Tasks woken by a *control* descriptor, a timer, a finished job or another task
//! run first; a task that only moves data, or that stopped on its budget ([`Handle::breathe`]), runs
//! one slice, and then the kernel is asked again for events without waiting. So a client that types
//! a command waits for at most one slice of somebody's transfer (measured with no limit and ten
//! streams: 242 ms; with slices of 256 KiB: below 1 ms).
//!
//! mio reports edges. A leaf future therefore tries its call first and parks its waker only when the
//! call said it would block; whoever stops for any other reason must come back by `breathe`.

mod io;
mod pool;
mod signals;
mod task;
mod timer;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use mio::{Events, Token};
use slab::Slab;

pub use io::{Direction, Io, Priority, Watch};
pub use pool::{Job, Pool, UNKNOWN_DEVICE};
pub use signals::Signals;
pub use timer::Sleep;

use crate::sys::creds;
use io::Slot;
use task::{Ready, Tasks};
use timer::Timers;

/// How many control-side tasks may run in a row before one data slice gets its turn.
const URGENT_IN_A_ROW: usize = 32;

/// Events taken from the kernel in one call.
const EVENTS_AT_ONCE: usize = 512;

/// The token of the waker that other threads use.
const WAKER_TOKEN: Token = Token(usize::MAX);

/// Everything of the loop that tasks may touch while they run.
struct Inner {
    registry: mio::Registry,
    ready: Arc<Ready>,
    tasks: RefCell<Tasks>,
    slots: RefCell<Slab<Slot>>,
    timers: RefCell<Timers>,
    now: Cell<Instant>,
    generation: Cell<u32>,
    panicked: Cell<u64>,
    pool: Pool,
}

/// A cheap reference to the loop, held by every socket and session. It never leaves the loop's thread.
#[derive(Clone)]
pub struct Handle(Rc<Inner>);

/// The loop itself; whoever owns it calls [`Reactor::run`].
pub struct Reactor {
    poll: mio::Poll,
    handle: Handle,
}

impl Reactor {
    /// Makes the loop. Threads of the helper pool are started on first need.
    ///
    /// # Errors
    /// What epoll and eventfd creation give (descriptor limits).
    pub fn new() -> std::io::Result<Reactor> {
        let poll = mio::Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = mio::Waker::new(&registry, WAKER_TOKEN)?;
        let inner = Inner {
            registry,
            ready: Arc::new(Ready::new(waker)),
            tasks: RefCell::new(Tasks::default()),
            slots: RefCell::new(Slab::new()),
            timers: RefCell::new(Timers::default()),
            now: Cell::new(Instant::now()),
            generation: Cell::new(0),
            panicked: Cell::new(0),
            pool: Pool::new(),
        };
        Ok(Reactor {
            poll,
            handle: Handle(Rc::new(inner)),
        })
    }

    /// The handle to give to whatever lives on this loop.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs tasks until `main` is done and gives its value. Other tasks still alive then are dropped.
    ///
    /// # Errors
    /// When asking the kernel for events fails for another reason than a signal, and when `main` panicked.
    pub fn run<T: 'static>(
        &mut self,
        main: impl Future<Output = T> + 'static,
    ) -> std::io::Result<T> {
        let result = Rc::new(RefCell::new(None));
        let place = Rc::clone(&result);
        let main_task = self.handle.start(async move {
            let value = main.await;
            *place.borrow_mut() = Some(value);
        });
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        loop {
            self.turn(&mut events)?;
            if let Some(value) = result.borrow_mut().take() {
                self.drop_all_tasks();
                return Ok(value);
            }
            if !self.handle.0.tasks.borrow().contains(main_task) {
                self.drop_all_tasks();
                return Err(std::io::Error::other("the main task panicked"));
            }
        }
    }

    /// One turn: events in, control-side tasks, then one data slice.
    fn turn(&mut self, events: &mut Events) -> std::io::Result<()> {
        let inner = Rc::clone(&self.handle.0);
        let timeout = self.time_to_wait();
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        inner.now.set(Instant::now());
        for event in events.iter() {
            if event.token() != WAKER_TOKEN {
                inner.deliver(event);
            }
        }
        let due = inner.timers.borrow_mut().due(inner.now.get());
        for waker in due {
            waker.wake();
        }
        for _ in 0..URGENT_IN_A_ROW {
            let Some(id) = inner.ready.next_urgent() else {
                break;
            };
            inner.run_task(id);
        }
        if let Some(id) = inner.ready.next_bulk() {
            inner.run_task(id);
        }
        Ok(())
    }

    fn time_to_wait(&self) -> Option<Duration> {
        let inner = &self.handle.0;
        if !inner.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = inner.timers.borrow().next()?;
        let wait = next.saturating_duration_since(Instant::now());
        // the kernel counts whole milliseconds: rounding up keeps the loop from spinning before a deadline.
        Some(match wait.subsec_nanos() % 1_000_000 {
            0 => wait,
            rest => wait + Duration::from_nanos(u64::from(1_000_000 - rest)),
        })
    }

    fn drop_all_tasks(&mut self) {
        let futures = self.handle.0.tasks.borrow_mut().take_all();
        drop(futures);
    }
}

impl Inner {
    fn deliver(&self, event: &mio::event::Event) {
        let (priority, wakers) = {
            let mut slots = self.slots.borrow_mut();
            let Some(slot) = io::slot_of(&mut slots, event.token()) else {
                return;
            };
            (slot.priority, slot.take_woken(event))
        };
        for waker in wakers.into_iter().flatten() {
            self.ready.wake_as(priority, waker);
        }
    }

    fn run_task(&self, id: task::TaskId) {
        let Some((mut future, waker)) = self.tasks.borrow_mut().take(id) else {
            return;
        };
        let mut context = Context::from_waker(&waker);
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            future.as_mut().poll(&mut context)
        }));
        // Whoever's files the task touched, the next one starts as nobody.
        creds::reset();
        match polled {
            Ok(Poll::Pending) => self.tasks.borrow_mut().put_back(id, future),
            Ok(Poll::Ready(())) => {
                self.tasks.borrow_mut().remove(id);
                drop(future);
            }
            Err(_) => {
                // The panic hook has logged it; the values the task held were dropped while unwinding.
                self.panicked.set(self.panicked.get() + 1);
                self.tasks.borrow_mut().remove(id);
                // A second panic while dropping the rest must not end the loop either.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(future)));
            }
        }
    }
}

impl Handle {
    /// Starts a task. It is first polled in one of the next turns, never inside this call.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.start(future);
    }

    fn start(&self, future: impl Future<Output = ()> + 'static) -> task::TaskId {
        let inner = &self.0;
        let id = inner
            .tasks
            .borrow_mut()
            .insert(Box::pin(future), &inner.ready);
        inner.ready.push_urgent(id);
        id
    }

    /// The time at the start of this turn (monotonic). All deadlines of the server are set on it.
    pub fn now(&self) -> Instant {
        self.0.now.get()
    }

    /// Waits until `deadline`, to a millisecond, never early.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::new(self.clone(), deadline)
    }

    /// Waits for `duration` from now.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Runs `future` but gives up at `deadline`: `None` then, and the future is dropped. The timer is set only
    /// when the future has to wait.
    pub async fn until<F: Future>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut sleep = self.sleep_until(deadline);
        std::future::poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            Pin::new(&mut sleep).poll(context).map(|()| None)
        })
        .await
    }

    /// Gives way to every other ready task. To be awaited when a slice of work (data moved, lines answered,
    /// names listed) reached its budget though nothing would have blocked.
    pub async fn breathe(&self) {
        let ready = &self.0.ready;
        let mut given_way = false;
        std::future::poll_fn(|context| {
            if given_way {
                return Poll::Ready(());
            }
            given_way = true;
            ready.wake_as(Priority::Data, context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The helper threads, for calls that may sleep.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Wakes every task, so that each looks again at what it waits for (the server is stopping, say).
    pub fn wake_all(&self) {
        let wakers = self.0.tasks.borrow().wakers();
        for waker in wakers {
            waker.wake();
        }
    }

    /// How many tasks are alive.
    pub fn tasks(&self) -> usize {
        self.0.tasks.borrow().len()
    }

    /// How many tasks ended by a panic since the start.
    pub fn panicked(&self) -> u64 {
        self.0.panicked.get()
    }
}

#[cfg(test)]
mod tests;
