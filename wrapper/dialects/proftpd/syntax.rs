//! Lines and words of proftpd.conf, as ProFTPD takes them apart.
//!
//! A line that ends with a backslash goes on in the next, except in comments. Words are parted by blanks; one may stand in
//! double quotes, within which a backslash takes the next character as it is. A word that begins with `#` ends the line.
//! `%{env:NAME}` stands for a variable, also within a word, and for nothing where there is no such variable.

/// A line of the file with those that continue it: the number of the first, and the text.
pub(super) fn joined<'a>(lines: impl Iterator<Item = (usize, &'a [u8])>) -> Vec<(usize, Vec<u8>)> {
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_comment = !goes_on && line.trim_ascii_start().starts_with(b"#");
        let (text, continued) = match line.strip_suffix(b"\\") {
            Some(text) if !is_comment => (text, true),
            _ => (line, false),
        };
        match joined.last_mut() {
            Some((_, last)) if goes_on => last.extend_from_slice(text),
            _ => joined.push((number, text.to_vec())),
        }
        goes_on = continued;
    }
    joined
}

/// The words of a line. None when one holds a control character, which no setting has.
pub(super) fn words(line: &[u8], variable: impl Fn(&[u8]) -> Vec<u8>) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() && rest[0] != b'#' {
        let (word, behind) = match rest.strip_prefix(b"\"") {
            Some(inner) => quoted(inner),
            None => {
                let end = rest.iter().position(u8::is_ascii_whitespace);
                let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
                (word.to_vec(), behind)
            }
        };
        let word = substituted(&word, &variable);
        if word.iter().any(u8::is_ascii_control) {
            return None;
        }
        words.push(word);
        rest = behind.trim_ascii_start();
    }
    Some(words)
}

/// What stands before the closing quote, and what follows it; a quote that is never closed takes the rest.
fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return (word, &text[at + 1..]),
            b'\\' if at + 1 < text.len() => {
                at += 1;
                word.push(text[at]);
            }
            byte => word.push(*byte),
        }
        at += 1;
    }
    (word, b"")
}

fn substituted(word: &[u8], variable: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    const BEGIN: &[u8] = b"%{env:";
    let mut text = Vec::new();
    let mut rest = word;
    while !rest.is_empty() {
        let name = rest.strip_prefix(BEGIN).and_then(|inner| {
            let end = inner.iter().position(|byte| *byte == b'}')?;
            Some((&inner[..end], &inner[end + 1..]))
        });
        match name {
            Some((name, behind)) => {
                text.extend_from_slice(&variable(name));
                rest = behind;
            }
            None => {
                text.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    text
}

/// A line about a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    /// `<Name ...>`, with the words behind the name.
    Open(Vec<u8>, Vec<Vec<u8>>),
    /// `</Name>`.
    Close(Vec<u8>),
    /// Neither, although the line begins with `<`.
    Broken,
}

/// What a line that begins with `<` says; None for any other.
pub(super) fn bracket(words: &[Vec<u8>]) -> Option<Bracket> {
    let (first, others) = words.split_first()?;
    let first = first.strip_prefix(b"<")?;
    let mut parts: Vec<Vec<u8>> = vec![first.to_vec()];
    parts.extend_from_slice(others);
    let Some(last) = parts.last_mut() else {
        return Some(Bracket::Broken);
    };
    if last.pop() != Some(b'>') {
        return Some(Bracket::Broken);
    }
    if last.is_empty() && parts.len() > 1 {
        parts.pop();
    }
    let name = parts.remove(0);
    Some(match name.strip_prefix(b"/") {
        Some(name) => Bracket::Close(name.to_vec()),
        None if name.is_empty() => Bracket::Broken,
        None => Bracket::Open(name, parts),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        let variable = |name: &[u8]| match name {
            b"PLACE" => b"/srv".to_vec(),
            _ => Vec::new(),
        };
        let words = words(line.as_bytes(), variable).expect("words");
        let text = |word: Vec<u8>| String::from_utf8(word).expect("text");
        words.into_iter().map(text).collect()
    }

    #[test]
    fn words_are_parted_by_blanks_quoted_or_not() {
        assert_eq!(split(" Umask 022\t 027 "), ["Umask", "022", "027"]);
        assert_eq!(split(r#"A "b c" d"e"#), ["A", "b c", "d\"e"]);
        assert_eq!(split(r#"A "b \"c\" \\" x"#), ["A", "b \"c\" \\", "x"]);
        assert_eq!(split(r"DenyFilter \*.*/"), ["DenyFilter", r"\*.*/"]);
        assert_eq!(split(r#"A "never closed"#), ["A", "never closed"]);
        assert_eq!(split("A b # c"), ["A", "b"]);
        assert_eq!(split("A b#c"), ["A", "b#c"]);
        assert_eq!(split("A \"\""), ["A", ""]);
    }

    #[test]
    fn variables_stand_anywhere_in_a_word() {
        assert_eq!(split("A %{env:PLACE}/x%{env:NONE}"), ["A", "/srv/x"]);
        assert_eq!(split("A %{env:PLACE"), ["A", "%{env:PLACE"]);
        assert_eq!(split("A 100%"), ["A", "100%"]);
    }

    #[test]
    fn a_backslash_joins_lines_but_not_comments() {
        let lines: Vec<&[u8]> = vec![b"A \\", b" b", b"# c \\", b"D"];
        let joined = joined((1..).zip(lines));
        let expected: Vec<(usize, Vec<u8>)> = vec![
            (1, b"A  b".to_vec()),
            (3, b"# c \\".to_vec()),
            (4, b"D".to_vec()),
        ];
        assert_eq!(joined, expected);
    }

    #[test]
    fn sections_are_opened_and_closed_with_blanks_anywhere_but_in_front_of_the_name() {
        let of = |line: &str| {
            bracket(&words(line.as_bytes(), |_| Vec::new()).expect("words")).expect("a bracket")
        };
        let open = |name: &str, rest: &[&str]| {
            let rest = rest.iter().map(|word| word.as_bytes().to_vec());
            Bracket::Open(name.into(), rest.collect())
        };
        assert_eq!(
            of("<Limit WRITE  READ >"),
            open("Limit", &["WRITE", "READ"])
        );
        assert_eq!(of("<Anonymous ~ftp>"), open("Anonymous", &["~ftp"]));
        assert_eq!(of("<Global>"), open("Global", &[]));
        assert_eq!(of("</Limit>"), Bracket::Close("Limit".into()));
        for line in ["<Limit", "< >", "<", "<>"] {
            assert_eq!(of(line), Bracket::Broken, "{line}");
        }
        assert_eq!(bracket(&[b"Umask".to_vec()]), None);
    }
}
