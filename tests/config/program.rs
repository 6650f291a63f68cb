//! The program's options, what it does to descriptors, and whom it trusts.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{PROGRAM, Said, folder, run, script, write};

const FILE: &str = "MaxClientsNumber 5\nAnonymousOnly yes\nBonjour x\n";

/// A folder with a configuration and a server that prints its arguments, one a line.
fn ground(text: &str) -> tempfile::TempDir {
    let place = folder();
    write(place.path(), "a.conf", text);
    script(
        place.path(),
        "server",
        "for word; do echo \"$word\"; done; exit 7",
    );
    place
}

#[test]
fn print_shows_the_command_line_quoted_for_the_shell() {
    let place = ground("AnonymousOnly yes\nFortunesFile /usr/share/it's here\n");
    let said = run(
        place.path(),
        &["--print", "--server", "./server", "a.conf", "--", "-I", "5"],
    );
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert_eq!(said.out, "./server -e -F '/usr/share/it'\\''s here' -I 5\n");
}

#[test]
fn printlines_names_the_line_each_flag_came_from_and_explain_says_what_it_does() {
    let place = ground(FILE);
    let said = run(
        place.path(),
        &["--printlines", "--explain", "a.conf", "--", "-H"],
    );
    assert_eq!(
        said.out,
        "-c 5\t# a.conf:1: MaxClientsNumber\n    Serve at most this many clients at once\n\
         -e\t# a.conf:2: AnonymousOnly\n    Serve anonymous sessions only\n-H\t# command line\n"
    );
    let said = run(place.path(), &["--explain", "a.conf"]);
    assert!(
        said.out.starts_with("-c 5\n    Serve at most"),
        "{}",
        said.out
    );
}

#[test]
fn check_says_what_is_fine_ignored_and_refused_and_starts_nothing() {
    let place = ground("NoChmod no\nMaxLoad x\nNoRename yes\nNoSuch 1\n");
    let said = run(place.path(), &["--check", "--server", "./server", "a.conf"]);
    assert_eq!((said.status, said.err.as_str()), (78, ""));
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[0], "fine: a.conf:1: NoChmod: off, as without it");
    assert!(
        lines[1].starts_with("refused: a.conf:2: MaxLoad: 'x' is no value for it; write a whole")
    );
    assert_eq!(lines[2], "fine: a.conf:3: NoRename: -G");
    assert!(lines[3].starts_with("refused: a.conf:4: NoSuch: unknown setting; "));
    write(place.path(), "a.conf", FILE);
    let said = run(place.path(), &["--check", "a.conf"]);
    assert_eq!(said.status, 0);
    assert!(said.out.contains(": a.conf:3: Bonjour: "), "{}", said.out);
}

