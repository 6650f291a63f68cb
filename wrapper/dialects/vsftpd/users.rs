//! user_config_dir: for each user a file, whose lines are laid over those of the main file once the user has logged in.
//!
//! What holds for the user then goes through the same rules as the main file, and becomes one `--userflags`, unless it is
//! what holds for everybody. What vsftpd has decided before it reads such a file says nothing in it; what it would change
//! and the server cannot tell apart by user is refused.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::settings::{Rules, Settings, Value};
use super::who::{self, Groups};
use super::{LARGEST, is_blank, network, read_line, rest};
use crate::flags::quoted_line;
use crate::settings::is_for_one_account;
use crate::wrapper::files::{Files, Text};
use crate::wrapper::print;
use crate::wrapper::translation::{Finding, Flag, Origin, Outcome, Translation};

const KEY: &str = "user_config_dir";

/// What anonymous sessions are called by `--userflags`.
const ANONYMOUS: &[u8] = b"ftp";

/// The longest word the kernel passes to a program (execve(2)), and what all may have together here.
const LONGEST_WORD: usize = 128 * 1024 - 1;
const LONGEST_LINE: usize = 1 << 20;

/// What vsftpd is done with before it reads the file of a user.
const EARLY: &[&str] = &[
    "anonymous_enable",
    "background",
    "banned_email_file",
    "banner_file",
    "check_shell",
    "chroot_list_enable",
    "chroot_list_file",
    "chroot_local_user",
    "delay_failed_login",
    "delay_successful_login",
    "deny_email_enable",
    "email_password_file",
    "ftp_username",
    "ftpd_banner",
    "isolate",
    "isolate_network",
    "listen",
    "listen_address",
    "listen_address6",
    "listen_ipv6",
    "listen_port",
    "local_enable",
    "max_clients",
    "max_login_fails",
    "max_per_ip",
    "no_anon_password",
    "nopriv_user",
    "one_process_model",
    "pam_service_name",
    "secure_chroot_dir",
    "secure_email_list_enable",
    "session_support",
    "tcp_wrappers",
    "user_config_dir",
    "userlist_deny",
    "userlist_enable",
    "userlist_file",
];

/// What is written where.
const LOGS: &[&str] = &[
    "debug_ssl",
    "dual_log_enable",
    "log_ftp_protocol",
    "no_log_lock",
    "setproctitle_enable",
    "syslog_enable",
    "vsftpd_log_file",
    "xferlog_enable",
    "xferlog_file",
    "xferlog_std_format",
];

/// What vsftpd would do for one user, and the server does for all.
const FOR_ALL: &[&str] = &[
    "allow_writeable_chroot",
    "anon_root",
    "chown_upload_mode",
    "chown_uploads",
    "chown_username",
    "ftp_enable",
    "guest_enable",
    "guest_username",
    "http_enable",
    "passwd_chroot_enable",
    "pasv_addr_resolve",
    "pasv_address",
    "run_as_launching_user",
    "ssl_enable",
    "virtual_use_local_privs",
];

/// The same, under TLS alone.
const FOR_ALL_UNDER_TLS: &[&str] = &[
    "force_anon_data_ssl",
    "force_local_data_ssl",
    "require_ssl_reuse",
    "strict_ssl_read_eof",
];

/// Speaks of the setting; gives the folder if there is one.
pub(super) fn folder(rules: &mut Rules<'_>, files: &Files) -> Option<PathBuf> {
    let Some(folder) = rules.text(KEY) else {
        rules.nothing(KEY, "none");
        return None;
    };
    let folder = PathBuf::from(OsString::from_vec(folder));
    if !folder.is_absolute() {
        rules.refuse(
            KEY,
            "vsftpd looks for it below the folder it is started in",
            "write a folder that begins with /",
        );
        return None;
    }
    if !files.is_on_disk(&folder) {
        rules.ignore(
            KEY,
            "there is no such folder, so nobody has settings of their own; start the server again once there is",
        );
        return None;
    }
    rules.warn(
        KEY,
        "the files in it are read when the server starts, and not at each login: start it again after a change",
    );
    Some(folder)
}

