//! Targets for fuzzing: any bytes as a configuration, in any dialect.
//!
//! What must hold: nothing panics; whatever is said fits on a line; every flag that comes out is one the server takes, with
//! its value; the same bytes give the same result. A loop below drives the targets on every run of the tests; `fuzz/` drives
//! them with cargo-fuzz.

use super::dialects::{DIALECTS, Dialect, debian, named, translate_bytes};
use super::translation::{Outcome, Translation, parse};

/// Bytes as a file in the dialect of this name, with nothing of the machine looked at. For `debian` the first line names
/// the file of the folder, or is `defaults`.
///
/// # Panics
/// When there is no such dialect, or something that must hold does not.
pub fn config_target(dialect: &str, data: &[u8]) {
    let (dialect, _) = named(dialect).expect("a dialect");
    let translation = translate(dialect, data);
    check(&translation);
    let again = translate(dialect, data);
    assert_eq!(translation.flags, again.flags);
    assert_eq!(translation.findings, again.findings);
}

fn translate(dialect: &Dialect, data: &[u8]) -> Translation {
    match dialect.name {
        "debian" => debian::translate_setting(data),
        _ => translate_bytes(dialect, data),
    }
}

fn check(translation: &Translation) {
    for flag in &translation.flags {
        let taken = parse(flag.words());
        assert!(taken.is_ok(), "{flag:?}: {taken:?}");
    }
    for finding in &translation.findings {
        let text = match &finding.outcome {
            Outcome::Nothing(text)
            | Outcome::Ignored(text)
            | Outcome::Warned(text)
            | Outcome::Refused(text) => text,
            Outcome::Flag(_) => "",
        };
        let line = format!("{}{text}", finding.origin);
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

/// Names of all dialects, for whoever drives them all.
pub fn all() -> impl Iterator<Item = &'static str> {
    DIALECTS.iter().map(|dialect| dialect.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that configurations are made of, besides the keys of the dialects.
    const PIECES: &[&[u8]] = &[
        b" ",
        b"\n",
        b"\t",
        b"=",
        b":",
        b",",
        b"\"",
        b"#",
        b"<",
        b">",
        b"</",
        b"\\\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"yes",
        b"no",
        b"on",
        b"NO",
        b"YES",
        b"0",
        b"1",
        b"-1",
        b"022",
        b"133:022",
        b"30000 50000",
        b"99999999999999999999",
        b"/etc/x",
        b"~",
        b"%{env:X}",
        b"clf:/x",
        b"192.0.2.1",
        b"Include",
        b"file",
        b"*",
        b"IfModule",
        b"Anonymous",
        b"Limit",
        b"defaults\n",
    ];

    fn soup(dialect: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let (row, _) = named(dialect).expect("a dialect");
        let keys: Vec<Vec<u8>> = (row.rows)()
            .iter()
            .map(|row| row.key.as_bytes().to_vec())
            .collect();
        let pieces: Vec<Vec<u8>> = PIECES.iter().map(|piece| piece.to_vec()).collect();
        let line = (
            prop::sample::select(keys),
            prop::collection::vec(prop::sample::select(pieces), 0..4),
        );
        // The first line of a setting of Debian's folder is its name alone, and vsftpd takes no blank before a value.
        let between = match dialect {
            "debian" => b"\n",
            "vsftpd" => b"=",
            _ => b" ",
        };
        let line = line.prop_map(move |(key, rest)| {
            [key, between.to_vec(), rest.concat(), b"\n".to_vec()].concat()
        });
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
    }

    #[test]
    fn no_bytes_make_a_dialect_panic() {
        for dialect in all() {
            let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
                cases: 60,
                failure_persistence: None,
                ..ProptestConfig::default()
            });
            let any = prop::collection::vec(any::<u8>(), 0..400);
            let bytes = prop_oneof![any, soup(dialect)];
            let result = runner.run(&bytes, |bytes| {
                config_target(dialect, &bytes);
                Ok(())
            });
            assert!(result.is_ok(), "{dialect}: {result:?}");
        }
    }
}
