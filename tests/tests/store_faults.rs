//! Both banks on a Redis that fails: nobody passes who should not, nobody waits for ever, and nothing that was used is
//! good again afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-redis/tests/support/fake.rs"]
mod fake;
#[path = "../../verify-redis/tests/support/proxy.rs"]
mod proxy;
#[path = "../../verify-redis/tests/support/server.rs"]
mod server;

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use proxy::Proxy;
use server::{Server, until};
use tests::bank::{Bank, FRAMEWORKS, Framework};
use tests::ceremony::{Opened, payment, send};
use tests::http::{Request, Response};

fn vault() -> Request {
    Request::get("/vault")
}

fn with(request: Request, user: &str, clearance: &str) -> Request {
    request.user(user).header("challenge-clearance", clearance)
}

fn in_line(opened: &Opened) -> Request {
    let request = vault().user(&opened.user).header("challenge-id", &opened.id);
    request.header("challenge-answer", &opened.code)
}

/// What a bank has given out before its store fails.
struct Before {
    bank: Bank,
    /// Tells the customers of this bank from those of the other, which has the same store.
    mark: &'static str,
    /// A clearance of "ann".
    clearance: String,
    /// Redeemed by "ann".
    used: Opened,
    /// Two open challenges, one of which is to be answered while the store fails.
    open: [Opened; 2],
    /// An approval of "cat" that was executed, and one of "dan" that was not.
    executed: String,
    approval: String,
    /// Never sent.
    unsent: String,
}

impl Before {
    fn at(framework: Framework, store: &str) -> Self {
        let bank = Bank::start_with(framework, &["--store", store]);
        let mark = if framework == Framework::Axum { "axum" } else { "actix" };
        let name = |name: &str| format!("{name}-{mark}");
        let used = Opened::at(&bank, &name("ann"), &vault());
        let clearance = used.clearance(&bank);
        let executed = Opened::at(&bank, &name("cat"), &payment("10.00")).clearance(&bank);
        assert_eq!(bank.ask(&with(payment("10.00"), &name("cat"), &executed)).status, 200);
        let approval = Opened::at(&bank, &name("dan"), &payment("10.00")).clearance(&bank);
        let open = ["ben", "bob"].map(|user| Opened::at(&bank, &name(user), &vault()));
        let blocked = bank.ask(&vault().user(&name("eva"))).json();
        let unsent = blocked["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
        Self { bank, mark, clearance, used, open, executed, approval, unsent }
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.mark)
    }

    /// Everything that needs the store is 503, at once; what does not need it is as ever.
    fn fails(&self, what: &str) {
        let bank = &self.bank;
        thread::scope(|scope| {
            let closed: [Box<dyn FnOnce() -> Response + Send>; 5] = [
                Box::new(|| self.open[0].solve(bank)),
                Box::new(|| bank.ask(&in_line(&self.open[0]))),
                Box::new(|| bank.ask(&with(payment("10.00"), &self.name("dan"), &self.approval))),
                Box::new(|| bank.ask(&with(payment("10.00"), &self.name("cat"), &self.executed))),
                Box::new(|| send(bank, &self.name("eva"), &self.unsent)),
            ];
            let closed = closed.map(|ask| scope.spawn(ask));
            // Meanwhile, so that they would be seen to wait.
            for path in ["/", "/news"] {
                assert_eq!(bank.ask(&Request::get(path)).status, 200, "{what}: {path}");
            }
            assert_eq!(
                bank.ask(&with(vault(), &self.name("ann"), &self.clearance)).status,
                200,
                "{what}: cleared"
            );
            assert_eq!(bank.ask(&vault().user(&self.name("fay"))).status, 403, "{what}: blocked");
            for (number, answer) in closed.into_iter().enumerate() {
                let answer = answer.join().unwrap();
                assert_eq!(answer.status, 503, "{what}, {number}: {}", answer.text());
                let wait = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
                assert!(wait.is_some_and(|wait| (1..=60).contains(&wait)), "{what}, {number}: {wait:?}");
            }
        });
    }

