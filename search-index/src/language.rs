//! Languages: stems, stop words, and which one a text is in. A language that is not listed is indexed without stems.
use crate::words::{self, Words};
use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
    sync::LazyLock,
};
use tantivy::tokenizer::{AsciiFoldingFilter, Language as Stems, LowerCaser, RemoveLongFilter, Stemmer, TextAnalyzer, TokenizerManager};

/// A language of the index.
#[derive(Debug)]
pub struct Language {
    /// ISO 639-1; `und` for all others.
    pub code: &'static str,
    stems: Option<Stems>,
    /// Words that say nothing of the matter; also how the language is told.
    stop: &'static str,
}
impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

pub static LANGUAGES: [Language; 7] = [
    Language { code: "en", stems: Some(Stems::English), stop: EN },
    Language { code: "de", stems: Some(Stems::German), stop: DE },
    Language {
        code: "fr",
        stems: Some(Stems::French),
        stop: "au aux avec ce ces cette comment dans de des du elle est et il je la le les ma mais mes moi mon ne nous on ou où par pas pour pourquoi puis quand que quel quelle qui sa se son sont suis sur un une vos votre vous à",
    },
    Language {
        code: "es",
        stems: Some(Stems::Spanish),
        stop: "al como con cuando cuánto cómo de del dónde el ella en es esta este está hay la las lo los me mi mis muy no o para pero por porque puedo que qué se ser si sin son su sus tengo un una y yo",
    },
    Language {
        code: "it",
        stems: Some(Stems::Italian),
        stop: "al alla che chi ci come con cosa da dei del della di dove e gli ho il in io la le lo ma mi mia mio nel nella non o per perché posso quando quanto questa questo se si sono su un una è",
    },
    Language {
        code: "nl",
        stems: Some(Stems::Dutch),
        stop: "aan als bij dat de deze die dit door een en er het hoe ik in is kan maar met mij mijn naar niet of om ook op te van voor waar waarom wanneer wat we wij wordt zijn zonder",
    },
    Language { code: "und", stems: None, stop: "" },
];
const EN: &str = "a about after again all also am an and any are as at be because been before being but by can can't cannot could d did do does doing don down for from get gets getting got had has have having he hello help her here hers hey hi him his how i if in into is isn it its just like ll m may me might more most must my mine need needs no nor not now of off ok on once only or other our out over own please re s same shall she should so some such t than thank thanks that the their them then there these they this those through to too under until up us ve very want was wasn we were what when where which while who whom why will with would yes you your yours";
const DE: &str = "aber alle als also am an auch auf aus bei beim bin bis bitte da damit danke dann das dass dein deine dem den der des die dies diese dieser dieses doch dort du durch ein eine einem einen einer eines er es euch euer für gibt habe haben hallo hat hatte ich ihr ihre im in ist ja jetzt kann kannst keine kein können könnt man mein meine meinem meinen meiner mich mir mit möchte muss nach nein nicht noch nun nur ob oder ohne sehr sein seine sich sie sind so soll um und uns unser unsere vom von vor wann war warum was weil welche welcher wenn wer werde werden wie wieder wieso will wir wird wo wurde zu zum zur über";

/// The language of a locale (`de-AT`).
pub fn of(locale: &str) -> &'static Language {
    let code = locale.split(['-', '_']).next().unwrap_or_default();
    LANGUAGES.iter().find(|l| l.code.eq_ignore_ascii_case(code)).unwrap_or(&LANGUAGES[6])
}

/// The language whose little words a text has most of; English where none stands out.
pub fn detect(text: &str) -> &'static Language {
    let words = plain(text);
    let said = LANGUAGES.iter().rev().map(|l| (words.iter().filter(|w| l.stops(w)).count(), l));
    said.max_by_key(|s| s.0).filter(|s| s.0 > 0).map_or(&LANGUAGES[0], |s| s.1)
}

