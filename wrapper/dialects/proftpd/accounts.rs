//! Where accounts come from, who of them may log in, and where they are kept.

use std::path::Path;

use super::combine::Context;
use super::scope::{Scope, fine, refuse_value};
use super::sections::Directive;
use crate::wrapper::dialects::{os, refuse_unusable};
use crate::wrapper::files::Files;
use crate::wrapper::print::shown;
use crate::wrapper::translation::Translation;

/// The service ProFTPD asks PAM for by default.
const SERVICE: &[u8] = b"proftpd";

const SHELLS: &str = "/etc/shells";

/// The shells without such a file; see getusershell(3).
const USUAL_SHELLS: &[u8] = b"/bin/sh\n/bin/csh\n";

/// Whether a shell stands in /etc/shells.
pub(super) fn is_shell(files: &mut Files, shell: &[u8]) -> bool {
    let text = files.read(Path::new(SHELLS)).map(|text| text.bytes);
    let text = text.as_deref().unwrap_or(USUAL_SHELLS);
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| line == shell && line.starts_with(b"/"))
}

/// The fields of a user's line in a file of the form of passwd(5) or group(5).
pub(super) fn entry(files: &mut Files, path: &str, name: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = files.read(Path::new(path)).ok()?;
    let mut lines = text.lines().map(|(_, line)| fields(line));
    lines.find(|fields| fields.first().is_some_and(|first| first == name))
}

fn fields(line: &[u8]) -> Vec<Vec<u8>> {
    line.split(|byte| *byte == b':')
        .map(<[u8]>::to_vec)
        .collect()
}

/// The number of a group of this machine, by name: a number where ProFTPD wants a name is the name of no group.
pub(super) fn group_number(files: &mut Files, name: &[u8]) -> Option<String> {
    let entry = entry(files, "/etc/group", name)?;
    let number = String::from_utf8(entry.get(2)?.clone()).ok()?;
    number.parse::<u32>().is_ok().then_some(number)
}

/// The settings of accounts where only anonymous clients may log in.
pub(super) fn nobody(context: &mut Context<'_>) {
    let t = &mut *context.translation;
    for key in [
        "AuthUserFile",
        "AuthGroupFile",
        "AuthFileOptions",
        "AuthOrder",
        "AuthPAM",
        "AuthPAMConfig",
        "AuthPAMOptions",
        "RequireValidShell",
    ] {
        for directive in context.scope.every(key) {
            t.nothing(&directive.origin, "only anonymous clients may log in");
        }
    }
}

/// The sources of accounts, in order.
pub(super) fn sources(context: &mut Context<'_>) {
    let t = &mut *context.translation;
    let scope = context.scope;
    let file = scope.pick("AuthUserFile", t);
    let order = scope.pick("AuthOrder", t);
    let service = scope.pick("AuthPAMConfig", t);
    let (pam, pam_origin) = scope.on("AuthPAM", true, t);
    let (needs_shell, shell_origin) = scope.on("RequireValidShell", true, t);
    for key in ["AuthGroupFile", "AuthFileOptions", "AuthPAMOptions"] {
        for directive in scope.every(key) {
            let why = match key {
                "AuthGroupFile" => {
                    "users of an AuthUserFile have the group of their line and no other"
                }
                "AuthFileOptions" => "the owner and the mode of the file are always checked",
                _ => "PAM is told the client's address and no terminal",
            };
            t.ignore(&directive.origin, why);
        }
    }
    let modules: Vec<String> = match &order {
        Some(order) => order
            .words
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .filter(|word| word != "*")
            .collect(),
        None if file.is_some() => vec!["mod_auth_file.c".into(), "mod_auth_unix.c".into()],
        None => vec!["mod_auth_unix.c".into()],
    };
    let origin = match &order {
        Some(order) => order.origin.clone(),
        None => scope.unset("AuthOrder"),
    };
    let names_unix = modules
        .iter()
        .any(|module| module.trim_end_matches('*') == "mod_auth_unix.c");
    let mut asks_pam = false;
    let mut takes_file = false;
    let mut takes_system = false;
    for module in &modules {
        let (name, decides) = match module.strip_suffix('*') {
            Some(name) => (name, true),
            None => (module.as_str(), false),
        };
        match name {
            "mod_auth_file.c" => {
                let Some(file) = &file else {
                    continue;
                };
                takes_file = true;
                if file.words.len() > 1 {
                    t.refuse(
                        &file.origin,
                        "only some users of the file are accounts of ProFTPD, by number, home or name",
                        "keep those alone in the file, and write nothing behind its path",
                    );
                }
                fine(&origin, "told with AuthUserFile", t);
                t.source(&file.origin, "passwd", Some(os(file.word(0))));
            }
            "mod_auth_unix.c" => {
                takes_system = true;
                t.source(&origin, "unix", None);
            }
            "mod_auth_pam.c" if !pam => {}
            // Whom PAM does not let in, the passwords of the system do; so PAM adds nobody whom those refuse.
            "mod_auth_pam.c" if names_unix && !decides => {}
            "mod_auth_pam.c" => {
                asks_pam = true;
                let before = t.flags.len();
                t.source(&origin, "pam", None);
                if t.flags.len() > before {
                    if needs_shell {
                        t.refuse(
                            &shell_origin,
                            "PAM is asked for users who must have a shell of /etc/shells, which is PAM's to check",
                            "add 'auth required pam_shells.so' to the service and write RequireValidShell off",
                        );
                    }
                    let name = service.as_ref().map_or(SERVICE, |service| service.word(0));
                    let origin = service.as_ref().map_or(&origin, |service| &service.origin);
                    t.value(origin, "pamservice", os(name));
                }
            }
            other => {
                let reason = format!("accounts of {} are not known", shown(other.as_bytes()));
                t.refuse(
                    &origin,
                    &reason,
                    "name mod_auth_file.c, mod_auth_unix.c or mod_auth_pam.c alone",
                );
            }
        }
        if decides {
            break;
        }
    }
    let leaves_none = !takes_file && !takes_system && !asks_pam;
    if let Some(order) = order.as_ref().filter(|_| leaves_none) {
        t.refuse(
            &order.origin,
            "nobody could log in, as it leaves no accounts",
            "name mod_auth_unix.c, or mod_auth_file.c with an AuthUserFile",
        );
    }
    if let Some(file) = file.as_ref().filter(|_| !takes_file) {
        t.nothing(&file.origin, "AuthOrder does not ask it");
    }
    if let Some(service) = service.as_ref().filter(|_| !asks_pam) {
        t.nothing(&service.origin, "PAM is not asked");
    }
    let why =
        "the passwords of the system count, which ProFTPD takes even from those whom PAM refuses";
    fine(&pam_origin, why, t);
    if takes_system && !needs_shell {
        t.switch(&shell_origin, "anyshell");
    } else if !needs_shell || !takes_file {
        fine(
            &shell_origin,
            "users of the system need one, others do not",
            t,
        );
    } else if let Some(file) = &file {
        shells(context.files, file, context.translation);
        fine(&shell_origin, "it was compared", context.translation);
    }
}

