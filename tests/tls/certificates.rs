//! Which certificate a client is shown, what is said of bad ones, and how they are changed.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustls::version::{TLS12, TLS13};

use crate::common::server::{Place, wharf_argv};
use crate::common::waiting::within;
use crate::fixture::{SIZE, Served, content, make_certificate};
use crate::peer::{Peer, Protected, config, read_all};

pub(crate) const CONFIGURATION: i32 = 78;

/// The certificate that was shown, in DER.
pub(crate) fn shown(connection: &Protected) -> Vec<u8> {
    let chain = connection.conn.peer_certificates();
    chain
        .and_then(|chain| chain.first())
        .expect("a certificate")
        .to_vec()
}

/// That of a PEM file.
pub(crate) fn of_file(path: &Path) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(path)
        .expect("a certificate")
        .to_vec()
}

#[test]
fn sni_and_host_choose_among_certificates_and_the_first_is_for_the_rest() {
    let home = tempfile::tempdir().expect("a home");
    let one = make_certificate(home.path(), "one", "one.example", 30);
    let two = make_certificate(home.path(), "two", "*.two.example", 30);
    let key = home.path().join("two.key");
    let split = format!(
        "{},{}",
        home.path().join("two.crt").display(),
        key.display()
    );
    let served = Served::start_with(
        home,
        &["-Y", "1", "-2", one.to_str().unwrap(), "-2", &split],
    );
    for (name, file) in [
        ("one.example", &one),
        ("ftp.two.example", &two),
        ("FTP.TWO.EXAMPLE", &two),
        ("three.example", &one),
        ("a.b.two.example", &one),
    ] {
        for version in [&TLS12, &TLS13] {
            let peer = Peer::connect_as(&served, config(version), name, &[]);
            assert!(shown(&peer.control) == of_file(file), "{name}");
        }
    }
    // An address is no SNI.
    let peer = Peer::connect_as(
        &served,
        config(&TLS13),
        "127.0.0.1",
        &["HOST ftp.two.example"],
    );
    assert!(shown(&peer.control) == of_file(&two), "HOST");
    let peer = Peer::connect_as(&served, config(&TLS13), "127.0.0.1", &[]);
    assert!(shown(&peer.control) == of_file(&one), "neither");
}

