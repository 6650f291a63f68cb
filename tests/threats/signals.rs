//! L6: what signals do to a server at work.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use crate::support::{
    Launch, Place, Running, alone, begin, download, expect, expect_reply, free_port, together,
    within,
};

/// A server that has been told to end and has nothing to wait for.
const AT_ONCE: Duration = Duration::from_secs(2);

fn large(place: &Place) -> Vec<u8> {
    let content: Vec<u8> = (0..8_u32 << 20).map(|at| (at % 241) as u8).collect();
    place.file("root/pub/large", &content);
    content
}

#[test]
fn l6_hangup_and_broken_pipe_leave_transfers_alone() {
    let _together = together();
    let place = Place::new();
    let content = large(&place);
    let mut server = Launch::new(&place).start();
    let mut down = server.logged_in();
    let mut from = begin(&mut down, "RETR pub/large");
    let mut up = server.logged_in();
    let mut to = begin(&mut up, "STOR incoming/up");
    to.write_all(&content[..1 << 20]).expect("the server reads");
    for signal in [Signal::HUP, Signal::PIPE, Signal::HUP] {
        server.signal(signal);
        std::thread::sleep(Duration::from_millis(50));
        assert!(server.is_alive(), "{signal:?} ended it");
    }
    let mut got = Vec::new();
    from.read_to_end(&mut got).expect("the whole file");
    assert!(got == content, "other bytes than the file's");
    expect_reply(&mut down, 226);
    to.write_all(&content[1 << 20..]).expect("the server reads");
    drop(to);
    expect_reply(&mut up, 226);
    assert!(std::fs::read(place.path("root/incoming/up")).expect("the upload") == content);
}

#[test]
fn l6_a_server_without_transfers_says_goodbye_and_ends_within_a_second() {
    let _alone = alone();
    let place = Place::new();
    let mut server = Launch::new(&place).flags(&["--drain", "60"]).start();
    let mut clients: Vec<_> = (0..20).map(|_| server.logged_in()).collect();
    // One waits in PASV, one has not logged in: neither is a transfer.
    clients[0].ask_passive().expect("a port");
    clients.push(server.greeted().expect("there is room"));
    let begun = Instant::now();
    server.signal(Signal::TERM);
    for client in &mut clients {
        expect_reply(client, 421);
        assert!(client.line().expect("the end").is_none());
    }
    let status = server.end_within(AT_ONCE).expect("it ends");
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < AT_ONCE);
}

/// A server under SIGTERM with a download and an upload in the middle: both go on while others are sent away.
#[test]
fn l6_transfers_may_end_within_the_drain_time() {
    let _together = together();
    let place = Place::new();
    let content = large(&place);
    let mut server = Launch::new(&place).flags(&["--drain", "20", "-0"]).start();
    let mut idle = server.logged_in();
    let mut down = server.logged_in();
    let mut from = begin(&mut down, "RETR pub/large");
    let mut up = server.logged_in();
    let mut to = begin(&mut up, "STOR incoming/up");
    to.write_all(&content[..1 << 20]).expect("the server reads");
    server.signal(Signal::TERM);
    expect_reply(&mut idle, 421);
    within(AT_ONCE, "nobody new is let in", || {
        server.greeted().is_err()
    });
    assert!(server.is_alive(), "it did not wait");
    let mut got = Vec::new();
    from.read_to_end(&mut got).expect("the whole file");
    assert!(got == content, "other bytes than the file's");
    expect_reply(&mut down, 226);
    expect_reply(&mut down, 421);
    to.write_all(&content[1 << 20..]).expect("the server reads");
    drop(to);
    expect_reply(&mut up, 226);
    expect_reply(&mut up, 421);
    assert!(
        server
            .end_within(AT_ONCE)
            .is_some_and(|status| status.success())
    );
    assert!(std::fs::read(place.path("root/incoming/up")).expect("the upload") == content);
    assert_eq!(place.names("root/incoming").len(), 1);
}

/// A download and a whole-or-nothing upload under way that never end by themselves.
fn endless(server: &Running) -> [(crate::common::client::Client, std::net::TcpStream); 2] {
    let mut down = server.logged_in();
    let from = begin(&mut down, "RETR pub/large");
    let mut up = server.logged_in();
    let mut to = begin(&mut up, "STOR incoming/up");
    to.write_all(&[b'u'; 1 << 20]).expect("the server reads");
    [(down, from), (up, to)]
}

#[test]
fn l6_after_the_drain_time_transfers_are_ended_and_temporary_files_gone() {
    let _alone = alone();
    let place = Place::new();
    place.file("root/pub/large", &vec![b'l'; 32 << 20]);
    let mut server = Launch::new(&place).flags(&["--drain", "1", "-0"]).start();
    let [_down, (mut up, _to)] = endless(&server);
    let begun = Instant::now();
    server.signal(Signal::TERM);
    assert!(
        server
            .end_within(Duration::from_secs(4))
            .is_some_and(|status| status.success())
    );
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "it did not wait"
    );
    expect_reply(&mut up, 421);
    assert!(
        place.names("root/incoming").is_empty(),
        "{:?}",
        place.names("root/incoming")
    );
}

#[test]
fn l6_a_second_term_ends_transfers_at_once() {
    let _alone = alone();
    let place = Place::new();
    place.file("root/pub/large", &vec![b'l'; 32 << 20]);
    for flags in [&["--drain", "60"][..], &["--drain", "60", "-0"]] {
        let mut server = Launch::new(&place).flags(flags).start();
        let _transfers = endless(&server);
        server.signal(Signal::TERM);
        std::thread::sleep(Duration::from_millis(200));
        assert!(server.is_alive(), "it did not wait");
        server.signal(Signal::TERM);
        let status = server.end_within(AT_ONCE).expect("it ends at once");
        assert!(status.success(), "{status}");
        assert!(
            place.names("root/incoming").is_empty(),
            "{:?}",
            place.names("root/incoming")
        );
    }
}

#[test]
fn l6_a_new_server_takes_the_port_at_once() {
    let _together = together();
    let place = Place::new();
    let port = free_port().expect("a port");
    for _ in 0..3 {
        let mut server = Launch::new(&place).port(port).start();
        // A connection that the server closes leaves its port in TIME_WAIT.
        let mut client = server.logged_in();
        assert_eq!(download(&mut client, "RETR pub/small"), Ok(vec![b's'; 100]));
        server.signal(Signal::TERM);
        expect_reply(&mut client, 421);
        assert!(server.end_within(AT_ONCE).is_some());
        // Without SO_REUSEADDR the port cannot be had.
        let naive = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let bound = naive.bind(&server.address().into());
        assert!(
            bound.is_err(),
            "no connection is in TIME_WAIT, so nothing was shown"
        );
    }
}

#[test]
fn l6_interrupt_from_the_terminal_ends_it_too() {
    let _together = together();
    let place = Place::new();
    let mut server = Launch::new(&place).start();
    let mut client = server.logged_in();
    server.signal(Signal::INT);
    expect_reply(&mut client, 421);
    assert!(
        server
            .end_within(AT_ONCE)
            .is_some_and(|status| status.success())
    );
    let mut late = Launch::new(&place).start();
    expect(&mut late.logged_in(), "NOOP", 200);
    assert!(late.is_alive());
}
