//! Where a session begins and what it can reach: `-A`, `-a`, `/./` in homes, `-j`, `-u`, and homes that are not what they
//! were.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;

use crate::common::client::Client;
use crate::support::{
    Launch, PASSWORD, PATIENCE, Place, Running, User, download, expect, not_root, signal, upload,
    within,
};

/// A place with a file outside all homes that everybody may read.
fn place() -> Place {
    let place = Place::new();
    place.file("outside", "outside", 0, 0o644);
    place
}

/// The words that tell where a session begins.
fn begins(server: &Running, name: &str) -> (Client, String) {
    let (client, reply) = server.attempt(name, PASSWORD);
    let words = reply.last();
    let said = words.strip_prefix("230 OK. Current ");
    let said = said.unwrap_or_else(|| panic!("{name}: {words}"));
    (client, said.to_owned())
}

/// Whether the session reaches what lies outside all homes, by any name for it.
fn reaches_outside(client: &mut Client, place: &Place) -> bool {
    expect(client, "TYPE I", 200);
    let outside = place.text("outside");
    let mut reached = false;
    for name in [outside.as_str(), "../../outside", "../outside", "link"] {
        if let Ok(got) = download(client, &format!("RETR {name}")) {
            assert_eq!(got, b"outside");
            reached = true;
        }
    }
    reached
}

#[test]
fn without_a_flag_the_whole_tree_is_there() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [User::new(&place, "joe", 2001)];
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let (mut joe, said) = begins(&server, "joe");
    let home = place.text("home/joe");
    assert_eq!(said, format!("directory is {home}"));
    assert_eq!(
        expect(&mut joe, "PWD", 257),
        format!("257 \"{home}\" is your current location")
    );
    assert!(reaches_outside(&mut joe, &place));
}

#[test]
fn f1_with_a_flag_or_a_dot_users_are_kept_in() {
    if not_root() {
        return;
    }
    let place = place();
    place.directory("home/dot/below", 2002, 0o755);
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "dot", 2002).home(place.text("home/dot") + "/./below"),
        User::new(&place, "end", 2003).home(place.text("home/end") + "/./"),
    ];
    for user in &users {
        let home = place.path(&format!("home/{}", user.name));
        symlink(place.path("outside"), home.join("link")).expect("a link");
    }
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A"])
        .start();
    for (name, words, start) in [
        ("joe", "restricted directory is /", "/"),
        ("dot", "directory is /below", "/below"),
        ("end", "directory is /", "/"),
    ] {
        let (mut client, said) = begins(&server, name);
        assert_eq!(said, words, "{name}");
        let here = expect(&mut client, "PWD", 257);
        assert!(here.contains(&format!("\"{start}\"")), "{here}");
        assert!(!reaches_outside(&mut client, &place), "{name}");
        expect(&mut client, "CWD ../../../..", 250);
        let here = expect(&mut client, "PWD", 257);
        assert!(here.contains("\"/\""), "{here}");
        expect(&mut client, "CWD /etc", 550);
    }
}

#[test]
fn names_in_a_list_are_kept_in_or_let_out() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "jim", 2002),
        User::new(&place, "quota", 2003).limits(":::::9"),
    ];
    fs::write(place.path("in"), "JOE\n").expect("a list");
    fs::write(place.path("out"), "# free\njim\nquota\n").expect("a list");
    let (kept, free) = (place.text("in"), place.text("out"));
    for flags in [
        ["-E", "--chrootlist", &kept].as_slice(),
        &["-E", "-A", "--nochrootlist", &free],
    ] {
        let server = Launch::virtual_users(&place, &users).flags(flags).start();
        let (mut joe, said) = begins(&server, "joe");
        assert_eq!(said, "restricted directory is /", "{flags:?}");
        assert!(!reaches_outside(&mut joe, &place), "{flags:?}");
        let (mut jim, said) = begins(&server, "jim");
        assert_eq!(said, format!("directory is {}", place.text("home/jim")));
        assert!(reaches_outside(&mut jim, &place), "{flags:?}");
        let mut quota = server.login("quota");
        assert!(!reaches_outside(&mut quota, &place), "{flags:?}");
    }
}

