//! The programs an administrator runs beside the server, each the library side of a few lines in `src/bin`.
#![forbid(unsafe_code)]

pub mod authd;
pub mod certd;
mod daemon;
pub mod pw;
pub mod pwconvert;
pub mod quotacheck;
mod responder;
pub mod uploadscript;
