//! The clients people use.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::programs::{attempt, program, run, sha256};
use crate::fixture::{SIZE, Served, content, fill};

const LARGE: usize = 100 << 20;

fn curl(served: &Served) -> Option<Command> {
    let mut command = program("curl")?;
    command.args(["--silent", "--show-error", "--fail", "--max-time", "100"]);
    command.arg("--cacert").arg(served.mine("server.crt"));
    Some(command)
}

fn url(served: &Served, scheme: &str, path: &str) -> String {
    format!("{scheme}://localhost:{}/{path}", served.port())
}

/// Fetches and stores, with these arguments of curl.
fn round(
    served: &Served,
    scheme: &str,
    arguments: &[&str],
    file: &Path,
    stored: &str,
) -> Option<()> {
    let wanted = fs::read(file).expect("the file");
    let mut upload = curl(served)?;
    upload.args(arguments).arg("-T").arg(file);
    run(upload.arg(url(served, scheme, stored)), served.home(), "");
    assert_eq!(
        sha256(file),
        sha256(&served.served(stored)),
        "{arguments:?}"
    );
    let mut download = curl(served)?;
    download.args(arguments).arg("-o").arg(served.mine("got"));
    fs::write(served.served("pub/again"), &wanted).expect("a file");
    run(
        download.arg(url(served, scheme, "pub/again")),
        served.home(),
        "",
    );
    assert_eq!(sha256(file), sha256(&served.mine("got")), "{arguments:?}");
    Some(())
}

const VERSIONS: [&[&str]; 2] = [
    &["--tlsv1.2", "--tls-max", "1.2", "--ssl-reqd"],
    &["--tlsv1.3", "--ssl-reqd"],
];

#[test]
fn curl_moves_every_size_in_both_versions_also_where_resuming_is_required() {
    for flags in [&["-Y", "3"][..], &["-Y", "3", "--requiretlsreuse"]] {
        let served = Served::start(flags);
        for (number, version) in VERSIONS.iter().enumerate() {
            for size in [0, 1, 5 << 20] {
                let file = served.mine("file");
                fill(&file, size);
                round(
                    &served,
                    "ftp",
                    version,
                    &file,
                    &format!("incoming/{number}-{size}"),
                );
            }
        }
    }
}

#[test]
fn curl_moves_100_mib_in_both_versions() {
    let served = Served::start(&["-Y", "2"]);
    let file = served.mine("file");
    fill(&file, LARGE);
    for (number, version) in VERSIONS.iter().enumerate() {
        round(
            &served,
            "ftp",
            version,
            &file,
            &format!("incoming/{number}"),
        );
    }
}

#[test]
fn curl_comes_to_an_implicit_port() {
    let served = Served::start(&["--implicittls"]);
    let file = served.mine("file");
    fill(&file, SIZE);
    round(&served, "ftps", &["--tlsv1.3"], &file, "incoming/passive");
}

#[test]
fn curl_without_tls_is_refused_where_the_server_insists() {
    let served = Served::start(&["-Y", "2"]);
    let Some(mut command) = curl(&served) else {
        return;
    };
    let (succeeded, _) = attempt(
        command.arg(url(&served, "ftp", "pub/file")),
        served.home(),
        "",
    );
    assert!(!succeeded);
}

#[test]
fn lftp_lists_fetches_and_stores() {
    for flags in [&["-Y", "3"][..], &["-Y", "3", "--requiretlsreuse"]] {
        let served = Served::start(flags);
        let Some(mut lftp) = program("lftp") else {
            return;
        };
        let file = served.mine("file");
        fill(&file, 5 << 20);
        let script = format!(
            "set net:max-retries 1; set net:timeout 20; set cmd:fail-exit true; set ssl:ca-file {ca}; set ftp:ssl-force true; \
             set ftp:ssl-allow-anonymous true; set ftp:ssl-protect-data true; set ftp:ssl-protect-list true; \
             open -p {port} localhost; ls pub; get pub/file -o {got}; put {file} -o incoming/one; put {file} -o incoming/two; \
             mirror pub {mirror}; bye",
            ca = served.mine("server.crt").display(),
            port = served.port(),
            got = served.mine("got").display(),
            file = file.display(),
            mirror = served.mine("mirror").display(),
        );
        let said = run(lftp.arg("-c").arg(script), served.home(), "");
        assert!(said.contains("300000"), "{said}");
        assert!(fs::read(served.mine("got")).expect("the file") == content(SIZE));
        assert!(fs::read(served.mine("mirror/file")).expect("the file") == content(SIZE));
        for stored in ["incoming/one", "incoming/two"] {
            assert_eq!(sha256(&file), sha256(&served.served(stored)), "{stored}");
        }
    }
}

