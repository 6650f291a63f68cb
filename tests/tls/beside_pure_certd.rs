//! `wharf-certd` and Debian's pure-certd, each behind both servers. `WHARF_PURE_PW` names Debian's pure-pw, beside which the
//! other programs of its package lie (`.ci/test` sets it).

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustls::version::TLS13;
use tempfile::TempDir;

use crate::certificates::{of_file, shown};
use crate::common::client::Client;
use crate::common::skipping::cannot;
use crate::common::waiting::within;
use crate::fixture::{Served, make_certificate};
use crate::peer::{Peer, config, shake};

const PATIENCE: Duration = Duration::from_secs(30);

/// A program that ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::null());
        Running(command.spawn().expect("the program starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of Debian's Pure-FTPd, for root.
fn pure(name: &str) -> Option<Command> {
    let named = std::env::var_os("WHARF_PURE_PW").filter(|path| !path.is_empty());
    if cannot(named.is_none(), "WHARF_PURE_PW names no pure-pw") {
        return None;
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return None;
    }
    let named = PathBuf::from(named?);
    let folder = named.ancestors().nth(2)?;
    Some(Command::new(folder.join("sbin").join(name)))
}

fn wharf_certd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wharf-certd"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Certificates in files, one of them that of `-2`, and a program that answers by their names.
struct Home(TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().expect("a home"));
        for (file, host) in [("server", "localhost"), ("one.example", "one.example")] {
            make_certificate(home.0.path(), file, host, 30);
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, text: &str) {
        let path = self.path("program");
        fs::write(&path, text).expect("the program");
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
    }

    /// The files of a name, in parts; `default` and `deny` are what they say.
    fn script_by_name(&self) {
        let folder = self.0.path().display();
        self.script(&format!(
            "#!/bin/sh\n\
            case $CERTD_SNI_NAME in deny | default) echo action:$CERTD_SNI_NAME ;;\n\
            slow.example) sleep 5; echo action:default ;;\n\
            *) printf '%s\\n' action:strict \"cert_file:{folder}/$CERTD_SNI_NAME.crt\" \"key_file:{folder}/$CERTD_SNI_NAME.key\" ;;\n\
            esac\necho end\n"
        ));
    }

    /// Starts one of the programs, and waits until it listens.
    fn run(&self, mut certd: Command) -> Running {
        let socket = self.path("socket");
        certd.arg("-s").arg(&socket);
        certd.arg("-r").arg(self.path("program"));
        certd.arg("-p").arg(self.path("pid"));
        let running = Running::start(&mut certd);
        within(PATIENCE, "it listens", || socket.exists());
        running
    }

    fn serve(self) -> Served {
        let (pem, socket) = (self.path("server.pem"), self.path("socket"));
        Served::start_with(self.0, &["-Y", "1", "-2", text(&pem), "-3", text(&socket)])
    }
}

/// The certificate that is shown for a name; none where the handshake is refused.
fn certificate(server: SocketAddr, name: &str) -> Option<Vec<u8>> {
    let mut plain = Client::connect(server).expect("connects");
    plain.reply().expect("a greeting");
    assert_eq!(plain.command("AUTH TLS").expect("a reply").code, 234);
    let socket = plain.stream().try_clone().expect("the socket");
    let shaken = shake(socket, &config(&TLS13), name).ok()?;
    Some(shown(&shaken))
}

/// What both servers do with the answers of [`Home::script_by_name`].
#[track_caller]
fn assert_shown(server: SocketAddr, folder: &Path) {
    let configured = Some(of_file(&folder.join("server.crt")));
    let one = Some(of_file(&folder.join("one.example.crt")));
    assert!(certificate(server, "one.example") == one);
    assert!(certificate(server, "127.0.0.1") == configured);
    assert!(certificate(server, "deny").is_none());
    assert!(certificate(server, "missing.example").is_none());
}

#[test]
fn wharf_certd_answers_the_server_and_a_slow_program_for_one_name_delays_no_other() {
    let home = Home::new();
    home.script_by_name();
    let _certd = home.run(wharf_certd());
    let served = home.serve();
    assert_shown(served.address(), served.home());
    let configured = of_file(&served.mine("server.crt"));
    assert!(certificate(served.address(), "default").is_some_and(|found| found == configured));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| certificate(served.address(), "slow.example"));
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        assert_shown(served.address(), served.home());
        assert!(begun.elapsed() < Duration::from_secs(4) && !slow.is_finished());
        assert!(
            slow.join()
                .expect("an answer")
                .is_some_and(|found| found == configured)
        );
    });
}

