//! What a challenge costs a Redis: bytes while it is open, commands and round trips, and how many a second one process
//! gets through. For capacity plans:
//!
//! ```sh
//! redis-server --port 7777 --save '' &
//! cargo run --release -p verify-redis --example footprint -- redis://127.0.0.1:7777 20000
//! ```
//!
//! Give it a server of its own: it counts everything that the server does, and leaves its entries to expire.
#![allow(clippy::disallowed_methods, reason = "it measures how long things take")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;
use verify_core::{
    Budgets, Channel, Contact, Countries, Courier, CourierError, Delivery, Engine, Factor, Gate, KeyRing,
    Origin, Policy, Subject,
};
use verify_redis::RedisStore;

/// Tasks that ask at the same time.
const TASKS: usize = 64;

/// Delivers at once to this process, which answers later on.
#[derive(Clone, Debug, Default)]
struct Phones {
    codes: Arc<Mutex<HashMap<String, String>>>,
}

impl Phones {
    fn code(&self, number: &str) -> String {
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.get(number).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Courier for Phones {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.insert(delivery.to().expose().to_owned(), delivery.code().expose().to_owned());
        Ok(())
    }

    fn is_development(&self) -> bool {
        false
    }

    fn is_instant(&self) -> bool {
        true
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let challenges: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;

    // It is asked what a busy server may take its time for.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut server =
        redis::Client::open(url.as_str())?.get_multiplexed_async_connection_with_config(&patient).await?;
    let phones = Phones::default();
    let engine = Engine::builder(
        KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?,
        Origin::parse("https://bank.example")?,
    )
    .store(RedisStore::connect(&url).await?)
    .courier(Channel::Sms, phones.clone())
    .countries(Countries::any())
    .contacts(|subject: &Subject<'_>, _: Channel| Contact::phone(subject.id()).ok())
    .budgets(Budgets::default().per_source([]))
    .build()?;
    let gate = engine.gate(Policy::new("vault").require(Factor::code("step-up").over([Channel::Sms])))?;

    let before = Meter::read(&mut server).await?;
    let begun = Instant::now();
    let tickets = each(challenges, {
        let (engine, gate) = (engine.clone(), gate.clone());
        move |number| send(engine.clone(), gate.clone(), number)
    })
    .await?;
    let sent = Meter::read(&mut server).await?;
    let bytes = sent.memory.saturating_sub(before.memory);
    println!("{challenges} open challenges: {} bytes each, of which", bytes / challenges);
    split(&mut server, bytes, challenges).await?;
    before.report("sends", &sent, challenges, begun);

    let tickets = Arc::new(tickets);
    let mut before = Meter::read(&mut server).await?;
    for (what, right) in [("wrong answers", false), ("right answers", true)] {
        let begun = Instant::now();
        let (engine, tickets, phones) = (engine.clone(), Arc::clone(&tickets), phones.clone());
        let answered = each(challenges, move |number| {
            let (engine, tickets, phones) = (engine.clone(), Arc::clone(&tickets), phones.clone());
            async move {
                let code = phones.code(&phone(number));
                let other = format!("{:06}", (code.parse::<u32>()? + 1) % 1_000_000);
                let code = if right { code } else { other };
                let ticket = tickets.get(number).map(String::as_str).unwrap_or_default();
                let done = engine.direct(Subject::user(phone(number))).check(ticket, &code).await;
                Ok(done.is_ok().to_string())
            }
        })
        .await?;
        let passed = answered.iter().filter(|answer| *answer == "true").count();
        let after = Meter::read(&mut server).await?;
        before.report(&format!("{what} ({passed} passed)"), &after, challenges, begun);
        before = after;
    }
    Ok(())
}

fn phone(number: usize) -> String {
    format!("+1202{number:07}")
}

async fn send(engine: Engine, gate: Gate, number: usize) -> Result<String, Box<dyn Error + Send + Sync>> {
    let direct = engine.direct(Subject::user(phone(number)));
    let ticket = direct.offer(&gate, "step-up")?;
    let mut sent = direct.send(&ticket, None).await?;
    if let Some(errand) = sent.errand() {
        errand.run().await.map_err(|kind| format!("{kind:?}"))?;
    }
    Ok(sent.ticket().to_owned())
}

/// Does it for each number, so many at a time; the results in order.
async fn each<F>(
    count: usize,
    job: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<Vec<String>, Box<dyn Error>>
where
    F: Future<Output = Result<String, Box<dyn Error + Send + Sync>>> + Send,
{
    let mut set = JoinSet::new();
    for task in 0..TASKS {
        let job = job.clone();
        set.spawn(async move {
            let mut done = Vec::new();
            for number in (task..count).step_by(TASKS) {
                done.push((number, job(number).await.map_err(|error| error.to_string())?));
            }
            Ok::<_, String>(done)
        });
    }
    let mut all = BTreeMap::new();
    while let Some(done) = set.join_next().await {
        all.extend(done??);
    }
    Ok(all.into_values().collect())
}

/// Who takes the bytes: challenges live for minutes, waits for half a minute at first, and counts for their windows.
async fn split(
    server: &mut MultiplexedConnection,
    bytes: usize,
    challenges: usize,
) -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = redis::cmd("KEYS").arg("verify:*").query_async(server).await?;
    let mut kinds = BTreeMap::<&str, (usize, usize)>::new();
    for names in names.chunks(1000) {
        let mut asked = redis::pipe();
        for name in names {
            asked.cmd("MEMORY").arg("USAGE").arg(name).cmd("PTTL").arg(name);
        }
        let told: Vec<Option<i64>> = asked.query_async(server).await?;
        for (name, told) in names.iter().zip(told.chunks(2)) {
            let &[Some(bytes), Some(left)] = told else { continue };
            let kind = match name.starts_with("verify:c") {
                true => "for the counts of its address",
                false if left > 60_000 => "for itself",
                false => "for the waits of its user and its address",
            };
            let (entries, sum) = kinds.entry(kind).or_default();
            *entries += 1;
            *sum += usize::try_from(bytes)?;
        }
    }
    // The server does not count what its tables take for each entry: places in both, and an entry in that of the ends.
    let seen: usize = kinds.values().map(|(_, sum)| sum).sum();
    let entries: usize = kinds.values().map(|(entries, _)| entries).sum();
    let unseen = bytes.saturating_sub(seen) as f64 / entries.max(1) as f64;
    for (kind, (entries, sum)) in kinds {
        let each = (sum as f64 + unseen * entries as f64) / challenges as f64;
        println!("  {each:.0} {kind}, in {:.1} entries", entries as f64 / challenges as f64);
    }
    Ok(())
}

/// What a server says of itself.
struct Meter {
    memory: usize,
    seconds: f64,
    commands: BTreeMap<String, usize>,
}

impl Meter {
    async fn read(server: &mut MultiplexedConnection) -> Result<Self, Box<dyn Error>> {
        let info: String = redis::cmd("INFO").arg("everything").query_async(server).await?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0").trim();
        let calls = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        };
        Ok(Self {
            memory: field("used_memory:").parse()?,
            seconds: field("used_cpu_user:").parse::<f64>()? + field("used_cpu_sys:").parse::<f64>()?,
            commands: info.lines().filter_map(calls).collect(),
        })
    }

    fn report(&self, what: &str, after: &Self, challenges: usize, begun: Instant) {
        let count = challenges as f64;
        println!(
            "{:.0} {what} a second, each {:.0} µs of the server's processor time and these commands:",
            count / begun.elapsed().as_secs_f64(),
            (after.seconds - self.seconds) * 1e6 / count,
        );
        for (name, calls) in &after.commands {
            let calls = calls - self.commands.get(name).copied().unwrap_or(0);
            if calls >= challenges / 2 {
                println!("  {:.1} {name}", calls as f64 / count);
            }
        }
    }
}
