//! Articles: one document per article in all its languages, and one per passage of each language.
use crate::{Result, document::Document, fields::Part, language, visibility};
use entities::{
    Store,
    knowledge::{article, article_version},
    scope::Scope,
};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

/// Longer sections are cut between paragraphs.
const LONGEST: usize = 1_500;

/// The documents of these articles; none of what is not published.
pub async fn documents(store: &Store, ids: &[Uuid]) -> Result<Vec<Document>> {
    let hub = Scope::hub(store.clock().now());
    let articles =
        hub.find::<article::Entity>().filter(article::Column::Id.is_in(ids.to_vec())).filter(article::Column::Status.eq(article::Status::Published));
    let versions = hub.find::<article_version::Entity>().filter(article_version::Column::ArticleId.is_in(ids.to_vec()));
    let versions =
        versions.filter(article_version::Column::State.eq(article_version::State::Published)).order_by_asc(article_version::Column::Locale);
    let (articles, versions) = (articles.all(store.reader()).await?, versions.all(store.reader()).await?);
    let mut documents = vec![];
    for a in &articles {
        let texts: Vec<_> = versions.iter().filter(|v| v.article_id == a.id).collect();
        if !texts.is_empty() {
            documents.push(whole(a, &texts));
        }
        documents.extend(texts.iter().flat_map(|v| passages(a, v)));
    }
    Ok(documents)
}

/// The articles of these versions.
pub async fn of_versions(store: &Store, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let versions = Scope::hub(store.clock().now()).find::<article_version::Entity>().filter(article_version::Column::Id.is_in(ids));
    Ok(versions.all(store.reader()).await?.into_iter().map(|v| v.article_id).collect())
}

fn whole(a: &article::Model, texts: &[&article_version::Model]) -> Document {
    let mut d = Document::new(&article::ENTITY, a.id, visibility::of_article(a.audience));
    d.shown.slug.clone_from(&a.slug);
    for v in texts {
        let language = language::of(&v.locale);
        d.part(Part::Title, language, &v.title);
        d.part(Part::Title, language, asks(v).join("\n"));
        let text = sections(&v.body_md).into_iter().flat_map(|s| [s.heading, s.text]).collect::<Vec<_>>().join("\n");
        d.part(Part::Body, language, format!("{}\n{text}", v.summary.as_deref().unwrap_or_default()));
        // The hit shows the best passage; this is what stands where none matches.
        if d.shown.title.is_empty() || language.code == "en" {
            d.shown.title.clone_from(&v.title);
            d.shown.locale.clone_from(&v.locale);
            d.shown.body = v.summary.clone().unwrap_or_else(|| text.chars().take(300).collect());
            d.shown.version = Some(v.id);
        }
    }
    d
}

fn passages<'a>(a: &'a article::Model, v: &'a article_version::Model) -> impl Iterator<Item = Document> {
    let language = language::of(&v.locale);
    sections(&v.body_md).into_iter().map(move |s| {
        let mut d = Document::new(&article::ENTITY, a.id, visibility::of_article(a.audience));
        d.passage = true;
        d.part(Part::PassageTitle, language, &v.title);
        d.part(Part::PassageHeading, language, &s.heading);
        d.part(Part::PassageAsks, language, asks(v).join("\n"));
        d.part(Part::PassageBody, language, &s.text);
        d.shown.title.clone_from(&v.title);
        d.shown.locale.clone_from(&v.locale);
        d.shown.slug.clone_from(&a.slug);
        d.shown.version = Some(v.id);
        (d.shown.questions, d.shown.keywords) = (list(&v.questions), list(&v.keywords));
        (d.shown.heading, d.shown.anchor, d.shown.body) = (s.heading, s.anchor, s.text);
        d
    })
}

fn asks(v: &article_version::Model) -> Vec<String> {
    list(&v.questions).into_iter().chain(list(&v.keywords)).collect()
}
fn list(json: &serde_json::Value) -> Vec<String> {
    json.as_array().into_iter().flatten().filter_map(|v| v.as_str()).map(Into::into).collect()
}

/// A section of a text: what stands under one heading.
#[derive(Debug, Default, PartialEq)]
struct Section {
    heading: String,
    /// As GitHub and our own pages make it from the heading; none before the first heading.
    anchor: Option<String>,
    text: String,
}

