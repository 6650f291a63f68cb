//! The manual pages and the README's table of flags say what the flags' definition and the dialects' rows say.
//!
//! They are written here from `wharf::flags::definition`, and for wharf-config from its options and its tables, and compared to what is committed; with
//! WHARF_BLESS=1 in the environment they are replaced instead. The frames of the manual pages are
//! written by hand, in mdoc(7).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wharf::flags::{Flags, definition};
use wharf::settings::Settings;
use wharf::wrapper::Arguments;
use wharf::wrapper::dialects::{DIALECTS, Dialect, Fate, Row};

const TABLE_BEGINS: &str = "<!-- flags: written by tests/docs.rs, run it with WHARF_BLESS=1 -->\n";
const TABLE_ENDS: &str = "<!-- end of flags -->";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect(name)
}

/// Compares, or replaces when asked to.
fn compare(name: &str, wanted: &str) {
    if std::env::var_os("WHARF_BLESS").is_some() {
        std::fs::write(path(name), wanted).expect(name);
    }
    let differs = read(name) != wanted;
    assert!(
        !differs,
        "{name} is out of date: run WHARF_BLESS=1 cargo test --test docs"
    );
}

/// The flags under their headings, in the order of the help.
fn sections() -> Vec<(String, Vec<clap::Arg>)> {
    let mut sections: Vec<(String, Vec<clap::Arg>)> = Vec::new();
    for arg in definition().get_arguments() {
        let heading = arg.get_help_heading().expect("heading").to_owned();
        match sections.last_mut() {
            Some((last, args)) if *last == heading => args.push(arg.clone()),
            _ => sections.push((heading, vec![arg.clone()])),
        }
    }
    sections
}

fn value_name(arg: &clap::Arg) -> Option<String> {
    let name = arg.get_value_names()?.first()?.to_string();
    arg.get_action().takes_values().then_some(name)
}

/// For a flag whose value may be left out, whether one must stand behind an equals sign.
fn may_be_left_out(arg: &clap::Arg) -> Option<bool> {
    let is_optional = arg
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    let takes = arg.get_action().takes_values() && is_optional;
    takes.then(|| arg.is_require_equals_set())
}

fn short_help(arg: &clap::Arg) -> String {
    arg.get_help().expect("help").to_string()
}

fn long_help(arg: &clap::Arg) -> String {
    arg.get_long_help()
        .map_or_else(|| short_help(arg), ToString::to_string)
}

/// The whole page: the options within their frame.
fn manual() -> String {
    let frame = read("man/wharf-ftpd.8.in");
    let (before, after) = frame.split_once("@OPTIONS@\n").expect("placeholder");
    format!("{before}{}{after}", manual_options())
}

fn manual_options() -> String {
    let mut text = String::new();
    for (heading, args) in sections() {
        writeln!(text, ".Ss {heading}\n.Bl -tag -width Ds").expect("string");
        for arg in args {
            text.push_str(&manual_item(&arg));
        }
        text.push_str(".El\n");
    }
    text
}

fn manual_item(arg: &clap::Arg) -> String {
    let long = arg.get_long().expect("long name");
    let letter = arg
        .get_short()
        .map(|letter| format!("Fl {letter} , "))
        .unwrap_or_default();
    let value = match value_name(arg) {
        None => String::new(),
        Some(name) => match may_be_left_out(arg) {
            None => format!(" Ar {name}"),
            Some(false) => format!(" Op Ar {name}"),
            Some(true) => format!(" Ns Op = Ns Ar {name}"),
        },
    };
    let help = long_help(arg);
    let paragraphs: Vec<String> = help.split("\n\n").map(manual_paragraph).collect();
    format!(
        ".It {letter}Fl -{long}{value}\n{}",
        paragraphs.join(".Pp\n")
    )
}

/// The page of wharf-config: its options and the tables of all dialects within their frame.
fn config_manual() -> String {
    let frame = read("man/wharf-config.8.in");
    let (before, rest) = frame.split_once("@OPTIONS@\n").expect("placeholder");
    let (between, after) = rest.split_once("@DIALECTS@\n").expect("placeholder");
    let tables: String = DIALECTS.iter().map(manual_dialect).collect();
    format!("{before}{}{between}{tables}{after}", config_options())
}

fn config_options() -> String {
    let mut text = String::from(".Bl -tag -width Ds\n");
    let command = <Arguments as clap::CommandFactory>::command();
    for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
        text.push_str(&manual_item(arg));
    }
    text.push_str(".It Fl h , Fl -help\nPrint a summary of the options and exit.\n");
    text + ".It Fl V , Fl -version\nPrint the version and exit.\n.El\n"
}

