//! From text to a query that cannot fail: words, “phrases” and codes. There is no syntax, so there are no errors in it.
use crate::{
    Index,
    any_of::AnyOf,
    codes,
    fields::{Codes, Part},
    language::{self, LANGUAGES, Language},
    statistics::Statistics,
    visibility,
    writer::KINDS,
};
use entities::{Audience, Scope, mutant::without};
use std::collections::BTreeMap;
use tantivy::{
    Term,
    query::{BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery},
    schema::IndexRecordOption,
};

/// What is read of a query, in characters and in words: more says nothing new and costs.
const LONGEST: usize = 1_000;
const MOST_PIECES: usize = 24;
/// Shorter words are not searched with a slip of the finger.
const SHORTEST_NEAR: usize = 4;
const CODE_WEIGHT: f32 = 8.0;
/// How much the second-best field of a word adds.
const TIE: f32 = 0.3;

/// A word, a phrase, or a number with gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece(pub String);

/// What a query asks for, without the little words of its language.
pub fn pieces(text: &str) -> Vec<Piece> {
    let text: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let language = language::detect(&text);
    let mut words = vec![];
    // Every second part between quotation marks is a phrase; a last one without an end is not.
    let quotes: Vec<&str> = text.split(['"', '“', '”', '„']).collect();
    for (i, part) in quotes.iter().enumerate() {
        if i % 2 == 1 && i + 1 < quotes.len() {
            words.push(part.trim().to_string());
            continue;
        }
        let mut rest = part.to_string();
        for number in codes::call_numbers(part) {
            rest = rest.replacen(number, " ", 1);
            words.push(number.into());
        }
        words.extend(rest.split_whitespace().map(Into::into));
    }
    words.retain(|w| w.chars().any(char::is_alphanumeric));
    let bare = |w: &str| w.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    if words.iter().any(|w| !language.stops(&bare(w))) {
        words.retain(|w| !language.stops(&bare(w)));
    }
    words.truncate(MOST_PIECES);
    words.into_iter().map(Piece).collect()
}

/// How strictly the pieces are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Every piece is there.
    All,
    /// Every piece is there, or begins so, or nearly so.
    Near,
    /// Some piece is there.
    Any,
}

/// The parts that this caller may be led by.
pub fn parts(scope: &Scope) -> Vec<Part> {
    let mut parts = vec![Part::Title, Part::Body];
    if matches!(scope.audience, Audience::Agent | Audience::Partner) || without(|| "search:partner notes".into()) {
        parts.push(Part::Partner);
    }
    if scope.audience == Audience::Agent || without(|| "search:internal notes".into()) {
        parts.push(Part::Internal);
    }
    if private(scope) {
        parts.push(Part::Private);
    }
    parts
}
fn codes_of(scope: &Scope) -> Vec<Codes> {
    let mut all = vec![Codes::Own];
    if private(scope) {
        all.push(Codes::Private);
    }
    if (scope.audience == Audience::Agent && scope.has("product:read")) || without(|| "search:lines of a customer".into()) {
        all.push(Codes::Service);
    }
    all
}
/// Who finds by contact data learns it: only those who see all of it in the graph.
fn private(scope: &Scope) -> bool {
    (scope.audience == Audience::Agent && scope.has("customer:read_pii")) || without(|| "search:contact data".into())
}

pub const PASSAGE_PARTS: [Part; 4] = [Part::PassageTitle, Part::PassageHeading, Part::PassageAsks, Part::PassageBody];

