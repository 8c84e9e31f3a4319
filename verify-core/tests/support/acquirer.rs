//! An acquirer for the tests: says what it is told to, and keeps what it was asked.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use verify_core::{
    Card, CardContext, CardError, CardErrorKind, CardMatch, CardOutcome, CardRisk, CardVerifier,
};

/// A card that every issuer of the tests knows, and another one.
pub const NUMBER: &str = "4444333322221111";
pub const OTHER: &str = "5555555555554444";
pub const CVC: &str = "917";

/// What was asked: the number or token, the security code, and the name of the try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub card: String,
    pub cvc: Option<String>,
    pub postcode: Option<String>,
    pub attempt: String,
}

#[derive(Clone, Debug, Default)]
pub struct Acquirer {
    turns: Arc<Mutex<VecDeque<Result<CardOutcome, CardErrorKind>>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Acquirer {
    /// What it says next, before it falls back to knowing the code of its one card.
    pub fn then(&self, turns: impl IntoIterator<Item = Result<CardOutcome, CardErrorKind>>) {
        self.turns.lock().unwrap().extend(turns);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl CardVerifier for Acquirer {
    async fn verify(&self, card: &Card, context: &CardContext<'_>) -> Result<CardOutcome, CardError> {
        let asked = Asked {
            card: card.number().or(card.token()).unwrap_or_default().to_owned(),
            cvc: card.cvc().map(str::to_owned),
            postcode: card.address().map(|address| address.postcode().to_owned()),
            attempt: context.attempt().to_owned(),
        };
        self.asked.lock().unwrap().push(asked);
        if let Some(turn) = self.turns.lock().unwrap().pop_front() {
            return turn.map_err(|kind| CardError::new(kind).with_source("as told"));
        }
        let cvc = if card.cvc() == Some(CVC) { CardMatch::Matched } else { CardMatch::NotMatched };
        Ok(CardOutcome::verified().with(CardRisk::Cvc, cvc))
    }
}
