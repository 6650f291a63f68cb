//! Users with homes, the server started on them as a test wants it, and the steps of a session that these tests have in
//! common.
//!
//! Virtual users come from a PureDB made by `wharf-pw`; users of the system from an /etc that only the server sees: it runs
//! in a mount namespace of its own (unshare(1)). Nothing of the machine is changed. All users have the password
//! [`PASSWORD`].

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::common::client::{Client, Reply, connect_data};
use crate::common::ending::end;
use crate::common::processes::children;
pub(crate) use crate::common::skipping::cannot;
pub(crate) use crate::common::waiting::within;

/// What /etc/shells has.
const SHELL: &str = "/bin/sh";

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What every user of these tests logs in with.
pub(crate) const PASSWORD: &str = "secret";

/// [`PASSWORD`] by SHA-256 (crypt(5)): a few milliseconds.
const QUICK: &str = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";

/// Whether a test must be skipped because it does not run as root; with `CI` set that is a failure.
pub(crate) fn not_root() -> bool {
    cannot(
        !geteuid().is_root(),
        "users of different numbers need a server started by root",
    )
}

/// The directories of one test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// On the disk that temporary files are on.
    pub(crate) fn new() -> Place {
        Place::at(&std::env::temp_dir())
    }

    /// Below this directory, which decides the file system.
    pub(crate) fn at(parent: &Path) -> Place {
        let folder = tempfile::Builder::new()
            .prefix("wharf-accounts-")
            .tempdir_in(parent)
            .expect("a temporary directory");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
        let place = Place { folder };
        place.directory("home", 0, 0o755);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as text, for flags and commands.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Makes a directory of that user; the group has the same number.
    pub(crate) fn directory(&self, name: &str, owner: u32, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a directory");
        self.give(name, owner, mode);
    }

    /// Makes a file of that user; the group has the same number.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>, owner: u32, mode: u32) {
        fs::write(self.path(name), content).expect("a file");
        self.give(name, owner, mode);
    }

    fn give(&self, name: &str, owner: u32, mode: u32) {
        let path = self.path(name);
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        chown(&path, Some(owner), Some(owner)).expect("an owner");
    }
}

/// One user.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) hash: String,
    pub(crate) home: String,
    pub(crate) shell: String,
    /// The fields of shadow(5) behind the hash.
    pub(crate) dates: String,
    /// The fields of pureftpd.passwd behind the home directory.
    pub(crate) limits: String,
}

impl User {
    /// A user with a home below the place's home/, with as group the same number.
    pub(crate) fn new(place: &Place, name: &str, uid: u32) -> User {
        let home = format!("home/{name}");
        place.directory(&home, uid, 0o755);
        User {
            name: name.to_owned(),
            uid,
            gid: uid,
            hash: QUICK.to_owned(),
            home: place.text(&home),
            shell: SHELL.to_owned(),
            dates: "19000:0:99999:7:::".to_owned(),
            limits: String::new(),
        }
    }

    pub(crate) fn home(mut self, home: impl Into<String>) -> User {
        self.home = home.into();
        self
    }

    pub(crate) fn gid(mut self, gid: u32) -> User {
        self.gid = gid;
        self
    }

    pub(crate) fn hash(mut self, hash: &str) -> User {
        self.hash = hash.to_owned();
        self
    }

    /// The fields behind the home directory, parted by colons: upload and download bandwidth, both ratios, sessions,
    /// quota of files and of bytes, allowed and denied local addresses, allowed and denied client addresses, hours.
    pub(crate) fn limits(mut self, limits: impl Into<String>) -> User {
        self.limits = limits.into();
        self
    }

    fn virtual_line(&self) -> String {
        let User {
            name,
            uid,
            gid,
            hash,
            home,
            limits,
            ..
        } = self;
        let given = limits.split(':').count();
        assert!(given <= 12, "{limits}");
        let rest = ":".repeat(12 - given);
        format!("{name}:{hash}:{uid}:{gid}::{home}:{limits}{rest}\n")
    }
}

