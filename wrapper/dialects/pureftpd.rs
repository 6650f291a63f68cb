//! pure-ftpd.conf, as Pure-FTPd reads it itself (1.0.44 and later) and as the script pure-config read it before.
//!
//! Both knew the same directives and differed in how they took lines apart, so there is one table with a form of the value
//! for each. A third column is for Debian's folder of one file per directive, which is read by `debian`. Where one
//! directive says something about another (of repeated Bind the first host counts, a cipher suite without TLS means
//! nothing), [`finish`] sees to it once everything is read.
//!
//! Followed: simpleconf of Pure-FTPd 1.0.50 to 1.0.54, pure-config.pl of 1.0.43, pure-ftpd(8).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Choices, Dialect, Fate, Row, os, refuse_unusable, text_of};
use crate::logs::formats::TransferLog;
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::translation::{Flag, Origin, Outcome, Translation, has_source};

/// As Pure-FTPd reads its file itself.
pub(super) const OWN: Dialect = Dialect {
    name: "pureftpd",
    variants: &[],
    sentence: "pure-ftpd.conf, as Pure-FTPd 1.0.44 and later reads it itself",
    takes: &[],
    recognise: |source, _| match source {
        Source::File(text) => known_lines(text),
        Source::Folder(_) => 0,
    },
    read: read_own,
    rows: || rows(|directive| directive.own),
};

/// As the script read it.
pub(super) const SCRIPT: Dialect = Dialect {
    name: "pureconfig",
    variants: &[],
    sentence: "pure-ftpd.conf, as the script pure-config of Pure-FTPd before 1.0.44 read it; must be asked for",
    takes: &[],
    recognise: |_, _| 0,
    read: read_script,
    rows: || rows(|directive| directive.script),
};

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The directive does not exist there.
    Absent,
    /// On or off.
    Bool,
    /// A whole number.
    Number,
    /// One whole number or two with blanks between them.
    OneOrTwo,
    /// Two whole numbers with blanks between them.
    Two,
    /// The same, and -1 for no limit.
    TwoOrUnlimited,
    /// Two whole numbers with a colon between them.
    Pair,
    /// Two masks of three octal digits with blanks between them.
    Masks,
    /// Letters and digits.
    Letters,
    /// Anything without blanks.
    Word,
    /// The rest of the line.
    Rest,
    /// Two words, each maybe in double quotes.
    Quoted,
    /// An IPv4 address.
    Ipv4,
    /// A file that must be there.
    File,
    /// A socket that must be there.
    Socket,
}

impl Form {
    /// As the manual page shows it.
    fn name(self) -> &'static str {
        match self {
            Form::Absent => "",
            Form::Bool => "yes or no",
            Form::Number => "number",
            Form::OneOrTwo => "number, or two",
            Form::Two => "two numbers",
            Form::TwoOrUnlimited => "two numbers, -1 for no limit",
            Form::Pair => "number:number",
            Form::Masks => "two octal numbers",
            Form::Letters => "letters and digits",
            Form::Word => "word",
            Form::Rest => "rest of the line",
            Form::Quoted => "two words",
            Form::Ipv4 => "IPv4 address",
            Form::File => "file",
            Form::Socket => "socket",
        }
    }
}

