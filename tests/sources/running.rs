//! Programs under test, ended with the test, and what they are asked.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wharf::keeper::message::{Check, Proof, Secret};
use wharf::keeper::sources::{self, Verdict};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a script for a login prints: it lets `joe` in by `se cret`, refuses other passwords, and knows nobody else.
pub(crate) const LOGIN: &str = "case $AUTHD_ACCOUNT/$AUTHD_PASSWORD in
'joe/se cret') printf '%s\\n' auth_ok:1 uid:4242 gid:4343 dir:/tmp/./ throttling_bandwidth_dl:9999 per_user_max:3 end ;;
joe/*) printf '%s\\n' auth_ok:-1 end ;;
silent/*) ;;
*) printf '%s\\n' auth_ok:0 end ;;
esac";

/// A program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::null());
        Running(command.spawn().expect("the program starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until it holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("the script");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode");
    path
}

pub(crate) fn wharf_authd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wharf-authd"))
}

/// A program of Debian's Pure-FTPd, or `None` where nobody named one; with `CI` set that is a failure.
pub(crate) fn pure(name: &str) -> Option<Command> {
    let named = std::env::var_os("WHARF_PURE_PW").filter(|path| !path.is_empty());
    let Some(named) = named else {
        let is_ci = std::env::var_os("CI").is_some();
        assert!(!is_ci, "WHARF_PURE_PW is not set, and CI is");
        eprintln!("skipped: WHARF_PURE_PW names no pure-pw");
        return None;
    };
    let folder = Path::new(&named)
        .ancestors()
        .nth(2)
        .expect("the folder usr");
    Some(Command::new(folder.join("sbin").join(name)))
}

/// Whether the test is root's; says so if not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

pub(crate) fn question(user: &str, password: &str) -> Check {
    Check {
        user: user.into(),
        proof: Proof::Password(Secret::new(password.into())),
        peer: "192.0.2.7".parse().expect("an address"),
        local: "127.0.0.1:2121".parse().expect("an address"),
        encrypted: false,
        sni: Vec::new(),
    }
}

/// What a source says.
pub(crate) fn asked(spec: &str, user: &str, password: &str) -> Verdict {
    let mut source = sources::open(spec, &sources::Options::default())
        .unwrap_or_else(|error| panic!("{spec}: {error}"));
    source.check(&question(user, password))
}

/// Holds the answers of [`LOGIN`] against what comes through a socket.
#[track_caller]
pub(crate) fn assert_answers(socket: &Path) {
    let spec = format!("extauth:{}", socket.display());
    let Verdict::Accepted(found) = asked(&spec, "joe", "se cret") else {
        panic!("joe is not let in");
    };
    assert_eq!((found.uid, found.gid), (4242, 4343));
    assert_eq!(found.home, b"/tmp/./");
    assert_eq!(found.limits.download_rate, Some(9999));
    assert_eq!(found.limits.sessions, Some(3));
    assert_eq!(asked(&spec, "joe", "secret"), Verdict::Refused);
    assert_eq!(asked(&spec, "jane", "se cret"), Verdict::Unknown);
    assert!(matches!(asked(&spec, "silent", "x"), Verdict::Broken(_)));
}
