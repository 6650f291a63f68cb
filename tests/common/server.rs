//! Starts the server under test on a free port, with a served tree of its own, and ends it again.
//! The server is the `wharf-ftpd` cargo built, or the Pure-FTPd binary that the environment variable `WHARF_PEER` names:
//! then the same test shows what the original does. Pure-FTPd serves the home of the user `ftp`, so it is started as root
//! in a mount namespace of its own (unshare(1)) that sees an /etc with such a user and an empty /run; nothing of the
//! machine is changed.
//!
//! Started as root, Wharf serves as an existing unprivileged account (`--anonymoususer`), so that no account has to be made;
//! started as somebody else it serves as that user. What is in the tree is left to the test.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::ending::end;

/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a start is tried anew because somebody else took the port first.
const PORTS_TRIED: u32 = 20;

/// The status of sysexits(3) with which Wharf says that its port is taken.
const PORT_TAKEN: i32 = 69;

/// Which program is under test.
#[derive(Clone, PartialEq)]
pub(crate) enum Program {
    /// The binary of this package.
    Wharf,
    /// The Pure-FTPd binary at this path.
    Peer(PathBuf),
}

impl Program {
    /// What `WHARF_PEER` asks for.
    pub(crate) fn chosen() -> Program {
        match std::env::var_os("WHARF_PEER") {
            Some(path) if !path.is_empty() => Program::Peer(path.into()),
            _ => Program::Wharf,
        }
    }
}

/// The account anonymous clients are served as.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The account to serve as when the tests run as root, else `None`.
pub(crate) fn anonymous_account() -> Option<Account> {
    if !geteuid().is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["www-data", "games", "nobody"]
        .iter()
        .find_map(|name| passwd.lines().find_map(|line| account_in(line, name)))
}

fn account_in(line: &str, name: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    if fields.first() != Some(&name) {
        return None;
    }
    Some(Account {
        name: name.to_owned(),
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
    })
}

/// The directories of one test: the served tree and what lies beside it.
pub(crate) struct Place {
    /// Kept for its `Drop`, and the parent of the rest.
    folder: TempDir,
}

impl Place {
    /// Makes the empty tree.
    pub(crate) fn new() -> io::Result<Place> {
        let place = Place {
            folder: tempfile::Builder::new().prefix("wharf-test-").tempdir()?,
        };
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755))?;
        for folder in [place.root(), place.beside()] {
            fs::create_dir(&folder)?;
            fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        }
        Ok(place)
    }

    /// The directory that is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A directory for files the server reads but does not serve. A peer finds it as /etc/pure-ftpd.
    pub(crate) fn beside(&self) -> PathBuf {
        self.folder.path().join("beside")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A running server; ends with this value.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    errors: PathBuf,
}

impl Server {
    /// Starts `program` on a free port of `address` with `flags` and waits until it listens. Without an address it
    /// listens on all, and clients are to come over IPv4.
    pub(crate) fn start(
        program: &Program,
        place: &Place,
        address: Option<IpAddr>,
        flags: &[OsString],
    ) -> Result<Server, String> {
        let host = address.map(|a| a.to_string()).unwrap_or_default();
        let address = address.unwrap_or(LOOPBACK);
        let mut said = String::new();
        for _ in 0..PORTS_TRIED {
            let port = free_port(address).map_err(|e| format!("no free port: {e}"))?;
            let address = SocketAddr::new(address, port);
            let mut command = match program {
                Program::Wharf => wharf(place, flags),
                Program::Peer(path) => peer(path, place, flags)?,
            };
            command.arg("-S").arg(format!("{host},{port}"));
            let errors = place.path("stderr");
            let child = spawn(&mut command, &errors)?;
            let mut server = Server {
                child,
                address,
                errors,
            };
            match server.wait_until_listening()? {
                None => return Ok(server),
                Some(status) => said = format!("{status}: {}", server.errors()),
            }
            if server.exit_is_final(&said) {
                break;
            }
        }
        Err(format!("the server did not start: {said}"))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote on its standard error so far.
    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.errors).unwrap_or_default()).into_owned()
    }

    /// `None` once it listens, its exit status when it ended instead.
    fn wait_until_listening(&mut self) -> Result<Option<ExitStatus>, String> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().map_err(|e| e.to_string())? {
                return Ok(Some(status));
            }
            // A trial connection would be counted as a user, so the kernel's table is asked.
            if listens(self.pid(), self.address) {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(format!("the server never listened: {}", self.errors()))
    }

    /// Whether another port would not help. Pure-FTPd ends with status 0 when its port is taken.
    fn exit_is_final(&mut self, said: &str) -> bool {
        let taken =
            matches!(self.child.try_wait(), Ok(Some(status)) if status.code() == Some(PORT_TAKEN));
        !taken && !said.contains("Address already in use")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A port nobody listens on now; somebody may take it before it is used.
pub(crate) fn free_port(address: IpAddr) -> io::Result<u16> {
    Ok(TcpListener::bind((address, 0))?.local_addr()?.port())
}

/// The local IPv4 address tests listen on.
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The program and the flags under which Wharf serves `place` to anonymous clients, without an address to listen on.
pub(crate) fn wharf_argv(place: &Place) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![env!("CARGO_BIN_EXE_wharf-ftpd").into()];
    words.extend(["-H".into(), "--anonymousroot".into(), place.root().into()]);
    if let Some(account) = anonymous_account() {
        words.extend(["--anonymoususer".into(), account.name.into()]);
    }
    words
}

