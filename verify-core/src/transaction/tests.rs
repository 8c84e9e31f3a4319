//! The canonical encoding, against a model of its own.

use proptest::prelude::*;

use super::*;

fn eur(minor: u64) -> Money {
    Money::from_minor(minor, Currency::parse("EUR").unwrap()).unwrap()
}

fn payee(name: &str, iban: &str) -> Payee {
    Payee::new(name, Account::iban(iban).unwrap()).unwrap()
}

const DE: &str = "DE89370400440532013000";
const GB: &str = "GB29NWBK60161331926819";

fn acme() -> Payee {
    payee("Acme Inc.", DE)
}

#[test]
fn r22_the_encoding_is_what_the_page_says() {
    let transaction = Transaction::payment(eur(1000), acme()).unwrap().with_field("ref", "A1").unwrap();
    let mut expected = vec![1, 1, 0, 0, 0, 1];
    let line = [
        &1000_u64.to_be_bytes()[..],
        b"EUR",
        &9_u32.to_be_bytes(),
        b"Acme Inc.",
        &4_u32.to_be_bytes(),
        b"iban",
        &22_u32.to_be_bytes(),
        DE.as_bytes(),
    ]
    .concat();
    expected.extend(u32::try_from(line.len()).unwrap().to_be_bytes());
    expected.extend(line);
    expected.extend([0, 0, 0, 1, 0, 0, 0, 3, b'r', b'e', b'f', 0, 0, 0, 2, b'A', b'1']);
    assert_eq!(transaction.encode(), expected);
    assert_eq!(transaction.bound_encoding(), expected);
}

#[test]
fn r26_r27_equal_transactions_have_one_encoding_and_others_another() {
    let base = Transaction::payment(eur(1000), acme()).unwrap();
    let same = Transaction::payment(
        Money::parse("10", Currency::parse("EUR").unwrap()).unwrap(),
        payee("Acme Inc.", "de89 3704 0044 0532 0130 00"),
    )
    .unwrap();
    assert_eq!(base.bound_encoding(), same.bound_encoding());
    let usd = Money::from_minor(1000, Currency::parse("USD").unwrap()).unwrap();
    let others = [
        Transaction::payment(eur(1001), acme()).unwrap(),
        Transaction::payment(eur(999), acme()).unwrap(),
        Transaction::payment(usd, acme()).unwrap(),
        Transaction::payment(eur(1000), payee("Acme Inc", DE)).unwrap(),
        Transaction::payment(eur(1000), payee("Acme Inc.", GB)).unwrap(),
        Transaction::payment(eur(1000), acme()).unwrap().up_to(),
        Transaction::batch(vec![(eur(1000), acme())]).unwrap(),
        base.clone().with_field("ref", "1").unwrap(),
    ];
    for other in &others {
        assert_ne!(base.bound_encoding(), other.bound_encoding(), "{other:?}");
    }
}

#[test]
fn r28_a_batch_is_the_same_in_any_order_and_no_other() {
    let (a, b, c) = ((eur(1), acme()), (eur(2), acme()), (eur(1), payee("Bob", GB)));
    let batch = |lines: &[&(Money, Payee)]| {
        Transaction::batch(lines.iter().map(|line| (*line).clone()).collect()).unwrap().bound_encoding()
    };
    assert_eq!(batch(&[&a, &b, &c]), batch(&[&c, &a, &b]));
    assert_ne!(batch(&[&a, &b]), batch(&[&a, &c]), "another payee");
    assert_ne!(batch(&[&a, &b, &c]), batch(&[&a, &b]), "a line less");
    assert_ne!(batch(&[&a, &a, &b]), batch(&[&a, &b, &b]), "the same lines, in other numbers");
    // The same total and payees, with the amounts exchanged.
    let (d, e) = ((eur(2), payee("Bob", GB)), (eur(1), acme()));
    assert_ne!(batch(&[&b, &c]), batch(&[&d, &e]));
}

#[test]
fn r29_up_to_leaves_the_amount_out_of_the_binding_and_nothing_else() {
    let up_to = |minor, payee| Transaction::payment(eur(minor), payee).unwrap().up_to();
    assert_eq!(up_to(1000, acme()).bound_encoding(), up_to(5, acme()).bound_encoding());
    assert_ne!(up_to(1000, acme()).encode(), up_to(5, acme()).encode());
    assert_ne!(up_to(1000, acme()).bound_encoding(), up_to(1000, payee("Bob", DE)).bound_encoding());
}

