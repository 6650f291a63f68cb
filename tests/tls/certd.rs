//! Certificates that a program behind a socket chooses (`-3`).

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use crate::certificates::{of_file, shown};
use crate::common::client::Client;
use crate::common::server::{Place, wharf_argv};
use crate::common::waiting::within;
use crate::fixture::{SIZE, Served, content, make_certificate};
use crate::peer::{Peer, config, forgetful, read_all, shake};

/// How long a handshake is given up after, at most, with room for a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A home with the certificate of `-2` and two others.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().expect("a home");
        for (file, host) in [
            ("server", "localhost"),
            ("one", "one.example"),
            ("two", "two.example"),
        ] {
            make_certificate(folder.path(), file, host, 30);
        }
        Home { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path").to_owned()
    }

    /// A server that asks at the socket in the home.
    fn serve(self, flags: &[&str]) -> Served {
        let (socket, pem) = (self.text("socket"), self.text("server.pem"));
        let all = [&["-Y", "1", "-2", &pem, "-3", &socket], flags].concat();
        Served::start_with(self.folder, &all)
    }
}

/// A program that answers each question, given without its last line, by this function; ends with the test's process.
fn answer(socket: &Path, answer: impl Fn(&str, &mut UnixStream) + Send + Sync + 'static) {
    let listener = UnixListener::bind(socket).expect("a socket");
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let answer = std::sync::Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut asked = [0; 512];
                let count = stream.read(&mut asked).unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..count]).into_owned();
                // The look at the start asks nothing.
                if let Some(asked) = asked.strip_suffix("\nend\n") {
                    answer(asked, &mut stream);
                }
            });
        }
    });
}

/// Says AUTH TLS and begins a handshake that must fail.
fn refused(served: &Served, name: &str) {
    let mut plain = Client::connect(served.address()).expect("connects");
    plain.reply().expect("a greeting");
    assert_eq!(plain.command("AUTH TLS").expect("a reply").code, 234);
    let socket = plain.stream().try_clone().expect("the socket");
    let shaken = shake(socket, &config(&TLS13), name);
    assert!(shaken.is_err(), "{name} was shown a certificate");
}

#[track_caller]
fn logged(served: &Served, words: &str) {
    within(Duration::from_secs(10), words, || {
        served.server.errors().contains(words)
    });
}

fn connect(served: &Served, name: &str) -> Peer {
    Peer::connect_as(served, config(&TLS13), name, &[])
}

#[test]
fn each_name_gets_the_certificate_the_program_says_also_on_data_connections() {
    let home = Home::new();
    let folder = home.folder.path().to_owned();
    let (one, two) = (home.path("one.crt"), home.path("two.pem"));
    answer(&home.path("socket"), move |asked, stream| {
        let file = |name: &str| folder.join(name).display().to_string();
        let said = match asked.strip_prefix("sni_name:").expect("a name") {
            "one.example" => format!(
                "action:strict\ncert_file:{}\nkey_file:{}\nend\n",
                file("one.crt"),
                file("one.key")
            ),
            "two.example" => format!("action:fallback\ncert_file:{}\nend\n", file("two.pem")),
            _ => "action:default\nend\n".to_owned(),
        };
        stream.write_all(said.as_bytes()).expect("an answer");
    });
    let served = home.serve(&[]);
    let configured = served.mine("server.pem");
    for (name, file) in [
        ("one.example", &one),
        ("two.example", &two),
        ("three.example", &configured),
        // An address is no name, so nobody is asked.
        ("127.0.0.1", &configured),
    ] {
        for version in [&TLS12, &TLS13] {
            let peer = Peer::connect_as(&served, config(version), name, &[]);
            assert!(shown(&peer.control) == of_file(file), "{name}");
        }
    }
    let mut peer = connect(&served, "one.example");
    peer.log_in();
    for command in ["PBSZ 0", "PROT P", "TYPE I"] {
        assert_eq!(peer.command(command).0, 200);
    }
    // One that resumes, and one that is shown the certificate anew, though it asks for no such name.
    let mut data = peer.open_with(&served, "RETR pub/file", &peer.config.clone());
    assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
    assert_eq!(peer.reply().0, 226);
    let mut data = peer.open_with(&served, "RETR pub/file", &forgetful(&peer.config));
    assert!(!Peer::resumed(&data) && shown(&data) == of_file(&one));
    assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
    assert_eq!(peer.reply().0, 226);
    let errors = served.server.errors();
    assert!(!errors.contains("-3"), "{errors}");
}

