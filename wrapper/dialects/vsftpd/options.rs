//! Every option of vsftpd 3.0.5 and the three that Debian adds: its kind, what it is without a line, what becomes of it.

use super::super::{Fate, Row};
use Fate::{Flag, Flags, Ignored, Nothing, Refused};
use Kind::{Number, Text, Yes};

/// Variant of vsftpd as Debian builds it.
pub(super) const DEBIAN: &str = "debian";

/// Variant of vsftpd as its author builds it.
pub(super) const UPSTREAM: &str = "upstream";

/// The kind of an option, with its value where no line sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Yes or no.
    Yes(bool),
    /// A whole number.
    Number(u32),
    /// Text, of this form; empty where there is none.
    Text(&'static str, &'static str),
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Its name; case counts.
    pub(super) key: &'static str,
    /// Its kind and its value without a line.
    pub(super) kind: Kind,
    /// The same in Debian's build, where it differs.
    in_debian: Option<Kind>,
    /// Whether Debian alone has it.
    pub(super) is_debians: bool,
    fate: Fate,
    sentence: &'static str,
}

impl Known {
    /// Its value without a line.
    pub(super) fn default(&self, variant: &str) -> Kind {
        let debian = self.in_debian.filter(|_| variant == DEBIAN);
        debian.unwrap_or(self.kind)
    }

    const fn debian(self, kind: Kind) -> Known {
        Known {
            in_debian: Some(kind),
            ..self
        }
    }

    const fn only_debian(self) -> Known {
        Known {
            is_debians: true,
            ..self
        }
    }
}

const fn o(key: &'static str, kind: Kind, fate: Fate, sentence: &'static str) -> Known {
    Known {
        key,
        kind,
        in_debian: None,
        is_debians: false,
        fate,
        sentence,
    }
}

/// The option of this name.
pub(super) fn find(key: &[u8]) -> Option<&'static Known> {
    OPTIONS.iter().find(|option| option.key.as_bytes() == key)
}

/// The table for the manual page.
pub(super) fn rows() -> Vec<Row> {
    let row = |option: &Known| Row {
        key: option.key,
        value: match option.kind {
            Yes(_) => "yes or no",
            Number(_) => "number",
            Text(form, _) => form,
        },
        fate: option.fate,
        sentence: option.sentence,
    };
    OPTIONS.iter().map(row).collect()
}

const INSIDE: &str = "how the server confines itself has no switch";
const TUNING: &str = "it tunes vsftpd's own ways";

