//! Plays a conversation script against a server and compares what comes back, line by line.
//! Starting the server is left to `server`, the language of scripts to `script`.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{getgid, getuid};
use socket2::{Domain, SockRef, Socket, Type};

use super::client::{Client, PATIENCE, connect_data};
use super::script::{Check, Opening, Pattern, Script, Side, Step, User};
use super::server::{Account, LOOPBACK, Place, Program, Server, anonymous_account};
use super::tree::{Entry, plant};

/// How long the disk may lag behind the replies.
const SETTLING: Duration = Duration::from_secs(1);

/// The most a script reads of one data connection.
const DATA_LIMIT: u64 = 64 << 20;

/// Plays `script` against `program`; `standard` is the tree of scripts that do not begin a bare one.
pub(crate) fn play(program: &Program, script: &Script, standard: &[Entry]) -> Result<(), String> {
    let place = Place::new().map_err(|e| format!("cannot make a place to serve: {e}"))?;
    let account = anonymous_account();
    let standard = if script.bare { &[] } else { standard };
    let tree = [standard, &script.tree[..]].concat();
    plant(&tree, &place.root(), account.as_ref())?;
    plant(&script.beside, &place.beside(), account.as_ref())?;
    let side = match program {
        Program::Wharf => Side::Wharf,
        Program::Peer(_) => Side::Pure,
    };
    let address = match (script.everywhere, script.ipv6) {
        (true, _) => None,
        (false, true) => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        (false, false) => Some(LOOPBACK),
    };
    let mut flags = flags(script, side, &place);
    if !script.users.is_empty() {
        let database = make_users(&script.users, &place, account.as_ref())?;
        flags.extend(["-l".into(), database]);
    }
    let server = Server::start(program, &place, address, &flags)?;
    let mut player = Player {
        side,
        root: place.root(),
        address: server.address(),
        clients: HashMap::new(),
        current: String::new(),
        skipping: false,
        said: Vec::new(),
    };
    player
        .run(script)
        .map_err(|e| format!("{e}\n{}", player.report(&server)))
}

fn flags(script: &Script, side: Side, place: &Place) -> Vec<std::ffi::OsString> {
    let beside = place.beside().display().to_string();
    script
        .flags
        .iter()
        .filter(|(whose, _)| *whose == Side::Both || *whose == side)
        .flat_map(|(_, words)| words)
        .map(|word| word.replace("{beside}", &beside).into())
        .collect()
}

/// What the users of scripts log in with, and its SHA-256 hash (crypt(5)).
const PASSWORD: &str = "secret";
const HASH: &str = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";

/// Makes the PureDB, beside the tree; gives what `-l` asks for it by. All users have the numbers that anonymous clients
/// are served with.
fn make_users(
    users: &[User],
    place: &Place,
    account: Option<&Account>,
) -> Result<std::ffi::OsString, String> {
    let (uid, gid) = match account {
        Some(account) => (account.uid, account.gid),
        None => (getuid().as_raw(), getgid().as_raw()),
    };
    let root = place.root();
    let lines = users.iter().map(|user| {
        let missing = 12usize.saturating_sub(user.fields.split(':').count());
        format!(
            "{}:{HASH}:{uid}:{gid}::{}{}:{}{}\n",
            user.name,
            root.display(),
            user.home,
            user.fields,
            ":".repeat(missing)
        )
    });
    let lines: String = lines.collect();
    let database = wharf::keeper::puredb::database(lines.as_bytes()).map_err(text)?;
    let path = place.beside().join("users.pdb");
    std::fs::write(&path, database).map_err(text)?;
    Ok(format!("puredb:{}", path.display()).into())
}

struct Player {
    side: Side,
    root: std::path::PathBuf,
    address: SocketAddr,
    clients: HashMap<String, Talk>,
    current: String,
    /// `<...` was read: lines that do not fit are skipped.
    skipping: bool,
    /// The conversation so far, for a failure's report.
    said: Vec<String>,
}

/// One client with its data connection.
struct Talk {
    control: Client,
    data: Data,
    passive: Option<SocketAddr>,
    strangers: Vec<TcpStream>,
    open: bool,
}

enum Data {
    None,
    Listening(TcpListener),
    Open(TcpStream),
}

impl Player {
    fn run(&mut self, script: &Script) -> Result<(), String> {
        let steps: Vec<_> = script
            .steps
            .iter()
            .filter(|(_, side, _)| *side == Side::Both || *side == self.side)
            .collect();
        let greeted = matches!(steps.first(), Some((_, _, Step::Expect(_) | Step::Skip)));
        self.connect(String::new(), !greeted)
            .map_err(|e| format!("greeting: {e}"))?;
        for (line, _, step) in steps {
            self.step(step).map_err(|e| format!("line {line}: {e}"))?;
        }
        self.nothing_left()
    }

