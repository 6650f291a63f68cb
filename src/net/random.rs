//! Random numbers of the kernel, fetched in bulk: passive ports and the like must not be guessable.

use std::io;

/// A small store of random bytes.
pub struct Random {
    store: [u8; 256],
    left: usize,
}

impl Random {
    /// Fills the store for the first time.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn new() -> io::Result<Random> {
        let mut random = Random {
            store: [0; 256],
            left: 0,
        };
        random.refill()?;
        Ok(random)
    }

    fn refill(&mut self) -> io::Result<()> {
        getrandom::fill(&mut self.store)
            .map_err(|error| io::Error::other(format!("no random bytes: {error}")))?;
        self.left = self.store.len();
        Ok(())
    }

    /// Fills `secret` with bytes that nobody has seen.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn fill(&mut self, secret: &mut [u8]) -> io::Result<()> {
        for piece in secret.chunks_mut(4) {
            let bytes = self.next_u32()?.to_ne_bytes();
            piece.copy_from_slice(&bytes[..piece.len()]);
        }
        Ok(())
    }

    /// A random number.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn next_u32(&mut self) -> io::Result<u32> {
        if self.left < 4 {
            self.refill()?;
        }
        self.left -= 4;
        let at = self.left;
        let bytes = [
            self.store[at],
            self.store[at + 1],
            self.store[at + 2],
            self.store[at + 3],
        ];
        Ok(u32::from_ne_bytes(bytes))
    }

    /// A random number below `bound` (which is at least 1), without bias worth mentioning.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn below(&mut self, bound: u32) -> io::Result<u32> {
        let wide = u64::from(self.next_u32()?) * u64::from(bound.max(1));
        Ok((wide >> 32) as u32)
    }
}