fn manual_dialect(dialect: &Dialect) -> String {
    let mut text = format!(".Ss {}\n", dialect.name);
    text.push_str(&manual_paragraph(&format!("This is {}.", dialect.sentence)));
    if let [first, others @ ..] = dialect.variants {
        write!(text, "Variants:\n.Cm {}:{first}", dialect.name).expect("string");
        for variant in others {
            write!(text, " ,\n.Cm {}:{variant}", dialect.name).expect("string");
        }
        text.push_str(" .\n");
    }
    text.push_str(".Bl -tag -width Ds\n");
    for row in (dialect.rows)() {
        let key = row.key.replace(',', " ,");
        let value = match row.value {
            "" => String::new(),
            value => format!(" Ar {}", value.replace(',', " ,")),
        };
        writeln!(text, ".It Ic {key}{value}\n{}", manual_row(&row).trim_end()).expect("string");
    }
    text + ".El\n"
}

/// What becomes of a setting, and the sentence about it.
fn manual_row(row: &Row) -> String {
    let flag = |long: &&str| {
        let definition = definition();
        let mut args = definition.get_arguments();
        let arg = args
            .find(|arg| arg.get_long() == Some(long))
            .expect("a flag");
        let name = arg
            .get_short()
            .map_or_else(|| format!("-{long}"), String::from);
        (name, short_help(arg))
    };
    let becomes = |longs: &[&str]| {
        let flags: Vec<_> = longs.iter().map(flag).collect();
        let names: Vec<_> = flags.iter().map(|(name, _)| name.as_str()).collect();
        let sentence = match row.sentence {
            "" => format!("{}.", flags[0].1),
            sentence => sentence.to_owned(),
        };
        format!(
            ".Fl {} :\n{}",
            names.join(" , "),
            manual_paragraph(&sentence)
        )
    };
    // Reasons are written for error lines, in lower case.
    let mut letters = row.sentence.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let mut sentence: String = first.into_iter().chain(letters).collect();
    if !sentence.is_empty() && !sentence.ends_with('.') {
        sentence.push('.');
    }
    let told = |what: &str| manual_paragraph(&format!("{what} {sentence}"));
    match row.fate {
        Fate::Flag(long) => becomes(&[long]),
        Fate::Flags(longs) => becomes(longs),
        Fate::Login(name) => format!(".Fl l Ar {name} :\n{}", manual_paragraph(row.sentence)),
        Fate::Include => manual_paragraph(row.sentence),
        Fate::Nothing => told("Needs no flag."),
        Fate::Ignored => told("Ignored with a warning."),
        Fate::Refused(cure) => manual_paragraph(&format!("Refused. {sentence} Instead: {cure}.")),
    }
}

/// Each sentence begins a line, and each flag or manual page is a macro on a line of its own.
fn manual_paragraph(paragraph: &str) -> String {
    let mut text = String::new();
    let sentences = paragraph.trim_end_matches('.').split(". ");
    for sentence in sentences {
        let mut line = String::new();
        for word in format!("{sentence}.").split_whitespace() {
            let macro_line = flag_macro(word).or_else(|| page_macro(word));
            let full = line.len() + word.len() > 76;
            if (full || macro_line.is_some()) && !line.is_empty() {
                text.push_str(&(std::mem::take(&mut line) + "\n"));
            }
            match macro_line {
                Some(macro_line) => text.push_str(&(macro_line + "\n")),
                None => {
                    line.push_str(if line.is_empty() { "" } else { " " });
                    line.push_str(&word.replace('\\', "\\e"));
                }
            }
        }
        if !line.is_empty() {
            text.push_str(&(line + "\n"));
        }
    }
    text
}

/// A word and the punctuation that ends it.
fn split_punctuation(word: &str) -> (&str, String) {
    let bare = word.trim_end_matches([',', '.', ';', ':']);
    let marks = word[bare.len()..]
        .chars()
        .map(|mark| format!(" {mark}"))
        .collect();
    (bare, marks)
}

fn flag_macro(word: &str) -> Option<String> {
    let (bare, marks) = split_punctuation(word);
    let name = bare.strip_prefix('-').filter(|_| is_flag(bare))?;
    Some(format!(".Fl {name}{marks}"))
}