#[test]
fn a_new_list_of_names_holds_from_the_next_login_on_and_one_that_is_gone_changes_nothing() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "jim", 2002),
    ];
    fs::write(place.path("out"), "jim\n").expect("a list");
    let free = place.text("out");
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A", "--nochrootlist", &free])
        .start();
    let is_kept = |name| begins(&server, name).1.starts_with("restricted");
    // Each several times, since any worker may be asked.
    let for_all = |kept, free| (0..4).all(|_| is_kept(kept) && !is_kept(free));
    assert!(for_all("joe", "jim"));
    fs::remove_file(place.path("out")).expect("a list");
    signal(server.pid(), Signal::HUP);
    within(PATIENCE, "it complains", || {
        server
            .said()
            .contains("its last good content stays in force")
    });
    assert!(for_all("joe", "jim"));
    fs::write(place.path("new"), "joe\n").expect("a list");
    fs::rename(place.path("new"), place.path("out")).expect("a list");
    assert!(for_all("jim", "joe"));
}

#[test]
fn f1_a_root_for_all_users_takes_the_place_of_homes_and_no_name_leaves_it() {
    if not_root() {
        return;
    }
    let place = place();
    place.directory("roots", 0, 0o755);
    place.directory("roots/joe", 2001, 0o755);
    place.directory("roots/joe/in", 2001, 0o755);
    let users = [
        User::new(&place, "joe", 2001).home("/no/such/home"),
        User::new(&place, "new", 2002),
        User::new(&place, "dots", 2003),
    ];
    // A name that wharf-pw does not take must come from elsewhere than a PureDB.
    let line = |name: &str| format!("{name}:{}:2003:2003::/nowhere:/bin/sh\n", users[2].hash);
    let odd = ["..", ".", "a/../../home", "in/../joe"].map(line).concat();
    place.file("odd", odd, 0, 0o600);
    let (root, odd) = (place.text("roots/$USER"), place.text("odd"));
    let start = |root: &str, more: &[&str]| {
        let odd = format!("passwd:{odd}");
        let flags = [&["-E", "-l", &odd, "--userroot", root], more].concat();
        Launch::virtual_users(&place, &users).flags(&flags).start()
    };
    let server = start(&root, &["-A"]);
    let (mut joe, said) = begins(&server, "joe");
    assert_eq!(said, "restricted directory is /");
    expect(&mut joe, "CWD in", 250);
    assert!(!reaches_outside(&mut joe, &place));
    let names = ["new", "..", ".", "a/../../home", "in/../joe"];
    assert_eq!(server.codes(&names), [421; 5]);
    let said = server.said();
    assert!(said.contains("--userroot: this name cannot"), "{said}");
    drop(server);

    let server = start(&root, &["-A", "-j"]);
    assert_eq!(begins(&server, "new").1, "restricted directory is /");
    let made = fs::metadata(place.path("roots/new")).expect("a directory");
    assert_eq!(made.uid(), 2002);
    assert_eq!(server.code(".."), 421);
    drop(server);

    let server = start(&place.text("roots/./$USER/in"), &[]);
    let (mut joe, said) = begins(&server, "joe");
    assert_eq!(said, "directory is /joe/in");
    assert!(!reaches_outside(&mut joe, &place));
}

#[test]
fn a_dot_in_the_home_keeps_in_also_without_a_flag() {
    if not_root() {
        return;
    }
    let place = place();
    let home = place.text("home/dot") + "/./";
    let users = [User::new(&place, "dot", 2002).home(home)];
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let (mut dot, said) = begins(&server, "dot");
    assert_eq!(said, "directory is /");
    assert!(!reaches_outside(&mut dot, &place));
}

