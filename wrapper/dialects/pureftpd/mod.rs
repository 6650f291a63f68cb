//! pure-ftpd.conf, as Pure-FTPd reads it itself (1.0.44 and later) and as the script pure-config read it before.
//!
//! Both knew the same directives and differed in how they took lines apart, so there is one table with a form of the value
//! for each. A third column is for Debian's folder of one file per directive, which is read by `debian`. Where one
//! directive says something about another (of repeated Bind the first host counts, a cipher suite without TLS means
//! nothing), [`finish`] sees to it once everything is read.
//!
//! [`table`] is the table, [`values`] what its forms of values share. A file is read by [`own`] or [`script`], and
//! [`meaning`] makes flags of what was read.
//!
//! Followed: simpleconf of Pure-FTPd 1.0.50 to 1.0.54, pure-config.pl of 1.0.43, pure-ftpd(8).

mod meaning;
mod own;
mod script;
mod table;
#[cfg(test)]
mod tests;
mod values;

use super::Dialect;
use crate::wrapper::files::Source;

pub(super) use meaning::{Seen, apply, finish};
pub(super) use table::{DIRECTIVES, Directive, Form, known, rows};
pub(super) use values::{Value, is_number, on_or_off, refuse_value, two_words};

/// As Pure-FTPd reads its file itself.
pub(super) const OWN: Dialect = Dialect {
    name: "pureftpd",
    variants: &[],
    sentence: "pure-ftpd.conf, as Pure-FTPd 1.0.44 and later reads it itself",
    takes: &[],
    recognise: |source, _| match source {
        Source::File(text) => own::known_lines(text),
        Source::Folder(_) => 0,
    },
    read: own::read,
    rows: || rows(|directive| directive.own),
};

/// As the script read it.
pub(super) const SCRIPT: Dialect = Dialect {
    name: "pureconfig",
    variants: &[],
    sentence: "pure-ftpd.conf, as the script pure-config of Pure-FTPd before 1.0.44 read it; must be asked for",
    takes: &[],
    recognise: |_, _| 0,
    read: script::read,
    rows: || rows(|directive| directive.script),
};
