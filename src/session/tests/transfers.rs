//! Transfers under way: what may be said meanwhile, the order of replies, conversions, rates, ratios, and files that change
//! while they are sent.

use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::harness::{Client, Ground, PATIENCE, reset_on_close};
use crate::units::{Bandwidth, Rate, Ratio};

/// More than sockets buffer, so that its transfer waits for its reader.
const HUGE: usize = 32 << 20;

fn both() -> [Ground; 2] {
    [Ground::in_memory(), Ground::on_disk()]
}

/// A download that is under way and waits for its reader.
fn downloading(client: &mut Client, line: &str) -> std::net::TcpStream {
    client.expect("TYPE I", 200);
    let mut data = client.data();
    assert_eq!(client.ask(line).code, 150);
    let mut first = [0; 4096];
    data.read_exact(&mut first).unwrap();
    data
}

fn read_all(mut data: std::net::TcpStream) -> usize {
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).unwrap();
    bytes.len()
}

#[test]
fn abor_ends_a_transfer_with_426_and_226() {
    for ground in both() {
        ground.write("f", vec![b'x'; HUGE]);
        let mut client = ground.full();
        let data = downloading(&mut client, "RETR f");
        client.expect("ABOR", 426);
        assert_eq!(client.reply().code, 226);
        assert!(read_all(data) < HUGE);
        client.expect("NOOP", 200);
        // Without a transfer there is nothing but the 226.
        client.expect("ABOR", 226);
        let mut data = client.data();
        assert_eq!(client.ask("STOR new").code, 150);
        data.write_all(b"some").unwrap();
        client.expect("ABOR", 426);
        assert_eq!(client.reply().code, 226);
        client.expect("NOOP", 200);
    }
}

#[test]
fn p6_an_urgent_abor_ends_a_transfer() {
    use socket2::SockRef;
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; HUGE]);
    let mut client = ground
        .plan(super::harness::Login::Full, |_| {})
        .over_tcp()
        .client();
    let data = downloading(&mut client, "RETR f");
    // What ftp(1) sends: IAC, IP, IAC urgent, then DM and the command.
    client.raw([255, 244]);
    SockRef::from(client.socket())
        .send_out_of_band(&[255])
        .unwrap();
    client.raw(b"\xf2ABOR\r\n");
    assert_eq!(client.reply().code, 426);
    assert_eq!(client.reply().code, 226);
    drop(data);
    client.expect("NOOP", 200);
}

#[test]
fn stat_and_noop_are_answered_in_mid_transfer() {
    for ground in both() {
        ground.write("f", vec![b'x'; HUGE]);
        let mut client = ground.full();
        let data = downloading(&mut client, "RETR f");
        client.expect("NOOP", 200);
        let progress = client.expect("STAT", 211);
        let words: Vec<&str> = progress.split_ascii_whitespace().collect();
        let moved: usize = words[1].parse().unwrap();
        assert!((4096..HUGE).contains(&moved), "{progress}");
        assert_eq!(words[3], HUGE.to_string(), "{progress}");
        assert_eq!(read_all(data), HUGE - 4096);
        assert_eq!(client.reply().code, 226);
        // Afterwards STAT tells of the session again.
        client.expect("STAT", 211);
    }
}

#[test]
fn stat_tells_how_much_of_an_upload_has_come() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    client.expect("TYPE I", 200);
    let mut data = client.data();
    assert_eq!(client.ask("STOR f").code, 150);
    data.write_all(&[b'x'; 1000]).unwrap();
    let limit = Instant::now() + PATIENCE;
    while !client.expect("STAT", 211).contains(" 1000 bytes")
        && !client.expect("STAT", 211).starts_with("213 1000 ")
    {
        assert!(Instant::now() < limit);
    }
    drop(data);
    assert_eq!(client.reply().code, 226);
}

#[test]
fn c12_other_commands_wait_for_the_end_of_a_transfer_and_are_answered_in_order() {
    for ground in both() {
        ground.write("f", vec![b'x'; HUGE]);
        let mut client = ground.full();
        let data = downloading(&mut client, "RETR f");
        // NOOP acts while nothing waits before it, and waits behind what does.
        client.raw("NOOP\r\nPWD\r\nNOOP\r\nSTAT\r\nSYST\r\nBOGUS\r\nPWD\r\n");
        assert_eq!(client.reply().code, 200);
        assert_eq!(read_all(data), HUGE - 4096);
        let codes: Vec<u16> = (0..7).map(|_| client.reply().code).collect();
        assert_eq!(codes, [226, 257, 200, 211, 215, 500, 257]);
    }
}