/// Refuses users whom ProFTPD would refuse for their shells, as this server does not look at those of a file.
fn shells(files: &mut Files, file: &Directive, t: &mut Translation) {
    let path = Path::new(os(file.word(0)));
    let text = match files.read(path) {
        Ok(text) => text,
        // The server says that there is none.
        Err(why) if why.is_missing => return,
        Err(why) => return refuse_unusable(t, &file.origin, path, &why),
    };
    for (number, line) in text.lines() {
        let fields = fields(line);
        let (Some(name), Some(shell)) = (fields.first(), fields.get(6)) else {
            continue;
        };
        if !name.starts_with(b"#") && !is_shell(files, shell) {
            let reason = format!(
                "the shell of {} (line {number}) is not in /etc/shells, so ProFTPD refuses that user",
                shown(name)
            );
            t.refuse(
                &file.origin,
                &reason,
                "remove the user or write RequireValidShell off",
            );
        }
    }
}

/// Names that may not log in, root, and what users are called.
pub(super) fn names(context: &mut Context<'_>) {
    let t = &mut *context.translation;
    let scope = context.scope;
    let (uses, origin) = scope.on("UseFtpUsers", true, t);
    let list = Path::new("/etc/ftpusers");
    match uses {
        true if context.files.is_on_disk(list) => t.value(&origin, "denyusers", list),
        true => fine(&origin, "there is no /etc/ftpusers", t),
        false => fine(&origin, "off, as without --denyusers", t),
    }
    let (empty, origin) = scope.on("AllowEmptyPasswords", true, t);
    match empty {
        true => fine(&origin, "an empty password is compared like any other", t),
        false => t.refuse(
            &origin,
            "an empty password is compared like any other",
            "make sure that no account has an empty one, and write AllowEmptyPasswords on",
        ),
    }
    let (root, origin) = scope.on("RootLogin", false, t);
    match root {
        true => t.value(&origin, "minuid", "0"),
        false => fine(&origin, "root cannot log in without -u 0", t),
    }
    for directive in scope.every("UserAlias") {
        t.refuse(
            &directive.origin,
            "a user has one name",
            "give the user an account of that name, with the same numbers and home",
        );
    }
    for (key, reason, cure) in [
        (
            "AuthAliasOnly",
            "a user has one name",
            "remove it, and the aliases",
        ),
        (
            "AuthUsingAlias",
            "a user has one name",
            "remove it, and the aliases",
        ),
        (
            "RewriteHome",
            "homes are where the accounts say",
            "write the homes there",
        ),
        (
            "AnonRequirePassword",
            "it stands outside of <Anonymous>",
            "remove it",
        ),
    ] {
        off_only(scope, key, reason, cure, t);
    }
}

