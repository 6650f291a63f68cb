//! The sections of a server taken apart: those about commands, the one for anonymous clients, and those for directories, of
//! which only one for everything there is can be expressed.

use super::limits::{self, Level};
use super::scope::{Scope, is_told};
use super::sections::{Directive, Item, Section};
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Origin, Translation};

/// ``<Anonymous>``, with what is in it apart.
pub(super) struct Anonymous {
    pub(super) section: Section,
    pub(super) scope: Scope,
    pub(super) parts: Sections,
}

/// The sections of a server, apart.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) anonymous: Option<Section>,
    pub(super) limits: Level,
    pub(super) limits_around: Level,
    /// Of `<Directory>` sections for everything there is.
    pub(super) limits_of_tree: Level,
    pub(super) tree: Vec<Directive>,
    has_tree: bool,
}

/// Takes the sections of a server apart, and refuses those that cannot be expressed.
pub(super) fn sections(scope: &mut Scope, translation: &mut Translation) -> Sections {
    let mut parts = Sections::default();
    let keeps_homes = scope
        .every("DefaultRoot")
        .first()
        .is_some_and(|root| root.words.len() == 1 && matches!(root.word(0), b"~" | b"~/"));
    let own = std::mem::take(&mut scope.sections);
    let around = std::mem::take(&mut scope.sections_around);
    let own = own.into_iter().map(|section| (section, false));
    let around = around.into_iter().map(|section| (section, true));
    for (section, is_around) in own.chain(around) {
        match section.kind.as_str() {
            "limit" => {
                let limit = limits::read(&section, translation);
                match is_around {
                    true => parts.limits_around.push(limit),
                    false => parts.limits.push(limit),
                }
            }
            "anonymous" if parts.anonymous.is_some() => translation.refuse(
                &section.origin,
                "there is another <Anonymous>, and anonymous clients have one root",
                "keep one, and make accounts with homes they are kept in of the others",
            ),
            "anonymous" => parts.anonymous = Some(section),
            "directory" => {
                let is_tree = |path: &[u8]| match path {
                    b"/" | b"/*" => true,
                    b"~" | b"~/" | b"~/*" => keeps_homes,
                    _ => false,
                };
                directory(section, is_tree, &mut parts, translation);
            }
            "class" => translation.nothing(
                &section.origin,
                "it counts where a setting names the class, which is refused there",
            ),
            _ => refuse_section(&section, translation),
        }
    }
    parts
}

/// The sections within `<Anonymous>`, where directives outside of it do not count.
pub(super) fn anonymous(
    section: &Section,
    whole: &Origin,
    translation: &mut Translation,
) -> Anonymous {
    let mut parts = Sections::default();
    let mut scope = Scope::new(whole.clone(), section.items.clone(), Vec::new());
    for section in std::mem::take(&mut scope.sections) {
        match section.kind.as_str() {
            "limit" => parts.limits.push(limits::read(&section, translation)),
            "directory" => {
                let is_tree = |path: &[u8]| matches!(path, b"*" | b"/" | b"/*");
                directory(section, is_tree, &mut parts, translation);
            }
            _ => refuse_section(&section, translation),
        }
    }
    scope.own.extend(parts.tree.iter().cloned());
    Anonymous {
        section: section.clone(),
        scope,
        parts,
    }
}

fn refuse_section(section: &Section, translation: &mut Translation) {
    if is_told(&section.origin, translation) {
        return;
    }
    let (reason, cure) = match section.kind.as_str() {
        kind if kind.starts_with("if") => (
            "settings for some users only cannot be expressed",
            "remove the section, or give those users limits of their own with wharf-pw",
        ),
        _ => ("it does not belong here", "move it or remove it"),
    };
    translation.refuse(&section.origin, reason, cure);
}

/// Settings of `<Directory>` that mean the same for the server when they are for all of it.
const OF_TREE: [&str; 4] = ["AllowOverwrite", "HideFiles", "HideNoAccess", "Umask"];

fn directory(
    section: Section,
    is_tree: impl Fn(&[u8]) -> bool,
    parts: &mut Sections,
    translation: &mut Translation,
) {
    let path = section.words.first().map_or(&b""[..], Vec::as_slice);
    if section.words.len() != 1 || !is_tree(path) {
        let reason = format!(
            "rules for {} alone cannot be expressed",
            shown(&section.words.join(&b' '))
        );
        let cure =
            "let the owner and mode of the directory say it (chown, chmod), and remove the section";
        return translation.refuse(&section.origin, &reason, cure);
    }
    if std::mem::replace(&mut parts.has_tree, true) {
        return translation.refuse(
            &section.origin,
            "there is another section for everything there is",
            "make one of them",
        );
    }
    translation.nothing(&section.origin, "it is for everything there is");
    // A star does not stand for the directory it is in, so what is denied there still works in that one.
    let is_below = path.ends_with(b"*");
    for item in section.items {
        match item {
            Item::Directive(directive) if OF_TREE.contains(&directive.key) => {
                parts.tree.push(directive);
            }
            Item::Section(inner) if inner.kind == "limit" => {
                let only_writes = inner.words.iter().all(|word| {
                    let name = String::from_utf8_lossy(word).to_ascii_uppercase();
                    name == "WRITE" || limits::changes_files(&name)
                });
                if is_below && !only_writes {
                    translation.refuse(
                        &inner.origin,
                        "the directory itself is left out by the star",
                        "write the section without <Directory>, or only for commands that change files",
                    );
                }
                parts.limits_of_tree.push(limits::read(&inner, translation));
            }
            Item::Directive(directive) => translation.refuse(
                &directive.origin,
                "it cannot be expressed for directories",
                "move it out of <Directory> or remove it",
            ),
            Item::Section(inner) => refuse_section(&inner, translation),
        }
    }
}
