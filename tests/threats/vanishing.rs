//! D6: clients that go away in every state of the protocol, in every way; and D7: many transfers in a row.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use crate::common::client::{Client, connect_data};
use crate::support::{
    Launch, Place, Running, alone, begin, cannot_count_descriptors, download, expect, expect_reply,
    reset_on_close, upload,
};

/// Within this nothing of a client that vanished is left.
const SOON: Duration = Duration::from_secs(2);

/// How a client goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// It closes everything.
    Close,
    /// It resets everything.
    Reset,
    /// It says that nothing more comes on the control connection, and goes on listening there.
    HalfClose,
}

/// What a client holds while it is in a state.
struct Held {
    client: Client,
    data: Option<TcpStream>,
    _listener: Option<TcpListener>,
}

fn held(client: Client) -> Held {
    Held {
        client,
        data: None,
        _listener: None,
    }
}

fn with_data(client: Client, data: TcpStream) -> Held {
    Held {
        data: Some(data),
        ..held(client)
    }
}

/// PORT to a listener that accepts nothing; then `line`.
fn active(server: &Running, line: Option<&[u8]>) -> Held {
    let mut client = server.logged_in();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    expect(
        &mut client,
        &format!("PORT 127,0,0,1,{},{}", port >> 8, port & 255),
        200,
    );
    if let Some(line) = line {
        client.send(line).expect("the server reads");
    }
    Held {
        _listener: Some(listener),
        ..held(client)
    }
}

/// PASV, then `line`, and no data connection.
fn unopened(server: &Running, line: &[u8]) -> Held {
    let mut client = server.logged_in();
    client.ask_passive().expect("a port");
    client.send(line).expect("the server reads");
    held(client)
}

