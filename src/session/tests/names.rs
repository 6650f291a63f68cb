//! What a client writes on its line: lengths, odd bytes, numbers, paths of every shape with every verb, patterns, and names
//! that would lie in a reply.

use std::fs;
use std::time::{Duration, Instant};

use super::super::commands;
use super::harness::{Client, Ground, Login, SECRET, impatient, is_root, verbs};
use crate::units::Recursion;

#[test]
fn p1_an_overlong_line_is_refused_once_and_its_tail_is_no_command() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = ground.full();
    let longest = [b"SIZE ".as_slice(), &[b'x'; 4091]].concat();
    assert_ne!(client.ask(&longest).code, 500);
    let longer = [b"SIZE ".as_slice(), &[b'x'; 4092]].concat();
    assert_eq!(client.ask(&longer).code, 500);
    let tail = [b"SIZE ".as_slice(), &[b'x'; 10_000], b" DELE f"].concat();
    assert_eq!(client.ask(&tail).code, 500);
    client.expect("SIZE f", 213);
    client.expect("NOOP", 200);
}

#[test]
fn p1_a_line_without_end_is_cut_off_in_bounded_memory() {
    let ground = Ground::in_memory();
    let mut clients = ground.plan(Login::Nobody, |_| {}).sessions(2).clients();
    let mut other = clients.pop().unwrap();
    let mut client = clients.pop().unwrap();
    let before = resident();
    let piece = vec![b'x'; 64 * 1024];
    use std::io::Write;
    for _ in 0..128 {
        if client.socket().write_all(&piece).is_err() {
            break;
        }
    }
    let codes: Vec<u16> = client.expect_end().iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [500, 421]);
    other.expect("NOOP", 200);
    // Other tests run in this process: the bound is coarse, the flood is larger.
    assert!(resident().saturating_sub(before) < 256 << 20);
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn p2_percent_signs_are_only_characters() {
    let ground = Ground::in_memory();
    let mut client = ground.full_with(impatient);
    const TEMPLATE: &str = "%n%s%x%99999999d{}{0}";
    for row in commands::rows() {
        if ["QUIT", "REIN", "STOU"].contains(&row.verb) {
            continue;
        }
        let reply = client.ask(format!("{} {TEMPLATE}", row.verb)).words();
        assert!(!reply.contains('%') || reply.contains(TEMPLATE), "{reply}");
    }
    client.expect(format!("MKD {TEMPLATE}"), 257);
    assert!(
        client
            .expect(format!("CWD {TEMPLATE}"), 250)
            .contains(TEMPLATE)
    );
    assert_eq!(ground.names(""), [TEMPLATE]);
}

#[test]
fn p5_nul_and_bare_cr_are_refused_and_never_cut_a_name() {
    let ground = Ground::in_memory();
    ground.directory("d");
    let mut client = ground.full();
    for line in [
        b"RMD d\0/../x".as_slice(),
        b"RMD d\rx",
        b"RMD d\x0b",
        b"RMD \0",
        b"RMD d\x7f",
        b"RMD d\x1b[2J",
    ] {
        client.expect(line, 501);
    }
    assert_eq!(ground.names(""), ["d"]);
    // Telnet says CR NUL for a CR that ends no line; it is one byte too many all the same.
    client.expect(b"RMD d\r\0x", 501);
    assert_eq!(ground.names(""), ["d"]);
}

#[test]
fn p5_a_bare_lf_ends_a_line() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    client.raw(b"PWD\nNOOP\r\n\nNOOP\n");
    let codes: Vec<u16> = (0..4).map(|_| client.reply().code).collect();
    assert_eq!(codes, [257, 200, 500, 200]);
}

#[test]
fn p5_every_byte_at_every_place_of_a_short_command_gets_one_answer() {
    let ground = Ground::in_memory();
    for place in 0..=7 {
        let mut client = ground.full();
        // So many mistakes end a session.
        let mut mistakes = 0;
        for byte in 0..=255_u8 {
            if byte == b'\n' {
                continue;
            }
            let mut line = b"SIZE fg".to_vec();
            line.insert(place, byte);
            client.send(&line);
            let code = client.reply().code;
            // Nothing overtakes, nothing is left over.
            let synchronous = client.ask("SYST").code;
            assert_eq!(synchronous, 215, "byte {byte} at {place}");
            assert!(
                [500, 501, 550, 553].contains(&code),
                "{code} for byte {byte} at {place}"
            );
            mistakes += u32::from(code == 500 || code == 501);
            if mistakes == 40 {
                mistakes = 0;
                client = ground.full();
            }
        }
    }
}