#[test]
fn the_trusted_group_is_not_kept_in_and_all_others_are() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [
        User::new(&place, "main", 2001).gid(4000),
        User::new(&place, "also", 2002),
        User::new(&place, "none", 2003),
        User::new(&place, "zero", 2004).gid(0),
    ];
    let server = Launch::system_users(&place, &users, "trusted:x:4000:also\n")
        .flags(&["-E", "-a", "4000"])
        .start();
    for name in ["main", "also"] {
        let (mut client, said) = begins(&server, name);
        assert_eq!(
            said,
            format!("directory is {}", place.text(&format!("home/{name}")))
        );
        assert!(reaches_outside(&mut client, &place), "{name}");
    }
    for name in ["none", "zero"] {
        let (mut client, said) = begins(&server, name);
        assert_eq!(said, "restricted directory is /", "{name}");
        assert!(!reaches_outside(&mut client, &place), "{name}");
    }
}

#[test]
fn users_of_group_0_can_use_their_homes() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [User::new(&place, "zero", 2004).gid(0)];
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A"])
        .start();
    // Pure-FTPd takes no group 0 from a PureDB.
    assert_eq!(server.code("zero"), 530);
    drop(server);
    let server = Launch::system_users(&place, &users, "")
        .flags(&["-E", "-A"])
        .start();
    let mut zero = server.login("zero");
    assert_eq!(upload(&mut zero, "STOR file", b"x"), 226);
    assert_eq!(download(&mut zero, "RETR file").as_deref(), Ok(&b"x"[..]));
}

#[test]
fn missing_homes_are_made_where_only_root_may_write() {
    if not_root() {
        return;
    }
    let place = place();
    let missing = |name: &str, uid, home: &str| {
        let user = User::new(&place, name, uid).home(place.text(home));
        fs::remove_dir(place.path(&format!("home/{name}"))).expect("an empty home");
        user
    };
    let users = [
        missing("joe", 2001, "home/joe"),
        missing("deep", 2002, "new/and/deep"),
        missing("dot", 2003, "home/dot/./below"),
    ];
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A", "-j", "-U", "133:027"])
        .start();
    for (name, home, uid) in [
        ("joe", "home/joe", 2001),
        ("deep", "new/and/deep", 2002),
        ("dot", "home/dot/below", 2003),
    ] {
        let mut client = server.login(name);
        assert_eq!(upload(&mut client, "STOR file", b"x"), 226, "{name}");
        let stat = fs::metadata(place.path(home)).expect("a home");
        let found = (stat.uid(), stat.gid(), stat.mode() & 0o7777);
        assert_eq!(found, (uid, uid, 0o750), "{name}");
    }
    let between = fs::metadata(place.path("new/and")).expect("a directory");
    assert_eq!((between.uid(), between.mode() & 0o7777), (0, 0o755));
}

#[test]
fn f15_a_home_that_is_missing_or_vanishes_is_never_replaced_by_the_root() {
    if not_root() {
        return;
    }
    for flags in [&["-E"][..], &["-E", "-A"]] {
        let place = place();
        let users = [
            User::new(&place, "joe", 2001),
            User::new(&place, "shut", 2002),
            User::new(&place, "file", 2003),
            User::new(&place, "odd", 2004).home("relative/home"),
        ];
        let server = Launch::virtual_users(&place, &users).flags(flags).start();
        let mut joe = server.login("joe");
        fs::remove_dir(place.path("home/joe")).expect("an empty home");
        place.directory("home/shut", 0, 0o700);
        fs::remove_dir(place.path("home/file")).expect("an empty home");
        place.file("home/file", "x", 2003, 0o644);
        std::thread::scope(|scope| {
            // A record whose home is no path refuses its user.
            scope.spawn(|| assert_eq!(server.code("odd"), 530));
            for name in ["joe", "file"] {
                let server = &server;
                scope.spawn(move || {
                    let (mut client, reply) = server.attempt(name, PASSWORD);
                    assert_eq!(reply.code, 421, "{name}: {}", reply.last());
                    assert!(client.command("PWD").is_err(), "{name} is still here");
                });
            }
        });
        // It is there and the kernel lets nobody but its owner see into it.
        let mut shut = server.login("shut");
        assert!(matches!(upload(&mut shut, "STOR file", b"x"), 550 | 553));
        assert_eq!(download(&mut shut, "MLSD"), Err(550));
        // The session that was in it.
        assert!(matches!(upload(&mut joe, "STOR file", b"x"), 550 | 553));
        for command in ["MLSD", "LIST", "RETR outside", "RETR etc/hostname"] {
            let got = download(&mut joe, command);
            assert!(
                got.as_ref().map_or(true, Vec::is_empty),
                "{command}: {got:?}"
            );
        }
        expect(&mut joe, "NOOP", 200);
    }
}

