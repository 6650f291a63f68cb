use super::PROFTPD;
use crate::wrapper::dialects::translate_bytes;
use crate::wrapper::translation::Outcome;

/// What every file gets unless it says otherwise, in the order of the flags.
const DEFAULTS: [&str; 9] = [
    "-S ,21",
    "-E",
    "-l unix",
    "-U 133:022",
    "--nooverwrite",
    "--nostorerestart",
    "--idletimeout 300",
    "--logintimeout 300",
    "--datatimeout 3600",
];

fn all(text: &str) -> Result<Vec<String>, Vec<String>> {
    let translation = translate_bytes(&PROFTPD, text.as_bytes());
    let refused = translation.refusals();
    if !refused.is_empty() {
        return Err(refused);
    }
    translation.check(&[]).expect("flags that fit together");
    let flags = translation.flags.iter().map(|flag| {
        let words: Vec<String> = flag
            .words()
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        words.join(" ")
    });
    Ok(flags.collect())
}

/// Flags besides the usual ones, or what was refused.
fn of(text: &str) -> String {
    match all(text) {
        Ok(flags) => {
            let beyond = flags
                .into_iter()
                .filter(|flag| !DEFAULTS.contains(&flag.as_str()));
            beyond.collect::<Vec<_>>().join(" ")
        }
        Err(lines) => lines.join("\n"),
    }
}

/// Whether all these flags come out.
fn has(text: &str, flags: &[&str]) {
    let found = all(text).unwrap_or_else(|lines| panic!("{text}: {lines:?}"));
    for flag in flags {
        assert!(found.iter().any(|other| other == flag), "{text}: {found:?}");
    }
}

#[test]
fn what_proftpd_denies_without_being_told_becomes_flags() {
    has("ServerName x\n", &DEFAULTS);
    assert_eq!(of(""), "");
}

#[test]
fn names_are_taken_in_any_case_and_unknown_ones_refused_with_the_nearest() {
    has("allowOVERWRITE ON\nport 2121", &["-S ,2121"]);
    let flags = all("AllowOverwrite on\n").expect("flags");
    assert!(!flags.contains(&"--nooverwrite".to_owned()), "{flags:?}");
    assert_eq!(
        of("AllowOverwrit on"),
        "file:1: AllowOverwrit: unknown setting; did you mean AllowOverwrite?"
    );
    assert!(of("<Limt WRITE>\n</Limt>").contains("did you mean <Limit>?"));
    assert!(of("Umask").contains("its value is missing"));
    assert!(of("Umask 999").contains("octal"));
    assert!(of("AllowOverwrite maybe").contains("write on or off"));
}

#[test]
fn conditions_hold_as_in_proftpd() {
    let text = "<IfDefine X>\nUmask 077\n</IfDefine>\n<IfDefine !X>\nUmask 027\n</IfDefine>\n";
    has(text, &["-U 137:027"]);
    has(&format!("Define X\n{text}"), &["-U 177:077"]);
    has(
        "<IfModule mod_core.c>\nUmask 077\n<IfModule !mod_xfer.c>\nNonsense\n</IfModule>\n</IfModule>",
        &["-U 177:077"],
    );
    has(
        "<IfModule mod_quotatab.c>\nQuotaEngine off\n</IfModule>",
        &[],
    );
    has(
        "<IfModule mod_dso.c>\n<IfModule !mod_sql.c>\nLoadModule mod_sql.c\n</IfModule>\n</IfModule>",
        &[],
    );
    for depends in ["mod_quotatab.c", "!mod_quotatab.c"] {
        let said = of(&format!("<IfModule {depends}>\nUmask 077\n</IfModule>"));
        assert!(said.contains("depends on mod_quotatab"), "{said}");
    }
    has(
        "LoadModule mod_tls.c\n<IfModule mod_tls.c>\nUmask 077\n</IfModule>",
        &["-U 177:077"],
    );
    assert!(of("<IfModule mod_tls.c>\n").contains("no </ifmodule> closes it"));
    assert!(of("</Limit>\n").contains("closes no section"));
}

