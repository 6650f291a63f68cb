//! Deadlines on the monotonic clock (a change of the wall clock ends no session).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::Handle;

/// All timers of the loop, in order of time.
#[derive(Default)]
pub(super) struct Timers {
    waiting: BTreeMap<(Instant, u64), Waker>,
    sequence: u64,
}

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes out everything whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 > now {
                break;
            }
            due.push(entry.remove());
        }
        due
    }
}

/// The future of [`Handle::sleep_until`]. Dropping it takes the timer out.
pub struct Sleep {
    handle: Handle,
    deadline: Instant,
    key: Option<u64>,
}

impl Sleep {
    pub(super) fn new(handle: Handle, deadline: Instant) -> Sleep {
        Sleep {
            handle,
            deadline,
            key: None,
        }
    }

    fn unset(&mut self) {
        if let Some(sequence) = self.key.take() {
            let mut timers = self.handle.0.timers.borrow_mut();
            timers.waiting.remove(&(self.deadline, sequence));
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.handle.now() >= self.deadline {
            self.unset();
            return Poll::Ready(());
        }
        let this = &mut *self;
        let mut timers = this.handle.0.timers.borrow_mut();
        let sequence = *this.key.get_or_insert_with(|| {
            timers.sequence += 1;
            timers.sequence
        });
        let place = timers.waiting.entry((this.deadline, sequence));
        let waker = place.or_insert_with(|| context.waker().clone());
        waker.clone_from(context.waker());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.unset();
    }
}
