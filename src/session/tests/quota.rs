//! Quotas: the words, the file beside the data, and that together sessions never have more than they may.

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;

use super::harness::{Client, Ground, Login, Plan, eventually};

fn both() -> [Ground; 2] {
    [Ground::in_memory(), Ground::on_disk()]
}

fn plan(ground: &Ground, files: u64, bytes: u64) -> Plan {
    ground
        .plan(Login::Full, |_| {})
        .quota(Some(files), Some(bytes))
}

fn client(ground: &Ground, files: u64, bytes: u64) -> Client {
    let mut client = plan(ground, files, bytes).client();
    client.expect("TYPE I", 200);
    client
}

/// What the file says at this moment.
fn count(ground: &Ground) -> String {
    String::from_utf8(ground.read(".ftpquota")).unwrap()
}

/// What is there, as the file should say it.
fn truth(ground: &Ground) -> String {
    let (mut files, mut bytes) = (0_u64, 0);
    let mut waiting = vec![ground.root()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if entry.file_name() == ".ftpquota" {
                continue;
            }
            files += 1;
            match metadata.is_dir() {
                true => waiting.push(entry.path()),
                false => bytes += metadata.len(),
            }
        }
    }
    format!("{files} {bytes}\n")
}

#[track_caller]
fn assert_true(ground: &Ground) {
    assert_eq!(count(ground), truth(ground));
}

#[test]
fn the_conversation_is_pure_ftpds() {
    for ground in both() {
        let mut client = client(&ground, 3, 1 << 20);
        assert_eq!(count(&ground), "0 0\n");
        client.expect("ALLO 100000", 200);
        client.expect("ALLO 2000000", 552);
        let stored = client.upload("STOR q1", &[b'x'; 1000]);
        let words = stored.words();
        let start = "226-1 files used (33%) - authorized: 3 files\r\n\
                     226-0 Kbytes used (0%) - authorized: 1024 Kb\r\n\
                     226-File successfully transferred\r\n";
        assert!(words.starts_with(start), "{words}");
        assert_eq!(count(&ground), "1 1000\n");
        client.store("APPE q1", &[b'x'; 10]);
        assert_eq!(count(&ground), "1 1010\n");
        assert_eq!(
            client.expect("MKD d1", 257),
            "257-\"/d1\" : The directory was successfully created\r\n\
             257-2 files used (66%) - authorized: 3 files\r\n\
             257 0 Kbytes used (0%) - authorized: 1024 Kb\r\n"
        );
        client.store("STOR q2", &vec![b'x'; 600_000]);
        let words = client.upload("STOR q3", b"x").words();
        assert_eq!(words, "552 Quota exceeded: [q3] won't be saved\r\n");
        assert_eq!(
            client.expect("MKD d2", 552),
            "552-Quota exceeded: [d2] won't be saved\r\n\
             552-3 files used (100%) - authorized: 3 files\r\n\
             552 586 Kbytes used (57%) - authorized: 1024 Kb\r\n"
        );
        assert_eq!(
            client.expect("DELE q2", 250),
            "250-2 files used (66%) - authorized: 3 files\r\n\
             250-0 Kbytes used (0%) - authorized: 1024 Kb\r\n\
             250 Deleted q2\r\n"
        );
        let words = client.upload("STOR q4", &vec![b'x'; 1_100_000]).words();
        assert_eq!(
            words,
            "552-Transfer aborted (quota)\r\n\
             552-2 files used (66%) - authorized: 3 files\r\n\
             552-0 Kbytes used (0%) - authorized: 1024 Kb\r\n\
             552 Quota exceeded: [q4] won't be saved\r\n"
        );
        assert_eq!(count(&ground), "2 1010\n");
        assert_eq!(ground.names(""), [".ftpquota", "d1", "q1"]);
        let words = client.expect("RMD d1", 250);
        assert!(words.starts_with("250-1 files used (33%) - authorized: 3 files\r\n"));
        assert_true(&ground);
    }
}

