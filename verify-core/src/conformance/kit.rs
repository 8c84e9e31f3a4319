//! What the laws are run with: a store, a way to wait for its futures, and a way to let time pass.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::store::{Key, Store, StoreError};

/// A piece of a test, handed to the `block_on` of the store's runtime.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The life of entries that are not meant to expire during a test.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// The life of entries that are, where the test has to wait for it.
const SHORT: Duration = Duration::from_millis(40);
/// Between two looks at something that is about to happen.
const PAUSE: Duration = Duration::from_millis(2);
/// Looks before it is said that it never happens: tens of seconds, for machines under load and coarse clocks.
const LOOKS: u32 = 5_000;

/// A law that was broken, and how.
pub struct Breach {
    law: &'static str,
    what: String,
}

impl Breach {
    /// Says that a law is broken, and how: for kits that hold something else than a store to laws of its own.
    pub fn of(law: &'static str, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }

    /// The name of the law, as in the messages.
    #[must_use]
    pub const fn law(&self) -> &'static str {
        self.law
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {:?} is broken: {}", self.law, self.what)
    }
}

impl fmt::Debug for Breach {
    /// The same sentence: a test that returns an error shows it by `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Breach {}

/// What opening a store may give: the store, or a `Result` of one.
pub trait Opened {
    /// The store.
    type Store: Store;

    /// The store, if it was opened.
    ///
    /// # Errors
    ///
    /// A [`Breach`] that says why there is none.
    fn opened(self) -> Result<Self::Store, Breach>;
}

impl<S: Store> Opened for S {
    type Store = S;

    fn opened(self) -> Result<S, Breach> {
        Ok(self)
    }
}

impl<S: Store, E: fmt::Debug> Opened for Result<S, E> {
    type Store = S;

    fn opened(self) -> Result<S, Breach> {
        self.map_err(|error| Breach::of("the store opens", format!("{error:?}")))
    }
}

/// How the futures of a store are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    block_on: fn(Task<'_>),
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// Waits with [`block_on`].
    #[must_use]
    pub fn new() -> Self {
        Self { block_on: |task| block_on(task) }
    }

    /// Waits with the store's own runtime, the same one for every call.
    #[must_use]
    pub fn block_on(mut self, block_on: fn(Task<'_>)) -> Self {
        self.block_on = block_on;
        self
    }

    /// Opens a store for the laws.
    ///
    /// # Errors
    ///
    /// A [`Breach`] if it does not open.
    pub fn open<F>(self, opening: F) -> Result<Kit<<F::Output as Opened>::Store>, Breach>
    where
        F: Future<Output: Opened + Send> + Send,
    {
        let store = Arc::new(self.wait_for(opening)?.opened()?);
        Ok(Kit {
            store,
            setup: self,
            advance: None,
            lossy: false,
            fresh: AtomicU64::default(),
            random: Default::default(),
        })
    }

    /// Opens a store whose link loses some replies after the backend did its work.
    ///
    /// # Errors
    ///
    /// A [`Breach`] if it does not open.
    pub fn open_lossy<F>(self, opening: F) -> Result<Kit<<F::Output as Opened>::Store>, Breach>
    where
        F: Future<Output: Opened + Send> + Send,
    {
        Ok(Kit { lossy: true, ..self.open(opening)? })
    }

    pub(super) fn wait_for<T: Send>(self, future: impl Future<Output = T> + Send) -> Result<T, Breach> {
        let mut output = None;
        (self.block_on)(Box::pin(async { output = Some(future.await) }));
        output.ok_or_else(|| Breach::of("block_on", "it returned before the future was ready"))
    }
}

/// How a test makes the store's clock move on.
type Advance<S> = Box<dyn Fn(&S, Duration) + Send + Sync>;

/// An open store and all that a law needs to put it to the test.
pub struct Kit<S> {
    store: Arc<S>,
    setup: Setup,
    advance: Option<Advance<S>>,
    lossy: bool,
    random: [RandomState; 2],
    fresh: AtomicU64,
}

impl<S: fmt::Debug> fmt::Debug for Kit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("store", &self.store).finish_non_exhaustive()
    }
}

impl<S: Store> Kit<S> {
    /// Makes time pass by moving the store's clock instead of by waiting.
    #[must_use]
    pub fn advance_with(mut self, advance: impl Fn(&S, Duration) + Send + Sync + 'static) -> Self {
        self.advance = Some(Box::new(advance));
        self
    }

    /// The store under test.
    #[must_use]
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }

    pub(super) const fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// A key that nobody has used before, and that looks as random as those of the engine.
    pub(super) fn fresh_key(&self) -> Key {
        let count = self.fresh.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.random.each_ref().map(|random| u128::from(random.hash_one(count)));
        Key::new((high << 64 | low).to_be_bytes())
    }

    pub(super) fn wait_for<T: Send>(&self, future: impl Future<Output = T> + Send) -> Result<T, Breach> {
        self.setup.wait_for(future)
    }

    /// Waits for a verb that is not supposed to fail.
    pub(super) fn ask<T: Send>(
        &self,
        law: &'static str,
        verb: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, Breach> {
        self.wait_for(verb)?.map_err(|error| Breach::of(law, failed(&error)))
    }

    /// A life that [`passes`](Self::passes) waits for.
    pub(super) const fn short(&self) -> Duration {
        // By a clock that stands still, nothing is lost by a life so long that no slow machine outlasts it.
        if self.advance.is_some() { LONG } else { SHORT }
    }

    /// The short life, and longer ones for machines on which it is over before the next call.
    pub(super) fn lives(&self) -> impl Iterator<Item = Duration> {
        let longer: &[u32] = if self.advance.is_some() { &[1] } else { &[1, 10, 100] };
        longer.iter().map(|factor| self.short().saturating_mul(*factor))
    }

    /// Lets the short life pass, then looks until `gone` says yes; whether it ever did.
    pub(super) fn passes(&self, mut gone: impl FnMut() -> Result<bool, Breach>) -> Result<bool, Breach> {
        if let Some(advance) = &self.advance {
            advance(&self.store, self.short());
            return gone();
        }
        for _ in 0..LOOKS {
            if gone()? {
                return Ok(true);
            }
            thread::sleep(PAUSE);
        }
        Ok(false)
    }

    /// Whether this kit moves the store's clock itself, so that nothing expires unasked.
    pub(super) const fn holds_the_clock(&self) -> bool {
        self.advance.is_some()
    }

    /// Moves the clock by less than the short life; does nothing where the clock is not ours.
    pub(super) fn almost_passes(&self) {
        self.tick(self.short().saturating_sub(Duration::from_secs(1)));
    }

    /// Moves the clock by this; does nothing where the clock is not ours, which moves by itself.
    pub(super) fn tick(&self, by: Duration) {
        if let Some(advance) = &self.advance {
            advance(&self.store, by);
        }
    }
}

/// The error and its causes: here the reader is the store's author, who wants them all.
pub(super) fn failed(error: &StoreError) -> String {
    let mut text = format!("a verb failed: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, which sleeps until it is woken. No runtime: no timers, no sockets.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
