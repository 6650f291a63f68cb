//! The limits of single users that a PureDB holds, and those of the flags for all of them.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::client::{Client, connect_data};
use crate::support::{
    Launch, PASSWORD, Place, Running, User, connect_from, download, expect, expect_reply, not_root,
    upload, within,
};

/// Bytes a second of the slow users.
const RATE: u32 = 102_400;

/// What a slow user moves: two seconds of the rate.
const SIZE: usize = 204_800;

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = Instant::now();
    let result = work();
    (result, begun.elapsed().as_secs_f64())
}

/// At the rate, and not much later: a busy machine may delay the end, nothing may hasten it.
#[track_caller]
fn assert_slow(seconds: f64) {
    assert!((1.7..6.0).contains(&seconds), "{seconds} s");
}

#[track_caller]
fn assert_quick(seconds: f64) {
    assert!(seconds < 1.5, "{seconds} s");
}

#[test]
fn each_users_own_bandwidth_holds_in_each_direction() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "up", 2001).limits(format!("{RATE}")),
        User::new(&place, "down", 2002).limits(format!(":{RATE}")),
        User::new(&place, "free", 2003),
    ];
    for user in &users {
        let name = format!("home/{}/file", user.name);
        place.file(&name, vec![b'x'; SIZE], user.uid, 0o644);
    }
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A"])
        .start();
    for (name, up, down) in [
        ("up", true, false),
        ("down", false, true),
        ("free", false, false),
    ] {
        let mut client = server.login(name);
        let bytes = vec![b'x'; SIZE];
        let (code, uploading) = timed(|| upload(&mut client, "STOR new", &bytes));
        assert_eq!(code, 226);
        let (got, downloading) = timed(|| download(&mut client, "RETR file"));
        assert_eq!(got.map(|bytes| bytes.len()), Ok(SIZE));
        for (is_slow, seconds) in [(up, uploading), (down, downloading)] {
            match is_slow {
                true => assert_slow(seconds),
                false => assert_quick(seconds),
            }
        }
    }
}

#[test]
fn a_users_own_bandwidth_goes_before_that_of_all() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "own", 2001).limits(format!(":{}", 64 << 20)),
        User::new(&place, "all", 2002),
    ];
    for user in &users {
        let name = format!("home/{}/file", user.name);
        place.file(&name, vec![b'x'; SIZE], user.uid, 0o644);
    }
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A", "-T", ":100"])
        .start();
    assert_quick(timed(|| download(&mut server.login("own"), "RETR file")).1);
    assert_slow(timed(|| download(&mut server.login("all"), "RETR file")).1);
}

#[test]
fn the_ratio_is_the_users_own_or_that_of_all() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "own", 2001).limits("::1:10"),
        User::new(&place, "all", 2002),
    ];
    for user in &users {
        let name = format!("home/{}/file", user.name);
        place.file(&name, [b'x'; 1000], user.uid, 0o644);
    }
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A", "-Q", "1:1"])
        .start();
    for (name, ratio, enough) in [("own", "1:10", 100), ("all", "1:1", 1000)] {
        let (mut client, reply) = server.attempt(name, PASSWORD);
        let words = format!("You must respect a {ratio} (UL/DL) ratio");
        let said = String::from_utf8_lossy(&reply.lines.concat()).into_owned();
        assert!(said.contains(&words), "{said}");
        expect(&mut client, "TYPE I", 200);
        assert_eq!(
            upload(&mut client, "STOR some", &vec![b'x'; enough - 1]),
            226
        );
        assert_eq!(download(&mut client, "RETR file"), Err(550));
        assert_eq!(upload(&mut client, "STOR more", b"x"), 226);
        assert_eq!(
            download(&mut client, "RETR file").map(|got| got.len()),
            Ok(1000)
        );
        assert_eq!(download(&mut client, "RETR file"), Err(550));
    }
}

