//! Runs the programs the tests need, never longer than a limit, and says what they said when they fail.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ending::end;
use super::skipping::cannot;

/// How long one run of a client may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A command for `name`, or `None` when it is not installed; with `CI` set that is a failure.
pub(crate) fn program(name: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    let found = std::env::split_paths(&path)
        .chain(sbin)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    cannot(found.is_none(), &format!("{name} is not installed"));
    found.map(Command::new)
}

/// Runs `command` with a home of its own and `input` on its standard input; returns what it said. Panics when it fails or
/// takes too long.
pub(crate) fn run(command: &mut Command, home: &Path, input: &str) -> String {
    let (succeeded, said) = attempt(command, home, input);
    assert!(succeeded, "{command:?} failed:\n{said}");
    said
}

/// Like [`run`], for programs that may fail: whether it succeeded, and what it said.
pub(crate) fn attempt(command: &mut Command, home: &Path, input: &str) -> (bool, String) {
    let folder = tempfile::tempdir_in(home).expect("a directory for the client's output");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("in"), input).expect("the client's input");
    let create = |name: &str| File::create(path(name)).expect("a file for the client's output");
    let mut child = command
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::from(File::open(path("in")).expect("the input")))
        .stdout(create("out"))
        .stderr(create("err"))
        .spawn()
        .expect("the client starts");
    let limit = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().expect("the client's status") {
            Some(status) => break Some(status),
            None if Instant::now() > limit => break None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if status.is_none() {
        end(&mut child);
    }
    let said = [path("out"), path("err")]
        .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned())
        .concat();
    match status {
        Some(status) => (status.success(), format!("{said}\n{status}")),
        None => (false, format!("{said}\nstopped after {LIMIT:?}")),
    }
}

/// The SHA-256 of a file, by sha256sum(1).
pub(crate) fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum")
        .arg(OsStr::new("--"))
        .arg(file)
        .output()
        .expect("sha256sum runs");
    assert!(
        output.status.success(),
        "sha256sum: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let sum = text.trim_start_matches('\\').get(..64);
    sum.expect("a sum of 64 digits").to_owned()
}
