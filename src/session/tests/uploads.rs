//! What an upload leaves behind, whole or cut short, with an account that may do everything: STOR, APPE, REST, STOU, `-0`,
//! `-r`, and the limits on what one client may bring.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::net::Shutdown;
use std::time::Duration;

use super::harness::{Ground, Login, eventually, reset_on_close};

/// More than one block, so that some of it is written before the end is known.
const LARGE: usize = 700_000;

fn both() -> [Ground; 2] {
    [Ground::in_memory(), Ground::on_disk()]
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

#[test]
fn stor_replaces_and_appe_adds() {
    for ground in both() {
        ground.write("f", pattern(1000));
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        client.store("STOR f", b"new");
        assert_eq!(ground.read("f"), b"new");
        client.store("APPE f", b" and more");
        assert_eq!(ground.read("f"), b"new and more");
        client.store("APPE fresh", b"begun");
        assert_eq!(ground.read("fresh"), b"begun");
        client.store("STOR empty", b"");
        assert_eq!(ground.read("empty"), b"");
        let large = pattern(LARGE);
        client.store("STOR large", &large);
        assert!(ground.read("large") == large);
    }
}

#[test]
fn stor_truncates_only_once_the_data_connection_is_open() {
    for ground in both() {
        ground.write("f", b"old");
        let mut client = ground.full_with(|settings| {
            settings.limits.accept = Duration::from_millis(50);
        });
        client.expect("TYPE I", 200);
        client.expect("STOR f", 425);
        client.expect("EPSV", 229);
        client.expect("STOR f", 425);
        assert_eq!(ground.read("f"), b"old");
        client.expect("EPSV", 229);
        client.expect("STOR new", 425);
        client.expect("NOOP", 200);
        eventually("a file that nothing was sent for is taken back", || {
            ground.names("") == ["f"]
        });
    }
}

#[test]
fn p7_rest_resumes_within_a_file_and_never_beyond_its_end() {
    for ground in both() {
        ground.write("f", b"0123456789");
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        client.expect("REST 4", 350);
        client.store("STOR f", b"abc");
        assert_eq!(
            ground.read("f"),
            b"0123abc",
            "what follows the new bytes is cut"
        );
        client.expect("REST 7", 350);
        client.store("STOR f", b"def");
        assert_eq!(ground.read("f"), b"0123abcdef");
        client.expect("REST 11", 350);
        assert_eq!(client.upload("STOR f", b"x").code, 554);
        client.expect("REST 1", 350);
        assert_eq!(client.upload("STOR missing", b"x").code, 554);
        assert_eq!(ground.read("f"), b"0123abcdef");
        assert_eq!(ground.names(""), ["f"]);
        // An offset holds for one transfer.
        client.store("STOR f", b"x");
        assert_eq!(ground.read("f"), b"x");
        // APPE has its own place, whatever REST said.
        client.expect("REST 0", 350);
        client.store("APPE f", b"y");
        assert_eq!(ground.read("f"), b"xy");
    }
}

#[test]
fn files_beyond_four_gibibytes_are_resumed_and_read_at_their_ends() {
    const FAR: u64 = (5 << 30) + 3;
    for ground in both() {
        let file = fs::File::create(ground.path("f")).unwrap();
        file.set_len(FAR).unwrap();
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        assert!(client.expect("SIZE f", 213).contains("5368709123"));
        client.expect(format!("REST {FAR}"), 350);
        client.store("STOR f", b"tail");
        assert_eq!(file.metadata().unwrap().len(), FAR + 4);
        client.store("APPE f", b"!");
        client.expect(format!("REST {FAR}"), 350);
        assert_eq!(client.fetch("RETR f"), b"tail!");
        client.expect(format!("REST {}", FAR - 2), 350);
        assert_eq!(client.fetch("RETR f"), b"\0\0tail!");
        client.expect(format!("REST {}", FAR + 6), 350);
        assert_eq!(client.download("RETR f").0.code, 554);
    }
}

#[test]
fn stou_names_the_file_in_its_150_and_takes_nothing_from_others() {
    let ground = Ground::in_memory();
    ground.directory("d");
    let mut client = ground.full();
    client.expect("CWD d", 250);
    for round in 1..=3 {
        let mut data = client.data();
        let first = client.ask("STOU ignored");
        assert_eq!(first.code, 150);
        let words = first.words();
        let name = words.lines().next().unwrap().trim();
        let name = name.split("FILE: ").nth(1).unwrap().to_owned();
        data.write_all(b"unique").unwrap();
        drop(data);
        assert_eq!(client.reply().code, 226);
        assert_eq!(ground.read(&format!("d/{name}")), b"unique");
        assert_eq!(ground.names("d").len(), round);
    }
}

#[test]
fn autorename_keeps_what_is_there() {
    for whole in [false, true] {
        let ground = Ground::in_memory();
        ground.write("f", b"first");
        let mut client = ground.full_with(|settings| {
            settings.files.autorename = true;
            settings.files.no_truncate = whole;
        });
        client.expect("TYPE I", 200);
        client.store("STOR f", b"second");
        client.store("STOR f", b"third");
        client.store("APPE f", b"fourth");
        assert_eq!(ground.names(""), ["f", "f.1", "f.2"]);
        // What is added replaces nothing.
        assert_eq!(ground.read("f"), b"firstfourth");
        assert_eq!(ground.read("f.1"), b"second");
        assert_eq!(ground.read("f.2"), b"third");
    }
}

/// The ways an upload does not come to its end; afterwards there is no trace of a temporary file.
fn cut_short(ground: &Ground, whole: bool, how: &str) {
    ground.write("f", b"old content");
    let plan = ground.plan(Login::Full, |settings| {
        settings.files.no_truncate = whole;
        settings.limits.data = Duration::from_millis(if how == "stall" { 200 } else { 10_000 });
    });
    let mut client = plan.over_tcp().client();
    client.expect("TYPE I", 200);
    let mut data = client.data();
    client.expect("STOR f", 150);
    data.write_all(&pattern(LARGE)).unwrap();
    match how {
        "abort" => {
            client.expect("ABOR", 426);
            assert_eq!(client.reply().code, 226);
            client.expect("NOOP", 200);
        }
        "reset" => {
            reset_on_close(&data);
            drop(data);
            assert_eq!(client.reply().code, 426);
            client.expect("NOOP", 200);
        }
        "stall" => {
            assert_eq!(client.reply().code, 426);
            client.expect("NOOP", 200);
        }
        _ => drop(client.reset()),
    }
    eventually("the temporary file is gone", || ground.names("") == ["f"]);
    let kept = ground.read("f") == b"old content";
    assert_eq!(kept, whole, "{how}: {} bytes", ground.read("f").len());
}

#[test]
fn f10_a_whole_or_nothing_upload_cut_short_leaves_the_old_file() {
    for ground in both() {
        for how in ["abort", "reset", "stall", "vanish"] {
            cut_short(&ground, true, how);
        }
    }
}

#[test]
fn f11_an_upload_that_broke_is_never_reported_as_complete() {
    for ground in both() {
        for how in ["abort", "reset", "stall", "vanish"] {
            cut_short(&ground, false, how);
        }
    }
}

#[test]
fn a_whole_or_nothing_upload_is_invisible_until_it_is_complete() {
    for ground in both() {
        ground.write("f", b"old");
        let mut client = ground.full_with(|settings| settings.files.no_truncate = true);
        client.expect("TYPE I", 200);
        let mut data = client.data();
        assert_eq!(client.ask("STOR f").code, 150);
        data.write_all(&pattern(LARGE)).unwrap();
        eventually("the new bytes are somewhere", || {
            ground.names("").len() == 2
        });
        assert_eq!(ground.read("f"), b"old");
        drop(data);
        assert_eq!(client.reply().code, 226);
        assert!(ground.read("f") == pattern(LARGE));
        assert_eq!(ground.names(""), ["f"]);
    }
}

#[test]
fn an_upload_stays_when_its_client_ends_the_control_connection_but_finishes_the_data() {
    for ground in both() {
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        let mut data = client.data();
        assert_eq!(client.ask("STOR f").code, 150);
        client.end_input();
        data.write_all(b"complete").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        data.write_all(b" in two").unwrap();
        drop(data);
        assert_eq!(client.reply().code, 226);
        assert!(client.expect_end().is_empty());
        assert_eq!(ground.read("f"), b"complete in two");
    }
}

#[test]
fn a_client_that_ends_its_side_of_the_data_still_hears_of_success() {
    let ground = Ground::in_memory();
    let mut client = ground.full();
    let mut data = client.data();
    assert_eq!(client.ask("STOR f").code, 150);
    data.write_all(b"x").unwrap();
    data.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.reply().code, 226);
}