#[test]
fn f5_a_home_replaced_by_a_link_is_not_entered() {
    if not_root() {
        return;
    }
    for flags in [&["-E"][..], &["-E", "-A"]] {
        let place = place();
        let users = [
            User::new(&place, "joe", 2001),
            User::new(&place, "moved", 2002),
        ];
        for (name, owner, target) in [("joe", 2001, "/etc"), ("moved", 0, "elsewhere")] {
            let home = place.path(&format!("home/{name}"));
            fs::remove_dir(&home).expect("an empty home");
            symlink(target, &home).expect("a link");
            lchown(&home, Some(owner), Some(owner)).expect("an owner");
        }
        place.directory("home/elsewhere", 2002, 0o755);
        let server = Launch::virtual_users(&place, &users).flags(flags).start();
        assert_eq!(server.code("joe"), 421);
        // The administrator may move a home.
        assert_eq!(server.code("moved"), 230);
    }
}

#[test]
fn c7_low_numbers_and_root_do_not_come_in() {
    if not_root() {
        return;
    }
    let place = place();
    let user = |name: &str, uid| User::new(&place, name, uid);
    let users = [
        user("low", 999),
        user("high", 1000),
        user("admin", 0).gid(0),
    ];
    let codes = |server: Running| server.codes(&["low", "high", "admin"]);
    let launch = |flags: &[&str]| {
        let _ = fs::remove_dir_all(place.path("etc"));
        Launch::system_users(&place, &users, "")
            .flags(flags)
            .start()
    };
    assert_eq!(codes(launch(&["-E"])), [230, 230, 530]);
    assert_eq!(codes(launch(&["-E", "-u", "1000"])), [530, 230, 530]);
    assert_eq!(codes(launch(&["-E", "-u", "1"])), [230, 230, 530]);
    let server = launch(&["-E", "-u", "0", "-A"]);
    let mut admin = server.login("admin");
    place.file("home/admin/secret", "root's", 0, 0o600);
    let path = place.text("home/admin/secret");
    // Never kept in, as in Pure-FTPd.
    assert_eq!(
        download(&mut admin, &format!("RETR {path}")).as_deref(),
        Ok(&b"root's"[..])
    );
    assert_eq!(upload(&mut admin, "STOR file", b"x"), 226);
    let refused = server.attempt("nobody-here", PASSWORD).1;
    assert_eq!(refused.code, 530);
}

#[test]
fn c7_numbers_of_root_in_a_database_do_not_come_in_by_any_flag() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [
        User::new(&place, "admin", 0).gid(0),
        User::new(&place, "uid", 0).gid(2001),
        User::new(&place, "gid", 2001).gid(0),
    ];
    for lowest in ["0", "1"] {
        let server = Launch::virtual_users(&place, &users)
            .flags(&["-E", "-u", lowest])
            .start();
        let codes = server.codes(&["admin", "uid", "gid"]);
        assert_eq!(codes, [530, 530, 530], "-u {lowest}");
    }
}

