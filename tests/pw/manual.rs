//! The manual pages of the tools: sound, and silent about no option and no difference.

use std::path::Path;
use std::process::Command;

fn page(name: &str) -> (std::path::PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
    let text = std::fs::read_to_string(&path).expect("a manual page");
    (path, text)
}

#[test]
fn pages_have_no_faults() {
    for name in ["wharf-pw.8", "wharf-pwconvert.8"] {
        let (path, _) = page(name);
        let Ok(output) = Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(path)
            .output()
        else {
            assert!(
                std::env::var_os("CI").is_none(),
                "mandoc is not installed, and CI is set"
            );
            return eprintln!("skipped: mandoc is not installed");
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}

#[test]
fn every_action_and_option_is_explained() {
    let (_, text) = page("wharf-pw.8");
    for action in wharf::tools::pw::definition().get_subcommands() {
        assert!(
            text.contains(&format!(".Nm\n.Cm {}\n", action.get_name())),
            "{}",
            action.get_name()
        );
        for arg in action
            .get_arguments()
            .filter(|arg| !arg.is_positional() && !arg.is_hide_set())
        {
            let item = match (arg.get_short(), arg.get_long()) {
                (Some(letter), _) => format!(".It Fl {letter}"),
                (None, Some(long)) => format!(".It Fl -{long}"),
                (None, None) => continue,
            };
            let listed = text
                .lines()
                .any(|line| line == item || line.starts_with(&format!("{item} ")));
            assert!(listed, "{item} of {}", action.get_name());
        }
    }
    let (_, text) = page("wharf-pwconvert.8");
    assert!(
        wharf::tools::pwconvert::definition()
            .get_arguments()
            .count()
            == 0
            && text.contains(".Nm wharf-pwconvert")
    );
}
