//! One connection for all tasks, and a new one when it is lost.
//!
//! The driver has a connection that mends itself, and it is not used here, for two reasons: it keeps a connection on
//! which nothing comes back any more, until the kernel gives it up after a quarter of an hour; and once a server has
//! turned it away with anything but an I/O error, such as too many clients, it never tries again.
//!
//! Nothing is ever sent twice: a call goes over one connection, and fails with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, PushInfo, PushKind, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::fault::Fault;
use crate::probe::{self, Eviction, Profile};

/// Calls that wait in line for the connection's task, and no bound on those that wait for their replies.
const LINE: usize = 1_024;
/// Between the starts of two attempts to connect, so that a server that is down is not stormed.
const PAUSE: Duration = Duration::from_millis(100);

/// How a connection is opened.
pub(crate) struct Dial {
    pub(crate) target: Target,
    pub(crate) eviction: Eviction,
    /// For one attempt, from the look-up of the name to the look at the server.
    pub(crate) patience: Duration,
}

/// Whom to connect to.
pub(crate) enum Target {
    Server(Client),
    #[cfg(feature = "sentinel")]
    Watched(crate::sentinel::Sentinels),
}

/// An open connection.
#[derive(Clone)]
pub(crate) struct Call {
    connection: MultiplexedConnection,
    lost: Arc<AtomicBool>,
}

impl Call {
    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// No further call is to go over it. Calls under way may still get their replies.
    fn give_up(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }
}

impl Dial {
    /// Connects, and looks whether the server will do.
    pub(crate) async fn connect(&self) -> Result<(Call, Profile), Fault> {
        let opening = async {
            let mut call = match &self.target {
                Target::Server(client) => open(client).await?,
                #[cfg(feature = "sentinel")]
                Target::Watched(sentinels) => open(&sentinels.primary(self.patience).await?).await?,
            };
            let profile =
                probe::examine(&mut call.connection, self.eviction).await.map_err(Fault::at_the_door)?;
            Ok((call, profile))
        };
        let late = Fault::timeout("the server does not answer in time to be connected to");
        timeout(self.patience, opening).await.unwrap_or(Err(late))
    }

    /// The same, and it has to take writes.
    async fn connect_to_primary(&self) -> Result<(Call, Profile), Fault> {
        let (call, profile) = self.connect().await?;
        profile.judge_role()?;
        Ok((call, profile))
    }
}

/// Opens a connection that says when it is lost, as far as the protocol lets it.
async fn open(client: &Client) -> Result<Call, Fault> {
    let lost = Arc::new(AtomicBool::new(false));
    // The deadlines are ours: one for the whole of a call.
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(LINE);
    if client.get_connection_info().redis_settings().protocol().supports_resp3() {
        let lost = Arc::clone(&lost);
        config = config.set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                lost.store(true, Ordering::Relaxed);
            }
            Ok::<(), ()>(())
        });
    }
    let opening = client.get_multiplexed_async_connection_with_config(&config).await;
    let connection = opening.map_err(|error| Fault::from(&error).at_the_door())?;
    Ok(Call { connection, lost })
}

/// The connection that all clones of a store share.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    dial: Dial,
    line: watch::Sender<Line>,
}

struct Line {
    state: State,
    /// Earlier than this, nobody connects again.
    not_before: Instant,
}

enum State {
    Up(Call),
    Dialling,
    Down(Fault),
}

impl Link {
    /// Connects for the first time.
    pub(crate) async fn open(dial: Dial) -> Result<Self, Fault> {
        let not_before = Instant::now() + PAUSE;
        let (mut call, profile) = dial.connect_to_primary().await?;
        // Whether it may look or not is no reason to wait, or to fail.
        timeout(dial.patience, probe::warn_of_snapshots(&mut call.connection, &profile)).await.ok();
        if profile.clustered == Some(true) {
            tracing::warn!(
                target: "verify",
                "this Redis is a node of a cluster and will refuse other nodes' keys; use `redis-cluster://`"
            );
        }
        let line = watch::Sender::new(Line { state: State::Up(call), not_before });
        Ok(Self(Arc::new(Shared { dial, line })))
    }

