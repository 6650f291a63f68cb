//! What a file says, with vsftpd's own values where it says nothing, and how rules speak of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::super::os;
use super::options::{self, Kind};
use crate::wrapper::translation::{Origin, Translation};

/// A value. An empty text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Yes or no.
    Yes(bool),
    /// A number.
    Number(u32),
    /// Text.
    Text(Vec<u8>),
}

/// The lines of a file that count.
#[derive(Clone)]
pub(super) struct Settings {
    whole: Origin,
    variant: &'static str,
    lines: BTreeMap<&'static str, (Origin, Value)>,
}

impl Settings {
    pub(super) fn new(whole: Origin, variant: &'static str) -> Settings {
        Settings {
            whole,
            variant,
            lines: BTreeMap::new(),
        }
    }

    pub(super) fn variant(&self) -> &'static str {
        self.variant
    }

    /// Takes a line; of several the last one counts.
    pub(super) fn set(
        &mut self,
        key: &'static str,
        origin: Origin,
        value: Value,
        translation: &mut Translation,
    ) {
        if let Some((before, _)) = self.lines.insert(key, (origin, value)) {
            translation.nothing(
                &before,
                "a later line sets it again, and the last one counts",
            );
        }
    }

    /// Takes a line out.
    pub(super) fn take(&mut self, key: &str) -> Option<(Origin, Value)> {
        self.lines.remove(key)
    }

    /// Lets this hold, as if no line said so.
    pub(super) fn assume(&mut self, key: &'static str, value: Value) {
        let origin = self.origin(key);
        self.lines.insert(key, (origin, value));
    }

    /// The same with those lines laid over it.
    pub(super) fn with(&self, over: &Settings) -> Settings {
        let mut all = self.clone();
        let lines = over.lines.iter();
        all.lines
            .extend(lines.map(|(key, line)| (*key, line.clone())));
        all
    }

    /// Where the lines stand.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.lines.values().map(|(origin, _)| origin)
    }

    /// The line of a setting, or the file as a whole where its value holds without a line.
    pub(super) fn origin(&self, key: &str) -> Origin {
        match self.lines.get(key) {
            Some((origin, _)) => origin.clone(),
            None => Origin {
                setting: format!("{key} (no line)"),
                ..self.whole.clone()
            },
        }
    }

    /// The value of a setting, line or not.
    pub(super) fn value(&self, key: &str) -> Value {
        if let Some((_, value)) = self.lines.get(key) {
            return value.clone();
        }
        let option = options::find(key.as_bytes());
        match option.map(|option| option.default(self.variant)) {
            Some(Kind::Yes(yes)) => Value::Yes(yes),
            Some(Kind::Number(number)) => Value::Number(number),
            Some(Kind::Text(_, text)) => Value::Text(text.as_bytes().to_vec()),
            None => Value::Text(Vec::new()),
        }
    }

    /// Says the same of every line.
    pub(super) fn say_of_all(&self, translation: &mut Translation, why: &str) {
        for origin in self.origins() {
            translation.nothing(origin, why);
        }
    }

    /// For a file with lines that are not understood, where the others were read and no more.
    pub(super) fn say_unjudged(&self, translation: &mut Translation) {
        self.say_of_all(translation, "understood, and judged once all lines are");
    }

    /// Begins to speak of them.
    pub(super) fn rules(self, translation: &mut Translation) -> Rules<'_> {
        Rules {
            settings: self,
            translation,
        }
    }
}

/// The settings, and what is said of them. Each that a line sets must be spoken of, which [`Rules::finish`] sees to.
pub(super) struct Rules<'a> {
    settings: Settings,
    translation: &'a mut Translation,
}

impl Rules<'_> {
    /// A setting that is yes or no.
    pub(super) fn yes(&self, key: &str) -> bool {
        matches!(self.value(key), Value::Yes(true))
    }

    /// A number.
    pub(super) fn number(&self, key: &str) -> u32 {
        match self.value(key) {
            Value::Number(number) => number,
            _ => 0,
        }
    }

    /// Text; none where it is empty.
    pub(super) fn text(&self, key: &str) -> Option<Vec<u8>> {
        match self.value(key) {
            Value::Text(text) => Some(text).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    fn value(&self, key: &str) -> Value {
        self.settings.value(key)
    }

    /// Whether a line sets it.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.settings.lines.contains_key(key)
    }

    /// Its line, or the file as a whole where its value holds without a line.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.settings.origin(key)
    }

    /// The first of them that a line sets, or else the first.
    pub(super) fn first_set<'k>(&self, keys: &[&'k str]) -> &'k str {
        let set = keys.iter().find(|key| self.is_set(key));
        set.or(keys.first()).copied().unwrap_or_default()
    }

    /// A flag without a value.
    pub(super) fn switch(&mut self, key: &str, long: &str) {
        self.flag(key, long, None);
    }

    /// A flag with a value.
    pub(super) fn give(&mut self, key: &str, long: &str, value: impl AsRef<OsStr>) {
        self.flag(key, long, Some(value.as_ref()));
    }

    /// A flag with the setting's own text as its value.
    pub(super) fn give_text(&mut self, key: &str, long: &str, text: &[u8]) {
        self.flag(key, long, Some(os(text)));
    }

    fn flag(&mut self, key: &str, long: &str, value: Option<&OsStr>) {
        let origin = self.origin(key);
        match value {
            None => self.translation.switch(&origin, long),
            Some(value) => self.translation.value(&origin, long, value),
        }
    }

    /// A source of accounts.
    pub(super) fn source(&mut self, key: &str, name: &str, argument: Option<&OsStr>) {
        let origin = self.origin(key);
        self.translation.source(&origin, name, argument);
    }

    /// Holds without a flag; said where a line sets it.
    pub(super) fn nothing(&mut self, key: &str, why: &str) {
        if self.is_set(key) {
            let origin = self.origin(key);
            self.translation.nothing(&origin, why);
        }
    }

    /// Decoration; said where a line sets it.
    pub(super) fn ignore(&mut self, key: &str, why: &str) {
        if self.is_set(key) {
            self.ignore_unset(key, why);
        }
    }

    /// Ignored, line or not.
    pub(super) fn ignore_unset(&mut self, key: &str, why: &str) {
        let origin = self.origin(key);
        self.translation.ignore(&origin, why);
    }

    /// Holds, and this should be known about it.
    pub(super) fn warn(&mut self, key: &str, text: &str) {
        let origin = self.origin(key);
        self.translation.warn(&origin, text);
    }

    /// Cannot be expressed, line or not.
    pub(super) fn refuse(&mut self, key: &str, reason: &str, cure: &str) {
        let origin = self.origin(key);
        self.translation.refuse(&origin, reason, cure);
    }

    /// For all of them.
    pub(super) fn all_nothing(&mut self, keys: &[&str], why: &str) {
        for key in keys {
            self.nothing(key, why);
        }
    }

    /// Whether a flag was given.
    pub(super) fn has(&self, long: &str) -> bool {
        self.translation.has(long)
    }

    /// What no rule spoke of is refused: it may be what restricts. Then all is told in the order of the lines.
    pub(super) fn finish(self) {
        let lines = self.settings.lines.values();
        for (origin, _) in lines {
            let said = self.translation.findings.iter();
            if !said.clone().any(|finding| finding.origin == *origin) {
                let reason = "nothing is known about it beside the other settings";
                self.translation.refuse(origin, reason, "remove it");
            }
        }
        let findings = &mut self.translation.findings;
        findings.sort_by_key(|finding| (finding.origin.line.is_none(), finding.origin.line));
    }
}
