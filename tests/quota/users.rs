//! What a user with a quota is told and allowed, by the user's own limits and by `-n`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Stdio;

use crate::client::Client;
use crate::ground::{Ground, UID, eventually, is_root, pure};
use crate::server::free_port;

#[test]
fn the_limits_of_the_user_are_told_and_hold() {
    let ground = Ground::new(&["-n", "3", "-N", "1"]);
    let server = ground.serve(&["-n", "100:100"]);
    let (mut client, lines) = Client::log_in(server.address);
    let quota = [
        "230-0 files used (0%) - authorized: 3 files",
        "230 0 Kbytes used (0%) - authorized: 1024 Kb",
    ];
    assert_eq!(lines[lines.len() - 2..], quota);
    assert_eq!(client.upload("STOR f", &[b'x'; 1000]), 226);
    assert_eq!(ground.count(), "1 1000\n");
    let facts = fs::metadata(ground.path(".ftpquota")).expect("the file");
    assert_eq!(facts.permissions().mode() & 0o7777, 0o600);
    if is_root() {
        assert_eq!((facts.uid(), facts.gid()), (UID, UID));
    }
    assert_eq!(client.upload("STOR g", &vec![b'x'; 1 << 20]), 552);
    assert!(!ground.path("g").exists());
    client.expect("MKD d", 257);
    client.expect("MKD e", 257);
    client.expect("MKD h", 552);
    assert_eq!(client.upload("STOR g", b""), 552);
    ground.assert_true();
    drop(client);
    let (_, lines) = Client::log_in(server.address);
    assert!(lines.contains(&"230-3 files used (100%) - authorized: 3 files".to_owned()));
}

#[test]
fn n_limits_those_without_limits_of_their_own() {
    let ground = Ground::new(&["-N", "2"]);
    let server = ground.serve(&["-n", "1:1"]);
    let (mut client, lines) = Client::log_in(server.address);
    let quota = [
        "230-0 files used (0%) - authorized: 1 files",
        "230 0 Kbytes used (0%) - authorized: 2048 Kb",
    ];
    assert_eq!(lines[lines.len() - 2..], quota);
    assert_eq!(client.upload("STOR f", &vec![b'x'; 1_500_000]), 226);
    assert_eq!(client.upload("STOR g", b""), 552);
    ground.assert_true();
}

#[test]
fn without_limits_there_is_no_quota() {
    let ground = Ground::new(&[]);
    let server = ground.serve(&[]);
    let (mut client, lines) = Client::log_in(server.address);
    assert!(!lines.iter().any(|line| line.contains("authorized")));
    assert_eq!(client.upload("STOR f", b"x"), 226);
    assert!(!ground.path(".ftpquota").exists());
}

#[test]
fn a_file_the_user_cannot_write_keeps_the_quota_on() {
    if !is_root() {
        return eprintln!("skipped: needs root to give a file to somebody else");
    }
    let ground = Ground::new(&["-n", "2", "-N", "1"]);
    fs::write(ground.path(".ftpquota"), "0 0\n").expect("the file");
    fs::set_permissions(ground.path(".ftpquota"), fs::Permissions::from_mode(0o600))
        .expect("its mode");
    chown(ground.path(".ftpquota"), Some(0), Some(0)).expect("its owner");
    ground.put("f", b"x");
    let server = ground.serve(&[]);
    let (mut client, lines) = Client::log_in(server.address);
    assert!(lines.contains(&"230-1 files used (50%) - authorized: 2 files".to_owned()));
    assert_eq!(client.upload("STOR g", b"x"), 226);
    let (mut second, _) = Client::log_in(server.address);
    assert_eq!(second.upload("STOR h", b"x"), 552);
    second.expect("DELE f", 250);
    assert_eq!(client.upload("STOR h", b"x"), 226);
    assert_eq!(ground.count(), "0 0\n");
    eventually("the log says so", || {
        server.errors().contains(".ftpquota cannot be written")
    });
}