#[test]
fn c12_quit_in_a_transfer_closes_after_it_and_drops_what_follows() {
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; HUGE]);
    let mut client = ground.full();
    let data = downloading(&mut client, "RETR f");
    client.raw("QUIT\r\nDELE f\r\nNOOP\r\n");
    std::thread::sleep(Duration::from_millis(20));
    // Also what comes later, while the transfer still runs.
    client.raw("NOOP\r\nSTAT\r\nDELE f\r\nQUIT\r\n");
    assert_eq!(read_all(data), HUGE - 4096);
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [226, 221]);
    assert!(ground.exists("f"));
}

#[test]
fn c12_quit_behind_other_commands_keeps_its_place() {
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; HUGE]);
    let mut client = ground.full();
    let data = downloading(&mut client, "RETR f");
    client.raw("PWD\r\nQUIT\r\nDELE f\r\n");
    assert_eq!(read_all(data), HUGE - 4096);
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [226, 257, 221]);
    assert!(ground.exists("f"));
}

#[test]
fn c12_quit_drops_what_was_pipelined_behind_it() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = ground.full();
    client.raw("PWD\r\nQUIT\r\nDELE f\r\nNOOP\r\n");
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [257, 221]);
    assert!(ground.exists("f"));
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let ground = Ground::in_memory();
    ground.directory("d");
    ground.write("d/f", b"0123456789");
    let mut client = ground.full();
    let lines = [
        "CWD d", "PWD", "TYPE I", "SIZE f", "REST 4", "SYST", "NOSUCH", "MKD e", "RMD e", "CDUP",
    ];
    for _ in 0..20 {
        client.raw(lines.join("\r\n") + "\r\n");
    }
    for _ in 0..20 {
        let codes: Vec<u16> = lines.iter().map(|_| client.reply().code).collect();
        assert_eq!(codes, [250, 257, 200, 213, 350, 215, 500, 257, 250, 250]);
    }
}

#[test]
fn nothing_overtakes_the_first_reply_of_a_transfer() {
    let ground = Ground::in_memory();
    ground.write("f", b"content");
    let mut client = ground.full();
    let port = client.passive_port();
    // The data connection is not there yet, so the 150 is still to come.
    client.raw("RETR f\r\nNOOP\r\nSTAT\r\n");
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(read_all(super::harness::connect(port)), 7);
    let codes: Vec<u16> = (0..4).map(|_| client.reply().code).collect();
    assert_eq!(codes, [150, 226, 200, 211]);
}

#[test]
fn the_wait_for_the_data_connection_can_be_aborted() {
    let ground = Ground::in_memory();
    ground.write("f", b"content");
    let mut client = ground.full();
    client.passive_port();
    client.raw("RETR f\r\nABOR\r\n");
    assert_eq!(client.reply().code, 426);
    assert_eq!(client.reply().code, 226);
    client.expect("NOOP", 200);
}

#[test]
fn f11_a_file_that_shrinks_while_it_is_sent_is_not_reported_as_whole() {
    for ground in both() {
        for text in [false, true] {
            ground.write("f", vec![b'x'; HUGE]);
            let mut client = ground.full();
            let data = downloading(&mut client, "RETR f");
            drop(data);
            assert_eq!(client.reply().code, 426);
            client.expect(if text { "TYPE A" } else { "TYPE I" }, 200);
            let mut data = client.data();
            assert_eq!(client.ask("RETR f").code, 150);
            let mut first = [0; 1];
            data.read_exact(&mut first).unwrap();
            fs::OpenOptions::new()
                .write(true)
                .open(ground.path("f"))
                .unwrap()
                .set_len(100)
                .unwrap();
            read_all(data);
            assert_eq!(client.reply().code, 451);
            client.expect("NOOP", 200);
        }
    }
}

