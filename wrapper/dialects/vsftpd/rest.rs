//! What is shown and logged, TLS, and what vsftpd decides about itself.

use super::settings::Rules;

/// What says something under TLS alone.
const OF_TLS: &[&str] = &[
    "allow_anon_ssl",
    "ca_certs_file",
    "debug_ssl",
    "dsa_cert_file",
    "dsa_private_key_file",
    "force_anon_data_ssl",
    "force_anon_logins_ssl",
    "force_local_data_ssl",
    "force_local_logins_ssl",
    "implicit_ssl",
    "require_cert",
    "require_ssl_reuse",
    "rsa_cert_file",
    "rsa_private_key_file",
    "ssl_ciphers",
    "ssl_request_cert",
    "ssl_sni_hostname",
    "ssl_sslv2",
    "ssl_sslv3",
    "ssl_tlsv1",
    "ssl_tlsv11",
    "ssl_tlsv12",
    "ssl_tlsv13",
    "strict_ssl_read_eof",
    "strict_ssl_write_shutdown",
    "validate_cert",
];

/// How vsftpd keeps its processes apart, which the server does in its own way.
const INSIDE: &[&str] = &[
    "isolate",
    "isolate_network",
    "nopriv_user",
    "ptrace_sandbox",
    "seccomp_sandbox",
    "secure_chroot_dir",
];

/// Where the two servers differ in what is shown: the setting, the value that asks for what this server does, and why the
/// other is ignored.
const SHOWN: &[(&str, bool, &str)] = &[
    ("ascii_download_enable", true, CONVERTS),
    ("ascii_upload_enable", true, CONVERTS),
    (
        "dirmessage_enable",
        true,
        "the file .message of a directory is always shown",
    ),
    (
        "setproctitle_enable",
        false,
        "one process serves all, and its title does not change",
    ),
    (
        "text_userdb_names",
        true,
        "names of owners are shown where they are known",
    ),
    ("tilde_user_enable", false, "~user is no directory"),
    (
        "use_localtime",
        true,
        "listings are in local time; start the server with TZ=UTC for the other",
    ),
];

const CONVERTS: &str =
    "line ends are converted for whoever asks with TYPE A, as the standard has it";

pub(super) fn translate(rules: &mut Rules<'_>) {
    listings(rules);
    texts(rules);
    logs(rules);
    tls(rules);
    inside(rules);
}

/// What of this holds for one session.
pub(super) fn account(rules: &mut Rules<'_>) {
    listings(rules);
    let why = match rules.yes("ssl_enable") {
        true => "without effect, as vsftpd is done with it before it reads this file",
        false => "without effect, as ssl_enable is NO",
    };
    rules.all_nothing(OF_TLS, why);
    tuning(rules);
}

fn listings(rules: &mut Rules<'_>) {
    for (key, long) in [
        ("force_dot_files", "displaydotfiles"),
        ("hide_ids", "hideids"),
    ] {
        match rules.yes(key) {
            true => rules.switch(key, long),
            false => rules.nothing(key, "as without it"),
        }
    }
    match rules.yes("ls_recurse_enable") {
        true => rules.nothing(
            "ls_recurse_enable",
            "listings go down as far as -L lets them",
        ),
        // The number of names is the server's own bound.
        false => rules.give("ls_recurse_enable", "limitrecursion", "10000:1"),
    }
    for (key, same, why) in SHOWN {
        match rules.yes(key) == *same {
            true => rules.nothing(key, "as the server does"),
            false => rules.ignore(key, why),
        }
    }
    match rules.text("message_file").as_deref() {
        Some(b".message") => rules.nothing("message_file", "as the server does"),
        _ => rules.ignore("message_file", "the file is called .message"),
    }
    rules.nothing("async_abor_enable", "ABOR acts during a transfer");
    rules.nothing("utf8_filesystem", "names are bytes, and FEAT tells UTF8");
}

fn texts(rules: &mut Rules<'_>) {
    let file = rules.text("banner_file");
    match (&file, rules.text("ftpd_banner")) {
        (Some(file), _) => {
            rules.give_text("banner_file", "bannerfile", file);
            rules.nothing("ftpd_banner", "banner_file goes before it");
        }
        (None, Some(text)) => rules.give_text("ftpd_banner", "banner", &text),
        (None, None) => rules.nothing("ftpd_banner", "none"),
    }
    if file.is_none() {
        rules.nothing("banner_file", "none");
    }
}

