#![forbid(unsafe_code)]
//! Transfers under way, for whoever shows them while they run. A server that shows none keeps no board, and its sessions
//! post nothing.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use slab::Slab;

/// A transfer under way.
pub struct Transfer {
    /// The client's address.
    pub peer: IpAddr,
    /// Whether the client sends.
    pub upload: bool,
    /// The last part of the file's name, as bytes.
    pub name: Vec<u8>,
    /// How many bytes there will be, where that is known.
    pub total: Option<u64>,
    /// How many have been moved; the transfer counts on.
    pub moved: Rc<Cell<u64>>,
    /// How many there were at the last look; for whoever looks.
    pub seen: Cell<u64>,
}

/// All transfers under way.
#[derive(Clone, Default)]
pub struct Board(Rc<RefCell<Slab<Transfer>>>);

impl Board {
    /// Posts a transfer for as long as the value lives.
    pub fn post(&self, transfer: Transfer) -> Posted {
        let place = self.0.borrow_mut().insert(transfer);
        Posted {
            board: self.clone(),
            place,
        }
    }

    /// Looks at each transfer. `look` posts none.
    pub fn each(&self, mut look: impl FnMut(&Transfer)) {
        for (_, transfer) in self.0.borrow().iter() {
            look(transfer);
        }
    }
}

/// A transfer that stands on a board.
pub struct Posted {
    board: Board,
    place: usize,
}

impl Drop for Posted {
    fn drop(&mut self) {
        self.board.0.borrow_mut().try_remove(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_stands_there_as_long_as_it_runs() {
        let board = Board::default();
        let names = || {
            let mut names = Vec::new();
            board.each(|transfer| names.push(transfer.name.clone()));
            names
        };
        let post = |name: &[u8]| {
            board.post(Transfer {
                peer: IpAddr::from([127, 0, 0, 1]),
                upload: false,
                name: name.to_vec(),
                total: None,
                moved: Rc::default(),
                seen: Cell::default(),
            })
        };
        let one = post(b"one");
        let two = post(b"two");
        assert_eq!(names(), [b"one", b"two"]);
        drop(one);
        assert_eq!(names(), [b"two"]);
        drop(two);
        assert!(names().is_empty());
    }
}
