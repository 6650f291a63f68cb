//! ProFTPD and ours, started from the same file one after the other on the same tree, are asked the same things. The answers
//! must be the same, but for what stands in [`EXCUSED`].
//!
//! `WHARF_PROFTPD` names the folder that Debian's package proftpd-core is unpacked in and not installed (`.ci/test` sets
//! it); without it or without root the comparison is skipped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::questions::{
    Comparison, Configuration, Excuse, HASH, assert_taken, compare_all, free_address, lay_out,
    package,
};
use crate::support::{PROGRAM, folder, run, write};

/// What every file begins with; `PLACE` stands for the folder of the test and `PORT` for a free port.
const COMMON: &str = "ServerType standalone\nDefaultServer on\nPort PORT\nUseIPv6 off\nUseReverseDNS off\nUser nobody\n\
    Group nogroup\nMaxInstances 40\nPidFile PLACE/pid\nScoreboardFile PLACE/score\nSystemLog PLACE/log\nWtmpLog off\n\
    TransferLog none\nDelayTable none\nAllowOverride off\n";

/// The files.
const FILES: &[Configuration] = &[
    (
        "nothing said",
        "",
        &["anonymous", "ftp", "alice", "nobody-of-that-name"],
    ),
    ("a shell that is not listed", "", &["virtual"]),
    (
        "any shell",
        "RequireValidShell off\nDefaultRoot ~\n",
        &["virtual", "alice"],
    ),
    ("overwriting", "AllowOverwrite on\n", &["alice"]),
    (
        "overwriting and appending at home",
        "AllowOverwrite on\nAllowStoreRestart on\nDefaultRoot ~\nUmask 027\n",
        &["alice", "bob"],
    ),
    (
        "overwriting by a section for the whole tree",
        "<Directory />\nAllowOverwrite on\n</Directory>\nDefaultRoot ~\n",
        &["alice"],
    ),
    (
        "nothing written",
        "DefaultRoot ~\nAllowOverwrite on\n<Limit WRITE>\nDenyAll\n</Limit>\n",
        &["alice"],
    ),
    (
        "nothing written below the whole tree",
        "<Directory /*>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Directory>\n",
        &["alice"],
    ),
    (
        "nothing deleted, renamed or given other rights",
        "AllowOverwrite on\n<Limit DELE>\nDenyAll\n</Limit>\n<Limit RNFR RNTO>\nDenyAll\n</Limit>\n\
         <Limit SITE_CHMOD>\nDenyAll\n</Limit>\n",
        &["alice"],
    ),
    (
        "a limit that a nearer one takes back",
        "<Global>\nAllowOverwrite on\n<Limit WRITE>\nDenyAll\n</Limit>\n</Global>\n<Limit WRITE>\nAllowAll\n</Limit>\n",
        &["alice"],
    ),
    (
        "one group is free",
        "DefaultRoot ~ !bob\nAllowOverwrite on\n",
        &["alice", "bob"],
    ),
    ("nobody is kept", "DefaultRoot /\nUmask 077\n", &["alice"]),
    (
        "a root for everybody",
        "DefaultRoot PLACE/srv\n",
        &["alice"],
    ),
    (
        "users of a file",
        "AuthUserFile PLACE/users\nAuthOrder mod_auth_file.c\nRequireValidShell off\nDefaultRoot ~\nAllowOverwrite on\n",
        &["carl", "alice", "anonymous"],
    ),
    (
        "users of a file and of the machine",
        "AuthUserFile PLACE/users\nDefaultRoot ~\n",
        &["carl", "alice"],
    ),
    (
        "an archive beside users",
        "<Anonymous ~ftp>\nUser ftp\nGroup ftp\nUserAlias anonymous ftp\n<Limit WRITE>\nDenyAll\n</Limit>\n</Anonymous>\n",
        &["anonymous", "ftp", "alice"],
    ),
    (
        "an archive alone",
        "<Limit LOGIN>\nDenyAll\n</Limit>\n<Anonymous PLACE/srv>\nUser ftp\nGroup ftp\nUserAlias anonymous ftp\n\
         <Limit LOGIN>\nAllowAll\n</Limit>\n<Directory *>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Directory>\n</Anonymous>\n",
        &["anonymous", "alice"],
    ),
    (
        "strangers bring files",
        "AllowOverwrite off\n<Anonymous ~ftp>\nUser ftp\nGroup ftp\nUserAlias anonymous ftp\n</Anonymous>\n",
        &["anonymous"],
    ),
    (
        "strangers may not log in",
        "<Anonymous ~ftp>\nUser ftp\nUserAlias anonymous ftp\n<Limit LOGIN>\nDenyAll\n</Limit>\n</Anonymous>\n",
        &["anonymous", "alice"],
    ),
    (
        "clients of one network",
        "<Limit LOGIN>\nOrder deny,allow\nDeny from 192.0.2.\nAllow from 127.0.0.\n</Limit>\n",
        &["alice"],
    ),
    (
        "names that are hidden",
        "<Directory />\nHideFiles \"(^\\\\.|\\\\.key$)\"\n</Directory>\nDefaultRoot ~\n",
        &["alice"],
    ),
    (
        "dot files shown without being asked for",
        "ListOptions \"-a\"\nDirFakeUser on\nDirFakeGroup on\n",
        &["alice"],
    ),
    (
        "uploads under another name until they are whole",
        "HiddenStores on\nAllowOverwrite on\nDefaultRoot ~\n",
        &["alice"],
    ),
    (
        "commands that are denied by name",
        "AllowOverwrite on\n<Limit STOR MKD XMKD LIST NLST>\nDenyAll\n</Limit>\n",
        &["alice"],
    ),
    (
        "by names and defines",
        "Define X\n<IfDefine X>\n<Limit WRITE>\nDenyAll\n</Limit>\n</IfDefine>\n<IfModule !mod_core.c>\nAllowOverwrite on\n\
         </IfModule>\n",
        &["alice"],
    ),
];

