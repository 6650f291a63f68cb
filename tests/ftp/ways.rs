//! Ways to start the server besides the foreground: in the background with a file for the process number, from sockets that a
//! service manager passes, under inetd with `wait`, and with a service manager that wants to be told.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::client::Client;

const PATIENCE: Duration = Duration::from_secs(20);

fn within(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder that nobody may read, with a served one in it.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::create_dir(folder.path().join("root")).expect("a folder");
        Place(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
        let root = self.path("root");
        command.args([
            "-H",
            "-f",
            "none",
            "--anonymoususer",
            "nobody",
            "--anonymousroot",
        ]);
        command.arg(root).stdin(Stdio::null());
        command
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn is_served(address: SocketAddr) -> bool {
    let Ok(mut client) = Client::connect(address) else {
        return false;
    };
    client.reply().is_ok_and(|reply| reply.code == 220)
}

fn end(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.expect("a number");
    kill_process(pid, Signal::TERM).expect("it is there");
    within("the server ends", || {
        rustix::process::test_kill_process(pid).is_err()
    });
}

/// Ends a child with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    let place = Place::new();
    let (port, file) = (free_port(), place.path("pid"));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let background = || {
        let mut command = place.command();
        command.args(["-B", "-S", &address.to_string().replace(':', ","), "-g"]);
        command.arg(&file);
        run(command)
    };
    let output = background();
    assert!(output.status.success(), "{output:?}");
    assert!(is_served(address), "ready when the command returns");
    let number = number_in(&file).expect("a number");
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
    let stdio = |number| fs::read_link(format!("/proc/{}/fd/{number}", std::process::id()));
    assert!(stdio(0).is_ok());

    // A second one with the same file says who has it.
    let second = background();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(69), "{said}");
    assert!(
        said.contains(&format!("another server has this file, process {number}")),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");

    end(number);
    assert!(number_in(&file).is_none(), "removed or empty");
    // What a killed server leaves is no obstacle.
    fs::write(&file, "1\n").expect("a file");
    let output = background();
    assert!(output.status.success(), "{output:?}");
    end(number_in(&file).expect("a number"));
}

#[test]
fn b_gives_the_status_and_the_line_of_a_server_that_cannot_start() {
    let place = Place::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = taken.local_addr().expect("an address");
    let mut command = place.command();
    command.args(["-B", "-S", &address.to_string().replace(':', ","), "-g"]);
    command.arg(place.path("pid"));
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("another program listens there"), "{said}");
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
    let place = Place::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    // Who comes before the server waits for it.
    let mut early = Client::connect(address).expect("a connection");
    let socket = OwnedFd::from(listener);
    let server = with_passed(&place.command(), &socket)
        .spawn()
        .expect("it starts");
    let server = Ended(server);
    assert_eq!(early.reply().expect("a greeting").code, 220);
    assert!(is_served(address));
    drop(server);
    // The socket is the manager's: a new server goes on with it.
    let mut between = Client::connect(address).expect("nobody is refused");
    let server = with_passed(&place.command(), &socket)
        .spawn()
        .expect("it starts");
    let _server = Ended(server);
    assert_eq!(between.reply().expect("a greeting").code, 220);
}

#[test]
fn what_is_no_socket_for_us_is_refused_by_name() {
    let place = Place::new();
    let file = OwnedFd::from(fs::File::open("/dev/null").expect("a file"));
    let output = run(with_passed(&place.command(), &file));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("LISTEN_FDS: one of them is no listening TCP socket"),
        "{said}"
    );
}

#[test]
fn a_connection_that_a_socket_unit_passes_is_served_and_that_is_all() {
    let place = Place::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut client = Client::connect(address).expect("a connection");
    let (accepted, _) = listener.accept().expect("the other end");
    let socket = OwnedFd::from(accepted);
    let server = with_passed(&place.command(), &socket)
        .spawn()
        .expect("it starts");
    let mut server = Ended(server);
    drop(socket);
    assert_eq!(client.reply().expect("a greeting").code, 220);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    within("the server ends", || {
        server
            .0
            .try_wait()
            .expect("a status")
            .is_some_and(|status| status.success())
    });
}

