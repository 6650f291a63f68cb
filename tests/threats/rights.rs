//! S2: what the process that reads the network may do, by what the kernel says of each of its threads.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use seccompiler::{SeccompAction, SeccompFilter, TargetArch};

use crate::support::{
    Launch, Place, Running, account, cannot, download, expect, is_root, together, upload,
};

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

/// Runs `body` in a thread whose programs find a kernel without this call.
fn on_a_kernel_without(call: i64, body: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let absent = SeccompAction::Errno(38);
            let machine = TargetArch::try_from(std::env::consts::ARCH).expect("a known machine");
            let rules = [(call, Vec::new())].into();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, machine);
            let program: seccompiler::BpfProgram = filter
                .and_then(seccompiler::BpfProgram::try_from)
                .expect("a filter");
            seccompiler::apply_filter(&program).expect("the kernel takes it");
            body();
        });
        thread.join().expect("the thread ends well");
    });
}

/// Whether the kernel grants all of `--sandbox`; its first server says so.
fn is_whole() -> bool {
    let place = Place::new();
    let server = Launch::new(&place).start();
    !cannot(
        server.said().contains("--sandbox"),
        "this needs a kernel with all of the sandbox",
    )
}

/// The lines of a log about the sandbox.
fn about_the_sandbox(said: &str) -> Vec<&str> {
    said.lines()
        .filter(|line| line.contains("--sandbox"))
        .collect()
}

#[test]
fn s2_a_strict_sandbox_leaves_a_server_all_it_needs() {
    let _together = together();
    if !is_whole() {
        return;
    }
    let place = Place::new();
    // For whoever serves it.
    fs::set_permissions(place.path("root/incoming"), Permissions::from_mode(0o777))
        .expect("a mode");
    for launch in [
        Launch::new(&place),
        Launch::new(&place).without_root(),
        Launch::new(&place).flags(&["-0", "-M"]),
    ] {
        let server = launch.flags(&["--sandbox", "strict"]).start();
        let mut client = server.logged_in();
        assert_eq!(download(&mut client, "RETR pub/small"), Ok(vec![b's'; 100]));
        assert!(download(&mut client, "MLSD").is_ok());
        expect(&mut client, "CWD /incoming", 250);
        for _ in 0..2 {
            assert_eq!(upload(&mut client, "STOU", b"x"), 226);
        }
        drop(client);
        let said = server.said();
        assert_eq!(about_the_sandbox(&said), Vec::<&str>::new());
    }
}

#[test]
fn s2_without_a_sandbox_rights_are_given_up_all_the_same() {
    let _together = together();
    let place = Place::new();
    for launch in [Launch::new(&place), Launch::new(&place).without_root()] {
        let server = launch.flags(&["--sandbox", "off"]).start();
        let Ok(status) = fs::read_to_string(server.proc("status")) else {
            continue;
        };
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(&status, name), "0000000000000000", "{name}");
        }
        assert_eq!(field(&status, "NoNewPrivs"), "1");
        assert_eq!(field(&status, "Seccomp"), "0");
        let mut client = server.logged_in();
        assert!(download(&mut client, "RETR pub/small").is_ok());
        let said = server.said();
        assert_eq!(about_the_sandbox(&said), Vec::<&str>::new());
    }
}

#[test]
fn s2_what_the_kernel_lacks_is_told_once_and_keeps_a_strict_server_from_starting() {
    let _together = together();
    if !is_whole() {
        return;
    }
    for (call, lacks) in [
        (libc::SYS_landlock_create_ruleset, "Landlock ("),
        (libc::SYS_seccomp, "the system call filter ("),
    ] {
        on_a_kernel_without(call, || {
            let place = Place::new();
            let lacks = format!("the kernel lacks {lacks}");
            let server = Launch::new(&place).start();
            let mut client = server.logged_in();
            assert!(download(&mut client, "RETR pub/small").is_ok());
            let said = server.said();
            let lines = about_the_sandbox(&said);
            assert!(lines.len() == 1 && lines[0].contains(&lacks), "{said}");
            drop(client);
            for check in [&[][..], &["--check"]] {
                let strict = Launch::new(&place).flags(&["--sandbox", "strict"]);
                let (status, said) = strict.flags(check).refused();
                assert_eq!(status, Some(71), "{said}");
                let wanted = format!("wharf-ftpd: --sandbox strict: {lacks}");
                assert!(said.starts_with(&wanted), "{said}");
                assert_eq!(said.lines().count(), 1, "{said}");
            }
            let off = Launch::new(&place).flags(&["--sandbox", "off"]).start();
            assert_eq!(about_the_sandbox(&off.said()), Vec::<&str>::new());
        });
    }
}

#[test]
fn s2_flags_add_no_right_but_those_of_the_manual() {
    if cannot(!is_root(), "starting as root needs root") {
        return;
    }
    let _together = together();
    if !is_whole() {
        return;
    }
    let place = Place::new();
    for (flags, capabilities) in [
        (&["--noactive"][..], "0000000000000000"),
        (&["-0", "-M", "-i"], "0000000000000000"),
        (&["--activeport", "20"], "0000000000000000"),
        // CAP_CHOWN is 0 (capabilities(7)).
        (&["--chownuploads", "games"], "0000000000000001"),
    ] {
        let launch = Launch::new(&place).flags(flags);
        let server = launch.flags(&["--sandbox", "strict"]).start();
        for status in threads(&server) {
            for (name, value) in [
                ("CapInh", "0000000000000000"),
                ("CapPrm", capabilities),
                ("CapEff", capabilities),
                ("CapAmb", "0000000000000000"),
                ("NoNewPrivs", "1"),
                ("Seccomp", "2"),
            ] {
                assert_eq!(field(&status, name), value, "{flags:?}: {name}");
            }
        }
    }
    let both = ["--chownuploads", "games", "--sandbox", "off"];
    let (status, said) = Launch::new(&place).flags(&both).refused();
    assert_eq!((status, said.lines().count()), (Some(64), 1), "{said}");
}
