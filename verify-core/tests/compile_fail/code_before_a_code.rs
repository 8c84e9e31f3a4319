//! Only what prices requests comes before a message: a message before a message would be for nothing.

use verify_core::Factor;

fn main() {
    let _ = Factor::code("step-up").after(Factor::code("by-mail"));
}
