//! What users may do to files, apart from commands that are denied: masks, overwriting, resuming, sizes.

use super::combine::Context;
use super::scope::{Scope, fine, refuse_value};
use super::sections::Directive;
use crate::wrapper::dialects::os;
use crate::wrapper::translation::Translation;

/// Umask as masks of files and directories; files never become executable.
pub(super) fn masks(directive: &Directive) -> Option<(u32, u32)> {
    let mask = |word: &[u8]| {
        let text = std::str::from_utf8(word).ok()?;
        let is_octal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let mask = u32::from_str_radix(text, 8).ok()?;
        (is_octal && mask <= 0o777).then_some(mask)
    };
    let files = mask(directive.word(0))?;
    let dirs = match directive.words.len() {
        1 => files,
        2 => mask(directive.word(1))?,
        _ => return None,
    };
    Some((files | 0o111, dirs))
}

pub(super) fn umask(context: &mut Context<'_>) -> (u32, u32) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let (origin, (files, dirs)) = match scope.pick("Umask", t) {
        None => (scope.unset("Umask"), (0o133, 0o022)),
        Some(directive) => match masks(&directive) {
            Some(masks) => (directive.origin, masks),
            None => {
                refuse_value(&directive, "write one octal mask or two", t);
                return (0o777, 0o777);
            }
        },
    };
    t.value(&origin, "umask", format!("{files:03o}:{dirs:03o}"));
    (files, dirs)
}

/// What users may do to files, apart from commands that are denied.
pub(super) fn files_of_users(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let (overwrites, origin) = scope.on("AllowOverwrite", false, t);
    match overwrites {
        false => t.switch(&origin, "nooverwrite"),
        true => fine(&origin, "on, as without --nooverwrite", t),
    }
    let (resumes, origin) = scope.on("AllowStoreRestart", false, t);
    match resumes {
        false => t.switch(&origin, "nostorerestart"),
        true => fine(&origin, "on, as without --nostorerestart", t),
    }
    downloads_resume(scope, t);
    whole_uploads(scope, t);
    match scope.pick("AllowOverride", t) {
        Some(directive) => ftpaccess(&directive, t),
        None => t.ignore(
            &scope.unset("AllowOverride"),
            "files named .ftpaccess are not read; make sure that none below the users' homes denies anything",
        ),
    }
    let (fxp, origin) = match scope.pick("AllowForeignAddress", t) {
        None => (Some(false), scope.unset("AllowForeignAddress")),
        Some(directive) => (directive.on(), directive.origin),
    };
    match fxp {
        Some(true) => t.switch(&origin, "allowuserfxp"),
        Some(false) => fine(&origin, "off, as without -w", t),
        None => t.refuse(
            &origin,
            "clients are not told apart by class",
            "write on or off",
        ),
    }
    for key in ["MaxStoreFileSize", "MaxRetrieveFileSize"] {
        if let Some(directive) = scope.pick(key, t) {
            size(&directive, t);
        }
    }
}

pub(super) fn downloads_resume(scope: &Scope, t: &mut Translation) {
    let (resumes, origin) = scope.on("AllowRetrieveRestart", true, t);
    match resumes {
        true => fine(&origin, "downloads can be resumed", t),
        false => t.refuse(
            &origin,
            "downloads can always be resumed",
            "write AllowRetrieveRestart on",
        ),
    }
}

/// AllowOverride.
pub(super) fn ftpaccess(directive: &Directive, t: &mut Translation) {
    match directive.on() {
        Some(false) => t.nothing(&directive.origin, "files named .ftpaccess are not read"),
        _ => t.refuse(
            &directive.origin,
            "files named .ftpaccess are not read, and may deny something",
            "move what they say elsewhere and write AllowOverride off",
        ),
    }
}

/// HiddenStores and DeleteAbortedStores.
fn whole_uploads(scope: &Scope, t: &mut Translation) {
    let mut is_hidden = false;
    if let Some(directive) = scope.pick("HiddenStores", t) {
        match directive.begins_on() {
            Some(false) => t.nothing(&directive.origin, "off, as without -0"),
            // Any other word is the beginning of the name until then, which is the server's own.
            Some(true) | None => {
                is_hidden = true;
                t.switch(&directive.origin, "notruncate");
                if !t.has("nostorerestart") {
                    t.switch(&directive.origin, "nostorerestart");
                }
            }
        }
    }
    let (deletes, origin) = scope.on("DeleteAbortedStores", is_hidden, t);
    match (deletes, is_hidden) {
        (true, false) => t.switch(&origin, "notruncate"),
        _ => fine(&origin, "as without it", t),
    }
}

pub(super) fn size(directive: &Directive, t: &mut Translation) {
    let origin = &directive.origin;
    let is_upload = directive.key == "MaxStoreFileSize";
    if directive.word(0) == b"*" {
        return t.nothing(origin, "no limit, as without it");
    }
    if !is_upload {
        return t.refuse(
            origin,
            "files are served whatever their size",
            "take away the right to read large files, and remove the setting",
        );
    }
    let unit = match directive.word(1).to_ascii_lowercase().as_slice() {
        b"gb" => "G",
        b"mb" => "M",
        b"kb" => "K",
        b"b" => "",
        _ => return refuse_value(directive, "write a number and one of Gb, Mb, Kb and B", t),
    };
    if directive.words.len() > 2 {
        return t.refuse(
            origin,
            "one size is for everybody",
            "remove the user, group or class",
        );
    }
    let value = [directive.word(0), unit.as_bytes()].concat();
    t.value(origin, "maxuploadsize", os(&value));
}
