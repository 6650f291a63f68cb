//! Active data connections from port 20, which the keeper binds.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::common::client::Client;
use crate::common::programs::{program, run};
use crate::support::{
    Launch, PASSWORD, Place, Running, User, cannot, expect, expect_reply, not_root,
};

const UID: u32 = 2001;

/// A server with `joe` that connects from port 20, or `None` where that port cannot be had.
fn served(place: &Place) -> Option<Running> {
    let taken = TcpListener::bind("127.0.0.1:20").is_err();
    if not_root() || cannot(taken, "port 20 is taken") {
        return None;
    }
    let users = [User::new(place, "joe", UID)];
    place.file("home/joe/file", "content", UID, 0o644);
    let launch = Launch::virtual_users(place, &users);
    Some(launch.flags(&["-E", "-A", "--activeport", "20"]).start())
}

/// Announces a port of ours, asks for the file, and gives the connection that comes.
fn fetch_from(client: &mut Client, command: &str) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("no waiting");
    let port = listener.local_addr().expect("its number").port();
    let announce = match command {
        "PORT" => format!("PORT 127,0,0,1,{},{}", port >> 8, port & 255),
        _ => format!("EPRT |1|127.0.0.1|{port}|"),
    };
    expect(client, &announce, 200);
    expect(client, "RETR file", 150);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).expect("waiting");
                return stream;
            }
            Err(_) => assert!(Instant::now() < end, "nobody connected"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn d7_active_connections_come_from_port_20_one_after_another() {
    let place = Place::new();
    let Some(server) = served(&place) else {
        return;
    };
    let mut client = server.login("joe");
    for number in 0..20 {
        let command = if number % 2 == 0 { "PORT" } else { "EPRT" };
        let mut data = fetch_from(&mut client, command);
        let from = data.peer_addr().expect("where it comes from");
        assert_eq!(from, SocketAddr::from(([127, 0, 0, 1], 20)));
        let mut got = String::new();
        data.read_to_string(&mut got).expect("the file");
        assert_eq!(got, "content");
        expect_reply(&mut client, 226);
    }
}

#[test]
fn two_clients_have_connections_from_port_20_at_once() {
    let place = Place::new();
    let Some(server) = served(&place) else {
        return;
    };
    place.file("home/joe/file", vec![b'x'; 8 << 20], UID, 0o644);
    let (mut one, mut other) = (server.login("joe"), server.login("joe"));
    let streams = [fetch_from(&mut one, "PORT"), fetch_from(&mut other, "EPRT")];
    for mut stream in streams {
        assert_eq!(stream.peer_addr().expect("where it comes from").port(), 20);
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("the file");
        assert_eq!(got.len(), 8 << 20);
    }
    expect_reply(&mut one, 226);
    expect_reply(&mut other, 226);
}

#[test]
fn clients_accept_what_comes_from_port_20() {
    let place = Place::new();
    let Some(server) = served(&place) else {
        return;
    };
    let home = tempfile::tempdir().expect("a home for the client");
    let url = format!("ftp://joe:{PASSWORD}@{}/file", server.address());
    if let Some(mut curl) = program("curl") {
        curl.args(["--silent", "--show-error", "--ftp-port", "-", &url]);
        let said = run(&mut curl, home.path(), "");
        assert!(said.starts_with("content"), "{said}");
    }
}
