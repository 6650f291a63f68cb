//! What the server says of uploads, when, and what it costs: never any waiting.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::common::server::{LOOPBACK, Place, Program, Server};
use crate::running::{
    Served, Uploader, assert_said, eventually, give_to_account, is_root, pipe_of, read, reader,
};

#[test]
fn an_upload_is_said_with_login_and_path_as_soon_as_it_is_confirmed() {
    let served = Served::start(&[]);
    let mut pipe = reader(&served.pipe());
    let mut client = served.client();
    assert_eq!(client.store("STOR first", b"bytes"), 226);
    assert_said(&mut pipe, &[&served.record("first")]);
    assert_eq!(client.code("MKD sub"), 257);
    assert_eq!(client.code("CWD sub"), 250);
    client.extended = false;
    assert_eq!(client.store("STOR it's \"odd\" ;id", b""), 226);
    assert_said(&mut pipe, &[&served.record("sub/it's \"odd\" ;id")]);
}

#[test]
fn uploads_wait_in_the_pipe_for_a_reader() {
    let served = Served::start(&[]);
    let found = fs::metadata(served.pipe()).expect("the pipe");
    assert!(found.file_type().is_fifo());
    let own = rustix::process::geteuid().as_raw();
    assert_eq!((found.mode() & 0o7777, found.uid()), (0o600, own));
    let mut client = served.client();
    for name in ["a", "b"] {
        assert_eq!(client.store(&format!("STOR {name}"), b"x"), 226);
    }
    let mut first = reader(&served.pipe());
    let a = served.record("a");
    assert_eq!(read(&mut first, a.len()), a);
    // A reader that goes away loses nothing it did not read.
    drop(first);
    assert_eq!(client.store("STOR c", b"x"), 226);
    let said = [served.record("b"), served.record("c")];
    assert_said(&mut reader(&served.pipe()), &[&said.concat()]);
}

#[test]
fn an_upload_that_breaks_off_is_not_said() {
    for flags in [&[][..], &["-0"], &["-r"]] {
        let served = Served::start(flags);
        let mut pipe = reader(&served.pipe());
        let mut client = served.client();

        let (data, code) = client.begin("STOR reset");
        assert_eq!(code, 150);
        (&data).write_all(&[7; 100_000]).expect("data");
        reset_when_dropped(&data);
        drop(data);
        assert!(client.control.reply().expect("a last reply").code >= 400);

        let (data, code) = client.begin("STOR aborted");
        assert_eq!(code, 150);
        assert_eq!(client.code("ABOR"), 426);
        assert_eq!(client.control.reply().expect("a last reply").code, 226);
        drop(data);

        let (mut data, code) = client.begin("STOR vanished");
        assert_eq!(code, 150);
        data.write_all(b"x").expect("data");
        reset_when_dropped(client.control.stream());
        drop(client);
        // The server's side of the data connection ends with the session.
        let _ = data.read(&mut [0]);

        let mut client = served.client();
        assert!(client.store("STOR no/such/folder", b"x") >= 500);
        assert_eq!(client.store("STOR whole", b"x"), 226);
        assert_said(&mut pipe, &[&served.record("whole")]);
    }
}

fn reset_when_dropped(stream: &TcpStream) {
    let at_once = Some(Duration::ZERO);
    SockRef::from(stream).set_linger(at_once).expect("a socket");
}

#[test]
fn an_upload_too_large_is_not_said() {
    let served = Served::start(&["--maxuploadsize", "1000"]);
    let mut pipe = reader(&served.pipe());
    let mut client = served.client();
    assert_eq!(client.store("STOR large", &[7; 5000]), 552);
    assert_eq!(client.store("STOR small", &[7; 500]), 226);
    assert_said(&mut pipe, &[&served.record("small")]);
}

