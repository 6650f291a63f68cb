//! What the log advises about data connections that cannot work, and what the client hears.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::common::client::Client;
use crate::common::server::{LOOPBACK, Place, wharf_argv};
use crate::common::skipping::cannot;
use crate::common::waiting::within;
use crate::fixture::{Served, Way, with_peer};

const PATIENCE: Duration = Duration::from_secs(10);

/// A client of the machine itself that is logged in.
fn logged_in(served: &Served) -> Client {
    let mut client = Client::connect(served.address()).expect("it listens");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    client
}

#[test]
fn a_passive_port_that_nobody_comes_to_is_named_and_the_third_one_told_of() {
    if with_peer("it says nothing of the kind") {
        return;
    }
    let served = Served::start(Way::Passive, &["--accepttimeout", "1", "-p", "20000:39999"]);
    let mut client = logged_in(&served);
    let told = || served.server.errors().matches("did not come").count();
    for time in 1..=4 {
        let port = client.ask_passive().expect("a port").port();
        let reply = client.command("NLST").expect("a reply");
        assert_eq!(reply.code, 425);
        let last = reply.last();
        assert!(last.contains(&format!("to port {port} in time")), "{last}");
        match time {
            1 | 2 => assert_eq!(told(), 0),
            _ => within(PATIENCE, "it is told once", || told() == 1),
        }
    }
    let said = served.server.errors();
    let line = said.lines().find(|line| line.contains("did not come"));
    let line = line.expect("the line");
    assert!(
        line.contains("[WARNING] Three data connections of 127.0.0.1 in a row"),
        "{line}"
    );
    assert!(line.contains("20000:39999 (-p)"), "{line}");
}

#[test]
fn a_data_connection_of_somebody_else_is_told_of_with_the_flag_that_would_take_it() {
    if with_peer("it says nothing of the kind") {
        return;
    }
    let served = Served::start(Way::Passive, &["--accepttimeout", "1"]);
    let mut client = logged_in(&served);
    for _ in 0..3 {
        let port = client.ask_passive().expect("a port").port();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let from: SocketAddr = ([127, 0, 0, 9], 0).into();
        socket.bind(&from.into()).expect("an address");
        socket
            .connect(&SocketAddr::new(LOOPBACK, port).into())
            .expect("it listens");
        let stranger = TcpStream::from(socket).local_addr().expect("its address");
        assert_eq!(client.command("NLST").expect("a reply").code, 425);
        let line = format!(
            "Data connection from {stranger} refused: it belongs to 127.0.0.1 (-W lets other hosts in)"
        );
        within(PATIENCE, "it is told of", || {
            served.server.errors().contains(&line)
        });
    }
    let said = served.server.errors();
    assert!(
        !said.contains("did not come"),
        "somebody came, so ports are open: {said}"
    );
}

/// In a network of its own, with an address of the world on the machine itself, from which a client comes.
#[test]
fn a_private_address_for_a_client_from_outside_is_told_of_once() {
    if with_peer("it says nothing of the kind")
        || cannot(
            !rustix::process::geteuid().is_root(),
            "only root can make a network",
        )
    {
        return;
    }
    let place = Place::new().expect("a place to serve");
    let script = "ip link set lo up; ip address add 203.0.113.7/32 dev lo
        \"$@\" & server=$!
        ask() { curl --silent --disable-epsv --ftp-skip-pasv-ip \"$@\" ftp://127.0.0.1:2121/; }
        for time in $(seq 100); do ask --interface 127.0.0.1 && break; sleep 0.1; done
        echo outside >&2
        ask --interface 203.0.113.7 && ask --interface 203.0.113.7
        kill $server; wait $server";
    let output = Command::new("unshare")
        .args(["--net", "sh", "-c", script, "sh"])
        .args(wharf_argv(&place))
        .args(["-S", "127.0.0.1,2121"])
        .stdin(Stdio::null())
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (inside, outside) = said.split_once("outside\n").expect("both");
    assert!(inside.contains("Anonymous user logged in"), "{said}");
    assert!(!inside.contains("PASV tells"), "{said}");
    let told: Vec<&str> = outside
        .lines()
        .filter(|line| line.contains("PASV tells"))
        .collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(
        told[0].contains("[WARNING] PASV tells 203.0.113.7 to connect to 127.0.0.1,"),
        "{said}"
    );
    assert!(told[0].contains("-P ADDRESS"), "{said}");
    assert_eq!(
        outside.matches("New connection from 203.0.113.7").count(),
        2,
        "{said}"
    );
}
