//! The same commands given to `wharf-pw` and to Debian's pure-pw: the same lines, databases, reports and exit statuses.

use crate::tool::{Place, many_users, pure_pw, succeeded};
use wharf::keeper::hashes::{Verdict, verify};
use wharf::keeper::puredb::PureDb;
use wharf::keeper::record::{Line, VirtualUser};

/// What new users are given. Each costs pure-pw some seconds for its hash.
const OPTIONS: &[&[&str]] = &[
    &[
        "-u",
        "20106",
        "-g",
        "20107",
        "-D",
        "/srv/a//",
        "-c",
        "Some: Gecos",
        "-t",
        "100",
        "-T",
        "50",
        "-n",
        "3",
        "-N",
        "1",
        "-q",
        "1",
        "-Q",
        "10",
        "-y",
        "2",
    ],
    &[
        "-u",
        "daemon",
        "-d",
        "/srv/./a/",
        "-z",
        "0900-1800",
        "-r",
        "127.0.0.0/8,10.0.0.1",
        "-R",
        "host.example.org",
        "-i",
        "10.1.2.3/8",
        "-I",
        "127.0.0.5",
    ],
    &[
        "-g",
        "daemon",
        "-u",
        "7",
        "-d",
        "/a:b",
        "-n",
        "0",
        "-N",
        "0",
        "-z",
        "2200-0600",
        "-t",
        "0",
    ],
];

const CHANGES: &[&[&str]] = &[
    &["-c", "Changed"],
    &["-t", "", "-T", "7", "-q", "", "-Q", "3", "-y", "", "-z", ""],
    &[
        "-n",
        "",
        "-N",
        "12",
        "-r",
        "",
        "-R",
        "192.0.2.1",
        "-i",
        "",
        "-I",
        "",
    ],
    &["-D", "/elsewhere", "-u", "5", "-g", "6", "-z", "1-2"],
    &["-y", "9", "-z", "0000-2359"],
];

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn without_hash(line: &str) -> String {
    let fields: Vec<&str> = line.split(':').collect();
    [&fields[..1], &fields[2..]].concat().join(":")
}

#[test]
fn databases_are_the_same_to_the_byte() {
    let Some(pure_pw) = pure_pw() else { return };
    let odd = "# comment\n\nnocolon\nq:\n:nologin\nz:z\r\ncr:a\rb\ndouble:1\ndouble:2\nb\u{fc}:x\n\u{1}\u{7f}:y\nlast:without end";
    for text in [
        "",
        odd,
        &many_users(1),
        &many_users(700),
        &format!("{}{odd}", many_users(6000)),
    ] {
        let (ours, theirs) = (Place::with(text), Place::with(text));
        ours.done(&["mkdb"], "");
        succeeded(&theirs.theirs(&pure_pw, &["mkdb"], ""));
        assert!(
            ours.database() == theirs.database(),
            "{} bytes of text",
            text.len()
        );
    }
}

#[test]
fn every_user_of_their_database_is_found() {
    let Some(pure_pw) = pure_pw() else { return };
    let place = Place::with(&many_users(2000));
    succeeded(&place.theirs(&pure_pw, &["mkdb"], ""));
    let bytes = place.database();
    let db = PureDb::new(&bytes).expect("whole");
    for line in place.lines() {
        let (login, data) = line.split_once(':').expect("fields");
        assert_eq!(db.find(login.as_bytes()), Ok(Some(data.as_bytes())));
        assert!(
            VirtualUser::read(login.as_bytes(), data.as_bytes()).is_ok(),
            "{line}"
        );
    }
    assert_eq!(db.records().expect("whole").len(), 2000);
}

#[test]
fn new_users_have_the_same_line_and_their_password() {
    let Some(pure_pw) = pure_pw() else { return };
    let (ours, theirs) = (Place::new(), Place::new());
    for (number, options) in OPTIONS.iter().enumerate() {
        let login = format!("user:{number}");
        let words = [&["useradd", &login][..], options].concat();
        ours.done(&words, "pass \u{fc}\npass \u{fc}\n");
        succeeded(&theirs.theirs(&pure_pw, &words, "pass \u{fc}\npass \u{fc}\n"));
    }
    let lines = |place: &Place| {
        place
            .lines()
            .iter()
            .map(|line| without_hash(line))
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&ours), lines(&theirs));
    for line in theirs.lines().iter().take(1).chain(&ours.lines()) {
        let hash = Line::read(line.as_bytes())
            .user()
            .unwrap_or_else(|fault| panic!("{line}: {fault}"))
            .hash;
        assert_eq!(
            verify(&hash, "pass \u{fc}".as_bytes()),
            Verdict::Match,
            "{line}"
        );
    }
}

