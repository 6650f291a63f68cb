//! Data connections: to whom, from whom, and clients that vanish while one is awaited or used.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::harness::{Client, Ground, Login, connect, reset_on_close};

const HUGE: usize = 32 << 20;

/// The PORT argument of an address.
fn port_argument(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else {
        panic!("an IPv4 address");
    };
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

#[test]
fn active_transfers_go_to_the_client() {
    let ground = Ground::in_memory();
    ground.write("f", b"content");
    let mut client = ground.full();
    for extended in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        match extended {
            false => client.expect(format!("PORT {}", port_argument(address)), 200),
            true => client.expect(format!("EPRT |1|127.0.0.1|{}|", address.port()), 200),
        };
        client.send("RETR f");
        let (mut data, _) = listener.accept().unwrap();
        assert_eq!(client.reply().code, 150);
        let mut content = Vec::new();
        data.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"content");
        assert_eq!(client.reply().code, 226);
        // The announcement is used up.
        client.expect("RETR f", 425);
    }
}

#[test]
fn d1_no_connection_goes_to_another_host_or_a_low_port() {
    let ground = Ground::in_memory();
    ground.write("f", b"content");
    let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let stranger = elsewhere.local_addr().unwrap();
    let mut client = ground.full();
    let cases = [
        (format!("PORT {}", port_argument(stranger)), 500),
        (format!("EPRT |1|127.0.0.2|{}|", stranger.port()), 500),
        ("PORT 127,0,0,1,3,231".into(), 501),
        ("EPRT |1|127.0.0.1|999|".into(), 501),
        ("PORT 127,0,0,1,0,0".into(), 501),
        ("PORT 0,0,0,0,8,0".into(), 501),
        ("PORT 255,255,255,255,8,0".into(), 501),
        ("PORT 224,0,0,1,8,0".into(), 501),
        (
            format!("EPRT |2|::ffff:127.0.0.1|{}|", stranger.port()),
            501,
        ),
        (
            format!("EPRT |2|::ffff:127.0.0.2|{}|", stranger.port()),
            501,
        ),
        ("EPRT |2|::1|2000|".into(), 500),
        ("EPRT |2|::|2000|".into(), 501),
        ("EPRT |2|ff02::1|2000|".into(), 501),
    ];
    for (line, code) in cases {
        client.expect(&line, code);
        client.expect("RETR f", 425);
        client.expect("ESTA", 520);
    }
    // A refused address takes the listener before it away.
    client.passive_port();
    client.expect("PORT 127,0,0,2,8,0", 500);
    client.expect("RETR f", 425);
    assert!(elsewhere.accept().is_err(), "somebody was connected");
}

#[test]
fn noactive_and_no_passive_refuse_what_they_name() {
    let ground = Ground::in_memory();
    let mut client = ground.full_with(|settings| settings.network.no_active = true);
    client.expect("PORT 127,0,0,1,4,1", 501);
    client.expect("EPRT |1|127.0.0.1|1025|", 501);
    client.expect("ESTA", 520);
    assert!(!client.expect("FEAT", 211).contains("EPRT"));
    drop(client);
    let mut client = ground.full_with(|settings| settings.network.no_passive = true);
    client.expect("PASV", 500);
    client.expect("EPSV", 500);
    client.expect("ESTP", 520);
    assert!(!client.expect("FEAT", 211).contains("PASV"));
}

/// A connection from another address of this machine.
fn stranger(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from: SocketAddr = ([127, 0, 0, 9], 0).into();
    socket.bind(&from.into()).unwrap();
    let to: SocketAddr = ([127, 0, 0, 1], port).into();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(super::harness::PATIENCE))
        .unwrap();
    stream
}