#[test]
fn p6_telnet_commands_vanish_however_they_are_split() {
    let ground = Ground::in_memory();
    ground.directory("x");
    let sequences: [&[u8]; 6] = [
        b"\xff\xf4\xff\xf2",
        b"\xff\xfd\x01",
        b"\xff\xfb\x03",
        b"\xff\xfa\x18\x00text\xff\xf0",
        b"\xff\xf1",
        b"\xff\xfe\x0a",
    ];
    for sequence in sequences {
        for at in 0..=5 {
            let mut line = b"CWD x\r\n".to_vec();
            line.splice(at..at, sequence.iter().copied());
            for cut in 1..line.len() {
                let mut client = ground.full();
                client.raw(&line[..cut]);
                client.raw(&line[cut..]);
                client.send("PWD");
                let codes = [client.reply().code, client.reply().code];
                assert_eq!(codes, [250, 257], "{line:?} cut at {cut}");
                drop(client);
            }
        }
    }
}

#[test]
fn p6_iac_iac_is_one_byte_of_a_name_and_comes_back_doubled() {
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::in_memory();
    let mut client = ground.full();
    let reply = client.ask(b"MKD a\xff\xffb");
    assert_eq!(reply.code, 257);
    assert!(reply.text.windows(4).any(|bytes| bytes == b"a\xff\xffb"));
    let name = std::ffi::OsStr::from_bytes(b"a\xffb");
    assert!(ground.root().join(name).is_dir());
}

/// Digits that are no offset: signs, blanks, other bases, too many.
const NO_NUMBERS: [&str; 14] = [
    "-1",
    "+1",
    " 1",
    "1 ",
    "1x",
    "0x10",
    "1e3",
    "1.0",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "999999999999999999999999999999",
    "\u{661}",
    "--",
];

#[test]
fn p7_rest_and_allo_take_plain_digits_up_to_the_largest_offset() {
    let ground = Ground::in_memory();
    ground.write("f", b"0123456789");
    let mut client = ground.full();
    client.expect("TYPE I", 200);
    for number in NO_NUMBERS {
        client.expect(format!("REST {number}"), 554);
        let code = client.ask(format!("ALLO {number}")).code;
        assert_eq!(code, 501, "ALLO {number}");
    }
    client.expect("REST", 501);
    client.expect("ALLO", 501);
    client.expect("ALLO 1 R 99999999999999999999", 501);
    client.expect("ALLO 1 R 80", 200);
    client.expect("REST 9223372036854775807", 350);
    let (refused, _) = client.download("RETR f");
    assert_eq!(refused.code, 554);
    client.expect("REST 9223372036854775807", 350);
    assert_eq!(client.upload("STOR f", b"x").code, 554);
    client.expect("REST 10", 350);
    assert_eq!(client.fetch("RETR f"), b"");
    client.expect("REST 11", 350);
    assert_eq!(client.download("RETR f").0.code, 554);
    // A refused offset does not stay.
    client.expect("REST 5", 350);
    client.expect("REST -1", 554);
    assert_eq!(client.fetch("RETR f"), b"0123456789");
    assert_eq!(ground.read("f"), b"0123456789");
}