#[test]
fn p8_maxuploadsize_counts_the_resulting_size() {
    for ground in both() {
        ground.write("f", [b'x'; 90]);
        let mut client = ground.full_with(|settings| {
            settings.limits.max_upload_size = Some(100);
        });
        client.expect("TYPE I", 200);
        client.store("STOR exact", &[b'y'; 100]);
        assert_eq!(client.upload("STOR over", &[b'y'; 101]).code, 552);
        client.store("APPE f", &[b'y'; 10]);
        assert_eq!(client.upload("APPE f", b"y").code, 552);
        assert_eq!(ground.read("f").len(), 100);
        client.expect("REST 99", 350);
        client.store("STOR f", b"z");
        client.expect("REST 99", 350);
        assert_eq!(client.upload("STOR f", b"zz").code, 552);
        assert_eq!(client.upload("STOU", &[b'y'; 101]).code, 552);
        assert!(ground.read("f").len() <= 100);
    }
}

#[test]
fn a_limit_reached_in_whole_or_nothing_mode_leaves_the_old_file() {
    for ground in both() {
        ground.write("f", b"old");
        let mut client = ground.full_with(|settings| {
            settings.limits.max_upload_size = Some(LARGE as u64 / 2);
            settings.files.no_truncate = true;
        });
        client.expect("TYPE I", 200);
        assert_eq!(client.upload("STOR f", &pattern(LARGE)).code, 552);
        assert_eq!(ground.read("f"), b"old");
        client.expect("NOOP", 200);
        eventually("the temporary file is gone", || ground.names("") == ["f"]);
    }
}

