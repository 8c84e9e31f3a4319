//! Everybody's telephone: takes whatever is sent, and says what was heard.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use verify_core::{Channel, Courier, CourierError, CourierErrorKind, Delivery};

#[derive(Clone, Debug, Default)]
pub struct Phone {
    taken: Arc<Mutex<Vec<Taken>>>,
    fails: Arc<Mutex<Option<CourierErrorKind>>>,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Taken {
    pub channel: Channel,
    pub to: String,
    pub text: String,
    pub subject: Option<String>,
    pub code: String,
    pub key_prompt: Option<String>,
    pub language: Option<String>,
    pub dialled: Option<String>,
}

impl Taken {
    /// What whoever picks up hears: all of it once a key is pressed, and the prompt until then.
    pub fn heard(&self, presses: bool) -> String {
        match &self.key_prompt {
            Some(prompt) if !presses => prompt.clone(),
            Some(prompt) => format!("{prompt} {}", self.text),
            None => self.text.clone(),
        }
    }
}

impl Phone {
    pub fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    pub fn all(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    pub fn last(&self, to: &str) -> Option<Taken> {
        self.taken.lock().unwrap().iter().rev().find(|taken| taken.to == to).cloned()
    }

    /// Lets every delivery fail from now on.
    pub fn fail(&self, kind: Option<CourierErrorKind>) {
        *self.fails.lock().unwrap() = kind;
    }
}

#[async_trait]
impl Courier for Phone {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        if let Some(kind) = *self.fails.lock().unwrap() {
            return Err(CourierError::new(kind));
        }
        let message = delivery.message();
        self.taken.lock().unwrap().push(Taken {
            channel: delivery.channel(),
            to: delivery.to().expose().to_owned(),
            text: message.text().to_owned(),
            subject: message.subject().map(str::to_owned),
            code: delivery.code().expose().to_owned(),
            key_prompt: message.key_prompt().map(str::to_owned),
            language: message.language().map(str::to_owned),
            dialled: message.dialled().map(str::to_owned),
        });
        Ok(())
    }

    fn is_development(&self) -> bool {
        false
    }
}