    fn connect(&mut self, name: String, swallow_greeting: bool) -> Result<(), String> {
        let mut control = Client::connect(self.address).map_err(text)?;
        if swallow_greeting {
            let greeting = control.reply().map_err(text)?;
            if greeting.code != 220 {
                return Err(format!("the greeting is {:?}", greeting.last()));
            }
        }
        let talk = Talk {
            control,
            data: Data::None,
            passive: None,
            strangers: Vec::new(),
            open: true,
        };
        self.clients.insert(name.clone(), talk);
        self.current = name;
        Ok(())
    }

    fn talk(&mut self) -> Result<&mut Talk, String> {
        self.clients
            .get_mut(&self.current)
            .ok_or_else(|| "no such client".to_owned())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Step::Expect(pattern) = step {
            return self.expect(pattern);
        }
        if let Step::Skip = step {
            self.skipping = true;
            return Ok(());
        }
        match step {
            Step::Send(bytes) => self.send(bytes),
            Step::Urgent(bytes) => self.urgent(bytes),
            Step::Closed => self.closed(),
            Step::Login(None) => self.login(),
            Step::Login(Some(name)) => self.login_user(name),
            Step::Client(name) if self.clients.contains_key(name) => {
                self.current.clone_from(name);
                Ok(())
            }
            Step::Client(name) => self.connect(name.clone(), false),
            Step::Leave => {
                self.clients.remove(&self.current);
                Ok(())
            }
            Step::Finish => self
                .talk()?
                .control
                .stream()
                .shutdown(Shutdown::Write)
                .map_err(text),
            Step::Pause(milliseconds) => {
                std::thread::sleep(Duration::from_millis(*milliseconds));
                Ok(())
            }
            Step::File(path, checks) => {
                let path = self.root.join(path);
                checks.iter().try_for_each(|c| check_soon(&path, c))
            }
            _ => self.data_step(step),
        }
    }

