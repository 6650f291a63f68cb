//! Downloads that go on where an earlier one ended, of files too large for 32 bits and of the everyday large one.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;

use crate::support::{Launch, Place, begin, download, expect, expect_reply, together};

/// Compares what comes from `offset` on with the file, without holding either in memory.
fn same_from(mut data: impl Read, file: &std::path::Path, offset: u64) -> u64 {
    let mut file = File::open(file).expect("the file");
    file.seek(SeekFrom::Start(offset)).expect("an offset in it");
    let (mut got, mut wanted) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut moved = 0;
    loop {
        let count = data.read(&mut got).expect("data");
        file.read_exact(&mut wanted[..count])
            .expect("no more than the file");
        assert!(
            got[..count] == wanted[..count],
            "other bytes after {}",
            offset + moved
        );
        if count == 0 {
            return moved;
        }
        moved += count as u64;
    }
}

#[test]
fn a_file_of_300_mebibytes_comes_whole_and_in_parts() {
    let _together = together();
    let place = Place::new();
    const SIZE: u64 = 300 << 20;
    let path = place.path("root/pub/large");
    let mut file = File::create(&path).expect("a file");
    let mut block = vec![0_u8; 1 << 20];
    for number in 0..SIZE >> 20 {
        for (at, byte) in block.iter_mut().enumerate() {
            *byte = (at as u64 * 31 + number * 7 + (at as u64 >> 8)) as u8;
        }
        file.write_all(&block).expect("room on the disk");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    let server = Launch::new(&place).start();
    let mut client = server.logged_in();
    for offset in [0, 1, SIZE / 3, SIZE - (1 << 20) - 7, SIZE - 1, SIZE] {
        expect(&mut client, &format!("REST {offset}"), 350);
        let data = begin(&mut client, "RETR pub/large");
        assert_eq!(same_from(data, &path, offset), SIZE - offset);
        expect_reply(&mut client, 226);
    }
    expect(&mut client, &format!("REST {}", SIZE + 1), 350);
    assert_eq!(download(&mut client, "RETR pub/large"), Err(554));
}

#[test]
fn a_restart_beyond_four_gibibytes_is_exact() {
    let _together = together();
    let place = Place::new();
    const FOUR_GIB: u64 = 4 << 30;
    let path = place.path("root/pub/huge");
    let mut file = File::create(&path).expect("a file");
    let end: Vec<u8> = (0..1_u32 << 20).map(|at| (at % 233) as u8).collect();
    file.seek(SeekFrom::Start(FOUR_GIB - 1000)).expect("a hole");
    file.write_all(&end).expect("room on the disk");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    let server = Launch::new(&place).start();
    let mut client = server.logged_in();
    let size = FOUR_GIB - 1000 + end.len() as u64;
    assert_eq!(
        expect(&mut client, "SIZE pub/huge", 213),
        format!("213 {size}")
    );
    for offset in [
        FOUR_GIB - 5000,
        FOUR_GIB - 1,
        FOUR_GIB,
        FOUR_GIB + 1,
        size - 1,
    ] {
        expect(&mut client, &format!("REST {offset}"), 350);
        let data = begin(&mut client, "RETR pub/huge");
        assert_eq!(same_from(data, &path, offset), size - offset);
        expect_reply(&mut client, 226);
    }
}
