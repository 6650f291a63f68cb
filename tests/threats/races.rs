//! F2: names that change under the server's hands lead nowhere outside.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Launch, Place, alone, download, upload};

/// How long the names change.
const RACE: Duration = Duration::from_secs(3);

const CANARY: &[u8] = b"CANARY: not for clients";

const INSIDE: &[u8] = b"inside";

/// `root/door` is a directory or a link to `outside`, in turns, as fast as the kernel can. Beside it `root/file` is a file or a
/// link to one outside.
fn furnish(place: &Place) {
    place.directory("root/door");
    place.directory("outside");
    place.file("root/door/f", INSIDE);
    place.file("root/file", INSIDE);
    place.file("outside/f", CANARY);
    place.file("outside/canary-name", CANARY);
    for (name, target) in [
        ("root/door-link", place.path("outside")),
        ("root/file-link", place.path("outside/f")),
    ] {
        symlink(target, place.path(name)).expect("a link");
    }
    // The served account may write everywhere, so that only the resolver stands between it and the outside.
    for name in ["root", "root/door", "outside"] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o777)).expect("a mode");
    }
}

fn flip(place: &Place, ended: &AtomicBool) -> usize {
    let pairs = ["door", "file"].map(|name| {
        (
            place.path(&format!("root/{name}")),
            place.path(&format!("root/{name}-link")),
        )
    });
    let mut flips = 0;
    while !ended.load(Ordering::SeqCst) {
        for (one, other) in &pairs {
            renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("an exchange");
            flips += 1;
        }
    }
    flips
}

/// What one client does until `ended`; gives how often it got what lies inside.
fn tries(server: &crate::support::Running, number: usize, ended: &AtomicBool) -> usize {
    let mut client = server.logged_in();
    let mut inside = 0;
    for round in 0.. {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        let (prefix, name) = match round % 3 {
            0 => ("", "door/f"),
            1 => ("", "file"),
            _ => ("", "door/../door/f"),
        };
        if let Ok(bytes) = download(&mut client, &format!("RETR {prefix}{name}")) {
            assert_eq!(bytes, INSIDE, "RETR {name}");
            inside += 1;
        }
        upload(
            &mut client,
            &format!("STOR door/new-{number}-{round}"),
            b"x",
        );
        if let Ok(listing) = download(&mut client, "LIST door") {
            assert!(
                !listing.windows(6).any(|part| part == b"canary"),
                "LIST shows the outside"
            );
        }
        if let Ok(listing) = download(&mut client, "MLSD door") {
            assert!(
                !listing.windows(6).any(|part| part == b"canary"),
                "MLSD shows the outside"
            );
        }
        let size = client.command("SIZE door/f").expect("a reply").last();
        assert!(
            size != format!("213 {}", CANARY.len()),
            "SIZE tells of the outside"
        );
        if client.command("CWD door").expect("a reply").code == 250 {
            if let Ok(bytes) = download(&mut client, "RETR f") {
                assert_eq!(bytes, INSIDE, "RETR f in door");
            }
            client
                .command(&format!("MKD dir-{number}-{round}"))
                .expect("a reply");
            client.command("CWD /").expect("a reply");
        }
    }
    inside
}

fn nothing_leads_outside(place: &Place, launch: Launch<'_>) {
    let server = launch.flags(&["-M", "--anonymousreadown"]).start();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let flipper = scope.spawn(|| flip(place, &ended));
        let (server, ended) = (&server, &ended);
        let clients: Vec<_> = (0..4)
            .map(|number| scope.spawn(move || tries(server, number, ended)))
            .collect();
        let end = Instant::now() + RACE;
        while Instant::now() < end && clients.iter().all(|client| !client.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        ended.store(true, Ordering::SeqCst);
        let flips = flipper.join().expect("the flipper");
        let inside: usize = clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .sum();
        assert!(
            flips > 1000 && inside > 10,
            "no race: {flips} flips, {inside} downloads"
        );
    });
    let outside = place.names("outside");
    assert_eq!(outside, ["canary-name", "f"], "names were made outside");
    assert_eq!(
        fs::read(place.path("outside/f")).expect("the canary"),
        CANARY
    );
}

#[test]
fn f2_exchanged_links_lead_nowhere_in_a_jail() {
    let _alone = alone();
    let place = Place::new();
    furnish(&place);
    nothing_leads_outside(&place, Launch::new(&place));
}

#[test]
fn f2_exchanged_links_lead_nowhere_without_root() {
    let _alone = alone();
    let place = Place::new();
    furnish(&place);
    nothing_leads_outside(&place, Launch::new(&place).without_root());
}
