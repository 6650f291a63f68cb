//! /etc/pure-ftpd of Debian: a folder `conf` with one file per directive, and links in `auth` that put the sources of
//! accounts in order. What is in `db` (or anywhere else) is named by those files.
//!
//! Read as pure-ftpd-wrapper of Debian's 1.0.50 reads it, which has rules of its own for values: two numbers are always
//! parted by a blank, and numbers lose leading zeros. Where the order of the directory would decide between two settings
//! the result would differ from machine to machine; that is refused. `--defaults FILE` reads the choices of Debian's start
//! script, /etc/default/pure-ftpd-common, which tell whether a daemon was wanted.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::pureftpd::{self, DIRECTIVES, Directive, Form, Seen, Value};
use super::{Choices, Dialect, Fate, Row, os, refuse_unusable};
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Flag, Origin, Translation};

/// The folder.
pub(super) const FOLDER: Dialect = Dialect {
    name: "debian",
    variants: &[],
    sentence: "the folder /etc/pure-ftpd of Debian, as pure-ftpd-wrapper reads it",
    takes: &["defaults"],
    recognise: |source, files| match source {
        Source::Folder(path) => usize::from(files.is_on_disk(&path.join("conf"))),
        Source::File(_) => 0,
    },
    read,
    rows,
};

/// Where pure-ftpd-wrapper has the process number written, whatever is configured.
const PID_FILE: &str = "/var/run/pure-ftpd/pure-ftpd.pid";

/// Flags of which the later one on the command line counts, so that the order of files decides.
const RIVALS: [(&str, &str); 5] = [
    ("anonymousonly", "noanonymous"),
    ("allowuserfxp", "allowanonymousfxp"),
    ("trustedgid", "chrooteveryone"),
    ("anonymousbandwidth", "userbandwidth"),
    ("anonymousratio", "userratio"),
];

/// The start script's choices, for the manual page.
const DEFAULTS: [Row; 4] = [
    Row {
        key: "STANDALONE_OR_INETD",
        value: "standalone or inetd",
        fate: Fate::Flag("daemonize"),
        sentence: "With --defaults: standalone adds the flag, inetd nothing, as the server finds out by itself.",
    },
    Row {
        key: "VIRTUALCHROOT",
        value: "true or false",
        fate: Fate::Refused(
            "mount what links point to inside the home with mount --bind, and set it to false",
        ),
        sentence: "With --defaults: links out of a home are never followed.",
    },
    Row {
        key: "UPLOADSCRIPT",
        value: "program",
        fate: Fate::Ignored,
        sentence: "With --defaults: the start script ran pure-uploadscript; wharf-uploadscript must be started beside the server.",
    },
    Row {
        key: "UPLOADUID, UPLOADGID",
        value: "number",
        fate: Fate::Ignored,
        sentence: "With --defaults: options -u and -g of wharf-uploadscript.",
    },
];

fn rows() -> Vec<Row> {
    let mut rows = pureftpd::rows(|directive| directive.folder);
    rows.extend(DEFAULTS);
    rows
}

fn read(source: &Source, files: &mut Files, choices: &Choices, translation: &mut Translation) {
    let folder = match source {
        Source::Folder(folder) => folder,
        Source::File(text) => {
            let origin = Origin::file(&text.path);
            return translation.refuse(
                &origin,
                "it is a file",
                "name the folder, such as /etc/pure-ftpd",
            );
        }
    };
    let mut seen = Seen::default();
    read_conf(folder, files, &mut seen, translation);
    let conf = std::mem::take(&mut translation.flags);
    read_auth(folder, files, &mut seen, translation);
    // The log's facility first, so that nothing is logged elsewhere; then accounts; then the rest.
    let (facility, others): (Vec<Flag>, Vec<Flag>) = conf
        .into_iter()
        .partition(|flag| flag.long == "syslogfacility");
    translation.flags.splice(0..0, facility);
    translation.flags.extend(others);
    let whole = Origin::file(folder);
    if let Some(path) = &choices.defaults {
        read_defaults(&whole, path, files, translation);
    }
    refuse_rivals(translation);
    pureftpd::finish(&whole, &seen, files, translation);
    let wrapper = Origin {
        setting: "(pure-ftpd-wrapper)".to_owned(),
        ..whole
    };
    translation.value(&wrapper, "pidfile", PID_FILE);
}