/// Starts the server so that it must fail.
pub(crate) fn refused(flags: &[&str]) -> (Option<i32>, String) {
    let place = Place::new().expect("a place");
    let words: Vec<OsString> = wharf_argv(&place);
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(["-S", "127.0.0.1,0", "--check"])
        .args(flags)
        .stdin(Stdio::null())
        .output()
        .expect("the server starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn each_thing_that_can_be_wrong_with_a_certificate_has_its_line() {
    let home = tempfile::tempdir().expect("a home");
    let path = |name: &str| home.path().join(name).to_str().expect("a path").to_owned();
    for (file, days) in [("good", 30), ("other", 30), ("old", -1)] {
        make_certificate(home.path(), file, "localhost", days);
    }
    fs::write(path("empty"), "").expect("a file");
    fs::write(
        path("bad.crt"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .expect("a file");
    for (name, form) in [
        ("modern", ["-aes128", "-passout"]),
        ("old_form", ["-aes128", "-passout"]),
    ] {
        let mut command = Command::new("openssl");
        command.args([if name == "modern" { "pkey" } else { "ec" }, "-in"]);
        let done = command
            .arg(path("good.key"))
            .args(form)
            .args(["pass:secret", "-out"])
            .arg(path(name))
            .output()
            .expect("openssl runs");
        assert!(done.status.success(), "{name}");
    }
    let pair = |certificate: &str, key: &str| format!("{},{}", path(certificate), path(key));
    for (flag, file, what) in [
        (path("missing"), "missing", "No such file"),
        (path("good.crt"), "good.crt", "no private key in it"),
        (path("good.key"), "good.key", "no certificate in it"),
        (path("empty"), "empty", "no certificate in it"),
        (pair("good.crt", "empty"), "empty", "no private key in it"),
        (pair("good.crt", "missing"), "missing", "No such file"),
        (
            pair("good.crt", "other.key"),
            "other.key",
            "that of another certificate",
        ),
        (path("old.pem"), "old.pem", "the certificate expired on "),
        (pair("bad.crt", "good.key"), "bad.crt", "cannot be read"),
        (pair("good.crt", "modern"), "modern", "under a passphrase"),
        (
            pair("good.crt", "old_form"),
            "old_form",
            "under a passphrase",
        ),
        (
            home.path().to_str().expect("a path").to_owned(),
            "",
            "not a regular file",
        ),
    ] {
        let (status, said) = refused(&["-Y", "1", "-2", &flag]);
        assert_eq!(status, Some(CONFIGURATION), "{flag}: {said}");
        let line = format!("wharf-ftpd: -2 {}", home.path().join(file).display());
        let line = line.trim_end_matches('/');
        assert!(
            said.starts_with(line) && said.contains(what),
            "{flag}: {said}"
        );
        assert_eq!(said.matches('\n').count(), 1, "{said}");
    }
    let (status, said) = refused(&["-Y", "1", "-2", &path("good.pem"), "-J", "RC5"]);
    assert_eq!(status, Some(64), "{said}");
    assert!(said.contains("ECDHE-RSA-AES256-GCM-SHA384"), "{said}");
    let (status, said) = refused(&["-Y", "1", "-2", &path("good.pem")]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn a_certificate_that_soon_expires_is_warned_of() {
    for (days, warned) in [(13, true), (16, false)] {
        let home = tempfile::tempdir().expect("a home");
        let pem = make_certificate(home.path(), "soon", "localhost", days);
        let served = Served::start_with(home, &["-Y", "1", "-2", pem.to_str().unwrap()]);
        // Warnings come before it.
        within(Duration::from_secs(10), "a place to listen", || {
            served.server.errors().contains("Listening on")
        });
        let errors = served.server.errors();
        assert_eq!(
            errors.contains("the certificate expires on "),
            warned,
            "{errors}"
        );
    }
}

#[test]
fn a_key_that_everybody_can_read_is_warned_of() {
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        let home = tempfile::tempdir().expect("a home");
        let pem = make_certificate(home.path(), "server", "localhost", 30);
        fs::set_permissions(&pem, Permissions::from_mode(mode)).expect("its mode");
        let served = Served::start_with(home, &["-Y", "1", "-2", pem.to_str().unwrap()]);
        // Warnings come before it.
        within(Duration::from_secs(10), "a place to listen", || {
            served.server.errors().contains("Listening on")
        });
        let errors = served.server.errors();
        assert_eq!(
            errors.contains("can read the private key"),
            warned,
            "{errors}"
        );
    }
}

#[test]
fn a_signal_brings_new_certificates_and_keeps_sessions_and_bad_ones_change_nothing() {
    let served = Served::start(&["-Y", "1"]);
    let pem = served.mine("server.pem");
    let first = of_file(&pem);
    let mut old = Peer::private(&served, &TLS13);
    assert!(shown(&old.control) == first);
    let hang_up = || {
        let pid = Pid::from_raw(served.server.pid().try_into().expect("a number"));
        kill_process(pid.expect("a process"), Signal::HUP).expect("a signal");
    };
    let logged = |words: &str, times: usize| {
        within(Duration::from_secs(10), words, || {
            served.server.errors().matches(words).count() == times
        });
    };
    make_certificate(served.home(), "server", "localhost", 40);
    let second = of_file(&pem);
    hang_up();
    logged("certificates were read again", 1);
    assert!(shown(&Peer::connect(&served, config(&TLS13)).control) == second);
    // The old session goes on, and resumes what it began with.
    let mut data = old.open(&served, "RETR pub/file");
    assert!(Peer::resumed(&data));
    assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
    assert_eq!(old.reply().0, 226);
    fs::write(&pem, "nothing of the kind").expect("a file");
    hang_up();
    logged("the certificates stay as they were", 1);
    assert!(shown(&Peer::connect(&served, config(&TLS13)).control) == second);
    fs::remove_file(&pem).expect("removed");
    hang_up();
    logged("the certificates stay as they were", 2);
    assert!(shown(&Peer::connect(&served, config(&TLS13)).control) == second);
}
