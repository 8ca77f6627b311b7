//! The few words around a hit: plain text, and where in it the asked words stand.
use crate::language::Language;
use std::{collections::BTreeSet, ops::Range};

/// A piece of text with the asked words marked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snippet {
    pub text: String,
    /// Bytes of `text`, in order, never overlapping, always at whole characters.
    pub marks: Vec<Range<usize>>,
}
impl Snippet {
    /// The text in pieces, each with whether it is marked.
    pub fn pieces(&self) -> Vec<(&str, bool)> {
        let (mut pieces, mut at) = (vec![], 0);
        for mark in &self.marks {
            pieces.push((&self.text[at..mark.start], false));
            pieces.push((&self.text[mark.clone()], true));
            at = mark.end;
        }
        pieces.push((&self.text[at..], false));
        pieces.retain(|p| !p.0.is_empty());
        pieces
    }
}

/// How long a snippet is, in characters.
const LENGTH: usize = 220;

/// The part of a text with most of the asked stems in it, cut at words.
pub fn of(text: &str, language: &Language, asked: &BTreeSet<String>) -> Snippet {
    let (words, hits) = language.asked_in(text, asked);
    let start = hits.iter().map(|h| h.1.start).max_by_key(|start| (distinct(&hits, *start), std::cmp::Reverse(*start))).unwrap_or(0);
    // A little before the first hit, from the beginning of a word or of the line.
    let from = words.iter().map(|w| w.start).take_while(|s| *s <= start).find(|s| start - s <= LENGTH / 4).unwrap_or(start);
    let from = if from <= LENGTH / 4 { 0 } else { from };
    let end = char_limit(text, from);
    let to = if end == text.len() { end } else { words.iter().map(|w| w.end).take_while(|e| *e <= end).last().filter(|e| *e > from).unwrap_or(end) };
    let (before, after) = (if from > 0 { "… " } else { "" }, if to < text.len() { " …" } else { "" });
    let marks =
        hits.iter().filter(|h| h.1.start >= from && h.1.end <= to).map(|h| h.1.start - from + before.len()..h.1.end - from + before.len()).collect();
    Snippet { text: format!("{before}{}{after}", text[from..to].trim_end()), marks }
}

/// How many different stems stand within a snippet's length from here.
fn distinct(hits: &[(String, Range<usize>)], start: usize) -> usize {
    hits.iter().filter(|h| h.1.start >= start && h.1.end <= start + LENGTH).map(|h| &h.0).collect::<BTreeSet<_>>().len()
}

fn char_limit(text: &str, from: usize) -> usize {
    text[from..].char_indices().nth(LENGTH).map_or(text.len(), |(i, _)| from + i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language;
    fn check(text: &str, ask: &str, marked: &[&str]) {
        let en = language::of("en");
        let found = of(text, en, &en.content(ask).into_iter().collect());
        assert_eq!(found.pieces().into_iter().filter(|p| p.1).map(|p| p.0).collect::<Vec<_>>(), marked, "{found:?}");
        assert_eq!(found.pieces().into_iter().map(|p| p.0).collect::<String>(), found.text);
        assert!(found.text.chars().count() <= LENGTH + 4);
    }
    #[test]
    fn the_asked_words_are_marked_however_they_are_bent() {
        check("Routers can be reset.", "resetting a router", &["Routers", "reset"]);
        check(&format!("{} the router is reset here {}", "x ".repeat(500), "y ".repeat(500)), "router reset", &["router", "reset"]);
        check(&format!("{}naïve Wi-Fi", "ü ".repeat(900)), "wifi", &["Wi-Fi"]);
        check("nothing", "router", &[]);
        check("", "router", &[]);
        check(&"a".repeat(5000), "b", &[]);
    }
}
