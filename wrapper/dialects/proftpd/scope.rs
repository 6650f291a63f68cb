//! The settings of one place, asked for by name; each is spoken of once.

use super::sections::{Directive, Item, Section};
use super::table::{self, Does, Module};
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Origin, Translation};

/// Of repeated settings of these ProFTPD takes the first (seen in 1.3.8).
const FIRST: [&str; 4] = ["AllowOverwrite", "DefaultRoot", "MaxClients", "Umask"];

/// And of these the last, as they are numbers of the server itself.
const LAST: [&str; 1] = ["Port"];

/// Settings of one place, and those of places around it that count where it says nothing.
pub(super) struct Scope {
    pub(super) own: Vec<Directive>,
    pub(super) around: Vec<Directive>,
    pub(super) sections: Vec<Section>,
    pub(super) sections_around: Vec<Section>,
    /// The file, for what no line says.
    pub(super) whole: Origin,
}

impl Scope {
    pub(super) fn new(whole: Origin, own: Vec<Item>, around: Vec<Item>) -> Scope {
        let ((own, sections), (around, sections_around)) = (apart(own), apart(around));
        Scope {
            own,
            around,
            sections,
            sections_around,
            whole,
        }
    }

    /// All directives.
    pub(super) fn all(&self) -> impl Iterator<Item = &Directive> {
        self.own.iter().chain(&self.around)
    }

    /// All of this name, those that count first in front.
    pub(super) fn every(&self, key: &str) -> Vec<Directive> {
        let own: Vec<Directive> = of(&self.own, key);
        match own.is_empty() {
            true => of(&self.around, key),
            false => own,
        }
    }

    /// The one that counts; what is said of the others is said here.
    pub(super) fn pick(&self, key: &str, translation: &mut Translation) -> Option<Directive> {
        let mut own = of(&self.own, key);
        let mut around = of(&self.around, key);
        if own.is_empty() {
            std::mem::swap(&mut own, &mut around);
        }
        for other in &around {
            translation.nothing(&other.origin, "the server's own setting goes before");
        }
        if LAST.contains(&key) {
            own.reverse();
        }
        let mut all = own.into_iter();
        let chosen = all.next()?;
        for other in all {
            if other.words == chosen.words {
                translation.nothing(&other.origin, "said already");
            } else if FIRST.contains(&key) {
                translation.ignore(&other.origin, "ProFTPD takes the first of several");
            } else if LAST.contains(&key) {
                translation.ignore(&other.origin, "ProFTPD takes the last of several");
            } else {
                translation.refuse(
                    &other.origin,
                    "it is set twice, with different values",
                    "remove one of them",
                );
            }
        }
        Some(chosen)
    }

    /// A setting that is on or off, and where that comes from.
    pub(super) fn on(
        &self,
        key: &str,
        default: bool,
        translation: &mut Translation,
    ) -> (bool, Origin) {
        match self.pick(key, translation) {
            None => (default, self.unset(key)),
            Some(directive) => match directive.on() {
                Some(on) => (on, directive.origin),
                None => {
                    refuse_value(&directive, "write on or off", translation);
                    (default, directive.origin)
                }
            },
        }
    }

    /// Stands for a setting that is not there.
    pub(super) fn unset(&self, key: &str) -> Origin {
        Origin {
            setting: format!("({key} is not set)"),
            ..self.whole.clone()
        }
    }

    /// What is said of directives that stand for themselves, and of whole modules.
    pub(super) fn say_simple(&self, translation: &mut Translation) {
        for directive in self.all() {
            let origin = &directive.origin;
            let Some(known) = table::find(directive.key.as_bytes()) else {
                continue;
            };
            match known.does {
                Does::Combined => {}
                Does::Nothing(why) => translation.nothing(origin, why),
                Does::Ignored(why) => translation.ignore(origin, why),
                Does::Refused(reason, cure) => translation.refuse(origin, reason, cure),
                Does::Module(module) => self.say_module(module, directive, translation),
            }
        }
    }

    fn say_module(&self, module: &Module, directive: &Directive, translation: &mut Translation) {
        let origin = &directive.origin;
        let engine = module.engine.unwrap_or_default();
        let said = self.every(engine);
        // With any other word the module may work, and it is not known how.
        let is_on = said.iter().any(|directive| directive.on() != Some(false))
            || said.is_empty() && module.is_on;
        if !is_on {
            let why = match directive.key == engine {
                true => "off, as without it".to_owned(),
                false => format!("without effect, as {engine} is not on"),
            };
            return translation.nothing(origin, &why);
        }
        if module.cure.is_empty() {
            return translation.ignore(origin, module.reason);
        }
        // One refusal is enough for a module that is off or on as a whole.
        let first = self
            .all()
            .find(|other| of_module(other, module) && (said.is_empty() || other.key == engine));
        match first {
            Some(first) if first.origin != *origin => {
                let why = format!("see {}", first.origin.setting);
                translation.nothing(origin, &why);
            }
            _ => translation.refuse(origin, module.reason, module.cure),
        }
    }
}

fn apart(items: Vec<Item>) -> (Vec<Directive>, Vec<Section>) {
    let (mut directives, mut sections) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Directive(directive) => directives.push(directive),
            Item::Section(section) => sections.push(section),
        }
    }
    (directives, sections)
}

fn of_module(directive: &Directive, module: &Module) -> bool {
    matches!(table::find(directive.key.as_bytes()).map(|known| known.does),
        Some(Does::Module(other)) if std::ptr::eq(other, module))
}

fn of(directives: &[Directive], key: &str) -> Vec<Directive> {
    let named = directives.iter().filter(|directive| directive.key == key);
    named.cloned().collect()
}

/// Refuses a value with what to write instead.
pub(super) fn refuse_value(directive: &Directive, cure: &str, translation: &mut Translation) {
    let reason = format!("'{}' is no value for it", shown(&directive.text()));
    translation.refuse(&directive.origin, &reason, cure);
}

/// Whether anything was said of it.
pub(super) fn is_told(origin: &Origin, translation: &Translation) -> bool {
    let mut findings = translation.findings.iter();
    findings.any(|finding| finding.origin == *origin)
}

/// Speaks of a setting that needs no flag, unless it is not there.
pub(super) fn fine(origin: &Origin, why: &str, translation: &mut Translation) {
    if origin.line.is_some() {
        translation.nothing(origin, why);
    }
}
