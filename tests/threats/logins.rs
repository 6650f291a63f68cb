//! Who is kept out, and what that looks like from outside: lists of users, guessers who are banned, and uploads that are
//! given to somebody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use crate::common::client::Client;
use crate::limits::{first_line, from_address};
use crate::support::{
    Launch, PATIENCE, Place, Running, account, alone, cannot, download, expect, is_root, together,
    upload, within,
};

/// "secret pass" by SHA-256.
const HASH: &str = "$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9";
const PASSWORD: &str = "secret pass";

/// The answer to a wrong password.
const FAILED: &str = "530 Login authentication failed";

/// Who owns uploads in these tests: a user every Debian machine has.
const OWNER: &str = "daemon";

/// A place with a file of the users joe, ann and bob, all with the same password and an own home.
fn with_users(place: &Place) -> Vec<String> {
    let (mut lines, user) = (String::new(), account().map_or(2000, |(_, uid, _)| uid));
    for name in ["joe", "ann", "bob"] {
        let home = format!("homes/{name}");
        place.directory(&home);
        place.give_away(&home);
        let home = place.path(&home);
        lines += &format!("{name}:{HASH}:{user}:{user}::{}:\n", home.display());
    }
    place.file("users", lines.as_bytes());
    let source = format!("passwd:{}", place.path("users").display());
    vec!["-A".into(), "-l".into(), source]
}

/// Says who it is; gives the last reply and how long that took.
fn log_in(client: &mut Client, name: &str, password: &str) -> (String, Duration) {
    expect(client, &format!("USER {name}"), 331);
    let begun = Instant::now();
    let reply = client.command(&format!("PASS {password}"));
    (reply.expect("a reply").last(), begun.elapsed())
}

fn greeted(server: &Running) -> Client {
    server.greeted().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn c3_who_is_listed_out_is_answered_like_a_wrong_password() {
    let _together = together();
    let place = Place::new();
    let flags = with_users(&place);
    place.file("only", b"# staff\njoe\nann\n");
    place.file("never", b"Ann\n");
    let (only, never) = (place.path("only"), place.path("never"));
    let server = Launch::new(&place)
        .flags(&flags)
        .flags(&["--userlist".as_ref(), only.as_os_str()])
        .flags(&["--denyusers".as_ref(), never.as_os_str()])
        .start();
    let (said, _) = log_in(&mut greeted(&server), "joe", PASSWORD);
    assert!(said.starts_with("230 "), "{said}");
    let tries = [
        ("joe", "wrong"),
        ("ann", PASSWORD),
        ("bob", PASSWORD),
        ("bob", "wrong"),
        ("nobody-here", PASSWORD),
        ("ftp", "guest@"),
        ("anonymous", PASSWORD),
    ];
    std::thread::scope(|scope| {
        for (name, password) in tries {
            let server = &server;
            scope.spawn(move || {
                let (said, took) = log_in(&mut greeted(server), name, password);
                assert_eq!(said, FAILED, "{name}");
                // The first failure: three seconds, and up to three more at random.
                assert!(took >= Duration::from_secs(3), "{name}: {took:?}");
            });
        }
    });
    let log = server.said();
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        count("Authentication failed for user ["),
        tries.len(),
        "{log}"
    );
    assert_eq!(
        count("Can't login as [ann]: refused by --denyusers"),
        1,
        "{log}"
    );
    assert_eq!(
        count("Can't login as [bob]: refused by --userlist"),
        1,
        "{log}"
    );
}

#[test]
fn anonymous_comes_in_where_the_lists_say_so() {
    let _together = together();
    let place = Place::new();
    place.file("list", b"anonymous\n");
    let list = place.path("list");
    let server = Launch::new(&place)
        .flags(&["--userlist".as_ref(), list.as_os_str()])
        .start();
    expect(&mut greeted(&server), "USER ftp", 230);
    expect(&mut greeted(&server), "USER Anonymous", 230);
    let server = Launch::new(&place)
        .flags(&["--denyusers".as_ref(), list.as_os_str(), "-e".as_ref()])
        .start();
    expect(&mut greeted(&server), "USER ftp", 331);
    expect(&mut greeted(&server), "USER joe", 530);
}

#[test]
fn a_list_that_cannot_be_read_stops_the_start() {
    let _together = together();
    let place = Place::new();
    for flag in ["--userlist", "--denyusers"] {
        let (status, said) = Launch::new(&place).flags(&[flag, "/no/list"]).refused();
        assert_eq!(status, Some(78), "{said}");
        assert!(
            said.contains(&format!("{flag} /no/list: No such file")),
            "{said}"
        );
    }
}

