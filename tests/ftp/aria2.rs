//! aria2: downloads only, one file in several pieces.

use std::process::Command;

use crate::fixture::{SIZES, Served, Way, begin, fill};
use crate::programs::{program, run};

fn aria2(served: &Served, way: Way) -> Option<Command> {
    let mut command = program("aria2c")?;
    command.args(["--no-conf", "--quiet", "--max-tries=1"]);
    // A 226 that comes in one packet with the 150 is not seen by aria2 1.36 until this time is over.
    command.arg("--timeout=2");
    command.args(["--file-allocation=none", "--allow-overwrite=true", "-d"]);
    command.arg(served.home());
    command.arg(format!("--ftp-pasv={}", !way.is_active()));
    Some(command)
}

fn download(served: &Served, way: Way, flags: &[&str], path: &str) {
    let Some(mut command) = aria2(served, way) else {
        return;
    };
    command.args(flags).args(["-o", "got"]);
    run(command.arg(served.url(path)), served.home(), "");
    served.same("got", path);
}

#[test]
fn downloads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            download(&served, way, &[], &format!("pub/{size}.bin"));
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    begin(&served.served("pub/65536.bin"), &served.mine("got"), 40_000);
    download(&served, Way::Passive, &["-c"], "pub/65536.bin");
}

#[test]
fn downloads_one_file_in_four_pieces() {
    let served = Served::start(Way::Passive, &[]);
    fill(&served.served("pub/large"), 8 << 20);
    download(&served, Way::Passive, &["-x4", "-s4", "-k1M"], "pub/large");
}

#[test]
fn downloads_odd_names() {
    let served = Served::start(Way::Passive, &[]);
    for name in Served::plant_odd_names(&served.served("pub"), true) {
        download(&served, Way::Passive, &[], &format!("pub/{name}"));
    }
}
