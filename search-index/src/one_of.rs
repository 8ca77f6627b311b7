//! Documents that answer to one of several queries. Tantivy's own union looks four thousand documents ahead and keeps a
//! score for each of them, which pays where most of them are taken. Here a union stands beside others in an intersection,
//! and few are: this one goes from document to document as it is asked.
use tantivy::{
    DocId, DocSet, Result, Score, SegmentReader, TERMINATED, TantivyError, Term,
    query::{AllScorer, EmptyScorer, EnableScoring, Explanation, Query, QueryClone, Scorer, Weight},
};

/// One of these, or several.
#[derive(Debug)]
pub struct OneOf {
    ways: Vec<Box<dyn Query>>,
    share: Score,
}
impl OneOf {
    /// The best way counts in full, of all others this share: 1 adds them up.
    pub fn new(ways: Vec<Box<dyn Query>>, share: Score) -> Self {
        OneOf { ways, share }
    }
}
impl Clone for OneOf {
    fn clone(&self) -> Self {
        OneOf { ways: self.ways.iter().map(|w| w.box_clone()).collect(), share: self.share }
    }
}
impl Query for OneOf {
    fn weight(&self, scoring: EnableScoring<'_>) -> Result<Box<dyn Weight>> {
        let ways = self.ways.iter().map(|w| w.weight(scoring)).collect::<Result<_>>()?;
        Ok(Box::new(OneOfWeight { ways, share: self.share, scored: scoring.is_scoring_enabled() }))
    }
    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.ways.iter().for_each(|w| w.query_terms(visitor));
    }
}

struct OneOfWeight {
    ways: Vec<Box<dyn Weight>>,
    share: Score,
    scored: bool,
}
impl Weight for OneOfWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> Result<Box<dyn Scorer>> {
        let mut ways = self.ways.iter().map(|w| w.scorer(reader, boost)).collect::<Result<Vec<_>>>()?;
        ways.retain(|w| w.doc() != TERMINATED);
        if let Some(every) = ways.iter().position(|w| !self.scored && w.is::<AllScorer>()) {
            return Ok(ways.swap_remove(every));
        }
        Ok(match ways.len() {
            0 => Box::new(EmptyScorer),
            1 => ways.remove(0),
            _ => Box::new(OneOfScorer { doc: first(&ways), ways, share: self.share }),
        })
    }
    fn explain(&self, reader: &SegmentReader, doc: DocId) -> Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} answers to none of them")));
        }
        Ok(Explanation::new("the best of several, and a share of the others", scorer.score()))
    }
}

struct OneOfScorer {
    ways: Vec<Box<dyn Scorer>>,
    share: Score,
    doc: DocId,
}
/// Where the first of them stands.
fn first(ways: &[Box<dyn Scorer>]) -> DocId {
    ways.iter().map(|w| w.doc()).min().unwrap_or(TERMINATED)
}
impl DocSet for OneOfScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED { TERMINATED } else { self.seek(self.doc + 1) }
    }
    fn seek(&mut self, target: DocId) -> DocId {
        self.doc = TERMINATED;
        for way in &mut self.ways {
            let at = way.doc();
            self.doc = self.doc.min(if at < target { way.seek(target) } else { at });
        }
        self.doc
    }
    fn doc(&self) -> DocId {
        self.doc
    }
    fn size_hint(&self) -> u32 {
        self.ways.iter().fold(0, |sum: u32, w| sum.saturating_add(w.size_hint()))
    }
    fn cost(&self) -> u64 {
        self.ways.iter().map(|w| w.cost()).sum()
    }
}
impl Scorer for OneOfScorer {
    fn score(&mut self) -> Score {
        let (mut best, mut sum) = (Score::NEG_INFINITY, 0.0);
        for way in self.ways.iter_mut().filter(|w| w.doc() == self.doc) {
            let score = way.score();
            best = best.max(score);
            sum += score;
        }
        if best == Score::NEG_INFINITY { 0.0 } else { best + self.share * (sum - best) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use std::collections::BTreeMap;
    use tantivy::{
        Index, TantivyDocument,
        collector::TopDocs,
        query::{BooleanQuery, DisjunctionMaxQuery, TermQuery},
        schema::{Field, IndexRecordOption, Schema, TEXT},
    };

    /// An index of random texts in several segments, and documents taken away from it.
    fn index(seed: u64) -> (Index, Field) {
        let mut schema = Schema::builder();
        let text = schema.add_text_field("text", TEXT);
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads(1, 20_000_000).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..3 {
            for _ in 0..rng.gen_range(1..900) {
                let words = (0..rng.gen_range(1..20)).map(|_| format!("w{}", rng.gen_range(0u32..100).pow(2) / 100)).collect::<Vec<_>>();
                let mut doc = TantivyDocument::default();
                doc.add_text(text, words.join(" "));
                writer.add_document(doc).unwrap();
            }
            writer.commit().unwrap();
        }
        writer.delete_term(Term::from_field_text(text, "w7"));
        writer.commit().unwrap();
        (index, text)
    }
    #[test]
    fn it_finds_and_scores_what_the_unions_of_tantivy_do() {
        for seed in 0..20 {
            let (index, text) = index(seed);
            let searcher = index.reader().unwrap().searcher();
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let found = |query: &dyn Query| -> BTreeMap<_, _> {
                let top = searcher.search(query, &TopDocs::with_limit(10_000).order_by_score()).unwrap();
                top.into_iter().map(|(score, at)| ((at.segment_ord, at.doc_id), score)).collect()
            };
            for _ in 0..20 {
                let mut some = || -> Vec<Box<dyn Query>> {
                    let word = |n: u32| Box::new(TermQuery::new(Term::from_field_text(text, &format!("w{n}")), IndexRecordOption::WithFreqs)) as _;
                    (0..rng.gen_range(1..6)).map(|_| word(rng.gen_range(0..110))).collect()
                };
                let (ways, others) = (some(), some());
                let copy = |ways: &[Box<dyn Query>]| ways.iter().map(|w| w.box_clone()).collect::<Vec<_>>();
                let both = |a: Box<dyn Query>, b: Box<dyn Query>| BooleanQuery::intersection(vec![a, b]);
                let expected = [
                    found(&DisjunctionMaxQuery::with_tie_breaker(copy(&ways), 0.3)),
                    found(&BooleanQuery::union(copy(&ways))),
                    found(&both(Box::new(BooleanQuery::union(copy(&ways))), Box::new(DisjunctionMaxQuery::new(copy(&others))))),
                ];
                let said = [
                    found(&OneOf::new(copy(&ways), 0.3)),
                    found(&OneOf::new(copy(&ways), 1.0)),
                    found(&both(Box::new(OneOf::new(copy(&ways), 1.0)), Box::new(OneOf::new(copy(&others), 0.0)))),
                ];
                for (expected, said) in expected.iter().zip(&said) {
                    assert!(expected.keys().eq(said.keys()), "{ways:?} {others:?}");
                    assert!(expected.values().zip(said.values()).all(|(a, b)| (a - b).abs() < 1e-4), "{ways:?} {others:?}");
                }
            }
        }
    }
}
