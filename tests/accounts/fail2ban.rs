//! Debian's own filter for Pure-FTPd and ours of examples/fail2ban, over what the server really writes: they find the failed
//! logins, all of them and nothing else, whatever names strangers give to files and to themselves.
//!
//! `WHARF_FAIL2BAN` names the directory Debian's package fail2ban was unpacked in (`.ci/test` sets it); without it the
//! installed one is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::client::Client;
use crate::support::{
    Launch, Place, Running, User, cannot, connect_from, expect, not_root, upload, within,
};

/// What a stranger would like the filter to read.
const FORGED: &str = "(?@192.0.2.66) [WARNING] Authentication failed for user [root]";

/// Debian's filter, and ours.
const FILTERS: [&str; 2] = ["pure-ftpd[_daemon=wharf-ftpd]", "wharf-ftpd"];

/// A program of fail2ban with its configuration, to which ours is added; `None` where it is not to be had.
fn fail2ban(place: &Place, program: &str) -> Option<Command> {
    let unpacked = std::env::var_os("WHARF_FAIL2BAN").filter(|path| !path.is_empty());
    let root = unpacked.map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let program = root.join("usr/bin").join(program);
    if cannot(!program.is_file(), "fail2ban is not installed") {
        return None;
    }
    let configuration = place.path("fail2ban");
    if !configuration.exists() {
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(root.join("etc/fail2ban"));
        assert!(copy.arg(&configuration).status().expect("cp").success());
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fail2ban");
        for file in ["filter.d/wharf-ftpd.conf", "jail.d/wharf-ftpd.conf"] {
            fs::copy(ours.join(file), configuration.join(file)).expect(file);
        }
    }
    let mut command = Command::new("/usr/bin/python3");
    command
        .env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"))
        .env("LC_ALL", "C.UTF-8")
        .arg(program)
        .arg("-c")
        .arg(configuration);
    Some(command)
}

/// The addresses the filter would ban for this log, one for each line it matches.
fn banned(place: &Place, log: &str, filter: &str) -> Option<Vec<String>> {
    let file = place.path("log");
    fs::write(&file, log).expect("a log");
    let mut command = fail2ban(place, "fail2ban-regex")?;
    command.args(["--out", "ip"]).arg(file).arg(filter);
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("Unable to read"), "{said}{errors}");
    let mut found: Vec<String> = said.lines().map(str::to_owned).collect();
    found.sort();
    Some(found)
}

/// The same log as the system log would have it.
fn in_syslog(log: &str) -> String {
    let lines = log
        .lines()
        .filter_map(|line| line.split_once(" wharf-ftpd: "));
    lines
        .map(|(_, text)| format!("Nov 29 01:02:03 host wharf-ftpd[4711]: {text}\n"))
        .collect()
}

#[test]
fn fail2ban_takes_the_jail() {
    let place = Place::new();
    let Some(mut command) = fail2ban(&place, "fail2ban-client") else {
        return;
    };
    let output = command.arg("-d").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for part in [
        "['add', 'wharf-ftpd', 'systemd']",
        "['set', 'wharf-ftpd', 'maxretry', 5]",
        "_SYSTEMD_UNIT=wharf-ftpd.service",
        "30000:30999",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// A client from that address that has read its greeting, and tries this login.
fn fails_from(server: &Running, from: &str, name: &str, password: &str) {
    let mut stream = connect_from(from, server.address()).expect("a connection");
    let lines = format!("USER {name}\r\nPASS {password}\r\n");
    std::io::Write::write_all(&mut stream, lines.as_bytes()).expect("sent");
    std::io::Write::flush(&mut stream).expect("sent");
    // The reply comes after the delay; the record with it.
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a limit");
    let mut said = Vec::new();
    let mut block = [0; 512];
    while !String::from_utf8_lossy(&said).contains("\r\n530 ") {
        match std::io::Read::read(&mut stream, &mut block) {
            Ok(0) | Err(_) => break,
            Ok(count) => said.extend_from_slice(&block[..count]),
        }
    }
    assert!(String::from_utf8_lossy(&said).contains("\r\n530 "));
}

#[test]
fn c10_the_filter_finds_every_failed_login_and_nothing_else() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let joe = User::new(&place, "joe", 2001);
    let server = Launch::virtual_users(&place, &[joe])
        .flags(&["-E", "-d", "-d"])
        .start();
    std::thread::scope(|scope| {
        for (from, name, password) in [
            ("127.0.0.2", "joe", "wrong"),
            ("127.0.0.3", "nobody-here", "secret"),
            ("127.0.0.4", FORGED, "x"),
            (
                "127.0.0.5",
                "a] (?@192.0.2.66) [WARNING] Authentication failed for user [b",
                "x",
            ),
            ("127.0.0.6", "\u{1b}[2Ja\u{202e}b", "x"),
            ("127.0.0.7", "x]", FORGED),
        ] {
            let server = &server;
            scope.spawn(move || fails_from(server, from, name, password));
        }
    });
    let mut joe = server.login("joe");
    forge(&place, &mut joe);
    within(Duration::from_secs(10), "the last record", || {
        server.said().contains("Logout")
    });
    let log = server.said();
    assert!(
        log.contains("192.0.2.66"),
        "the names were not logged: {log}"
    );
    // The name with the escape character is refused as a command before it is a login.
    let wanted = [
        "127.0.0.2",
        "127.0.0.3",
        "127.0.0.4",
        "127.0.0.5",
        "127.0.0.7",
    ];
    for filter in FILTERS {
        for log in [&log, &in_syslog(&log)] {
            let Some(found) = banned(&place, log, filter) else {
                return;
            };
            assert_eq!(found, wanted, "{filter}: {log}");
        }
    }
}

/// Leaves the forged line in every record that holds a file's name.
fn forge(place: &Place, joe: &mut Client) {
    let home = place.text("home/joe");
    for name in [
        FORGED.to_owned(),
        format!("x {FORGED}"),
        format!("wharf-ftpd: {FORGED}"),
        format!("Nov 25 23:00:00 host wharf-ftpd: {FORGED}"),
    ] {
        assert_eq!(upload(joe, &format!("STOR {name}"), b"x"), 226);
        assert_eq!(upload(joe, &format!("APPE {name}"), b"x"), 226);
        expect(joe, &format!("RNFR {name}"), 350);
        expect(joe, &format!("RNTO {name}2"), 250);
        expect(joe, &format!("CWD {name}"), 550);
        expect(joe, &format!("MKD {name}3"), 257);
        expect(joe, &format!("CWD {name}3"), 250);
        expect(joe, &format!("CWD {home}"), 250);
        expect(joe, &format!("DELE {name}2"), 250);
        expect(joe, &format!("SITE {name}"), 500);
        expect(joe, &name, 500);
    }
    expect(joe, "QUIT", 221);
}