#[test]
fn p7_port_and_eprt_take_addresses_in_range_only() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    for argument in [
        "127,0,0,1,256,0",
        "127,0,0,1,4,256",
        "127,0,0,256,4,0",
        "127,0,0,1,-4,0",
        "127,0,0,1,+4,0",
        "127,0,0,1,4",
        "127,0,0,1,4,0,0",
        "127,0,0,1,4,0x10",
        "127,0,0,1,4,0 ",
        "127,0,0,1,4,0x",
        "0127,0,0,1,99999999999999999999,0",
        ",,,,,",
        "127.0.0.1,4,0",
    ] {
        client.expect(format!("PORT {argument}"), 501);
    }
    for argument in [
        "|1|127.0.0.1|65536|",
        "|1|127.0.0.1|70000|",
        "|1|127.0.0.1|-1|",
        "|1|127.0.0.1|+2000|",
        "|1|127.0.0.1|99999999999999999999|",
        "|1|127.0.0.1|2000",
        "|1|127.0.0.1|2000|x",
        "|1|127.0.0.256|2000|",
        "|1|::1|2000|",
        "|2|127.0.0.1|2000|",
        "|1||2000|",
        "|",
    ] {
        client.expect(format!("EPRT {argument}"), 501);
    }
    client.expect("EPRT |3|127.0.0.1|2000|", 522);
    client.expect("EPRT |99999999999999999999|127.0.0.1|2000|", 501);
    client.expect("PORT 127,0,0,1,4,0", 200);
    client.expect("EPRT |1|127.0.0.1|65535|", 200);
    client.expect("EPRT !1!127.0.0.1!1024!", 200);
    client.expect("EPSV 3", 522);
    client.expect("EPSV 2", 522);
    client.expect("EPSV 9999999999999999999999", 522);
    client.expect("EPSV -1", 522);
}

#[test]
fn p9_deep_places_are_left_again_and_the_session_lives() {
    for ground in [Ground::in_memory(), Ground::on_disk()] {
        let mut client = ground.full();
        let name = "d".repeat(100);
        let mut depth = 0;
        for _ in 0..60 {
            let made = client.ask(format!("MKD {name}")).code;
            let entered = client.ask(format!("CWD {name}")).code;
            match (made, entered) {
                (257, 250) => depth += 1,
                (made, entered) => {
                    assert!(made >= 550 && entered >= 550, "{made} {entered}");
                    break;
                }
            }
        }
        assert!((39..=41).contains(&depth), "{depth}");
        assert!(client.expect("PWD", 257).len() > 100 * depth);
        assert_eq!(client.download("LIST").0.code, 226);
        assert_eq!(client.download("MLSD").0.code, 226);
        client.store("STOR f", b"x");
        let long = "x".repeat(300);
        assert!(client.ask(format!("MKD {long}")).code >= 550);
        for _ in 0..depth {
            client.expect("CDUP", 250);
        }
        assert!(client.expect("PWD", 257).starts_with("257 \"/\""));
        client.expect("CDUP", 250);
    }
}

#[test]
fn p10_names_that_would_forge_a_reply_are_shown_with_question_marks() {
    const FORGED: &str = "a\r\n226 forged\r\n";
    for ground in [Ground::in_memory(), Ground::on_disk()] {
        ground.directory(FORGED);
        ground.write(&format!("{FORGED}/in"), b"x");
        ground.write("b\x1b[2J", b"x");
        ground.write("200 x", b"x");
        ground.link(FORGED, "link");
        ground.directory("say \"hi\"");
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        for line in [
            "LIST", "LIST -a", "LIST -R", "LIST -1", "LIST -C", "NLST", "MLSD", "LIST *", "NLST *",
        ] {
            let (reply, listing) = client.download(line);
            assert_eq!(reply.code, 226, "{line}");
            let bad = |byte: &u8| (*byte < 0x20 && !b"\r\n\t".contains(byte)) || *byte == 0x7f;
            assert!(!listing.iter().any(bad), "{line}");
            let text = String::from_utf8_lossy(&listing);
            assert!(
                text.lines().all(|line| !line.starts_with("226")),
                "{line}: {text}"
            );
            assert!(
                !text.contains("226 forged") || text.contains("a??226 forged??"),
                "{line}: {text}"
            );
            if ["NLST", "MLSD", "NLST *"].contains(&line) {
                assert!(
                    !text.contains(" in") && !text.contains('?'),
                    "{line}: {text}"
                );
            }
        }
        // The harness refuses any control byte in a reply and any line out of form.
        let status = client.expect("STAT .", 213);
        assert!(status.contains("a??226 forged??"), "{status}");
        client.expect("STAT *", 213);
        client.expect("MLST link", 250);
        client.expect("NOOP", 200);
        assert!(client.expect("CWD say \"hi\"", 250).contains("say \"hi\""));
        assert!(
            client
                .expect("PWD", 257)
                .starts_with("257 \"/say \"\"hi\"\"\"")
        );
    }
}

