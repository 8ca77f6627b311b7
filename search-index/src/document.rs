//! What a row becomes.
use crate::{
    codes,
    fields::{Codes, Fields, Part},
    language::Language,
};
use entities::{id::Id, model::EntityKind};
use serde::{Deserialize, Serialize};
use tantivy::{TantivyDocument, Term};
use uuid::Uuid;

/// A document, before it knows the fields of the index.
pub struct Document {
    pub kind: &'static EntityKind,
    pub id: Uuid,
    /// A passage of the row, found apart from it.
    pub passage: bool,
    pub visible: Vec<String>,
    pub parts: Vec<(Part, &'static Language, String)>,
    pub codes: Vec<(Codes, String)>,
    pub shown: Shown,
}

/// What is kept of a document to show a hit, and to quote from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    pub id: Uuid,
    pub kind: String,
    pub locale: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partner: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub internal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Uuid>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slug: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub heading: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The terms of who may find it; kept for customers, to see that one has moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visible: Vec<String>,
}

/// What stands for a row in the index.
pub fn key(kind: &'static EntityKind, id: Uuid) -> String {
    Id::new(kind, id).to_string()
}
pub const PASSAGE: &str = "psg";
/// The kind of passages in one language, beside that of all.
pub fn passages_in(language: &Language) -> String {
    format!("{PASSAGE}_{}", language.code)
}

impl Document {
    pub fn new(kind: &'static EntityKind, id: Uuid, visible: Vec<String>) -> Self {
        let shown = Shown { id, kind: kind.prefix.into(), ..Default::default() };
        Document { kind, id, passage: false, visible, parts: vec![], codes: vec![], shown }
    }
    pub fn part(&mut self, part: Part, language: &'static Language, text: impl Into<String>) {
        let text = text.into();
        if !text.trim().is_empty() {
            self.parts.push((part, language, text));
        }
    }
    pub fn code(&mut self, codes: Codes, code: &str) {
        self.codes.push((codes, code.into()));
    }
    pub fn into_tantivy(self, fields: &Fields) -> TantivyDocument {
        let mut doc = TantivyDocument::default();
        doc.add_text(fields.key, key(self.kind, self.id));
        match self.parts.first().filter(|_| self.passage) {
            Some((_, language, _)) => [PASSAGE.into(), passages_in(language)].iter().for_each(|k| doc.add_text(fields.kind, k)),
            None => doc.add_text(fields.kind, self.kind.prefix),
        }
        doc.add_field_value(fields.order(), &newest(self.id));
        for term in &self.visible {
            doc.add_text(fields.visible, term);
        }
        for (part, language, text) in &self.parts {
            doc.add_text(fields.part(*part, language), text);
        }
        for (place, code) in &self.codes {
            codes::indexed(code).iter().for_each(|c| doc.add_text(fields.codes(*place), c));
        }
        doc.add_text(fields.shown, serde_json::to_string(&self.shown).unwrap_or_default());
        doc
    }
}

/// The terms by which everything of a row is replaced.
pub fn of_row(fields: &Fields, kind: &'static EntityKind, id: Uuid) -> Term {
    Term::from_field_text(fields.key, &key(kind, id))
}

/// What rows are ordered by where they fit equally well. Keys are UUIDv7: the greater, the younger.
pub fn newest(id: Uuid) -> u64 {
    (id.as_u128() >> 64) as u64
}
