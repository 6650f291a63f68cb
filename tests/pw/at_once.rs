//! Many editors of one file: none of their changes is lost, and readers see whole files only.

use crate::tool::{Place, many_users, succeeded, wharf_pw};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use wharf::keeper::puredb::PureDb;

const EDITORS: usize = 24;
const USERS: usize = 6000;

fn start(place: &Place, words: &[&str]) -> Child {
    let mut command = place.command(&wharf_pw(), words);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("the tool starts")
}

#[test]
fn edits_of_a_large_file_at_once_all_succeed() {
    let text = many_users(USERS);
    let place = Place::with(&text);
    let logins: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect();
    let editors: Vec<Child> = (0..EDITORS)
        .map(|editor| {
            let login = logins[editor * (USERS / EDITORS)];
            match editor % 3 {
                0 => start(&place, &["userdel", login, "-m"]),
                _ => start(
                    &place,
                    &[
                        "usermod",
                        login,
                        "-c",
                        &format!("changed by {editor}"),
                        "-m",
                    ],
                ),
            }
        })
        .collect();
    for editor in editors {
        succeeded(&editor.wait_with_output().expect("the tool ends"));
    }
    let after = place.text();
    let changed: Vec<&str> = after
        .lines()
        .filter(|line| line.contains(":changed by "))
        .collect();
    assert_eq!(changed.len(), EDITORS - EDITORS / 3);
    assert_eq!(after.lines().count(), USERS - EDITORS / 3);
    let order = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| Some(line.split(':').next()?.to_owned()))
            .collect()
    };
    let mut left = order(&text);
    left.retain(|login| after.contains(&format!("{login}:")));
    assert_eq!(order(&after), left, "users moved");
    // The last to make the database had read the last change.
    let bytes = place.database();
    let db = PureDb::new(&bytes).expect("whole");
    assert_eq!(db.records().expect("whole").len(), USERS - EDITORS / 3);
    for line in changed {
        let (login, data) = line.split_once(':').expect("fields");
        assert_eq!(db.find(login.as_bytes()), Ok(Some(data.as_bytes())));
    }
    assert_eq!(
        place.names(),
        ["users", "users.lock", "users.pdb", "users.pdb.lock"]
    );
}

#[test]
fn readers_never_see_half_a_file() {
    let place = Place::with(&many_users(500));
    place.done(&["mkdb"], "");
    let (size, ended) = (place.text().len(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..20 {
                let name = format!("{round:05}");
                let login = place.text().split(':').next().expect("a login").to_owned();
                place.done(&["usermod", &login, "-c", &name, "-m"], "");
            }
            ended.store(true, Ordering::Release);
        });
        while !ended.load(Ordering::Acquire) {
            let text = place.text();
            assert!(text.ends_with('\n') && text.len() + 50 > size && text.lines().count() == 500);
            let bytes = place.database();
            assert_eq!(
                PureDb::new(&bytes).and_then(|db| Ok(db.records()?.len())),
                Ok(500)
            );
        }
    });
}

#[test]
fn an_editor_that_was_killed_keeps_nobody_waiting() {
    let place = Place::with(&many_users(3000));
    for _ in 0..10 {
        let login = place.text().split(':').next().expect("a login").to_owned();
        let mut editor = start(&place, &["usermod", &login, "-c", "killed", "-m"]);
        std::thread::sleep(std::time::Duration::from_millis(3));
        editor.kill().expect("killed");
        editor.wait().expect("gone");
        assert_eq!(place.text().lines().count(), 3000);
    }
    let login = place.text().split(':').next().expect("a login").to_owned();
    place.done(&["usermod", &login, "-c", "alive"], "");
    assert!(place.lines()[0].contains(":alive:"));
}
