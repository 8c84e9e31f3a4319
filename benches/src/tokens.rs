//! What is sealed and signed, each by itself, through what the library makes public.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::runtime::Runtime;
use verify_core::altcha::{self, Challenge, Parameters};
use verify_core::{Decision, Direct, FakeClock, Gate, Policy, Ruling, Subject};

use crate::visitor::Visitor;
use crate::world::{USER, World, code};

/// A user who gets tickets and shows them.
#[derive(Debug)]
pub struct Tickets {
    direct: Direct,
    gate: Gate,
}

impl Default for Tickets {
    fn default() -> Self {
        let world = World::default();
        Self { direct: world.engine.direct(Subject::user(USER)), gate: world.gate() }
    }
}

impl Tickets {
    /// Seals one.
    pub fn seal(&self) -> String {
        self.direct.offer(&self.gate, "step-up").unwrap()
    }

    /// Opens one, and looks whether its challenge is open: it is not.
    pub async fn open(&self, ticket: &str) {
        assert!(!self.direct.standing(ticket).await.unwrap().is_pending);
    }
}

/// A visitor who got through.
#[derive(Debug)]
pub struct Clearances {
    gate: Gate,
    visitor: Visitor,
}

impl Clearances {
    /// One whose clearance is good as it is.
    pub fn good(runtime: &Runtime) -> Self {
        let world = World::default();
        let gate = world.gate();
        let visitor = Visitor::with(&runtime.block_on(world.clearance(&gate, USER)));
        Self { gate, visitor }
    }

    /// One who has not been seen for a while at a gate that minds: the clearance is signed anew with each request.
    pub fn due(runtime: &Runtime) -> Self {
        let clock = FakeClock::default();
        let world = World::with(|builder| builder.clock(clock.clone()));
        let gate = Policy::new("vault").require(code()).idle(Duration::from_secs(300));
        let gate = world.engine.gate(gate).unwrap();
        let visitor = Visitor::with(&runtime.block_on(world.clearance(&gate, USER)));
        clock.advance(Duration::from_secs(120));
        Self { gate, visitor }
    }

    /// Lets a visitor in by a clearance that is good.
    pub fn verify(&self) {
        assert!(matches!(self.gate.decide(&self.visitor), Decision::Allow));
    }

    /// Lets a visitor in with a clearance that is signed anew.
    pub async fn sign(&self) {
        let Decision::Consult(inquiry) = self.gate.decide(&self.visitor) else { panic!("it is due") };
        let Ruling::Allow(passage) = self.gate.rule(inquiry, Bytes::new()).await else {
            panic!("it is good")
        };
        std::hint::black_box(passage);
    }
}

/// A proof of work that was done.
#[derive(Debug)]
pub struct Proof {
    parameters: Parameters,
    payload: String,
    at: SystemTime,
}

const SECRET: &[u8] = b"a long random secret";

impl Default for Proof {
    /// Of a price that a measurement can afford; a check costs one derivation, whatever the price of finding it.
    fn default() -> Self {
        let at = SystemTime::now();
        let parameters = Parameters::new([7; 16], [9; 16])
            .with_expiry(at + Duration::from_secs(600))
            .with_key_prefix("0")
            .unwrap();
        let challenge = Challenge::issue(parameters.clone(), SECRET);
        let solution = altcha::solve(challenge.parameters(), 100_000).unwrap();
        Self { parameters, payload: solution.payload(&challenge), at }
    }
}

impl Proof {
    /// Checks it.
    pub fn verify(&self) {
        altcha::verify(&self.payload, &self.parameters, SECRET, self.at).unwrap();
    }
}