    /// Without anybody's help it serves again.
    fn recovers(&self, what: &str) {
        let bank = &self.bank;
        // Each visitor asks once, so that none runs into the limit for messages.
        let mut number = 0;
        until(&format!("{what}: it serves again"), || {
            number += 1;
            let user = self.name(&format!("new-{number}"));
            let blocked = bank.ask(&vault().user(&user)).json();
            send(bank, &user, blocked["alternatives"][0][0]["id"].as_str().unwrap()).status == 200
        });
        let opened = Opened::at(bank, &self.name("gus"), &vault());
        assert_eq!(opened.answer(bank, &opened.wrong(0)).status, 403, "{what}");
        let clearance = opened.clearance(bank);
        assert_eq!(bank.ask(&with(vault(), &self.name("gus"), &clearance)).status, 200, "{what}");
    }

    /// What was used stays used, whatever the store has forgotten.
    fn stays_used(&self, what: &str) {
        let bank = &self.bank;
        assert_eq!(self.used.solve(bank).status, 409, "{what}: a used code");
        assert_eq!(bank.ask(&in_line(&self.used)).status, 409, "{what}: a used code in line");
        let executed = bank.ask(&with(payment("10.00"), &self.name("cat"), &self.executed));
        assert_eq!(executed.status, 409, "{what}: an executed approval: {}", executed.text());
        assert_eq!(
            bank.ask(&with(vault(), &self.name("ann"), &self.clearance)).status,
            200,
            "{what}: still cleared"
        );
    }

    /// What was open and has not been lost is good, once.
    fn still_open(&self, what: &str) {
        let bank = &self.bank;
        assert_eq!(self.open[1].solve(bank).status, 200, "{what}");
        assert_eq!(self.open[1].solve(bank).status, 409, "{what}");
    }

    /// What was open and has been lost is dead.
    fn lost(&self, what: &str) {
        let bank = &self.bank;
        for opened in &self.open {
            assert_eq!(opened.solve(bank).status, 409, "{what}");
        }
        let approval = bank.ask(&with(payment("10.00"), &self.name("dan"), &self.approval));
        assert_eq!(approval.status, 409, "{what}: {}", approval.text());
    }
}

/// Runs both banks into a fault of one Redis and out of it again.
fn outlive(
    what: &str,
    redis: &mut Server,
    begin: impl Fn(&mut Server),
    end: impl Fn(&mut Server),
) -> Vec<Before> {
    let url = redis.url();
    let banks: Vec<_> = FRAMEWORKS.into_iter().map(|framework| Before::at(framework, &url)).collect();
    begin(redis);
    for before in &banks {
        before.fails(what);
    }
    end(redis);
    for before in &banks {
        before.recovers(what);
        before.stays_used(what);
    }
    banks
}

#[test]
fn killed_and_restarted_empty() {
    let mut redis = Server::start(&[]);
    for before in outlive("killed", &mut redis, Server::kill, Server::start_again) {
        before.lost("restarted empty");
    }
}

#[test]
fn frozen() {
    let mut redis = Server::start(&[]);
    // Nothing is lost; a request that Redis had received before it froze is carried out afterwards, which is why only
    // the challenge that nobody touched must be open still.
    for before in outlive("frozen", &mut redis, |redis| redis.freeze(), |redis| redis.thaw()) {
        before.still_open("frozen");
    }
}

#[test]
fn paused() {
    let mut redis = Server::start(&[]);
    // As an orderly failover does: what would write waits.
    let pause = |redis: &mut Server| {
        let () = redis.ask(&["CLIENT", "PAUSE", "3600000", "WRITE"]);
    };
    let go_on = |redis: &mut Server| {
        let () = redis.ask(&["CLIENT", "UNPAUSE"]);
    };
    for before in outlive("paused", &mut redis, pause, go_on) {
        before.still_open("paused");
    }
}