#[test]
fn nobody_sees_or_touches_the_file() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    let mut client = client(&ground, 9, 1000);
    for line in [
        "CWD .ftpquota",
        "DELE .ftpquota",
        "DELE .FtpQuota",
        "MKD x.ftpquota",
        "RMD .ftpquota",
        "RNFR .ftpquota",
        "SITE CHMOD 644 .ftpquota",
        "MFMT 20200101000000 .ftpquota",
        "SIZE .ftpquota",
        "MDTM .ftpquota",
        "MLST .ftpquota",
        "STAT ./.ftpquota",
    ] {
        let code = client.ask(line).code;
        assert!(code == 553 || line.starts_with("STAT"), "{line}: {code}");
    }
    for line in [
        "RETR .ftpquota",
        "STOR .ftpquota",
        "APPE .ftpquota",
        "STOR .ftpquota.new",
    ] {
        assert_eq!(client.upload(line, b"0 0\n").code, 553, "{line}");
    }
    client.expect("RNFR f", 350);
    client.expect("RNTO .ftpquota", 553);
    for line in [
        "LIST -a",
        "NLST",
        "NLST .*",
        "NLST .ftp*",
        "MLSD",
        "LIST -aR",
        "STAT -a",
    ] {
        let shown = match line.starts_with("STAT") {
            true => client.ask(line).text,
            false => client.download(line).1,
        };
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert!(!shown.contains("ftpquota"), "{line}: {shown}");
    }
    assert_eq!(count(&ground), "1 1\n");
}

#[test]
fn counts_are_right_after_every_kind_of_change() {
    for ground in both() {
        let mut client = client(&ground, 100, 10_000_000);
        client.store("STOR f", &[b'x'; 5000]);
        assert_true(&ground);
        client.store("STOR f", &[b'x'; 700_000]);
        assert_true(&ground);
        client.store("STOR f", b"");
        assert_true(&ground);
        client.store("STOR f", &[b'x'; 100]);
        client.expect("REST 40", 350);
        client.store("STOR f", &[b'x'; 10]);
        assert_eq!(count(&ground), "1 50\n");
        client.store("APPE g", &[b'x'; 7]);
        client.store("APPE g", &[b'x'; 7]);
        client.store("STOU", &[b'x'; 3]);
        assert_true(&ground);
        client.expect("RNFR f", 350);
        client.expect("RNTO g", 250);
        assert_eq!(count(&ground), "2 53\n");
        assert_true(&ground);
        client.expect("RNFR g", 350);
        client.expect("RNTO g", 250);
        assert_true(&ground);
        client.expect("MKD d", 257);
        client.expect("MKD e", 257);
        client.expect("MKD e", 550);
        assert_true(&ground);
        client.expect("RNFR d", 350);
        client.expect("RNTO e", 250);
        assert_true(&ground);
        client.expect("RMD nothing", 550);
        client.expect("DELE nothing", 550);
        client.expect("RMD e", 250);
        client.expect("DELE g", 250);
        assert_true(&ground);
        client.expect("TYPE A", 200);
        client.store("STOR text", b"one\r\ntwo\r\n\r");
        assert_eq!(ground.read("text").len(), 9);
        assert_true(&ground);
    }
}

#[test]
fn whole_or_nothing_uploads_are_counted_as_they_appear() {
    for ground in both() {
        let mut client = ground
            .plan(Login::Full, |settings| settings.files.no_truncate = true)
            .quota(Some(2), Some(1000))
            .client();
        client.expect("TYPE I", 200);
        client.store("STOR f", &[b'x'; 400]);
        assert_true(&ground);
        client.store("STOR f", &[b'y'; 600]);
        assert_true(&ground);
        // Until it is whole it stands beside what it replaces.
        assert_eq!(client.upload("STOR f", &[b'z'; 401]).code, 552);
        assert_eq!(ground.read("f"), [b'y'; 600]);
        assert_true(&ground);
        client.store("STOR g", b"");
        assert_eq!(client.upload("STOR f", b"z").code, 552);
        assert_eq!(ground.names(""), [".ftpquota", "f", "g"]);
        assert_true(&ground);
    }
}