#[test]
fn f12_a_file_that_grows_vanishes_or_is_replaced_is_sent_as_it_was_opened() {
    for ground in both() {
        for how in ["grow", "unlink", "replace", "chmod"] {
            ground.write("f", vec![b'x'; HUGE]);
            let mut client = ground.full();
            let data = downloading(&mut client, "RETR f");
            match how {
                "grow" => {
                    let mut file = fs::OpenOptions::new()
                        .append(true)
                        .open(ground.path("f"))
                        .unwrap();
                    file.write_all(&[b'y'; 100]).unwrap();
                }
                "unlink" => fs::remove_file(ground.path("f")).unwrap(),
                "replace" => {
                    ground.write("g", b"other");
                    fs::rename(ground.path("g"), ground.path("f")).unwrap();
                }
                _ => ground.set_mode("f", 0),
            }
            assert_eq!(read_all(data), HUGE - 4096, "{how}");
            assert_eq!(client.reply().code, 226, "{how}");
        }
    }
}

#[test]
fn f11_a_reader_that_breaks_away_is_426() {
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; HUGE]);
    let mut client = ground.full();
    let data = downloading(&mut client, "RETR f");
    reset_on_close(&data);
    drop(data);
    assert_eq!(client.reply().code, 426);
    client.expect("NOOP", 200);
}

#[test]
fn text_is_converted_both_ways_and_a_lone_cr_stays() {
    for ground in both() {
        ground.write("f", b"one\ntwo\r\nthree\rfour\n\nend");
        let mut client = ground.full();
        client.expect("TYPE A", 200);
        let wire = client.fetch("RETR f");
        assert_eq!(wire, b"one\r\ntwo\r\nthree\rfour\r\n\r\nend");
        client.store("STOR g", &wire);
        assert_eq!(ground.read("g"), b"one\ntwo\nthree\rfour\n\nend");
        client.store("STOR h", b"\r\r\n\r");
        assert_eq!(ground.read("h"), b"\r\n\r");
        assert!(
            client.expect("SIZE f", 213).contains("213 24"),
            "the byte count, unconverted"
        );
        // Across blocks.
        let lines: Vec<u8> = b"0123456789abcde\r\n".repeat(100_000);
        client.store("STOR large", &lines);
        let kept = ground.read("large");
        assert_eq!(kept.len(), 1_600_000);
        assert!(client.fetch("RETR large") == lines);
    }
}

#[test]
fn p12_restart_in_ascii_is_refused() {
    let ground = Ground::in_memory();
    ground.write("f", b"0123456789");
    let mut client = ground.full();
    client.expect("TYPE A", 200);
    client.expect("REST 4", 350);
    assert_eq!(client.download("RETR f").0.code, 503);
    client.expect("REST 4", 350);
    assert_eq!(client.upload("STOR f", b"x").code, 503);
    client.expect("REST 0", 350);
    assert_eq!(client.fetch("RETR f"), b"0123456789");
    // Announced in image mode, used in ASCII.
    client.expect("TYPE I", 200);
    client.expect("REST 4", 350);
    client.expect("TYPE A", 200);
    assert_eq!(client.download("RETR f").0.code, 503);
    assert_eq!(ground.read("f"), b"0123456789");
}

#[test]
fn p12_size_of_a_large_file_in_ascii_reads_nothing() {
    let ground = Ground::in_memory();
    let file = fs::File::create(ground.path("f")).unwrap();
    file.set_len(1 << 40).unwrap();
    let mut client = ground.full();
    client.expect("TYPE A", 200);
    let begun = Instant::now();
    for _ in 0..10 {
        client.expect("SIZE f", 213);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a terabyte was read"
    );
}

/// How long a transfer takes as a fraction of what the rate asks for; measured twice when the machine was busy.
fn accuracy(run: impl Fn() -> (Duration, f64)) -> f64 {
    let once = || {
        let (took, wanted) = run();
        took.as_secs_f64() / wanted
    };
    let first = once();
    if (first - 1.0).abs() < 0.05 {
        first
    } else {
        once()
    }
}

