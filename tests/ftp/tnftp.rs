//! tnftp, the `ftp` of NetBSD: fetches URLs, stores with -u, and has the classic prompt.

use std::process::Command;

use crate::fixture::{SIZES, Served, Way, begin, with_peer};
use crate::programs::{program, run};

fn tnftp(way: Way) -> Option<Command> {
    let mut command = program("tnftp")?;
    command.args(["-V", "-q", "10", if way.is_active() { "-A" } else { "-p" }]);
    Some(command)
}

fn download(served: &Served, way: Way, flags: &[&str], path: &str) -> Option<()> {
    let mut command = tnftp(way)?;
    command.args(flags).arg("-o").arg(served.mine("got"));
    run(command.arg(served.url(path)), served.home(), "");
    Some(())
}

#[test]
fn downloads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let path = format!("pub/{size}.bin");
            if download(&served, way, &[], &path).is_some() {
                served.same("got", &path);
            }
        }
    }
}

#[test]
fn uploads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let file = served.make_mine("file", size);
            let path = format!("incoming/{size}.bin");
            let Some(mut command) = tnftp(way) else {
                return;
            };
            command.arg("-u").arg(served.url(&path)).arg(file);
            run(&mut command, served.home(), "");
            served.same("file", &path);
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    begin(&served.served("pub/65536.bin"), &served.mine("got"), 40_000);
    if download(&served, Way::Passive, &["-R"], "pub/65536.bin").is_some() {
        served.same("got", "pub/65536.bin");
    }
}

#[test]
fn fetches_many_files_from_its_prompt() {
    if with_peer("Pure-FTPd's NLST takes no pattern") {
        return;
    }
    let served = Served::start(Way::Passive, &[]);
    let Some(mut command) = tnftp(Way::Passive) else {
        return;
    };
    command.current_dir(served.home());
    command.args(["-i", "-n", &served.host(), &served.port()]);
    let commands = "user anonymous x@y\nbinary\ncd pub\nmget *.bin\nquit\n";
    run(&mut command, served.home(), commands);
    for size in SIZES {
        served.same(&format!("{size}.bin"), &format!("pub/{size}.bin"));
    }
}
