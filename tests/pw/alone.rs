//! What `wharf-pw` does with its own files, and what it says when it will not.

use crate::tool::Place;
use std::os::unix::fs::PermissionsExt;
use wharf::keeper::hashes::{Verdict, verify};
use wharf::keeper::puredb::PureDb;
use wharf::keeper::record::{Line, VirtualUser};

const ANNA: &[&str] = &[
    "useradd",
    "anna",
    "-u",
    "20106",
    "-g",
    "20107",
    "-d",
    "/srv/anna",
];

fn hash_of(place: &Place, login: &str) -> Vec<u8> {
    let lines = place.lines();
    let line = lines
        .iter()
        .find(|line| line.starts_with(&format!("{login}:")));
    let line = Line::read(line.expect("the user's line").as_bytes());
    line.user().unwrap_or_else(|fault| panic!("{fault}")).hash
}

#[test]
fn a_new_user_logs_in_with_the_password_that_was_given() {
    let place = Place::new();
    place.done(ANNA, "pass word\npass word\n");
    assert_eq!(
        verify(&hash_of(&place, "anna"), b"pass word"),
        Verdict::Match
    );
    place.done(&["passwd", "anna"], "another\n");
    assert_eq!(verify(&hash_of(&place, "anna"), b"another"), Verdict::Match);
    assert_eq!(
        verify(&hash_of(&place, "anna"), b"pass word"),
        Verdict::Mismatch
    );
    let mode = std::fs::metadata(place.path("users"))
        .expect("file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn the_database_is_made_with_the_change_when_asked() {
    let place = Place::new();
    place.done(ANNA, "secret\n");
    assert!(!place.path("users.pdb").exists());
    place.done(&["usermod", "anna", "-t", "100", "-m"], "");
    let bytes = place.database();
    let data = PureDb::new(&bytes)
        .expect("whole")
        .find(b"anna")
        .expect("whole")
        .expect("anna");
    let user = VirtualUser::read(b"anna", data).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(user.download_rate, Some(102_400));
    place.done(&["userdel", "anna", "-m"], "");
    let bytes = place.database();
    assert_eq!(PureDb::new(&bytes).expect("whole").find(b"anna"), Ok(None));
    let mode = std::fs::metadata(place.path("users.pdb"))
        .expect("file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_changed_user_keeps_its_place_and_comments_stay() {
    let place = Place::with("# ours\na:h:1:2::/a\nb:h:1:2::/b\n\nbroken\nc:h:1:2::/c\n");
    place.done(&["usermod", "b", "-c", "Bea"], "");
    place.done(&["userdel", "a"], "");
    assert_eq!(
        place.text(),
        "# ours\nb:h:1:2:Bea:/b::::::::::::\n\nbroken\nc:h:1:2::/c\n"
    );
}

#[test]
fn a_dry_run_changes_nothing_and_asks_for_no_password() {
    let text = "a:$1$secret:1:2::/a::::::::::::\n";
    let place = Place::with(text);
    let adding = [ANNA, &["--dry-run", "-m"]].concat();
    assert_eq!(
        place.done(&adding, ""),
        "+ anna:*:20106:20107::/srv/anna/./::::::::::::\n"
    );
    let shown = place.done(&["usermod", "a", "-n", "5", "--dry-run"], "");
    assert_eq!(
        shown,
        "- a:*:1:2::/a::::::::::::\n+ a:*:1:2::/a::::::5::::::\n"
    );
    assert_eq!(
        place.done(&["userdel", "a", "--dry-run"], ""),
        "- a:*:1:2::/a::::::::::::\n"
    );
    assert!(
        place
            .done(&["mkdb", "--dry-run"], "")
            .starts_with("would write 2")
    );
    assert_eq!(
        place.ours(&["userdel", "b", "--dry-run"], "").status.code(),
        Some(4)
    );
    assert_eq!(place.text(), text);
    assert_eq!(place.names(), ["users"]);
}

#[test]
fn a_failure_is_one_line_with_what_to_do_and_leaves_no_file() {
    let place = Place::new();
    for (words, status, said) in [
        (
            &["useradd", "a", "-d", "/x"][..],
            32,
            "wharf-pw: a new user needs a system user and group other than root: -u and, with a number there, -g",
        ),
        (
            &["useradd", "a", "-u", "5", "-g", "6"],
            64,
            "wharf-pw: a new user needs a home directory: -d HOME, or -D HOME for one that can be left",
        ),
        (&["useradd"], 1, "wharf-pw: missing login"),
        (
            &["useradd", "a", "-z", "9"],
            1,
            "wharf-pw: -z 9: expected HHMM-HHMM, such as 0900-1800",
        ),
        (
            &["useradd", "a", "-u", "0"],
            32,
            "wharf-pw: -u 0: expected a name the system knows, not root, or a number from 1 to 4294967294",
        ),
        (
            &["useradd", "a", "-Y"],
            1,
            "wharf-pw: unexpected argument '-Y' found",
        ),
    ] {
        let output = place.ours(words, "");
        assert_eq!(output.status.code(), Some(status), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("{said}\n"));
    }
    let output = place.ours(ANNA, "one\ntwo\none\ntwo\none\ntwo\none\none\n");
    assert_eq!(output.status.code(), Some(8));
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn users_the_server_refuses_are_named_when_the_database_is_made() {
    let place = Place::with("good:h:1:2::/x\nbad:h:0:2::/x\n");
    let output = place.ours(&["mkdb"], "");
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "wharf-pw: warning: user bad cannot log in: uid: expected a number from 1 to 4294967294\n"
    );
}

#[test]
fn ipv6_lists_are_kept_and_shown() {
    let place = Place::new();
    place.done(
        &[ANNA, &["-r", "2001:db8::/32,10.0.0.0/8"]].concat(),
        "secret\n",
    );
    assert_eq!(place.lines()[0].matches(':').count(), 17);
    let shown = place.done(&["show", "anna"], "");
    assert!(
        shown.contains("\nAllowed client IPs : 2001:db8::/32,10.0.0.0/8\n"),
        "{shown}"
    );
}

#[test]
fn old_temporary_files_are_in_nobodys_way() {
    let place = Place::with("a:h:1:2::/a\n");
    for stale in [
        "users.tmp",
        "users.pdb.index",
        "users.pdb.data",
        ".users.0.tmp",
    ] {
        std::fs::write(place.path(stale), "stale").expect("stale");
    }
    place.done(&["usermod", "a", "-c", "A", "-m"], "");
    assert_eq!(place.text(), "a:h:1:2:A:/a::::::::::::\n");
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let place = Place::with("a:h:1:2::/a\n");
    // A limit on file sizes stands for the full disk: writing fails after some bytes.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" usermod a -c A";
    let mut command = place.command(std::path::Path::new("sh"), &["-c", script]);
    command.arg(crate::tool::wharf_pw());
    let output = crate::tool::run(&mut command, "");
    assert_eq!(output.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write"));
    assert_eq!(place.text(), "a:h:1:2::/a\n");
    assert_eq!(place.names(), ["users", "users.lock"]);
}
