//! The banks and the gateway start, answer and stop: what is under way when they are asked to is finished.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use tests::bank::{Bank, FRAMEWORKS, Framework};
use tests::ceremony::payment;
use tests::gateway::Gateway;
use tests::http::Request;

/// Ctrl-C, and how systemd and those who run containers ask.
const SIGNALS: [&str; 2] = ["INT", "TERM"];

/// No machine under load takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_bank_starts_without_configuration_and_stops_when_it_is_asked_to() {
    for framework in FRAMEWORKS {
        for signal in SIGNALS {
            let bank = Bank::start_as_it_is(framework);
            for path in ["/", "/news", "/ledger"] {
                assert_eq!(bank.ask(&Request::get(path)).status, 200, "{framework:?} {path}");
            }
            bank.signal(signal);
            assert!(bank.ends_well_within(60), "{framework:?} {signal}");
        }
    }
}

/// A request whose head the server has read, and whose body is yet to come.
struct UnderWay {
    connection: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl UnderWay {
    fn begin(to: SocketAddr, request: Request) -> Self {
        let wire = request.header("expect", "100-continue").wire(to);
        let head = wire.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&wire[..head]).unwrap();
        let mut connection = BufReader::new(stream);
        let mut told = String::new();
        while !told.ends_with("\r\n\r\n") {
            assert_ne!(connection.read_line(&mut told).unwrap(), 0, "{told}");
        }
        assert!(told.starts_with("HTTP/1.1 100 "), "{told}");
        Self { connection, body: wire[head..].to_vec() }
    }

    fn finish(mut self) -> String {
        self.connection.get_mut().write_all(&self.body).unwrap();
        let mut answer = String::new();
        self.connection.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// Waits until nobody is let in any more: the signal was heard.
fn wait_until_closed(to: SocketAddr) {
    // A minute. Each look takes a port, of which there are not so many that it could look without a pause.
    for _ in 0..12_000 {
        match TcpStream::connect(to) {
            Ok(_) => thread::sleep(Duration::from_millis(5)),
            Err(error) => {
                let is_closed =
                    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset);
                assert!(is_closed, "{error}");
                return;
            }
        }
    }
    panic!("it still listens");
}

#[test]
fn a_bank_that_is_asked_to_stop_finishes_what_is_under_way() {
    for framework in FRAMEWORKS {
        for signal in SIGNALS {
            let bank = Bank::start_as_it_is(framework);
            let blocked = UnderWay::begin(bank.address(), payment("10.00").user("ada"));
            bank.signal(signal);
            wait_until_closed(bank.address());
            let answer = blocked.finish();
            assert!(answer.starts_with("HTTP/1.1 403 "), "{framework:?} {signal}: {answer}");
            assert!(answer.ends_with('}') && answer.contains("\"alternatives\""), "{answer}");
            assert!(bank.ends_well_within(60), "{framework:?} {signal}");
        }
    }
}

#[test]
fn a_gateway_that_is_asked_to_stop_finishes_what_is_under_way() {
    for framework in FRAMEWORKS {
        for signal in SIGNALS {
            let gateway = Gateway::start(framework);
            let service = Gateway::signed(Request::form("/v2/Services", "FriendlyName=Owl"));
            let made = UnderWay::begin(gateway.address(), service);
            gateway.signal(signal);
            wait_until_closed(gateway.address());
            let answer = made.finish();
            assert!(answer.starts_with("HTTP/1.1 201 "), "{framework:?} {signal}: {answer}");
            assert!(answer.contains("\"Owl\""), "{answer}");
            assert!(gateway.ends_well_within(60), "{framework:?} {signal}");
        }
    }
}

/// A visitor who never goes on holds nobody back for longer than containers wait.
#[test]
fn a_bank_that_is_asked_to_stop_waits_for_nobody_for_ever() {
    let stop = |framework: Framework| {
        let bank = Bank::start_as_it_is(framework);
        let mut half = TcpStream::connect(bank.address()).unwrap();
        half.write_all(b"POST /transfers HTTP/1.1\r\nhost: localhost\r\n").unwrap();
        let _held = UnderWay::begin(bank.address(), payment("10.00").user("ada"));
        bank.signal("TERM");
        assert!(bank.ends_well_within(9), "{framework:?}");
    };
    thread::scope(|scope| FRAMEWORKS.map(|framework| scope.spawn(move || stop(framework))).map(drop));
}