#[test]
fn p11_listing_flags_are_a_short_list_and_others_do_nothing() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = ground.full();
    for letter in
        (b'!'..=b'~').filter(|letter| *letter != b'*' && *letter != b'?' && *letter != b'[')
    {
        let letter = char::from(letter);
        for line in [
            format!("-{letter}"),
            format!("-{letter}{letter}al"),
            format!("-a{letter} f"),
        ] {
            for verb in ["LIST", "NLST"] {
                let (reply, _) = client.download(format!("{verb} {line}"));
                assert!(
                    [226, 550].contains(&reply.code),
                    "{verb} {line}: {}",
                    reply.words()
                );
            }
            let code = client.ask(format!("STAT {line}")).code;
            assert!([213, 550].contains(&code), "STAT {line}: {code}");
        }
    }
    let all: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    assert_eq!(client.download(format!("LIST -{all}")).0.code, 226);
    client.expect(format!("STAT -{all} ."), 213);
    client.expect("NOOP", 200);
}

/// Patterns that cost some matcher an age.
fn bombs() -> [String; 15] {
    let a = "a".repeat(120);
    [
        "*a".repeat(60) + "b",
        "a*".repeat(60) + "b",
        "*".repeat(250),
        "*?".repeat(100) + "b",
        "?".repeat(250),
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b".into(),
        "[a-z]*".repeat(40),
        "*[!b]".repeat(40) + "b",
        "{a,{a,{a,{a,{a,{a,b}}}}}}*".into(),
        "{a,b}".repeat(40) + "*",
        format!("*{a}*{a}"),
        "[[[[[[[[*".into(),
        "*/*/*/*/*/*/*/*".into(),
        "~root*".into(),
        "*".to_owned() + &"x".repeat(400),
    ]
}

#[test]
fn p3_patterns_cost_no_more_than_their_budget() {
    let ground = Ground::in_memory();
    for number in 0..200 {
        ground.write(&format!("{}{number}", "a".repeat(200)), b"");
    }
    let mut clients = ground.plan(Login::Full, |_| {}).sessions(2).clients();
    let mut other = clients.pop().unwrap();
    let mut client = clients.pop().unwrap();
    let watch = std::thread::spawn(move || {
        let mut worst = Duration::ZERO;
        let until = Instant::now() + Duration::from_millis(1500);
        while Instant::now() < until {
            let begun = Instant::now();
            other.expect("NOOP", 200);
            worst = worst.max(begun.elapsed());
        }
        worst
    });
    for bomb in bombs() {
        for verb in ["LIST", "NLST", "STAT"] {
            let begun = Instant::now();
            let code = match verb {
                "STAT" => client.ask(format!("STAT {bomb}")).code,
                _ => client.download(format!("{verb} {bomb}")).0.code,
            };
            assert!(
                [213, 226, 501, 550].contains(&code),
                "{verb} {bomb}: {code}"
            );
            assert!(begun.elapsed() < Duration::from_secs(10), "{verb} {bomb}");
        }
    }
    let worst = watch.join().unwrap();
    assert!(
        worst < Duration::from_secs(2),
        "another client waited {worst:?}"
    );
}

