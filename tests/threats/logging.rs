//! C11: a log that cannot be written costs records, never a session.

use std::fs::{File, OpenOptions};
use std::io::pipe;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Launch, Place, Running, alone, download, expect, free_port};

/// Sessions that come and go, each with a few records; with `-d -d` far more than a pipe holds.
const SESSIONS: usize = 400;

fn sessions_go_on(stderr: Stdio, what: &str) {
    let place = Place::new();
    let port = free_port().expect("a port");
    let launch = Launch::new(&place)
        .port(port)
        .flags(&["-d", "-d", "-C", "20"]);
    let mut server = Running::with_errors(&launch, stderr);
    let begun = Instant::now();
    for number in 0..SESSIONS {
        let mut client = server.logged_in();
        if number % 20 == 0 {
            assert_eq!(
                download(&mut client, "RETR pub/small"),
                Ok(vec![b's'; 100]),
                "{what}"
            );
        }
        expect(&mut client, "QUIT", 221);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{what}: {:?}",
        begun.elapsed()
    );
    assert!(server.is_alive(), "{what}");
}

#[test]
fn c11_a_reader_that_stalls_stops_nobody() {
    let _alone = alone();
    let (reader, writer) = pipe().expect("a pipe");
    sessions_go_on(writer.into(), "a pipe nobody reads");
    drop(reader);
}

#[test]
fn c11_a_reader_that_is_gone_stops_nobody() {
    let _alone = alone();
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    sessions_go_on(writer.into(), "a pipe without a reader");
}

#[test]
fn c11_a_full_disk_stops_nobody() {
    let _alone = alone();
    let full: File = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    sessions_go_on(full.into(), "/dev/full");
}

#[test]
fn c11_a_server_with_a_stalled_log_can_be_stopped() {
    let _alone = alone();
    let place = Place::new();
    let port = free_port().expect("a port");
    let (reader, writer) = pipe().expect("a pipe");
    let launch = Launch::new(&place).port(port).flags(&["-d", "-d"]);
    let mut server = Running::with_errors(&launch, writer.into());
    for _ in 0..200 {
        let mut client = server.logged_in();
        expect(&mut client, "FEAT", 211);
        expect(&mut client, "QUIT", 221);
    }
    server.signal(rustix::process::Signal::TERM);
    let ended = server.end_within(Duration::from_secs(6));
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    drop(reader);
}
