//! Somebody's server that receives callbacks, and writes down every byte of them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// A callback as it came.
#[derive(Clone, Debug)]
pub struct Callback {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
}

impl Callback {
    /// The values of its query, decoded.
    pub fn values(&self) -> BTreeMap<String, String> {
        let query = self.target.split_once('?').expect("it has a query").1;
        let pairs = query.split('&').map(|pair| pair.split_once('=').expect("a name and a value"));
        pairs.map(|(name, value)| (name.to_owned(), decode(value))).collect()
    }

    pub fn get(&self, name: &str) -> String {
        self.values().remove(name).unwrap_or_else(|| panic!("no {name} in {}", self.target))
    }

    /// Its status, and whether it says that the PIN matched.
    pub fn said(&self) -> (String, String) {
        (self.get("status"), self.get("matched"))
    }
}

fn decode(text: &str) -> String {
    assert!(!text.contains('+'), "a space is %20: {text}");
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// A running receiver. It ends with the process; nothing that it holds outlives that.
pub struct Receiver {
    address: SocketAddr,
    came: mpsc::Receiver<Callback>,
    answers: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, came) = mpsc::channel();
        let answers: Arc<Mutex<Vec<String>>> = Arc::default();
        let next = Arc::clone(&answers);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut first, mut length) = (String::new(), 0);
                if reader.read_line(&mut first).unwrap_or_default() == 0 {
                    continue;
                }
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = text.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let mut words = first.split(' ').map(str::to_owned);
                let callback =
                    Callback { method: words.next().unwrap(), target: words.next().unwrap(), body };
                let answer = next.lock().unwrap().pop().unwrap_or_else(|| "200 OK\r\n".to_owned());
                let whole = format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(whole.as_bytes()).ok();
                if send.send(callback).is_err() {
                    break;
                }
            }
        });
        Self { address, came, answers }
    }

    /// Its address, as a parameter has it: without a scheme.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// What the next requests are answered with, the first one last.
    pub fn then(&self, answers: &[&str]) {
        *self.answers.lock().unwrap() = answers.iter().rev().map(|answer| format!("{answer}\r\n")).collect();
    }

    /// Waits for the next one.
    pub fn next(&self) -> Callback {
        self.came.recv_timeout(Duration::from_secs(20)).expect("a callback comes")
    }

    /// Whether one has come that nobody waited for.
    pub fn is_silent(&self) -> bool {
        self.came.try_recv().is_err()
    }
}
