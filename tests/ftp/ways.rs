//! Ways to start the server besides the foreground: in the background with a file for the process number, from sockets that a
//! service manager passes, under inetd with `wait`, and with a service manager that wants to be told.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::common::client::{Client, connect_data};
use crate::common::ending::end;
use crate::common::processes::{children, lives};
use crate::common::server::{LOOPBACK, Place, free_port, wharf_argv};
use crate::common::skipping::cannot;
use crate::common::waiting::within;

#[path = "handing_over.rs"]
mod handing_over;

const PATIENCE: Duration = Duration::from_secs(20);

fn place() -> Place {
    Place::new().expect("a place to serve")
}

/// The server that serves this place to strangers and logs what happens on its standard error.
fn logging_command(place: &Place) -> Command {
    let words = wharf_argv(place);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command
}

/// The same without a log.
fn command(place: &Place) -> Command {
    let mut command = logging_command(place);
    command.args(["-f", "none"]);
    command
}

/// A listener of the test, and where it listens.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// An address that nobody listened on a moment ago.
fn free_address() -> SocketAddr {
    SocketAddr::new(LOOPBACK, free_port(LOOPBACK).expect("a port"))
}

/// An address as `-S` wants it.
fn comma(address: SocketAddr) -> String {
    address.to_string().replace(':', ",")
}

fn is_served(address: SocketAddr) -> bool {
    let Ok(mut client) = Client::connect(address) else {
        return false;
    };
    client.reply().is_ok_and(|reply| reply.code == 220)
}

/// Ends a child with the test.
struct Ended(Child);

impl Ended {
    fn start(command: &mut Command) -> Ended {
        Ended(command.spawn().expect("it starts"))
    }

    /// Waits until the server ends by itself, as one that has done its work.
    #[track_caller]
    fn ends_well(&mut self) {
        let mut status = None;
        within(PATIENCE, "the server ends", || {
            status = self.0.try_wait().expect("a status");
            status.is_some()
        });
        let status = status.expect("a status");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

/// A server that is nobody's child here; it ends with this value.
struct Background(u32);

impl Background {
    /// The one whose number is in this file.
    fn of(file: &Path) -> Background {
        Background(number_in(file).expect("a number"))
    }

    fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        let pid = i32::try_from(self.0).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a number"), signal)
    }

    /// Asks it to end, which it does.
    fn end(self) {
        self.signal(Signal::TERM).expect("it is there");
        within(PATIENCE, "the server ends", || !lives(self.0));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if lives(self.0) {
            let _ = self.signal(Signal::KILL);
        }
    }
}

fn number_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn run(mut command: Command) -> Output {
    command.output().expect("it runs")
}

#[test]
fn b_returns_when_the_server_is_ready_and_the_number_is_in_the_file() {
    let place = place();
    let (address, file) = (free_address(), place.beside().join("pid"));
    let background = || {
        let mut command = command(&place);
        command.args(["-B", "-S", &comma(address), "-g"]);
        command.arg(&file);
        run(command)
    };
    let output = background();
    assert!(output.status.success(), "{output:?}");
    assert!(is_served(address), "ready when the command returns");
    let server = Background::of(&file);
    let number = server.0;
    let session = fs::read_to_string(format!("/proc/{number}/stat")).expect("it is there");
    let fields: Vec<&str> = session
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .collect();
    assert_eq!(
        fields[3],
        number.to_string(),
        "no terminal's session: {session}"
    );
    for descriptor in 0..=2 {
        let open = fs::read_link(format!("/proc/{number}/fd/{descriptor}")).expect("it is open");
        assert_eq!(open, Path::new("/dev/null"), "descriptor {descriptor}");
    }

    // A second one with the same file says who has it.
    let second = background();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(69), "{said}");
    assert!(
        said.contains(&format!("another server has this file, process {number}")),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");

    server.end();
    assert!(number_in(&file).is_none(), "removed or empty");
    // What a killed server leaves is no obstacle.
    fs::write(&file, "1\n").expect("a file");
    let output = background();
    assert!(output.status.success(), "{output:?}");
    Background::of(&file).end();
}

#[test]
fn b_gives_the_status_and_the_line_of_a_server_that_cannot_start() {
    let place = place();
    let (_taken, address) = listener();
    let mut command = command(&place);
    command.args(["-B", "-S", &comma(address), "-g"]);
    command.arg(place.beside().join("pid"));
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    // This very test listens there.
    let holder = format!("(process {}, ", std::process::id());
    assert!(said.contains(&holder), "{said}");
    assert!(said.contains(", listens there: stop it or"), "{said}");
}

/// Runs the server with `socket` as descriptor 3, as systemd-socket-activate(1) does.
fn with_passed(command: &Command, socket: &OwnedFd) -> Command {
    let mut shell = Command::new("sh");
    // The number of the process is known in it alone.
    shell.args([
        "-c",
        "fd=$1; shift; eval \"exec 3<&$fd\"; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"",
        "sh",
    ]);
    shell.arg(socket.as_raw_fd().to_string());
    shell.arg(command.get_program()).args(command.get_args());
    rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).expect("it is inherited");
    shell.stdin(Stdio::null());
    shell
}