/// Takes the files in the folder, over the settings of the main file.
pub(super) fn translate(
    folder: &Path,
    main: &Settings,
    files: &mut Files,
    translation: &mut Translation,
) {
    let origin = main.origin(KEY);
    let names = match files.names(folder) {
        Ok(names) => names,
        Err(why) => {
            let reason = format!("{}: {}", print::shown_path(folder), why.reason);
            return translation.refuse(&origin, &reason, &why.cure);
        }
    };
    let mut seen = BTreeSet::new();
    for name in names {
        let path = folder.join(&name);
        let whole = Origin::file(&path.as_path().into());
        let name = name.as_bytes();
        if name.starts_with(b".") {
            let why = "taken for no file of a user, as its name begins with a dot";
            translation.ignore(&whole, why);
        } else if !seen.insert(name.to_ascii_lowercase()) {
            translation.refuse(
                &whole,
                "another file is for a name that differs in capitals only, and the server holds both users to one",
                "remove one of the two",
            );
        } else {
            match files.read(&path) {
                Ok(text) => User { main, name, whole }.translate(&text, files, translation),
                Err(why) => translation.refuse(&whole, &why.reason, &why.cure),
            }
        }
    }
    let words = translation.words(&[]);
    if words.iter().map(|word| word.len() + 1).sum::<usize>() > LONGEST_LINE {
        translation.refuse(
            &origin,
            "with the settings of all users the command line becomes longer than 1 MiB",
            "move what the files have in common to the main file",
        );
    }
}

/// A file of the folder.
struct User<'a> {
    main: &'a Settings,
    name: &'a [u8],
    whole: Origin,
}

