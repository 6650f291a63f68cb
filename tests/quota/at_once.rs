//! Many uploads at once, of one server and of two: together they never have more than the user may.

use std::io::Write;

use crate::client::Client;
use crate::ground::Ground;
use crate::server::Server;

/// Uploads files of this size with twenty clients at once, shared out among the servers; gives how many were stored.
fn storm(servers: &[&Server], size: usize) -> usize {
    let clients: Vec<_> = (0..20)
        .map(|number| Client::log_in(servers[number % servers.len()].address).0)
        .collect();
    let uploads: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| {
            std::thread::spawn(move || {
                let code = client.upload(&format!("STOR f{number}"), &vec![b'x'; size]);
                assert!([226, 552].contains(&code), "{code}");
                code == 226
            })
        })
        .collect();
    let stored = uploads
        .into_iter()
        .map(|upload| upload.join().expect("an upload"));
    stored.filter(|stored| *stored).count()
}

#[test]
fn f14_twenty_uploads_at_one_below_the_limit_of_files() {
    let ground = Ground::new(&["-n", "5", "-N", "100"]);
    for number in 0..4 {
        ground.put(&format!("old{number}"), b"x");
    }
    let server = ground.serve(&[]);
    let stored = storm(&[&server], 100_000);
    assert!(stored >= 1);
    assert_eq!(ground.truth().0, 5);
    ground.assert_true();
}

#[test]
fn f14_twenty_uploads_with_one_byte_left() {
    let ground = Ground::new(&["-n", "100", "-N", "1"]);
    ground.put("old", &vec![b'x'; (1 << 20) - 1]);
    let server = ground.serve(&[]);
    assert_eq!(storm(&[&server], 1), 1);
    assert_eq!(ground.truth(), (2, 1 << 20));
    ground.assert_true();
}

#[test]
fn f14_two_servers_hold_the_limit_together() {
    let ground = Ground::new(&["-n", "8", "-N", "1"]);
    let (one, other) = (ground.serve(&[]), ground.serve(&[]));
    storm(&[&one, &other], 200_000);
    let (files, bytes) = ground.truth();
    assert!(files <= 8 && bytes <= 1 << 20, "{files} {bytes}");
    ground.assert_true();
    let (mut client, _) = Client::log_in(one.address);
    let left = (1 << 20) - usize::try_from(bytes).expect("small");
    let mut rest = vec![b'x'; left];
    assert_eq!(client.upload("APPE f0", &rest), 226);
    rest.write_all(b"more").expect("memory");
    assert_eq!(client.upload("APPE f0", &rest), 552);
    ground.assert_true();
}