#[test]
fn limits_for_everybody_become_flags() {
    has("<Limit WRITE>\nDenyAll\n</Limit>", &["--readonly"]);
    has("<Limit SITE_CHMOD>\nDenyAll\n</Limit>", &["-R"]);
    has("<Limit DELE>\n Deny from all\n</Limit>", &["-K"]);
    has("<Limit RNFR RNTO>\nDenyAll\n</Limit>", &["-G"]);
    has("<Limit EPSV PASV>\nDenyAll\n</Limit>", &["-N"]);
    has("<Limit PORT EPRT>\nDenyAll\n</Limit>", &["--noactive"]);
    has(
        "<Directory /*>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Directory>",
        &["--readonly"],
    );
    has(
        "<Global>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Global>",
        &["--readonly"],
    );
    // The nearer one, the later one and the name before its group.
    assert_eq!(
        of(
            "<Global>\n<Limit DELE>\nDenyAll\n</Limit>\n</Global>\n<Limit DELE>\nAllowAll\n</Limit>"
        ),
        ""
    );
    assert_eq!(
        of("<Limit DELE>\nDenyAll\n</Limit>\n<Limit DELE>\nAllowAll\n</Limit>"),
        ""
    );
    let said = of("<Limit WRITE>\nDenyAll\n</Limit>\n<Limit STOR>\nAllowAll\n</Limit>");
    assert!(!said.contains("--readonly"), "{said}");
    assert!(said.contains("denycommands"), "{said}");
    assert!(of("<Limit WRITE>\nAllowUser joe\nDenyAll\n</Limit>").contains("some users"));
    assert!(
        of("<Directory /srv>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Directory>")
            .contains("rules for /srv alone")
    );
    assert!(of("<Limit NONSENSE>\nDenyAll\n</Limit>").contains("cannot be limited"));
    assert!(of("<Directory /*>\n<Limit DIRS>\nDenyAll\n</Limit>\n</Directory>").contains("star"));
}

#[test]
fn commands_denied_by_name_become_their_flag() {
    for (limit, denied) in [
        ("STOR", "STOR"),
        ("RETR", "RETR"),
        ("MKD XMKD", "MKD"),
        ("LIST", "LIST"),
        ("READ", "RETR,SIZE"),
        ("EPSV", "EPSV"),
        ("MFMT", "MFMT,SITE_UTIME"),
    ] {
        let said = of(&format!("<Limit {limit}>\nDenyAll\n</Limit>"));
        assert_eq!(said, format!("--denycommands {denied}"), "{limit}");
    }
    const LOOKING: &str = "MDTM,LIST,NLST,MLSD,MLST,STAT,CWD,CDUP,PWD";
    assert_eq!(
        of("<Limit DIRS>\nDenyAll\n</Limit>"),
        format!("-G --denycommands {LOOKING}")
    );
    assert_eq!(
        of("<Limit ALL>\nDenyAll\n</Limit>"),
        format!("--readonly --denycommands RETR,SIZE,{LOOKING},NOOP")
    );
}

#[test]
fn who_may_log_in_is_a_list_of_networks() {
    has(
        "<Limit LOGIN>\nAllow from 192.0.2.0/24, 10.\nDenyAll\n</Limit>",
        &["--allowfrom 192.0.2.0/24", "--allowfrom 10.0.0.0/8"],
    );
    has(
        "<Limit LOGIN>\nDeny from 192.0.2.7\n</Limit>",
        &["--denyfrom 192.0.2.7"],
    );
    has(
        "<Limit LOGIN>\nOrder deny,allow\nDeny from 192.0.2.7\nAllow from 192.0.2.\n</Limit>",
        &["--denyfrom 192.0.2.7", "--allowfrom 192.0.2.0/24"],
    );
    has(
        "<Limit LOGIN>\nOrder deny, allow\nDeny from 192.0.2.7\nAllow from all\n</Limit>",
        &["--denyfrom 192.0.2.7"],
    );
    // ProFTPD lets everybody in who is not denied.
    assert_eq!(of("<Limit LOGIN>\nAllow from 192.0.2.\n</Limit>"), "");
    for (body, word) in [
        (
            "Allow from 192.0.2.\nDeny from 192.0.2.7",
            "Order deny,allow",
        ),
        ("Deny from .evil.example", "names of clients"),
        ("AllowUser joe\nDenyAll", "--userlist"),
        ("DenyGroup guests", "--denyusers"),
        ("DenyAll", "nobody could log in"),
        ("Order deny,allow", "nobody could log in"),
    ] {
        let said = of(&format!("<Limit LOGIN>\n{body}\n</Limit>"));
        assert!(said.contains(word), "{body}: {said}");
    }
    let twice = "<Limit LOGIN>\nDeny from 10.\n</Limit>\n<Limit LOGIN>\nAllowAll\n</Limit>";
    assert!(of(twice).contains("another <Limit LOGIN>"));
}