impl User<'_> {
    fn translate(&self, text: &Text, files: &mut Files, translation: &mut Translation) {
        let Some(lines) = self.read(text, translation) else {
            return;
        };
        let sessions = self.sessions();
        if sessions.is_empty() {
            return lines.say_of_all(
                translation,
                "nobody logs in by this name, as the main file has it",
            );
        }
        if self.name.contains(&b':') {
            return translation.refuse(
                &self.whole,
                "the server cannot tell a user by a name with a colon",
                "remove the file, or give the user another name",
            );
        }
        let lines = self.sift(lines, translation);
        for (name, is_anonymous) in sessions {
            let base = account(&self.main.of_session(is_anonymous), files);
            let laid_over = self.main.with(&lines);
            let own = account(&laid_over.of_session(is_anonymous), files);
            self.speak(&own, &base, &lines, translation);
            self.give(name, &own, &base, translation);
        }
    }

    /// The lines; none where one of them is not understood.
    fn read(&self, text: &Text, translation: &mut Translation) -> Option<Settings> {
        if text.bytes.len() > LARGEST {
            translation.refuse(
                &self.whole,
                "vsftpd reads the first 100000 bytes only",
                "remove comments until the file is shorter",
            );
            return None;
        }
        let before = translation.refusals().len();
        let mut lines = Settings::new(self.whole.clone(), self.main.variant());
        for (number, line) in text.lines().filter(|(_, line)| !is_blank(line)) {
            read_line(&text.path, Some(number), line, &mut lines, translation);
        }
        match translation.refusals().len() > before {
            true => {
                lines.say_unjudged(translation);
                None
            }
            false => Some(lines),
        }
    }

    /// Which sessions the file is for: a name for the server, and whether it is that of anonymous.
    fn sessions(&self) -> Vec<(&[u8], bool)> {
        let mut scratch = Translation::default();
        let rules = self.main.clone().rules(&mut scratch);
        let groups = Groups::of(&rules);
        let mut sessions = Vec::new();
        if groups.anonymous && rules.text("ftp_username").as_deref() == Some(self.name) {
            sessions.push((ANONYMOUS, true));
        }
        // Where anonymous is let in, nobody else can log in by its names.
        let names = [ANONYMOUS, b"anonymous"];
        let is_taken = groups.anonymous
            && names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(self.name));
        if groups.local && !is_taken {
            sessions.push((self.name, false));
        }
        sessions
    }

    /// The lines that hold for one user; of the others it is said why not.
    fn sift(&self, mut lines: Settings, translation: &mut Translation) -> Settings {
        for key in EARLY {
            if let Some((origin, _)) = lines.take(key) {
                let why = "without effect, as vsftpd is done with it before it reads this file";
                translation.nothing(&origin, why);
            }
        }
        let under_tls: &[&str] = match self.main.value("ssl_enable") {
            Value::Yes(true) => FOR_ALL_UNDER_TLS,
            _ => &[],
        };
        for key in LOGS.iter().chain(FOR_ALL).chain(under_tls) {
            let Some((origin, value)) = lines.take(key) else {
                continue;
            };
            if value == self.main.value(key) {
                translation.nothing(&origin, "the same as in the main file");
            } else if LOGS.contains(key) {
                translation.ignore(&origin, "what is recorded is recorded for all users alike");
            } else {
                translation.refuse(
                    &origin,
                    "the server cannot do this for some users and not for others",
                    "remove it here, and set it in the main file if it may hold for all",
                );
            }
        }
        lines
    }

    /// What became of each line of the file.
    fn speak(
        &self,
        own: &Translation,
        base: &Translation,
        lines: &Settings,
        translation: &mut Translation,
    ) {
        for finding in &own.findings {
            let is_here = finding.origin.file == self.whole.file;
            let outcome = match &finding.outcome {
                Outcome::Flag(words) if is_here => {
                    let line = quoted_line(words);
                    let line = crate::flags::on_one_line(&String::from_utf8_lossy(&line));
                    Outcome::Nothing(format!("for this user {line}"))
                }
                Outcome::Refused(_) if !is_here && !base.findings.contains(finding) => {
                    finding.outcome.clone()
                }
                _ if !is_here => continue,
                outcome => outcome.clone(),
            };
            let finding = Finding {
                origin: finding.origin.clone(),
                outcome,
            };
            if !translation.findings.contains(&finding) {
                translation.findings.push(finding);
            }
        }
        for origin in lines.origins() {
            if !own.findings.iter().any(|said| said.origin == *origin) {
                let reason = "nothing is known about it in the file of a user";
                translation.refuse(origin, reason, "remove it");
            }
        }
    }

    /// The flag, where the user is not held to the same as everybody.
    fn give(
        &self,
        name: &[u8],
        own: &Translation,
        base: &Translation,
        translation: &mut Translation,
    ) {
        let said = |flag: &Flag| (flag.long.clone(), flag.value.clone());
        let (for_one, for_all): (Vec<&Flag>, Vec<&Flag>) = own
            .flags
            .iter()
            .partition(|flag| is_for_one_account(&flag.long));
        let is_new = |flag: &&&Flag| !base.flags.iter().any(|other| said(other) == said(flag));
        if let Some(flag) = for_all.iter().find(is_new) {
            return translation.refuse(
                &flag.origin,
                &format!("--{} cannot be told for one user", flag.long),
                "set in the main file what may hold for all, or remove it",
            );
        }
        let of_all = base
            .flags
            .iter()
            .filter(|flag| is_for_one_account(&flag.long));
        if own.is_refused() || of_all.map(said).eq(for_one.iter().map(|flag| said(flag))) {
            return;
        }
        let words: Vec<OsString> = for_one.iter().flat_map(|flag| flag.words()).collect();
        let value = [name, b":", &quoted_line(&words)].concat();
        if value.len() > LONGEST_WORD {
            return translation.refuse(
                &self.whole,
                "what it becomes is longer than a word of a command line can be",
                "make its lists shorter",
            );
        }
        translation.value(&self.whole, "userflags", OsString::from_vec(value));
    }
}

