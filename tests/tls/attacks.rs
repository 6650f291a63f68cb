//! Peers that mean no good, or are broken.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rustls::version::TLS13;

use crate::common::client::{Client, connect_data};
use crate::common::waiting::within;
use crate::fixture::{SIZE, Served, content};
use crate::peer::{Peer, config, is_end, read_all, shake};

fn greeted(served: &Served) -> Client {
    let mut client = Client::connect(served.address()).expect("connects");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    client
}

/// Threats C1, CVE-2011-0411: whoever is on the way may put commands behind AUTH.
#[test]
fn c1_commands_in_clear_behind_auth_are_not_obeyed_under_tls() {
    let served = Served::start(&["-Y", "1"]);
    for injected in ["NOOP\r\n", "USER evil\r\nREST 7\r\n", "NOO", "\r\n"] {
        let mut plain = greeted(&served);
        plain
            .send(format!("AUTH TLS\r\n{injected}").as_bytes())
            .expect("sends");
        assert_eq!(plain.reply().expect("a reply").code, 234);
        let socket = plain.stream().try_clone().expect("the socket");
        let mut control = shake(socket, &config(&TLS13), "localhost").expect("a handshake");
        control.write_all(b"SYST\r\n").expect("sends");
        let mut block = [0; 512];
        let count = control.read(&mut block).expect("a reply");
        let reply = String::from_utf8_lossy(&block[..count]);
        assert!(reply.starts_with("215 "), "{injected:?}: {reply}");
        assert_eq!(reply.matches('\n').count(), 1, "{injected:?}: {reply}");
    }
    let errors = served.server.errors();
    assert!(
        errors.contains("before the TLS handshake were discarded"),
        "{errors}"
    );
}

#[test]
fn l7_garbage_in_place_of_a_handshake_ends_the_session_and_nothing_else() {
    let served = Served::start(&["-Y", "1"]);
    let shapes: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0",
        &[0xff; 5000],
        &[0x16, 3, 1, 0xff, 0xff],
        &[0x16, 3, 1, 0, 4, 1, 0, 0, 0],
        &[0x15, 3, 3, 0, 2, 2, 40],
        &[0x17, 3, 3, 0, 1, 0],
        &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
    ];
    for shape in shapes {
        let mut plain = greeted(&served);
        plain.command("AUTH TLS").expect("a reply");
        plain.send(shape).expect("sends");
        let _ = plain.stream().shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = plain.stream().read_to_end(&mut rest);
        assert!(rest.len() < 100, "{} bytes in reply", rest.len());
    }
    Peer::connect(&served, config(&TLS13)).log_in();
    assert!(
        !served.server.errors().contains("panic"),
        "{}",
        served.server.errors()
    );
}

#[test]
fn l7_handshakes_that_stand_still_hold_nobody_up_and_end() {
    let served = Served::start(&["-Y", "1", "-c", "200", "--logintimeout", "3"]);
    let mut stuck = Vec::new();
    for place in 0..150 {
        let mut plain = greeted(&served);
        plain.command("AUTH TLS").expect("a reply");
        if place % 2 == 0 {
            plain.send(&[0x16, 3, 1, 2, 0, 1]).expect("sends");
        }
        stuck.push(plain);
    }
    let began = Instant::now();
    let mut peer = Peer::private(&served, &TLS13);
    let mut data = peer.open(&served, "RETR pub/file");
    assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
    assert_eq!(peer.reply().0, 226);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    for plain in &stuck {
        assert!(is_end(plain.stream().read(&mut [0; 64])));
    }
    assert_eq!(peer.command("NOOP").0, 200);
}

#[test]
fn d8_a_peer_in_clear_gets_no_byte_of_a_protected_file_and_stores_none() {
    let served = Served::start(&["-Y", "1"]);
    let mut peer = Peer::private(&served, &TLS13);
    let mut data = peer.open_clear(&served, "RETR pub/file");
    data.write_all(b"hello, anybody there?\r\n").expect("sends");
    let mut got = Vec::new();
    let _ = data.read_to_end(&mut got);
    assert!(got.len() < 16, "{} bytes", got.len());
    assert_eq!(peer.reply().0, 522);

    let mut data = peer.open_clear(&served, "STOR incoming/new");
    data.write_all(b"evil content").expect("sends");
    drop(data);
    assert_eq!(peer.reply().0, 522);
    within(Duration::from_secs(5), "nothing is stored", || {
        !served.served("incoming/new").exists()
    });
    assert_eq!(peer.command("NOOP").0, 200);
}

#[test]
fn a_data_connection_that_never_makes_keys_is_given_up() {
    let served = Served::start(&["-Y", "1", "--accepttimeout", "1"]);
    let mut peer = Peer::private(&served, &TLS13);
    let data = peer.open_clear(&served, "RETR pub/file");
    assert_eq!(peer.reply().0, 522);
    drop(data);
    // ABOR ends such a wait sooner.
    let served = Served::start(&["-Y", "1"]);
    let mut peer = Peer::private(&served, &TLS13);
    let data = peer.open_clear(&served, "RETR pub/file");
    peer.say("ABOR");
    assert_eq!(peer.reply().0, 426);
    assert_eq!(peer.reply().0, 226);
    drop(data);
}

#[test]
fn a_client_in_clear_at_an_implicit_port_is_let_go() {
    let served = Served::start(&["--implicittls", "--logintimeout", "2"]);
    let mut plain = connect_data(served.address()).expect("connects");
    plain.write_all(b"USER ftp\r\n").expect("sends");
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest);
    assert!(rest.len() < 16, "{rest:?}");
}