#[test]
fn under_r_the_name_with_the_number_is_said_and_the_stou_name_too() {
    let served = Served::start(&["-r"]);
    let mut pipe = reader(&served.pipe());
    let mut client = served.client();
    for _ in 0..3 {
        assert_eq!(client.store("STOR file", b"x"), 226);
    }
    let said = ["file", "file.1", "file.2"].map(|name| served.record(name));
    assert_said(&mut pipe, &[&said.concat()]);

    assert_eq!(client.store("STOU", b"unique"), 226);
    let names: Vec<String> = fs::read_dir(served.place.root())
        .expect("the root")
        .map(|entry| entry.expect("an entry").file_name())
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with("wharf."))
        .collect();
    assert_eq!(names.len(), 1);
    assert_said(&mut pipe, &[&served.record(&names[0])]);
}

#[test]
fn the_path_is_absolute_though_the_root_was_not() {
    let place = Place::new().expect("a place");
    let root = place.root();
    give_to_account(&root);
    let here = std::env::current_dir().expect("a directory");
    // As many steps up as there are directories on the way down from the top.
    let up = "../".repeat(here.components().count() - 1);
    let relative = format!("{up}{}/", &root.to_str().expect("a path")[1..]);
    let served = Served::start_in(place, &["--anonymousroot", &relative]);
    let mut pipe = reader(&served.pipe());
    assert_eq!(served.client().store("STOR file", b"x"), 226);
    let start = read(&mut pipe, 6);
    assert_eq!(start, b"\x02ftp\x01/");
    let end = format!("{}/file\0", root.display());
    let rest = read(&mut pipe, here.as_os_str().len() + up.len() + end.len() - 1);
    let said = String::from_utf8_lossy(&rest).into_owned();
    assert!(said.ends_with(&end), "{said}");
}

#[test]
fn of_a_virtual_host_its_address_is_said() {
    let place = Place::new().expect("a place");
    let hosts = place.beside().join("hosts");
    fs::create_dir_all(hosts.join("127.0.0.1")).expect("a host");
    give_to_account(&hosts.join("127.0.0.1"));
    let hosts = hosts.to_str().expect("a path");
    let served = Served::start_in(place, &["--virtualhosts", hosts]);
    let mut pipe = reader(&served.pipe());
    assert_eq!(served.client().store("STOR file", b"x"), 226);
    assert_said(&mut pipe, &[b"\x02ftp\x01127.0.0.1:/file\0"]);
}

#[test]
fn an_accounts_upload_is_said_with_its_name_and_the_place_of_its_home() {
    if !is_root() {
        return;
    }
    let place = Place::new().expect("a place");
    let home = place.root().join("joe");
    fs::create_dir(&home).expect("a home");
    fs::set_permissions(&home, Permissions::from_mode(0o755)).expect("its mode");
    chown(&home, Some(4242), Some(4242)).expect("its owner");
    // openssl passwd -6 -salt salt secret
    let hash = "$6$salt$egUxKNxDs8kPfh8iPMNcosMhb2eWah6d3R44JDm5Rj/j/XWR5E33QPd0YmHXoDHOIDR6kL5D3JcQcz0O8FHE00";
    let users = place.beside().join("passwd");
    for (start, path) in [("", "in/f"), ("/./", "in/f")] {
        let line = format!("joe:{hash}:4242:4242::{}{start}:/bin/sh\n", home.display());
        fs::write(&users, line).expect("the users");
        fs::set_permissions(&users, Permissions::from_mode(0o600)).expect("their mode");
        let pipe = pipe_of(&place);
        let flags = [
            "-o".into(),
            "--uploadpipe".into(),
            pipe.clone().into_os_string(),
            "-k100".into(),
            "-l".into(),
            format!("passwd:{}", users.display()).into(),
        ];
        let server = Server::start(&Program::Wharf, &place, Some(LOOPBACK), &flags)
            .unwrap_or_else(|error| panic!("{error}"));
        let mut said = reader(&pipe);
        let mut client = Uploader::log_in(server.address(), "joe");
        let _ = client.code("MKD in");
        assert_eq!(client.store(&format!("STOR {path}"), b"x"), 226);
        assert_eq!(client.store(&format!("APPE {path}"), b"x"), 226);
        let record = format!("\x02joe\x01{}/{path}\0", home.display()).into_bytes();
        assert_said(&mut said, &[&record, &record]);
    }
}

