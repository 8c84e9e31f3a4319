//! A code service that keeps what it was asked, and answers what a test tells it to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use verify_core::{
    CodeAnswer, CodeHandle, CodeOrder, CodeService, CodeServiceError, CodeServiceErrorKind, Verdict,
};

/// The code of every challenge.
pub const CODE: &str = "471147";

/// Clones are one service.
#[derive(Clone, Debug, Default)]
pub struct Parrot {
    pub book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
pub struct Book {
    /// `start` with address and payment, `check` with handle, code and payment, `cancel` with handle.
    pub calls: Vec<String>,
    /// What it answers to a start, instead of a new handle.
    pub handle: Option<String>,
    /// What it answers to a check, instead of comparing.
    pub verdict: Option<Verdict>,
    /// Whether it sends what was ended once more.
    pub stubborn: bool,
    /// How it fails, whatever it is asked.
    pub fails: Option<CodeServiceErrorKind>,
}

impl Parrot {
    pub fn calls(&self, of: &str) -> Vec<String> {
        self.book.lock().unwrap().calls.iter().filter(|call| call.starts_with(of)).cloned().collect()
    }

    pub fn set(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.book.lock().unwrap());
    }

    fn note(&self, call: String) -> Result<(), CodeServiceError> {
        let mut book = self.book.lock().unwrap();
        book.calls.push(call);
        match book.fails {
            Some(kind) => Err(CodeServiceError::new(kind).with_retry_after(Duration::from_secs(77))),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl CodeService for Parrot {
    async fn start(&self, order: &CodeOrder) -> Result<CodeHandle, CodeServiceError> {
        let payment = order.payment().map(|payment| format!("{}|{}", payment.amount(), payment.payee()));
        self.note(format!("start {} {}", order.to().expose(), payment.unwrap_or_default()))?;
        let handle = self.book.lock().unwrap().handle.clone();
        // One handle for a challenge: the engine's first message of it names it.
        Ok(CodeHandle::new(handle.unwrap_or_else(|| format!("VE{}", order.id()))))
    }

    async fn check(&self, answer: &CodeAnswer<'_>) -> Result<Verdict, CodeServiceError> {
        let payment = answer.payment().map(|payment| format!("{}|{}", payment.amount(), payment.payee()));
        let handle = answer.handle().expose();
        self.note(format!("check {handle} {} {}", answer.code(), payment.unwrap_or_default()))?;
        let told = self.book.lock().unwrap().verdict;
        Ok(told.unwrap_or(if answer.code() == CODE { Verdict::Right } else { Verdict::Wrong }))
    }

    async fn cancel(&self, handle: &CodeHandle) -> Result<(), CodeServiceError> {
        self.note(format!("cancel {}", handle.expose()))?;
        // What was ended is not sent once more.
        let mut book = self.book.lock().unwrap();
        if !book.stubborn {
            book.handle = None;
        }
        Ok(())
    }
}
