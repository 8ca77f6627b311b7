//! What the index as a whole knows of its fields: counted once for each state of it, not for each search.
use crate::{
    Index, Result, document,
    fields::Fields,
    language::{LANGUAGES, Language},
};
use std::sync::{Arc, Mutex};
use tantivy::{
    Searcher, Term,
    query::Bm25StatisticsProvider,
    schema::{Field, FieldEntry},
};

/// Of one state of the index.
pub struct Statistics {
    /// Words in each field, by its number.
    tokens: Vec<u64>,
    rows: u64,
    passages: [u64; LANGUAGES.len()],
}
impl Statistics {
    fn of(searcher: &Searcher, fields: &Fields) -> Result<Self> {
        let words = |(field, entry): (Field, &FieldEntry)| if entry.is_indexed() { searcher.total_num_tokens(field) } else { Ok(0) };
        let tokens = searcher.schema().fields().map(words).collect::<tantivy::Result<_>>()?;
        let of_kind = |kind: &str| searcher.doc_freq(&Term::from_field_text(fields.kind, kind));
        let mut passages = [0; LANGUAGES.len()];
        for (count, language) in passages.iter_mut().zip(&LANGUAGES) {
            *count = of_kind(&document::passages_in(language))?;
        }
        let rows = searcher.total_num_docs()?.saturating_sub(of_kind(document::PASSAGE)?);
        Ok(Statistics { tokens, rows, passages })
    }
    /// Words in a field: none where nobody speaks its language.
    pub fn tokens(&self, field: Field) -> u64 {
        self.tokens.get(field.field_id() as usize).copied().unwrap_or_default()
    }
}

/// The statistics of the state that was searched last, by its number.
pub type LastStatistics = Arc<Mutex<Option<(u64, Arc<Statistics>)>>>;

impl Index {
    pub(crate) fn statistics(&self, searcher: &Searcher) -> Result<Arc<Statistics>> {
        let state = searcher.generation().generation_id();
        let last = || self.last_statistics.lock().unwrap_or_else(|e| e.into_inner());
        if let Some((_, known)) = last().as_ref().filter(|(of, _)| *of == state) {
            return Ok(known.clone());
        }
        let new = Arc::new(Statistics::of(searcher, &self.fields)?);
        *last() = Some((state, new.clone()));
        Ok(new)
    }
}

/// What a word's rarity and a text's length are measured against: documents of the same sort. Among all documents a
/// hundred articles beside a hundred thousand tickets would count as endless texts, and the shortest would win.
pub struct Among<'a> {
    searcher: &'a Searcher,
    statistics: Arc<Statistics>,
    pub documents: u64,
}
impl<'a> Among<'a> {
    pub fn rows(searcher: &'a Searcher, statistics: Arc<Statistics>) -> Self {
        Among { searcher, documents: statistics.rows.max(1), statistics }
    }
    pub fn passages(searcher: &'a Searcher, statistics: Arc<Statistics>, language: &Language) -> Self {
        Among { searcher, documents: statistics.passages[language.place()].max(1), statistics }
    }
}
impl Bm25StatisticsProvider for Among<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.statistics.tokens(field))
    }
    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }
    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Ok(self.searcher.doc_freq(term)?.min(self.documents))
    }
}