/// All of them, in alphabetical order.
#[rustfmt::skip]
pub(super) const OPTIONS: &[Known] = &[
    o("accept_timeout", Number(60), Flag("accepttimeout"), "Given even without a line, as 60 seconds."),
    o("allow_anon_ssl", Yes(false), Flag("tls"), "See ssl_enable."),
    o("allow_writeable_chroot", Yes(false), Flag("refusewritableroot"), "vsftpd allows it to users, never to anonymous: YES gives the flag where anonymous may log in and no users are kept in, and a warning where they are. NO, which also holds without a line, has users who are kept in a directory they can write refused, and a server not started whose anonymous root is one."),
    o("anon_max_rate", Number(0), Flags(&["anonymousbandwidth", "userbandwidth"]), "Bytes a second become KiB, rounded down; below 1024 it is refused. A limit for users other than that for anonymous can be told only when it is none."),
    o("anon_mkdir_write_enable", Yes(false), Flag("anonymouscancreatedirs"), "Directories are made only where uploads are allowed as well."),
    o("anon_other_write_enable", Yes(false), Refused("leave it out; virtual users may overwrite and delete with virtual_use_local_privs=YES"), "Anonymous never overwrites, deletes or renames."),
    o("anon_root", Text("directory", ""), Flag("anonymousroot"), ""),
    o("anon_umask", Number(0o077), Flags(&["umask", "anonymousumask"]), "Both bits of files and of directories follow from it and from file_open_mode. Given even without a line, as 077."),
    o("anon_upload_enable", Yes(false), Flags(&["anonymousupload", "anonymouscantupload"]), "NO, which also holds without a line, becomes -i."),
    o("anon_world_readable_only", Yes(true), Flag("worldreadableonly"), "Given even without a line."),
    o("anonymous_enable", Yes(true), Flags(&["noanonymous", "allowdotfiles", "anonymousreadown"]), "NO becomes -E. YES, which also holds without a line, becomes -z and --anonymousreadown, as vsftpd has no rules about names that begin with a dot or about the owner of a file."),
    o("ascii_download_enable", Yes(false), Ignored, "line ends are converted for whoever asks with TYPE A, as the standard has it"),
    o("ascii_upload_enable", Yes(false), Ignored, "line ends are converted for whoever asks with TYPE A, as the standard has it"),
    o("async_abor_enable", Yes(false), Nothing, "ABOR acts during a transfer"),
    o("background", Yes(false), Flag("daemonize"), ""),
    o("banned_email_file", Text("file", "/etc/vsftpd.banned_emails"), Nothing, "See deny_email_enable."),
    o("banner_file", Text("file", ""), Flag("bannerfile"), "It goes before ftpd_banner."),
    o("ca_certs_file", Text("file", ""), Flag("tlsclientca"), "Given with validate_cert alone."),
    o("check_shell", Yes(true), Flag("anyshell"), "NO gives the flag with --login unix. PAM looks at shells where it is told to, whatever this says."),
    o("chmod_enable", Yes(true), Flag("nochmod"), "NO gives the flag."),
    o("chown_upload_mode", Number(0o600), Flag("chownuploads"), "Given with chown_uploads alone."),
    o("chown_uploads", Yes(false), Flag("chownuploads"), "With the user of chown_username and the mode of chown_upload_mode, where anonymous may upload."),
    o("chown_username", Text("user", "root"), Flag("chownuploads"), "Given with chown_uploads alone."),
    o("chroot_list_enable", Yes(false), Flags(&["chrootlist", "nochrootlist"]), "The file of chroot_list_file names who is kept in, or who is not where chroot_local_user is YES."),
    o("chroot_list_file", Text("file", "/etc/vsftpd.chroot_list"), Flags(&["chrootlist", "nochrootlist"]), "Given with chroot_list_enable alone."),
    o("chroot_local_user", Yes(false), Flag("chrooteveryone"), ""),
    o("cmds_allowed", Text("list of commands", ""), Flag("allowcommands"), "Commands in upper case with commas between them. Of SITE, CHMOD and HELP are allowed."),
    o("cmds_denied", Text("list of commands", ""), Flag("denycommands"), "Commands in upper case with commas between them. Those that vsftpd does not have and that would tell or do the same are added: MLSD and MLST for LIST, NLST, SIZE and MDTM, MFMT and SITE UTIME for MDTM."),
    o("connect_from_port_20", Yes(false), Flag("activeport"), "With the port of ftp_data_port."),
    o("connect_timeout", Number(60), Ignored, "the time of accept_timeout holds for data connections of either kind"),
    o("data_connection_timeout", Number(300), Flag("datatimeout"), "Given even without a line, as 300 seconds."),
    o("debug_ssl", Yes(false), Ignored, "what was agreed on is logged for each session"),
    o("delay_failed_login", Number(1), Nothing, "each failed login is answered three seconds later or more; a longer delay is refused"),
    o("delay_successful_login", Number(0), Ignored, "a login that succeeds is not delayed"),
    o("delete_failed_uploads", Yes(false), Flag("notruncate"), "An upload that fails leaves nothing, and a file that had the name before is left as it was."),
    o("deny_email_enable", Yes(false), Refused("turn clients away by address with --denyfrom behind --, and remove it"), "Anonymous is not asked for a password."),
    o("deny_file", Text("pattern", ""), Flag("denyfiles"), "Each of the names between braces becomes a flag; a text without stars and question marks stands for names that hold it. What it denies is not listed either. A pattern that holds a slash is refused."),
    o("dirlist_enable", Yes(true), Flag("nolist"), "NO gives the flag."),
    o("dirmessage_enable", Yes(false), Ignored, "the file .message of a directory is always shown; YES is fine"),
    o("download_enable", Yes(true), Flag("nodownload"), "NO gives the flag."),
    o("download_file", Text("pattern", ""), Refused("deny the others with deny_file, and remove it"), "Debian alone has it.").only_debian(),
    o("dsa_cert_file", Text("file", ""), Refused("remove it, with a certificate for RSA or ECDSA in rsa_cert_file"), "Keys of this kind are not used any more."),
    o("dsa_private_key_file", Text("file", ""), Refused("remove it, with a certificate for RSA or ECDSA in rsa_cert_file"), "Keys of this kind are not used any more."),
    o("dual_log_enable", Yes(false), Flag("altlog"), "Of its two logs the one that xferlog_file names is written."),
    o("email_password_file", Text("file", "/etc/vsftpd.email_passwords"), Nothing, "See secure_email_list_enable."),
    o("file_open_mode", Number(0o666), Flag("umask"), "See anon_umask."),
    o("force_anon_data_ssl", Yes(false), Flag("tls"), "See ssl_enable."),
    o("force_anon_logins_ssl", Yes(false), Flag("tls"), "See ssl_enable."),
    o("force_dot_files", Yes(false), Flag("displaydotfiles"), ""),
    o("force_local_data_ssl", Yes(true), Flag("tls"), "See ssl_enable."),
    o("force_local_logins_ssl", Yes(true), Flag("tls"), "See ssl_enable."),
    o("ftp_data_port", Number(20), Flag("activeport"), "Given with connect_from_port_20 alone."),
    o("ftp_enable", Yes(true), Refused("remove it, or start no server"), "NO is refused, as nothing would be served."),
    o("ftp_username", Text("user", "ftp"), Flag("anonymoususer"), ""),
    o("ftpd_banner", Text("text", ""), Flag("banner"), ""),
    o("guest_enable", Yes(false), Flags(&["mapusers", "mapusersasanonymous", "chrooteveryone", "allowdotfiles", "anonymousreadown"]), "All who log in with a password act as the user of guest_username. Unless virtual_use_local_privs is YES they are held to the rules for anonymous and kept in."),
    o("guest_username", Text("user", "ftp"), Flag("mapusers"), "Given with guest_enable alone."),
    o("hide_file", Text("pattern", ""), Flag("hidefiles"), "As for deny_file."),
    o("hide_ids", Yes(false), Flag("hideids"), ""),
    o("http_enable", Yes(false), Refused("remove it, and start a web server"), "There is no HTTP."),
    o("idle_session_timeout", Number(300), Flag("idletimeout"), "Given even without a line, as 300 seconds. 0, which is no limit, becomes a year."),
    o("implicit_ssl", Yes(false), Flag("implicittls"), "Data connections are then protected unless the client says PROT C."),
    o("isolate", Yes(true), Nothing, INSIDE),
    o("isolate_network", Yes(true), Nothing, INSIDE),
    o("listen", Yes(true), Flags(&["ipv4only", "bind"]), "NO, which is Debian's value without a line, together with no listen_ipv6 needs no flag: the server finds out by itself that inetd started it.").debian(Yes(false)),
    o("listen_address", Text("address", ""), Flag("bind"), "Only with listen."),
    o("listen_address6", Text("address", ""), Flag("bind"), "Only with listen_ipv6."),
    o("listen_ipv6", Yes(false), Flag("bind"), "Both families are served. With listen as well it is refused, as vsftpd does."),
    o("listen_port", Number(21), Flag("bind"), ""),
    o("local_enable", Yes(false), Flags(&["anonymousonly", "login", "pamservice", "denyusers"]), "NO, which also holds without a line, becomes -e. YES becomes -l pam, unless --login names another method. With --login unix the names in /etc/ftpusers stay out."),
    o("local_max_rate", Number(0), Flag("userbandwidth"), "See anon_max_rate."),
    o("local_root", Text("directory", ""), Flag("userroot"), "The text of user_sub_token in it becomes $USER."),
    o("local_umask", Number(0o077), Flag("umask"), "See anon_umask. Given even without a line, as 077."),
    o("lock_upload_files", Yes(true), Ignored, "files are not locked; an upload shows only when it is whole with -0"),
    o("log_ftp_protocol", Yes(false), Flag("verboselog"), "Twice, so that replies are logged as well."),
    o("ls_recurse_enable", Yes(false), Flag("limitrecursion"), "NO, which also holds without a line, becomes a single level. With YES listings end after 10000 names and 5 levels."),
    o("max_clients", Number(2000), Flag("maxclientsnumber"), "With listen or listen_ipv6, and then even without a line. 0, which is no limit, becomes a million."),
    o("max_login_fails", Number(3), Flag("maxloginfailures"), ""),
    o("max_per_ip", Number(50), Flag("maxclientsperip"), "With listen or listen_ipv6, and then even without a line; not for 0, which is no limit."),
    o("mdtm_write", Yes(true), Flag("denycommands"), "NO, where users may write, denies MFMT and SITE UTIME."),
    o("message_file", Text("name", ".message"), Ignored, "the name is .message"),
    o("no_anon_password", Yes(false), Nothing, "anonymous is not asked for a password, and vsftpd takes any"),
    o("no_log_lock", Yes(false), Nothing, "one process writes the log"),
    o("nopriv_user", Text("user", "nobody"), Nothing, INSIDE),
    o("one_process_model", Yes(false), Nothing, "one process serves all; with local_enable it is refused, as vsftpd then serves nobody"),
    o("pam_service_name", Text("name", "ftp"), Flag("pamservice"), "With local_enable, even without a line.").debian(Text("name", "vsftpd")),
    o("passwd_chroot_enable", Yes(false), Nothing, "in a home of the form /jail/./start the jail always ends before the dot; refused where that would give more than NO does, or where /etc/passwd cannot be read"),
    o("pasv_addr_resolve", Yes(false), Flag("forcepassiveip"), "A name in pasv_address needs it."),
    o("pasv_address", Text("address", ""), Flag("forcepassiveip"), ""),
    o("pasv_enable", Yes(true), Flag("natmode"), "NO gives the flag."),
    o("pasv_max_port", Number(0), Flag("passiveportrange"), "Together with pasv_min_port."),
    o("pasv_min_port", Number(5001), Flag("passiveportrange"), "Together with pasv_max_port. vsftpd's bounds where one is missing are 5001 and 65535."),
    o("pasv_promiscuous", Yes(false), Flags(&["allowuserfxp", "allowanonymousfxp"]), "Only together with port_promiscuous; YES alone is ignored with a warning, and data connections from other addresses stay refused."),
    o("port_enable", Yes(true), Flag("noactive"), "NO gives the flag."),
    o("port_promiscuous", Yes(false), Flags(&["allowuserfxp", "allowanonymousfxp"]), "Only together with pasv_promiscuous; YES alone is ignored with a warning, and data connections to other addresses stay refused."),
    o("ptrace_sandbox", Yes(false), Nothing, INSIDE),
    o("require_cert", Yes(false), Flag("tlsclientcert"), "YES with validate_cert, ca_certs_file and force_local_logins_ssl is required. Without validate_cert it is refused: any certificate would do."),
    o("require_ssl_reuse", Yes(true), Flag("requiretlsreuse"), "Given even without a line, where ssl_enable is YES."),
    o("rsa_cert_file", Text("file", "/usr/share/ssl/certs/vsftpd.pem"), Flag("certfile"), "With the key of rsa_private_key_file. Given even without a line, where ssl_enable is YES."),
    o("rsa_private_key_file", Text("file", ""), Flag("certfile"), "Given with rsa_cert_file."),
    o("run_as_launching_user", Yes(false), Refused("remove it, and start the server as that user"), "A server that root started never serves with root's rights; one that another user started needs no such setting."),
    o("seccomp_sandbox", Yes(true), Nothing, INSIDE).debian(Yes(false)),
    o("secure_chroot_dir", Text("directory", "/usr/share/empty"), Nothing, INSIDE).debian(Text("directory", "/var/run/vsftpd/empty")),
    o("secure_email_list_enable", Yes(false), Refused("give those who know the secret an account in a database of wharf-pw, and remove it"), "Anonymous is not asked for a password."),
    o("session_support", Yes(false), Flag("nopamsession"), "With NO, which also holds without a line, where passwords are PAM's. YES needs no flag, and has nothing written to utmp and wtmp."),
    o("setproctitle_enable", Yes(false), Ignored, "one process serves all, and its title does not change"),
    o("ssl_ciphers", Text("ciphers", "ECDHE-RSA-AES256-GCM-SHA384"), Flag("tlsciphersuite"), "Given even without a line, where ssl_enable is YES."),
    o("ssl_enable", Yes(false), Flags(&["tls", "tlsfor"]), "Without forced logins it is 1, with them 2, with forced data as well 3. Where it is forced from anonymous or from others only, --tlsfor says so; different levels of force are refused."),
    o("ssl_request_cert", Yes(true), Nothing, "Clients are asked where validate_cert has what they show looked at."),
    o("ssl_sni_hostname", Text("name", ""), Refused("remove it"), "Clients that ask for another name are served as well."),
    o("ssl_sslv2", Yes(false), Ignored, "there is nothing older than TLS 1.2 here"),
    o("ssl_sslv3", Yes(false), Ignored, "there is nothing older than TLS 1.2 here"),
    o("ssl_tlsv1", Yes(false), Ignored, "there is nothing older than TLS 1.2 here"),
    o("ssl_tlsv11", Yes(false), Ignored, "there is nothing older than TLS 1.2 here"),
    o("ssl_tlsv12", Yes(true), Flag("tlsminversion"), "NO becomes 1.3."),
    o("ssl_tlsv13", Yes(true), Ignored, "TLS 1.3 is spoken with whoever can"),
    o("strict_ssl_read_eof", Yes(true), Flag("tlslaxclose"), "NO gives the flag."),
    o("strict_ssl_write_shutdown", Yes(false), Nothing, "Each direction is ended as TLS asks for."),
    o("syslog_enable", Yes(false), Flag("syslogfacility"), "The facility is ftp."),
    o("tcp_wrappers", Yes(false), Refused("say with --allowfrom and --denyfrom behind -- who may connect, or start the server from inetd through tcpd, and remove it"), "The files hosts.allow and hosts.deny are not read, nor the configurations they load for an address."),
    o("text_userdb_names", Yes(false), Ignored, "names of owners are shown where they are known; YES is fine"),
    o("tilde_user_enable", Yes(false), Ignored, "~ alone means the home, and ~user no directory; NO is fine"),
    o("trans_chunk_size", Number(0), Ignored, TUNING),
    o("upload_file", Text("pattern", ""), Refused("deny the others with deny_file, and remove it"), "Debian alone has it.").only_debian(),
    o("use_localtime", Yes(false), Ignored, "listings are in local time; start the server with TZ=UTC for the other. YES is fine"),
    o("use_sendfile", Yes(true), Nothing, TUNING),
    o("user_config_dir", Text("directory", ""), Flag("userflags"), "Each file is laid over this one and becomes a flag for its user, unless it changes nothing. The files are read when the server starts. Flags behind -- do not reach such a user."),
    o("user_sub_token", Text("text", ""), Flag("userroot"), "See local_root."),
    o("userlist_deny", Yes(true), Flags(&["denyusers", "userlist"]), "Given with userlist_enable alone."),
    o("userlist_enable", Yes(false), Flags(&["denyusers", "userlist"]), "The file of userlist_file names who may not log in, or who may where userlist_deny is NO. It is read when the server starts."),
    o("userlist_file", Text("file", "/etc/vsftpd.user_list"), Flags(&["denyusers", "userlist"]), "Given with userlist_enable alone."),
    o("utf8_filesystem", Yes(false), Nothing, "names are bytes, and FEAT tells UTF8").only_debian(),
    o("validate_cert", Yes(false), Flags(&["tlsclientca", "tlsclientcert"]), "YES with ca_certs_file asks for certificates and refuses bad ones, and without require_cert takes clients that have none. NO needs no flag."),
    o("virtual_use_local_privs", Yes(false), Flag("mapusersasanonymous"), "NO, which also holds without a line, gives the flag with guest_enable."),
    o("vsftpd_log_file", Text("file", "/var/log/vsftpd.log"), Ignored, "there is no log in vsftpd's own form; logins and transfers are in the server's log"),
    o("write_enable", Yes(false), Flag("readonly"), "NO, which also holds without a line, gives the flag."),
    o("xferlog_enable", Yes(false), Flag("altlog"), "With xferlog_std_format, to the file of xferlog_file. Without, it is ignored with a warning, as there is no log in vsftpd's own form."),
    o("xferlog_file", Text("file", "/var/log/xferlog"), Flag("altlog"), "Given with xferlog_enable and xferlog_std_format, or with dual_log_enable."),
    o("xferlog_std_format", Yes(false), Flag("altlog"), "See xferlog_enable."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_options_as_vsftpd_and_debian_have() {
        let count = |fits: fn(&Known) -> bool| OPTIONS.iter().filter(|option| fits(option)).count();
        assert_eq!(count(|option| matches!(option.kind, Yes(_))), 84);
        assert_eq!(count(|option| matches!(option.kind, Number(_))), 20);
        assert_eq!(count(|option| matches!(option.kind, Text(..))), 35);
        assert_eq!(count(|option| option.is_debians), 3);
        assert!(OPTIONS.is_sorted_by_key(|option| option.key));
    }

    #[test]
    fn debian_changes_four_values_that_no_line_sets() {
        let differ = OPTIONS
            .iter()
            .filter(|option| option.default(DEBIAN) != option.default(UPSTREAM));
        let keys: Vec<_> = differ.map(|option| option.key).collect();
        let expected = [
            "listen",
            "pam_service_name",
            "seccomp_sandbox",
            "secure_chroot_dir",
        ];
        assert_eq!(keys, expected);
    }
}
