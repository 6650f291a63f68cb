//! What strangers may not do (section 6 of the list of threats). The sessions run as another user than the one who set the
//! ground up, so that the file system's own rules show; that takes root.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::time::Duration;

use super::harness::{Client, Ground, Login, STRANGER, eventually, is_root, reset_on_close};
use crate::units::{PortRange, Umasks};

/// The classic set-up: a tree that is the administrator's, and a directory that can be written and not read.
fn classic() -> Option<Ground> {
    if !is_root() {
        eprintln!("skipped: needs root to become somebody else");
        return None;
    }
    let ground = Ground::in_memory();
    ground.set_mode("", 0o755);
    ground.directory("pub");
    ground.write("pub/f", b"content");
    ground.directory("incoming");
    ground.set_mode("incoming", 0o1733);
    Some(ground)
}

fn client(ground: &Ground) -> Client {
    let mut client = ground.anonymous();
    client.expect("TYPE I", 200);
    client
}

#[test]
fn a1_uploads_are_refused_unless_asked_for_and_where_the_kernel_forbids() {
    let Some(ground) = classic() else { return };
    let plan = ground.plan(Login::Anonymous, |_| {});
    let mut refused = plan
        .prepare(|shared| crate::session::lab::base(shared).anonymous_upload = false)
        .client();
    for line in ["STOR incoming/a", "APPE incoming/a", "STOU"] {
        assert_eq!(refused.upload(line, b"x").code, 550, "{line}");
    }
    drop(refused);
    let mut client = client(&ground);
    for line in ["STOR a", "STOR pub/a", "STOU"] {
        assert_eq!(client.upload(line, b"x").code, 553, "{line}");
    }
    client.store("STOR incoming/a", b"x");
    assert_eq!(ground.names("incoming"), ["a"]);
}

#[test]
fn a2_what_strangers_bring_is_for_nobody_to_fetch() {
    let Some(ground) = classic() else { return };
    let mut client = client(&ground);
    client.store("STOR incoming/a", b"brought");
    assert_eq!(ground.mode("incoming/a"), 0o600);
    assert_eq!(client.download("RETR incoming/a").0.code, 550);
    client.expect("REST 3", 350);
    assert_eq!(client.download("RETR incoming/a").0.code, 550);
    // Nor by the way round of a readable place.
    ground.write("pub/left", b"x");
    chown(ground.path("pub/left"), Some(STRANGER), None).unwrap();
    ground.set_mode("pub/left", 0o644);
    let (reply, bytes) = client.download("RETR pub/left");
    assert_eq!(reply.code, 550);
    assert!(bytes.is_empty() && reply.says("not"));
    assert_eq!(client.fetch("RETR pub/f"), b"content");
}

#[test]
fn a3_nothing_that_exists_is_touched_and_the_answer_tells_nothing() {
    let Some(ground) = classic() else { return };
    ground.write("incoming/secret", b"old");
    ground.set_mode("incoming/secret", 0o600);
    ground.write("incoming/open", b"old");
    ground.set_mode("incoming/open", 0o666);
    let mut client = client(&ground);
    client.store("STOR incoming/own", b"mine");
    let answer = client.upload("STOR incoming/secret", b"new");
    assert_eq!(answer.code, 553);
    for name in ["secret", "open", "own"] {
        for verb in ["STOR", "APPE"] {
            let same = client.upload(format!("{verb} incoming/{name}"), b"new");
            assert_eq!(same, answer, "{verb} {name}");
        }
        client.expect("REST 1", 350);
        assert_eq!(
            client.upload(format!("STOR incoming/{name}"), b"new"),
            answer,
            "REST {name}"
        );
    }
    // Nor what does not exist is resumed.
    client.expect("REST 1", 350);
    assert_eq!(client.upload("STOR incoming/missing", b"new"), answer);
    assert_eq!(ground.read("incoming/secret"), b"old");
    assert_eq!(ground.read("incoming/open"), b"old");
    assert_eq!(ground.read("incoming/own"), b"mine");
    assert_eq!(ground.names("incoming").len(), 3);
}

#[test]
fn a3_autorename_numbers_clashes() {
    let Some(ground) = classic() else { return };
    let mut client = ground.anonymous_with(|settings| settings.files.autorename = true);
    for _ in 0..3 {
        client.store("STOR incoming/a", b"x");
    }
    // Adding to a file is not replacing it, and not for strangers.
    assert_eq!(client.upload("APPE incoming/a", b"x").code, 553);
    assert_eq!(ground.names("incoming"), ["a", "a.1", "a.2"]);
}