fn page_macro(word: &str) -> Option<String> {
    let (bare, marks) = split_punctuation(word);
    let (name, section) = bare.strip_suffix(')')?.split_once('(')?;
    let is_section = section.len() == 1 && section.bytes().all(|b| b.is_ascii_digit());
    is_section.then(|| format!(".Xr {name} {section}{marks}"))
}

/// Whether a word looks like a flag, `-x` or `--name`.
fn is_flag(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(name) => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()),
        None => {
            let name = word.strip_prefix('-').unwrap_or_default();
            name.len() == 1 && name.bytes().all(|b| b.is_ascii_alphanumeric())
        }
    }
}

fn is_known(flag: &str) -> bool {
    definition().get_arguments().any(|arg| {
        let long = arg.get_long().map(|name| format!("--{name}"));
        let letter = arg.get_short().map(|letter| format!("-{letter}"));
        [long, letter].contains(&Some(flag.to_owned()))
    })
}

fn readme_table() -> String {
    let mut text = String::new();
    for (heading, args) in sections() {
        write!(
            text,
            "\n**{heading}**\n\n| Flag | What it does |\n|---|---|\n"
        )
        .expect("string");
        for arg in args {
            let long = arg.get_long().expect("long name");
            let letter = arg
                .get_short()
                .map(|letter| format!("`-{letter}` "))
                .unwrap_or_default();
            let value = match value_name(&arg) {
                None => String::new(),
                Some(name) => match may_be_left_out(&arg) {
                    None => format!(" {name}"),
                    Some(false) => format!(" [{name}]"),
                    Some(true) => format!("[={name}]"),
                },
            };
            let help = short_help(&arg).replace('|', "\\|");
            writeln!(text, "| {letter}`--{long}{value}` | {help} |").expect("string");
        }
    }
    text + "\n"
}

#[test]
fn the_manual_page_says_what_the_flags_definition_says() {
    let frame = read("man/wharf-ftpd.8.in");
    let (before, after) = frame.split_once("@OPTIONS@\n").expect("placeholder");
    compare(
        "man/wharf-ftpd.8",
        &format!("{before}{}{after}", manual_options()),
    );
}

/// Each source of accounts is explained by the help of -l and by the manual.
#[test]
fn help_and_manual_name_every_source_of_accounts() {
    let definition = definition();
    let login = definition
        .get_arguments()
        .find(|arg| arg.get_short() == Some('l'));
    let help = long_help(login.expect("-l"));
    let frame = read("man/wharf-ftpd.8.in");
    for row in wharf::keeper::sources::ROWS {
        let (form, item) = match row.argument {
            None => (row.name.to_owned(), format!(".It Cm {}\n", row.name)),
            Some(what) => (
                format!("{}:{what}", row.name),
                format!(".It Cm {} : Ns Ar {what}\n", row.name),
            ),
        };
        assert!(help.contains(&format!("{form}: ")), "{form}: {help}");
        assert!(frame.contains(&item), "{item}");
    }
}

#[test]
fn every_flag_stands_in_one_section() {
    let sections = sections();
    let mut headings: Vec<_> = sections.iter().map(|(heading, _)| heading).collect();
    assert_eq!(headings.len(), 8, "{headings:?}");
    headings.sort_unstable();
    headings.dedup();
    assert_eq!(headings.len(), sections.len());
}

#[test]
fn the_readme_lists_every_flag() {
    let readme = read("README.md");
    let (before, rest) = readme.split_once(TABLE_BEGINS).expect("begin of the table");
    let (_, after) = rest.split_once(TABLE_ENDS).expect("end of the table");
    let table = readme_table();
    compare(
        "README.md",
        &format!("{before}{TABLE_BEGINS}{table}{TABLE_ENDS}{after}"),
    );
}

#[test]
fn the_manual_page_of_wharf_config_has_its_options_and_every_setting() {
    compare("man/wharf-config.8", &config_manual());
}

#[test]
fn the_manual_pages_are_clean_mdoc() {
    lint(&manual());
    lint(&config_manual());
}

fn lint(page: &str) {
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut lint) = lint else {
        eprintln!("skipped: mandoc is not installed");
        return;
    };
    let mut input = lint.stdin.take().expect("stdin");
    input.write_all(page.as_bytes()).expect("pipe");
    drop(input);
    let lint = lint.wait_with_output().expect("mandoc");
    let said = String::from_utf8_lossy(&lint.stdout);
    assert!(lint.status.success() && said.is_empty(), "{said}");
}

