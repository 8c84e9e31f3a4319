//! Mail through a real server, over real TLS: it arrives as a parser of others reads it, whatever goes wrong on the way, and
//! never twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use serde_json::{Value, json};
use tests::bank::{Bank, FRAMEWORKS};
use tests::http::Request;
use tests::mail::MailServer;
use verify_core::{
    Channel, Clock, Contact, Engine, Factor, FakeClock, KeyRing, Message, MissingContacts, Origin, Policy,
    RefusedKind, Subject, SystemClock,
};
use verify_providers::{CircuitBreaker, Smtp, SmtpError};

/// Everybody's mail address begins with their name.
fn engine(mail: Smtp, clock: impl Clock) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .site("Die Bank – für alle")
        .clock(clock)
        .courier(Channel::Email, mail)
        .contacts(|subject: &Subject<'_>, _: Channel| {
            Contact::email(&format!("{}@example.com", subject.id())).ok()
        })
        .missing_contacts(MissingContacts::Tell)
        .build()
        .unwrap()
}

fn smtp(server: &MailServer, before: &str) -> Smtp {
    let from = "Die Bank <no-reply@bank.example>";
    let smtp = Smtp::new(&server.url(before), from).unwrap().root_certificate(&server.authority()).unwrap();
    smtp.pause(Duration::from_millis(1))
}

async fn send(engine: &Engine, user: &str) -> Result<(), RefusedKind> {
    let gate =
        engine.gate(Policy::new("vault").require(Factor::code("by-mail").over([Channel::Email]))).unwrap();
    let direct = engine.direct(Subject::user(user.to_owned()));
    let ticket = direct.offer(&gate, "by-mail").unwrap();
    direct.send(&ticket, None).await.map(drop).map_err(|refused| refused.kind())
}

/// What the server tells comes over a pipe: at least so many of that kind.
fn waited(server: &MailServer, kind: &str, count: usize) -> Vec<Value> {
    server.waited(count, |event| event["event"] == kind)
}

fn mails(server: &MailServer, count: usize) -> Vec<Value> {
    waited(server, "mail", count)
}

/// The line that is the code.
fn code_in(text: &Value) -> String {
    let code = text.as_str().unwrap().lines().find(|line| line.len() == 6).unwrap();
    assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    code.to_owned()
}

const IMPLICIT: &str = "smtps://bank:hunter%3A2@";
const STARTTLS: &str = "smtp://bank:hunter%3A2@";

#[tokio::test]
async fn p20_mail_arrives_over_tls_as_a_parser_reads_it() {
    for (mode, before) in [("implicit", IMPLICIT), ("starttls", STARTTLS)] {
        let server = MailServer::start(mode);
        let engine = engine(smtp(&server, before), SystemClock::default());
        assert_eq!(send(&engine, "alice").await, Ok(()), "{mode}");
        let [mail] = &mails(&server, 1)[..] else { panic!("one mail") };
        assert_eq!(mail["defects"], serde_json::json!([]), "{mode}");
        assert_eq!(mail["envelope"], serde_json::json!(["no-reply@bank.example", "alice@example.com"]));
        assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &"bank".into()), "{mode}");
        assert_eq!(mail["kind"], "multipart/alternative");
        let header = |name: &str| mail["headers"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!(header("subject"), "Your Die Bank – für alle code");
        assert_eq!(
            (header("to"), header("auto-submitted")),
            ("alice@example.com".into(), "auto-generated".into())
        );
        assert!(header("from").contains("no-reply@bank.example"));
        assert!(header("message-id").ends_with("@bank.example>") && header("date").contains("20"));
        let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
        let code = code_in(&mail["text"]);
        assert!(html.contains(&code) && !header("subject").contains(&code));
        assert!(text.contains("https://bank.example/challenge/not-me?token="), "{text}");
        for call in ["<img", "src=", "<script", "<link"] {
            assert!(!html.contains(call), "{call}");
        }
    }
}

#[tokio::test]
async fn r57_one_connection_serves_many_and_a_lost_one_is_replaced() {
    let server = MailServer::start("implicit");
    let engine = engine(smtp(&server, IMPLICIT), SystemClock::default());
    for user in ["ann", "ben", "cyd"] {
        assert_eq!(send(&engine, user).await, Ok(()));
    }
    assert_eq!(mails(&server, 3).len(), 3);
    assert_eq!(server.told("connect").len(), 1);
}

