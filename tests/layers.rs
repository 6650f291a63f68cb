//! The ladder of src/lib.rs holds: what each part of the crate may import, and what it may never touch.
//!
//! The sources are read as tokens, so comments, strings and documentation never count, and a path counts wherever it
//! stands: in a `use` with or without groups, in a signature, in an expression, behind `crate::` or `super::`. Not
//! seen are names that a macro builds and crates imported under another name. Test code obeys the ladder like all
//! other code; only the list of what is never touched leaves it alone. A new part of the crate needs a rung in
//! [`LADDER`].

use std::path::{Path, PathBuf};

/// Each part and the other parts it may import.
const LADDER: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("units", &[]),
    ("reactor", &["sys"]),
    ("proto", &["units"]),
    ("net", &["sys", "units", "reactor"]),
    ("files", &["sys", "units", "reactor"]),
    ("logs", &["sys", "units"]),
    ("board", &["sys", "units"]),
    // Only keeper/link.rs uses the reactor.
    ("keeper", &["sys", "units", "reactor"]),
    ("flags", &["units", "logs"]),
    ("settings", &["units", "logs", "flags"]),
    (
        "session",
        &[
            "sys", "units", "reactor", "proto", "net", "files", "board", "logs", "keeper", "flags",
            "settings",
        ],
    ),
    (
        "server",
        &[
            "sys", "units", "reactor", "proto", "net", "files", "board", "logs", "keeper", "flags",
            "settings", "session",
        ],
    ),
    (
        "tools",
        &[
            "sys", "units", "reactor", "proto", "net", "files", "board", "logs", "keeper", "flags",
            "settings", "session", "server",
        ],
    ),
    // Of the keeper it knows the names of the sources of accounts, of logs how to complain without a terminal.
    (
        "wrapper",
        &["sys", "units", "logs", "keeper", "flags", "settings"],
    ),
];

/// Sockets of the standard library; addresses are free.
const SOCKETS: &[&str] = &[
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::unix::net",
];

/// What a part never touches, besides parts of this crate, outside its tests.
const NEVER: &[(&str, &[&str])] = &[
    ("units", &["mio", "libc", "rustix", "socket2", "std::fs"]),
    ("units", &["std::time::Instant", "std::time::SystemTime"]),
    ("units", SOCKETS),
    ("proto", &["mio", "libc", "rustix", "socket2", "std::fs"]),
    ("proto", &["std::time::Instant", "std::time::SystemTime"]),
    ("proto", SOCKETS),
    ("session", &["mio", "libc", "std::fs"]),
    ("wrapper", &["mio", "libc", "socket2"]),
    ("wrapper", SOCKETS),
    ("session", SOCKETS),
];

/// The only part with unsafe code.
const UNSAFE: &str = "sys";

/// What is wrong with one source file. `name` is its path from the root of the package.
fn offences(name: &str, text: &str) -> Vec<String> {
    let Some(file) = Place::of(name) else {
        return vec![format!("{name} is not a source of the library")];
    };
    let tokens = tokens(text);
    let mut found = ladder_offences(&file, &tokens);
    found.extend(never_offences(&file, &tokens));
    found.extend(unsafe_offences(&file, &tokens));
    found.iter().map(|what| format!("{name} {what}")).collect()
}

/// Where a file stands in the tree of modules.
struct Place {
    /// The part of the crate it belongs to, or `main` for what is built on the library.
    part: String,
    /// How many modules lie between the crate's root and the items of the file.
    depth: usize,
    /// Whether the file is the root of its part.
    is_root: bool,
    /// Whether the whole file is test code.
    is_test: bool,
}

impl Place {
    fn of(name: &str) -> Option<Place> {
        // The wrapper is a part of the library that lies beside src.
        let inside = match name.strip_prefix("src/") {
            Some(inside) => inside,
            None if name.starts_with("wrapper/") => name,
            None => return None,
        };
        let inside = inside.strip_suffix(".rs")?;
        let mut modules: Vec<&str> = inside.split('/').collect();
        let is_test = modules
            .iter()
            .any(|module| ["tests", "fuzz"].contains(module));
        if modules.first() == Some(&"bin") || modules == ["main"] || modules == ["wrapper", "main"]
        {
            modules = vec!["main"];
        }
        if modules.last() == Some(&"mod") {
            modules.pop();
        }
        let depth = modules.len();
        let part = (*modules.first()?).to_owned();
        Some(Place {
            part,
            depth,
            is_root: depth == 1,
            is_test,
        })
    }

