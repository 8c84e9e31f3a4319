//! What takes a code takes no captcha.

use verify_core::{CaptchaFactor, CodeFactor};

fn code(human: CaptchaFactor) -> CodeFactor {
    human.into()
}

fn main() {}
