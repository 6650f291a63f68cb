//! L4: a disk that is full or may not be written refuses uploads, and nothing else happens.

use std::fs;

use crate::namespace::{make_read_only, mount_memory, with_mounts};
use crate::support::{Launch, Place, download, expect, together, upload};

#[test]
fn l4_a_full_disk_ends_the_upload_and_nothing_else() {
    let _together = together();
    with_mounts(|| {
        let place = Place::new();
        let _mounted = mount_memory(&place.root(), 2048);
        place.furnish();
        for (number, flags) in [&["-M"][..], &["-M", "-0"], &["-M", "-r"]]
            .iter()
            .enumerate()
        {
            let server = Launch::new(&place).flags(flags).start();
            let mut client = server.logged_in();
            let kept = vec![b'k'; 100_000];
            let name = format!("kept-{number}");
            assert_eq!(
                upload(&mut client, &format!("STOR incoming/{name}"), &kept),
                226
            );
            let before = place.names("root/incoming");
            let code = upload(&mut client, "STOR incoming/large", &vec![b'l'; 4 << 20]);
            assert!(code == 452 || code == 552, "{flags:?}: {code}");
            assert_eq!(place.names("root/incoming"), before, "{flags:?}");
            let content = fs::read(place.path(&format!("root/incoming/{name}")));
            assert!(content.expect("what was there") == kept, "{flags:?}");
            // The session lives, and the room of what failed is free again.
            expect(&mut client, "NOOP", 200);
            assert_eq!(download(&mut client, "RETR pub/small"), Ok(vec![b's'; 100]));
            let again = format!("STOR incoming/again-{number}");
            assert_eq!(
                upload(&mut client, &again, &vec![b'a'; 300_000]),
                226,
                "{flags:?}"
            );
        }
    });
}

#[test]
fn l4_text_and_appended_uploads_meet_a_full_disk_too() {
    let _together = together();
    with_mounts(|| {
        let place = Place::new();
        let _mounted = mount_memory(&place.root(), 2048);
        place.furnish();
        let server = Launch::new(&place).start();
        let mut client = server.logged_in();
        for setting in ["TYPE A", "TYPE I"] {
            expect(&mut client, setting, 200);
            for verb in ["STOR incoming/x", "STOU", "APPE incoming/y"] {
                expect(&mut client, "CWD /incoming", 250);
                let verb = verb.replace("incoming/", "");
                let code = upload(&mut client, &verb, &b"0123456789\r\n".repeat(400_000));
                assert!(code == 452 || code == 552, "{setting}, {verb}: {code}");
                assert!(place.names("root/incoming").is_empty(), "{setting}, {verb}");
            }
        }
    });
}

#[test]
fn l4_a_read_only_disk_refuses_at_once() {
    let _together = together();
    with_mounts(|| {
        let place = Place::new();
        let _mounted = mount_memory(&place.root(), 2048);
        place.furnish();
        make_read_only(&place.root());
        let server = Launch::new(&place).flags(&["-M"]).start();
        let mut client = server.logged_in();
        let code = upload(&mut client, "STOR incoming/x", b"x");
        assert!((500..600).contains(&code), "{code}");
        let made = client.command("MKD incoming/d").expect("a reply").code;
        assert!((500..600).contains(&made), "{made}");
        assert_eq!(download(&mut client, "RETR pub/small"), Ok(vec![b's'; 100]));
        expect(&mut client, "NOOP", 200);
    });
}
