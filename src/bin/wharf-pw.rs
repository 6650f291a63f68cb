//! Edits virtual users. All it does is in the library; see `wharf::tools::pw`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::tools::pw::main()
}