#[test]
fn f14_a_broken_file_refuses_uploads_until_it_is_counted_anew() {
    let ground = Ground::new(&["-n", "9", "-N", "1"]);
    ground.put(".ftpquota", b"nonsense");
    ground.put("f", b"xyz");
    let server = ground.serve(&[]);
    let (mut client, lines) = Client::log_in(server.address);
    assert!(!lines.iter().any(|line| line.contains("authorized")));
    assert_eq!(client.upload("STOR g", b"x"), 552);
    eventually("the log names wharf-quotacheck", || {
        server.errors().contains("wharf-quotacheck")
    });
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_wharf-quotacheck"));
    check.args(["-u", &UID.to_string(), "-g", &UID.to_string(), "-d"]);
    assert!(
        check
            .arg(ground.home())
            .status()
            .expect("a status")
            .success()
    );
    assert_eq!(ground.count(), "1 3\n");
    assert_eq!(client.upload("STOR g", b"x"), 226);
    assert!(ground.count().starts_with("2 4\n"));
}

#[test]
fn the_count_goes_on_when_debians_pure_ftpd_takes_over_and_back() {
    let Some(mut pure_ftpd) = pure("pure-ftpd") else {
        return;
    };
    if !is_root() {
        return eprintln!("skipped: needs root");
    }
    let ground = Ground::new(&["-n", "9", "-N", "1"]);
    let server = ground.serve(&[]);
    let (mut ours, _) = Client::log_in(server.address);
    assert_eq!(ours.upload("STOR f", &[b'x'; 100]), 226);
    let address = free_port();
    let port = address.port();
    let child = pure_ftpd
        .args(["-S", &format!("127.0.0.1,{port}"), "-H", "-E", "-l"])
        .arg(ground.source())
        .arg("-g")
        .arg(ground.beside("pure.pid"))
        .stdin(Stdio::null())
        .spawn();
    let mut child = child.expect("pure-ftpd starts");
    eventually("pure-ftpd listens", || Client::connect(address).is_ok());
    let (mut theirs, _) = Client::log_in(address);
    assert_eq!(theirs.upload("STOR g", &[b'x'; 11]), 226);
    assert_eq!(ground.count(), "2 111\n");
    assert_eq!(ours.upload("APPE g", &[b'x'; 9]), 226);
    assert_eq!(ground.count(), "2 120\n");
    // During an upload of ours it reads over our second line.
    let data = ours.begin("STOR h").expect("accepted");
    eventually("the reserve is there", || {
        ground.count().contains("reserved")
    });
    theirs.expect("DELE g", 250);
    drop(data);
    assert_eq!(ours.reply().code, 226);
    let (_, bytes) = ground.counted();
    assert!(bytes >= 100, "{}", ground.count());
    drop((ours, theirs));
    let _ = child.kill();
    let _ = child.wait();
    // Whatever they did to each other, the next login alone finds the truth.
    eventually("the truth is found", || {
        let _ = Client::log_in(server.address);
        let (files, bytes) = ground.truth();
        ground.count() == format!("{files} {bytes}\n")
    });
}

#[test]
fn a_recount_during_a_session_is_put_right_by_the_next_login() {
    let ground = Ground::new(&["-n", "9", "-N", "1"]);
    let server = ground.serve(&[]);
    let (mut client, _) = Client::log_in(server.address);
    assert_eq!(client.upload("STOR f", b"xyz"), 226);
    ground.put("by-hand", b"1234567");
    let data = client.begin("STOR g").expect("accepted");
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_wharf-quotacheck"));
    check.args(["-u", &UID.to_string(), "-g", &UID.to_string(), "-d"]);
    let status = check.arg(ground.home()).status();
    assert!(status.expect("a status").success());
    drop(data);
    assert_eq!(client.reply().code, 226);
    let count = ground.count();
    let (files, bytes) = ground.counted();
    assert!(files >= 3 && bytes >= 10, "{count}");
    assert!(count.contains("reserved"), "{count}");
    client.expect("QUIT", 221);
    drop(client);
    eventually("the next login counts", || {
        let _ = Client::log_in(server.address);
        ground.count() == "3 10\n"
    });
}
