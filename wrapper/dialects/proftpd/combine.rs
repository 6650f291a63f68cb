//! What the settings of a server mean together.

use std::path::Path;
use std::rc::Rc;

use super::limits::{self, Denied, Level, Logins};
use super::scope::{Scope, fine, refuse_value};
use super::sections::{Directive, Section};
use super::servers::Server;
use super::{accounts, anonymous};
use crate::wrapper::dialects::os;
use crate::wrapper::files::Files;
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Finding, Origin, Translation};

/// What everything here needs.
pub(super) struct Context<'a> {
    pub(super) scope: &'a Scope,
    pub(super) files: &'a mut Files,
    pub(super) translation: &'a mut Translation,
}

/// The sections of a server, apart.
#[derive(Default)]
struct Sections {
    anonymous: Option<Section>,
    limits: Level,
    limits_around: Level,
    /// Of <Directory> sections for everything there is.
    limits_of_tree: Level,
    tree: Vec<Directive>,
    has_tree: bool,
}

/// A year, as no time-out is longer.
const LONGEST: u64 = 365 * 24 * 3600;

/// Says what becomes of everything in a server.
pub(super) fn run(
    path: &Rc<Path>,
    server: Server,
    files: &mut Files,
    translation: &mut Translation,
) {
    let mut server = server;
    let sections = sections(&mut server.scope, translation);
    // What a section for the whole tree says is nearer to files than what stands outside of it.
    let tree = sections.tree.clone();
    let keys: Vec<&str> = tree.iter().map(|directive| directive.key).collect();
    let (kept, over): (Vec<Directive>, Vec<Directive>) = std::mem::take(&mut server.scope.own)
        .into_iter()
        .partition(|directive| !keys.contains(&directive.key));
    server.scope.own = tree.into_iter().chain(kept).collect();
    for directive in &over {
        translation.nothing(
            &directive.origin,
            "the section for the whole tree goes before",
        );
    }
    let whole = Origin::file(path);
    let anonymous = sections.anonymous.clone();
    let anonymous_scope = anonymous.as_ref().map(|section| {
        let items = section.items.clone();
        Scope::new(whole.clone(), items, Vec::new())
    });
    let anonymous_sections = match anonymous_scope {
        None => None,
        Some(mut scope) => {
            let inner = anonymous_parts(&mut scope, translation);
            Some((scope, inner))
        }
    };
    server.scope.say_simple(translation);
    if let Some((scope, _)) = &anonymous_sections {
        scope.say_simple(translation);
    }

    let mut context = Context {
        scope: &server.scope,
        files,
        translation,
    };
    process(&mut context);
    network(&mut context, &server);
    let logins = limits::logins(&sections.limits, context.translation)
        .or_else(|| limits::logins(&sections.limits_around, context.translation));
    let login_origin = limits::login_origin(&sections.limits)
        .or_else(|| limits::login_origin(&sections.limits_around))
        .cloned();
    let served = who_logs_in(
        &mut context,
        logins.unwrap_or(Logins::Everybody),
        login_origin.as_ref(),
        anonymous.as_ref().zip(anonymous_sections.as_ref()),
    );
    match served.users {
        true => accounts::sources(&mut context),
        false => accounts::nobody(&mut context),
    }
    accounts::names(&mut context);
    let server_masks = umask(&mut context);
    accounts::homes(&mut context, server_masks.1);
    files_of_users(&mut context);
    let inner = anonymous_sections.as_ref().filter(|_| served.anonymous);
    commands(
        &mut context,
        &sections,
        &served,
        inner.map(|(_, inner)| inner),
    );
    times(&mut context);
    clients(&mut context, inner.map(|(scope, _)| scope));
    rates(&mut context, inner.map(|(scope, _)| scope), &served);
    looks(&mut context);
    tls(&mut context);
    ban(&mut context);
    if let (Some(section), Some((scope, _))) = (&anonymous, &anonymous_sections) {
        if served.anonymous {
            anonymous::identity(&mut context, section, scope);
            anonymous::umask(&mut context, scope, server_masks);
            anonymous_rest(&mut context, scope, &served);
        } else {
            for directive in scope.all() {
                let told = context
                    .translation
                    .findings
                    .iter()
                    .any(|finding| finding.origin == directive.origin);
                if !told {
                    context
                        .translation
                        .nothing(&directive.origin, "no anonymous client may log in");
                }
            }
        }
    }
    let scopes =
        std::iter::once(&server.scope).chain(anonymous_sections.iter().map(|(scope, _)| scope));
    nothing_is_lost(scopes, context.translation);
}

/// Refuses what nothing has spoken of, such as a directive in a place where it means nothing.
fn nothing_is_lost<'a>(scopes: impl Iterator<Item = &'a Scope>, translation: &mut Translation) {
    for scope in scopes {
        for directive in scope.all() {
            let is_told = translation
                .findings
                .iter()
                .any(|finding| finding.origin == directive.origin);
            if !is_told {
                translation.refuse(
                    &directive.origin,
                    "it has no meaning in this place",
                    "remove it, or move it to where it belongs",
                );
            }
        }
    }
}