#[test]
fn clients_that_begin_with_tls_are_asked_for_as_well() {
    let home = Home::new();
    let pem = home.text("one.pem");
    answer(&home.path("socket"), move |_, stream| {
        let said = format!("action:strict\ncert_file:{pem}\nend\n");
        stream.write_all(said.as_bytes()).expect("an answer");
    });
    let served = home.serve(&["--implicittls"]);
    for (name, file) in [("one.example", "one.pem"), ("127.0.0.1", "server.pem")] {
        let socket = std::net::TcpStream::connect(served.address()).expect("connects");
        let mut control = shake(socket, &config(&TLS13), name).expect("a handshake");
        assert!(shown(&control) == of_file(&served.mine(file)), "{name}");
        let mut greeting = [0; 4];
        control.read_exact(&mut greeting).expect("a greeting");
        assert!(greeting.starts_with(b"220"));
    }
}

#[test]
fn a_session_is_resumed_under_the_programs_certificates() {
    let home = Home::new();
    let pem = home.text("one.pem");
    answer(&home.path("socket"), move |_, stream| {
        let said = format!("action:strict\ncert_file:{pem}\nend\n");
        stream.write_all(said.as_bytes()).expect("an answer");
    });
    let served = home.serve(&[]);
    let mut first = connect(&served, "one.example");
    // Tickets come with the first reply.
    assert_eq!(first.command("NOOP").0, 200);
    let second = Peer::connect_as(&served, first.config.clone(), "one.example", &[]);
    assert!(Peer::resumed(&second.control));
}

#[test]
fn denied_and_unusable_certificates_end_the_handshake_and_fallback_takes_the_other() {
    let home = Home::new();
    fs::write(home.path("rubbish"), "nothing of the kind").expect("a file");
    make_certificate(home.folder.path(), "old", "old.example", -1);
    let folder = home.folder.path().to_owned();
    answer(&home.path("socket"), move |asked, stream| {
        let name = asked.strip_prefix("sni_name:").expect("a name");
        let (action, file) = name.split_once('.').expect("two parts");
        let file = folder.join(file).display().to_string();
        let said = match action {
            "silent" => String::new(),
            "half" => "action:default\n".to_owned(),
            _ => format!("action:{action}\ncert_file:{file}\nend\n"),
        };
        stream.write_all(said.as_bytes()).expect("an answer");
    });
    let served = home.serve(&[]);
    for (name, words) in [
        ("deny.one", "no certificate for deny.one: denied by -3"),
        ("strict.missing", "missing: No such file or directory"),
        ("strict.rubbish", "rubbish: no certificate in it"),
        ("strict.old.pem", "old.pem: the certificate expired on "),
        ("strict.one.crt", "one.crt: no private key in it"),
        ("silent.x", "no certificate for silent.x: -3: "),
        ("half.x", "an answer without the line end"),
        (
            "other.x",
            "an action that is not deny, default, fallback or strict",
        ),
    ] {
        refused(&served, name);
        logged(&served, words);
    }
    let configured = of_file(&served.mine("server.pem"));
    for (name, words) in [
        (
            "fallback.missing",
            "missing: No such file or directory; fallback.missing gets",
        ),
        (
            "fallback.rubbish",
            "rubbish: no certificate in it (expected PEM); fallback.rubbish gets",
        ),
    ] {
        assert!(
            shown(&connect(&served, name).control) == configured,
            "{name}"
        );
        logged(&served, words);
    }
    // Others never notice.
    assert!(
        shown(&connect(&served, "fallback.one.pem").control) == of_file(&served.mine("one.pem"))
    );
}

/// Threats C8: whoever is asked may hang.
#[test]
fn c8_a_program_that_hangs_delays_nobody_else_and_its_handshake_is_given_up() {
    let home = Home::new();
    let pem = home.text("one.pem");
    answer(&home.path("socket"), move |asked, stream| {
        if asked.contains("slow") {
            std::thread::sleep(PATIENCE * 2);
        }
        let said = format!("action:strict\ncert_file:{pem}\nend\n");
        // Whoever asked may be gone.
        let _ = stream.write_all(said.as_bytes());
    });
    let served = home.serve(&[]);
    let mut before = Peer::connect_as(&served, config(&TLS13), "127.0.0.1", &[]);
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let served = &served;
        let hanging: Vec<_> = (0..6)
            .map(|_| scope.spawn(move || refused(served, "slow.example")))
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        for _ in 0..3 {
            let asked = Instant::now();
            assert_eq!(before.command("NOOP").0, 200);
            connect(served, "one.example").log_in();
            let mut plain = Client::connect(served.address()).expect("connects");
            assert_eq!(plain.reply().expect("a greeting").code, 220);
            let took = asked.elapsed();
            assert!(took < Duration::from_secs(3), "others waited {took:?}");
        }
        assert!(hanging.iter().all(|hanging| !hanging.is_finished()));
        for hanging in hanging {
            hanging.join().expect("it is refused");
        }
        let took = begun.elapsed();
        assert!(took < PATIENCE, "given up after {took:?}");
    });
    logged(&served, "no certificate for slow.example: -3: ");
}

