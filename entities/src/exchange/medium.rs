//! Ways to reach somebody, written so that two notations of one number or address are equal.
use super::record::{Record, Value};
use phonenumber::{Mode, country};

/// One way to reach a party, as a source has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Medium {
    /// `email`, `phone`, `sms`, `post`, `social` or `push`.
    pub kind: &'static str,
    pub display: String,
    pub norm: String,
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postcode: Option<String>,
    pub country: Option<String>,
}
impl Medium {
    /// None where the text has no `@`.
    pub fn email(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let fine = !local.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace);
        fine.then(|| Medium { kind: "email", display: text.into(), norm: text.to_lowercase(), ..Default::default() })
    }
    /// `country` (two letters) says how to read a national number. A number that cannot be told keeps its digits;
    /// none where there are none.
    pub fn phone(text: &str, country: Option<&str>) -> Option<Self> {
        let text = text.trim();
        let norm = e164(text, country).unwrap_or_else(|| text.chars().filter(char::is_ascii_digit).collect());
        (!norm.is_empty()).then(|| Medium { kind: "phone", display: text.into(), norm, ..Default::default() })
    }
    /// An address; none where all its parts are blank.
    pub fn post(
        street: Option<String>,
        city: Option<String>,
        state: Option<String>,
        postcode: Option<String>,
        country: Option<String>,
    ) -> Option<Self> {
        let place = [postcode.as_deref(), city.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let parts = [street.as_deref().unwrap_or_default(), &place, state.as_deref().unwrap_or_default(), country.as_deref().unwrap_or_default()];
        let display = parts.into_iter().filter(|p| !p.trim().is_empty()).collect::<Vec<_>>().join(", ");
        let norm = display.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        (!norm.is_empty()).then_some(Medium { kind: "post", display, norm, street, city, state, postcode, country })
    }
    /// Whether a phone number could be read to the last digit.
    pub fn is_certain(&self) -> bool {
        self.kind != "phone" || self.norm.starts_with('+')
    }
    /// Its row, for that party.
    pub fn record(self, party: &str, external_id: String) -> Record {
        Record::row("contact_media", external_id)
            .with("party_id", Value::to("parties", party))
            .with("kind", self.kind)
            .with("value_norm", self.norm)
            .with("value_display", self.display)
            .maybe("street", self.street)
            .maybe("city", self.city)
            .maybe("state", self.state)
            .maybe("postcode", self.postcode)
            .maybe("country", self.country)
    }
}

/// The international form of a phone number (`+4687001234`).
pub fn e164(text: &str, country: Option<&str>) -> Option<String> {
    // `00` abroad and `(0)` inside an international number are how people write it, and not what the parser takes
    let text = text.strip_prefix("00").map_or_else(|| text.to_string(), |rest| format!("+{rest}"));
    let text = if text.starts_with('+') { text.replace("(0)", "") } else { text };
    let region = country.and_then(|c| c.to_uppercase().parse::<country::Id>().ok());
    let number = phonenumber::parse(region, text).ok()?;
    Some(number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn notations_of_one_number_are_equal() {
        let norms = ["08-700 12 34", "+46 8 700 12 34", "0046 8 7001234", "+46 (0)8 700 12 34"].map(|t| Medium::phone(t, Some("SE")).unwrap().norm);
        assert_eq!(norms, ["+4687001234"; 4]);
    }
    #[test]
    fn what_cannot_be_told_keeps_its_digits() {
        let m = Medium::phone("ext. 12-34", None).unwrap();
        assert_eq!((m.norm.as_str(), m.is_certain()), ("1234", false));
        assert_eq!((Medium::phone("none", None), Medium::email("no mail"), Medium::post(None, None, None, None, None)), (None, None, None));
    }
}
