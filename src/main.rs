//! The FTP server. All it does is in the library; see `wharf::server`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::server::main()
}
