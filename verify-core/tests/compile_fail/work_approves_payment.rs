//! Neither does a proof of work.

use verify_core::{Policy, Psd2, WorkFactor};

fn transfer(human: WorkFactor, order: Psd2) -> Policy {
    Policy::payment("transfer", &human, order)
}

fn main() {}
