//! `wharf-uploadscript` as an administrator runs it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::running::{Running, Served, eventually, is_root, script, wharf_uploadscript};

/// Notes the path, then what the environment says, one a line.
const NOTE: &str = "for word; do printf '%s\\n' \"$word\"; done >>\"$OUT\"
env | sed -n 's/^UPLOAD_/ /p' | sort >>\"$OUT\"";

struct Place {
    folder: TempDir,
}

impl Place {
    fn new(body: &str) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its mode");
        script(&folder.path().join("program"), body);
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = wharf_uploadscript();
        let pipe = self.path("pipe");
        command.arg("--uploadpipe").arg(pipe);
        command.arg("-p").arg(self.path("pid"));
        command.arg("-r").arg(self.path("program"));
        command.env("OUT", self.path("out"));
        command.env("UPLOAD_VUSER", "not of the upload");
        command
    }

    fn started(&self, words: &[&str]) -> Running {
        let running = Running::start(self.command().args(words));
        eventually("it writes its number", || self.process().is_some());
        running
    }

    fn process(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.path("pid")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// Says what a server would.
    fn say(&self, login: &str, path: &Path) {
        let mut pipe = OpenOptions::new().write(true).open(self.path("pipe"));
        let pipe = pipe.as_mut().expect("the pipe");
        let record = format!("\x02{login}\x01{}\0", path.display());
        pipe.write_all(record.as_bytes()).expect("a record");
    }

    fn out(&self) -> String {
        fs::read_to_string(self.path("out")).unwrap_or_default()
    }

    /// Waits for the last of what is wanted, and compares.
    #[track_caller]
    fn assert_out(&self, wanted: &str) {
        eventually("the program notes it", || self.out().len() >= wanted.len());
        assert_eq!(self.out(), wanted);
    }
}

fn refused(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let one_line = said.starts_with("wharf-uploadscript: ") && said.lines().count() == 1;
    assert!(one_line, "{said}");
    (output.status.code(), said)
}

#[test]
fn the_program_gets_the_path_and_an_environment_about_the_file() {
    let place = Place::new(NOTE);
    let _running = place.started(&[]);
    let file = place.file("file", b"12345");
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("its mode");
    if rustix::process::geteuid().is_root() {
        // A group without a name, so that its variable is not set.
        chown(&file, Some(0), Some(4_000_000)).expect("its owner");
    }
    place.say("joe", &file);
    let found = fs::metadata(&file).expect("the file");
    let (uid, gid) = (found.uid(), found.gid());
    eventually("the program notes it", || place.out().contains("VUSER"));
    let out = place.out();
    let mut lines = out.lines();
    assert_eq!(lines.next(), file.to_str());
    let mut wanted = vec![
        format!(" GID={gid}"),
        " PERMS=640".to_owned(),
        " SIZE=5".to_owned(),
        format!(" UID={uid}"),
        " VUSER=joe".to_owned(),
    ];
    if uid == 0 {
        wanted.insert(4, " USER=root".to_owned());
        assert!(!out.contains(" GROUP="), "{out}");
    }
    for line in &wanted {
        assert!(out.lines().any(|found| found == line), "{line}: {out}");
    }
}

#[test]
fn l8_odd_names_are_words_and_never_commands() {
    let place = Place::new("printf '%s|' \"$#\" \"$1\" >>\"$OUT\"");
    let _running = place.started(&[]);
    let mut wanted = String::new();
    for name in [
        ";id",
        "-rf",
        "$(touch hit)",
        "`touch hit`",
        "a b  c",
        "it's \"q\"",
        "new\nline",
        "\x02\x02root\x01",
    ] {
        let file = place.file(name, b"x");
        place.say("joe", &file);
        wanted += &format!("1|{}|", file.display());
    }
    place.assert_out(&wanted);
    assert!(!place.path("hit").exists());
}

