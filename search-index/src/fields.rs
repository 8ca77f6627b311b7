//! The fields of the index: one per part of a document and language, and a few that are compared as they are.
use crate::language::{LANGUAGES, Language};
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};

/// A part of a document. Parts apart can be weighed, and searched by some callers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Title,
    Body,
    /// Notes that partners may read.
    Partner,
    /// Notes that only agents may read.
    Internal,
    /// Ways to reach a person.
    Private,
    PassageTitle,
    PassageHeading,
    /// Questions and keywords of the article.
    PassageAsks,
    PassageBody,
}
impl Part {
    const ALL: [Part; 9] = [
        Part::Title,
        Part::Body,
        Part::Partner,
        Part::Internal,
        Part::Private,
        Part::PassageTitle,
        Part::PassageHeading,
        Part::PassageAsks,
        Part::PassageBody,
    ];
    /// How much a match counts.
    pub fn weight(self) -> f32 {
        match self {
            Part::Title => 2.5,
            Part::PassageHeading => 2.0,
            Part::PassageAsks => 1.6,
            Part::PassageTitle => 1.4,
            _ => 1.0,
        }
    }
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Codes of a document, by who may find it by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// The row's own number.
    Own,
    /// Phone numbers and addresses of a person.
    Private,
    /// Numbers of the lines that a customer has.
    Service,
}

pub struct Fields {
    /// `prefix_hex` of the row: what is replaced when it changes.
    pub key: Field,
    /// The prefix of the row's kind; `psg` and `psg_en` for a passage.
    pub kind: Field,
    pub visible: Field,
    /// What a hit shows, as JSON.
    pub shown: Field,
    codes: [Field; 3],
    parts: Vec<Field>,
    order: Field,
}
/// Breaks ties between equal scores: the newest row first, in every index alike.
pub const ORDER: &str = "order";
const CODES: [&str; 3] = ["codes_own", "codes_private", "codes_service"];

pub fn schema() -> Schema {
    let mut s = Schema::builder();
    s.add_text_field("key", STRING);
    s.add_text_field("kind", STRING);
    s.add_text_field("visible", STRING);
    s.add_text_field("shown", STORED);
    s.add_u64_field(ORDER, FAST);
    for name in CODES {
        s.add_text_field(name, STRING);
    }
    for (part, language) in matrix() {
        let words = TextFieldIndexing::default().set_tokenizer(&language.tokenizer()).set_index_option(IndexRecordOption::WithFreqsAndPositions);
        s.add_text_field(&field_name(part, language), TextOptions::default().set_indexing_options(words));
    }
    s.build()
}

impl Fields {
    pub fn of(schema: &Schema) -> tantivy::Result<Self> {
        let codes = CODES.map(|name| schema.get_field(name));
        let [a, b, c] = codes;
        Ok(Fields {
            key: schema.get_field("key")?,
            kind: schema.get_field("kind")?,
            visible: schema.get_field("visible")?,
            shown: schema.get_field("shown")?,
            codes: [a?, b?, c?],
            order: schema.get_field(ORDER)?,
            parts: matrix().map(|(part, language)| schema.get_field(&field_name(part, language))).collect::<tantivy::Result<_>>()?,
        })
    }
    pub fn part(&self, part: Part, language: &Language) -> Field {
        self.parts[part as usize * LANGUAGES.len() + language.place()]
    }
    pub fn order(&self) -> Field {
        self.order
    }
    pub fn codes(&self, codes: Codes) -> Field {
        self.codes[codes as usize]
    }
}

fn matrix() -> impl Iterator<Item = (Part, &'static Language)> {
    Part::ALL.into_iter().flat_map(|p| LANGUAGES.iter().map(move |l| (p, l)))
}
fn field_name(part: Part, language: &Language) -> String {
    format!("{}_{}", part.name(), language.code)
}