/// A setting that is fine where it is off, and cannot be expressed where it is on.
pub(super) fn off_only(scope: &Scope, key: &str, reason: &str, cure: &str, t: &mut Translation) {
    let (on, origin) = scope.on(key, false, t);
    match on {
        true => t.refuse(&origin, reason, cure),
        false => fine(&origin, "off, as without it", t),
    }
}

/// Whether and where users are kept, and homes that are missing. `dirs` are the bits Umask takes from directories.
pub(super) fn homes(context: &mut Context<'_>, dirs: u32) {
    root(context);
    let t = &mut *context.translation;
    let scope = context.scope;
    chroot_symlinks(scope, t);
    if let Some(directive) = scope.pick("DefaultChdir", t) {
        match directive.word(0) {
            b"~" => t.nothing(&directive.origin, "sessions start in the home"),
            _ => t.ignore(&directive.origin, "sessions start in the home"),
        }
    }
    let Some(directive) = scope.pick("CreateHome", t) else {
        return;
    };
    match directive.begins_on() {
        None => refuse_value(&directive, "write on or off in front", t),
        Some(false) => t.nothing(&directive.origin, "off, as without it"),
        Some(true) => {
            let word = std::str::from_utf8(directive.word(1)).unwrap_or_default();
            let mode = u32::from_str_radix(word, 8).unwrap_or(0o700);
            t.ignore(
                &directive.origin,
                "a new home is empty and its user's; directories above it that are missing are root's, with mode 755",
            );
            let made = 0o777 & !dirs;
            if made & !mode == 0 {
                t.switch(&directive.origin, "createhomedir");
            } else {
                let reason =
                    format!("new homes have the mode Umask leaves, {made:03o}, and not {mode:03o}");
                let cure = format!(
                    "write Umask with a second mask of {:03o}, or {made:03o} behind on",
                    0o777 & !mode
                );
                t.refuse(&directive.origin, &reason, &cure);
            }
        }
    }
}

/// With AllowChrootSymlinks off ProFTPD turns away whom it would keep in a directory that is a symbolic link or lies behind
/// one, which a user may have put there.
fn chroot_symlinks(scope: &Scope, t: &mut Translation) {
    let (follows, origin) = scope.on("AllowChrootSymlinks", true, t);
    let keeps_anybody = !t.has("noanonymous") || t.has("chrooteveryone") || t.has("trustedgid");
    match (follows, keeps_anybody) {
        (true, _) => fine(&origin, "symbolic links to homes and roots are followed", t),
        (false, false) => t.nothing(&origin, "nobody is kept in a directory"),
        (false, true) => t.refuse(
            &origin,
            "a home or root that is a symbolic link is followed",
            "make homes and roots directories that their users cannot exchange, and write AllowChrootSymlinks on",
        ),
    }
}

fn root(context: &mut Context<'_>) {
    let t = &mut *context.translation;
    let scope = context.scope;
    let all = scope.all().filter(|other| other.key == "DefaultRoot");
    // The first whose groups fit counts, also of those in <Global>, so one without groups ends the list.
    let all: Vec<bool> = all.map(|directive| directive.words.len() == 1).collect();
    let Some(directive) = scope.pick("DefaultRoot", t) else {
        return;
    };
    if all.len() > 1 && !all[0] {
        return t.refuse(
            &directive.origin,
            "roots by group cannot be expressed, except for one group that is free",
            "write DefaultRoot ~ alone, or DefaultRoot ~ !GROUP",
        );
    }
    let group = directive.word(1);
    let is_home = matches!(directive.word(0), b"~" | b"~/");
    match (directive.word(0), group) {
        (b"/", b"") => t.nothing(&directive.origin, "nobody is kept anywhere"),
        (_, b"") if is_home => t.switch(&directive.origin, "chrooteveryone"),
        (_, group)
            if is_home
                && group.starts_with(b"!")
                && !group.contains(&b',')
                && directive.words.len() == 2 =>
        {
            match group_number(context.files, &group[1..]) {
                Some(number) => t.value(&directive.origin, "trustedgid", number),
                None => {
                    let name = shown(&group[1..]);
                    let reason = format!("there is no group {name} on this machine");
                    t.refuse(
                        &directive.origin,
                        &reason,
                        "name one that is there, or write DefaultRoot ~ alone",
                    );
                }
            }
        }
        (_, b"") if directive.word(0).starts_with(b"/") => {
            let path = String::from_utf8_lossy(directive.word(0));
            let is_clear = !path.contains(['$', '\u{fffd}']) && !path.contains("%u[");
            let path = path.replace("%u", "$USER");
            if path.contains('%') || !is_clear {
                return refuse_value(&directive, "write a path, with %u for the user", t);
            }
            t.value(&directive.origin, "userroot", path);
            // The flag names the directory, and this one keeps users in it.
            t.switch(&directive.origin, "chrooteveryone");
        }
        _ => t.refuse(
            &directive.origin,
            "that root cannot be expressed",
            "write DefaultRoot ~, or DefaultRoot ~ !GROUP for one group that is free",
        ),
    }
}
