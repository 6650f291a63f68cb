//! Regular expressions of HideFiles as the patterns of `--hidefiles`.

/// A regular expression as the patterns that match the same names; None where there are none, as behind a `!`, which hides
/// all other names.
pub(super) fn globs(expression: &[u8]) -> Option<Vec<Vec<u8>>> {
    if expression.starts_with(b"!") {
        return None;
    }
    let mut text = expression;
    let (mut begins, mut ends) = (false, false);
    // Anchors may stand outside of the brackets of a choice.
    if text.starts_with(b"^(") {
        begins = true;
        text = &text[1..];
    }
    if text.starts_with(b"(") && text.ends_with(b")$") {
        ends = true;
        text = &text[..text.len() - 1];
    }
    let inner = match text
        .strip_prefix(b"(")
        .and_then(|text| text.strip_suffix(b")"))
    {
        Some(inner) => inner,
        None if begins || ends => return None,
        None => text,
    };
    let choices = inner.split(|byte| *byte == b'|');
    choices.map(|choice| glob(choice, begins, ends)).collect()
}

fn glob(choice: &[u8], begins: bool, ends: bool) -> Option<Vec<u8>> {
    let (choice, begins) = match choice.strip_prefix(b"^") {
        Some(choice) => (choice, true),
        None => (choice, begins),
    };
    let is_end = choice.ends_with(b"$") && !choice.ends_with(b"\\$");
    let (choice, ends) = match is_end {
        true => (&choice[..choice.len() - 1], true),
        false => (choice, ends),
    };
    if choice.is_empty() {
        return None;
    }
    let mut pattern = Vec::new();
    if !begins {
        pattern.push(b'*');
    }
    let mut bytes = choice.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let escaped = bytes.next().filter(|byte| !byte.is_ascii_alphanumeric())?;
                match escaped {
                    b'*' | b'?' | b'[' => pattern.extend([b'[', escaped, b']']),
                    b'\\' | b']' => return None,
                    byte => pattern.push(byte),
                }
            }
            b'.' => match bytes.peek() {
                Some(b'*') => {
                    bytes.next();
                    pattern.push(b'*');
                }
                Some(b'+') => {
                    bytes.next();
                    pattern.extend(b"?*");
                }
                _ => pattern.push(b'?'),
            },
            b'*' | b'+' | b'?' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'^' | b'$' => {
                return None;
            }
            byte => pattern.push(byte),
        }
        // A quantifier behind a letter is for that letter.
        if matches!(bytes.peek(), Some(b'*' | b'+' | b'?' | b'{')) {
            return None;
        }
    }
    if !ends {
        pattern.push(b'*');
    }
    pattern.dedup_by(|one, other| *one == b'*' && *other == b'*');
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_expressions_are_patterns_and_others_are_not() {
        let of = |text: &str| {
            globs(text.as_bytes()).map(|globs| {
                let globs = globs
                    .into_iter()
                    .map(|glob| String::from_utf8(glob).expect("text"));
                globs.collect::<Vec<_>>().join(" ")
            })
        };
        for (expression, expected) in [
            (r"^\.", Some(".*")),
            (r"\.bak$", Some("*.bak")),
            ("^lost\\+found$", Some("lost+found")),
            (r"(^\..*|\.ht$)", Some(".* *.ht")),
            (r"^(a|b)$", Some("a b")),
            (r"(\.ftp|\.ht)[a-z]+$", None),
            ("x", Some("*x*")),
            ("a.c", Some("*a?c*")),
            ("a*", None),
            (r"\d", None),
            ("", None),
            ("!x$", None),
            ("^!x$", Some("!x")),
            ("^$", None),
            ("(a|(b|c))", None),
            (r"\*$", Some("*[*]")),
        ] {
            assert_eq!(of(expression).as_deref(), expected, "{expression}");
        }
    }
}
