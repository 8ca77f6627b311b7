//! An answer before it is written down: its words, where they come from, and how sure the bot is.
use entities::{conversation::bot_answer::Kind, model::EntityKind};
use search_index::Passage;
use uuid::Uuid;

pub struct Answer {
    pub kind: Kind,
    pub text: String,
    /// 0 to 1.
    pub confidence: f32,
    pub citations: Vec<Citation>,
}

/// Where words come from: a passage of an article, or a row of the caller.
pub struct Citation {
    pub article_version_id: Option<Uuid>,
    pub anchor: Option<String>,
    pub row: Option<(&'static EntityKind, Uuid)>,
    pub score: f32,
    pub snippet: String,
}
impl Citation {
    pub fn passage(p: &Passage, snippet: &str) -> Self {
        Citation { article_version_id: Some(p.version_id), anchor: p.anchor.clone(), row: None, score: p.score, snippet: snippet.into() }
    }
    pub fn row(kind: &'static EntityKind, id: Uuid, snippet: impl Into<String>) -> Self {
        Citation { article_version_id: None, anchor: None, row: Some((kind, id)), score: 1.0, snippet: snippet.into() }
    }
}
impl Answer {
    /// From the caller's own rows: a template with their values, as sure as the rows are.
    pub fn account(text: String, citations: Vec<Citation>) -> Self {
        Answer { kind: Kind::Account, text, confidence: 1.0, citations }
    }
}

/// What is quoted at once.
const LONGEST: usize = 700;

/// The part of a passage that answers, word for word: all of a short one; of a longer one the paragraphs from the one
/// that speaks most of what was asked.
pub fn quote<'a>(passage: &'a str, asked: &[String], stems: impl Fn(&str) -> Vec<String>) -> &'a str {
    if passage.len() <= LONGEST {
        return passage;
    }
    let blocks = blocks(passage);
    let speaks = |b: &(usize, usize)| {
        let said = stems(&passage[b.0..b.1]);
        asked.iter().filter(|a| said.contains(a)).count()
    };
    let best = (0..blocks.len()).rev().max_by_key(|i| speaks(&blocks[*i])).unwrap_or(0);
    let from = blocks.get(best).map_or(0, |b| b.0);
    let whole = blocks[best..].iter().map(|b| b.1).take_while(|to| to - from <= LONGEST).last();
    let text = match whole {
        Some(to) => &passage[from..to],
        None => sentences(&passage[from..]),
    };
    text.trim()
}

/// Where the paragraphs stand.
fn blocks(text: &str) -> Vec<(usize, usize)> {
    let (mut blocks, mut at) = (vec![], 0);
    for block in text.split("\n\n") {
        blocks.push((at, at + block.len()));
        at += block.len() + 2;
    }
    blocks
}

/// Whole sentences or lines from the beginning, as many as there is room for; at least one, however long.
fn sentences(text: &str) -> &str {
    let ends: Vec<usize> = text
        .match_indices(['.', '!', '?', '\n'])
        .map(|(i, _)| i + 1)
        .filter(|i| text[*i..].starts_with(char::is_whitespace) || text[..*i].ends_with('\n'))
        .collect();
    let end = ends.iter().take_while(|i| **i <= LONGEST).last().or(ends.first());
    &text[..end.copied().unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    fn words(text: &str) -> Vec<String> {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(Into::into).collect()
    }
    #[test]
    fn a_quote_is_a_part_of_the_passage() {
        let long = format!("{}\n\nThe router blinks red. Reset it.\n\n{}", "Nothing here. ".repeat(60), "More of it. ".repeat(80));
        for (text, ask, start) in [
            ("Short.", "router", "Short."),
            (&long, "router reset", "The router blinks red. Reset it."),
            (&"One sentence after another. ".repeat(100), "sentence", "One sentence"),
            (&"ü".repeat(5000), "x", "ü"),
        ] {
            let quote = quote(text, &words(ask), words);
            assert!(text.contains(quote) && quote.starts_with(start), "{quote}");
            assert!(quote.len() <= LONGEST || !quote.contains(' '), "{}", quote.len());
        }
    }
}
