//! Certificates of clients: who comes in, under which name, and what comes of data connections.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use crate::authority::Authority;
use crate::certificates::{CONFIGURATION, refused};
use crate::common::client::Client;
use crate::common::programs::{attempt, program};
use crate::common::skipping::cannot;
use crate::common::waiting::within;
use crate::fixture::{SIZE, Served, content, make_certificate};
use crate::peer::{Peer, config, config_showing, forgetful, read_all, send_all, shake};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Two authorities, clients of the first, and one of the second.
struct Ground {
    home: tempfile::TempDir,
    own: Authority,
    other: Authority,
}

const REVOKED: u32 = 7;

impl Ground {
    fn new() -> Ground {
        let home = tempfile::tempdir().expect("a home");
        let own = Authority::new(home.path(), "own");
        let other = Authority::new(home.path(), "other");
        own.client("joe", 5, 30);
        own.client("jane", 6, 30);
        own.client("revoked", REVOKED, 30);
        own.client("old", 8, -1);
        own.client_with("web", 9, 30, "extendedKeyUsage=serverAuth");
        other.client("stranger", 5, 30);
        Ground { home, own, other }
    }

    /// A server that asks for certificates of the first authority.
    fn serve(self, flags: &[&str]) -> (Served, Authority, Authority) {
        let certificate = self.own.certificate();
        self.serve_with(&[&["-Y", "2", "--tlsclientca", &certificate], flags].concat())
    }

    fn serve_with(self, flags: &[&str]) -> (Served, Authority, Authority) {
        let pem = make_certificate(self.home.path(), "server", "localhost", 30);
        let pem = pem.to_str().expect("a path").to_owned();
        let served = Served::start_with(self.home, &[&["-2", &pem], flags].concat());
        (served, self.own, self.other)
    }
}

fn showing(
    version: &'static SupportedProtocolVersion,
    authority: &Authority,
    name: &str,
) -> ClientConfig {
    config_showing(version, authority.shown(name))
}

/// Makes keys and waits until the server hangs up without a word.
fn is_turned_away(served: &Served, config: &ClientConfig) -> bool {
    let mut plain = Client::connect(served.address()).expect("connects");
    plain.reply().expect("a greeting");
    assert_eq!(plain.command("AUTH TLS").expect("a reply").code, 234);
    let socket = plain.stream().try_clone().expect("the socket");
    match shake(socket, config, "localhost") {
        Err(_) => true,
        // With TLS 1.3 a client is done before the server has seen its certificate.
        Ok(mut control) => {
            use std::io::Write;
            let _ = control.write_all(b"NOOP\r\n");
            match control.read(&mut [0; 64]) {
                Ok(0) | Err(_) => true,
                Ok(_) => false,
            }
        }
    }
}

fn logged(served: &Served, words: &str) {
    within(Duration::from_secs(10), words, || {
        served.server.errors().contains(words)
    });
}

fn private(served: &Served, config: ClientConfig) -> Peer {
    let mut peer = Peer::connect(served, config);
    peer.log_in();
    for command in ["PBSZ 0", "PROT P", "TYPE I"] {
        assert_eq!(peer.command(command).0, 200, "{command}");
    }
    peer
}

#[test]
fn only_clients_of_the_authority_come_in_and_the_log_says_why_others_do_not() {
    let (served, own, other) = Ground::new().serve(&[]);
    for version in VERSIONS {
        let mut joe = private(&served, showing(version, &own, "joe"));
        assert_eq!(joe.command("NOOP").0, 200);
        for (who, why) in [
            (
                Some((&other, "stranger")),
                "[stranger] is refused: no authority that is trusted",
            ),
            (Some((&own, "old")), "[old] is refused: it has expired"),
            (
                Some((&own, "web")),
                "[web] is refused: it is not one for clients",
            ),
            (None, "shows no certificate"),
        ] {
            let config = match who {
                Some((authority, name)) => showing(version, authority, name),
                None => config(version),
            };
            assert!(is_turned_away(&served, &config), "{why}");
            logged(&served, why);
        }
    }
    logged(&served, "The client showed the certificate of [joe]");
}

#[test]
fn where_it_is_optional_clients_without_one_come_in_and_those_with_a_bad_one_do_not() {
    let (served, own, other) = Ground::new().serve(&["--tlsclientcert", "optional"]);
    for version in VERSIONS {
        let mut nobody = private(&served, config(version));
        let mut data = nobody.open(&served, "RETR pub/file");
        assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
        assert_eq!(nobody.reply().0, 226);
        private(&served, showing(version, &own, "joe"));
        assert!(is_turned_away(
            &served,
            &showing(version, &other, "stranger")
        ));
    }
}