fn logs(rules: &mut Rules<'_>) {
    const OWN_FORM: &str =
        "there is no log in vsftpd's own form; logins and transfers are in the server's log";
    let (is_on, both) = (rules.yes("xferlog_enable"), rules.yes("dual_log_enable"));
    let standard = both || (is_on && rules.yes("xferlog_std_format"));
    if standard {
        let key = if both {
            "dual_log_enable"
        } else {
            "xferlog_enable"
        };
        match rules.text("xferlog_file") {
            Some(file) => rules.give_text(key, "altlog", &[b"xferlog:", file.as_slice()].concat()),
            None => rules.refuse(key, "xferlog_file names no file", "name one"),
        }
    }
    if both {
        rules.nothing("xferlog_enable", "see dual_log_enable");
    } else if !standard {
        match is_on {
            true => rules.ignore("xferlog_enable", OWN_FORM),
            false => rules.nothing("xferlog_enable", "no further log"),
        }
        rules.nothing("dual_log_enable", "no further log");
    } else {
        rules.nothing("dual_log_enable", "see xferlog_enable");
    }
    rules.all_nothing(
        &["xferlog_file", "xferlog_std_format"],
        "it is for xferlog_enable",
    );
    match both || (is_on && !standard) {
        true => rules.ignore("vsftpd_log_file", OWN_FORM),
        false => rules.nothing("vsftpd_log_file", "vsftpd would write nothing to it"),
    }
    match rules.yes("syslog_enable") {
        true => rules.give("syslog_enable", "syslogfacility", "ftp"),
        false => rules.nothing("syslog_enable", "as without it"),
    }
    match rules.yes("log_ftp_protocol") {
        true => {
            rules.switch("log_ftp_protocol", "verboselog");
            rules.switch("log_ftp_protocol", "verboselog");
        }
        false => rules.nothing("log_ftp_protocol", "as without it"),
    }
    rules.nothing("no_log_lock", "one process writes the log");
}

/// TLS: who has to encrypt what, with what.
fn tls(rules: &mut Rules<'_>) {
    if !rules.yes("ssl_enable") {
        rules.nothing("ssl_enable", "clear text, as without it");
        return rules.all_nothing(OF_TLS, "without effect, as ssl_enable is NO");
    }
    let binds_users = protection(rules);
    certificate(rules);
    clients(rules, binds_users);
    versions(rules);
    rules.give_text(
        "ssl_ciphers",
        "tlsciphersuite",
        &rules.text("ssl_ciphers").unwrap_or_default(),
    );
    for (key, yes, long) in [
        ("implicit_ssl", true, "implicittls"),
        ("require_ssl_reuse", true, "requiretlsreuse"),
        ("strict_ssl_read_eof", false, "tlslaxclose"),
    ] {
        match rules.yes(key) == yes {
            true => rules.switch(key, long),
            false => rules.nothing(key, "as without it"),
        }
    }
    rules.ignore("debug_ssl", "what was agreed on is logged for each session");
    rules.nothing(
        "strict_ssl_write_shutdown",
        "each direction is ended as TLS asks for",
    );
}

/// `-Y` has one level for all, and `--tlsfor` says whom it binds, so that one of two kinds may do without. Gives whether users
/// are bound.
fn protection(rules: &mut Rules<'_>) -> bool {
    let keys = [
        "allow_anon_ssl",
        "force_anon_data_ssl",
        "force_anon_logins_ssl",
        "force_local_data_ssl",
        "force_local_logins_ssl",
    ];
    let level = |logins: bool, data: bool| match (logins, data) {
        (false, false) => Some("1"),
        (true, false) => Some("2"),
        (true, true) => Some("3"),
        (false, true) => None,
    };
    let strangers = rules
        .yes("anonymous_enable")
        .then(|| match rules.yes("allow_anon_ssl") {
            true => level(
                rules.yes("force_anon_logins_ssl"),
                rules.yes("force_anon_data_ssl"),
            ),
            // There an anonymous client that uses TLS is refused, which protects nobody.
            false => Some("1"),
        });
    let users = rules.yes("local_enable").then(|| {
        level(
            rules.yes("force_local_logins_ssl"),
            rules.yes("force_local_data_ssl"),
        )
    });
    let all = match (strangers, users) {
        (Some(strangers), Some(users)) if strangers == users => users.map(|level| (level, None)),
        (Some(Some("1")), Some(Some(level))) => Some((level, Some("users"))),
        (Some(Some(level)), Some(Some("1"))) => Some((level, Some("anonymous"))),
        (Some(_), Some(_)) => None,
        (Some(one), None) | (None, Some(one)) => one.map(|level| (level, None)),
        (None, None) => Some(("1", None)),
    };
    match all {
        Some((level, whom)) => {
            rules.give("ssl_enable", "tls", level);
            if let Some(whom) = whom {
                rules.give("ssl_enable", "tlsfor", whom);
            }
        }
        None => rules.refuse(
            "ssl_enable",
            "encryption is asked for first for logins and then for data, and as much from anonymous clients as from others or not at all",
            "set force_anon_logins_ssl and force_anon_data_ssl as force_local_logins_ssl and force_local_data_ssl are, or \
             allow_anon_ssl=NO; where data is forced, force logins too",
        ),
    }
    rules.all_nothing(&keys, "told with ssl_enable");
    matches!(all, Some((level, whom)) if level != "1" && whom != Some("anonymous"))
}

