//! More of everything than a client should send: connections, silence, bytes without a line end, commands whose replies
//! nobody reads. Others are served meanwhile, and afterwards the server is what it was before.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::client::{Client, connect_data};
use crate::support::{
    Launch, PATIENCE, Place, Running, alone, begin, cannot_count_descriptors, download, expect,
    expect_reply, raise_own_descriptor_limit, reset_on_close, within,
};

/// Within this a server has tidied up after clients that went.
const SOON: Duration = Duration::from_secs(2);

/// A login that takes longer had to wait for somebody else.
const LONG: Duration = Duration::from_millis(500);

/// The longest of some logins, each with a small download.
fn longest_login(server: &Running) -> Duration {
    let times = (0..10).map(|_| {
        let begun = Instant::now();
        let mut client = server.logged_in();
        assert_eq!(download(&mut client, "RETR pub/small"), Ok(vec![b's'; 100]));
        begun.elapsed()
    });
    times.max().unwrap_or_default()
}

#[test]
fn l1_silent_slow_and_deaf_clients_delay_nobody() {
    if cannot_count_descriptors() {
        return;
    }
    let _alone = alone();
    raise_own_descriptor_limit();
    let place = Place::new();
    place.file("root/pub/large", &vec![b'l'; 16 << 20]);
    let server = Launch::new(&place).flags(&["-c", "1000"]).start();
    longest_login(&server);
    let before = server.resident();

    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(server.greeted().expect("there is room"));
    }
    let each = (server.resident() - before) / 500;
    assert!(each < 40, "a silent session costs {each} KiB");
    let dripping: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(server.address()).expect("there is room"))
        .collect();
    let stalled: Vec<(Client, TcpStream)> = (0..20)
        .map(|_| {
            let mut client = server.logged_in();
            let data = begin(&mut client, "RETR pub/large");
            (client, data)
        })
        .collect();
    for byte in b"NOOP NOOP ".iter() {
        for mut stream in &dripping {
            stream.write_all(&[*byte]).expect("the server listens");
        }
        let longest = longest_login(&server);
        assert!(longest < LONG, "a login took {longest:?}");
    }
    drop((silent, dripping, stalled));
    let mut last = server.logged_in();
    within(SOON, "all others are forgotten", || {
        let greeting = server.greeted();
        drop(greeting);
        server.open_descriptors() < 40
    });
    expect(&mut last, "NOOP", 200);
}

#[test]
fn l1_dripping_bytes_do_not_put_the_login_deadline_off() {
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).flags(&["--logintimeout", "2"]).start();
    let mut client = server.greeted().expect("there is room");
    let begun = Instant::now();
    let quick = Some(Duration::from_millis(50));
    client.stream().set_read_timeout(quick).expect("a time-out");
    loop {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it waits for ever"
        );
        if client.send(b"x").is_err() {
            break;
        }
        match client.line() {
            Ok(Some(line)) => assert!(line.starts_with(b"421"), "{line:?}"),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert!(begun.elapsed() >= Duration::from_millis(1900), "too early");
}

#[test]
fn l2_with_all_descriptors_in_use_clients_are_told_and_the_loop_rests() {
    let _alone = alone();
    raise_own_descriptor_limit();
    let place = Place::new();
    let server = Launch::new(&place)
        .descriptors(64)
        .flags(&["-c", "500"])
        .start();
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(connect_data(server.address()).expect("the kernel's queue has room"));
    }
    // Who was let in is greeted; the others are told 421, or wait in the kernel's queue.
    let (mut greeted, mut refused, mut waiting) = (Vec::new(), 0, 0);
    for stream in streams {
        let brief = Some(Duration::from_millis(20));
        stream.set_read_timeout(brief).expect("a time-out");
        let mut first = [0; 3];
        match (&stream).read_exact(&mut first) {
            Ok(()) if &first == b"220" => greeted.push(stream),
            Ok(()) => {
                assert_eq!(&first, b"421");
                refused += 1;
            }
            Err(_) => {
                waiting += 1;
                greeted.push(stream);
            }
        }
    }
    assert!(
        greeted.len() - waiting >= 20,
        "{} let in",
        greeted.len() - waiting
    );
    assert!(
        refused + waiting >= 100,
        "{refused} refused, {waiting} waiting"
    );
    let ticks = server.ticks();
    std::thread::sleep(Duration::from_secs(1));
    let used = server.ticks() - ticks;
    assert!(used <= 10, "{used} of 100 ticks while full");

    drop(greeted);
    within(Duration::from_secs(1), "it serves again", || {
        server.greeted().is_ok()
    });
    longest_login(&server);
}