const ANONYMOUS: &str = "User ftp\nUserAlias anonymous ftp\nRequireValidShell off\n";

#[test]
fn anonymous_clients_are_bound_as_their_section_says() {
    let read_only = format!(
        "<Anonymous /srv/ftp>\n{ANONYMOUS}<Limit WRITE>\nDenyAll\n</Limit>\nMaxClients 10\n</Anonymous>"
    );
    has(
        &read_only,
        &["--anonymousroot /srv/ftp", "-i", "-y 0:10", "-z"],
    );
    assert!(!all(&read_only).expect("flags").contains(&"-E".to_owned()));
    let uploads = format!("<Anonymous ~ftp>\n{ANONYMOUS}</Anonymous>");
    has(&uploads, &["--anonymousupload", "-M", "--anonymousreadown"]);
    let only = format!(
        "<Limit LOGIN>\nDenyAll\n</Limit>\n<Anonymous ~ftp>\n{ANONYMOUS}<Limit LOGIN>\nAllowAll\n</Limit>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Anonymous>"
    );
    has(&only, &["-e", "--readonly"]);
    assert!(
        !all(&only)
            .expect("flags")
            .iter()
            .any(|flag| flag.starts_with("-l"))
    );
    let nobody =
        format!("<Anonymous ~ftp>\n{ANONYMOUS}<Limit LOGIN>\nDenyAll\n</Limit>\n</Anonymous>");
    has(&nobody, &["-E"]);
    has(
        "<Anonymous /srv>\nUser pub\nUserAlias anonymous pub\nRequireValidShell off\n<Directory *>\n<Limit WRITE>\nDenyAll\n</Limit>\n</Directory>\nTransferRate RETR 50.5\nDirFakeUser on\n</Anonymous>",
        &["--anonymoususer pub", "-i", "-t :50", "--hideids"],
    );
    for (line, word) in [
        ("AnonRequirePassword on", "account of its own"),
        ("UserAlias guest ftp", "anonymous and ftp alone"),
        (
            "<Limit READ>\nDenyAll\n</Limit>",
            "RETR is denied to anonymous clients",
        ),
        (
            "<Directory incoming>\n<Limit STOR>\nAllowAll\n</Limit>\n</Directory>",
            "rules for incoming alone",
        ),
        (
            "<Limit LOGIN>\nDeny from 10.\n</Limit>",
            "networks are the same",
        ),
        ("HideUser root", "by name only"),
        ("MaxStoreFileSize 5 Mb", "one size"),
        ("Port 22", "no meaning in this place"),
    ] {
        let said = of(&format!(
            "<Anonymous ~ftp>\n{ANONYMOUS}{line}\n</Anonymous>"
        ));
        assert!(said.contains(word), "{line}: {said}");
    }
    assert!(of("<Anonymous ~ftp>\n</Anonymous>").contains("names no User"));
    assert!(of("<Anonymous /x>\nUser pub\n</Anonymous>").contains("UserAlias anonymous"));
    assert!(of(&format!("{uploads}\n{uploads}")).contains("another <Anonymous>"));
}

