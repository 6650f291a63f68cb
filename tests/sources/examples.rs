//! The examples of accounts do what they say. What must differ on a machine under test is changed: paths, and the account,
//! so that no user has to be made.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use wharf::flags::Flags;
use wharf::keeper::sources::Verdict;
use wharf::session::Listed;
use wharf::settings::Settings;

use crate::running::{Running, asked, eventually, is_root, wharf_authd};

/// An account every Debian machine has.
const ACCOUNT: &str = "nobody";
const ACCOUNT_ID: u32 = 65534;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

/// Where a user whom a source lets in is at home.
fn home_of(verdict: Verdict) -> Vec<u8> {
    match verdict {
        Verdict::Accepted(found) => {
            assert_eq!((found.uid, found.gid), (ACCOUNT_ID, ACCOUNT_ID));
            found.home
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn guests_come_in_by_their_codes_until_the_last_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let (table, program) = (folder.path().join("codes"), folder.path().join("program"));
    let guests = "# our guests\nacme 7f3k-93mz 2999-12-31 /srv/guests/acme\nlate 7f3k-93mz 2001-01-01 /srv/late\nhalf\n";
    fs::write(&table, guests).expect("the table");
    let text = fs::read_to_string(example("guest-codes.sh")).expect("the program");
    let text = text
        .replace("/etc/guest-codes", table.to_str().expect("a path"))
        .replace("account=ftpguests", &format!("account={ACCOUNT}"));
    fs::write(&program, text).expect("the program");
    fs::set_permissions(&program, Permissions::from_mode(0o700)).expect("its mode");
    let socket = folder.path().join("socket");
    let mut authd = wharf_authd();
    authd.arg("-s").arg(&socket).arg("-r").arg(&program);
    authd.arg("-p").arg(folder.path().join("pid"));
    let _authd = Running::start(&mut authd);
    eventually("it listens", || socket.exists());
    let spec = format!("extauth:{}", socket.display());
    let home = home_of(asked(&spec, "acme", "7f3k-93mz"));
    assert_eq!(home, b"/srv/guests/acme/./");
    for (name, code) in [
        ("acme", "7f3k"),
        ("acme", ""),
        ("late", "7f3k-93mz"),
        ("half", ""),
    ] {
        assert_eq!(asked(&spec, name, code), Verdict::Refused, "{name} {code}");
    }
    for name in ["#", "our", "*", "acme 7f3k-93mz"] {
        assert_eq!(asked(&spec, name, "our"), Verdict::Unknown, "{name}");
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn database(&self) -> PathBuf {
        self.0.path().join("etc/users.pdb")
    }

    fn area(&self) -> PathBuf {
        self.0.path().join("users")
    }

    /// Runs the script for these users; each asks for a password that stands on standard input.
    fn make(&self, users: &[&str], input: &str) -> Output {
        let programs = Path::new(env!("CARGO_BIN_EXE_wharf-pw")).parent();
        let path = std::env::var("PATH").expect("PATH");
        let path = format!("{}:{path}", programs.expect("a folder").display());
        let mut script = Command::new("sh");
        script.arg(example("virtual-users.sh"));
        script.args(["--account", ACCOUNT]).arg(self.area());
        script.args(users).env("PATH", path);
        script.env("PURE_PASSWDFILE", self.0.path().join("etc/users"));
        script.env("PURE_DBFILE", self.database());
        script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = script.spawn().expect("sh");
        let mut stdin = running.stdin.take().expect("its input");
        // It may have ended without asking.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        running.wait_with_output().expect("its output")
    }
}

#[test]
fn virtual_users_are_made_with_homes_and_served_by_the_command_it_prints() {
    if !is_root() {
        return;
    }
    let place = Place(tempfile::tempdir().expect("a folder"));
    let made = place.make(&["anna"], "pass of anna\n");
    assert!(made.status.success(), "{made:?}");
    let again = place.make(&["anna", "ben"], "pass of ben\n");
    assert!(again.status.success(), "{again:?}");
    let said = String::from_utf8(made.stdout).expect("text");
    let line = said.lines().last().expect("a command line");
    let parsed = Flags::parse(line.split_whitespace()).unwrap_or_else(|stop| panic!("{stop}"));
    let (settings, warnings) =
        Settings::from_flags(&parsed).unwrap_or_else(|stop| panic!("{stop}"));
    assert!(warnings.is_empty(), "{warnings:?}");
    let [source] = &settings.login.sources[..] else {
        panic!("{line}")
    };
    assert_eq!(*source, format!("puredb:{}", place.database().display()));
    for (name, password) in [("anna", "pass of anna"), ("ben", "pass of ben")] {
        let home = home_of(asked(source, name, password));
        let wanted = place.area().join(name);
        assert_eq!(home, format!("{}/./", wanted.display()).into_bytes());
        let rights = fs::metadata(&wanted).expect("the home");
        assert_eq!((rights.uid(), rights.mode() & 0o7777), (ACCOUNT_ID, 0o700));
        assert_eq!(asked(source, name, "pass"), Verdict::Refused);
    }
    assert_eq!(asked(source, "nobody", ""), Verdict::Unknown);
}

#[test]
fn the_script_for_virtual_users_says_in_one_line_what_it_cannot_work_with() {
    let place = Place(tempfile::tempdir().expect("a folder"));
    for users in [&[][..], &["Anna"], &["a b"], &["anna", "../etc"], &["-x"]] {
        let refused = place.make(users, "");
        assert_eq!(refused.status.code(), Some(64), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(!place.area().exists());
}

#[test]
fn the_denied_users_are_those_of_the_machine_and_not_those_behind_a_hash() {
    let text = fs::read(example("denied-users")).expect("the list");
    let listed = Listed::new(None, Some(&text));
    for name in ["root", "daemon", "www-data", "nobody"] {
        assert_eq!(
            listed.objection(name.as_bytes()),
            Some("--denyusers"),
            "{name}"
        );
    }
    assert_eq!(listed.objection(b"anna"), None);
    assert_eq!(listed.objection_to_anonymous(), None);
}
