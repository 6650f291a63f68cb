//! A started server with a certificate, files to fetch and a directory to fill.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::programs::run;
use crate::common::server::{LOOPBACK, Place, Program, Server, anonymous_account};

/// Bytes of the file to fetch.
pub(crate) const SIZE: usize = 300_000;

/// A server, its place, and a directory for certificates and what clients bring home.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) place: Place,
    home: TempDir,
}

impl Served {
    /// With a certificate for localhost.
    pub(crate) fn start(flags: &[&str]) -> Served {
        let home = tempfile::tempdir().expect("a home");
        let pem = make_certificate(home.path(), "server", "localhost", 30);
        let pem = pem.to_str().expect("a path").to_owned();
        Served::start_with(home, &[&["-2", &pem], flags].concat())
    }

    /// With whatever certificates the flags name.
    pub(crate) fn start_with(home: TempDir, flags: &[&str]) -> Served {
        let place = Place::new().expect("a place to serve");
        let root = place.root();
        for folder in ["pub", "incoming"] {
            fs::create_dir(root.join(folder)).expect("a directory");
        }
        fill(&root.join("pub/file"), SIZE);
        if let Some(account) = anonymous_account() {
            chown(root.join("incoming"), Some(account.uid), Some(account.gid))
                .expect("incoming belongs to the account");
        }
        let flags: Vec<_> = flags.iter().map(Into::into).collect();
        let server = Server::start(&Program::Wharf, &place, Some(LOOPBACK), &flags)
            .unwrap_or_else(|e| panic!("{e}"));
        Served {
            server,
            place,
            home,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().port()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in the client's directory.
    pub(crate) fn mine(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A path in the served tree.
    pub(crate) fn served(&self, name: &str) -> PathBuf {
        self.place.root().join(name)
    }
}

/// Makes a certificate of this name and its key, both in one file, whose path it gives; beside it lie `NAME.crt` and
/// `NAME.key`.
pub(crate) fn make_certificate(folder: &Path, file: &str, host: &str, days: i32) -> PathBuf {
    let path = |end: &str| folder.join(format!("{file}.{end}"));
    let openssl = |command: &mut Command| run(command, folder, "");
    fs::write(
        path("ext"),
        format!("subjectAltName=DNS:{host},IP:127.0.0.1\n"),
    )
    .expect("a file");
    let made = Command::new("openssl")
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"])
        .output()
        .expect("openssl runs");
    fs::write(path("key"), made.stdout).expect("a key");
    openssl(
        Command::new("openssl")
            .args(["req", "-new", "-subj", &format!("/CN={host}"), "-key"])
            .arg(path("key"))
            .arg("-out")
            .arg(path("csr")),
    );
    openssl(
        Command::new("openssl")
            .args(["x509", "-req", "-days", &days.to_string(), "-in"])
            .arg(path("csr"))
            .arg("-signkey")
            .arg(path("key"))
            .arg("-extfile")
            .arg(path("ext"))
            .arg("-out")
            .arg(path("crt")),
    );
    let both = [path("crt"), path("key")].map(|part| fs::read(part).expect("a part"));
    fs::write(path("pem"), both.concat()).expect("both");
    fs::set_permissions(path("pem"), Permissions::from_mode(0o600)).expect("its mode");
    path("pem")
}

/// Bytes without a pattern that a cut or a swap would leave unseen.
pub(crate) fn content(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub(crate) fn fill(path: &Path, size: usize) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    file.write_all(&content(size)).expect("its content");
    file.flush().expect("its content");
}
