//! What a question wants: its language, the codes in it, and whether it is after one of the skills.
use crate::phrases::{self, Phrases};
use entities::error::{Code, Error as Refused};
use search_index::language::{self, Language};
use std::collections::BTreeSet;

/// The longest question that is taken, in characters.
pub const LONGEST: usize = 4_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Wants a human, and nothing else.
    Human,
    /// Why is my bill as it is?
    BillExplain,
    /// What do I owe, and until when?
    BillDue,
    TicketStatus,
    /// Anything else: the articles may know.
    Question,
}
impl Intent {
    const BY_WORDS: [Intent; 4] = [Intent::Human, Intent::BillExplain, Intent::BillDue, Intent::TicketStatus];
    /// As it is stored with the answer.
    pub fn name(self) -> &'static str {
        match self {
            Intent::Human => "human",
            Intent::BillExplain => "bill.explain",
            Intent::BillDue => "bill.due",
            Intent::TicketStatus => "ticket.status",
            Intent::Question => "question",
        }
    }
}

/// A question, understood.
pub struct Understood {
    pub question: String,
    pub language: &'static Language,
    pub phrases: &'static Phrases,
    pub intent: Intent,
    /// Words with a digit in them, as a bill or a ticket may be called.
    pub codes: Vec<String>,
}

pub fn understand(question: &str, locale: Option<&str>) -> Result<Understood, Refused> {
    // Characters that nobody types, and that PostgreSQL does not take.
    let question: String = question.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if !question.chars().any(char::is_alphanumeric) {
        return Err(Refused::refused(Code::Blank, "question", "Please write your question."));
    }
    if question.chars().count() > LONGEST {
        return Err(Refused::refused(Code::TooLong, "question", format!("A question has room for {LONGEST} characters.")));
    }
    let language = locale.filter(|l| !l.is_empty()).map_or_else(|| language::detect(&question), language::of);
    let phrases = phrases::of(language.code);
    Ok(Understood { language, phrases, intent: intent(&question, phrases), codes: codes(&question), question })
}

/// The first intent one of whose lines is all in the question, whatever the form and order of its words.
fn intent(question: &str, phrases: &Phrases) -> Intent {
    let language = language::of(phrases.code);
    let said: BTreeSet<String> = language.words(question).into_iter().collect();
    let shows = |line: &String| language.words(line).iter().all(|w| said.contains(w));
    Intent::BY_WORDS.into_iter().find(|i| phrases.intent(&key(*i)).iter().any(shows)).unwrap_or(Intent::Question)
}
fn key(intent: Intent) -> String {
    intent.name().replace('.', "_")
}

fn codes(question: &str) -> Vec<String> {
    let words = question.split(|c: char| c.is_whitespace() || ",;:!?()\"“”".contains(c)).map(|w| w.trim_end_matches('.'));
    words.filter(|w| w.chars().any(|c| c.is_ascii_digit())).map(Into::into).take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn what_a_question_wants_shows_in_its_words() {
        let check = |question: &str, intent| assert_eq!(understand(question, None).unwrap().intent, intent, "{question}");
        check("Why is my bill higher than last month?", Intent::BillExplain);
        check("Can you explain my invoice B-2026-01?", Intent::BillExplain);
        check("Warum ist meine Rechnung diesmal so hoch?", Intent::BillExplain);
        check("How much do I owe you?", Intent::BillDue);
        check("Wann ist die Rechnung fällig?", Intent::BillDue);
        check("what is the status of my ticket TKT-100123", Intent::TicketStatus);
        check("I want to talk to a human", Intent::Human);
        check("Ich möchte mit einem Mitarbeiter sprechen!", Intent::Human);
        check("How do I read my bill?", Intent::Question);
        check("How do I reset my router?", Intent::Question);
    }
    #[test]
    fn empty_and_endless_questions_are_refused() {
        let code = |q: &str| match understand(q, None) {
            Err(Refused::Refused(r)) => Some(r[0].code),
            _ => None,
        };
        assert_eq!(code(" \n?! "), Some(Code::Blank));
        assert_eq!(code(&"x".repeat(LONGEST + 1)), Some(Code::TooLong));
        assert_eq!(code(&"ü".repeat(LONGEST)), None);
    }
    #[test]
    fn codes_are_words_with_digits() {
        assert_eq!(understand("Is (TKT-100123), or B-7. paid?", None).unwrap().codes, ["TKT-100123", "B-7"]);
    }
}
