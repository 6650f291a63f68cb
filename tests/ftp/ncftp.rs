//! ncftpget and ncftpput: PASV or PORT, resume by SIZE and MDTM, whole trees by NLST and LIST.

use std::process::Command;

use crate::fixture::{SIZES, Served, Way, begin};
use crate::programs::{program, run};

/// These programs know no IPv6.
const WAYS: [Way; 2] = [Way::Passive, Way::Active];

fn ncftp(name: &str, served: &Served, way: Way) -> Option<Command> {
    let mut command = program(name)?;
    command.arg(if way.is_active() { "-E" } else { "-F" });
    command.args(["-V", "-t", "10", "-r", "1", "-P", &served.port()]);
    Some(command)
}

fn get(served: &Served, way: Way, flags: &[&str], remote: &str) -> Option<()> {
    let mut command = ncftp("ncftpget", served, way)?;
    command.args(flags).arg(served.host()).arg(served.home());
    run(command.arg(remote), served.home(), "");
    Some(())
}

fn put(served: &Served, way: Way, flags: &[&str], mine: &str) -> Option<()> {
    let mut command = ncftp("ncftpput", served, way)?;
    command.args(flags).arg(served.host()).arg("/incoming");
    run(command.arg(served.mine(mine)), served.home(), "");
    Some(())
}

#[test]
fn downloads_every_size_either_way() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let name = format!("{size}.bin");
            if get(&served, way, &[], &format!("pub/{name}")).is_some() {
                served.same(&name, &format!("pub/{name}"));
            }
        }
    }
}

#[test]
fn uploads_every_size_either_way() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let name = format!("mine{size}");
            served.make_mine(&name, size);
            if put(&served, way, &[], &name).is_some() {
                served.same(&name, &format!("incoming/{name}"));
            }
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    begin(
        &served.served("pub/65536.bin"),
        &served.mine("65536.bin"),
        40_000,
    );
    if get(&served, Way::Passive, &["-z"], "pub/65536.bin").is_some() {
        served.same("65536.bin", "pub/65536.bin");
    }
}

#[test]
fn mirrors_a_tree_of_odd_names() {
    let served = Served::start(Way::Passive, &[]);
    let names = Served::plant_odd_names(&served.served("pub"), true);
    if get(&served, Way::Passive, &["-R"], "/pub").is_some() {
        for name in names {
            served.same(&format!("pub/{name}"), &format!("pub/{name}"));
        }
    }
}

#[test]
fn mirrors_a_tree_of_odd_names_to_the_server() {
    let served = Served::start(Way::Passive, &["-M"]);
    let names = Served::plant_odd_names(&served.mine("tree"), false);
    if put(&served, Way::Passive, &["-R"], "tree").is_some() {
        for name in names {
            served.same(&format!("tree/{name}"), &format!("incoming/tree/{name}"));
        }
    }
}
