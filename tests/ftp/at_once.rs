//! Twenty clients at once, each with files of its own.

use std::thread;

use crate::fixture::{Served, Way};
use crate::programs::{program, run};

const CLIENTS: usize = 20;

#[test]
fn twenty_curls_download_and_upload() {
    let served = Served::start(Way::Passive, &[]);
    if program("curl").is_none() {
        return;
    }
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let served = &served;
            scope.spawn(move || one_curl(served, client));
        }
    });
    for client in 0..CLIENTS {
        served.same(&format!("got{client}"), "pub/65536.bin");
        served.same(&format!("mine{client}"), &format!("incoming/{client}"));
    }
}

fn one_curl(served: &Served, client: usize) {
    let Some(mut command) = program("curl") else {
        return;
    };
    let mine = served.make_mine(&format!("mine{client}"), 50_000 + client as u64);
    command.args(["-sS", "--fail", "--max-time", "60", "-o"]);
    command.arg(served.mine(&format!("got{client}")));
    command.arg(served.url("pub/65536.bin"));
    command.args(["--next", "-sS", "--fail", "--max-time", "60", "-T"]);
    command
        .arg(mine)
        .arg(served.url(&format!("incoming/{client}")));
    run(&mut command, served.home(), "");
}
