//! Debian's folder, read by us and by pure-ftpd-wrapper itself.
//!
//! `WHARF_PURE_FTPD_WRAPPER` names that Perl script, unpacked from pure-ftpd-common and not installed (`.ci/test` sets it);
//! without it, or without perl, the comparison is skipped. The script has its folder written into it, so a copy with
//! another one is run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::skipping::cannot;
use crate::support::{folder, run, script, write};

/// The script for this folder, as a file in it.
fn wrapper(place: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("WHARF_PURE_FTPD_WRAPPER").filter(|path| !path.is_empty());
    let perl = Command::new("perl")
        .arg("-v")
        .stdout(Stdio::null())
        .status();
    if cannot(
        named.is_none(),
        "WHARF_PURE_FTPD_WRAPPER names no pure-ftpd-wrapper",
    ) || cannot(perl.is_err(), "perl is not installed")
    {
        return None;
    }
    let text = fs::read_to_string(named?).expect("pure-ftpd-wrapper");
    let text = text.replace("/etc/pure-ftpd", &place.join("p").display().to_string());
    Some(script(
        place,
        "wrapper.pl",
        &format!("exec perl -x \"$0\" \"$@\"\n#!perl\n{text}"),
    ))
}

/// What the script makes of the folder, one flag each; none when it refuses.
fn theirs(wrapper: &Path) -> Option<Vec<String>> {
    let mut command = Command::new(wrapper);
    let output = command
        .arg("--show-options")
        .env_remove("STANDALONE_OR_INETD");
    let output = output.output().expect("pure-ftpd-wrapper");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().last()?.to_owned();
    output.status.success().then(|| {
        let line = line.split(" -g ").next().unwrap_or(&line).to_owned();
        let line = if line.starts_with("-g ") { "" } else { &line };
        flags(line.split(' ').filter(|word| !word.is_empty()))
    })
}

/// A dash and a letter or digit, and not a negative number.
fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word.len() == 2
}

/// Words as flags with their values, sorted, as the order of a directory is nobody's choice.
fn flags<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for word in words {
        match flags.last_mut() {
            Some(flag) if !is_flag(word) => *flag = format!("{flag} {word}"),
            _ => flags.push(word.to_owned()),
        }
    }
    flags.sort();
    flags
}

/// The same of ours; the error text when it is refused.
fn ours(place: &Path) -> Result<Vec<String>, String> {
    let said = run(place, &["--printlines", "p"]);
    if said.status != 0 {
        return Err(said.err);
    }
    let lines = said.out.lines();
    let kept = lines.filter(|line| {
        !line.contains("(no login method)")
            && !line.starts_with("--anonymousreadown")
            && !line.contains("(pure-ftpd-wrapper)")
    });
    let mut flags: Vec<String> = kept
        .map(|line| line.split('\t').next().unwrap_or(line))
        .map(|flag| flag.replace("--limitrecursion=", "-L "))
        .collect();
    flags.sort();
    Ok(flags)
}

/// Values for every file, fit or not.
const VALUES: &[(&str, &[&str])] = &[
    (
        "AllowAnonymousFXP",
        &[
            "yes",
            "No",
            "on",
            "0",
            "true",
            "",
            "# x\nyes",
            "no\nyes",
            "\n\n  ON  \nx",
        ],
    ),
    (
        "AnonymousBandwidth",
        &["8", "8 16", "8:16", ":16", "8:", "x", "8  16", "8 16 3"],
    ),
    ("AnonymousRatio", &["1 10", "1:10", "01 10", "1"]),
    ("AntiWarez", &["yes", "no"]),
    ("Bind", &["127.0.0.1,21", "a b", ",2121"]),
    ("CallUploadScript", &["1"]),
    ("ClientCharset", &["UTF-8", "a b"]),
    ("FSCharset", &["UTF-8"]),
    ("ForcePassiveIP", &["192.0.2.1", "a b"]),
    ("FortunesFile", &["/etc/passwd", "/no/such/file"]),
    (
        "LimitRecursion",
        &["10000 8", "-1 8", "-2 8", "10000:8", "-1 -1"],
    ),
    (
        "MaxClientsNumber",
        &["50", "010", "5 ", "five", "-5", "50 # x"],
    ),
    ("MaxClientsPerIP", &["8"]),
    ("MaxDiskUsage", &["99"]),
    ("MaxIdleTime", &["15", "0"]),
    ("MaxLoad", &["4", "4.5"]),
    ("MinUID", &["1000", "0", "0x10"]),
    ("NATmode", &["yes"]),
    ("NoAnonymous", &["YES", "off"]),
    ("NoSuchDirective", &["yes"]),
    ("noanonymous", &["yes"]),
    ("NoAnonymous.bak", &["nonsense"]),
    ("A", &["nonsense"]),
    ("9", &["nonsense"]),
    ("No_Chmod", &["nonsense"]),
    (
        "PassivePortRange",
        &["30000 50000", "30000:50000", "030000 50000"],
    ),
    ("PerUserLimits", &["3 20", "3:20"]),
    ("PIDFile", &["/run/x"]),
    ("PureDB", &["/etc/passwd", "/no/such/file"]),
    ("Quota", &["1000 10", "1000:10"]),
    ("SyslogFacility", &["ftp", "local0", "a-b", "a b"]),
    ("TrustedGID", &["100", "0100"]),
    ("TrustedIP", &["10.1.1.1", "10.1.1.300", "::1"]),
    ("Umask", &["133 022", "133:022", "33 22", "999 022"]),
    ("UserBandwidth", &["8"]),
    ("VerboseLog", &["yes"]),
];

