//! `-l unix` on a machine whose /etc/passwd, /etc/shadow and /etc/shells the test has written: in a mount namespace of its
//! own (unshare(1)), where this test runs itself again.

use std::fs;
use std::path::Path;
use std::process::Command;

use wharf::keeper::sources::{self, Options, Source, Verdict};

use crate::running::{is_root, question};

/// Set for the run inside.
const INSIDE: &str = "WHARF_TEST_INSIDE";

/// "secret pass" by SHA-256 and by SHA-512.
const QUICK: &str = "$5$abcdefgh$tHz2GLlo5y1zd11L6fWGP/048rnwaZWPLK2Sr4oRZR9";
const OTHER: &str = "$6$abcdefgh$T2WXtwktTC2b5B5eLgYoBNSaruzkNaEhxCMZO6BjUUifAydP30r5J1X72mBVJN1tky9srX4MgNXnjeofwkiU51";

/// Name, shell, hash, day of change, longest age, last day; and whether the user comes in.
const USERS: &[(&str, &str, &str, &str, &str, &str, bool)] = &[
    ("joe", "/bin/sh", QUICK, "19000", "99999", "", true),
    ("jane", "ftp", OTHER, "19000", "", "", true),
    ("plain", "/usr/sbin/nologin", QUICK, "19000", "", "", false),
    ("gone", "/bin/sh", QUICK, "19000", "", "15000", false),
    ("old", "/bin/sh", QUICK, "15000", "90", "", false),
    ("due", "/bin/sh", QUICK, "0", "", "", false),
    ("locked", "/bin/sh", "!", "19000", "", "", false),
    ("empty", "/bin/sh", "", "19000", "", "", false),
    ("at", "/bin/sh", "@", "19000", "", "", false),
];

#[test]
fn users_of_the_machine_come_in_by_shell_password_and_dates() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    write_users(folder.path());
    let mounts = "for file in passwd shadow shells; do mount --bind \"$1/$file\" /etc/$file || exit 99; done; shift; exec \"$@\"";
    let name = "system_users::users_of_the_machine_come_in_by_shell_password_and_dates";
    let own = std::env::current_exe().expect("this program");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", mounts, "sh"])
        .arg(folder.path());
    command
        .arg(own)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1");
    let output = command.output().expect("unshare runs");
    if output.status.code() == Some(99) || output.stderr.starts_with(b"unshare:") {
        return eprintln!("skipped: no mount namespace to be had");
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}{said}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn write_users(folder: &Path) {
    let (mut passwd, mut shadow) = (
        String::from("root:x:0:0::/root:/bin/sh\n"),
        String::from("root:*:19000::::::\n"),
    );
    for (number, (name, shell, hash, changed, longest, last, _)) in USERS.iter().enumerate() {
        passwd.push_str(&format!(
            "{name}:x:{}:100::/home/{name}:{shell}\n",
            5000 + number
        ));
        shadow.push_str(&format!("{name}:{hash}:{changed}:0:{longest}:7::{last}:\n"));
    }
    // A user without a line in shadow.
    passwd.push_str("half:x:6000:100::/home/half:/bin/sh\n");
    for (name, text) in [
        ("passwd", passwd),
        ("shadow", shadow),
        ("shells", "/bin/sh\n".to_owned()),
    ] {
        fs::write(folder.join(name), text).expect("a file");
    }
}

fn inside() {
    let any_shell = Options {
        any_shell: true,
        ..Options::default()
    };
    let mut source = sources::open("unix", &any_shell).expect("unix");
    let plain = source.check(&question("plain", "secret pass"));
    assert!(matches!(plain, Verdict::Accepted(_)), "{plain:?}");
    for name in ["gone", "locked", "empty"] {
        let verdict = source.check(&question(name, "secret pass"));
        assert_eq!(verdict, Verdict::Refused, "{name}");
    }

    let mut source: Box<dyn Source> = sources::open("unix", &Options::default()).expect("unix");
    for (number, (name, _, _, _, _, _, comes_in)) in (5000..).zip(USERS) {
        match source.check(&question(name, "secret pass")) {
            Verdict::Accepted(found) => {
                assert!(comes_in, "{name}");
                assert_eq!((found.uid, found.gid), (number, 100));
                assert_eq!(found.home, format!("/home/{name}").as_bytes());
                assert_eq!(found.system_name.as_deref(), Some(name.as_bytes()));
            }
            verdict => {
                assert_eq!(verdict, Verdict::Refused, "{name}");
                assert!(!comes_in, "{name}");
            }
        }
        for wrong in ["", "secret", "!", "@", "x"] {
            assert_eq!(
                source.check(&question(name, wrong)),
                Verdict::Refused,
                "{name} {wrong}"
            );
        }
    }
    assert_eq!(source.check(&question("half", "x")), Verdict::Refused);
    assert_eq!(
        source.check(&question("nobody-here", "secret pass")),
        Verdict::Unknown
    );
    assert_eq!(source.complaint(), None);
}
