//! `--logformat json` and `-O json:FILE`: each line is an object, whatever a client calls itself and its files.

use std::fs;
use std::path::Path;

use crate::common::programs::{program, run};
use crate::support::{Launch, PATIENCE, Place, User, download, expect, not_root, upload, within};

/// Prints the fields that the tests look at, a line for each line of the file, as Python's own reader finds them.
const READER: &str = r#"
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    record = json.loads(line)
    assert record.pop("time").endswith("+00:00"), line
    print("|".join(str(record.get(name)) for name in sys.argv[2:]))
"#;

/// The fields of each line; `None` without Python.
fn fields(place: &Place, file: &Path, names: &[&str]) -> Option<Vec<String>> {
    let mut python = program("python3")?;
    python.args(["-c", READER]).arg(file).args(names);
    let said = run(&mut python, &place.path(""), "");
    let printed = said.lines().filter(|line| line.contains('|'));
    Some(printed.map(str::to_owned).collect())
}

/// A name with all that JSON, a log or UTF-8 could stumble over.
const NAME: &[u8] = b"q\"b\\c\xe9\xc3\xbc) [INFO] x";

/// The same as logs show it.
const SHOWN: &str = "q\"b\\\\c\\xe9\u{fc}) [INFO] x";

#[test]
fn c10_every_line_of_the_log_is_an_object_with_the_parts_of_the_plain_line() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let flags = ["-E", "-A", "--logformat", "json", "-1"];
    let server = Launch::virtual_users(&place, &users).flags(&flags).start();
    let mut client = server.greeted();
    expect(&mut client, "USER q\"b\\c", 331);
    expect(&mut client, "PASS wrong", 530);
    let mut client = server.login("joe");
    assert_eq!(upload(&mut client, "STOR f", b"1"), 226);
    expect(&mut client, "RNFR f", 350);
    let rename = [b"RNTO ", NAME, b"\r\n"].concat();
    client.send(&rename).expect("a command");
    assert_eq!(client.reply().expect("a reply").code, 250);
    within(PATIENCE, "both are logged", || {
        let said = server.said();
        said.contains("Authentication failed") && said.contains("renamed")
    });
    let pid = server.pid();
    let names = ["pid", "level", "account", "address", "message"];
    let Some(records) = fields(&place, &place.path("stderr"), &names) else {
        return;
    };
    let has = |wanted: &str| {
        assert!(
            records.iter().any(|record| record == wanted),
            "{wanted}: {records:#?}"
        );
    };
    has(&format!(
        "{pid}|info|None|None|Listening on {}",
        server.address()
    ));
    has(&format!("{pid}|info|?|127.0.0.1|joe is now logged in"));
    has(&format!(
        "{pid}|warning|?|127.0.0.1|Authentication failed for user [q\"b\\\\c]"
    ));
    let home = place.text("home/joe");
    let renamed = records.iter().find(|record| record.contains("renamed"));
    let renamed = renamed.expect("a record");
    assert!(
        renamed.starts_with(&format!("{pid}|notice|joe|127.0.0.1|")),
        "{renamed}"
    );
    assert!(renamed.contains(&home), "{renamed}");
    // The bracket is spoiled in both forms, so that a file is no head of a record.
    assert!(renamed.contains(&SHOWN.replace(')', "\\x29")), "{renamed}");
}

#[test]
fn transfers_are_objects_too() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let log = format!("json:{}", place.text("json"));
    let flags = ["-E", "-A", "-O", &log];
    let server = Launch::virtual_users(&place, &users).flags(&flags).start();
    let mut client = server.login("joe");
    let name = "q\"b\\c \u{fc}";
    assert_eq!(upload(&mut client, &format!("STOR {name}"), b"12345"), 226);
    let got = download(&mut client, &format!("RETR {name}"));
    assert_eq!(got, Ok(b"12345".to_vec()));
    within(PATIENCE, "both are recorded", || {
        fs::read_to_string(place.path("json")).is_ok_and(|text| text.lines().count() == 2)
    });
    let names = [
        "account",
        "anonymous",
        "address",
        "direction",
        "path",
        "bytes",
        "ascii",
        "whole",
    ];
    let Some(records) = fields(&place, &place.path("json"), &names) else {
        return;
    };
    let path = place.text("home/joe/q\"b\\\\c \u{fc}");
    let record = |direction| format!("joe|False|127.0.0.1|{direction}|{path}|5|False|True");
    assert_eq!(records, [record("upload"), record("download")]);
}
