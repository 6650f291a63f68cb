//! Who comes in: the users of shadow(5), of a database, and of lists.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::machine::{Machine, SHIPPED, YESCRYPT, berkeley_database, stack};
use crate::support::{PASSWORD, Place, User, cannot, not_root, puredb, upload};

/// Whether one of the programs of Berkeley DB is missing.
fn no_database_tools() -> bool {
    cannot(
        Command::new("db5.3_load").arg("-V").output().is_err(),
        "db5.3-util is not installed",
    )
}

#[test]
fn users_of_the_machine_come_in_by_the_service_as_it_is_shipped() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let user = |number: u32, name: &str| User::new(&place, name, 2000 + number);
    let dates = |user: User, dates: &str| User {
        dates: dates.to_owned(),
        ..user
    };
    let users = [
        user(1, "joe").hash(YESCRYPT),
        user(2, "quick"),
        dates(user(3, "gone"), "19000:0:99999:7::15000:"),
        dates(user(4, "old"), "15000:0:90:7:30::"),
        dates(user(5, "due"), "0:0:99999:7:::"),
        user(6, "locked").hash(&format!("!{YESCRYPT}")),
        user(7, "empty").hash(""),
        user(8, "listed"),
        User {
            shell: "/usr/sbin/nologin".to_owned(),
            ..user(9, "service")
        },
    ];
    let machine = Machine::new(place, &users);
    machine.service(SHIPPED);
    machine.write("ftpusers", "root\nlisted\n");
    let server = machine.start();

    let mut client = server.login("joe");
    assert_eq!(upload(&mut client, "STOR file", b"x"), 226);
    let owner = machine
        .path("home/joe/file")
        .metadata()
        .expect("the file")
        .uid();
    assert_eq!(owner, 2001);
    server.login("quick");

    let kept_out = [
        "gone",
        "old",
        "due",
        "locked",
        "empty",
        "listed",
        "service",
        "nobody-here",
        "root",
    ];
    assert_eq!(server.codes(&kept_out), [530; 9], "{}", server.said());
    std::thread::scope(|scope| {
        for (name, password) in [
            ("joe", "wrong"),
            ("joe", ""),
            ("empty", ""),
            ("locked", "!"),
        ] {
            let server = &server;
            scope.spawn(move || {
                let (_, reply) = server.attempt(name, password);
                assert_eq!(reply.code, 530, "{name} {password:?}");
            });
        }
    });
    // The log tells those apart whose password was right, in the words of Debian's stack.
    let said = server.said();
    for line in [
        "pam: user gone: Authentication failure",
        "pam: user old: Authentication failure",
        "pam: user due: Authentication token is no longer valid; new one required",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for name in ["locked", "empty", "listed", "service", "nobody-here"] {
        assert!(!said.contains(&format!("pam: user {name}")), "{said}");
    }
}

#[test]
fn users_of_a_berkeley_database_come_in_by_the_password_there() {
    if not_root() || no_database_tools() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "anna", 2001).hash("*"),
        User::new(&place, "joe", 2002),
    ];
    berkeley_database(&place.path("logins.db"), "anna\nlet me in\nghost\nboo\n");
    let machine = Machine::new(place, &users);
    machine.service(&stack(
        "pam_userdb.so db={place}/logins",
        "pam_permit.so",
        "pam_permit.so",
    ));
    let server = machine.start();
    let (mut client, reply) = server.attempt("anna", "let me in");
    assert_eq!(reply.code, 230, "{}", server.said());
    assert_eq!(upload(&mut client, "STOR file", b"x"), 226);
    let owner = machine
        .path("home/anna/file")
        .metadata()
        .expect("the file")
        .uid();
    assert_eq!(owner, 2001);

    std::thread::scope(|scope| {
        for (name, password) in [
            ("anna", "let me"),
            ("anna", "let me in "),
            ("anna", "LET ME IN"),
            // In shadow and not in the database.
            ("joe", PASSWORD),
            // In the database and not on the machine.
            ("ghost", "boo"),
        ] {
            let server = &server;
            scope.spawn(move || {
                let (_, reply) = server.attempt(name, password);
                assert_eq!(reply.code, 530, "{name} {password:?}");
            });
        }
    });
    let said = server.said();
    assert!(
        said.contains("pam: user ghost: let in by PAM, but has no account on this machine"),
        "{said}"
    );
}

#[test]
fn a_list_keeps_out_whom_it_names_or_lets_in_nobody_else() {
    if not_root() {
        return;
    }
    let machine = Machine::with_names(&["joe", "jane"], "");
    machine.file("list", "jane\n");
    let list = |sense: &str| {
        machine.service(&format!(
            "auth required pam_listfile.so item=user sense={sense} file={{place}}/list onerr=fail\n\
             auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n"
        ));
    };
    let server = machine.start();
    let codes = || server.codes(&["joe", "jane"]);
    list("deny");
    assert_eq!(codes(), [230, 530]);
    // A service is read for each login.
    list("allow");
    assert_eq!(codes(), [530, 230]);
    std::fs::remove_file(machine.path("list")).expect("removed");
    assert_eq!(codes(), [530, 530], "without the list nobody comes in");
}

#[test]
fn the_source_after_pam_is_asked_for_those_whom_it_does_not_know() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let joe = User::new(&place, "joe", 2001);
    let gone = User {
        dates: "19000:0:99999:7::15000:".to_owned(),
        ..User::new(&place, "gone", 2002)
    };
    let virtual_users = [
        User::new(&place, "anna", 2003),
        User::new(&place, "gone", 2002),
    ];
    let database = format!("puredb:{}", puredb(&place, &virtual_users).display());
    let machine = Machine::new(place, &[joe, gone]);
    machine.service(SHIPPED);
    let server = machine.launch().flags(&["-l", &database]).start();
    // PAM has the last word on an account that it knows.
    assert_eq!(
        server.codes(&["joe", "anna", "gone", "other"]),
        [230, 230, 530, 530]
    );
}