#[test]
fn the_trusted_group_is_not_bound_by_ratio_dots_and_keeping() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "in", 2001).gid(4000),
        User::new(&place, "out", 2002),
    ];
    for user in &users {
        for name in ["file", ".dot"] {
            let name = format!("home/{}/{name}", user.name);
            place.file(&name, [b'x'; 1000], user.uid, 0o644);
        }
    }
    let server = Launch::system_users(&place, &users, "")
        .flags(&["-E", "-a", "4000", "-Q", "1:1", "-K", "-X"])
        .start();
    let (mut trusted, mut other) = (server.login("in"), server.login("out"));
    let size = |got: Result<Vec<u8>, u16>| got.map(|bytes| bytes.len());
    assert_eq!(size(download(&mut trusted, "RETR file")), Ok(1000));
    assert_eq!(size(download(&mut trusted, "RETR .dot")), Ok(1000));
    expect(&mut trusted, "DELE .dot", 250);
    assert_eq!(size(download(&mut other, "RETR file")), Err(550));
    assert_eq!(size(download(&mut other, "RETR .dot")), Err(553));
    expect(&mut other, "DELE file", 550);
}

/// Twenty logins at the same moment: how many came in, and the sessions of those.
fn storm(server: &Running, name: &str) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = server.greeted();
            expect(&mut client, &format!("USER {name}"), 331);
            client
        })
        .collect();
    for client in &mut clients {
        let line = format!("PASS {PASSWORD}\r\n");
        client.send(line.as_bytes()).expect("sent");
    }
    clients
        .into_iter()
        .filter_map(|mut client| match client.reply().expect("an answer").code {
            230 => Some(client),
            421 => None,
            code => panic!("{code}"),
        })
        .collect()
}

#[test]
fn sessions_of_a_user_are_counted_exactly_under_simultaneous_logins() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "own", 2001).limits("::::3"),
        User::new(&place, "all", 2002),
    ];
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-y", "5:0"])
        .start();
    for _ in 0..2 {
        let (own, all) = (storm(&server, "own"), storm(&server, "all"));
        assert_eq!((own.len(), all.len()), (3, 5));
        let (_, refused) = server.attempt("own", PASSWORD);
        let words = "421 I can't accept more than 3 connections as the same user";
        assert_eq!(refused.last(), words);
        drop((own, all));
        within(Duration::from_secs(5), "there is room again", || {
            server.code("own") == 230
        });
    }
}

#[test]
fn connections_of_an_address_are_limited_whoever_logs_in() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-C", "2"])
        .start();
    let (_one, _other) = (server.login("joe"), server.login("joe"));
    let mut third = Client::connect(server.address()).expect("a connection");
    expect_reply(&mut third, 421);
    // Another address has its own count.
    assert_eq!(code_from("127.0.0.2", server.address(), "joe"), 230);
}

/// The code a user is answered with who comes from this address.
fn code_from(from: &str, to: SocketAddr, name: &str) -> u16 {
    let mut stream = connect_from(from, to).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a limit");
    let lines = format!("USER {name}\r\nPASS {PASSWORD}\r\nQUIT\r\n");
    stream.write_all(lines.as_bytes()).expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("the replies");
    let answer = said
        .lines()
        .find(|line| line.starts_with("230 ") || line.starts_with("530 "));
    let code = answer.unwrap_or_else(|| panic!("{name} from {from}: {said}"));
    code[..3].parse().expect("a code")
}

