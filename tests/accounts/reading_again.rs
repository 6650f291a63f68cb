//! SIGHUP: the lists of users are read again, databases are looked at, and what is broken leaves the old in force.

use std::fs;

use rustix::process::Signal;

use crate::support::{Launch, PATIENCE, Place, Running, User, expect, not_root, signal, within};

fn server(place: &Place) -> Running {
    let users = [User::new(place, "joe", 2001), User::new(place, "ann", 2002)];
    fs::write(place.path("deny"), "ann\n").expect("a list");
    fs::write(place.path("only"), "joe\nann\n").expect("a list");
    let (deny, only) = (place.text("deny"), place.text("only"));
    let flags = ["-E", "--denyusers", &deny, "--userlist", &only];
    Launch::virtual_users(place, &users).flags(&flags).start()
}

/// Sends the signal and waits for what the server says of it.
fn reads_again(server: &Running, says: &str) {
    signal(server.pid(), Signal::HUP);
    within(PATIENCE, says, || server.said().contains(says));
}

#[test]
fn a_new_list_of_users_holds_after_sighup_for_whoever_comes_then() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place);
    let mut before = server.login("joe");
    assert_eq!(server.code("ann"), 530);
    fs::write(place.path("new"), "joe\n").expect("a list");
    fs::rename(place.path("new"), place.path("deny")).expect("a list");
    reads_again(&server, "Signal 1: lists of users were read again");
    assert_eq!(server.codes(&["joe", "ann"]), [530, 230]);
    expect(&mut before, "NOOP", 200);
}

#[test]
fn a_list_that_is_gone_or_broken_leaves_all_lists_as_they_were() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place);
    fs::remove_file(place.path("only")).expect("a list");
    fs::write(place.path("deny"), "").expect("a list");
    reads_again(&server, "--userlist: ");
    assert!(server.said().contains("No such file or directory"));
    fs::create_dir(place.path("only")).expect("a directory");
    reads_again(&server, "not a regular file; the lists stay as they were");
    assert_eq!(server.codes(&["joe", "ann"]), [230, 530]);
}

#[test]
fn a_list_that_became_a_fifo_keeps_nobody_waiting() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place);
    fs::remove_file(place.path("only")).expect("a list");
    let made = std::process::Command::new("mkfifo")
        .arg(place.path("only"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    reads_again(&server, "not a regular file; the lists stay as they were");
    assert_eq!(server.code("joe"), 230);
}

#[test]
fn a_broken_database_is_told_at_sighup_and_not_only_when_somebody_logs_in() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = server(&place);
    fs::write(place.path("users.new"), "no database").expect("a file");
    fs::rename(place.path("users.new"), place.path("users.pdb")).expect("a file");
    reads_again(&server, "its last good content stays in force");
    assert_eq!(server.code("joe"), 230);
}
