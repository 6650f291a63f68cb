//! A file as Pure-FTPd reads it itself: a name in any case, a separator, and a value that fills the rest of the line.

use std::path::Path;

use super::super::{Choices, refuse_unusable, text_of};
use super::meaning::{Seen, apply, finish};
use super::table::{Form, Target, find, known};
use super::values::{Value, is_number, is_word, on_or_off, refuse_value, two_words};
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::translation::{Origin, Translation};
use Form::{
    Absent, Bool, File, Ipv4, Letters, Masks, Number, OneOrTwo, Pair, Quoted, Rest, Socket, Two,
    TwoOrUnlimited, Word,
};

/// How many lines name a directive of the file in its own syntax.
pub(super) fn known_lines(text: &Text) -> usize {
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

pub(super) fn read(source: &Source, files: &mut Files, _: &Choices, translation: &mut Translation) {
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

/// The name at the begin of a line, and what follows it.
pub(super) fn split_own(line: &[u8]) -> (&[u8], &[u8]) {
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
