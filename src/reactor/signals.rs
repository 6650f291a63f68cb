//! Signals as events of the loop.

use std::collections::VecDeque;
use std::io;
use std::task::Poll;

use signal_hook_mio::v1_0::Signals as Queue;

use super::io::Registration;
use super::{Direction, Handle, Priority};

/// Signals that this process wants to hear of, taken one by one by a task.
pub struct Signals {
    queue: Queue,
    registration: Registration,
    arrived: VecDeque<i32>,
}

impl Signals {
    /// Begins to catch `signals` (numbers as in signal(7)).
    ///
    /// # Errors
    /// Signals that may not be caught, descriptor limits.
    pub fn new(handle: &Handle, signals: &[i32]) -> io::Result<Signals> {
        let mut queue = Queue::new(signals)?;
        let registration = Registration::new(handle, &mut queue, Priority::Control)?;
        Ok(Signals {
            queue,
            registration,
            arrived: VecDeque::new(),
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> i32 {
        std::future::poll_fn(|context| {
            self.arrived.extend(self.queue.pending());
            if let Some(signal) = self.arrived.pop_front() {
                return Poll::Ready(signal);
            }
            self.registration.park(context, Direction::Read);
            Poll::Pending
        })
        .await
    }
}
