//! What a shared folder shows on a terminal while it is shared: who transfers what, how far it is and how fast.

use std::rc::Rc;
use std::time::Duration;

use super::sharing::bytes_in_words;
use crate::board::{Board, Transfer};
use crate::logs::{self, escape};
use crate::session::shared::Shared;

/// How often the picture changes.
const PICTURE: Duration = Duration::from_millis(500);

/// How many transfers are shown: all of the picture must fit on the terminal to be taken off again.
const MOST: usize = 10;

/// How many characters of a name are shown.
const NAME: usize = 40;

/// Shows the board below the log, for as long as it is polled.
pub(super) async fn show(shared: Rc<Shared>) {
    let Some(board) = shared.board.clone() else {
        return;
    };
    let mut last = Vec::new();
    loop {
        let picture = picture(&board, shared.counts.sessions(), PICTURE);
        if picture != last {
            logs::show(picture.clone());
            last = picture;
        }
        shared.handle.sleep(PICTURE).await;
    }
}

fn picture(board: &Board, sessions: u32, since: Duration) -> Vec<String> {
    let mut lines = Vec::new();
    let mut count = 0;
    board.each(|transfer| {
        count += 1;
        let line = line(transfer, since);
        if count <= MOST {
            lines.push(line);
        }
    });
    if sessions > 0 {
        let many = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let head = format!(
            "-- {}, {}",
            many(sessions as usize, "session"),
            many(count, "transfer")
        );
        lines.insert(0, head);
    }
    lines
}

fn line(transfer: &Transfer, since: Duration) -> String {
    let moved = transfer.moved.get();
    let new = moved.saturating_sub(transfer.seen.replace(moved));
    let name = escape(&transfer.name).to_string();
    let name: String = match name.chars().count() > NAME {
        true => name.chars().take(NAME - 3).chain("...".chars()).collect(),
        false => name,
    };
    let far = match transfer.total {
        Some(total) => format!(
            "{:3} %",
            (u128::from(moved) * 100)
                .checked_div(total.into())
                .unwrap_or(100)
        ),
        None => bytes_in_words(moved),
    };
    let speed = bytes_in_words((new as f64 / since.as_secs_f64()) as u64);
    let way = if transfer.upload { "from" } else { "to" };
    format!("   {name}  {way} {}  {far}  {speed}/s", transfer.peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_picture_has_a_line_for_each_transfer_and_no_control_characters() {
        let board = Board::default();
        assert!(picture(&board, 0, PICTURE).is_empty());
        let moved = Rc::new(Cell::new(512 * 1024));
        let _posted = board.post(Transfer {
            peer: "192.0.2.1".parse().unwrap(),
            upload: false,
            name: b"a\x1b[2Jb\n".to_vec(),
            total: Some(1024 * 1024),
            moved: Rc::clone(&moved),
            seen: Cell::default(),
        });
        let lines = picture(&board, 2, PICTURE);
        assert_eq!(lines[0], "-- 2 sessions, 1 transfer");
        assert_eq!(
            lines[1],
            "   a\\x1b[2Jb\\x0a  to 192.0.2.1   50 %  1.0 MB/s"
        );
        // Nothing new since the last look.
        let lines = picture(&board, 2, PICTURE);
        assert!(lines[1].ends_with("50 %  0 bytes/s"), "{}", lines[1]);
    }

    #[test]
    fn a_picture_is_never_longer_than_a_terminal() {
        let board = Board::default();
        let post = |number: usize| {
            board.post(Transfer {
                peer: "192.0.2.1".parse().unwrap(),
                upload: true,
                name: "n".repeat(number).into_bytes(),
                total: None,
                moved: Rc::default(),
                seen: Cell::default(),
            })
        };
        let _posted: Vec<_> = (0..60).map(post).collect();
        let lines = picture(&board, 60, PICTURE);
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines[0], "-- 60 sessions, 60 transfers");
        let lines: Vec<String> = lines
            .into_iter()
            .chain([line(
                &Transfer {
                    peer: "192.0.2.1".parse().unwrap(),
                    upload: true,
                    name: vec![b'x'; 300],
                    total: None,
                    moved: Rc::default(),
                    seen: Cell::default(),
                },
                PICTURE,
            )])
            .collect();
        assert!(lines.iter().all(|line| line.len() < 80), "{lines:?}");
    }
}
