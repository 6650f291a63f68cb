//! `--serve`, as somebody uses it who wants a folder to be on another machine within a minute.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::common::client::{Client, Reply};
use crate::common::ending::end;
use crate::common::programs::{attempt, program};
use crate::common::waiting::within;
use crate::fixture::with_peer;

const PATIENCE: Duration = Duration::from_secs(10);

/// A started `--serve`, its folder and what it printed.
struct Share {
    folder: TempDir,
    child: Child,
    page: String,
}

impl Share {
    /// With two files, one hidden, and a directory in it.
    fn start(flags: &[&str]) -> Share {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = folder.path().join("shared");
        fs::create_dir_all(shared.join("sub")).expect("folders");
        fs::write(shared.join("a.txt"), "content").expect("a file");
        fs::write(shared.join(".hidden"), "secret").expect("a file");
        if geteuid().is_root() {
            // Root's own folders are shared with the rights of nobody.
            for name in [".", "sub", "a.txt", ".hidden"] {
                std::os::unix::fs::chown(shared.join(name), Some(65534), Some(65534))
                    .expect("an owner");
            }
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(folder.path(), open).expect("a mode");
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"))
            .arg("--serve")
            .arg(&shared)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("the server starts");
        let out = child.stdout.take().expect("its output");
        let mut page = String::new();
        for line in BufReader::new(out).lines() {
            let line = line.expect("text");
            page.push_str(&line);
            page.push('\n');
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        let share = Share {
            folder,
            child,
            page,
        };
        assert!(
            share.page.contains("Ctrl-C"),
            "{}{}",
            share.page,
            share.log()
        );
        share
    }

    fn shared(&self) -> PathBuf {
        self.folder.path().join("shared")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The address that is only good on this machine.
    fn url(&self) -> String {
        let mut urls = self
            .page
            .lines()
            .filter(|line| line.starts_with("  ftp://"));
        let url = urls.find(|url| url.contains("127.0.0.1:"));
        url.expect("a URL of this machine").trim().to_owned()
    }

    fn address(&self) -> SocketAddr {
        let url = self.url();
        let place = url.trim_start_matches("ftp://").trim_end_matches('/');
        let place = place.rsplit('@').next().expect("a place");
        place.parse().expect("an address")
    }

    fn anonymous(&self) -> Client {
        let mut client = Client::connect(self.address()).expect("it listens");
        assert_eq!(client.reply().expect("a greeting").code, 220);
        assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
        client
    }

    /// The exit status, when it ends by itself.
    fn ended(&mut self) -> Option<i32> {
        let limit = Instant::now() + PATIENCE;
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not end: {}", self.log());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn download(client: &mut Client, name: &str) -> (Reply, Vec<u8>) {
    let data = client.ask_passive().expect("a port");
    let mut stream = crate::common::client::connect_data(data).expect("data");
    client
        .send(format!("RETR {name}\r\n").as_bytes())
        .expect("sent");
    let first = client.reply().expect("a reply");
    if first.code != 150 {
        return (first, Vec::new());
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("bytes");
    (client.reply().expect("a reply"), bytes)
}

/// curl, or none where there is none.
fn curl(share: &Share, words: &[&str]) -> Option<(bool, String)> {
    let mut curl = program("curl")?;
    curl.args(["-sS", "--max-time", "10"]).args(words);
    Some(attempt(&mut curl, share.folder.path(), ""))
}

#[test]
fn a_folder_is_read_by_everybody_and_changed_by_nobody() {
    if with_peer("it has no such flag") {
        return;
    }
    let share = Share::start(&["-S", "127.0.0.1,0"]);
    assert!(
        share.page.contains("read-only: 1 file, 7 bytes"),
        "{}",
        share.page
    );
    let mut client = share.anonymous();
    let (reply, bytes) = download(&mut client, "a.txt");
    assert_eq!((reply.code, bytes.as_slice()), (226, &b"content"[..]));
    for line in [
        "RETR .hidden",
        "DELE a.txt",
        "MKD x",
        "STOR x",
        "RNFR a.txt",
        "SITE CHMOD 777 a.txt",
    ] {
        client.ask_passive().expect("a port");
        let code = client.command(line).expect("a reply").code;
        assert!((500..=599).contains(&code), "{line}: {code}");
    }
    let data = client.ask_passive().expect("a port");
    client.send(b"LIST -a\r\n").expect("sent");
    let mut listing = String::new();
    let mut stream = crate::common::client::connect_data(data).expect("data");
    assert_eq!(client.reply().expect("a reply").code, 150);
    stream.read_to_string(&mut listing).expect("a listing");
    assert!(
        listing.contains("a.txt") && listing.contains("sub"),
        "{listing}"
    );
    assert!(!listing.contains(".hidden"), "{listing}");
    assert!(data.port() >= 50000 && data.port() <= 50019, "{data}");
}

#[test]
fn the_first_free_port_is_found() {
    if with_peer("it has no such flag") {
        return;
    }
    let (one, two) = (Share::start(&[]), Share::start(&[]));
    let (first, second) = (one.address().port(), two.address().port());
    assert_ne!(first, second);
    for port in [first, second] {
        assert!((2121..=2130).contains(&port), "{port}");
    }
    assert_eq!(download(&mut two.anonymous(), "a.txt").0.code, 226);
}

#[test]
fn who_has_the_password_writes_and_nobody_else_comes_in() {
    if with_peer("it has no such flag") {
        return;
    }
    let share = Share::start(&["--write", "-S", "127.0.0.1,0"]);
    let mut client = Client::connect(share.address()).expect("it listens");
    client.reply().expect("a greeting");
    for (user, password) in [("ftp", "x@"), ("share", "share"), ("share", "")] {
        client.command(&format!("USER {user}")).expect("a reply");
        let code = client
            .command(&format!("PASS {password}"))
            .expect("a reply")
            .code;
        assert!(code >= 500 || code == 421, "{user}: {code}");
        client = Client::connect(share.address()).expect("it listens");
        client.reply().expect("a greeting");
    }
    let url = share.url();
    assert!(url.starts_with("ftp://share:"), "{url}");
    let Some((done, said)) = curl(&share, &["-T", "/etc/hostname", &url]) else {
        return;
    };
    assert!(done, "{said}");
    assert!(share.shared().join("hostname").is_file());
    let (done, said) = curl(&share, &["-Q", "DELE a.txt", &url]).expect("curl");
    assert!(done && !share.shared().join("a.txt").exists(), "{said}");
    let outside = url + "../../../etc/passwd";
    let (done, _) = curl(&share, &["--path-as-is", &outside]).expect("curl");
    assert!(!done, "the folder is the root");
}

#[test]
fn a_drop_box_takes_files_and_tells_nothing_of_them() {
    if with_peer("it has no such flag") {
        return;
    }
    let share = Share::start(&["--write=drop", "-S", "127.0.0.1,0"]);
    let Some((done, said)) = curl(&share, &["-T", "/etc/hostname", &share.url()]) else {
        return;
    };
    assert!(done, "{said}");
    let (done, said) = curl(&share, &["-T", "/etc/hostname", &share.url()]).expect("curl");
    assert!(done, "{said}");
    for name in ["hostname", "hostname.1"] {
        assert_eq!(
            fs::read(share.shared().join(name)).expect(name),
            fs::read("/etc/hostname").expect("the original")
        );
    }
    let mut client = share.anonymous();
    for line in [
        "LIST",
        "NLST",
        "MLSD",
        "STAT .",
        "MLST a.txt",
        "SIZE a.txt",
        "MDTM a.txt",
        "RETR a.txt",
        "APPE hostname",
        "DELE hostname",
        "RNFR hostname",
        "MKD x",
    ] {
        client.ask_passive().expect("a port");
        let code = client.command(line).expect("a reply").code;
        assert!((500..=599).contains(&code), "{line}: {code}");
    }
}

#[test]
fn one_transfer_or_a_time_can_be_its_end() {
    if with_peer("it has no such flag") {
        return;
    }
    let mut share = Share::start(&["--once", "-S", "127.0.0.1,0"]);
    let mut client = share.anonymous();
    assert_eq!(download(&mut client, "nothing").0.code, 550);
    assert!(share.child.try_wait().expect("a status").is_none());
    assert_eq!(download(&mut client, "a.txt").0.code, 226);
    assert_eq!(client.command("QUIT").expect("a reply").code, 221);
    assert_eq!(share.ended(), Some(0));
    let mut share = Share::start(&["--for", "1s", "-S", "127.0.0.1,0"]);
    let mut client = share.anonymous();
    assert_eq!(client.reply().expect("a reply").code, 421);
    assert_eq!(share.ended(), Some(0));
    assert!(
        share.log().contains("--for: the time is over"),
        "{}",
        share.log()
    );
}

#[test]
fn an_interrupt_ends_it_with_status_0() {
    if with_peer("it has no such flag") {
        return;
    }
    let mut share = Share::start(&["-S", "127.0.0.1,0"]);
    // Greeted, it runs.
    share.anonymous();
    let pid = i32::try_from(share.child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), Signal::INT).expect("a signal");
    assert_eq!(share.ended(), Some(0));
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

/// Exit status and standard error of a start that is to be refused.
fn refused(command: &mut Command) -> (Option<i32>, String) {
    let out = command.stdin(Stdio::null()).output().expect("it runs");
    (
        out.status.code(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
    )
}

#[test]
fn a_whole_machine_or_home_is_not_shared_by_mistake() {
    if with_peer("it has no such flag") {
        return;
    }
    let home = tempfile::tempdir().expect("a home");
    let start = |directory: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
        command
            .arg("--serve")
            .arg(directory)
            .env("HOME", home.path());
        refused(&mut command)
    };
    for (directory, what) in [
        (Path::new("/"), "the whole machine"),
        (home.path(), "your home directory"),
        (&home.path().join("../../"), "the whole machine"),
    ] {
        let (status, said) = start(directory);
        assert_eq!(status, Some(64), "{said}");
        assert!(said.contains(what) && said.contains("--yes"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let (status, said) = start(&home.path().join("missing"));
    assert_eq!(status, Some(78), "{said}");
}

#[test]
fn a_bare_start_without_root_names_three_ways_out() {
    if with_peer("it ends with status 0") {
        return;
    }
    // Where nobody may read the build's own folder.
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("wharf-ftpd");
    fs::copy(env!("CARGO_BIN_EXE_wharf-ftpd"), &copy).expect("a copy");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).expect("a mode");
    let mut command = Command::new(&copy);
    command.env_clear().current_dir("/");
    if geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let (status, said) = refused(&mut command);
    assert_eq!(status, Some(77), "{said}");
    for way in ["--serve .", "-S 2121", "setcap"] {
        assert!(said.contains(way), "{said}");
    }
}

#[test]
fn a_terminal_shows_who_transfers_what() {
    if with_peer("it has no such flag") {
        return;
    }
    let Some(mut script) = program("script") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).expect("a folder");
    fs::write(shared.join("big"), vec![0; 1 << 20]).expect("a file");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).expect("a mode");
    let server = format!(
        "exec '{}' --serve '{}' -S 127.0.0.1,0 -t 200",
        env!("CARGO_BIN_EXE_wharf-ftpd"),
        shared.display()
    );
    let typescript = folder.path().join("typescript");
    let script = script
        .args(["-qfec", &server])
        .arg(&typescript)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("script starts");
    let _script = Ended(script);
    let shown = || String::from_utf8_lossy(&fs::read(&typescript).unwrap_or_default()).into_owned();
    within(PATIENCE, "a URL", || shown().contains("Ctrl-C"));
    let text = shown();
    let url = text
        .lines()
        .find(|line| line.starts_with("  ftp://"))
        .expect("a URL");
    let place = url
        .trim()
        .trim_start_matches("ftp://")
        .trim_end_matches('/');
    let mut client = Client::connect(place.parse().expect("an address")).expect("it listens");
    client.reply().expect("a greeting");
    client.command("USER ftp").expect("a reply");
    client.command("TYPE I").expect("a reply");
    let data = client.ask_passive().expect("a port");
    client.send(b"RETR big\r\n").expect("sent");
    let mut stream = crate::common::client::connect_data(data).expect("data");
    let reader = std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    within(PATIENCE, "a picture", || {
        let text = shown();
        text.contains("-- 1 session, 1 transfer")
            && text.contains("big  to 127.0.0.1")
            && text.contains(" %")
    });
    let _ = reader.join();
    within(PATIENCE, "the log above it", || {
        shown().contains("/big downloaded")
    });
}
