//! Runs a program for each upload to a server. All it does is in the library; see `wharf::tools::uploadscript`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::tools::uploadscript::main()
}