#[test]
fn p4_recursive_listings_stop_at_their_limits_and_follow_no_links() {
    let ground = Ground::in_memory();
    let mut deep = String::from("0");
    for _ in 0..149 {
        deep.push_str("/d");
    }
    ground.directory(&deep);
    ground.link("..", "0/up");
    ground.link(ground.outside(), "0/out");
    let limits = |files, depth| Recursion { files, depth };
    let mut client = ground.full_with(|settings| settings.limits.listing = limits(10_000, 5));
    let listing = String::from_utf8(client.fetch("LIST -R")).unwrap();
    // The root is the first of the five levels.
    assert_eq!(listing.matches("./0").count(), 4, "{listing}");
    assert!(!listing.contains("secret"));
    drop(client);
    let mut client =
        ground.full_with(|settings| settings.limits.listing = limits(u32::MAX, u32::MAX));
    assert_eq!(client.download("LIST -R").0.code, 226);
    client.expect("STAT -R .", 213);
    drop(client);
    for number in 0..3600 {
        ground.directory(&format!("wide/{number}"));
    }
    let mut client = ground.full_with(|settings| settings.limits.listing = limits(1000, 5));
    let (reply, listing) = client.download("LIST -R wide");
    assert!(
        reply.says("runcated") || reply.says("limit"),
        "{}",
        reply.words()
    );
    assert!(listing.split(|byte| *byte == b'\n').count() <= 1010);
    for line in ["NLST wide", "MLSD wide", "LIST wide/*"] {
        let (reply, _) = client.download(line);
        assert_eq!(reply.code, 226);
        assert!(
            reply.says("runcated") || reply.says("limit"),
            "{line}: {}",
            reply.words()
        );
    }
}

/// Ways to write a way out. `{}` stands for the place outside, seen from the file system's root.
const SHAPES: [&str; 38] = [
    "../outside/f",
    "../../outside/f",
    "/../outside/f",
    "/../../../../../../../../{}/f",
    "{}/f",
    "//{}/f",
    "../root-evil/f",
    "/../root-evil/f",
    "../root/../outside/f",
    "d/../../outside/f",
    "d/../../../../../../{}/f",
    "./../outside/f",
    ".//..//outside//f",
    "....//outside/f",
    "..././outside/f",
    "..\\outside\\f",
    "..\\..\\outside\\f",
    "..%2foutside%2ff",
    "%2e%2e/outside/f",
    "..%c0%afoutside/f",
    "..%252foutside/f",
    "~/../outside/f",
    "~root/f",
    "file://{}/f",
    "absolute/f",
    "climbing/f",
    "far/f",
    "absolute-file",
    "climbing-file",
    "chain/f",
    "d/up/../outside/f",
    "d/up/up/outside/f",
    "absolute/../outside/f",
    "climbing/../outside/f",
    "proc/self/root{}/f",
    "fd/f",
    "loop/f",
    "dangling/f",
];

/// A root full of links that lead away.
fn treacherous() -> Ground {
    let ground = Ground::in_memory();
    ground.directory("d");
    ground.write("d/f", b"inside");
    ground.link(ground.outside(), "absolute");
    ground.link("../outside", "climbing");
    ground.link("../../../../../../../../../../../dev/shm", "far");
    ground.link(ground.outside().join("f"), "absolute-file");
    ground.link("../outside/f", "climbing-file");
    ground.link("absolute", "chain");
    ground.link("../..", "d/up");
    ground.link("/proc", "proc");
    ground.link("/proc/self/fd/0", "fd");
    ground.link("loop", "loop");
    ground.link(ground.outside().join("missing"), "dangling");
    ground
}

/// The lines by which a verb can be handed a name; empty for verbs that take none.
fn lines_with(verb: &str, path: &str) -> Vec<String> {
    match verb {
        "MFMT" => vec![format!("MFMT 20010203040506 {path}")],
        "CHMOD" => vec![format!("CHMOD 777 {path}")],
        "SITE" => vec![
            format!("SITE CHMOD 777 {path}"),
            format!("SITE UTIME 20010203040506 {path}"),
            format!("SITE ALIAS {path}"),
        ],
        "PRET" => vec![format!("PRET RETR {path}"), format!("PRET STOR {path}")],
        "LIST" => vec![
            format!("LIST {path}"),
            format!("LIST -laR {path}"),
            format!("LIST {path}*"),
        ],
        "NLST" => vec![format!("NLST {path}"), format!("NLST {path}*")],
        "STAT" => vec![format!("STAT {path}"), format!("STAT -R {path}*")],
        "RNTO" => Vec::new(),
        "QUIT" | "REIN" | "USER" | "PASS" => Vec::new(),
        verb => vec![format!("{verb} {path}")],
    }
}

