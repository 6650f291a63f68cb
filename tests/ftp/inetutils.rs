//! The ftp of GNU inetutils, driven by its prompt.

use crate::fixture::{SIZES, Served, Way, begin, with_peer};
use crate::programs::{program, run};

/// Its way of choosing addresses is by host name; the loopback address of IPv4 is what it can be given.
const WAYS: [Way; 2] = [Way::Passive, Way::Active];

fn ftp(served: &Served, way: Way, commands: &str) -> Option<String> {
    let mut command = program("inetutils-ftp")?;
    if !way.is_active() {
        command.arg("-p");
    }
    command.args(["-n", "-i", "-v", &served.host(), &served.port()]);
    command.current_dir(served.home());
    let input = format!("user anonymous x@y\nbinary\n{commands}\nbye\n");
    Some(run(&mut command, served.home(), &input))
}

#[test]
fn downloads_every_size_either_way() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let path = format!("pub/{size}.bin");
            if ftp(&served, way, &format!("get {path} got{size}")).is_some() {
                served.same(&format!("got{size}"), &path);
            }
        }
    }
}

#[test]
fn uploads_every_size_either_way() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            served.make_mine("file", size);
            if ftp(&served, way, &format!("put file incoming/{size}")).is_some() {
                served.same("file", &format!("incoming/{size}"));
            }
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    begin(&served.served("pub/65536.bin"), &served.mine("got"), 40_000);
    if ftp(&served, Way::Passive, "reget pub/65536.bin got").is_some() {
        served.same("got", "pub/65536.bin");
    }
}

#[test]
fn lists_and_fetches_many_files() {
    if with_peer("Pure-FTPd's NLST takes no pattern") {
        return;
    }
    let served = Served::start(Way::Passive, &[]);
    let Some(said) = ftp(&served, Way::Passive, "cd pub\nls\nnlist\nmget *.bin") else {
        return;
    };
    assert!(said.contains("65536"), "{said}");
    for size in SIZES {
        served.same(&format!("{size}.bin"), &format!("pub/{size}.bin"));
    }
}
