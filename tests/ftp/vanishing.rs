//! Clients that go away in the middle: the server forgets them and goes on serving the rest.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::client::{Client, connect_data};
use crate::fixture::{Served, Way, fill, with_peer};

/// How long a vanished client may still be counted.
const SOON: Duration = Duration::from_secs(10);

/// A client that was let in; under `-c 1` that is as soon as the one before is forgotten.
fn let_in(served: &Served) -> Client {
    let limit = Instant::now() + SOON;
    loop {
        let mut client = Client::connect(served.address()).expect("the server listens");
        match client.reply().expect("a greeting").code {
            220 => return client,
            421 if Instant::now() < limit => std::thread::sleep(Duration::from_millis(20)),
            code => panic!("the place is not free again: {code}"),
        }
    }
}

fn logged_in(served: &Served) -> Client {
    let mut client = let_in(served);
    for (line, code) in [("USER ftp", 230), ("TYPE I", 200)] {
        assert_eq!(client.command(line).expect("a reply").code, code, "{line}");
    }
    client
}

/// Closes in the way that resets the connection.
fn reset(stream: &TcpStream) {
    socket2::SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a socket option");
}

#[test]
fn d6_in_the_middle_of_a_download() {
    let served = Served::start(Way::Passive, &["-c", "1"]);
    fill(&served.served("pub/large"), 64 << 20);
    let mut client = logged_in(&served);
    let at = client.ask_passive().expect("a port");
    let mut data = connect_data(at).expect("a data connection");
    assert_eq!(client.command("RETR pub/large").expect("a reply").code, 150);
    data.read_exact(&mut [0; 1000]).expect("some data");
    drop(data);
    drop(client);
    let_in(&served);
}

#[test]
fn d6_in_the_middle_of_an_upload() {
    let served = Served::start(Way::Passive, &["-c", "1"]);
    let mut client = logged_in(&served);
    let at = client.ask_extended_passive().expect("a port");
    let mut data = connect_data(at).expect("a data connection");
    assert_eq!(
        client.command("STOR incoming/x").expect("a reply").code,
        150
    );
    data.write_all(&[b'x'; 1000]).expect("some data");
    reset(&data);
    drop(data);
    drop(client);
    let_in(&served);
    if !with_peer("Pure-FTPd keeps what arrived") {
        let limit = Instant::now() + SOON;
        while served.served("incoming/x").exists() {
            assert!(Instant::now() < limit, "half an upload stays");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn d6_while_the_server_waits_for_its_data_connection() {
    if with_peer("Pure-FTPd does not notice before the idle time") {
        return;
    }
    let served = Served::start(Way::Passive, &["-c", "1"]);
    let mut client = logged_in(&served);
    client.ask_passive().expect("a port");
    client.send(b"RETR pub/65536.bin\r\n").expect("a command");
    drop(client);
    let_in(&served);
}

#[test]
fn before_and_after_the_login() {
    let served = Served::start(Way::Passive, &["-c", "1"]);
    drop(let_in(&served));
    let client = logged_in(&served);
    reset(client.stream());
    drop(client);
    let_in(&served);
}

#[test]
fn d6_with_a_data_connection_nobody_uses() {
    let served = Served::start(Way::Passive6, &["-c", "1"]);
    let mut client = logged_in(&served);
    let at = client.ask_extended_passive().expect("a port");
    let data = connect_data(at).expect("a data connection");
    drop(client);
    let_in(&served);
    drop(data);
}

#[test]
fn others_are_served_meanwhile() {
    let served = Served::start(Way::Passive, &[]);
    fill(&served.served("pub/large"), 64 << 20);
    let mut slow = logged_in(&served);
    let at = slow.ask_passive().expect("a port");
    let data = connect_data(at).expect("a data connection");
    assert_eq!(slow.command("RETR pub/large").expect("a reply").code, 150);
    let mut other = logged_in(&served);
    let reply = other.command("SIZE pub/large").expect("a reply");
    assert_eq!(reply.last(), format!("213 {}", 64 << 20));
    drop(data);
}
