//! What two servers that are started from the same file one after the other on the same tree are asked: may this user log
//! in, list, read, write, overwrite, delete, see dot files, leave the root.
//!
//! Either server sees users, passwords and PAM rules of its own, in a mount namespace. Much of the time is spent in the
//! delays after a wrong password, so several files are compared at a time, each in a folder of its own.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::geteuid;

use crate::common::client::{Client, connect_data};
use crate::common::ending::end;
use crate::common::skipping::cannot;
use crate::support::{folder, run, write};

const PASSWORD: &str = "secret";

/// [`PASSWORD`] by SHA-256 (crypt(5)).
pub(crate) const HASH: &str = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";

/// Users, their numbers, which the groups have too, and their shells, of which the first alone is listed.
const USERS: [(&str, u32, &str); 4] = [
    ("ftp", 4401, SHELL),
    ("alice", 4402, SHELL),
    ("bob", 4403, SHELL),
    ("virtual", 4404, "/usr/sbin/nologin"),
];

/// All that /etc/shells has.
const SHELL: &str = "/bin/sh";

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many files are compared at a time.
const AT_ONCE: usize = 8;

/// A file that both servers are started from: a name, lines, and who asks.
pub(crate) type Configuration = (&'static str, &'static str, &'static [&'static str]);

/// The folder of a package that is unpacked and not installed, as this variable names it. None without it or without root,
/// unless in CI, where the comparison must run.
pub(crate) fn package(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty());
    let lacks = cannot(named.is_none(), &format!("{variable} names no folder"))
        || cannot(!geteuid().is_root(), "it needs root");
    named.filter(|_| !lacks).map(PathBuf::from)
}

/// An address nobody listens on. It is below the ports that the system hands out, so that no data connection of another
/// comparison takes it meanwhile.
pub(crate) fn free_address() -> SocketAddr {
    const FIRST: u16 = 20_000;
    const SPAN: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests run in processes of their own, which should not try the same ones.
    let begin = u16::try_from(std::process::id() % u32::from(SPAN)).expect("a small number");
    for _ in 0..SPAN {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + begin.wrapping_mul(61).wrapping_add(step) % SPAN;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}

/// Sees to it that ours takes the file, with the reasons where it does not. Users and groups are those of the namespace,
/// which this run does not see.
pub(crate) fn assert_taken(place: &Path, words: &[&str]) {
    let said = run(place, words);
    let lines = said.err.lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.contains("on this machine"))
        .collect();
    assert!(said.status == 0 || lines.is_empty(), "{}", said.err);
}

/// Compares files, each in an empty folder, several at a time: where the servers differ.
pub(crate) fn compare_all(
    files: &[Configuration],
    compare: impl Fn(&Path, &Configuration) -> Vec<String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let place = folder();
            wrong.extend(compare(place.path(), file));
        }
        wrong
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().flat_map(|worker| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        done.collect()
    })
}

/// How two servers are started, and what they are asked.
pub(crate) struct Comparison<'a> {
    /// The name of the file.
    pub(crate) name: &'a str,
    /// Where both listen.
    pub(crate) address: SocketAddr,
    /// Program and arguments of the other server.
    pub(crate) theirs: &'a [&'a str],
    /// Those of ours.
    pub(crate) ours: &'a [&'a str],
    /// Who asks.
    pub(crate) users: &'a [&'a str],
    /// Makes what both see, anew for each.
    pub(crate) prepare: fn(&Path),
    /// Where the answers may part.
    pub(crate) excused: &'a [Excuse],
}

impl Comparison<'_> {
    /// Where the servers differ; what ours logged comes last, where they do.
    pub(crate) fn differences(&self, place: &Path) -> Vec<String> {
        let answers = |words| {
            (self.prepare)(place);
            let server = Server::start(place, words, self.address);
            let answers = server.answers(place, self.users);
            (answers, server.said())
        };
        let (theirs, _) = answers(self.theirs);
        let (ours, log) = answers(self.ours);
        let mut found = differences(self.name, &theirs, &ours, self.excused);
        if !found.is_empty() {
            found.push(format!("{}: our log:\n{log}", self.name));
        }
        found
    }
}