#[test]
fn what_is_denied_to_users_alone_cannot_be_said() {
    let text = format!(
        "<Limit STOR>\nDenyAll\n</Limit>\n<Anonymous ~ftp>\n{ANONYMOUS}<Limit STOR>\nAllowAll\n</Limit>\n</Anonymous>"
    );
    assert!(of(&text).contains("STOR is denied to users and not to anonymous"));
}

#[test]
fn one_server_of_several_is_chosen_by_name() {
    use crate::wrapper::dialects::{Choices, translate};
    use crate::wrapper::files::{Files, Source, Text};
    let text = b"Umask 077\nMaxInstances 7\nDefaultAddress 192.0.2.1\n<Global>\nAllowOverwrite on\n</Global>\n<VirtualHost ftp.example 192.0.2.2>\nUmask 027\nServerAlias www.example\n</VirtualHost>\n<VirtualHost 192.0.2.3>\nPort 2121\n</VirtualHost>\n<VirtualHost 192.0.2.4>\nPort 0\n</VirtualHost>\n";
    let translated = |host: Option<&str>| {
        let source = Source::File(Text::of_bytes(std::path::Path::new("file"), text));
        let choices = Choices {
            host: host.map(str::to_owned),
            ..Choices::default()
        };
        let translation = translate(&PROFTPD, &source, &mut Files::none(), &choices);
        let refused = translation.refusals().join("\n");
        let words = translation.words(&[]);
        let words: Vec<String> = words
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        (refused, words.join(" "))
    };
    let (refused, _) = translated(None);
    assert_eq!(
        refused,
        "file: there are 3 servers in it, and one process serves one; choose with --host, of: main, ftp.example, 192.0.2.3:2121"
    );
    for (host, part) in [
        ("main", "-S 192.0.2.1,21 -E"),
        ("FTP.example", "-S ftp.example,21 -E"),
        ("192.0.2.2", "-S 192.0.2.2,21 -E"),
        ("192.0.2.3:2121", "-S 192.0.2.3,2121 -E"),
        ("192.0.2.3", "-S 192.0.2.3,2121 -E"),
    ] {
        let (refused, words) = translated(Some(host));
        assert_eq!(refused, "", "{host}");
        assert!(words.contains(part), "{host}: {words}");
        assert!(words.contains("-c 7"), "{words}");
        assert!(!words.contains("--nooverwrite"), "{words}");
        let umask = match host {
            "main" => "-U 177:077",
            "192.0.2.3" | "192.0.2.3:2121" => "-U 133:022",
            _ => "-U 137:027",
        };
        assert!(words.contains(umask), "{host}: {words}");
    }
    assert!(
        translated(Some("www.example"))
            .0
            .contains("several addresses")
    );
    assert!(
        translated(Some("none"))
            .0
            .contains("no server has the name")
    );
}

#[test]
fn accounts_come_from_where_the_order_says() {
    has(
        "AuthUserFile /etc/ftpd.passwd",
        &["-l passwd:/etc/ftpd.passwd", "-l unix"],
    );
    assert_eq!(
        of("AuthUserFile /etc/ftpd.passwd\nAuthOrder mod_auth_file.c\nRequireValidShell off"),
        "-l passwd:/etc/ftpd.passwd"
    );
    has("AuthOrder mod_auth_pam.c mod_auth_unix.c", &["-l unix"]);
    assert!(of("AuthOrder mod_sql.c").contains("accounts of mod_sql.c are not known"));
    assert!(of("AuthOrder mod_auth_file.c").contains("nobody could log in"));
    has("RequireValidShell off", &["-l unix", "--anyshell"]);
    assert!(!of("RequireValidShell on").contains("--anyshell"));
    assert!(
        !of("AuthOrder mod_auth_pam.c\nRequireValidShell off").contains("--anyshell"),
        "PAM decides"
    );
    assert!(of("AuthOrder mod_auth_pam.c* mod_auth_unix.c").contains("PAM"));
    has("RootLogin on", &["-u 0"]);
    has("DefaultRoot ~", &["-A"]);
    // There is no disk to look a group up on.
    assert!(of("DefaultRoot ~ !500").contains("no group 500"));
    assert_eq!(of("DefaultRoot /"), "");
    for root in ["~ staff", "~/ftp", "~ !a,b", "~ !500\nDefaultRoot ~ !501"] {
        assert!(
            of(&format!("DefaultRoot {root}")).contains("cannot be expressed"),
            "{root}"
        );
    }
    assert!(of("DefaultRoot /home/%u[0]").contains("no value"));
    has("CreateHome on 755", &["-j"]);
    has("Umask 022 077\nCreateHome on", &["-j"]);
    assert!(of("CreateHome on").contains("mode Umask leaves"));
}