/// What a server says about somebody, and what follows: how often it was asked, and how many mails it got.
#[tokio::test]
async fn r57_a_mail_is_sent_again_while_it_surely_has_not_arrived() {
    let server = MailServer::start("starttls");
    for (user, came_to, asked, got) in [
        ("gone", Err(RefusedKind::Invalid), 1, 0),
        ("relay", Err(RefusedKind::Unavailable), 1, 0),
        ("blocked", Err(RefusedKind::Unavailable), 1, 0),
        ("busy", Ok(()), 2, 1),
        ("down", Err(RefusedKind::Unavailable), 3, 0),
        ("full", Ok(()), 2, 1),
        ("spam", Err(RefusedKind::Unavailable), 1, 0),
        ("cut", Err(RefusedKind::Unavailable), 1, 0),
        ("mute", Err(RefusedKind::Unavailable), 1, 1),
    ] {
        let before = mails(&server, 0).len();
        let engine = engine(smtp(&server, STARTTLS), SystemClock::default());
        assert_eq!(send(&engine, user).await, came_to, "{user}");
        let address = format!("{user}@example.com");
        let arrived = mails(&server, before + got).len() - before;
        let asks = |event: &Value| event["event"] == "rcpt" && event["to"] == address.as_str();
        assert_eq!((server.waited(asked, asks).len(), arrived), (asked, got), "{user}");
    }
}

#[tokio::test]
async fn r57_the_second_try_is_the_same_mail_and_another_mail_is_another() {
    let server = MailServer::start("implicit");
    let engine = engine(smtp(&server, IMPLICIT), SystemClock::default());
    assert_eq!(send(&engine, "full").await, Ok(()));
    // It arrived, and its visitor asks again all the same, since nobody knows that.
    assert_eq!(send(&engine, "mute").await, Err(RefusedKind::Unavailable));
    assert_eq!(send(&engine, "mute").await, Err(RefusedKind::Unavailable));
    let ids: Vec<_> = waited(&server, "data", 4).into_iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((ids.len(), &ids[0]), (4, &ids[1]));
    assert!(ids[1] != ids[2] && ids[2] != ids[3], "{ids:?}");
    let codes: Vec<_> = mails(&server, 3).iter().skip(1).map(|mail| code_in(&mail["text"])).collect();
    assert_eq!(codes[0], codes[1], "the same code, so either mail does");
}

#[tokio::test]
async fn o15_slow_servers_and_dead_ones_end_at_the_deadline() {
    let server = MailServer::start("implicit");
    let slow = engine(smtp(&server, IMPLICIT).deadline(Duration::from_millis(400)), SystemClock::default());
    let sent = tokio::time::timeout(Duration::from_secs(5), send(&slow, "slow")).await;
    assert_eq!(sent.expect("it ends at its own deadline"), Err(RefusedKind::Unavailable));
    assert_eq!(server.told("mail").len(), 0);
    let down = smtp(&server, IMPLICIT);
    drop(server);
    assert_eq!(send(&engine(down, SystemClock::default()), "alice").await, Err(RefusedKind::Unavailable));
}

#[tokio::test]
async fn o15_a_bad_certificate_gets_no_mail_and_no_password() {
    let server = MailServer::start("implicit");
    let from = "no-reply@bank.example";
    let stranger = Smtp::new(&server.url(IMPLICIT), from).unwrap().pause(Duration::from_millis(1));
    assert_eq!(send(&engine(stranger, SystemClock::default()), "alice").await, Err(RefusedKind::Unavailable));
    let other = MailServer::start("implicit");
    let mixed = Smtp::new(&server.url(IMPLICIT), from).unwrap().root_certificate(&other.authority()).unwrap();
    let mixed = mixed.pause(Duration::from_millis(1));
    assert_eq!(send(&engine(mixed, SystemClock::default()), "alice").await, Err(RefusedKind::Unavailable));
    assert!(server.told("rcpt").is_empty() && server.told("mail").is_empty());
}

#[tokio::test]
async fn o15_wrong_credentials_are_no_visitors_fault_and_are_not_tried_again() {
    let server = MailServer::start("implicit");
    let mail = smtp(&server, "smtps://bank:wrong@");
    assert_eq!(send(&engine(mail, SystemClock::default()), "alice").await, Err(RefusedKind::Unavailable));
    assert_eq!((server.told("connect").len(), server.told("rcpt").len()), (1, 0));
}

#[tokio::test]
async fn r57_nothing_is_sent_when_the_code_is_dead() {
    let server = MailServer::start("implicit");
    let (clock, ahead) = (FakeClock::default(), FakeClock::default());
    ahead.advance(Duration::from_secs(3600));
    let mail = smtp(&server, IMPLICIT).clock(ahead);
    assert_eq!(send(&engine(mail, clock), "alice").await, Err(RefusedKind::Unavailable));
    assert!(server.told("connect").is_empty());
}

#[tokio::test]
async fn o15_a_server_that_fails_is_left_alone_for_a_while() {
    let server = MailServer::start("implicit");
    let clock = FakeClock::default();
    let breaker = CircuitBreaker::default().after(3).clock(clock.clone());
    let engine = engine(smtp(&server, IMPLICIT).breaker(breaker), SystemClock::default());
    assert_eq!(send(&engine, "down").await, Err(RefusedKind::Unavailable));
    let asked = server.told("rcpt").len();
    assert_eq!(send(&engine, "alice").await, Err(RefusedKind::Unavailable));
    assert_eq!(server.told("rcpt").len(), asked, "it is not even asked");
    clock.advance(Duration::from_secs(30));
    assert_eq!(send(&engine, "alice").await, Ok(()));
}