impl Index {
    /// Rows of these kinds that the caller may know and that answer to the pieces.
    pub(crate) fn rows(&self, statistics: &Statistics, scope: &Scope, kinds: &[&'static str], pieces: &[Piece], mode: Mode) -> Box<dyn Query> {
        let parts = parts(scope);
        let fields = self.live(statistics, &parts, &LANGUAGES);
        let each = pieces.iter().filter_map(|p| self.piece(p, &fields, &codes_of(scope), mode)).collect();
        self.guarded(scope, kinds, each, mode)
    }
    /// Passages that the caller may read, in these languages, with some of the pieces in them: all, or those `of` some rows.
    pub(crate) fn passages_with(
        &self,
        statistics: &Statistics,
        scope: &Scope,
        pieces: &[Piece],
        languages: &'static [Language],
        of: Option<Vec<Term>>,
    ) -> Box<dyn Query> {
        let fields = self.live(statistics, &PASSAGE_PARTS, languages);
        let each = pieces.iter().filter_map(|p| self.piece(p, &fields, &[], Mode::Any)).collect();
        let found = self.guarded(scope, &[crate::document::PASSAGE], each, Mode::Any);
        match of {
            Some(rows) => Box::new(BooleanQuery::intersection(vec![found, any_of(rows.into_iter())])),
            None => found,
        }
    }
    /// The filters of kind and caller around what is asked. There is no way to a query without them.
    fn guarded(&self, scope: &Scope, kinds: &[&str], each: Vec<Box<dyn Query>>, mode: Mode) -> Box<dyn Query> {
        if each.is_empty() {
            return Box::new(EmptyQuery);
        }
        let term = |field, text: &str| Term::from_field_text(field, text);
        let asked: Box<dyn Query> = if mode == Mode::Any { Box::new(BooleanQuery::union(each)) } else { Box::new(BooleanQuery::intersection(each)) };
        // where roles differ from root to root, the roots differ from kind to kind
        let reads = |kind: &str| {
            let kind = KINDS.iter().find(|k| k.prefix == kind);
            kind.and_then(|k| k.reads).filter(|_| !scope.roles.is_empty() && !without(|| "search:roots".into()))
        };
        let mut groups: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for kind in kinds {
            groups.entry(reads(kind)).or_default().push(kind);
        }
        let group = |(reads, kinds): (Option<&str>, Vec<&str>)| -> Box<dyn Query> {
            let visible = visibility::of_caller(scope, reads);
            let of_kind = any_of(kinds.iter().map(|k| term(self.fields.kind, k)));
            if without(|| "search:visible".into()) {
                return of_kind;
            }
            Box::new(BooleanQuery::intersection(vec![of_kind, any_of(visible.iter().map(|v| term(self.fields.visible, v)))]))
        };
        let may = AnyOf::new(groups.into_iter().map(group).collect(), 0.0);
        Box::new(BooleanQuery::new(vec![(Occur::Must, asked), (Occur::Must, silent(may))]))
    }
    /// One piece in any field that may hold it.
    fn piece(&self, piece: &Piece, fields: &[(&'static Language, Vec<Part>)], codes: &[Codes], mode: Mode) -> Option<Box<dyn Query>> {
        let mut ways: Vec<Box<dyn Query>> = vec![];
        for (language, parts) in fields {
            let stems = language.words(&piece.0);
            for part in parts {
                let field = self.fields.part(*part, language);
                let terms = stems.iter().map(|s| Term::from_field_text(field, s)).collect();
                ways.extend(said(terms, mode).map(|q| boosted(q, part.weight())));
            }
        }
        for place in codes {
            let field = self.fields.codes(*place);
            let code = |c: &String| boosted(Box::new(TermQuery::new(Term::from_field_text(field, c), IndexRecordOption::Basic)), CODE_WEIGHT);
            ways.extend(codes::asked(&piece.0).iter().map(code));
        }
        (!ways.is_empty()).then(|| Box::new(AnyOf::new(ways, TIE)) as Box<dyn Query>)
    }
    /// The fields that hold any word at all: most installations speak one language or two.
    fn live(&self, statistics: &Statistics, parts: &[Part], languages: &'static [Language]) -> Vec<(&'static Language, Vec<Part>)> {
        let holds = |language: &'static Language, part: &Part| statistics.tokens(self.fields.part(*part, language)) > 0;
        let of = |l: &'static Language| (l, parts.iter().copied().filter(|p| holds(l, p)).collect::<Vec<_>>());
        languages.iter().map(of).filter(|(_, parts)| !parts.is_empty()).collect()
    }
}

/// The words of one piece in one field: side by side where there are several.
fn said(mut terms: Vec<Term>, mode: Mode) -> Option<Box<dyn Query>> {
    match terms.len() {
        0 => None,
        1 => {
            let term = terms.remove(0);
            let near = mode == Mode::Near && term.value().as_str().is_some_and(|s| s.chars().count() >= SHORTEST_NEAR);
            Some(if near {
                Box::new(FuzzyTermQuery::new_prefix(term, 1, true))
            } else {
                Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
            })
        }
        _ => Some(Box::new(PhraseQuery::new(terms))),
    }
}
fn boosted(query: Box<dyn Query>, weight: f32) -> Box<dyn Query> {
    Box::new(BoostQuery::new(query, weight))
}
/// Documents with some of these terms; no scores. Not a `TermSetQuery`, which builds an automaton of a megabyte for two
/// terms and goes through all documents that have them.
fn any_of(terms: impl Iterator<Item = Term>) -> Box<dyn Query> {
    let mut each: Vec<Box<dyn Query>> = terms.map(|t| Box::new(TermQuery::new(t, IndexRecordOption::Basic)) as _).collect();
    match each.len() {
        0 => Box::new(EmptyQuery),
        1 => silent(each.remove(0)),
        _ => silent(AnyOf::new(each, 0.0)),
    }
}
/// Decides, but does not count.
fn silent(query: impl Query) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(Box::new(query), 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn text_becomes_words_phrases_and_numbers() {
        let check = |text: &str, expected: &[&str]| assert_eq!(pieces(text).iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), expected, "{text}");
        check("How do I reset my router?", &["reset", "router?"]);
        check("\"data roaming\" abroad", &["data roaming", "abroad"]);
        check("call +49 151 1234567 now", &["+49 151 1234567", "call"]);
        check("what is this", &["what", "is", "this"]);
        check("a:b^2 AND (\"open ~", &["a:b^2", "open"]);
        check("", &[]);
        assert_eq!(pieces(&"word ".repeat(10_000)).len(), MOST_PIECES);
    }
}
