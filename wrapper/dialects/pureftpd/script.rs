//! A file as the script pure-config read it: by patterns that were looked for anywhere in a line.

use super::super::{Choices, text_of};
use super::meaning::{Seen, apply, finish};
use super::own::split_own;
use super::table::{DIRECTIVES, Directive, Form, find, known};
use super::values::Value;
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::translation::{Origin, Translation};
use Form::{Bool, Number, Pair, Two, Word};

pub(super) fn read(source: &Source, files: &mut Files, _: &Choices, translation: &mut Translation) {
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
