//! A captcha prices a request; it approves nothing.

use verify_core::{CaptchaFactor, Policy, Psd2};

fn transfer(human: CaptchaFactor, order: Psd2) -> Policy {
    Policy::payment("transfer", human, order)
}

fn main() {}
