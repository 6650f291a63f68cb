//! The logs of `-O`, read by the programs that make statistics of them: none finds a line it cannot read.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::programs::{program, run};
use crate::common::skipping::cannot;
use crate::support::{Launch, PATIENCE, Place, Running, User, download, not_root, upload, within};

/// Transfers of each log.
const TRANSFERS: usize = 10;

/// Names with what the formats must write otherwise: blanks, quotes, percent signs, bytes beyond ASCII.
const NAMES: [&str; 5] = ["plain", "a b", "say \"hi\"", "100%", "na\u{ef}ve"];

/// A server that ran and recorded its transfers in files named for the formats.
fn transfers(place: &Place) -> Running {
    let users = [User::new(place, "joe", 2001)];
    let logs = ["clf", "w3c", "xferlog"].map(|format| format!("{format}:{}", place.text(format)));
    let flags = ["-E", "-A", "-O", &logs[0], "-O", &logs[1], "-O", &logs[2]];
    let server = Launch::virtual_users(place, &users).flags(&flags).start();
    let mut client = server.login("joe");
    for name in NAMES {
        assert_eq!(upload(&mut client, &format!("STOR {name}"), b"12345"), 226);
        let got = download(&mut client, &format!("RETR {name}"));
        assert_eq!(got, Ok(b"12345".to_vec()));
    }
    within(PATIENCE, "every transfer is recorded", || {
        let lines = |name| fs::read_to_string(place.path(name)).map(|text| text.lines().count());
        lines("clf").is_ok_and(|lines| lines == TRANSFERS)
            && lines("xferlog").is_ok_and(|lines| lines == TRANSFERS)
            && lines("w3c").is_ok_and(|lines| lines == TRANSFERS + 4)
    });
    server
}

/// Runs it with what it writes going into a folder of its own; what it says.
fn analyse(place: &Place, mut command: Command) -> String {
    run(command.current_dir(place.path("")), &place.path(""), "")
}

#[test]
fn goaccess_reads_clf_and_w3c() {
    let Some(mut goaccess) = program("goaccess").filter(|_| !not_root()) else {
        return;
    };
    let place = Place::new();
    let _server = transfers(&place);
    goaccess.arg("--no-global-config");
    let fields = "--log-format=%d %t %h %^ %U %s %e %b";
    let forms: [(&str, &[&str]); 2] = [
        ("clf", &["--log-format=COMMON"]),
        (
            "w3c",
            &[fields, "--date-format=%Y-%m-%d", "--time-format=%T"],
        ),
    ];
    for (name, form) in forms {
        let mut command = Command::new(goaccess.get_program());
        command.args(goaccess.get_args()).args(form);
        command.args(["-f", name, "-o", &format!("{name}.json")]);
        analyse(&place, command);
        let report = fs::read_to_string(place.path(&format!("{name}.json"))).expect("a report");
        let general = report.get(..400).unwrap_or(&report);
        let valid = format!("\"valid_requests\": {TRANSFERS},");
        assert!(general.contains(&valid), "{name}: {general}");
        assert!(
            general.contains("\"failed_requests\": 0,"),
            "{name}: {general}"
        );
    }
}

#[test]
fn webalizer_reads_clf_w3c_and_xferlog() {
    let Some(webalizer) = program("webalizer").filter(|_| !not_root()) else {
        return;
    };
    let place = Place::new();
    let _server = transfers(&place);
    // It counts the four lines at the top of w3c, and passes over them.
    let found = [
        ("clf", "clf", format!("{TRANSFERS} records in ")),
        (
            "w3c",
            "w3c",
            format!("{} records (4 ignored) in ", TRANSFERS + 4),
        ),
        ("ftp", "xferlog", format!("{TRANSFERS} records in ")),
    ];
    for (form, name, found) in found {
        let folder = format!("report-{name}");
        fs::create_dir(place.path(&folder)).expect("a folder");
        let mut command = Command::new(webalizer.get_program());
        command.args([
            "-c",
            "/dev/null",
            "-n",
            "test",
            "-F",
            form,
            "-o",
            &folder,
            name,
        ]);
        let said = analyse(&place, command);
        assert!(said.contains(&found), "{name}: {said}");
    }
}

/// Where Debian has it: it is meant to be called by a web server.
const AWSTATS: &str = "/usr/lib/cgi-bin/awstats.pl";

#[test]
fn awstats_reads_xferlog() {
    if cannot(!Path::new(AWSTATS).exists(), "awstats is not installed") || not_root() {
        return;
    }
    let place = Place::new();
    let _server = transfers(&place);
    let folder = place.text("");
    // The fields of a transfer log, as awstats' manual has them for FTP servers.
    let configuration = format!(
        "LogFile=\"{}\"\nLogType=F\nLogSeparator=\"\\s\"\nSiteDomain=\"test\"\nDNSLookup=0\nDirData=\"{folder}\"\n\
         LogFormat=\"%time3 %other %host %bytesd %url %other %other %method %other %logname %other %code %other %other\"\n",
        place.text("xferlog"),
    );
    fs::write(place.path("awstats.test.conf"), configuration).expect("a configuration");
    let mut command = Command::new("perl");
    command.args([AWSTATS, "-config=test", "-update"]);
    command.arg(format!("-configdir={folder}"));
    let said = analyse(&place, command);
    let found = format!("Found {TRANSFERS} new qualified records");
    assert!(said.contains(&found), "{said}");
    assert!(said.contains("Found 0 corrupted records"), "{said}");
}