/// What a directive becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// A flag, by its long name; yes gives it, a value goes with it.
    Flag(&'static str),
    /// `-l NAME`, with the value as its argument unless it is yes or no.
    Login(&'static str),
    /// `-s`, and its opposite when it is set to no.
    AntiWarez,
    /// Nothing, for this reason.
    Ignored(&'static str),
    /// Another file.
    Include,
}

/// A directive: its name, what it becomes, and the form of its value for each of the three readers.
pub(super) struct Directive {
    pub(super) key: &'static str,
    target: Target,
    pub(super) own: Form,
    script: Form,
    pub(super) folder: Form,
}

const CHARSETS: &str =
    "file names are passed on byte for byte; Pure-FTPd gave this setting up in 1.0.48";
const BONJOUR: &str = "there is no Bonjour outside macOS";

/// A row of the table.
const fn d(key: &'static str, target: Target, own: Form, script: Form, folder: Form) -> Directive {
    Directive {
        key,
        target,
        own,
        script,
        folder,
    }
}

/// A directive that is on or off wherever it exists.
const fn switch(key: &'static str, long: &'static str) -> Directive {
    d(key, Target::Flag(long), Form::Bool, Form::Bool, Form::Bool)
}

/// A directive with the same form of value wherever it exists.
const fn value(key: &'static str, long: &'static str, form: Form) -> Directive {
    d(key, Target::Flag(long), form, form, form)
}

use Form::{
    Absent, Bool, File, Ipv4, Letters, Masks, Number, OneOrTwo, Pair, Quoted, Rest, Socket, Two,
    TwoOrUnlimited, Word,
};
use Target::Login;

/// Every directive there ever was, in alphabetical order.
pub(super) const DIRECTIVES: &[Directive] = &[
    switch("AllowAnonymousFXP", "allowanonymousfxp"),
    switch("AllowDotFiles", "allowdotfiles"),
    switch("AllowUserFXP", "allowuserfxp"),
    d("AltLog", Target::Flag("altlog"), Rest, Word, Word),
    d(
        "AnonymousBandwidth",
        Target::Flag("anonymousbandwidth"),
        OneOrTwo,
        Word,
        OneOrTwo,
    ),
    switch("AnonymousCanCreateDirs", "anonymouscancreatedirs"),
    switch("AnonymousCantUpload", "anonymouscantupload"),
    switch("AnonymousOnly", "anonymousonly"),
    value("AnonymousRatio", "anonymousratio", Two),
    d("AntiWarez", Target::AntiWarez, Bool, Bool, Bool),
    switch("AutoRename", "autorename"),
    value("Bind", "bind", Word),
    d("Bonjour", Target::Ignored(BONJOUR), Word, Absent, Absent),
    switch("BrokenClientsCompatibility", "brokenclientscompatibility"),
    switch("CallUploadScript", "uploadscript"),
    d("CertFile", Target::Flag("certfile"), Rest, Absent, Absent),
    d(
        "CertFileAndKey",
        Target::Flag("certfile"),
        Quoted,
        Absent,
        Absent,
    ),
    switch("ChrootEveryone", "chrooteveryone"),
    d(
        "ClientCharset",
        Target::Ignored(CHARSETS),
        Absent,
        Word,
        Rest,
    ),
    switch("CreateHomeDir", "createhomedir"),
    switch("CustomerProof", "customerproof"),
    switch("Daemonize", "daemonize"),
    switch("DisplayDotFiles", "displaydotfiles"),
    switch("DontResolve", "dontresolve"),
    d("ExtAuth", Login("extauth"), Rest, Word, Socket),
    d("ExtCert", Target::Flag("extcert"), Rest, Absent, Absent),
    d("FSCharset", Target::Ignored(CHARSETS), Absent, Absent, Rest),
    d(
        "FileSystemCharset",
        Target::Ignored(CHARSETS),
        Absent,
        Word,
        Absent,
    ),
    value("ForcePassiveIP", "forcepassiveip", Word),
    d(
        "FortunesFile",
        Target::Flag("fortunesfile"),
        Rest,
        Word,
        File,
    ),
    switch("IPV4Only", "ipv4only"),
    switch("IPV6Only", "ipv6only"),
    d("Include", Target::Include, Rest, Absent, Absent),
    switch("KeepAllFiles", "keepallfiles"),
    d("LDAPConfigFile", Login("ldap"), Rest, Word, File),
    d(
        "LimitRecursion",
        Target::Flag("limitrecursion"),
        Two,
        Two,
        TwoOrUnlimited,
    ),
    switch("LogPID", "logpid"),
    value("MaxClientsNumber", "maxclientsnumber", Number),
    value("MaxClientsPerIP", "maxclientsperip", Number),
    value("MaxDiskUsage", "maxdiskusagepct", Number),
    value("MaxIdleTime", "maxidletime", Number),
    value("MaxLoad", "maxload", Number),
    value("MinUID", "minuid", Number),
    d("MySQLConfigFile", Login("mysql"), Rest, Word, File),
    switch("NATmode", "natmode"),
    switch("NoAnonymous", "noanonymous"),
    switch("NoChmod", "nochmod"),
    switch("NoRename", "norename"),
    switch("NoTruncate", "notruncate"),
    d("PAMAuthentication", Login("pam"), Bool, Bool, Bool),
    d("PGSQLConfigFile", Login("pgsql"), Rest, Word, File),
    d("PIDFile", Target::Flag("pidfile"), Rest, Word, Absent),
    value("PassivePortRange", "passiveportrange", Two),
    d(
        "PerUserLimits",
        Target::Flag("peruserlimits"),
        Pair,
        Pair,
        Two,
    ),
    switch("ProhibitDotFilesRead", "prohibitdotfilesread"),
    switch("ProhibitDotFilesWrite", "prohibitdotfileswrite"),
    d("PureDB", Login("puredb"), Rest, Word, File),
    d("Quota", Target::Flag("quota"), Pair, Pair, Two),
    d(
        "SyslogFacility",
        Target::Flag("syslogfacility"),
        Letters,
        Word,
        Letters,
    ),
    value("TLS", "tls", Number),
    value("TLSCipherSuite", "tlsciphersuite", Word),
    value("TrustedGID", "trustedgid", Number),
    d("TrustedIP", Target::Flag("trustedip"), Word, Word, Ipv4),
    d("Umask", Target::Flag("umask"), Pair, Pair, Masks),
    d("UnixAuthentication", Login("unix"), Bool, Bool, Bool),
    d(
        "UserBandwidth",
        Target::Flag("userbandwidth"),
        OneOrTwo,
        Word,
        OneOrTwo,
    ),
    value("UserRatio", "userratio", Two),
    switch("VerboseLog", "verboselog"),
];

impl Directive {
    /// Whether it names a source of accounts; Debian's folder keeps those apart.
    pub(super) fn is_login(&self) -> bool {
        matches!(self.target, Login(_))
    }

    /// Whether it says nothing whatever its value.
    pub(super) fn is_ignored(&self) -> bool {
        matches!(self.target, Target::Ignored(_))
    }

    fn fate(&self) -> (Fate, &'static str) {
        match self.target {
            Target::Flag(long) => (Fate::Flag(long), ""),
            Login(name) => (
                Fate::Login(name),
                "Where accounts come from; asked in the order of the settings.",
            ),
            Target::AntiWarez => (Fate::Flags(&["antiwarez", "anonymousreadown"]), ""),
            Target::Ignored(why) => (Fate::Ignored, why),
            Target::Include => (
                Fate::Include,
                "Reads another file here; one that is not there is skipped with a warning.",
            ),
        }
    }
}

/// The table for the manual page.
pub(super) fn rows(form: impl Fn(&Directive) -> Form) -> Vec<Row> {
    let there = DIRECTIVES.iter().filter(|row| form(row) != Absent);
    there
        .map(|directive| {
            let (fate, sentence) = directive.fate();
            Row {
                key: directive.key,
                value: form(directive).name(),
                fate,
                sentence,
            }
        })
        .collect()
}

/// A value as a directive has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// On.
    Yes,
    /// Off.
    No,
    /// Text for a flag.
    Text(OsString),
}

impl Value {
    fn text(bytes: &[u8]) -> Value {
        Value::Text(os(bytes).to_owned())
    }

    /// Two parts as flags take them.
    fn pair(first: &[u8], second: &[u8], between: u8) -> Value {
        Value::text(&[first, &[between], second].concat())
    }
}

/// What was seen and matters only at the end.
#[derive(Default)]
pub(super) struct Seen {
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
pub(super) fn apply(
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
pub(super) fn finish(whole: &Origin, seen: &Seen, files: &Files, translation: &mut Translation) {
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

/// Of repeated Bind Pure-FTPd takes the first host and the last port.
fn merge_binds(translation: &mut Translation) {
    let binds = translation.flags.iter().filter(|flag| flag.long == "bind");
    let binds: Vec<Flag> = binds.cloned().collect();
    let Some(last) = binds.last().filter(|_| binds.len() > 1) else {
        return;
    };
    let halves = binds.iter().filter_map(|flag| {
        let text = flag.value.as_ref()?.to_str()?;
        Some(text.rsplit_once(',').unwrap_or(("", text)))
    });
    let halves: Vec<(&str, &str)> = halves.collect();
    let host = halves
        .iter()
        .map(|(host, _)| *host)
        .find(|host| !host.is_empty());
    let mut ports = halves.iter().rev().map(|(_, port)| *port);
    let port = ports.find(|port| !port.is_empty());
    let value = format!("{},{}", host.unwrap_or_default(), port.unwrap_or_default());
    let why = "Pure-FTPd takes the first host and the last port of several";
    translation.take_back(
        |flag| flag.long == "bind",
        &Outcome::Nothing(why.to_owned()),
    );
    translation.value(&last.origin, "bind", value);
}

/// Of repeated AltLog Pure-FTPd takes the first file and the last format.
fn merge_logs(translation: &mut Translation) {
    let logs = translation
        .flags
        .iter()
        .filter(|flag| flag.long == "altlog");
    let logs: Vec<Flag> = logs.cloned().collect();
    let [first, .., last] = logs.as_slice() else {
        return;
    };
    let log = |flag: &Flag| flag.value.as_ref()?.to_str()?.parse::<TransferLog>().ok();
    let (Some(first), Some(format)) = (log(first), log(last)) else {
        return;
    };
    let mut value = OsString::from(format!("{}:", format.format.name));
    value.push(first.path);
    let why = "Pure-FTPd takes the first file and the last format of several";
    translation.take_back(
        |flag| flag.long == "altlog",
        &Outcome::Nothing(why.to_owned()),
    );
    translation.value(&last.origin, "altlog", value);
}

/// Pure-FTPd has one ratio: the last one given, for everybody as soon as UserRatio is among them.
fn merge_ratios(translation: &mut Translation) {
    if !translation.has("anonymousratio") || !translation.has("userratio") {
        return;
    }
    let is_ratio = |flag: &&Flag| flag.long.ends_with("ratio");
    let Some(last) = translation.flags.iter().rfind(is_ratio).cloned() else {
        return;
    };
    let why = Outcome::Nothing(
        "there is one ratio, the last one, and UserRatio makes it everybody's".to_owned(),
    );
    translation.take_back(|flag| is_ratio(&flag), &why);
    translation.value(&last.origin, "userratio", last.value.unwrap_or_default());
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
fn name_pam_service(is_there: impl Fn(&str) -> bool, translation: &mut Translation) {
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

/// How many lines name a directive of the file in its own syntax.
fn known_lines(text: &Text) -> usize {
    let known = |line: &[u8]| {
        let key = split_own(line).0;
        !key.is_empty() && find(key, |directive| directive.own).is_some()
    };
    // A value is set off by a blank; `listen=YES` is vsftpd's way.
    let lines = text
        .lines()
        .filter(|(_, line)| !line.contains(&b'=') && known(line.trim_ascii()));
    lines.count()
}

/// The directive of this name, in any case, if it exists there.
pub(super) fn find(key: &[u8], form: impl Fn(&Directive) -> Form) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|directive| {
        form(directive) != Absent && key.eq_ignore_ascii_case(directive.key.as_bytes())
    })
}

fn read_own(source: &Source, files: &mut Files, _: &Choices, translation: &mut Translation) {
    let Some(text) = text_of(source, translation) else {
        return;
    };
    let mut seen = Seen::default();
    read_own_file(text, files, &mut seen, translation);
    finish(&Origin::file(&text.path), &seen, files, translation);
}

fn read_own_file(text: &Text, files: &mut Files, seen: &mut Seen, translation: &mut Translation) {
    if let Err(why) = files.enter(text) {
        return translation.refuse(&Origin::file(&text.path), &why.reason, &why.cure);
    }
    for (number, line) in text.lines() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (key, rest) = split_own(line);
        let origin = Origin::new(&text.path, number, if key.is_empty() { line } else { key });
        let Some(directive) = find(key, |directive| directive.own) else {
            translation.unknown(&origin, known(|directive| directive.own));
            continue;
        };
        let value = separated(rest).and_then(|value| own_value(directive.own, value));
        match value {
            Some(Value::Text(path)) if directive.target == Target::Include => {
                include(&origin, Path::new(&path), files, seen, translation);
            }
            Some(value) => apply(directive, &value, &origin, seen, translation),
            None => refuse_value(&origin, rest, directive.own, translation),
        }
    }
    files.leave();
}

/// The path is Pure-FTPd's as well: relative to the working directory, and skipped when nothing is there.
fn include(
    origin: &Origin,
    path: &Path,
    files: &mut Files,
    seen: &mut Seen,
    translation: &mut Translation,
) {
    match files.read(path) {
        Ok(text) => read_own_file(&text, files, seen, translation),
        Err(why) if why.is_missing => {
            let path = crate::wrapper::print::shown_path(path);
            translation.ignore(origin, &format!("there is no {path}"));
        }
        Err(why) => refuse_unusable(translation, origin, path, &why),
    }
}

/// Names of directives that exist there.
pub(super) fn known(form: impl Fn(&Directive) -> Form) -> impl Iterator<Item = &'static str> {
    let there = DIRECTIVES
        .iter()
        .filter(move |directive| form(directive) != Absent);
    there.map(|directive| directive.key)
}

pub(super) fn refuse_value(
    origin: &Origin,
    value: &[u8],
    form: Form,
    translation: &mut Translation,
) {
    let value = crate::wrapper::print::shown(value.trim_ascii());
    let reason = format!("'{value}' is no value for it");
    let cure = match form {
        Bool => "write yes or no, with nothing behind it",
        Number => "write a whole number, with nothing behind it",
        OneOrTwo => "write one whole number, or two with a blank between them",
        Two => "write two whole numbers with a blank between them",
        TwoOrUnlimited => "write two whole numbers or -1, with a blank between them",
        Pair => "write two whole numbers with a colon between them",
        Masks => "write two masks of three octal digits with a blank between them",
        Letters => "write one word of letters and digits",
        Word => "write one word without blanks",
        Quoted => "write two words, each in double quotes if it holds blanks",
        Ipv4 => "write an address such as 192.0.2.1",
        File => "name a file that is there",
        Socket => "name a socket that is there",
        Rest | Absent => "write a value without control characters",
    };
    translation.refuse(origin, &reason, cure);
}

/// The name at the begin of a line, and what follows it.
fn split_own(line: &[u8]) -> (&[u8], &[u8]) {
    let length = line
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    line.split_at(length)
}

/// What stands behind the separator: blanks, or one `=` or `:` with or without blanks.
fn separated(rest: &[u8]) -> Option<&[u8]> {
    let value = rest.trim_ascii_start();
    let value = match value.first() {
        Some(b'=' | b':') => value[1..].trim_ascii_start(),
        _ if value.len() == rest.len() => return None,
        _ => value,
    };
    let again = matches!(value.first(), None | Some(b'=' | b':'));
    (!again).then_some(value)
}

/// A value as Pure-FTPd reads it in its file. Unlike there, names may hold bytes beyond ASCII.
fn own_value(form: Form, value: &[u8]) -> Option<Value> {
    if value.iter().any(u8::is_ascii_control) && form != Two && form != OneOrTwo {
        return None;
    }
    match form {
        Bool => on_or_off(
            value,
            &["yes", "on", "true", "1"],
            &["no", "off", "false", "0"],
        ),
        Number => is_number(value).then(|| Value::text(value)),
        OneOrTwo if is_number(value) => Some(Value::text(value)),
        OneOrTwo | Two => {
            let (first, second) = two_words(value)?;
            (is_number(first) && is_number(second)).then(|| Value::pair(first, second, b':'))
        }
        Pair => {
            let colon = value.iter().position(|byte| *byte == b':')?;
            let fits = is_number(&value[..colon]) && is_number(&value[colon + 1..]);
            fits.then(|| Value::text(value))
        }
        Letters => value
            .iter()
            .all(u8::is_ascii_alphanumeric)
            .then(|| Value::text(value)),
        Word => is_word(value).then(|| Value::text(value)),
        Rest => Some(Value::text(value)),
        Quoted => {
            let (cert, rest) = quoted_word(value)?;
            let (key, rest) = quoted_word(rest.trim_ascii_start())?;
            rest.is_empty().then(|| Value::pair(cert, key, b','))
        }
        Absent | TwoOrUnlimited | Masks | Ipv4 | File | Socket => None,
    }
}

pub(super) fn on_or_off(value: &[u8], on: &[&str], off: &[&str]) -> Option<Value> {
    let is_one = |words: &[&str]| {
        words
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
    };
    match (is_one(on), is_one(off)) {
        (true, _) => Some(Value::Yes),
        (_, true) => Some(Value::No),
        _ => None,
    }
}

pub(super) fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && !text.iter().any(u8::is_ascii_whitespace)
}

/// Two words with blanks between them and nothing else.
pub(super) fn two_words(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let second = text[end..].trim_ascii();
    is_word(second).then_some((&text[..end], second))
}

/// A word in double quotes or without, and what follows it.
fn quoted_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = match text.strip_prefix(b"\"") {
        Some(inner) => {
            let end = inner.iter().position(|byte| *byte == b'"')?;
            (&inner[..end], &inner[end + 1..])
        }
        None => {
            let end = text.iter().position(u8::is_ascii_whitespace);
            text.split_at(end.unwrap_or(text.len()))
        }
    };
    // The server parts certificate and key by a comma.
    (!word.is_empty() && !word.contains(&b',')).then_some((word, rest))
}

