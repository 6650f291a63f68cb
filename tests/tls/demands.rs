//! Whom TLS is demanded of, CCC, handshakes without end, and certificates that are renewed under a running server.

use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

use rustls::version::{TLS12, TLS13};

use crate::common::client::Client;
use crate::common::programs::{attempt, program};
use crate::common::waiting::within;
use crate::fixture::{SIZE, Served, content, make_certificate};
use crate::peer::{Peer, config, read_all, shake};

const PATIENCE: Duration = Duration::from_secs(10);

/// What a client in clear is answered to each of these, in sessions of their own.
fn in_clear(served: &Served, commands: &[&str]) -> Vec<u16> {
    let answer = |command: &&str| {
        let mut client = Client::connect(served.address()).expect("connects");
        assert_eq!(client.reply().expect("a greeting").code, 220);
        client.command(command).expect("a reply").code
    };
    commands.iter().map(answer).collect()
}

#[test]
fn a_demand_can_bind_users_alone_or_strangers_alone() {
    let logins = ["USER ftp", "USER anonymous", "USER joe"];
    for (flags, codes) in [
        (&["-Y", "2"][..], [421, 421, 421]),
        (&["-Y", "2", "--tlsfor", "users"], [230, 230, 421]),
        (&["-Y", "2", "--tlsfor", "anonymous"], [421, 421, 331]),
    ] {
        let served = Served::start(flags);
        assert_eq!(in_clear(&served, &logins), codes, "{flags:?}");
    }
    // Data of strangers in clear, though users would have to protect theirs.
    let served = Served::start(&["-Y", "3", "--tlsfor", "users"]);
    let mut client = Client::connect(served.address()).expect("connects");
    client.reply().expect("a greeting");
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    assert_eq!(client.command("TYPE I").expect("a reply").code, 200);
    let data = client.ask_passive().expect("a port");
    let mut data = crate::common::client::connect_data(data).expect("connects");
    assert_eq!(client.command("RETR pub/file").expect("a reply").code, 150);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes.len(), SIZE);
}

#[test]
fn clients_of_a_listed_network_may_do_without() {
    let logins = ["USER ftp"];
    let near = Served::start(&[
        "-Y",
        "3",
        "--plainfrom",
        "192.0.2.0/24",
        "--plainfrom",
        "127.0.0.0/8",
    ]);
    assert_eq!(in_clear(&near, &logins), [230]);
    let far = Served::start(&["-Y", "3", "--plainfrom", "192.0.2.0/24"]);
    assert_eq!(in_clear(&far, &logins), [421]);
}

/// Reads in clear until a reply with this code is complete.
fn read_until(socket: &mut std::net::TcpStream, code: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let is_there = |bytes: &[u8]| {
        let found = bytes
            .windows(code.len())
            .position(|part| part == code.as_bytes());
        found.is_some_and(|place| bytes[place..].contains(&b'\n'))
    };
    while !is_there(&bytes) {
        let mut block = [0; 512];
        let count = socket.read(&mut block).expect("a reply in clear");
        assert_ne!(count, 0, "the server hung up: {bytes:?}");
        bytes.extend_from_slice(&block[..count]);
    }
    bytes
}

#[test]
fn ccc_ends_tls_on_the_control_connection_and_keeps_it_for_data() {
    for version in [&TLS12, &TLS13] {
        for says_end in [true, false] {
            let served = Served::start(&["-Y", "1"]);
            let mut peer = Peer::private(&served, version);
            assert_eq!(peer.command("CCC").0, 200);
            let mut clear = Vec::new();
            if says_end {
                peer.control.conn.send_close_notify();
                while peer.control.conn.wants_write() {
                    peer.control.conn.write_tls(&mut clear).expect("memory");
                }
            }
            // In one segment with what follows.
            clear.extend_from_slice(b"PWD\r\n");
            let mut socket = peer.control.sock.try_clone().expect("the socket");
            socket.write_all(&clear).expect("sends");
            read_until(&mut socket, "257 \"/\"");
            socket.write_all(b"EPSV\r\n").expect("sends");
            let reply = read_until(&mut socket, "229 ");
            let reply = String::from_utf8_lossy(&reply).into_owned();
            let port: u16 = reply
                .split('|')
                .nth(3)
                .expect("a port")
                .parse()
                .expect("a port");
            let data = crate::common::client::connect_data((served.address().ip(), port).into());
            socket.write_all(b"RETR pub/file\r\n").expect("sends");
            read_until(&mut socket, "150");
            let mut data = shake(data.expect("connects"), &peer.config, "localhost").expect("keys");
            assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
            read_until(&mut socket, "226");
            socket.write_all(b"AUTH TLS\r\n").expect("sends");
            read_until(&mut socket, "534");
        }
    }
}

