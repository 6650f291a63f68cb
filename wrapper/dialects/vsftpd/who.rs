//! Who may log in, how passwords are checked, as whom sessions act, and where they are kept.

use std::path::Path;

use super::super::{Choices, os};
use super::settings::Rules;
use crate::wrapper::files::{Files, Unusable};
use crate::wrapper::print::shown;
use crate::wrapper::translation::has_source;

/// What the PAM service of Debian's package keeps out before anything else.
const FTPUSERS: &str = "/etc/ftpusers";

/// The two groups of sessions that vsftpd has rules for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    /// Anonymous itself.
    pub(super) anonymous: bool,
    /// Whoever logs in with a password.
    pub(super) local: bool,
    /// Whoever logs in with a password acts as one user.
    pub(super) guests: bool,
    /// Those are held to the rules for anonymous.
    pub(super) guests_as_anonymous: bool,
}

impl Groups {
    pub(super) fn of(rules: &Rules<'_>) -> Groups {
        let local = rules.yes("local_enable");
        let guests = local && rules.yes("guest_enable");
        Groups {
            anonymous: rules.yes("anonymous_enable"),
            local,
            guests,
            guests_as_anonymous: guests && !rules.yes("virtual_use_local_privs"),
        }
    }

    /// Whether anybody is held to the rules for anonymous.
    pub(super) fn has_anonymous_rules(self) -> bool {
        self.anonymous || self.guests_as_anonymous
    }

    /// Whether anybody is held to the rules for users.
    pub(super) fn has_local_rules(self) -> bool {
        self.local && !self.guests_as_anonymous
    }
}

const NO_USERS: &str = "without effect, as local_enable is NO";
const NO_ANONYMOUS: &str = "without effect, as anonymous_enable is NO";

pub(super) fn translate(rules: &mut Rules<'_>, files: &mut Files, choices: &Choices) {
    let groups = Groups::of(rules);
    doors(rules, groups);
    anonymous(rules, groups);
    passwords(rules, groups, files, choices);
    lists(rules);
    failures(rules);
    guests(rules, groups);
    roots(rules, groups, files);
    confinement(rules, groups);
    homes_with_a_dot(rules, groups, files);
}

/// What of this holds for one session.
pub(super) fn account(rules: &mut Rules<'_>, files: &mut Files) {
    let groups = Groups::of(rules);
    if groups.has_anonymous_rules() {
        reads_as_the_file_system_lets_it(rules, "anonymous_enable");
    }
    roots(rules, groups, files);
}

/// Neither, one or both.
fn doors(rules: &mut Rules<'_>, groups: Groups) {
    match (groups.anonymous, groups.local) {
        (false, false) => {
            rules.refuse(
                "anonymous_enable",
                "neither anonymous nor users may log in, so vsftpd turns everybody away",
                "set anonymous_enable=YES or local_enable=YES",
            );
            rules.nothing("local_enable", "see anonymous_enable");
        }
        (true, false) => {
            rules.switch("local_enable", "anonymousonly");
        }
        (false, true) => {
            rules.switch("anonymous_enable", "noanonymous");
        }
        (true, true) => {}
    }
    if rules.yes("one_process_model") && groups.local {
        rules.refuse(
            "one_process_model",
            "vsftpd then serves anonymous alone and turns everybody away while local_enable is YES",
            "remove it, as one process serves all in any case",
        );
    } else {
        rules.nothing("one_process_model", "one process serves all");
    }
}

fn anonymous(rules: &mut Rules<'_>, groups: Groups) {
    let emails = [
        ("deny_email_enable", "banned_email_file"),
        ("secure_email_list_enable", "email_password_file"),
    ];
    for (key, file) in emails {
        if groups.anonymous && rules.yes(key) {
            rules.refuse(
                key,
                "anonymous is not asked for a password, so no list of them can keep anybody out",
                "say with --denyfrom behind -- whose clients to turn away, or set anonymous_enable=NO and give those who \
                 may come an account; then remove it",
            );
        } else {
            rules.nothing(key, "no passwords of anonymous are looked at");
        }
        rules.nothing(file, &format!("it is for {key}"));
    }
    rules.nothing(
        "no_anon_password",
        "anonymous is not asked for a password, and vsftpd takes any",
    );
    if !groups.anonymous {
        rules.all_nothing(&["anon_root", "ftp_username"], NO_ANONYMOUS);
        return;
    }
    if let Some(name) = rules
        .text("ftp_username")
        .filter(|_| rules.is_set("ftp_username"))
    {
        rules.give_text("ftp_username", "anonymoususer", &name);
    } else if rules.is_set("ftp_username") {
        rules.refuse(
            "ftp_username",
            "without a name nobody can be served",
            "name a user",
        );
    }
    match rules.text("anon_root") {
        Some(root) => rules.give_text("anon_root", "anonymousroot", &without_dot(&root)),
        None => rules.nothing("anon_root", "none, so the home of ftp_username is the root"),
    }
    reads_as_the_file_system_lets_it(rules, "anonymous_enable");
}

