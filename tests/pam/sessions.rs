//! A session of PAM is open as long as that of FTP, and closed by the process that opened it, whatever ends it.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use socket2::SockRef;

use crate::common::client::Client;
use crate::common::processes::{children, lives};
use crate::machine::{Machine, stack};
use crate::support::{PASSWORD, PATIENCE, Running, expect, expect_reply, not_root, signal, within};

fn machine() -> Machine {
    let machine = Machine::of_joe(&stack(
        "pam_unix.so",
        "pam_unix.so",
        "pam_exec.so quiet {place}/note",
    ));
    machine.script("note", "echo \"$PAM_TYPE $PPID\" >>$notes");
    machine
}

/// The process that opened the last session, which is still open.
fn opened(machine: &Machine, count: usize) -> u32 {
    let notes = machine.await_notes(count);
    opener(notes.last().expect("a line"))
}

/// The process that has opened a session with this note.
fn opener(note: &str) -> u32 {
    let opener = note.strip_prefix("open_session ").expect("opened");
    opener.parse().expect("a number")
}

/// Waits until a session is closed by its opener, who has nothing to do then.
#[track_caller]
fn await_closed(machine: &Machine, count: usize, opener: u32) {
    let notes = machine.await_notes(count);
    assert_eq!(
        notes[count - 1],
        format!("close_session {opener}"),
        "{notes:?}"
    );
    within(PATIENCE, "the process ends", || !lives(opener));
}

#[test]
fn a_session_is_closed_when_the_client_says_goodbye_or_leaves_its_account() {
    if not_root() {
        return;
    }
    let machine = machine();
    let server = machine.start();
    let mut client = server.login("joe");
    let opener = opened(&machine, 1);
    expect(&mut client, "NOOP", 200);
    assert_eq!(machine.notes().len(), 1, "it stays open");
    expect(&mut client, "REIN", 220);
    await_closed(&machine, 2, opener);
    expect(&mut client, "USER joe", 331);
    expect(&mut client, &format!("PASS {PASSWORD}"), 230);
    let opener = opened(&machine, 3);
    expect(&mut client, "QUIT", 221);
    await_closed(&machine, 4, opener);
}

/// A server in a container is often the init of it, which waits for nobody.
#[test]
fn what_holds_a_session_belongs_to_the_keeper_who_waits_for_its_end() {
    if not_root() {
        return;
    }
    let machine = machine();
    let server = machine.start();
    let client = server.login("joe");
    let opener = opened(&machine, 1);
    assert!(children(server.keeper()).contains(&opener));
    drop(client);
    // Not even a zombie.
    let process = Path::new("/proc").join(opener.to_string());
    within(PATIENCE, "nothing is left of it", || !process.exists());
}

#[test]
fn a_session_is_closed_when_the_client_vanishes() {
    if not_root() {
        return;
    }
    let machine = machine();
    let server = machine.start();
    let client = server.login("joe");
    let opener = opened(&machine, 1);
    // Closing resets the connection.
    SockRef::from(client.stream())
        .set_linger(Some(Duration::ZERO))
        .expect("an option");
    drop(client);
    await_closed(&machine, 2, opener);
}

#[test]
fn a_session_is_closed_when_the_server_ends_or_is_killed() {
    if not_root() {
        return;
    }
    let machine = machine();
    let ends: [fn(Running); 2] = [drop, |server| signal(server.pid(), Signal::KILL)];
    for (number, end) in ends.into_iter().enumerate() {
        let server = machine.start();
        let _client = server.login("joe");
        let opener = opened(&machine, 2 * number + 1);
        end(server);
        await_closed(&machine, 2 * number + 2, opener);
    }
}

/// A supervisor, or the end of a container, ends whatever is left of a server with it.
#[test]
fn a_server_that_was_told_to_end_is_there_until_its_sessions_are_closed() {
    if not_root() {
        return;
    }
    let machine = machine();
    machine.script(
        "note",
        "[ $PAM_TYPE = open_session ] || sleep 0.7; echo \"$PAM_TYPE $PPID\" >>$notes",
    );
    let mut server = machine.start();
    let _client = server.login("joe");
    let opener = opened(&machine, 1);
    signal(server.pid(), Signal::TERM);
    within(PATIENCE, "the server ends", || !server.is_alive());
    let closed = format!("close_session {opener}");
    assert_eq!(machine.notes().last(), Some(&closed));
}

#[test]
fn sessions_at_a_time_are_each_closed_by_their_own_process() {
    if not_root() {
        return;
    }
    let machine = machine();
    let server = machine.start();
    let mut clients: Vec<Client> = (0..6).map(|_| server.login("joe")).collect();
    let mut openers = machine.await_notes(6);
    openers.sort_unstable();
    openers.dedup();
    assert_eq!(openers.len(), 6);
    for (number, mut client) in clients.drain(..).enumerate() {
        expect(&mut client, "QUIT", 221);
        machine.await_notes(7 + number);
    }
    let mut closers: Vec<String> = machine.notes()[6..]
        .iter()
        .map(|line| line.replace("close", "open"))
        .collect();
    closers.sort_unstable();
    assert_eq!(closers, openers);
}

#[test]
fn a_session_of_a_login_that_failed_after_all_is_closed_at_once() {
    if not_root() {
        return;
    }
    let machine = machine();
    std::fs::remove_dir(machine.path("home/joe")).expect("removed");
    let server = machine.start();
    assert_eq!(server.code("joe"), 421, "there is no home");
    let notes = machine.await_notes(2);
    await_closed(&machine, 2, opener(&notes[0]));
}

#[test]
fn a_session_of_a_client_of_inetd_is_closed_and_its_modules_do_not_talk_to_the_client() {
    if not_root() {
        return;
    }
    let machine = Machine::of_joe(&stack(
        "pam_unix.so",
        "pam_unix.so",
        "pam_exec.so quiet stdout {place}/note",
    ));
    machine.script(
        "note",
        "echo \"$PAM_TYPE $PPID\" >>$notes; echo chatter; echo noise >&2; echo more >/proc/$PPID/fd/1; echo more >/proc/$PPID/fd/2",
    );
    let (mut server, mut client) = machine.launch().inetd();
    expect_reply(&mut client, 220);
    expect(&mut client, "USER joe", 331);
    expect(&mut client, &format!("PASS {PASSWORD}"), 230);
    let opener = opened(&machine, 1);
    expect(&mut client, "NOOP", 200);
    expect(&mut client, "QUIT", 221);
    await_closed(&machine, 2, opener);
    assert_eq!(client.line().expect("the end"), None);
    assert!(server.wait().expect("it ends").success());
}

#[test]
fn a_script_of_a_session_has_the_signals_of_any_program() {
    if not_root() {
        return;
    }
    let machine = machine();
    machine.script(
        "note",
        "grep -E '^Sig(Blk|Ign):' /proc/self/status >>$notes",
    );
    let server = machine.start();
    server.login("joe");
    let notes = machine.await_notes(2);
    // What the server handles or ignores itself; the rest is as whoever started it had it.
    let handled = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::PIPE,
        Signal::ALARM,
        Signal::TERM,
        Signal::CHILD,
    ];
    let mask = handled
        .iter()
        .fold(0, |mask, signal| mask | 1_u64 << (signal.as_raw() - 1));
    for line in &notes[..2] {
        let (_, number) = line.split_once(":\t").expect("a number");
        let set = u64::from_str_radix(number, 16).expect("hexadecimal");
        assert_eq!(set & mask, 0, "{line}");
    }
}
