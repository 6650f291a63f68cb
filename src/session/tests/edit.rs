//! Changing what is there, with an account that may: DELE, MKD, RMD, RNFR and RNTO, SITE CHMOD, MFMT, SITE UTIME; and the
//! flags that forbid it.

use super::harness::{Ground, is_root};
use crate::settings::{DotFiles, Settings};
use crate::units::Glob;

#[test]
fn dele_removes_files_and_links_and_nothing_else() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    ground.directory("d");
    ground.link(ground.outside().join("f"), "link");
    let mut client = ground.full();
    client.expect("DELE f", 250);
    client.expect("DELE link", 250);
    client.expect("DELE d", 550);
    client.expect("DELE missing", 550);
    client.expect("DELE /", 550);
    client.expect("DELE", 501);
    assert_eq!(ground.names(""), ["d"]);
    assert!(ground.outside().join("f").exists());
}

#[test]
fn directories_are_made_and_removed() {
    let ground = Ground::on_disk();
    ground.write("f", b"x");
    let mut client = ground.full();
    assert!(
        client
            .expect("MKD a \"b\"", 257)
            .starts_with("257 \"/a \"\"b\"\"\" : ")
    );
    client.expect("XMKD d", 257);
    client.expect("MKD d", 550);
    client.expect("MKD d/e", 257);
    client.expect("RMD d", 550);
    client.expect("RMD d/e", 250);
    client.expect("XRMD d", 250);
    client.expect("RMD d", 550);
    client.expect("RMD f", 550);
    client.expect("RMD /", 550);
    client.expect("RMD .", 550);
    assert_eq!(ground.names(""), ["a \"b\"", "f"]);
}

#[test]
fn rename_moves_and_overwrites() {
    for ground in [Ground::in_memory(), Ground::on_disk()] {
        ground.write("old", b"old");
        ground.write("target", b"target");
        ground.directory("d");
        let mut client = ground.full();
        client.expect("RNTO x", 503);
        client.expect("RNFR missing", 550);
        client.expect("RNFR old", 350);
        client.expect("RNTO target", 250);
        assert_eq!(ground.read("target"), b"old");
        client.expect("RNFR target", 350);
        client.expect("RNTO d/moved", 250);
        assert_eq!(ground.read("d/moved"), b"old");
        client.expect("RNTO d/again", 503);
        // A directory does not go into itself.
        client.expect("RNFR d", 350);
        client.expect("RNTO d/d", 451);
        client.expect("RNFR /", 553);
        assert_eq!(ground.names(""), ["d"]);
    }
}

#[test]
fn nooverwrite_keeps_the_target_of_every_verb() {
    for whole in [false, true] {
        let ground = Ground::in_memory();
        ground.write("old", b"old");
        ground.write("target", b"target");
        let mut client = ground.full_with(|settings| {
            settings.files.no_overwrite = true;
            settings.files.no_truncate = whole;
        });
        client.expect("TYPE I", 200);
        client.expect("RNFR old", 350);
        client.expect("RNTO target", 451);
        assert_eq!(client.upload("STOR target", b"new").code, 553);
        assert_eq!(client.upload("APPE target", b"new").code, 553);
        client.expect("REST 3", 350);
        assert_eq!(client.upload("STOR target", b"new").code, 553);
        assert_eq!(ground.read("target"), b"target");
        assert_eq!(ground.read("old"), b"old");
        client.store("STOR fresh", b"new");
        client.store("STOU", b"unique");
        client.expect("RNFR old", 350);
        client.expect("RNTO free", 250);
        assert_eq!(ground.names("").len(), 4);
    }
}

#[test]
fn nostorerestart_leaves_storing_over_a_file_alone() {
    let ground = Ground::in_memory();
    ground.write("f", b"old");
    let mut client = ground.full_with(|settings| settings.files.no_store_restart = true);
    client.expect("TYPE I", 200);
    assert_eq!(client.upload("APPE f", b"new").code, 553);
    client.expect("REST 3", 350);
    assert_eq!(client.upload("STOR f", b"new").code, 553);
    assert_eq!(ground.read("f"), b"old");
    client.store("APPE fresh", b"new");
    client.store("STOR f", b"newer");
    assert_eq!(ground.read("f"), b"newer");
}

