//! Search and suggestions: the index finds within the caller's scope, the rows are read again by the row rules.
use crate::{
    audience::auth,
    error::{Refused, graph},
    graph::find_ty,
    names::{KbArticle, SearchResult},
    node::{AnyNode, Node, caller, shown},
    page::MAX_FIRST,
    scalars::PageInfo,
};
use async_graphql::{Context, Enum, Result, SimpleObject};
use entities::{billing::bill, care::ticket, catalogue::product, knowledge::article, model::EntityKind, party::customer, scope::Scope};
use search_index::{Hits, SearchRequest};
use std::collections::{BTreeSet, HashSet};

/// What can be searched for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum SearchType {
    Article,
    Bill,
    Customer,
    Product,
    Ticket,
}
impl SearchType {
    /// All that the caller may read of what was asked for.
    fn allowed(scope: &Scope, asked: &[SearchType]) -> Vec<&'static EntityKind> {
        let all = [Self::Article, Self::Bill, Self::Customer, Self::Product, Self::Ticket];
        let wanted = all.into_iter().filter(|t| asked.is_empty() || asked.contains(t)).map(Self::entity);
        wanted.filter(|k| find_ty(k.name).and_then(|t| t.reads()).is_none_or(|s| scope.has(s))).collect()
    }
    fn entity(self) -> &'static EntityKind {
        match self {
            Self::Article => &article::ENTITY,
            Self::Bill => &bill::ENTITY,
            Self::Customer => &customer::ENTITY,
            Self::Product => &product::ENTITY,
            Self::Ticket => &ticket::ENTITY,
        }
    }
}

/// A page of what was found, the best first.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct SearchResultConnection {
    /// What was found, with the words that matched.
    edges: Vec<SearchResultEdge>,
    /// The rows that were found; null where one was taken away since.
    nodes: Vec<Option<AnyNode<SearchResult>>>,
    /// Whether there are more, and where to go on.
    page_info: PageInfo,
    /// How many rows that you may see answer to the query.
    total_count: i32,
}
/// Something that was found.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct SearchResultEdge {
    /// Where in the list it stands.
    cursor: String,
    /// The row; null where it was taken away since.
    node: Option<AnyNode<SearchResult>>,
    /// Its heading.
    title: String,
    /// The words around what matched.
    snippet: String,
    /// The section of an article; null otherwise.
    anchor: Option<String>,
    /// How well it fits, beside the best of this answer, which has 1.
    score: f64,
}
/// A passage of the knowledge base that may answer a question.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct AnswerSuggestion {
    /// The article; null where it was taken away since.
    article: Option<Node<KbArticle>>,
    /// The article's heading.
    title: String,
    /// The heading of the section.
    heading: String,
    /// The section within the article; null for its beginning.
    anchor: Option<String>,
    /// The words themselves.
    text: String,
    /// The language it is written in.
    locale: String,
    /// How well it fits, beside the best of this answer, which has 1.
    score: f64,
}

/// The most of a query that is looked at; more is refused.
const MOST_CHARS: usize = 1_000;