#[test]
fn changed_users_have_the_same_line() {
    let Some(pure_pw) = pure_pw() else { return };
    let text = many_users(40);
    let (ours, theirs) = (Place::with(&text), Place::with(&text));
    for (line, options) in text.lines().zip(CHANGES.iter().cycle()) {
        let login = line.split(':').next().expect("a login");
        let words = [&["usermod", login][..], options].concat();
        ours.done(&words, "");
        succeeded(&theirs.theirs(&pure_pw, &words, ""));
    }
    let gone = text.split(':').next().expect("a login");
    ours.done(&["UserDel", gone], "");
    succeeded(&theirs.theirs(&pure_pw, &["UserDel", gone], ""));
    // They move a user they change to the end, we leave it where it was.
    assert_eq!(sorted(ours.lines()), sorted(theirs.lines()));
}

#[test]
fn reports_and_lists_are_the_same_to_the_byte() {
    let Some(pure_pw) = pure_pw() else { return };
    let text = format!(
        "{}short:h:1:2:name:/x\nfew:h:1:2::/x:1024\n# c\n\n",
        many_users(60)
    );
    let place = Place::with(&text);
    for login in place
        .lines()
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(login, _)| login)
    {
        let shown = succeeded(&place.theirs(&pure_pw, &["show", login], ""));
        assert_eq!(place.done(&["show", login], ""), shown);
    }
    let listed = succeeded(&place.theirs(&pure_pw, &["list"], ""));
    assert_eq!(place.done(&["list"], ""), listed);
}

#[test]
fn failures_have_the_same_exit_status() {
    let Some(pure_pw) = pure_pw() else { return };
    let new = ["-u", "5", "-g", "6", "-d", "/x"];
    let full = |action: &'static str, login: &'static str| [&[action, login][..], &new].concat();
    let commands: &[&[&str]] = &[
        &["useradd"],
        &["usermod"],
        &["passwd"],
        &["show"],
        &["useradd", "n", "-u", "0"],
        &["useradd", "n", "-u", "5"],
        &["useradd", "n", "-u", "nobodyhasthisname", "-d", "/x"],
        &["useradd", "n", "-u", "5", "-g", "6"],
        &["useradd", "n", "-u", "5", "-g", "6", "-d", "/"],
        &["useradd", "n", "-u", "5", "-u", "6"],
        &["useradd", "n", "-q", "0"],
        &["useradd", "n", "-Q", "0"],
        &["useradd", "n", "-z", "1"],
        &["useradd", "n", "-z", "2400-1"],
        &full("useradd", "n"),
        &["usermod", "n", "-c", "x"],
        &["userdel", "n"],
        &["show", "n"],
        &["show", "a"],
        &["list"],
        &["show", "a", "-f", "/nonexistent/users"],
        &["usermod", "a", "-f", "/nonexistent/users"],
        &["userdel", "a", "-f", "/nonexistent/users"],
        &["mkdb", "x.pdb", "-f", "/nonexistent/users"],
        &["mkdb", "/nonexistent/users.pdb"],
        &["passwd", "a"],
        &["-h"],
    ];
    for words in commands {
        let place = Place::with("a:h:1:2::/a\n");
        let theirs = place.theirs(&pure_pw, words, "").status.code();
        let ours = place.ours(words, "").status.code();
        assert_eq!(ours, theirs, "{words:?}");
    }
    // Ours says so before anybody types a password.
    let place = Place::with("a:h:1:2::/a\n");
    let words = full("useradd", "a");
    let theirs = place.theirs(&pure_pw, &words, "x\nx\n").status.code();
    assert_eq!(
        (place.ours(&words, "").status.code(), theirs),
        (Some(4), Some(4))
    );
}

#[test]
fn files_go_from_one_to_the_other_and_back() {
    let Some(pure_pw) = pure_pw() else { return };
    let place = Place::new();
    place.done(
        &["useradd", "ours", "-u", "5", "-g", "6", "-d", "/ours"],
        "first\n",
    );
    succeeded(&place.theirs(
        &pure_pw,
        &[
            "useradd", "theirs", "-u", "5", "-g", "6", "-d", "/theirs", "-m",
        ],
        "second\nsecond\n",
    ));
    place.done(&["usermod", "theirs", "-n", "9"], "");
    succeeded(&place.theirs(&pure_pw, &["usermod", "ours", "-n", "8", "-m"], ""));
    let bytes = place.database();
    let db = PureDb::new(&bytes).expect("whole");
    for (login, files, password) in [("ours", 8, "first"), ("theirs", 9, "second")] {
        let data = db.find(login.as_bytes()).expect("whole").expect("the user");
        let user =
            VirtualUser::read(login.as_bytes(), data).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(user.quota_files, Some(files));
        assert_eq!(verify(&user.hash, password.as_bytes()), Verdict::Match);
    }
}