#[test]
fn a_program_that_comes_late_is_waited_for_and_without_one_a_start_warns() {
    let home = Home::new();
    let (pem, socket) = (home.text("one.pem"), home.path("socket"));
    let served = home.serve(&[]);
    logged(
        &served,
        "until a program listens there, TLS clients that ask for a name are turned away",
    );
    refused(&served, "one.example");
    logged(&served, "no certificate for one.example: -3: ");
    assert!(shown(&connect(&served, "127.0.0.1").control) == of_file(&served.mine("server.pem")));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| shown(&connect(&served, "one.example").control));
        std::thread::sleep(Duration::from_millis(500));
        answer(&socket, move |_, stream| {
            let said = format!("action:strict\ncert_file:{pem}\nend\n");
            stream.write_all(said.as_bytes()).expect("an answer");
        });
        assert!(waiting.join().expect("a certificate") == of_file(&served.mine("one.pem")));
    });
}

#[test]
fn a_check_looks_at_the_socket() {
    let home = Home::new();
    let check = |socket: &str| {
        let place = Place::new().expect("a place");
        let words = wharf_argv(&place);
        let pem = home.text("server.pem");
        let output = std::process::Command::new(&words[0])
            .args(&words[1..])
            .args(["-S", "127.0.0.1,0", "--check", "-Y", "1", "-2", &pem])
            .args(["-3", socket])
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (status, said) = check(&home.text("server.pem"));
    assert_eq!(status, Some(78), "{said}");
    assert!(
        said.starts_with("wharf-ftpd: -3 ") && said.contains("not a socket"),
        "{said}"
    );
    let (status, said) = check(&format!("/{}", "x".repeat(108)));
    assert_eq!(status, Some(78), "{said}");
    let (status, said) = check(&home.text("none"));
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("-3 ") && said.contains("No such file"),
        "{said}"
    );
    answer(&home.path("socket"), |_, _| ());
    let (status, said) = check(&home.text("socket"));
    assert_eq!((status, said.contains("-3")), (Some(0), false), "{said}");
}

#[test]
fn a_beginning_that_comes_in_pieces_is_understood_and_garbage_ends_its_session() {
    let home = Home::new();
    let pem = home.text("one.pem");
    answer(&home.path("socket"), move |asked, stream| {
        let said = match asked {
            "sni_name:one.example" => format!("action:strict\ncert_file:{pem}\nend\n"),
            _ => "action:deny\nend\n".to_owned(),
        };
        stream.write_all(said.as_bytes()).expect("an answer");
    });
    let served = home.serve(&[]);
    let begun = || {
        let mut plain = Client::connect(served.address()).expect("connects");
        plain.reply().expect("a greeting");
        assert_eq!(plain.command("AUTH TLS").expect("a reply").code, 234);
        plain.stream().try_clone().expect("the socket")
    };
    let mut socket = begun();
    let name = "one.example".try_into().expect("a name");
    let config = std::sync::Arc::new(config(&TLS12));
    let mut client = rustls::ClientConnection::new(config, name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("a hello");
    for piece in hello.chunks(hello.len() / 3) {
        socket.write_all(piece).expect("sends");
        std::thread::sleep(Duration::from_millis(50));
    }
    while client.is_handshaking() {
        client.complete_io(&mut socket).expect("a handshake");
    }
    let one = of_file(&served.mine("one.pem"));
    let chain = client.peer_certificates().expect("a certificate");
    assert!(chain[0].as_ref() == one);
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 5000],
        &[0x16, 3, 1, 0, 4, 1, 0, 0, 0],
    ] {
        let mut socket = begun();
        socket.write_all(garbage).expect("sends");
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let mut rest = Vec::new();
        // What is left of it may be an alert, or nothing.
        let ended = socket
            .read_to_end(&mut rest)
            .map_or_else(|error| error.kind(), |_| std::io::ErrorKind::UnexpectedEof);
        assert_ne!(ended, std::io::ErrorKind::WouldBlock);
        assert!(rest.len() < 100);
    }
    assert!(shown(&connect(&served, "one.example").control) == one);
}