type State = (&'static str, fn(&Running) -> Held);

/// The states, each by what the client did last.
const STATES: [State; 18] = [
    ("connected", |server| {
        held(Client::connect(server.address()).expect("the server listens"))
    }),
    ("greeted", |server| {
        held(server.greeted().expect("there is room"))
    }),
    ("half a line", |server| {
        let mut client = server.greeted().expect("there is room");
        client.send(b"USER f").expect("the server reads");
        held(client)
    }),
    ("USER without PASS", |server| {
        let mut client = server.greeted().expect("there is room");
        expect(&mut client, "USER somebody", 331);
        held(client)
    }),
    ("logged in", |server| held(server.logged_in())),
    ("PASV", |server| {
        let mut client = server.logged_in();
        client.ask_passive().expect("a port");
        held(client)
    }),
    ("EPSV, connected", |server| {
        let mut client = server.logged_in();
        let at = client.ask_extended_passive().expect("a port");
        with_data(client, connect_data(at).expect("a data connection"))
    }),
    ("PORT", |server| active(server, None)),
    ("PORT, RETR, unaccepted", |server| {
        active(server, Some(b"RETR pub/large\r\n"))
    }),
    ("RETR, unopened", |server| {
        unopened(server, b"RETR pub/large\r\n")
    }),
    ("STOR, unopened", |server| {
        unopened(server, b"STOR incoming/unopened\r\n")
    }),
    ("LIST, unopened", |server| unopened(server, b"LIST\r\n")),
    ("ESTP, connected", |server| {
        let mut client = server.logged_in();
        let at = client.ask_passive().expect("a port");
        let data = connect_data(at).expect("a data connection");
        expect(&mut client, "ESTP", 225);
        with_data(client, data)
    }),
    ("RETR, nothing read", |server| {
        let mut client = server.logged_in();
        let data = begin(&mut client, "RETR pub/large");
        with_data(client, data)
    }),
    ("RETR, some read", |server| {
        let mut client = server.logged_in();
        let mut data = begin(&mut client, "RETR pub/large");
        data.read_exact(&mut vec![0; 1 << 20]).expect("data");
        with_data(client, data)
    }),
    ("STOR, nothing sent", |server| {
        let mut client = server.logged_in();
        let data = begin(&mut client, "STOR incoming/nothing");
        with_data(client, data)
    }),
    ("STOR, some sent", |server| {
        let mut client = server.logged_in();
        let mut data = begin(&mut client, "STOR incoming/some");
        data.write_all(&[b'u'; 100_000]).expect("the server reads");
        with_data(client, data)
    }),
    ("REST and commands unread", |server| {
        let mut client = server.logged_in();
        client
            .send(&b"REST 5\r\nHELP\r\n".repeat(200))
            .expect("the server reads");
        held(client)
    }),
];

impl Held {
    /// Goes; what the client still holds afterwards is returned.
    fn vanish(mut self, way: Way) -> Option<Held> {
        match way {
            Way::Close => None,
            Way::Reset => {
                reset_on_close(self.client.stream());
                if let Some(data) = &self.data {
                    reset_on_close(data);
                }
                None
            }
            Way::HalfClose => {
                self.client
                    .stream()
                    .shutdown(Shutdown::Write)
                    .expect("a half close");
                // An upload may go on without a control connection that speaks; it ends with its own.
                self.data = None;
                Some(self)
            }
        }
    }
}

#[test]
fn d6_whoever_vanishes_is_forgotten_in_every_state() {
    if cannot_count_descriptors() {
        return;
    }
    let _alone = alone();
    let place = Place::new();
    place.file("root/pub/large", &vec![b'l'; 32 << 20]);
    let server = Launch::new(&place).start();
    let mut steady = server.logged_in();
    assert_eq!(
        download(&mut steady, "LIST").map(|listing| !listing.is_empty()),
        Ok(true)
    );
    let baseline = server.open_descriptors();
    for way in [Way::Close, Way::Reset, Way::HalfClose] {
        for (name, enter) in STATES {
            let rest = enter(&server).vanish(way);
            server.back_to(baseline, SOON, &format!("{name}, {way:?}"));
            drop(rest);
            expect(&mut steady, "NOOP", 200);
        }
        // A clean end of data makes an upload whole, a broken one leaves nothing (threats: A8).
        for name in place.names("root/incoming") {
            let ended_cleanly = name == "some" || name == "nothing";
            assert!(
                ended_cleanly && !matches!(way, Way::Reset),
                "{name:?}, {way:?}"
            );
            std::fs::remove_file(place.root().join("incoming").join(name)).expect("gone");
        }
    }
}

#[test]
fn d6_a_cut_upload_of_anonymous_is_removed() {
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).start();
    for flagged in [Way::Reset, Way::Close] {
        let mut client = server.logged_in();
        let mut data = begin(&mut client, "STOR incoming/cut");
        data.write_all(&[b'u'; 100_000]).expect("the server reads");
        reset_on_close(&data);
        if matches!(flagged, Way::Reset) {
            drop(client);
            drop(data);
        } else {
            drop(data);
            expect_reply(&mut client, 426);
        }
        crate::support::within(SOON, "nothing is left", || {
            place.names("root/incoming").is_empty()
        });
    }
}

#[test]
fn d7_two_thousand_transfers_in_a_row() {
    if cannot_count_descriptors() {
        return;
    }
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).start();
    let mut client = server.logged_in();
    let small = vec![b's'; 100];
    assert_eq!(download(&mut client, "RETR pub/small"), Ok(small.clone()));
    let baseline = server.open_descriptors();
    for number in 0..2000 {
        if number % 4 == 0 {
            let code = upload(&mut client, &format!("STOR incoming/{number}"), &small);
            assert_eq!(code, 226, "upload {number}");
        } else {
            let got = download(&mut client, "RETR pub/small");
            assert_eq!(got.as_ref(), Ok(&small), "download {number}");
        }
    }
    assert_eq!(place.names("root/incoming").len(), 500);
    server.back_to(baseline, SOON, "descriptors are given back");
}