#[test]
fn a4_nothing_is_changed_removed_or_renamed() {
    let Some(ground) = classic() else { return };
    // Even where the file system would let it.
    ground.directory("free");
    ground.set_mode("free", 0o777);
    ground.write("free/f", b"x");
    chown(ground.path("free/f"), Some(STRANGER), None).unwrap();
    ground.directory("free/d");
    let (mode, modified) = (ground.mode("free/f"), ground.modified("free/f"));
    let mut client = client(&ground);
    for line in [
        "DELE free/f",
        "RMD free/d",
        "XRMD free/d",
        "RNFR free/f",
        "RNFR free/d",
        "SITE CHMOD 777 free/f",
        "CHMOD 777 free/f",
        "MFMT 20010203040506 free/f",
        "SITE UTIME 20010203040506 free/f",
        "SITE UTIME free/f 20010203040506 20010203040506 20010203040506 UTC",
        "MKD free/e",
        "XMKD free/e",
    ] {
        client.expect(line, 550);
    }
    let code = client.ask("RNTO free/g").code;
    assert!([503, 550].contains(&code));
    assert_eq!(ground.names("free"), ["d", "f"]);
    assert_eq!(
        (ground.mode("free/f"), ground.modified("free/f")),
        (mode, modified)
    );
}

#[test]
fn a4_directories_made_in_a_drop_directory_are_as_unreadable() {
    let Some(ground) = classic() else { return };
    let mut client = ground.anonymous_with(|settings| settings.files.create_dirs = true);
    client.expect("MKD incoming/d", 257);
    assert_eq!(ground.mode("incoming/d") & 0o444, 0);
    client.store("STOR incoming/d/f", b"x");
    assert_eq!(client.download("LIST incoming/d").0.code, 550);
    assert_eq!(ground.names("incoming/d"), ["f"]);
}

#[test]
fn a5_an_unreadable_directory_is_listed_by_no_verb() {
    let Some(ground) = classic() else { return };
    ground.write("incoming/hidden-name", b"x");
    let mut client = client(&ground);
    let shown = |text: &[u8]| String::from_utf8_lossy(text).contains("hidden-name");
    for line in [
        "LIST incoming",
        "LIST -R",
        "LIST -laR /",
        "LIST */",
        "LIST *",
        "LIST incoming/*",
        "LIST in*/*",
        "NLST incoming",
        "NLST incoming/*",
        "NLST incoming/hidden*",
        "MLSD incoming",
    ] {
        let (_, listing) = client.download(line);
        assert!(!shown(&listing), "{line}");
    }
    for line in [
        "STAT incoming",
        "STAT -R .",
        "STAT incoming/*",
        "STAT *",
        "MLST incoming",
    ] {
        assert!(!shown(&client.ask(line).text), "{line}");
    }
    client.expect("CWD incoming", 250);
    for line in ["LIST", "LIST -a", "NLST", "MLSD", "LIST *", "LIST ."] {
        let (reply, listing) = client.download(line);
        assert!(!shown(&listing), "{line}");
        assert_eq!(reply.code, 550, "{line}");
    }
    client.expect("STAT .", 550);
}

#[test]
fn a6_names_that_deceive_are_refused() {
    let Some(ground) = classic() else { return };
    let mut client = ground.anonymous_with(|settings| {
        settings.files.create_dirs = true;
        settings.files.dotfiles.allow_read = true;
    });
    for name in [
        ".hidden",
        "-rf",
        " lead",
        "trail ",
        "trail.",
        "a\u{a0}b",
        "a\u{200b}b",
        "a\u{202e}gpj.exe",
        "\u{feff}x",
        ".ftpaccess",
        ".htaccess",
        ".message",
        ".banner",
        ".rhosts",
        &"x".repeat(201),
    ] {
        assert_eq!(
            client.upload(format!("STOR incoming/{name}"), b"x").code,
            553,
            "{name:?}"
        );
        client.expect(format!("MKD incoming/{name}"), 553);
    }
    assert_eq!(client.upload(b"STOR incoming/\xfe\x80", b"x").code, 553);
    assert_eq!(client.upload(b"STOR incoming/a\x01b", b"x").code, 501);
    client.store("STOR incoming/up.txt", b"x");
    assert_eq!(ground.names("incoming"), ["up.txt"]);
}

