//! Each end of the upload pipe against the other end's original. Debian's programs know one path for the pipe only, so
//! the two run in a mount namespace (unshare(1)) with a /run of their own.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::common::server::{LOOPBACK, Place, free_port, peer_argv, wharf_argv};
use crate::running::{
    Running, Uploader, eventually, give_to_account, is_root, pure, script, wharf_uploadscript,
};

/// Runs its first word with the second, and the rest of its words. The shell stays, as the kernel ends it with unshare(1) and
/// all others with it; a server that changes its user would lose that mark.
const TWO: &str = "\"$1\" -r \"$2\" & shift 2; \"$@\" & wait";

/// The same, with a /run of its own.
const TWO_IN_RUN: &str =
    "mount -t tmpfs -o mode=755 tmpfs /run && { \"$1\" -r \"$2\" & shift 2; \"$@\" & wait; }";

/// The script: notes the file and what pure-uploadscript's manual page promises.
fn noting(place: &Place) -> std::path::PathBuf {
    let program = place.beside().join("program");
    let out = place.beside().join("out");
    let body = format!(
        "printf '%s|' \"$1\" \"$UPLOAD_SIZE\" \"$UPLOAD_PERMS\" \"$UPLOAD_UID\" \"$UPLOAD_VUSER\" >>'{}'",
        out.display()
    );
    script(&program, &body);
    program
}

fn out(place: &Place) -> String {
    fs::read_to_string(place.beside().join("out")).unwrap_or_default()
}

/// Ends with all that runs in it.
fn in_namespace() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]);
    command.args(["--mount", "--propagation", "private"]);
    command
}

/// Uploads two files, and holds what was noted against them.
#[track_caller]
fn assert_noted(place: &Place, address: SocketAddr) {
    eventually("the server listens", || TcpStream::connect(address).is_ok());
    let mut client = Uploader::log_in(address, "ftp");
    assert_eq!(client.store("STOR it's $odd;", b"12345"), 226);
    assert_eq!(client.store("STOR empty", b""), 226);
    eventually("both are noted", || out(place).matches('|').count() == 10);
    let out = out(place);
    let noted: Vec<&str> = out.split('|').collect();
    let root = place.root();
    for (fields, (name, size)) in noted
        .chunks_exact(5)
        .zip([("it's $odd;", "5"), ("empty", "0")])
    {
        let path = root.join(name);
        let found = fs::metadata(&path).expect("the file");
        assert_eq!(Path::new(fields[0]), path);
        let (mode, owner) = (found.mode() & 0o7777, found.uid().to_string());
        assert_eq!(fields[1..], [size, &format!("{mode:o}"), &owner, "ftp"]);
    }
}

fn place_for_uploads() -> (Place, SocketAddr) {
    let place = Place::new().expect("a place");
    give_to_account(&place.root());
    let port = free_port(LOOPBACK).expect("a port");
    (place, SocketAddr::new(LOOPBACK, port))
}

fn listen(address: SocketAddr) -> OsString {
    format!("{},{}", address.ip(), address.port()).into()
}

#[test]
fn debians_pure_uploadscript_is_told_by_the_server() {
    let Some(pure_uploadscript) = pure("pure-uploadscript") else {
        return;
    };
    if !is_root() {
        return;
    }
    let (place, address) = place_for_uploads();
    let mut command = in_namespace();
    command.args(["sh", "-c", TWO_IN_RUN, "sh"]);
    command.arg(pure_uploadscript).arg(noting(&place));
    command.args(wharf_argv(&place)).args(["-o", "-k", "100"]);
    command.arg("-S").arg(listen(address));
    let _both = Running::start(&mut command);
    assert_noted(&place, address);
}

#[test]
fn debians_pure_ftpd_tells_wharf_uploadscript() {
    let Some(pure_ftpd) = pure("pure-ftpd") else {
        return;
    };
    if !is_root() {
        return;
    }
    let (place, address) = place_for_uploads();
    let program = noting(&place);
    let words = peer_argv(&pure_ftpd, &place).expect("the peer's words");
    let at = words.iter().position(|word| *word == pure_ftpd);
    let (before, server) = words.split_at(at.expect("the server"));
    let mut command = in_namespace();
    // What follows "unshare --mount --propagation private".
    command.args(&before[4..]);
    command.args(["sh", "-c", TWO, "sh"]);
    command.arg(wharf_uploadscript().get_program()).arg(program);
    command.args(server).args(["-o", "-S"]).arg(listen(address));
    let _both = Running::start(&mut command);
    assert_noted(&place, address);
}
