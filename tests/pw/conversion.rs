//! `wharf-pwconvert` beside Debian's pure-pwconvert.

use crate::tool::{pure_pw, run, succeeded};
use std::process::Command;
use wharf::keeper::record::Line;

fn ours() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wharf-pwconvert"))
}

#[test]
fn the_systems_users_are_the_same_to_the_byte() {
    let Some(pure_pw) = pure_pw() else { return };
    let theirs = run(
        &mut Command::new(pure_pw.with_file_name("pure-pwconvert")),
        "",
    );
    assert_eq!(succeeded(&run(&mut ours(), "")), succeeded(&theirs));
}

#[test]
fn every_line_is_a_user_the_server_takes() {
    for line in succeeded(&run(&mut ours(), "")).lines() {
        assert!(Line::read(line.as_bytes()).user().is_ok(), "{line}");
    }
}

#[test]
fn it_takes_no_arguments() {
    let output = run(ours().arg("x"), "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .starts_with("wharf-pwconvert: unexpected argument 'x'")
    );
}
