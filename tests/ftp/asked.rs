//! What the program does when its flags ask for something else than a start.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use crate::common::server::LOOPBACK;

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
    for asked in ["--printflags", "--explain"] {
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