/// Connections that end in one way or another as soon as they are made.
fn churn(server: &Running, count: usize) {
    for number in 0..count {
        let stream = TcpStream::connect(server.address()).expect("the server listens");
        match number % 4 {
            0 => reset_on_close(&stream),
            1 => {
                let _ = (&stream).write_all(b"USER ftp\r\nPASV\r\nRETR pub/small\r\n");
            }
            2 => {
                let _ = (&stream).read(&mut [0; 100]);
            }
            _ => {}
        }
    }
}

#[test]
fn l5_connections_that_come_and_go_leave_nothing_behind() {
    if cannot_count_descriptors() {
        return;
    }
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).flags(&["-c", "300"]).start();
    longest_login(&server);
    let descriptors = server.open_descriptors();
    churn(&server, 1000);
    server.back_to(descriptors, SOON, "descriptors are given back");
    let resident = server.resident();
    churn(&server, 4000);
    server.back_to(descriptors, SOON, "descriptors are given back");
    let grown = server.resident().saturating_sub(resident);
    assert!(grown < 1024, "{grown} KiB more");
    longest_login(&server);
}

#[test]
fn p1_bytes_without_a_line_end_take_no_memory() {
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).start();
    longest_login(&server);
    let before = server.resident();
    let block = [b'A'; 64 << 10];
    let mut sent = 0;
    let mut connections = 0;
    while sent < 8 << 20 {
        let mut stream = connect_data(server.address()).expect("the server listens");
        connections += 1;
        while sent < 8 << 20 {
            match stream.write(&block) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        assert!(connections < 1000, "it takes nothing at all");
    }
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 1024, "{grown} KiB more");
    longest_login(&server);
}

/// Sends `count` commands and reads no reply, as long as the server or its kernel takes them.
fn pipeline_unread(server: &Running, line: &[u8], count: usize) -> Client {
    let mut client = server.logged_in();
    let brief = Some(Duration::from_millis(300));
    client
        .stream()
        .set_write_timeout(brief)
        .expect("a time-out");
    let batch = line.repeat(1000);
    for _ in 0..count / 1000 {
        if client.send(&batch).is_err() {
            break;
        }
    }
    client
}

#[test]
fn c15_commands_whose_replies_are_not_read_stop_being_read_themselves() {
    if cannot_count_descriptors() {
        return;
    }
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).start();
    longest_login(&server);
    let (descriptors, resident) = (server.open_descriptors(), server.resident());
    let longest = std::thread::scope(|scope| {
        let lines = [&b"HELP\r\n"[..], b"NOOP\r\n", b"PWD\r\n", b"FEAT\r\n"];
        let floods: Vec<_> = lines
            .into_iter()
            .map(|line| scope.spawn(|| pipeline_unread(&server, line, 100_000)))
            .collect();
        std::thread::sleep(Duration::from_millis(100));
        let longest = longest_login(&server);
        let floods: Vec<_> = floods
            .into_iter()
            .map(|flood| flood.join().expect("a flood"))
            .collect();
        let grown = server.resident().saturating_sub(resident);
        assert!(grown < 4 * 1024, "{grown} KiB for four sessions");
        // 100 000 replies to HELP are more than any kernel holds, so at last the server stands still.
        within(PATIENCE, "it rests while nobody reads", || {
            let ticks = server.ticks();
            std::thread::sleep(Duration::from_millis(300));
            server.ticks() - ticks <= 3
        });
        // What the client sends at last is that it goes, which ends the session although replies wait.
        for client in &floods {
            reset_on_close(client.stream());
        }
        longest
    });
    assert!(longest < 2 * LONG, "a login took {longest:?}");
    server.back_to(descriptors, SOON, "the floods are forgotten");
}

#[test]
fn c15_replies_that_are_read_late_are_all_there() {
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).start();
    let client = server.logged_in();
    let mut writer = client.stream().try_clone().expect("a second descriptor");
    let sender = std::thread::spawn(move || writer.write_all(&b"PWD\r\n".repeat(50_000)));
    std::thread::sleep(Duration::from_millis(300));
    let mut client = client;
    for _ in 0..50_000 {
        expect_reply(&mut client, 257);
    }
    sender
        .join()
        .expect("a sender")
        .expect("everything was taken");
    client
        .stream()
        .set_read_timeout(Some(PATIENCE))
        .expect("a time-out");
    expect(&mut client, "NOOP", 200);
}
