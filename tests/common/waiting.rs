//! Waits for what must come to hold, never longer than a limit.

use std::time::{Duration, Instant};

/// Waits until it holds, or fails with `what` after `limit`.
#[track_caller]
pub(crate) fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