#[test]
fn d2_a_stranger_at_the_listener_gets_nothing_and_the_owner_everything() {
    for ground in [Ground::in_memory(), Ground::on_disk()] {
        ground.write("f", b"content");
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        let port = client.passive_port();
        let mut thief = stranger(port);
        client.send("RETR f");
        let mut stolen = Vec::new();
        let _ = thief.read_to_end(&mut stolen);
        assert!(stolen.is_empty());
        let mut data = connect(port);
        assert_eq!(client.reply().code, 150);
        let mut content = Vec::new();
        data.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"content");
        assert_eq!(client.reply().code, 226);

        let port = client.passive_port();
        let mut thief = stranger(port);
        thief.write_all(b"planted").unwrap();
        client.send("STOR g");
        let mut data = connect(port);
        assert_eq!(client.reply().code, 150);
        data.write_all(b"mine").unwrap();
        drop(data);
        assert_eq!(client.reply().code, 226);
        assert_eq!(ground.read("g"), b"mine");
    }
}

#[test]
fn d3_a_listener_ends_with_the_next_command_that_announces() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    let gone = |port: u16| {
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        assert!(
            TcpStream::connect(address).is_err(),
            "port {port} still listens"
        );
    };
    let first = client.passive_port();
    let second = client.passive_port();
    gone(first);
    client.expect("PORT 127,0,0,1,4,1", 200);
    gone(second);
    let third = client.passive_port();
    client.expect("ABOR", 226);
    gone(third);
    let fourth = client.passive_port();
    let server = client.server();
    drop(client);
    drop(server);
    gone(fourth);
}

#[test]
fn d3_ports_are_in_the_range_and_not_in_a_row() {
    let ground = Ground::in_memory();
    let mut client = ground.full_with(|settings| {
        settings.network.passive_range = "40000:49999".parse().unwrap();
    });
    let ports: Vec<u16> = (0..300).map(|_| client.passive_port()).collect();
    assert!(ports.iter().all(|port| (40000..=49999).contains(port)));
    let neighbours = ports
        .windows(2)
        .filter(|pair| pair[0].abs_diff(pair[1]) <= 1);
    assert!(neighbours.count() < 30);
}

#[test]
fn d4_a_range_that_is_used_up_is_425() {
    let ground = Ground::in_memory();
    let taken: Vec<TcpListener> = (0..)
        .map_while(|offset: u16| TcpListener::bind(("127.0.0.1", 23_450 + offset)).ok())
        .take(4)
        .collect();
    assert_eq!(taken.len(), 4, "the ports of this test are in use");
    let mut client = ground.full_with(|settings| {
        settings.network.passive_range = "23450:23453".parse().unwrap();
    });
    client.expect("PASV", 425);
    client.expect("EPSV", 425);
    drop(taken);
    client.expect("PASV", 227);
}

/// Where a session is when its client vanishes. Each leaves the session in that state and gives what must stay open.
const STATES: [&str; 17] = [
    "greeted",
    "half a line",
    "logged in",
    "passive",
    "active",
    "waiting for the client of RETR",
    "waiting for the client of STOR",
    "waiting for the client of LIST",
    "waiting for the client of ESTP",
    "connected and unused",
    "established",
    "downloading",
    "downloading text",
    "uploading",
    "uploading, whole or nothing",
    "failed login",
    "commands behind a transfer",
];

fn enter(client: &mut Client, state: &str) -> Option<TcpStream> {
    client.expect("TYPE I", 200);
    match state {
        "half a line" => client.raw("RETR f"),
        "passive" => drop(client.passive_port()),
        "active" => drop(client.expect("PORT 127,0,0,1,255,254", 200)),
        "connected and unused" => return Some(client.data()),
        "established" => {
            let data = client.data();
            client.expect("ESTP", 225);
            return Some(data);
        }
        "downloading" | "downloading text" | "commands behind a transfer" => {
            if state == "downloading text" {
                client.expect("TYPE A", 200);
            }
            let mut data = client.data();
            client.expect("RETR f", 150);
            data.read_exact(&mut [0; 4096]).unwrap();
            if state == "commands behind a transfer" {
                client.raw("PWD\r\nMKD never\r\n");
            }
            return Some(data);
        }
        "uploading" | "uploading, whole or nothing" => {
            let mut data = client.data();
            client.expect("STOR g", 150);
            data.write_all(&[b'x'; 300_000]).unwrap();
            return Some(data);
        }
        "failed login" => {
            client.expect("REIN", 220);
            client.raw("USER joe\r\nPASS x\r\n");
            assert_eq!(client.reply().code, 331);
        }
        state => {
            if let Some(verb) = state.strip_prefix("waiting for the client of ") {
                client.passive_port();
                client.send(format!("{verb} f"));
            }
        }
    }
    // The server is now where it is meant to be.
    std::thread::sleep(Duration::from_millis(5));
    None
}