fn wharf(place: &Place, flags: &[OsString]) -> Command {
    let words = wharf_argv(place);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(flags);
    // Without root, uploads are off unless asked for; scripts describe what root's default is.
    let forbids = |flag: &OsString| flag == "-i" || flag == "--readonly";
    if anonymous_account().is_none() && !flags.iter().any(forbids) {
        command.arg("--anonymousupload");
    }
    command
}

/// Mounts its first word over /etc, empties /run, and becomes the rest of its words.
const IN_NAMESPACE: &str = "mount --bind \"$1\" /etc && mount -t tmpfs -o mode=755 tmpfs /run && \
     mkdir -m 700 /run/pure-ftpd && shift && exec \"$@\"";

/// The program and arguments under which a peer serves `place`, without an address to listen on.
pub(crate) fn peer_argv(path: &Path, place: &Place) -> Result<Vec<OsString>, String> {
    let account = anonymous_account().ok_or("a peer can be started by root only")?;
    let etc = place.path("etc");
    if !etc.exists() {
        make_etc(&etc, place, &account)
            .map_err(|e| format!("cannot make an /etc for the peer: {e}"))?;
    }
    let mut words: Vec<OsString> = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
        .map(OsString::from)
        .into();
    words.extend([IN_NAMESPACE.into(), "sh".into(), etc.into(), path.into()]);
    words.extend(["-H", "-f", "none"].map(OsString::from));
    Ok(words)
}

fn peer(path: &Path, place: &Place, flags: &[OsString]) -> Result<Command, String> {
    let words = peer_argv(path, place)?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(flags);
    Ok(command)
}

/// An /etc with little more than the users Pure-FTPd needs, and the test's files as /etc/pure-ftpd.
fn make_etc(etc: &Path, place: &Place, account: &Account) -> io::Result<()> {
    let (uid, gid) = (account.uid, account.gid);
    let home = place.root();
    fs::create_dir(etc)?;
    fs::write(
        etc.join("passwd"),
        format!(
            "root:x:0:0:root:/root:/bin/sh\nftp:x:{uid}:{gid}:ftp:{}:/usr/sbin/nologin\n\
             pure-ftpd:x:20105:20105::/nonexistent:/usr/sbin/nologin\n",
            home.display()
        ),
    )?;
    fs::write(
        etc.join("group"),
        format!("root:x:0:\nftp:x:{gid}:\npure-ftpd:x:20105:\n"),
    )?;
    fs::write(
        etc.join("nsswitch.conf"),
        "passwd: files\ngroup: files\nhosts: files\n",
    )?;
    fs::write(etc.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
    fs::copy("/etc/ld.so.cache", etc.join("ld.so.cache"))?;
    std::os::unix::fs::symlink(place.beside(), etc.join("pure-ftpd"))
}

fn spawn(command: &mut Command, errors: &Path) -> Result<Child, String> {
    let file = File::create(errors).map_err(|e| format!("{}: {e}", errors.display()))?;
    command
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .map_err(|e| format!("cannot run {:?}: {e}", command.get_program()))
}

/// Whether process `pid` has a socket that listens on `address`, by /proc/net/tcp and /proc/PID/fd (proc(5)).
fn listens(pid: u32, address: SocketAddr) -> bool {
    let table = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|table| fs::read_to_string(table).unwrap_or_default())
        .concat();
    let end = format!(":{:04X}", address.port());
    let wanted: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|row| row.len() > 9 && row[1].ends_with(&end) && row[3] == "0A")
        .map(|row| format!("socket:[{}]", row[9]))
        .collect();
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        // A process that is not dumpable shows its descriptors to root only.
        return !wanted.is_empty();
    };
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| wanted.iter().any(|w| target.as_os_str() == w.as_str()))
}
