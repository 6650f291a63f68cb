//! The example of a program for `wharf-uploadscript`, run as it stands.

use std::fs;
use std::path::Path;

use crate::running::{Running, Served, eventually, wharf_uploadscript};

#[test]
fn the_example_keeps_a_list_of_uploads_with_their_checksums() {
    let served = Served::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("list");
    let mut command = wharf_uploadscript();
    command.arg("--uploadpipe").arg(served.pipe());
    command.arg("-p").arg(folder.path().join("pid"));
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/upload-list.sh");
    command.arg("-r").arg(example).env("UPLOAD_LIST", &list);
    let _running = Running::start(&mut command);
    let mut client = served.client();
    assert_eq!(client.store("STOR hello", b"hello\n"), 226);
    assert_eq!(client.store("STOR it's $(id)", b""), 226);
    let text = || fs::read_to_string(&list).unwrap_or_default();
    eventually("both are listed", || text().lines().count() == 2);
    let root = served.place.root();
    let text = text();
    for (line, wanted) in text.lines().zip([
        format!(
            "ftp 6 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 {}/hello",
            root.display()
        ),
        format!(
            "ftp 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 {}/it's $(id)",
            root.display()
        ),
    ]) {
        let (time, rest) = line.split_once(' ').expect("a time");
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert_eq!(rest, wanted);
    }
}