/// Markdown in sections of plain text: lists keep their marks, links their words.
fn sections(markdown: &str) -> Vec<Section> {
    let mut found = vec![Section::default()];
    let mut plain = Plain::default();
    let mut anchors: std::collections::HashMap<String, u32> = Default::default();
    let mut parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    while let Some(event) = parser.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let heading: String = parser.by_ref().take_while(|e| !matches!(e, Event::End(TagEnd::Heading(_)))).filter_map(words).collect();
                if let Some(last) = found.last_mut() {
                    last.text = plain.take();
                }
                // The article's own name at its top is no section of its own.
                if level == HeadingLevel::H1 && found.len() == 1 && found[0].text.is_empty() {
                    continue;
                }
                found.push(Section { anchor: Some(anchor(&heading, &mut anchors)), heading, text: String::new() });
            }
            event => plain.push(event),
        }
    }
    if let Some(last) = found.last_mut() {
        last.text = plain.take();
    }
    found.retain(|s| !s.text.is_empty());
    found.into_iter().flat_map(cut).collect()
}

fn words(event: Event) -> Option<String> {
    match event {
        Event::Text(t) | Event::Code(t) => Some(t.to_string()),
        Event::SoftBreak | Event::HardBreak => Some(" ".into()),
        _ => None,
    }
}

fn anchor(heading: &str, seen: &mut std::collections::HashMap<String, u32>) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    let base = kept.trim().replace(' ', "-");
    let n = seen.entry(base.clone()).and_modify(|n| *n += 1).or_insert(0);
    if *n == 0 { base } else { format!("{base}-{n}") }
}

fn cut(section: Section) -> Vec<Section> {
    if section.text.len() <= LONGEST {
        return vec![section];
    }
    let mut parts: Vec<String> = vec![];
    for block in section.text.split("\n\n") {
        match parts.last_mut().filter(|p| p.len() + block.len() + 2 <= LONGEST) {
            Some(part) => {
                part.push_str("\n\n");
                part.push_str(block);
            }
            None => parts.push(block.into()),
        }
    }
    parts.into_iter().map(|text| Section { heading: section.heading.clone(), anchor: section.anchor.clone(), text }).collect()
}

/// Writes the words of Markdown as plain text.
#[derive(Default)]
struct Plain {
    text: String,
    /// The number of the next item of each open list; none for bullets.
    lists: Vec<Option<u64>>,
}
impl Plain {
    fn push(&mut self, event: Event) {
        match event {
            Event::Start(Tag::Paragraph | Tag::CodeBlock(_) | Tag::Table(_)) if self.lists.is_empty() => self.gap("\n\n"),
            Event::Start(Tag::List(start)) => {
                self.gap(if self.lists.is_empty() { "\n\n" } else { "\n" });
                self.lists.push(start);
            }
            Event::End(TagEnd::List(_)) => drop(self.lists.pop()),
            Event::Start(Tag::Item) => self.item(),
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => self.gap("\n"),
            Event::End(TagEnd::TableCell) => self.text.push(' '),
            Event::HardBreak => self.gap("\n"),
            event => self.text.extend(words(event)),
        }
    }
    fn item(&mut self) {
        self.gap("\n");
        self.text.push_str(&"  ".repeat(self.lists.len().saturating_sub(1)));
        match self.lists.last_mut() {
            Some(Some(n)) => {
                self.text.push_str(&format!("{n}. "));
                *n += 1;
            }
            _ => self.text.push_str("- "),
        }
    }
    fn gap(&mut self, gap: &str) {
        if !self.text.is_empty() && !self.text.ends_with(gap) {
            self.text.truncate(self.text.trim_end().len());
            self.text.push_str(gap);
        }
    }
    fn take(&mut self) -> String {
        self.lists.clear();
        std::mem::take(&mut self.text).trim().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn sections_are_plain_text_with_anchors() {
        let found = sections(
            "# Roaming\n\nIntro with a [link](x).\n\n## How do I turn it on?\n\n1. Open *Settings*\n2. Tap **Mobile**\n   - all of it\n\nDone.\n\n## Costs & limits\n\nNone.\n\n## Costs & limits\n\nAgain.\n",
        );
        let section =
            |heading: &str, anchor: Option<&str>, text: &str| Section { heading: heading.into(), anchor: anchor.map(Into::into), text: text.into() };
        assert_eq!(
            found,
            [
                section("", None, "Intro with a link."),
                section("How do I turn it on?", Some("how-do-i-turn-it-on"), "1. Open Settings\n2. Tap Mobile\n  - all of it\n\nDone."),
                section("Costs & limits", Some("costs--limits"), "None."),
                section("Costs & limits", Some("costs--limits-1"), "Again."),
            ]
        );
    }
    #[test]
    fn long_sections_are_cut_between_paragraphs() {
        let text = vec!["word ".repeat(100); 9].join("\n\n");
        let found = sections(&format!("## A\n\n{text}"));
        assert!(found.len() > 2 && found.iter().all(|s| s.heading == "A" && s.text.len() <= LONGEST));
    }
    #[test]
    fn any_bytes_are_no_trouble() {
        for text in ["", "#", "```", "| a |\n|--|\n| b |", "<div>", "1. 2. 3.", "\u{feff}# x\u{0}"] {
            sections(text);
        }
    }
}
