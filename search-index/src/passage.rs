//! Finding passages: what the bot answers with, and what is suggested before a ticket is sent.
use crate::{
    Index, Result,
    document::Shown,
    language::{self, LANGUAGES, Language},
    query,
    search::{Among, best},
};
use entities::Scope;
use std::collections::{BTreeMap, BTreeSet};
use tantivy::{Searcher, Term};
use uuid::Uuid;

/// A section of an article that may answer a question.
#[derive(Clone, Debug)]
pub struct Passage {
    pub article_id: Uuid,
    pub version_id: Uuid,
    pub slug: String,
    pub locale: String,
    pub title: String,
    pub anchor: Option<String>,
    pub heading: String,
    /// Plain text, as it stands in the article.
    pub text: String,
    /// BM25 over heading, questions, title and text.
    pub score: f32,
    /// The share of what is asked that the passage speaks of, rare words counting more: 0 to 1. A word that no
    /// article knows counts most.
    pub coverage: f32,
    /// How like the question its heading, its title or one of its questions is: 0 to 1.
    pub likeness: f32,
}

/// How many candidates are looked at more closely.
const CANDIDATES: usize = 20;

impl Index {
    /// The best passages for a question that the caller may read, best first: in this language, else in English.
    pub fn passages(&self, scope: &Scope, text: &str, locale: &str, n: usize) -> Result<Vec<Passage>> {
        let wanted = language::of(locale);
        let found = self.passages_in(scope, text, wanted, n)?;
        if found.is_empty() && wanted.code != "en" { self.passages_in(scope, text, language::of("en"), n) } else { Ok(found) }
    }
    /// The best passage of each of the best articles.
    pub fn suggest(&self, scope: &Scope, text: &str, locale: &str, n: usize) -> Result<Vec<Passage>> {
        let mut seen = BTreeSet::new();
        let mut found = self.passages(scope, text, locale, CANDIDATES)?;
        found.retain(|p| seen.insert(p.article_id));
        found.truncate(n);
        Ok(found)
    }
    fn passages_in(&self, scope: &Scope, text: &str, language: &'static Language, n: usize) -> Result<Vec<Passage>> {
        let (searcher, pieces) = (self.reader.searcher(), query::pieces(text));
        let query = self.passages_with(&searcher, scope, &pieces, one(language), None);
        let among = Among::passages(&searcher, &self.fields, language)?;
        let weights = self.weights(&searcher, among.documents, pieces.iter().flat_map(|p| language.stems(&p.0)).map(|s| s.0), language)?;
        let mut found = vec![];
        for (score, at) in best(&searcher, &*query, &among, CANDIDATES.max(n), 0)? {
            found.extend(self.shown(&searcher, at)?.and_then(|shown| passage(shown, score, language, &weights)));
        }
        let top = found.first().map_or(1.0, |p| p.score).max(f32::MIN_POSITIVE);
        found.sort_by(|a, b| b.rank(top).total_cmp(&a.rank(top)));
        found.truncate(n);
        Ok(found)
    }
    /// How much each stem tells: its inverse document frequency among the passages of the language.
    fn weights(&self, searcher: &Searcher, passages: u64, stems: impl Iterator<Item = String>, language: &Language) -> Result<Weights> {
        let mut weights = Weights::new();
        for stem in stems {
            let mut with = 0;
            for part in query::PASSAGE_PARTS {
                with = with.max(searcher.doc_freq(&Term::from_field_text(self.fields.part(part, language), &stem))?);
            }
            let with = with.min(passages) as f32;
            weights.insert(stem, (1.0 + (passages as f32 - with + 0.5) / (with + 0.5)).ln());
        }
        Ok(weights)
    }
}
type Weights = BTreeMap<String, f32>;

impl Passage {
    /// BM25 against the best one, helped by what it covers.
    fn rank(&self, top: f32) -> f32 {
        0.6 * self.score / top + 0.2 * self.coverage + 0.2 * self.likeness
    }
}

fn passage(shown: Shown, score: f32, language: &Language, asked: &Weights) -> Option<Passage> {
    let texts = || [&shown.heading, &shown.title].into_iter().chain(&shown.questions);
    let speaks: BTreeSet<String> = texts().chain([&shown.body]).flat_map(|t| language.stems(t)).map(|s| s.0).collect();
    let all: f32 = asked.values().sum();
    let covered: f32 = asked.iter().filter(|(stem, _)| speaks.contains(*stem)).map(|(_, w)| w).sum();
    let likeness = texts().map(|t| like(&language.content(t), asked)).fold(0.0, f32::max);
    Some(Passage {
        article_id: shown.id,
        version_id: shown.version?,
        coverage: if all > 0.0 { covered / all } else { 0.0 },
        likeness,
        score,
        slug: shown.slug,
        locale: shown.locale,
        title: shown.title,
        anchor: shown.anchor,
        heading: shown.heading,
        text: shown.body,
    })
}

/// Dice over weighted stems: what both say, against what either says. Stems that were not asked for count like the
/// average of those that were.
fn like(stems: &[String], asked: &Weights) -> f32 {
    let stems: BTreeSet<&String> = stems.iter().collect();
    let all: f32 = asked.values().sum();
    if asked.is_empty() || stems.is_empty() || all <= 0.0 {
        return 0.0;
    }
    let average = all / asked.len() as f32;
    let weight = |s: &String| asked.get(s).copied();
    let both: f32 = stems.iter().filter_map(|s| weight(s)).sum();
    let said: f32 = stems.iter().map(|s| weight(s).unwrap_or(average)).sum();
    2.0 * both / (all + said)
}

/// The language as a slice of the list.
fn one(language: &'static Language) -> &'static [Language] {
    let place = LANGUAGES.iter().position(|l| l == language).unwrap_or(0);
    &LANGUAGES[place..=place]
}