#[test]
fn p8_limits_hold_to_the_byte_whatever_the_upload_begins_with() {
    for ground in both() {
        let mut client = client(&ground, 3, 300_000);
        client.store("STOR f", &vec![b'x'; 300_000]);
        assert_eq!(count(&ground), "1 300000\n");
        assert_eq!(client.upload("APPE f", b"x").code, 552);
        assert_eq!(ground.read("f").len(), 300_000);
        assert_true(&ground);
        client.store("STOR empty", b"");
        client.store("APPE f", b"");
        client.expect("REST 299999", 350);
        client.store("STOR f", b"y");
        assert_true(&ground);
        client.expect("REST 299999", 350);
        assert_eq!(client.upload("STOR f", b"yz").code, 552);
        assert_eq!(ground.read("f").len(), 299_999);
        assert_true(&ground);
        assert_eq!(client.upload("STOU", &[b'x'; 2]).code, 552);
        client.store("STOU", b"x");
        assert_true(&ground);
        // What is replaced makes room for what replaces it, and is no file more.
        client.store("STOR f", &vec![b'z'; 299_999]);
        assert_true(&ground);
        assert_eq!(client.upload("STOR f", &vec![b'z'; 300_001]).code, 552);
        assert!(!ground.exists("f"), "half a file is no file");
        assert_true(&ground);
    }
}

#[test]
fn aborted_uploads_count_as_what_stays_of_them() {
    for ground in both() {
        let mut client = client(&ground, 9, 10_000_000);
        let mut data = client.data();
        client.expect("STOR f", 150);
        data.write_all(&[b'x'; 500_000]).unwrap();
        client.expect("ABOR", 426);
        assert_eq!(client.reply().code, 226);
        drop(data);
        assert_true(&ground);
        client.expect("EPSV", 229);
        client.expect("REST 0", 350);
        client.expect("NOOP", 200);
        client.expect("DELE f", 250);
        assert_eq!(count(&ground), "0 0\n");
        assert_true(&ground);
    }
}

#[test]
fn f14_uploads_at_once_never_overshoot_together() {
    for ground in both() {
        let mut clients = plan(&ground, 100, 1_000_000).sessions(20).clients();
        ground.write("before", [b'x'; 0]);
        // Room for one of these files, and not for two.
        let uploads: Vec<_> = clients
            .iter_mut()
            .enumerate()
            .map(|(number, client)| {
                client.expect("TYPE I", 200);
                let data = client.data();
                client.expect(format!("STOR f{number}"), 150);
                data
            })
            .collect();
        let senders: Vec<_> = uploads
            .into_iter()
            .map(|mut data| {
                std::thread::spawn(move || {
                    let _ = data.write_all(&vec![b'x'; 600_000]);
                })
            })
            .collect();
        let codes: Vec<u16> = clients
            .iter_mut()
            .map(|client| client.reply().code)
            .collect();
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        let stored = codes.iter().filter(|code| **code == 226).count();
        assert!(stored <= 1, "{codes:?}");
        assert!(
            codes.iter().all(|code| [226, 552].contains(code)),
            "{codes:?}"
        );
        fs::remove_file(ground.path("before")).unwrap();
        assert_true(&ground);
        // And what was refused is free again.
        let left = 1_000_000 - 600_000 * stored;
        clients[0].store("STOR rest", &vec![b'x'; left]);
        assert_true(&ground);
    }
}

#[test]
fn f14_twenty_uploads_for_the_last_place() {
    for ground in both() {
        ground.write("one", b"x");
        let mut clients = plan(&ground, 2, 1000).sessions(20).clients();
        for client in &mut clients {
            client.expect("TYPE I", 200);
        }
        let mut uploads: Vec<_> = clients.iter_mut().map(Client::data).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("STOR f{number}"));
        }
        let codes: Vec<u16> = clients
            .iter_mut()
            .map(|client| client.reply().code)
            .collect();
        let taken: Vec<_> = (0..20).filter(|number| codes[*number] == 150).collect();
        assert_eq!(taken.len(), 1, "{codes:?}");
        uploads[taken[0]].write_all(b"last").unwrap();
        uploads.clear();
        assert_eq!(clients[taken[0]].reply().code, 226);
        assert_eq!(count(&ground), "2 5\n");
        assert_true(&ground);
    }
}