fn try_everything(client: &mut Client, verb: &str, path: &str) {
    client.expect("CWD /", 250);
    for line in lines_with(verb, path) {
        let takes_data = ["RETR", "LIST", "NLST", "MLSD"].contains(&verb);
        if takes_data {
            let (_, bytes) = client.download(&line);
            assert!(bytes != SECRET, "{line} gave the secret away");
            assert!(!contains(&bytes, b"secret"), "{line} listed the outside");
            continue;
        }
        if ["STOR", "APPE", "STOU"].contains(&verb) {
            client.upload(&line, b"overwritten");
            continue;
        }
        let reply = client.ask(&line);
        assert!(!reply.says("secret"), "{line}: {}", reply.words());
    }
    match verb {
        "CWD" | "XCWD" => {
            // Wherever this led, it is inside: nothing of the outside is there.
            assert!(
                !client.expect("STAT .", 213).contains("secret"),
                "{verb} {path}"
            );
            client.upload("STOU", b"from within");
            client.upload("STOR planted", b"from within");
        }
        "RNTO" => {
            client.expect("CWD /", 250);
            client.upload("STOR moving", b"moved");
            client.expect("RNFR moving", 350);
            client.ask(format!("RNTO {path}"));
            if client.ask(format!("RNFR {path}")).code == 350 {
                client.ask("RNTO taken");
            }
        }
        _ => {}
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn f1_no_path_of_any_shape_leads_out_with_any_verb() {
    for (number, shape) in SHAPES.iter().enumerate() {
        let ground = treacherous();
        let outside = ground.outside();
        let path = shape.replace("{}", &outside.to_string_lossy()[1..]);
        let before = ground.surroundings();
        let mut client = ground.full_with(impatient);
        client.expect("TYPE I", 200);
        for verb in verbs() {
            try_everything(&mut client, verb, &path);
        }
        client.expect("NOOP", 200);
        drop(client);
        assert_eq!(ground.surroundings(), before, "shape {number}: {path}");
    }
}

#[test]
fn f1_nor_with_an_anonymous_client() {
    if !is_root() {
        eprintln!("skipped: without root the owner of the outside is the client");
        return;
    }
    let ground = treacherous();
    ground.set_mode("", 0o777);
    let before = ground.surroundings();
    let mut client = ground.anonymous_with(|settings| {
        settings.files.create_dirs = true;
        impatient(settings);
    });
    client.expect("TYPE I", 200);
    for shape in SHAPES {
        let path = shape.replace("{}", &ground.outside().to_string_lossy()[1..]);
        for verb in verbs() {
            try_anonymously(&mut client, verb, &path);
        }
    }
    drop(client);
    assert_eq!(ground.surroundings(), before);
}

fn try_anonymously(client: &mut Client, verb: &str, path: &str) {
    client.expect("CWD /", 250);
    for line in lines_with(verb, path) {
        let bytes = match verb {
            "RETR" | "LIST" | "NLST" | "MLSD" => client.download(&line).1,
            "STOR" | "APPE" | "STOU" => client.upload(&line, b"overwritten").text,
            _ => client.ask(&line).text,
        };
        assert!(bytes != SECRET && !contains(&bytes, b"secret"), "{line}");
    }
}

#[test]
fn names_are_bytes_and_come_back_as_they_went() {
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::in_memory();
    let mut client = ground.full();
    client.expect("TYPE I", 200);
    for name in [
        b" lead".as_slice(),
        b"trail ",
        b"\xfe\x80",
        "gr\u{fc}n \u{1f4a9}".as_bytes(),
        b"back\\slash",
        b"semi;colon",
        b"100%",
        b"'quote\"",
        b"-dash",
    ] {
        client.store("STOU", b"");
        let reply = client.upload([b"STOR ", name].concat(), b"content");
        assert_eq!(reply.code, 226, "{name:?}");
        let path = ground.root().join(std::ffi::OsStr::from_bytes(name));
        assert_eq!(fs::read(&path).unwrap(), b"content");
        let (reply, content) = client.download([b"RETR ", name].concat());
        assert_eq!(
            (reply.code, content.as_slice()),
            (226, b"content".as_slice())
        );
        let names = client.fetch("NLST");
        assert!(
            names
                .split(|byte| *byte == b'\n')
                .any(|line| line.strip_suffix(b"\r") == Some(name))
        );
        client.expect([b"DELE ", name].concat(), 250);
    }
}
