//! Whole ceremonies without a request, each of another user: offer, send, and a right or a wrong answer. Nobody delivers.

use verify_core::{Code, Contact, Direct, Engine, Gate, Subject};

/// The code of all these challenges.
pub const CODE: &str = "471199";

/// Runs ceremonies for one user after the other.
#[derive(Debug)]
pub struct Ceremonies {
    engine: Engine,
    gate: Gate,
    next: u32,
}

/// A challenge that was offered: nothing of it is stored.
#[derive(Debug)]
pub struct Offered {
    direct: Direct,
    ticket: String,
}

/// A challenge that is open.
#[derive(Clone, Debug)]
pub struct Open {
    direct: Direct,
    ticket: String,
}

impl Ceremonies {
    /// For the factor `step-up` of this gate; users are counted from here.
    pub fn new(engine: &Engine, gate: &Gate, first: u32) -> Self {
        Self { engine: engine.clone(), gate: gate.clone(), next: first }
    }

    /// Offers a challenge to the next user.
    pub fn offer(&mut self) -> Offered {
        let number = format!("+1{}", 2_020_000_000_u64 + u64::from(self.next));
        self.next += 1;
        let contact = Contact::phone(&number).unwrap();
        let direct = self.engine.direct(Subject::user(number)).to(contact);
        let code = Code::chosen(CODE).unwrap();
        let ticket = direct.offer_with_code(&self.gate, "step-up", code).unwrap();
        Offered { direct, ticket }
    }

    /// Opens a challenge for the next user.
    pub async fn send(&mut self) -> Open {
        self.offer().send().await
    }
}

impl Offered {
    /// Opens it.
    pub async fn send(self) -> Open {
        let dispatch = self.direct.send(&self.ticket, None).await.unwrap();
        let ticket = dispatch.ticket().to_owned();
        Open { direct: self.direct, ticket }
    }
}

impl Open {
    /// Answers it; says whether that was right.
    pub async fn check(&self, code: &str) -> bool {
        self.direct.check(&self.ticket, code).await.is_ok()
    }
}
