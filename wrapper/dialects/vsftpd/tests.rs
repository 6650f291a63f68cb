//! Texts of files and what they become.

use std::path::Path;

use super::super::{Choices, Fate, translate, translate_bytes_with};
use super::options::{self, DEBIAN, Kind, OPTIONS, UPSTREAM};
use super::{FILE, number};
use crate::wrapper::dialects::{detect, translate_bytes};
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::translation::{Finding, Outcome, Translation, has_source};

/// Accounts by a method that every build has.
fn choices(variant: &'static str) -> Choices {
    Choices {
        variant: Some(variant),
        login: Some("puredb:/etc/x.pdb".to_owned()),
        ..Choices::default()
    }
}

fn read(variant: &'static str, text: &str) -> Translation {
    translate_bytes_with(&FILE, text.as_bytes(), &choices(variant))
}

/// Flags, each as one word.
fn flags(text: &str) -> Vec<String> {
    let translation = read(DEBIAN, text);
    assert_eq!(translation.refusals(), [""; 0], "{text}");
    let findings = translation.findings.iter();
    let said = findings.filter_map(|finding| match &finding.outcome {
        Outcome::Flag(words) => {
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            Some(words.join(" "))
        }
        _ => None,
    });
    said.collect()
}

#[track_caller]
fn has(text: &str, flag: &str) {
    let flags = flags(text);
    assert!(
        flags.iter().any(|given| given == flag),
        "{text:?}: no {flag} in {flags:?}"
    );
}

#[track_caller]
fn lacks(text: &str, long_or_letter: &str) {
    let flags = flags(text);
    let starts = |flag: &String| flag.split(' ').next() == Some(long_or_letter);
    assert!(!flags.iter().any(starts), "{text:?}: {flags:?}");
}

#[track_caller]
fn refused(text: &str, part: &str) {
    let said = read(DEBIAN, text).refusals().join("\n");
    assert!(said.contains(part), "{text:?}: {said}");
}

const LOCAL: &str = "anonymous_enable=NO\nlocal_enable=YES\n";
const WRITE: &str = "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\n";
const UPLOAD: &str = "write_enable=YES\nanon_upload_enable=YES\n";
const GUEST: &str =
    "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nguest_enable=YES\nguest_username=v\n";

#[test]
fn an_empty_file_is_anonymous_and_read_only_as_vsftpd_is() {
    let flags = flags("");
    for flag in [
        "-e",
        "--readonly",
        "-z",
        "--idletimeout 300",
        "--datatimeout 300",
        "-L 10000:1",
    ] {
        assert!(flags.iter().any(|given| given == flag), "{flag}: {flags:?}");
    }
    has("", "--worldreadableonly");
    for flag in ["-4", "-S", "-c", "-C", "-U"] {
        lacks("", flag);
    }
    let upstream = read(UPSTREAM, "");
    let words = upstream.words(&[]);
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let line = format!(" {} ", words.join(" "));
    for part in [" -4 ", " -S 21 ", " -c 2000 ", " -C 50 "] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn lines_are_taken_apart_as_vsftpd_does() {
    has("  ftpd_banner=a = b # c  \n", "--banner a = b # c");
    has("#x\n\n \t\nhide_ids=yes\nhide_ids=TRUE", "--hideids");
    lacks("hide_ids=YES\nhide_ids=NO", "--hideids");
    lacks("ftpd_banner=x\nftpd_banner=", "--banner");
    refused(" #comment", "let # be the first character");
    refused("listen = YES", "write name=value without blanks");
    refused("listen=YES ", "no blank around it");
    refused("listen=YES\r", "without carriage returns");
    refused("listen=", "it has no value");
    refused("listen", "it has no value");
    refused("listen=ja", "'ja' is no value for it; write YES or NO");
    refused("max_per_ip=few", "write a whole number");
    refused("max_per_ip=09", "octal");
    refused("max_per_ip=-1", "whole number");
    refused("anon_uplod_enable=YES", "did you mean anon_upload_enable?");
    refused("Listen=YES", "did you mean listen?");
    refused("ftpd_banner=a\x1bb", "without control characters");
    refused(&"#\n".repeat(50_001), "first 100000 bytes");
    assert_eq!(
        (number(b"022"), number(b"22"), number(b"0")),
        (Some(18), Some(22), Some(0))
    );
}

#[test]
fn a_refusal_names_its_line_and_all_are_told_at_once() {
    let translation = read(DEBIAN, "listen=ja\nlocal_enable=YES\nfoo=1\n");
    let said = translation.refusals();
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("file:1: listen: "), "{said:?}");
    assert!(
        said[1].starts_with("file:3: foo: unknown setting"),
        "{said:?}"
    );
}