fn read_conf(folder: &Path, files: &mut Files, seen: &mut Seen, translation: &mut Translation) {
    let conf = folder.join("conf");
    for name in names(folder, &conf, files, translation) {
        let path = conf.join(&name);
        let bytes = name.as_bytes();
        if !is_name(bytes) {
            let origin = Origin::file(&Rc::from(path));
            let why = "pure-ftpd-wrapper skips files of such names";
            translation.ignore(&origin, why);
            continue;
        }
        match exact(bytes) {
            // In force only through a link in auth.
            Some(directive) if directive.is_login() => {}
            directive => read_setting(&path, bytes, directive, files, seen, translation),
        }
    }
}

fn read_auth(folder: &Path, files: &mut Files, seen: &mut Seen, translation: &mut Translation) {
    let auth = folder.join("auth");
    for name in names(folder, &auth, files, translation) {
        let link = auth.join(&name);
        let origin = Origin::file(&Rc::from(link.as_path()));
        let Some(target) = files.link(&link) else {
            translation.ignore(
                &origin,
                "not a symbolic link, so pure-ftpd-wrapper skips it",
            );
            continue;
        };
        let target = auth.join(target);
        if !files.is_file(&target) {
            translation.ignore(
                &origin,
                "the link leads to no file, so pure-ftpd-wrapper skips it",
            );
            continue;
        }
        let name = target.file_name().map(OsStr::as_bytes).unwrap_or_default();
        match exact(name).filter(|directive| directive.is_login()) {
            None => translation.refuse(
                &origin,
                "the link leads to no file that is named for a source of accounts",
                "remove the link, or have it lead to a file such as PureDB or UnixAuthentication",
            ),
            directive => read_setting(&target, name, directive, files, seen, translation),
        }
    }
}

/// The names in a folder below the one that is read; none where it is refused.
fn names(
    whole: &Path,
    folder: &Path,
    files: &mut Files,
    translation: &mut Translation,
) -> Vec<OsString> {
    files.names(folder).unwrap_or_else(|why| {
        let origin = Origin::file(&Rc::from(whole));
        refuse_unusable(translation, &origin, folder, &why);
        Vec::new()
    })
}

/// Letters and digits, at least two, a letter first.
fn is_name(name: &[u8]) -> bool {
    name.len() >= 2 && name[0].is_ascii_alphabetic() && name.iter().all(u8::is_ascii_alphanumeric)
}

/// Names of files are compared letter by letter.
fn exact(name: &[u8]) -> Option<&'static Directive> {
    let mut there = DIRECTIVES
        .iter()
        .filter(|directive| directive.folder != Form::Absent);
    there.find(|directive| directive.key.as_bytes() == name)
}

fn read_setting(
    path: &Path,
    name: &[u8],
    directive: Option<&'static Directive>,
    files: &mut Files,
    seen: &mut Seen,
    translation: &mut Translation,
) {
    let origin = Origin {
        setting: shown(name),
        ..Origin::file(&Rc::from(path))
    };
    let text = match files.read(path) {
        Ok(text) => text,
        Err(why) => {
            let cure = match why.cure.as_str() {
                "" => "remove it or make it readable",
                cure => cure,
            };
            return translation.refuse(&origin, &why.reason, cure);
        }
    };
    let Some(directive) = directive else {
        return translation.unknown(&origin, pureftpd::known(|directive| directive.folder));
    };
    read_lines(&text, directive, files, seen, translation);
}

/// The first line that says something counts; a no says nothing, so that lines behind it are looked at.
fn read_lines(
    text: &Text,
    directive: &'static Directive,
    files: &Files,
    seen: &mut Seen,
    translation: &mut Translation,
) {
    for (number, line) in text.lines() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let origin = Origin::new(&text.path, number, directive.key.as_bytes());
        let Some(value) = value(directive.folder, line, files) else {
            return pureftpd::refuse_value(&origin, line, directive.folder, translation);
        };
        pureftpd::apply(directive, &value, &origin, seen, translation);
        if value != Value::No && !directive.is_ignored() {
            return;
        }
    }
}

