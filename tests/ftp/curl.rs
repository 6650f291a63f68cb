//! curl: by URL, EPSV and EPRT first, PASV and PORT after.

use std::path::Path;
use std::process::Command;

use crate::fixture::{SIZES, Served, Way, begin, fill};
use crate::programs::{program, run, sha256};

const LARGE: u64 = 300 << 20;

fn curl(way: Way) -> Option<Command> {
    let mut command = program("curl")?;
    command.args(["--silent", "--show-error", "--fail", "--max-time", "100"]);
    if way.is_active() {
        command.args(["--ftp-port", "-"]);
    }
    Some(command)
}

fn download(served: &Served, way: Way, path: &str, extra: &[&str]) -> Option<()> {
    let mut command = curl(way)?;
    command.args(extra).arg("-o").arg(served.mine("got"));
    run(command.arg(served.url(path)), served.home(), "");
    served.same("got", path);
    Some(())
}

fn upload(served: &Served, way: Way, file: &Path, path: &str) -> Option<()> {
    let mut command = curl(way)?;
    command.arg("-T").arg(file).arg(served.url(path));
    run(&mut command, served.home(), "");
    assert_eq!(sha256(file), sha256(&served.served(path)), "{path}");
    Some(())
}

#[test]
fn downloads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            download(&served, way, &format!("pub/{size}.bin"), &[]);
        }
    }
}

#[test]
fn uploads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let file = served.make_mine("file", size);
            upload(&served, way, &file, &format!("incoming/{size}.bin"));
        }
    }
}

#[test]
fn downloads_300_mib() {
    let served = Served::start(Way::Passive, &[]);
    fill(&served.served("pub/large"), LARGE);
    download(&served, Way::Passive, "pub/large", &[]);
}

#[test]
fn uploads_300_mib() {
    let served = Served::start(Way::Passive, &[]);
    let file = served.make_mine("large", LARGE);
    upload(&served, Way::Passive, &file, "incoming/large");
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    begin(&served.served("pub/65536.bin"), &served.mine("got"), 40_000);
    download(&served, Way::Passive, "pub/65536.bin", &["-C", "-"]);
}

#[test]
fn downloads_with_pasv_and_port_alone() {
    for (way, flag) in [
        (Way::Passive, "--disable-epsv"),
        (Way::Active, "--disable-eprt"),
    ] {
        let served = Served::start(way, &[]);
        download(&served, way, "pub/65536.bin", &[flag]);
    }
}

#[test]
fn finds_files_in_either_method_of_changing_directories() {
    let served = Served::start(Way::Passive, &[]);
    for method in ["multicwd", "singlecwd", "nocwd"] {
        download(
            &served,
            Way::Passive,
            "pub/65536.bin",
            &["--ftp-method", method],
        );
    }
}

#[test]
fn downloads_odd_names() {
    let served = Served::start(Way::Passive, &[]);
    for name in Served::plant_odd_names(&served.served("pub"), true) {
        download(&served, Way::Passive, &format!("pub/{name}"), &[]);
    }
}

#[test]
fn says_that_a_file_is_missing() {
    let served = Served::start(Way::Passive, &[]);
    let Some(mut command) = curl(Way::Passive) else {
        return;
    };
    command.arg("-o").arg(served.mine("got"));
    command.arg(served.url("pub/nope"));
    let (succeeded, said) = crate::programs::attempt(&mut command, served.home(), "");
    assert!(!succeeded && said.contains("78"), "{said}");
}
