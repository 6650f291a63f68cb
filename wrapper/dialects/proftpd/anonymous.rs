//! `<Anonymous>`: whom and what anonymous clients meet.

use super::accounts::{entry, group_number, is_shell, off_only};
use super::combine::Context;
use super::files::{downloads_resume, ftpaccess, masks, size};
use super::logins::Served;
use super::looks::looks_of;
use super::places::Anonymous;
use super::process::transfer_log;
use super::scope::{Scope, fine, refuse_value};
use super::sections::Section;
use crate::wrapper::dialects::os;
use crate::wrapper::print::shown;

/// The names by which clients of this server become anonymous, and the user whose rights they have by default.
const NAMES: [&[u8]; 2] = [b"ftp", b"anonymous"];
const USER: &[u8] = b"ftp";

/// Says what becomes of everything in it. `masks` are those of the server.
pub(super) fn translate(
    context: &mut Context<'_>,
    anonymous: &Anonymous,
    masks: (u32, u32),
    served: &Served,
) {
    let scope = &anonymous.scope;
    identity(context, &anonymous.section, scope);
    umask(context, scope, masks);
    rest(context, scope, served);
}

/// Root, user and names of the section.
fn identity(context: &mut Context<'_>, section: &Section, scope: &Scope) {
    let t = &mut *context.translation;
    let Some(user) = scope.pick("User", t) else {
        return t.refuse(
            &section.origin,
            "it names no User",
            "name the user anonymous clients are served as",
        );
    };
    let name = user.word(0).to_vec();
    if name == USER {
        t.nothing(&user.origin, "anonymous clients are served as ftp");
    } else {
        t.value(&user.origin, "anonymoususer", os(&name));
    }
    let account = entry(context.files, "/etc/passwd", &name);
    if account.is_none() {
        context.translation.warn(
            &user.origin,
            "the user is not in /etc/passwd, so the group and the shell were not compared with what ProFTPD asks for",
        );
    }
    group(context, scope, &name, account.as_ref());
    root(context, section, &name, account.as_ref());
    shell(context, scope, &name, account.as_ref());
    names(context, section, scope, &name);
}

/// Without a group of its own the section has that of the server; here it is always the user's.
fn group(context: &mut Context<'_>, scope: &Scope, user: &[u8], account: Option<&Vec<Vec<u8>>>) {
    const WHY: &str = "anonymous clients have the groups of their user";
    let own = scope.pick("Group", context.translation);
    let group = match &own {
        Some(group) => group.clone(),
        None => match context.scope.every("Group").pop() {
            Some(group) => group,
            None => return,
        },
    };
    let Some(account) = account else {
        return fine(&group.origin, WHY, context.translation);
    };
    let number = group_number(context.files, group.word(0));
    let is_users = number.is_some_and(|number| account.get(3) == Some(&number.into_bytes()));
    if is_users {
        return fine(&group.origin, WHY, context.translation);
    }
    let (user, name) = (shown(user), shown(group.word(0)));
    let reason =
        format!("the group of {user} is not {name}, with which ProFTPD serves anonymous clients");
    let cure = format!(
        "name the user's own group within <Anonymous>, or give {user} that group (usermod -g)"
    );
    context.translation.refuse(&group.origin, &reason, &cure);
}

fn root(context: &mut Context<'_>, section: &Section, user: &[u8], account: Option<&Vec<Vec<u8>>>) {
    let t = &mut *context.translation;
    let origin = &section.origin;
    let [path] = section.words.as_slice() else {
        return t.refuse(
            origin,
            "it takes one directory",
            "write <Anonymous DIRECTORY>",
        );
    };
    let Some(rest) = path.strip_prefix(b"~") else {
        return match path.starts_with(b"/") && !path.contains(&b'%') {
            true => t.value(origin, "anonymousroot", os(path)),
            false => t.refuse(
                origin,
                "its directory does not begin with / or ~",
                "write a path from / on",
            ),
        };
    };
    let end = rest
        .iter()
        .position(|byte| *byte == b'/')
        .unwrap_or(rest.len());
    let (name, below) = rest.split_at(end);
    let is_own = name.is_empty() || name == user;
    if is_own && matches!(below, b"" | b"/") {
        return t.nothing(origin, "anonymous clients are served their user's home");
    }
    let other = match is_own {
        true => account.cloned(),
        false => entry(context.files, "/etc/passwd", name),
    };
    match other.as_ref().and_then(|fields| fields.get(5)) {
        Some(home) => {
            let path = [home.as_slice(), below].concat();
            context
                .translation
                .value(origin, "anonymousroot", os(&path));
        }
        None => {
            let reason = format!("there is no user {} on this machine", shown(name));
            context
                .translation
                .refuse(origin, &reason, "write the path of the directory");
        }
    }
}

