//! FTP as text: lines in, requests out; replies, addresses and listing lines out.
//!
//! Nothing here reads a clock, a socket, a file or a setting: bytes and numbers come in, bytes go out. Who sends
//! them, and whether a client may ask at all, is for `session` to decide. What a client sends stays bytes.
#![forbid(unsafe_code)]

pub mod address;
pub mod ascii;
pub mod banner;
pub mod decimal;
pub mod facts;
pub mod line;
pub mod list_options;
pub mod listing;
pub mod path;
pub mod reply;
pub mod request;
pub mod time;
pub mod transfer_text;

#[cfg(test)]
pub(crate) mod xorshift;
