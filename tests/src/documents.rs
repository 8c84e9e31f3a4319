//! The documents whose snippets are compiled, and run where they can be. The page of captchas and the README at the root are
//! with the examples, those of the crates with their crates.

#[doc = include_str!("../../docs/operations.md")]
struct Operations;

#[doc = include_str!("../../docs/sessions.md")]
struct Sessions;
