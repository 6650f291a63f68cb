//! A machine as the server under test sees it: its users, its services of PAM, and scripts for pam_exec(8).

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{self, Launch, PATIENCE, Place, Running, User, within};

/// The files that pam-auth-update(8) writes on a fresh Debian, without comments.
const DEBIAN: &[(&str, &str)] = &[
    (
        "common-auth",
        "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
    ),
    (
        "common-account",
        "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\n\
         account required pam_permit.so\n",
    ),
    (
        "common-session-noninteractive",
        "session [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\n\
         session required pam_unix.so\n",
    ),
    (
        "other",
        "@include common-auth\n@include common-account\n@include common-session-noninteractive\n",
    ),
];

/// The service as it is to be installed.
pub(crate) const SHIPPED: &str = include_str!("../../examples/pam.d/wharf-ftpd");

/// [`support::PASSWORD`] by yescrypt, as Debian hashes passwords.
pub(crate) const YESCRYPT: &str =
    "$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe.";

/// A stack with one module for each question. pam_exec(8) gives no credentials, so another one is asked for those.
pub(crate) fn stack(auth: &str, account: &str, session: &str) -> String {
    format!(
        "auth required {auth}\nauth required pam_permit.so\naccount required {account}\nsession required {session}\n"
    )
}

pub(crate) struct Machine {
    place: Place,
    etc: PathBuf,
}

impl Machine {
    /// With these users and Debian's services, and none of ours.
    pub(crate) fn new(place: Place, users: &[User]) -> Machine {
        let etc = support::etc(&place, users, "");
        let machine = Machine { place, etc };
        machine.make_services();
        machine
    }

    fn make_services(&self) {
        fs::create_dir(self.etc.join("pam.d")).expect("a directory");
        for (name, text) in DEBIAN {
            self.write(&format!("pam.d/{name}"), text);
        }
    }

    /// Makes /etc/pam.d once more, with this service.
    pub(crate) fn restore(&self, service: &str) {
        self.make_services();
        self.service(service);
    }

    /// With `joe`, and this service.
    pub(crate) fn of_joe(service: &str) -> Machine {
        Machine::with_names(&["joe"], service)
    }

    /// With users of these names, and this service.
    pub(crate) fn with_names(names: &[&str], service: &str) -> Machine {
        let place = Place::new();
        let users: Vec<User> = (2001..)
            .zip(names)
            .map(|(uid, name)| User::new(&place, name, uid))
            .collect();
        let machine = Machine::new(place, &users);
        machine.service(service);
        machine
    }

    /// Writes a file of /etc.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.etc.join(name), text).expect("a file");
    }

    /// Writes the service; `{place}` in it is the test's directory.
    pub(crate) fn service(&self, stack: &str) {
        let stack = stack.replace("{place}", &self.place.text("."));
        self.write("pam.d/wharf-ftpd", &stack);
    }

    /// Writes `{place}/NAME`, a program of sh(1) that may write to `$notes`.
    pub(crate) fn script(&self, name: &str, body: &str) {
        let notes = self.place.text("notes");
        let text = format!("#!/bin/sh\nnotes={notes}\n{body}\n");
        self.place.file(name, text, 0, 0o755);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// The lines that scripts have written.
    pub(crate) fn notes(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("notes")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until there are so many lines.
    #[track_caller]
    pub(crate) fn await_notes(&self, count: usize) -> Vec<String> {
        let what = format!("{count} lines of notes");
        within(PATIENCE, &what, || self.notes().len() >= count);
        self.notes()
    }

    /// A server of this machine's PAM.
    pub(crate) fn launch(&self) -> Launch<'_> {
        Launch::on_machine(&self.place, &self.etc, "pam").flags(&["-E", "-A"])
    }

    pub(crate) fn start(&self) -> Running {
        self.launch().start()
    }

    /// A file only root may change, as pam_listfile(8) wants it.
    pub(crate) fn file(&self, name: &str, text: &str) {
        self.place.file(name, text, 0, 0o644);
    }
}

/// Makes a database for pam_userdb(8), from names and passwords on lines of their own.
pub(crate) fn berkeley_database(path: &Path, lines: &str) {
    let mut loader = Command::new("db5.3_load")
        .args(["-T", "-t", "hash"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("db5.3_load runs");
    let mut input = loader.stdin.take().expect("its input");
    input.write_all(lines.as_bytes()).expect("written");
    drop(input);
    assert!(loader.wait().expect("it ends").success());
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("a mode");
}
