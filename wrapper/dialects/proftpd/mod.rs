//! proftpd.conf, of ProFTPD 1.3.
//!
//! [`syntax`] takes lines apart, [`sections`] makes a tree of them, [`servers`] picks the server to run. [`combine`] asks in
//! turn what its settings mean together: [`places`] about its sections, [`process`], [`network`], [`limits`] and [`logins`]
//! for who may log in, [`accounts`] for where users come from and are kept, [`files`] and [`commands`] for what they may
//! do, [`bounds`] for times, counts and rates, [`looks`] with [`patterns`], [`tls`], and [`anonymous`] for `<Anonymous>`.
//! [`scope`] finds the setting that counts, and [`table`] knows every directive.
//!
//! ProFTPD is stricter than this server where nothing is said: no overwriting, no appending, a shell from /etc/shells,
//! nobody of /etc/ftpusers. Such defaults become flags although no line asks for them. A directive that nothing here has
//! spoken of at the end is refused, so none gets lost.
//!
//! Followed: ProFTPD 1.3.8 as Debian 12 builds it, its documentation and its behaviour.

mod accounts;
mod anonymous;
mod bounds;
mod combine;
mod commands;
mod files;
mod limits;
mod logins;
mod looks;
mod network;
mod patterns;
mod places;
mod process;
mod scope;
mod sections;
mod servers;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod tls;

use super::{Choices, Dialect, text_of};
use crate::wrapper::files::{Files, Source, Text};
use crate::wrapper::translation::Translation;

/// The file of ProFTPD.
pub(super) const PROFTPD: Dialect = Dialect {
    name: "proftpd",
    variants: &[],
    sentence: "proftpd.conf, of ProFTPD 1.3",
    takes: &["host", "define"],
    recognise: |source, _| match source {
        Source::File(text) => known_lines(text),
        Source::Folder(_) => 0,
    },
    read,
    rows: table::rows,
};

/// How many lines begin with a directive or a section of ProFTPD.
fn known_lines(text: &Text) -> usize {
    let known = |line: &[u8]| {
        let Some(words) = syntax::words(line, |_| Vec::new()) else {
            return false;
        };
        match syntax::bracket(&words) {
            Some(syntax::Bracket::Open(name, _) | syntax::Bracket::Close(name)) => {
                table::is_section(&name)
            }
            Some(syntax::Bracket::Broken) => false,
            None => match words.as_slice() {
                [] => false,
                [key] => key.ends_with(b"All") && table::find(key).is_some(),
                [key, ..] => table::find(key).is_some(),
            },
        }
    };
    text.lines().filter(|(_, line)| known(line)).count()
}

fn read(source: &Source, files: &mut Files, choices: &Choices, translation: &mut Translation) {
    let Some(text) = text_of(source, translation) else {
        return;
    };
    let items = sections::read(text, files, choices, translation);
    let Some(server) = servers::choose(&text.path, items, choices, translation) else {
        return;
    };
    combine::run(server, files, translation);
}