#[test]
fn readonly_refuses_every_change() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    ground.directory("d");
    let mut client = ground.full_with(|settings| settings.files.read_only = true);
    client.expect("TYPE I", 200);
    for line in [
        "DELE f",
        "MKD new",
        "RMD d",
        "RNFR f",
        "SITE CHMOD 600 f",
        "CHMOD 600 f",
        "MFMT 20010203040506 f",
        "SITE UTIME 20010203040506 f",
    ] {
        client.expect(line, 550);
    }
    for line in ["STOR f", "STOR new", "APPE f", "STOU"] {
        assert_eq!(client.upload(line, b"y").code, 550, "{line}");
    }
    client.expect("REST 1", 350);
    assert_eq!(client.upload("STOR f", b"y").code, 550);
    assert_eq!(ground.names(""), ["d", "f"]);
    assert_eq!(ground.read("f"), b"x");
    assert_eq!(client.fetch("RETR f"), b"x");
}

#[test]
fn f8_chmod_never_sets_set_id_bits() {
    for ground in [Ground::in_memory(), Ground::on_disk()] {
        ground.write("f", b"x");
        ground.directory("d");
        ground.set_mode("d", 0o2700);
        ground.link(ground.outside().join("f"), "link");
        let before = ground.surroundings();
        let mut client = ground.full();
        client.expect("SITE CHMOD 6777 f", 200);
        assert_eq!(ground.mode("f"), 0o777);
        client.expect("CHMOD 4640 f", 200);
        assert_eq!(ground.mode("f"), 0o640);
        client.expect("SITE CHMOD 4755 d", 200);
        assert_eq!(
            ground.mode("d"),
            0o2755,
            "the set-group-id bit of a directory stays"
        );
        client.expect("SITE CHMOD 600 link", 550);
        assert_eq!(ground.surroundings(), before);
    }
}

#[test]
fn chmod_with_a_bad_mode_changes_nothing() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    ground.set_mode("f", 0o640);
    let mut client = ground.full();
    for mode in [
        "8",
        "rwx",
        "-1",
        "+x",
        "0x1ff",
        "10000",
        "777777777777777777777777",
        "6 40",
    ] {
        let reply = client.ask(format!("SITE CHMOD {mode} f"));
        // `6 40 f` is mode 6 of the file `40 f`.
        let wanted = if mode == "6 40" { 550 } else { 501 };
        assert_eq!(reply.code, wanted, "{mode}: {}", reply.words());
        assert_eq!(ground.mode("f"), 0o640, "{mode}");
    }
    client.expect("SITE CHMOD 644", 501);
    client.expect("SITE CHMOD", 501);
    client.expect("CHMOD", 501);
    client.expect("SITE CHMOD 644 ", 501);
}

#[test]
fn mfmt_sets_the_time_and_says_so() {
    let ground = Ground::on_disk();
    ground.write("f g", b"x");
    let mut client = ground.full();
    let reply = client.expect("MFMT 20010203040506 f g", 213);
    assert_eq!(reply, "213 Modify=20010203040506; f g\r\n");
    assert_eq!(ground.modified("f g"), 981_173_106);
    assert!(client.expect("MDTM f g", 213).contains("20010203040506"));
    client.expect("MFMT 20010203040506.123 f g", 213);
    client.expect("MFMT 20010203040506 missing", 550);
}

#[test]
fn p7_times_that_do_not_exist_are_refused() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let before = ground.modified("f");
    let mut client = ground.full();
    for time in [
        "20011303040506",
        "20010003040506",
        "20010230040506",
        "20010229040506",
        "20010203240506",
        "20010203046006",
        "20010203040561",
        "2001020304050",
        "200102030405066",
        "-0010203040506",
        "+20010203040506",
        "0x010203040506",
        "20010203040506.",
        "20010203040506.x",
        "999999999999999999999999999999",
        "",
    ] {
        client.expect(format!("MFMT {time} f"), 501);
        client.expect(format!("SITE UTIME {time} f"), 501);
    }
    client.expect("MFMT 20010203040506", 501);
    assert_eq!(ground.modified("f"), before);
}