#[test]
fn each_variant_knows_its_own_options_and_trims_its_own_way() {
    assert!(read(UPSTREAM, "utf8_filesystem=YES").refusals()[0].contains("vsftpd:debian"));
    let root = |variant| {
        let translation = read(variant, "anon_root=/srv \n");
        let flag = translation
            .flags
            .iter()
            .find(|flag| flag.long == "anonymousroot")
            .cloned();
        flag.and_then(|flag| flag.value).unwrap_or_default()
    };
    assert_eq!(
        (root(DEBIAN), root(UPSTREAM)),
        ("/srv".into(), "/srv ".into())
    );
}

#[test]
fn settings_beside_the_file_follow_its_own() {
    let choices = Choices {
        options: vec!["pasv_min_port=40000".into(), "hide_ids=NO".into()],
        ..choices(DEBIAN)
    };
    let translation = translate_bytes_with(&FILE, b"hide_ids=YES\npasv_max_port=40100", &choices);
    let words = translation.words(&[]);
    assert!(words.iter().any(|word| word == "40000:40100"), "{words:?}");
    assert!(!words.iter().any(|word| word == "--hideids"), "{words:?}");
    let choices = Choices {
        options: vec!["hide_idz=NO".into()],
        ..Choices::default()
    };
    let translation = translate_bytes_with(&FILE, b"", &choices);
    assert!(translation.refusals()[0].starts_with("--option: hide_idz: unknown"));
}

#[test]
fn who_may_log_in() {
    has("local_enable=NO", "-e");
    has(LOCAL, "-E");
    has(LOCAL, "-l puredb:/etc/x.pdb");
    lacks("local_enable=YES", "-e");
    lacks("local_enable=YES", "-E");
    refused("anonymous_enable=NO", "turns everybody away");
    refused(
        "local_enable=YES\none_process_model=YES",
        "turns everybody away",
    );
    has("userlist_enable=YES", "--denyusers /etc/vsftpd.user_list");
    has(
        "userlist_enable=YES\nuserlist_deny=NO\nuserlist_file=/x",
        "--userlist /x",
    );
    lacks("userlist_file=/x", "--denyusers");
    refused("deny_email_enable=YES", "not asked for a password");
    lacks(
        "anonymous_enable=NO\nlocal_enable=YES\ndeny_email_enable=YES",
        "-e",
    );
    has("max_login_fails=0", "--maxloginfailures 1");
    refused("delay_failed_login=10", "--ban");
    assert_eq!(
        read(DEBIAN, "delay_failed_login=10")
            .findings
            .iter()
            .filter(|finding| finding.origin.line == Some(1))
            .count(),
        1
    );
    refused("tcp_wrappers=YES", "--allowfrom");
    refused("run_as_launching_user=YES", "as the user it is to act as");
}

#[test]
fn passwords_are_pams_unless_the_command_line_names_another_method() {
    let translation = translate_bytes(&FILE, LOCAL.as_bytes());
    let text = format!("{translation:?}");
    if has_source("pam") {
        assert!(text.contains("pamservice"), "{text}");
        assert!(text.contains("nopamsession"), "{text}");
        let with_session = format!("{LOCAL}session_support=YES\n");
        let translation = translate_bytes(&FILE, with_session.as_bytes());
        assert!(!format!("{translation:?}").contains("nopamsession"));
    } else {
        assert!(translation.refusals()[0].contains("--login unix"), "{text}");
    }
    let warned = |finding: &&Finding| matches!(&finding.outcome, Outcome::Ignored(why) if why.contains("in place of PAM"));
    assert_eq!(
        read(DEBIAN, LOCAL).findings.iter().filter(warned).count(),
        1
    );
}

