//! Whole sessions on a real loop, from the client's side. Tests that begin with an id prove that row of the project's list
//! of threats.

use super::*;

mod anonymous;
mod control;
mod data;
mod edit;
mod harness;
mod names;
mod quota;
mod replies;
mod transfers;
mod uploads;

/// What a session costs that only sits there; the figure to hold is some 2 KiB with everything around it.
#[test]
fn an_idle_session_is_small() {
    fn size_of_future<F: Future>(_: fn(Box<Session>) -> F) -> usize {
        size_of::<F>()
    }
    let total = size_of::<Session>() + size_of_future(Session::run);
    assert!(total <= 1056, "{total} bytes");
}
