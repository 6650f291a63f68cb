//! Limits as seen from outside, as far as they need more than a conversation: addresses of this machine besides the
//! first, many clients, ports that run out.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::common::client::connect_data;
use crate::support::{
    Launch, Place, alone, download, expect, expect_reply, free_port, together, within,
};

/// Within this a place that was given up is free.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn places_of_clients_who_left_are_free_again() {
    let _together = together();
    let place = Place::new();
    let server = Launch::new(&place).flags(&["-c", "3"]).start();
    for _ in 0..20 {
        let mut clients: Vec<_> = Vec::new();
        within(SOON, "there is room for three", || {
            clients.extend(server.greeted());
            clients.len() == 3
        });
        let refused = server.greeted().err();
        let words = "421 3 users (the maximum) are already logged in, sorry";
        assert_eq!(refused.as_deref(), Some(words));
    }
}

/// A connection from another of this machine's addresses.
pub(crate) fn from_address(local: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddr::from((local, 0)).into())
        .expect("an address of ours");
    socket.connect(&to.into()).expect("the server listens");
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time-out");
    stream
}

pub(crate) fn first_line(mut stream: &TcpStream) -> String {
    use std::io::Read;
    let mut bytes = [0; 200];
    let count = stream.read(&mut bytes).expect("a greeting");
    let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn one_address_cannot_take_the_places_of_another() {
    let _together = together();
    let place = Place::new();
    let server = Launch::new(&place).flags(&["-C", "2"]).start();
    let held: Vec<_> = (0..2)
        .map(|_| server.greeted().expect("there is room"))
        .collect();
    assert_eq!(
        server.greeted().err().as_deref(),
        Some("421 Too many connections (2) from this IP")
    );
    let other = from_address([127, 0, 0, 2], server.address());
    assert!(first_line(&other).starts_with("220"));
    drop(held);
    within(SOON, "there is room again", || server.greeted().is_ok());
}

#[test]
fn networks_are_let_in_and_kept_out() {
    let _together = together();
    let place = Place::new();
    let flags = ["--allowfrom", "127.0.0.0/30", "--denyfrom", "127.0.0.2/32"];
    let server = Launch::new(&place).flags(&flags).start();
    for (last, code) in [(1, "220"), (2, "421"), (3, "220"), (4, "421")] {
        let stream = from_address([127, 0, 0, last], server.address());
        let line = first_line(&stream);
        assert!(line.starts_with(code), "127.0.0.{last}: {line}");
    }
}

#[test]
fn each_address_of_the_server_can_have_its_own_root() {
    let _together = together();
    let place = Place::new();
    place.directory("hosts");
    place.directory("hosts/127.0.0.2");
    place.file("hosts/127.0.0.2/second", b"2");
    let hosts = place.path("hosts");
    for launch in [Launch::new(&place), Launch::new(&place).without_root()] {
        let port = free_port().expect("a port");
        let on = format!("0.0.0.0,{port}");
        let flags = ["-4", "-S", &on, "--virtualhosts"].map(OsStr::new);
        let server = launch.flags(&flags).flags(&[&hosts]).start();
        for (last, name, other) in [(1, "pub/small", "second"), (2, "second", "pub/small")] {
            let mut client = server.logged_in_at([127, 0, 0, last].into());
            expect(&mut client, &format!("SIZE {name}"), 213);
            expect(&mut client, &format!("SIZE {other}"), 550);
            assert!(download(&mut client, &format!("RETR {name}")).is_ok());
        }
    }
}

#[test]
fn accounts_are_offered_on_the_trusted_address_only() {
    let _together = together();
    let place = Place::new();
    let port = free_port().expect("a port");
    let on = format!("0.0.0.0,{port}");
    let server = Launch::new(&place)
        .flags(&["-4", "-S", &on, "-V", "127.0.0.2"])
        .start();
    for (last, code) in [(1, 530), (2, 331)] {
        let mut client = server
            .greeted_at([127, 0, 0, last].into())
            .expect("there is room");
        expect(&mut client, "USER somebody", code);
        expect(&mut client, "USER ftp", 230);
    }
}

/// A range of four ports next to each other that were free a moment ago.
fn four_free_ports() -> u16 {
    (40_000..60_000)
        .step_by(4)
        .find(|first| (0..4).all(|n| TcpListener::bind((Ipv4Addr::UNSPECIFIED, first + n)).is_ok()))
        .expect("four ports in a row")
}

#[test]
fn d4_a_range_that_is_used_up_is_425_and_ports_come_back() {
    let _alone = alone();
    let place = Place::new();
    let first = four_free_ports();
    let range = format!("{first}:{}", first + 3);
    let server = Launch::new(&place).flags(&["-p", &range]).start();
    let mut clients: Vec<_> = (0..6).map(|_| server.logged_in()).collect();
    let mut seen = Vec::new();
    for client in &mut clients[..4] {
        seen.push(client.ask_passive().expect("a port of the range").port());
    }
    seen.sort_unstable();
    assert_eq!(seen, (first..first + 4).collect::<Vec<_>>());
    for line in ["PASV", "EPSV"] {
        expect(&mut clients[4], line, 425);
        expect(&mut clients[5], line, 425);
    }
    // Who asks again gives its port up first; who leaves gives it up too.
    clients[0].ask_passive().expect("its own port");
    drop(clients.remove(0));
    within(SOON, "a port is free", || clients[4].ask_passive().is_ok());
    let small = download(&mut clients[4], "RETR pub/small");
    assert_eq!(small, Ok(vec![b's'; 100]));
}

#[test]
fn d7_active_connections_come_from_the_port_that_was_asked_for() {
    let _alone = alone();
    let place = Place::new();
    let port = free_port().expect("a port");
    let server = Launch::new(&place)
        .flags(&["--activeport", &port.to_string()])
        .start();
    let mut client = server.logged_in();
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let ours = listener.local_addr().expect("its address").port();
        expect(&mut client, &format!("EPRT |1|127.0.0.1|{ours}|"), 200);
        expect(&mut client, "RETR pub/small", 150);
        let (_data, peer) = listener.accept().expect("a data connection");
        assert_eq!(peer.port(), port);
        expect_reply(&mut client, 226);
    }
}

