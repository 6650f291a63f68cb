//! Each configuration below `corpus/DIALECT` becomes the flags that stand beside it, or is refused in the lines that stand
//! beside it.
//!
//! `NAME.conf` (or a folder `NAME`) goes with `NAME.flags`, one flag a line, or with `NAME.errors`, what is printed when it
//! is refused; `NAME.warnings`, if it is there, is what is printed beside the flags. In `.flags`, the line
//! `-l (system users)` stands for the source of accounts Pure-FTPd falls back to, which depends on how the server was built.
//! `NAME.options` holds words for the command line. With WHARF_BLESS=1 in the
//! environment the files are written instead. A file named `NAME.part` is for others to include.

use std::fs;
use std::path::{Path, PathBuf};

use wharf::wrapper::dialects::names;
use wharf::wrapper::translation::has_source;

use crate::support::{copy, folder, run};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/corpus");

/// What depends on how the server was built.
fn for_this_build(text: &str) -> String {
    let method = if has_source("pam") {
        "-l pam"
    } else {
        "-l unix"
    };
    text.replace("-l (system users)", method)
}

/// Compares with a file that may be missing, which is told; or replaces it when asked to.
fn differs(path: &Path, said: &str, may_be_missing: bool) -> Option<String> {
    let found = fs::read_to_string(path);
    if may_be_missing && found.is_err() {
        return None;
    }
    let expected = found.unwrap_or_default();
    if for_this_build(&expected) == said {
        return None;
    }
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(path, said).expect("corpus");
        return None;
    }
    Some(format!("{}:\n{said}", path.display()))
}

/// What is wrong with one configuration.
fn judge(dialect: &str, place: &Path, name: &str, source: &Path) -> Option<String> {
    let beside = |end: &str| source.with_file_name(format!("{name}.{end}"));
    let file = source.file_name()?.to_str()?;
    let options = fs::read_to_string(beside("options")).unwrap_or_default();
    let mut words = vec!["--dialect", dialect, "--printlines", file];
    words.extend(options.split_whitespace());
    let said = run(place, &words);
    let flags: Vec<&str> = said
        .out
        .lines()
        .map(|line| line.split('\t').next().unwrap_or(line))
        .collect();
    let flags: String = flags.iter().map(|flag| format!("{flag}\n")).collect();
    let err = said.err.replace("wharf-config: ", "");
    let errors = beside("errors");
    if said.status == 0 {
        if errors.exists() {
            return Some(format!("{} was taken:\n{flags}", source.display()));
        }
        return differs(&beside("flags"), &flags, false)
            .or_else(|| differs(&beside("warnings"), &err, true));
    }
    if beside("flags").exists() {
        return Some(format!("{} was refused:\n{err}", source.display()));
    }
    if said.status != 78 {
        return Some(format!("{}: status {}", source.display(), said.status));
    }
    differs(&errors, &err, false)
}

fn configurations(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).expect("corpus");
    let mut found: Vec<(String, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.expect("corpus").path();
            let name = path.file_name()?.to_str()?.to_owned();
            match name.strip_suffix(".conf") {
                Some(name) => Some((name.to_owned(), path.clone())),
                None => path.is_dir().then_some((name, path.clone())),
            }
        })
        .collect();
    found.sort();
    found
}

#[test]
fn every_configuration_becomes_what_stands_beside_it() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(CORPUS).expect("corpus") {
        let path = entry.expect("corpus").path();
        let dialect = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        if !path.is_dir() {
            continue;
        }
        assert!(
            names().iter().any(|name| name == dialect),
            "{dialect} is no dialect"
        );
        let place = folder();
        copy(&path, place.path());
        for (name, source) in configurations(&path) {
            seen += 1;
            wrong.extend(judge(dialect, place.path(), &name, &source));
        }
    }
    assert!(seen > 5, "only {seen} configurations");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_dialect_is_found_out_where_it_need_not_be_asked_for() {
    for entry in fs::read_dir(CORPUS).expect("corpus") {
        let path = entry.expect("corpus").path();
        let dialect = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let (name, _) = dialect.split_once(':').unwrap_or((dialect, ""));
        if !path.is_dir() || name == "pureconfig" {
            continue;
        }
        let place = folder();
        copy(&path, place.path());
        for (_, source) in configurations(&path) {
            let file = source
                .file_name()
                .and_then(|file| file.to_str())
                .expect("a name");
            let asked = run(place.path(), &["--dialect", name, "--check", file]);
            let found = run(place.path(), &["--check", file]);
            assert_eq!(found.out, asked.out, "{}: {}", source.display(), found.err);
        }
    }
}
