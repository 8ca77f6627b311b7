//! Documents that answer to at least one of several queries. Tantivy's own union looks four thousand documents ahead and
//! keeps a score for each of them, which pays where all of them are taken. The fields of a word and the terms of a caller
//! stand in an intersection that takes few: this union goes from document to document as it is asked.
use tantivy::{
    DocId, DocSet, Result, Score, SegmentReader, TERMINATED, TantivyError, Term,
    query::{AllScorer, EmptyScorer, EnableScoring, Explanation, Query, QueryClone, Scorer, Weight},
};

/// At least one of these.
#[derive(Debug)]
pub struct AnyOf {
    ways: Vec<Box<dyn Query>>,
    tie_breaker: Score,
}
impl AnyOf {
    /// The score of the best way, and this share of those of the others: 0 takes the best alone, 1 the sum.
    pub fn new(ways: Vec<Box<dyn Query>>, tie_breaker: Score) -> Self {
        AnyOf { ways, tie_breaker }
    }
}
impl Clone for AnyOf {
    fn clone(&self) -> Self {
        AnyOf { ways: self.ways.iter().map(|w| w.box_clone()).collect(), tie_breaker: self.tie_breaker }
    }
}
impl Query for AnyOf {
    fn weight(&self, scoring: EnableScoring<'_>) -> Result<Box<dyn Weight>> {
        let ways = self.ways.iter().map(|w| w.weight(scoring)).collect::<Result<_>>()?;
        Ok(Box::new(AnyOfWeight { ways, tie_breaker: self.tie_breaker, scored: scoring.is_scoring_enabled() }))
    }
    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.ways.iter().for_each(|w| w.query_terms(visitor));
    }
}

