//! Passwords typed on a terminal: not shown, and the terminal is as before whatever happens.

use crate::tool::{Place, run, wharf_pw};
use std::process::Command;

/// Runs a command on a terminal of its own, types what it is given when a prompt comes, and prints what was shown, the exit
/// status and whether the terminal echoes.
const ON_TERMINAL: &str = r#"
import os, pty, signal, sys, termios
signal.alarm(30)
master, slave = pty.openpty()
typed, command = sys.argv[1].encode().decode('unicode_escape').encode('latin-1'), sys.argv[2:]
pid = os.fork()
if pid == 0:
    os.setsid()
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    import fcntl
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execv(command[0], command)
shown = b''
for line in typed.split(b'|'):
    while not shown.rstrip(b' ').endswith(b':'):
        shown += os.read(master, 1000)
    os.write(master, line)
    shown += b' '
    shown += b'<typed>'
_, status = os.waitpid(pid, 0)
os.set_blocking(master, False)
try:
    shown += os.read(master, 10000)
except BlockingIOError:
    pass
echo = bool(termios.tcgetattr(slave)[3] & termios.ECHO)
print(repr(shown.decode()), status, echo)
"#;

/// What the script prints for `passwd anna` with these keys.
fn typing(place: &Place, keys: &str) -> Option<String> {
    let mut python = place.command(std::path::Path::new("python3"), &["-c", ON_TERMINAL, keys]);
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "python3 is not installed, and CI is set"
        );
        return None;
    }
    let output = run(python.arg(wharf_pw()).args(["passwd", "anna"]), "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn a_typed_password_is_not_shown() {
    let place = Place::with("anna:old:1:2::/x\n");
    let Some(said) = typing(&place, r"secret\n|secret\n") else {
        return;
    };
    assert!(
        said.contains("Password: ") && said.contains("Enter it again: "),
        "{said}"
    );
    assert!(
        !said.contains("secret") && said.ends_with(" 0 True\n"),
        "{said}"
    );
    assert!(place.text().starts_with("anna:$argon2id$"));
}

#[test]
fn a_typed_password_is_asked_for_again_when_both_differ() {
    let place = Place::with("anna:old:1:2::/x\n");
    let Some(said) = typing(&place, r"one\n|two\n|three\n|three\n") else {
        return;
    };
    assert!(
        said.contains("You did not enter the same password") && said.ends_with(" 0 True\n"),
        "{said}"
    );
}

#[test]
fn an_interrupted_prompt_leaves_the_terminal_as_it_was() {
    let place = Place::with("anna:old:1:2::/x\n");
    let Some(said) = typing(&place, r"half\x03") else {
        return;
    };
    assert!(
        said.ends_with(" 2 True\n"),
        "ended by SIGINT, echo on: {said}"
    );
    assert_eq!(place.text(), "anna:old:1:2::/x\n");
}