/// Everything both servers see, made anew for each of them.
pub(crate) fn lay_out(place: &Path) {
    for name in ["home", "srv", "etc"] {
        let _ = fs::remove_dir_all(place.join(name));
    }
    let mut passwd = String::from(
        "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
    );
    let mut shadow = String::from("root:*:19000::::::\n");
    let mut group = String::from("root:x:0:\nnogroup:x:65534:\n");
    for (name, number, shell) in USERS {
        let home = if name == "ftp" {
            "srv".to_owned()
        } else {
            format!("home/{name}")
        };
        let path = place.join(&home).display().to_string();
        passwd += &format!("{name}:x:{number}:{number}::{path}:{shell}\n");
        shadow += &format!("{name}:{HASH}:19000:0:99999:7:::\n");
        group += &format!("{name}:x:{number}:\n");
        tree(place, &home, if name == "ftp" { 0 } else { number }, number);
    }
    // ProFTPD looks up the name of the machine.
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let machine = machine.trim_end();
    let pam = "auth required pam_unix.so\naccount required pam_unix.so\n";
    for (name, text) in [
        ("etc/passwd", passwd.as_str()),
        ("etc/shadow", &shadow),
        ("etc/group", &group),
        ("etc/shells", &format!("{SHELL}\n")),
        ("etc/hosts", &format!("127.0.0.1 localhost {machine}\n")),
        (
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
        ),
        ("etc/pam.d/vsftpd", pam),
        ("etc/pam.d/proftpd", pam),
        ("list", "bob\n"),
        ("outside", "out of reach\n"),
    ] {
        write(place, name, text);
    }
    // Where the machine has one, programs find their libraries by it.
    let _ = fs::copy("/etc/ld.so.cache", place.join("etc/ld.so.cache"));
    make_directory(place, "empty", 0, 0o755);
}

/// A home or a root: files of all kinds, and a directory its user may write.
fn tree(place: &Path, at: &str, owner: u32, user: u32) {
    make_directory(place, "home", 0, 0o755);
    make_directory(place, at, owner, 0o755);
    for (name, mode) in [
        ("open", 0o644),
        ("closed", 0o640),
        (".dot", 0o644),
        ("my.key", 0o644),
    ] {
        let path = place.join(at).join(name);
        fs::write(&path, "text\n").expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        chown(&path, Some(owner), Some(user)).expect("an owner");
    }
    make_directory(place, &format!("{at}/box"), user, 0o755);
    let mine = place.join(at).join("box/mine");
    fs::write(&mine, "mine\n").expect("a file");
    chown(&mine, Some(user), Some(user)).expect("an owner");
    make_directory(place, &format!("{at}/box/gone"), user, 0o755);
}

fn make_directory(place: &Path, name: &str, owner: u32, mode: u32) {
    let path = place.join(name);
    fs::create_dir_all(&path).expect("a directory");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    chown(&path, Some(owner), Some(owner)).expect("an owner");
}

/// Mounts its first word over /etc and becomes the rest of its words.
const IN_NAMESPACE: &str = "mount --bind \"$1\" /etc || exit 99; shift; exec \"$@\"";

struct Server {
    child: Child,
    address: SocketAddr,
    errors: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Server {
    /// Starts it, to listen on this address.
    fn start(place: &Path, words: &[&str], address: SocketAddr) -> Server {
        let errors = place.join("errors");
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                IN_NAMESPACE,
                "sh",
            ])
            .arg(place.join("etc"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).expect("a file"));
        let child = command.spawn().expect("unshare");
        let mut server = Server {
            child,
            address,
            errors,
        };
        let limit = Instant::now() + PATIENCE;
        while Client::connect(address)
            .and_then(|mut client| client.reply())
            .is_err()
        {
            let ended = server.child.try_wait().expect("a status");
            let said = server.said();
            assert!(
                ended.is_none() && Instant::now() < limit,
                "{words:?}: {ended:?} {said}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What it wrote to stderr: of ours, its log.
    fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// What each user may do, a line for each question.
    fn answers(&self, place: &Path, users: &[&str]) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for user in users {
            let told = Conversation::hold(self.address, place, user);
            answers.extend(
                told.into_iter()
                    .map(|(question, answer)| (format!("{user}: {question}"), answer)),
            );
        }
        answers
    }
}

struct Conversation {
    client: Client,
}

impl Conversation {
    fn hold(address: SocketAddr, place: &Path, user: &str) -> Vec<(String, String)> {
        let mut told = vec![];
        let mut tell = |question: &str, answer: bool| {
            told.push((
                question.to_owned(),
                if answer { "yes" } else { "no" }.to_owned(),
            ));
        };
        let mut client = Client::connect(address).expect("a connection");
        client
            .stream()
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a limit");
        let _ = client.reply();
        let mut talk = Conversation { client };
        let entered = match talk.code(&format!("USER {user}")) {
            331 => talk.code(&format!("PASS {PASSWORD}")) == 230,
            code => code == 230,
        };
        tell("log in", entered);
        if !entered {
            return told;
        }
        talk.code("TYPE I");
        let listing = talk.fetch("LIST").unwrap_or_default();
        let with_dots = talk.fetch("LIST -a").unwrap_or_default();
        let names = talk.fetch("NLST").unwrap_or_default();
        for name in ["open", "closed", ".dot", "my.key"] {
            tell(&format!("list {name}"), shows(&listing, name));
            tell(&format!("list all {name}"), shows(&with_dots, name));
            tell(&format!("list names {name}"), shows(&names, name));
        }
        for name in ["open", "closed", ".dot", "my.key", "box/mine", "none"] {
            tell(
                &format!("read {name}"),
                talk.fetch(&format!("RETR {name}")).is_some(),
            );
        }
        let outside = place.join("outside").display().to_string();
        for path in [
            outside.as_str(),
            "../../outside",
            "../outside",
            "/outside",
            "/etc/passwd",
        ] {
            tell(
                &format!("leave the root by {path}"),
                talk.fetch(&format!("RETR {path}")).is_some(),
            );
        }
        tell("enter box", talk.code("CWD box") == 250);
        for (verb, name) in [
            ("STOR", "new"),
            ("STOR", "mine"),
            ("APPE", "mine"),
            ("STOR", ".new"),
            ("STOR", "my.key"),
            ("STOR", "../open"),
        ] {
            let question = match verb {
                "STOR" => format!("store {name}"),
                _ => format!("append {name}"),
            };
            tell(&question, talk.store(&format!("{verb} {name}")));
        }
        tell("read what was stored", talk.fetch("RETR new").is_some());
        tell("make a directory", talk.code("MKD made") == 257);
        tell("change rights", talk.code("SITE CHMOD 600 mine") == 200);
        let renames = talk.code("RNFR mine") == 350 && talk.code("RNTO other") == 250;
        tell("rename", renames);
        tell(
            "delete what was there",
            talk.code(if renames { "DELE other" } else { "DELE mine" }) == 250,
        );
        tell("delete what was stored", talk.code("DELE new") == 250);
        tell("remove a directory", talk.code("RMD gone") == 250);
        // Stored once more so that its bits can be seen.
        let stays = talk.store("STOR last");
        tell("store last", stays);
        told.extend(bits(place));
        told
    }