#[test]
fn site_utime_takes_both_forms() {
    let ground = Ground::in_memory();
    ground.write("f g", b"x");
    let mut client = ground.full();
    client.expect("SITE UTIME 20010203040506 f g", 213);
    assert_eq!(ground.modified("f g"), 981_173_106);
    client.expect(
        "SITE UTIME f g 20020203040506 20030203040506 20040203040506 UTC",
        213,
    );
    assert_eq!(
        ground.modified("f g"),
        1_012_709_106,
        "Pure-FTPd sets the first of the three"
    );
    client.expect(
        "SITE UTIME f g 20020203040506 20030203040506 20040203040506 CET",
        501,
    );
    client.expect("SITE UTIME", 501);
}

fn dots(change: impl FnOnce(&mut DotFiles)) -> impl FnOnce(&mut Settings) {
    |settings| change(&mut settings.files.dotfiles)
}

/// What every verb answers for a name with a dot in front, to read and to change.
fn dot_file_codes(ground: &Ground, change: impl FnOnce(&mut DotFiles)) -> (Vec<u16>, Vec<u16>) {
    ground.directory(".d");
    ground.write(".f", b"x");
    ground.write(".d/f", b"x");
    ground.write("plain", b"x");
    let mut client = ground.full_with(dots(change));
    client.expect("TYPE I", 200);
    let mut read = Vec::new();
    for line in ["SIZE .f", "MDTM .d/f", "MLST .f", "CWD .d", "STAT .f"] {
        read.push(client.ask(line).code);
        client.expect("CWD /", 250);
    }
    read.push(client.download("RETR .f").0.code);
    let mut write = Vec::new();
    for line in [
        "MKD .n",
        "RMD .n",
        "SITE CHMOD 600 .f",
        "MFMT 20010203040506 .f",
        "RNFR .f",
        "DELE .d/f",
    ] {
        write.push(client.ask(line).code);
    }
    client.expect("RNFR plain", 350);
    write.push(client.ask("RNTO .n").code);
    write.push(client.upload("STOR .new", b"x").code);
    write.push(client.upload("APPE .f", b"x").code);
    (read, write)
}

#[test]
fn names_with_a_dot_follow_x_and_xx() {
    let ground = Ground::in_memory();
    let (read, write) = dot_file_codes(&ground, |_| {});
    assert_eq!(read, [213, 213, 250, 250, 213, 226]);
    assert_eq!(write, [257, 250, 200, 213, 350, 250, 250, 226, 226]);

    let ground = Ground::in_memory();
    let (read, write) = dot_file_codes(&ground, |dots| dots.prohibit_write = true);
    assert_eq!(read, [213, 213, 250, 250, 213, 226]);
    assert_eq!(write, [553; 9]);
    assert_eq!(ground.names(""), [".d", ".f", "plain"]);

    let ground = Ground::in_memory();
    let (read, write) = dot_file_codes(&ground, |dots| dots.prohibit_read = true);
    assert_eq!(read, [553; 6]);
    assert_eq!(write, [553; 9]);
    assert_eq!(ground.names(""), [".d", ".f", "plain"]);
}

