//! Skill: articles. The best passage that the caller may read, word for word.
use crate::{
    Bot, Result,
    answer::{self, Answer, Citation},
    refuse,
    understand::Understood,
};
use entities::{Scope, conversation::bot_answer::Kind};
use search_index::{Passage, language};

/// How many passages are looked at, and kept for the human where the bot is not sure.
const CANDIDATES: usize = 5;

pub struct Found {
    pub passages: Vec<Passage>,
    /// None where the bot is not sure.
    pub answer: Option<Answer>,
    pub confidence: f32,
}

impl Bot {
    pub(crate) fn search_articles(&self, scope: &Scope, asked: &Understood) -> Result<Found> {
        let passages = self.index.passages(scope, &asked.question, asked.language.code, CANDIDATES)?;
        let confidence = refuse::confidence(&passages);
        let answer = passages.first().filter(|_| confidence >= refuse::THRESHOLD).map(|best| {
            let language = language::of(&best.locale);
            let text = answer::quote(&best.text, &language.content(&asked.question), |t| language.content(t));
            Answer { kind: Kind::Kb, text: text.into(), confidence, citations: vec![Citation::passage(best, text)] }
        });
        Ok(Found { passages, answer, confidence })
    }
}