#[test]
fn users_come_from_and_to_their_addresses_only() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let user = |name: &str, uid, limits: &str| {
        User::new(&place, name, uid).limits(format!(":::::::{limits}:"))
    };
    // Allowed and denied local addresses, allowed and denied client addresses.
    let users = [
        user("from-one", 2001, "::127.0.0.2:"),
        user("from-net", 2002, "::127.0.0.0/30:"),
        user("not-one", 2003, ":::127.0.0.2"),
        user("both", 2004, "::127.0.0.0/8:127.0.0.2,127.0.0.5"),
        user("to-one", 2005, "127.0.0.2:::"),
        user("not-to", 2006, ":127.0.0.2::"),
    ];
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A"])
        .everywhere()
        .start();
    let to = |address: &str| {
        SocketAddr::new(
            address.parse().expect("an address"),
            server.address().port(),
        )
    };
    let home = "127.0.0.1";
    let failures: Vec<String> = std::thread::scope(|scope| {
        let cases = [
            ("from-one", "127.0.0.2", home, 230),
            ("from-one", "127.0.0.1", home, 530),
            ("from-net", "127.0.0.3", home, 230),
            ("from-net", "127.0.0.4", home, 530),
            ("not-one", "127.0.0.2", home, 530),
            ("not-one", "127.0.0.1", home, 230),
            ("both", "127.0.0.2", home, 530),
            ("both", "127.0.0.5", home, 530),
            ("both", "127.0.0.3", home, 230),
            ("to-one", "127.0.0.1", "127.0.0.2", 230),
            ("to-one", "127.0.0.1", "127.0.0.1", 530),
            ("not-to", "127.0.0.1", "127.0.0.2", 530),
            ("not-to", "127.0.0.1", "127.0.0.1", 230),
        ];
        let asked = cases.map(|(name, from, local, wanted)| {
            let local = to(local);
            scope.spawn(move || {
                let code = code_from(from, local, name);
                (code != wanted).then(|| format!("{name} from {from} to {local}: {code}"))
            })
        });
        asked
            .into_iter()
            .filter_map(|asked| asked.join().expect("an answer"))
            .collect()
    });
    assert!(failures.is_empty(), "{failures:?}");
}

/// The time of day so many minutes from now, in UTC as the server's, as `hhmm`.
fn from_now(minutes: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let now = i64::try_from(now.as_secs() / 60).expect("minutes");
    let of_day = (now + minutes).rem_euclid(24 * 60);
    format!("{:02}{:02}", of_day / 60, of_day % 60)
}

#[test]
fn users_come_in_their_hours_only() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let hours = |from, to| format!(":::::::::::{}-{}", from_now(from), from_now(to));
    let users = [
        User::new(&place, "now", 2001).limits(hours(-30, 30)),
        User::new(&place, "later", 2002).limits(hours(30, 90)),
        User::new(&place, "before", 2003).limits(hours(-90, -30)),
        // One of the two windows goes over midnight at any time of the day.
        User::new(&place, "long", 2004).limits(hours(-30, 23 * 60)),
        User::new(&place, "night", 2005).limits(hours(30, 23 * 60)),
        User::new(&place, "broken", 2006).limits(":::::::::::9-5x"),
    ];
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let codes = server.codes(&["now", "later", "before", "long", "night", "broken"]);
    assert_eq!(codes, [230, 530, 530, 230, 530, 530]);
}

#[test]
fn users_may_send_data_connections_elsewhere_by_flag_alone() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    place.file("home/joe/file", "content", 2001, 0o644);
    for (flag, allowed) in [("-A", false), ("-w", true)] {
        let server = Launch::virtual_users(&place, &users)
            .flags(&["-E", "-A", flag])
            .start();
        let mut joe = server.login("joe");
        let elsewhere = std::net::TcpListener::bind("127.0.0.2:0").expect("a port");
        let port = elsewhere.local_addr().expect("its number").port();
        let line = format!("PORT 127,0,0,2,{},{}", port >> 8, port & 255);
        if !allowed {
            expect(&mut joe, &line, 500);
            continue;
        }
        expect(&mut joe, &line, 200);
        joe.send(b"RETR file\r\n").expect("sent");
        let (mut data, _) = elsewhere.accept().expect("the server connects");
        let mut got = String::new();
        data.read_to_string(&mut got).expect("the file");
        assert_eq!(got, "content");
        expect_reply(&mut joe, 150);
        expect_reply(&mut joe, 226);
        // The other half of a transfer between servers: a connection from elsewhere to the passive port.
        let at = joe.ask_passive().expect("a passive port");
        let mut data = connect_from("127.0.0.2", at).expect("a connection");
        expect(&mut joe, "STOR new", 150);
        data.write_all(b"sent").expect("sent");
        drop(data);
        expect_reply(&mut joe, 226);
        let own = joe.ask_passive().expect("a passive port");
        drop(connect_data(own).expect("a data connection"));
    }
}
