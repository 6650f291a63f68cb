//! A served tree, the server started on it as a test wants it, what the kernel says about the running process, and the
//! steps of a session that these tests have in common.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, getrlimit, kill_process, setrlimit};
use socket2::SockRef;
use tempfile::TempDir;

use crate::common::client::{Client, connect_data};
pub(crate) use crate::common::skipping::cannot;
pub(crate) use crate::common::waiting::within;

/// How long the server may take to start, to end, and to tidy up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An account that owns nothing, for servers that are to be started without root.
const NOBODY: u32 = 65534;

/// Tests that measure time run alone, all others beside each other.
static MACHINE: RwLock<()> = RwLock::new(());

/// For a test that measures nothing.
pub(crate) fn together() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that measures time, or needs the machine.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the tests may act as root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Whether the server's descriptors cannot be counted: it keeps itself from being looked at by its own user.
pub(crate) fn cannot_count_descriptors() -> bool {
    cannot(
        !is_root(),
        "the server's descriptors are shown to root only",
    )
}

/// Lets this process have as many descriptors as it may.
pub(crate) fn raise_own_descriptor_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised");
}

/// The directories of one test: the served tree and what lies beside it.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// Makes a tree with pub/small (100 bytes) and an empty incoming/ that the served account may write to.
    pub(crate) fn new() -> Place {
        let folder = tempfile::Builder::new()
            .prefix("wharf-threat-")
            .tempdir()
            .expect("a temporary directory");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
        let place = Place { folder };
        place.directory("root");
        place.furnish();
        place
    }

    /// Puts pub/small and incoming/ into the tree; once more after something was mounted over it.
    pub(crate) fn furnish(&self) {
        self.directory("root/pub");
        self.directory("root/incoming");
        self.file("root/pub/small", &[b's'; 100]);
        self.give_away("root/incoming");
    }

    /// The served directory.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// A path beside the root, or in it: `root/pub`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn directory(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a directory");
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("a mode");
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        fs::set_permissions(path, Permissions::from_mode(0o644)).expect("a mode");
    }

    /// Makes the served account the owner.
    pub(crate) fn give_away(&self, name: &str) {
        if let Some((_, uid, gid)) = account() {
            chown(self.path(name), Some(uid), Some(gid)).expect("an owner");
        }
    }

    /// The names in a directory.
    pub(crate) fn names(&self, name: &str) -> Vec<OsString> {
        let entries = fs::read_dir(self.path(name)).expect("a directory");
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    }
}

/// Name, user and group number of the account that is served when the tests run as root.
pub(crate) fn account() -> Option<(String, u32, u32)> {
    if !is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = |name: &str| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let same = fields.next() == Some(name);
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            same.then(|| (name.to_owned(), uid, gid))
        })
    };
    ["www-data", "games", "nobody"]
        .iter()
        .find_map(|name| line(name))
}

/// How a server is to be started.
pub(crate) struct Launch<'a> {
    place: &'a Place,
    flags: Vec<OsString>,
    descriptors: Option<u32>,
    without_root: bool,
    address: IpAddr,
    port: u16,
}

impl<'a> Launch<'a> {
    /// On the place's root, on a free port of 127.0.0.1.
    pub(crate) fn new(place: &'a Place) -> Launch<'a> {
        Launch {
            place,
            flags: Vec::new(),
            descriptors: None,
            without_root: false,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
        }
    }

    pub(crate) fn flags<S: AsRef<OsStr>>(mut self, flags: &[S]) -> Launch<'a> {
        self.flags
            .extend(flags.iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// With so many descriptors at most.
    pub(crate) fn descriptors(mut self, most: u32) -> Launch<'a> {
        self.descriptors = Some(most);
        self
    }

    /// As nobody, when the tests run as root.
    pub(crate) fn without_root(mut self) -> Launch<'a> {
        self.without_root = is_root();
        self
    }