#[test]
fn sessions_may_bring_so_many_bytes_and_files() {
    let ground = Ground::in_memory();
    let mut client = ground.full_with(|settings| settings.limits.max_session_bytes = Some(100));
    client.expect("TYPE I", 200);
    client.store("STOR a", &[b'x'; 60]);
    assert_eq!(client.upload("STOR b", &[b'x'; 41]).code, 552);
    client.store("STOR c", &[b'x'; 40]);
    client.expect("EPSV", 229);
    client.expect("STOR d", 552);
    drop(client);
    assert!(!ground.exists("d"));

    let mut client = ground.full_with(|settings| settings.limits.max_session_files = Some(2));
    client.store("STOR a", b"x");
    client.store("STOU", b"x");
    client.expect("EPSV", 229);
    client.expect("STOR e", 552);
    client.expect("STOU", 552);
    assert!(!ground.exists("e"));
    // Reading goes on.
    assert_eq!(client.fetch("RETR a"), b"x");
}

#[test]
fn k_stops_uploads_onto_a_disk_that_is_full_enough() {
    let ground = Ground::in_memory();
    ground.write("f", b"old");
    // Something is always in use.
    let mut client = ground.full_with(|settings| settings.files.max_disk_percent = Some(0));
    let mut file = fs::File::create(ground.path("use")).unwrap();
    file.seek(SeekFrom::Start(64)).unwrap();
    file.write_all(b"x").unwrap();
    client.expect("TYPE I", 200);
    client.expect("EPSV", 229);
    client.expect("STOR new", 552);
    client.expect("APPE f", 552);
    client.expect("STOU", 552);
    client.expect("ALLO 1", 552);
    assert_eq!(ground.names(""), ["f", "use"]);
    assert_eq!(client.fetch("RETR f"), b"old");
    drop(client);
    let mut client = ground.full_with(|settings| settings.files.max_disk_percent = Some(99));
    client.store("STOR new", b"x");
}

#[test]
fn f7_special_files_are_never_opened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    for ground in both() {
        mknodat(CWD, ground.path("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(ground.path("socket")).unwrap();
        let mut names = vec!["fifo", "socket"];
        let device = rustix::fs::makedev(1, 5);
        if mknodat(
            CWD,
            ground.path("zero"),
            FileType::CharacterDevice,
            Mode::RWXU,
            device,
        )
        .is_ok()
        {
            names.push("zero");
        }
        ground.link("fifo", "link");
        names.push("link");
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        for name in names {
            assert_eq!(
                client.download(format!("RETR {name}")).0.code,
                550,
                "{name}"
            );
            assert_eq!(
                client.upload(format!("STOR {name}"), b"x").code,
                553,
                "{name}"
            );
            assert_eq!(
                client.upload(format!("APPE {name}"), b"x").code,
                553,
                "{name}"
            );
            client.expect("REST 1", 350);
            assert_eq!(
                client.upload(format!("STOR {name}"), b"x").code,
                553,
                "{name}"
            );
            client.expect(format!("SIZE {name}"), 550);
            client.expect(format!("MDTM {name}"), 550);
            client.expect(format!("MFMT 20010203040506 {name}"), 550);
            client.expect(format!("SITE CHMOD 600 {name}"), 550);
        }
    }
}

#[test]
fn f10_a_disk_that_fills_leaves_the_old_file_and_no_other() {
    let Some(ground) = Ground::with_room(2) else {
        return;
    };
    ground.write("f", b"old");
    let mut client = ground.full_with(|settings| settings.files.no_truncate = true);
    client.expect("TYPE I", 200);
    assert_eq!(client.upload("STOR f", &pattern(4 << 20)).code, 452);
    assert_eq!(ground.read("f"), b"old");
    eventually("the temporary file is gone", || ground.names("") == ["f"]);
    client.expect("NOOP", 200);
    // There is room again.
    client.store("STOR f", &pattern(LARGE));
    assert!(ground.read("f") == pattern(LARGE));
    drop(client);

    let mut client = ground.full();
    client.expect("TYPE I", 200);
    assert_eq!(client.upload("STOR g", &pattern(4 << 20)).code, 452);
    client.expect("DELE g", 250);
    client.store("STOR g", b"x");
}

#[test]
fn a7_k_stops_an_upload_while_its_bytes_arrive() {
    let Some(ground) = Ground::with_room(32) else {
        return;
    };
    let mut client = ground.full_with(|settings| {
        settings.files.max_disk_percent = Some(50);
        settings.files.no_truncate = true;
    });
    client.expect("TYPE I", 200);
    client.store("STOR small", b"x");
    assert_eq!(client.upload("STOR f", &pattern(28 << 20)).code, 552);
    eventually("the file is taken back", || ground.names("") == ["small"]);
    client.store("STOR f", b"x");
}