    /// Sends the commands and gets a reply to each, within the deadline.
    pub(crate) async fn run(&self, commands: &Pipeline, deadline: Duration) -> Result<Vec<Value>, Fault> {
        let until = Instant::now() + deadline;
        let mut call = match timeout_at(until, self.call()).await {
            Ok(call) => call?,
            // Nothing was sent, and whoever connects goes on.
            Err(_) => return Err(Fault::unavailable("the connection was lost, and there is no new one yet")),
        };
        let sending = call.connection.send_packed_commands(commands, 0, commands.len());
        match timeout_at(until, sending).await {
            Ok(Ok(replies)) => {
                if replies.iter().any(ends_the_connection) {
                    call.give_up();
                }
                Ok(replies)
            }
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() || error.is_io_error() {
                    call.give_up();
                }
                Err(Fault::from(&error))
            }
            // Perhaps the server is slow, perhaps nothing will ever come back: another connection will tell.
            Err(_) => {
                call.give_up();
                Err(Fault::timeout("the server does not answer in time"))
            }
        }
    }

    /// The connection, or the new one that somebody is opening.
    async fn call(&self) -> Result<Call, Fault> {
        let line = &self.0.line;
        if let State::Up(call) = &line.borrow().state
            && !call.is_lost()
        {
            return Ok(call.clone());
        }
        self.redial();
        let mut news = line.subscribe();
        let settled = news.wait_for(|line| !matches!(line.state, State::Dialling)).await;
        match settled.as_deref().map(|line| &line.state) {
            Ok(State::Up(call)) => Ok(call.clone()),
            Ok(State::Down(fault)) => Err(fault.clone()),
            Ok(State::Dialling) | Err(_) => Err(Fault::unavailable("there is no connection")),
        }
    }

    /// Connects again unless somebody does; in a task, since whoever calls may hang up.
    fn redial(&self) {
        let shared = &self.0;
        let mut was_up = false;
        let begins = shared.line.send_if_modified(|line| {
            was_up = match &line.state {
                State::Dialling => return false,
                State::Up(call) if !call.is_lost() => return false,
                State::Up(_) => true,
                State::Down(_) => false,
            };
            line.state = State::Dialling;
            true
        });
        if begins {
            if was_up {
                tracing::warn!(target: "verify", "the connection to Redis is lost; connecting again");
            }
            tokio::spawn(Redialling(Some(Arc::clone(shared))).run(was_up));
        }
    }
}

/// Somebody who connects again, until he has. If the runtime ends on the way, the next caller begins anew on another
/// one.
struct Redialling(Option<Arc<Shared>>);

impl Redialling {
    async fn run(mut self, was_up: bool) {
        let Some(shared) = self.0.clone() else { return };
        let not_before = shared.line.borrow().not_before;
        sleep_until(not_before).await;
        let not_before = Instant::now() + PAUSE;
        let state = match shared.dial.connect_to_primary().await {
            Ok((call, _)) => {
                tracing::info!(target: "verify", "connected to Redis again");
                State::Up(call)
            }
            Err(fault) => {
                // Later attempts are made for calls, each of which is told.
                if was_up {
                    tracing::warn!(target: "verify", "Redis cannot be reached: {fault}");
                }
                State::Down(fault)
            }
        };
        // From here on, somebody else may begin anew, and must not be disturbed.
        self.0 = None;
        shared.line.send_replace(Line { state, not_before });
    }
}

impl Drop for Redialling {
    fn drop(&mut self) {
        let Some(shared) = &self.0 else { return };
        shared.line.send_modify(|line| {
            line.state = State::Down(Fault::unavailable("the runtime ended while it was connecting again"));
        });
    }
}

/// A server that was made a replica stays one; its successor is at the end of another connection.
fn ends_the_connection(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if matches!(error.code(), "READONLY" | "NOAUTH"))
}

/// Asks a server outside of any store.
#[cfg(feature = "sentinel")]
pub(crate) async fn ask_once(client: &Client, command: &redis::Cmd) -> Result<Value, Fault> {
    let mut call = open(client).await?;
    let reply = call.connection.send_packed_command(command).await;
    reply.map_err(|error| Fault::from(&error).at_the_door())
}