    /// On this port.
    pub(crate) fn port(mut self, port: u16) -> Launch<'a> {
        self.port = port;
        self
    }

    /// The command, its standard error not yet decided.
    pub(crate) fn command(&self) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(most) = self.descriptors {
            let limit = format!("ulimit -n {most}; exec \"$@\"");
            words.extend(["sh", "-c", &limit, "sh"].map(OsString::from));
        }
        if self.without_root {
            let nobody = NOBODY.to_string();
            let ids = [
                "setpriv",
                "--reuid",
                &nobody,
                "--regid",
                &nobody,
                "--clear-groups",
            ];
            words.extend(ids.map(OsString::from));
        }
        words.push(self.program().into());
        words.extend([
            "-H".into(),
            "--anonymousroot".into(),
            self.place.root().into(),
        ]);
        match account() {
            Some((name, ..)) if !self.without_root => {
                words.extend(["--anonymoususer".into(), name.into()]);
            }
            _ => words.push("--anonymousupload".into()),
        }
        words.extend([
            "-S".into(),
            format!("{},{}", self.address, self.port).into(),
        ]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(&self.flags);
        command
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// The built binary; a copy of it where nobody may not reach the original.
    fn program(&self) -> PathBuf {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_wharf-ftpd"));
        if !self.without_root {
            return built;
        }
        let copy = self.place.path("wharf-ftpd");
        if !copy.exists() {
            fs::copy(built, &copy).expect("a copy of the program");
            fs::set_permissions(&copy, Permissions::from_mode(0o755)).expect("a mode");
        }
        copy
    }

    /// Starts it and waits until it says that it listens.
    pub(crate) fn start(self) -> Running {
        let errors = self
            .place
            .path(&format!("stderr-{}", self.place.names(".").len()));
        let mut command = self.command();
        command.stderr(File::create(&errors).expect("a file"));
        let mut running = Running {
            child: command.spawn().expect("the server starts"),
            address: SocketAddr::new(self.address, self.port),
            errors,
        };
        within(PATIENCE, "it listens", || {
            let ended = running.child.try_wait().expect("a status");
            assert!(ended.is_none(), "it ended: {}", running.said());
            let port = running.announced_port();
            running.address.set_port(port.unwrap_or(0));
            port.is_some()
        });
        running
    }

    /// Runs it until it ends by itself: its status and what it wrote on standard error.
    pub(crate) fn refused(self) -> (Option<i32>, String) {
        ended(&mut self.command(), &self.place.path("stderr-refused"))
    }
}