#[test]
fn limits_and_times_are_the_smaller_of_two() {
    has("MaxInstances 30\nMaxClients 10", &["-c 10"]);
    has(
        "MaxClientsPerHost 5\nMaxConnectionsPerHost 3 \"no\"",
        &["-C 3"],
    );
    has("MaxClientsPerUser 2", &["-y 2:2"]);
    has(
        "TimeoutIdle 100\nTimeoutNoTransfer 900\nTimeoutStalled 0",
        &["--idletimeout 100", "--datatimeout 31536000"],
    );
    has(
        "TransferRate STOR,APPE 8.9:1024\nTransferRate RETR 0.5",
        &["-T 8:1"],
    );
    has("MaxStoreFileSize 3 Mb", &["--maxuploadsize 3M"]);
    has(
        "BanEngine on\nBanOnEvent MaxLoginAttempts 2/00:10:00 01:00:00\nMaxLoginAttempts 2",
        &["--ban 4/600/3600", "--maxloginfailures 2"],
    );
    assert!(of("MaxClients 0").contains("number from 1 on"));
    assert!(of("MaxClients 5\nMaxInstances 3\nMaxInstances 4").contains("set twice"));
    assert!(of("TransferRate RETR 10 user joe").contains("by user"));
}

#[test]
fn a_session_that_goes_on_without_a_transfer_is_warned_about_as_it_is_not_ended() {
    let warned = |text: &str| {
        let translation = translate_bytes(&PROFTPD, text.as_bytes());
        let mut findings = translation.findings.iter();
        findings.any(|finding| {
            finding.origin.setting.contains("TimeoutNoTransfer")
                && matches!(&finding.outcome, Outcome::Ignored(why) if why.contains("not ended"))
        })
    };
    assert!(warned("TimeoutIdle 100\n"));
    assert!(warned("TimeoutNoTransfer 900\n"));
    assert!(!warned("TimeoutNoTransfer 0\n"));
}

#[test]
fn modules_are_refused_where_they_are_on_and_once() {
    assert_eq!(of("QuotaEngine off\nQuotaLimitTable file:/x"), "");
    assert_eq!(of("QuotaLimitTable file:/x"), "");
    let said = of("QuotaEngine on\nQuotaLimitTable file:/x\nQuotaTallyTable file:/y");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("file:1: QuotaEngine"), "{said}");
    let said = of("SQLConnectInfo ftp@localhost user secret\nSQLAuthTypes Crypt");
    assert!(
        said.contains("SQLConnectInfo") && !said.contains("secret"),
        "{said}"
    );
    assert_eq!(of("SQLEngine off\nSQLConnectInfo x"), "");
    assert!(of("SFTPEngine on").contains("sshd"));
    assert!(of("WrapEngine on\nWrapTables file:/a file:/b").contains("hosts"));
    assert_eq!(of("TLSEngine off\nTLSRequired on\nTLSLog /x"), "");
}

#[test]
fn clients_are_asked_for_certificates_that_somebody_vouches_for() {
    let on = |more: &str| format!("TLSEngine on\nTLSRequired on\n{more}");
    let judged = on("TLSCACertificateFile /ca.pem\nTLSCARevocationFile /crl.pem\n");
    has(
        &format!("{judged}TLSVerifyClient on"),
        &[
            "--tlsclientca /ca.pem",
            "--tlscrl /crl.pem",
            "--tlsclientcert required",
        ],
    );
    has(
        &format!("{judged}TLSVerifyClient optional"),
        &["--tlsclientca /ca.pem", "--tlsclientcert optional"],
    );
    for off in [judged.clone(), format!("{judged}TLSVerifyClient off")] {
        assert!(!of(&off).contains("--tlsclientca"), "{off}");
        has(&off, &["-Y 3"]);
    }
    assert!(of(&on("TLSVerifyClient on")).contains("TLSCACertificateFile"));
    assert!(of(&format!("{judged}TLSVerifyClient maybe")).contains("on, off or optional"));
    let lax = "TLSEngine on\nTLSCACertificateFile /ca.pem\nTLSVerifyClient on";
    assert!(of(lax).contains("clients without TLS"));
}