/// vsftpd asks for no more than what the file system allows and anon_world_readable_only leaves.
fn reads_as_the_file_system_lets_it(rules: &mut Rules<'_>, key: &str) {
    rules.switch(key, "allowdotfiles");
    rules.switch(key, "anonymousreadown");
}

fn passwords(rules: &mut Rules<'_>, groups: Groups, files: &mut Files, choices: &Choices) {
    if !groups.local {
        let keys = ["pam_service_name", "session_support", "check_shell"];
        rules.all_nothing(&keys, NO_USERS);
        return;
    }
    let asks_unix = choices.login.as_deref() == Some("unix");
    if asks_unix && !rules.yes("check_shell") {
        rules.switch("check_shell", "anyshell");
    } else {
        rules.nothing(
            "check_shell",
            "PAM looks at shells where it is told to, and with --login unix they must be in /etc/shells",
        );
    }
    match (rules.yes("session_support"), &choices.login) {
        (true, _) => rules.ignore("session_support", "nothing is written to utmp and wtmp"),
        (false, None) if has_source("pam") => rules.switch("session_support", "nopamsession"),
        (false, _) => rules.nothing("session_support", "no sessions are opened"),
    }
    if let Some(method) = &choices.login {
        let (name, argument) = match method.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (method.as_str(), None),
        };
        rules.source(
            "local_enable",
            name,
            argument.map(|text| os(text.as_bytes())),
        );
        let why = format!(
            "--login {name} asks for passwords in place of PAM; what the service forbids besides does not hold"
        );
        rules.ignore_unset("pam_service_name", &why);
        if name == "unix" {
            keep_ftpusers_out(rules, files);
        }
        return;
    }
    if !has_source("pam") {
        rules.refuse(
            "local_enable",
            "vsftpd has passwords checked by PAM, and this server was built without",
            "build it with --features pam, or say --login unix, where the names in /etc/ftpusers stay out, or \
             --login puredb:FILE",
        );
        rules.nothing("pam_service_name", "see local_enable");
        return;
    }
    rules.source("local_enable", "pam", None);
    match rules.text("pam_service_name") {
        Some(service) => rules.give_text("pam_service_name", "pamservice", &service),
        None => rules.refuse(
            "pam_service_name",
            "without a service PAM has no rules to go by",
            "name a file of /etc/pam.d",
        ),
    }
}

/// There is one list of those who may not log in.
fn keep_ftpusers_out(rules: &mut Rules<'_>, files: &mut Files) {
    if !files.is_on_disk(Path::new(FTPUSERS)) {
        return;
    }
    let is_list = rules.yes("userlist_enable") && rules.yes("userlist_deny");
    let list = rules.text("userlist_file").filter(|_| is_list);
    let Some(list) = list else {
        return rules.give("local_enable", "denyusers", FTPUSERS);
    };
    let mut names = |path: &Path| {
        let text = files.read(path).ok()?;
        let lines = text.lines().map(|(_, line)| line.trim_ascii().to_vec());
        let names = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        Some(names.collect::<Vec<Vec<u8>>>())
    };
    let (forbidden, listed) = (names(Path::new(FTPUSERS)), names(Path::new(os(&list))));
    let holds_all = forbidden
        .zip(listed)
        .is_some_and(|(forbidden, listed)| forbidden.iter().all(|name| listed.contains(name)));
    if !holds_all {
        rules.refuse(
            "userlist_file",
            "with --login unix the names in /etc/ftpusers have to stay out as well, and there is room for one list",
            "add those names to this file",
        );
    }
}

fn lists(rules: &mut Rules<'_>) {
    if !rules.yes("userlist_enable") {
        let why = "userlist_enable is NO";
        return rules.all_nothing(&["userlist_enable", "userlist_deny", "userlist_file"], why);
    }
    let long = match rules.yes("userlist_deny") {
        true => "denyusers",
        false => "userlist",
    };
    match rules.text("userlist_file") {
        Some(file) => rules.give_text("userlist_enable", long, &file),
        None => rules.refuse("userlist_enable", "userlist_file names no file", "name one"),
    }
    rules.all_nothing(
        &["userlist_deny", "userlist_file"],
        "it is for userlist_enable",
    );
}