    fn data_step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Open(opening) => self.open(*opening),
            Step::Ask => self.ask(),
            Step::Connect => {
                let talk = self.talk()?;
                let to = talk.passive.ok_or("no `data ask` before")?;
                talk.data = Data::Open(connect_data(to).map_err(text)?);
                Ok(())
            }
            Step::Stranger(from) => self.stranger(from),
            Step::Data(pattern) => {
                let got = self.read_all()?;
                let pattern = self.fill_in(pattern);
                if pattern.fits(&got) {
                    return Ok(());
                }
                Err(format!(
                    "expected data {:?}\n     got data {:?}",
                    show(pattern.bytes()),
                    show(&got)
                ))
            }
            Step::Read(count) => {
                let mut block = vec![0; *count];
                self.talk()?.stream()?.read_exact(&mut block).map_err(text)
            }
            Step::Lines { ordered, globs } => {
                let got = self.read_all()?;
                let globs: Vec<_> = globs.iter().map(|glob| self.fill_in(glob)).collect();
                compare_lines(&got, &globs, *ordered)
            }
            Step::Write { bytes, close } => {
                let talk = self.talk()?;
                let written = talk.stream()?.write_all(bytes);
                if *close {
                    talk.data = Data::None;
                }
                written.map_err(text)
            }
            Step::Close => {
                self.talk()?.data = Data::None;
                Ok(())
            }
            Step::Reset => {
                let talk = self.talk()?;
                let stream = talk.stream()?;
                SockRef::from(&*stream)
                    .set_linger(Some(Duration::ZERO))
                    .map_err(text)?;
                talk.data = Data::None;
                Ok(())
            }
            _ => Err("a step nobody plays".to_owned()),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.side == Side::Pure {
            wait_out_pure_ftpds_joke();
        }
        self.said.push(format!("C: {}", show(bytes)));
        self.talk()?.control.send(bytes).map_err(text)
    }

    fn urgent(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.said.push(format!("C: (urgent) {}", show(bytes)));
        let talk = self.talk()?;
        SockRef::from(talk.control.stream())
            .send_out_of_band(bytes)
            .map(drop)
            .map_err(text)
    }

    /// The next line, noted for the report.
    fn hear(&mut self) -> Result<Option<Vec<u8>>, String> {
        let line = self.talk()?.control.line().map_err(text)?;
        self.said.push(match &line {
            Some(line) => format!("S: {}", show(line)),
            None => "S: (closed)".to_owned(),
        });
        Ok(line)
    }

    fn expect(&mut self, pattern: &Pattern) -> Result<(), String> {
        let pattern = self.fill_in(pattern);
        let skipping = std::mem::take(&mut self.skipping);
        loop {
            let wanted = show(pattern.bytes());
            let line = self
                .hear()
                .map_err(|e| format!("expected {wanted:?}\n     but: {e}"))?
                .ok_or_else(|| format!("expected {wanted:?}\n     but the server closed"))?;
            if pattern.fits(&line) {
                return Ok(());
            }
            if !skipping {
                return Err(format!("expected {wanted:?}\n     got {:?}", show(&line)));
            }
        }
    }

    /// `pattern` with `{port}` and the owner columns of listings filled in.
    fn fill_in(&self, pattern: &Pattern) -> Pattern {
        let port = self.address.port().to_string();
        let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
        let (their_uid, their_gid) = match anonymous_account() {
            Some(account) => (account.uid, account.gid),
            None => (uid, gid),
        };
        let owner = format!("{uid:<10} {gid:<10}");
        let anonymous = format!("{their_uid:<10} {their_gid:<10}");
        pattern.map(|bytes| {
            let bytes = replace(bytes, b"{port}", port.as_bytes());
            let bytes = replace(&bytes, b"{owner}", owner.as_bytes());
            replace(&bytes, b"{anonymous}", anonymous.as_bytes())
        })
    }

    fn closed(&mut self) -> Result<(), String> {
        let skipping = std::mem::take(&mut self.skipping);
        let mut heard = self.hear()?;
        while skipping && heard.is_some() {
            heard = self.hear()?;
        }
        match heard {
            None => {
                self.talk()?.open = false;
                Ok(())
            }
            Some(line) => Err(format!(
                "expected the end of the connection\n     got {:?}",
                show(&line)
            )),
        }
    }

    fn login(&mut self) -> Result<(), String> {
        self.send(b"USER ftp\r\n")?;
        let reply = self.talk()?.control.reply().map_err(text)?;
        self.said.push(format!("S: {}", reply.last()));
        match reply.code {
            230 => Ok(()),
            _ => Err(format!("login answered {:?}", reply.last())),
        }
    }

    fn login_user(&mut self, name: &str) -> Result<(), String> {
        for (line, wanted) in [
            (format!("USER {name}\r\n"), 331),
            (format!("PASS {PASSWORD}\r\n"), 230),
        ] {
            self.send(line.as_bytes())?;
            let reply = self.talk()?.control.reply().map_err(text)?;
            self.said.push(format!("S: {}", reply.last()));
            if reply.code != wanted {
                return Err(format!("login answered {:?}", reply.last()));
            }
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), String> {
        self.said.push("C: PASV".to_owned());
        let talk = self.talk()?;
        talk.passive = Some(talk.control.ask_passive().map_err(text)?);
        Ok(())
    }

    fn open(&mut self, opening: Opening) -> Result<(), String> {
        let data = match opening {
            Opening::Passive => {
                self.ask()?;
                return self.data_step(&Step::Connect);
            }
            Opening::ExtendedPassive => {
                self.said.push("C: EPSV".to_owned());
                let to = self.talk()?.control.ask_extended_passive().map_err(text)?;
                Data::Open(connect_data(to).map_err(text)?)
            }
            Opening::Active | Opening::ExtendedActive => self.announce(opening)?,
        };
        self.talk()?.data = data;
        Ok(())
    }

    fn announce(&mut self, opening: Opening) -> Result<Data, String> {
        let listener = TcpListener::bind((self.address.ip(), 0)).map_err(text)?;
        listener.set_nonblocking(true).map_err(text)?;
        let own = listener.local_addr().map_err(text)?;
        let line = match (opening, own) {
            (Opening::Active, SocketAddr::V4(own)) => {
                let [a, b, c, d] = own.ip().octets();
                let [high, low] = own.port().to_be_bytes();
                format!("PORT {a},{b},{c},{d},{high},{low}\r\n")
            }
            _ => {
                let family = if own.is_ipv4() { 1 } else { 2 };
                format!("EPRT |{family}|{}|{}|\r\n", own.ip(), own.port())
            }
        };
        self.send(line.as_bytes())?;
        self.expect(&Pattern::Literal(b"200 PORT command successful".to_vec()))?;
        Ok(Data::Listening(listener))
    }

    fn stranger(&mut self, from: &str) -> Result<(), String> {
        let from: IpAddr = from.parse().map_err(|_| "not an address".to_owned())?;
        let talk = self.talk()?;
        let to = talk.passive.ok_or("no `data ask` before")?;
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).map_err(text)?;
        socket
            .bind(&SocketAddr::new(from, 0).into())
            .map_err(text)?;
        socket.connect_timeout(&to.into(), PATIENCE).map_err(text)?;
        talk.strangers.push(socket.into());
        Ok(())
    }

    fn read_all(&mut self) -> Result<Vec<u8>, String> {
        let talk = self.talk()?;
        let mut got = Vec::new();
        talk.stream()?
            .take(DATA_LIMIT)
            .read_to_end(&mut got)
            .map_err(|e| format!("the data did not end: {e}"))?;
        talk.data = Data::None;
        Ok(got)
    }

    /// Every line of the client has had its one reply: a NOOP is answered next, on every connection still open.
    fn nothing_left(&mut self) -> Result<(), String> {
        let names: Vec<String> = self.clients.keys().cloned().collect();
        for name in names {
            self.current = name;
            if !self.talk()?.open {
                continue;
            }
            self.send(b"NOOP\r\n")?;
            self.expect(&Pattern::Literal(b"200 Zzz...".to_vec()))
                .map_err(|e| format!("at the end: {e}"))?;
        }
        Ok(())
    }

    fn report(&self, server: &Server) -> String {
        let mut report = format!("conversation:\n  {}", self.said.join("\n  "));
        let errors = server.errors();
        if !errors.is_empty() {
            report += &format!("\nstandard error of the server:\n{errors}");
        }
        report
    }
}