struct AnyOfWeight {
    ways: Vec<Box<dyn Weight>>,
    tie_breaker: Score,
    scored: bool,
}
impl Weight for AnyOfWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> Result<Box<dyn Scorer>> {
        let mut ways = self.ways.iter().map(|w| w.scorer(reader, boost)).collect::<Result<Vec<_>>>()?;
        ways.retain(|w| w.doc() != TERMINATED);
        // one way has every document: without scores the others say nothing
        if let Some(every) = ways.iter().position(|w| !self.scored && w.is::<AllScorer>()) {
            return Ok(ways.swap_remove(every));
        }
        Ok(match ways.len() {
            0 => Box::new(EmptyScorer),
            1 => ways.remove(0),
            _ => Box::new(AnyOfScorer::new(ways, self.tie_breaker)),
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

struct AnyOfScorer {
    ways: Vec<Box<dyn Scorer>>,
    /// Where each of them stands: with hundreds of ways, asking them would be most of the work.
    at: Vec<DocId>,
    doc: DocId,
    tie_breaker: Score,
}
impl AnyOfScorer {
    fn new(ways: Vec<Box<dyn Scorer>>, tie_breaker: Score) -> Self {
        let at: Vec<_> = ways.iter().map(|w| w.doc()).collect();
        AnyOfScorer { doc: at.iter().copied().min().unwrap_or(TERMINATED), ways, at, tie_breaker }
    }
}
impl DocSet for AnyOfScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED { TERMINATED } else { self.seek(self.doc + 1) }
    }
    fn seek(&mut self, target: DocId) -> DocId {
        self.doc = TERMINATED;
        for (i, at) in self.at.iter_mut().enumerate() {
            if *at < target {
                *at = self.ways[i].seek(target);
            }
            self.doc = self.doc.min(*at);
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
impl Scorer for AnyOfScorer {
    fn score(&mut self) -> Score {
        let (mut best, mut sum) = (0.0, 0.0);
        for (i, _) in self.at.iter().enumerate().filter(|(_, at)| **at == self.doc) {
            let score = self.ways[i].score();
            best = Score::max(best, score);
            sum += score;
        }
        best + self.tie_breaker * (sum - best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::collections::BTreeMap;
    use tantivy::{
        Index, Searcher, TantivyDocument,
        collector::{Count, TopDocs},
        query::{BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, PhraseQuery, TermQuery},
        schema::{Field, IndexRecordOption, Schema, TEXT},
    };

    /// Random texts in three segments, some of which are taken away again. `all` is in each of them.
    fn searcher(rng: &mut ChaCha8Rng, most: u32) -> (Searcher, Field) {
        let mut schema = Schema::builder();
        let text = schema.add_text_field("text", TEXT);
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads(1, 20_000_000).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        for _ in 0..3 {
            for _ in 0..rng.gen_range(1..most) {
                let words: Vec<_> = (0..rng.gen_range(1..20)).map(|_| format!("w{}", rng.gen_range(0u32..100).pow(2) / 100)).collect();
                let mut doc = TantivyDocument::default();
                doc.add_text(text, format!("all {}", words.join(" ")));
                writer.add_document(doc).unwrap();
            }
            writer.commit().unwrap();
        }
        writer.delete_term(Term::from_field_text(text, "w7"));
        writer.commit().unwrap();
        (index.reader().unwrap().searcher(), text)
    }
    /// What is asked, in the words of a `union`.
    fn ways(rng: &mut ChaCha8Rng, text: Field, deep: u32, union: &dyn Fn(Vec<Box<dyn Query>>) -> Box<dyn Query>) -> Vec<Box<dyn Query>> {
        let term = |rng: &mut ChaCha8Rng| Term::from_field_text(text, &format!("w{}", rng.gen_range(0..110)));
        let one = |rng: &mut ChaCha8Rng| -> Box<dyn Query> {
            match rng.gen_range(0..10) {
                0 => Box::new(PhraseQuery::new(vec![term(rng), term(rng)])),
                1 => Box::new(BooleanQuery::intersection(ways(rng, text, 0, union))),
                2 if deep > 0 => union(ways(rng, text, deep - 1, union)),
                3 if deep > 0 => Box::new(TermQuery::new(Term::from_field_text(text, "all"), IndexRecordOption::Basic)),
                _ => Box::new(BoostQuery::new(Box::new(TermQuery::new(term(rng), IndexRecordOption::WithFreqs)), rng.gen_range(0.5..3.0))),
            }
        };
        (0..rng.gen_range(1..6)).map(|_| one(rng)).collect()
    }
    #[test]
    fn it_finds_and_scores_what_the_unions_of_tantivy_do() {
        for seed in 0..24 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (searcher, text) = searcher(&mut rng, if seed == 0 { 12_000 } else { 900 });
            let found = |query: &dyn Query| -> BTreeMap<_, _> {
                let (count, top) = searcher.search(query, &(Count, TopDocs::with_limit(50_000).order_by_score())).unwrap();
                assert_eq!(count, top.len());
                top.into_iter().map(|(score, at)| ((at.segment_ord, at.doc_id), score)).collect()
            };
            for _ in 0..20 {
                let tie_breaker = [0.0, 0.3, 1.0][rng.gen_range(0..3)];
                let theirs = |ways| -> Box<dyn Query> { Box::new(DisjunctionMaxQuery::with_tie_breaker(ways, tie_breaker)) };
                let ours = |ways| -> Box<dyn Query> { Box::new(AnyOf::new(ways, tie_breaker)) };
                let mut same = rng.clone();
                let both = |union: &dyn Fn(Vec<Box<dyn Query>>) -> Box<dyn Query>, rng: &mut ChaCha8Rng| {
                    let (a, b) = (union(ways(rng, text, 2, union)), union(ways(rng, text, 2, union)));
                    let silent = Box::new(ConstScoreQuery::new(b.box_clone(), 0.0));
                    let filtered = BooleanQuery::intersection(vec![a.box_clone(), silent]);
                    [found(&*a), found(&ConstScoreQuery::new(a.box_clone(), 2.0)), found(&BooleanQuery::intersection(vec![a, b])), found(&filtered)]
                };
                let (expected, said) = (both(&theirs, &mut rng), both(&ours, &mut same));
                for (expected, said) in expected.iter().zip(&said) {
                    assert!(expected.keys().eq(said.keys()), "seed {seed}");
                    assert!(expected.values().zip(said.values()).all(|(a, b)| (a - b).abs() <= 1e-4 * a.max(1.0)), "seed {seed}");
                }
            }
        }
    }
}