fn failures(rules: &mut Rules<'_>) {
    if rules.is_set("max_login_fails") {
        // vsftpd looks after each failure whether it has seen so many.
        let most = rules.number("max_login_fails").max(1).to_string();
        rules.give("max_login_fails", "maxloginfailures", most);
    }
    if rules.number("delay_failed_login") > 3 {
        rules.refuse(
            "delay_failed_login",
            "the first failed login is answered after three seconds and each further one later, not after so many",
            "remove it, and turn those who guess away with --ban 5/600/3600 behind --",
        );
    } else {
        rules.nothing(
            "delay_failed_login",
            "each failed login is answered three seconds later or more",
        );
    }
    match rules.number("delay_successful_login") {
        0 => rules.nothing("delay_successful_login", "there is no delay"),
        _ => rules.ignore(
            "delay_successful_login",
            "a login that succeeds is not delayed",
        ),
    }
}

fn guests(rules: &mut Rules<'_>, groups: Groups) {
    if !groups.guests {
        let keys = ["guest_enable", "guest_username", "virtual_use_local_privs"];
        return rules.all_nothing(&keys, "users act as themselves");
    }
    match rules.text("guest_username") {
        Some(name) => rules.give_text("guest_enable", "mapusers", &name),
        None => rules.refuse(
            "guest_enable",
            "guest_username names nobody to act as",
            "name a user",
        ),
    }
    rules.nothing("guest_username", "it is for guest_enable");
    if groups.guests_as_anonymous {
        rules.switch("virtual_use_local_privs", "mapusersasanonymous");
        if !groups.anonymous {
            reads_as_the_file_system_lets_it(rules, "guest_enable");
        }
    } else {
        rules.nothing("virtual_use_local_privs", "they may do what users may");
    }
}

fn roots(rules: &mut Rules<'_>, groups: Groups, files: &mut Files) {
    let token = rules.text("user_sub_token");
    let root = rules.text("local_root");
    if !groups.local {
        return rules.all_nothing(&["local_root", "user_sub_token"], NO_USERS);
    }
    let (Some(token), None) = (&token, &root) else {
        match root {
            None => rules.all_nothing(
                &["local_root", "user_sub_token"],
                "each user begins at home",
            ),
            Some(root) => give_root(rules, "local_root", &root, token.as_deref()),
        }
        return rules.nothing("user_sub_token", "it is for local_root");
    };
    // It stands in for the name in the homes of the system's users, which vsftpd looks up when one logs in.
    let guest = rules.text("guest_username").filter(|_| groups.guests);
    let cure = "write the directory as local_root, with the token in it";
    let Ok(homes) = homes(files) else {
        rules.nothing("local_root", "none");
        return rules.refuse(
            "user_sub_token",
            "it may stand in the homes of /etc/passwd, which cannot be read",
            cure,
        );
    };
    let with_token = homes.iter().find(|(name, home)| {
        guest.as_ref().is_none_or(|guest| guest == name) && holds(home, token)
    });
    match (with_token, guest) {
        (None, Some(guest)) if !homes.iter().any(|(name, _)| *name == guest) => {
            rules.refuse(
                "user_sub_token",
                "guest_username is not in /etc/passwd, so its home is not known",
                cure,
            );
        }
        (None, _) => rules.nothing("user_sub_token", "no home of /etc/passwd holds it"),
        (Some((_, home)), Some(_)) => give_root(rules, "user_sub_token", home, Some(token)),
        (Some(_), None) => rules.refuse("user_sub_token", "a home in /etc/passwd holds it", cure),
    }
    rules.nothing("local_root", "none");
}

/// The server replaces $USER by the name, so nothing else may look like it.
fn give_root(rules: &mut Rules<'_>, key: &str, root: &[u8], token: Option<&[u8]>) {
    const OURS: &[u8] = b"$USER";
    let mut given = Vec::new();
    let mut rest = root;
    while let Some(first) = rest.first() {
        match token.filter(|token| rest.starts_with(token)) {
            Some(token) => {
                given.extend_from_slice(OURS);
                rest = &rest[token.len()..];
            }
            None if rest.starts_with(OURS) => {
                return rules.refuse(
                    key,
                    "$USER in it would be replaced by the name of the user, which vsftpd does not do",
                    "set user_sub_token=$USER if that is meant, or rename the directory",
                );
            }
            None => {
                given.push(*first);
                rest = &rest[1..];
            }
        }
    }
    rules.give_text(key, "userroot", &without_dot(&given));
}

