//! Fresh random bytes.

use std::cell::RefCell;

use zeroize::Zeroize;

/// What is asked of the operating system at a time: some twenty ids and nonces.
const DRAWN: usize = 512;

/// Bytes of the operating system, each handed out once and then wiped.
struct Pool {
    bytes: [u8; DRAWN],
    left: usize,
}

thread_local! {
    /// A call of the system takes as long as sealing a ticket, and a blocked request or a message needs several ids and nonces.
    ///
    /// A process that forks without starting another program has the same bytes as its child. Servers with threads do not do
    /// that, and a nonce that comes twice tells no more than whether the same was sealed twice. Of a machine that is started
    /// twice from one snapshot of its memory, each thread draws the same ids at first, and whoever is sent a code by one of them
    /// knows the code of the other's challenge with that id: take snapshots before the server has begun to serve.
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; DRAWN], left: 0 }) };
}

/// Fresh random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut drawn = [0; N];
    // A thread that is ending has no pool any more.
    POOL.try_with(|pool| pool.borrow_mut().draw(&mut drawn))
        .unwrap_or_else(|_| getrandom::fill(&mut drawn))?;
    Ok(drawn)
}

impl Pool {
    fn draw(&mut self, into: &mut [u8]) -> Result<(), getrandom::Error> {
        if into.len() > DRAWN {
            return getrandom::fill(into);
        }
        if self.left < into.len() {
            // Nothing is handed out before all of it is there.
            self.left = 0;
            getrandom::fill(&mut self.bytes)?;
            self.left = DRAWN;
        }
        let rest = self.left - into.len();
        if let Some(fresh) = self.bytes.get_mut(rest..self.left) {
            into.copy_from_slice(fresh);
            fresh.zeroize();
        }
        self.left = rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn r34_no_bytes_are_handed_out_twice() {
        let draw = || (0..2_000).map(|_| random::<12>().unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(!all.contains(&[0; 12]), "nor wiped ones");
        let sizes = (random::<1>().unwrap().len(), random::<DRAWN>().unwrap(), random::<600>().unwrap());
        assert!(sizes.1 != [0; DRAWN] && sizes.2[..DRAWN] != sizes.1);
    }

    #[test]
    fn r34_what_was_handed_out_is_wiped() {
        let mut pool = Pool { bytes: [0; DRAWN], left: 0 };
        let mut id = [0; 16];
        pool.draw(&mut id).unwrap();
        assert!(id != [0; 16] && pool.left == DRAWN - 16);
        assert!(pool.bytes[pool.left..].iter().all(|byte| *byte == 0));
        assert!(pool.bytes[..pool.left].iter().any(|byte| *byte != 0));
    }
}
