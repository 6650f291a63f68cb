//! What the kernel calls an error.

use std::io;

/// The kernel's words for an error (strerror(3)), without the number that Rust appends.
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
