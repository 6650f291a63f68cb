//! As whom files are touched: users with numbers of their own on one server, in turn and at the same time.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::common::client::{Client, connect_data};
use crate::support::{
    Launch, PATIENCE, Place, Running, User, download, expect, expect_reply, not_root, puredb,
    upload, within,
};

const USERS: u32 = 50;
const FIRST_UID: u32 = 3000;
const OPERATIONS: u32 = 2000;
const THREADS: u32 = 5;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).expect("less than the limit")
    }
}

/// One of the users at work, in the whole tree, so that everybody's files can be named.
struct Worker {
    number: u32,
    client: Client,
    secret: Vec<u8>,
}

fn name(number: u32) -> String {
    format!("u{number}")
}

/// The content of the file that only this user may see; of a size that does not go over in one piece.
fn secret(number: u32) -> Vec<u8> {
    format!("secret of {number};")
        .into_bytes()
        .repeat(2000 + number as usize)
}

impl Worker {
    /// One operation on the own files, or one attempt at those of another.
    fn act(&mut self, numbers: &mut Numbers, homes: &str) {
        let own = format!("{homes}/{}", name(self.number));
        let another = (self.number + 1 + numbers.below(USERS - 1)) % USERS;
        let others = format!("{homes}/{}", name(another));
        let made = format!("{own}/made{}", numbers.below(3));
        match numbers.below(12) {
            0 | 1 => self.fetches_own_secret(&own),
            2 => assert_eq!(
                upload(&mut self.client, &format!("STOR {made}"), &self.secret),
                226
            ),
            3 => assert_eq!(
                upload(&mut self.client, &format!("APPE {made}"), b"more"),
                226
            ),
            4 => self.makes_and_removes(&own),
            5 => self.is_refused(&format!("RETR {others}/secret")),
            6 => self.is_refused(&format!("STOR {others}/secret")),
            7 => self.is_refused(&format!("APPE {others}/secret")),
            8 => self.is_refused(&format!("STOR {others}/planted")),
            9 => self.may_not(&format!("DELE {others}/secret")),
            10 => self.may_not(&format!("SITE CHMOD 666 {others}/secret")),
            _ => self.may_not(&format!("MKD {others}/planted")),
        }
    }

    fn fetches_own_secret(&mut self, own: &str) {
        // The data connection is drained late, so that other sessions have their turns in between.
        let at = self.client.ask_passive().expect("a passive port");
        let mut data = connect_data(at).expect("a data connection");
        expect(&mut self.client, &format!("RETR {own}/secret"), 150);
        let mut got = vec![0; 100];
        data.read_exact(&mut got).expect("the beginning");
        std::thread::yield_now();
        data.read_to_end(&mut got).expect("the rest");
        expect_reply(&mut self.client, 226);
        assert!(got == self.secret, "{} got another's bytes", self.number);
    }

    fn makes_and_removes(&mut self, own: &str) {
        let path = format!("{own}/directory");
        expect(&mut self.client, &format!("MKD {path}"), 257);
        expect(&mut self.client, &format!("RNFR {path}"), 350);
        expect(&mut self.client, &format!("RNTO {path}2"), 250);
        expect(&mut self.client, &format!("RMD {path}2"), 250);
    }

    fn is_refused(&mut self, command: &str) {
        let at = self.client.ask_passive().expect("a passive port");
        let _data = connect_data(at).expect("a data connection");
        self.may_not(command);
    }

    fn may_not(&mut self, command: &str) {
        let reply = self.client.command(command).expect("a reply");
        assert!(
            matches!(reply.code, 550 | 553),
            "{}: {command}: {}",
            self.number,
            reply.last()
        );
    }
}

fn storm(parent: &Path) {
    let place = Place::at(parent);
    let users: Vec<User> = (0..USERS)
        .map(|number| {
            let user = User::new(&place, &name(number), FIRST_UID + number);
            let path = format!("home/{}/secret", user.name);
            place.file(&path, secret(number), user.uid, 0o600);
            user
        })
        .collect();
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-c", "100", "-U", "177:077"])
        .start();
    let homes = place.text("home");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (server, homes) = (&server, homes.as_str());
            scope.spawn(move || work(server, homes, thread));
        }
    });
    for user in &users {
        assert_only_own_files(&place, user);
    }
}

