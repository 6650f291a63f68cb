//! rclone: MLSD for everything, checks after each upload that it is there.

use std::net::IpAddr;
use std::process::Command;

use crate::fixture::{SIZES, Served, Way};
use crate::programs::{attempt, program, run};

/// rclone opens passive connections only.
const WAYS: [Way; 2] = [Way::Passive, Way::Passive6];

fn rclone(served: &Served) -> Option<Command> {
    // It takes passwords in its own disguise only.
    let mut disguise = program("rclone")?;
    let password = run(disguise.args(["obscure", "x@y"]), served.home(), "");
    let password = password.lines().next().unwrap_or_default();
    let host = match served.address().ip() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let mut command = program("rclone")?;
    command.args([
        "--config",
        "/dev/null",
        "--retries",
        "1",
        "--timeout",
        "10s",
    ]);
    command.args(["--low-level-retries", "1", "--contimeout", "10s"]);
    command.args(["--ftp-host", &host, "--ftp-port", &served.port()]);
    command.args(["--ftp-user", "anonymous", "--ftp-pass", password]);
    Some(command)
}

/// Runs an upload. Where FEAT shows MFMT, rclone wants to set the time of each file and calls it a failure when an
/// anonymous client may not; the file is there all the same.
fn store(command: &mut Command, served: &Served) {
    let (succeeded, said) = attempt(command, served.home(), "");
    assert!(succeeded || said.contains("SetModTime: 550"), "{said}");
}

#[test]
fn downloads_every_size_either_way() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let path = format!("pub/{size}.bin");
            let Some(mut command) = rclone(&served) else {
                return;
            };
            command.arg("copyto").arg(format!(":ftp:{path}"));
            run(command.arg(served.mine("got")), served.home(), "");
            served.same("got", &path);
        }
    }
}

#[test]
fn uploads_every_size_either_way() {
    for way in WAYS {
        let served = Served::start(way, &[]);
        for size in SIZES {
            let path = format!("incoming/{size}.bin");
            let file = served.make_mine("file", size);
            let Some(mut command) = rclone(&served) else {
                return;
            };
            command.arg("copyto").arg(file);
            store(command.arg(format!(":ftp:{path}")), &served);
            served.same("file", &path);
        }
    }
}

#[test]
fn mirrors_a_tree_of_odd_names() {
    let served = Served::start(Way::Passive, &[]);
    let names = Served::plant_odd_names(&served.served("pub"), true);
    let Some(mut command) = rclone(&served) else {
        return;
    };
    command.args(["copy", ":ftp:pub"]).arg(served.mine("copy"));
    run(&mut command, served.home(), "");
    for name in names {
        served.same(&format!("copy/{name}"), &format!("pub/{name}"));
    }
}

#[test]
fn mirrors_a_tree_of_odd_names_to_the_server() {
    let served = Served::start(Way::Passive, &["-M"]);
    let names = Served::plant_odd_names(&served.mine("tree"), false);
    let Some(mut command) = rclone(&served) else {
        return;
    };
    command.arg("copy").arg(served.mine("tree"));
    store(command.arg(":ftp:incoming/tree"), &served);
    for name in names {
        served.same(&format!("tree/{name}"), &format!("incoming/tree/{name}"));
    }
}
