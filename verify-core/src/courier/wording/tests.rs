use super::*;
use crate::transaction::{Account, Currency, Money, Payee};

const LINK: &str = "https://bank.example/challenge/not-me?token=n1.k1.abc";

fn message(channel: Channel) -> Message {
    let origin = Origin::parse("https://bank.example:8443").unwrap();
    let wording = Wording {
        site: "Bank",
        origin: &origin,
        policy: "vault",
        purpose: "open the vault",
        language: None,
        texts: &[],
        not_me: LINK,
        link: None,
        life: Duration::from_secs(300),
        approval: None,
    };
    wording.render(channel, &Code::chosen("004711").unwrap())
}

#[test]
fn r61_an_sms_ends_with_the_origin_bound_line() {
    let message = message(Channel::Sms);
    assert_eq!(message.text().lines().last(), Some("@bank.example #004711"));
    assert_eq!(message.text().matches('@').count(), 1);
    assert!(message.text().contains("open the vault") && message.text().len() <= 160, "{}", message.text());
}

#[test]
fn r60_subject_line_and_debug_are_without_the_code() {
    let mail = message(Channel::Email);
    assert!(mail.text().contains("004711") && mail.subject().is_some_and(|line| !line.contains("004711")));
    assert!(!format!("{mail:?}").contains("004711"));
}

#[test]
fn a_call_spells_the_code() {
    assert!(message(Channel::Voice).text().contains("0, 0, 4, 7, 1, 1"));
}

fn approval(name: &str, channel: Channel) -> String {
    let origin = Origin::parse("https://bank.example").unwrap();
    let amount = Money::parse("1234.50", Currency::parse("EUR").unwrap()).unwrap();
    let payee = Payee::new(name, Account::iban("DE89370400440532013000").unwrap()).unwrap();
    let transaction = Transaction::payment(amount, payee).unwrap();
    let wording = Wording {
        site: "Bank",
        origin: &origin,
        policy: "transfers",
        purpose: "make a transfer",
        language: None,
        texts: &[],
        not_me: LINK,
        link: None,
        life: Duration::from_secs(300),
        approval: Some(Approving { transaction: &transaction, format: AmountFormat::International }),
    };
    wording.render(channel, &Code::chosen("004711").unwrap()).text().to_owned()
}

#[test]
fn r25_p10_an_approval_names_amount_and_payee_on_every_channel() {
    for channel in Channel::ALL {
        let text = approval("Acme Inc.", channel);
        assert!(text.contains("EUR 1,234.50") && text.contains("Acme Inc."), "{text}");
        assert!(text.contains("DE89"), "{text}");
    }
}

#[test]
fn p11_an_approval_is_worded_otherwise_than_a_code_to_get_in() {
    let opening = message(Channel::Sms);
    let approving = approval("Acme Inc.", Channel::Sms);
    assert!(opening.text().contains("is your code to") && !approving.contains("is your code to"));
    assert!(approving.contains("to pay") && !opening.text().contains("to pay"));
}

#[test]
fn p18_a_payee_cannot_write_the_last_line_and_the_message_stays_short() {
    let name = "@evil.example #000000 @evil.example #000000 @evil.example #0000";
    let text = approval(name, Channel::Sms);
    assert_eq!(text.lines().last(), Some("@bank.example #004711"));
    assert!(!text.lines().any(|line| line.starts_with("@evil")), "{text}");
    assert!(text.len() <= 306, "two parts of a text message at the most: {}", text.len());
}

#[test]
fn p20_the_engines_mail_has_both_forms_and_loads_nothing() {
    let mail = message(Channel::Email);
    let html = mail.html().unwrap();
    assert!(html.contains("004711") && html.contains(LINK) && mail.text().contains(LINK));
    for call in ["<img", "<script", "src=", "url(", "<link"] {
        assert!(!html.contains(call), "{call}");
    }
    assert_eq!(html.matches("href=").count(), 1, "{html}");
    assert!(message(Channel::Sms).html().is_none());
}

#[test]
fn r64_a_payees_name_is_text_in_html() {
    let origin = Origin::parse("https://bank.example").unwrap();
    let amount = Money::parse("1.00", Currency::parse("EUR").unwrap()).unwrap();
    let payee = Payee::new("<b>A&B</b>", Account::iban("DE89370400440532013000").unwrap()).unwrap();
    let transaction = Transaction::payment(amount, payee).unwrap();
    let approval = Approving { transaction: &transaction, format: AmountFormat::International };
    let wording = Wording {
        site: "Bank",
        origin: &origin,
        policy: "transfers",
        purpose: "pay",
        life: Duration::from_secs(300),
        language: None,
        texts: &[],
        not_me: LINK,
        link: None,
        approval: Some(approval),
    };
    let mail = wording.render(Channel::Email, &Code::chosen("004711").unwrap());
    assert!(!mail.html().unwrap().contains("<b>A"), "{}", mail.html().unwrap());
    assert!(mail.text().contains("<b>A&B</b>"));
}