/// Every fifth user's operations, one after another; the other threads' users act at the same time.
fn work(server: &Running, homes: &str, thread: u32) {
    let mut numbers = Numbers(0x1234_5678_9ABC_DEF0 + u64::from(thread));
    let mut workers: Vec<Worker> = (0..USERS)
        .filter(|number| number % THREADS == thread)
        .map(|number| Worker {
            number,
            client: server.login(&name(number)),
            secret: secret(number),
        })
        .collect();
    let count = u32::try_from(workers.len()).expect("a few");
    for _ in 0..OPERATIONS / THREADS {
        let which = numbers.below(count);
        workers[which as usize].act(&mut numbers, homes);
    }
}

fn assert_only_own_files(place: &Place, user: &User) {
    let home = place.path(&format!("home/{}", user.name));
    for entry in fs::read_dir(home).expect("a home") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a plain name");
        let stat = entry.metadata().expect("its owner");
        assert_eq!((stat.uid(), stat.gid()), (user.uid, user.gid), "{name}");
        assert_eq!(stat.permissions().mode() & 0o7777, 0o600, "{name}");
        assert!(name == "secret" || name.starts_with("made"), "{name}");
        let number = user.uid - FIRST_UID;
        if name == "secret" {
            assert!(fs::read(entry.path()).expect("the file") == secret(number));
        }
    }
}

#[test]
fn s3_fifty_users_on_one_server_never_see_each_others_files() {
    if !not_root() {
        storm(&std::env::temp_dir());
    }
}

/// In memory the loop itself touches the files, on a disk mostly its helpers do.
#[test]
fn s3_fifty_users_on_one_server_never_see_each_others_files_in_memory() {
    if !not_root() {
        storm(Path::new("/dev/shm"));
    }
}

#[test]
fn files_and_directories_belong_to_their_maker_with_the_umasks_applied() {
    if not_root() {
        return;
    }
    for (flags, file, directory) in [
        (&["-E", "-A"][..], 0o644, 0o755),
        (&["-E", "-A", "-U", "117:007"], 0o660, 0o770),
        (&["-E", "-A", "-U", "137:027", "-0"], 0o640, 0o750),
    ] {
        let place = Place::new();
        let users = [
            User::new(&place, "joe", 2001),
            User::new(&place, "jane", 2002).gid(2102),
        ];
        let server = Launch::virtual_users(&place, &users).flags(flags).start();
        let mut clients = [server.login("joe"), server.login("jane")];
        for client in &mut clients {
            assert_eq!(upload(client, "STOR stored", b"x"), 226);
            assert_eq!(upload(client, "APPE appended", b"x"), 226);
            expect(client, "MKD made", 257);
        }
        for user in &users {
            for (name, mode) in [("stored", file), ("appended", file), ("made", directory)] {
                let path = place.path(&format!("home/{}/{name}", user.name));
                let stat = fs::metadata(&path).expect("a file");
                let found = (stat.uid(), stat.gid(), stat.mode() & 0o7777);
                if user.name == "joe" || name != "made" {
                    assert_eq!(found, (user.uid, user.gid, mode), "{} {name}", user.name);
                }
            }
        }
    }
}

#[test]
fn supplementary_groups_open_what_is_the_groups_and_leave_with_their_user() {
    if not_root() {
        return;
    }
    let place = Place::new();
    place.directory("home/shared", 4000, 0o2770);
    place.file("home/shared/file", "for the group", 4000, 0o640);
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "jane", 2002),
    ];
    let server = Launch::system_users(&place, &users, "staff:x:4000:joe\n")
        .flags(&["-E"])
        .start();
    let (mut joe, mut jane) = (server.login("joe"), server.login("jane"));
    let shared = place.text("home/shared");
    for number in 0..20 {
        let got = download(&mut joe, &format!("RETR {shared}/file"));
        assert_eq!(got.as_deref(), Ok(&b"for the group"[..]));
        assert_eq!(
            download(&mut jane, &format!("RETR {shared}/file")),
            Err(550)
        );
        assert_eq!(
            upload(&mut joe, &format!("STOR {shared}/{number}"), b"x"),
            226
        );
        expect(&mut jane, &format!("CWD {shared}"), 550);
        let stat = fs::metadata(place.path(&format!("home/shared/{number}"))).expect("a file");
        // A directory with the group bit hands its group on.
        assert_eq!((stat.uid(), stat.gid()), (2001, 4000));
    }
}

