//! S2: what the process that reads the network may do, by what the kernel says of each of its threads.

use std::fs;
use std::path::Path;

use crate::support::{Launch, Place, Running, account, cannot, download, is_root, together};

/// A field of a status file of proc(5).
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("no {name}"))
        .trim()
        .to_owned()
}

/// The status of every thread, one of them a helper's.
fn threads(server: &Running) -> Vec<String> {
    let mut client = server.logged_in();
    assert!(download(&mut client, "LIST").is_ok());
    let tasks = fs::read_dir(server.proc("task")).expect("its threads");
    let status = |path: &Path| fs::read_to_string(path.join("status")).expect("a status");
    let all: Vec<_> = tasks.flatten().map(|task| status(&task.path())).collect();
    assert!(all.len() > 2, "no helper thread was started");
    all
}

fn has_given_up_everything(status: &str, uid: u32, gid: u32) {
    for (name, id) in [("Uid", uid), ("Gid", gid)] {
        let ids = field(status, name);
        let wanted = id.to_string();
        assert!(
            ids.split_whitespace().all(|id| id == wanted),
            "{name}: {ids}"
        );
    }
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let set = field(status, name);
        assert!(set.chars().all(|digit| digit == '0'), "{name}: {set}");
    }
    let groups = field(status, "Groups");
    assert!(
        groups
            .split_whitespace()
            .all(|group| group == gid.to_string()),
        "{groups}"
    );
    assert_eq!(field(status, "NoNewPrivs"), "1");
    assert_eq!(field(status, "Seccomp"), "2", "no system call filter");
}

#[test]
fn s2_started_as_root_no_thread_has_any_right_left() {
    if cannot(!is_root(), "starting as root needs root") {
        return;
    }
    let _together = together();
    let place = Place::new();
    let server = Launch::new(&place).start();
    let (_, uid, gid) = account().expect("an account");
    for status in threads(&server) {
        has_given_up_everything(&status, uid, gid);
        let bounding = field(&status, "CapBnd");
        assert!(
            bounding.chars().all(|digit| digit == '0'),
            "CapBnd: {bounding}"
        );
    }
    let jail = fs::canonicalize(place.root()).expect("the root");
    for name in ["root", "cwd"] {
        assert_eq!(
            fs::read_link(server.proc(name)).expect("a link"),
            jail,
            "{name}"
        );
    }
}

#[test]
fn s2_started_without_root_nothing_is_left_either() {
    let _together = together();
    let place = Place::new();
    let server = Launch::new(&place).without_root().start();
    if !is_root() {
        // A process that is not dumpable shows itself to root only.
        assert!(
            fs::read_dir(server.proc("fd")).is_err(),
            "its memory can be read"
        );
        return;
    }
    for status in threads(&server) {
        has_given_up_everything(&status, 65534, 65534);
    }
}

#[test]
fn s4_the_memory_of_the_server_is_nobodys_to_read() {
    if cannot(!is_root(), "becoming somebody else needs root") {
        return;
    }
    let _together = together();
    let place = Place::new();
    for server in [
        Launch::new(&place).start(),
        Launch::new(&place).without_root().start(),
    ] {
        let status = fs::read_to_string(server.proc("status")).expect("a status");
        let uid = field(&status, "Uid")
            .split_whitespace()
            .next()
            .map(str::to_owned);
        let same_user = std::process::Command::new("setpriv")
            .args(["--reuid", &uid.expect("a uid"), "--clear-groups", "cat"])
            .arg(server.proc("maps"))
            .output()
            .expect("setpriv");
        assert!(
            !same_user.status.success(),
            "another process of its user can read it"
        );
    }
}