#[test]
fn shells_matter_to_users_of_the_machine_alone() {
    let said = |method: &str, text: &str| {
        let choices = Choices {
            login: Some(method.to_owned()),
            ..choices(DEBIAN)
        };
        let translation =
            translate_bytes_with(&FILE, format!("{LOCAL}{text}").as_bytes(), &choices);
        format!("{:?}", translation.flags).contains("anyshell")
    };
    assert!(said("unix", "check_shell=NO"));
    assert!(!said("unix", ""));
    assert!(!said("puredb:/etc/x.pdb", "check_shell=NO"));
}

#[test]
fn nobody_can_write_unless_it_is_allowed() {
    has(LOCAL, "--readonly");
    has("anon_upload_enable=YES", "--readonly");
    lacks("anon_upload_enable=YES", "--anonymousupload");
    lacks(WRITE, "--readonly");
    has("write_enable=YES", "-i");
    has(UPLOAD, "--anonymousupload");
    has(&format!("{UPLOAD}anon_mkdir_write_enable=YES"), "-M");
    refused(
        &format!("{UPLOAD}anon_other_write_enable=YES"),
        "virtual_use_local_privs=YES",
    );
    lacks("anon_other_write_enable=YES", "-M");
    has(
        &format!("{UPLOAD}chown_uploads=YES\nchown_username=keeper"),
        "--chownuploads keeper:600",
    );
    has(
        &format!("{UPLOAD}chown_uploads=YES\nchown_upload_mode=0644"),
        "--chownuploads root:644",
    );
    has(&format!("{WRITE}chmod_enable=NO"), "-R");
    has(
        &format!("{WRITE}mdtm_write=NO"),
        "--denycommands MFMT,SITE_UTIME",
    );
    has(&format!("{WRITE}delete_failed_uploads=YES"), "-0");
}

#[test]
fn masks_take_from_files_what_file_open_mode_lacks() {
    has(WRITE, "-U 177:077");
    has(&format!("{WRITE}local_umask=022"), "-U 133:022");
    has(&format!("{WRITE}local_umask=22"), "-U 137:026");
    has(
        &format!("{WRITE}local_umask=022\nfile_open_mode=0777"),
        "-U 022:022",
    );
    has(
        "write_enable=YES\nanon_umask=022\nlocal_umask=07",
        "-U 133:022",
    );
    let both = "write_enable=YES\nlocal_enable=YES\nlocal_umask=022\nanon_umask=077";
    has(both, "-U 133:022");
    has(both, "--anonymousumask 177:077");
    lacks(&format!("{both}\nlocal_umask=077"), "--anonymousumask");
}

#[test]
fn where_users_are_kept() {
    lacks(LOCAL, "-A");
    has(
        &format!("{LOCAL}chroot_local_user=YES\nallow_writeable_chroot=YES"),
        "-A",
    );
    has(
        &format!("{LOCAL}chroot_local_user=YES"),
        "--refusewritableroot",
    );
    lacks(LOCAL, "--refusewritableroot");
    has("anonymous_enable=YES", "--refusewritableroot");
    lacks(
        &format!("{LOCAL}chroot_local_user=YES\nallow_writeable_chroot=YES"),
        "--refusewritableroot",
    );
    has(
        &format!("{LOCAL}chroot_list_enable=YES"),
        "--chrootlist /etc/vsftpd.chroot_list",
    );
    let but = format!("{LOCAL}chroot_local_user=YES\nchroot_list_enable=YES\nchroot_list_file=/x");
    has(&but, "--nochrootlist /x");
    has(
        &format!("{LOCAL}local_root=/srv/ftp"),
        "--userroot /srv/ftp",
    );
    has(
        &format!("{LOCAL}local_root=/srv/@@/w\nuser_sub_token=@@"),
        "--userroot /srv/$USER/w",
    );
    has(
        &format!("{LOCAL}local_root=/srv/$USER\nuser_sub_token=$USER"),
        "--userroot /srv/$USER",
    );
    refused(
        &format!("{LOCAL}local_root=/srv/$USER"),
        "user_sub_token=$USER",
    );
    refused(
        &format!("{GUEST}user_sub_token=$USER"),
        "write the directory as local_root",
    );
    has("anon_root=/srv/././pub", "--anonymousroot /srv/pub");
    has("ftp_username=files", "--anonymoususer files");
}