/// What the kernel says about each thread (proc(5), task/TID/status).
fn statuses(server: &Running) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("its threads");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
        .collect()
}

/// What a thread lacks to be nobody who may only change users.
fn lacking_of_nobody(status: &str) -> Option<&'static str> {
    let wanted = [
        "Uid:\t65534\t65534\t65534\t65534",
        "Gid:\t65534\t65534\t65534\t65534",
        "Groups:\t \n",
        // CAP_SETGID and CAP_SETUID (capabilities(7): numbers 6 and 7).
        "CapPrm:\t00000000000000c0",
        "CapEff:\t00000000000000c0",
        "CapInh:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ];
    wanted.into_iter().find(|line| !status.contains(line))
}

#[test]
fn s2_the_process_with_the_sockets_is_nobody_who_may_only_change_users() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let server = Launch::system_users(&place, &users, "staff:x:4000:joe\n")
        .flags(&["-E", "-A"])
        .start();
    let mut joe = server.login("joe");
    assert_eq!(upload(&mut joe, "STOR file", b"x"), 226);
    // A helper goes back to nobody a moment after its work was answered.
    within(PATIENCE, "all threads are nobody", || {
        statuses(&server)
            .iter()
            .all(|status| lacking_of_nobody(status).is_none())
    });
    let statuses = statuses(&server);
    assert!(
        statuses.len() > 1,
        "the writer of logs and the helpers are threads too"
    );
    for status in statuses {
        assert_eq!(lacking_of_nobody(&status), None, "{status}");
    }
    let root = fs::read_dir(format!("/proc/{}/root", server.pid())).expect("its root");
    assert_eq!(root.count(), 0, "its root directory is empty");
}

#[test]
fn s2_a_server_with_users_of_one_number_is_that_user_for_good() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = ["joe", "jane"].map(|name| User::new(&place, name, 2001));
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A"])
        .start();
    for name in ["joe", "jane"] {
        let mut client = server.login(name);
        assert_eq!(upload(&mut client, "STOR file", b"x"), 226);
        assert_eq!(download(&mut client, "RETR file").as_deref(), Ok(&b"x"[..]));
    }
    for status in statuses(&server) {
        for line in [
            "Uid:\t2001\t2001\t2001\t2001",
            "Gid:\t2001\t2001\t2001\t2001",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ] {
            assert!(status.contains(line), "no {line} in\n{status}");
        }
    }
}

#[test]
fn a_session_that_is_reset_leaves_nothing_of_its_user_to_the_next() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [
        User::new(&place, "joe", 2001),
        User::new(&place, "jane", 2002),
    ];
    place.file("home/joe/secret", "joe's", 2001, 0o600);
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let path = place.text("home/joe/secret");
    for _ in 0..10 {
        let mut joe = server.login("joe");
        let at = joe.ask_passive().expect("a passive port");
        let mut data = connect_data(at).expect("a data connection");
        expect(&mut joe, "STOR upload", 150);
        data.write_all(b"some").expect("sent");
        socket2::SockRef::from(joe.stream())
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("a socket option");
        drop(joe);
        let mut jane = server.login("jane");
        assert_eq!(download(&mut jane, &format!("RETR {path}")), Err(550));
        assert_eq!(upload(&mut jane, "STOR own", b"x"), 226);
    }
}

#[test]
fn anonymous_and_users_share_a_server_under_any_minimum() {
    if not_root() {
        return;
    }
    for lowest in ["1000", "70000"] {
        let place = Place::new();
        place.directory("pub", 0, 0o755);
        place.file("pub/file", "for all", 0, 0o644);
        let users = [User::new(&place, "joe", 80_001)];
        let server = Launch::virtual_users(&place, &users)
            .flags(&["-A", "-u", lowest, "--anonymoususer", "games"])
            .flags(&["--anonymousroot", &place.text("pub")])
            .start();
        let mut joe = server.login("joe");
        assert_eq!(upload(&mut joe, "STOR own", b"x"), 226);
        let mut stranger = server.greeted();
        expect(&mut stranger, "USER ftp", 230);
        expect(&mut stranger, "TYPE I", 200);
        let got = download(&mut stranger, "RETR file");
        assert_eq!(got.as_deref(), Ok(&b"for all"[..]), "-u {lowest}");
        assert_eq!(download(&mut joe, "RETR own").as_deref(), Ok(&b"x"[..]));
    }
}

