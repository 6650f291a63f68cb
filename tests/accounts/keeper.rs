//! What becomes of sessions and logins when the processes that check passwords are killed, hang, or have more to do than they
//! can.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use wharf::keeper::hashes::{Cost, hash_new};

use crate::common::processes::{children, lives};
use crate::support::{
    Launch, PASSWORD, PATIENCE, Place, Running, User, download, expect, expect_reply, not_root,
    signal, upload, within,
};

/// A dead or hung worker is to be replaced within this time.
const REPLACED: Duration = Duration::from_secs(5);

/// Processor time of a process, in ticks (proc(5), fields 14 and 15 of stat).
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [11, 12]
        .iter()
        .filter_map(|&at| fields.get(at)?.parse::<u64>().ok())
        .sum()
}

/// The worker that is hashing now.
fn busy_worker(keeper: u32) -> u32 {
    let mut found = None;
    within(Duration::from_secs(20), "a worker is busy", || {
        let before: Vec<(u32, u64)> = children(keeper)
            .into_iter()
            .map(|worker| (worker, ticks(worker)))
            .collect();
        std::thread::sleep(Duration::from_millis(60));
        found = before
            .into_iter()
            .map(|(worker, before)| (ticks(worker).saturating_sub(before), worker))
            .max()
            .filter(|(ticks, _)| *ticks >= 2)
            .map(|(_, worker)| worker);
        found.is_some()
    });
    found.expect("a worker")
}

/// Waits until no worker is busy: the first hash of a server is one of its own, by which it sees what a check costs.
fn rest(keeper: u32) {
    let all = || -> u64 { children(keeper).into_iter().map(ticks).sum() };
    let (mut before, mut quiet) = (all(), 0);
    within(Duration::from_secs(20), "no worker is busy", || {
        std::thread::sleep(Duration::from_millis(60));
        let now = all();
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
        quiet >= 5
    });
}

/// [`PASSWORD`] at about this price.
fn slow_hash(price: Duration) -> String {
    hash_new(PASSWORD.as_bytes(), Cost::tuned(8192, price)).expect("a hash")
}

/// `joe`, whose hash is cheap, and `slow`, whose is not.
fn users(place: &Place, price: Duration) -> [User; 2] {
    place.file("pub", "content", 0, 0o644);
    [
        User::new(place, "joe", 2001),
        User::new(place, "slow", 2002).hash(&slow_hash(price)),
    ]
}

/// Waits until other workers are there in the place of those that were killed.
fn await_replacement(keeper: u32, killed: &[u32], workers: usize) {
    within(REPLACED, "as many workers as before", || {
        let now = children(keeper);
        now.len() >= workers && !now.iter().any(|worker| killed.contains(worker))
    });
}

#[test]
fn c8_a_killed_worker_is_replaced_and_others_log_in() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = users(&place, Duration::from_secs(1));
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let mut before = server.login("joe");
    let keeper = server.keeper();
    rest(keeper);
    let workers = children(keeper).len();
    std::thread::scope(|scope| {
        let caught = scope.spawn(|| server.code("slow"));
        let victim = busy_worker(keeper);
        signal(victim, Signal::KILL);
        await_replacement(keeper, &[victim], workers);
        // Whoever was being checked is told so, and not left waiting.
        within(REPLACED, "the server knows", || {
            server
                .said()
                .contains("the process that checked this password died")
        });
        assert_eq!(server.code("joe"), 230);
        assert_eq!(caught.join().expect("a reply"), 530);
    });
    let said = server.said();
    assert!(!said.contains("in time"), "{said}");
    assert!(
        !said.contains("Authentication failed"),
        "nobody guessed: {said}"
    );
    expect(&mut before, "NOOP", 200);
    within(PATIENCE, "the slow one comes in as well", || {
        server.code("slow") == 230
    });
}

#[test]
fn c8_all_workers_killed_at_once_are_replaced() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let mut before = server.login("joe");
    let keeper = server.keeper();
    let killed = children(keeper);
    for &worker in &killed {
        signal(worker, Signal::KILL);
    }
    await_replacement(keeper, &killed, killed.len());
    assert_eq!(server.code("joe"), 230);
    expect(&mut before, "NOOP", 200);
}

#[test]
fn c8_a_worker_that_hangs_gets_another_beside_it() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = users(&place, Duration::from_secs(1));
    let server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let mut before = server.login("joe");
    let keeper = server.keeper();
    rest(keeper);
    let workers = children(keeper).len();
    let mut stopped = Vec::new();
    std::thread::scope(|scope| {
        let mut caught = Vec::new();
        // As many as check passwords; each is stopped in the middle of a hash.
        let checkers =
            std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8));
        for _ in 0..checkers {
            caught.push(scope.spawn(|| server.code("slow")));
            let victim = busy_worker(keeper);
            signal(victim, Signal::STOP);
            stopped.push(victim);
        }
        expect(&mut before, "NOOP", 200);
        let begun = Instant::now();
        // One question may still go to nobody; it is answered when a new worker takes it.
        assert_eq!(server.code("joe"), 230);
        assert!(
            begun.elapsed() < REPLACED + Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
        for caught in caught {
            assert_eq!(caught.join().expect("a reply"), 530);
        }
    });
    assert!(children(keeper).len() > workers);
    for worker in stopped {
        signal(worker, Signal::CONT);
    }
    assert_eq!(server.code("joe"), 230);
}