#[test]
fn l8_only_regular_files_that_are_still_there_are_worked_on() {
    let place = Place::new("printf '%s|' \"$1\" >>\"$OUT\"");
    let _running = place.started(&[]);
    let file = place.file("file", b"x");
    symlink(&file, place.path("link")).expect("a link");
    for name in ["link", "missing", "pipe", "."] {
        place.say("joe", &place.path(name));
    }
    place.say("joe", Path::new("relative"));
    place.say("joe", &file);
    place.assert_out(&format!("{}|", file.display()));
}

#[test]
fn one_program_runs_at_a_time_in_the_order_of_the_uploads() {
    let place =
        Place::new("printf '<%s' \"${1##*/}\" >>\"$OUT\"; sleep 0.05; printf '>' >>\"$OUT\"");
    let _running = place.started(&[]);
    let mut wanted = String::new();
    for name in ["a", "b", "c", "d", "e"] {
        place.say("joe", &place.file(name, b""));
        wanted += &format!("<{name}>");
    }
    place.assert_out(&wanted);
}

#[test]
fn a_program_that_fails_is_told_of_and_the_next_upload_has_its_turn() {
    let place = Place::new("printf '%s|' \"${1##*/}\" >>\"$OUT\"; exit 3");
    let mut command = place.command();
    command.stderr(fs::File::create(place.path("errors")).expect("a file"));
    let _running = Running::start(&mut command);
    eventually("it writes its number", || place.process().is_some());
    for name in ["a", "b"] {
        place.say("joe", &place.file(name, b""));
    }
    place.assert_out("a|b|");
    eventually("it says so", || {
        let said = fs::read_to_string(place.path("errors")).expect("errors");
        said.matches("ended with exit status: 3").count() == 2
    });
}