fn read_script(source: &Source, files: &mut Files, _: &Choices, translation: &mut Translation) {
    let Some(text) = text_of(source, translation) else {
        return;
    };
    let mut seen = Seen::default();
    for (number, line) in text.lines() {
        if line.trim_ascii_start().is_empty() || line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        read_script_line(text, number, line, &mut seen, translation);
    }
    finish(&Origin::file(&text.path), &seen, files, translation);
}

/// The script tried its patterns in this order, each anywhere in the line.
const SCRIPT_ORDER: [&[Form]; 5] = [&[Bool], &[Word], &[Number], &[Two], &[Pair]];

fn read_script_line(
    text: &Text,
    number: usize,
    line: &[u8],
    seen: &mut Seen,
    translation: &mut Translation,
) {
    // Sources of accounts came last, those with a file before those that are on or off.
    let is_login = |directive: &Directive| directive.is_login();
    let plain = SCRIPT_ORDER.iter().map(|forms| (*forms, false));
    let logins = [(&[Word] as &[Form], true), (&[Bool], true)];
    for (forms, login) in plain.chain(logins) {
        let fits = |directive: &Directive| {
            forms.contains(&directive.script) && is_login(directive) == login
        };
        if let Some((directive, value)) = search(line, fits) {
            let origin = Origin::new(&text.path, number, directive.key.as_bytes());
            return apply(directive, &value, &origin, seen, translation);
        }
    }
    let trimmed = line.trim_ascii();
    let key = split_own(trimmed).0;
    let origin = Origin::new(
        &text.path,
        number,
        if key.is_empty() { trimmed } else { key },
    );
    match find(key, |directive| directive.script) {
        Some(directive) if directive.script == Bool => {
            let value = trimmed[key.len()..].trim_ascii();
            if value.len() >= 2 && value[..2].eq_ignore_ascii_case(b"no") {
                translation.nothing(&origin, "off, as without it");
            } else {
                translation.ignore(
                    &origin,
                    "the script took yes and nothing else to switch it on",
                );
            }
        }
        Some(_) => translation.ignore(
            &origin,
            "the script ignored the line, as it did not understand the value",
        ),
        None => translation.unknown(&origin, known(|directive| directive.script)),
    }
}

