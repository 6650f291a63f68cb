//! Prints the system's users as virtual users. All it does is in the library; see `wharf::tools::pwconvert`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::tools::pwconvert::main()
}
