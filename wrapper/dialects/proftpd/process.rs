//! How the process runs and what it logs.

use super::combine::Context;
use super::sections::Directive;
use crate::wrapper::dialects::os;
use crate::wrapper::translation::Translation;

pub(super) fn translate(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    for directive in scope.every("Include") {
        t.nothing(&directive.origin, "read");
    }
    if let Some(directive) = scope.pick("PidFile", t) {
        t.value(&directive.origin, "pidfile", os(directive.word(0)));
    }
    if let Some(directive) = scope.pick("SyslogFacility", t) {
        let name = String::from_utf8_lossy(directive.word(0)).to_ascii_lowercase();
        t.value(&directive.origin, "syslogfacility", name);
    }
    if let Some(directive) = scope.pick("TransferLog", t) {
        transfer_log(&directive, t);
    }
    for (key, why) in [
        (
            "User",
            "the server gives up root's rights by itself, and serves each user with that user's own",
        ),
        (
            "Group",
            "the server gives up root's rights by itself, and serves each user with that user's own",
        ),
        ("ServerAlias", "a name for --host"),
    ] {
        for directive in scope.every(key) {
            t.nothing(&directive.origin, why);
        }
    }
    for directive in scope
        .all()
        .filter(|directive| matches!(directive.key, "From" | "Satisfy"))
    {
        t.refuse(
            &directive.origin,
            "it stands outside of <Class>",
            "remove it",
        );
    }
    if let Some(directive) = scope.pick("Protocols", t) {
        let is_fine = |word: &Vec<u8>| {
            word.eq_ignore_ascii_case(b"ftp") || word.eq_ignore_ascii_case(b"ftps")
        };
        let has_ftp = directive
            .words
            .iter()
            .any(|word| word.eq_ignore_ascii_case(b"ftp"));
        match directive.words.iter().all(is_fine) && has_ftp {
            true => t.nothing(&directive.origin, "FTP is spoken"),
            false => t.refuse(
                &directive.origin,
                "FTP is spoken, and nothing else",
                "write Protocols ftp, and let sshd serve SFTP",
            ),
        }
    }
}

pub(super) fn transfer_log(directive: &Directive, t: &mut Translation) {
    match directive.word(0).to_ascii_lowercase().as_slice() {
        b"none" => t.nothing(&directive.origin, "no transfers are recorded"),
        _ => {
            let value = [b"xferlog:", directive.word(0)].concat();
            t.value(&directive.origin, "altlog", os(&value));
        }
    }
}