/// The first place of the line where such a directive stands with blanks and a value it takes behind it.
fn search(line: &[u8], fits: impl Fn(&Directive) -> bool) -> Option<(&'static Directive, Value)> {
    (0..line.len()).find_map(|start| {
        let mut candidates = DIRECTIVES.iter().filter(|directive| fits(directive));
        candidates.find_map(|directive| {
            let (key, rest) = line[start..].split_at_checked(directive.key.len())?;
            let value = rest.trim_ascii_start();
            let matches =
                key.eq_ignore_ascii_case(directive.key.as_bytes()) && value.len() < rest.len();
            Some((
                directive,
                script_value(directive.script, value).filter(|_| matches)?,
            ))
        })
    })
}

/// The longest begin that fits; what follows it was ignored.
fn script_value(form: Form, value: &[u8]) -> Option<Value> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let first = digits(value);
    match form {
        Bool => {
            let yes = value.get(..3)?.eq_ignore_ascii_case(b"yes");
            yes.then_some(Value::Yes)
        }
        Word => {
            let end = value.iter().position(u8::is_ascii_whitespace);
            let word = &value[..end.unwrap_or(value.len())];
            (!word.is_empty()).then(|| Value::text(word))
        }
        Number => (first > 0).then(|| Value::text(&value[..first])),
        Two | Pair => {
            let rest = &value[first..];
            let second = match form {
                Pair => rest.strip_prefix(b":")?,
                _ => rest.trim_ascii_start(),
            };
            let length = digits(second);
            let parted = second.len() < rest.len();
            (first > 0 && length > 0 && parted)
                .then(|| Value::pair(&value[..first], &second[..length], b':'))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrapper::dialects::translate_bytes;

    fn flags(dialect: &Dialect, text: &str) -> String {
        let translation = translate_bytes(dialect, text.as_bytes());
        let words = translation.words(&[]);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let refused: Vec<String> = translation
            .findings
            .iter()
            .filter_map(|finding| match &finding.outcome {
                Outcome::Refused(text) => Some(format!("{}: {text}", finding.origin)),
                _ => None,
            })
            .collect();
        match refused.as_slice() {
            [] => words.join(" "),
            refused => refused.join("\n"),
        }
    }

    fn own(text: &str) -> String {
        flags(&OWN, &format!("AnonymousOnly yes\n{text}"))
            .trim_start_matches("-e")
            .trim()
            .to_owned()
    }

    fn script(text: &str) -> String {
        flags(&SCRIPT, &format!("AnonymousOnly yes\n{text}"))
            .trim_start_matches("-e")
            .trim()
            .to_owned()
    }

    #[test]
    fn names_have_any_case_and_values_stand_behind_blanks_or_a_sign() {
        for line in [
            "MaxClientsNumber 5",
            "maxclientsnumber=5",
            "  MAXCLIENTSNUMBER : 5  ",
            "MaxClientsNumber\t5\r",
        ] {
            assert_eq!(own(line), "-c 5", "{line}");
        }
        for line in [
            "MaxClientsNumber",
            "MaxClientsNumber ==5",
            "MaxClientsNumber 5 # x",
            "MaxClientsNumber5",
        ] {
            assert!(own(line).contains("file:2: "), "{line}: {}", own(line));
        }
    }

    #[test]
    fn a_later_no_does_not_undo_an_earlier_yes() {
        assert_eq!(own("NoChmod yes\nNoChmod no"), "-R");
        assert_eq!(own("AntiWarez yes\nAntiWarez no"), "-s");
        assert_eq!(own("AntiWarez no"), "--anonymousreadown");
        assert_eq!(own("VerboseLog on\nVerboseLog 1"), "-d -d");
    }

    #[test]
    fn pairs_have_the_form_of_their_directive() {
        assert_eq!(own("PassivePortRange 30000  50000"), "-p 30000:50000");
        assert_eq!(own("Umask 133:022"), "-U 133:022");
        assert_eq!(own("UserBandwidth 8"), "-T 8");
        assert_eq!(own("UserBandwidth 8 16"), "-T 8:16");
        assert!(own("PassivePortRange 30000:50000").contains("with a blank between"));
        assert!(own("Umask 133 022").contains("with a colon between"));
        assert!(own("Umask 133:").contains("with a colon between"));
        assert!(own("MaxLoad 4.5").contains("whole number"));
        assert!(own("Umask 999:022").contains("octal"));
    }

    #[test]
    fn unknown_directives_are_refused_with_the_nearest_known_one() {
        let said = own("ChrootEveryon yes");
        assert_eq!(
            said,
            "file:2: ChrootEveryon: unknown setting; did you mean ChrootEveryone?"
        );
    }

    #[test]
    fn of_repeated_addresses_those_count_that_pure_ftpd_takes() {
        assert_eq!(
            own("ForcePassiveIP 192.0.2.1\nForcePassiveIP 192.0.2.2"),
            "-P 192.0.2.1"
        );
        assert_eq!(
            own("Bind 127.0.0.1,21\nBind 127.0.0.2,2121"),
            "-S 127.0.0.1,2121"
        );
        assert_eq!(own("AnonymousRatio 1 10\nUserRatio 1 5"), "-Q 1:5");
        assert_eq!(own("UserRatio 1 5\nAnonymousRatio 1 10"), "-Q 1:10");
    }

    #[test]
    fn without_tls_its_ciphers_and_certificates_say_nothing() {
        assert_eq!(own("TLSCipherSuite HIGH\nCertFile /etc/x.pem"), "");
        assert_eq!(own("TLSCipherSuite HIGH\nTLS 0"), "-Y 0");
    }

    #[test]
    fn without_a_method_accounts_are_those_of_the_system() {
        let expected = if has_source("pam") {
            "-l pam"
        } else {
            "-l unix"
        };
        assert_eq!(
            flags(&OWN, "MaxClientsNumber 5"),
            format!("-c 5 {expected}")
        );
        assert_eq!(flags(&OWN, "PureDB /etc/a b.pdb"), "-l puredb:/etc/a b.pdb");
        assert!(flags(&OWN, "LDAPConfigFile /etc/x").contains("knows no accounts of ldap"));
    }

    #[test]
    fn pam_is_asked_by_the_service_that_has_rules() {
        let named = |source: &str, services: &[&str]| {
            let mut translation = Translation::default();
            translation.source(&Origin::file(&Path::new("file").into()), source, None);
            name_pam_service(|name| services.contains(&name), &mut translation);
            let words = translation.words(&[]);
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        };
        if !has_source("pam") {
            return assert_eq!(named("pam", &["pure-ftpd"]), "");
        }
        assert_eq!(
            named("pam", &["pure-ftpd"]),
            "-l pam --pamservice pure-ftpd"
        );
        assert_eq!(named("pam", &["pure-ftpd", "wharf-ftpd"]), "-l pam");
        assert_eq!(named("pam", &["other"]), "-l pam");
        assert_eq!(named("unix", &["pure-ftpd"]), "-l unix");
    }

    #[test]
    fn the_script_took_yes_alone_found_directives_anywhere_and_cut_the_rest() {
        assert_eq!(script("ChrootEveryone on"), "");
        assert_eq!(script("Disabled-NoChmod yes"), "-R");
        assert_eq!(script("MaxLoad 4.5"), "-m 4");
        assert_eq!(script("NoChmod yesterday # x"), "-R");
        assert_eq!(script("Umask 133:022"), "-U 133:022");
        assert_eq!(script("UserBandwidth 8:16"), "-T 8:16");
        assert_eq!(script("LimitRecursion 10000 8"), "-L 10000:8");
        assert!(script("Includ x").contains("unknown setting"));
        assert_eq!(flags(&SCRIPT, "PureDB /etc/a b.pdb"), "-l puredb:/etc/a");
    }
}