#[test]
fn a7_limits_hold_while_bytes_arrive_and_leave_nothing() {
    let Some(ground) = classic() else { return };
    let mut client = ground.anonymous_with(|settings| {
        settings.limits.max_upload_size = Some(500_000);
        settings.limits.max_session_bytes = Some(800_000);
        settings.limits.max_session_files = Some(2);
    });
    client.expect("TYPE I", 200);
    assert_eq!(client.upload("STOR incoming/a", &[b'x'; 600_000]).code, 552);
    eventually("the file is taken back", || {
        ground.names("incoming").is_empty()
    });
    client.store("STOR incoming/a", &[b'x'; 500_000]);
    assert_eq!(client.upload("STOR incoming/b", &[b'x'; 400_000]).code, 552);
    eventually("the file is taken back", || {
        ground.names("incoming") == ["a"]
    });
    client.store("STOR incoming/b", b"x");
    client.expect("EPSV", 229);
    client.expect("STOR incoming/c", 552);
    assert_eq!(ground.names("incoming"), ["a", "b"]);
}

#[test]
fn a8_a_broken_upload_is_removed() {
    let Some(ground) = classic() else { return };
    for how in ["abort", "reset", "vanish", "stall"] {
        let plan = ground.plan(Login::Anonymous, |settings| {
            settings.limits.data = Duration::from_millis(if how == "stall" { 150 } else { 10_000 });
        });
        let mut client = plan.over_tcp().client();
        client.expect("TYPE I", 200);
        let mut data = client.data();
        client.expect("STOR incoming/a", 150);
        data.write_all(&[b'x'; 300_000]).unwrap();
        match how {
            "abort" => {
                client.expect("ABOR", 426);
                assert_eq!(client.reply().code, 226);
            }
            "reset" => {
                reset_on_close(&data);
                drop(data);
                assert_eq!(client.reply().code, 426);
            }
            "vanish" => {
                client.reset();
                assert!(ground.names("incoming").is_empty());
                continue;
            }
            _ => assert_eq!(client.reply().code, 426),
        }
        eventually("the file is removed", || {
            ground.names("incoming").is_empty()
        });
        client.expect("NOOP", 200);
    }
}

#[test]
fn a9_site_is_help_and_idle_and_nothing_that_changes() {
    let Some(ground) = classic() else { return };
    let mut client = client(&ground);
    client.expect("SITE HELP", 214);
    client.expect("SITE IDLE 600", 200);
    client.expect("SITE CHMOD 777 pub/f", 550);
    client.expect("SITE EXEC id", 500);
    client.expect("SITE CPFR pub/f", 500);
    client.expect("PORT 127,0,0,2,8,0", 500);
    client.expect("PORT 127,0,0,1,0,80", 501);
}

#[test]
fn a9_no_other_name_falls_through_to_anonymous() {
    let ground = Ground::in_memory();
    let mut client = ground.nobody_with(|settings| settings.login.anonymous_only = true);
    for name in [
        "root",
        "bin",
        "nobody",
        "ftp2",
        "anonymou",
        "anonymous ",
        " ftp",
        "anonymous\u{a0}",
    ] {
        client.expect(format!("USER {name}"), 530);
        client.expect("PWD", 530);
    }
    client.expect("USER", 501);
    client.expect("USER ", 501);
    client.expect("USER Anonymous", 230);
    client.expect("PWD", 257);
    // Whatever comes as its password.
    client.expect("PASS", 230);
    client.expect("PASS mozilla@example.com", 230);
}

#[test]
fn a10_y_counts_anonymous_sessions() {
    let ground = Ground::in_memory();
    let plan = ground.plan(Login::Nobody, |settings| {
        settings.limits.max_anonymous = Some(2)
    });
    let mut clients = plan.sessions(3).clients();
    clients[0].expect("USER ftp", 230);
    clients[1].expect("USER ftp", 230);
    clients[2].expect("USER ftp", 421);
    assert!(clients.remove(2).expect_end().is_empty());
    clients[0].expect("REIN", 220);
    clients[0].expect("USER ftp", 230);
}

#[test]
fn special_ranges_and_the_mode_of_u_apply_to_strangers() {
    let Some(ground) = classic() else { return };
    let mut client = ground.anonymous_with(|settings| {
        settings.files.anonymous_umasks = Some(Umasks::default());
        settings.network.passive_range = PortRange {
            first: 41_000,
            last: 41_999,
        };
    });
    client.store("STOR incoming/a", b"x");
    assert_eq!(ground.mode("incoming/a"), 0o644, "-U says so");
    assert!((41_000..=41_999).contains(&client.passive_port()));
    assert!(fs::metadata(ground.path("incoming/a")).is_ok());
}
