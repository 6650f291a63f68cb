//! What the program does when its flags ask for something else than a start.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::client::Client;
use crate::common::server::{LOOPBACK, Place, wharf_argv};
use crate::common::waiting::within;
use crate::fixture::{Served, Way, with_peer};

/// How long the server may take to log what has happened.
const PATIENCE: Duration = Duration::from_secs(10);

/// The program without flags, with a terminal's descriptors.
fn wharf() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
    command.stdin(Stdio::null()).env_remove("WHARF_FLAGS");
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("it runs")
}

#[test]
fn a_shell_reads_the_printed_flags_back_to_the_same_line() {
    let mut first = wharf();
    first
        .env("WHARF_FLAGS", "-c 7 --banner 'it'\\''s  $HOME \"x\" *'")
        .env("WHARF_LOGIN", "unix\npuredb:/a b")
        .args(["-E", "-c", "9", "--printflags"]);
    let first = run(&mut first);
    assert!(
        first.status.success() && first.stderr.is_empty(),
        "{first:?}"
    );
    let line = String::from_utf8(first.stdout).expect("text");
    assert_eq!(
        line,
        "--login=unix '--login=puredb:/a b' '--banner=it'\\''s  $HOME \"x\" *' --noanonymous --maxclientsnumber=9\n"
    );
    // Through sh(1), as a script would have it.
    let script = format!("exec \"$0\" --printflags {line}");
    let program = wharf().get_program().to_owned();
    let second = run(Command::new("sh").args(["-c", &script]).arg(program));
    assert_eq!(String::from_utf8_lossy(&second.stdout), line, "{second:?}");
}

#[test]
fn what_is_asked_for_is_not_started_and_mistakes_are_told_all_the_same() {
    let taken = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let at = format!("127.0.0.1,{port}");
    for asked in ["--printflags", "--explain"] {
        // A start would fail.
        let fine = run(wharf().args([asked, "-S", &at, "-l", "puredb:/no/such"]));
        assert!(fine.status.success() && fine.stderr.is_empty(), "{fine:?}");
        assert!(!fine.stdout.is_empty());
        for wrong in [&["-c", "many"][..], &["-4", "-6"]] {
            let said = run(wharf().arg(asked).args(wrong));
            assert_eq!(said.status.code(), Some(64), "{said:?}");
            assert!(said.stdout.is_empty(), "{said:?}");
        }
    }
    let explained = run(wharf().args(["--explain", "-e", "-S", &at]));
    let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
    let lines: Vec<&str> = explained.lines().collect();
    assert!(lines[0].starts_with("-e: "), "{explained}");
    assert!(lines[1].starts_with(&format!("-S {at}: ")), "{explained}");
}

#[test]
fn under_inetd_the_client_is_told_nothing_of_the_flags() {
    for asked in ["--printflags", "--explain", "--doctor"] {
        let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
        let mut client =
            TcpStream::connect(listener.local_addr().expect("its address")).expect("it listens");
        let (connection, _) = listener.accept().expect("a client");
        let descriptor = || OwnedFd::from(connection.try_clone().expect("a descriptor"));
        let status = wharf()
            .args([asked, "--banner", "secret"])
            .stdin(descriptor())
            .stdout(descriptor())
            .stderr(descriptor())
            .status();
        drop(connection);
        assert_eq!(status.expect("it runs").code(), Some(64));
        let mut said = String::new();
        client.read_to_string(&mut said).expect("what it said");
        assert!(
            said.starts_with("421 ") && !said.contains("secret"),
            "{said}"
        );
    }
}

/// Asks for the health of a server there: the exit status and what was said.
fn health(address: SocketAddr) -> (Option<i32>, String) {
    let at = format!("{},{}", address.ip(), address.port());
    let said = run(wharf().args(["--health", "-S", &at]));
    assert!(said.stdout.is_empty(), "{said:?}");
    let text = String::from_utf8(said.stderr).expect("text");
    (said.status.code(), text)
}

const WELL: (Option<i32>, String) = (Some(0), String::new());

#[test]
fn a_server_that_is_asked_for_its_health_says_nothing_of_it_and_takes_no_place_for_it() {
    if with_peer("it has no such flag") {
        return;
    }
    let served = Served::start(Way::Passive, &["-C", "1", "-d", "-d"]);
    let before = served.server.errors();
    assert_eq!(health(served.address()), WELL);
    let mut client = Client::connect(served.address()).expect("it listens");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    // The only place of this address is taken, and the other question comes from one of its own.
    assert_eq!(health(served.address()), WELL);
    assert_eq!(
        served.server.errors(),
        before,
        "a client that has said nothing yet is untold as well"
    );
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    within(PATIENCE, "it is told of who says more", || {
        served
            .server
            .errors()
            .contains("New connection from 127.0.0.1")
    });
    let (pid, usr1) = (served.server.pid().to_string(), "-USR1");
    assert!(
        Command::new("kill")
            .args([usr1, &pid])
            .status()
            .expect("kill")
            .success()
    );
    within(PATIENCE, "it counts the client alone", || {
        served
            .server
            .errors()
            .contains("1 sessions now (1 anonymous), 1 since the start")
    });
    let said = served.server.errors();
    assert!(!said.contains("127.72.76.84"), "{said}");
}

