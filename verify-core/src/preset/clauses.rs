//! The numbers, and where they stand.

use crate::preset::{Clause, Rule};

const fn clause(number: &'static str, asks: &'static str, rule: Rule) -> Clause {
    Clause { number, asks, rule }
}

pub(super) const NIST: &[Clause] = &[
    clause(
        "NIST SP 800-63B-4, 3.2",
        "each alternative has an authenticator: a captcha or a proof of work is none",
        Rule::Authenticates,
    ),
    clause("NIST SP 800-63B-4, 3.1.3.2", "a code that is sent has six digits or more", Rule::Digits(6)),
    clause("NIST SP 800-63B-4, 3.1.3.2", "a code that is sent lives ten minutes at most", Rule::Life(600)),
    clause("NIST SP 800-63B-4, 3.1.3.1", "no code goes by mail", Rule::NoMail),
    clause(
        "NIST SP 800-63B-4, 3.2.9",
        "whoever is asked for a code by text message or call can choose another way",
        Rule::BesideTelephone,
    ),
    clause(
        "NIST SP 800-63B-4, 3.2.2",
        "an authenticator ends after 100 consecutive failures at most",
        Rule::Failures(100),
    ),
];

pub(super) const ASVS_L2: &[Clause] = &[
    clause(
        "OWASP Transaction Authorization, 2.2",
        "each alternative has an authenticator: a captcha or a proof of work is none",
        Rule::Authenticates,
    ),
    clause("OWASP ASVS 5.0, 6.5.3", "a code that is sent has six digits or more", Rule::Digits(6)),
    clause("OWASP ASVS 5.0, 6.5.5", "a code that is sent lives ten minutes at most", Rule::Life(600)),
    clause("OWASP ASVS 5.0, 6.5.5", "the code of an app counts for its own 30 seconds", Rule::Drift(0)),
    clause(
        "OWASP ASVS 5.0, 6.6.1",
        "whoever is asked for a code by text message or call can choose another way",
        Rule::BesideTelephone,
    ),
];

pub(super) const ASVS_L3: &[Clause] = &[
    clause(
        "OWASP Transaction Authorization, 2.2",
        "each alternative has an authenticator: a captcha or a proof of work is none",
        Rule::Authenticates,
    ),
    clause("OWASP ASVS 5.0, 6.5.3", "a code that is sent has six digits or more", Rule::Digits(6)),
    clause("OWASP ASVS 5.0, 6.5.5", "a code that is sent lives ten minutes at most", Rule::Life(600)),
    clause("OWASP ASVS 5.0, 6.5.5", "the code of an app counts for its own 30 seconds", Rule::Drift(0)),
    clause("OWASP ASVS 5.0, 6.3.6", "no code goes by mail", Rule::NoMail),
    clause("OWASP ASVS 5.0, 6.6.1", "no code goes by text message or call", Rule::NoTelephone),
    clause("OWASP ASVS 5.0, 6.3.8", "failures are not told apart: `.uniform_failures()`", Rule::Uniform),
];

pub(super) const PSD2: &[Clause] = &[
    clause(
        "Regulation (EU) 2018/389, 4(1)",
        "each alternative has an element that says who asks: a captcha or a proof of work is none",
        Rule::Authenticates,
    ),
    clause(
        "Regulation (EU) 2018/389, 7(1)",
        "no code goes by mail: a mailbox is nobody's possession",
        Rule::NoMail,
    ),
    clause(
        "Regulation (EU) 2018/389, 4(3)(a)",
        "failures are not told apart: `.uniform_failures()`",
        Rule::Uniform,
    ),
    clause(
        "Regulation (EU) 2018/389, 4(3)(b)",
        "five consecutive failures are the most: `Budgets::psd2()`",
        Rule::Failures(5),
    ),
    clause("Regulation (EU) 2018/389, 4(3)(b)", "a block follows: `Budgets::block_for(..)`", Rule::Blocks),
    clause(
        "Regulation (EU) 2018/389, 4(3)(d)",
        "access ends after five idle minutes at most: `.idle(..)`",
        Rule::Idle(300),
    ),
];