#[test]
fn data_connections_resume_or_show_the_same_certificate() {
    let (served, own, _) = Ground::new().serve(&[]);
    for version in VERSIONS {
        let mut joe = private(&served, showing(version, &own, "joe"));
        let mut data = joe.open(&served, "RETR pub/file");
        assert!(Peer::resumed(&data));
        assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
        assert_eq!(joe.reply().0, 226);
        // The same certificate in a handshake of its own.
        let again = forgetful(&joe.config);
        let mut data = joe.open_with(&served, "RETR pub/file", &again);
        assert!(!Peer::resumed(&data));
        assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
        assert_eq!(joe.reply().0, 226);
        let data = joe.open_with(&served, "STOR incoming/up", &again);
        send_all(data, b"abc");
        assert_eq!(joe.reply().0, 226);
        fs::remove_file(served.served("incoming/up")).expect("it came");
        // That of another client, also one whose session could be resumed.
        let jane = private(&served, showing(version, &own, "jane"));
        for config in [&forgetful(&jane.config), &jane.config] {
            let mut data = joe.open_with(&served, "RETR pub/file", config);
            assert_eq!(joe.reply().0, 522);
            assert!(read_all(&mut data).unwrap_or_default().is_empty());
            let data = joe.open_with(&served, "STOR incoming/up", config);
            assert_eq!(joe.reply().0, 522);
            drop(data);
            assert!(!served.served("incoming/up").exists());
        }
        // None.
        let data = joe.open_clear(&served, "RETR pub/file");
        let shaken = shake(data, &config(version), "localhost");
        assert_eq!(joe.reply().0, 522);
        assert!(
            shaken.is_err()
                || shaken.is_ok_and(|mut data| !matches!(data.read(&mut [0; 9]), Ok(1..)))
        );
        assert_eq!(joe.command("NOOP").0, 200);
    }
}

/// Optional does not mean that data connections of whoever showed one may go without.
#[test]
fn a_session_with_a_certificate_has_no_data_connection_without() {
    let (served, own, _) = Ground::new().serve(&["--tlsclientcert", "optional"]);
    for version in VERSIONS {
        let mut joe = private(&served, showing(version, &own, "joe"));
        let mut data = joe.open_with(&served, "RETR pub/file", &config(version));
        assert_eq!(joe.reply().0, 522);
        assert!(read_all(&mut data).unwrap_or_default().is_empty());
        logged(&served, "it shows another certificate than the session's");
    }
}

/// A ticket has the certificate that was good when it was made.
#[test]
fn no_control_connection_resumes_a_session() {
    let (served, own, _) = Ground::new().serve(&[]);
    for version in VERSIONS {
        let joe = private(&served, showing(version, &own, "joe"));
        let again = Peer::connect(&served, joe.config.clone());
        assert!(!Peer::resumed(&again.control));
    }
}

#[test]
fn revoked_clients_are_refused_by_lists_in_pem_and_der() {
    let ground = Ground::new();
    ground.own.revoke("list.pem", &[REVOKED], None);
    ground.own.to_der("list.pem", "list.der");
    ground.other.revoke("list.pem", &[], None);
    let (list, of_others) = (ground.own.path("list.der"), ground.other.path("list.pem"));
    let (served, own, _) = ground.serve(&["--tlscrl", &list, "--tlscrl", &of_others]);
    for version in VERSIONS {
        private(&served, showing(version, &own, "joe"));
        assert!(is_turned_away(&served, &showing(version, &own, "revoked")));
    }
    logged(&served, "[revoked] is refused: it was revoked");
}

#[test]
fn where_no_list_in_time_tells_nobody_is_let_in() {
    let ground = Ground::new();
    ground.own.revoke(
        "list.pem",
        &[],
        Some(("20200101000000Z", "20200201000000Z")),
    );
    let list = ground.own.path("list.pem");
    let (served, own, _) = ground.serve(&["--tlscrl", &list]);
    logged(&served, "a newer one was due on 2020-02-01");
    assert!(is_turned_away(&served, &showing(&TLS13, &own, "joe")));
    logged(
        &served,
        "[joe] is refused: the revocation list is out of date",
    );

    let ground = Ground::new();
    ground.other.revoke("list.pem", &[], None);
    let list = ground.other.path("list.pem");
    let (served, own, _) = ground.serve(&["--tlscrl", &list]);
    assert!(is_turned_away(&served, &showing(&TLS13, &own, "joe")));
    logged(&served, "[joe] is refused: no revocation list tells");
}

