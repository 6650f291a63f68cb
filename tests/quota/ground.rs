//! A server with one virtual user, `joe`, and what is in the user's home.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::client::PASSWORD;
use crate::server::Server;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user's number when root runs the tests.
pub(crate) const UID: u32 = 20106;

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Waits until it holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
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

/// The user's home and the database, without a server.
pub(crate) struct Ground {
    /// Kept for its end.
    folder: TempDir,
}

impl Ground {
    /// `options` are those of `wharf-pw useradd`: `-n` files, `-N` megabytes.
    pub(crate) fn new(options: &[&str]) -> Ground {
        let ground = Ground {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(ground.folder.path(), open).expect("a mode");
        fs::create_dir(ground.home()).expect("a home");
        let (uid, gid) = match is_root() {
            true => (UID, UID),
            false => (geteuid().as_raw(), rustix::process::getegid().as_raw()),
        };
        if is_root() {
            chown(ground.home(), Some(UID), Some(UID)).expect("its owner");
        }
        let mut add = Command::new(env!("CARGO_BIN_EXE_wharf-pw"));
        add.args(["useradd", "joe", "-m", "-f"])
            .arg(ground.beside("users"))
            .arg("-F")
            .arg(ground.database())
            .args(["-u", &uid.to_string(), "-g", &gid.to_string(), "-d"])
            .arg(ground.home())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = add.spawn().expect("wharf-pw starts");
        let mut input = child.stdin.take().expect("its input");
        write!(input, "{PASSWORD}\n{PASSWORD}\n").expect("a password");
        drop(input);
        assert!(child.wait().expect("wharf-pw ends").success());
        ground
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.beside("joe")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    fn database(&self) -> PathBuf {
        self.beside("users.pdb")
    }

    pub(crate) fn source(&self) -> String {
        format!("puredb:{}", self.database().display())
    }

    pub(crate) fn serve(&self, flags: &[&str]) -> Server {
        let source = self.source();
        let flags = [&["-l", &source], flags].concat();
        // Two servers at once have a file each.
        let number = (0..).find(|number| !self.beside(&format!("errors{number}")).exists());
        let errors = self.beside(&format!("errors{}", number.unwrap_or(0)));
        Server::start(&flags, errors)
    }

    /// What the quota file says.
    pub(crate) fn count(&self) -> String {
        fs::read_to_string(self.path(".ftpquota")).expect("the quota file")
    }

    /// The numbers of its first line.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let count = self.count();
        let mut numbers = count
            .split([' ', '\n'])
            .map(|number| number.parse().expect("a number"));
        let mut next = || numbers.next().expect("two numbers");
        (next(), next())
    }

    /// What is in the home: files and directories, and bytes.
    pub(crate) fn truth(&self) -> (u64, u64) {
        let (mut files, mut bytes) = (0, 0);
        let mut waiting = vec![self.home()];
        while let Some(path) = waiting.pop() {
            for entry in fs::read_dir(path).expect("a directory") {
                let entry = entry.expect("an entry");
                let metadata = entry.metadata().expect("its facts");
                if entry.file_name() == ".ftpquota" {
                    continue;
                }
                files += 1;
                match metadata.is_dir() {
                    true => waiting.push(entry.path()),
                    false => bytes += metadata.len(),
                }
            }
        }
        (files, bytes)
    }

    #[track_caller]
    pub(crate) fn assert_true(&self) {
        let (files, bytes) = self.truth();
        assert_eq!(self.count(), format!("{files} {bytes}\n"));
    }

    /// Puts a file into the home, without the server.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("a file");
        if is_root() {
            chown(self.path(name), Some(UID), Some(UID)).expect("its owner");
        }
    }
}