#[test]
fn c8_sessions_outlive_the_keeper_and_new_logins_get_an_answer() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = users(&place, Duration::from_millis(300));
    let mut server = Launch::virtual_users(&place, &users).flags(&["-E"]).start();
    let mut before = server.login("joe");
    let mut asking = server.greeted();
    expect(&mut asking, "USER slow", 331);
    let keeper = server.keeper();
    rest(keeper);
    let workers = children(keeper);
    signal(keeper, Signal::KILL);
    within(REPLACED, "the workers end with it", || {
        !workers.iter().any(|&worker| lives(worker))
    });
    let reply = asking
        .command(&format!("PASS {PASSWORD}"))
        .expect("a reply");
    assert!(matches!(reply.code, 421 | 530), "{}", reply.last());
    for _ in 0..3 {
        let got = download(&mut before, &format!("RETR {}", place.text("pub")));
        assert_eq!(got.as_deref(), Ok(&b"content"[..]));
    }
    assert!(server.is_alive());
    expect(&mut before, "QUIT", 221);
}

#[test]
fn a_client_of_inetd_logs_in_and_its_keeper_goes_with_it() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    let (mut server, mut client) = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-A"])
        .inetd();
    expect_reply(&mut client, 220);
    expect(&mut client, "USER joe", 331);
    expect(&mut client, &format!("PASS {PASSWORD}"), 230);
    assert_eq!(upload(&mut client, "STOR file", b"x"), 226);
    let keeper = children(server.id())[0];
    let workers = children(keeper);
    assert!(!workers.is_empty());
    expect(&mut client, "QUIT", 221);
    assert!(server.wait().expect("it ends").success());
    within(REPLACED, "nothing of it is left", || {
        !lives(keeper) && !workers.iter().any(|&worker| lives(worker))
    });
}

#[test]
fn c4_two_hundred_slow_logins_at_once_delay_nobody_who_is_here() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = users(&place, Duration::from_millis(200));
    let server = Launch::virtual_users(&place, &users)
        .flags(&["-E", "-c", "300"])
        .start();
    let mut here = server.login("joe");
    let mut waiting: Vec<_> = (0..200)
        .map(|_| {
            let mut client = server.greeted();
            expect(&mut client, "USER slow", 331);
            client
        })
        .collect();
    for client in &mut waiting {
        let limit = client.stream().set_read_timeout(Some(PATIENCE));
        limit.expect("a limit");
        client
            .send(format!("PASS {PASSWORD}\r\n").as_bytes())
            .expect("sent");
    }
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let begun = Instant::now();
            expect(&mut here, "NOOP", 200);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    // A guard against waiting for a hash; the figures are a benchmark's.
    let median = times[times.len() / 2];
    assert!(median < Duration::from_millis(50), "{median:?}");
    let mut codes: Vec<u16> = waiting
        .iter_mut()
        .map(|client| client.reply().expect("an answer").code)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    // Past the queue: come again. Past the time a login may take: not now.
    assert!(
        codes.iter().all(|code| matches!(code, 230 | 421 | 530)) && codes.contains(&230),
        "{codes:?}"
    );
    drop(waiting);
    within(PATIENCE, "logins as before", || server.code("slow") == 230);
}

/// Both replies of a login with a wrong password, the name in them made the same for all.
fn refusal(server: &Running, name: &str) -> Vec<String> {
    let mut client = server.greeted();
    let user = client.command(&format!("USER {name}")).expect("a reply");
    let pass = client.command("PASS wrong").expect("a reply");
    let lines = user.lines.iter().chain(&pass.lines);
    lines
        .map(|line| String::from_utf8_lossy(line).replace(name, "NAME"))
        .collect()
}

#[test]
fn c3_unknown_users_and_wrong_passwords_are_told_the_same() {
    if not_root() {
        return;
    }
    let place = Place::new();
    let users = [User::new(&place, "joe", 2001)];
    for launch in [
        Launch::virtual_users(&place, &users),
        Launch::system_users(&place, &users, ""),
    ] {
        let server = launch.flags(&["-E"]).start();
        let names = ["joe", "nobody-here", "root", "nobody", "j", "JOE2"];
        let told: Vec<_> = std::thread::scope(|scope| {
            let asked = names.map(|name| {
                let server = &server;
                scope.spawn(move || refusal(server, name))
            });
            asked.map(|asked| asked.join().expect("a refusal")).into()
        });
        for (name, told) in names.iter().zip(told) {
            let wanted = [
                "331 User NAME OK. Password required",
                "530 Login authentication failed",
            ];
            assert_eq!(told, wanted, "{name}");
        }
    }
}