/// A value by the rules of pure-ftpd-wrapper.
fn value(form: Form, line: &[u8], files: &Files) -> Option<Value> {
    let text = |bytes: &[u8]| Some(Value::Text(os(bytes).to_owned()));
    let has_blank = line.iter().any(u8::is_ascii_whitespace);
    match form {
        Form::Bool => pureftpd::on_or_off(line, &["yes", "1", "on"], &["no", "0", "off"]),
        Form::Number => number(line).and_then(text),
        Form::OneOrTwo => text(&one_or_two(line)?),
        Form::Two => two(line, number),
        Form::TwoOrUnlimited => two(line, |half| match half {
            b"-1" => Some(b"-1"),
            half => number(half),
        }),
        Form::Masks => two(line, |half| {
            let octal = half.iter().all(|digit| (b'0'..=b'7').contains(digit));
            (half.len() == 3 && octal).then_some(half)
        }),
        Form::Letters => {
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            line.iter().all(is_letter).then(|| text(line))?
        }
        Form::Word => (!has_blank).then(|| text(line))?,
        Form::Ipv4 => {
            let address = std::str::from_utf8(line).ok()?;
            address.parse::<std::net::Ipv4Addr>().ok()?;
            text(line)
        }
        Form::File => files.is_file(Path::new(os(line))).then(|| text(line))?,
        Form::Socket => files.is_socket(Path::new(os(line))).then(|| text(line))?,
        Form::Rest => text(line),
        Form::Absent | Form::Pair | Form::Quoted => None,
    }
}

/// Digits as they are passed on: Perl's %d takes them as decimal, while a flag would take a leading 0 as octal.
fn number(text: &[u8]) -> Option<&[u8]> {
    if !pureftpd::is_number(text) {
        return None;
    }
    let zeros = text.iter().take_while(|digit| **digit == b'0').count();
    Some(&text[zeros.min(text.len() - 1)..])
}

fn two<'a>(line: &'a [u8], half: impl Fn(&'a [u8]) -> Option<&'a [u8]>) -> Option<Value> {
    let (first, second) = pureftpd::two_words(line)?;
    let value = [half(first)?, b":", half(second)?].concat();
    Some(Value::Text(os(&value).to_owned()))
}

/// `n`, `n n`, `n:n`, `:n` or `n:`.
fn one_or_two(line: &[u8]) -> Option<Vec<u8>> {
    let is_half = |half: &[u8]| half.is_empty() || pureftpd::is_number(half);
    if let Some(colon) = line.iter().position(|byte| *byte == b':') {
        let (up, down) = (&line[..colon], &line[colon + 1..]);
        let fits = is_half(up) && is_half(down) && line.len() > 1;
        return fits.then(|| line.to_vec());
    }
    if pureftpd::is_number(line) {
        return Some(line.to_vec());
    }
    let (up, down) = pureftpd::two_words(line)?;
    let fits = pureftpd::is_number(up) && pureftpd::is_number(down);
    fits.then(|| [up, b":", down].concat())
}

/// Which of two rivals counts is decided by the order in which the directory lists them, which nobody chose.
fn refuse_rivals(translation: &mut Translation) {
    for (one, other) in RIVALS {
        let of = |long: &str| translation.flags.iter().find(|flag| flag.long == long);
        let (Some(first), Some(second)) = (of(one), of(other)) else {
            continue;
        };
        // There is one ratio, and both have it hold for everybody.
        if one.ends_with("ratio") && first.value == second.value {
            continue;
        }
        let origin = second.origin.clone();
        let reason = format!(
            "with {} as well, the order in which the directory lists them would decide",
            first.origin.setting
        );
        translation.refuse(
            &origin,
            &reason,
            "set one of them to no, or remove its file",
        );
    }
}