impl Talk {
    /// The open data connection; an announced one is waited for.
    fn stream(&mut self) -> Result<&mut TcpStream, String> {
        if let Data::Listening(listener) = &self.data {
            self.data = Data::Open(accept(listener)?);
        }
        match &mut self.data {
            Data::Open(stream) => Ok(stream),
            _ => Err("no data connection is open".to_owned()),
        }
    }
}

fn accept(listener: &TcpListener) -> Result<TcpStream, String> {
    let limit = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).map_err(text)?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(text)?;
                return Ok(stream);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < limit => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(e) => return Err(format!("the server did not connect: {e}")),
        }
    }
}

fn compare_lines(got: &[u8], globs: &[Pattern], ordered: bool) -> Result<(), String> {
    let shown = || format!("the data:\n{}", String::from_utf8_lossy(got));
    let mut lines: Vec<&[u8]> = got.split(|&b| b == b'\n').collect();
    if lines.pop() != Some(b"") {
        return Err(format!("the last line has no end in {}", shown()));
    }
    for glob in globs {
        let wanted = glob.map(|bytes| [bytes, b"\r"].concat());
        let found = match ordered {
            true => (!lines.is_empty() && wanted.fits(lines[0])).then_some(0),
            false => lines.iter().position(|line| wanted.fits(line)),
        };
        match found {
            Some(at) => drop(lines.remove(at)),
            None => return Err(format!("no line {:?} in {}", show(glob.bytes()), shown())),
        }
    }
    match lines.first() {
        None => Ok(()),
        Some(line) => Err(format!("unexpected line {:?} in {}", show(line), shown())),
    }
}

/// The reply may be a moment ahead of the disk: what is to be removed may go in the background.
fn check_soon(path: &Path, what: &Check) -> Result<(), String> {
    let limit = Instant::now() + SETTLING;
    loop {
        match check(path, what) {
            Err(_) if Instant::now() < limit => std::thread::sleep(Duration::from_millis(5)),
            result => return result,
        }
    }
}

fn check(path: &Path, check: &Check) -> Result<(), String> {
    let failed = |e: io::Error| format!("{}: {e}", path.display());
    let wrong = |what: String| Err(format!("{} {what}", path.display()));
    match check {
        Check::Absent => match path.symlink_metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(failed(e)),
            Ok(_) => wrong("exists".to_owned()),
        },
        Check::Content(wanted) => match std::fs::read(path).map_err(failed)? {
            got if got == *wanted => Ok(()),
            got => wrong(format!("holds {:?}", show(&got))),
        },
        Check::Size(wanted) => match path.metadata().map_err(failed)?.len() {
            got if got == *wanted => Ok(()),
            got => wrong(format!("has {got} bytes")),
        },
        Check::Mode(wanted) => {
            match path.metadata().map_err(failed)?.permissions().mode() & 0o7777 {
                got if got == *wanted => Ok(()),
                got => wrong(format!("has mode {got:o}")),
            }
        }
        Check::Entries(wanted) => match std::fs::read_dir(path).map_err(failed)?.count() {
            got if got == *wanted => Ok(()),
            got => wrong(format!("has {got} entries")),
        },
    }
}

/// Pure-FTPd adds a line about its friend the computer to transfers in one second of a hundred.
fn wait_out_pure_ftpds_joke() {
    let seconds = |now: SystemTime| {
        now.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(1, |d| d.as_secs())
    };
    while matches!(seconds(SystemTime::now()) % 100, 0 | 99) {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match text.windows(from.len()).position(|w| w == from) {
        Some(at) => [&text[..at], to, &text[at + from.len()..]].concat(),
        None => text.to_vec(),
    }
}

/// Bytes as a failure shows them.
fn show(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let cut = &bytes[..bytes.len().min(400)];
    let mark = if cut.len() < bytes.len() {
        "... (cut)"
    } else {
        ""
    };
    format!("{}{mark}", String::from_utf8_lossy(cut))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