#[test]
fn l8_a_slow_program_delays_no_client() {
    let served = Served::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program");
    let out = folder.path().join("out");
    script(&program, "sleep 1; printf '%s|' \"${1##*/}\" >>\"$OUT\"");
    let mut command = wharf_uploadscript();
    command.arg("--uploadpipe").arg(served.pipe());
    command.arg("-p").arg(folder.path().join("pid"));
    command.arg("-r").arg(program).env("OUT", &out);
    let _running = Running::start(&mut command);
    let mut client = served.client();
    let begun = Instant::now();
    for number in 0..20 {
        assert_eq!(client.store(&format!("STOR {number}"), b"x"), 226);
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    eventually("the first are worked on", || {
        let out = fs::read_to_string(&out).unwrap_or_default();
        out.starts_with("0|1|")
    });
}

#[test]
fn uploads_before_its_start_and_while_it_is_started_again_are_not_lost() {
    let served = Served::start(&[]);
    let place = Place::new("sleep 0.05; printf '%s|' \"${1##*/}\" >>\"$OUT\"");
    let start = || {
        let mut command = wharf_uploadscript();
        command.arg("--uploadpipe").arg(served.pipe());
        command.arg("-p").arg(place.path("pid"));
        command.arg("-r").arg(place.path("program"));
        Running::start(command.env("OUT", place.path("out")))
    };
    let mut client = served.client();
    let mut wanted = String::new();
    for number in 0..10 {
        assert_eq!(client.store(&format!("STOR {number}"), b"x"), 226);
        wanted += &format!("{number}|");
    }
    let mut running = start();
    eventually("some are worked on", || place.out().len() >= 4);
    let process = place.process().expect("a process number");
    kill_process(process, Signal::TERM).expect("a signal");
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
    assert!(!place.path("pid").exists());
    // The program that was under way ends its work in peace.
    std::thread::sleep(Duration::from_millis(200));
    let _again = start();
    place.assert_out(&wanted);
}

#[test]
fn it_can_start_before_the_server_and_a_second_one_is_refused() {
    let place = Place::new(NOTE);
    let _running = place.started(&[]);
    let found = fs::metadata(place.path("pipe")).expect("the pipe");
    assert_eq!(found.mode() & 0o7777, 0o600);
    let second = place.command().output().expect("it starts");
    let (code, said) = refused(&second);
    assert_eq!(code, Some(69));
    assert!(
        said.contains("another wharf-uploadscript reads it"),
        "{said}"
    );
}

#[test]
fn a_pipe_that_a_server_made_anew_is_found() {
    let place = Place::new("printf '%s|' \"$1\" >>\"$OUT\"");
    let _running = place.started(&[]);
    let file = place.file("file", b"x");
    fs::remove_file(place.path("pipe")).expect("the pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let pipe = place.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a new pipe");
    // Waits in open(2) until the new pipe has its reader.
    place.say("joe", &file);
    place.assert_out(&format!("{}|", file.display()));
}

#[test]
fn in_the_background_it_says_when_it_could_not_start() {
    let place = Place::new("printf '%s|' \"$1\" >>\"$OUT\"");
    let output = place.command().arg("-B").output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    eventually("it writes its number", || place.process().is_some());
    let file = place.file("file", b"x");
    place.say("joe", &file);
    place.assert_out(&format!("{}|", file.display()));
    let (code, _) = refused(&place.command().arg("-B").output().expect("it starts"));
    assert_eq!(code, Some(69));
    let process = place.process().expect("a process number");
    kill_process(process, Signal::TERM).expect("a signal");
    eventually("it ends", || !place.path("pid").exists());
}

#[test]
fn s2_with_a_user_it_runs_as_that_user_and_group_alone() {
    if !is_root() {
        return;
    }
    let place = Place::new("printf '%s|' \"$(id -u)\" \"$(id -G)\" \"$PWD\" >>\"$OUT\"");
    fs::write(place.path("out"), "").expect("a file");
    chown(place.path("out"), Some(65533), None).expect("its owner");
    let _running = place.started(&["-u", "65533", "-g", "65532"]);
    let file = place.file("file", b"x");
    // It need not be allowed to read what it hands on.
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
    place.say("joe", &file);
    place.assert_out("65533|65532|/|");
    let process = place.process().expect("a process number").as_raw_pid();
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("its status");
    let identity = "Uid:\t65533\t65533\t65533\t65533";
    assert!(status.contains(identity), "{status}");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
}

#[test]
fn what_cannot_be_run_or_read_is_refused_in_one_line() {
    let place = Place::new(NOTE);
    let run = |words: &[&str]| {
        let output = place.command().args(words).output();
        refused(&output.expect("it starts"))
    };
    assert_eq!(run(&["-r", "relative"]).0, Some(78));
    assert_eq!(run(&["-r", "/no/such/program"]).0, Some(78));
    assert_eq!(run(&["-u", "4000000"]).0, Some(64));
    assert_eq!(run(&["-u", "root"]).0, Some(64));
    assert_eq!(run(&["stray"]).0, Some(64));
    assert!(!place.path("pipe").exists());
    let file = place.file("file", b"precious");
    let (code, said) = run(&["--uploadpipe", file.to_str().expect("a path")]);
    assert_eq!(code, Some(78));
    assert!(said.contains("it is not a named pipe"), "{said}");
    assert_eq!(run(&["--uploadpipe", "/no/such/folder/pipe"]).0, Some(78));
    assert_eq!(fs::read(file).expect("the file"), b"precious");
}

#[test]
fn of_a_virtual_host_the_file_is_found() {
    let place = Place::new("printf '%s|' \"$1\" >>\"$OUT\"");
    let hosts = place.path("hosts");
    fs::create_dir_all(hosts.join("2001:db8::1")).expect("a host");
    let file = place.file("hosts/2001:db8::1/file", b"x");
    let hosts = hosts.to_str().expect("a path");
    let _running = place.started(&["--virtualhosts", hosts]);
    place.say("ftp", Path::new("2001:db8::1:/file"));
    place.assert_out(&format!("{}|", file.display()));
}