#[test]
fn f14_a_broken_file_refuses_uploads_and_is_left_alone() {
    for ground in both() {
        ground.write(".ftpquota", b"rubbish");
        ground.write("f", b"x");
        let mut client = client(&ground, 9, 1000);
        assert_eq!(client.upload("STOR new", b"x").code, 552);
        assert_eq!(client.upload("STOR f", b"x").code, 552);
        client.expect("MKD d", 552);
        assert_eq!(client.fetch("RETR f"), b"x");
        client.expect("DELE f", 250);
        assert_eq!(ground.read(".ftpquota"), b"rubbish");
        // Mended, it serves at once.
        ground.write(".ftpquota", b"0 0\n");
        client.store("STOR new", b"x");
        assert!(count(&ground).starts_with("1 1\n"));
    }
}

#[test]
fn a_link_for_the_file_is_not_followed() {
    let ground = Ground::in_memory();
    ground.write("other", b"0 0\n");
    symlink("other", ground.path(".ftpquota")).unwrap();
    let mut client = client(&ground, 9, 1000);
    assert_eq!(client.upload("STOR new", b"x").code, 552);
    assert_eq!(ground.read("other"), b"0 0\n");
}

#[test]
fn what_is_there_before_the_first_login_is_counted() {
    for ground in both() {
        ground.directory("d/e");
        ground.write("d/f", [b'x'; 500]);
        let mut one = client(&ground, 3, 1000);
        assert_eq!(count(&ground), "3 500\n");
        one.expect("MKD more", 552);
        one.expect("DELE d/f", 250);
        one.expect("MKD more", 257);
        assert_true(&ground);
    }
}

#[test]
fn a_count_is_believed_as_it_is() {
    let ground = Ground::in_memory();
    ground.write("f", b"x");
    ground.write(".ftpquota", b"7 700\n");
    let mut client = client(&ground, 9, 1000);
    client.store("STOR g", b"xyz");
    assert_eq!(count(&ground), "8 703\n");
}

#[test]
fn f14_what_a_killed_server_left_is_counted_anew_at_the_next_login() {
    for ground in both() {
        ground.write("f", [b'x'; 300]);
        ground.write(".ftpquota", b"2 9000\nreserved 1 8700\n");
        let mut first = client(&ground, 9, 10_000);
        assert_eq!(count(&ground), "1 300\n");
        first.store("STOR g", b"x");
        assert_true(&ground);
    }
}

#[test]
fn f14_while_another_server_is_at_work_its_reserve_stays() {
    let ground = Ground::in_memory();
    ground.write(".ftpquota", b"2 9000\nreserved 1 8700\n");
    let other = fs::File::open(ground.path(".ftpquota")).unwrap();
    other.lock_shared().unwrap();
    let mut client = client(&ground, 9, 10_000);
    assert_eq!(count(&ground), "2 9000\nreserved 1 8700\n");
    client.store("STOR g", &[b'x'; 1000]);
    assert_eq!(count(&ground), "3 10000\nreserved 1 8700\n");
    assert_eq!(client.upload("STOR h", b"x").code, 552);
}

#[test]
fn f14_the_file_is_never_below_the_truth_while_bytes_arrive() {
    for ground in both() {
        let mut client = client(&ground, 9, 100_000_000);
        let mut data = client.data();
        client.expect("STOR f", 150);
        for sent in 1..=40_u64 {
            data.write_all(&[b'x'; 500_000]).unwrap();
            let there = fs::metadata(ground.path("f")).unwrap().len();
            let count = count(&ground);
            let mut numbers = count.split([' ', '\n']);
            assert_eq!(numbers.next(), Some("1"), "{sent}: {count}");
            let bytes: u64 = numbers.next().unwrap().parse().unwrap();
            assert!(bytes >= there, "{bytes} < {there}");
            assert!(count.contains("reserved"), "{count}");
        }
        drop(data);
        assert_eq!(client.reply().code, 226);
        assert_eq!(count(&ground), "1 20000000\n");
    }
}

