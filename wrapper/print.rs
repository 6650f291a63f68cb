//! What is shown instead of started: the command line, its origins, its explanation, and the findings of a check.
//!
//! What came from a file is escaped before it reaches a terminal; what is quoted for a shell is quoted byte for byte.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use crate::flags::{definition, on_one_line, quoted_line};

use super::translation::{Flag, Outcome, Translation};

/// Longer names are cut: they are no settings.
const LONGEST_SHOWN: usize = 80;

/// Text of a file, safe to print on one line.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_SHOWN)]);
    let mut shown = on_one_line(&text);
    if bytes.len() > LONGEST_SHOWN {
        shown.push_str("...");
    }
    shown
}

/// A path, safe to print on one line and never cut.
pub fn shown_path(path: &Path) -> String {
    on_one_line(&path.to_string_lossy())
}

/// The command line, for the shell.
///
/// # Errors
/// What writing gives.
pub fn command(out: &mut dyn Write, server: &Path, words: &[OsString]) -> io::Result<()> {
    let mut all = vec![server.as_os_str().to_owned()];
    all.extend_from_slice(words);
    out.write_all(&quoted_line(&all))?;
    out.write_all(b"\n")
}

/// One flag a line with the setting it came from, and with `explain` a sentence below each.
///
/// # Errors
/// What writing gives.
pub fn lines(
    out: &mut dyn Write,
    translation: &Translation,
    extra: &[OsString],
    origins: bool,
    explain: bool,
) -> io::Result<()> {
    for flag in &translation.flags {
        out.write_all(&quoted_line(&flag.words()))?;
        if origins {
            write!(out, "\t# {}", flag.origin)?;
        }
        out.write_all(b"\n")?;
        if explain {
            writeln!(out, "    {}", sentence(flag))?;
        }
    }
    if !extra.is_empty() {
        out.write_all(&quoted_line(extra))?;
        out.write_all(if origins {
            b"\t# command line\n"
        } else {
            b"\n"
        })?;
    }
    Ok(())
}

/// What the server's help says of a flag.
fn sentence(flag: &Flag) -> String {
    let definition = definition();
    let arg = definition
        .get_arguments()
        .find(|arg| arg.get_long() == Some(&flag.long));
    let help = arg.and_then(clap::Arg::get_help);
    help.map(ToString::to_string).unwrap_or_default()
}

/// Every setting under what became of it: fine, ignored, refused.
///
/// # Errors
/// What writing gives.
pub fn check(out: &mut dyn Write, translation: &Translation) -> io::Result<()> {
    for finding in &translation.findings {
        let origin = &finding.origin;
        match &finding.outcome {
            Outcome::Flag(words) => {
                write!(out, "fine: {origin}: ")?;
                out.write_all(&quoted_line(words))?;
                out.write_all(b"\n")?;
            }
            Outcome::Nothing(why) => writeln!(out, "fine: {origin}: {why}")?,
            Outcome::Ignored(why) => writeln!(out, "ignored: {origin}: {why}")?,
            Outcome::Warned(text) => writeln!(out, "warning: {origin}: {text}")?,
            Outcome::Refused(why) => writeln!(out, "refused: {origin}: {why}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_file_never_reach_a_terminal() {
        assert_eq!(shown(b"a\x1b[1m\nb"), "a\\u{1b}[1m\\nb");
        assert_eq!(shown(&[b'a'; 100]).len(), 83);
    }
}
