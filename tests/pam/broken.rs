//! Services and modules that do not work: nobody comes in, and the log says why.

use crate::machine::{Machine, stack};
use crate::support::{Running, expect, not_root};

/// Tries a login with the right password, which must fail and leave this line.
#[track_caller]
fn refused(server: &Running, name: &str, line: &str) {
    assert_eq!(server.code(name), 530, "{}", server.said());
    let said = server.said();
    assert!(said.contains(line), "{line}: {said}");
}

/// Tries each of these services on a machine of its own, all at a time since refusals are delayed.
fn refused_by_each(services: &[(&str, &str)], prepare: fn(&Machine)) {
    std::thread::scope(|scope| {
        for (service, line) in services {
            scope.spawn(move || {
                let machine = Machine::of_joe(service);
                prepare(&machine);
                refused(&machine.start(), "joe", line);
            });
        }
    });
}

#[test]
fn without_a_service_of_its_own_the_server_lets_nobody_in() {
    if not_root() {
        return;
    }
    // Debian's service `other`, PAM's last resort, would.
    let machine = Machine::of_joe("@include other\n");
    let server = machine.start();
    assert_eq!(server.code("joe"), 230, "{}", server.said());
    std::fs::remove_file(machine.path("etc/pam.d/wharf-ftpd")).expect("removed");
    let line = "pam: there is no /etc/pam.d/wharf-ftpd, so nobody comes in";
    refused(&server, "joe", line);
    std::fs::remove_dir_all(machine.path("etc/pam.d")).expect("removed");
    let before = server.said().matches(line).count();
    refused(&server, "joe", line);
    assert_eq!(server.said().matches(line).count(), before + 1);
    machine.restore("@include other\n");
    assert_eq!(server.code("joe"), 230, "{}", server.said());
}

#[test]
fn a_module_that_cannot_be_loaded_lets_nobody_in() {
    if not_root() {
        return;
    }
    let permit = "pam_permit.so";
    let mut services = Vec::new();
    for module in ["pam_no_such.so", "{place}/module.so"] {
        services.extend([
            (stack(module, permit, permit), "pam: Module is unknown"),
            (
                stack(permit, module, permit),
                "pam: user joe: Module is unknown",
            ),
            (
                stack(permit, permit, module),
                "pam: user joe: Module is unknown",
            ),
        ]);
    }
    let services: Vec<_> = services
        .iter()
        .map(|(service, line)| (service.as_str(), *line))
        .collect();
    refused_by_each(&services, |machine| {
        machine.file("module.so", "this is no module");
    });
}

#[test]
fn a_service_that_says_nothing_or_nonsense_lets_nobody_in() {
    if not_root() {
        return;
    }
    let permit = "pam_permit.so";
    let nonsense = stack(permit, permit, permit).replace("required", "requird");
    let services = [
        ("", "pam: "),
        ("# nothing\n", "pam: "),
        ("auth\n", "pam: "),
        ("\0\0\0", "pam: "),
        (&nonsense, "pam: "),
        ("@include no-such-service\n", "pam: "),
        ("account required pam_permit.so\n", "pam: "),
        ("auth required pam_permit.so\n", "pam: user joe: "),
    ];
    refused_by_each(&services, |machine| {
        std::fs::remove_file(machine.path("etc/pam.d/other")).expect("removed");
    });
}

#[test]
fn c8_a_module_that_takes_its_process_along_breaks_one_login() {
    if not_root() {
        return;
    }
    let machine = Machine::with_names(
        &["joe", "crash"],
        &stack(
            "pam_exec.so quiet {place}/kill",
            "pam_permit.so",
            "pam_permit.so",
        ),
    );
    machine.script("kill", "[ $PAM_USER != crash ] || kill -ABRT $PPID");
    let mut server = machine.start();
    let mut here = server.login("joe");
    refused(&server, "crash", "pam: a module crashed");
    expect(&mut here, "NOOP", 200);
    assert_eq!(server.code("joe"), 230);
    assert!(server.is_alive());
}
