//! Asking for a new password: twice on a terminal, with its echo off, or from what is piped in.
//!
//! Nothing here is buffered, so every copy of the password is one that gets wiped.

use crate::keeper::hashes::PASSWORD_BYTES;
use rustix::io::Errno;
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fmt;
use zeroize::Zeroizing;

/// How often two passwords may differ.
const TRIES: usize = 3;

type Password = Zeroizing<Vec<u8>>;

/// Why there is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPassword {
    /// The input ended or cannot be read.
    Ended,
    /// A line has no password, or one that is too long or has a NUL.
    Unfit,
    /// The two were different each time.
    Different,
}

impl fmt::Display for NoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPassword::Ended => f.write_str("the input ended before a password"),
            NoPassword::Unfit => write!(
                f,
                "a password has 1 to {PASSWORD_BYTES} bytes and no NUL among them"
            ),
            NoPassword::Different => f.write_str("the passwords were different each time"),
        }
    }
}

/// Reads a new password from standard input. On a terminal it is typed twice. A pipe or file has it on one line or, as
/// for pure-pw, on two lines that are the same.
pub(super) fn new_password() -> Result<Password, NoPassword> {
    let _quiet = Quiet::new();
    let on_terminal = isatty(stdin());
    let say = |text: &str| {
        if on_terminal {
            eprint!("{text}");
        }
    };
    agreed(
        &mut || {
            let line = line(&mut || next_byte().ok().flatten());
            say("\n");
            line
        },
        &say,
        on_terminal,
    )
}

/// Takes pairs of lines until both are the same.
fn agreed(
    line: &mut dyn FnMut() -> Option<Password>,
    say: &dyn Fn(&str),
    twice: bool,
) -> Result<Password, NoPassword> {
    for _ in 0..TRIES {
        say("Password: ");
        let first = line().ok_or(NoPassword::Ended)?;
        if first.is_empty() || first.len() > PASSWORD_BYTES || first.contains(&0) {
            return Err(NoPassword::Unfit);
        }
        say("Enter it again: ");
        match line() {
            None if twice => return Err(NoPassword::Ended),
            None => return Ok(first),
            Some(second) if second == first => return Ok(first),
            Some(_) => say("You did not enter the same password\n"),
        }
    }
    Err(NoPassword::Different)
}

/// Bytes up to a line feed or the end, without a carriage return before it; `None` at the end. What is too long is cut
/// one byte beyond the longest password.
fn line(next: &mut dyn FnMut() -> Option<u8>) -> Option<Password> {
    // Never grows, as growing would leave a copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_BYTES + 2));
    let mut ended = true;
    while let Some(byte) = next() {
        ended = false;
        if byte == b'\n' {
            break;
        }
        if line.len() < PASSWORD_BYTES + 2 {
            line.push(byte);
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    (!ended).then_some(line)
}

fn next_byte() -> Result<Option<u8>, Errno> {
    let mut byte = Zeroizing::new([0]);
    loop {
        match rustix::io::read(stdin(), byte.as_mut_slice()) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A terminal without echo, which comes back when this ends, or a signal ends the program.
struct Quiet(Option<Termios>);

impl Quiet {
    /// Does nothing where standard input is no terminal.
    fn new() -> Quiet {
        let Ok(before) = tcgetattr(stdin()) else {
            return Quiet(None);
        };
        restore_on_signals(before.clone());
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &quiet);
        Quiet(Some(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// Leaves a thread behind that ends the program as the signal would have, with the terminal as it was.
fn restore_on_signals(before: Termios) {
    let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) else {
        return;
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of an input, typed or piped.
    fn read(input: &[u8], twice: bool) -> Result<Vec<u8>, NoPassword> {
        let mut bytes = input.iter().copied();
        let mut next = || line(&mut || bytes.next());
        agreed(&mut next, &|_| (), twice).map(|password| password.to_vec())
    }

    #[test]
    fn two_lines_that_are_the_same_are_a_password() {
        assert_eq!(
            read(b"pass word\npass word\n", true),
            Ok(b"pass word".to_vec())
        );
        assert_eq!(read(b"p\xff\r\np\xff\r\n", true), Ok(b"p\xff".to_vec()));
    }

    #[test]
    fn there_are_three_tries() {
        assert_eq!(read(b"a\nb\na\na\n", true), Ok(b"a".to_vec()));
        assert_eq!(
            read(b"a\nb\na\nb\na\nb\na\na\n", true),
            Err(NoPassword::Different)
        );
    }

    #[test]
    fn a_pipe_may_hold_it_once() {
        assert_eq!(read(b"pass\n", false), Ok(b"pass".to_vec()));
        assert_eq!(read(b"pass", false), Ok(b"pass".to_vec()));
        assert_eq!(read(b"pass\nother\n", false), Err(NoPassword::Ended));
        assert_eq!(read(b"pass\n", true), Err(NoPassword::Ended));
    }

    #[test]
    fn c6_an_empty_password_is_none() {
        assert_eq!(read(b"", false), Err(NoPassword::Ended));
        assert_eq!(read(b"\n\n", true), Err(NoPassword::Unfit));
    }

    #[test]
    fn p1_passwords_no_server_would_take_are_refused() {
        let longest = [vec![b'a'; PASSWORD_BYTES], b"\n".to_vec()].concat();
        assert_eq!(
            read(&longest, false).map(|password| password.len()),
            Ok(PASSWORD_BYTES)
        );
        let longer = [vec![b'a'; PASSWORD_BYTES + 1], b"\n".to_vec()].concat();
        assert_eq!(read(&longer, false), Err(NoPassword::Unfit));
        assert_eq!(read(b"a\0b\na\0b\n", false), Err(NoPassword::Unfit));
    }
}
