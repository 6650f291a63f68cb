//! Runs the server from a configuration file. All it does is in the library; see `wharf::wrapper`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::wrapper::main()
}
