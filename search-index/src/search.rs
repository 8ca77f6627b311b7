//! Finding rows. A hit is an id: who shows the row reads it again through the row rules.
use crate::{
    Error, Index, Result,
    document::{self, Shown},
    fields::{ORDER, Part},
    language::{self, Language},
    query::{self, Mode, Piece},
    snippet::{self, Snippet},
    statistics::Among,
    writer::KINDS,
};
use entities::{
    Scope,
    error::{Code, Error as Refused},
    knowledge::article,
    model::EntityKind,
};
use std::collections::{BTreeSet, HashMap};
use tantivy::{
    DocAddress, Order, Searcher, TantivyDocument,
    collector::{
        Count, TopDocs,
        sort_key::{SortBySimilarityScore, SortByStaticFastValue},
    },
    query::Query,
    schema::Value,
};
use uuid::Uuid;

/// What is searched.
#[derive(Clone, Debug, Default)]
pub struct SearchRequest {
    pub query: String,
    /// Of these kinds; none: of all.
    pub kinds: Vec<&'static EntityKind>,
    pub first: usize,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// A page of what was found.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// How many rows the caller may know that answer, on all pages.
    pub total: usize,
    pub hits: Vec<Hit>,
    pub next: Option<String>,
}

/// A row that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub entity: &'static EntityKind,
    pub id: Uuid,
    pub score: f32,
    pub title: String,
    pub snippet: Snippet,
    /// Where in an article.
    pub anchor: Option<String>,
    /// Goes on behind this hit.
    pub cursor: String,
}

/// The most on one page, and how deep the pages go.
pub const MOST: usize = 100;
const DEEPEST: usize = 1_000;

impl Index {
    /// What of these kinds answers to a text, best first. All words have to be there; where no row has them all,
    /// words that are nearly so count, and then rows with some of them.
    pub fn search(&self, scope: &Scope, request: &SearchRequest) -> Result<Hits> {
        let (pieces, offset) = (query::pieces(&request.query), offset(request.after.as_deref())?);
        let kinds = KINDS.iter().filter(|k| request.kinds.is_empty() || request.kinds.contains(k));
        let kinds: Vec<_> = kinds.filter(|k| k.reads.is_none_or(|s| scope.has(s))).map(|k| k.prefix).collect();
        let searcher = self.reader.searcher();
        let statistics = self.statistics(&searcher)?;
        let among = Among::rows(&searcher, statistics.clone());
        for mode in [Mode::All, Mode::Near, Mode::Any] {
            let query = self.rows(&statistics, scope, &kinds, &pieces, mode);
            let first = request.first.clamp(1, MOST);
            let (total, found) = counted(&searcher, &*query, &among, first, offset)?;
            if total > 0 {
                let hits = self.page(&searcher, scope, &pieces, found, offset)?;
                let reached = offset + first;
                return Ok(Hits { total, hits, next: (reached < total.min(DEEPEST)).then(|| reached.to_string()) });
            }
        }
        Ok(Hits::default())
    }
    fn page(&self, searcher: &Searcher, scope: &Scope, pieces: &[Piece], found: Vec<(f32, DocAddress)>, offset: usize) -> Result<Vec<Hit>> {
        let (mut rows, mut articles) = (vec![], BTreeSet::new());
        for (i, (score, at)) in found.into_iter().enumerate() {
            if let Some(shown) = self.shown(searcher, at)? {
                if shown.kind == article::ENTITY.prefix {
                    articles.insert(shown.id);
                }
                rows.push(((offset + i + 1).to_string(), score, shown));
            }
        }
        let passages = self.best_passages(searcher, scope, pieces, articles)?;
        Ok(rows.into_iter().filter_map(|(cursor, score, shown)| hit(scope, pieces, &passages, shown, (cursor, score))).collect())
    }
    pub(crate) fn shown(&self, searcher: &Searcher, at: DocAddress) -> Result<Option<Shown>> {
        let doc: TantivyDocument = searcher.doc(at)?;
        Ok(doc.get_first(self.fields.shown).and_then(|v| v.as_str()).and_then(|json| serde_json::from_str(json).ok()))
    }
    /// The best passage of each of these articles, where the caller may read one that answers.
    fn best_passages(&self, searcher: &Searcher, scope: &Scope, pieces: &[Piece], articles: BTreeSet<Uuid>) -> Result<HashMap<Uuid, Shown>> {
        /// So many passages are looked at for each article. Where a few articles have most of the best, each of the others is
        /// looked up by itself.
        const EACH: usize = 10;
        let (mut missing, mut best_of) = (articles, HashMap::new());
        if missing.is_empty() {
            return Ok(best_of);
        }
        let most = missing.len() * EACH;
        let found = self.passages_of(searcher, scope, pieces, missing.iter().copied(), most)?;
        let are_all = found.len() < most;
        for of in found {
            // what is read is a whole text: not for an article that has its passage
            if missing.iter().any(|id| document::newest(*id) == of.order)
                && let Some(passage) = self.shown(searcher, of.at)?.filter(|p| missing.remove(&p.id))
            {
                best_of.insert(passage.id, passage);
            }
        }
        for id in missing.into_iter().filter(|_| !are_all) {
            for of in self.passages_of(searcher, scope, pieces, [id].into_iter(), 1)? {
                best_of.extend(self.shown(searcher, of.at)?.map(|p| (id, p)));
            }
        }
        Ok(best_of)
    }
    /// The best passages of these articles.
    fn passages_of(
        &self,
        searcher: &Searcher,
        scope: &Scope,
        pieces: &[Piece],
        articles: impl Iterator<Item = Uuid>,
        most: usize,
    ) -> Result<Vec<Ranked>> {
        let statistics = self.statistics(searcher)?;
        let rows = articles.map(|id| document::of_row(&self.fields, &article::ENTITY, id)).collect();
        let query = self.passages_with(&statistics, scope, pieces, &language::LANGUAGES, Some(rows));
        let among = Among::passages(searcher, statistics, &language::LANGUAGES[0]);
        best(searcher, &*query, &among, most)
    }
}