/// Runs a command that is to end by itself: its status and its standard error.
pub(crate) fn ended(command: &mut Command, errors: &Path) -> (Option<i32>, String) {
    let mut child = command
        .stderr(File::create(errors).expect("a file"))
        .spawn()
        .expect("the server starts");
    let status = wait(&mut child, PATIENCE).and_then(|status| status.code());
    let _ = child.kill();
    let _ = child.wait();
    let said = fs::read(errors).expect("what it said");
    (status, String::from_utf8_lossy(&said).into_owned())
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait().expect("a status") {
            Some(status) => return Some(status),
            None if Instant::now() > end => return None,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// A running server; killed with this value.
pub(crate) struct Running {
    child: Child,
    address: SocketAddr,
    errors: PathBuf,
}

impl Running {
    /// A server whose standard error is the test's business, on a port the test chose. Waits until it listens.
    pub(crate) fn with_errors(launch: &Launch<'_>, stderr: Stdio) -> Running {
        let child = launch
            .command()
            .stderr(stderr)
            .spawn()
            .expect("the server starts");
        let running = Running {
            child,
            address: SocketAddr::new(launch.address, launch.port),
            errors: launch.place.path("nothing"),
        };
        within(PATIENCE, "it listens", || {
            TcpStream::connect(running.address).is_ok()
        });
        running
    }

    /// The port of the "Listening on" line.
    fn announced_port(&self) -> Option<u16> {
        let said = self.said();
        let line = said.lines().find(|line| line.contains("Listening on "))?;
        line.rsplit(':').next()?.trim().parse().ok()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it wrote on standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.errors).unwrap_or_default()).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a pid"), signal).expect("a signal");
    }

    /// Its exit status, if it ends in time.
    pub(crate) fn end_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait(&mut self.child, limit)
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// A file of /proc/PID.
    pub(crate) fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    /// How many descriptors it has open.
    pub(crate) fn open_descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd"))
            .expect("its descriptors")
            .count()
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number of KiB")
    }

    /// The processor time it has used, in clock ticks of 10 ms (proc(5), fields 14 and 15 of stat).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).expect("its state");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        [11, 12]
            .iter()
            .map(|&at| fields[at].parse::<u64>().expect("a number"))
            .sum()
    }

    /// Waits until it has no more descriptors open than it had.
    pub(crate) fn back_to(&self, descriptors: usize, limit: Duration, what: &str) {
        within(limit, what, || self.open_descriptors() <= descriptors);
    }

    /// A client that has read its greeting; the reply of one that was turned away is the error.
    pub(crate) fn greeted(&self) -> Result<Client, String> {
        self.greeted_at(self.address.ip())
    }

    /// The same at another of the server's addresses.
    pub(crate) fn greeted_at(&self, address: IpAddr) -> Result<Client, String> {
        let address = SocketAddr::new(address, self.address.port());
        let mut client = Client::connect(address).map_err(|error| error.to_string())?;
        let reply = client.reply().map_err(|error| error.to_string())?;
        match reply.code {
            220 => Ok(client),
            _ => Err(reply.last()),
        }
    }

    /// A client that is logged in and moves bytes as they are.
    pub(crate) fn logged_in(&self) -> Client {
        self.logged_in_at(self.address.ip())
    }

    /// The same at another of the server's addresses.
    pub(crate) fn logged_in_at(&self, address: IpAddr) -> Client {
        let greeted = self.greeted_at(address);
        let mut client = greeted.unwrap_or_else(|error| panic!("no greeting: {error}"));
        expect(&mut client, "USER ftp", 230);
        expect(&mut client, "TYPE I", 200);
        client
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a line and wants this code; gives the reply's last line.
pub(crate) fn expect(client: &mut Client, line: &str, code: u16) -> String {
    let reply = client
        .command(line)
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(reply.code, code, "{line}: {}", reply.last());
    reply.last()
}

/// Wants this code of the next reply.
pub(crate) fn expect_reply(client: &mut Client, code: u16) -> String {
    let reply = client
        .reply()
        .unwrap_or_else(|error| panic!("instead of {code}: {error}"));
    assert_eq!(reply.code, code, "{}", reply.last());
    reply.last()
}

/// PASV, the data connection, and the command; the 150 is read.
pub(crate) fn begin(client: &mut Client, line: &str) -> TcpStream {
    let at = client.ask_passive().expect("a passive port");
    let data = connect_data(at).expect("a data connection");
    expect(client, line, 150);
    data
}

/// A whole download, or the code that refused it.
pub(crate) fn download(client: &mut Client, line: &str) -> Result<Vec<u8>, u16> {
    let at = client.ask_passive().expect("a passive port");
    let mut data = connect_data(at).expect("a data connection");
    let reply = client.command(line).expect("a reply");
    if reply.code != 150 {
        return Err(reply.code);
    }
    let mut bytes = Vec::new();
    let read = data.read_to_end(&mut bytes);
    let reply = client.reply().expect("a reply");
    match (read, reply.code) {
        (Ok(_), 226) => Ok(bytes),
        (_, code) => Err(code),
    }
}

/// A whole upload: the code of its last reply.
pub(crate) fn upload(client: &mut Client, line: &str, bytes: &[u8]) -> u16 {
    let at = client.ask_passive().expect("a passive port");
    let mut data = connect_data(at).expect("a data connection");
    let reply = client.command(line).expect("a reply");
    if reply.code != 150 {
        return reply.code;
    }
    // The server may stop reading; the reply says why.
    let _ = data.write_all(bytes);
    drop(data);
    client.reply().expect("a reply").code
}

/// Makes closing this connection reset it.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a socket option");
}

/// A port of 127.0.0.1 that nobody listens on now.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
