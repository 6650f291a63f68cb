//! `wharf-authd` as an administrator runs it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use wharf::keeper::sources::Verdict;

use crate::running::{
    LOGIN, Running, asked, assert_answers, eventually, is_root, script, wharf_authd,
};

struct Place {
    folder: TempDir,
    socket: PathBuf,
    pid: PathBuf,
}

impl Place {
    fn new(body: &str) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        script(folder.path(), body);
        Place {
            socket: folder.path().join("socket"),
            pid: folder.path().join("pid"),
            folder,
        }
    }

    fn command(&self) -> Command {
        let mut command = wharf_authd();
        command.arg("-s").arg(&self.socket).arg("-p").arg(&self.pid);
        command.arg("-r").arg(self.folder.path().join("program"));
        command
    }

    fn started(&self, words: &[&str]) -> Running {
        let running = Running::start(self.command().args(words));
        eventually("it listens", || {
            self.socket.exists() && self.process().is_some()
        });
        running
    }

    fn process(&self) -> Option<Pid> {
        let text = fs::read_to_string(&self.pid).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }
}

fn refused(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("wharf-authd: ") && said.lines().count() == 1,
        "{said}"
    );
    (output.status.code(), said)
}

#[test]
fn it_answers_by_its_program_and_leaves_nothing_behind() {
    let place = Place::new(LOGIN);
    let mut running = place.started(&[]);
    assert_answers(&place.socket);
    let mode = fs::metadata(&place.socket)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let process = place.process().expect("a process number");
    assert_eq!(
        process.as_raw_pid(),
        i32::try_from(running.0.id()).expect("a number")
    );
    kill_process(process, Signal::TERM).expect("a signal");
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
    assert!(!place.socket.exists() && !place.pid.exists());
}

#[test]
fn a_slow_program_for_one_login_delays_no_other() {
    let place = Place::new(&format!(
        "[ \"$AUTHD_ACCOUNT\" != slow ] || sleep 5\n{LOGIN}"
    ));
    let _running = place.started(&[]);
    let spec = format!("extauth:{}", place.socket.display());
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| asked(&spec, "slow", "x"));
        std::thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        assert_eq!(asked(&spec, "jane", "x"), Verdict::Unknown);
        assert!(begun.elapsed() < Duration::from_secs(4));
        assert!(!slow.is_finished());
        assert_eq!(slow.join().expect("an answer"), Verdict::Unknown);
    });
}

#[test]
fn in_the_background_it_says_when_it_could_not_start() {
    let place = Place::new(LOGIN);
    let output = place.command().arg("-B").output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    eventually("it writes its number", || place.process().is_some());
    assert_answers(&place.socket);
    let (code, said) = refused(&place.command().arg("-B").output().expect("it starts"));
    assert_eq!(code, Some(69));
    assert!(said.contains("another program answers there"), "{said}");
    let process = place.process().expect("a process number");
    kill_process(process, Signal::TERM).expect("a signal");
    eventually("it ends", || !place.socket.exists());
}

#[test]
fn the_socket_of_a_killed_one_is_replaced() {
    let place = Place::new(LOGIN);
    drop(place.started(&[]));
    assert!(place.socket.exists());
    fs::remove_file(&place.pid).expect("its number");
    let _running = place.started(&[]);
    assert_answers(&place.socket);
}

#[test]
fn s2_with_a_user_it_runs_as_that_user_and_group_alone() {
    if !is_root() {
        return;
    }
    let place = Place::new(
        "{ id -u; id -G; } >/dev/null 2>&1\nprintf '%s\\n' auth_ok:1 uid:$(id -u) gid:$(id -G) dir:/ end",
    );
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let _running = place.started(&["-u", "65533", "-g", "65532"]);
    // It exists before it is given away.
    eventually("the socket is the user's", || {
        let owner = fs::metadata(&place.socket).expect("the socket");
        (owner.uid(), owner.gid()) == (65533, 65532)
    });
    let Verdict::Accepted(found) = asked(&format!("extauth:{}", place.socket.display()), "a", "b")
    else {
        panic!("no answer");
    };
    assert_eq!((found.uid, found.gid), (65533, 65532));
    let status = fs::read_to_string(format!(
        "/proc/{}/status",
        place.process().expect("a number").as_raw_pid()
    ));
    let status = status.expect("its status");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    assert!(
        status.contains("Uid:\t65533\t65533\t65533\t65533"),
        "{status}"
    );
}

#[test]
fn what_cannot_be_run_is_refused_in_one_line() {
    let place = Place::new(LOGIN);
    let run = |words: &[&str]| refused(&wharf_authd().args(words).output().expect("it starts"));
    assert_eq!(run(&["-s", "/tmp/x", "-r", "relative"]).0, Some(78));
    assert_eq!(run(&["-s", "/tmp/x"]).0, Some(64));
    let nobody = place
        .command()
        .args(["-u", "4000000"])
        .output()
        .expect("it starts");
    assert_eq!(refused(&nobody).0, Some(64));
    assert!(!place.socket.exists());
    let file = place.folder.path().join("program");
    let (code, _) = refused(
        &place
            .command()
            .arg("-s")
            .arg(&file)
            .output()
            .expect("it starts"),
    );
    assert_eq!(code, Some(69));
    assert!(file.exists());
}