/// Assignments of a shell script, of which only the simplest are understood: NAME=VALUE, quoted or not.
fn read_defaults(whole: &Origin, path: &Path, files: &mut Files, translation: &mut Translation) {
    let text = match files.read(path) {
        Ok(text) => text,
        Err(why) => return refuse_unusable(translation, whole, path, &why),
    };
    let mut script = Script::default();
    for (number, line) in text.lines() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (name, value) = match assignment(line) {
            Some(parts) => parts,
            None => {
                let origin = Origin::new(&text.path, number, line);
                translation.refuse(
                    &origin,
                    "no assignment of a plain value",
                    "write NAME=VALUE, and nothing to be computed",
                );
                continue;
            }
        };
        let origin = Origin::new(&text.path, number, name);
        match name {
            b"STANDALONE_OR_INETD" => {
                script.standalone = (value == b"standalone").then_some(origin)
            }
            b"VIRTUALCHROOT" => script.virtual_chroot = (value == b"true").then_some(origin),
            b"UPLOADSCRIPT" => script.upload = (!value.is_empty()).then_some(origin),
            b"UPLOADUID" | b"UPLOADGID" => {
                translation.ignore(
                    &origin,
                    "it is for wharf-uploadscript, which is started beside the server",
                );
            }
            _ => translation.unknown(&origin, DEFAULTS.iter().flat_map(|row| row.key.split(", "))),
        }
    }
    script.say(translation);
}

/// What the start script was told; the last of each counts.
#[derive(Default)]
struct Script {
    standalone: Option<Origin>,
    virtual_chroot: Option<Origin>,
    upload: Option<Origin>,
}

impl Script {
    fn say(self, translation: &mut Translation) {
        if let Some(origin) = self.standalone {
            translation.switch(&origin, "daemonize");
        }
        if let Some(origin) = self.virtual_chroot {
            let cure =
                "mount what links point to inside the home with mount --bind, and set it to false";
            translation.refuse(&origin, "links out of a home are never followed", cure);
        }
        if let Some(origin) = self.upload {
            translation.ignore(
                &origin,
                "start wharf-uploadscript -r with this program beside the server",
            );
        }
    }
}

fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let sign = line.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&line[..sign], &line[sign + 1..]);
    let is_plain =
        |byte: &u8| !b"\"'`$\\;&|<>()*?[#~ \t".contains(byte) && !byte.is_ascii_control();
    let quoted = |quote: u8| {
        let inner = value.strip_prefix(&[quote])?.strip_suffix(&[quote])?;
        let special: &[u8] = if quote == b'"' { b"\"`$\\" } else { b"'" };
        (!inner.iter().any(|byte| special.contains(byte))).then_some(inner)
    };
    let value = match value {
        value if value.iter().all(is_plain) => value,
        _ => quoted(b'"').or_else(|| quoted(b'\''))?,
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (!name.is_empty() && name.iter().all(is_name)).then_some((name, value))
}

/// Translates one file of the folder, for fuzzing: its name is the first line.
pub fn translate_setting(bytes: &[u8]) -> Translation {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let (name, content) = bytes.split_at(end);
    let mut translation = Translation::default();
    let (files, mut seen) = (Files::none(), Seen::default());
    let text = Text::of_bytes(&PathBuf::from("conf/file"), content);
    if let Some(directive) = exact(name) {
        read_lines(&text, directive, &files, &mut seen, &mut translation);
    } else if name == b"defaults" {
        for (_, line) in text.lines() {
            let _ = assignment(line);
        }
    }
    let whole = Origin::file(&text.path);
    pureftpd::finish(&whole, &seen, &files, &mut translation);
    translation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(flags: &[(&str, &str)]) -> bool {
        let mut translation = Translation::default();
        for (long, value) in flags {
            let origin = Origin::file(&Rc::from(Path::new(long)));
            match *value {
                "" => translation.switch(&origin, long),
                value => translation.value(&origin, long, value),
            }
        }
        refuse_rivals(&mut translation);
        translation.is_refused()
    }

    #[test]
    fn what_the_order_of_the_directory_would_decide_is_refused() {
        for (one, other) in [
            ("anonymousonly", "noanonymous"),
            ("allowuserfxp", "allowanonymousfxp"),
        ] {
            assert!(refused(&[(one, ""), (other, "")]), "{one}");
            assert!(!refused(&[(one, "")]), "{one}");
        }
        assert!(refused(&[("trustedgid", "7"), ("chrooteveryone", "")]));
        assert!(refused(&[
            ("anonymousbandwidth", "8"),
            ("userbandwidth", "8")
        ]));
    }

    #[test]
    fn two_ratios_are_rivals_unless_they_are_the_same() {
        assert!(refused(&[("anonymousratio", "1:10"), ("userratio", "1:5")]));
        assert!(!refused(&[("anonymousratio", "1:5"), ("userratio", "1:5")]));
    }
}