/// Makes the PureDB of these users, and gives its path.
pub(crate) fn puredb(place: &Place, users: &[User]) -> PathBuf {
    let (text, database) = (place.path("users.passwd"), place.path("users.pdb"));
    let lines: String = users.iter().map(User::virtual_line).collect();
    fs::write(&text, lines).expect("a file of users");
    let made = Command::new(env!("CARGO_BIN_EXE_wharf-pw"))
        .arg("mkdb")
        .arg(&database)
        .arg("-f")
        .arg(&text)
        .output()
        .expect("wharf-pw runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    database
}

/// Makes an /etc with these users and little more, and gives its path. `groups` are lines of group(5).
pub(crate) fn etc(place: &Place, users: &[User], groups: &str) -> PathBuf {
    let mut passwd = String::from(
        "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
    );
    let mut shadow = String::from("root:*:19000::::::\n");
    let mut group = String::from("root:x:0:\nnogroup:x:65534:\n");
    for user in users {
        let User {
            name,
            uid,
            gid,
            hash,
            home,
            shell,
            dates,
            ..
        } = user;
        passwd += &format!("{name}:x:{uid}:{gid}::{home}:{shell}\n");
        shadow += &format!("{name}:{hash}:{dates}\n");
        group += &format!("{name}:x:{gid}:\n");
    }
    group += groups;
    let folder = place.path("etc");
    fs::create_dir(&folder).expect("a directory");
    let files = [
        ("passwd", passwd.as_str()),
        ("shadow", &shadow),
        ("group", &group),
        ("shells", &format!("{SHELL}\n")),
        ("hosts", "127.0.0.1 localhost\n"),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
        ),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("a file");
    }
    fs::set_permissions(folder.join("shadow"), Permissions::from_mode(0o600)).expect("a mode");
    // Where the machine has one, programs find their libraries by it.
    let _ = fs::copy("/etc/ld.so.cache", folder.join("ld.so.cache"));
    folder
}

/// Mounts its first word over /etc and becomes the rest of its words.
const IN_NAMESPACE: &str = "mount --bind \"$1\" /etc || exit 99; shift; exec \"$@\"";

/// How a server is to be started.
pub(crate) struct Launch<'a> {
    place: &'a Place,
    before: Vec<OsString>,
    flags: Vec<OsString>,
    address: IpAddr,
    looks_names_up: bool,
}