#[test]
fn debians_settings_are_understood() {
    has(
        "UseIPv6 on\nServerType standalone\nDefaultServer on\nListOptions \"-l\"\nDenyFilter \\*.*/\nMaxInstances 30\nUser proftpd\nGroup nogroup\nUmask 022 022\nAllowOverwrite on\nTransferLog none\nDisplayChdir .message true\n",
        &["-S ,21", "-c 30", "-U 133:022", "--nostorerestart"],
    );
    has("ListOptions \"-la\" maxfiles 500", &["-D", "-L 500:5"]);
    assert!(of("ListOptions \"\" strict").contains("remove strict"));
    assert!(of("PathDenyFilter \\.exe$").contains("--denyfiles"));
}

#[test]
fn a_server_of_one_address_stays_on_it() {
    has("DefaultAddress 192.0.2.1", &["-S 192.0.2.1,21"]);
    has("DefaultAddress 192.0.2.1\nDefaultServer on", &["-S ,21"]);
    has(
        "DefaultAddress 192.0.2.1\nDefaultServer on\nSocketBindTight on",
        &["-S 192.0.2.1,21"],
    );
    let tree = "<Directory />\nAllowOverwrite on\n</Directory>\n";
    assert!(of(&format!("{tree}{tree}")).contains("another section"));
}

#[test]
fn repeated_settings_count_as_in_proftpd() {
    has("Umask 077\nUmask 022", &["-U 177:077"]);
    has("Port 2121\nPort 2122", &["-S ,2122"]);
    has("Umask 022\nDefaultRoot ~\nDefaultRoot ~ !500", &["-A"]);
}

#[test]
fn sections_about_logins_of_the_server_and_of_global_both_count() {
    for (own, global) in [
        ("AllowAll", "DenyAll"),
        ("Deny from 192.0.2.", "Deny from 10."),
        ("AllowAll", "Deny from 10."),
    ] {
        let said = of(&format!(
            "<Limit LOGIN>\n{own}\n</Limit>\n<Global>\n<Limit LOGIN>\n{global}\n</Limit>\n</Global>"
        ));
        assert!(
            said.contains("another <Limit LOGIN>"),
            "{own}, {global}: {said}"
        );
    }
    has(
        "<Global>\n<Limit LOGIN>\nDeny from 10.\n</Limit>\n</Global>",
        &["--denyfrom 10.0.0.0/8"],
    );
}

#[test]
fn whom_no_root_of_the_server_fits_is_kept_by_that_of_global() {
    let said = of("DefaultRoot ~ !500\n<Global>\nDefaultRoot ~\n</Global>");
    assert!(said.contains("roots by group"), "{said}");
    has("DefaultRoot ~\n<Global>\nDefaultRoot /\n</Global>", &["-A"]);
}

#[test]
fn a_file_of_accounts_that_counts_in_part_is_refused() {
    for rest in ["id 5000-6000", "home ^/srv", "name ^ftp"] {
        let said = of(&format!("AuthUserFile /etc/ftpd.passwd {rest}"));
        assert!(said.contains("some users of the file"), "{rest}: {said}");
    }
}

#[test]
fn files_hidden_unless_they_fit_a_pattern_are_refused() {
    let said = of("<Directory />\nHideFiles !\\.zip$\n</Directory>");
    assert!(said.contains("no pattern of --hidefiles"), "{said}");
}

