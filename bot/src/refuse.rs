//! How sure the bot is of a passage, and when it does not answer.
use search_index::Passage;

/// Surer than this it answers; else it says that it is not sure. General information, chat: one tier.
pub const THRESHOLD: f32 = 0.5;

/// How likely it is that the first passage answers: 0 to 1. A logistic curve over what the passage covers of the
/// question, how like the question one of its titles is, and how far it stands before the first passage of another
/// article. The weights are set by hand until there are outcomes to fit them to.
pub fn confidence(passages: &[Passage]) -> f32 {
    let Some(best) = passages.first() else { return 0.0 };
    let rival = passages.iter().find(|p| p.article_id != best.article_id).map_or(0.0, |p| p.score);
    let margin = if best.score > 0.0 { (1.0 - rival / best.score).clamp(0.0, 1.0) } else { 0.0 };
    let z = -5.0 + 5.0 * best.coverage + 4.0 * best.likeness + margin;
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;
    fn passage(article: u128, score: f32, coverage: f32, likeness: f32) -> Passage {
        let id = Uuid::from_u128(article);
        Passage {
            article_id: id,
            version_id: id,
            score,
            coverage,
            likeness,
            slug: String::new(),
            locale: String::new(),
            title: String::new(),
            anchor: None,
            heading: String::new(),
            text: String::new(),
        }
    }
    #[test]
    fn nothing_found_or_little_covered_is_not_sure() {
        assert_eq!(confidence(&[]), 0.0);
        assert!(confidence(&[passage(1, 9.0, 0.3, 0.2), passage(2, 8.0, 0.3, 0.1)]) < THRESHOLD);
        assert!(confidence(&[passage(1, 9.0, 1.0, 0.8), passage(2, 4.0, 0.5, 0.1)]) > 0.9);
    }
    #[test]
    fn more_of_anything_is_never_less_sure() {
        for (less, more) in [((0.4, 0.4), (0.6, 0.4)), ((0.4, 0.4), (0.4, 0.6))] {
            assert!(confidence(&[passage(1, 5.0, less.0, less.1)]) < confidence(&[passage(1, 5.0, more.0, more.1)]));
        }
    }
}