/// vsftpd's allow_writeable_chroot is for users alone.
#[test]
fn a_writable_root_of_anonymous_is_never_served_in_silence() {
    has("allow_writeable_chroot=YES", "--refusewritableroot");
    has(
        "local_enable=YES\nallow_writeable_chroot=YES",
        "--refusewritableroot",
    );
    let kept = "local_enable=YES\nchroot_local_user=YES\nallow_writeable_chroot=YES";
    lacks(kept, "--refusewritableroot");
    let warned = |finding: &Finding| matches!(&finding.outcome, Outcome::Warned(text) if text.contains("anonymous"));
    assert!(read(DEBIAN, kept).findings.iter().any(warned));
}

/// Of a file that is too large, or behind the bound of what is read in all, nothing is known.
#[test]
fn homes_that_cannot_be_read_may_hold_a_dot() {
    let mut files = Files::of_machine();
    while files.read(Path::new("/etc/passwd")).is_ok() {}
    let text = format!("{LOCAL}chroot_local_user=YES");
    let source = Source::File(Text::of_bytes(Path::new("file"), text.as_bytes()));
    let translation = translate(&FILE, &source, &mut files, &choices(DEBIAN));
    let said = translation.refusals().join("\n");
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn virtual_users_are_held_to_the_rules_for_anonymous_unless_told_otherwise() {
    let all = |text: &str| flags(text).join(" ");
    has(GUEST, "--mapusers v");
    has(GUEST, "--mapusersasanonymous");
    has(GUEST, "-A");
    has(GUEST, "-i");
    has(GUEST, "-z");
    has(GUEST, "--worldreadableonly");
    has(&format!("{GUEST}anon_umask=022"), "-U 133:022");
    let local = format!("{GUEST}virtual_use_local_privs=YES\nallow_writeable_chroot=YES");
    assert!(
        !all(&local).contains("mapusersasanonymous"),
        "{}",
        all(&local)
    );
    lacks(&local, "-A");
    lacks(&local, "-i");
    has(&format!("{local}\nlocal_umask=022"), "-U 133:022");
    refused(
        &format!("{GUEST}anon_other_write_enable=YES"),
        "virtual_use_local_privs=YES",
    );
    lacks(&format!("{local}\nanon_other_write_enable=YES"), "-i");
}

#[test]
fn what_may_be_read_and_said() {
    has("download_enable=NO", "--nodownload");
    has("dirlist_enable=NO", "--nolist");
    has(
        "cmds_allowed=USER,PASS,QUIT",
        "--allowcommands USER,PASS,QUIT",
    );
    has(
        "cmds_allowed=SITE,RETR",
        "--allowcommands RETR,SITE_CHMOD,SITE_HELP",
    );
    has("cmds_denied=LIST,DELE", "--denycommands LIST,DELE,MLSD");
    has(
        "cmds_denied=SIZE,MDTM,MLST",
        "--denycommands SIZE,MDTM,MLST,MLSD,MFMT,SITE_UTIME",
    );
    refused("cmds_denied=LIST, DELE", "in capitals");
    refused("cmds_allowed=list", "in capitals");
    has("deny_file={*.mp3,.private}", "--denyfiles *.mp3");
    has("deny_file={*.mp3,.private}", "--denyfiles .private");
    has("hide_file=secret", "--hidefiles *secret*");
    refused("deny_file={/*,*..*}", "a slash");
    refused("upload_file=*.txt", "deny the others");
    has("force_dot_files=YES", "-D");
    lacks("ls_recurse_enable=YES", "-L");
    lacks("anon_world_readable_only=NO", "--worldreadableonly");
}

#[test]
fn rates_are_kib_and_never_faster_than_asked_for() {
    has("anon_max_rate=30000", "-t 29");
    has(
        &format!("{LOCAL}local_max_rate=102400\nanon_max_rate=5000"),
        "-T 100",
    );
    has(
        "local_enable=YES\nanon_max_rate=5000\nlocal_max_rate=5000",
        "-T 4",
    );
    has("local_enable=YES\nanon_max_rate=5000", "-t 4");
    refused(
        "local_enable=YES\nlocal_max_rate=5000",
        "none for users alone",
    );
    has(&format!("{GUEST}anon_max_rate=20480"), "-T 20");
    lacks(&format!("{GUEST}local_max_rate=20480"), "-T");
    refused("anon_max_rate=512", "1024 or more");
    lacks("local_max_rate=512", "-T");
}

#[test]
fn where_it_listens() {
    has("listen=YES", "-4");
    has("listen=YES\nlisten_port=2121", "-S 2121");
    has("listen=YES\nlisten_address=127.0.0.1", "-S 127.0.0.1,21");
    has("listen_ipv6=YES", "-S 21");
    lacks("listen_ipv6=YES", "-4");
    has(
        "listen_ipv6=YES\nlisten_address6=::1\nlisten_port=21",
        "-S ::1,21",
    );
    has("listen_ipv6=YES\nlisten_address6=::", "-S 21");
    has("listen_ipv6=YES\nmax_clients=0\nmax_per_ip=0", "-c 1000000");
    lacks("listen_ipv6=YES\nmax_per_ip=0", "-C");
    lacks("max_clients=5", "-c");
    refused("listen=YES\nlisten_ipv6=YES", "serves IPv4 as well");
    refused(
        "listen=YES\nlisten_address=ftp.example.org",
        "address in numbers",
    );
}

#[test]
fn how_data_moves() {
    has("pasv_enable=NO", "-N");
    has("port_enable=NO", "--noactive");
    refused("port_enable=NO\npasv_enable=NO", "no way to move data");
    has("pasv_min_port=40000\npasv_max_port=40100", "-p 40000:40100");
    has("pasv_min_port=40000", "-p 40000:65535");
    has("pasv_max_port=40000", "-p 5001:40000");
    has("pasv_min_port=20\npasv_max_port=2000", "-p 1024:2000");
    refused(
        "pasv_min_port=40100\npasv_max_port=40000",
        "is below the first port",
    );
    has("pasv_address=203.0.113.7", "-P 203.0.113.7");
    has(
        "pasv_address=ftp.example.org\npasv_addr_resolve=YES",
        "-P ftp.example.org",
    );
    refused("pasv_address=ftp.example.org", "pasv_addr_resolve=YES");
    has("connect_from_port_20=YES", "--activeport 20");
    has(
        "connect_from_port_20=YES\nftp_data_port=2020",
        "--activeport 2020",
    );
    lacks("pasv_promiscuous=YES", "-w");
    lacks("port_promiscuous=YES", "-W");
    has("pasv_promiscuous=YES\nport_promiscuous=YES", "-W");
    has(
        &format!("{LOCAL}pasv_promiscuous=YES\nport_promiscuous=YES"),
        "-w",
    );
    has("idle_session_timeout=0", "--idletimeout 31536000");
    has("accept_timeout=10", "--accepttimeout 10");
}

#[test]
fn what_is_said_and_logged() {
    has("ftpd_banner=Hello", "--banner Hello");
    has("ftpd_banner=Hello\nbanner_file=/x", "--bannerfile /x");
    lacks("ftpd_banner=Hello\nbanner_file=/x", "--banner");
    has("syslog_enable=YES", "-f ftp");
    has("log_ftp_protocol=YES", "-d");
    lacks("xferlog_enable=YES", "-O");
    has(
        "xferlog_enable=YES\nxferlog_std_format=YES",
        "-O xferlog:/var/log/xferlog",
    );
}

#[test]
fn tls_is_asked_for_from_those_it_binds_or_refused() {
    lacks("ssl_enable=NO\nrsa_cert_file=/x", "-2");
    // Anonymous does without.
    has("ssl_enable=YES\nlocal_enable=YES", "-Y 3");
    has("ssl_enable=YES\nlocal_enable=YES", "--tlsfor users");
    let users = "ssl_enable=YES\nanonymous_enable=NO\nlocal_enable=YES\n";
    let with = |more: &str| format!("{users}{more}");
    has(users, "-Y 3");
    has(users, "--requiretlsreuse");
    has(users, "-J ECDHE-RSA-AES256-GCM-SHA384");
    has(&with("force_local_data_ssl=NO"), "-Y 2");
    has(
        &with("force_local_data_ssl=NO\nforce_local_logins_ssl=NO"),
        "-Y 1",
    );
    refused(&with("force_local_logins_ssl=NO"), "force logins too");
    has(
        &with("rsa_cert_file=/c.pem\nrsa_private_key_file=/k.pem"),
        "-2 /c.pem,/k.pem",
    );
    has(&with("rsa_cert_file=/c.pem"), "-2 /c.pem");
    has(&with("implicit_ssl=YES"), "--implicittls");
    has(&with("strict_ssl_read_eof=NO"), "--tlslaxclose");
    lacks(&with("require_ssl_reuse=NO"), "--requiretlsreuse");
    has(&with("ssl_tlsv12=NO"), "--tlsminversion 1.3");
    refused(&with("ssl_tlsv12=NO\nssl_tlsv13=NO"), "no version");
    refused(&with("require_cert=YES"), "validate_cert=YES");
    refused(&with("validate_cert=YES"), "ca_certs_file");
    let judged = with("validate_cert=YES\nca_certs_file=/ca.pem");
    has(&judged, "--tlsclientca /ca.pem");
    has(&judged, "--tlsclientcert optional");
    lacks(&format!("{judged}\nssl_request_cert=NO"), "--tlsclientca");
    lacks(&with("ca_certs_file=/ca.pem"), "--tlsclientca");
    let required = format!("{judged}\nrequire_cert=YES");
    has(&required, "--tlsclientcert required");
    has(
        &format!("{required}\nssl_request_cert=NO"),
        "--tlsclientcert required",
    );
    refused(
        &format!("{required}\nforce_local_logins_ssl=NO\nforce_local_data_ssl=NO"),
        "clients without TLS",
    );
    let strangers = "ssl_enable=YES\nlocal_enable=NO\n";
    has(strangers, "-Y 1");
    lacks(strangers, "--tlsfor");
    has(&format!("{strangers}allow_anon_ssl=YES"), "-Y 1");
    let both = "ssl_enable=YES\nlocal_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES";
    has(both, "-Y 3");
    lacks(both, "--tlsfor");
    let lax_users = format!("{both}\nforce_local_logins_ssl=NO\nforce_local_data_ssl=NO");
    has(&lax_users, "--tlsfor anonymous");
    refused(
        &format!("{both}\nforce_local_data_ssl=NO"),
        "as much from anonymous clients",
    );
}

/// One line for each value an option can take that makes a difference.
fn values(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Yes(_) => &["YES", "NO"],
        Kind::Number(_) => &["0", "5000"],
        Kind::Text(..) => &["", "192.0.2.1"],
    }
}

