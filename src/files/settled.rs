//! Knowing when an upload has come to its end, whichever that is: published, kept as it was, or taken back on a
//! helper thread. A client told "aborted" may try the same name again at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct State {
    done: bool,
    waker: Option<Waker>,
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held by the upload; dropped when nothing is left to do for it.
#[derive(Default)]
pub(super) struct Settler(Shared);

impl Settler {
    pub(super) fn watch(&self) -> Settled {
        Settled(Arc::clone(&self.0))
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.done = true;
        if let Some(waker) = state.waker.take() {
            drop(state);
            waker.wake();
        }
    }
}

/// Ready once the upload has come to its end.
pub struct Settled(Shared);

impl Future for Settled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.done {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