    fn is_library_root(&self) -> bool {
        self.part == "lib"
    }

    /// The binaries: built on the library, and free to use all of it.
    fn is_binary(&self) -> bool {
        self.part == "main"
    }
}

fn ladder_offences(file: &Place, tokens: &[String]) -> Vec<String> {
    if file.is_library_root() || file.is_binary() {
        return Vec::new();
    }
    let Some((_, allowed)) = LADDER.iter().find(|(part, _)| *part == file.part) else {
        return vec![format!("has no rung: add `{}` to the ladder", file.part)];
    };
    imported_parts(file, tokens)
        .iter()
        .filter(|part| **part != file.part && !allowed.contains(&part.as_str()))
        .map(|part| format!("imports `{part}`, which `{}` may not", file.part))
        .collect()
}

fn never_offences(file: &Place, tokens: &[String]) -> Vec<String> {
    if file.is_test {
        return Vec::new();
    }
    let paths = paths(&without_tests(tokens));
    let never = NEVER.iter().filter(|(part, _)| *part == file.part);
    never
        .flat_map(|(_, names)| names.iter())
        .filter(|name| paths.iter().any(|path| reaches(path, name)))
        .map(|name| format!("touches `{name}`"))
        .collect()
}

fn unsafe_offences(file: &Place, tokens: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    if file.part == UNSAFE {
        return found;
    }
    if tokens.iter().any(|token| token == "unsafe") {
        found.push("has unsafe code".to_owned());
    }
    if file.is_root && !file.is_library_root() && !forbids_unsafe(tokens) {
        found.push("does not begin with #![forbid(unsafe_code)]".to_owned());
    }
    found
}

fn forbids_unsafe(tokens: &[String]) -> bool {
    let wanted = ["#", "!", "[", "forbid", "(", "unsafe_code", ")", "]"];
    tokens.windows(wanted.len()).any(|window| window == wanted)
}

/// Whether a path is the thing, lies in it, or brings it in with the whole of what holds it (`use std::net;`).
fn reaches(path: &Seen, name: &str) -> bool {
    let name: Vec<&str> = name.split("::").collect();
    let steps: Vec<&str> = path.steps.iter().map(String::as_str).collect();
    let into = steps.len() >= name.len() && steps[..name.len()] == name;
    let whole = path.imported && name.starts_with(&steps);
    into || whole
}

/// The parts of this crate that a file names, through `crate::` or through enough of `super::`.
fn imported_parts(file: &Place, tokens: &[String]) -> Vec<String> {
    let mut parts = Vec::new();
    for path in paths(tokens) {
        let steps = &path.steps;
        let ups = steps.iter().take_while(|step| *step == "super").count();
        let from_root = match steps.first().map(String::as_str) {
            Some("crate") => 1,
            Some("super") if ups == file.depth + path.inline_depth => ups,
            _ => continue,
        };
        // The root itself, imported whole, would let anything through.
        let part = steps.get(from_root).map_or("*", String::as_str);
        parts.push(part.to_owned());
    }
    parts.sort();
    parts.dedup();
    parts
}

/// A path as it stands in the source, its groups taken apart.
struct Seen {
    /// Without a final `self` or `*`.
    steps: Vec<String>,
    /// Whether it stands in a `use`.
    imported: bool,
    /// How many `mod name { }` of the file are around it.
    inline_depth: usize,
}

/// All paths of two steps and more, and those of one step in a `use`.
fn paths(tokens: &[String]) -> Vec<Seen> {
    let mut found = Vec::new();
    // For each open brace, whether it opened a module.
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = begins_path(tokens, at);
        match tokens[at].as_str() {
            "{" => braces.push(at >= 2 && tokens[at - 2] == "mod"),
            "}" => drop(braces.pop()),
            _ => {}
        }
        let in_use = tokens[at] == "use";
        if begins || in_use {
            let from = if in_use { at + 1 } else { at };
            let mut trees = Vec::new();
            at = read_tree(tokens, from, &[], &mut trees);
            let inline_depth = braces.iter().filter(|is_module| **is_module).count();
            found.extend(trees.into_iter().map(|steps| Seen {
                steps,
                imported: in_use,
                inline_depth,
            }));
        } else {
            at += 1;
        }
    }
    found
}