/// Takes the sections of a server apart, and refuses those that cannot be expressed.
fn sections(scope: &mut Scope, translation: &mut Translation) -> Sections {
    let mut parts = Sections::default();
    let keeps_homes = scope
        .every("DefaultRoot")
        .first()
        .is_some_and(|root| root.words.len() == 1 && matches!(root.word(0), b"~" | b"~/"));
    let own = std::mem::take(&mut scope.sections);
    let around = std::mem::take(&mut scope.sections_around);
    let own = own.into_iter().map(|section| (section, false));
    let around = around.into_iter().map(|section| (section, true));
    for (section, is_around) in own.chain(around) {
        match section.kind.as_str() {
            "limit" => {
                let limit = limits::read(&section, translation);
                match is_around {
                    true => parts.limits_around.push(limit),
                    false => parts.limits.push(limit),
                }
            }
            "anonymous" if parts.anonymous.is_some() => translation.refuse(
                &section.origin,
                "there is another <Anonymous>, and anonymous clients have one root",
                "keep one, and make accounts with homes they are kept in of the others",
            ),
            "anonymous" => parts.anonymous = Some(section),
            "directory" => {
                let is_tree = |path: &[u8]| match path {
                    b"/" | b"/*" => true,
                    b"~" | b"~/" | b"~/*" => keeps_homes,
                    _ => false,
                };
                directory(section, is_tree, &mut parts, translation);
            }
            "class" => translation.nothing(
                &section.origin,
                "it counts where a setting names the class, which is refused there",
            ),
            _ => refuse_section(&section, translation),
        }
    }
    parts
}

/// The sections within <Anonymous>.
fn anonymous_parts(scope: &mut Scope, translation: &mut Translation) -> Sections {
    let mut parts = Sections::default();
    for section in std::mem::take(&mut scope.sections) {
        match section.kind.as_str() {
            "limit" => parts.limits.push(limits::read(&section, translation)),
            "directory" => {
                let is_tree = |path: &[u8]| matches!(path, b"*" | b"/" | b"/*");
                directory(section, is_tree, &mut parts, translation);
            }
            _ => refuse_section(&section, translation),
        }
    }
    scope.own.extend(parts.tree.iter().cloned());
    parts
}

fn refuse_section(section: &Section, translation: &mut Translation) {
    let is_told = |finding: &Finding| finding.origin == section.origin;
    if translation.findings.iter().any(is_told) {
        return;
    }
    let (reason, cure) = match section.kind.as_str() {
        kind if kind.starts_with("if") => (
            "settings for some users only cannot be expressed",
            "remove the section, or give those users limits of their own with wharf-pw",
        ),
        _ => ("it does not belong here", "move it or remove it"),
    };
    translation.refuse(&section.origin, reason, cure);
}

/// Settings of <Directory> that mean the same for the server when they are for all of it.
const OF_TREE: [&str; 4] = ["AllowOverwrite", "HideFiles", "HideNoAccess", "Umask"];

fn directory(
    section: Section,
    is_tree: impl Fn(&[u8]) -> bool,
    parts: &mut Sections,
    translation: &mut Translation,
) {
    let path = section.words.first().map_or(&b""[..], Vec::as_slice);
    if section.words.len() != 1 || !is_tree(path) {
        let reason = format!(
            "rules for {} alone cannot be expressed",
            shown(&section.words.join(&b' '))
        );
        let cure =
            "let the owner and mode of the directory say it (chown, chmod), and remove the section";
        return translation.refuse(&section.origin, &reason, cure);
    }
    if std::mem::replace(&mut parts.has_tree, true) {
        return translation.refuse(
            &section.origin,
            "there is another section for everything there is",
            "make one of them",
        );
    }
    translation.nothing(&section.origin, "it is for everything there is");
    // A star does not stand for the directory it is in, so what is denied there still works in that one.
    let is_below = path.ends_with(b"*");
    for item in section.items {
        match item {
            super::sections::Item::Directive(directive) if OF_TREE.contains(&directive.key) => {
                parts.tree.push(directive);
            }
            super::sections::Item::Section(inner) if inner.kind == "limit" => {
                let only_writes = inner.words.iter().all(|word| {
                    let name = String::from_utf8_lossy(word).to_ascii_uppercase();
                    name == "WRITE" || limits::changes_files(&name)
                });
                if is_below && !only_writes {
                    translation.refuse(
                        &inner.origin,
                        "the directory itself is left out by the star",
                        "write the section without <Directory>, or only for commands that change files",
                    );
                }
                parts.limits_of_tree.push(limits::read(&inner, translation));
            }
            super::sections::Item::Directive(directive) => translation.refuse(
                &directive.origin,
                "it cannot be expressed for directories",
                "move it out of <Directory> or remove it",
            ),
            super::sections::Item::Section(inner) => refuse_section(&inner, translation),
        }
    }
}