#[test]
fn the_server_takes_the_place_of_the_program_with_further_flags_last() {
    let place = ground(FILE);
    let said = run(
        place.path(),
        &["--server", "./server", "a.conf", "--", "-c", "6"],
    );
    assert_eq!(said.status, 7);
    assert!(said.out.starts_with("-c\n5\n-e\n"), "{}", said.out);
    assert!(said.out.ends_with("-c\n6\n"), "{}", said.out);
    let child = Command::new(PROGRAM)
        .args(["--server", "./pid", "a.conf"])
        .current_dir({
            script(place.path(), "pid", "echo $$");
            place.path()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("wharf-config");
    let number = child.id();
    let out = child.wait_with_output().expect("its end").stdout;
    assert_eq!(String::from_utf8_lossy(&out).trim(), number.to_string());
}

#[test]
fn the_server_is_found_beside_the_program_and_in_path() {
    let place = ground(FILE);
    let said = run(place.path(), &["--print", "a.conf"]);
    assert!(said.out.contains("/wharf-ftpd -c 5 -e"), "{}", said.out);
    let said = run(place.path(), &["--server", "./none", "a.conf"]);
    assert_eq!(said.status, 69, "{}", said.err);
    // A copy with no server beside it.
    let copy = place.path().join("alone/wharf-config");
    fs::create_dir(place.path().join("alone")).expect("folder");
    fs::copy(PROGRAM, &copy).expect("copy");
    fs::create_dir(place.path().join("bin")).expect("folder");
    script(&place.path().join("bin"), "wharf-ftpd", "echo here");
    for (path, status) in [("bin:/nowhere", 0), ("/nowhere", 69)] {
        let path = place.path().join(path).display().to_string();
        let mut command = Command::new(&copy);
        command
            .arg("a.conf")
            .current_dir(place.path())
            .env("PATH", path);
        let said = Said::of(command.output().expect("wharf-config"));
        assert_eq!(said.status, status, "{}", said.err);
    }
}

#[test]
fn flags_that_exclude_each_other_are_refused_before_anything_runs() {
    let place = ground("AnonymousOnly yes\nIPV4Only yes\n");
    let said = run(
        place.path(),
        &["--server", "./server", "a.conf", "--", "-6"],
    );
    assert_eq!((said.status, said.out.as_str()), (78, ""));
    assert_eq!(
        said.err,
        "wharf-config: -4 and -6: expected one of them at most\n"
    );
}

#[test]
fn a_wrong_command_line_ends_in_one_line_with_status_64() {
    let place = ground(FILE);
    for words in [
        &[] as &[&str],
        &["--nonsense", "a.conf"],
        &["a.conf", "b.conf"],
        &["--dialect", "apache", "a.conf"],
        &["--host", "x", "a.conf"],
    ] {
        let said = run(place.path(), words);
        assert_eq!(said.status, 64, "{words:?}: {}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        assert!(said.err.starts_with("wharf-config: "), "{}", said.err);
    }
    let said = run(place.path(), &["--dialect", "list"]);
    assert!(said.out.contains("pureconfig"), "{}", said.out);
    assert!(run(place.path(), &["--help"]).out.contains("--printlines"));
}

#[test]
fn files_that_are_missing_or_no_files_are_refused() {
    let place = ground(FILE);
    for (name, status) in [("none.conf", 66), ("/dev/null", 66)] {
        let said = run(place.path(), &["--check", name]);
        assert_eq!(said.status, status, "{name}: {}", said.err);
    }
    let pipe = place.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo")
            .success()
    );
    assert_eq!(run(place.path(), &["--check", "pipe"]).status, 66);
    write(place.path(), "large.conf", &"# nothing\n".repeat(200_000));
    assert_eq!(
        run(place.path(), &["--dialect", "pureftpd", "large.conf"]).status,
        78
    );
}

#[test]
fn a_file_that_others_could_have_written_is_refused() {
    let place = ground(FILE);
    let path = place.path().join("a.conf");
    for mode in [0o664, 0o646] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
        let said = run(place.path(), &["--print", "a.conf"]);
        assert_eq!(said.status, 78);
        let expected = format!(
            "wharf-config: a.conf: others can write it (mode {mode:04o}); chmod go-w a.conf\n"
        );
        assert_eq!(said.err, expected);
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode");
    write(
        place.path(),
        "outer.conf",
        "AnonymousOnly yes\nInclude a.conf\n",
    );
    assert_eq!(run(place.path(), &["--print", "outer.conf"]).status, 0);
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: files can be given away by root only");
    }
    std::os::unix::fs::chown(&path, Some(65534), None).expect("chown");
    for name in ["a.conf", "outer.conf"] {
        let said = run(place.path(), &["--print", name]);
        assert_eq!(said.status, 78);
        assert!(
            said.err.contains(
                "it belongs to user 65534, who is neither root nor you; chown root a.conf"
            ),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let place = folder();
    write(place.path(), "p/conf/NoChmod", "yes\n");
    fs::create_dir(place.path().join("p/auth")).expect("folder");
    assert_eq!(run(place.path(), &["--print", "p"]).status, 0);
    for part in ["p", "p/conf", "p/auth"] {
        let path = place.path().join(part);
        fs::set_permissions(&path, Permissions::from_mode(0o777)).expect("mode");
        let said = run(place.path(), &["--print", "p"]);
        assert_eq!(said.status, 78, "{part}");
        assert!(said.err.contains("others can write it"), "{}", said.err);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("mode");
    }
}

#[test]
fn the_choices_of_debians_start_script_are_read_when_asked_for() {
    let place = folder();
    write(place.path(), "p/conf/AnonymousOnly", "yes\n");
    fs::create_dir(place.path().join("p/auth")).expect("folder");
    write(
        place.path(),
        "ordinary",
        "# x\nSTANDALONE_OR_INETD=inetd\nVIRTUALCHROOT=false\nUPLOADSCRIPT=\n",
    );
    let said = run(place.path(), &["--check", "--defaults", "ordinary", "p"]);
    assert_eq!(said.status, 0, "{}", said.out);
    let text = "STANDALONE_OR_INETD='standalone'\nVIRTUALCHROOT=\"true\"\nUPLOADSCRIPT=/bin/x\nUPLOADUID=$(id -u)\nNOSUCH=1\n";
    write(place.path(), "odd", text);
    let said = run(place.path(), &["--check", "--defaults", "odd", "p"]);
    assert_eq!(said.status, 78);
    for part in [
        ": odd:1: STANDALONE_OR_INETD: ",
        "refused: odd:2: VIRTUALCHROOT: links out of a home are never followed; mount ",
        "ignored: odd:3: UPLOADSCRIPT: start wharf-uploadscript",
        "refused: odd:4: UPLOADUID=$(id -u): no assignment of a plain value; ",
        "refused: odd:5: NOSUCH: unknown setting",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert_eq!(
        run(place.path(), &["--check", "--defaults", "missing", "p"]).status,
        78
    );
}

#[test]
fn files_that_include_each_other_end_in_one_line() {
    let place = ground("AnonymousOnly yes\nInclude b.conf\n");
    write(place.path(), "b.conf", "Include a.conf\n");
    let said = run(place.path(), &["--print", "a.conf"]);
    assert_eq!(said.status, 78);
    assert_eq!(
        said.err,
        "wharf-config: a.conf: the file includes itself, directly or through others; remove one Include\n"
    );
    // Ever new files, each including the next twice: bounded in depth and in number.
    for number in 0..16 {
        let next = format!("{}.conf", number + 1);
        write(
            place.path(),
            &format!("{number}.conf"),
            &format!("Include {next}\nInclude {next}\n"),
        );
    }
    write(place.path(), "16.conf", "AnonymousOnly yes\n");
    let said = run(
        place.path(),
        &["--dialect", "pureftpd", "--print", "0.conf"],
    );
    assert_eq!(said.status, 78);
    assert!(
        said.err.contains("include each other") || said.err.contains("too many"),
        "{}",
        said.err
    );
}

/// Runs the program as inetd would, with a connection as descriptors 0, 1 and 2, on which the client sends these lines; gives
/// what the client got, and the status.
fn under_inetd(place: &Path, words: &[&str], sent: &str) -> (String, i32) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let mut client = TcpStream::connect(listener.local_addr().expect("address")).expect("a client");
    let (server, _) = listener.accept().expect("a connection");
    let as_stdio = || Stdio::from(OwnedFd::from(server.try_clone().expect("descriptor")));
    let mut child = Command::new(PROGRAM)
        .args(words)
        .current_dir(place)
        .stdin(as_stdio())
        .stdout(as_stdio())
        .stderr(as_stdio())
        .spawn()
        .expect("wharf-config");
    drop(server);
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time limit");
    client.write_all(sent.as_bytes()).expect("commands");
    let mut got = String::new();
    client.read_to_string(&mut got).expect("text");
    (
        got,
        child.wait().expect("its end").code().expect("a status"),
    )
}

#[test]
fn under_inetd_the_client_sees_the_server_or_a_plain_421() {
    let place = ground(FILE);
    script(
        place.path(),
        "ftpd",
        "echo 220 hello; test -S /proc/self/fd/0 && echo 220 a socket",
    );
    let (got, status) = under_inetd(place.path(), &["--server", "./ftpd", "a.conf"], "");
    assert_eq!((got.as_str(), status), ("220 hello\n220 a socket\n", 0));
    for (words, expected) in [
        (["--server=./ftpd", "none.conf"], 66),
        (["--nonsense", "a.conf"], 64),
        (["--check", "a.conf"], 64),
        (["--print", "a.conf"], 64),
        (["--dialect", "list"], 64),
        (["--help", "a.conf"], 64),
    ] {
        let (got, status) = under_inetd(place.path(), &words, "");
        assert_eq!(
            (got.as_str(), status),
            ("421 Service not available\r\n", expected)
        );
    }
    write(place.path(), "a.conf", "NoSuch yes\nNoChmod maybe\n");
    let (got, status) = under_inetd(
        place.path(),
        &["--dialect", "pureftpd", "--server", "./ftpd", "a.conf"],
        "",
    );
    assert_eq!(
        (got.as_str(), status),
        ("421 Service not available\r\n", 78)
    );
}

#[test]
fn the_real_server_serves_a_client_of_inetd_from_a_file() {
    let place = ground("AnonymousOnly yes\nMaxClientsNumber 7\nDontResolve yes\n");
    let root = place.path().display().to_string();
    let words = [
        "a.conf",
        "--",
        "--anonymousroot",
        &root,
        "--anonymoususer",
        "nobody",
    ];
    let (got, status) = under_inetd(place.path(), &words, "USER ftp\r\nQUIT\r\n");
    assert_eq!(status, 0, "{got}");
    assert!(got.contains("user number 1 of 7 allowed"), "{got}");
    assert!(
        got.contains("\r\n230 ") && got.contains("\r\n221 "),
        "{got}"
    );
}
