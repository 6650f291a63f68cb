//! What listings, greetings and names look like, and which files are hidden.

use super::accounts;
use super::combine::Context;
use super::patterns::globs;
use super::scope::{Scope, refuse_value};
use super::sections::Directive;
use crate::wrapper::dialects::os;
use crate::wrapper::translation::Translation;

pub(super) fn translate(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    looks_of(scope, true, t);
    if let Some(directive) = scope.pick("ServerIdent", t) {
        match (directive.begins_on(), directive.words.as_slice()) {
            (Some(true), [_, text]) => t.value(&directive.origin, "banner", os(text)),
            (Some(true), [_]) => t.nothing(&directive.origin, "the greeting is the server's own"),
            (Some(false), [_]) => t.value(&directive.origin, "banner", "FTP server ready"),
            _ => refuse_value(
                &directive,
                "write on or off, and maybe one text in quotes",
                t,
            ),
        }
    }
    if let Some(directive) = scope.pick("DisplayConnect", t) {
        t.value(&directive.origin, "bannerfile", os(directive.word(0)));
    }
}

/// Settings that mean the same in `<Anonymous>` and outside of it. Inside, they count for everybody if they only hide.
pub(super) fn looks_of(scope: &Scope, is_server: bool, t: &mut Translation) {
    for (key, shown, why) in [
        (
            "DisplayLogin",
            &b".banner"[..],
            "the file .banner in the home is shown",
        ),
        (
            "DisplayChdir",
            b".message",
            "the file .message of a directory is shown",
        ),
    ] {
        for directive in scope.every(key) {
            match directive.word(0) == shown {
                true => t.nothing(&directive.origin, why),
                false => t.ignore(&directive.origin, &format!("{why}, and no other")),
            }
        }
    }
    list_options(scope, t);
    if let Some(directive) = scope.pick("ShowSymlinks", t) {
        match directive.on() {
            Some(true) => t.nothing(&directive.origin, "symbolic links are shown as such"),
            _ => t.ignore(&directive.origin, "symbolic links are shown as such"),
        }
    }
    for key in ["DirFakeUser", "DirFakeGroup"] {
        let Some(directive) = scope.pick(key, t) else {
            continue;
        };
        match directive.begins_on() {
            Some(true) if t.has("hideids") => {
                t.nothing(&directive.origin, "--hideids is given for owner and group");
            }
            Some(true) => t.switch(&directive.origin, "hideids"),
            Some(false) => t.nothing(&directive.origin, "off, as without it"),
            None => refuse_value(&directive, "write on or off in front", t),
        }
    }
    for directive in scope.every("HideFiles") {
        hide_files(&directive, is_server, t);
    }
    if is_server {
        for (key, reason, cure) in [
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
            accounts::off_only(scope, key, reason, cure, t);
        }
    }
    for directive in scope.every("DenyFilter") {
        // Debian's own, against patterns that take long.
        let is_debians = directive.words.len() == 1 && directive.word(0) == br"\*.*/";
        match is_debians {
            true => t.nothing(&directive.origin, "the work a pattern may cause is bounded"),
            false => t.refuse(
                &directive.origin,
                "commands are not compared to patterns",
                "remove it, or name files that must not be touched with --denyfiles",
            ),
        }
    }
    for directive in scope.every("PathDenyFilter") {
        let is_ftpaccess = matches!(
            directive.word(0),
            br"\.ftpaccess$" | b".ftpaccess$" | br"(\.ftpaccess)$"
        ) && directive.words.len() == 1;
        match is_ftpaccess {
            true => t.nothing(&directive.origin, "files named .ftpaccess are not read"),
            false => t.refuse(
                &directive.origin,
                "names of uploads are not compared to patterns",
                "name the files with --denyfiles, which keeps them from being read as well, and remove the setting",
            ),
        }
    }
}

fn list_options(scope: &Scope, t: &mut Translation) {
    let Some(directive) = scope.pick("ListOptions", t) else {
        return;
    };
    let origin = &directive.origin;
    let before = t.findings.len();
    if directive.word(0).contains(&b'a') || directive.word(0).contains(&b'A') {
        t.switch(origin, "displaydotfiles");
    }
    let (mut files, mut depth) = (None, None);
    let mut words = directive.words.iter().skip(1);
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_slice() {
            b"maxfiles" => files = words.next().cloned(),
            b"maxdepth" => depth = words.next().cloned(),
            b"maxdirs" => {
                words.next();
                t.ignore(origin, "directories count as names of a listing, see -L");
            }
            b"strict" => t.refuse(
                origin,
                "clients can choose the options of a listing",
                "remove strict",
            ),
            b"listonly"
            | b"nlstonly"
            | b"sortednlst"
            | b"adjustedsymlinks"
            | b"nlstnamesonly"
            | b"noadjustedsymlinks"
            | b"noerrorifabsent" => {
                t.ignore(origin, "LIST and NLST are the server's own");
            }
            _ => {
                return refuse_value(
                    &directive,
                    "write options of ls, and maxfiles or maxdepth with a number",
                    t,
                );
            }
        }
    }
    if files.is_some() || depth.is_some() {
        let text = |word: Option<Vec<u8>>, default: &str| {
            word.unwrap_or_else(|| default.as_bytes().to_vec())
        };
        let value = [text(files, "10000"), text(depth, "5")].join(&b':');
        t.value(origin, "limitrecursion", os(&value));
    }
    if t.findings.len() == before {
        t.nothing(origin, "LIST shows them anyway");
    }
}

fn hide_files(directive: &Directive, is_server: bool, t: &mut Translation) {
    let origin = &directive.origin;
    if directive.word(0).eq_ignore_ascii_case(b"none") && directive.words.len() == 1 {
        return t.nothing(origin, "nothing is hidden");
    }
    if directive.words.len() > 1 {
        return t.refuse(
            origin,
            "what is hidden is hidden from everybody",
            "remove what stands behind the pattern",
        );
    }
    match globs(directive.word(0)) {
        Some(globs) => {
            for glob in globs {
                t.value(origin, "hidefiles", os(&glob));
            }
            if !is_server {
                t.ignore(origin, "the files are hidden from users as well");
            }
        }
        None => t.refuse(
            origin,
            "no pattern of --hidefiles matches the same names",
            "name the files with --hidefiles, and remove the setting",
        ),
    }
}
