//! For tests of calls that change the whole process for good: runs them in a forked child.

use std::fs::File;
use std::io::{Read, Write};

/// Seconds after which a child that hangs is ended.
const CHILD_SECONDS: u32 = 30;

/// Runs `body` in a child of one thread and answers what it answered. `body` must not panic: the test harness's locks may be held
/// by a thread that does not exist in the child.
pub(super) fn in_child(body: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let (reader, writer) = rustix::pipe::pipe().map_err(|e| e.to_string())?;
    // SAFETY: the child runs only `body` and leaves by _exit; glibc keeps malloc usable in the child of a process with threads.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: alarm takes a number and touches no memory.
        unsafe { libc::alarm(CHILD_SECONDS) };
        let outcome = body();
        let answer = outcome.err().unwrap_or_else(|| "whole".into());
        let _ = File::from(writer).write_all(answer.as_bytes());
        // SAFETY: ends the process at once, without the destructors and exit handlers of the parent's threads.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    if pid < 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    let mut answer = String::new();
    let read = File::from(reader).read_to_string(&mut answer);
    let _ = rustix::process::waitpid(
        rustix::process::Pid::from_raw(pid),
        rustix::process::WaitOptions::empty(),
    );
    match (read, answer.as_str()) {
        (Ok(_), "whole") => Ok(()),
        (Ok(_), "") => Err("the child ended without an answer".into()),
        _ => Err(answer),
    }
}

/// An error naming `what` unless `holds`.
pub(super) fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}
