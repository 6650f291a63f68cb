//! The manual page of the tool: sound, and silent about no option.

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_has_no_faults() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/wharf-quotacheck.8");
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .arg(page)
        .output();
    let Ok(output) = lint else {
        let is_ci = std::env::var_os("CI").is_some();
        assert!(!is_ci, "mandoc is not installed, and CI is set");
        return eprintln!("skipped: mandoc is not installed");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn every_option_is_explained() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/wharf-quotacheck.8");
    let text = std::fs::read_to_string(page).expect("the page");
    let mut command = wharf::tools::quotacheck::definition();
    command.build();
    for arg in command.get_arguments() {
        let letter = arg.get_short().expect("a letter");
        let item = format!(".It Fl {letter}");
        assert!(text.lines().any(|line| line.starts_with(&item)), "{item}");
    }
}
