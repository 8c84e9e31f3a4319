//! A service that calls phones, and the phones.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use verify_core::{CodeHandle, CodeServiceError, CodeServiceErrorKind, PinOrder, PinService};

/// A call that was placed.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: String,
    pub to: String,
    pub pin: String,
    pub token: String,
}

#[derive(Clone, Debug, Default)]
pub struct Caller {
    calls: Arc<Mutex<Vec<Call>>>,
    fails: Arc<Mutex<Option<CodeServiceErrorKind>>>,
    /// So that it does not go beside an inbox.
    is_real: bool,
}

impl Caller {
    pub fn real() -> Self {
        Self { is_real: true, ..Self::default() }
    }

    pub fn all(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub fn last(&self) -> Call {
        self.all().pop().expect("a call was placed")
    }

    pub fn fail(&self, kind: Option<CodeServiceErrorKind>) {
        *self.fails.lock().unwrap() = kind;
    }
}

#[async_trait]
impl PinService for Caller {
    async fn call(&self, order: &PinOrder) -> Result<Option<CodeHandle>, CodeServiceError> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(Call {
            id: order.id().to_owned(),
            to: order.to().expose().to_owned(),
            pin: order.pin().expose().to_owned(),
            token: order.token().expose().to_owned(),
        });
        match *self.fails.lock().unwrap() {
            Some(kind) => Err(kind.into()),
            None => Ok(Some(CodeHandle::new(format!("{}", 458_520 + calls.len())))),
        }
    }

    fn is_development(&self) -> bool {
        !self.is_real
    }
}
