//! Sessions of TLS are resumed on data connections, and where that is required, only those of the same client.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::fixture::{SIZE, Served, content};
use crate::peer::{Peer, config, forgetful, read_all, send_all};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn data_connections_resume_the_session_of_the_control_connection() {
    for version in VERSIONS {
        let served = Served::start(&["-Y", "1", "--requiretlsreuse"]);
        let mut peer = Peer::private(&served, version);
        for round in 0..3 {
            let mut data = peer.open(&served, "RETR pub/file");
            assert!(Peer::resumed(&data), "{round}");
            assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
            assert_eq!(peer.reply().0, 226);
        }
        // No tickets come with these: those of the control connection have to do.
        for round in 0..3 {
            let data = peer.open(&served, &format!("STOR incoming/{round}"));
            assert!(Peer::resumed(&data), "{round}");
            send_all(data, b"abc");
            assert_eq!(peer.reply().0, 226);
        }
    }
}

#[test]
fn without_resuming_there_is_no_transfer_where_it_is_required() {
    for version in VERSIONS {
        let served = Served::start(&["-Y", "1", "--requiretlsreuse"]);
        let mut peer = Peer::private(&served, version);
        let other = forgetful(&peer.config);
        let mut data = peer.open_with(&served, "RETR pub/file", &other);
        assert_eq!(peer.reply().0, 522);
        assert_ne!(read_all(&mut data).unwrap_or_default(), content(SIZE));
        let data = peer.open_with(&served, "STOR incoming/new", &other);
        assert_eq!(peer.reply().0, 522);
        drop(data);
        assert!(!served.served("incoming/new").exists());
        assert_eq!(peer.command("NOOP").0, 200);
    }
}

#[test]
fn the_session_of_another_client_is_not_the_same() {
    for version in VERSIONS {
        let served = Served::start(&["-Y", "1", "--requiretlsreuse"]);
        let mut peer = Peer::private(&served, version);
        let stranger = Peer::private(&served, version);
        let mut data = peer.open_with(&served, "RETR pub/file", &stranger.config);
        assert_eq!(peer.reply().0, 522);
        assert_ne!(read_all(&mut data).unwrap_or_default(), content(SIZE));
    }
}

#[test]
fn without_the_flag_no_client_has_to_resume() {
    for version in VERSIONS {
        let served = Served::start(&["-Y", "3"]);
        let mut peer = Peer::private(&served, version);
        let other = forgetful(&config(version));
        let mut data = peer.open_with(&served, "RETR pub/file", &other);
        assert!(!Peer::resumed(&data));
        assert_eq!(read_all(&mut data).expect("the file"), content(SIZE));
        assert_eq!(peer.reply().0, 226);
    }
}

/// A session whose mark is the client's own, taken to another server process, is worth nothing there.
#[test]
fn tickets_of_another_server_are_not_taken() {
    let (one, two) = (Served::start(&["-Y", "1"]), Served::start(&["-Y", "1"]));
    let first = Peer::private(&one, &TLS13);
    let second = Peer::connect(&two, first.config.clone());
    assert!(!Peer::resumed(&second.control));
}
