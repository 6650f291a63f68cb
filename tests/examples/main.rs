//! The files in examples/ do what they say, and so do the command lines of the README.
//!
//! Each is run as it stands; only what must differ on a machine under test is changed: the port, the path of the
//! program, and the account, so that no user has to be made. What needs root, or inetd, says so when it is skipped.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wharf::flags::Flags;
use wharf::settings::Settings;

#[path = "../common"]
mod common {
    pub(crate) mod skipping;
}

mod container;
mod firewall;
mod logrotate;
mod machine;
mod package;
mod systemd;
mod xinetd;

/// The program cargo built.
pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_wharf-ftpd");

/// An account every Debian machine has. Its uid and that of its group:
const ACCOUNT: &str = "nobody";
const ACCOUNT_ID: u32 = 65534;

/// How long anything may take before it counts as hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The exit status of a server whose port is taken.
const PORT_TAKEN: i32 = 69;

const SCRIPT: &str = "examples/anonymous-incoming.sh";

pub(crate) fn path(name: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(path(name)).expect(name)
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A directory everybody may enter, as the path to a served tree should be.
pub(crate) fn open_directory() -> TempDir {
    let directory = TempDir::new().expect("temporary directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("mode");
    directory
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").mode() & 0o7777
}

/// A program that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn free_port(address: IpAddr) -> io::Result<u16> {
    Ok(TcpListener::bind((address, 0))?.local_addr()?.port())
}

/// Runs a command line of ours, which begins with the server's flags, on a free port.
fn serve(flags: &str, directory: &Path) -> (Running, Client) {
    serve_by(SERVER, flags, directory)
}

/// The same with another program in front, such as wharf-config and its file.
fn serve_by(program: &str, flags: &str, directory: &Path) -> (Running, Client) {
    for _ in 0..10 {
        let port = free_port(Ipv4Addr::LOCALHOST.into()).expect("port");
        let line = format!("exec \"$SERVER\" {flags} -S 127.0.0.1,{port}");
        let mut server = Command::new("sh");
        server.args(["-c", &line]).env("SERVER", program);
        server.current_dir(directory).stdin(Stdio::null());
        let mut server = Running(server.spawn().expect("sh"));
        match Client::connect((Ipv4Addr::LOCALHOST, port).into(), Some(&mut server)) {
            Ok(client) => return (server, client),
            Err(Ended(Some(PORT_TAKEN))) => {}
            Err(Ended(status)) => panic!("{line}: ended with {status:?}"),
        }
    }
    panic!("no port stayed free")
}

/// The server ended before it listened, with this status, or never did either.
#[derive(Debug)]
pub(crate) struct Ended(Option<i32>);

/// A control connection.
pub(crate) struct Client {
    control: BufReader<TcpStream>,
    server: SocketAddr,
}

/// A reply: its code and its lines.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) u16, pub(crate) String);

impl Client {
    /// Connects as soon as somebody listens there, and reads the greeting.
    pub(crate) fn connect(
        server: SocketAddr,
        mut program: Option<&mut Running>,
    ) -> Result<Client, Ended> {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Ok(control) = TcpStream::connect(server) {
                control.set_read_timeout(Some(PATIENCE)).expect("socket");
                let control = BufReader::new(control);
                let mut client = Client { control, server };
                client.expect(220);
                return Ok(client);
            }
            let running = program.as_mut().map(|running| running.0.try_wait());
            if let Some(Ok(Some(status))) = running {
                return Err(Ended(status.code()));
            }
            if Instant::now() > limit {
                return Err(Ended(None));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Logs in, and asks for bytes as they are.
    pub(crate) fn login(mut self) -> Client {
        self.send("USER anonymous");
        let mut reply = self.reply();
        if reply.0 == 331 {
            reply = self.ask("PASS guest@");
        }
        assert_eq!(reply.0, 230, "{reply:?}");
        self.send("TYPE I");
        self.expect(200);
        self
    }

    fn send(&mut self, line: &str) {
        write!(self.control.get_mut(), "{line}\r\n").expect("control connection");
    }

    /// One reply, however many lines it has; each line must be one of a reply.
    fn reply(&mut self) -> Reply {
        let mut text = String::new();
        let mut code = None;
        loop {
            let mut line = String::new();
            self.control.read_line(&mut line).expect("reply");
            text.push_str(&line);
            assert!(line.ends_with("\r\n"), "not a whole line: {text:?}");
            let number: Option<u16> = line.get(..3).and_then(|digits| digits.parse().ok());
            let code = *code.get_or_insert(number.unwrap_or_else(|| panic!("no code: {text:?}")));
            if number == Some(code) && line.as_bytes()[3] == b' ' {
                return Reply(code, text);
            }
        }
    }

    pub(crate) fn ask(&mut self, line: &str) -> Reply {
        self.send(line);
        self.reply()
    }

    fn expect(&mut self, code: u16) {
        let reply = self.reply();
        assert_eq!(reply.0, code, "{reply:?}");
    }

    /// The command is refused, which 4xx and 5xx replies do.
    #[track_caller]
    fn refused(&mut self, line: &str) {
        let reply = self.ask(line);
        assert!(reply.0 >= 400, "{line}: {reply:?}");
    }

    fn passive(&mut self) -> TcpStream {
        let reply = self.ask("EPSV");
        let port = reply.1.split('|').nth(3).and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("{reply:?}"));
        let data = TcpStream::connect((self.server.ip(), port)).expect("data connection");
        data.set_read_timeout(Some(PATIENCE)).expect("socket");
        data
    }

    /// What a command that opens a data connection brings, and the code of its last reply.
    pub(crate) fn fetch(&mut self, command: &str) -> (u16, Vec<u8>) {
        let mut data = self.passive();
        let reply = self.ask(command);
        let mut bytes = Vec::new();
        if reply.0 >= 200 {
            return (reply.0, bytes);
        }
        data.read_to_end(&mut bytes).expect("data");
        (self.reply().0, bytes)
    }

    pub(crate) fn store(&mut self, command: &str, bytes: &[u8]) -> u16 {
        let mut data = self.passive();
        let reply = self.ask(command);
        if reply.0 >= 200 {
            return reply.0;
        }
        data.write_all(bytes).expect("data");
        drop(data);
        self.reply().0
    }

    fn quit(mut self) {
        self.send("QUIT");
        self.expect(221);
        let rest = self.control.read_to_end(&mut Vec::new()).expect("end");
        assert_eq!(rest, 0, "something follows the goodbye");
    }
}

fn run_script(arguments: &[&str]) -> Output {
    let mut script = Command::new("sh");
    script.arg(path(SCRIPT)).args(arguments);
    script.output().expect("sh")
}

/// Makes an area, and gives what the script printed.
fn make_area(area: &Path) -> String {
    let area = area.to_str().expect("path");
    let made = run_script(&["--account", ACCOUNT, area]);
    assert!(made.status.success() && made.stderr.is_empty(), "{made:?}");
    String::from_utf8(made.stdout).expect("text")
}

/// Asserts that the script said no in one line, with this status.
#[track_caller]
fn assert_refused(output: &Output, status: i32, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    assert!(said.contains(what), "{said}");
    assert_eq!(said.matches('\n').count(), 1, "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

fn skipped_without_root() -> bool {
    if !is_root() {
        eprintln!("skipped: only root can make the area");
    }
    !is_root()
}

#[test]
fn the_incoming_area_takes_files_and_shows_nothing_of_them() {
    if skipped_without_root() {
        return;
    }
    let directory = open_directory();
    let area = directory.path().join("strangers' area");
    let said = make_area(&area);
    fs::write(area.join("pub/hello.txt"), "hello\n").expect("file");
    let line = said.lines().last().expect("command line");
    let flags = line.strip_prefix("wharf-ftpd ").expect("command line");

    // The disk of the machine may be as full as it likes.
    let (_server, client) = serve(&format!("{flags} -k 100"), directory.path());
    let mut client = client.login();
    assert_eq!(client.fetch("RETR pub/hello.txt"), (226, b"hello\n".into()));
    assert_eq!(client.store("STOR incoming/gift", b"a gift"), 226);

    for command in [
        "LIST incoming",
        "NLST incoming",
        "MLSD incoming",
        "LIST -R",
        "NLST incoming/*",
    ] {
        let (_, shown) = client.fetch(command);
        let shown = String::from_utf8_lossy(&shown);
        assert!(!shown.contains("gift"), "{command} shows {shown}");
    }
    assert!(!client.ask("STAT incoming").1.contains("gift"));
    assert!(client.fetch("RETR incoming/gift").0 >= 400);
    for command in [
        "STOR incoming/gift",
        "APPE incoming/gift",
        "STOR pub/gift",
        "STOR gift",
    ] {
        assert!(client.store(command, b"other") >= 400, "{command}");
    }
    client.refused("RNFR incoming/gift");
    client.refused("DELE incoming/gift");
    client.refused("MKD incoming/directory");
    client.refused("SITE CHMOD 666 incoming/gift");
    client.quit();

    assert_eq!(
        fs::read(area.join("incoming/gift")).expect("gift"),
        b"a gift"
    );
    assert_eq!(
        fs::read_dir(area.join("incoming"))
            .expect("incoming")
            .count(),
        1
    );
    assert_eq!(fs::read_dir(area.join("pub")).expect("pub").count(), 1);
}

/// A checkout may have given it to anybody; the wrapper wants a file that only we can write.
#[test]
fn the_configuration_of_pure_ftpd_serves_downloads_and_nothing_else() {
    let directory = open_directory();
    let file = directory.path().join("pure-ftpd.conf");
    fs::write(&file, read("examples/pure-ftpd.conf")).expect("file");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("mode");
    let root = directory.path().join("root");
    fs::create_dir(&root).expect("root");
    fs::set_permissions(&root, Permissions::from_mode(0o777)).expect("mode");
    fs::write(root.join("hello.txt"), "hello\n").expect("file");
    let line = format!(
        "{} -- --anonymousroot {} --anonymoususer {ACCOUNT}",
        file.display(),
        root.display()
    );
    let program = env!("CARGO_BIN_EXE_wharf-config");
    let (_server, client) = serve_by(program, &line, directory.path());
    let mut client = client.login();
    assert_eq!(client.fetch("RETR hello.txt"), (226, b"hello\n".into()));
    assert!(client.store("STOR gift", b"a gift") >= 400);
    client.quit();
}

#[test]
fn the_area_has_the_classic_rights_and_making_it_again_changes_nothing() {
    if skipped_without_root() {
        return;
    }
    let directory = open_directory();
    let area = directory.path().join("area");
    let said = make_area(&area);
    fs::write(area.join("incoming/gift"), "a gift").expect("file");
    // Whoever looks after pub may have been given it.
    fs::set_permissions(area.join("pub"), Permissions::from_mode(0o2775)).expect("mode");
    assert_eq!(make_area(&area), said);

    let incoming = fs::metadata(area.join("incoming")).expect("incoming");
    assert_eq!((incoming.uid(), incoming.gid()), (0, ACCOUNT_ID));
    assert_eq!(mode(&area.join("incoming")), 0o730);
    assert_eq!((mode(&area), mode(&area.join("pub"))), (0o755, 0o2775));
    assert_eq!(
        fs::read(area.join("incoming/gift")).expect("gift"),
        b"a gift"
    );
}

#[test]
fn a_directory_in_use_keeps_its_rights() {
    if skipped_without_root() {
        return;
    }
    let directory = open_directory();
    let used = directory.path().join("used");
    fs::create_dir_all(used.join("inside")).expect("directory");
    fs::set_permissions(&used, Permissions::from_mode(0o700)).expect("mode");
    let name = used.to_str().expect("path");
    let refused = run_script(&["--account", ACCOUNT, name]);
    assert_refused(&refused, 73, "is in use");
    assert_eq!(mode(&used), 0o700);
    assert!(!used.join("pub").exists());

    let link = directory.path().join("link");
    std::os::unix::fs::symlink("used", &link).expect("link");
    let refused = run_script(&["--account", ACCOUNT, link.to_str().expect("path")]);
    assert_refused(&refused, 73, "symbolic link");
}

#[test]
fn the_script_says_in_one_line_what_it_cannot_work_with() {
    assert_refused(&run_script(&[]), 64, "one directory is needed");
    assert_refused(&run_script(&["/a", "/b"]), 64, "one directory is needed");
    assert_refused(&run_script(&["--acount", "ftp", "/a"]), 64, "--acount");
    assert_refused(&run_script(&["--account"]), 64, "needs a name");
    assert_refused(&run_script(&["srv/ftp"]), 64, "begin with a slash");
    assert_refused(&run_script(&["/"]), 64, "root of the machine");
    if is_root() {
        let refused = run_script(&["--account", "root", "/a"]);
        assert_refused(&refused, 64, "not served as root");
    }
    let help = run_script(&["--help"]);
    assert!(help.status.success() && help.stdout.starts_with(b"usage: "));
}

#[test]
fn the_script_is_for_root() {
    let directory = open_directory();
    let area = directory.path().join("area");
    // Read from standard input: the account may not be able to reach the file.
    let mut script = Command::new("sh");
    script.args(["-s", "--"]).arg(&area).current_dir("/");
    script.stdin(fs::File::open(path(SCRIPT)).expect("script"));
    if is_root() {
        script.uid(ACCOUNT_ID).gid(ACCOUNT_ID);
    }
    assert_refused(&script.output().expect("sh"), 77, "run it as root");
    assert!(!area.exists());
}

/// The lines of inetd.conf, their fields parted, with those that are there to choose from.
fn inetd_lines(text: &str) -> Vec<Vec<&str>> {
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("#ftp").map_or(line, |_| &line[1..]));
    let lines = lines.filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[track_caller]
pub(crate) fn assert_taken<'a>(flags: impl Iterator<Item = &'a str>) {
    let flags: Vec<&str> = flags.collect();
    let line = ["wharf-ftpd"].iter().chain(&flags);
    let parsed = Flags::parse(line).unwrap_or_else(|stop| panic!("{stop}"));
    let (_, warnings) = Settings::from_flags(&parsed).unwrap_or_else(|stop| panic!("{stop}"));
    assert!(warnings.is_empty(), "{flags:?}: {warnings:?}");
}

#[test]
fn the_lines_for_inetd_are_ones_inetd_and_the_server_take() {
    let text = read("examples/inetd.conf");
    let lines = inetd_lines(&text);
    assert_eq!(lines.len(), 3, "{lines:?}");
    for fields in lines {
        let words = ["ftp", "stream", fields[2], "nowait.600", "root"];
        assert_eq!(fields[..5], words);
        assert_eq!(fields[5..7], ["/usr/sbin/wharf-ftpd", "wharf-ftpd"]);
        assert!(fields[6..].len() <= 20, "openbsd-inetd takes 20 words");
        assert_taken(fields[7..].iter().copied());
    }
}

/// The inetd of Debian, wherever it is.
fn inetd() -> Option<PathBuf> {
    let places = ["/usr/sbin/inetd", "/sbin/inetd"].map(PathBuf::from);
    places.into_iter().find(|place| place.exists())
}

fn own_name() -> String {
    let name = Command::new("id").arg("-un").output().expect("id").stdout;
    String::from_utf8(name).expect("name").trim().to_owned()
}

/// A line of the example as it must be to serve that directory at that address.
fn at_address(fields: &[&str], address: SocketAddr, root: &Path) -> String {
    let place = match address.ip() {
        IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
        IpAddr::V6(ip) => format!("[{ip}]:{}", address.port()),
    };
    let [_, kind, protocol, wait, _, _, rest @ ..] = fields else {
        panic!("{fields:?}")
    };
    let (user, rest, root) = (own_name(), rest.join(" "), root.display());
    format!(
        "{place} {kind} {protocol} {wait} {user} {SERVER} {rest} --anonymousroot {root} --anonymoususer {ACCOUNT}\n"
    )
}

#[test]
fn inetd_serves_clients_by_the_lines_of_the_example() {
    let Some(inetd) = inetd() else {
        assert!(std::env::var_os("CI").is_none(), "openbsd-inetd is missing");
        eprintln!("skipped: openbsd-inetd is not installed");
        return;
    };
    let directory = open_directory();
    fs::write(directory.path().join("hello.txt"), "hello\n").expect("file");
    let text = read("examples/inetd.conf");
    let mut lines = String::new();
    let mut addresses = Vec::new();
    for fields in inetd_lines(&text).iter().take(2) {
        let ip: IpAddr = match fields[2] {
            "tcp6" => Ipv6Addr::LOCALHOST.into(),
            _ => Ipv4Addr::LOCALHOST.into(),
        };
        let Ok(port) = free_port(ip) else {
            eprintln!("skipped for {ip}: the machine has no such address");
            continue;
        };
        let address = SocketAddr::new(ip, port);
        lines.push_str(&at_address(fields, address, directory.path()));
        addresses.push(address);
    }
    let beside = open_directory();
    let configuration = beside.path().join("inetd.conf");
    fs::write(&configuration, &lines).expect("inetd.conf");
    let mut inetd = Command::new(inetd);
    inetd.arg("-i").arg(&configuration).stdin(Stdio::null());
    let mut inetd = Running(inetd.spawn().expect("inetd"));

    for address in addresses {
        let client = Client::connect(address, Some(&mut inetd)).expect(&lines);
        let mut client = client.login();
        assert_eq!(client.fetch("RETR hello.txt"), (226, b"hello\n".into()));
        assert!(client.store("STOR left", b"a gift") >= 400, "-i allows it");
        client.quit();
    }
}

/// The lines within the README's blocks of shell commands, joined where a backslash ends one.
fn readme_commands() -> Vec<String> {
    let text = read("README.md").replace("\\\n", " ");
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// The flags in a command line that starts the server.
fn server_flags(line: &str) -> Option<&str> {
    let built = line.split_once("cargo run --release -- ");
    let built = built.map(|(_, flags)| flags);
    built.or_else(|| line.strip_prefix("wharf-ftpd "))
}

#[test]
fn the_command_lines_of_the_readme_are_ones_the_server_takes() {
    let commands = readme_commands();
    let lines: Vec<_> = commands
        .iter()
        .filter_map(|line| server_flags(line))
        .collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        assert_taken(line.split_whitespace());
    }
}

#[test]
fn the_first_command_of_the_readme_serves_the_folder_it_is_given_in() {
    let commands = readme_commands();
    let first = commands
        .iter()
        .find(|line| line.contains("cargo run"))
        .expect("command");
    let directory = open_directory();
    fs::write(directory.path().join("hello.txt"), "hello\n").expect("file");
    let flags = server_flags(first).expect("flags");
    let (_server, client) = serve(flags, directory.path());
    let mut client = client.login();
    assert_eq!(client.fetch("RETR hello.txt"), (226, b"hello\n".into()));
    let (code, names) = client.fetch("NLST");
    assert_eq!((code, names.as_slice()), (226, b"hello.txt\r\n".as_slice()));
    client.quit();
}

#[test]
fn every_change_is_tested_by_the_command_of_the_readme() {
    let tests = "sh .ci/test";
    assert!(readme_commands().iter().any(|line| line == tests));
    assert!(read(".ci/run").ends_with(&format!("\nexec {tests}\n")));
}