/// The same directory without /./, before which the server would let the root end.
fn without_dot(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    while let Some(at) = path.windows(3).position(|window| window == b"/./") {
        path.drain(at..at + 2);
    }
    path
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Names and homes.
type Homes = Vec<(Vec<u8>, Vec<u8>)>;

/// Those of /etc/passwd.
fn homes(files: &mut Files) -> Result<Homes, Unusable> {
    let text = files.read(Path::new("/etc/passwd"))?;
    let homes = text.lines().filter_map(|(_, line)| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?.to_vec();
        Some((name, fields.nth(4)?.to_vec()))
    });
    Ok(homes.collect())
}

fn confinement(rules: &mut Rules<'_>, groups: Groups) {
    let keys = [
        "chroot_local_user",
        "chroot_list_enable",
        "chroot_list_file",
    ];
    if !groups.local {
        rules.all_nothing(&keys, NO_USERS);
        return writable_roots(rules, groups, false);
    }
    let (all, listed) = (
        rules.yes("chroot_local_user"),
        rules.yes("chroot_list_enable"),
    );
    if groups.guests_as_anonymous {
        rules.switch("guest_enable", "chrooteveryone");
        rules.all_nothing(&keys, "virtual users are kept in whatever it says");
    } else {
        if all {
            rules.switch("chroot_local_user", "chrooteveryone");
        } else {
            rules.nothing("chroot_local_user", "users are not kept in");
        }
        let file = rules.text("chroot_list_file");
        match (listed, file) {
            (false, _) => {
                let why = "chroot_list_enable is NO";
                rules.all_nothing(&["chroot_list_enable", "chroot_list_file"], why);
            }
            (true, None) => {
                rules.refuse(
                    "chroot_list_enable",
                    "chroot_list_file names no file",
                    "name one",
                );
                rules.nothing("chroot_list_file", "see chroot_list_enable");
            }
            (true, Some(file)) => {
                let long = if all { "nochrootlist" } else { "chrootlist" };
                rules.give_text("chroot_list_enable", long, &file);
                rules.nothing("chroot_list_file", "it is for chroot_list_enable");
            }
        }
    }
    writable_roots(rules, groups, all || listed || groups.guests_as_anonymous);
}

/// vsftpd turns those away who can write the directory they are kept in: anonymous always, users unless they are allowed to.
fn writable_roots(rules: &mut Rules<'_>, groups: Groups, keeps_users: bool) {
    const KEY: &str = "allow_writeable_chroot";
    match (rules.yes(KEY), groups.anonymous, keeps_users) {
        (true, true, true) => rules.warn(
            KEY,
            "users may be able to write the directory they are kept in, and so may anonymous, which vsftpd turns away then: \
             let the root of anonymous be root's, with mode 0755",
        ),
        (true, false, _) => rules.nothing(KEY, "who is kept in a directory may be able to write it"),
        (true, true, false) | (false, true, _) | (false, _, true) => {
            rules.switch(KEY, "refusewritableroot");
        }
        (false, false, false) => rules.nothing(KEY, "nobody is kept in"),
    }
}

/// In a home of the form /jail/./start the server's jail ends before the dot. vsftpd's does so only when told to.
fn homes_with_a_dot(rules: &mut Rules<'_>, groups: Groups, files: &mut Files) {
    if rules.yes("passwd_chroot_enable") {
        return rules.nothing("passwd_chroot_enable", "a jail ends before /./ in any case");
    }
    let users = groups.local && (rules.has("chrooteveryone") || rules.yes("chroot_list_enable"));
    let anonymous = rules.text("ftp_username").filter(|_| groups.anonymous);
    let anonymous = anonymous.filter(|_| rules.text("anon_root").is_none());
    if !users && anonymous.is_none() {
        return rules.nothing("passwd_chroot_enable", "nobody is kept in a home");
    }
    let homes = match homes(files) {
        Ok(homes) => homes,
        Err(why) if why.is_missing => Vec::new(),
        Err(_) => {
            return rules.refuse(
                "passwd_chroot_enable",
                "homes of /etc/passwd may hold /./, and it cannot be read",
                "set passwd_chroot_enable=YES if jails may end before the dot",
            );
        }
    };
    let wider = homes
        .iter()
        .find(|(name, home)| holds(home, b"/./") && (users || anonymous.as_ref() == Some(name)));
    match wider {
        None => rules.nothing("passwd_chroot_enable", "no home of /etc/passwd holds /./"),
        Some((name, _)) => rules.refuse(
            "passwd_chroot_enable",
            &format!(
                "the jail of {} would end before /./ in the home, and vsftpd's is the whole home",
                shown(name)
            ),
            "set passwd_chroot_enable=YES if that is meant, or take /./ out of the home",
        ),
    }
}
