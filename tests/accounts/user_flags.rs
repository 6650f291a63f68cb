//! Flags for single accounts (`--userflags`): less and more than others may, for users and for anonymous.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::{
    Launch, PASSWORD, Place, Running, User, download, expect, expect_reply, not_root, upload,
};

const NAMES: [&str; 3] = ["less", "more", "none"];

/// Three users with a file each.
fn users(place: &Place) -> Vec<User> {
    let user = |(uid, name): (u32, &str)| {
        let user = User::new(place, name, uid);
        place.file(&format!("home/{name}/file"), name, uid, 0o644);
        user
    };
    (2001..).zip(NAMES).map(user).collect()
}

fn start(place: &Place, flags: &[&str]) -> Running {
    let launch = Launch::virtual_users(place, &users(place));
    launch.flags(&["-A"]).flags(flags).start()
}

/// The codes of storing, fetching and listing.
fn codes(client: &mut crate::common::client::Client) -> (u16, u16, u16) {
    let stored = upload(client, "STOR new", b"x");
    let fetched = download(client, "RETR file").map_or_else(|code| code, |_| 226);
    let listed = download(client, "NLST").map_or_else(|code| code, |_| 226);
    (stored, fetched, listed)
}

#[test]
fn an_account_can_be_given_less_and_more_than_all_others() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = start(
        &place,
        &[
            "-E",
            "--readonly",
            "--userflags",
            "less:--readonly --nodownload --nolist --denycommands SIZE --hideids",
            "--userflags",
            "more:",
        ],
    );
    for (name, wanted) in [
        ("less", (550, 550, 550)),
        ("more", (226, 226, 226)),
        ("none", (550, 226, 226)),
    ] {
        assert_eq!(codes(&mut server.login(name)), wanted, "{name}");
    }
    let (mut less, mut none) = (server.login("less"), server.login("none"));
    expect(&mut less, "SIZE file", 550);
    expect(&mut none, "SIZE file", 213);
}

#[test]
fn what_holds_for_one_login_is_gone_with_the_next() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = start(
        &place,
        &["-E", "--userflags", "less:--nodownload --idletimeout 77 -N"],
    );
    let mut client = server.login("less");
    expect(&mut client, "RETR file", 550);
    expect(&mut client, "PASV", 500);
    assert!(expect(&mut client, "SITE IDLE 60", 200).contains("60"));
    for (name, code) in [("more", 226), ("less", 550), ("none", 226)] {
        expect(&mut client, "REIN", 220);
        expect(&mut client, &format!("USER {name}"), 331);
        expect(&mut client, &format!("PASS {PASSWORD}"), 230);
        if code == 226 {
            let got = download(&mut client, "RETR file");
            assert_eq!(got, Ok(name.as_bytes().to_vec()));
        } else {
            expect(&mut client, "RETR file", code);
        }
    }
}

#[test]
fn names_are_denied_and_hidden_and_modes_chosen_for_one_account() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = start(
        &place,
        &[
            "-E",
            "--denyfiles",
            "*.all",
            "--userflags",
            "less:-U 177:077 --denyfiles '*.one' --hidefiles file --nochmod",
        ],
    );
    let mut less = server.login("less");
    let mut none = server.login("none");
    for (client, one, all) in [(&mut less, 553, 226), (&mut none, 226, 553)] {
        assert_eq!(upload(client, "STOR a.one", b"x"), one);
        assert_eq!(upload(client, "STOR a.all", b"x"), all);
    }
    let mode = |name: &str| {
        let found = fs::metadata(place.path(name)).expect("a file");
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode("home/less/a.all"), 0o600);
    assert_eq!(mode("home/none/a.one"), 0o644);
    expect(&mut less, "SITE CHMOD 644 a.all", 550);
    expect(&mut none, "SITE CHMOD 600 a.one", 200);
    let listed = String::from_utf8(download(&mut less, "NLST").expect("names")).expect("text");
    assert_eq!(listed, "a.all\r\n");
}