/// Certificates of clients: without validate_cert whatever they show is as good as nothing.
fn clients(rules: &mut Rules<'_>, binds_users: bool) {
    let keys = [
        "ca_certs_file",
        "require_cert",
        "ssl_request_cert",
        "validate_cert",
    ];
    let (required, validated) = (rules.yes("require_cert"), rules.yes("validate_cert"));
    let asked = required || rules.yes("ssl_request_cert");
    let file = rules.text("ca_certs_file");
    let (said, reason, cure) = match (&file, required, validated) {
        (_, false, false) => {
            return rules.all_nothing(&keys, "whatever a client shows changes nothing");
        }
        (_, false, true) if !asked => return rules.all_nothing(&keys, "clients are not asked"),
        (_, true, false) => (
            "require_cert",
            "a certificate that anybody can make for himself keeps nobody out",
            "set validate_cert=YES with ca_certs_file, or require_cert=NO",
        ),
        (None, _, true) => (
            "validate_cert",
            "nothing says who vouches for clients",
            "name them with ca_certs_file",
        ),
        (Some(_), true, true) if !binds_users => (
            "require_cert",
            "clients without TLS would show no certificate",
            "set force_local_logins_ssl=YES, or require_cert=NO",
        ),
        (Some(file), _, true) => {
            let (said, when) = match required {
                true => ("require_cert", "required"),
                false => ("validate_cert", "optional"),
            };
            rules.give_text("ca_certs_file", "tlsclientca", file);
            rules.give(said, "tlsclientcert", when);
            let others = keys
                .into_iter()
                .filter(|key| *key != said && *key != keys[0]);
            return rules.all_nothing(&others.collect::<Vec<_>>(), "told with ca_certs_file");
        }
    };
    rules.refuse(said, reason, cure);
    let others = keys.into_iter().filter(|key| *key != said);
    rules.all_nothing(
        &others.collect::<Vec<_>>(),
        "see the others about certificates of clients",
    );
}

fn certificate(rules: &mut Rules<'_>) {
    let certificate = rules.text("rsa_cert_file").unwrap_or_default();
    let both = match rules.text("rsa_private_key_file") {
        Some(key) => [certificate.as_slice(), b",", key.as_slice()].concat(),
        None => certificate,
    };
    rules.give_text("rsa_cert_file", "certfile", &both);
    rules.nothing("rsa_private_key_file", "told with rsa_cert_file");
    for key in ["dsa_cert_file", "dsa_private_key_file"] {
        match rules.text(key) {
            Some(_) => rules.refuse(
                key,
                "keys of this kind are not used any more",
                "remove it, with a certificate for RSA or ECDSA in rsa_cert_file",
            ),
            None => rules.nothing(key, "none"),
        }
    }
    match rules.text("ssl_sni_hostname") {
        Some(_) => rules.refuse(
            "ssl_sni_hostname",
            "clients that ask for another name are served as well",
            "remove it",
        ),
        None => rules.nothing("ssl_sni_hostname", "none"),
    }
}

fn versions(rules: &mut Rules<'_>) {
    for key in ["ssl_sslv2", "ssl_sslv3", "ssl_tlsv1", "ssl_tlsv11"] {
        match rules.yes(key) {
            true => rules.ignore(key, "there is nothing older than TLS 1.2 here"),
            false => rules.nothing(key, "as without it"),
        }
    }
    let newest = "ssl_tlsv13";
    match (rules.yes("ssl_tlsv12"), rules.yes(newest)) {
        (true, true) => rules.nothing("ssl_tlsv12", "as without it"),
        (true, false) => {
            rules.nothing("ssl_tlsv12", "as without it");
            rules.ignore(newest, "TLS 1.3 is spoken with whoever can");
            return;
        }
        (false, true) => rules.give("ssl_tlsv12", "tlsminversion", "1.3"),
        (false, false) => rules.refuse(
            "ssl_tlsv12",
            "no version would be left",
            "set it or ssl_tlsv13 to YES",
        ),
    }
    rules.nothing(newest, "as without it");
}

fn inside(rules: &mut Rules<'_>) {
    rules.all_nothing(INSIDE, "how the server confines itself has no switch");
    tuning(rules);
    as_whom_and_what(rules);
}

fn tuning(rules: &mut Rules<'_>) {
    match rules.number("trans_chunk_size") {
        0 => rules.nothing("trans_chunk_size", "as without it"),
        _ => rules.ignore(
            "trans_chunk_size",
            "the server chooses how much it moves at once",
        ),
    }
    rules.nothing("use_sendfile", "the server chooses how it moves data");
}

fn as_whom_and_what(rules: &mut Rules<'_>) {
    if rules.yes("run_as_launching_user") {
        rules.refuse(
            "run_as_launching_user",
            "a server that root started never serves with root's rights",
            "remove it, and start the server as the user it is to act as",
        );
    } else {
        rules.nothing("run_as_launching_user", "as without it");
    }
    for (key, usual, reason, cure) in [
        (
            "ftp_enable",
            true,
            "nothing would be served",
            "remove it, or start no server",
        ),
        (
            "http_enable",
            false,
            "there is no HTTP",
            "remove it, and start a web server",
        ),
    ] {
        match rules.yes(key) == usual {
            true => rules.nothing(key, "as without it"),
            false => rules.refuse(key, reason, cure),
        }
    }
}
