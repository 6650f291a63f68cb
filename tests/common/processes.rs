//! What the kernel tells of processes (proc(5)).

use std::fs;

/// The children of a process that is there, in the order in which they were made (task/TID/children).
#[track_caller]
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect()
}

/// Whether a process is there and no zombie, whose command line is empty.
pub(crate) fn lives(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}
