//! Names of clients in the log, and the name of `-P` whose address changes: what name servers are asked for, by whom.

use std::fs;

use rustix::process::Signal;

use crate::common::processes::{children, lives};
use crate::support::{Launch, PATIENCE, Place, Running, User, expect, not_root, signal, within};

/// What a process may do, in lines of its status (proc(5)).
fn rights(pid: u32) -> Vec<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let wanted = [
        "Uid:",
        "Gid:",
        "Groups:",
        "CapEff:",
        "CapPrm:",
        "NoNewPrivs:",
    ];
    let lines = status.lines();
    lines
        .filter(|line| wanted.iter().any(|name| line.starts_with(name)))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Those of nobody, who can gain none.
const NO_RIGHTS: [&str; 6] = [
    "Uid: 65534 65534 65534 65534",
    "Gid: 65534 65534 65534 65534",
    "Groups:",
    "CapPrm: 0000000000000000",
    "CapEff: 0000000000000000",
    "NoNewPrivs: 1",
];

/// Makes this line all that the server's /etc/hosts has. The file stays the same one, which is what is mounted.
fn hosts(place: &Place, line: &str) {
    fs::write(place.path("etc/hosts"), format!("{line}\n")).expect("a file");
}

fn says(server: &Running, what: &str) {
    within(PATIENCE, what, || server.said().contains(what));
}

#[test]
fn the_log_knows_the_name_of_a_client_and_no_process_of_root_asked_for_it() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let launch = Launch::system_users(&place, &users, "").looks_names_up();
    hosts(&place, "127.0.0.1 client.example");
    let server = launch.start();
    let keeper = server.keeper();
    let before = children(keeper);
    let _client = server.login("joe");
    says(&server, "(?@127.0.0.1) [INFO] 127.0.0.1 is client.example");
    let asking: Vec<u32> = children(keeper)
        .into_iter()
        .filter(|worker| !before.contains(worker))
        .collect();
    assert!(!asking.is_empty(), "workers for names come with the first");
    for worker in asking {
        assert_eq!(rights(worker), NO_RIGHTS);
    }
}

#[test]
fn with_h_nobody_asks_for_names() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = Launch::anonymous_only(&place).start();
    expect(&mut server.greeted(), "USER ftp", 230);
    assert_eq!(children(server.pid()), [], "no keeper is needed");
    assert!(!server.said().contains(" is localhost"));
}

#[test]
fn where_names_are_all_there_is_to_ask_for_the_keeper_has_no_rights_and_is_not_missed() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let mut server = Launch::anonymous_only(&place).looks_names_up().start();
    let keeper = server.keeper();
    within(PATIENCE, "it gives its rights up", || {
        rights(keeper) == NO_RIGHTS
    });
    expect(&mut server.greeted(), "USER ftp", 230);
    says(&server, "127.0.0.1 is localhost");
    signal(keeper, Signal::KILL);
    within(PATIENCE, "the keeper is gone", || !lives(keeper));
    expect(&mut server.greeted(), "USER ftp", 230);
    // There are no accounts, and nobody is asked for them.
    assert_eq!(server.code("joe"), 530);
    assert!(!server.said().contains("in time"), "{}", server.said());
    assert!(server.is_alive());
}

#[test]
fn d5_the_name_of_the_passive_address_is_looked_up_again() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let launch = Launch::anonymous_only(&place).flags(&["-P", "nat.example"]);
    hosts(&place, "192.0.2.7 nat.example");
    let server = launch.start();
    hosts(&place, "192.0.2.8 nat.example");
    let _client = server.greeted();
    says(&server, "passive clients are told 192.0.2.8 from now on");
}
