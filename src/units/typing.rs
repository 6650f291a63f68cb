//! Mistakes of typing.

/// How far two words are apart: Levenshtein's count of letters added, left out or exchanged. What differs by more than any
/// mistake of typing is not measured, and is as far as can be.
pub fn typing_distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 16 || one.len() > 64 {
        return usize::MAX;
    }
    let other = other.as_bytes();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (at, wanted) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(*wanted != letter);
            diagonal = row[at + 1];
            row[at + 1] = exchanged.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_added_left_out_and_exchanged_count_one_each() {
        for (one, other, wanted) in [
            ("", "", 0),
            ("STOR", "STOR", 0),
            ("", "STOR", 4),
            ("STO", "STOR", 1),
            ("STORE", "STOR", 1),
            ("STOB", "STOR", 1),
            ("STRO", "STOR", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(typing_distance(one, other), wanted, "{one} {other}");
            assert_eq!(typing_distance(other, one), wanted, "{other} {one}");
        }
        assert_eq!(typing_distance(&"x".repeat(65), "x"), usize::MAX);
        assert_eq!(typing_distance("x", &"x".repeat(30)), usize::MAX);
    }
}
