//! A value on its way to the helper pool and back.
//!
//! Closing a descriptor or taking back a half-made upload can sleep, so neither a value that goes to the pool nor
//! the one that comes back may be dropped by the loop thread when the session that waits is given up. A
//! [`Trip`] sees to that, whatever the moment: before the job began, while it runs, or after it is done.

use std::future::Future;
use std::io;
use std::mem::{needs_drop, replace};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use crate::reactor::{Handle, Job};

enum Stage<I, T> {
    Going(I),
    Working,
    Back(io::Result<T>),
    Abandoned,
}

type Slot<I, T> = Arc<Mutex<Stage<I, T>>>;

fn lock<I, T>(slot: &Slot<I, T>) -> MutexGuard<'_, Stage<I, T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The future of a job that takes an `I` to the pool and brings a `T` back.
pub(super) struct Trip<I: Send + 'static, T: Send + 'static> {
    slot: Slot<I, T>,
    job: Job<()>,
    handle: Handle,
    device: u64,
}

impl<I: Send + 'static, T: Send + 'static> Trip<I, T> {
    /// Sends `input` to the pool; `work` may sleep on `device`.
    pub(super) fn begin(
        handle: &Handle,
        device: u64,
        input: I,
        work: impl FnOnce(I) -> io::Result<T> + Send + 'static,
    ) -> Trip<I, T> {
        let slot = Arc::new(Mutex::new(Stage::Going(input)));
        let place = Arc::clone(&slot);
        let job = handle.pool().run(handle, device, move || {
            let taken = replace(&mut *lock(&place), Stage::Working);
            if let Stage::Going(input) = taken {
                hand_over(&place, work(input));
            }
            Ok(())
        });
        Trip {
            slot,
            job,
            handle: handle.clone(),
            device,
        }
    }
}

/// Leaves the result for the waiter, or drops it here, on the helper thread, when nobody waits any more.
fn hand_over<I, T>(slot: &Slot<I, T>, result: io::Result<T>) {
    let mut stage = lock(slot);
    if matches!(*stage, Stage::Working) {
        *stage = Stage::Back(result);
    } else {
        drop(stage);
        drop(result);
    }
}

impl<I: Send + 'static, T: Send + 'static> Future for Trip<I, T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(Pin::new(&mut self.job).poll(context))?;
        Poll::Ready(match replace(&mut *lock(&self.slot), Stage::Abandoned) {
            Stage::Back(result) => result,
            _ => Err(io::Error::other("the job left no result")),
        })
    }
}

impl<I: Send + 'static, T: Send + 'static> Drop for Trip<I, T> {
    fn drop(&mut self) {
        let stage = replace(&mut *lock(&self.slot), Stage::Abandoned);
        let sleeps = match &stage {
            Stage::Going(_) => needs_drop::<I>(),
            Stage::Back(Ok(_)) => needs_drop::<T>(),
            _ => false,
        };
        if sleeps {
            self.handle.pool().detach(self.device, move || drop(stage));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Reactor;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::{ThreadId, current};
    use std::time::Duration;

    /// Tells on which thread it was dropped.
    struct Told(Sender<ThreadId>);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(current().id());
        }
    }

    fn assert_dropped_elsewhere(told: &Receiver<ThreadId>) {
        let thread = told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_ne!(thread, current().id());
    }

    #[test]
    fn what_nobody_waits_for_is_dropped_on_a_helper_thread() {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        for waited in [false, true] {
            let (sender, told) = channel();
            let (started, begun) = channel();
            let (go_on, gate) = channel::<()>();
            let trip = Trip::begin(&handle, 1, Told(sender), move |input| {
                started.send(()).unwrap();
                let _ = gate.recv();
                Ok(input)
            });
            begun.recv().unwrap();
            if waited {
                go_on.send(()).unwrap();
                while !matches!(*lock(&trip.slot), Stage::Back(_)) {
                    std::thread::yield_now();
                }
            }
            drop(trip);
            drop(go_on);
            assert_dropped_elsewhere(&told);
        }
    }

    #[test]
    fn what_no_thread_has_begun_with_is_dropped_on_a_helper_thread() {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (go_on, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for _ in 0..8 {
            let gate = Arc::clone(&gate);
            handle.pool().detach(1, move || {
                let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
            });
        }
        let (sender, told) = channel();
        let trip = Trip::begin(&handle, 1, Told(sender), Ok);
        drop(trip);
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        drop(go_on);
        assert_dropped_elsewhere(&told);
    }

    #[test]
    fn a_job_that_panics_is_an_error() {
        let mut reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let result = reactor.run(async move {
            let trip: Trip<(), ()> = Trip::begin(&handle, 1, (), |()| panic!("meant"));
            trip.await
        });
        assert!(result.unwrap().is_err());
    }
}
