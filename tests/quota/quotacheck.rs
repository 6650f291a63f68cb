//! `wharf-quotacheck`, alone and beside Debian's pure-quotacheck.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::ground::{UID, is_root, pure};

fn ours() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wharf-quotacheck"))
}

fn run(command: &mut Command) -> Output {
    command.env("LC_ALL", "C").output().expect("the tool runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn give_away(path: &Path) {
    if is_root() {
        lchown(path, Some(UID), Some(UID)).expect("an owner");
    }
    let facts = fs::symlink_metadata(path).expect("facts");
    if facts.is_dir() {
        for entry in fs::read_dir(path).expect("a directory") {
            give_away(&entry.expect("an entry").path());
        }
    }
}

/// A home with something of every kind.
fn home() -> tempfile::TempDir {
    let outer = tempfile::tempdir().expect("a directory");
    let path = |name: &str| outer.path().join("home").join(name);
    fs::create_dir_all(path("a/b/c")).expect("directories");
    fs::write(path("a/f"), [0; 1000]).expect("a file");
    fs::write(path("a/b/g"), [0; 24]).expect("a file");
    fs::write(path("a/.hidden"), [0; 3]).expect("a file");
    fs::write(path("a/.ftpquota"), "1 1\n").expect("a file");
    fs::write(path("blank name"), b"").expect("a file");
    fs::hard_link(path("a/f"), path("second")).expect("a name");
    symlink("a/f", path("link")).expect("a link");
    symlink("/a/b", path("rooted")).expect("a link");
    symlink("../..", path("a/up")).expect("a link");
    symlink("nowhere", path("dangling")).expect("a link");
    symlink("/etc/passwd", path("out")).expect("a link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a pipe");
    fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    give_away(&outer.path().join("home"));
    outer
}

fn check(command: &mut Command, home: &Path) -> String {
    let id = UID.to_string();
    let output = run(command.args(["-u", &id, "-g", &id, "-d"]).arg(home));
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "it is silent"
    );
    fs::read_to_string(home.join(".ftpquota")).expect("the quota file")
}

#[test]
fn files_and_directories_are_counted_and_written_down() {
    let outer = home();
    let home = outer.path().join("home");
    // a, b, c, f, g, .hidden, the empty one, the second name and the link to a file.
    assert_eq!(check(&mut ours(), &home), "9 3027\n");
    let facts = fs::metadata(home.join(".ftpquota")).expect("the file");
    assert_eq!(facts.permissions().mode() & 0o7777, 0o600);
    if is_root() {
        assert_eq!((facts.uid(), facts.gid()), (UID, UID));
    }
    fs::remove_file(home.join("a/f")).expect("removed");
    fs::write(home.join(".ftpquota"), "rubbish").expect("written");
    give_away(&home.join(".ftpquota"));
    assert_eq!(check(&mut ours(), &home), "7 1027\n");
}