/// What stands beside an option.
const COMPANY: [&str; 3] = [
    "ssl_enable=YES\n",
    GUEST,
    "local_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\nlisten_ipv6=YES\nchroot_local_user=YES\n\
         chroot_list_enable=YES\nxferlog_enable=YES\nuserlist_enable=YES\nchown_uploads=YES\n",
];

#[test]
fn every_option_is_spoken_of_whatever_its_value_and_company() {
    for option in OPTIONS {
        for value in values(option.kind) {
            for beside in COMPANY {
                let text = format!("{beside}{}={value}\n", option.key);
                let translation = read(DEBIAN, &text);
                for line in 1..=text.lines().count() {
                    let said = translation.findings.iter();
                    let mut said = said.filter(|finding| finding.origin.line == Some(line));
                    assert!(said.next().is_some(), "{text}: line {line}");
                }
                for finding in &translation.findings {
                    if let Outcome::Refused(why) = &finding.outcome {
                        assert!(!why.contains("nothing is known"), "{text}: {why}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_file_of_another_server_is_none_of_its_kind() {
    let found = |text: &str| {
        let source = Source::File(Text::of_bytes(Path::new("x"), text.as_bytes()));
        detect(&source, &mut Files::none()).map(|dialect| dialect.name)
    };
    assert_eq!(found("listen=YES\nwrite_enable=YES"), Ok("vsftpd"));
    assert_eq!(found("NoAnonymous yes\nBind 21"), Ok("pureftpd"));
}

/// So that the manual page, which is printed from the table, leaves no flag out.
#[test]
fn every_flag_comes_from_an_option_whose_row_names_it() {
    let mut wrong = std::collections::BTreeSet::new();
    for option in OPTIONS {
        for value in values(option.kind) {
            for beside in COMPANY {
                let text = format!("{beside}{}={value}\n", option.key);
                for flag in read(DEBIAN, &text).flags {
                    let key = flag.origin.setting.trim_end_matches(" (no line)");
                    let row = options::rows().into_iter().find(|row| row.key == key);
                    let named = match row.map(|row| row.fate) {
                        Some(Fate::Flag(long)) => long == flag.long,
                        Some(Fate::Flags(longs)) => longs.contains(&flag.long.as_str()),
                        _ => false,
                    };
                    if !named {
                        wrong.insert(format!("{key}: --{}", flag.long));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
