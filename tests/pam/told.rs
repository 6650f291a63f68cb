//! What modules are told of a login.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;

use crate::machine::{Machine, stack};
use crate::support::{PASSWORD, PATIENCE, connect_from, not_root};

/// The code of a login from this address.
fn code_from(from: &str, server: SocketAddr, password: &str) -> String {
    let mut stream = connect_from(from, server).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    let mut last_line = || loop {
        let line = lines.next().expect("a reply").expect("a line");
        if line.as_bytes().get(3) == Some(&b' ') {
            return line;
        }
    };
    last_line();
    stream.write_all(b"USER joe\r\n").expect("sent");
    last_line();
    stream
        .write_all(format!("PASS {password}\r\n").as_bytes())
        .expect("sent");
    last_line()[..3].to_owned()
}

#[test]
fn each_module_is_told_the_user_the_client_and_the_service() {
    if not_root() {
        return;
    }
    let module = "pam_exec.so quiet {place}/note";
    let machine = Machine::of_joe(&stack(module, module, module));
    machine.script(
        "note",
        "echo \"$PAM_TYPE $PAM_USER $PAM_RUSER $PAM_RHOST $PAM_SERVICE $PAM_TTY\" >>$notes",
    );
    let server = machine.start();
    assert_eq!(code_from("127.0.0.9", server.address(), PASSWORD), "230");
    let notes = machine.await_notes(4);
    let told = ["auth", "account", "open_session", "close_session"]
        .map(|kind| format!("{kind} joe joe 127.0.0.9 wharf-ftpd wharf-ftpd"));
    assert_eq!(notes, told);
}

#[test]
fn a_module_is_given_the_password_as_the_client_sent_it() {
    if not_root() {
        return;
    }
    let machine = Machine::of_joe(&stack(
        "pam_exec.so expose_authtok quiet {place}/check",
        "pam_permit.so",
        "pam_permit.so",
    ));
    machine.script("check", "[ \"$(tr -d '\\0')\" = ' se  cret\u{e9}' ]");
    let server = machine.start();
    let address = server.address();
    assert_eq!(code_from("127.0.0.1", address, " se  cret\u{e9}"), "230");
    assert_eq!(code_from("127.0.0.1", address, "se  cret\u{e9}"), "530");
}

#[test]
fn rules_by_address_hold() {
    if not_root() {
        return;
    }
    let machine = Machine::of_joe(&stack(
        "pam_unix.so",
        "pam_access.so accessfile={place}/access",
        "pam_permit.so",
    ));
    machine.file("access", "+:joe:127.0.0.8/30\n-:ALL:ALL\n");
    let server = machine.start();
    assert_eq!(code_from("127.0.0.9", server.address(), PASSWORD), "230");
    assert_eq!(code_from("127.0.0.1", server.address(), PASSWORD), "530");
    let said = server.said();
    assert!(said.contains("pam: user joe: Permission denied"), "{said}");
}