#[test]
fn c4_an_address_that_guesses_is_refused_for_a_time_and_no_other() {
    let _alone = alone();
    let place = Place::new();
    let flags = with_users(&place);
    let server = Launch::new(&place)
        .flags(&flags)
        .flags(&["--ban", "2/60/9", "-C", "20"])
        .start();
    let mut inside = greeted(&server);
    assert!(log_in(&mut inside, "joe", PASSWORD).0.starts_with("230 "));
    let mut early = greeted(&server);
    // Who hangs up instead of waiting for the answer has guessed all the same.
    for guess in 0..2 {
        let mut client = greeted(&server);
        expect(&mut client, "USER joe", 331);
        client.send(b"PASS guess\r\n").expect("the server reads");
        within(PATIENCE, "the guess is in the log", || {
            server
                .said()
                .matches("Authentication failed for user [joe]")
                .count()
                > guess
        });
    }
    let begun = Instant::now();
    let refused = "421 Too many failed logins from your address, please try again later";
    for _ in 0..3 {
        assert_eq!(server.greeted().err().as_deref(), Some(refused));
    }
    expect(&mut inside, "NOOP", 200);
    assert_eq!(log_in(&mut early, "joe", PASSWORD).0, FAILED);
    let other = from_address([127, 0, 0, 2], server.address());
    assert!(first_line(&other).starts_with("220"));
    within(PATIENCE, "the ban ends", || server.greeted().is_ok());
    assert!(
        begun.elapsed() > Duration::from_secs(8),
        "it ended too soon"
    );
    let log = server.said();
    let line = "(?@127.0.0.1) [WARNING] 2 failed logins: address banned for 9 seconds";
    assert_eq!(log.matches(line).count(), 1, "{log}");
    assert!(!log.contains(&refused[4..]), "{log}");
}

#[test]
fn c4_a_session_ends_after_as_many_failures_as_it_may_have() {
    let _together = together();
    let place = Place::new();
    let server = Launch::new(&place)
        .flags(&["--maxloginfailures", "1"])
        .start();
    let mut client = greeted(&server);
    assert_eq!(log_in(&mut client, "joe", "x").0, FAILED);
    assert!(matches!(client.line(), Ok(None)), "it goes on");
}

/// Owner, group and mode of a file.
fn rights(place: &Place, name: &str) -> (u32, u32, u32) {
    let found = fs::metadata(place.path(name)).expect(name);
    (found.uid(), found.gid(), found.mode() & 0o7777)
}

fn owner() -> u32 {
    let passwd = fs::read_to_string("/etc/passwd").expect("the users");
    let line = passwd
        .lines()
        .find(|line| line.starts_with(&format!("{OWNER}:")));
    let uid = line.and_then(|line| line.split(':').nth(2)?.parse().ok());
    uid.expect("the user daemon")
}

#[test]
fn a2_what_anonymous_uploads_is_given_away_whole_and_nothing_else_is() {
    if cannot(!is_root(), "giving files away needs root") {
        return;
    }
    let _together = together();
    let (_, _, group) = account().expect("an account");
    let given = (owner(), group, 0o600);
    for accounts in [false, true] {
        let place = Place::new();
        // As in a directory for everybody: only owners may rename in it.
        fs::set_permissions(place.path("root/incoming"), Permissions::from_mode(0o1777))
            .expect("a mode");
        std::os::unix::fs::chown(place.path("root/incoming"), Some(0), Some(0)).expect("an owner");
        let users = with_users(&place);
        let mut launch = Launch::new(&place).flags(&["--chownuploads", OWNER, "-0", "-M"]);
        if accounts {
            launch = launch.flags(&users);
        }
        let server = launch.start();
        let mut client = server.logged_in();
        assert_eq!(upload(&mut client, "STOR incoming/a", b"whole"), 226);
        assert_eq!(rights(&place, "root/incoming/a"), given);
        expect(&mut client, "MKD incoming/d", 257);
        assert_ne!(rights(&place, "root/incoming/d").0, given.0);
        assert_eq!(upload(&mut client, "STOR incoming/d/b", b"whole"), 226);
        assert_eq!(rights(&place, "root/incoming/d/b"), given);
        assert_eq!(download(&mut client, "RETR incoming/d/b"), Err(550));
        if accounts {
            let mut joe = greeted(&server);
            assert!(log_in(&mut joe, "joe", PASSWORD).0.starts_with("230 "));
            assert_eq!(upload(&mut joe, "STOR own", b"whole"), 226);
            assert_ne!(rights(&place, "homes/joe/own").0, given.0);
        }
        let status = fs::read_to_string(server.proc("status")).expect("its status");
        let kept = if accounts { "c1" } else { "01" };
        for set in ["CapPrm", "CapEff"] {
            let wanted = format!("{set}:\t00000000000000{kept}\n");
            assert!(status.contains(&wanted), "{status}");
        }
    }
}

#[test]
fn without_the_means_to_give_files_away_the_server_does_not_start() {
    if cannot(!is_root(), "starting as root needs root") {
        return;
    }
    let _together = together();
    let place = Place::new();
    let (status, said) = Launch::new(&place)
        .flags(&["--chownuploads", "no-such-user"])
        .refused();
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains("there is no user no-such-user"), "{said}");
    let (status, said) = Launch::new(&place)
        .without_root()
        .flags(&["--chownuploads", OWNER])
        .refused();
    assert_eq!(status, Some(77), "{said}");
    assert!(said.contains("only a server started by root"), "{said}");
}
