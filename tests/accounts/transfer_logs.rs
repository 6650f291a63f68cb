//! `-O`: what is recorded of transfers, and that no line is lost or torn when logs are rotated under the server.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::common::client::connect_data;
use crate::support::{
    Launch, PATIENCE, Place, Running, User, download, expect, expect_reply, not_root, signal,
    upload, within,
};

const FORMATS: [&str; 4] = ["clf", "stats", "w3c", "xferlog"];

/// A server with one user, that records in a file named for each format.
fn server(place: &Place, formats: &[&str]) -> Running {
    let users = [User::new(place, "joe", 2001)];
    let logs = formats
        .iter()
        .flat_map(|format| ["-O".to_owned(), format!("{format}:{}", place.text(format))]);
    let flags: Vec<String> = logs.chain(["-E".to_owned(), "-A".to_owned()]).collect();
    Launch::virtual_users(place, &users).flags(&flags).start()
}

fn lines(place: &Place, name: &str) -> Vec<String> {
    let text = fs::read_to_string(place.path(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn await_lines(place: &Place, name: &str, count: usize) -> Vec<String> {
    within(PATIENCE, &format!("{count} lines in {name}"), || {
        lines(place, name).len() >= count
    });
    lines(place, name)
}

#[test]
fn every_format_records_each_transfer_with_the_real_path() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place, &FORMATS);
    let mut client = server.login("joe");
    assert_eq!(upload(&mut client, "STOR a b", b"0123456789"), 226);
    assert_eq!(
        download(&mut client, "RETR a b"),
        Ok(b"0123456789".to_vec())
    );
    // Neither a listing nor what was refused is a transfer.
    assert!(download(&mut client, "LIST").is_ok());
    assert_eq!(download(&mut client, "RETR none"), Err(550));
    let home = place.text("home/joe");

    let [put, get] = &await_lines(&place, "clf", 2)[..] else {
        panic!("{:?}", lines(&place, "clf"));
    };
    assert!(put.starts_with("127.0.0.1 - joe ["), "{put}");
    assert!(
        put.ends_with(&format!("-0000] \"PUT {home}/a%20b\" 200 10")),
        "{put}"
    );
    assert!(
        get.ends_with(&format!("\"GET {home}/a%20b\" 200 10")),
        "{get}"
    );

    let stats = await_lines(&place, "stats", 2);
    assert!(
        stats[0].ends_with(&format!(" joe 127.0.0.1 U 10 0 {home}/a b")),
        "{stats:?}"
    );
    assert!(
        stats[1].ends_with(&format!(" joe 127.0.0.1 D 10 0 {home}/a b")),
        "{stats:?}"
    );
    let session = |line: &String| line.split(' ').nth(1).map(str::to_owned);
    assert_eq!(session(&stats[0]), session(&stats[1]), "one session");

    let w3c = await_lines(&place, "w3c", 6);
    assert!(w3c[3].starts_with("#Fields: date time "), "{w3c:?}");
    let created = format!(" 127.0.0.1 []created {home}/a%20b 226 joe 10");
    assert!(w3c[4].ends_with(&created), "{w3c:?}");

    let xferlog = await_lines(&place, "xferlog", 2);
    let stored = format!(" 0 127.0.0.1 10 {home}/a_b b _ i r joe ftp 1 * c");
    assert!(xferlog[0].ends_with(&stored), "{xferlog:?}");

    let mode = fs::metadata(place.path("clf"))
        .expect("a log")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_aborted_upload_is_marked_and_counts_what_arrived() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place, &["xferlog"]);
    let mut client = server.login("joe");
    let at = client.ask_passive().expect("a port");
    let mut data = connect_data(at).expect("a connection");
    expect(&mut client, "STOR f", 150);
    data.write_all(&[b'x'; 100]).expect("bytes");
    within(PATIENCE, "they arrived", || {
        fs::metadata(place.path("home/joe/f")).is_ok_and(|file| file.len() == 100)
    });
    expect(&mut client, "ABOR", 426);
    expect_reply(&mut client, 226);
    let xferlog = await_lines(&place, "xferlog", 1);
    assert!(xferlog[0].contains(" 127.0.0.1 100 "), "{xferlog:?}");
    assert!(xferlog[0].ends_with(" ftp 1 * i"), "{xferlog:?}");
}

#[test]
fn rotation_during_transfers_loses_no_line() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place, &["clf"]);
    // As many as can be until the last rotation is over.
    let stored = std::thread::scope(|scope| {
        let rotating = scope.spawn(|| {
            for rotation in 1..=3 {
                await_lines(&place, "clf", 5);
                let before = server.said().matches("was opened again").count();
                fs::rename(place.path("clf"), place.path(&format!("clf.{rotation}")))
                    .expect("a name");
                signal(server.pid(), Signal::HUP);
                within(PATIENCE, "it opens the log again", || {
                    server.said().matches("was opened again").count() > before
                });
            }
        });
        let mut client = server.login("joe");
        let mut stored = 0;
        while !rotating.is_finished() {
            let line = format!("STOR f{stored}");
            assert_eq!(upload(&mut client, &line, b"x"), 226);
            stored += 1;
        }
        rotating.join().expect("three rotations");
        stored
    });
    let all = || -> Vec<String> {
        let names = ["clf.1", "clf.2", "clf.3", "clf"];
        names.iter().flat_map(|name| lines(&place, name)).collect()
    };
    within(PATIENCE, "all lines", || all().len() >= stored);
    let all = all();
    for number in 0..stored {
        let path = format!("/f{number}\" 200 1");
        let found = all.iter().filter(|line| line.ends_with(&path)).count();
        assert_eq!(found, 1, "f{number}");
    }
}

#[test]
fn a_log_that_cannot_be_opened_again_stays_and_one_that_cannot_be_opened_stops_the_start() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place, &["clf"]);
    fs::rename(place.path("clf"), place.path("clf.1")).expect("a name");
    fs::create_dir(place.path("clf")).expect("a directory");
    signal(server.pid(), Signal::HUP);
    within(PATIENCE, "it complains", || {
        server.said().contains("Is a directory")
            && server.said().contains("the log stays where it was")
    });
    let mut client = server.login("joe");
    assert_eq!(upload(&mut client, "STOR f", b"x"), 226);
    await_lines(&place, "clf.1", 1);

    let log = format!("clf:{}", place.text("clf"));
    let stopped = std::process::Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"))
        .args([
            "-S",
            "127.0.0.1,0",
            "-O",
            &log,
            "--anonymousroot",
            &place.text("home"),
        ])
        .args(["--anonymoususer", "nobody"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert!(
        said.contains("-O") && said.contains("Is a directory"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(stopped.status.code(), Some(78));
}
