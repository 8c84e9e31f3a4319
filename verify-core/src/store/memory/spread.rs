//! How keys are spread: which bin one is in, and where in it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes 64 bits of a key's 128 by one multiplication.
///
/// A key is a keyed hash already, so nobody outside can choose two that meet, and nothing is left to be mixed for keys of an
/// engine's. What has been drawn for this store keeps keys of another kind apart.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    drawn: [u64; 2],
}

impl Spread {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self { drawn: [1_u8, 2].map(|part| random.hash_one(part)) }
    }
}

impl BuildHasher for Spread {
    type Hasher = Spreading;

    fn build_hasher(&self) -> Spreading {
        Spreading { drawn: self.drawn, sum: 0 }
    }
}

pub(super) struct Spreading {
    drawn: [u64; 2],
    sum: u64,
}

impl Hasher for Spreading {
    fn write_u128(&mut self, number: u128) {
        let [first, second] = halves(number);
        let product = u128::from(first ^ self.sum ^ self.drawn[0]) * u128::from(second ^ self.drawn[1]);
        let [high, low] = halves(product);
        self.sum = high ^ low;
    }

    /// A key writes itself as one number; this is for whatever does not.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u128(u128::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.sum
    }
}

fn halves(number: u128) -> [u64; 2] {
    [number >> 64, number & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::store::Key;

    /// Keys of an engine's are hashes; a test's, or somebody else's, may be numbers.
    #[test]
    fn keys_that_differ_in_a_few_bits_are_spread_as_well() {
        let spread = Spread::new();
        let places = |number: fn(u128) -> u128, of: fn(u64) -> u64| {
            let hash = |n: u128| spread.hash_one(Key::new(number(n).to_be_bytes()));
            (0..1_000).map(|n| of(hash(n))).collect::<HashSet<_>>().len()
        };
        // A table goes by the lowest bits and the highest seven, a shelf by those in the middle. Of a thousand keys in a
        // thousand places, six in ten have one of their own.
        for number in [|n| n, |n| n << 64, |n| n << 120 | n, |n: u128| n.rotate_right(9)] {
            assert!(places(number, |hash| hash & 0x3ff) > 400);
            assert!(places(number, |hash| hash >> 32 & 0x3ff) > 400);
            assert!(places(number, |hash| hash >> 57) > 64);
            assert_eq!(places(number, |hash| hash), 1_000);
        }
    }

    #[test]
    fn each_store_spreads_in_its_own_way() {
        let key = Key::new([7; 16]);
        assert_ne!(Spread::new().hash_one(key), Spread::new().hash_one(key));
    }
}