pub async fn search(
    ctx: &Context<'_>,
    query: String,
    types: Vec<SearchType>,
    first: Option<i32>,
    after: Option<String>,
) -> Result<SearchResultConnection> {
    let first = size(first, 20)?;
    let (index, scope) = (ctx.data_unchecked::<crate::Hub>().index.clone(), caller(ctx).scope.clone());
    let kinds = SearchType::allowed(&scope, &types);
    if kinds.is_empty() {
        return Ok(SearchResultConnection { edges: vec![], nodes: vec![], page_info: PageInfo::default(), total_count: 0 });
    }
    let request = SearchRequest { query: bounded(query)?, kinds, first, after: after.clone() };
    // tantivy reads from disk and scores on the processor: off the threads that serve others
    let found: Hits =
        tokio::task::spawn_blocking(move || index.search(&scope, &request)).await.map_err(|e| graph(Refused::internal(e)))?.map_err(refused)?;
    // the index is a little behind the rows: what the caller may not know any more is not shown from it either
    let mut known = HashSet::new();
    for kind in found.hits.iter().map(|h| h.entity.prefix).collect::<BTreeSet<_>>() {
        let of: Vec<_> = found.hits.iter().filter(|h| h.entity.prefix == kind).collect();
        let ids: Vec<_> = of.iter().map(|h| h.id).collect();
        known.extend(shown(ctx, of[0].entity, &ids, "SearchResultEdge.title").await.map_err(graph)?);
    }
    let hits: Vec<_> = found.hits.iter().filter(|h| known.contains(&h.id)).collect();
    let edges: Vec<_> = hits
        .iter()
        .map(|h| SearchResultEdge {
            cursor: h.cursor.clone(),
            node: Some(AnyNode::new(h.entity, h.id)),
            title: h.title.clone(),
            snippet: h.snippet.text.clone(),
            anchor: h.anchor.clone(),
            score: share(h.score, hits.first().map_or(h.score, |best| best.score)),
        })
        .collect();
    let (start, end) = (edges.first().map(|e| e.cursor.clone()), edges.last().map(|e| e.cursor.clone()));
    Ok(SearchResultConnection {
        nodes: hits.iter().map(|h| Some(AnyNode::new(h.entity, h.id))).collect(),
        edges,
        page_info: PageInfo { has_next_page: found.next.is_some(), has_previous_page: after.is_some(), start_cursor: start, end_cursor: end },
        total_count: i32::try_from(found.total).unwrap_or(i32::MAX),
    })
}
pub async fn suggest(ctx: &Context<'_>, text: String, first: Option<i32>, locale: Option<String>) -> Result<Vec<AnswerSuggestion>> {
    let (first, text) = (size(first, 5)?, bounded(text)?);
    let (index, scope) = (ctx.data_unchecked::<crate::Hub>().index.clone(), caller(ctx).scope.clone());
    let locale = locale.unwrap_or_else(|| search_index::language::detect(&text).code.into());
    let found = tokio::task::spawn_blocking(move || index.suggest(&scope, &text, &locale, first))
        .await
        .map_err(|e| graph(Refused::internal(e)))?
        .map_err(refused)?;
    let best = found.first().map_or(1.0, |p| p.score);
    Ok(found
        .into_iter()
        .map(|p| AnswerSuggestion {
            article: Some(Node::by_id(p.article_id)),
            title: p.title,
            heading: p.heading,
            anchor: p.anchor,
            text: p.text,
            locale: p.locale,
            score: share(p.score, best),
        })
        .collect())
}
/// How well something fits beside the best of the answer. The plain score would tell how rare a word is among rows that the
/// caller may not know.
fn share(score: f32, best: f32) -> f64 {
    if best > 0.0 { (f64::from(score / best) * 100.0).round() / 100.0 } else { 0.0 }
}
fn size(first: Option<i32>, unasked: usize) -> Result<usize> {
    match first {
        None => Ok(unasked),
        Some(n) if (0..=MAX_FIRST as i32).contains(&n) => Ok(n as usize),
        Some(_) => Err(graph(Refused::input(format!("`first` is a number from 0 to {MAX_FIRST}.")))),
    }
}
fn bounded(text: String) -> Result<String> {
    if text.chars().count() > MOST_CHARS {
        return Err(graph(Refused::input(format!("A search has room for {MOST_CHARS} characters."))));
    }
    Ok(text)
}
fn refused(error: search_index::Error) -> async_graphql::Error {
    match error {
        search_index::Error::Entities(entities::Error::Refused(r)) => {
            graph(Refused::input(r.iter().map(|r| r.message.as_str()).collect::<Vec<_>>().join(" ")))
        }
        e => graph(Refused::internal(e)),
    }
}