#[test]
fn sockets_that_a_service_manager_passes_are_listened_on() {
    let place = place();
    let (listener, address) = listener();
    // Who comes before the server waits for it.
    let mut early = Client::connect(address).expect("a connection");
    let socket = OwnedFd::from(listener);
    let server = Ended::start(&mut with_passed(&command(&place), &socket));
    assert_eq!(early.reply().expect("a greeting").code, 220);
    assert!(is_served(address));
    drop(server);
    // The socket is the manager's: a new server goes on with it.
    let mut between = Client::connect(address).expect("nobody is refused");
    let _server = Ended::start(&mut with_passed(&command(&place), &socket));
    assert_eq!(between.reply().expect("a greeting").code, 220);
}

#[test]
fn what_is_no_socket_for_us_is_refused_by_name() {
    let place = place();
    let file = OwnedFd::from(fs::File::open("/dev/null").expect("a file"));
    let output = run(with_passed(&command(&place), &file));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("LISTEN_FDS: one of them is no listening TCP socket"),
        "{said}"
    );
}

#[test]
fn a_connection_that_a_socket_unit_passes_is_served_and_that_is_all() {
    let place = place();
    let (listener, address) = listener();
    let mut client = Client::connect(address).expect("a connection");
    let (accepted, _) = listener.accept().expect("the other end");
    let socket = OwnedFd::from(accepted);
    let mut server = Ended::start(&mut with_passed(&command(&place), &socket));
    drop(socket);
    assert_eq!(client.reply().expect("a greeting").code, 220);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    server.ends_well();
}

#[test]
fn inetd_with_wait_gets_its_socket_back_when_nobody_is_left() {
    let place = place();
    let (listener, address) = listener();
    let share = || OwnedFd::from(listener.try_clone().expect("a second handle"));
    let mut command = command(&place);
    command.stdin(share()).stdout(share()).stderr(share());
    let mut server = Ended::start(&mut command);
    assert!(is_served(address));
    assert!(is_served(address), "more than one client");
    server.ends_well();
    // The port is still inetd's.
    assert!(Client::connect(address).is_ok());
}

/// A service manager that wants to be told.
struct Manager(UnixDatagram);

impl Manager {
    /// One that this server will tell.
    fn of(command: &mut Command, place: &Place) -> Manager {
        let path = place.beside().join("notify");
        command.env("NOTIFY_SOCKET", &path);
        Manager(UnixDatagram::bind(path).expect("a socket"))
    }

    /// The first message with a line that begins so, if it comes in that time.
    fn hears(&self, wanted: &str, limit: Duration) -> Option<String> {
        let until = Instant::now() + limit;
        let mut buffer = [0; 512];
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            let left = left.max(Duration::from_millis(1));
            self.0.set_read_timeout(Some(left)).expect("a limit");
            let length = self.0.recv(&mut buffer).ok()?;
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.lines().any(|line| line.starts_with(wanted)) {
                return Some(text);
            }
        }
    }

    #[track_caller]
    fn is_told(&self, wanted: &str) -> String {
        let heard = self.hears(wanted, PATIENCE);
        heard.unwrap_or_else(|| panic!("not told: {wanted}"))
    }
}