#[test]
fn whoever_does_more_than_take_leave_is_told_of() {
    if with_peer("it tells of everybody") {
        return;
    }
    let lines: [&[u8]; 5] = [
        b"",
        b"NOOP\r\nQUIT\r\n",
        b"USER joe\r\nPASS secret\r\nQUIT\r\n",
        b"QUIT now\r\n",
        b"QUIT\r\nUSER joe\r\n",
    ];
    for said in lines {
        let served = Served::start(Way::Passive, &[]);
        let mut client = Client::connect(served.address()).expect("it listens");
        assert_eq!(client.reply().expect("a greeting").code, 220);
        client.send(said).expect("a line");
        drop(client);
        within(PATIENCE, "it is told of", || {
            let errors = served.server.errors();
            errors.contains("New connection from 127.0.0.1") && errors.contains("Logout.")
        });
    }
}

#[test]
fn a_full_server_is_well() {
    if with_peer("it has no such flag") {
        return;
    }
    let served = Served::start(Way::Passive, &["-c", "1"]);
    let mut client = Client::connect(served.address()).expect("it listens");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    assert_eq!(health(served.address()), WELL);
}

#[test]
fn a_server_that_is_not_there_or_greets_nobody_is_not_well() {
    let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    let asked = Instant::now();
    let (status, said) = health(address);
    assert_eq!(status, Some(69));
    assert_eq!(
        said,
        format!("wharf-ftpd: --health: {address}: no greeting within 5 seconds\n")
    );
    assert!(asked.elapsed() < Duration::from_secs(8));
    drop(listener);
    let (status, said) = health(address);
    assert_eq!(status, Some(69));
    assert_eq!(
        said,
        format!("wharf-ftpd: --health: {address}: Connection refused\n")
    );
    // Each place is asked.
    let served = Served::start(Way::Passive, &[]);
    let (well, gone) = (served.address(), address);
    let at = |address: SocketAddr| format!("127.0.0.1,{}", address.port());
    let said = run(wharf().args(["--health", "-S", &at(well), "--listen", &at(gone)]));
    assert_eq!(said.status.code(), Some(69), "{said:?}");
    let (status, said) = health(([127, 0, 0, 1], 0).into());
    assert_eq!(status, Some(69), "{said}");
    assert!(said.contains("port 0"), "{said}");
}

/// What the doctor says of a server with these flags: the exit status and the lines.
fn doctor(place: &Place, flags: &[&str]) -> (Option<i32>, Vec<String>) {
    let words = wharf_argv(place);
    let said = run(wharf().args(&words[1..]).args(flags));
    let text = String::from_utf8(said.stdout).expect("text");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let has_level = |line: &String| {
        ["ok: ", "warning: ", "error: "]
            .iter()
            .any(|level| line.starts_with(level))
    };
    assert!(lines.len() >= 4 && lines.iter().all(has_level), "{text}");
    (said.status.code(), lines)
}

#[test]
fn the_doctor_looks_at_the_start_and_at_passive_mode() {
    let place = Place::new().expect("a place");
    let at = ["-S", "127.0.0.1,0"];
    let (status, lines) = doctor(
        &place,
        &[&at[..], &["-p", "21000:21999", "--doctor", "localhost"]].concat(),
    );
    assert_eq!(status, Some(0), "{lines:#?}");
    assert!(
        lines[0].starts_with("ok: a start would succeed and listen on 127.0.0.1:"),
        "{lines:#?}"
    );
    for part in [
        "this machine itself",
        "localhost leads to ",
        "1000 ports for up to 50",
        "of -p 21000:21999",
        "descriptors",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(part)),
            "{part}: {lines:#?}"
        );
    }

    let holder = TcpListener::bind(("0.0.0.0", 0)).expect("a port");
    let port = holder.local_addr().expect("its address").port();
    let (status, lines) = doctor(
        &place,
        &[&at[..], &["--doctor", "-p", &format!("{port}:{port}")]].concat(),
    );
    assert_eq!(status, Some(69), "{lines:#?}");
    let taken = format!(
        "error: 1 of the 1 ports of -p {port}:{port} are taken, the first is {port}, where process {}, ",
        std::process::id()
    );
    assert!(
        lines.iter().any(|line| line.starts_with(&taken)),
        "{taken}: {lines:#?}"
    );

    // What keeps the server from starting comes first, and the rest is told all the same.
    let (status, lines) = doctor(
        &place,
        &[
            "--doctor",
            "-S",
            "127.0.0.1,0",
            "--userlist",
            "/no/such/list",
        ],
    );
    assert_eq!(status, Some(78), "{lines:#?}");
    assert!(
        lines[0].starts_with("error: --userlist /no/such/list: "),
        "{lines:#?}"
    );

    let (status, lines) = doctor(
        &place,
        &[&at[..], &["--doctor", "no-such-host.invalid"]].concat(),
    );
    assert_eq!(status, Some(78), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("error: no-such-host.invalid: ")),
        "{lines:#?}"
    );
}