#[test]
fn the_count_is_debians() {
    let Some(mut pure_quotacheck) = pure("pure-quotacheck") else {
        return;
    };
    if !is_root() {
        return eprintln!(
            "skipped: needs root, in whose absence pure-quotacheck follows links out of the directory"
        );
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("users");
    let user = passwd.lines().find(|line| line.starts_with("games:"));
    let Some(user) = user else {
        return eprintln!("skipped: there is no user games");
    };
    let ids: Vec<u32> = user
        .split(':')
        .skip(2)
        .take(2)
        .map(|id| id.parse().expect("an id"))
        .collect();
    let outer = home();
    let home = outer.path().join("home");
    let own = |path: &Path| lchown(path, Some(ids[0]), Some(ids[1])).expect("an owner");
    own(&home);
    let count = |command: &mut Command| {
        let _ = fs::remove_file(home.join(".ftpquota"));
        let output = run(command.args(["-u", "games", "-d"]).arg(&home));
        assert!(output.status.success(), "{}", said(&output));
        let facts = fs::metadata(home.join(".ftpquota")).expect("the file");
        let mode = facts.permissions().mode() & 0o7777;
        (
            fs::read(home.join(".ftpquota")).expect("its text"),
            facts.uid(),
            facts.gid(),
            mode,
        )
    };
    // Neither looks into directories that the user may not read.
    let theirs = count(&mut pure_quotacheck);
    assert_eq!(count(&mut ours()), theirs);
    assert!(theirs.0.len() > 4, "{}", theirs.0.escape_ascii());
}

#[test]
fn mistakes_have_debians_exit_statuses() {
    let outer = home();
    let home = outer.path().join("home");
    let status = |words: &[&str]| run(ours().args(words)).status.code();
    let text = home.to_str().expect("text");
    assert_eq!(status(&[]), Some(0));
    assert_eq!(status(&["-h"]), Some(0));
    assert_eq!(status(&["-u", "4242", "-g", "4242"]), Some(255));
    assert_eq!(
        status(&["-d", text, "-d", text, "-u", "4242", "-g", "4242"]),
        Some(255)
    );
    assert_eq!(status(&["--nonsense"]), Some(255));
    if is_root() {
        assert_eq!(status(&["-u", "root", "-d", text]), Some(254));
        assert_eq!(status(&["-d", text]), Some(254));
        let nowhere = home.join("nowhere");
        let nowhere = nowhere.to_str().expect("text");
        assert_eq!(
            status(&["-u", "4242", "-g", "4242", "-d", nowhere]),
            Some(253)
        );
        fs::set_permissions(&home, fs::Permissions::from_mode(0o555)).expect("a mode");
        assert_eq!(status(&["-u", "4242", "-g", "4242", "-d", text]), Some(251));
        fs::set_permissions(&home, fs::Permissions::from_mode(0o711)).expect("a mode");
        assert_eq!(status(&["-u", "4242", "-g", "4242", "-d", text]), Some(252));
    }
}

#[test]
fn a_link_for_the_quota_file_is_not_followed() {
    let outer = home();
    let home = outer.path().join("home");
    fs::write(home.join("victim"), "mine").expect("a file");
    symlink("victim", home.join(".ftpquota")).expect("a link");
    give_away(&home);
    let id = UID.to_string();
    let output = run(ours().args(["-u", &id, "-g", &id, "-d"]).arg(&home));
    assert_eq!(output.status.code(), Some(251), "{}", said(&output));
    assert_eq!(fs::read(home.join("victim")).expect("a file"), b"mine");
}

/// Runs a command with standard error on a terminal of its own, and prints what was shown there.
const ON_TERMINAL: &str = r#"
import os, pty, signal, subprocess, sys
signal.alarm(30)
master, slave = pty.openpty()
status = subprocess.run(sys.argv[1:], stderr=slave).returncode
print(repr(os.read(master, 10000).decode()), status)
"#;

#[test]
fn a_terminal_shows_the_progress() {
    let outer = home();
    let home = outer.path().join("home");
    if Command::new("python3").arg("--version").output().is_err() {
        return eprintln!("skipped: python3 is not installed");
    }
    let id = UID.to_string();
    let mut python = Command::new("python3");
    python.args(["-c", ON_TERMINAL, env!("CARGO_BIN_EXE_wharf-quotacheck")]);
    let output = run(python.args(["-u", &id, "-g", &id, "-d"]).arg(&home));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        shown.contains("9 files, 3027 bytes") && shown.ends_with(" 0\n"),
        "{shown}"
    );
}

#[test]
fn a_directory_that_cannot_be_read_is_told_of() {
    if !is_root() {
        return eprintln!("skipped: needs root to give a directory to somebody else");
    }
    let outer = home();
    let home = outer.path().join("home");
    fs::create_dir(home.join("closed")).expect("a directory");
    fs::set_permissions(home.join("closed"), fs::Permissions::from_mode(0o700)).expect("a mode");
    let id = UID.to_string();
    let output = run(ours().args(["-u", &id, "-g", &id, "-d"]).arg(&home));
    assert!(
        output.status.success() && said(&output).contains("warning"),
        "{}",
        said(&output)
    );
    let count = fs::read(home.join(".ftpquota")).expect("the file");
    assert_eq!(count, b"10 3027\n");
}
