//! Modules that take their time, and what others notice of it.

use std::time::{Duration, Instant};

use crate::common::client::Client;
use crate::common::processes::children;
use crate::machine::{Machine, stack};
use crate::support::{PASSWORD, PATIENCE, Running, expect, not_root, within};

/// More than there are processes to check passwords at first.
const SLEEPERS: usize = 12;

/// Pure-FTPd's delay of a first failure, and what is added to it at most at random.
const DELAY: Duration = Duration::from_secs(3);

/// A machine where a module sleeps so many seconds over logins of `slow`, and then says what `verdict` says.
fn machine(seconds: u32, verdict: &str) -> Machine {
    let machine = Machine::with_names(
        &["joe", "slow"],
        &stack(
            "pam_exec.so quiet {place}/sleep",
            "pam_permit.so",
            "pam_permit.so",
        ),
    );
    machine.script(
        "sleep",
        &format!(
            "[ $PAM_USER = slow ] || exit 0; echo asleep >>$notes; sleep {seconds}; {verdict}"
        ),
    );
    machine
}

/// Clients that have sent the password of `slow`, and when.
fn sleepers(server: &Running) -> Vec<(Client, Instant)> {
    let mut clients: Vec<Client> = (0..SLEEPERS)
        .map(|_| {
            let mut client = server.greeted();
            expect(&mut client, "USER slow", 331);
            let limit = client.stream().set_read_timeout(Some(PATIENCE));
            limit.expect("a limit");
            client
        })
        .collect();
    clients
        .drain(..)
        .map(|mut client| {
            let line = format!("PASS {PASSWORD}\r\n");
            client.send(line.as_bytes()).expect("sent");
            (client, Instant::now())
        })
        .collect()
}

/// How many processes the keeper has.
fn processes(server: &Running) -> usize {
    children(server.keeper()).len()
}

#[test]
fn c8_logins_over_which_a_module_sleeps_delay_nobody_else() {
    if not_root() {
        return;
    }
    let machine = machine(6, "true");
    let server = machine.start();
    let mut here = server.login("joe");
    let before = processes(&server);
    let asleep = sleepers(&server);
    machine.await_notes(2);
    for _ in 0..5 {
        let begun = Instant::now();
        assert_eq!(server.code("joe"), 230);
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
    }
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            expect(&mut here, "NOOP", 200);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    assert!(times[50] < Duration::from_millis(50), "{:?}", times[50]);
    // They sleep beside each other, so that none is given up.
    for (mut client, _) in asleep {
        assert_eq!(
            client.reply().expect("a reply").code,
            230,
            "{}",
            server.said()
        );
    }
    assert_eq!(server.code("joe"), 230);
    // Those who stood in for the sleeping end, each with the process that it had ready for a login: were they to stay, there
    // were two more for each sleeper. Some that were counted before may just have been starting.
    within(PATIENCE, "as many processes as before", || {
        processes(&server) <= before + SLEEPERS / 2
    });
}

#[test]
fn c3_the_time_a_module_takes_over_a_wrong_password_is_not_added_to_the_delay() {
    if not_root() {
        return;
    }
    let machine = machine(2, "false");
    let server = machine.start();
    let times: Vec<Duration> = std::thread::scope(|scope| {
        let asked: Vec<_> = sleepers(&server)
            .into_iter()
            .map(|(mut client, begun)| {
                scope.spawn(move || {
                    assert_eq!(client.reply().expect("a reply").code, 530);
                    begun.elapsed()
                })
            })
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().expect("a time"))
            .collect()
    });
    let shortest = times.iter().min().expect("a time");
    assert!(*shortest >= DELAY, "{times:?}");
    // Three seconds and up to three more at random: that all of them are long is as likely as one in half a million.
    assert!(*shortest < DELAY + Duration::from_secs(2), "{times:?}");
}

#[test]
fn the_delay_that_modules_ask_for_is_not_slept_by_a_process() {
    if not_root() {
        return;
    }
    // PAM makes it a quarter shorter or longer, at random.
    let machine = Machine::of_joe(&format!(
        "auth optional pam_faildelay.so delay=12000000\n{}",
        stack("pam_unix.so", "pam_unix.so", "pam_permit.so")
    ));
    let server = machine.start();
    let begun = Instant::now();
    let (_client, reply) = server.attempt("joe", "wrong");
    assert_eq!(reply.code, 530);
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    assert!(!server.said().contains("No answer"), "{}", server.said());
}