#[test]
fn openssl_finds_the_certificate_behind_starttls() {
    let served = Served::start(&["-Y", "1"]);
    for version in ["-tls1_2", "-tls1_3"] {
        let Some(mut openssl) = program("openssl") else {
            return;
        };
        let said = run(
            openssl
                .args([
                    "s_client",
                    "-starttls",
                    "ftp",
                    "-crlf",
                    version,
                    "-verify_return_error",
                ])
                .args(["-servername", "localhost", "-CAfile"])
                .arg(served.mine("server.crt"))
                .arg("-connect")
                .arg(served.address().to_string()),
            served.home(),
            "QUIT\r\n",
        );
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    }
    for version in ["-tls1", "-tls1_1"] {
        let Some(mut openssl) = program("openssl") else {
            return;
        };
        let (succeeded, said) = attempt(
            openssl
                .args([
                    "s_client",
                    "-starttls",
                    "ftp",
                    version,
                    "-cipher",
                    "ALL:@SECLEVEL=0",
                ])
                .arg("-connect")
                .arg(served.address().to_string()),
            served.home(),
            "QUIT\r\n",
        );
        assert!(!succeeded, "{said}");
    }
}

/// `prot_p`, whose uploads end with an unwrap() that waits for the server's own goodbye.
const PYTHON: &str = r#"
import ftplib, io, ssl, sys
port, ca, version = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
ftp = ftplib.FTP_TLS(context=context, timeout=20)
ftp.connect('localhost', port)
ftp.login()
ftp.prot_p()
assert 'file' in ' '.join(ftp.nlst('pub')), 'nlst'
got = io.BytesIO()
ftp.retrbinary('RETR pub/file', got.write)
body = got.getvalue()
for size in (0, 1, len(body)):
    name = 'incoming/%s-%d' % (version, size)
    reply = ftp.storbinary('STOR ' + name, io.BytesIO(body[:size]))
    assert reply.startswith('226'), reply
    assert ftp.size(name) == size, name
lines = []
ftp.retrlines('LIST incoming', lines.append)
assert len(lines) >= 3, lines
ftp.quit()
print(len(body))
"#;

#[test]
fn pythons_ftplib_protects_its_data() {
    let served = Served::start(&["-Y", "3"]);
    let script = served.mine("client.py");
    fs::write(&script, PYTHON).expect("a script");
    for version in ["TLSv1_2", "TLSv1_3"] {
        let Some(mut python) = program("python3") else {
            return;
        };
        let said = run(
            python
                .arg(&script)
                .arg(served.port().to_string())
                .arg(served.mine("server.crt"))
                .arg(version),
            served.home(),
            "",
        );
        assert!(said.contains(&SIZE.to_string()), "{said}");
        let stored =
            fs::read(served.served(&format!("incoming/{version}-{SIZE}"))).expect("stored");
        assert!(stored == content(SIZE));
    }
}

/// GnuTLS; it resumes by itself.
#[test]
fn wget_fetches_by_ftps() {
    for flags in [&["-Y", "3"][..], &["-Y", "3", "--requiretlsreuse"]] {
        let served = Served::start(flags);
        let Some(mut wget) = program("wget") else {
            return;
        };
        run(
            wget.args(["--quiet", "--tries=1", "--timeout=20", "-O"])
                .arg(served.mine("got"))
                .arg(format!(
                    "--ca-certificate={}",
                    served.mine("server.crt").display()
                ))
                .arg(url(&served, "ftps", "pub/file")),
            served.home(),
            "",
        );
        assert!(fs::read(served.mine("got")).expect("the file") == content(SIZE));
    }
}

/// Go; it has several connections at once.
#[test]
fn rclone_copies_there_and_back() {
    let served = Served::start(&["-Y", "3", "--anonymousreadown"]);
    let mine = served.mine("many");
    fs::create_dir(&mine).expect("a directory");
    for number in 0..8 {
        fill(&mine.join(number.to_string()), number * 100_000);
    }
    let Some(mut disguise) = program("rclone") else {
        return;
    };
    // It takes passwords in its own disguise only.
    let password = run(disguise.args(["obscure", "x@y"]), served.home(), "");
    let password = password.lines().next().expect("a password");
    for (from, to) in [("many", ":ftp:incoming"), (":ftp:incoming", "back")] {
        let Some(mut rclone) = program("rclone") else {
            return;
        };
        let path = |name: &str| match name.starts_with(':') {
            true => name.to_owned(),
            false => served.mine(name).display().to_string(),
        };
        run(
            rclone
                .args(["copy", "--retries", "1", "--timeout", "20s"])
                .args(["--ftp-explicit-tls", "--ftp-no-check-certificate"])
                .args(["--ftp-host", "127.0.0.1", "--ftp-user", "anonymous"])
                .args(["--ftp-pass", password])
                .arg(format!("--ftp-port={}", served.port()))
                .args([path(from), path(to)]),
            served.home(),
            "",
        );
    }
    for number in 0..8 {
        let back = served.mine("back").join(number.to_string());
        assert_eq!(sha256(&mine.join(number.to_string())), sha256(&back));
    }
}
