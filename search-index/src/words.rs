//! Words out of text: letters and digits hang together. A hyphen after at most two letters does not part a word
//! (`Wi-Fi`, `e-mail`), so that it is found however it is written.
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

#[derive(Clone, Default)]
pub struct Words;
impl Tokenizer for Words {
    type TokenStream<'a> = Stream;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        Stream { tokens: split(text), next: 0 }
    }
}

pub struct Stream {
    tokens: Vec<Token>,
    next: usize,
}
impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        self.next += 1;
        self.next <= self.tokens.len()
    }
    fn token(&self) -> &Token {
        &self.tokens[self.next - 1]
    }
    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokens[self.next - 1]
    }
}

/// The words of a text as they are written, without hyphens.
pub fn split(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = vec![];
    let mut joins = false;
    let mut at = 0;
    for run in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = run.trim_end_matches(|c: char| !c.is_alphanumeric());
        let (from, to) = (at, at + word.len());
        at += run.len();
        if word.is_empty() {
            joins = false;
            continue;
        }
        let letters = word.chars().all(char::is_alphabetic);
        match tokens.last_mut().filter(|_| joins && letters) {
            Some(last) => {
                last.text.push_str(word);
                last.offset_to = to;
            }
            None => {
                let position = tokens.len();
                tokens.push(Token { offset_from: from, offset_to: to, position, text: word.into(), position_length: 1 });
            }
        }
        joins = run.ends_with('-') && letters && word.chars().count() <= 2;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn short_prefixes_stay_with_their_word() {
        let check = |text: &str, expected: &[&str]| assert_eq!(split(text).iter().map(|t| t.text.as_str()).collect::<Vec<_>>(), expected);
        check("Wi-Fi, E-Mail and pre-paid", &["WiFi", "EMail", "and", "pre", "paid"]);
        check("TKT-100123 (5G-Router)", &["TKT", "100123", "5G", "Router"]);
        check(" - über-- naïve…", &["über", "naïve"]);
        let tokens = split("das Wi-Fi ist");
        assert_eq!(&"das Wi-Fi ist"[tokens[1].offset_from..tokens[1].offset_to], "Wi-Fi");
    }
}
