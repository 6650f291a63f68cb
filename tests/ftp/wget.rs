//! wget: downloads only, trees by LIST.

use std::process::Command;

use crate::fixture::{SIZES, Served, Way, begin};
use crate::programs::{program, run};

fn wget(way: Way) -> Option<Command> {
    let mut command = program("wget")?;
    command.args(["--no-config", "-nv", "--tries=1", "--timeout=10"]);
    if way.is_active() {
        command.arg("--no-passive-ftp");
    }
    Some(command)
}

#[test]
fn downloads_every_size_every_way() {
    for way in Way::ALL {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let path = format!("pub/{size}.bin");
            let Some(mut command) = wget(way) else { return };
            command.arg("-O").arg(served.mine("got"));
            run(command.arg(served.url(&path)), served.home(), "");
            served.same("got", &path);
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    let path = "pub/65536.bin";
    begin(&served.served(path), &served.mine("65536.bin"), 40_000);
    let Some(mut command) = wget(Way::Passive) else {
        return;
    };
    command.current_dir(served.home()).arg("-c");
    run(command.arg(served.url(path)), served.home(), "");
    served.same("65536.bin", path);
}

#[test]
fn mirrors_a_tree_of_odd_names() {
    let served = Served::start(Way::Passive, &[]);
    let names = Served::plant_odd_names(&served.served("pub"), true);
    let Some(mut command) = wget(Way::Passive) else {
        return;
    };
    command.current_dir(served.home());
    command.args(["-r", "-l", "3", "-nH", "--restrict-file-names=nocontrol"]);
    run(command.arg(served.url("pub/")), served.home(), "");
    for name in names {
        served.same(&format!("pub/{name}"), &format!("pub/{name}"));
    }
}
