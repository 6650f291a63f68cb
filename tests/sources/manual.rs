//! The manual pages of `wharf-authd` and `wharf-certd`: sound, and silent about no option.

use std::path::Path;
use std::process::Command;

#[test]
fn each_page_is_sound_and_explains_every_option() {
    is_sound("man/wharf-authd.8", &wharf::tools::authd::definition());
    is_sound("man/wharf-certd.8", &wharf::tools::certd::definition());
}

#[track_caller]
fn is_sound(page: &str, definition: &clap::Command) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&page).expect("the page");
    for arg in definition.get_arguments() {
        let (letter, long) = (
            arg.get_short().expect("a letter"),
            arg.get_long().expect("a name"),
        );
        assert!(
            text.contains(&format!(".It Fl {letter} , Fl -{long}")),
            "{long}"
        );
    }
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .arg(page)
        .output();
    let Ok(output) = lint else {
        assert!(
            std::env::var_os("CI").is_none(),
            "mandoc is not installed, and CI is set"
        );
        return eprintln!("skipped: mandoc is not installed");
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
