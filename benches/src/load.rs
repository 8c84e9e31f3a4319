//! A bounded load over sockets of loopback: so many requests over so many connections, one contender after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client::{Connection, request};
use crate::compare::median;
use crate::cores;
use crate::on_axum::Route;
use crate::world::World;

/// Connections that are open at the same time.
pub const CONNECTIONS: usize = 32;

/// Who is asked, and what.
#[derive(Clone, Debug)]
pub struct Target {
    name: String,
    address: SocketAddr,
    asked: Asked,
    status: u16,
}

#[derive(Clone, Debug)]
enum Asked {
    /// The same again and again.
    Same(Arc<Vec<u8>>),
    /// Whole ceremonies, each of another user.
    Ceremonies(Arc<World>),
}

/// The four requests of a ceremony: blocked, send, check, allowed.
pub const CEREMONY: usize = 4;

/// How one contender did, beside the first.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Requests in the same time.
    pub throughput: f64,
    /// The time that one request in a hundred takes longer than.
    pub p99: f64,
    /// The share of its time that the client was busy. Near 1 it was the client that was measured.
    pub client: f64,
}

struct Sample {
    per_second: f64,
    p99: f64,
    client: f64,
}

impl Target {
    /// A server that is asked the same again and again.
    pub fn new(name: &str, address: SocketAddr, fields: &[(String, String)], status: u16) -> Self {
        let asked = Asked::Same(Arc::new(request("GET", "/vault", fields, "")));
        Self { name: name.to_owned(), address, asked, status }
    }

    /// The same server, taken through whole ceremonies of this world.
    #[must_use]
    pub fn through_ceremonies(self, name: &str, world: World) -> Self {
        Self { name: name.to_owned(), asked: Asked::Ceremonies(Arc::new(world)), ..self }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// So many requests in all, after one by each connection that does not count.
    async fn sample(&self, requests: usize, first: u32) -> Sample {
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let mut connection = Connection::open(self.address).await;
            if let Asked::Same(bytes) = &self.asked {
                assert_eq!(connection.ask(bytes).await.status, self.status, "{}", self.name);
            }
            connections.push(connection);
        }
        let each = requests / CONNECTIONS;
        let (begun, busy) = (Instant::now(), cores::busy());
        let mut tasks = JoinSet::new();
        for (index, connection) in (0_u32..).zip(connections) {
            let user = first + index * u32::try_from(each).unwrap();
            tasks.spawn(self.clone().drive(connection, each, user));
        }
        let mut took: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
        let elapsed = begun.elapsed().as_secs_f64();
        let client = busy.zip(cores::busy()).map_or(0.0, |(before, after)| (after - before).as_secs_f64());
        took.sort_unstable();
        let p99 = took[took.len() * 99 / 100].as_secs_f64();
        Sample { per_second: took.len() as f64 / elapsed, p99, client: client / elapsed }
    }

    async fn drive(self, mut connection: Connection, requests: usize, first: u32) -> Vec<Duration> {
        let mut took = Vec::with_capacity(requests);
        match &self.asked {
            Asked::Same(bytes) => {
                for _ in 0..requests {
                    let begun = Instant::now();
                    let status = connection.ask(bytes).await.status;
                    took.push(begun.elapsed());
                    assert_eq!(status, self.status, "{}", self.name);
                }
            }
            Asked::Ceremonies(world) => {
                for user in (first..).take(requests / CEREMONY) {
                    let user = (12_020_000_000_u64 + u64::from(user)).to_string();
                    ceremony(&mut connection, world, &user, &mut took).await;
                }
            }
        }
        took
    }
}

/// Blocked, sent, answered and allowed.
async fn ceremony(connection: &mut Connection, world: &World, user: &str, took: &mut Vec<Duration>) {
    let mut fields =
        vec![("host".to_owned(), "bank.example".to_owned()), ("x-user".to_owned(), user.to_owned())];
    let mut ask = async |bytes: Vec<u8>, status: u16| {
        let begun = Instant::now();
        let answer = connection.ask(&bytes).await;
        took.push(begun.elapsed());
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(answer.body));
        (text(answer.body, "\"id\":\""), answer.cookies())
    };
    let (id, _) = ask(request("GET", "/vault", &fields, ""), 403).await;
    ask(request("POST", "/challenge/send", &fields, &format!(r#"{{"id":"{id}"}}"#)), 200).await;
    let answer = format!(r#"{{"id":"{id}","code":"{}"}}"#, world.code(user));
    let (_, cookie) = ask(request("POST", "/challenge/check", &fields, &answer), 200).await;
    fields.push(("cookie".to_owned(), cookie));
    ask(request("GET", "/vault", &fields, ""), 200).await;
}

/// What follows this, up to the end of the string of JSON; nothing where it is not there.
fn text(body: &[u8], after: &str) -> String {
    let body = std::str::from_utf8(body).unwrap();
    let found = body.split_once(after).and_then(|(_, rest)| rest.split_once('"'));
    found.map_or_else(String::new, |(text, _)| text.to_owned())
}

/// Lets them take turns, as [`ratios`](crate::compare::ratios) does: medians of the ratios within a round.
pub fn contest(runtime: &Runtime, targets: &[Target], rounds: usize, requests: usize) -> Vec<Outcome> {
    let mut found = vec![(Vec::new(), Vec::new(), Vec::new()); targets.len()];
    let mut first = 0;
    for round in 0..=rounds {
        let mut samples: Vec<Option<Sample>> = targets.iter().map(|_| None).collect();
        for turn in 0..targets.len() {
            let index = (turn + round) % targets.len();
            samples[index] = Some(runtime.block_on(targets[index].sample(requests, first)));
            first += u32::try_from(requests).unwrap();
        }
        // The first round is for warmth.
        if round == 0 {
            continue;
        }
        let samples: Vec<Sample> = samples.into_iter().flatten().collect();
        for ((throughput, p99, client), sample) in found.iter_mut().zip(&samples) {
            throughput.push(sample.per_second / samples[0].per_second);
            p99.push(sample.p99 / samples[0].p99);
            client.push(sample.client);
        }
    }
    let outcome = |(throughput, p99, client)| Outcome {
        throughput: median(throughput),
        p99: median(p99),
        client: median(client),
    };
    found.into_iter().map(outcome).collect()
}

/// Puts routes of axum behind sockets.
pub fn on_axum(routes: Vec<(&str, Route)>) -> Vec<Target> {
    let (mut routers, mut heads) = (Vec::new(), Vec::new());
    for (name, route) in routes {
        let (router, fields, status) = route.into_parts();
        routers.push(router);
        heads.push((name, fields, status.as_u16()));
    }
    let addresses = crate::servers::axum(routers);
    let targets = heads.iter().zip(addresses);
    targets.map(|((name, fields, status), address)| Target::new(name, address, fields, *status)).collect()
}
