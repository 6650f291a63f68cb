//! How the server starts, refuses to start, and ends; what Wharf promises and Pure-FTPd does otherwise.

use std::ffi::OsString;
use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::client::Client;
use crate::common::server::{LOOPBACK, wharf_argv};
use crate::fixture::{Served, Way, with_peer};

/// The statuses of sysexits(3).
const USAGE: i32 = 64;
const PORT_TAKEN: i32 = 69;
const CONFIGURATION: i32 = 78;

/// Starts the server so that it must fail: its exit status and what it wrote on standard error.
fn refused(served: &Served, flags: &[&str]) -> (Option<i32>, String) {
    let words: Vec<OsString> = wharf_argv(&served.place);
    let errors = served.mine("errors");
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&errors).expect("a file"))
        .spawn()
        .expect("the server starts");
    let limit = Instant::now() + Duration::from_secs(10);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        if Instant::now() > limit {
            crate::common::ending::end(&mut child);
            panic!("it started after all");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = std::fs::read_to_string(errors).expect("what it said");
    (status.code(), said)
}

fn is_one_line(said: &str) -> bool {
    said.ends_with('\n') && said.matches('\n').count() == 1
}

#[test]
fn a_port_that_is_taken_is_69_and_one_line() {
    if with_peer("it ends with status 0") {
        return;
    }
    let served = Served::start(Way::Passive, &[]);
    let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let (status, said) = refused(&served, &["-S", &format!("127.0.0.1,{port}")]);
    assert_eq!(status, Some(PORT_TAKEN), "{said}");
    assert!(
        is_one_line(&said) && said.contains(&port.to_string()),
        "{said}"
    );
}

#[test]
fn a_wrong_value_is_64_and_one_line_that_names_it() {
    if with_peer("it ends with status 252") {
        return;
    }
    let served = Served::start(Way::Passive, &[]);
    for (flag, value) in [("-p", "5"), ("-c", "0"), ("-U", "999"), ("-f", "nonsense")] {
        let (status, said) = refused(&served, &[flag, value]);
        assert_eq!(status, Some(USAGE), "{said}");
        assert!(is_one_line(&said), "{said}");
        assert!(said.contains(flag) && said.contains(value), "{said}");
    }
}

#[test]
fn a_check_finds_the_writable_root_that_a_start_would_be_refused_for() {
    use std::os::unix::fs::PermissionsExt;
    if with_peer("it has no such flag") {
        return;
    }
    let served = Served::start(Way::Passive, &[]);
    let root = tempfile::tempdir().expect("a folder");
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(root.path(), open).expect("a mode");
    let path = root.path().to_str().expect("text");
    for check in [&[][..], &["--check"]] {
        let flags = ["--refusewritableroot", "--anonymousroot", path];
        let (status, said) = refused(&served, &[&flags, check].concat());
        assert_eq!(status, Some(CONFIGURATION), "{said}");
        assert!(said.contains(path), "{said}");
    }
}

#[test]
fn l6_sigterm_ends_the_sessions_with_a_word() {
    if with_peer("its sessions live on") {
        return;
    }
    let served = Served::start(Way::Passive, &[]);
    let mut client = Client::connect(served.address()).expect("the server listens");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    let pid = i32::try_from(served.server.pid())
        .ok()
        .and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), Signal::TERM).expect("a signal");
    assert_eq!(client.reply().expect("a reply").code, 421);
    assert_eq!(client.line().expect("the end"), None);
}
