//! vsftpd.conf, as vsftpd 3.0.3 to 3.0.5 and Debian's builds of it read it.
//!
//! [`options`] is the table, [`settings`] what the file says with vsftpd's own values where it says nothing. The rules that
//! make flags of them are parted by matter: [`who`] may log in and where he is kept, what may be done to [`files`], what
//! the [`network`] is given, and what remains ([`rest`]). Files of single users are laid over it and go through the same
//! rules ([`users`]).
//!
//! vsftpd's values without a line restrict more than the server's own in places (nothing may be written, files get
//! mode 0600), so those become flags as well. What the file says of a group of sessions is looked at only if the group can
//! log in at all.
//!
//! Followed: parseconf.c, twoprocess.c and postlogin.c of vsftpd as to what they do, vsftpd.conf(5), and the programs of
//! Debian 12 as they behave.

mod files;
mod network;
mod options;
mod patterns;
mod rest;
mod settings;
#[cfg(test)]
mod tests;
mod users;
mod who;

use std::rc::Rc;

use super::{Choices, Dialect, text_of};
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Origin, Translation};
use options::{DEBIAN, Kind, Known, OPTIONS, UPSTREAM};
use settings::{Settings, Value};

/// The file.
pub(super) const FILE: Dialect = Dialect {
    name: "vsftpd",
    variants: &[DEBIAN, UPSTREAM],
    sentence: "vsftpd.conf of vsftpd 3.0, with what holds without a line in Debian's build or in upstream's",
    takes: &["login", "option"],
    recognise: |source, _| match source {
        Source::File(text) => known_lines(text),
        Source::Folder(_) => 0,
    },
    read,
    rows: options::rows,
};

/// vsftpd reads no further.
const LARGEST: usize = 100_000;

fn known_lines(text: &Text) -> usize {
    let is_known = |line: &[u8]| {
        let key = line.split(|byte| *byte == b'=').next().unwrap_or(line);
        line.contains(&b'=') && options::find(key.trim_ascii()).is_some()
    };
    text.lines().filter(|(_, line)| is_known(line)).count()
}

fn read(source: &Source, files: &mut Files, choices: &Choices, translation: &mut Translation) {
    let Some(text) = text_of(source, translation) else {
        return;
    };
    let whole = Origin::file(&text.path);
    if text.bytes.len() > LARGEST {
        return translation.refuse(
            &whole,
            "vsftpd reads the first 100000 bytes only",
            "remove comments until the file is shorter",
        );
    }
    let variant = choices.variant.unwrap_or(DEBIAN);
    let mut settings = Settings::new(whole, variant);
    for (number, line) in text.lines() {
        if !is_blank(line) {
            read_line(&text.path, Some(number), line, &mut settings, translation);
        }
    }
    let path: Rc<std::path::Path> = Rc::from(std::path::Path::new("--option"));
    for option in &choices.options {
        read_line(
            &path,
            None,
            option.as_encoded_bytes(),
            &mut settings,
            translation,
        );
    }
    // A line that is not understood may be the one that restricts; what follows from the others would only confuse.
    if translation.is_refused() {
        return settings.say_unjudged(translation);
    }
    let mut rules = settings.clone().rules(translation);
    who::translate(&mut rules, files, choices);
    files::translate(&mut rules);
    network::translate(&mut rules);
    rest::translate(&mut rules);
    let folder = users::folder(&mut rules, files);
    rules.finish();
    if let Some(folder) = folder {
        users::translate(&folder, &settings, files, translation);
    }
}

/// Whether a line says nothing.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| is_space(*byte)) || line.first() == Some(&b'#')
}

/// isspace(3) of the locale C.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn read_line(
    path: &Rc<std::path::Path>,
    number: Option<usize>,
    line: &[u8],
    settings: &mut Settings,
    translation: &mut Translation,
) {
    let start = line.iter().take_while(|byte| is_space(**byte)).count();
    let line = &line[start..];
    let equals = line.iter().position(|byte| *byte == b'=');
    let (key, value) = match equals {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &line[line.len()..]),
    };
    let origin = Origin {
        line: number,
        ..Origin::new(path, 0, key)
    };
    let Some(option) = options::find(key) else {
        return refuse_unknown(&origin, key, translation);
    };
    if option.is_debians && settings.variant() != DEBIAN {
        return translation.refuse(
            &origin,
            "only Debian's build of vsftpd knows it",
            "say --dialect vsftpd:debian",
        );
    }
    match value_of(option, value, settings.variant()) {
        Ok(value) => settings.set(option.key, origin, value, translation),
        Err((reason, cure)) => translation.refuse(&origin, &reason, cure),
    }
}

fn refuse_unknown(origin: &Origin, key: &[u8], translation: &mut Translation) {
    if key.starts_with(b"#") {
        return translation.refuse(
            origin,
            "to vsftpd this is no comment, as blanks stand before it",
            "let # be the first character of the line",
        );
    }
    if options::find(key.trim_ascii()).is_some() {
        return translation.refuse(
            origin,
            "to vsftpd the blank before = belongs to the name",
            "write name=value without blanks",
        );
    }
    translation.unknown(origin, OPTIONS.iter().map(|option| option.key));
}

/// The value, or why it is none and what to do.
fn value_of(option: &Known, value: &[u8], variant: &str) -> Result<Value, (String, &'static str)> {
    let no_value = |cure| {
        let reason = match value {
            [] => "it has no value".to_owned(),
            value => format!("'{}' is no value for it", shown(value)),
        };
        Err((reason, cure))
    };
    match option.kind {
        Kind::Yes(_) => match yes_or_no(value) {
            Some(yes) => Ok(Value::Yes(yes)),
            None if value.ends_with(b"\r") => {
                no_value("write YES or NO, and end lines without carriage returns")
            }
            None => no_value("write YES or NO, with no blank around it"),
        },
        Kind::Number(_) => match number(value) {
            Some(number) => Ok(Value::Number(number)),
            None if value.ends_with(b"\r") => {
                no_value("write a whole number, and end lines without carriage returns")
            }
            None => no_value("write a whole number; one that begins with 0 is octal"),
        },
        Kind::Text(..) => {
            // Debian's build takes blanks off both ends, upstream's keeps them.
            let value = match variant {
                DEBIAN => value.trim_ascii(),
                _ => value,
            };
            match value.iter().any(u8::is_ascii_control) {
                true => no_value("write text without control characters"),
                false => Ok(Value::Text(value.to_vec())),
            }
        }
    }
}

fn yes_or_no(value: &[u8]) -> Option<bool> {
    let is = |words: [&str; 3]| {
        words
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
    };
    match (is(["YES", "TRUE", "1"]), is(["NO", "FALSE", "0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// vsftpd takes anything, and what is no number for 0, which often means no limit; so that is no value here.
fn number(value: &[u8]) -> Option<u32> {
    let radix = if value.starts_with(b"0") { 8 } else { 10 };
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_number)?;
    u32::from_str_radix(text, radix).ok()
}