impl Language {
    /// The name of its tokenizer in the index.
    pub(crate) fn tokenizer(&self) -> String {
        format!("words_{}", self.code)
    }
    pub(crate) fn analyzer(&self) -> TextAnalyzer {
        let words = TextAnalyzer::builder(Words).filter(RemoveLongFilter::limit(60)).filter(LowerCaser);
        match self.stems {
            Some(stems) => words.filter(Stemmer::new(stems)).filter(AsciiFoldingFilter).build(),
            None => words.filter(AsciiFoldingFilter).build(),
        }
    }
    /// Whether this lower-case word says nothing of the matter.
    pub fn stops(&self, word: &str) -> bool {
        static STOPS: LazyLock<[HashSet<&str>; LANGUAGES.len()]> = LazyLock::new(|| LANGUAGES.each_ref().map(|l| l.stop.split(' ').collect()));
        STOPS[self.place()].contains(word)
    }
    /// Among all languages.
    pub(crate) fn place(&self) -> usize {
        LANGUAGES.iter().position(|l| l == self).unwrap_or(LANGUAGES.len() - 1)
    }
    /// The stems of a text, each with its place in it.
    pub(crate) fn stems(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let mut analyzer = self.analyzer();
        let mut stream = analyzer.token_stream(text);
        let mut found = vec![];
        while stream.advance() {
            let t = stream.token();
            found.push((t.text.clone(), t.offset_from..t.offset_to));
        }
        found
    }
    /// Whether a stem begins with the letter that its word begins with. A Dutch one loses its `ge-`.
    fn keeps_beginnings(&self) -> bool {
        self.code != "nl"
    }
    /// Where the words of a text stand, and which of them have one of these stems. Those that begin otherwise are not brought
    /// to their stems, which takes most of the time of a long text.
    pub(crate) fn asked_in(&self, text: &str, stems: &BTreeSet<String>) -> (Vec<Range<usize>>, Vec<(String, Range<usize>)>) {
        let (words, mut analyzer) = (words::split(text), self.analyzer());
        let begins_so = |word: &str| match word.chars().next() {
            Some(c) if c.is_ascii() && self.keeps_beginnings() => stems.iter().any(|s| s.starts_with(c.to_ascii_lowercase())),
            first => first.is_some(), // what it is folded to is for the analyzer to say
        };
        let mut found = vec![];
        for word in words.iter().filter(|w| begins_so(&w.text)) {
            let at = word.offset_from..word.offset_to;
            let mut stream = analyzer.token_stream(&text[at.clone()]);
            if stream.advance() && stems.contains(&stream.token().text) {
                found.push((stream.token().text.clone(), at));
            }
        }
        (words.iter().map(|w| w.offset_from..w.offset_to).collect(), found)
    }
    /// The stems of a text, the little words among them.
    pub fn words(&self, text: &str) -> Vec<String> {
        self.stems(text).into_iter().map(|s| s.0).collect()
    }
    /// The stems of a text without its stop words.
    pub fn content(&self, text: &str) -> Vec<String> {
        let stems = self.stems(text);
        stems.into_iter().filter(|(_, at)| !self.stops(&text[at.clone()].to_lowercase())).map(|s| s.0).collect()
    }
}

pub(crate) fn register(manager: &TokenizerManager) {
    for language in &LANGUAGES {
        manager.register(&language.tokenizer(), language.analyzer());
    }
}

fn plain(text: &str) -> Vec<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_language_shows_in_the_little_words() {
        let check = |text: &str, code: &str| assert_eq!(detect(text).code, code, "{text}");
        check("Why is my bill higher than last month?", "en");
        check("Warum ist meine Rechnung höher als im letzten Monat?", "de");
        check("I was in an area without signal", "en");
        check("router", "en");
        check("Pourquoi ma facture est plus chère ?", "fr");
        check("", "en");
    }
    /// Which [`Language::asked_in`] relies on.
    #[test]
    fn a_stem_begins_as_its_word_does() {
        assert!(!of("nl").words("gemaakte")[0].starts_with('g'), "Dutch need not be an exception any more");
        let letters = || 'a'..='z';
        let ends = ["", "e", "s", "en", "ing", "ement", "ungen", "issimo", "ándolas", "heden", "eux", "y", "ying", "ies"];
        for language in LANGUAGES.iter().filter(|l| l.keeps_beginnings()) {
            for (a, b, c) in letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| (a, b, c)))) {
                let text = ends.map(|end| format!("{a}{b}{c}{end}")).join(" ");
                assert!(language.words(&text).iter().all(|stem| stem.starts_with(a)), "{}: {text}", language.code);
            }
            for word in language.stop.split([' ', '\'']).filter(|w| w.starts_with(|c: char| c.is_ascii())) {
                assert!(language.words(word).iter().all(|stem| stem.starts_with(&word[..1])), "{}: {word}", language.code);
            }
        }
    }
    #[test]
    fn words_are_found_by_stem_where_they_stand() {
        let long = "router".repeat(20); // is not indexed
        for (code, text) in [
            ("en", &*format!("Routers of Zürich are re-set; Über-routing, E-Mail, 5G, routerʼs, {long}")),
            ("de", "Die Rechnungen im Wi-Fi, Änderung der Rechnung"),
            ("nl", "de gemaakte rekening werd betaald"),
        ] {
            let language = of(code);
            for (stem, at) in language.stems(text) {
                let (words, found) = language.asked_in(text, &BTreeSet::from([stem.clone()]));
                assert!(words.contains(&at) && found.contains(&(stem.clone(), at.clone())), "{text}: {stem}");
                assert!(found.iter().all(|(s, at)| *s == stem && language.stems(text).contains(&(s.clone(), at.clone()))), "{text}: {stem}");
            }
        }
    }
    #[test]
    fn stop_words_go_and_stems_meet() {
        assert_eq!(of("en-GB").content("How do I reset my routers?"), of("en").content("resetting the router"));
        assert_eq!(of("de-AT").content("Wo sind die Rechnungen?"), of("de").content("Rechnung"));
    }
}