#[test]
fn the_server_asks_debians_pure_certd() {
    let Some(certd) = pure("pure-certd") else {
        return;
    };
    let home = Home::new();
    home.script_by_name();
    let _certd = home.run(certd);
    let served = home.serve();
    assert_shown(served.address(), served.home());
}

#[test]
fn debians_pure_ftpd_asks_wharf_certd() {
    let Some(mut ftpd) = pure("pure-ftpd") else {
        return;
    };
    let home = Home::new();
    home.script_by_name();
    let _certd = home.run(wharf_certd());
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a port");
    ftpd.arg("-S").arg(format!("127.0.0.1,{}", address.port()));
    ftpd.args(["-H", "-E", "-lunix", "-Y", "1", "-2"])
        .arg(home.path("server.pem"))
        .arg("-3")
        .arg(home.path("socket"))
        .arg("-g")
        .arg(home.path("ftpd.pid"));
    let _ftpd = Running::start(&mut ftpd);
    within(PATIENCE, "pure-ftpd listens", || {
        TcpStream::connect(address).is_ok()
    });
    assert_shown(address, home.0.path());
}

#[test]
fn the_example_finds_what_certbot_leaves_and_what_it_renews() {
    let home = Home::new();
    let live = home.path("live");
    let folder = live.join("one.example");
    fs::create_dir_all(&folder).expect("a folder");
    let put = |name: &str| {
        for (part, to) in [("crt", "fullchain.pem"), ("key", "privkey.pem")] {
            let from = home.path(&format!("{name}.{part}"));
            fs::copy(from, folder.join(to)).expect("a copy");
        }
    };
    put("one.example");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/certificates.sh");
    let example = fs::read_to_string(example).expect("the program");
    assert!(example.contains("/etc/letsencrypt/live"));
    home.script(&example.replace("/etc/letsencrypt/live", text(&live)));
    make_certificate(home.0.path(), "renewed", "one.example", 90);
    let _certd = home.run(wharf_certd());
    let (pem, socket) = (home.path("server.pem"), home.path("socket"));
    let flags = ["-Y", "1", "-2", text(&pem), "-3", text(&socket)];
    let served = Served::start_with(tempfile::tempdir().expect("a home"), &flags);
    let shown_for = |name: &str| {
        let peer = Peer::connect_as(&served, config(&TLS13), name, &[]);
        shown(&peer.control)
    };
    for name in ["one.example", "ONE.Example"] {
        assert!(
            shown_for(name) == of_file(&home.path("one.example.crt")),
            "{name}"
        );
    }
    for name in ["two.example", "localhost"] {
        assert!(shown_for(name) == of_file(&pem), "{name}");
    }
    put("renewed");
    assert!(shown_for("one.example") == of_file(&home.path("renewed.crt")));
    fs::write(folder.join("privkey.pem"), "half of it").expect("a file");
    assert!(shown_for("one.example") == of_file(&pem));
}

#[test]
fn what_it_cannot_do_it_says_in_one_line_with_its_name() {
    let home = Home::new();
    home.script_by_name();
    let _certd = home.run(wharf_certd());
    let socket = home.path("socket");
    let program = home.path("program");
    for (words, status) in [
        (&["-s", "/tmp/x"][..], 64),
        (&["-s", "/tmp/x", "-r", "relative"], 78),
        (&["-s", text(&socket), "-r", text(&program)], 69),
        (&["-B", "-s", text(&socket), "-r", text(&program)], 69),
    ] {
        let output = wharf_certd().args(words).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
        assert!(
            said.starts_with("wharf-certd: ") && said.lines().count() == 1,
            "{said}"
        );
    }
    let mode = fs::metadata(&socket).expect("the socket").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}
