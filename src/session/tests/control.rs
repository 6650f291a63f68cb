//! The control connection: strangers that speak other protocols, values that live for one command, limits on what is
//! pipelined and not read, what logs show.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::super::commands;
use super::harness::{Client, Ground, Login, PATIENCE, impatient, verbs};

#[test]
fn c2_other_protocols_are_answered_once_and_left() {
    let ground = Ground::in_memory();
    for opening in [
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMKD made\r\n".as_slice(),
        b"GET / HTTP/1.0\r\n\r\n",
        b"PUT /made HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\nMKD made\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefg\nMKD made\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\nMKD made\r\n",
        b"EHLO example.org\r\nMKD made\r\n",
        b"HELO example.org\r\nMKD made\r\n",
    ] {
        for login in [Login::Nobody, Login::Full] {
            let mut client = ground.plan(login, |_| {}).client();
            client.raw(opening);
            let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
            assert_eq!(codes, [500], "{:?}", String::from_utf8_lossy(opening));
        }
    }
    assert!(ground.names("").is_empty());
}

#[test]
fn c2_unknown_commands_end_a_session_after_ten_or_fifty() {
    let ground = Ground::in_memory();
    for (login, limit) in [(Login::Nobody, 10), (Login::Full, 50)] {
        let mut client = ground.plan(login, |_| {}).client();
        for _ in 0..limit {
            client.send("NOSUCHVERB argument");
            let reply = client.reply();
            assert!([500, 530].contains(&reply.code));
            assert!(!reply.says("argument"), "not echoed: {}", reply.words());
        }
        client.send("NOSUCHVERB");
        assert_eq!(client.reply().code, 421);
        assert!(client.expect_end().is_empty());
    }
}

#[test]
fn c5_another_user_is_refused_after_a_login() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = ground.full();
    for name in ["anonymous", "ftp", "root", "member"] {
        client.expect(format!("USER {name}"), 530);
        client.expect("PASS x", 530);
    }
    assert_eq!(client.fetch("RETR f"), b"x");
    client.store("STOR g", b"y");
    drop(client);

    let mut client = ground.anonymous();
    client.expect("USER ftp", 230);
    client.expect("USER member", 530);
    client.expect("DELE f", 550);
}

#[test]
fn rein_forgets_everything_of_the_login() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = ground.full();
    let port = client.passive_port();
    client.expect("EPSV ALL", 200);
    client.expect("RNFR f", 350);
    client.expect("REIN", 220);
    let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
    assert!(std::net::TcpStream::connect(address).is_err());
    client.expect("RNTO g", 530);
    client.expect("PWD", 530);
    client.expect("USER ftp", 230);
    client.expect("RNTO g", 550);
    client.expect("PORT 127,0,0,1,4,0", 200);
    assert_eq!(ground.names(""), ["f"]);
}

#[test]
fn f4_nothing_is_done_before_a_login() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let free = [
        "ACCT", "ADAT", "AUTH", "CCC", "CLNT", "FEAT", "HELP", "HOST", "MODE", "NOOP", "OPTS",
        "PASS", "PBSZ", "PROT", "QUIT", "REIN", "STRU", "SYST", "TYPE", "USER",
    ];
    let mut client = ground.nobody();
    for verb in verbs().into_iter().filter(|verb| !free.contains(verb)) {
        for argument in [
            "",
            " f",
            " -la",
            " 1",
            " CHMOD 777 f",
            " |1|127.0.0.1|2000|",
            " 20010203040506 f",
        ] {
            let reply = client.ask(format!("{verb}{argument}"));
            assert_eq!(reply.code, 530, "{verb}{argument}: {}", reply.words());
        }
    }
    assert_eq!(ground.names(""), ["f"]);
}

/// A line of each verb that is well formed and changes nothing that later lines need. Verbs that take a data connection get
/// none and say 425.
fn harmless(verb: &str) -> String {
    match verb {
        "PORT" => "PORT 127,0,0,1,4,1".into(),
        "EPRT" => "EPRT |1|127.0.0.1|1025|".into(),
        "REST" => "REST 0".into(),
        "SITE" => "SITE HELP".into(),
        "CHMOD" => "CHMOD 600 missing".into(),
        "MFMT" => "MFMT 20010203040506 missing".into(),
        "TYPE" => "TYPE I".into(),
        "MODE" => "MODE S".into(),
        "STRU" => "STRU F".into(),
        "OPTS" => "OPTS UTF8 ON".into(),
        "CWD" | "XCWD" => format!("{verb} /"),
        "CDUP" | "XCUP" | "PWD" | "XPWD" | "NOOP" | "SYST" | "FEAT" | "HELP" | "PASV" | "P@SW"
        | "EPSV" | "ABOR" | "STAT" | "LIST" | "NLST" | "MLSD" | "MLST" | "STOU" | "PASS"
        | "ACCT" | "CLNT" => verb.into(),
        "ALLO" => "ALLO 1".into(),
        "PRET" => "PRET RETR f".into(),
        "STOR" | "APPE" => format!("{verb} new"),
        "RNFR" => "RNFR missing".into(),
        verb => format!("{verb} missing"),
    }
}

