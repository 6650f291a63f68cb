//! Rule R1: a disk that is slow, or that never answers, is felt by those who use it and by nobody else.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::client::Client;
use crate::fuse::{NAMES, SIZE, Slow, byte_at};
use crate::namespace::with_mounts;
use crate::support::{
    Launch, Place, Running, alone, begin, cannot, download, expect, expect_reply, reset_on_close,
    within,
};

/// How long each read of the slow disk takes.
const DELAY: Duration = Duration::from_millis(50);

/// A NOOP that takes longer waited for the disk.
const SLOW: Duration = Duration::from_millis(40);

const NOOPS: usize = 200;

/// How long a client of a disk that never answers may wait (the pool's deadline is a minute).
const DEADLINE: Duration = Duration::from_secs(75);

fn has_no_fuse() -> bool {
    cannot(!Path::new("/dev/fuse").exists(), "there is no /dev/fuse")
}

/// How many of [`NOOPS`] took longer than [`SLOW`], and the longest.
fn slow_noops(client: &mut Client) -> (usize, Duration) {
    let mut times = Vec::new();
    for _ in 0..NOOPS {
        let begun = Instant::now();
        expect(client, "NOOP", 200);
        times.push(begun.elapsed());
        std::thread::sleep(Duration::from_millis(3));
    }
    let slow = times.iter().filter(|time| **time > SLOW).count();
    (slow, times.into_iter().max().unwrap_or_default())
}

/// Downloads `path` again and again, from offsets of its own, until `ended`; gives how many bytes came.
fn drain_slowly(server: &Running, path: &str, ended: &AtomicBool) -> u64 {
    let mut client = server.logged_in();
    let mut data = begin(&mut client, &format!("RETR {path}"));
    let mut block = vec![0; 64 << 10];
    let mut position = 0;
    while !ended.load(Ordering::SeqCst) {
        match data.read(&mut block).expect("data") {
            0 => return position,
            count => {
                let right = (position..).zip(&block[..count]);
                let mut wrong = right.filter(|(at, byte)| byte_at(*at) != **byte);
                assert!(wrong.next().is_none(), "other bytes than the file's");
                position += count as u64;
            }
        }
    }
    position
}

/// Others' NOOPs while four clients download from `folder`, compared with the same before.
fn others_do_not_wait(server: &Running, folder: &str) {
    let mut other = server.logged_in();
    let (before, worst_before) = slow_noops(&mut other);
    let ended = AtomicBool::new(false);
    let (during, worst) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let path = format!("{folder}/{}", NAMES[number % 2]);
                let ended = &ended;
                scope.spawn(move || drain_slowly(server, &path, ended))
            })
            .collect();
        let lister = scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                let mut client = server.logged_in();
                let listed = download(&mut client, &format!("LIST {folder}")).expect("a listing");
                let listed = String::from_utf8_lossy(&listed).into_owned();
                assert!(NAMES.iter().all(|name| listed.contains(name)), "{listed}");
            }
        });
        let measured = slow_noops(&mut other);
        ended.store(true, Ordering::SeqCst);
        lister.join().expect("listings go on");
        for client in clients {
            let moved = client.join().expect("downloads go on");
            assert!(moved > 0, "the slow disk gave nothing");
        }
        measured
    });
    assert!(
        during <= before + 1,
        "{during} of {NOOPS} NOOPs waited, the worst {worst:?}; before {before}, the worst {worst_before:?}"
    );
}

#[test]
fn r1_others_do_not_wait_for_a_slow_mount_below_the_root() {
    if has_no_fuse() {
        return;
    }
    let _alone = alone();
    with_mounts(|| {
        let place = Place::new();
        place.directory("root/slow");
        let slow = Slow::mount(&place.path("root/slow"), DELAY);
        let (_slow, server) = &(slow, Launch::new(&place).start());
        others_do_not_wait(server, "/slow");
        // The root itself shows the mount point, and costs nobody else anything.
        let mut client = server.logged_in();
        let listed = download(&mut client, "LIST /").expect("a listing");
        assert!(String::from_utf8_lossy(&listed).contains("slow"));
    });
}

