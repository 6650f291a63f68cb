//! The sections of proftpd.conf as a tree, with included files in their places and conditions decided.
//!
//! Whether a module is loaded is known of those every ProFTPD has and of those the file loads. Of others it is not: a
//! section for such a module may hold settings of that module alone, which say nothing where it is missing; anything else
//! would hold on some machines and not on others, and is refused.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::syntax::{self, Bracket};
use super::table;
use crate::units::Glob;
use crate::wrapper::dialects::{Choices, os, refuse_unusable};
use crate::wrapper::files::{Files, Text};
use crate::wrapper::print::{shown, shown_path};
use crate::wrapper::translation::{Origin, Translation, nearest};

/// A directive with its words.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) origin: Origin,
    /// As the table spells it.
    pub(super) key: &'static str,
    pub(super) words: Vec<Vec<u8>>,
}

impl Directive {
    /// A word, or nothing.
    pub(super) fn word(&self, at: usize) -> &[u8] {
        self.words.get(at).map_or(b"", Vec::as_slice)
    }

    /// All words as one text, for messages and comparisons.
    pub(super) fn text(&self) -> Vec<u8> {
        self.words.join(&b' ')
    }

    /// On or off; None for any other word, and for more than one.
    pub(super) fn on(&self) -> Option<bool> {
        self.begins_on().filter(|_| self.words.len() == 1)
    }

    /// Whether the first word says on or off, whatever follows.
    pub(super) fn begins_on(&self) -> Option<bool> {
        let is = |words: [&str; 4]| {
            let mut words = words.iter();
            words.any(|known| self.word(0).eq_ignore_ascii_case(known.as_bytes()))
        };
        match (
            is(["on", "yes", "true", "1"]),
            is(["off", "no", "false", "0"]),
        ) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// A section with what is in it.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) origin: Origin,
    /// Its name in lower case.
    pub(super) kind: String,
    pub(super) words: Vec<Vec<u8>>,
    pub(super) items: Vec<Item>,
}

/// What a section may hold.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Directive(Directive),
    Section(Section),
}

impl Item {
    /// The directive it is, if any.
    pub(super) fn directive(&self) -> Option<&Directive> {
        match self {
            Item::Directive(directive) => Some(directive),
            Item::Section(_) => None,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        match self {
            Item::Directive(directive) => &directive.origin,
            Item::Section(section) => &section.origin,
        }
    }
}

/// The sections that are conditions.
const CONDITIONS: [&str; 3] = ["ifmodule", "ifdefine", "ifversion"];

/// Modules of every ProFTPD.
const EVERYWHERE: [&str; 12] = [
    "core",
    "xfer",
    "auth_unix",
    "auth_file",
    "auth",
    "ls",
    "log",
    "site",
    "delay",
    "facts",
    "rlimit",
    "dso",
];

/// Directives without a value.
const STAND_ALONE: [&str; 2] = ["AllowAll", "DenyAll"];

/// Sections within sections: more is a mistake.
const DEEPEST: usize = 32;

/// What the lines within a condition are for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    /// Settings of this module alone, as it may be missing.
    Only(String),
    /// LoadModule alone: what is for machines where a module is missing that may be there.
    Loading(String),
}

struct Open {
    kind: String,
    origin: Origin,
    /// None for a section that is no condition.
    holds: Option<Holds>,
    section: Option<Section>,
}

/// Reads a file with all it includes.
pub(super) struct Reader<'a> {
    files: &'a mut Files,
    choices: &'a Choices,
    translation: &'a mut Translation,
    defines: Vec<Vec<u8>>,
    variables: HashMap<Vec<u8>, Vec<u8>>,
    loaded: Vec<String>,
    open: Vec<Open>,
    items: Vec<Item>,
}