fn begins_path(tokens: &[String], at: usize) -> bool {
    let follows = tokens.get(at + 1).is_some_and(|next| next == "::");
    is_name(&tokens[at]) && follows && !continues_path(&tokens[..at])
}

/// Whether what comes next belongs to the path before it: `a::`, `<A as B>::`, but not a leading `::`.
fn continues_path(before: &[String]) -> bool {
    match before {
        [.., owner, colons] if colons == "::" => is_name(owner) || owner == ">",
        _ => false,
    }
}

/// Reads `a::b::{c, d::e}` from `at` on, adds its paths to `found`, and says where it ends.
fn read_tree(
    tokens: &[String],
    mut at: usize,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut steps = before.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            // A leading `::` names the same crate.
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = read_tree(tokens, at, &steps, found);
                    at = end_of_branch(tokens, at);
                }
                return at + 1;
            }
            Some("self") | Some("*") => {
                found.push(steps);
                return at + 1;
            }
            Some(name) if is_name(name) => {
                steps.push(name.to_owned());
                at += 1;
                if tokens.get(at).is_none_or(|next| next != "::") {
                    found.push(steps);
                    return at;
                }
            }
            _ => {
                found.push(steps);
                return at;
            }
        }
    }
}

/// Behind the comma that ends this branch of a group, or at the brace that ends the group; skips `as name`.
fn end_of_branch(tokens: &[String], from: usize) -> usize {
    let ends = |token: &String| token == "," || token == "}";
    let end = tokens.iter().skip(from).position(ends);
    let end = end.map_or(tokens.len(), |end| from + end);
    let comma = tokens.get(end).is_some_and(|token| token == ",");
    end + usize::from(comma)
}

/// The tokens without items and blocks that stand behind `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(&marker.map(str::to_owned)) {
            at = end_of_item(tokens, at + marker.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Behind the semicolon or the closing brace that ends the item at `at`.
fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut open = 0usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.as_str() {
            "{" | "(" | "[" => open += 1,
            "}" | ")" | "]" => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && (token == "}" || token == ";") {
            return at;
        }
    }
    at
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single marks; no comment, no string, no number.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            '\'' => char_or_lifetime(rest),
            _ if raw_string(rest).is_some() => raw_string(rest).unwrap_or(rest.len()),
            _ if first.is_whitespace() => first.len_utf8(),
            _ if first.is_ascii_digit() => word(rest),
            _ => {
                let token = mark_or_name(rest);
                found.push(token.to_owned());
                token.len()
            }
        };
        rest = &rest[length..];
    }
    found
}

fn mark_or_name(rest: &str) -> &str {
    let length = match word(rest) {
        0 if rest.starts_with("::") => 2,
        0 => rest.chars().next().map_or(0, char::len_utf8),
        length => length,
    };
    &rest[..length]
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let mut open = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        match (here.starts_with(b"/*"), here.starts_with(b"*/")) {
            (true, _) => open += 1,
            (_, true) => open -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if open == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of `r"..."`, `r#"..."#` and their forms with a `b` or `c`, if one begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let behind = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix("cr"))
        .or_else(|| rest.strip_prefix('r'))?;
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    let body = behind[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&closing)? + closing.len();
    Some(rest.len() - body.len() + end)
}

