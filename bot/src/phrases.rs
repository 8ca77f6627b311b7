//! What the bot says in its own words, by language: `phrases/*.toml`. Anything else it says stands in an article.
use entities::{model::TextEnum, money};
use sea_orm::prelude::Date;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// The phrases of a language.
#[derive(Deserialize)]
pub struct Phrases {
    #[serde(skip)]
    pub code: &'static str,
    text: BTreeMap<String, String>,
    status: BTreeMap<String, String>,
    intent: BTreeMap<String, Vec<String>>,
}

static EN: LazyLock<Phrases> = LazyLock::new(|| read("en", include_str!("phrases/en.toml")));
static DE: LazyLock<Phrases> = LazyLock::new(|| read("de", include_str!("phrases/de.toml")));

fn read(code: &'static str, text: &str) -> Phrases {
    // Part of the program: a mistake in it shows in the tests, never at a customer's.
    Phrases { code, ..toml::from_str(text).expect("the phrases are TOML") }
}

/// The phrases of a locale; English where we have none.
pub fn of(locale: &str) -> &'static Phrases {
    if locale.split(['-', '_']).next() == Some("de") { &DE } else { &EN }
}

impl Phrases {
    pub fn say(&self, phrase: &str, values: &[(&str, &str)]) -> String {
        let text = self.text.get(phrase).map_or(phrase, String::as_str);
        values.iter().fold(text.to_string(), |t, (name, value)| t.replace(&format!("{{{name}}}"), value))
    }
    pub fn status<S: TextEnum>(&self, status: S) -> &str {
        self.status.get(status.text()).map_or(status.text(), String::as_str)
    }
    /// The word lists that show an intent.
    pub fn intent(&self, name: &str) -> &[String] {
        self.intent.get(name).map_or(&[], Vec::as_slice)
    }
    pub fn date(&self, date: Date) -> String {
        date.format(if self.code == "de" { "%d.%m.%Y" } else { "%-d %B %Y" }).to_string()
    }
    pub fn money(&self, minor: i64, currency: &str) -> String {
        let text = money::text(minor, currency);
        format!("{} {currency}", if self.code == "de" { text.replace('.', ",") } else { text })
    }
    /// With its sign, as a difference.
    pub fn delta(&self, minor: i64, currency: &str) -> String {
        format!("{}{}", if minor > 0 { "+" } else { "" }, self.money(minor, currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_language_says_the_same_with_the_same_gaps() {
        let gaps = |t: &str| t.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|p| p.0.to_string()).collect::<BTreeSet<_>>();
        let shape = |p: &Phrases| p.text.iter().map(|(name, text)| (name.clone(), gaps(text))).collect::<Vec<_>>();
        assert_eq!(shape(of("en")), shape(of("de-AT")));
        assert!(of("en").status.keys().eq(of("de").status.keys()) && of("en").intent.keys().eq(of("de").intent.keys()));
        for (status, _) in entities::care::ticket::Status::VALUES {
            assert!(of("en").status.contains_key(*status), "{status}");
        }
    }
    #[test]
    fn amounts_and_dates_are_written_as_people_write_them() {
        let day = Date::from_ymd_opt(2026, 2, 1).unwrap();
        assert_eq!([of("en").date(day), of("de").date(day)], ["1 February 2026", "01.02.2026"]);
        assert_eq!([of("en").delta(1205, "EUR"), of("de").delta(-1205, "EUR")], ["+12.05 EUR", "-12,05 EUR"]);
    }
}
