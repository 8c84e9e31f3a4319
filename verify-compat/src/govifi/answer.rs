//! The payer's answer to the challenge, which comes with the confirmation.

use serde::Deserialize;
use verify_core::{CaptchaContext, CaptchaErrorKind, CaptchaVerifier, Origin, RefusedKind};

use crate::Secret;
use crate::govifi::challenge::PASSED;
use crate::govifi::fault::{Code, Fault};
use crate::govifi::inner::{Inner, factor};
use crate::govifi::session::{Challenge, Record};

/// The longest token that a vendor is asked about.
const LONGEST_TOKEN: usize = 8192;

/// `challenge_response`, as it comes.
#[derive(Deserialize)]
pub(crate) struct Response {
    #[serde(rename = "type")]
    kind: String,
    token: Option<Secret>,
    code: Option<Secret>,
}

/// An answer that has the right form.
pub(crate) enum Answer {
    Token(Secret),
    Code(Secret),
}

impl Inner {
    /// The answer to this challenge, before anything is counted. One to another challenge, or to two, is a wrong one; one
    /// without the member that its challenge asks for is none.
    pub(crate) fn answer_to(
        &self,
        challenge: &Challenge,
        response: Option<Response>,
    ) -> Result<Answer, Fault> {
        let Some(response) = response else {
            let message = "The challenge has to be answered first";
            return Err(Fault::new(self.settings.challenge_status, Code::ChallengeRequired, message));
        };
        let takes_code = challenge.kind.channel().is_some();
        if response.kind != challenge.kind.name() {
            return Err(self.failed(true));
        }
        match (response.token, response.code) {
            (Some(_), Some(_)) => Err(self.failed(true)),
            (_, Some(code)) if takes_code && !code.expose().trim().is_empty() => Ok(Answer::Code(code)),
            (Some(token), _) if !takes_code && is_token(token.expose()) => Ok(Answer::Token(token)),
            _ if takes_code => {
                Err(self.invalid("challenge_response.code is the code that was sent, as text"))
            }
            _ => Err(self.invalid("challenge_response.token is the captcha's token, as text")),
        }
    }

    /// Whether the session takes any answer yet.
    pub(crate) async fn require_attempts(&self, record: &Record) -> Result<(), Fault> {
        let made = self.book.attempts(record, 0, self.now()).await?;
        if made < u64::from(self.settings.attempts) { Ok(()) } else { Err(self.failed(false)) }
    }

    /// Checks an answer. Once right, the session's challenge stays passed, whatever becomes of the payment.
    pub(crate) async fn check(
        &self,
        record: &Record,
        challenge: &Challenge,
        answer: &Answer,
        origin: Option<&str>,
    ) -> Result<(), Fault> {
        match answer {
            Answer::Code(code) => self.check_code(record, challenge, code.expose()).await?,
            Answer::Token(token) => self.check_token(record, challenge, token.expose(), origin).await?,
        }
        self.book.mark(PASSED, record, self.now()).await?;
        Ok(())
    }

    /// Counted for the session before it is compared, whichever of its codes it is for.
    async fn check_code(&self, record: &Record, challenge: &Challenge, code: &str) -> Result<(), Fault> {
        let (most, now) = (u64::from(self.settings.attempts), self.now());
        let made = self.book.attempts(record, 1, now).await?;
        if made > most {
            return Err(self.failed(false));
        }
        let (direct, gate) = self.direct(record, challenge).ok_or_else(Fault::internal)?;
        // From before its send, a ticket stands for whatever its session has open.
        let ticket = direct.offer(gate, factor(challenge.kind))?;
        let Err(refused) = direct.check(&ticket, code).await else { return Ok(()) };
        match refused.kind() {
            RefusedKind::Wrong | RefusedKind::Invalid => Err(self.failed(made < most)),
            RefusedKind::Locked => Err(self.failed(false)),
            RefusedKind::Expired => Err(Fault::expired()),
            // A code is out and is not open any more: another request has given the right one just now, and this one finds the
            // challenge passed when it comes again.
            RefusedKind::AlreadyUsed if now < self.book.sent(record, &self.settings).await?.until => {
                Err(Fault::under_way())
            }
            RefusedKind::AlreadyUsed => Err(self.failed(made < most)),
            _ => Err(refused.into()),
        }
    }

    /// A token counts once. What its vendor says no to is counted; what it says nothing to is not, and lets nobody in.
    async fn check_token(
        &self,
        record: &Record,
        challenge: &Challenge,
        token: &str,
        origin: Option<&str>,
    ) -> Result<(), Fault> {
        let (verifier, now) = (self.verifier(challenge.kind).ok_or_else(Fault::internal)?, self.now());
        if !self.book.take_token(record, token, now).await? {
            return self.wrong_token(record).await;
        }
        let first = record.asked.origins.first().map(String::as_str);
        let origin = origin.or(first).and_then(|origin| Origin::parse(origin).ok());
        let host = origin.as_ref().map(Origin::host).unwrap_or_default();
        let attempt = uuid(&self.book.notes.pseudonym(&[b"attempt", record.id.as_bytes(), token.as_bytes()]));
        let context = CaptchaContext::new(host, self.engine.now())
            .with_action("confirm")
            .with_binding(&record.id)
            .with_attempt(&attempt);
        let Err(error) = verifier.verify(token, &context).await else { return Ok(()) };
        tracing::warn!(target: "verify", "{error}");
        match error.kind() {
            CaptchaErrorKind::SolveAgain(_) | CaptchaErrorKind::LowScore => self.wrong_token(record).await,
            kind => {
                self.book.return_token(token).await?;
                Err(if kind == CaptchaErrorKind::Misconfigured {
                    Fault::internal()
                } else {
                    Fault::unavailable()
                })
            }
        }
    }

    async fn wrong_token(&self, record: &Record) -> Result<(), Fault> {
        let made = self.book.attempts(record, 1, self.now()).await?;
        Err(self.failed(made < u64::from(self.settings.attempts)))
    }
}

fn is_token(token: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&token.len()) && !token.trim().is_empty()
}

/// 32 hexadecimal digits in the form that vendors take for an idempotency key.
fn uuid(digits: &str) -> String {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