/// A character, or the mark of a lifetime, whose name then counts as a name of no path.
fn char_or_lifetime(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    let (first, second) = (chars.next(), chars.next());
    match (first, second) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            rest[from..]
                .find('\'')
                .map_or(rest.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("src") {
        let path = entry.expect("src").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_source_keeps_to_its_rung() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&package.join("src"), &mut files);
    sources(&package.join("wrapper"), &mut files);
    assert!(files.len() > 40, "only {} files found", files.len());
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("source");
        let name = file
            .strip_prefix(package)
            .expect("inside")
            .to_string_lossy();
        all.extend(offences(&name, &text));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn each_rung_is_above_those_it_imports() {
    for (place, (part, imports)) in LADDER.iter().enumerate() {
        for import in *imports {
            let above = LADDER[..place].iter().any(|(other, _)| other == import);
            assert!(above, "{part} imports {import}, which does not stand above");
        }
    }
}

mod checker {
    use super::offences;

    /// Asserts that the text in that file is wrong in one way, and that its description holds `what`.
    #[track_caller]
    fn refused(name: &str, text: &str, what: &str) {
        let found = offences(name, text);
        assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
    }

    #[track_caller]
    fn accepted(name: &str, text: &str) {
        assert_eq!(offences(name, text), Vec::<String>::new());
    }

    #[test]
    fn an_import_from_below_is_found() {
        refused("src/units/a.rs", "use crate::sys::host;", "imports `sys`");
        refused("src/sys/a.rs", "use crate::units;", "imports `units`");
        refused("src/reactor/a.rs", "use crate::units::Size;", "`units`");
        refused("src/proto/a.rs", "use crate::logs::escape;", "`logs`");
        refused("src/net/a.rs", "use crate::proto::line;", "`proto`");
        refused("src/files/a.rs", "use crate::proto::path;", "`proto`");
        refused("src/logs/a.rs", "use crate::reactor::Handle;", "`reactor`");
        refused(
            "src/flags/a.rs",
            "use crate::settings::Network;",
            "`settings`",
        );
        refused(
            "src/flags/a.rs",
            "use crate::session::Session;",
            "`session`",
        );
        refused("src/session/a.rs", "use crate::server::start;", "`server`");
        refused("wrapper/a.rs", "use crate::session::Session;", "`session`");
        refused("wrapper/b/a.rs", "use super::super::super::net;", "`net`");
        accepted("wrapper/b/a.rs", "use super::super::files::Text;");
        refused("wrapper/mod.rs", "", "does not begin with");
        refused("wrapper/main.rs", "", "does not begin with");
        accepted("src/server/a.rs", "use crate::session::Session;");
        accepted("src/net/a.rs", "use crate::{sys, units, reactor};");
    }

    #[test]
    fn an_import_from_the_side_is_found() {
        refused("src/net/a.rs", "use crate::files::Tree;", "`files`");
        refused("src/files/a.rs", "use crate::logs::Severity;", "`logs`");
    }

    #[test]
    fn groups_are_taken_apart() {
        let text = "use crate::{units::{Size, Rate}, sys::{self, host}, proto::line::*};";
        refused("src/net/a.rs", text, "imports `proto`");
        refused("src/net/a.rs", "use {std::fmt, crate::proto};", "`proto`");
        let renamed = "use crate::{sys::A as B, proto as text, units::{C as D,},};";
        refused("src/net/a.rs", renamed, "imports `proto`");
    }

    #[test]
    fn paths_in_code_count_like_imports() {
        let text = "fn f(a: &crate::session::Session) -> u8 { crate::units::f(a)[0] }";
        refused("src/files/a.rs", text, "imports `session`");
        refused(
            "src/net/a.rs",
            "type A = Vec<crate::proto::Line>;",
            "`proto`",
        );
        refused(
            "src/net/a.rs",
            "pub(in crate::session) fn f() {}",
            "`session`",
        );
    }

    #[test]
    fn ways_around_crate_are_found() {
        refused(
            "src/files/a.rs",
            "use super::super::proto::path;",
            "`proto`",
        );
        refused(
            "src/settings.rs",
            &forbidding("use super::server;"),
            "`server`",
        );
        let inline = "mod inner { mod deeper { use super::super::super::super::proto; } }";
        refused("src/files/a.rs", inline, "`proto`");
        refused("src/units/a.rs", "use crate::*;", "imports `*`");
        refused("src/units/a.rs", "use crate as whole;", "imports `*`");
    }

    #[test]
    fn super_within_a_part_is_no_import() {
        accepted("src/files/deep/a.rs", "use super::super::proto;");
        accepted("src/files/a.rs", "mod tests { use super::super::resolve; }");
        accepted(
            "src/files/a.rs",
            "use super::resolve; fn f() { super::g() }",
        );
    }

    #[test]
    fn the_ladder_holds_in_tests_as_well() {
        let text = "#[cfg(test)] mod tests { use crate::server::start; }";
        refused("src/session/a.rs", text, "imports `server`");
    }

    #[test]
    fn a_part_without_a_rung_is_found() {
        refused("src/extras/a.rs", "", "has no rung");
        refused(
            "src/files/a.rs",
            "use crate::extras::A;",
            "imports `extras`",
        );
        assert_eq!(offences("benches/a.rs", "").len(), 1);
    }

    #[test]
    fn comments_and_text_are_not_code() {
        let text = r##"
            //! [`crate::session`] is not imported, nor is anything unsafe
            /* use crate::server; /* unsafe */ use crate::session; */
            fn f<'a>(x: &'a str) -> &'static str { let c = ['"', '\'', '\\']; "use crate::proto; \" unsafe" }
            const RAW: &[u8] = br#"unsafe { crate::session::f() }"#;
        "##;
        accepted("src/net/a.rs", text);
        let behind = format!("{text} use crate::proto;");
        refused("src/net/a.rs", &behind, "imports `proto`");
    }

    #[test]
    fn what_a_session_never_touches_is_found() {
        refused("src/session/a.rs", "use mio::Token;", "touches `mio`");
        refused("src/session/a.rs", "use mio;", "touches `mio`");
        refused("src/session/a.rs", "fn f() { ::libc::getuid(); }", "`libc`");
        refused("src/session/a.rs", "use std::{fmt, fs::File};", "`std::fs`");
        refused("src/session/a.rs", "use std::fs;", "`std::fs`");
        let tcp = "use std::net::{IpAddr, TcpStream};";
        refused("src/session/a.rs", tcp, "`std::net::TcpStream`");
        let listen = "fn f() { std::net::TcpListener::bind(a) }";
        refused("src/session/a.rs", listen, "`std::net::TcpListener`");
        refused("src/session/a.rs", "type A = std::net::UdpSocket;", "Udp");
        refused("src/session/a.rs", "use std::os::unix::net::A;", "unix");
        assert!(!offences("src/session/a.rs", "use std::net::*;").is_empty());
        assert!(!offences("src/session/a.rs", "use std::net as n;").is_empty());
        accepted("src/session/a.rs", "use std::net::{IpAddr, SocketAddr};");
        accepted("src/session/a.rs", "use std::io; use rustix::io::Errno;");
        accepted("src/server/a.rs", "use std::fs;");
    }

    #[test]
    fn pure_parts_touch_no_file_and_no_clock() {
        refused("src/proto/a.rs", "use std::time::Instant;", "Instant");
        refused(
            "src/units/a.rs",
            "std::time::SystemTime::now()",
            "SystemTime",
        );
        refused("src/units/a.rs", "use std::fs::File;", "`std::fs`");
        accepted("src/units/a.rs", "use std::time::Duration;");
    }

    #[test]
    fn tests_of_a_session_may_use_files_and_sockets() {
        let text = "#[cfg(test)]\nmod tests { use std::fs; fn f() {} }";
        accepted("src/session/a.rs", text);
        accepted("src/session/tests.rs", "use std::net::TcpStream;");
        let behind = format!("{text} fn f() {{ std::fs::read(a) }}");
        refused("src/session/a.rs", &behind, "touches `std::fs`");
        let one = "#[cfg(test)] mod tests; use std::fs::File;";
        refused("src/session/a.rs", one, "touches `std::fs`");
    }

    #[test]
    fn unsafe_code_is_found_outside_sys_only() {
        let text = "fn f() { unsafe { g() } }";
        refused("src/net/a.rs", text, "has unsafe code");
        refused("src/session/tests.rs", text, "has unsafe code");
        refused("src/lib.rs", text, "has unsafe code");
        accepted("src/sys/a.rs", text);
    }

    fn forbidding(text: &str) -> String {
        format!("//! Words.\n#![forbid(unsafe_code)]\n{text}")
    }

    #[test]
    fn the_root_of_a_part_must_forbid_unsafe_code() {
        for root in [
            "src/net/mod.rs",
            "src/settings.rs",
            "src/main.rs",
            "src/bin/a.rs",
        ] {
            refused(root, "#![deny(unsafe_code)]", "does not begin with");
            refused(root, "// #![forbid(unsafe_code)]", "does not begin with");
            accepted(root, &forbidding(""));
        }
        accepted("src/sys/mod.rs", "");
        accepted("src/net/stream.rs", "");
    }
}