#[test]
fn either_name_of_a_command_denies_it() {
    for name in ["MKD", "XMKD"] {
        assert_eq!(
            of(&format!("<Limit {name}>\nDenyAll\n</Limit>")),
            "--denycommands MKD",
            "{name}"
        );
    }
    // The last of several counts, whatever the name.
    assert_eq!(
        of("<Limit MKD>\nDenyAll\n</Limit>\n<Limit XMKD>\nAllowAll\n</Limit>"),
        ""
    );
    let said = of("<Limit XMKD>\nAllowAll\n</Limit>\n<Limit MKD>\nDenyAll\n</Limit>");
    assert_eq!(said, "--denycommands MKD");
}

#[test]
fn stou_cannot_be_denied_to_anonymous_clients_alone() {
    let said = of(&format!(
        "<Anonymous ~ftp>\n{ANONYMOUS}<Limit STOU>\nDenyAll\n</Limit>\n</Anonymous>"
    ));
    assert!(
        said.contains("STOU is denied to anonymous clients"),
        "{said}"
    );
}

#[test]
fn homes_that_are_symbolic_links_are_refused_where_users_are_kept() {
    let text = "AllowChrootSymlinks off\n";
    for kept in [
        "DefaultRoot ~\n".to_owned(),
        "DefaultRoot /srv\n".to_owned(),
        format!("<Anonymous /srv>\n{ANONYMOUS}</Anonymous>\n"),
    ] {
        let said = of(&format!("{text}{kept}"));
        assert!(said.contains("symbolic link"), "{kept}: {said}");
    }
    assert_eq!(of(text), "");
    has("AllowChrootSymlinks on\nDefaultRoot ~\n", &["-A"]);
}

#[test]
fn empty_passwords_cannot_be_refused() {
    assert!(of("AllowEmptyPasswords off").contains("empty"));
    assert_eq!(of("AllowEmptyPasswords on"), "");
}

#[test]
fn accounts_whose_shells_cannot_be_compared_are_refused() {
    use crate::wrapper::dialects::{Choices, translate};
    use crate::wrapper::files::{Files, Source, Text};
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let accounts = folder.path().join("accounts");
    std::fs::write(&accounts, "joe:x:1001:1001::/srv:/none\n").expect("a file");
    let said = |mode: u32, rest: &str| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&accounts, mode).expect("a mode");
        let text = format!("AuthUserFile {}\n{rest}", accounts.display());
        let text = Text::of_bytes(std::path::Path::new("file"), text.as_bytes());
        let (mut files, choices) = (Files::of_machine(), Choices::default());
        let translation = translate(&PROFTPD, &Source::File(text), &mut files, &choices);
        translation.refusals().join("\n")
    };
    assert!(said(0o600, "").contains("the shell of joe"));
    assert!(said(0o622, "").contains("others can write it"));
    assert_eq!(said(0o622, "RequireValidShell off"), "");
}

#[test]
fn every_rule_for_bans_counts_or_is_refused() {
    let bans = "BanEngine on\nBanOnEvent MaxLoginAttempts 2/00:10:00 01:00:00\n";
    let said = of(&format!(
        "{bans}BanOnEvent MaxLoginAttempts 9/00:10:00 00:01:00"
    ));
    assert!(said.contains("one rule for bans"), "{said}");
    // They stand outside of the section of the server that is run.
    let said = of(&format!(
        "Port 0\n{bans}BanOnEvent ClientConnectRate 9/00:00:01 00:01:00\n<VirtualHost 192.0.2.1>\nPort 21\n</VirtualHost>"
    ));
    assert!(said.contains("failed logins alone"), "{said}");
}

#[test]
fn what_cannot_be_known_of_the_user_of_anonymous_clients_is_warned_about() {
    let text = "<Anonymous /srv>\nUser ftp\nGroup ftp\nUserAlias anonymous ftp\n</Anonymous>\n";
    let translation = translate_bytes(&PROFTPD, text.as_bytes());
    assert!(translation.findings.iter().any(|finding| {
        finding.origin.setting == "User"
            && matches!(&finding.outcome, Outcome::Warned(text) if text.contains("/etc/passwd"))
    }));
}