impl<'a> Launch<'a> {
    /// For virtual users, on a free port of 127.0.0.1.
    pub(crate) fn virtual_users(place: &'a Place, users: &[User]) -> Launch<'a> {
        let database = puredb(place, users);
        Launch {
            place,
            before: Vec::new(),
            flags: vec!["-l".into(), format!("puredb:{}", database.display()).into()],
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            looks_names_up: false,
        }
    }

    /// For users of the system as the server sees it.
    pub(crate) fn system_users(place: &'a Place, users: &[User], groups: &str) -> Launch<'a> {
        let etc = etc(place, users, groups);
        Launch::on_machine(place, &etc, "unix")
    }

    /// For users whom this source knows, where /etc is that directory.
    pub(crate) fn on_machine(place: &'a Place, etc: &Path, source: &str) -> Launch<'a> {
        Launch::with_own_etc(place, etc).flags(&["-l", source])
    }

    /// For strangers only, who are shown the homes.
    pub(crate) fn anonymous_only(place: &'a Place) -> Launch<'a> {
        let (root, etc) = (place.text("home"), etc(place, &[], ""));
        Launch::with_own_etc(place, &etc).flags(&[
            "--anonymousroot",
            &root,
            "--anonymoususer",
            "nobody",
        ])
    }

    /// Clients' names are found in the file `etc/hosts` of the place.
    pub(crate) fn looks_names_up(mut self) -> Launch<'a> {
        self.looks_names_up = true;
        self
    }

    fn with_own_etc(place: &'a Place, etc: &Path) -> Launch<'a> {
        let words = ["unshare", "--mount", "--propagation", "private", "sh", "-c"];
        let mut before: Vec<OsString> = words.map(OsString::from).into();
        before.extend([IN_NAMESPACE.into(), "sh".into(), etc.into()]);
        Launch {
            place,
            before,
            flags: Vec::new(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            looks_names_up: false,
        }
    }

    pub(crate) fn flags<S: AsRef<OsStr>>(mut self, flags: &[S]) -> Launch<'a> {
        self.flags
            .extend(flags.iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// On a free port of all IPv4 addresses.
    pub(crate) fn everywhere(mut self) -> Launch<'a> {
        self.address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self
    }

    /// Starts it as inetd does, on the connection of one client.
    pub(crate) fn inetd(self) -> (Child, Client) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("its number");
        let client = Client::connect(address).expect("a connection");
        let (accepted, _) = listener.accept().expect("the other end");
        let share = || OwnedFd::from(accepted.try_clone().expect("a second handle"));
        let mut words = self.before;
        words.push(env!("CARGO_BIN_EXE_wharf-ftpd").into());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .arg("-H")
            .args(&self.flags)
            .stdin(share())
            .stdout(share())
            .stderr(share())
            .spawn();
        (child.expect("the server starts"), client)
    }

    /// Starts it and waits until it says that it listens.
    pub(crate) fn start(self) -> Running {
        let errors = self.place.path("stderr");
        let mut words = self.before;
        words.push(env!("CARGO_BIN_EXE_wharf-ftpd").into());
        if !self.looks_names_up {
            words.push("-H".into());
        }
        words.push("-S".into());
        words.push(format!("{},0", self.address).into());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(&self.flags)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).expect("a file"));
        let mut running = Running {
            child: command.spawn().expect("the server starts"),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
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
}

/// A running server; ended with this value.
pub(crate) struct Running {
    child: Child,
    address: SocketAddr,
    errors: PathBuf,
}

impl Running {
    /// The port of the "Listening on" line.
    fn announced_port(&self) -> Option<u16> {
        let said = self.said();
        let line = said.lines().find(|line| line.contains("Listening on "))?;
        let end = line.rsplit(':').next()?;
        // Behind it an object of JSON ends.
        end.trim_end_matches(['"', '}']).parse().ok()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it wrote on standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.errors).unwrap_or_default()).into_owned()
    }

    /// The number of the process that has the sockets.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The number of the keeper.
    #[track_caller]
    pub(crate) fn keeper(&self) -> u32 {
        let children = children(self.pid());
        assert_eq!(children.len(), 1, "the keeper is the only child");
        children[0]
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// A client that has read its greeting.
    pub(crate) fn greeted(&self) -> Client {
        let mut client = Client::connect(self.address).expect("a connection");
        expect_reply(&mut client, 220);
        client
    }

    /// A client that has tried to log in, and the reply to its password.
    pub(crate) fn attempt(&self, name: &str, password: &str) -> (Client, Reply) {
        let mut client = self.greeted();
        // A login whose worker dies is given up after ten seconds, and a refusal is delayed.
        let limit = client.stream().set_read_timeout(Some(PATIENCE));
        limit.expect("a limit");
        expect(&mut client, &format!("USER {name}"), 331);
        let reply = client
            .command(&format!("PASS {password}"))
            .unwrap_or_else(|error| panic!("{name}: {error}; {}", self.said()));
        (client, reply)
    }

    /// A client that is logged in and moves bytes as they are.
    #[track_caller]
    pub(crate) fn login(&self, name: &str) -> Client {
        let (mut client, reply) = self.attempt(name, PASSWORD);
        assert_eq!(reply.code, 230, "{name}: {}\n{}", reply.last(), self.said());
        expect(&mut client, "TYPE I", 200);
        client
    }

    /// The code a user who logs in is answered with.
    pub(crate) fn code(&self, name: &str) -> u16 {
        self.attempt(name, PASSWORD).1.code
    }

    /// The codes for several users, who log in at the same time: refusals are delayed.
    pub(crate) fn codes(&self, names: &[&str]) -> Vec<u16> {
        std::thread::scope(|scope| {
            let asked: Vec<_> = names
                .iter()
                .map(|name| scope.spawn(|| self.code(name)))
                .collect();
            asked
                .into_iter()
                .map(|asked| asked.join().expect("a code"))
                .collect()
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Sends a signal to a process of the server under test.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // It may have ended by itself.
    let _ = kill_process(pid.expect("a pid"), signal);
}

/// Sends a line and wants this code; gives the reply's last line.
#[track_caller]
pub(crate) fn expect(client: &mut Client, line: &str, code: u16) -> String {
    let reply = client
        .command(line)
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(reply.code, code, "{line}: {}", reply.last());
    reply.last()
}

/// Wants this code of the next reply.
#[track_caller]
pub(crate) fn expect_reply(client: &mut Client, code: u16) -> String {
    let reply = client
        .reply()
        .unwrap_or_else(|error| panic!("instead of {code}: {error}"));
    assert_eq!(reply.code, code, "{}", reply.last());
    reply.last()
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
    let at = client.ask_extended_passive().expect("a passive port");
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

/// A connection from this local address.
pub(crate) fn connect_from(from: &str, to: SocketAddr) -> io::Result<TcpStream> {
    let from: IpAddr = from.parse().map_err(io::Error::other)?;
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(to),
        socket2::Type::STREAM,
        None,
    )?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}
