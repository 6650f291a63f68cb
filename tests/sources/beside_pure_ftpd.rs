//! Each end of the protocol of external authentication against the other end's original.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use crate::running::{
    LOGIN, Running, assert_answers, eventually, is_root, pure, script, wharf_authd,
};

#[test]
fn the_server_asks_debians_pure_authd() {
    let Some(mut pure_authd) = pure("pure-authd") else {
        return;
    };
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("socket");
    let program = script(folder.path(), LOGIN);
    let pid = folder.path().join("pid");
    pure_authd
        .arg("-s")
        .arg(&socket)
        .arg("-r")
        .arg(program)
        .arg("-p")
        .arg(pid);
    let _authd = Running::start(&mut pure_authd);
    eventually("pure-authd listens", || socket.exists());
    assert_answers(&socket);
}

#[test]
fn debians_pure_ftpd_asks_wharf_authd() {
    let Some(mut pure_ftpd) = pure("pure-ftpd") else {
        return;
    };
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("socket");
    let program = script(folder.path(), LOGIN);
    let pid = |name: &str| folder.path().join(name);
    let mut authd = wharf_authd();
    authd
        .arg("-s")
        .arg(&socket)
        .arg("-r")
        .arg(program)
        .arg("-p")
        .arg(pid("authd.pid"));
    let _authd = Running::start(&mut authd);
    eventually("wharf-authd listens", || socket.exists());

    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a port");
    pure_ftpd
        .arg("-S")
        .arg(format!("127.0.0.1,{}", address.port()));
    pure_ftpd
        .args(["-H", "-E", "-l"])
        .arg(format!("extauth:{}", socket.display()));
    pure_ftpd.arg("-g").arg(pid("ftpd.pid"));
    let _server = Running::start(&mut pure_ftpd);
    eventually("pure-ftpd listens", || TcpStream::connect(address).is_ok());

    let login = |password: &str| {
        let mut stream = TcpStream::connect(address).expect("connected");
        let commands = format!("USER joe\r\nPASS {password}\r\nQUIT\r\n");
        let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
        let mut codes = Vec::new();
        for command in commands.split_inclusive('\n') {
            codes.push(final_code(&mut lines));
            stream.write_all(command.as_bytes()).expect("sent");
        }
        codes
    };
    assert_eq!(login("se cret"), ["220", "331", "230"]);
    assert_eq!(login("secret"), ["220", "331", "530"]);
}

/// The code of the next whole reply.
fn final_code(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> String {
    for line in lines {
        let line = line.expect("a line");
        if line.as_bytes().get(3) == Some(&b' ') {
            return line[..3].to_owned();
        }
    }
    panic!("the server ended the connection");
}
