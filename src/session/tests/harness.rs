//! A ground to serve, a loop on a thread of its own that serves it, and a client with blocking sockets. Sessions
//! talk over a socket pair, or over TCP where a test needs what only TCP has (resets, urgent bytes).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::thread::{Uid, set_thread_groups, set_thread_uid};
use socket2::SockRef;
use tempfile::TempDir;

use super::super::lab;
use super::super::lab::ReplyReader;
pub(super) use super::super::lab::{Login, Reply};
use super::super::shared::{Counted, Shared, Site};
use super::super::{Session, commands};
use crate::files::Limits;
use crate::net::{Stream, prepare_control};
use crate::reactor::{Priority, Reactor};
use crate::settings::Settings;

/// No test waits longer than this for anything; it guards against hangs and measures nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What lies outside every root.
pub(super) const SECRET: &[u8] = b"outside the root";

/// The user that tests serve anonymous clients as, when root runs them.
pub(super) const STRANGER: u32 = 65534;

/// A root to serve, and next to it what must never be reached.
pub(super) struct Ground {
    /// Taken off before the directory it covers is removed.
    mount: Option<Mount>,
    base: TempDir,
}

/// A file system of its own.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl Ground {
    /// On a file system in memory: calls are made on the loop.
    pub(super) fn in_memory() -> Ground {
        Ground::below(Path::new("/dev/shm"))
    }

    /// On a disk: calls are made by helper threads.
    pub(super) fn on_disk() -> Ground {
        Ground::below(&std::env::temp_dir())
    }

    /// On a file system with this much room; none where the tests may not mount one.
    pub(super) fn with_room(mebibytes: u32) -> Option<Ground> {
        let mut ground = Ground::in_memory();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={mebibytes}m"))
            .arg("wharf-test")
            .arg(ground.root())
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("skipped: needs the right to mount a small file system");
            return None;
        }
        ground.mount = Some(Mount(ground.root()));
        Some(ground)
    }

    fn below(directory: &Path) -> Ground {
        let base = tempfile::tempdir_in(directory).unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let ground = Ground { mount: None, base };
        fs::create_dir(ground.root()).unwrap();
        fs::create_dir_all(ground.outside().join("d")).unwrap();
        for name in ["secret", "f", "d/f"] {
            fs::write(ground.outside().join(name), SECRET).unwrap();
        }
        // A neighbour whose name begins like the root's: prefixes of strings are no borders.
        fs::create_dir(ground.base.path().join("root-evil")).unwrap();
        fs::write(ground.base.path().join("root-evil/f"), SECRET).unwrap();
        ground
    }

    pub(super) fn root(&self) -> PathBuf {
        self.base.path().join("root")
    }

    pub(super) fn outside(&self) -> PathBuf {
        self.base.path().join("outside")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(super) fn directory(&self, name: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
    }

    pub(super) fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    pub(super) fn mode(&self, name: &str) -> u32 {
        fs::symlink_metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    pub(super) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn modified(&self, name: &str) -> i64 {
        fs::symlink_metadata(self.path(name)).unwrap().mtime()
    }

    /// Names in a directory of the root, sorted, those of temporary files included.
    pub(super) fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Everything next to the root, with modes, times and contents.
    pub(super) fn surroundings(&self) -> BTreeMap<PathBuf, (u32, i64, Vec<u8>)> {
        let mut all = BTreeMap::new();
        let mut waiting = vec![self.outside(), self.base.path().join("root-evil")];
        while let Some(path) = waiting.pop() {
            let stat = fs::symlink_metadata(&path).unwrap();
            let content = match stat.is_dir() {
                true => Vec::new(),
                false => fs::read(&path).unwrap(),
            };
            if stat.is_dir() {
                let entries = fs::read_dir(&path).unwrap();
                waiting.extend(entries.map(|entry| entry.unwrap().path()));
            }
            all.insert(path, (stat.mode(), stat.mtime(), content));
        }
        // Its own entry shows when something is put next to the root itself.
        let base = fs::read_dir(self.base.path()).unwrap().count() as i64;
        all.insert(PathBuf::from("base"), (0, base, Vec::new()));
        all
    }

    /// A client of an account that may do all that flags allow.
    pub(super) fn full(&self) -> Client {
        self.full_with(|_| {})
    }

    pub(super) fn full_with(&self, change: impl FnOnce(&mut Settings)) -> Client {
        self.plan(Login::Full, change).client()
    }

    /// A client that has not logged in.
    pub(super) fn nobody_with(&self, change: impl FnOnce(&mut Settings)) -> Client {
        self.plan(Login::Nobody, change).client()
    }

    pub(super) fn nobody(&self) -> Client {
        self.nobody_with(|_| {})
    }

    /// An anonymous client. When root runs the tests its session has the rights of [`STRANGER`].
    pub(super) fn anonymous(&self) -> Client {
        self.anonymous_with(|_| {})
    }

    pub(super) fn anonymous_with(&self, change: impl FnOnce(&mut Settings)) -> Client {
        self.plan(Login::Anonymous, change).client()
    }

    pub(super) fn plan(&self, login: Login, change: impl FnOnce(&mut Settings)) -> Plan {
        let mut settings = Settings::default();
        change(&mut settings);
        Plan {
            root: self.root(),
            settings,
            login,
            sessions: 1,
            tcp: false,
            quota: None,
            prepare: Box::new(|_| {}),
        }
    }
}

/// Waits for no data connection: for commands that are sent without one.
pub(super) fn impatient(settings: &mut Settings) {
    settings.limits.accept = Duration::from_millis(1);
}

/// Whether this process may give a thread the rights of somebody else.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A server to be started.
pub(super) struct Plan {
    root: PathBuf,
    settings: Settings,
    login: Login,
    sessions: usize,
    tcp: bool,
    quota: Option<Limits>,
    prepare: Box<dyn FnOnce(&mut Shared) + Send>,
}

impl Plan {
    /// With control connections over TCP.
    pub(super) fn over_tcp(mut self) -> Plan {
        self.tcp = true;
        self
    }

    /// With a quota of so many files and bytes for the account.
    pub(super) fn quota(mut self, files: Option<u64>, bytes: Option<u64>) -> Plan {
        self.quota = Some(Limits { files, bytes });
        self
    }

    /// With so many sessions on one loop.
    pub(super) fn sessions(mut self, count: usize) -> Plan {
        self.sessions = count;
        self
    }

    /// With what no flag says.
    pub(super) fn prepare(mut self, change: impl FnOnce(&mut Shared) + Send + 'static) -> Plan {
        self.prepare = Box::new(change);
        self
    }

    pub(super) fn client(self) -> Client {
        self.clients().remove(0)
    }

    /// Starts the loop; each client has read its greeting.
    pub(super) fn clients(self) -> Vec<Client> {
        let pairs: Vec<(TcpStream, TcpStream)> = (0..self.sessions)
            .map(|_| if self.tcp { tcp_pair() } else { socket_pair() })
            .collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let (report, outcome) = channel();
        std::thread::Builder::new()
            .spawn(move || {
                let _ = report.send(serve(self, theirs));
            })
            .unwrap();
        let server = Arc::new(Server {
            outcome: Mutex::new(outcome),
        });
        ours.into_iter()
            .map(|socket| {
                let mut client = Client::new(socket, Arc::clone(&server));
                assert_eq!(client.reply().code, 220);
                client
            })
            .collect()
    }
}

impl Session {
    /// Gives the account that is logged in a quota, as a login does.
    async fn limit(&mut self, limits: Limits) {
        let Ok(account) = self.account() else {
            return;
        };
        let (site, tree) = (Rc::clone(&account.site), account.tree().clone());
        let tree = self.shared.quotas.enforce(tree, limits).await;
        if let Ok(account) = self.account_mut() {
            account.rights.has_quota = true;
            account.site = Rc::new(Site {
                tree,
                label: site.label.clone(),
                start: site.start.clone(),
                identity: Arc::clone(&site.identity),
            });
        }
    }
}

/// Runs the sessions to their end; gives the number of panics.
fn serve(plan: Plan, sockets: Vec<TcpStream>) -> u64 {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let is_stranger = plan.login == Login::Anonymous && is_root();
    let user = if is_stranger { STRANGER } else { 0 };
    let mut shared = lab::shared(&handle, plan.settings, &plan.root, user).unwrap();
    if is_stranger {
        lab::base(&mut shared).serves_own = false;
        set_thread_groups(&[]).unwrap();
        set_thread_uid(Uid::from_raw(STRANGER)).unwrap();
    }
    (plan.prepare)(&mut shared);
    let shared = Rc::new(shared);
    let peer: SocketAddr = (Ipv4Addr::LOCALHOST, 50_000).into();
    let local: SocketAddr = (Ipv4Addr::LOCALHOST, 21).into();
    for socket in sockets {
        let stream = Stream::new(&handle, socket, peer, Priority::Control);
        let counted = Counted::session(&shared, peer);
        let mut session = Session::new(&shared, stream, local, counted);
        session.log_in(plan.login);
        handle.spawn(async move {
            if let Some(limits) = plan.quota {
                session.limit(limits).await;
            }
            session.run().await;
        });
    }
    let watched = handle.clone();
    let ended = reactor.run(async move {
        let all_gone = std::future::poll_fn(|context| {
            match shared.counts.sessions() {
                0 => Poll::Ready(()),
                _ => {
                    // A look each turn costs nothing that a test could feel.
                    let waker = context.waker().clone();
                    let handle = shared.handle.clone();
                    shared.handle.spawn(async move {
                        handle.sleep(Duration::from_millis(1)).await;
                        waker.wake();
                    });
                    Poll::Pending
                }
            }
        });
        all_gone.await;
        shared.handle.pool().drained().await;
    });
    ended.unwrap();
    watched.panicked()
}

fn socket_pair() -> (TcpStream, TcpStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let as_tcp = |socket: UnixStream| TcpStream::from(OwnedFd::from(socket));
    (as_tcp(ours), as_tcp(theirs))
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    theirs.set_nonblocking(true).unwrap();
    prepare_control(&SockRef::from(&theirs)).unwrap();
    ours.set_nodelay(true).unwrap();
    (ours, theirs)
}

/// The loop's thread. Dropped with its last client, it waits for the sessions to end and hears of panics.
pub(super) struct Server {
    outcome: Mutex<Receiver<u64>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let panics = self.outcome.lock().unwrap().recv_timeout(PATIENCE);
        assert_eq!(panics, Ok(0), "sessions ended by a panic, or not at all");
    }
}