/// ProFTPD refuses anonymous clients whose user has no login shell; this server does not ask.
fn shell(context: &mut Context<'_>, scope: &Scope, user: &[u8], account: Option<&Vec<Vec<u8>>>) {
    let (needs, origin) = scope.on("RequireValidShell", true, context.translation);
    let shell = account.and_then(|fields| fields.get(6));
    match shell {
        Some(shell) if needs && !is_shell(context.files, shell) => {
            let name = shown(user);
            let reason = format!(
                "the shell of {name} is not in /etc/shells, so ProFTPD refuses anonymous clients"
            );
            context.translation.refuse(
                &origin,
                &reason,
                "write RequireValidShell off in the section, or remove the section",
            );
        }
        _ => fine(
            &origin,
            "the user of anonymous clients needs no shell",
            context.translation,
        ),
    }
}

fn names(context: &mut Context<'_>, section: &Section, scope: &Scope, user: &[u8]) {
    let t = &mut *context.translation;
    let mut is_named = NAMES.contains(&user);
    for alias in scope.every("UserAlias") {
        let known = NAMES.contains(&alias.word(0));
        match (known, alias.word(1) == user || alias.word(1) == b"*") {
            (true, true) => {
                is_named = true;
                t.nothing(
                    &alias.origin,
                    "the names anonymous and ftp are both those of anonymous clients",
                );
            }
            (false, true) => t.refuse(
                &alias.origin,
                "anonymous clients go by the names anonymous and ftp alone",
                "remove the alias",
            ),
            _ => t.refuse(
                &alias.origin,
                "it is for another user than the section's",
                "remove the alias",
            ),
        }
    }
    if !is_named {
        t.refuse(
            &section.origin,
            "its user is neither ftp nor anonymous and has no such alias, and anonymous clients go by those names alone",
            "add UserAlias anonymous with the user's name, or make the user an account with a home it is kept in",
        );
    }
    for (key, reason, cure) in [
        (
            "AnonRequirePassword",
            "anonymous clients need no password here",
            "give the user an account of its own that is kept in its home, and remove the section",
        ),
        ("AuthAliasOnly", "both names count", "remove it"),
        (
            "AuthUsingAlias",
            "anonymous clients need no password here",
            "remove it",
        ),
        (
            "RootLogin",
            "anonymous clients are never served as root",
            "remove it",
        ),
        (
            "IgnoreHidden",
            "files are hidden from listings only",
            "name what nobody may touch with --denyfiles",
        ),
        (
            "HideNoAccess",
            "files are hidden by name only",
            "take away the right to list the directory",
        ),
    ] {
        off_only(scope, key, reason, cure, t);
    }
    let (uses, origin) = scope.on("UseFtpUsers", true, t);
    match uses {
        true => fine(&origin, "as for everybody", t),
        false => fine(
            &origin,
            "names denied to users are denied to anonymous clients as well",
            t,
        ),
    }
}

/// Umask of the section. `server` is what holds for everybody.
fn umask(context: &mut Context<'_>, scope: &Scope, server: (u32, u32)) {
    let t = &mut *context.translation;
    let Some(directive) = scope.pick("Umask", t) else {
        return;
    };
    let Some((files, dirs)) = masks(&directive) else {
        return refuse_value(&directive, "write one octal mask or two", t);
    };
    if (files, dirs) == server {
        return t.nothing(&directive.origin, "as for everybody");
    }
    let value = format!("{files:03o}:{dirs:03o}");
    t.value(&directive.origin, "anonymousumask", value);
}

/// What else `<Anonymous>` may say.
fn rest(context: &mut Context<'_>, scope: &Scope, served: &Served) {
    let t = &mut *context.translation;
    for key in [
        "AllowOverwrite",
        "AllowStoreRestart",
        "DeleteAbortedStores",
        "HiddenStores",
    ] {
        for directive in scope.every(key) {
            t.nothing(
                &directive.origin,
                "anonymous clients can never overwrite nor append, and what they do not finish is removed",
            );
        }
    }
    downloads_resume(scope, t);
    if let Some(directive) = scope.pick("AllowForeignAddress", t) {
        match directive.on() {
            Some(false) => t.nothing(&directive.origin, "off, as without -W"),
            Some(true) if t.has("allowuserfxp") || !served.users => {
                t.switch(&directive.origin, "allowanonymousfxp");
            }
            _ => t.refuse(
                &directive.origin,
                "it is for users before anonymous clients",
                "write it outside of <Anonymous> as well, or off",
            ),
        }
    }
    if let Some(directive) = scope.pick("AllowOverride", t) {
        ftpaccess(&directive, t);
    }
    if let Some(directive) = scope.pick("TransferLog", t) {
        match directive.word(0).eq_ignore_ascii_case(b"none") {
            true => t.ignore(
                &directive.origin,
                "transfers are recorded for everybody or nobody",
            ),
            false => transfer_log(&directive, t),
        }
    }
    if let Some(directive) = scope.pick("MaxStoreFileSize", t) {
        match directive.word(0) == b"*" {
            true => t.nothing(&directive.origin, "no limit, as without it"),
            false => t.refuse(
                &directive.origin,
                "one size is for everybody",
                "write it outside of <Anonymous>",
            ),
        }
    }
    if let Some(directive) = scope.pick("MaxRetrieveFileSize", t) {
        size(&directive, t);
    }
    looks_of(scope, false, t);
}