#[test]
fn t_holds_downloads_and_uploads_to_their_rates() {
    const RATE: u64 = 200;
    const BYTES: usize = 100 * 1024;
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; BYTES]);
    let client = |ground: &Ground| {
        let mut client = ground.full_with(|settings| {
            settings.limits.anonymous_bandwidth = Bandwidth {
                up: Rate::from_kib(RATE),
                down: Rate::from_kib(RATE),
            };
        });
        client.expect("TYPE I", 200);
        client
    };
    let wanted = BYTES as f64 / (RATE * 1024) as f64;
    let download = accuracy(|| {
        let mut client = client(&ground);
        let mut data = client.data();
        let begun = Instant::now();
        assert_eq!(client.ask("RETR f").code, 150);
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).unwrap();
        assert_eq!(client.reply().code, 226);
        (begun.elapsed(), wanted)
    });
    assert!(
        (download - 1.0).abs() < 0.05,
        "download took {download} of its time"
    );
    let upload = accuracy(|| {
        let mut client = client(&ground);
        let mut data = client.data();
        let begun = Instant::now();
        assert_eq!(client.ask("STOR g").code, 150);
        data.write_all(&vec![b'x'; BYTES]).unwrap();
        drop(data);
        assert_eq!(client.reply().code, 226);
        (begun.elapsed(), wanted)
    });
    assert!(
        (upload - 1.0).abs() < 0.05,
        "upload took {upload} of its time"
    );
}

#[test]
fn q_asks_for_uploads_before_downloads() {
    let ground = Ground::in_memory();
    ground.write("f", [b'x'; 1000]);
    ground.write("empty", b"");
    let mut client = ground.full_with(|settings| {
        settings.limits.anonymous_ratio = Some(Ratio { up: 1, down: 2 });
    });
    client.expect("TYPE I", 200);
    assert_eq!(client.fetch("RETR empty"), b"");
    let (refused, _) = client.download("RETR f");
    assert_eq!(refused.code, 550);
    assert!(refused.says("1:2"));
    client.store("STOR up", &[b'y'; 499]);
    assert_eq!(client.download("RETR f").0.code, 550);
    client.store("APPE up", b"y");
    assert_eq!(client.fetch("RETR f").len(), 1000);
    assert_eq!(client.download("RETR f").0.code, 550);
    // What is left of a file counts, not its whole.
    client.expect("REST 1000", 350);
    assert_eq!(client.fetch("RETR f"), b"");
}

#[test]
fn datatimeout_ends_transfers_that_stand_still() {
    for ground in both() {
        ground.write("f", vec![b'x'; HUGE]);
        let mut client =
            ground.full_with(|settings| settings.limits.data = Duration::from_millis(100));
        let data = downloading(&mut client, "RETR f");
        assert_eq!(client.reply().code, 426);
        drop(data);
        let data = client.data();
        assert_eq!(client.ask("STOR g").code, 150);
        assert_eq!(client.reply().code, 426);
        drop(data);
        client.expect("NOOP", 200);
    }
}

#[test]
fn accepttimeout_ends_the_wait_for_the_client() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client =
        ground.full_with(|settings| settings.limits.accept = Duration::from_millis(50));
    for line in ["RETR f", "STOR g", "LIST", "NLST", "MLSD", "ESTP"] {
        let port = client.passive_port();
        client.expect(line, 425);
        let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "the listener ended with its use"
        );
    }
}

#[test]
fn idletimeout_ends_a_silent_session_but_no_transfer() {
    let ground = Ground::in_memory();
    ground.write("f", vec![b'x'; HUGE]);
    let mut client = ground.full_with(|settings| settings.limits.idle = Duration::from_millis(150));
    let data = downloading(&mut client, "RETR f");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(read_all(data), HUGE - 4096);
    assert_eq!(client.reply().code, 226);
    client.expect("PWD", 257);
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [421]);
}

#[test]
fn idletimeout_is_not_put_off_for_ever_by_commands_that_do_nothing() {
    let ground = Ground::in_memory();
    let mut client = ground.full_with(|settings| settings.limits.idle = Duration::from_millis(200));
    let limit = Instant::now() + PATIENCE;
    loop {
        client.send("NOOP");
        match client.reply().code {
            200 => std::thread::sleep(Duration::from_millis(20)),
            421 => break,
            code => panic!("{code}"),
        }
        assert!(Instant::now() < limit);
    }
}

#[test]
fn logintimeout_counts_from_the_start_whatever_is_typed() {
    let ground = Ground::in_memory();
    let mut client =
        ground.nobody_with(|settings| settings.limits.login = Duration::from_millis(200));
    let limit = Instant::now() + PATIENCE;
    loop {
        client.send("SYST");
        match client.reply().code {
            215 => std::thread::sleep(Duration::from_millis(20)),
            421 => break,
            code => panic!("{code}"),
        }
        assert!(Instant::now() < limit);
    }
    let mut client =
        ground.nobody_with(|settings| settings.limits.login = Duration::from_millis(200));
    client.raw("SYST no line end");
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [421]);
}