/// What holds for one session once it is known whose it is.
fn account(settings: &Settings, files: &mut Files) -> Translation {
    let mut translation = Translation::default();
    let mut rules = settings.clone().rules(&mut translation);
    who::account(&mut rules, files);
    super::files::translate(&mut rules);
    network::account(&mut rules);
    rest::account(&mut rules);
    translation
}

impl Settings {
    /// As they are for anonymous alone, or for users alone.
    fn of_session(&self, is_anonymous: bool) -> Settings {
        let mut settings = self.clone();
        settings.assume("anonymous_enable", Value::Yes(is_anonymous));
        settings.assume("local_enable", Value::Yes(!is_anonymous));
        settings
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::super::super::{Choices, translate};
    use super::super::{DEBIAN, FILE, UPSTREAM};
    use super::*;
    use crate::wrapper::files::Source;

    const LOCAL: &str = "anonymous_enable=NO\nlocal_enable=YES\n";

    /// A folder with these files, and what a main file that names it becomes.
    fn read_as(
        variant: &'static str,
        main: &str,
        users: &[(&str, &str)],
    ) -> (TempDir, Translation) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in users {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let translation = again(variant, main, &folder);
        (folder, translation)
    }

    fn again(variant: &'static str, main: &str, folder: &TempDir) -> Translation {
        let main = format!("{main}user_config_dir={}\n", folder.path().display());
        let text = Text::of_bytes(Path::new("vsftpd.conf"), main.as_bytes());
        let choices = Choices {
            variant: Some(variant),
            login: Some("puredb:/etc/x.pdb".to_owned()),
            ..Choices::default()
        };
        translate(
            &FILE,
            &Source::File(text),
            &mut Files::of_machine(),
            &choices,
        )
    }

    /// The value of the one `--userflags`; none without any.
    fn given(main: &str, name: &str, text: &str) -> Option<String> {
        let (_folder, translation) = read_as(DEBIAN, main, &[(name, text)]);
        assert_eq!(translation.refusals(), [""; 0], "{text}");
        let mut flags = translation
            .flags
            .iter()
            .filter(|flag| flag.long == "userflags");
        let value = flags.next().and_then(|flag| flag.value.clone());
        assert!(flags.next().is_none());
        value.map(|value| value.into_string().unwrap())
    }

    #[track_caller]
    fn refused(main: &str, name: &str, text: &str, part: &str) {
        let (_folder, translation) = read_as(DEBIAN, main, &[(name, text)]);
        let said = translation.refusals().join("\n");
        assert!(said.contains(part), "{text:?}: {said}");
    }

    #[test]
    fn a_file_takes_rights_away_and_gives_them_back() {
        let writer = given(LOCAL, "joe", "write_enable=YES\nlocal_umask=022\n").unwrap();
        assert!(writer.starts_with("joe:"), "{writer}");
        assert!(!writer.contains("--readonly"), "{writer}");
        assert!(writer.contains("-U 133:022"), "{writer}");
        // The rest of the main file holds for the user as well, as flags of the line do not.
        for flag in ["--datatimeout 300", "--idletimeout 300", "-L 10000:1"] {
            assert!(writer.contains(flag), "{flag}: {writer}");
        }
        let main = &format!("{LOCAL}write_enable=YES\nhide_ids=YES\n");
        let reader = given(main, "joe", "write_enable=NO\nlocal_root=/srv/$u\n").unwrap();
        assert!(reader.contains("--readonly") && reader.contains("--hideids"));
        assert!(reader.contains("--userroot '/srv/$u'"), "{reader}");
        let open = given(main, "joe", "hide_ids=NO").unwrap();
        assert!(!open.contains("--hideids"), "{open}");
    }

    #[test]
    fn what_changes_nothing_becomes_no_flag() {
        assert_eq!(given(LOCAL, "joe", ""), None);
        assert_eq!(
            given(LOCAL, "joe", "# all as for all\n\nwrite_enable=NO\n"),
            None
        );
        assert_eq!(given(LOCAL, "joe", "max_clients=5\nlisten_port=3\n"), None);
        assert_eq!(given(LOCAL, "joe", "xferlog_enable=NO\n"), None);
        assert_eq!(given("", "joe", "write_enable=YES"), None, "nobody logs in");
        assert_eq!(given(LOCAL, ".joe", "write_enable=YES"), None);
    }

    #[test]
    fn anonymous_has_the_file_of_ftp_username_under_the_name_of_its_sessions() {
        let main = "ftp_username=web\n";
        let flags = given(main, "web", "anon_max_rate=10240\n").unwrap();
        assert!(
            flags.starts_with("ftp:") && flags.contains("-t 10"),
            "{flags}"
        );
        assert_eq!(given(main, "ftp", "anon_max_rate=10240\n"), None);
        // Who logs in as ftp with a password is anonymous wherever that is let in.
        let both = "anonymous_enable=YES\nlocal_enable=YES\nftp_username=web\n";
        assert_eq!(given(both, "ftp", "local_max_rate=10240\n"), None);
    }

    #[test]
    fn guests_are_held_to_the_rules_for_anonymous_here_too() {
        let main = &format!("{LOCAL}write_enable=YES\nguest_enable=YES\nguest_username=v\n");
        let flags = given(main, "joe", "anon_upload_enable=YES\nanon_umask=027\n").unwrap();
        assert!(flags.contains("--anonymousupload"), "{flags}");
        assert!(flags.contains("-U 137:027"), "{flags}");
        refused(main, "joe", "guest_username=w\n", "joe:1: guest_username");
        let same = given(main, "joe", "guest_username=v\n");
        assert_eq!(same, None);
    }

    #[test]
    fn what_the_server_cannot_tell_apart_by_user_is_refused_with_its_line() {
        for line in [
            "pasv_address=192.0.2.1",
            "chown_uploads=YES",
            "allow_writeable_chroot=YES",
            "ssl_enable=YES",
            "guest_enable=YES",
        ] {
            let text = format!("#\n{line}\n");
            let key = line.split('=').next().unwrap();
            refused(LOCAL, "joe", &text, &format!("joe:2: {key}: "));
        }
        let tls = &format!("{LOCAL}ssl_enable=YES\nforce_local_data_ssl=NO\n");
        for line in ["force_local_data_ssl=YES", "require_ssl_reuse=NO"] {
            let key = line.split('=').next().unwrap();
            refused(tls, "joe", line, &format!("joe:1: {key}: "));
        }
        assert_eq!(
            given(tls, "joe", "force_local_data_ssl=NO\nssl_ciphers=HIGH"),
            None
        );
        assert_eq!(given(LOCAL, "joe", "force_local_data_ssl=YES"), None);
        let active = "connect_from_port_20=YES\n";
        refused(
            LOCAL,
            "joe",
            active,
            "--activeport cannot be told for one user",
        );
        refused(
            LOCAL,
            "joe",
            "anon_uplod_enable=YES",
            "did you mean anon_upload_enable?",
        );
        refused(LOCAL, "joe", "listen = YES", "without blanks");
        refused(
            LOCAL,
            "joe",
            "cmds_denied=site",
            "write commands in capitals",
        );
        refused(LOCAL, "a:b", "write_enable=YES", "a name with a colon");
        refused(LOCAL, "joe", &"#\n".repeat(50_001), "first 100000 bytes");
    }

    #[test]
    fn files_that_others_could_have_written_and_names_that_are_one_are_refused() {
        let (folder, _) = read_as(DEBIAN, LOCAL, &[("joe", ""), ("Joe", "")]);
        let said = again(DEBIAN, LOCAL, &folder).refusals().join("\n");
        assert!(said.contains("differs in capitals only"), "{said}");
        let path = folder.path().join("Joe");
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        fs::remove_file(folder.path().join("joe")).unwrap();
        let said = again(DEBIAN, LOCAL, &folder).refusals().join("\n");
        assert!(said.contains("others can write it (mode 0666)"), "{said}");
        fs::remove_file(&path).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let said = again(DEBIAN, LOCAL, &folder).refusals().join("\n");
        assert!(said.contains("user_config_dir") && said.contains("others can write it"));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_and_one_that_is_not_absolute() {
        let text = |folder: &str| {
            let main = format!("{LOCAL}user_config_dir={folder}\n");
            let text = Text::of_bytes(Path::new("vsftpd.conf"), main.as_bytes());
            let source = Source::File(text);
            translate(
                &FILE,
                &source,
                &mut Files::of_machine(),
                &Choices {
                    variant: Some(DEBIAN),
                    login: Some("puredb:/etc/x.pdb".to_owned()),
                    ..Choices::default()
                },
            )
        };
        let said = text("etc/users").refusals().join("\n");
        assert!(said.contains("write a folder that begins with /"), "{said}");
        let missing = text("/nonexistent/users");
        assert_eq!(missing.refusals(), [""; 0]);
        assert!(missing.flags.iter().all(|flag| flag.long != "userflags"));
    }

    /// A flag that the main file's rules yield for all and those for one session do not would be dropped for a user with a file.
    #[test]
    fn every_flag_for_single_accounts_that_the_main_file_yields_is_in_the_users() {
        let everything = "hide_ids=YES\nwrite_enable=YES\ndownload_enable=NO\ndirlist_enable=NO\nchmod_enable=NO\n\
            mdtm_write=NO\ncmds_denied=DELE\ncmds_allowed=STOR,RETR\ndeny_file=x\nhide_file=y\npasv_min_port=3000\n\
            pasv_max_port=3010\nport_enable=NO\ndelete_failed_uploads=YES\nanon_upload_enable=YES\n\
            anon_mkdir_write_enable=YES\nlocal_root=/srv\npasv_promiscuous=YES\nport_promiscuous=YES\n\
            force_dot_files=YES\nls_recurse_enable=YES\nanon_max_rate=10240\nlocal_max_rate=10240\n";
        let passive = everything.replace("port_enable=NO", "pasv_enable=NO");
        for (variant, both) in [(DEBIAN, everything), (UPSTREAM, &passive)] {
            for main in [
                format!("{LOCAL}{both}"),
                format!("{LOCAL}{both}guest_enable=YES\nguest_username=v\n"),
                format!(
                    "{LOCAL}{}",
                    both.replace("write_enable=YES", "write_enable=NO")
                ),
                LOCAL.to_owned(),
            ] {
                // Something that changes is needed for a flag.
                let other = "accept_timeout=17\n";
                let (_folder, translation) = read_as(variant, &main, &[("joe", other)]);
                assert_eq!(translation.refusals(), [""; 0], "{main}");
                let of_joe = translation
                    .flags
                    .iter()
                    .find(|flag| flag.long == "userflags");
                let value = of_joe.and_then(|flag| flag.value.clone()).unwrap();
                let value = value.into_string().unwrap();
                let inside = shlex::split(value.strip_prefix("joe:").unwrap()).unwrap();
                for flag in &translation.flags {
                    if !is_for_one_account(&flag.long) || flag.long == "accepttimeout" {
                        continue;
                    }
                    let words: Vec<String> = flag
                        .words()
                        .into_iter()
                        .map(|word| word.into_string().unwrap())
                        .collect();
                    let is_there = inside.windows(words.len()).any(|part| part == words);
                    assert!(is_there, "{words:?} is not in {value}\n{main}");
                }
            }
        }
    }
}
