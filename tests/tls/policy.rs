//! What -Y asks for, and the replies to AUTH, PBSZ, PROT, CCC and FEAT.

use std::time::Duration;

use rustls::version::{TLS12, TLS13};

use crate::common::client::Client;
use crate::common::waiting::within;
use crate::fixture::Served;
use crate::peer::{Peer, config, shake};

fn greeted(served: &Served) -> Client {
    let mut client = Client::connect(served.address()).expect("connects");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    client
}

fn features(client: &mut Client) -> Vec<String> {
    let reply = client.command("FEAT").expect("a reply");
    let lines = reply.lines.iter();
    lines
        .map(|line| String::from_utf8_lossy(line).trim().to_owned())
        .collect()
}

#[test]
fn without_tls_nothing_of_it_is_offered() {
    let home = tempfile::tempdir().expect("a home");
    let served = Served::start_with(home, &[]);
    let mut client = greeted(&served);
    let features = features(&mut client);
    for line in ["AUTH TLS", "PBSZ", "PROT"] {
        assert!(!features.iter().any(|own| own == line), "{line}");
    }
    assert_eq!(client.command("AUTH TLS").expect("a reply").code, 500);
}

#[test]
fn where_it_is_offered_clients_may_do_without() {
    let served = Served::start(&["-Y", "1"]);
    let mut client = greeted(&served);
    let features = features(&mut client);
    for line in ["AUTH TLS", "PBSZ", "PROT"] {
        assert!(features.iter().any(|own| own == line), "{line}");
    }
    for (command, code) in [
        ("AUTH", 501),
        ("AUTH KERBEROS_V4", 504),
        ("PBSZ 0", 503),
        ("PROT P", 503),
        ("CCC", 534),
        ("USER ftp", 230),
        ("AUTH TLS", 534),
    ] {
        assert_eq!(
            client.command(command).expect("a reply").code,
            code,
            "{command}"
        );
    }
    let mut peer = Peer::connect(&served, config(&TLS13));
    for (command, code) in [
        ("AUTH TLS", 534),
        ("PROT P", 503),
        ("PBSZ x", 501),
        ("PBSZ 0", 200),
        ("PROT", 501),
        ("PROT S", 536),
        ("PROT E", 536),
        ("PROT X", 504),
        ("prot p", 200),
        ("PROT C", 200),
        ("CCC", 534),
    ] {
        assert_eq!(peer.command(command).0, code, "{command}");
    }
}

#[test]
fn insisting_on_it_keeps_names_and_passwords_out_of_the_clear() {
    for level in ["2", "3"] {
        let served = Served::start(&["-Y", level]);
        for command in ["USER ftp", "PASS secret", "ACCT x"] {
            let mut client = greeted(&served);
            let reply = client.command(command).expect("a reply");
            assert_eq!(reply.code, 421, "{command}");
            assert_eq!(reply.lines.len(), 2);
            assert!(
                client.line().expect("the end").is_none(),
                "the session went on"
            );
        }
        let mut peer = Peer::connect(&served, config(&TLS13));
        peer.log_in();
        let listed = peer.command("LIST");
        assert_eq!(
            listed.0,
            if level == "2" { 425 } else { 521 },
            "{}",
            listed.1
        );
    }
}

#[test]
fn old_words_for_auth_imply_protected_data() {
    let served = Served::start(&["-Y", "1"]);
    for (word, code) in [("SSL", 425), ("TLS-P", 425), ("TLS-C", 521), ("tls", 521)] {
        let served_3 = Served::start(&["-Y", "3"]);
        let mut plain = greeted(&served_3);
        assert_eq!(
            plain
                .command(&format!("AUTH {word}"))
                .expect("a reply")
                .code,
            234
        );
        let socket = plain.stream().try_clone().expect("the socket");
        let mut control = shake(socket, &config(&TLS13), "localhost").expect("a handshake");
        use std::io::{Read, Write};
        control.write_all(b"USER ftp\r\n").expect("sends");
        let mut text = String::new();
        while !text.contains("230 ") {
            let mut block = [0; 512];
            let count = control.read(&mut block).expect("a reply");
            text += &String::from_utf8_lossy(&block[..count]);
        }
        control.write_all(b"NLST\r\n").expect("sends");
        let mut block = [0; 512];
        let count = control.read(&mut block).expect("a reply");
        let reply = String::from_utf8_lossy(&block[..count]).into_owned();
        assert!(reply.starts_with(&code.to_string()), "{word}: {reply}");
    }
    drop(served);
}

#[test]
fn implicit_tls_comes_before_the_greeting_and_protects_data() {
    let served = Served::start(&["--implicittls"]);
    let socket = crate::common::client::connect_data(served.address()).expect("connects");
    let control = shake(socket, &config(&TLS12), "localhost").expect("a handshake");
    let mut control = std::io::BufReader::new(control);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut control, &mut line).expect("a greeting");
    assert!(line.starts_with("220"), "{line}");
}

#[test]
fn the_oldest_version_and_the_ciphers_are_as_asked() {
    let served = Served::start(&["-Y", "1", "--tlsminversion", "1.3"]);
    let mut plain = greeted(&served);
    plain.command("AUTH TLS").expect("a reply");
    let socket = plain.stream().try_clone().expect("the socket");
    assert!(shake(socket, &config(&TLS12), "localhost").is_err());
    Peer::connect(&served, config(&TLS13)).log_in();

    let served = Served::start(&["-Y", "1", "-J", "ECDHE-ECDSA-CHACHA20-POLY1305"]);
    let peer = Peer::connect(&served, config(&TLS12));
    let suite = peer
        .control
        .conn
        .negotiated_cipher_suite()
        .expect("a suite");
    assert!(format!("{suite:?}").contains("CHACHA20"), "{suite:?}");
}

#[test]
fn alpn_is_agreed_to_for_ftp_and_refuses_browsers() {
    let served = Served::start(&["-Y", "1"]);
    let mut ours = config(&TLS13);
    ours.alpn_protocols = vec![b"x-other".to_vec(), b"ftp".to_vec()];
    let peer = Peer::connect(&served, ours);
    assert_eq!(peer.control.conn.alpn_protocol(), Some(&b"ftp"[..]));
    let mut browser = config(&TLS13);
    browser.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut plain = greeted(&served);
    plain.command("AUTH TLS").expect("a reply");
    let socket = plain.stream().try_clone().expect("the socket");
    assert!(shake(socket, &browser, "localhost").is_err());
}

#[test]
fn what_was_agreed_on_is_logged_in_pure_ftpds_words() {
    let served = Served::start(&["-Y", "1"]);
    let mut peer = Peer::connect(&served, config(&TLS13));
    peer.log_in();
    for words in [
        "[INFO] SNI: [localhost]",
        "TLS: Enabled TLSv1.3 with TLS_AES_256_GCM_SHA384, 256 secret bits cipher",
    ] {
        within(Duration::from_secs(10), words, || {
            served.server.errors().contains(words)
        });
    }
}

#[test]
fn a_server_under_implicit_tls_can_be_asked_whether_it_is_well() {
    let served = Served::start(&["--implicittls"]);
    let health = |flags: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
        command
            .arg("--health")
            .args(["-S", &format!("127.0.0.1,{}", served.port())]);
        command.args(flags).output().expect("it runs").status.code()
    };
    assert_eq!(health(&["--implicittls"]), Some(0));
    // In clear nobody greets.
    assert_eq!(health(&[]), Some(69));
    let log = served.server.errors();
    assert!(!log.contains("TLS: Enabled"), "{log}");
}
