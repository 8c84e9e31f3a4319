use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn r55_whatever_is_taken_is_its_own_spelling(text in "(\\+|00)[1-9][0-9 ().\\-]{6,18}") {
        if let Ok(taken) = Contact::phone(&text) {
            let again = Contact::phone(taken.expose());
            prop_assert!(again == Ok(taken.clone()), "{} of {}", taken.expose(), text);
            prop_assert!((8..=16).contains(&taken.expose().len()));
        }
    }

    #[test]
    fn r49_no_address_panics(text in ".{0,60}") {
        let _ = (Contact::phone(&text), Contact::email(&text));
        let _ = Contact::email(&format!("{text}@example.com")).map(|contact| contact.counted(str::len));
    }
}

#[test]
fn r55_spellings_of_one_address_are_one_address() {
    let phone = |text| Contact::phone(text).unwrap();
    assert!(phone("+447700900123") == phone("+44 (7700) 900.123"));
    let mail = |text| Contact::email(text).unwrap();
    assert!(mail("a@EXAMPLE.com") == mail("a@example.COM"));
    assert!(mail("A@example.com") != mail("a@example.com"));
}

#[test]
fn r55_every_spelling_of_a_number_is_that_number_or_refused() {
    let phone = |text| Contact::phone(text).map(|contact| contact.expose().to_owned());
    for (spelling, number) in [
        ("+44 7700 900123", "+447700900123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("+44 0 7700 900123", "+447700900123"),
        ("0044 7700 900123", "+447700900123"),
        ("0044 (0) 7700 900123", "+447700900123"),
        ("00 44 07700900123", "+447700900123"),
        ("+7 8 495 123-45-67", "+74951234567"),
        ("+7 (495) 123-45-67", "+74951234567"),
        ("+7 800 123 45 67", "+78001234567"),
        ("+1 1 202 555 0123", "+12025550123"),
        ("+36 06 30 123 4567", "+36301234567"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("+52 55 1234 5678", "+525512345678"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+225 01 23 45 67 89", "+2250123456789"),
        ("+242 06 123 4567", "+242061234567"),
    ] {
        assert_eq!(phone(spelling).as_deref(), Ok(number), "{spelling}");
    }
    for bad in [
        "+44 00 7700 900123",
        "+44 (00) 7700 900123",
        "+39 (0)6 1234 5678",
        "+225 (0)1 23 45 67 89",
        "+1 2 202 555 0123",
        "+1 120 255 5012",
        "+36 06 123 4567",
        "+1 202 555 012",
        "+44 7700 900123 9",
        "+44 770(0) 900123",
        "011 44 7700 900123",
        "07700 900123",
        "++44 7700 900123",
        "+999 123 456 789",
        "+210 123 456 789",
        "+1 ２025550123",
    ] {
        assert_eq!(phone(bad), Err(InvalidContact::Phone), "{bad}");
    }
}

#[test]
fn r55_a_number_is_its_own_only_spelling() {
    for number in ["+447700900123", "+390612345678", "+74951234567", "+12025550123", "+2250123456789"] {
        let once = Contact::phone(number).unwrap();
        assert!(Contact::phone(once.expose()).unwrap() == once);
        assert_eq!(once.expose(), number);
    }
}

#[test]
fn r55_tags_and_case_of_a_mail_address_have_one_budget() {
    let counted = |text: &str| Contact::email(text).unwrap().counted(str::to_owned);
    for other in ["Alice@example.com", "alice+1@EXAMPLE.com", "ALICE+a+b@example.com"] {
        assert_eq!(counted(other), "alice@example.com");
    }
    assert_ne!(counted("a.lice@example.com"), "alice@example.com");
    assert_ne!(counted("+1@example.com"), counted("+2@example.com"), "nothing but a tag is a name");
    let sent = Contact::email("Alice+bank@Example.com").unwrap();
    assert_eq!(sent.expose(), "Alice+bank@example.com", "and it goes where it was said");
}

#[test]
fn r55_look_alikes_are_refused_and_never_folded() {
    for bad in [
        "\u{430}lice@example.com",
        "alice@ex\u{430}mple.com",
        "ａlice@example.com",
        "alice@b\u{fc}cher.example",
    ] {
        assert_eq!(Contact::email(bad), Err(InvalidContact::Email), "{bad}");
    }
    let puny = |text| Contact::email(text).unwrap();
    assert!(puny("a@XN--bcher-kva.example") == puny("a@xn--bcher-kva.EXAMPLE"));
}

#[test]
fn o09_the_country_is_that_of_the_number_and_not_of_the_code() {
    for (number, country) in [
        ("+12025550123", "US"),
        ("+14165550123", "CA"),
        ("+18765550123", "JM"),
        ("+447700900123", "GB"),
        ("+447797712345", "JE"),
        ("+441624750123", "IM"),
        ("+79161234567", "RU"),
        ("+77011234567", "KZ"),
        ("+390669812345", "VA"),
        ("+4779123456", "SJ"),
        ("+61891621234", "CC"),
        ("+212528812345", "EH"),
        ("+35818123456", "AX"),
        ("+59997171234", "CW"),
        ("+5993181234", "BQ"),
        ("+420601123456", "CZ"),
    ] {
        let found = Contact::phone(number).unwrap().country().map(Country::code);
        assert_eq!(found, Some(country), "{number}");
    }
    for nowhere in ["+18005550123", "+19005550123", "+449012345678", "+447012345678"] {
        assert_eq!(Contact::phone(nowhere).unwrap().country(), None, "{nowhere}");
    }
    assert_eq!(Contact::email("a@example.com").unwrap().country(), None);
}

#[test]
fn r64_hostile_addresses_are_refused() {
    for bad in [
        "",
        "+",
        "447700900123",
        "+0447700900",
        "+44770090012x",
        "+44 7700 900123;ext=5",
        "+1-800-FLOWERS",
        "+447700900123\n",
        "+44\u{202e}7700900123",
        "+４４7700900123",
        "+1234567890123456",
        "tel:+447700900123",
    ] {
        assert_eq!(Contact::phone(bad), Err(InvalidContact::Phone), "{bad:?}");
    }
    for bad in [
        "",
        "a",
        "@example.com",
        "a@",
        "a@b",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "A <a@example.com>",
        "\"a b\"@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a\0@example.com",
        "a..b@example.com",
        "a@exämple.com",
        "a@-x.com",
        "a@example.com.",
        "a@b@example.com",
        "\u{202e}a@example.com",
    ] {
        assert_eq!(Contact::email(bad), Err(InvalidContact::Email), "{bad:?}");
    }
}

#[test]
fn r60_an_address_does_not_print() {
    let text = format!(
        "{:?} {:?}",
        Contact::phone("+447700900123").unwrap(),
        Contact::email("alice@example.com").unwrap()
    );
    assert!(!text.contains("7700") && !text.contains("alice"), "{text}");
}

#[test]
fn hints_show_little() {
    assert_eq!(Contact::email("alice@example.com").unwrap().hint(), "a***@e***.com");
    assert_eq!(Contact::phone("+12025550123").unwrap().hint(), "***-***-0123");
}

#[test]
fn r76_calling_codes() {
    for (number, code) in
        [("+12025550123", 1), ("+447700900123", 44), ("+420601123456", 420), ("+79161234567", 7)]
    {
        assert_eq!(Contact::phone(number).unwrap().calling_code(), code);
    }
}