#[test]
fn e54_what_makes_no_transaction_is_refused_with_the_reason() {
    use TransactionError as Error;
    let usd = Money::from_minor(1, Currency::parse("USD").unwrap()).unwrap();
    let most = eur(1_000_000_000_000_000);
    let batch = |lines| Transaction::batch(lines).unwrap_err();
    assert_eq!(Transaction::payment(eur(0), acme()).unwrap_err(), Error::Zero);
    assert_eq!(batch(vec![]), Error::Empty);
    assert_eq!(batch(vec![(eur(1), acme()), (usd, acme())]), Error::MixedCurrencies);
    assert_eq!(batch(vec![(most, acme()), (eur(1), acme())]), Error::TooMuch);
    assert_eq!(batch(vec![(eur(1), acme()); 51]), Error::TooManyLines);
    let long = payee(&"語".repeat(70), DE);
    assert_eq!(batch(vec![(eur(1), long); 50]), Error::TooLong);
    let with =
        |name: &str, value: &str| Transaction::payment(eur(1), acme()).unwrap().with_field(name, value);
    assert!(with("due-date", "2026-12-01").is_ok());
    for (name, value) in [("", "x"), ("A", "x"), ("a b", "x"), ("a", "x\ny")] {
        assert_eq!(with(name, value).unwrap_err(), Error::Field, "{name:?} {value:?}");
    }
    assert_eq!(with("a", "1").unwrap().with_field("a", "2").unwrap_err(), Error::Field);
}

#[test]
fn r60_a_transaction_does_not_print() {
    let debug =
        format!("{:?} {:?} {:?}", Transaction::payment(eur(4711), acme()).unwrap(), acme(), eur(4711));
    assert!(!debug.contains("4711") && !debug.contains("Acme") && !debug.contains("DE89"), "{debug}");
}

/// What a transaction is, told without its encoding: a multiset of lines and a set of fields.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    kind: u8,
    lines: Vec<(u64, usize, usize)>,
    fields: Vec<(usize, usize)>,
}

const NAMES: [&str; 4] = ["ab", "a", "abc", "b"];
const IBANS: [&str; 2] = [DE, GB];
const KEYS: [&str; 3] = ["a", "ab", "b"];

impl Model {
    fn canonical(mut self) -> Self {
        self.lines.sort_unstable();
        self.fields.sort_unstable();
        self
    }

    fn build(&self) -> Transaction {
        let line =
            |(minor, name, iban): &(u64, usize, usize)| (eur(*minor), payee(NAMES[*name], IBANS[*iban]));
        let mut transaction = match self.kind {
            3 => Transaction::batch(self.lines.iter().map(line).collect()).unwrap(),
            kind => {
                let (amount, payee) = line(&self.lines[0]);
                let payment = Transaction::payment(amount, payee).unwrap();
                if kind == 2 { payment.up_to() } else { payment }
            }
        };
        for (key, value) in &self.fields {
            transaction = transaction.with_field(KEYS[*key], NAMES[*value]).unwrap();
        }
        transaction
    }
}

fn model() -> impl Strategy<Value = Model> {
    let lines = proptest::collection::vec((1_u64..4, 0_usize..4, 0_usize..2), 1..4);
    let fields = proptest::collection::btree_map(0_usize..3, 0_usize..4, 0..3);
    (1_u8..=3, lines, fields).prop_map(|(kind, mut lines, fields)| {
        if kind != 3 {
            lines.truncate(1);
        }
        Model { kind, lines, fields: fields.into_iter().collect() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn r22_two_encodings_are_equal_exactly_when_the_transactions_are(one in model(), other in model()) {
        let same = one.clone().canonical() == other.clone().canonical();
        prop_assert_eq!(one.build().encode() == other.build().encode(), same);
        // Where less may be taken, the amount is not bound.
        let unlimited = |mut model: Model| {
            if model.kind == 2 { model.lines[0].0 = 1; }
            model.canonical()
        };
        let bound = unlimited(one.clone()) == unlimited(other.clone());
        prop_assert_eq!(one.build().bound_encoding() == other.build().bound_encoding(), bound);
    }

    #[test]
    fn r22_an_encoding_reads_back(model in model()) {
        let transaction = model.build();
        prop_assert!(Transaction::decode(&transaction.encode()) == Some(transaction));
    }

    #[test]
    fn r49_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Transaction::decode(&bytes);
    }

    #[test]
    fn r22_a_changed_byte_is_another_transaction_or_none(model in model(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let transaction = model.build();
        let mut bytes = transaction.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Transaction::decode(&bytes) != Some(transaction));
    }
}
