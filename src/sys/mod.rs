//! The system calls no safe crate covers, and those that change the whole process: the only place with `unsafe` code.
//!
//! Nothing here knows FTP, and nothing here imports another part of this crate.

pub mod background;
pub mod creds;
#[cfg(feature = "libcrypt")]
pub mod crypt;
pub mod descriptors;
pub mod files;
#[cfg(test)]
mod forked;
pub mod homes;
pub mod host;
pub mod landlock;
pub mod local_time;
#[cfg(feature = "pam")]
pub mod pam;
pub mod privileges;
pub mod process;
pub mod sandbox;
pub mod shadow;
#[cfg(feature = "pam")]
pub mod sitter;
pub mod system_users;
mod words;

pub use words::words;