impl Reply {
    pub(super) fn words(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    pub(super) fn says(&self, words: &str) -> bool {
        self.words().contains(words)
    }
}

/// The client's side of a session.
pub(super) struct Client {
    control: BufReader<TcpStream>,
    server: Arc<Server>,
}

impl Client {
    fn new(socket: TcpStream, server: Arc<Server>) -> Client {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Client {
            control: BufReader::new(socket),
            server,
        }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        self.control.get_ref()
    }

    pub(super) fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        self.control.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub(super) fn send(&mut self, line: impl AsRef<[u8]>) {
        self.raw([line.as_ref(), b"\r\n"].concat());
    }

    /// The next reply; checks its form (RFC 959 section 4.2).
    pub(super) fn reply(&mut self) -> Reply {
        match self.reply_or_end() {
            Some(reply) => reply,
            None => panic!("the session ended instead of answering"),
        }
    }

    pub(super) fn reply_or_end(&mut self) -> Option<Reply> {
        let mut reader = ReplyReader::default();
        loop {
            let mut line = Vec::new();
            match self.control.read_until(b'\n', &mut line) {
                Ok(0) if !reader.is_within_reply() => return None,
                Ok(0) => panic!("a reply without its end"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no reply: {error}"),
            }
            if let Some(reply) = reader.take(&line) {
                return Some(reply);
            }
        }
    }

    /// Sends a line and reads one reply.
    pub(super) fn ask(&mut self, line: impl AsRef<[u8]>) -> Reply {
        self.send(line);
        self.reply()
    }

    /// Sends a line whose reply must have this code.
    #[track_caller]
    pub(super) fn expect(&mut self, line: impl AsRef<[u8]>, code: u16) -> String {
        let line = line.as_ref();
        let reply = self.ask(line);
        let shown = String::from_utf8_lossy(line);
        assert_eq!(reply.code, code, "{shown}: {}", reply.words());
        reply.words()
    }

    /// The connection ends, with or without further replies.
    #[track_caller]
    pub(super) fn expect_end(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some(reply) = self.reply_or_end() {
            replies.push(reply);
        }
        replies
    }

    /// The port of a new passive listener.
    pub(super) fn passive_port(&mut self) -> u16 {
        let words = self.expect("EPSV", 229);
        let digits = words.split('|').nth(3).unwrap();
        digits.parse().unwrap()
    }

    /// A data connection, opened before the command that will use it.
    pub(super) fn data(&mut self) -> TcpStream {
        let port = self.passive_port();
        connect(port)
    }

    /// Sends a file by STOR, APPE or STOU; gives the last reply.
    pub(super) fn upload(&mut self, line: impl AsRef<[u8]>, bytes: &[u8]) -> Reply {
        let mut data = self.data();
        let first = self.ask(line);
        if first.code != 150 {
            return first;
        }
        // The server may have had enough before the end.
        let _ = data.write_all(bytes);
        drop(data);
        self.reply()
    }

    /// Fetches by RETR or a listing; gives the last reply and what came.
    pub(super) fn download(&mut self, line: impl AsRef<[u8]>) -> (Reply, Vec<u8>) {
        let mut data = self.data();
        let first = self.ask(line);
        if first.code != 150 {
            return (first, Vec::new());
        }
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).unwrap();
        (self.reply(), bytes)
    }

