//! A server with a keeper and without accounts (a low port for active connections needs one): what the keeper holds of the
//! server's, and what a service manager is told when the keeper dies.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::common::client::Client;

const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough for a server that would end to do so.
const A_WHILE: Duration = Duration::from_secs(2);

struct Server {
    child: Child,
    address: SocketAddr,
    manager: UnixDatagram,
    folder: TempDir,
}

impl Server {
    /// None where there is no root to start it.
    fn start() -> Option<Server> {
        if !geteuid().is_root() {
            assert!(std::env::var_os("CI").is_none(), "in CI this must run");
            eprintln!("skipped: ports below 1024 need root");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let notify = folder.path().join("notify");
        let manager = UnixDatagram::bind(&notify).expect("a socket");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let child = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"))
            .args([
                "-H",
                "-f",
                "none",
                "--activeport",
                "20",
                "--anonymoususer",
                "nobody",
            ])
            .args([
                "-S",
                &address.to_string().replace(':', ","),
                "--anonymousroot",
            ])
            .arg(folder.path())
            .arg("-g")
            .arg(folder.path().join("pid"))
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        let server = Server {
            child,
            address,
            manager,
            folder,
        };
        assert!(server.is_told("READY=1", PATIENCE));
        Some(server)
    }

    /// Whether the service manager is told a line that begins so, in that time.
    fn is_told(&self, wanted: &str, limit: Duration) -> bool {
        self.manager.set_read_timeout(Some(limit)).expect("a limit");
        let mut buffer = [0; 512];
        while let Ok(length) = self.manager.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]);
            if text.lines().any(|line| line.starts_with(wanted)) {
                return true;
            }
        }
        false
    }

    fn keeper(&self) -> u32 {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("its children");
        children.trim().parse().expect("one keeper")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        crate::common::ending::end(&mut self.child);
    }
}

fn open_files(pid: u32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors");
    let links = descriptors
        .flatten()
        .map(|entry| fs::read_link(entry.path()));
    links.flatten().collect()
}

#[test]
fn a_killed_servers_pid_file_is_not_held_by_its_keeper() {
    let Some(server) = Server::start() else {
        return;
    };
    let file = fs::canonicalize(server.folder.path().join("pid")).expect("the file");
    assert!(open_files(server.child.id()).contains(&file));
    assert!(!open_files(server.keeper()).contains(&file));
}

#[test]
fn a_server_whose_keeper_died_is_not_stopping_as_long_as_a_session_goes_on() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut client = Client::connect(server.address).expect("a connection");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    let keeper = i32::try_from(server.keeper()).ok().and_then(Pid::from_raw);
    kill_process(keeper.expect("a number"), Signal::KILL).expect("it is there");
    // A manager that was told would end the session after its own time.
    assert!(!server.is_told("STOPPING=1", A_WHILE));
    assert_eq!(client.command("NOOP").expect("a reply").code, 200);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    assert!(server.is_told("STOPPING=1", PATIENCE));
}
