//! On whose behalf a card is verified.

use crate::worldpay::reader::{Members, Text};

/// A text that nobody here acts on.
const ANY: Text = Text::of(1, 255);

/// Reads who it is, and that what is said of a payment facilitator has its form.
pub(super) fn read(merchant: &Members<'_>, is_six: bool) -> Option<String> {
    let entity = merchant.text("entity", Text::of(1, 32)).map(str::to_owned);
    merchant.text_if_any("mcc", Text::of(4, 4).where_it(|text| text.bytes().all(|b| b.is_ascii_digit())));
    if let Some(facilitator) = merchant.object_if_any("paymentFacilitator") {
        let (id, organization, tax) = match is_six {
            true => ("schemeId", "independentSalesOrganizationId", "taxReference"),
            false => ("pfId", "isoId", "taxId"),
        };
        facilitator.text(id, ANY);
        facilitator.text_if_any(organization, ANY);
        if let Some(sub) = facilitator.object("subMerchant") {
            for name in ["merchantId", "name", "street", "city", "countryCode", "postalCode"] {
                sub.text(name, ANY);
            }
            for name in ["state", tax, "telephone", "email", "url"] {
                sub.text_if_any(name, ANY);
            }
        }
    }
    entity
}