#[test]
fn each_file_means_what_it_means_to_pure_ftpd_wrapper() {
    let place = folder();
    let Some(wrapper) = wrapper(place.path()) else {
        return;
    };
    let mut compared = 0;
    for (name, values) in VALUES {
        for value in *values {
            let path = write(place.path(), &format!("p/conf/{name}"), value);
            fs::create_dir_all(place.path().join("p/auth")).expect("folder");
            match (theirs(&wrapper), ours(place.path())) {
                (Some(theirs), Ok(ours)) => assert_eq!(ours, theirs, "{name} {value:?}"),
                (None, Err(_)) => {}
                // It passes the text of its own error on as the address.
                (Some(_), Err(_)) if *name == "TrustedIP" => {}
                (theirs, ours) => panic!("{name} {value:?}: theirs {theirs:?}, ours {ours:?}"),
            }
            compared += 1;
            fs::remove_file(path).expect("file");
        }
    }
    assert!(compared > 80, "{compared}");
}

#[test]
fn accounts_are_asked_for_in_the_order_of_the_links() {
    let place = folder();
    let Some(wrapper) = wrapper(place.path()) else {
        return;
    };
    write(place.path(), "p/conf/UnixAuthentication", "yes\n");
    write(place.path(), "p/conf/PureDB", "/etc/passwd\n");
    write(place.path(), "p/conf/SyslogFacility", "local1\n");
    write(place.path(), "p/conf/NoAnonymous", "yes\n");
    write(place.path(), "p/auth/10plain", "yes\n");
    write(place.path(), "p/db/ldap.conf", "\n");
    let auth = place.path().join("p/auth");
    symlink("../conf/UnixAuthentication", auth.join("65unix")).expect("link");
    symlink("../conf/PureDB", auth.join("50pure")).expect("link");
    symlink("../conf/Missing", auth.join("40gone")).expect("link");
    let theirs = theirs(&wrapper).expect("flags");
    assert_eq!(ours(place.path()), Ok(theirs));
    let said = run(place.path(), &["--printlines", "p"]);
    let words: Vec<&str> = said
        .out
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(
        words,
        [
            "-f local1",
            "-l puredb:/etc/passwd",
            "-l unix",
            "-E",
            "-g /var/run/pure-ftpd/pure-ftpd.pid",
        ]
    );
    for skipped in ["10plain", "40gone"] {
        assert!(
            said.err.contains(&format!("p/auth/{skipped}: ignored: ")),
            "{}",
            said.err
        );
    }
    symlink("../db/ldap.conf", auth.join("30x")).expect("link");
    assert!(super::beside_pure_ftpd_wrapper::theirs(&wrapper).is_none());
    assert!(ours(place.path()).is_err());
}

/// The shipped folder works unless it asks for what is not there yet.
#[test]
fn debians_own_folder_is_refused_only_for_what_has_to_wait() {
    let place = folder();
    for (name, text) in [
        ("AltLog", "clf:/var/log/pure-ftpd/transfer.log"),
        ("FSCharset", "UTF-8"),
        ("MinUID", "1000"),
        ("NoAnonymous", "yes"),
        ("TLSCipherSuite", "HIGH"),
        ("UnixAuthentication", "no"),
    ] {
        write(
            place.path(),
            &format!("p/conf/{name}"),
            &format!("{text}\n"),
        );
    }
    fs::create_dir(place.path().join("p/auth")).expect("folder");
    symlink(
        "../conf/UnixAuthentication",
        place.path().join("p/auth/65unix"),
    )
    .expect("link");
    let said = run(place.path(), &["--check", "p"]);
    assert!(
        !said.out.lines().any(|line| line.starts_with("refused")),
        "{}",
        said.out
    );
    assert_eq!(said.status, 0);
}