#[test]
fn users_who_may_write_what_they_are_kept_in_are_refused_where_it_is_said() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [
        User::new(&place, "owner", 2001),
        User::new(&place, "group", 2002),
        User::new(&place, "reader", 2003),
        User::new(&place, "dot", 2004).home(place.text("home/dot") + "/./below"),
        User::new(&place, "free", 2005),
    ];
    place.directory("home/group", 0, 0o755);
    let home = place.path("home/group");
    lchown(&home, Some(0), Some(2002)).expect("a group");
    fs::set_permissions(&home, Permissions::from_mode(0o775)).expect("a mode");
    place.directory("home/reader", 0, 0o755);
    place.directory("home/dot", 0, 0o755);
    place.directory("home/dot/below", 2004, 0o755);
    fs::write(place.path("out"), "free\n").expect("a list");
    let out = place.text("out");
    let flags = ["-E", "-A", "--nochrootlist", &out];
    let launch = || Launch::virtual_users(&place, &users).flags(&flags);

    let server = launch().flags(&["--refusewritableroot"]).start();
    for name in ["owner", "group"] {
        let (_client, reply) = server.attempt(name, PASSWORD);
        assert_eq!(reply.code, 421, "{name}: {}", reply.last());
        let home = place.text(&format!("home/{name}"));
        let line = format!("which --refusewritableroot forbids (chmod a-w {home})");
        within(PATIENCE, "a line in the log", || {
            server.said().contains(&line)
        });
    }
    for name in ["reader", "dot", "free"] {
        server.login(name);
    }
    place.directory("home/owner", 2001, 0o555);
    server.login("owner");
    drop(server);

    let server = launch().start();
    server.login("group");
}

/// A server that ends by itself, with this anonymous root and these flags.
fn ended(root: &str, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
    command
        .args(["-S", "127.0.0.1,1", "--anonymoususer", "nobody"])
        .args(["--anonymousroot", root])
        .args(flags)
        .stdin(Stdio::null());
    command.output().expect("the server runs")
}

#[test]
fn no_server_starts_whose_strangers_may_write_their_root_where_it_is_said() {
    if not_root() {
        return;
    }
    let place = place();
    place.directory("srv", 65534, 0o755);
    place.directory("hosts", 0, 0o755);
    place.directory("hosts/127.0.0.9", 0, 0o777);
    let (root, hosts, home) = (place.text("srv"), place.text("hosts"), place.text("home"));
    let with_host = ["--virtualhosts", &hosts, "--refusewritableroot"];
    for (root, flags, named) in [
        (&root, &["--refusewritableroot"][..], root.clone()),
        (&root, &["--refusewritableroot", "-l", "unix"], root.clone()),
        (&home, &with_host, format!("{hosts}/127.0.0.9")),
    ] {
        let output = ended(root, flags);
        let said = String::from_utf8_lossy(&output.stderr);
        let line = format!(
            "wharf-ftpd: --refusewritableroot: anonymous may write {named} itself (chown root {named} && chmod go-w {named})"
        );
        assert!(said.lines().any(|said| said == line), "{said}");
        assert_eq!(output.status.code(), Some(78), "{said}");
    }
    let server = Launch::anonymous_only(&place)
        .flags(&["--refusewritableroot"])
        .start();
    server.greeted();
}

#[test]
fn a_strict_sandbox_takes_nothing_from_users() {
    if not_root() {
        return;
    }
    let place = place();
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "jane", 2002),
    ];
    for several in [&users[..], &users[..1]] {
        let launch = Launch::virtual_users(&place, several);
        let server = launch
            .flags(&["-E", "-A", "--sandbox", "strict", "--noactive"])
            .start();
        let mut joe = server.login("joe");
        assert_eq!(upload(&mut joe, "STOR file", b"x"), 226);
        expect(&mut joe, "MKD below", 257);
        // Between directories, and of what the server itself never makes.
        let pipe = place.path("home/joe/pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        lchown(&pipe, Some(2001), Some(2001)).expect("an owner");
        for name in ["file", "pipe"] {
            expect(&mut joe, &format!("RNFR {name}"), 350);
            expect(&mut joe, &format!("RNTO below/{name}"), 250);
        }
        let got = download(&mut joe, "RETR below/file");
        assert_eq!(got.as_deref(), Ok(&b"x"[..]));
        expect(&mut joe, "SITE CHMOD 600 below/file", 200);
        expect(&mut joe, "DELE below/file", 250);
        fs::remove_file(place.path("home/joe/below/pipe")).expect("the pipe was moved");
        expect(&mut joe, "RMD below", 250);
        expect(&mut joe, "QUIT", 221);
    }
}
