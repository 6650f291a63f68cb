//! Debian's package: made as `cargo deb` makes it, without an error of lintian, and with programs that run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::skipping::cannot;
use crate::path;

/// The programs in it, and where the build left them.
const PROGRAMS: [(&str, &str); 7] = [
    ("usr/sbin/wharf-ftpd", env!("CARGO_BIN_EXE_wharf-ftpd")),
    ("usr/sbin/wharf-config", env!("CARGO_BIN_EXE_wharf-config")),
    ("usr/sbin/wharf-authd", env!("CARGO_BIN_EXE_wharf-authd")),
    (
        "usr/sbin/wharf-uploadscript",
        env!("CARGO_BIN_EXE_wharf-uploadscript"),
    ),
    (
        "usr/sbin/wharf-quotacheck",
        env!("CARGO_BIN_EXE_wharf-quotacheck"),
    ),
    ("usr/bin/wharf-pw", env!("CARGO_BIN_EXE_wharf-pw")),
    (
        "usr/bin/wharf-pwconvert",
        env!("CARGO_BIN_EXE_wharf-pwconvert"),
    ),
];

/// What a command says, when it succeeds.
fn said(command: &mut Command) -> String {
    let out = command.output().expect("it runs");
    let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.concat();
    assert!(out.status.success(), "{command:?}: {text}");
    text
}

fn is_there(program: &str, argument: &str) -> bool {
    let run = Command::new(program).arg(argument).output();
    run.is_ok_and(|out| out.status.success())
}

#[test]
fn debians_package_has_no_error_and_programs_that_run() {
    let lacks_tools = !is_there("cargo-deb", "--version") || !is_there("lintian", "--version");
    if cannot(lacks_tools, "cargo-deb or lintian is not installed") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // Where cargo-deb looks for a release: another build of everything would take minutes.
    let release = folder.path().join("release");
    fs::create_dir(&release).expect("a folder");
    for (place, built) in PROGRAMS {
        let name = Path::new(place).file_name().expect("a name");
        fs::copy(built, release.join(name)).expect(place);
    }
    let package = folder.path().join("wharf-ftpd.deb");
    said(
        Command::new("cargo")
            .args([
                "deb",
                "--no-build",
                "--strip",
                "--no-dbgsym",
                "--fast",
                "--output",
            ])
            .arg(&package)
            .current_dir(path("."))
            .env("CARGO_TARGET_DIR", folder.path()),
    );
    let complaints = Command::new("lintian")
        .arg("--allow-root")
        .args(["--fail-on", "error"])
        .arg(&package)
        .output()
        .expect("lintian runs");
    let text = String::from_utf8_lossy(&complaints.stdout);
    assert!(complaints.status.success(), "{text}");
    let root = folder.path().join("root");
    said(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root));
    for (place, _) in PROGRAMS {
        let name = Path::new(place).file_name().and_then(|name| name.to_str());
        let name = name.expect("text");
        let version = said(Command::new(root.join(place)).arg("--version"));
        assert!(
            version.contains(env!("CARGO_PKG_VERSION")),
            "{place}: {version}"
        );
        let page = root.join(format!("usr/share/man/man8/{name}.8.gz"));
        assert!(page.is_file(), "{}", page.display());
    }
    for unit in [
        "wharf-ftpd.service",
        "wharf-ftpd.socket",
        "wharf-ftpd-anonymous.service",
    ] {
        assert!(
            root.join("usr/lib/systemd/system").join(unit).is_file(),
            "{unit}"
        );
    }
    let fields = said(
        Command::new("dpkg-deb")
            .arg("-f")
            .arg(&package)
            .arg("Depends"),
    );
    assert!(fields.contains("libc6"), "{fields}");
    let scripts = said(Command::new("dpkg-deb").arg("-I").arg(&package));
    assert!(
        !scripts.contains("postinst"),
        "it starts nothing: {scripts}"
    );
}
