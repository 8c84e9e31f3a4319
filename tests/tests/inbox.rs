//! The bank's inbox shows every code, to whoever sits at its machine and to nobody else, on both frameworks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tests::bank::{Bank, FRAMEWORKS};
use tests::http::{Request, Response};

const INBOX: &str = "/challenge/inbox";

fn asked(bank: &Bank, method: &str, path: &str, host: &str) -> Response {
    let host = format!("{host}:{}", bank.address().port());
    bank.ask(&Request::new(method, path).header("accept", "application/json").header("host", &host))
}

#[test]
fn r75_the_inbox_is_not_shown_under_a_name_that_somebody_else_gave() {
    let banks = FRAMEWORKS.map(Bank::start_as_it_is);
    for bank in &banks {
        for here in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
            assert_eq!(asked(bank, "GET", INBOX, here).status, 200, "{here}");
        }
        // Only the inbox is for this machine alone.
        assert_eq!(asked(bank, "GET", "/news", "rebound.example").status, 200);
        assert_eq!(asked(bank, "GET", "/vault", "rebound.example").status, 403);
    }
    for there in ["rebound.example", "localhost.evil.example", "127.0.0.1.evil.example"] {
        for method in ["GET", "HEAD", "POST"] {
            let answers = [&banks[0], &banks[1]].map(|bank| {
                let answer = asked(bank, method, INBOX, there);
                (answer.status, answer.header("content-type").map(str::to_owned), answer.text())
            });
            assert_eq!(answers[0], answers[1], "{method} {there}");
            assert_eq!(answers[0].0, 403, "{method} {there}");
            assert!(method == "HEAD" || answers[0].2.contains("localhost"), "{answers:?}");
        }
        // No other spelling is a way around the door.
        for path in ["/challenge/inbox/", "/challenge//inbox", "/challenge/%69nbox", "/challenge/x/inbox"] {
            for bank in &banks {
                assert_eq!(asked(bank, "GET", path, there).status, 404, "{path}");
            }
        }
        let proxied = format!("http://{there}{INBOX}");
        for bank in &banks {
            assert_eq!(asked(bank, "GET", &proxied, "localhost").status, 403, "{proxied}");
        }
    }
}

#[test]
fn r75_the_inbox_is_shown_under_the_name_that_its_owner_gave() {
    for framework in FRAMEWORKS {
        let bank = Bank::start_with(framework, &["--host", "bank.test"]);
        assert_eq!(asked(&bank, "GET", INBOX, "bank.test").status, 200, "{framework:?}");
        assert_eq!(asked(&bank, "GET", INBOX, "localhost").status, 200, "{framework:?}");
        assert_eq!(asked(&bank, "GET", INBOX, "evil.bank.test").status, 403, "{framework:?}");
    }
}

#[test]
fn r75_a_bank_that_others_reach_does_not_open_unless_it_is_said_by_name() {
    for framework in FRAMEWORKS {
        let told = Bank::refused(framework, &["--listen", "0.0.0.0:0"]);
        assert!(told.contains("--danger-open-inbox"), "{told}");

        let bank = Bank::start_with(framework, &["--listen", "0.0.0.0:0", "--danger-open-inbox"]);
        assert_eq!(asked(&bank, "GET", INBOX, "rebound.example").status, 200, "{framework:?}");
    }
}

/// There is no inbox beside real couriers, and so nothing to keep others away from.
#[test]
fn a_bank_with_real_couriers_listens_where_it_is_told_to() {
    for framework in FRAMEWORKS {
        let account = format!("http://127.0.0.1:1,AC{},f00dfeedf00dfeed", "a".repeat(32));
        let real = ["--listen", "0.0.0.0:0", "--twilio", &account, "--origin", "https://bank.test"];
        let bank = Bank::start_with(framework, &real);
        for host in ["localhost", "bank.test"] {
            assert_eq!(asked(&bank, "GET", INBOX, host).status, 404, "{framework:?} {host}");
            assert_eq!(asked(&bank, "GET", "/news", host).status, 200, "{framework:?} {host}");
        }
    }
}
