//! F6: nothing in the served tree is taken for the system's own, however much it looks like it.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::support::{Launch, Place, download, expect, together};

/// Files that a C library would read, or load and run, below the root it sees.
const TRAPS: [&str; 12] = [
    "etc/passwd",
    "etc/group",
    "etc/nsswitch.conf",
    "etc/localtime",
    "etc/resolv.conf",
    "etc/hosts",
    "etc/ld.so.cache",
    "lib/x86_64-linux-gnu/libnss_files.so.2",
    "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
    "usr/lib/locale/locale-archive",
    "usr/share/zoneinfo/Europe/Paris",
    "dev/log",
];

/// Sets the traps and watches every directory that holds one.
fn watch(place: &Place) -> OwnedFd {
    let folders = TRAPS.map(|trap| {
        let folder = trap.rsplit_once('/').map_or("", |(folder, _)| folder);
        place.directory(&format!("root/{folder}"));
        place.file(&format!("root/{trap}"), b"trap");
        place.path(&format!("root/{folder}"))
    });
    let watched = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
    for folder in folders {
        let wanted = WatchFlags::OPEN | WatchFlags::ACCESS;
        inotify::add_watch(&watched, folder, wanted).expect("a watch");
    }
    watched
}

/// Which files were opened or read since the last call.
fn touched(watched: &OwnedFd) -> Vec<OsString> {
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    let mut reader = inotify::Reader::new(watched, &mut buffer);
    let mut names = Vec::new();
    loop {
        match reader.next() {
            Ok(event) if event.events().contains(ReadFlags::ISDIR) => {}
            Ok(event) => {
                let name = event
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                names.push(name.unwrap_or_default().into());
            }
            Err(Errno::AGAIN) => return names,
            Err(error) => panic!("inotify: {error}"),
        }
    }
}

#[test]
fn f6_traps_in_the_root_are_never_opened() {
    let _together = together();
    let place = Place::new();
    let watched = watch(&place);
    let flags = ["-d", "-d", "--hideids", "-T", "10000", "-m", "100"];
    let server = Launch::new(&place).flags(&flags).start();
    let mut client = server.logged_in();
    for line in ["LIST -la", "MLSD", "NLST", "LIST pub"] {
        assert!(download(&mut client, line).is_ok(), "{line}");
    }
    for line in [
        "STAT -l /",
        "SITE TIME",
        "MDTM pub/small",
        "MLST pub/small",
        "HELP",
        "PWD",
    ] {
        assert!(client.command(line).expect("a reply").code < 400, "{line}");
    }
    expect(&mut client, "RETR nothing", 550);
    expect(&mut client, "SIZE nothing", 550);
    assert!(download(&mut client, "RETR pub/small").is_ok());
    let mut other = server.greeted().expect("there is room");
    expect(&mut other, "USER root", 331);
    let refused = other.command("PASS x").expect("a reply");
    assert_eq!(refused.code, 530);
    expect(&mut client, "QUIT", 221);
    assert_eq!(touched(&watched), Vec::<OsString>::new());

    // What a client asks for is seen, so the watch was awake.
    let mut client = server.logged_in();
    assert_eq!(
        download(&mut client, "RETR etc/passwd"),
        Ok(b"trap".to_vec())
    );
    assert!(touched(&watched).contains(&"passwd".into()));
}
