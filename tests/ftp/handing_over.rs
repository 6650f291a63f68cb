//! A new server in place of the old one on a socket that is passed to both: nobody is refused and no transfer is cut short.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::{Ended, command, listener, place, with_passed};
use crate::common::client::{Client, connect_data};
use crate::common::server::Place;

/// Transfers that the old server has begun.
const TRANSFERS: usize = 20;

/// More than the sockets between server and client hold, so that each is under way until the client reads.
const SIZE: usize = 24 << 20;

/// A download of which the client has read one byte.
struct Begun {
    control: Client,
    data: TcpStream,
}

impl Begun {
    fn new(address: SocketAddr) -> Begun {
        let mut control = logged_in(address);
        assert_eq!(control.command("TYPE I").expect("a reply").code, 200);
        let at = control.ask_passive().expect("a port");
        let mut data = connect_data(at).expect("a connection");
        assert_eq!(control.command("RETR large").expect("a reply").code, 150);
        data.read_exact(&mut [0]).expect("the first byte");
        Begun { control, data }
    }

    /// How many bytes came in all, and the last reply.
    fn end(mut self) -> (usize, u16) {
        let mut buffer = vec![0; 1 << 20];
        let mut count = 1;
        while let Ok(more) = self.data.read(&mut buffer) {
            if more == 0 {
                break;
            }
            count += more;
        }
        (count, self.control.reply().map_or(0, |reply| reply.code))
    }
}

fn logged_in(address: SocketAddr) -> Client {
    let mut client = Client::connect(address).expect("nobody is refused");
    assert_eq!(client.reply().expect("a greeting").code, 220);
    assert_eq!(client.command("USER ftp").expect("a reply").code, 230);
    client
}

fn large_file(place: &Place) {
    let mut file = fs::File::create(place.root().join("large")).expect("a file");
    let part = vec![b'x'; 1 << 20];
    for _ in 0..SIZE / part.len() {
        file.write_all(&part).expect("room");
    }
}

/// Comes and goes until told to stop; how often. Who is with the old server when it is told to end is sent away, as one who does
/// nothing, but nobody who comes is refused.
fn storm(address: SocketAddr, enough: &AtomicBool) -> usize {
    let mut visits = 0;
    while !enough.load(Ordering::Relaxed) {
        let mut client = Client::connect(address).expect("nobody is refused");
        assert_eq!(client.reply().expect("a greeting").code, 220);
        let reply = client.command("QUIT").expect("a reply");
        assert!([221, 421].contains(&reply.code), "{}", reply.last());
        visits += 1;
    }
    visits
}

#[test]
fn transfers_end_in_the_old_server_while_the_new_one_takes_every_client() {
    let place = place();
    large_file(&place);
    let (listener, address) = listener();
    let socket = OwnedFd::from(listener);
    let mut command = command(&place);
    command.args(["--drain", "60"]);
    let mut old = Ended::start(&mut with_passed(&command, &socket));
    let begun: Vec<Begun> = (0..TRANSFERS).map(|_| Begun::new(address)).collect();

    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let storms: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| storm(address, &enough)))
            .collect();
        let new = Ended::start(&mut with_passed(&command, &socket));
        let pid = i32::try_from(old.0.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a number"), Signal::TERM).expect("it is there");
        let ended: Vec<_> = begun.into_iter().map(Begun::end).collect();
        old.ends_well();
        // Only the new one is left, and it serves.
        drop(logged_in(address));
        enough.store(true, Ordering::Relaxed);
        let visits: usize = storms
            .into_iter()
            .map(|storm| storm.join().expect("a storm"))
            .sum();
        assert!(visits > 0, "nobody came meanwhile");
        assert_eq!(ended, vec![(SIZE, 226); TRANSFERS]);
        drop(new);
    });
}