#[test]
fn ccc_is_refused_before_the_login_in_clear_and_where_tls_is_demanded() {
    let served = Served::start(&["-Y", "1"]);
    let mut peer = Peer::connect(&served, config(&TLS13));
    assert_eq!(peer.command("CCC").0, 534);
    let mut client = Client::connect(served.address()).expect("connects");
    client.reply().expect("a greeting");
    client.command("USER ftp").expect("a reply");
    assert_eq!(client.command("CCC").expect("a reply").code, 534);
    let served = Served::start(&["-Y", "2"]);
    let mut peer = Peer::private(&served, &TLS13);
    assert_eq!(peer.command("CCC").0, 534);
}

#[test]
fn curl_clears_its_control_connection_either_way() {
    let served = Served::start(&["-Y", "1"]);
    for mode in ["active", "passive"] {
        let Some(mut curl) = program("curl") else {
            return;
        };
        curl.args([
            "-sS",
            "-k",
            "--ssl-reqd",
            "--max-time",
            "20",
            "--ftp-ssl-ccc",
        ])
        .args(["--ftp-ssl-ccc-mode", mode, "-o"])
        .arg(served.mine("got"))
        .arg(format!("ftp://localhost:{}/pub/file", served.port()));
        let (done, said) = attempt(&mut curl, served.home(), "");
        assert!(done, "{mode}: {said}");
        assert_eq!(
            fs::read(served.mine("got")).expect("the file"),
            content(SIZE)
        );
    }
    let log = served.server.errors();
    assert_eq!(log.matches("is in clear from here on").count(), 2, "{log}");
}

#[test]
fn l7_handshakes_that_lead_to_no_login_are_counted_by_address() {
    let served = Served::start(&["-Y", "1", "-c", "1000"]);
    // Who logs in owes nothing.
    for _ in 0..20 {
        Peer::connect(&served, config(&TLS13)).log_in();
    }
    let handshake = || {
        let mut plain = Client::connect(served.address()).expect("connects");
        plain.reply().expect("a greeting");
        plain.command("AUTH TLS").expect("a reply");
        let socket = plain.stream().try_clone().expect("the socket");
        shake(socket, &config(&TLS13), "localhost").is_ok()
    };
    let mut done = 0;
    // Some are paid by time meanwhile.
    while done < 3000 && handshake() {
        done += 1;
    }
    assert!((200..3000).contains(&done), "{done}");
    let log = served.server.errors();
    assert!(
        log.contains("too many from this address led to no login"),
        "{log}"
    );
    // In clear the address is served as before, and some time later in TLS as well.
    assert_eq!(in_clear(&served, &["USER ftp"]), [230]);
    within(PATIENCE, "another handshake", handshake);
}

#[test]
fn a_renewed_certificate_is_taken_without_a_signal_and_a_bad_one_is_said_once() {
    let served = Served::start(&["-Y", "1"]);
    let shown = || {
        let mut peer = Peer::connect(&served, config(&TLS13));
        peer.log_in();
        let chain = peer
            .control
            .conn
            .peer_certificates()
            .expect("a certificate");
        chain[0].to_vec()
    };
    let first = shown();
    make_certificate(served.home(), "server", "localhost", 40);
    within(PATIENCE, "the new certificate", || shown() != first);
    let second = shown();
    let log = served.server.errors();
    assert_eq!(
        log.matches("The files changed: certificates were read again")
            .count(),
        1,
        "{log}"
    );
    fs::write(served.mine("server.pem"), "nothing of the kind").expect("a file");
    let stays = || {
        served
            .server
            .errors()
            .matches("the certificates stay as they were")
            .count()
    };
    within(PATIENCE, "what is wrong", || {
        assert!(shown() == second);
        stays() == 1
    });
    // Two more looks say nothing new.
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(1100));
        assert!(shown() == second);
    }
    assert_eq!(stays(), 1);
}