#[test]
fn a_service_manager_is_told_what_the_server_does() {
    let place = place();
    let mut command = command(&place);
    let manager = Manager::of(&mut command, &place);
    command
        .args(["-S", "127.0.0.1,0"])
        .env("WATCHDOG_USEC", "400000")
        .env_remove("WATCHDOG_PID");
    let server = Ended::start(&mut command);
    let ready = manager.is_told("READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}", server.0.id())),
        "{ready}"
    );
    manager.is_told("STATUS=0 sessions");
    manager.is_told("WATCHDOG=1");
    manager.is_told("WATCHDOG=1");
    let pid = Pid::from_child(&server.0);
    kill_process(pid, Signal::HUP).expect("it is there");
    let reloading = manager.is_told("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.is_told("READY=1");
    kill_process(pid, Signal::TERM).expect("it is there");
    manager.is_told("STOPPING=1");
}

#[test]
fn a_manager_that_is_not_there_keeps_nobody_from_being_served() {
    let place = place();
    let address = free_address();
    let mut command = command(&place);
    command
        .args(["-S", &comma(address)])
        .env("NOTIFY_SOCKET", place.beside().join("nobody"));
    let _server = Ended::start(&mut command);
    within(PATIENCE, "it serves", || is_served(address));
}

/// A server that needs a keeper, and is missed without one: only root binds this port.
fn with_keeper(place: &Place, address: SocketAddr) -> Option<Command> {
    if cannot(!geteuid().is_root(), "ports below 1024 need root") {
        return None;
    }
    let mut command = command(place);
    command.args(["--activeport", "20", "-S", &comma(address)]);
    Some(command)
}

fn keeper_of(server: &Ended) -> u32 {
    let children = children(server.0.id());
    assert_eq!(children.len(), 1, "the keeper is the only child");
    children[0]
}

fn open_files(pid: u32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors");
    let links = descriptors
        .flatten()
        .map(|entry| fs::read_link(entry.path()));
    links.flatten().collect()
}

#[test]
fn a_pid_file_is_not_held_by_the_keeper_who_outlives_a_killed_server() {
    let place = place();
    let address = free_address();
    let Some(mut command) = with_keeper(&place, address) else {
        return;
    };
    let file = place.beside().join("pid");
    let server = Ended::start(command.arg("-g").arg(&file));
    within(PATIENCE, "it serves", || is_served(address));
    let file = fs::canonicalize(file).expect("the file");
    assert!(open_files(server.0.id()).contains(&file));
    assert!(!open_files(keeper_of(&server)).contains(&file));
}

#[test]
fn a_server_whose_keeper_died_is_not_stopping_as_long_as_a_session_goes_on() {
    let place = place();
    let address = free_address();
    let Some(mut command) = with_keeper(&place, address) else {
        return;
    };
    let manager = Manager::of(&mut command, &place);
    let server = Ended::start(&mut command);
    manager.is_told("READY=1");
    let mut client = Client::connect(address).expect("a connection");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    let keeper = i32::try_from(keeper_of(&server))
        .ok()
        .and_then(Pid::from_raw);
    kill_process(keeper.expect("a number"), Signal::KILL).expect("it is there");
    // A manager that was told would end the session after its own time.
    assert_eq!(manager.hears("STOPPING=1", Duration::from_secs(2)), None);
    assert_eq!(client.command("NOOP").expect("a reply").code, 200);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    manager.is_told("STOPPING=1");
}

#[test]
fn check_says_what_a_start_would_and_makes_nothing() {
    let place = place();
    let (log, pid) = (place.beside().join("transfers"), place.beside().join("pid"));
    let check = |flags: &[&str]| {
        let mut command = command(&place);
        command
            .args(["--check", "-f", "ftp", "-O"])
            .arg(&log)
            .arg("-g")
            .arg(&pid)
            .args(flags);
        run(command)
    };
    let fine = check(&["-S", "127.0.0.1,0"]);
    assert!(fine.status.success(), "{fine:?}");
    let said = String::from_utf8_lossy(&fine.stdout);
    assert!(
        said.starts_with("a start would succeed and listen on 127.0.0.1:"),
        "{said}"
    );
    assert!(!log.exists() && !pid.exists(), "nothing is made");

    let (_taken, address) = listener();
    let address = comma(address);
    for (flags, status, words) in [
        (&["-S", &address][..], 69, "listens there: stop it or"),
        (
            &["-l", "puredb:/no/such/database.pdb"],
            78,
            "/no/such/database.pdb: No such file or directory (make it: wharf-pw useradd NAME -u UID -g GID -d HOME \
             -f /no/such/database.passwd && wharf-pw mkdb /no/such/database.pdb -f /no/such/database.passwd)",
        ),
        (
            &["--userlist", "/no/such/list"],
            78,
            "/no/such/list: No such file or directory",
        ),
        (
            &["-O", "clf:/no/such/folder/log"],
            78,
            "/no/such/folder/log: No such file or directory",
        ),
        (&["--nonsense"], 64, "--nonsense"),
    ] {
        let said = check(flags);
        let text = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(status), "{flags:?}: {text}");
        assert!(text.contains(words), "{flags:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{flags:?}: {text}");
    }
}