#[test]
fn r1_others_do_not_wait_for_a_slow_root() {
    if has_no_fuse() {
        return;
    }
    let _alone = alone();
    with_mounts(|| {
        let place = Place::new();
        let slow = Slow::mount(&place.root(), DELAY);
        let (_slow, server) = &(slow, Launch::new(&place).start());
        others_do_not_wait(server, "/");
    });
}

/// A download that stands in the middle because its disk hangs.
fn standing_download(server: &Running) -> (Client, TcpStream) {
    let mut client = server.logged_in();
    let mut data = begin(&mut client, "RETR /slow/one");
    data.read_exact(&mut [0; 1000])
        .expect("the disk still answers");
    (client, data)
}

/// Clients that wait for the disk in one command each, and reset their connections: their sessions end at once.
fn vanish_in_every_command(server: &Running) {
    let descriptors = server.open_descriptors();
    for command in [
        "SIZE /slow/new",
        "MDTM /slow/new",
        "MLST /slow/new",
        "CWD /slow/new",
        "STAT /slow/new",
        "LIST /slow/new",
        "MLSD /slow",
        "RETR /slow/new",
        "STOR /slow/new",
        "MKD /slow/new",
    ] {
        let mut client = server.logged_in();
        client.ask_passive().expect("a port");
        client
            .send(format!("{command}\r\n").as_bytes())
            .expect("the server reads");
        std::thread::sleep(Duration::from_millis(30));
        reset_on_close(client.stream());
        drop(client);
        server.back_to(descriptors, Duration::from_secs(2), command);
    }
}

#[test]
fn r1_a_disk_that_never_answers_is_felt_by_its_own_clients_only() {
    if has_no_fuse() {
        return;
    }
    let _alone = alone();
    with_mounts(|| {
        let place = Place::new();
        place.directory("root/slow");
        let slow = Slow::mount(&place.path("root/slow"), Duration::from_millis(5));
        let launch = Launch::new(&place).flags(&["-c", "40", "--datatimeout", "90"]);
        // Should the test fail, the disk goes first, or the server could not be killed.
        let (slow, server) = &mut (slow, launch.start());
        let (mut stands, mut data) = standing_download(server);
        let vanishing: Vec<_> = (0..4).map(|_| standing_download(server)).collect();
        slow.hang();
        let mut lister = server.logged_in();
        let at = lister.ask_passive().expect("a port");
        let _listing = crate::common::client::connect_data(at).expect("a data connection");
        lister.send(b"LIST /slow\r\n").expect("a command");
        let begun = Instant::now();

        // More clients than the disk may hold threads, some of whom vanish: the others are served as ever.
        let mut other = server.logged_in();
        let (late, worst) = slow_noops(&mut other);
        assert!(late <= 2, "{late} NOOPs waited, the worst {worst:?}");
        assert_eq!(download(&mut other, "RETR pub/small"), Ok(vec![b's'; 100]));
        vanish_in_every_command(server);
        let descriptors = server.open_descriptors();
        let vanished = vanishing.len();
        drop(vanishing);
        within(Duration::from_secs(2), "who vanished is forgotten", || {
            server.open_descriptors() <= descriptors - 2 * vanished
        });

        // Who stays is told in the end.
        let timeout = Some(DEADLINE);
        for client in [&stands, &lister] {
            client
                .stream()
                .set_read_timeout(timeout)
                .expect("a time-out");
        }
        data.set_read_timeout(timeout).expect("a time-out");
        let mut rest = Vec::new();
        let _ = data.read_to_end(&mut rest);
        assert!((rest.len() as u64) < SIZE, "the disk hangs");
        expect_reply(&mut stands, 451);
        let reply = lister.reply().expect("a reply");
        let code = if reply.code == 150 {
            lister.reply().expect("a reply").code
        } else {
            reply.code
        };
        assert_eq!(code, 451, "of LIST");
        assert!(begun.elapsed() < DEADLINE);

        // The root, in which the mount point lies, can still be listed.
        expect(&mut other, "NOOP", 200);
        server.signal(Signal::TERM);
        let ended = server.end_within(Duration::from_secs(20));
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    });
}