/// Whatever stands in a message, it is text of the mail: not a header field, not a command, not its end.
#[tokio::test]
async fn r64_a_message_cannot_write_header_fields_or_commands() {
    let server = MailServer::start("implicit");
    let engine = engine(smtp(&server, IMPLICIT), SystemClock::default());
    let gate =
        engine.gate(Policy::new("vault").require(Factor::code("by-mail").over([Channel::Email]))).unwrap();
    let text = "Grüße\n.\nMAIL FROM:<eve@evil.example>\n..two dots\nBcc: eve@evil.example\n";
    for (user, subject, came_to) in [
        ("ann", "Your code", Ok(())),
        ("ben", "Your code\r\nBcc: eve@evil.example", Err(RefusedKind::Unavailable)),
        ("cyd", "Your code\n\nand a body", Err(RefusedKind::Unavailable)),
        ("dot", "", Err(RefusedKind::Unavailable)),
    ] {
        let worded = engine.direct(Subject::user(user)).worded(move |_, _, _| {
            Message::new(text).with_subject(subject).with_html("<p>Grüße</p>\n.\nQUIT\n")
        });
        let ticket = worded.offer(&gate, "by-mail").unwrap();
        let sent = worded.send(&ticket, None).await.map(drop).map_err(|refused| refused.kind());
        assert_eq!(sent, came_to, "{subject:?}");
    }
    let [mail] = &mails(&server, 1)[..] else { panic!("one mail") };
    let lines = |part: &str| mail[part].as_str().unwrap().replace("\r\n", "\n").trim_end().to_owned();
    assert_eq!(lines("text"), text.trim_end());
    assert!(lines("html").contains("\n.\nQUIT"));
    assert_eq!(mail["defects"], json!([]));
    assert!(mail["headers"].get("bcc").is_none() && mail["raw"].as_str().unwrap().is_ascii());
    assert_eq!(server.told("rcpt").len(), 1);
}

/// The bank with `--smtp`: blocked, mailed, answered, in; and a mail that was none of the reader's is void.
#[test]
fn a_bank_sends_real_mail_on_both_frameworks() {
    for framework in FRAMEWORKS {
        let server = MailServer::start("none");
        let url = server.url("smtp://");
        let bank = Bank::start_with(framework, &["--smtp", &url, "--origin", "https://bank.test"]);
        let call = |user: &str, endpoint: &str, body: &Value| {
            bank.ask(&Request::json(&format!("/challenge/{endpoint}"), body).user(user))
        };
        let mut count = 0;
        let mut mailed = |user: &str| {
            let blocked = bank.ask(&Request::get("/vault").user(user)).json();
            let offer = &blocked["alternatives"][0][0];
            assert_eq!(offer["channels"], json!(["email"]));
            let sent = call(user, "send", &json!({ "id": offer["id"] }));
            assert_eq!(sent.status, 200, "{}", sent.text());
            count += 1;
            let mail = mails(&server, count).pop().expect("it arrives");
            assert_eq!(mail["envelope"], json!(["no-reply@bank.test", format!("{user}@example.com")]));
            let text = mail["text"].as_str().unwrap().to_owned();
            (sent.json()["id"].clone(), code_in(&mail["text"]), text)
        };
        let (id, code, _) = mailed("ann");
        let checked = call("ann", "check", &json!({ "id": id, "code": code }));
        assert_eq!(checked.status, 200, "{}", checked.text());
        let (id, code, text) = mailed("ben");
        let (_, link) =
            text.split_once("https://bank.test").unwrap().1.split_once("https://bank.test").unwrap();
        let link = link.split_whitespace().next().unwrap();
        assert_eq!(bank.ask(&Request::get(link).browser()).status, 200);
        let token = link.split_once('=').unwrap().1;
        let reported = bank.ask(&Request::json("/challenge/not-me", &json!({ "token": token })));
        assert_eq!(reported.json(), json!({ "status": "voided" }));
        assert_eq!(call("ben", "check", &json!({ "id": id, "code": code })).status, 409);
        let printed = bank.printed();
        assert!(printed.contains("reported") && !printed.contains(&code), "{printed}");
    }
}

#[test]
fn r60_settings_are_checked_and_the_password_does_not_print() {
    let new = |url: &str, from: &str| Smtp::new(url, from).map(drop).unwrap_err();
    assert_eq!(new("https://mail.example", "a@b.example"), SmtpError::Url);
    assert_eq!(new("smtps://mail.example", "no sender"), SmtpError::From);
    assert_eq!(new("smtps://mail.example", "a@b.example\r\nBcc: c@d.example"), SmtpError::From);
    let smtp = Smtp::new("smtps://bank:hunter2@mail.example", "a@b.example").unwrap();
    assert!(smtp.clone().root_certificate(b"no PEM").is_err());
    let shown = format!("{smtp:?}");
    assert!(shown.contains("mail.example") && !shown.contains("hunter2"), "{shown}");
}
