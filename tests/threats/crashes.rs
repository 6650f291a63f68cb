//! F10: a server killed in the middle of an upload leaves the whole file or none, and the next one clears the rest away.

use std::io::Write;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::namespace::{mount_memory, with_mounts};
use crate::support::{Launch, PATIENCE, Place, alone, begin, together, within};

/// How often the server is killed.
const TIMES: u64 = 20;

/// The size of the upload that is cut short.
const SIZE: usize = 4 << 20;

/// Somewhere from 0 to `most`, spread by a multiplicative hash, so that a failure can be repeated.
fn somewhere(number: u64, most: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 32) * most) >> 32
}

fn killed_uploads(place: &Place) {
    let content: Vec<u8> = (0..SIZE).map(|at| (at % 239) as u8).collect();
    for number in 0..TIMES {
        let name = format!("incoming/{number}");
        let mut server = Launch::new(place).flags(&["-0"]).start();
        let mut client = server.logged_in();
        let mut data = begin(&mut client, &format!("STOR {name}"));
        // Some are killed while bytes come, some about the moment when the name appears.
        let sent = match number % 3 {
            0 => somewhere(number, SIZE as u64) as usize,
            _ => SIZE,
        };
        data.write_all(&content[..sent]).expect("the server reads");
        if sent == SIZE {
            drop(data);
        }
        std::thread::sleep(Duration::from_micros(somewhere(number, 3000)));
        server.signal(Signal::KILL);
        server.end_within(PATIENCE).expect("killed");
        match std::fs::read(place.root().join(&name)) {
            Ok(found) => assert!(found == content, "{name}: {} of {SIZE} bytes", found.len()),
            Err(_) => assert!(!place.root().join(&name).exists()),
        }
    }
}

/// The names that are no finished upload's.
fn remains(place: &Place) -> Vec<std::ffi::OsString> {
    let names = place.names("root/incoming").into_iter();
    let is_number = |name: &std::ffi::OsString| {
        name.to_str()
            .is_some_and(|name| name.parse::<u64>().is_ok())
    };
    names.filter(|name| !is_number(name)).collect()
}

fn are_swept(place: &Place) {
    let begun = Instant::now();
    // Files younger than a second before the start may be another server's.
    std::thread::sleep(Duration::from_millis(2100));
    let server = Launch::new(place).flags(&["-0"]).start();
    within(PATIENCE, "what killed servers left is swept", || {
        remains(place).is_empty()
    });
    assert!(server.greeted().is_ok(), "{:?}", begun.elapsed());
}

#[test]
fn f10_a_killed_server_leaves_no_half_file_under_a_final_name() {
    let _together = together();
    let place = Place::new();
    killed_uploads(&place);
    are_swept(&place);
}

#[test]
fn f10_a_killed_server_leaves_no_half_file_in_memory_either() {
    let _alone = alone();
    with_mounts(|| {
        let place = Place::new();
        let _mounted = mount_memory(&place.root(), 200 << 10);
        place.furnish();
        killed_uploads(&place);
        are_swept(&place);
    });
}

#[test]
fn f10_a_running_upload_is_not_swept_by_another_server() {
    let _alone = alone();
    let place = Place::new();
    let server = Launch::new(&place).flags(&["-0"]).start();
    let mut client = server.logged_in();
    let mut data = begin(&mut client, "STOR incoming/slow");
    data.write_all(&[b'u'; 100_000]).expect("the server reads");
    std::thread::sleep(Duration::from_millis(2100));
    let other = Launch::new(&place).flags(&["-0"]).start();
    assert!(other.greeted().is_ok());
    std::thread::sleep(Duration::from_millis(300));
    drop(data);
    crate::support::expect_reply(&mut client, 226);
    let size = std::fs::metadata(place.path("root/incoming/slow"))
        .expect("the upload")
        .len();
    assert_eq!(size, 100_000);
}