/// The tree of a file.
pub(super) fn read(
    text: &Text,
    files: &mut Files,
    choices: &Choices,
    translation: &mut Translation,
) -> Vec<Item> {
    let mut reader = Reader {
        files,
        choices,
        translation,
        defines: Vec::new(),
        variables: HashMap::new(),
        loaded: Vec::new(),
        open: Vec::new(),
        items: Vec::new(),
    };
    reader.file(text);
    while let Some(open) = reader.open.pop() {
        let name = format!("no </{}> closes it", open.kind);
        reader
            .translation
            .refuse(&open.origin, &name, "close the section");
    }
    reader.items
}

impl Reader<'_> {
    fn file(&mut self, text: &Text) {
        if let Err(why) = self.files.enter(text) {
            return self
                .translation
                .refuse(&Origin::file(&text.path), &why.reason, &why.cure);
        }
        for (number, line) in syntax::joined(text.lines()) {
            self.line(text, number, &line);
        }
        self.files.leave();
    }

    fn line(&mut self, text: &Text, number: usize, line: &[u8]) {
        let (variables, files) = (&self.variables, &self.files);
        let words = syntax::words(line, |name| {
            let known = variables.get(name).cloned();
            known.unwrap_or_else(|| files.variable(os(name)))
        });
        let Some(words) = words else {
            let origin = Origin::new(&text.path, number, b"");
            if self.is_skipped() {
                return;
            }
            return self.translation.refuse(
                &origin,
                "there is a control character in the line",
                "remove it",
            );
        };
        let Some((first, others)) = words.split_first() else {
            return;
        };
        let origin = Origin::new(&text.path, number, first);
        match syntax::bracket(&words) {
            Some(Bracket::Open(name, words)) => self.opened(&origin, &name, words),
            Some(Bracket::Close(name)) => self.closed(&origin, &name),
            Some(Bracket::Broken) if self.is_skipped() => {}
            Some(Bracket::Broken) => {
                self.translation.refuse(
                    &origin,
                    "no > ends the line",
                    "write <Name ...> or </Name>",
                );
            }
            None if self.is_skipped() => {}
            None => self.directive(&origin, first, others.to_vec()),
        }
    }

    fn is_skipped(&self) -> bool {
        self.open.iter().any(|open| open.holds == Some(Holds::No))
    }

    fn opened(&mut self, origin: &Origin, name: &[u8], words: Vec<Vec<u8>>) {
        let kind = String::from_utf8_lossy(name).to_ascii_lowercase();
        let origin = Origin {
            setting: format!("<{}>", shown(name)),
            ..origin.clone()
        };
        let is_condition = CONDITIONS.contains(&kind.as_str());
        if !table::is_section(name) && !self.is_skipped() {
            let known = table::SECTIONS;
            let shown = Origin {
                setting: shown(name),
                ..origin.clone()
            };
            let near = nearest(&shown.setting, known);
            let cure = near.map_or("remove it".to_owned(), |name| {
                format!("did you mean <{name}>?")
            });
            self.translation.refuse(&origin, "unknown section", &cure);
        }
        if self.open.len() >= DEEPEST {
            // What follows is read as if the section were not there, and nothing starts anyway.
            return self.translation.refuse(
                &origin,
                "too many sections within each other",
                "remove some",
            );
        }
        let holds = match is_condition {
            true if self.is_skipped() => Some(Holds::No),
            true => Some(self.condition(&origin, &kind, &words)),
            false => None,
        };
        let around = self.condition_around().and_then(|open| open.holds.clone());
        if let Some(Holds::Only(module) | Holds::Loading(module)) =
            around.filter(|_| !is_condition && !self.is_skipped())
        {
            self.unclear(&origin, &module);
        }
        let section = match is_condition {
            true => None,
            false => Some(Section {
                origin: origin.clone(),
                kind: kind.clone(),
                words,
                items: Vec::new(),
            }),
        };
        self.open.push(Open {
            kind,
            origin,
            holds,
            section,
        });
    }

    /// The innermost condition that leaves anything open.
    fn condition_around(&self) -> Option<&Open> {
        let mut conditions = self.open.iter().rev();
        conditions.find(|open| matches!(open.holds, Some(Holds::Only(_) | Holds::Loading(_))))
    }

    fn unclear(&mut self, origin: &Origin, module: &str) {
        let reason = format!(
            "it depends on mod_{module}, and the file does not tell whether that is loaded"
        );
        let cure = "put it outside of <IfModule>, or remove it";
        self.translation.refuse(origin, &reason, cure);
    }

    fn condition(&mut self, origin: &Origin, kind: &str, words: &[Vec<u8>]) -> Holds {
        let word = words.first().map_or(&b""[..], Vec::as_slice);
        let (word, negated) = match word.strip_prefix(b"!") {
            Some(word) => (word, true),
            None => (word, false),
        };
        if words.len() != 1 && kind != "ifversion" || word.is_empty() {
            self.translation
                .refuse(origin, "it takes one name", "write one name behind it");
            return Holds::No;
        }
        let decided = |holds: bool| {
            if holds != negated {
                Holds::Yes
            } else {
                Holds::No
            }
        };
        match kind {
            "ifdefine" => {
                let given = self.choices.defines.iter().map(String::as_bytes);
                let mut names = given.chain(self.defines.iter().map(Vec::as_slice));
                decided(names.any(|name| name == word))
            }
            "ifversion" => {
                self.translation.refuse(
                    origin,
                    "there is no version of ProFTPD here to compare",
                    "keep the lines that are for yours, outside of the section",
                );
                Holds::No
            }
            _ => {
                let name = module_name(word);
                let known = EVERYWHERE.contains(&name.as_str()) || self.loaded.contains(&name);
                match (known, negated) {
                    (true, _) => decided(true),
                    (false, false) => Holds::Only(name),
                    (false, true) => Holds::Loading(name),
                }
            }
        }
    }

    fn closed(&mut self, origin: &Origin, name: &[u8]) {
        let kind = String::from_utf8_lossy(name).to_ascii_lowercase();
        match self.open.pop() {
            Some(open) if open.kind == kind => {
                let was_skipped = self.is_skipped();
                if let Some(section) = open.section.filter(|_| !was_skipped) {
                    self.put(Item::Section(section));
                }
            }
            Some(open) => {
                let reason = format!("it closes no section: <{}> is open", open.kind);
                self.open.push(open);
                self.translation
                    .refuse(origin, &reason, "close the inner section first");
            }
            None => self
                .translation
                .refuse(origin, "it closes no section", "remove it"),
        }
    }

    fn put(&mut self, item: Item) {
        let section = self
            .open
            .iter_mut()
            .rev()
            .find_map(|open| open.section.as_mut());
        match section {
            Some(section) => section.items.push(item),
            None => self.items.push(item),
        }
    }

    fn directive(&mut self, origin: &Origin, name: &[u8], words: Vec<Vec<u8>>) {
        let Some(known) = table::find(name) else {
            return self.translation.unknown(origin, table::keys());
        };
        // What an included file says is looked at line by line, and loading a module changes nothing here.
        let is_free = matches!(known.key, "Include" | "LoadModule");
        let around = self.condition_around().and_then(|open| open.holds.clone());
        match around.filter(|_| !is_free) {
            Some(Holds::Only(module))
                if known.module != module && !table::belongs(known.module, &module) =>
            {
                return self.unclear(origin, &module);
            }
            Some(Holds::Loading(module)) => return self.unclear(origin, &module),
            _ => {}
        }
        if words.is_empty() && !STAND_ALONE.contains(&known.key) {
            let cure = format!("write {} behind it", known.value);
            return self
                .translation
                .refuse(origin, "its value is missing", &cure);
        }
        match known.key {
            "Include" => self.include(origin, &words),
            "Define" => {
                self.defines.extend(words.into_iter().take(1));
                self.translation.nothing(origin, "a name for <IfDefine>");
            }
            "SetEnv" | "UnsetEnv" => {
                let set = words.get(1).filter(|_| known.key == "SetEnv");
                let value = set.cloned().unwrap_or_default();
                self.variables.insert(words[0].clone(), value);
                let why = "the environment is the server's own; %{env:} in this file sees it";
                self.translation.ignore(origin, why);
            }
            "LoadModule" => {
                self.loaded.push(module_name(&words[0]));
                let why = "there are no modules; what a module is asked to do is decided setting by setting";
                self.translation.nothing(origin, why);
            }
            key => self.put(Item::Directive(Directive {
                origin: origin.clone(),
                key,
                words,
            })),
        }
    }

    fn include(&mut self, origin: &Origin, words: &[Vec<u8>]) {
        let path = Path::new(os(&words[0]));
        if !path.is_absolute() {
            return self.translation.refuse(
                origin,
                "the path is not absolute",
                "write a path from / on",
            );
        }
        let is_pattern = words[0].iter().any(|byte| b"*?[".contains(byte));
        match is_pattern {
            true => {
                for path in self.matching(origin, path) {
                    self.included(origin, &path);
                }
            }
            false => self.included(origin, path),
        }
    }

    /// A file, or every file of a folder; what is not there is skipped, as ProFTPD does.
    fn included(&mut self, origin: &Origin, path: &Path) {
        let names = match self.files.is_folder(path) {
            false => None,
            true => match self.files.names(path) {
                Ok(names) => Some(names),
                Err(why) => return refuse_unusable(self.translation, origin, path, &why),
            },
        };
        let paths: Vec<PathBuf> = match &names {
            None => vec![path.to_owned()],
            Some(names) => {
                let paths = names.iter().map(|name| path.join(name));
                paths.filter(|path| self.files.is_file(path)).collect()
            }
        };
        for path in paths {
            match self.files.read(&path) {
                Ok(text) => self.file(&text),
                Err(why) if why.is_missing => {
                    let path = shown_path(&path);
                    self.translation
                        .ignore(origin, &format!("there is no {path}"));
                }
                Err(why) => refuse_unusable(self.translation, origin, &path, &why),
            }
        }
    }

    /// The paths a pattern stands for, in the order of their names.
    fn matching(&mut self, origin: &Origin, pattern: &Path) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::from("/")];
        for part in pattern.components().skip(1) {
            let part = part.as_os_str();
            let bytes = part.as_encoded_bytes();
            if !bytes.iter().any(|byte| b"*?[".contains(byte)) {
                for path in &mut found {
                    path.push(part);
                }
                continue;
            }
            let Ok(glob) = Glob::new(bytes) else {
                self.translation
                    .refuse(origin, "the pattern is too long", "shorten it");
                return Vec::new();
            };
            let hidden = bytes.starts_with(b".");
            let mut next = Vec::new();
            for folder in &found {
                let names = match self.files.names(folder) {
                    Ok(names) => names,
                    Err(why) if why.is_missing => continue,
                    Err(why) => {
                        refuse_unusable(self.translation, origin, folder, &why);
                        continue;
                    }
                };
                let fits = |name: &&std::ffi::OsString| {
                    let name = name.as_encoded_bytes();
                    (hidden || !name.starts_with(b".")) && glob.matches(name)
                };
                next.extend(names.iter().filter(fits).map(|name| folder.join(name)));
            }
            found = next;
        }
        found.retain(|path| self.files.is_on_disk(path));
        if found.is_empty() {
            self.translation.ignore(origin, "no file fits the pattern");
        }
        found
    }
}

/// `mod_tls.c` as `tls`.
fn module_name(word: &[u8]) -> String {
    let name = String::from_utf8_lossy(word);
    let name = name.strip_prefix("mod_").unwrap_or(&name);
    name.strip_suffix(".c").unwrap_or(name).to_owned()
}