#[test]
fn the_user_is_the_one_of_the_certificate() {
    for (kind, name, others) in [
        ("cn", "joe", ["jane", "JOE"]),
        ("email", "joe@example.org", ["joe", "jane@example.org"]),
        ("dns", "joe.example.org", ["joe", "anonymous"]),
    ] {
        let (served, own, _) = Ground::new().serve(&["--tlsclientname", kind]);
        let mut joe = Peer::connect(&served, showing(&TLS13, &own, "joe"));
        for other in others {
            assert_eq!(
                joe.command(&format!("USER {other}")).0,
                530,
                "{kind} {other}"
            );
        }
        assert_eq!(joe.command("USER anonymous").0, 530);
        assert_eq!(joe.command("PASS x").0, 530, "nobody was named");
        assert_eq!(joe.command(&format!("USER {name}")).0, 331, "{kind}");
        logged(
            &served,
            "Can't login as [anonymous]: the certificate is that of [joe]",
        );
    }
    let flags = ["--tlsclientname", "cn", "--tlsclientcert", "optional"];
    let (served, own, _) = Ground::new().serve(&flags);
    let mut nobody = Peer::connect(&served, config(&TLS13));
    assert_eq!(nobody.command("USER ftp").0, 230);
    let mut joe = Peer::connect(&served, showing(&TLS13, &own, "joe"));
    assert_eq!(joe.command("USER ftp").0, 530);
}

/// "secret" by SHA-256.
const HASH: &str = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";

/// Accounts of a file in the form of passwd, each with its own number and home.
fn accounts(ground: &Ground, users: &[(&str, &str)]) -> String {
    let home = ground.home.path();
    fs::set_permissions(home, Permissions::from_mode(0o755)).expect("a mode");
    let mut text = String::new();
    for (number, (name, hash)) in (20_106..).zip(users) {
        let own = home.join(format!("of-{name}"));
        fs::create_dir(&own).expect("a directory");
        fs::write(own.join("whose"), name).expect("a file");
        chown(&own, Some(number), Some(number)).expect("an owner");
        text += &format!(
            "{name}:{hash}:{number}:{number}::{}:/bin/sh\n",
            own.display()
        );
    }
    let file = home.join("users");
    fs::write(&file, text).expect("a file");
    format!("passwd:{}", file.display())
}

#[test]
fn the_certificate_is_enough_where_the_flag_says_so() {
    if cannot(!geteuid().is_root(), "accounts of others need root") {
        return;
    }
    let ground = Ground::new();
    let locked = format!("!{HASH}");
    let source = accounts(&ground, &[("joe", HASH), ("jane", &locked), ("web", HASH)]);
    let denied = ground.own.path("denied");
    fs::write(&denied, "revoked\n").expect("a file");
    let flags = [
        "-l",
        &source,
        "-A",
        "--tlsclientname",
        "cn",
        "--tlsclientcert",
        "optional",
    ];
    let flags = [&flags[..], &["--tlsclientlogin", "--denyusers", &denied]].concat();
    let (served, own, _) = ground.serve(&flags);
    for version in VERSIONS {
        let mut joe = Peer::connect(&served, showing(version, &own, "joe"));
        let (code, text) = joe.command("USER joe");
        assert_eq!(code, 232, "{text}");
        assert_eq!(joe.command("PASS whatever").0, 202);
        for command in ["PBSZ 0", "PROT P", "TYPE I"] {
            assert_eq!(joe.command(command).0, 200, "{command}");
        }
        let mut data = joe.open(&served, "RETR whose");
        assert_eq!(read_all(&mut data).expect("the file"), b"joe");
        assert_eq!(joe.reply().0, 226);
        assert_eq!(joe.command("USER jane").0, 530);
        // After REIN it is as before.
        assert_eq!(joe.command("REIN").0, 220);
        assert_eq!(joe.command("PWD").0, 530);
        assert_eq!(joe.command("USER jane").0, 530);
        assert_eq!(joe.command("USER joe").0, 232);
    }
    logged(
        &served,
        "joe is now logged in, with the certificate of [joe]",
    );
    // Locked, not there, kept out: for these a password is asked for, and does not help.
    for name in ["jane", "revoked"] {
        let mut other = Peer::connect(&served, showing(&TLS13, &own, name));
        assert_eq!(other.command(&format!("USER {name}")).0, 331, "{name}");
        assert_eq!(other.command("PASS secret").0, 530, "{name}");
    }
    // Nobody without the certificate.
    let mut nobody = Peer::connect(&served, config(&TLS13));
    assert_eq!(nobody.command("USER joe").0, 331);
    assert_eq!(nobody.command("PASS wrong").0, 530);
    assert_eq!(nobody.command("USER joe").0, 331);
    assert_eq!(nobody.command("PASS secret").0, 230);
    // curl asks for nothing more.
    if let Some(mut curl) = program("curl") {
        curl.args(["--silent", "--show-error", "--max-time", "60", "--ssl-reqd"]);
        curl.args(["--user", "joe:nonsense", "--cacert"])
            .arg(served.mine("server.crt"));
        curl.arg("--cert")
            .arg(own.path("joe.crt"))
            .arg("--key")
            .arg(own.path("joe.key"));
        curl.arg(format!("ftp://localhost:{}/whose", served.port()));
        let (succeeded, said) = attempt(&mut curl, served.home(), "");
        assert!(succeeded && said.contains("joe"), "{said}");
    }
}

