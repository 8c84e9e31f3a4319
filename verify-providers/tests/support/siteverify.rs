//! The vendors of captchas, on a free port of this machine: they speak as the real ones do, know their public test keys, take
//! a token once, and go wrong in every way that they are told to.
#![allow(dead_code, unreachable_pub, reason = "two crates use it, each its own part")]

#[path = "siteverify/answers.rs"]
mod answers;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use verify_core::{Clock, SystemClock};

/// The site key and the secret of a customer of every vendor.
pub const SITE_KEY: &str = "0x4AAA-site-key";
/// See [`SITE_KEY`].
pub const SECRET: &str = "0x4AAA-secret-hunter2";

/// How a vendor goes wrong.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "of the tests alone")]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// It takes the request and says nothing.
    Silent,
    /// This status, whatever the token, and `success` all the same.
    Status(u16),
    /// A page, with status 200.
    Html,
    /// Half an answer, of the right length.
    Truncated,
    /// The answer, with these members in the place of its own; null takes one away.
    Members(Value),
    /// These codes, whatever the token.
    Codes(&'static [&'static str]),
    /// An internal error, this many times.
    Stumbles(u32),
}

/// What a visitor has solved.
#[derive(Clone, Debug)]
struct Solved {
    host: String,
    action: String,
    cdata: String,
    at: SystemTime,
    /// By which attempt it was used.
    used: Option<String>,
}

#[derive(Debug, Default)]
struct Desk {
    fault: Fault,
    solved: HashMap<String, Solved>,
    asked: Vec<BTreeMap<String, String>>,
    count: u64,
    is_over: bool,
}

/// A running stub; it ends with the test.
#[derive(Debug)]
pub struct Siteverify {
    address: SocketAddr,
    desk: Arc<(Mutex<Desk>, Condvar)>,
}

impl Siteverify {
    /// Opens.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a test without its server has failed")]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let desk: Arc<(Mutex<Desk>, Condvar)> = Arc::default();
        let shared = Arc::clone(&desk);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if lock(&shared.0).is_over {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, desk }
    }

    /// Where a vendor is asked: `turnstile`, `hcaptcha`, `recaptcha` or `enterprise`.
    #[must_use]
    pub fn url(&self, vendor: &str) -> String {
        format!("http://{}/{vendor}", self.address)
    }

    /// Goes wrong from now on.
    pub fn fail(&self, fault: Fault) {
        lock(&self.desk.0).fault = fault;
        self.desk.1.notify_all();
    }

    /// A visitor solves a captcha now: the token.
    #[must_use]
    pub fn solve(&self, host: &str, action: &str, cdata: &str) -> String {
        self.solve_at(SystemClock::default().now(), host, action, cdata)
    }

    /// A visitor solves a captcha: the token.
    #[must_use]
    pub fn solve_at(&self, at: SystemTime, host: &str, action: &str, cdata: &str) -> String {
        let mut desk = lock(&self.desk.0);
        desk.count += 1;
        let token = format!("token-{:08}-of-a-visitor", desk.count);
        let solved = Solved { host: host.into(), action: action.into(), cdata: cdata.into(), at, used: None };
        desk.solved.insert(token.clone(), solved);
        token
    }

    /// What it was asked, field by field.
    #[must_use]
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        lock(&self.desk.0).asked.clone()
    }
}

impl Drop for Siteverify {
    fn drop(&mut self) {
        lock(&self.desk.0).is_over = true;
        self.desk.1.notify_all();
        // Wakes the listener, so that its thread ends too.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, shared: &(Mutex<Desk>, Condvar)) {
    let mut reader = BufReader::new(stream);
    while let Some((path, fields)) = read(&mut reader) {
        let mut desk = lock(&shared.0);
        desk.asked.push(fields.clone());
        while desk.fault == Fault::Silent && !desk.is_over {
            desk = shared.1.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
        let (status, kind, body) = desk.answer(&path, &fields);
        drop(desk);
        let head = format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if reader.get_mut().write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// The path and the fields of one request.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, BTreeMap<String, String>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut json, mut key) = (0, false, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let (name, value) = header.trim_end().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-type" => json = value == "application/json",
            "x-goog-api-key" => key = Some(value.to_owned()),
            "" => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut fields = if json { event(&body)? } else { form(&body)? };
    fields.extend(key.map(|key| ("secret".to_owned(), key)));
    Some((path, fields))
}

fn event(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let member = |name: &str| body.get("event")?.get(name)?.as_str().map(str::to_owned);
    let known = [("response", "token"), ("sitekey", "siteKey"), ("expected", "expectedAction")];
    Some(known.into_iter().filter_map(|(field, name)| Some((field.to_owned(), member(name)?))).collect())
}

fn form(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = std::str::from_utf8(body).ok()?;
    let decode = |text: &str| {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'%' => {
                    let pair = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?
                }
                b'+' => b' ',
                other => other,
            });
        }
        String::from_utf8(out).ok()
    };
    text.split('&')
        .map(|pair| pair.split_once('=').and_then(|(name, value)| Some((decode(name)?, decode(value)?))))
        .collect()
}

/// RFC 3339 in whole seconds (the civil calendar by H. Hinnant's days algorithm).
#[must_use]
pub fn rfc_3339(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}