#[test]
fn inetd_with_wait_gets_its_socket_back_when_nobody_is_left() {
    let place = Place::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let share = || OwnedFd::from(listener.try_clone().expect("a second handle"));
    let mut command = place.command();
    command.stdin(share()).stdout(share()).stderr(share());
    let mut server = Ended(command.spawn().expect("it starts"));
    assert!(is_served(address));
    assert!(is_served(address), "more than one client");
    within("the server ends", || {
        server
            .0
            .try_wait()
            .expect("a status")
            .is_some_and(|status| status.success())
    });
    // The port is still inetd's.
    assert!(Client::connect(address).is_ok());
}

#[test]
fn a_service_manager_is_told_what_the_server_does() {
    let place = Place::new();
    let path = place.path("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let told = |wanted: &str| {
        let mut buffer = [0; 512];
        loop {
            let length = manager
                .recv(&mut buffer)
                .unwrap_or_else(|_| panic!("told: {wanted}"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.lines().any(|line| line.starts_with(wanted)) {
                return text;
            }
        }
    };
    let mut command = place.command();
    command
        .args(["-S", "127.0.0.1,0"])
        .env("NOTIFY_SOCKET", &path);
    command
        .env("WATCHDOG_USEC", "400000")
        .env_remove("WATCHDOG_PID");
    let server = Ended(command.spawn().expect("it starts"));
    let ready = told("READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}", server.0.id())),
        "{ready}"
    );
    told("STATUS=0 sessions");
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    let pid = Pid::from_child(&server.0);
    kill_process(pid, Signal::HUP).expect("it is there");
    let reloading = told("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told("READY=1");
    kill_process(pid, Signal::TERM).expect("it is there");
    told("STOPPING=1");
}

#[test]
fn check_says_what_a_start_would_and_makes_nothing() {
    let place = Place::new();
    let (log, pid) = (place.path("transfers"), place.path("pid"));
    let check = |flags: &[&str]| {
        let mut command = place.command();
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

    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = taken
        .local_addr()
        .expect("an address")
        .to_string()
        .replace(':', ",");
    for (flags, status, words) in [
        (&["-S", &address][..], 69, "another program listens there"),
        (
            &["-l", "puredb:/no/such/database"],
            78,
            "/no/such/database: No such file or directory",
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
    let place = Place::new();
    let mut command = place.command();
    command.args([
        "-S",
        "127.0.0.1,0",
        "--listen",
        "127.0.0.2,0",
        "--listen",
        "127.0.0.3,0",
    ]);
    command.arg("--printport").stdout(Stdio::piped());
    let mut server = Ended(command.spawn().expect("it starts"));
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
fn sigusr1_logs_a_line_of_counters() {
    let place = Place::new();
    fs::write(place.path("root/f"), [b'x'; 1000]).expect("a file");
    let port = free_port();
    let errors = place.path("errors");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
    command.args([
        "-H",
        "--anonymoususer",
        "nobody",
        "-S",
        &format!("127.0.0.1,{port}"),
    ]);
    command.arg("--anonymousroot").arg(place.path("root"));
    command
        .stdin(Stdio::null())
        .stderr(fs::File::create(&errors).expect("a file"));
    let server = Ended(command.spawn().expect("it starts"));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    within("it serves", || is_served(address));
    let mut client = Client::connect(address).expect("a connection");
    client.reply().expect("a greeting");
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    let at = client.ask_passive().expect("a port");
    let mut data = crate::common::client::connect_data(at).expect("a connection");
    assert_eq!(client.command("RETR f").expect("a reply").code, 150);
    std::io::copy(&mut data, &mut std::io::sink()).expect("bytes");
    assert_eq!(client.reply().expect("a reply").code, 226);
    kill_process(Pid::from_child(&server.0), Signal::USR1).expect("it is there");
    let wanted = "Signal 10: 1 sessions now (1 anonymous), 2 since the start; uploads: 0 whole, 0 broken, 0 bytes; \
                  downloads: 1 whole, 0 broken, 1000 bytes";
    within(wanted, || {
        fs::read_to_string(&errors).is_ok_and(|said| said.contains(wanted))
    });
}

#[test]
fn flags_from_the_environment_hold_and_those_of_the_command_line_win() {
    let place = Place::new();
    let printed = |arguments: &[&str]| {
        let mut command = place.command();
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
    let mut wrong = place.command();
    wrong.env("WHARF_MAXCLIENTSNUMBER", "many");
    let output = run(wrong);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(
        said.starts_with("wharf-ftpd: WHARF_MAXCLIENTSNUMBER: "),
        "{said}"
    );
}
