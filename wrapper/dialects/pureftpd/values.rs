//! Values: what they are once read, what several readers share of reading them, and what is said of those that fit no form.

use std::ffi::OsString;

use super::super::os;
use super::table::Form;
use crate::wrapper::translation::{Origin, Translation};
use Form::{
    Absent, Bool, File, Ipv4, Letters, Masks, Number, OneOrTwo, Pair, Quoted, Rest, Socket, Two,
    TwoOrUnlimited, Word,
};

/// A value as a directive has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wrapper::dialects) enum Value {
    /// On.
    Yes,
    /// Off.
    No,
    /// Text for a flag.
    Text(OsString),
}

impl Value {
    pub(super) fn text(bytes: &[u8]) -> Value {
        Value::Text(os(bytes).to_owned())
    }

    /// Two parts as flags take them.
    pub(super) fn pair(first: &[u8], second: &[u8], between: u8) -> Value {
        Value::text(&[first, &[between], second].concat())
    }
}

pub(in crate::wrapper::dialects) fn refuse_value(
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

pub(in crate::wrapper::dialects) fn on_or_off(
    value: &[u8],
    on: &[&str],
    off: &[&str],
) -> Option<Value> {
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

pub(in crate::wrapper::dialects) fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

pub(super) fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && !text.iter().any(u8::is_ascii_whitespace)
}

/// Two words with blanks between them and nothing else.
pub(in crate::wrapper::dialects) fn two_words(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let second = text[end..].trim_ascii();
    is_word(second).then_some((&text[..end], second))
}