/// Two users of a PureDB, whose numbers nobody else has, and a third of the system for them to act as.
fn mapped(place: &Place, more: &[&str]) -> Running {
    let guest = User::new(place, "guest", 2100);
    let users = [
        User::new(place, "joe", 2001),
        User::new(place, "jim", 2002).limits("::::1"),
    ];
    let database = puredb(place, &users);
    let source = format!("puredb:{}", database.display());
    let flags = [&["-l", &source, "-E", "--mapusers", "guest"], more].concat();
    Launch::system_users(place, &[guest], "also:x:2200:guest\n")
        .flags(&flags)
        .start()
}

#[test]
fn mapped_users_act_as_the_account_with_its_groups_and_keep_names_and_limits() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let server = mapped(&place, &["-A"]);
    place.file("home/guest/of_group", "x", 2200, 0o640);
    place.file("home/guest/of_joe", "x", 2001, 0o600);
    let mut joe = server.login("joe");
    assert_eq!(upload(&mut joe, "STOR new", b"x"), 226);
    let made = fs::metadata(place.path("home/guest/new")).expect("a file");
    assert_eq!((made.uid(), made.gid()), (2100, 2100));
    assert_eq!(download(&mut joe, "RETR of_group"), Ok(b"x".to_vec()));
    assert_eq!(download(&mut joe, "RETR of_joe"), Err(550));
    expect(&mut joe, "DELE new", 250);
    let _jim = server.login("jim");
    assert_eq!(server.code("jim"), 421, "sessions are counted by name");
    assert_eq!(server.code("guest"), 230, "a user of the system");
    let said = server.said();
    assert!(said.contains("joe is now logged in"), "{said}");
}

#[test]
fn mapped_users_may_be_held_to_what_anonymous_may_do() {
    if not_root() {
        return;
    }
    let place = Place::new();
    place.directory("roots", 0, 0o755);
    place.directory("roots/joe", 2100, 0o755);
    let (root, list) = (place.text("roots/$USER"), place.text("free"));
    place.file("free", "joe\n", 0, 0o644);
    let flags = [
        "--userroot",
        &root,
        "--mapusersasanonymous",
        "--nochrootlist",
        &list,
    ];
    let server = mapped(&place, &flags);
    place.file("roots/joe/kept", "kept", 0, 0o644);
    let mut joe = server.login("joe");
    expect(&mut joe, "USER ftp", 530);
    assert!(expect(&mut joe, "PWD", 257).contains("\"/\""));
    assert_eq!(upload(&mut joe, "STOR new", b"x"), 226);
    let made = fs::metadata(place.path("roots/joe/new")).expect("a file");
    assert_eq!((made.uid(), made.mode() & 0o777), (2100, 0o600));
    assert_eq!(upload(&mut joe, "STOR new", b"y"), 553);
    for line in ["DELE new", "RNFR new", "MKD d", "SITE CHMOD 644 new"] {
        expect(&mut joe, line, 550);
    }
    assert_eq!(
        download(&mut joe, "RETR new"),
        Err(550),
        "-s is the default"
    );
    assert_eq!(download(&mut joe, "RETR kept"), Ok(b"kept".to_vec()));
}

#[test]
fn nobody_is_mapped_to_root_or_to_an_account_there_is_not() {
    if not_root() {
        return;
    }
    for (name, why) in [
        ("root", "it has the rights of root"),
        ("no-such-user", "there is no such account"),
    ] {
        let started = std::process::Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"))
            .args(["-S", "127.0.0.1,0", "-l", "unix", "--mapusers", name])
            .output()
            .expect("it runs");
        assert_eq!(started.status.code(), Some(78));
        let said = String::from_utf8_lossy(&started.stderr).into_owned();
        let line = format!("wharf-ftpd: --mapusers {name}: {why}\n");
        assert!(said.ends_with(&line), "{said}");
    }
}
