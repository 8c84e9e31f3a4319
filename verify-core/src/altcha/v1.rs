//! The first ALTCHA format, which is still the most widely deployed: find the number that was hashed.
//!
//! The server hashes a salt followed by a number of its choice and sends the digest; the client tries numbers from zero.
//! Everything else that has to hold (the expiry, whatever the server wants to find again) stands in the salt as a query
//! string, and so is part of what is hashed and signed.
//!
//! The hash is a bare one, so specialised code is ten to a hundred times faster than a browser: the format is here for
//! widgets and servers that speak nothing else. The [second one](super) is the default.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//! use verify_core::altcha::Reason;
//! use verify_core::altcha::v1::{self, Algorithm, Challenge, Salt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
//! let salt = Salt::new([7; 12]).with_expiry(now + Duration::from_secs(600)); // random in earnest, as is the number
//! let challenge = Challenge::issue(Algorithm::Sha256, &salt, 123, 1000, b"a long random secret");
//!
//! let solution = challenge.solve(1000).ok_or("the number is below a thousand")?;
//! let payload = solution.payload(&challenge);
//! let accepted = v1::verify(&payload, Algorithm::Sha256, b"a long random secret", now)?;
//! assert_eq!(accepted.salt(), challenge.salt());
//! assert_eq!(v1::verify(&payload, Algorithm::Sha512, b"a long random secret", now), Err(Reason::Mismatch));
//! # Ok(())
//! # }
//! ```

mod algorithm;
mod challenge;
mod salt;
mod solve;
mod verify;

pub use algorithm::Algorithm;
pub use challenge::Challenge;
pub use salt::Salt;
pub(crate) use salt::parameter;
pub use solve::Solution;
pub use verify::{Accepted, verify};
