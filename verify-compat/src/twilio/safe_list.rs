//! The safe list: numbers that the caller vouches for. Nothing here blocks a number, so it is kept and has no effect.

use serde_json::{Value, json};
use verify_core::Reply;

use crate::twilio::call::{Call, encode};
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::wish::strict_phone;
use crate::twilio::{reply, sid};

impl Inner {
    pub(crate) async fn add_safe_number(&self, call: &Call) -> Result<Reply, Fault> {
        let number = call.form.require("PhoneNumber")?;
        strict_phone(number).ok_or_else(|| Fault::invalid("PhoneNumber"))?;
        let sid = sid::random("GN")?;
        if !self.catalog.add_safe(&call.account, &self.number_name(number), &sid).await? {
            return Err(Fault::of(60_411));
        }
        Ok(reply::created(&resource(call, number, &sid)))
    }

    pub(crate) async fn fetch_safe_number(&self, call: &Call, number: &str) -> Result<Reply, Fault> {
        let sid = self.safe_sid(call, number).await?;
        Ok(reply::ok(&resource(call, number, &sid)))
    }

    pub(crate) async fn delete_safe_number(&self, call: &Call, number: &str) -> Result<Reply, Fault> {
        self.safe_sid(call, number).await?;
        self.catalog.remove_safe(&call.account, &self.number_name(number)).await?;
        Ok(reply::gone())
    }

    async fn safe_sid(&self, call: &Call, number: &str) -> Result<String, Fault> {
        let found = match strict_phone(number) {
            Some(_) => self.catalog.safe(&call.account, &self.number_name(number)).await?,
            None => None,
        };
        found.ok_or_else(|| call.not_found())
    }

    /// Resources hold no personal data: a number has a keyed name there.
    fn number_name(&self, number: &str) -> String {
        self.book.notes.pseudonym(&[b"safe", number.as_bytes()])
    }
}

fn resource(call: &Call, number: &str, sid: &str) -> Value {
    json!({
        "sid": sid,
        "phone_number": number,
        "url": call.url(&format!("SafeList/Numbers/{}", encode(number))),
    })
}