#[test]
fn c13_rnfr_survives_no_other_command() {
    let ground = Ground::in_memory();
    ground.write("f", b"0123456789");
    let mut client = ground.full_with(impatient);
    client.expect("TYPE I", 200);
    for verb in verbs() {
        if ["QUIT", "REIN", "RNTO"].contains(&verb) {
            continue;
        }
        client.expect("RNFR f", 350);
        client.ask(harmless(verb));
        let reply = client.ask("RNTO g");
        assert_eq!(reply.code, 503, "after {verb}: {}", reply.words());
        assert!(ground.exists("f"), "{verb}");
    }
    for line in ["NOSUCHVERB", "", " x", "RNFR a\0b"] {
        client.expect("RNFR f", 350);
        client.ask(line);
        client.expect("RNTO g", 503);
    }
    client.expect("RNFR f", 350);
    client.ask([b'x'; 5000]);
    client.expect("RNTO g", 503);
    // A refused RNTO uses it up.
    client.expect("RNFR f", 350);
    client.expect("RNTO no/such/place", 451);
    client.expect("RNTO g", 503);
    client.expect("RNFR f", 350);
    client.expect("RNTO g", 250);
}

/// Commands between REST and its transfer that set the transfer up, or say nothing.
const KEEP_THE_OFFSET: [&str; 20] = [
    "PASV", "P@SW", "EPSV", "PORT", "EPRT", "ESTA", "ESTP", "PRET", "TYPE", "MODE", "STRU", "ALLO",
    "SIZE", "MDTM", "NOOP", "PWD", "XPWD", "REST", "", "",
];

#[test]
fn c13_rest_survives_only_what_prepares_a_transfer() {
    let ground = Ground::in_memory();
    ground.write("f", b"0123456789");
    ground.write("other", b"x");
    let mut client = ground.full_with(impatient);
    client.expect("TYPE I", 200);
    for verb in verbs() {
        if ["QUIT", "REIN", "REST"].contains(&verb) {
            continue;
        }
        client.expect("REST 4", 350);
        client.ask(harmless(verb));
        let content = client.fetch("RETR f");
        let wanted: &[u8] = match KEEP_THE_OFFSET.contains(&verb) {
            true => b"456789",
            false => b"0123456789",
        };
        assert_eq!(content, wanted, "after {verb}");
    }
    for line in ["NOSUCHVERB", " x", "RNFR a\0b"] {
        client.expect("REST 4", 350);
        client.ask(line);
        assert_eq!(client.fetch("RETR f").len(), 10, "after {line:?}");
    }
    // A transfer takes the offset whether it comes about or not.
    client.expect("REST 4", 350);
    client.expect("RETR f", 425);
    assert_eq!(client.fetch("RETR f").len(), 10);
    client.expect("REST 4", 350);
    client.expect("RETR missing", 550);
    assert_eq!(client.fetch("RETR f").len(), 10);
    client.expect("REST 4", 350);
    client.expect("RETR", 501);
    assert_eq!(client.fetch("RETR f").len(), 10);
    // And not the next rename, nor from there the next transfer.
    client.expect("RNFR other", 350);
    client.expect("REST 4", 350);
    client.expect("RNTO another", 503);
    assert_eq!(client.fetch("RETR f").len(), 10);
}

#[test]
fn c14_epsv_all_holds_through_failed_transfers() {
    let ground = Ground::in_memory();
    ground.write("f", b"0123456789");
    let mut client = ground.full();
    client.expect("EPSV ALL", 200);
    let refused = |client: &mut Client| {
        client.expect("PORT 127,0,0,1,4,1", 501);
        client.expect("EPRT |1|127.0.0.1|1025|", 501);
        client.expect("PASV", 501);
    };
    refused(&mut client);
    client.expect("RETR f", 425);
    refused(&mut client);
    client.passive_port();
    client.raw("RETR f\r\nABOR\r\n");
    assert_eq!(client.reply().code, 426);
    assert_eq!(client.reply().code, 226);
    refused(&mut client);
    assert_eq!(client.fetch("RETR f"), b"0123456789");
    client.expect("RETR missing", 550);
    refused(&mut client);
}