#[test]
fn deny_and_hide_reach_every_verb() {
    let ground = Ground::in_memory();
    ground.directory("d.secret");
    ground.write("d.secret/f", b"x");
    ground.write("a.secret", b"x");
    ground.write("a.hidden", b"x");
    ground.write("plain", b"x");
    let glob = |text: &[u8]| vec![Glob::new(text).unwrap()];
    let mut client = ground.full_with(|settings| {
        settings.files.deny_files = glob(b"*.secret");
        settings.files.hide_files = glob(b"*.hidden");
    });
    client.expect("TYPE I", 200);
    for line in [
        "SIZE a.secret",
        "MDTM d.secret/f",
        "MLST a.secret",
        "CWD d.secret",
        "STAT a.secret",
        "DELE a.secret",
        "MKD b.secret",
        "RMD d.secret",
        "RNFR a.secret",
        "SITE CHMOD 600 a.secret",
        "MFMT 20010203040506 a.secret",
        "PRET RETR a.secret",
    ] {
        client.expect(line, 553);
    }
    client.expect("RNFR plain", 350);
    client.expect("RNTO b.secret", 553);
    assert_eq!(client.download("RETR d.secret/f").0.code, 553);
    assert_eq!(client.upload("STOR b.secret", b"x").code, 553);
    for line in ["LIST", "LIST -R", "NLST", "MLSD", "NLST *", "LIST *"] {
        let listing = String::from_utf8(client.fetch(line)).unwrap();
        assert!(listing.contains("plain"), "{line}");
        assert!(
            !listing.contains("secret") && !listing.contains("hidden"),
            "{line}"
        );
    }
    assert!(!client.expect("STAT .", 213).contains("hidden"));
    // Hidden is not denied.
    assert_eq!(client.fetch("RETR a.hidden"), b"x");
    assert_eq!(
        ground.names(""),
        ["a.hidden", "a.secret", "d.secret", "plain"]
    );
}

#[test]
fn hideids_shows_ftp_as_owner_and_group() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = ground.full_with(|settings| settings.files.hide_ids = true);
    let listing = String::from_utf8(client.fetch("LIST")).unwrap();
    let words: Vec<&str> = listing.split_ascii_whitespace().collect();
    assert_eq!(&words[2..4], ["ftp", "ftp"], "{listing}");
    let facts = String::from_utf8(client.fetch("MLSD")).unwrap();
    let entry = facts.lines().find(|line| line.ends_with(" f")).unwrap();
    for fact in entry.to_ascii_lowercase().split(';') {
        if let Some(owner) = fact
            .strip_prefix("unix.uid=")
            .or(fact.strip_prefix("unix.gid="))
        {
            assert!(!owner.bytes().all(|byte| byte.is_ascii_digit()), "{entry}");
        }
    }
}

#[test]
fn umask_of_u_applies_to_files_and_directories() {
    let ground = Ground::in_memory();
    let mut client = ground.full_with(|settings| {
        settings.files.umasks.files = 0o137;
        settings.files.umasks.dirs = 0o027;
    });
    client.store("STOR f", b"x");
    client.expect("MKD d", 257);
    assert_eq!(ground.mode("f"), 0o640);
    assert_eq!(ground.mode("d"), 0o750);
}

#[test]
fn f15_a_working_directory_that_vanished_is_550_until_a_living_one_is_entered() {
    for ground in [Ground::in_memory(), Ground::on_disk()] {
        ground.directory("d");
        ground.write("f", b"x");
        let mut client = ground.full();
        client.expect("TYPE I", 200);
        client.expect("CWD d", 250);
        std::fs::remove_dir(ground.path("d")).unwrap();
        assert!(client.expect("PWD", 257).contains("\"/d\""));
        for line in [
            "SIZE f", "MLST f", "MLST", "STAT .", "MKD e", "CWD e", "DELE f", "MLSD",
        ] {
            client.expect(line, 550);
        }
        assert_eq!(client.download("LIST").0.code, 550);
        assert_eq!(client.upload("STOR f", b"y").code, 553);
        assert_eq!(client.upload("STOU", b"y").code, 553);
        client.expect("CDUP", 250);
        assert_eq!(client.fetch("RETR f"), b"x");
    }
}

#[test]
fn f15_rights_taken_away_in_a_session_hold_at_once() {
    if !is_root() {
        eprintln!("skipped: needs root to become somebody else");
        return;
    }
    let ground = Ground::in_memory();
    ground.directory("d");
    ground.write("d/f", b"x");
    ground.set_mode("d", 0o755);
    let mut client = ground.anonymous();
    client.expect("CWD d", 250);
    assert_eq!(client.fetch("RETR f"), b"x");
    ground.set_mode("d", 0o700);
    client.expect("TYPE I", 200);
    client.expect("SIZE f", 550);
    assert_eq!(client.download("RETR f").0.code, 550);
    assert_eq!(client.download("LIST").0.code, 550);
    client.expect("CWD .", 550);
    client.expect("CWD /", 250);
}