    fn code(&mut self, line: &str) -> u16 {
        self.client.command(line).map_or(0, |reply| reply.code)
    }

    fn fetch(&mut self, line: &str) -> Option<Vec<u8>> {
        let address = self.client.ask_passive().ok()?;
        let mut data = connect_data(address).ok()?;
        if !matches!(self.code(line), 125 | 150) {
            return None;
        }
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).ok()?;
        drop(data);
        (self.client.reply().ok()?.code == 226).then_some(bytes)
    }

    fn store(&mut self, line: &str) -> bool {
        self.try_store(line).unwrap_or(false)
    }

    fn try_store(&mut self, line: &str) -> io::Result<bool> {
        let mut data = connect_data(self.client.ask_passive()?)?;
        if !matches!(self.client.command(line)?.code, 125 | 150) {
            return Ok(false);
        }
        data.write_all(b"stored\n")?;
        data.shutdown(Shutdown::Write)?;
        drop(data);
        Ok(self.client.reply()?.code == 226)
    }
}

/// Whether a line of a listing ends with this name.
fn shows(listing: &[u8], name: &str) -> bool {
    let lines = listing.split(|byte| *byte == b'\n');
    lines
        .map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
        .any(|line| line == name || line.ends_with(&format!(" {name}")))
}

/// Owner and bits of what was made, wherever it is.
fn bits(place: &Path) -> Vec<(String, String)> {
    let homes = ["srv", "home/alice", "home/bob", "home/virtual"];
    let names = ["last", "made"];
    let paths = homes
        .iter()
        .flat_map(|home| names.map(|name| format!("{home}/box/{name}")));
    paths
        .filter_map(|path| {
            let found = fs::metadata(place.join(&path)).ok()?;
            let answer = format!(
                "{}:{} {:04o}",
                found.uid(),
                found.gid(),
                found.mode() & 0o7777
            );
            Some((format!("bits of {path}"), answer))
        })
        .collect()
}

/// Where the answers may part: the begin of the name of a file, that of a question, what they say, what ours says.
pub(crate) type Excuse = (&'static str, &'static str, &'static str, &'static str);

/// Where they do not agree, though they must.
fn differences(
    name: &str,
    theirs: &[(String, String)],
    ours: &[(String, String)],
    excused: &[Excuse],
) -> Vec<String> {
    let mut differences = Vec::new();
    let questions: Vec<&String> = theirs
        .iter()
        .chain(ours)
        .map(|(question, _)| question)
        .collect();
    let mut seen: Vec<&String> = Vec::new();
    for question in questions {
        if seen.contains(&question) {
            continue;
        }
        seen.push(question);
        let of = |answers: &[(String, String)]| {
            let answer = answers.iter().find(|(asked, _)| asked == question);
            answer.map_or("not asked".to_owned(), |(_, answer)| answer.clone())
        };
        let (theirs, ours) = (of(theirs), of(ours));
        let excused = excused.iter().any(|(file, start, by_them, by_us)| {
            name.starts_with(file)
                && question.starts_with(start)
                && (theirs.as_str(), ours.as_str()) == (*by_them, *by_us)
        });
        if theirs != ours && !excused {
            differences.push(format!("{name}: {question}: theirs {theirs}, ours {ours}"));
        }
    }
    differences
}
