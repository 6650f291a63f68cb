//! A server that is killed in mid-transfer: the count it leaves is never below the truth, and the next login finds the truth.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::Signal;

use crate::client::Client;
use crate::ground::Ground;

#[test]
fn f14_a_killed_server_leaves_no_count_below_the_truth() {
    let ground = Ground::new(&["-n", "1000", "-N", "2000"]);
    for round in 0..6_u64 {
        let mut server = ground.serve(&[]);
        let (mut client, _) = Client::log_in(server.address);
        ground.assert_true();
        let (mut other, _) = Client::log_in(server.address);
        let mut data = client.begin(&format!("STOR f{round}")).expect("accepted");
        let (stop, stopped) = mpsc::channel::<()>();
        let sender = std::thread::spawn(move || {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                if data.write_all(&[b'x'; 100_000]).is_err() {
                    return;
                }
            }
        });
        for number in 0..5 {
            other.expect(&format!("MKD d{round}.{number}"), 257);
            assert_eq!(other.upload(&format!("STOR g{round}"), &[b'x'; 7000]), 226);
        }
        std::thread::sleep(Duration::from_millis(7 * round));
        server.end(Signal::KILL);
        let _ = stop.send(());
        sender.join().expect("the sender");
        drop(server);
        let (counted, there) = (ground.counted(), ground.truth());
        assert!(
            counted.0 >= there.0 && counted.1 >= there.1,
            "{counted:?} {there:?}"
        );
        assert!(ground.count().contains("reserved"), "{}", ground.count());
    }
    let server = ground.serve(&[]);
    let _client = Client::log_in(server.address);
    ground.assert_true();
}

#[test]
fn f14_a_terminated_server_leaves_the_truth() {
    let ground = Ground::new(&["-n", "9", "-N", "100"]);
    let server = ground.serve(&["--drain", "1"]);
    let (mut client, _) = Client::log_in(server.address);
    let mut data = client.begin("STOR f").expect("accepted");
    data.write_all(&[b'x'; 300_000]).expect("sent");
    drop(server);
    ground.assert_true();
}