/// Where the answers may part.
const EXCUSED: &[Excuse] = &[
    // NLST tells all names, as Pure-FTPd's does; LIST -a shows them in both.
    ("", "anonymous: list names .dot", "no", "yes"),
    ("", "ftp: list names .dot", "no", "yes"),
    ("", "alice: list names .dot", "no", "yes"),
    ("", "bob: list names .dot", "no", "yes"),
    ("", "carl: list names .dot", "no", "yes"),
    ("", "virtual: list names .dot", "no", "yes"),
    // Anonymous stores no names that begin with a dot, and changes nothing that is there; a warning says so.
    (
        "strangers bring files",
        "anonymous: store .new",
        "yes",
        "no",
    ),
    (
        "strangers bring files",
        "anonymous: change rights",
        "yes",
        "no",
    ),
    ("strangers bring files", "anonymous: rename", "yes", "no"),
    ("strangers bring files", "anonymous: delete", "yes", "no"),
    ("strangers bring files", "anonymous: remove", "yes", "no"),
];

fn theirs() -> Option<PathBuf> {
    package("WHARF_PROFTPD")
}

/// The tree, and a user who is in a file alone.
fn prepare(place: &Path) {
    lay_out(place);
    let home = place.join("home/virtual").display().to_string();
    let line = format!("carl:{HASH}:4404:4404::{home}:/bin/sh\n");
    let path = write(place, "users", &line);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[test]
fn what_proftpd_allows_from_a_file_is_what_ours_allows_from_it() {
    let Some(theirs) = theirs() else {
        return;
    };
    let program = theirs.join("usr/sbin/proftpd").display().to_string();
    let wrong = compare_all(FILES, |place, (name, text, users)| {
        let address = free_address();
        let text = format!("{COMMON}{text}")
            .replace("PLACE", &place.display().to_string())
            .replace("PORT", &address.port().to_string());
        let file = write(place, "a.conf", &text).display().to_string();
        prepare(place);
        assert_taken(place, &["--printlines", "a.conf"]);
        let comparison = Comparison {
            name,
            address,
            theirs: &[program.as_str(), "-n", "-q", "-c", &file],
            ours: &[PROGRAM, &file],
            users,
            prepare,
            excused: EXCUSED,
        };
        comparison.differences(place)
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What is refused of a file of the package, by the names of its settings.
fn refused(package: &Path, file: &str) -> Vec<String> {
    let ground = folder();
    let text = fs::read_to_string(package.join(file)).expect(file);
    write(ground.path(), "a.conf", &text);
    let said = run(
        ground.path(),
        &["--check", "--dialect", "proftpd", "a.conf"],
    );
    let lines = said.out.lines();
    let refused = lines.filter_map(|line| line.strip_prefix("refused: a.conf:"));
    let mut names: Vec<String> = refused
        .map(|line| {
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
            let end = line.trim_start().find(':').unwrap_or(line.len());
            line.trim_start()[..end].to_owned()
        })
        .collect();
    names.dedup();
    names
}

#[test]
fn the_files_of_debians_package_are_refused_only_for_what_cannot_be_said() {
    let Some(package) = theirs() else {
        return;
    };
    let found = refused(&package, "usr/share/proftpd/templates/proftpd.conf");
    assert!(found.is_empty(), "{found:?}");
    let samples = "usr/share/doc/proftpd-core/sample-configurations";
    for (name, expected) in [
        ("anonymous.conf", &["<Anonymous>", "<Directory>"] as &[&str]),
        (
            "virtual.conf",
            &["there are 3 servers in it, and one process serves one; choose with --host, of"],
        ),
    ] {
        let found = refused(&package, &format!("{samples}/{name}"));
        for name in expected {
            assert!(found.iter().any(|found| found == name), "{name}: {found:?}");
        }
    }
    // Whether its anonymous user has a shell depends on the machine.
    let found = refused(&package, &format!("{samples}/basic.conf"));
    assert!(
        found
            .iter()
            .all(|name| name.contains("RequireValidShell") || name == "Group"),
        "{found:?}"
    );
}
