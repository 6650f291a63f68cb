//! What directives become, one by one and then together.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::table::{Directive, Target};
use super::values::Value;
use crate::logs::formats::TransferLog;
use crate::wrapper::files::Files;
use crate::wrapper::translation::{Flag, Origin, Outcome, Translation, has_source};
use Target::Login;

/// What was seen and matters only at the end.
#[derive(Default)]
pub(in crate::wrapper::dialects) struct Seen {
    /// Where AntiWarez was set to no.
    files_of_anonymous_served: Option<Origin>,
    /// Ciphers and certificates: setting, flag and value.
    tls: Vec<(Origin, &'static str, OsString)>,
    /// Whether the last level of TLS is above 0.
    has_tls: bool,
}

/// Flags that say something only under TLS.
const OF_TLS: [&str; 3] = ["tlsciphersuite", "certfile", "extcert"];

/// Says what becomes of a directive with a value; [`Target::Include`] is the reader's.
pub(in crate::wrapper::dialects) fn apply(
    directive: &Directive,
    value: &Value,
    origin: &Origin,
    seen: &mut Seen,
    translation: &mut Translation,
) {
    const OFF: &str = "off, as without it";
    match (directive.target, value) {
        (Target::Ignored(why), _) => translation.ignore(origin, why),
        (Target::AntiWarez, Value::No) => seen.files_of_anonymous_served = Some(origin.clone()),
        (Target::AntiWarez, _) => translation.switch(origin, "antiwarez"),
        (_, Value::No) => translation.nothing(origin, OFF),
        (Target::Flag(long), Value::Yes) => translation.switch(origin, long),
        (Target::Flag(long), Value::Text(text)) if OF_TLS.contains(&long) => {
            seen.tls.push((origin.clone(), long, text.clone()));
        }
        (Target::Flag(long), Value::Text(text)) => {
            if long == "tls" {
                seen.has_tls = text.as_bytes().iter().any(|digit| *digit != b'0');
            }
            translation.value(origin, long, text);
        }
        (Login(name), value) => {
            let argument = match value {
                Value::Text(text) => Some(text.as_os_str()),
                _ => None,
            };
            translation.source(origin, name, argument);
        }
        (Target::Include, _) => {}
    }
}

/// What directives say about each other, once all are read. `whole` is the file or folder.
pub(in crate::wrapper::dialects) fn finish(
    whole: &Origin,
    seen: &Seen,
    files: &Files,
    translation: &mut Translation,
) {
    if let Some(origin) = &seen.files_of_anonymous_served {
        // A yes anywhere holds: Pure-FTPd gives a flag for it and none for the no.
        match translation.has("antiwarez") {
            true => {
                translation.nothing(origin, "AntiWarez is on elsewhere, and no does not undo it")
            }
            false => translation.switch(origin, "anonymousreadown"),
        }
    }
    keep_first(translation, "forcepassiveip");
    merge_binds(translation);
    merge_logs(translation);
    merge_ratios(translation);
    say_tls(seen, translation);
    default_login(whole, translation);
    let has_service = |name: &str| files.is_on_disk(&Path::new("/etc/pam.d").join(name));
    name_pam_service(has_service, translation);
}

/// Of repeated ForcePassiveIP Pure-FTPd takes the first.
fn keep_first(translation: &mut Translation, long: &str) {
    let first = translation.flags.iter().find(|flag| flag.long == long);
    if let Some(first) = first.map(|flag| flag.origin.clone()) {
        let why = Outcome::Ignored("Pure-FTPd takes the first of several".to_owned());
        translation.take_back(|flag| flag.long == long && flag.origin != first, &why);
    }
}

/// Makes one flag of several, in the name of the last. `value` says of them what it holds; they stay where it says nothing.
fn merge(
    translation: &mut Translation,
    chosen: impl Fn(&Flag) -> bool,
    long: &str,
    why: &str,
    value: impl Fn(&[Flag]) -> Option<OsString>,
) {
    let flags = translation.flags.iter().filter(|flag| chosen(flag));
    let flags: Vec<Flag> = flags.cloned().collect();
    let [_, .., last] = flags.as_slice() else {
        return;
    };
    if let Some(value) = value(&flags) {
        translation.take_back(chosen, &Outcome::Nothing(why.to_owned()));
        translation.value(&last.origin, long, value);
    }
}

/// Of repeated Bind Pure-FTPd takes the first host and the last port.
fn merge_binds(translation: &mut Translation) {
    let why = "Pure-FTPd takes the first host and the last port of several";
    merge(
        translation,
        |flag| flag.long == "bind",
        "bind",
        why,
        |binds| {
            let halves = binds.iter().filter_map(|flag| {
                let text = flag.value.as_ref()?.to_str()?;
                Some(text.rsplit_once(',').unwrap_or(("", text)))
            });
            let (hosts, ports): (Vec<&str>, Vec<&str>) = halves.unzip();
            let host = hosts.iter().find(|host| !host.is_empty());
            let port = ports.iter().rfind(|port| !port.is_empty());
            let (host, port) = (host.copied(), port.copied());
            Some(format!("{},{}", host.unwrap_or_default(), port.unwrap_or_default()).into())
        },
    );
}

/// Of repeated AltLog Pure-FTPd takes the first file and the last format.
fn merge_logs(translation: &mut Translation) {
    let why = "Pure-FTPd takes the first file and the last format of several";
    merge(
        translation,
        |flag| flag.long == "altlog",
        "altlog",
        why,
        |logs| {
            let log = |flag: &Flag| flag.value.as_ref()?.to_str()?.parse::<TransferLog>().ok();
            let (first, last) = (log(logs.first()?)?, log(logs.last()?)?);
            let mut value = OsString::from(format!("{}:", last.format.name));
            value.push(first.path);
            Some(value)
        },
    );
}

/// Pure-FTPd has one ratio: the last one given, for everybody as soon as UserRatio is among them.
fn merge_ratios(translation: &mut Translation) {
    if !translation.has("anonymousratio") || !translation.has("userratio") {
        return;
    }
    let why = "there is one ratio, the last one, and UserRatio makes it everybody's";
    let is_ratio = |flag: &Flag| flag.long.ends_with("ratio");
    merge(translation, is_ratio, "userratio", why, |ratios| {
        ratios.last()?.value.clone()
    });
}

/// The last level counts; without TLS, what its ciphers and certificates are says nothing.
fn say_tls(seen: &Seen, translation: &mut Translation) {
    for (origin, long, text) in &seen.tls {
        match seen.has_tls {
            true => translation.value(origin, long, text),
            false => translation.nothing(origin, "without effect, as TLS is off"),
        }
    }
}

/// Without a method Pure-FTPd asks PAM where it was built with PAM, and else the system's passwords.
fn default_login(whole: &Origin, translation: &mut Translation) {
    if translation.has("login") {
        return;
    }
    // A method that was refused is no reason to let others in.
    if translation.is_refused()
        || translation.has("anonymousonly") && !translation.has("noanonymous")
    {
        return;
    }
    let origin = Origin {
        setting: "(no login method)".to_owned(),
        ..whole.clone()
    };
    if has_source("pam") {
        translation.source(&origin, "pam", None);
    } else {
        translation.source(&origin, "unix", None);
        translation.warn(
            &origin,
            "Pure-FTPd asks PAM where it was built with it; here the passwords of the system count, without what PAM may \
             forbid besides, such as the names in /etc/ftpusers (--denyusers /etc/ftpusers)",
        );
    }
}

/// PAM knows the server under another name, and what the old name's file forbids must not get lost. Rules for the new name
/// were written for this server.
pub(super) fn name_pam_service(is_there: impl Fn(&str) -> bool, translation: &mut Translation) {
    let pam =
        |flag: &&Flag| flag.long == "login" && flag.value.as_deref() == Some(OsStr::new("pam"));
    let Some(origin) = translation
        .flags
        .iter()
        .find(pam)
        .map(|flag| flag.origin.clone())
    else {
        return;
    };
    if is_there(PAM_SERVICE) && !is_there("wharf-ftpd") {
        translation.value(&origin, "pamservice", PAM_SERVICE);
    }
}

/// The name under which PAM knows Pure-FTPd.
const PAM_SERVICE: &str = "pure-ftpd";
