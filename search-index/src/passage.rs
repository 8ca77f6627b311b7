//! Finding passages: what the bot answers with, and what is suggested before a ticket is sent.
use crate::{
    Index, Result,
    document::Shown,
    language::{self, LANGUAGES, Language},
    query,
    search::best,
    statistics::Among,
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
        let statistics = self.statistics(&searcher)?;
        let query = self.passages_with(&statistics, scope, &pieces, one(language), None);
        let among = Among::passages(&searcher, statistics, language);
        let weights = self.weights(&searcher, among.documents, pieces.iter().flat_map(|p| language.words(&p.0)), language)?;
        let asked = Question::new(text, weights, language);
        let mut found = vec![];
        for one in best(&searcher, &*query, &among, CANDIDATES.max(n))? {
            found.extend(self.shown(&searcher, one.at)?.and_then(|shown| passage(shown, one.score, &asked)));
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
        0.45 * self.score / top + 0.2 * self.coverage + 0.35 * self.likeness
    }
}

fn passage(shown: Shown, score: f32, asked: &Question) -> Option<Passage> {
    let names = [(1.0, &shown.heading), (OF_ALL, &shown.title)].into_iter().chain(shown.questions.iter().map(|q| (OF_ALL, q)));
    let likeness = names.clone().chain(shown.keywords.iter().map(|k| (KEYWORD, k))).map(|(part, text)| part * asked.like(text));
    let speaks = names.map(|n| n.1).chain(&shown.keywords).chain([&shown.body]).flat_map(|t| asked.language.words(t)).collect();
    Some(Passage {
        article_id: shown.id,
        version_id: shown.version?,
        coverage: asked.covered(&speaks),
        likeness: likeness.fold(0.0, f32::max),
        score,
        slug: shown.slug,
        locale: shown.locale,
        title: shown.title,
        anchor: shown.anchor,
        heading: shown.heading,
        text: shown.body,
    })
}
/// What the name of a whole article counts against that of the passage itself, and what a keyword does.
const OF_ALL: f32 = 0.95;
const KEYWORD: f32 = 0.7;
/// What a little word counts against a word of the matter: it tells “when do I pay” from “how do I pay”.
const LITTLE: f32 = 0.2;

/// What was asked, and how much each word of it tells.
struct Question {
    language: &'static Language,
    content: Weights,
    little: Weights,
}
impl Question {
    fn new(text: &str, content: Weights, language: &'static Language) -> Self {
        let average = content.values().sum::<f32>() / content.len().max(1) as f32;
        let little = language.words(text).into_iter().filter(|w| !content.contains_key(w)).map(|w| (w, LITTLE * average)).collect();
        Question { language, content, little }
    }
    fn covered(&self, speaks: &BTreeSet<String>) -> f32 {
        let all: f32 = self.content.values().sum();
        let covered: f32 = self.content.iter().filter(|(stem, _)| speaks.contains(*stem)).map(|(_, w)| w).sum();
        if all > 0.0 { covered / all } else { 0.0 }
    }
    /// Dice over weighted stems: what both say, against what either says. Stems that were not asked for count like the
    /// average of those that were; where none of the matter is shared, little words make nothing alike.
    fn like(&self, text: &str) -> f32 {
        let content: BTreeSet<String> = self.language.content(text).into_iter().collect();
        let all: f32 = self.content.values().sum();
        if !content.iter().any(|s| self.content.contains_key(s)) || all <= 0.0 {
            return 0.0;
        }
        let average = all / self.content.len() as f32;
        let (mut both, mut said) = (0.0, 0.0);
        for stem in self.language.words(text).into_iter().collect::<BTreeSet<_>>() {
            let shared = self.content.get(&stem).or_else(|| self.little.get(&stem));
            both += shared.unwrap_or(&0.0);
            said += shared.copied().unwrap_or(if content.contains(&stem) { average } else { LITTLE * average });
        }
        2.0 * both / (all + self.little.values().sum::<f32>() + said)
    }
}

/// The language as a slice of the list.
fn one(language: &'static Language) -> &'static [Language] {
    let place = LANGUAGES.iter().position(|l| l == language).unwrap_or(0);
    &LANGUAGES[place..=place]
}