#[test]
fn help_and_manual_mention_no_flag_that_does_not_exist() {
    let mut checked = 0;
    let mut check = |flag: &str, place: &str| {
        assert!(is_known(flag), "{place} mentions {flag}");
        checked += 1;
    };
    for arg in definition().get_arguments() {
        let help = long_help(arg);
        for word in help.split(|c: char| c.is_whitespace() || "(),;:.\"'".contains(c)) {
            if is_flag(word) {
                check(word, arg.get_id().as_str());
            }
        }
    }
    let frame = read("man/wharf-ftpd.8.in");
    let words: Vec<_> = frame.split_whitespace().collect();
    for pair in words.windows(2) {
        if pair[0] == "Fl" || pair[0] == ".Fl" {
            check(&format!("-{}", pair[1]), "wharf-ftpd.8.in");
        }
    }
    assert!(checked > 50, "only {checked} mentions found");
}

#[test]
fn the_command_lines_of_the_manual_are_ones_the_server_takes() {
    let frame = read("man/wharf-ftpd.8.in").replace("\\e\n", " ");
    let lines: Vec<_> = frame.lines().filter_map(command_line).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let parsed = Flags::parse(line.split_whitespace()).unwrap_or_else(|stop| panic!("{stop}"));
        let (_, warnings) = Settings::from_flags(&parsed).unwrap_or_else(|stop| panic!("{stop}"));
        assert!(warnings.is_empty(), "{line}: {warnings:?}");
    }
}

/// The words from `wharf-ftpd` on, in a line for the shell or for inetd.
fn command_line(line: &str) -> Option<&str> {
    let shell = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "));
    let shell = shell.filter(|line| line.starts_with("wharf-ftpd "));
    shell.or_else(|| {
        line.split_once("/wharf-ftpd ")
            .map(|(_, arguments)| arguments)
    })
}

/// The programs with completions: their names and their flags.
fn completed() -> [(&'static str, clap::Command); 2] {
    let config = <Arguments as clap::CommandFactory>::command();
    [("wharf-ftpd", definition()), ("wharf-config", config)]
}

#[test]
fn completions_know_the_flags_as_they_are() {
    use clap_complete::{Shell, generate};
    let shells = [
        (Shell::Bash, "", ".bash"),
        (Shell::Zsh, "_", ""),
        (Shell::Fish, "", ".fish"),
    ];
    for (name, command) in completed() {
        for (shell, before, after) in shells {
            let mut text = Vec::new();
            generate(shell, &mut command.clone(), name, &mut text);
            let text = String::from_utf8(text).expect("UTF-8");
            compare(&format!("completions/{before}{name}{after}"), &text);
        }
    }
}

/// What a shell prints; `None` where it is not installed, which with `CI` set is a failure.
fn by_shell(shell: &str, script: &str) -> Option<String> {
    let mut command = Command::new(shell);
    command.args(["-c", script]).env("HOME", "/nonexistent");
    let Ok(output) = command.current_dir(path("completions")).output() else {
        assert!(std::env::var_os("CI").is_none(), "{shell} is missing");
        eprintln!("skipped: {shell} is not installed");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{shell}: {errors}"
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn shells_complete_flags_by_them() {
    for (name, begun, whole) in [
        ("wharf-ftpd", "--anonymousro", "--anonymousroot"),
        ("wharf-config", "--expl", "--explain"),
    ] {
        let bash = format!(
            "source ./{name}.bash; call=$(complete -p {name} | sed 's/.*-F \\([^ ]*\\).*/\\1/'); COMP_WORDS=({name} {begun}); COMP_CWORD=1
             ${{call}} {name} {begun} {name}; echo \"${{COMPREPLY[@]}}\""
        );
        if let Some(said) = by_shell("bash", &bash) {
            assert_eq!(said.trim(), whole);
        }
        // zsh completes at a terminal alone; without one it is asked whether it can read the function, and what that offers.
        let zsh = format!(
            "compdef() {{ : }}; _arguments() {{ print -rl -- $@ }}; source ./_{name}; _{name}"
        );
        if let Some(said) = by_shell("zsh", &zsh) {
            assert!(
                said.lines().any(|line| line.contains(&format!("{whole}="))
                    || line.contains(&format!("{whole}["))),
                "{said}"
            );
        }
        let fish = format!("source ./{name}.fish; complete -C '{name} {begun}'");
        if let Some(said) = by_shell("fish", &fish) {
            assert_eq!(said.split_whitespace().next(), Some(whole), "{said}");
        }
    }
}
