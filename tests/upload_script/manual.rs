//! The manual page of `wharf-uploadscript`: sound, and silent about no option.

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_is_sound_and_explains_every_option() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/wharf-uploadscript.8");
    let text = std::fs::read_to_string(&page).expect("the page");
    for arg in wharf::tools::uploadscript::definition().get_arguments() {
        let long = arg.get_long().expect("a name");
        let item = match arg.get_short() {
            Some(letter) => format!(".It Fl {letter} , Fl -{long}"),
            None => format!(".It Fl -{long}"),
        };
        assert!(text.contains(&item), "{item}");
    }
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .arg(page)
        .output();
    let Ok(output) = lint else {
        let is_ci = std::env::var_os("CI").is_some();
        assert!(!is_ci, "mandoc is not installed, and CI is set");
        return eprintln!("skipped: mandoc is not installed");
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
