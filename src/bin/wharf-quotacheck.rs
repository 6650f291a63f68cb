//! Counts what is in a user's directory and writes its `.ftpquota`. All it does is in the library; see
//! `wharf::tools::quotacheck`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::tools::quotacheck::main()
}
