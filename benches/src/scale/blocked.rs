//! Requests without a clearance, each from another source.

use std::net::IpAddr;

use verify_core::{Decision, Gate};

use crate::visitor::Visitor;

/// Lets so many sources ask once each, counted from there: all of them are blocked.
pub fn ask(gate: &Gate, first: u32, count: u32) {
    for n in first..first + count {
        let visitor = Visitor::from(IpAddr::from((0x0b00_0000 + n).to_be_bytes()));
        let Decision::Respond(reply) = gate.decide(&visitor) else { panic!("nobody has a clearance") };
        assert_eq!(reply.status(), 403);
    }
}