/// Makes a directory so deep that a few dozen records fill a pipe.
fn make_deep(client: &mut Uploader) -> String {
    make(client, &vec!["d".repeat(200); 14])
}

#[test]
fn l8_a_pipe_that_nobody_reads_delays_nobody_and_holds_what_it_can() {
    let served = Served::start(&[]);
    let mut client = served.client();
    let deep = make_deep(&mut client);
    let mut slowest = Duration::ZERO;
    let mut bystander = served.client();
    // Each record has some 2.8 KiB: the pipe holds about 20 of them, the queue about 370.
    let uploads = 500;
    for number in 0..uploads {
        assert_eq!(client.store(&format!("STOR {deep}/{number}"), b"x"), 226);
        let begun = Instant::now();
        assert_eq!(bystander.code("NOOP"), 200);
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let log = served.server.errors();
    let lost = log.matches("The upload script lags behind").count();
    assert!(lost > 50 && lost < 200, "{lost}");
    assert!(log.contains(&format!("({lost} uploads lost so far)")));

    // What was queued comes in order and whole, and then there is room again.
    let mut pipe = reader(&served.pipe());
    for number in 0..uploads - lost {
        let record = served.record(&format!("{}/{number}", &deep[1..]));
        assert!(read(&mut pipe, record.len()) == record, "{number}");
    }
    assert_eq!(client.store("STOR again", b"x"), 226);
    assert_said(&mut pipe, &[&served.record("again")]);
}

/// Makes directories one in another, and gives their path.
fn make(client: &mut Uploader, names: &[String]) -> String {
    let mut path = String::new();
    for name in names {
        path = format!("{path}/{name}");
        assert_eq!(client.code(&format!("MKD {path}")), 257);
    }
    path
}

#[test]
fn a_name_that_cannot_be_said_is_refused() {
    let served = Served::start(&[]);
    let mut client = served.client();
    let mut names = vec!["d".repeat(200); 19];
    let taken = served.record("").len() + 19 * 201;
    // So that a name of 100 letters makes a record of 4096 bytes, the longest there is.
    let rest = 4096_usize.checked_sub(taken + 101);
    let rest = rest.filter(|rest| (1..=200).contains(rest));
    names.push("e".repeat(rest.expect("a root with a short path")));
    let path = make(&mut client, &names);
    assert_eq!(client.code(&format!("CWD {path}")), 250);
    let mut pipe = reader(&served.pipe());
    for length in [200, 101, 100, 93] {
        let name = "n".repeat(length);
        assert_eq!(client.store(&format!("STOR {name}"), b"x"), 553, "{length}");
    }
    // -r may add to a name, so a few bytes are kept for that.
    let name = "n".repeat(92);
    assert_eq!(client.store(&format!("STOR {name}"), b"x"), 226);
    let record = served.record(&format!("{}/{name}", &path[1..]));
    assert_said(&mut pipe, &[&record]);
}

#[test]
fn what_was_not_said_at_the_end_is_counted() {
    let served = Served::start(&[]);
    let mut client = served.client();
    let deep = make_deep(&mut client);
    for number in 0..40 {
        assert_eq!(client.store(&format!("STOR {deep}/{number}"), b"x"), 226);
    }
    let pid = i32::try_from(served.server.pid()).ok();
    let pid = pid.and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    eventually("the server says it", || {
        let log = served.server.errors();
        log.contains("The upload script was not told of the last ")
    });
}

#[test]
fn a_pipe_that_is_none_keeps_the_server_from_starting() {
    let place = Place::new().expect("a place");
    fs::write(pipe_of(&place), "precious").expect("a file");
    let pipe = pipe_of(&place).into_os_string();
    let flags = ["-o".into(), "--uploadpipe".into(), pipe.clone()];
    let refused = Server::start(&Program::Wharf, &place, Some(LOOPBACK), &flags);
    let said = refused.err().expect("a refusal");
    assert!(said.contains("78"), "{said}");
    let line = format!(
        "wharf-ftpd: -o: upload pipe {}: it is not a named pipe",
        pipe.display()
    );
    assert!(said.contains(&line), "{said}");
    assert_eq!(fs::read(pipe_of(&place)).expect("the file"), b"precious");
}