/// How a row is shown, with its best passage where it is an article that has one.
fn hit(scope: &Scope, pieces: &[Piece], passages: &HashMap<Uuid, Shown>, shown: Shown, (cursor, score): (String, f32)) -> Option<Hit> {
    let entity = KINDS.iter().find(|k| k.prefix == shown.kind)?;
    let passage = passages.get(&shown.id).filter(|_| **entity == article::ENTITY);
    let language = language::of(&passage.unwrap_or(&shown).locale);
    let asked = stems(pieces, language);
    let (title, snippet) = match passage {
        Some(passage) => (passage.title.clone(), snippet::of(&passage.body, language, &asked)),
        None => (shown.title.clone(), snippet_of_row(scope, &shown, language, &asked)),
    };
    Some(Hit { entity, id: shown.id, score, title, snippet, anchor: passage.and_then(|p| p.anchor.clone()), cursor })
}
/// From the first text that says what was asked. What the caller may be led by is what they may be shown.
fn snippet_of_row(scope: &Scope, shown: &Shown, language: &Language, asked: &BTreeSet<String>) -> Snippet {
    let may = query::parts(scope);
    let texts = [(Part::Body, &shown.body), (Part::Partner, &shown.partner), (Part::Internal, &shown.internal)];
    let mut snippets = texts.iter().filter(|t| may.contains(&t.0) && !t.1.is_empty()).map(|t| snippet::of(t.1, language, asked));
    let first = snippets.next().unwrap_or_default();
    if first.marks.is_empty() { snippets.find(|s| !s.marks.is_empty()).unwrap_or(first) } else { first }
}

/// A document that was found.
pub struct Ranked {
    pub score: f32,
    /// [`document::newest`] of its row.
    order: u64,
    pub at: DocAddress,
}
/// The best documents; of equal ones the newest first.
pub fn best(searcher: &Searcher, query: &dyn Query, among: &Among, first: usize) -> Result<Vec<Ranked>> {
    let top = searcher.search_with_statistics_provider(query, &TopDocs::with_limit(first).order_by(order()), among)?;
    Ok(top.into_iter().map(|((score, order), at)| Ranked { score, order: order.unwrap_or_default(), at }).collect())
}
/// The same, and how many there are: both are found on one way through the index.
fn counted(searcher: &Searcher, query: &dyn Query, among: &Among, first: usize, offset: usize) -> Result<(usize, Vec<(f32, DocAddress)>)> {
    let both = (Count, TopDocs::with_limit(first).and_offset(offset).order_by(order()));
    let (total, top) = searcher.search_with_statistics_provider(query, &both, among)?;
    Ok((total, top.into_iter().map(|((score, _), at)| (score, at)).collect()))
}
fn order() -> ((SortBySimilarityScore, Order), (SortByStaticFastValue<u64>, Order)) {
    ((SortBySimilarityScore, Order::Desc), (SortByStaticFastValue::for_field(ORDER), Order::Desc))
}

pub fn stems(pieces: &[Piece], language: &Language) -> BTreeSet<String> {
    pieces.iter().flat_map(|p| language.words(&p.0)).collect()
}

fn offset(after: Option<&str>) -> Result<usize> {
    let Some(after) = after else { return Ok(0) };
    let offset = after.parse().ok().filter(|o| *o <= DEEPEST);
    offset.ok_or_else(|| Error::Entities(Refused::refused(Code::InvalidValue, "after", "This is not a cursor of a search.")))
}