    #[track_caller]
    pub(super) fn fetch(&mut self, line: &str) -> Vec<u8> {
        let (reply, bytes) = self.download(line);
        assert_eq!(reply.code, 226, "{line}: {}", reply.words());
        bytes
    }

    #[track_caller]
    pub(super) fn store(&mut self, line: &str, bytes: &[u8]) {
        let reply = self.upload(line, bytes);
        assert_eq!(reply.code, 226, "{line}: {}", reply.words());
    }

    /// Ends the connection and waits until the server has noticed; gives the time that took.
    pub(super) fn leave(self) -> Duration {
        let begun = Instant::now();
        drop(self);
        begun.elapsed()
    }

    /// As a client that is switched off and comes back: the control connection is reset.
    pub(super) fn reset(self) -> Duration {
        reset_on_close(self.socket());
        self.leave()
    }

    /// No more commands will come.
    pub(super) fn end_input(&self) {
        self.socket().shutdown(Shutdown::Write).unwrap();
    }

    /// Keeps the loop's thread in view after the client has gone.
    pub(super) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server)
    }
}

/// A connection to a passive listener.
pub(super) fn connect(port: u16) -> TcpStream {
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let data = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    data.set_read_timeout(Some(PATIENCE)).unwrap();
    data.set_write_timeout(Some(PATIENCE)).unwrap();
    data
}

/// Makes the close that follows a reset.
pub(super) fn reset_on_close(socket: &TcpStream) {
    SockRef::from(socket)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Every verb of the server and every other name of one.
pub(super) fn verbs() -> Vec<&'static str> {
    commands::rows()
        .flat_map(|row| [row.verb].into_iter().chain(row.aliases.iter().copied()))
        .collect()
}

/// Waits until `done`, for effects that come after a reply.
#[track_caller]
pub(super) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