/// How the process runs and what it logs.
fn process(context: &mut Context<'_>) {
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

fn transfer_log(directive: &Directive, t: &mut Translation) {
    match directive.word(0).to_ascii_lowercase().as_slice() {
        b"none" => t.nothing(&directive.origin, "no transfers are recorded"),
        _ => {
            let value = [b"xferlog:", directive.word(0)].concat();
            t.value(&directive.origin, "altlog", os(&value));
        }
    }
}

/// Where to listen, and how data connections are made.
fn network(context: &mut Context<'_>, server: &Server) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let address = scope.pick("DefaultAddress", t);
    let port = scope.pick("Port", t);
    let (is_default, default_origin) = scope.on("DefaultServer", false, t);
    let host: Option<(Vec<u8>, Origin)> = match (&server.address, &address) {
        (Some(own), given) => {
            if let Some(given) = given {
                t.nothing(&given.origin, "the address of the section counts");
            }
            Some((own.clone(), server.origin.clone()))
        }
        (None, Some(given)) if given.words.len() == 1 => {
            Some((given.word(0).to_vec(), given.origin.clone()))
        }
        (None, Some(given)) => {
            refuse_value(given, "write one address, as one is listened on", t);
            None
        }
        (None, None) => None,
    };
    // On its own, the server for addresses that have none answers on all of them.
    let host = host.filter(|(address, origin)| {
        let all = matches!(address.as_slice(), b"0.0.0.0" | b"::" | b"*");
        let binds_tight = scope
            .every("SocketBindTight")
            .iter()
            .any(|directive| directive.on() != Some(false));
        let widens = is_default && !server.is_one_of_several && !binds_tight;
        if all || widens {
            fine(origin, "every address of the machine is listened on", t);
        }
        !(all || widens)
    });
    match &host {
        None if server.is_one_of_several => t.refuse(
            &server.origin,
            "it shares the port with other servers of the file, and has no address of its own",
            "write DefaultAddress outside of the sections",
        ),
        None => {
            let origin = port
                .as_ref()
                .map_or_else(|| scope.unset("Port"), |port| port.origin.clone());
            t.value(&origin, "bind", format!(",{}", server.port));
        }
        Some((address, origin)) => {
            let value = [address.as_slice(), b",", server.port.to_string().as_bytes()].concat();
            t.value(origin, "bind", os(&value));
            if let Some(port) = &port {
                t.nothing(&port.origin, "told with the address");
            }
        }
    }
    let why = match (is_default, server.is_one_of_several) {
        (true, true) => {
            "it answers on its own address; addresses without a server are not answered"
        }
        _ => "the server is told where to listen",
    };
    fine(&default_origin, why, t);
    if let Some(directive) = scope.pick("UseIPv6", t) {
        match directive.on() {
            Some(false) => t.switch(&directive.origin, "ipv4only"),
            Some(true) => t.nothing(&directive.origin, "on, as without -4"),
            None => refuse_value(&directive, "write on or off", t),
        }
    }
    if let Some(directive) = scope.pick("PassivePorts", t) {
        let value = [directive.word(0), b":", directive.word(1)].concat();
        match directive.words.len() {
            2 => t.value(&directive.origin, "passiveportrange", os(&value)),
            _ => refuse_value(&directive, "write the first port and the last", t),
        }
    }
    if let Some(directive) = scope.pick("MasqueradeAddress", t) {
        t.value(&directive.origin, "forcepassiveip", os(directive.word(0)));
    }
    let (resolves, origin) = scope.on("UseReverseDNS", true, t);
    match resolves {
        false => t.switch(&origin, "dontresolve"),
        true => fine(&origin, "on, as without -H", t),
    }
    if let Some(directive) = scope.pick("IdentLookups", t) {
        match directive.on() {
            Some(false) => t.nothing(&directive.origin, "off, as always"),
            _ => t.ignore(
                &directive.origin,
                "clients are not asked for a user of theirs",
            ),
        }
    }
}

/// Who is served.
struct Served {
    users: bool,
    anonymous: bool,
}

fn who_logs_in(
    context: &mut Context<'_>,
    server: Logins,
    origin: Option<&Origin>,
    anonymous: Option<(&Section, &(Scope, Sections))>,
) -> Served {
    let t = &mut *context.translation;
    let unset = Origin {
        setting: "(no <Anonymous>)".to_owned(),
        ..context.scope.whole.clone()
    };
    let origin = origin
        .cloned()
        .unwrap_or_else(|| context.scope.unset("<Limit LOGIN>"));
    let Some((section, (_, parts))) = anonymous else {
        t.switch(&unset, "noanonymous");
        if server == Logins::Nobody {
            refuse_nobody(&origin, t);
        }
        from(&server, &origin, t);
        return Served {
            users: server != Logins::Nobody,
            anonymous: false,
        };
    };
    let strangers = limits::logins(&parts.limits, t);
    let strangers_origin = limits::login_origin(&parts.limits)
        .cloned()
        .unwrap_or_else(|| origin.clone());
    let strangers = strangers.unwrap_or_else(|| server.clone());
    match (&server, &strangers) {
        (Logins::Nobody, Logins::Nobody) => {
            refuse_nobody(&origin, t);
            Served {
                users: false,
                anonymous: false,
            }
        }
        (Logins::Nobody, _) => {
            t.switch(&origin, "anonymousonly");
            from(&strangers, &strangers_origin, t);
            Served {
                users: false,
                anonymous: true,
            }
        }
        (_, Logins::Nobody) => {
            t.switch(&strangers_origin, "noanonymous");
            t.nothing(&section.origin, "no anonymous client may log in");
            from(&server, &origin, t);
            Served {
                users: true,
                anonymous: false,
            }
        }
        (one, other) if one == other => {
            from(&server, &origin, t);
            Served {
                users: true,
                anonymous: true,
            }
        }
        (Logins::Refused, _) | (_, Logins::Refused) => Served {
            users: true,
            anonymous: true,
        },
        _ => {
            t.refuse(
                &strangers_origin,
                "networks are the same for users and for anonymous clients",
                "run two servers, each with a file of its own, or write the same section in both places",
            );
            Served {
                users: true,
                anonymous: true,
            }
        }
    }
}

fn refuse_nobody(origin: &Origin, t: &mut Translation) {
    t.refuse(
        origin,
        "nobody could log in",
        "allow somebody, or do not start it",
    );
}

/// The networks of clients.
fn from(logins: &Logins, origin: &Origin, t: &mut Translation) {
    if let Logins::From(allow, deny) = logins {
        for network in allow.iter().flatten() {
            t.value(origin, "allowfrom", network);
        }
        for network in deny {
            t.value(origin, "denyfrom", network);
        }
    }
}

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

fn umask(context: &mut Context<'_>) -> (u32, u32) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let picked = scope.pick("Umask", t);
    let (origin, masks) = match &picked {
        None => (scope.unset("Umask"), Some((0o133, 0o022))),
        Some(directive) => (directive.origin.clone(), masks(directive)),
    };
    match (masks, picked) {
        (Some((files, dirs)), _) => {
            t.value(&origin, "umask", format!("{files:03o}:{dirs:03o}"));
            (files, dirs)
        }
        (None, Some(directive)) => {
            refuse_value(&directive, "write one octal mask or two", t);
            (0o777, 0o777)
        }
        (None, None) => (0o777, 0o777),
    }
}

/// What users may do to files, apart from commands that are denied.
fn files_of_users(context: &mut Context<'_>) {
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
    let (resumes, origin) = scope.on("AllowRetrieveRestart", true, t);
    match resumes {
        true => fine(&origin, "downloads can be resumed", t),
        false => t.refuse(
            &origin,
            "downloads can always be resumed",
            "write AllowRetrieveRestart on",
        ),
    }
    whole_uploads(scope, t);
    let (overrides, origin) = match scope.pick("AllowOverride", t) {
        None => (None, scope.unset("AllowOverride")),
        Some(directive) => (directive.on(), directive.origin),
    };
    match overrides {
        Some(false) => t.nothing(&origin, "files named .ftpaccess are not read"),
        None if origin.line.is_none() => t.ignore(
            &origin,
            "files named .ftpaccess are not read; make sure that none below the users' homes denies anything",
        ),
        _ => t.refuse(
            &origin,
            "files named .ftpaccess are not read, and may deny something",
            "move what they say elsewhere and write AllowOverride off",
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

/// HiddenStores and DeleteAbortedStores.
fn whole_uploads(scope: &Scope, t: &mut Translation) {
    let mut is_hidden = false;
    if let Some(directive) = scope.pick("HiddenStores", t) {
        let first = Directive {
            words: vec![directive.word(0).to_vec()],
            ..directive.clone()
        };
        match first.on() {
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

fn size(directive: &Directive, t: &mut Translation) {
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

/// Commands that are denied, and what that leaves to anonymous clients.
fn commands(
    context: &mut Context<'_>,
    sections: &Sections,
    served: &Served,
    strangers: Option<&Sections>,
) {
    let t = &mut *context.translation;
    let users: Vec<&Level> = vec![
        &sections.limits_of_tree,
        &sections.limits,
        &sections.limits_around,
    ];
    let to_users: Denied = limits::denied(&users, t);
    let mut to_strangers: Option<Denied> = None;
    let mut levels = users.clone();
    if let Some(parts) = strangers {
        levels = vec![&parts.limits_of_tree, &parts.limits];
        levels.extend(&users);
        to_strangers = Some(limits::denied(&levels, t));
    }
    let verbs = |denied: &Denied| -> Vec<&'static str> {
        denied.iter().map(|(command, _)| command.verb).collect()
    };
    let everybody: Denied = match (&to_strangers, served.users) {
        (Some(strangers), false) => strangers.clone(),
        (Some(strangers), true) => {
            let theirs = verbs(strangers);
            let (both, users_only): (Denied, Denied) =
                to_users.iter().cloned().partition(|(command, _)| {
                    command.never_anonymous || theirs.contains(&command.verb)
                });
            for (command, origin) in &users_only {
                let reason = format!(
                    "{} is denied to users and not to anonymous clients, and flags do not tell them apart",
                    command.verb
                );
                t.refuse(
                    origin,
                    &reason,
                    "deny it in <Anonymous> as well, or run two servers",
                );
            }
            both
        }
        (None, _) => to_users.clone(),
    };
    deny(&everybody, t);
    if let Some(strangers) = &to_strangers {
        let common = verbs(&everybody);
        strange(context, strangers, &common);
    }
    let t = &mut *context.translation;
    let mut all: Vec<&Denied> = vec![&to_users];
    all.extend(&to_strangers);
    limits::tell_idle(&levels, &all, t);
    if let Some(parts) = strangers {
        let inner = [&parts.limits_of_tree, &parts.limits];
        limits::tell_idle(&inner, &all, t);
    }
}

/// Flags for commands that nobody may use.
fn deny(denied: &Denied, t: &mut Translation) {
    let origin = |verb: &str| {
        denied
            .iter()
            .find(|(command, _)| command.verb == verb)
            .map(|(_, origin)| origin.clone())
    };
    let mut said: Vec<&str> = Vec::new();
    let changes = limits::CHANGES;
    let is_read_only = changes.iter().all(|verb| origin(verb).is_some());
    if let Some(origin) = origin("STOR").filter(|_| is_read_only) {
        t.switch(&origin, "readonly");
        said.extend(changes);
        said.extend(["RNFR", "RNTO"]);
    } else {
        if let Some(origin) = origin("RNFR").or_else(|| origin("RNTO")) {
            t.switch(&origin, "norename");
            said.extend(["RNFR", "RNTO"]);
        }
        if let Some(origin) = origin("SITE_CHMOD") {
            t.switch(&origin, "nochmod");
            said.push("SITE_CHMOD");
        }
        // The group of -a may delete in spite of -K.
        if let Some(origin) = origin("DELE").filter(|_| !t.has("trustedgid")) {
            t.switch(&origin, "keepallfiles");
            said.push("DELE");
        }
    }
    for (one, other, flag) in [("PASV", "EPSV", "natmode"), ("PORT", "EPRT", "noactive")] {
        if let (Some(origin), Some(_)) = (origin(one), origin(other)) {
            t.switch(&origin, flag);
            said.extend([one, other]);
        }
    }
    let left: Vec<&(limits::Command, Origin)> = denied
        .iter()
        .filter(|(command, _)| !said.contains(&command.verb))
        .collect();
    let Some((_, origin)) = left.first() else {
        return;
    };
    let mut list: Vec<&str> = left.iter().map(|(command, _)| command.verb).collect();
    if list.contains(&"MFMT") {
        // It sets times as well.
        list.push("SITE_UTIME");
    }
    let list = list.join(",");
    t.value(origin, "denycommands", list);
}

/// What anonymous clients may do beyond what everybody is denied.
fn strange(context: &mut Context<'_>, denied: &Denied, common: &[&str]) {
    let t = &mut *context.translation;
    let origin = |verb: &str| {
        denied
            .iter()
            .find(|(command, _)| command.verb == verb)
            .map(|(_, origin)| origin.clone())
    };
    let unset = Origin {
        setting: "(anonymous clients)".to_owned(),
        ..context.scope.whole.clone()
    };
    let can = |verb: &str| origin(verb).is_none();
    let uploads = can("STOR") || can("STOU") && !common.contains(&"STOU");
    match origin("STOR") {
        Some(origin) if uploads => t.refuse(
            &origin,
            "STOR is denied to anonymous clients and STOU is not",
            "deny both",
        ),
        Some(origin) if !common.contains(&"STOR") => t.switch(&origin, "anonymouscantupload"),
        Some(_) => {}
        None => {
            t.switch(&unset, "anonymousupload");
            if can("MKD") {
                t.switch(&unset, "anonymouscancreatedirs");
            }
        }
    }
    if can("RETR") {
        t.switch(&unset, "anonymousreadown");
    }
    t.switch(&unset, "allowdotfiles");
    if limits::CHANGES.iter().any(|verb| {
        let kept = ["DELE", "RNFR", "RMD", "SITE_CHMOD"];
        kept.contains(verb) && can(verb)
    }) {
        t.ignore(
            &unset,
            "anonymous clients can never overwrite, append, rename, delete or change the rights of anything here",
        );
    }
    let ways = ["STOR", "STOU", "MKD"];
    for (command, origin) in denied {
        let is_told = command.never_anonymous
            || ways.contains(&command.verb)
            || common.contains(&command.verb);
        if !is_told {
            let reason = format!(
                "{} is denied to anonymous clients and not to users, and flags do not tell them apart",
                command.verb
            );
            t.refuse(
                origin,
                &reason,
                "let the owners and modes of files say it, or run two servers",
            );
        }
    }
}

fn number(directive: &Directive) -> Option<u64> {
    let text = std::str::from_utf8(directive.word(0)).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// A number of seconds, with 0 for no end; what is not there has ProFTPD's default.
fn seconds(scope: &Scope, key: &str, default: u64, t: &mut Translation) -> (u64, Origin) {
    let Some(directive) = scope.pick(key, t) else {
        return (default, scope.unset(key));
    };
    let value = match number(&directive).filter(|_| directive.words.len() == 1) {
        Some(0) => LONGEST,
        Some(number) => number,
        None => {
            refuse_value(&directive, "write a number of seconds", t);
            default
        }
    };
    (value, directive.origin)
}

fn times(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let idle = seconds(scope, "TimeoutIdle", 600, t);
    let without = seconds(scope, "TimeoutNoTransfer", 300, t);
    if without.0 < LONGEST {
        t.ignore(
            &without.1,
            "whoever goes on sending commands that look or change something is not ended, however long there was no transfer",
        );
    }
    let (shorter, longer) = match without.0 < idle.0 {
        true => (without, idle),
        false => (idle, without),
    };
    t.value(&shorter.1, "idletimeout", shorter.0.to_string());
    fine(&longer.1, "an idle session ends before", t);
    let (login, origin) = seconds(scope, "TimeoutLogin", 300, t);
    t.value(&origin, "logintimeout", login.to_string());
    let (stalled, origin) = seconds(scope, "TimeoutStalled", 3600, t);
    t.value(&origin, "datatimeout", stalled.to_string());
    if let Some(directive) = scope.pick("TimeoutSession", t) {
        match number(&directive) {
            Some(0) => t.nothing(&directive.origin, "no limit, as without it"),
            _ => t.refuse(
                &directive.origin,
                "a session may last as long as it is used",
                "remove it if you can do without it",
            ),
        }
    }
}

/// A count of at least 1; None for none.
fn count(scope: &Scope, key: &str, t: &mut Translation) -> Option<(u64, Origin)> {
    let directive = scope.pick(key, t)?;
    if directive.word(0).eq_ignore_ascii_case(b"none") {
        t.nothing(&directive.origin, "no limit, as without it");
        return None;
    }
    match number(&directive) {
        Some(number) if number > 0 => {
            if directive.words.len() > 1 && key != "MaxInstances" {
                t.ignore(
                    &directive.origin,
                    "the text clients are told is the server's own",
                );
            }
            Some((number, directive.origin))
        }
        _ => {
            refuse_value(&directive, "write a number from 1 on, or none", t);
            None
        }
    }
}

/// The smaller of two limits as a flag.
fn smaller(
    one: Option<(u64, Origin)>,
    other: Option<(u64, Origin)>,
    flag: &str,
    t: &mut Translation,
) -> bool {
    let mut both: Vec<(u64, Origin)> = one.into_iter().chain(other).collect();
    both.sort_by_key(|(number, _)| *number);
    let mut both = both.into_iter();
    let Some((number, origin)) = both.next() else {
        return false;
    };
    t.value(&origin, flag, number.to_string());
    for (_, origin) in both {
        t.nothing(&origin, "another setting allows fewer");
    }
    true
}

fn clients(context: &mut Context<'_>, strangers: Option<&Scope>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let instances = count(scope, "MaxInstances", t);
    let clients = count(scope, "MaxClients", t);
    if !smaller(instances, clients, "maxclientsnumber", t) {
        t.ignore(
            &scope.unset("MaxInstances"),
            "ProFTPD has no limit then; this server takes 50 clients at once (-c)",
        );
    }
    let per_host = count(scope, "MaxClientsPerHost", t);
    let connections = count(scope, "MaxConnectionsPerHost", t);
    let common = per_host.as_ref().map(|(number, _)| *number);
    smaller(per_host, connections, "maxclientsperip", t);
    let per_user = count(scope, "MaxClientsPerUser", t);
    let of_strangers = strangers.and_then(|scope| count(scope, "MaxClients", t));
    let users = per_user.as_ref().map_or(0, |(number, _)| *number);
    if let Some((_, origin)) = of_strangers.as_ref().or(per_user.as_ref()) {
        let bounds = [of_strangers.as_ref(), per_user.as_ref()];
        let bounds = bounds.iter().flatten().map(|(number, _)| *number);
        let anonymous = bounds.min().unwrap_or(0);
        t.value(origin, "peruserlimits", format!("{users}:{anonymous}"));
        if let (Some(_), Some((_, origin))) = (&of_strangers, &per_user) {
            t.nothing(origin, "told with the limit of <Anonymous>");
        }
    }
    if let Some(inner) = strangers {
        for key in ["MaxClientsPerHost", "MaxConnectionsPerHost"] {
            if let Some((number, origin)) = count(inner, key, t) {
                match common {
                    Some(common) if common <= number => {
                        t.nothing(&origin, "the limit for everybody is no larger");
                    }
                    _ => t.refuse(
                        &origin,
                        "the limit of an address is the same for everybody",
                        "write it outside of <Anonymous>",
                    ),
                }
            }
        }
        if let Some((number, origin)) = count(inner, "MaxClientsPerUser", t) {
            match of_strangers {
                Some((clients, _)) if clients <= number => {
                    t.nothing(&origin, "MaxClients of the section is no larger");
                }
                _ => t.refuse(
                    &origin,
                    "anonymous clients are one user",
                    "write MaxClients in its place",
                ),
            }
        }
    }
    match count(scope, "MaxLoginAttempts", t) {
        Some((number, origin)) => t.value(&origin, "maxloginfailures", number.to_string()),
        None => {
            if let Some(directive) = scope.every("MaxLoginAttempts").first() {
                t.refuse(
                    &directive.origin,
                    "failed logins are always limited",
                    "write a number",
                );
            }
        }
    }
}

/// Rates of uploads and downloads in whole KiB, as TransferRate gives them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Rates {
    up: Option<u64>,
    down: Option<u64>,
}

fn rate_of(scope: &Scope, t: &mut Translation) -> Option<(Rates, Origin)> {
    let mut rates = Rates::default();
    let mut origin = None;
    for directive in scope.every("TransferRate") {
        if directive.words.len() > 2 {
            t.refuse(
                &directive.origin,
                "rates by user, group or class cannot be expressed",
                "remove the user, group or class",
            );
            continue;
        }
        let text = String::from_utf8_lossy(directive.word(1)).into_owned();
        let text = text.split(':').next().unwrap_or_default();
        let is_number = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let whole = text.split('.').next().and_then(|whole| match whole {
            "" => Some(0),
            whole => whole.parse::<u64>().ok(),
        });
        let Some(rate) = whole.filter(|_| is_number) else {
            refuse_value(
                &directive,
                "write commands and a number of kilobytes a second",
                t,
            );
            continue;
        };
        let is_none = text.bytes().all(|byte| byte == b'0' || byte == b'.');
        if is_none {
            t.nothing(&directive.origin, "no limit, as without it");
            continue;
        }
        // Less than a kilobyte is still a limit.
        let rate = rate.max(1);
        let mut is_known = true;
        for verb in directive.word(0).split(|byte| *byte == b',') {
            let side = match verb.to_ascii_uppercase().as_slice() {
                b"RETR" => &mut rates.down,
                b"STOR" | b"APPE" | b"STOU" => &mut rates.up,
                _ => {
                    is_known = false;
                    continue;
                }
            };
            *side = Some(side.map_or(rate, |known: u64| known.min(rate)));
        }
        match is_known {
            true => {
                if let Some(before) = origin.replace(directive.origin.clone()) {
                    t.nothing(&before, "told with another line");
                }
            }
            false => refuse_value(&directive, "name APPE, RETR, STOR and STOU alone", t),
        }
    }
    origin.map(|origin| (rates, origin))
}

fn rate_text(rates: Rates) -> String {
    let text = |rate: Option<u64>| rate.map_or(String::new(), |rate| rate.to_string());
    format!("{}:{}", text(rates.up), text(rates.down))
}

fn rates(context: &mut Context<'_>, strangers: Option<&Scope>, served: &Served) {
    let t = &mut *context.translation;
    let users = rate_of(context.scope, t);
    let anonymous = strangers.and_then(|scope| rate_of(scope, t));
    match (users, anonymous) {
        (Some((rates, origin)), None) => t.value(&origin, "userbandwidth", rate_text(rates)),
        (None, Some((rates, origin))) => t.value(&origin, "anonymousbandwidth", rate_text(rates)),
        (Some((users, first)), Some((rates, origin))) if users == rates || !served.users => {
            t.value(&origin, "userbandwidth", rate_text(rates));
            t.nothing(&first, "told with the rate of <Anonymous>");
        }
        (Some((users, first)), Some((_, origin))) => {
            t.value(&first, "userbandwidth", rate_text(users));
            t.refuse(
                &origin,
                "there is one rate for everybody, or one for anonymous clients alone",
                "write the same rate in both places, or none outside of <Anonymous>",
            );
        }
        (None, None) => {}
    }
}

/// What listings, greetings and names look like.
fn looks(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    looks_of(scope, true, t);
    if let Some(directive) = scope.pick("ServerIdent", t) {
        let first = Directive {
            words: vec![directive.word(0).to_vec()],
            ..directive.clone()
        };
        match (first.on(), directive.words.as_slice()) {
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

/// Settings that mean the same in <Anonymous> and outside of it. Inside, they count for everybody if they only hide.
fn looks_of(scope: &Scope, is_server: bool, t: &mut Translation) {
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
        match directive.word(0).to_ascii_lowercase().as_slice() {
            b"on" | b"yes" | b"true" | b"1" if t.has("hideids") => {
                t.nothing(&directive.origin, "--hideids is given for owner and group");
            }
            b"on" | b"yes" | b"true" | b"1" => t.switch(&directive.origin, "hideids"),
            b"off" | b"no" | b"false" | b"0" => t.nothing(&directive.origin, "off, as without it"),
            _ => refuse_value(&directive, "write on or off in front", t),
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

/// A regular expression as the patterns that match the same names; None where there are none.
pub(super) fn globs(expression: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut text = expression;
    let (mut begins, mut ends) = (false, false);
    // Anchors may stand outside of the brackets of a choice.
    if text.starts_with(b"^(") {
        begins = true;
        text = &text[1..];
    }
    if text.starts_with(b"(") && text.ends_with(b")$") {
        ends = true;
        text = &text[..text.len() - 1];
    }
    let inner = match text
        .strip_prefix(b"(")
        .and_then(|text| text.strip_suffix(b")"))
    {
        Some(inner) => inner,
        None if begins || ends => return None,
        None => text,
    };
    let choices = inner.split(|byte| *byte == b'|');
    choices.map(|choice| glob(choice, begins, ends)).collect()
}

fn glob(choice: &[u8], begins: bool, ends: bool) -> Option<Vec<u8>> {
    let (choice, begins) = match choice.strip_prefix(b"^") {
        Some(choice) => (choice, true),
        None => (choice, begins),
    };
    let is_end = choice.ends_with(b"$") && !choice.ends_with(b"\\$");
    let (choice, ends) = match is_end {
        true => (&choice[..choice.len() - 1], true),
        false => (choice, ends),
    };
    if choice.is_empty() {
        return None;
    }
    let mut pattern = Vec::new();
    if !begins {
        pattern.push(b'*');
    }
    let mut bytes = choice.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let escaped = bytes.next().filter(|byte| !byte.is_ascii_alphanumeric())?;
                match escaped {
                    b'*' | b'?' | b'[' => pattern.extend([b'[', escaped, b']']),
                    b'\\' | b']' => return None,
                    byte => pattern.push(byte),
                }
            }
            b'.' => match bytes.peek() {
                Some(b'*') => {
                    bytes.next();
                    pattern.push(b'*');
                }
                Some(b'+') => {
                    bytes.next();
                    pattern.extend(b"?*");
                }
                _ => pattern.push(b'?'),
            },
            b'*' | b'+' | b'?' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'^' | b'$' => {
                return None;
            }
            byte => pattern.push(byte),
        }
        // A quantifier behind a letter is for that letter.
        if matches!(bytes.peek(), Some(b'*' | b'+' | b'?' | b'{')) {
            return None;
        }
    }
    if !ends {
        pattern.push(b'*');
    }
    pattern.dedup_by(|one, other| *one == b'*' && *other == b'*');
    Some(pattern)
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

/// When encryption is asked for, and with what.
fn tls(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let (on, engine) = scope.on("TLSEngine", false, t);
    let keys: Vec<Directive> = scope
        .all()
        .filter(|directive| directive.key.starts_with("TLS") && directive.key != "TLSEngine")
        .cloned()
        .collect();
    if !on {
        fine(&engine, "off, as without it", t);
        for directive in keys {
            let is_told = t
                .findings
                .iter()
                .any(|finding| finding.origin == directive.origin);
            if !is_told {
                t.nothing(&directive.origin, "without effect, as TLSEngine is not on");
            }
        }
        return;
    }
    let required = scope.pick("TLSRequired", t);
    let text = required
        .as_ref()
        .map(|required| String::from_utf8_lossy(&required.text()).to_ascii_lowercase());
    let level = match text.as_deref() {
        None | Some("off" | "no" | "false" | "0") => Some("1"),
        Some("ctrl" | "auth" | "ctrl+!data" | "auth+!data") => Some("2"),
        Some("on" | "yes" | "true" | "1" | "auth+data" | "ctrl+data" | "both") => Some("3"),
        Some(_) => None,
    };
    let origin = required
        .as_ref()
        .map_or(&engine, |required| &required.origin);
    match (level, &required) {
        (Some(level), _) => {
            t.value(origin, "tls", level);
            if required.is_some() {
                t.nothing(&engine, "told with TLSRequired");
            }
        }
        (None, _) => t.refuse(
            origin,
            "encryption of data alone cannot be asked for",
            "write off, ctrl or on",
        ),
    }
    for (cert, key) in [
        ("TLSRSACertificateFile", "TLSRSACertificateKeyFile"),
        ("TLSECCertificateFile", "TLSECCertificateKeyFile"),
    ] {
        let Some(cert) = scope.pick(cert, t) else {
            continue;
        };
        let value = match scope.pick(key, t) {
            None => cert.word(0).to_vec(),
            Some(key) => {
                t.nothing(&key.origin, "told with the certificate");
                [cert.word(0), b",", key.word(0)].concat()
            }
        };
        t.value(&cert.origin, "certfile", os(&value));
    }
    if let Some(directive) = scope.pick("TLSCipherSuite", t) {
        t.value(&directive.origin, "tlsciphersuite", os(directive.word(0)));
    }
    for directive in &keys {
        tls_detail(directive, t);
    }
}

fn tls_detail(directive: &Directive, t: &mut Translation) {
    let all = |known: &[&str]| {
        directive.words.iter().all(|word| {
            known
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        })
    };
    let origin = &directive.origin;
    match directive.key {
        "TLSLog" => t.ignore(
            origin,
            "what is logged, and where, is chosen by -f, -d and -O",
        ),
        "TLSSessionCache" | "TLSSessionTickets" => {
            t.ignore(origin, "tuning that is the server's own")
        }
        "TLSRenegotiate" => t.nothing(origin, "sessions are never renegotiated"),
        "TLSServerCipherPreference" => t.nothing(origin, "the server's own order counts"),
        "TLSOptions" => match all(&["NoSessionReuseRequired", "NoCertRequest", "EnableDiags"]) {
            true => t.nothing(origin, "as without it"),
            false => t.refuse(
                origin,
                "there is no such option",
                "keep NoSessionReuseRequired, NoCertRequest and EnableDiags alone",
            ),
        },
        "TLSProtocol" => match all(&["TLSv1.2", "TLSv1.3"]) && directive.words.len() == 2 {
            true => t.nothing(origin, "both versions are spoken, and no others"),
            false => t.refuse(
                origin,
                "TLS 1.2 and 1.3 are spoken, and no others",
                "write TLSv1.2 TLSv1.3",
            ),
        },
        "TLSVerifyClient" => match directive.on() {
            Some(false) => t.nothing(origin, "clients are not asked for certificates"),
            _ => t.refuse(
                origin,
                "clients are not asked for certificates",
                "write TLSVerifyClient off, or remove it",
            ),
        },
        _ => {}
    }
}

/// Bans after failed logins.
fn ban(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let (on, engine) = scope.on("BanEngine", false, t);
    let events = scope.every("BanOnEvent");
    if !on {
        fine(&engine, "off, as without it", t);
        for event in events {
            t.nothing(&event.origin, "without effect, as BanEngine is not on");
        }
        return;
    }
    fine(&engine, "see BanOnEvent", t);
    let attempts = scope.every("MaxLoginAttempts");
    let attempts = attempts.first().and_then(number).unwrap_or(3);
    for event in events {
        let text = |at: usize| std::str::from_utf8(event.word(at)).unwrap_or_default();
        if !text(0).eq_ignore_ascii_case("MaxLoginAttempts") {
            t.refuse(
                &event.origin,
                "clients are banned for failed logins alone",
                "remove the line",
            );
            continue;
        }
        let parts = text(1).split_once('/').and_then(|(number, within)| {
            Some((number.parse::<u64>().ok()?, clock(within)?, clock(text(2))?))
        });
        match parts {
            Some((number, within, length)) => {
                let failures = number.saturating_mul(attempts);
                t.value(
                    &event.origin,
                    "ban",
                    format!("{failures}/{within}/{length}"),
                );
            }
            None => refuse_value(&event, "write MaxLoginAttempts N/hh:mm:ss hh:mm:ss", t),
        }
    }
}

/// `hh:mm:ss` in seconds.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text
        .split(':')
        .map(|part| part.parse::<u32>().ok().map(u64::from));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    match parts.next() {
        None => Some(hours * 3600 + minutes * 60 + seconds),
        Some(_) => None,
    }
}

/// What else <Anonymous> may say.
fn anonymous_rest(context: &mut Context<'_>, scope: &Scope, served: &Served) {
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
    let (resumes, origin) = scope.on("AllowRetrieveRestart", true, t);
    match resumes {
        true => fine(&origin, "downloads can be resumed", t),
        false => t.refuse(
            &origin,
            "downloads can always be resumed",
            "write AllowRetrieveRestart on",
        ),
    }
    if let Some(directive) = scope.pick("AllowForeignAddress", t) {
        match directive.on() {
            Some(false) if t.has("allowanonymousfxp") => {}
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
        match directive.on() {
            Some(false) => t.nothing(&directive.origin, "files named .ftpaccess are not read"),
            _ => t.refuse(
                &directive.origin,
                "files named .ftpaccess are not read, and may deny something",
                "move what they say elsewhere and write AllowOverride off",
            ),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_expressions_are_patterns_and_others_are_not() {
        let of = |text: &str| {
            globs(text.as_bytes()).map(|globs| {
                let globs = globs
                    .into_iter()
                    .map(|glob| String::from_utf8(glob).expect("text"));
                globs.collect::<Vec<_>>().join(" ")
            })
        };
        for (expression, expected) in [
            (r"^\.", Some(".*")),
            (r"\.bak$", Some("*.bak")),
            ("^lost\\+found$", Some("lost+found")),
            (r"(^\..*|\.ht$)", Some(".* *.ht")),
            (r"^(a|b)$", Some("a b")),
            (r"(\.ftp|\.ht)[a-z]+$", None),
            ("x", Some("*x*")),
            ("a.c", Some("*a?c*")),
            ("a*", None),
            (r"\d", None),
            ("", None),
            ("^$", None),
            ("(a|(b|c))", None),
            (r"\*$", Some("*[*]")),
        ] {
            assert_eq!(of(expression).as_deref(), expected, "{expression}");
        }
    }

    #[test]
    fn times_of_the_day_are_seconds() {
        assert_eq!(clock("01:00:01"), Some(3601));
        for text in ["", "1", "1:2", "1:2:3:4", "a:b:c"] {
            assert_eq!(clock(text), None, "{text}");
        }
    }
}