#[test]
fn c15_replies_that_nobody_reads_stop_the_commands_and_nobody_else() {
    let ground = Ground::in_memory();
    let mut clients = ground.plan(Login::Full, |_| {}).sessions(5).clients();
    let mut other = clients.pop().unwrap();
    // More than any buffer holds: the writes must come to a stand.
    let flood = b"HELP\r\n".repeat(100_000);
    for client in &clients {
        client.socket().set_nonblocking(true).unwrap();
    }
    let mut sent = [0; 4];
    let mut worst = Duration::ZERO;
    let mut progress = Instant::now();
    while progress.elapsed() < Duration::from_millis(300) {
        for (client, sent) in clients.iter().zip(&mut sent) {
            while let Ok(count) = client.socket().write(&flood[*sent..]) {
                *sent += count;
                if count == 0 {
                    break;
                }
                progress = Instant::now();
            }
        }
        let begun = Instant::now();
        other.expect("NOOP", 200);
        worst = worst.max(begun.elapsed());
    }
    assert!(
        worst < Duration::from_secs(2),
        "another client waited {worst:?}"
    );
    assert!(
        sent.iter().all(|sent| *sent < flood.len()),
        "input was taken without end: {sent:?}"
    );
    // Their end is seen although the server has replies it cannot send.
    drop(clients);
    other.expect("NOOP", 200);
    assert!(other.leave() < PATIENCE);
}

#[test]
fn c15_lines_that_are_complete_run_after_the_end_of_input() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    client.raw("MKD a\r\nMKD b\r\nPWD\r\nMKD incompl");
    client.end_input();
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [257, 257, 257]);
    assert_eq!(ground.names(""), ["a", "b"]);
}

#[test]
fn c4_a_failed_login_is_answered_in_order_and_its_delay_cannot_be_cut_short() {
    let ground = Ground::in_memory();
    let mut client = ground.nobody();
    let begun = Instant::now();
    client.raw("USER joe\r\nPASS one\r\nNOOP\r\nSTAT\r\nABOR\r\nSYST\r\n");
    let codes: Vec<u16> = (0..6).map(|_| client.reply().code).collect();
    assert_eq!(codes, [331, 530, 200, 530, 530, 215]);
    assert!(begun.elapsed() >= Duration::from_secs(3));
}

static RECORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Other tests of this process make records too: no more are kept than this one needs.
const MOST_RECORDS: usize = 100_000;

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if let Ok(mut records) = RECORDS.lock()
            && records.len() < MOST_RECORDS
        {
            records.push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// False when another test of this process has made its own logger already.
fn starts_recording() -> bool {
    let started = log::set_logger(&Recorder).is_ok();
    if started {
        log::set_max_level(log::LevelFilter::Trace);
    }
    started
}

#[test]
fn c10_records_are_one_line_and_hold_no_secret() {
    if !starts_recording() {
        eprintln!("skipped: run in a process of its own, as nextest does");
        return;
    }
    let ground = Ground::in_memory();
    let mut client = ground.full_with(|settings| {
        settings.logging.verbose = 2;
        impatient(settings);
    });
    for row in commands::rows() {
        if ["QUIT", "REIN"].contains(&row.verb) {
            continue;
        }
        client.ask(
            [
                row.verb.as_bytes(),
                b" Secret4711 \xff\xff\xc2\x9b\xe2\x80\xae",
            ]
            .concat(),
        );
        client.ask([row.verb.as_bytes(), b" a\x1b[2Jb\0c"].concat());
    }
    drop(client);
    let mut client = ground.nobody_with(|settings| settings.logging.verbose = 2);
    client.expect("USER joe\u{202e}", 331);
    client.ask("ACCT Secret4711");
    client.ask("ADAT Secret4711");
    drop(client);
    log::set_max_level(log::LevelFilter::Off);
    let records = RECORDS.lock().unwrap().clone();
    assert!(
        records.iter().any(|record| record.contains("ommand [")),
        "nothing was recorded"
    );
    for record in &records {
        let bad = |character: char| {
            character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character)
        };
        assert!(!record.chars().any(bad), "{record:?}");
        let secret = ["[pass]", "[acct]", "[adat]"]
            .iter()
            .any(|verb| record.contains(verb));
        assert!(!(secret && record.contains("Secret")), "{record:?}");
    }
}
