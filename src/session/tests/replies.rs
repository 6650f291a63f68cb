//! What holds for every command: one final reply, in form, whatever the argument.

use super::super::commands;
use super::harness::{Client, Ground, Login, impatient, verbs};

/// Arguments that some command or other may choke on.
fn arguments() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "",
        " ",
        "  ",
        "f",
        "missing",
        "/",
        ".",
        "..",
        "*",
        "?[",
        "[",
        "-",
        "--",
        "-la",
        "-laRtrSF1 f",
        "0",
        "1",
        "-1",
        "18446744073709551616",
        "A",
        "I",
        "L 8",
        "E N",
        "S",
        "F",
        "ALL",
        "1,2,3,4,5,6",
        "|1|127.0.0.1|1025|",
        "||||||",
        "20010203040506 f",
        "20010203040506",
        "777 f",
        "UTF8",
        "MLST type;",
        "CHMOD 777 f",
        "IDLE 1000",
        "HELP",
        "TIME",
        "ALIAS",
        "UTIME x",
        "RETR f",
        "\"",
        "%s",
        "~",
        "~root",
        "f/",
        "f/../f",
        "//",
        "\u{202e}",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.push(b"\xfe\xfe".to_vec());
    all.push(b"\xff\xff\xff\xff".to_vec());
    all.push(b"a\0b".to_vec());
    all.push(b"a\rb".to_vec());
    all.push(vec![b'x'; 255]);
    all.push(vec![b'x'; 4000]);
    all.push(b"../".repeat(300));
    all
}

/// One final reply, then the session is where it was.
fn one_reply(client: &mut Client, line: &[u8]) {
    let reply = client.ask(line);
    let shown = String::from_utf8_lossy(line);
    assert!(reply.code >= 200, "{shown}: {}", reply.words());
    // Had there been two, this would be the second.
    let next = client.ask("SYST");
    assert_eq!(next.code, 215, "after {shown}: {}", next.words());
}

#[test]
fn every_line_gets_exactly_one_final_reply() {
    for login in [Login::Full, Login::Anonymous, Login::Nobody] {
        let ground = Ground::in_memory();
        ground.write("f", b"x");
        for verb in verbs() {
            // QUIT ends, and PASS of a failed login takes its time.
            if ["QUIT", "PASS"].contains(&verb) {
                continue;
            }
            let start = || {
                let plan = ground.plan(login, |settings| {
                    settings.login.anonymous_only = true;
                    impatient(settings);
                });
                plan.client()
            };
            let mut client = start();
            for (number, argument) in arguments().iter().enumerate() {
                let line = [verb.as_bytes(), b" ", argument.as_slice()].concat();
                one_reply(
                    &mut client,
                    if number == 0 { verb.as_bytes() } else { &line },
                );
                if number % 8 == 7 {
                    client = start();
                }
            }
        }
    }
}

#[test]
fn verbs_are_taken_in_any_case() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    client.expect("nOoP", 200);
    client.expect("pwd", 257);
    client.expect("site help", 214);
    client.expect("Type i", 200);
}

#[test]
fn help_knows_every_row() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    let help = client.expect("HELP", 214);
    for row in commands::rows() {
        assert!(help.contains(row.verb), "{}", row.verb);
        let words = client.expect(format!("HELP {}", row.verb), 214);
        assert!(
            words.contains(row.verb) || words.contains("SITE"),
            "{words}"
        );
    }
    client.expect("HELP NOSUCH", 502);
}