#[test]
fn d6_a_client_that_vanishes_is_noticed_at_once_in_every_state() {
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; HUGE]);
    for state in STATES {
        for way in [
            "end",
            "reset",
            "end with data reset",
            "half-close",
            "everything reset",
        ] {
            let login = match state {
                "greeted" => Login::Nobody,
                _ => Login::Full,
            };
            let plan = ground.plan(login, |settings| {
                settings.files.no_truncate = state == "uploading, whole or nothing";
            });
            let mut client = plan.over_tcp().client();
            let data = enter(&mut client, state);
            if let Some(data) = &data
                && way.contains("data reset") | way.contains("everything")
            {
                reset_on_close(data);
            }
            let uploading = state.starts_with("uploading");
            let took = vanish(client, data, way, uploading);
            assert!(took < Duration::from_secs(1), "{state}, {way}: {took:?}");
            // Once its transfer has broken, commands of a client that is still there run.
            if ["end", "reset", "half-close"].contains(&way) {
                assert!(!ground.exists("never"), "{state}, {way}");
            }
            let _ = std::fs::remove_dir(ground.path("never"));
        }
    }
}

fn vanish(client: Client, data: Option<TcpStream>, way: &str, uploading: bool) -> Duration {
    match way {
        "end" => {
            // Whether an upload is complete only its data connection can say.
            if uploading {
                drop(data);
                return client.leave();
            }
            let took = client.leave();
            drop(data);
            took
        }
        "reset" => {
            let took = client.reset();
            drop(data);
            took
        }
        "half-close" => {
            client.socket().shutdown(Shutdown::Write).unwrap();
            if uploading {
                drop(data);
            }
            let begun = std::time::Instant::now();
            let mut client = client;
            client.expect_end();
            begun.elapsed()
        }
        "everything reset" => {
            reset_on_close(client.socket());
            drop(data);
            client.leave()
        }
        _ => {
            drop(data);
            client.leave()
        }
    }
}

#[test]
fn d6_an_upload_without_its_client_is_given_up_on_a_reset() {
    let ground = Ground::in_memory();
    ground.write("g", b"old");
    let plan = ground.plan(Login::Full, |settings| settings.files.no_truncate = true);
    let mut client = plan.over_tcp().client();
    let data = enter(&mut client, "uploading");
    assert!(client.reset() < Duration::from_secs(1));
    drop(data);
    assert_eq!(ground.names(""), ["g"]);
    assert_eq!(ground.read("g"), b"old");
}

#[test]
fn esta_and_estp_open_ahead_of_the_transfer() {
    let ground = Ground::in_memory();
    ground.write("f", b"content");
    let mut client = ground.full();
    let mut data = client.data();
    client.expect("ESTP", 225);
    client.expect("RETR f", 150);
    let mut content = Vec::new();
    data.read_to_end(&mut content).unwrap();
    assert_eq!(content, b"content");
    assert_eq!(client.reply().code, 226);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    client.expect(
        format!("PORT {}", port_argument(listener.local_addr().unwrap())),
        200,
    );
    client.expect("ESTA", 225);
    let (mut data, _) = listener.accept().unwrap();
    client.expect("STOR g", 150);
    data.write_all(b"brought").unwrap();
    drop(data);
    assert_eq!(client.reply().code, 226);
    assert_eq!(ground.read("g"), b"brought");
}
