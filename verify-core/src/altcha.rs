//! Proof of work in the ALTCHA wire formats, so that unmodified ALTCHA widgets and libraries solve what this crate
//! issues, and the other way round. The second format ("PoW v2") is the one described here, the first is in [`v1`], and
//! what another server has verified is a [`Verification`].
//!
//! # What it is good for
//!
//! A proof of work puts a **price** on a request. It says nothing about who pays: a script pays as well as a
//! person does, and usually faster. It slows down floods and makes bulk abuse cost processor time; it is never
//! evidence of a human, and it never counts as authentication.
//!
//! # How it goes
//!
//! 1. The server picks random bytes and a price ([`Parameters`]), signs them and sends the [`Challenge`].
//! 2. The client looks for a counter whose derived key starts with the wanted hex digits: [`solve`] here, the
//!    script [`SOLVER_JS`] or any ALTCHA client in a browser.
//! 3. The server rebuilds the same [`Parameters`] from its own records (never from what the client says) and calls
//!    [`verify()`].
//!
//! Everything in this module is pure: no clock, no store, no randomness. A solution verifies as often as it is
//! shown; **single use is the caller's duty**, and the mark is to be made only after a successful check, so that
//! a wrong answer cannot burn somebody's challenge.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//! use verify_core::altcha::{self, Challenge, Parameters, Reason};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (nonce, salt) = ([7; 16], [9; 16]); // random in earnest
//! let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
//! let parameters = Parameters::new(nonce, salt)
//!     .with_cost(10.try_into()?)
//!     .with_expiry(now + Duration::from_secs(600));
//!
//! let secret = b"a long random secret";
//! let challenge = Challenge::issue(parameters.clone(), secret);
//! let solution = altcha::solve(challenge.parameters(), 100_000).ok_or("unlucky")?;
//! let payload = solution.payload(&challenge);
//!
//! assert_eq!(altcha::verify(&payload, &parameters, secret, now), Ok(()));
//! let late = now + Duration::from_secs(600);
//! assert_eq!(altcha::verify(&payload, &parameters, secret, late), Err(Reason::Expired));
//! # Ok(())
//! # }
//! ```
//!
//! # Default price
//!
//! PBKDF2/SHA-256 with 5000 iterations and the prefix `00`: a client derives 256 keys on average, the server one.
//! On one server core a derivation takes about 0.6 ms. PBKDF2 is the default because a browser runs it natively
//! (WebCrypto) within a factor of about three of the best native code; with a bare hash that gap is ten to a
//! hundred times, and it is the honest visitor who is on the slow side.

mod algorithm;
mod canonical;
mod challenge;
mod derive;
mod hex;
mod parameters;
mod payload;
mod received;
mod sentinel;
mod solve;
pub mod v1;
mod verify;

pub use algorithm::Algorithm;
pub use canonical::canonical_json;
pub use challenge::Challenge;
pub use parameters::{InvalidParameters, Parameters};
pub use payload::MAX_PAYLOAD;
pub(crate) use payload::{claimed, counter};
pub use sentinel::{ServerAlgorithm, Verification};
pub use solve::{Solution, solve};
pub use verify::{Reason, verify, verify_fixed};

/// The solver for browsers: a classic script without dependencies, to be served from the page's own origin as
/// `text/javascript` and run as a Web Worker (`worker-src 'self'` is all the policy it needs). It solves both formats.
///
/// Post it `{challenge, start, step}`: worker `i` of `n` gets `start: i, step: n`. It posts `{progress: tries}` now and
/// then, and in the end `{counter, derivedKey, time}` (milliseconds), or `{number, time}` for the first format, or
/// `{error: code}`, where `code` is `insecure-context`, `unsupported-algorithm`, `bad-request`, `exhausted` (this worker's
/// share holds no answer) or `failed`. Stop it with `terminate()`.
///
/// WebCrypto exists only in a secure context: https, or localhost while developing. It knows neither Argon2id nor scrypt;
/// with the features of that name, the solver brings its own, which take about ten times as long as native code does:
/// 19 MiB twice over is most of a second. Where that is too slow, ALTCHA's own widget has them in WebAssembly.
///
/// ```
/// assert!(verify_core::altcha::SOLVER_JS.contains("PBKDF2"));
/// ```
pub const SOLVER_JS: &str = SOLVER;

#[cfg(not(any(feature = "argon2id", feature = "scrypt")))]
const SOLVER: &str = include_str!("../assets/solver.js");
#[cfg(all(feature = "argon2id", not(feature = "scrypt")))]
const SOLVER: &str =
    concat!(include_str!("../assets/solver-argon2id.js"), include_str!("../assets/solver.js"));
#[cfg(all(feature = "scrypt", not(feature = "argon2id")))]
const SOLVER: &str = concat!(include_str!("../assets/solver-scrypt.js"), include_str!("../assets/solver.js"));
#[cfg(all(feature = "argon2id", feature = "scrypt"))]
const SOLVER: &str = concat!(
    include_str!("../assets/solver-argon2id.js"),
    include_str!("../assets/solver-scrypt.js"),
    include_str!("../assets/solver.js")
);
