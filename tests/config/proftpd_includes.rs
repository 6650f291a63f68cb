//! Files that a proftpd.conf includes: by name, by pattern and by folder, and those that include each other.

use std::path::Path;

use crate::support::{folder, run, write};

/// A file, with `PLACE` for its folder.
fn put(place: &Path, name: &str, text: &str) {
    let text = text.replace("PLACE", &place.display().to_string());
    write(place, name, &text);
}

#[test]
fn files_are_included_by_name_pattern_and_folder() {
    let ground = folder();
    let place = ground.path();
    put(
        place,
        "a.conf",
        "Include PLACE/one.part\nInclude PLACE/sites/*.conf\nInclude PLACE/more\nInclude PLACE/none/*.conf\nUseFtpUsers off\n",
    );
    put(place, "one.part", "MaxInstances 7\n");
    put(
        place,
        "sites/b.conf",
        "<Limit DELE>\nInclude PLACE/deny\n</Limit>\n",
    );
    put(place, "sites/skipped.bak", "Nonsense on\n");
    put(place, "sites/.hidden.conf", "Nonsense on\n");
    put(place, "deny", "DenyAll\n");
    put(
        place,
        "more/anything~",
        "<IfDefine FAST>\nTimeoutIdle 20\n</IfDefine>\n",
    );
    let said = run(place, &["--define", "FAST", "--printlines", "a.conf"]);
    assert_eq!(said.status, 0, "{}", said.err);
    for flag in ["-c 7\t", "-K\t", "--idletimeout 20\t"] {
        assert!(said.out.contains(flag), "{flag}: {}", said.out);
    }
    assert!(
        said.err.contains("no file fits the pattern"),
        "{}",
        said.err
    );
}

#[test]
fn files_that_include_each_other_end_in_one_line() {
    let ground = folder();
    let place = ground.path();
    put(place, "a.conf", "ServerName x\nInclude PLACE/b.conf\n");
    put(place, "b.conf", "Include PLACE/a.conf\n");
    let said = run(place, &["--print", "a.conf"]);
    assert_eq!(said.status, 78);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(
        said.err.contains("the file includes itself"),
        "{}",
        said.err
    );
}

#[test]
fn a_file_of_somebody_else_is_not_included() {
    let ground = folder();
    let place = ground.path();
    put(place, "a.conf", "ServerName x\nInclude PLACE/b.conf\n");
    put(place, "b.conf", "AllowOverwrite on\n");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(place.join("b.conf"), open).expect("a mode");
    let said = run(place, &["--print", "a.conf"]);
    assert_eq!(said.status, 78);
    assert!(said.err.contains("others can write it"), "{}", said.err);
}

/// Users of a file whose shells ProFTPD would refuse are looked for, as the server does not.
#[test]
fn shells_of_a_file_of_users_are_compared() {
    let ground = folder();
    let place = ground.path();
    let settings = "UseFtpUsers off\nAuthUserFile PLACE/users\nAuthOrder mod_auth_file.c\n";
    put(place, "a.conf", settings);
    put(place, "users", "joe:x:1000:1000::/home/joe:/bin/none\n");
    let said = run(place, &["--print", "a.conf"]);
    assert_eq!(said.status, 78);
    assert!(
        said.err.contains("the shell of joe (line 1)"),
        "{}",
        said.err
    );
    put(
        place,
        "a.conf",
        &format!("{settings}RequireValidShell off\n"),
    );
    assert_eq!(run(place, &["--print", "a.conf"]).status, 0);
}