/// The address of a 227 reply.
fn announced(server: &crate::support::Running) -> IpAddr {
    server.logged_in().ask_passive().expect("a port").ip()
}

#[test]
fn passive_clients_are_told_the_address_meant_for_them() {
    let _together = together();
    let place = Place::new();
    let cases: [(&[&str], [u8; 4]); 4] = [
        (&["-P", "0.0.0.0"], [127, 0, 0, 1]),
        (&["-P", "127.0.0.9"], [127, 0, 0, 1]),
        (&["--passivefor", "127.0.0.0/8=192.0.2.7"], [192, 0, 2, 7]),
        (&["--passivefor", "10.0.0.0/8=192.0.2.7"], [127, 0, 0, 1]),
    ];
    for (flags, wanted) in cases {
        let server = Launch::new(&place).flags(flags).start();
        assert_eq!(announced(&server), IpAddr::from(wanted), "{flags:?}");
    }
}

#[test]
fn d2_a_stranger_on_a_passive_port_gets_nothing_and_the_owner_all() {
    let _together = together();
    let place = Place::new();
    let server = Launch::new(&place).start();
    let mut client = server.logged_in();
    let at = client.ask_passive().expect("a port");
    let stranger = from_address([127, 0, 0, 2], at);
    client
        .send(b"RETR pub/small\r\n")
        .expect("the server reads");
    let mut taken = Vec::new();
    use std::io::Read;
    let _ = (&stranger).read_to_end(&mut taken);
    assert!(taken.is_empty(), "the stranger got {} bytes", taken.len());
    let mut own = connect_data(at).expect("the port is still open");
    expect_reply(&mut client, 150);
    own.read_to_end(&mut taken).expect("the file");
    assert_eq!(taken, vec![b's'; 100]);
    expect_reply(&mut client, 226);
}
