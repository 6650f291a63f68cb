//! Lines of pure-ftpd.conf, taken or refused by us and by Pure-FTPd itself.
//!
//! The server lies beside the pure-pw that `WHARF_PURE_PW` names (`.ci/test` sets it); without it the comparison is skipped.
//! Each file also binds an address that no machine has (RFC 5737), so a server that takes the file ends at once with status
//! 0, while one that does not ends with 252.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::skipping::cannot;
use crate::support::{folder, run, write};

fn pure_ftpd() -> Option<PathBuf> {
    if cannot(
        !rustix::process::geteuid().is_root(),
        "Pure-FTPd is started by root only",
    ) {
        return None;
    }
    let named = std::env::var_os("WHARF_PURE_PW").filter(|path| !path.is_empty());
    let server = named.map(|path| Path::new(&path).with_file_name("../sbin/pure-ftpd"));
    let server = server.filter(|server| server.exists());
    cannot(
        server.is_none(),
        "there is no pure-ftpd beside what WHARF_PURE_PW names",
    );
    server
}

/// Values of each form, in both syntaxes and none.
const LINES: &[&str] = &[
    "MaxClientsNumber 5",
    "maxclientsnumber=5",
    "MaxClientsNumber : 5",
    "MaxClientsNumber :5",
    "MaxClientsNumber==5",
    "MaxClientsNumber =: 5",
    "MaxClientsNumber 5 # x",
    "MaxClientsNumber5",
    "MaxClientsNumber",
    "MaxClientsNumber=",
    "MaxClientsNumber 0",
    "NoChmod YES",
    "NoChmod yess",
    "NoChmod on",
    "NoChmod true",
    "NoChmod 10",
    "NoChmod = off",
    "NoChmod nope",
    "\tNoChmod\tyes\r",
    "PassivePortRange 30000\t 50000",
    "PassivePortRange 30000:50000",
    "PassivePortRange 50000 30000",
    "Umask 133:022",
    "Umask 133 022",
    "Umask 133:",
    "Umask 133 :022",
    "UserBandwidth 8",
    "UserBandwidth 8 16",
    "UserBandwidth 8:16",
    "UserBandwidth 8 16 32",
    "UserBandwidth 0",
    "AltLog stats:/var/log/a b.log",
    "CertFileAndKey \"/etc/a b\" /etc/c",
    "CertFileAndKey /etc/a",
    "SyslogFacility local0",
    "SyslogFacility a-b",
    "SyslogFacility local0 x",
    "ForcePassiveIP a b",
    "PIDFile /run/x y",
    "Include /no/such",
    "Include",
    "Inclde x",
    "FileSystemCharset x",
    "LimitRecursion 100 8",
    "LimitRecursion -1 8",
    "TrustedIP 10.1.1.1",
    "TrustedIP x",
    "MaxLoad 4",
    "MaxLoad 4.5",
    "Quota 100:10",
    "Quota 100 10",
    "PerUserLimits 3:20",
    "AnonymousRatio 1 10",
    "AnonymousRatio 0 10",
    "TLS 0",
    "TLS 7",
    "#x",
    "   # x",
    "MinUID 0x10",
    "MinUID 010",
    "TLSCipherSuite HIGH",
    "PureDB /no such",
    "UnixAuthentication no",
];

#[test]
fn each_line_is_taken_by_both_or_by_neither() {
    let Some(server) = pure_ftpd() else {
        return;
    };
    let place = folder();
    for line in LINES {
        let text =
            format!("PAMAuthentication no\nUnixAuthentication yes\nBind 192.0.2.77,2121\n{line}\n");
        let file = write(place.path(), "a.conf", &text);
        let mut command = Command::new(&server);
        command
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let theirs = command.stderr(Stdio::null()).status().expect("pure-ftpd");
        let theirs = match theirs.code() {
            Some(0) => true,
            Some(252) => false,
            other => panic!("{line}: pure-ftpd ended with {other:?}"),
        };
        let said = run(
            place.path(),
            &["--dialect", "pureftpd", "--check", "a.conf"],
        );
        assert_eq!(said.status == 0, theirs, "{line}: {}", said.out);
    }
}