#[test]
fn anonymous_has_flags_of_its_own_under_the_name_ftp() {
    if not_root() {
        return;
    }
    let place = Place::new();
    place.file("home/file", "everybody's", 0, 0o644);
    place.directory("home/in", 65534, 0o755);
    let root = place.text("home");
    let server = start(
        &place,
        &[
            "--anonymousroot",
            &root,
            "--anonymoususer",
            "nobody",
            "-i",
            "--userflags",
            "ftp:--nolist --anonymousupload",
        ],
    );
    for name in ["ftp", "anonymous", "Anonymous"] {
        let mut client = server.greeted();
        expect(&mut client, &format!("USER {name}"), 230);
        assert_eq!(
            download(&mut client, "RETR file"),
            Ok(b"everybody's".to_vec())
        );
        assert_eq!(download(&mut client, "NLST"), Err(550));
        assert_eq!(upload(&mut client, &format!("STOR in/{name}"), b"x"), 226);
    }
    assert_eq!(codes(&mut server.login("none")), (226, 226, 226));
}

#[test]
fn idle_time_and_rate_are_the_accounts_own() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = start(
        &place,
        &[
            "-E",
            "-T",
            ":100",
            "--userflags",
            "less:--idletimeout 1",
            "--userflags",
            "more:",
        ],
    );
    let mut less = server.login("less");
    let begun = Instant::now();
    expect_reply(&mut less, 421);
    let waited = begun.elapsed();
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(15)).contains(&waited),
        "{waited:?}"
    );
    for (name, is_slow) in [("none", true), ("more", false)] {
        let (_, reply) = server.attempt(name, PASSWORD);
        let said = String::from_utf8_lossy(&reply.lines.concat()).into_owned();
        let told = said.contains("Your bandwidth usage is restricted");
        assert_eq!(told, is_slow, "{said}");
    }
}

#[test]
fn limits_of_a_database_go_before_those_of_a_flag() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "own", 2001).limits("::1:10"),
        User::new(&place, "flag", 2002),
    ];
    let server = Launch::virtual_users(&place, &users)
        .flags(&[
            "-E",
            "-A",
            "-Q",
            "5:1",
            "--userflags",
            "own:-Q 1:3",
            "--userflags",
            "flag:-Q 1:3",
        ])
        .start();
    for (name, ratio) in [("own", "1:10"), ("flag", "1:3")] {
        let (_, reply) = server.attempt(name, PASSWORD);
        let said = String::from_utf8_lossy(&reply.lines.concat()).into_owned();
        assert!(said.contains(&format!("a {ratio} (UL/DL)")), "{said}");
    }
}

#[test]
fn an_account_has_its_own_root_or_its_home_again() {
    if not_root() {
        return;
    }
    let place = Place::new();
    for name in ["all", "one"] {
        place.directory(name, 0, 0o755);
        place.file(&format!("{name}/which"), name, 0, 0o644);
    }
    let (all, one) = (place.text("all"), place.text("one"));
    let server = start(
        &place,
        &[
            "-E",
            "--userroot",
            &all,
            "--userflags",
            &format!("more:--userroot {one}"),
            "--userflags",
            "less:",
        ],
    );
    let got = |name, file: &str| download(&mut server.login(name), &format!("RETR {file}"));
    assert_eq!(got("none", "which"), Ok(b"all".to_vec()));
    assert_eq!(got("more", "which"), Ok(b"one".to_vec()));
    assert_eq!(got("less", "which"), Err(550));
    assert_eq!(got("less", "file"), Ok(b"less".to_vec()));
}

#[test]
fn another_case_of_the_name_is_no_way_around_it() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "Joe", 2001),
    ];
    place.file("home/joe/file", "x", 2001, 0o644);
    place.file("home/Joe/file", "x", 2001, 0o644);
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A", "--userflags", "joe:--nodownload"])
        .start();
    for name in ["joe", "Joe"] {
        assert_eq!(
            download(&mut server.login(name), "RETR file"),
            Err(550),
            "{name}"
        );
    }
}
