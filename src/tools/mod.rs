//! The small programs beside the server, each the library side of a few lines in `src/bin`.
#![forbid(unsafe_code)]
