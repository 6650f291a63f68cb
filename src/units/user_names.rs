//! Lists of users in files.

/// The names in the text of such a file: one on each line, without the blanks around it; empty lines and those that begin with
/// `#` are skipped.
pub fn user_names(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}