#[test]
fn out_of_memory() {
    let mut redis = Server::start(&[]);
    let limit = |bytes: &'static str| {
        move |redis: &mut Server| {
            let () = redis.ask(&["CONFIG", "SET", "maxmemory", bytes]);
        }
    };
    let url = redis.url();
    let banks: Vec<_> = FRAMEWORKS.into_iter().map(|framework| Before::at(framework, &url)).collect();
    limit("1")(&mut redis);
    for before in &banks {
        // Every try is counted before it is compared, and there is no room for the count.
        assert_eq!(before.open[0].solve(&before.bank).status, 503);
        assert_eq!(send(&before.bank, &before.name("eva"), &before.unsent).status, 503);
        assert_eq!(before.bank.ask(&with(vault(), &before.name("ann"), &before.clearance)).status, 200);
    }
    limit("0")(&mut redis);
    for before in &banks {
        before.recovers("out of memory");
        before.stays_used("out of memory");
        before.still_open("out of memory");
    }
}

#[test]
fn wrong_password() {
    let mut redis = Server::start(&[]);
    let change = |redis: &mut Server| {
        let mut connection = redis.connection();
        let () = redis::cmd("CONFIG").arg(&["SET", "requirepass", "changed"]).query(&mut connection).unwrap();
        // Those who are connected stay so; others must say who they are.
        let _: Result<(), _> = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).query(&mut connection);
    };
    let change_back = |redis: &mut Server| {
        let client = redis::Client::open(format!("redis://:changed@127.0.0.1:{}", redis.port())).unwrap();
        let mut connection = client.get_connection().unwrap();
        let () = redis::cmd("CONFIG").arg(&["SET", "requirepass", ""]).query(&mut connection).unwrap();
    };
    for before in outlive("wrong password", &mut redis, change, change_back) {
        before.still_open("wrong password");
    }
}

#[test]
fn replaced_by_something_that_is_not_redis() {
    let redis = Server::start(&[]);
    let proxy = Proxy::to(redis.port());
    let page = fake::serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    let banks: Vec<_> = FRAMEWORKS.into_iter().map(|framework| Before::at(framework, &proxy.url())).collect();
    proxy.lead_to(page);
    let _: i64 = redis.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    for before in &banks {
        before.fails("not Redis");
    }
    proxy.lead_to(redis.port());
    for before in &banks {
        before.recovers("not Redis");
        before.stays_used("not Redis");
        before.still_open("not Redis");
    }
}

#[test]
fn slower_than_the_deadline_and_then_faster() {
    let redis = Server::start(&["--enable-debug-command", "yes"]);
    let url = redis.url();
    let banks: Vec<_> = FRAMEWORKS.into_iter().map(|framework| Before::at(framework, &url)).collect();
    thread::scope(|scope| {
        // Ten seconds, five times as long as a call may take.
        scope.spawn(|| {
            let () = redis.ask(&["DEBUG", "SLEEP", "10"]);
        });
        until("it is slow", || banks[0].open[0].solve(&banks[0].bank).status == 503);
        let both: Vec<_> = banks.iter().map(|before| scope.spawn(|| before.fails("slow"))).collect();
        for one in both {
            one.join().unwrap();
        }
    });
    for before in &banks {
        before.recovers("slow");
        before.stays_used("slow");
        before.still_open("slow");
    }
}

#[test]
fn a_bank_that_finds_no_redis_does_not_open_and_tells_why() {
    let closed = server::free_port();
    let locked = Server::start(&["--requirepass", "hunter2"]);
    let evicting = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let page = fake::serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    for (what, url, said) in [
        ("nothing", format!("redis://127.0.0.1:{closed}"), "nothing listens"),
        ("a wrong password", format!("redis://:letmein@127.0.0.1:{}", locked.port()), "password"),
        ("an evicting one", evicting.url(), "noeviction"),
        ("something else", format!("redis://127.0.0.1:{page}"), "Redis"),
        ("no address", "redis:/x".to_owned(), "redis://"),
    ] {
        for framework in FRAMEWORKS {
            let output = Command::new(tests::bank::program_of(framework))
                .args(["--listen", "127.0.0.1:0", "--store", &url])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{what}: {framework:?} opens");
            assert!(told.contains(said), "{what}: {told}");
            assert!(!told.contains("letmein"), "{told}");
        }
    }
}
