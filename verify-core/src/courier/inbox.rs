//! The development courier: every message lands in a list that the developer can look at.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::clock::unix_millis;
use crate::code_service::{CodeHandle, CodeServiceError};
use crate::contact::Channel;
use crate::courier::{Courier, CourierError, Delivery};
use crate::pin_service::{PinOrder, PinService};

/// Older messages make room beyond this many.
const CAPACITY: usize = 200;

/// Keeps messages instead of delivering them: for development and tests. Clones share one list.
///
/// Given to [`EngineBuilder::inbox`](crate::EngineBuilder::inbox), it serves every channel and the engine's endpoints
/// show it as a page. Calls that ask for a PIN ring there, too, and the page has the keys to dial. It shouts at start-up and the engine refuses to start with a real courier beside it.
#[derive(Clone, Default)]
pub struct Inbox {
    letters: Arc<Mutex<VecDeque<Letter>>>,
}

/// A message that was caught.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) channel: Channel,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) code: String,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    /// A call that asks for a PIN: the developer dials.
    pub(crate) call: Option<Ringing>,
}

/// A call that can be answered.
#[derive(Clone)]
pub(crate) struct Ringing {
    pub(crate) token: String,
    pin: String,
}

impl Inbox {
    /// An empty inbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many messages lie in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with(|letters| letters.len())
    }

    /// Whether nothing has arrived.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest code that went to this address.
    #[must_use]
    pub fn last_code(&self, to: &str) -> Option<String> {
        self.with(|letters| {
            letters
                .iter()
                .find(|letter| letter.to == to && letter.call.is_none())
                .map(|letter| letter.code.clone())
        })
    }

    /// What the call with this token asks for.
    pub(crate) fn pin_of(&self, token: &str) -> Option<String> {
        let calls = |letter: &Letter| letter.call.clone().filter(|call| call.token == token);
        self.with(|letters| letters.iter().find_map(calls)).map(|call| call.pin)
    }

    fn put(&self, letter: Letter) {
        self.with(|letters| {
            letters.push_front(letter);
            letters.truncate(CAPACITY);
        });
    }

    /// Newest first.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.with(|letters| letters.iter().cloned().collect())
    }

    fn with<T>(&self, look: impl FnOnce(&mut VecDeque<Letter>) -> T) -> T {
        look(&mut self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Courier for Inbox {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let letter = Letter {
            channel: delivery.channel(),
            to: delivery.to().expose().to_owned(),
            text: delivery.message().text().to_owned(),
            code: delivery.code().expose().to_owned(),
            at: unix_millis(delivery.sent_at()),
            call: None,
        };
        self.put(letter);
        Ok(())
    }

    fn is_development(&self) -> bool {
        true
    }

    fn is_instant(&self) -> bool {
        true
    }
}

#[async_trait]
impl PinService for Inbox {
    async fn call(&self, order: &PinOrder) -> Result<Option<CodeHandle>, CodeServiceError> {
        self.put(Letter {
            channel: Channel::Voice,
            to: order.to().expose().to_owned(),
            text: "Please dial the PIN that you see on the page.".to_owned(),
            code: String::new(),
            at: unix_millis(order.placed_at()),
            call: Some(Ringing {
                token: order.token().expose().to_owned(),
                pin: order.pin().expose().to_owned(),
            }),
        });
        Ok(None)
    }

    fn is_development(&self) -> bool {
        true
    }

    fn is_instant(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("letters", &self.len()).finish()
    }
}