#[test]
fn what_is_removed_while_it_is_uploaded_is_not_given_back_twice() {
    for ground in both() {
        let mut clients = plan(&ground, 9, 10_000_000).sessions(2).clients();
        clients[0].expect("TYPE I", 200);
        let mut data = clients[0].data();
        clients[0].expect("STOR f", 150);
        data.write_all(&[b'x'; 600_000]).unwrap();
        eventually("some of it is there", || {
            ground.exists("f") && !ground.read("f").is_empty()
        });
        clients[1].expect("DELE f", 250);
        drop(data);
        assert_eq!(clients[0].reply().code, 226);
        assert!(
            count(&ground).starts_with("1 600000\nreserved"),
            "{}",
            count(&ground)
        );
        drop(clients);
        // Counted anew, since nobody is in any more.
        let _next = client(&ground, 9, 10_000_000);
        assert_eq!(count(&ground), "0 0\n");
    }
}

#[test]
fn a_removed_file_is_written_anew() {
    let ground = Ground::in_memory();
    let mut client = client(&ground, 9, 1000);
    client.store("STOR f", &[b'x'; 10]);
    fs::remove_file(ground.path(".ftpquota")).unwrap();
    client.store("STOR g", &[b'x'; 5]);
    assert!(count(&ground).starts_with("2 15\n"), "{}", count(&ground));
}

#[test]
fn a_quota_of_one_kind_limits_nothing_else() {
    let ground = Ground::in_memory();
    let plan = ground.plan(Login::Full, |_| {}).quota(Some(1), None);
    let mut client = plan.client();
    client.expect("TYPE I", 200);
    let words = client.upload("STOR f", &vec![b'x'; 3_000_000]).words();
    assert!(words.starts_with("226-1 files used (100%) - authorized: 1 files\r\n226-File"));
    assert_eq!(client.upload("STOR g", b"x").code, 552);
    assert_true(&ground);
}

#[test]
fn a_quota_of_nothing_allows_nothing() {
    let ground = Ground::in_memory();
    let mut client = client(&ground, 0, 0);
    client.expect("MKD d", 552);
    assert_eq!(client.upload("STOR f", b"").code, 552);
    assert_eq!(ground.names(""), [".ftpquota"]);
}

#[test]
fn a_disk_that_fills_counts_what_came_onto_it() {
    let Some(ground) = Ground::with_room(1) else {
        return;
    };
    let mut client = client(&ground, 9, 100_000_000);
    let reply = client.upload("STOR f", &vec![b'x'; 3_000_000]);
    assert_eq!(reply.code, 452, "{}", reply.words());
    assert_true(&ground);
    client.expect("DELE f", 250);
    assert_true(&ground);
}

#[test]
fn vanished_clients_leave_the_truth() {
    for ground in both() {
        let mut clients = plan(&ground, 9, 100_000_000).sessions(2).clients();
        let mut data = clients[0].data();
        clients[0].expect("STOR f", 150);
        data.write_all(&[b'x'; 900_000]).unwrap();
        drop(data);
        clients.remove(0).leave();
        clients[0].send("MKD d");
        clients.remove(0).leave();
        eventually("the count is what is there", || {
            count(&ground) == truth(&ground)
        });
    }
}

#[test]
fn f14_who_holds_the_lock_is_waited_for() {
    for ground in both() {
        let mut client = client(&ground, 9, 1000);
        let path = ground.path(".ftpquota");
        let file = fs::File::options().write(true).open(&path).unwrap();
        crate::sys::files::try_lock(file.as_fd()).unwrap();
        client.send("MKD d");
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(count(&ground), "0 0\n");
        // As another server's process does, in place.
        ground.write(".ftpquota", "5 500\n");
        drop(file);
        assert_eq!(client.reply().code, 257);
        assert_eq!(count(&ground), "6 500\n");
    }
}
