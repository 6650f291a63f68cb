//! lftp: a login kept for many commands, FEAT, MLSD, PRET-less mirrors both ways.

use crate::fixture::{SIZES, Served, Way, begin};
use crate::programs::{program, run, sha256};

/// Its EPRT names the address `::` when the server is on loopback, which no server may connect to.
const WAYS: [Way; 3] = [Way::Passive, Way::Active, Way::Passive6];

fn lftp(served: &Served, way: Way, commands: &str) -> Option<String> {
    let passive = if way.is_active() { "off" } else { "on" };
    let script = format!(
        "set net:timeout 10\nset net:max-retries 1\nset cmd:fail-exit yes\nset ftp:passive-mode {passive}\n\
         set xfer:log no\nset mirror:set-permissions no\nopen ftp://{}\nlcd {}\n{commands}\n",
        served.address(),
        served.home().display()
    );
    let mut command = program("lftp")?;
    command.args(["--norc", "-f", "/dev/stdin"]);
    Some(run(&mut command, served.home(), &script))
}

#[test]
fn downloads_every_size_three_ways() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let got = format!("get pub/{size}.bin -o {size}");
            if lftp(&served, way, &got).is_some() {
                served.same(&size.to_string(), &format!("pub/{size}.bin"));
            }
        }
    }
}

#[test]
fn uploads_every_size_three_ways() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            served.make_mine("file", size);
            if lftp(&served, way, &format!("put file -o incoming/{size}")).is_some() {
                served.same("file", &format!("incoming/{size}"));
            }
        }
    }
}

#[test]
fn resumes_a_download() {
    let served = Served::start(Way::Passive, &[]);
    begin(&served.served("pub/65536.bin"), &served.mine("got"), 40_000);
    if lftp(&served, Way::Passive, "get -c pub/65536.bin -o got").is_some() {
        served.same("got", "pub/65536.bin");
    }
}

#[test]
fn mirrors_a_tree_of_odd_names() {
    let served = Served::start(Way::Passive, &[]);
    let names = Served::plant_odd_names(&served.served("pub"), true);
    if lftp(&served, Way::Passive, "mirror pub copy").is_some() {
        for name in names {
            served.same(&format!("copy/{name}"), &format!("pub/{name}"));
        }
    }
}

#[test]
fn mirrors_a_tree_of_odd_names_to_the_server() {
    let served = Served::start(Way::Passive, &["-M"]);
    let names = Served::plant_odd_names(&served.mine("tree"), false);
    if lftp(
        &served,
        Way::Passive,
        "mirror -R --no-perms tree incoming/tree",
    )
    .is_some()
    {
        for name in names {
            let stored = served.served(&format!("incoming/tree/{name}"));
            assert_eq!(
                sha256(&served.mine(&format!("tree/{name}"))),
                sha256(&stored)
            );
        }
    }
}

#[test]
fn downloads_one_file_in_four_pieces() {
    let served = Served::start(Way::Passive, &[]);
    if lftp(&served, Way::Passive, "pget -n 4 pub/65536.bin -o got").is_some() {
        served.same("got", "pub/65536.bin");
    }
}
