//! Patterns of deny_file and hide_file as the patterns of `--denyfiles` and `--hidefiles`.
//!
//! vsftpd knows stars, question marks and braces that are not nested, and takes a name as well that holds the text of the
//! setting. It compares whole paths, the server the parts of a path: whatever vsftpd denies only because a star reached
//! over a slash, it gives to a client that enters the directory first, so nothing is lost. A pattern with a slash in it
//! has no such counterpart.

/// More names between braces than this are no setting.
const MOST: usize = 256;

/// The patterns, or what is wrong with the text.
pub(super) fn patterns(text: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    if text.contains(&b'/') {
        return Err("the pattern holds a slash, and names are compared without their directories");
    }
    let is_special = |byte: &u8| b"*?{".contains(byte);
    if !text.iter().any(is_special) {
        return Ok(vec![[b"*", literal(text).as_slice(), b"*"].concat()]);
    }
    let mut open: Vec<Vec<u8>> = vec![text.to_vec()];
    let mut found = Vec::new();
    while let Some(text) = open.pop() {
        let Some(Braces {
            before,
            names,
            after,
        }) = Braces::first(&text)
        else {
            found.push(literal(&text));
            continue;
        };
        // vsftpd ends at an empty name, so that what follows it would not count.
        if names.iter().any(|name| name.is_empty()) {
            return Err("there is an empty name between braces");
        }
        let names = names.iter().rev();
        open.extend(names.map(|name| [before, name, after].concat()));
        if open.len() + found.len() > MOST {
            return Err("there are more than 256 names between braces");
        }
    }
    Ok(found)
}

/// The first braces of a text, what stands before them, the names between, and what follows.
struct Braces<'a> {
    before: &'a [u8],
    names: Vec<&'a [u8]>,
    after: &'a [u8],
}

impl<'a> Braces<'a> {
    fn first(text: &'a [u8]) -> Option<Braces<'a>> {
        let start = text.iter().position(|byte| *byte == b'{')?;
        let inner = &text[start + 1..];
        let end = inner.iter().position(|byte| *byte == b'}')?;
        Some(Braces {
            before: &text[..start],
            names: inner[..end].split(|byte| *byte == b',').collect(),
            after: &inner[end + 1..],
        })
    }
}

/// A bracket begins a set for the server, and stands for itself in vsftpd.
fn literal(text: &[u8]) -> Vec<u8> {
    let mut literal = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'[' => literal.extend_from_slice(b"[[]"),
            byte => literal.push(*byte),
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, &'static str> {
        let patterns = patterns(text.as_bytes())?;
        Ok(String::from_utf8(patterns.join(&b' ')).expect("text"))
    }

    #[test]
    fn braces_become_several_patterns() {
        assert_eq!(
            of("{*.mp3,*.mov,.private}").as_deref(),
            Ok("*.mp3 *.mov .private")
        );
        assert_eq!(of("a{b,c}d{e,f}").as_deref(), Ok("abde abdf acde acdf"));
        assert_eq!(of("*.tmp").as_deref(), Ok("*.tmp"));
        assert_eq!(of("*{x").as_deref(), Ok("*{x"));
    }

    #[test]
    fn a_text_without_special_characters_stands_for_names_that_hold_it() {
        assert_eq!(of(".ssh").as_deref(), Ok("*.ssh*"));
        assert_eq!(of("a[b]").as_deref(), Ok("*a[[]b]*"));
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        assert!(of("{/*,*..*}").is_err());
        assert!(of("{a,,b}*").is_err());
        assert!(of(&"{a,b}".repeat(9)).is_err());
    }
}