#[test]
fn several_addresses_are_listened_on_and_their_ports_printed() {
    use std::io::{BufRead, BufReader};
    let place = place();
    let mut command = command(&place);
    command.args([
        "-S",
        "127.0.0.1,0",
        "--listen",
        "127.0.0.2,0",
        "--listen",
        "127.0.0.3,0",
    ]);
    command.arg("--printport").stdout(Stdio::piped());
    let mut server = Ended::start(&mut command);
    let out = BufReader::new(server.0.stdout.take().expect("its output"));
    let ports: Vec<u16> = out
        .lines()
        .take(3)
        .map(|line| line.expect("a line").parse().expect("a port"))
        .collect();
    assert_eq!(ports.len(), 3);
    for (last, port) in (1..).zip(ports) {
        assert!(is_served(SocketAddr::from(([127, 0, 0, last], port))));
    }
}

#[test]
fn the_log_goes_to_standard_output_where_it_is_asked_to() {
    let place = place();
    let mut command = logging_command(&place);
    command.args(["-f", "stdout"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Ended::start(&mut command);
    let mut first = String::new();
    let mut output = BufReader::new(server.0.stdout.take().expect("its output"));
    output.read_line(&mut first).expect("a line");
    assert!(first.contains(": [INFO] Listening on "), "{first}");
    end(&mut server.0);
    let mut errors = String::new();
    let mut pipe = server.0.stderr.take().expect("its errors");
    pipe.read_to_string(&mut errors).expect("text");
    assert_eq!(errors, "");
}

#[test]
fn sigusr1_logs_a_line_of_counters() {
    let place = place();
    fs::write(place.root().join("f"), [b'x'; 1000]).expect("a file");
    let (address, errors) = (free_address(), place.beside().join("errors"));
    let mut command = logging_command(&place);
    command
        .args(["-S", &comma(address)])
        .stderr(fs::File::create(&errors).expect("a file"));
    let server = Ended::start(&mut command);
    within(PATIENCE, "it serves", || is_served(address));
    let mut client = Client::connect(address).expect("a connection");
    client.reply().expect("a greeting");
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    let at = client.ask_passive().expect("a port");
    let mut data = connect_data(at).expect("a connection");
    assert_eq!(client.command("RETR f").expect("a reply").code, 150);
    std::io::copy(&mut data, &mut std::io::sink()).expect("bytes");
    assert_eq!(client.reply().expect("a reply").code, 226);
    kill_process(Pid::from_child(&server.0), Signal::USR1).expect("it is there");
    let wanted = "Signal 10: 1 sessions now (1 anonymous), 2 since the start; uploads: 0 whole, 0 broken, 0 bytes; \
                  downloads: 1 whole, 0 broken, 1000 bytes";
    within(PATIENCE, wanted, || {
        fs::read_to_string(&errors).is_ok_and(|said| said.contains(wanted))
    });
}

#[test]
fn flags_from_the_environment_hold_and_those_of_the_command_line_win() {
    let place = place();
    let printed = |arguments: &[&str]| {
        let mut command = command(&place);
        command
            .env("WHARF_BIND", "127.0.0.1,0")
            .env("WHARF_FLAGS", "--check");
        command.args(arguments);
        let output = run(command);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(printed(&[]).contains("listen on 127.0.0.1:"));
    assert!(printed(&["-S", "127.0.0.2,0"]).contains("listen on 127.0.0.2:"));
    let mut wrong = command(&place);
    wrong.env("WHARF_MAXCLIENTSNUMBER", "many");
    let output = run(wrong);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(
        said.starts_with("wharf-ftpd: WHARF_MAXCLIENTSNUMBER: "),
        "{said}"
    );
}