#[test]
fn without_the_flag_a_password_is_asked_for_besides_the_certificate() {
    if cannot(!geteuid().is_root(), "accounts of others need root") {
        return;
    }
    let ground = Ground::new();
    let source = accounts(&ground, &[("joe", HASH)]);
    let (served, own, _) = ground.serve(&["-l", &source, "--tlsclientname", "cn"]);
    let mut joe = Peer::connect(&served, showing(&TLS13, &own, "joe"));
    assert_eq!(joe.command("USER joe").0, 331);
    assert_eq!(joe.command("PASS wrong").0, 530);
    assert_eq!(joe.command("USER joe").0, 331);
    assert_eq!(joe.command("PASS secret").0, 230);
}

#[test]
fn the_form_of_pure_ftpd_asks_for_clients_of_whoever_signed_the_server() {
    let ground = Ground::new();
    // The server's own certificate in front of the authority's, as Pure-FTPd has them in one file.
    ground
        .own
        .client_with("server", 3, 30, "subjectAltName=DNS:localhost");
    let parts = ["server.crt", "ca.crt", "server.key"];
    let parts = parts.map(|part| fs::read(ground.own.path(part)).expect("a part"));
    let pem = ground.own.path("all.pem");
    fs::write(&pem, parts.concat()).expect("a file");
    let Ground { home, own, other } = ground;
    let served = Served::start_with(home, &["-Y", "2", "-2", &pem, "-J", "-C:HIGH"]);
    for version in VERSIONS {
        private(&served, showing(version, &own, "joe"));
        assert!(is_turned_away(
            &served,
            &showing(version, &other, "stranger")
        ));
        assert!(is_turned_away(&served, &config(version)));
    }
}

