//! How the server starts, and how it refuses to: each refusal one line that says what to do, with its status of
//! sysexits(3).

use std::fs;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::support::{
    Launch, PATIENCE, Place, Running, cannot, ended, free_port, is_root, together,
};

const USAGE: i32 = 64;
const UNAVAILABLE: i32 = 69;
const PERMISSION: i32 = 77;
const CONFIGURATION: i32 = 78;

fn is_refused(launch: Launch<'_>, status: i32, parts: &[&str]) {
    let (code, said) = launch.refused();
    assert_eq!(code, Some(status), "{said}");
    assert_eq!(
        said.matches('\n').count(),
        1,
        "more or less than a line: {said:?}"
    );
    assert!(said.starts_with("wharf-ftpd: "), "{said:?}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn a_wrong_flag_or_value_is_64() {
    let _together = together();
    let place = Place::new();
    let wrong: [(&[&str], &[&str]); 7] = [
        (&["--nonsense"], &["--nonsense"]),
        (&["-c"], &["-c"]),
        (&["-c", "many"], &["-c", "many"]),
        (&["-p", "70000:70001"], &["-p", "70000:70001"]),
        (&["-p", "300:200"], &["-p", "300:200"]),
        (
            &["--allowfrom", "10.0.0.0/33"],
            &["--allowfrom", "10.0.0.0/33"],
        ),
        (&["-4", "-6", "-S", "::1,2121,x"], &["-S"]),
    ];
    for (flags, parts) in wrong {
        is_refused(Launch::new(&place).flags(flags), USAGE, parts);
    }
}

#[test]
fn a_port_that_is_taken_is_69() {
    let _together = together();
    let place = Place::new();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("its address").port();
    // As root and as the same user, it may see what this process has open.
    let holder = format!("(process {}, ", std::process::id());
    let parts = [&format!("127.0.0.1:{port}")[..], "-S", &holder];
    is_refused(Launch::new(&place).port(port), UNAVAILABLE, &parts);
}

#[test]
fn an_address_of_another_machine_is_69() {
    let _together = together();
    let place = Place::new();
    let launch = Launch::new(&place).flags(&["-S", "192.0.2.1,2121"]);
    is_refused(launch, UNAVAILABLE, &["192.0.2.1:2121"]);
}

#[test]
fn a_root_that_is_not_there_or_no_directory_is_78() {
    let _together = together();
    let place = Place::new();
    for wrong in [place.path("nowhere"), place.path("root/pub/small")] {
        let launch = Launch::new(&place).flags(&["--anonymousroot".as_ref(), wrong.as_os_str()]);
        is_refused(launch, CONFIGURATION, &[&wrong.display().to_string()]);
    }
    let launch = Launch::new(&place)
        .flags(&["--anonymousroot", "/no where"])
        .without_root();
    let cure = "/no where: No such file or directory (make it: install -d -o root -g root -m 755 '/no where')";
    is_refused(launch, CONFIGURATION, &[cure]);
}

#[test]
fn an_account_that_is_not_there_or_is_root_is_78() {
    if cannot(!is_root(), "accounts are looked up by root only") {
        return;
    }
    let _together = together();
    let place = Place::new();
    let making = "useradd --system --home-dir /srv/ftp --no-create-home --shell /usr/sbin/nologin no-such-user && \
                  install -d -o root -g root -m 755 /srv/ftp";
    for (name, cure) in [("no-such-user", making), ("root", "name another")] {
        let launch = Launch::new(&place).flags(&["--anonymoususer", name]);
        is_refused(launch, CONFIGURATION, &[name, cure, "--anonymoususer"]);
    }
    // Others who have accounts are not served under -e, so that nobody would be.
    let flags = ["-e", "-l", "unix", "--anonymoususer", "no-such-user"];
    is_refused(
        Launch::new(&place).flags(&flags),
        CONFIGURATION,
        &["useradd"],
    );
}

#[test]
fn files_of_flags_that_are_not_there_are_78() {
    let _together = together();
    let place = Place::new();
    for flag in ["--bannerfile", "-F"] {
        let launch = Launch::new(&place).flags(&[flag, "/nowhere/text"]);
        is_refused(launch, CONFIGURATION, &[flag, "/nowhere/text"]);
    }
}

#[test]
fn a_low_port_without_root_is_77() {
    let lowest = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let lowest: u16 = lowest
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024);
    if cannot(lowest <= 21, "here everybody may listen on low ports") {
        return;
    }
    let _together = together();
    let place = Place::new();
    let launch = Launch::new(&place).port(21).without_root();
    let ways = [
        "127.0.0.1:21",
        "wharf-ftpd.socket",
        "setcap cap_net_bind_service=+ep /",
        "-S 2121",
    ];
    is_refused(launch, PERMISSION, &ways);
}

#[test]
fn a_root_that_may_not_be_entered_is_77() {
    let _together = together();
    let place = Place::new();
    place.directory("shut");
    place.directory("shut/root");
    fs::set_permissions(place.path("shut"), fs::Permissions::from_mode(0o700)).expect("a mode");
    if !is_root() {
        fs::set_permissions(place.path("shut"), fs::Permissions::from_mode(0o000)).expect("a mode");
    }
    let shut = place.path("shut/root");
    let flags = ["--anonymousroot".as_ref(), shut.as_os_str()];
    let launch = Launch::new(&place).flags(&flags).without_root();
    is_refused(launch, PERMISSION, &[&shut.display().to_string()]);
    fs::set_permissions(place.path("shut"), fs::Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn help_and_version_go_to_standard_output() {
    for flags in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["--help", "-c", "3"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"))
            .args(flags)
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{flags:?}");
        assert!(output.stderr.is_empty(), "{flags:?}");
        let said = String::from_utf8(output.stdout).expect("text");
        match flags[0] {
            "--version" => assert_eq!(
                said.trim(),
                format!("wharf-ftpd {}", env!("CARGO_PKG_VERSION"))
            ),
            _ => assert!(
                said.contains("--anonymousroot") && said.contains("Network"),
                "{said}"
            ),
        }
    }
}

#[test]
fn help_for_a_reader_that_is_gone_is_no_failure() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-ftpd"));
    command.arg("--help").stdin(Stdio::null()).stdout(writer);
    let place = Place::new();
    let (status, said) = ended(&mut command, &place.path("stderr"));
    assert_eq!((status, said.as_str()), (Some(0), ""));
}

/// Whether somebody listens there.
fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

#[test]
fn each_address_family_can_be_chosen() {
    if cannot(
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err(),
        "there is no IPv6",
    ) {
        return;
    }
    let _together = together();
    let place = Place::new();
    for (flag, over_4, over_6) in [("-4", true, false), ("-6", false, true), ("-d", true, true)] {
        let port = free_port().expect("a port");
        let on_port = format!("{port}");
        let flags = ["-S", &on_port, flag];
        let mut server = Launch::new(&place).flags(&flags).start();
        let (v4, v6) = (
            ([127, 0, 0, 1], port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        );
        assert_eq!((listens(v4), listens(v6)), (over_4, over_6), "{flag}");
        assert!(server.is_alive());
    }
}

#[test]
fn port_0_is_a_port_of_the_kernels_choice() {
    let _together = together();
    let place = Place::new();
    let servers: Vec<Running> = (0..3).map(|_| Launch::new(&place).start()).collect();
    for server in &servers {
        assert_ne!(server.address().port(), 0);
        assert!(server.greeted().is_ok());
    }
}