#[test]
fn each_thing_that_can_be_wrong_has_its_line() {
    let ground = Ground::new();
    let home = ground.home.path();
    let pem = make_certificate(home, "server", "localhost", 30);
    let pem = pem.to_str().expect("a path");
    let path = |name: &str| home.join(name).to_str().expect("a path").to_owned();
    let write = |name: &str, text: &str| fs::write(path(name), text).expect("a file");
    write("empty", "");
    let broken = "-----BEGIN X-----\nAAAA\n-----END X-----\n";
    write("bad.crt", &broken.replace('X', "CERTIFICATE"));
    write("bad.crl", &broken.replace('X', "X509 CRL"));
    let old = make_certificate(home, "expired", "old.example", -1);
    let old = old.to_str().expect("a path").to_owned();
    let ca = ground.own.certificate();
    let run = |flags: &[&str]| refused(&[&["-Y", "2", "-2", pem], flags].concat());
    for (flag, file, what) in [
        ("--tlsclientca", path("missing"), "No such file"),
        ("--tlsclientca", path("empty"), "no certificate in it"),
        ("--tlsclientca", path("bad.crt"), "cannot be read"),
        ("--tlsclientca", old, "the certificate expired on "),
        ("--tlscrl", path("missing"), "No such file"),
        ("--tlscrl", path("empty"), "no revocation list in it"),
        ("--tlscrl", ca.clone(), "no revocation list in it"),
        (
            "--tlscrl",
            path("bad.crl"),
            "the revocation list cannot be used: it is damaged",
        ),
    ] {
        let mut flags = vec![flag, &file];
        if flag == "--tlscrl" {
            flags.extend(["--tlsclientca", &ca]);
        }
        let (status, said) = run(&flags);
        assert_eq!(status, Some(CONFIGURATION), "{flag} {file}: {said}");
        let start = format!("wharf-ftpd: {flag} {file}: ");
        assert!(said.starts_with(&start) && said.contains(what), "{said}");
        assert_eq!(said.matches('\n').count(), 1, "{said}");
    }
    // A server's certificate that others signed says nothing of clients.
    ground
        .own
        .client_with("server", 3, 30, "subjectAltName=DNS:localhost");
    let pair = format!(
        "{},{}",
        ground.own.path("server.crt"),
        ground.own.path("server.key")
    );
    let (status, said) = refused(&["-Y", "2", "-2", &pair, "-J", "-C:HIGH"]);
    assert_eq!(status, Some(CONFIGURATION), "{said}");
    assert!(
        said.contains("no certificate of -2 is signed by itself"),
        "{said}"
    );
    for (flags, what) in [
        (
            &["--tlsclientcert", "required"][..],
            "expected --tlsclientca FILE beside it",
        ),
        (&["--tlscrl", "x"], "expected --tlsclientca FILE beside it"),
        (
            &["--tlsclientname", "cn"],
            "expected --tlsclientca FILE beside it",
        ),
        (&["--tlsclientca", &ca, "-Y", "1"], "clients without TLS"),
        (
            &["--tlsclientca", &ca, "--tlsfor", "anonymous"],
            "lets users in without TLS",
        ),
        (
            &["--tlsclientca", &ca, "-Y", "0"],
            "expected -Y 2 beside it",
        ),
        (
            &["-J", "-C:HIGH", "--tlsclientcert", "optional"],
            "one of them at most",
        ),
    ] {
        let (status, said) = run(flags);
        assert_eq!(status, Some(64), "{flags:?}: {said}");
        assert!(said.contains(what), "{flags:?}: {said}");
    }
    let login = ["--tlsclientca", &ca, "--tlsclientlogin", "-l", "unix"];
    let (status, said) = run(&login);
    assert_eq!(status, Some(64), "{said}");
    assert!(
        said.contains("expected --tlsclientname beside it"),
        "{said}"
    );
    let login = [
        "--tlsclientca",
        &ca,
        "--tlsclientlogin",
        "--tlsclientname",
        "cn",
    ];
    let (status, said) = run(&[&login[..], &["-l", "extauth:/x"]].concat());
    assert_eq!(status, Some(CONFIGURATION), "{said}");
    assert!(said.contains("no source of -l tells an account"), "{said}");
    let (status, said) = run(&[
        "--tlsclientca",
        &ca,
        "--tlsclientcert",
        "optional",
        "-Y",
        "1",
    ]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn a_signal_brings_new_authorities_and_lists() {
    let ground = Ground::new();
    ground.own.revoke("list.pem", &[], None);
    let list = ground.own.path("list.pem");
    let (served, own, other) = ground.serve(&["--tlscrl", &list]);
    let hang_up = |words: &str, times: usize| {
        let pid = Pid::from_raw(served.server.pid().try_into().expect("a number"));
        kill_process(pid.expect("a process"), Signal::HUP).expect("a signal");
        within(Duration::from_secs(10), words, || {
            served.server.errors().matches(words).count() >= times
        });
    };
    let joe = showing(&TLS13, &own, "joe");
    let mut session = private(&served, joe.clone());
    let before = Resumption::in_memory_sessions(8);
    let mut remembering = joe.clone();
    remembering.resumption = before;
    drop(Peer::connect(&served, remembering.clone()));
    // What joe has is revoked: the old session goes on, a new one is refused, with tickets as without.
    own.revoke("list.pem", &[5], None);
    hang_up("Signal 1: certificates were read again", 1);
    let mut data = session.open(&served, "RETR pub/file");
    assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
    assert_eq!(session.reply().0, 226);
    assert!(is_turned_away(&served, &joe));
    assert!(is_turned_away(&served, &remembering));
    private(&served, showing(&TLS13, &own, "jane"));
    // A broken list changes nothing; a look at the files may have found it before the signal came.
    fs::write(&list, "nothing").expect("a file");
    hang_up("the certificates stay as they were", 1);
    assert!(is_turned_away(&served, &joe));
    private(&served, showing(&TLS13, &own, "jane"));
    // Another authority.
    fs::copy(other.certificate(), own.certificate()).expect("copied");
    other.revoke("list.pem", &[], None);
    fs::copy(other.path("list.pem"), &list).expect("copied");
    hang_up("Signal 1: certificates were read again", 2);
    private(&served, showing(&TLS13, &other, "stranger"));
    assert!(is_turned_away(&served, &showing(&TLS13, &own, "jane")));
}

#[test]
fn a_new_list_needs_no_signal() {
    let ground = Ground::new();
    ground.own.revoke("list.pem", &[], None);
    let list = ground.own.path("list.pem");
    let (served, own, _) = ground.serve(&["--tlscrl", &list]);
    let joe = showing(&TLS13, &own, "joe");
    private(&served, joe.clone());
    own.revoke("list.pem", &[5], None);
    within(Duration::from_secs(20), "joe is refused", || {
        is_turned_away(&served, &joe)
    });
    logged(&served, "[joe] is refused: it was revoked");
}

#[test]
fn curl_comes_in_with_its_certificate_and_not_without() {
    let (served, own, other) = Ground::new().serve(&["-Y", "3"]);
    let file = served.mine("up");
    fs::write(&file, "abc").expect("a file");
    for (number, version) in [
        ["--tlsv1.2", "--tls-max", "1.2"],
        ["--tlsv1.3", "--tls-max", "1.3"],
    ]
    .iter()
    .enumerate()
    {
        for (authority, name, welcome) in [
            (&own, Some("joe"), true),
            (&other, Some("stranger"), false),
            (&own, None, false),
        ] {
            for stores in [false, true] {
                let Some(mut curl) = program("curl") else {
                    return;
                };
                curl.args(["--silent", "--show-error", "--max-time", "60", "--ssl-reqd"]);
                curl.args(version)
                    .arg("--cacert")
                    .arg(served.mine("server.crt"));
                if let Some(name) = name {
                    curl.arg("--cert")
                        .arg(authority.path(&format!("{name}.crt")));
                    curl.arg("--key")
                        .arg(authority.path(&format!("{name}.key")));
                }
                let base = format!("ftp://localhost:{}", served.port());
                match stores {
                    true => {
                        curl.arg("-T").arg(&file);
                        curl.arg(format!("{base}/incoming/{number}"));
                    }
                    false => drop(
                        curl.args(["-o", "/dev/null"])
                            .arg(format!("{base}/pub/file")),
                    ),
                }
                let (succeeded, said) = attempt(&mut curl, served.home(), "");
                assert_eq!(succeeded, welcome, "{name:?} {stores}: {said}");
            }
        }
        assert!(served.served(&format!("incoming/{number}")).exists());
    }
}

/// openssl(1) before 3.2 makes certificates of version 1 where it is given no extensions.
#[test]
fn the_log_says_how_a_certificate_of_version_1_came_about() {
    let ground = Ground::new();
    if !ground.own.client_without_extensions("ancient", 10) {
        return;
    }
    let (served, own, _) = ground.serve(&[]);
    let Some(mut curl) = program("curl") else {
        return;
    };
    curl.args(["--silent", "--max-time", "60", "--ssl-reqd", "--cacert"]);
    curl.arg(served.mine("server.crt"));
    curl.arg("--cert").arg(own.path("ancient.crt"));
    curl.arg("--key").arg(own.path("ancient.key"));
    curl.arg(format!("ftp://localhost:{}/", served.port()));
    let (succeeded, said) = attempt(&mut curl, served.home(), "");
    assert!(!succeeded, "{said}");
    logged(&served, "[ancient] is refused: it is of version 1 (openssl");
}

/// Nobody needs a certificate to learn that a server lives.
#[test]
fn health_takes_a_server_that_asks_for_a_certificate_for_alive() {
    let (served, ..) = Ground::new().serve(&["--implicittls"]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
    command.args(["--health", "--implicittls", "-S"]);
    command.arg(format!("127.0.0.1,{}", served.port()));
    let (succeeded, said) = attempt(&mut command, served.home(), "");
    assert!(succeeded, "{said}");
}
