use super::{
    Article, Category, Options, Skipped, Text,
    clean::{capital, clean},
    front_matter::{self, FrontMatter},
    links::{self, Targets},
    sections, slug,
};
use chrono::{DateTime, NaiveDate, Utc};
use pulldown_cmark::{Event, Options as Dialect, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A file that is text.
pub struct Source {
    pub path: String,
    /// The path without the language: `a/b.de.md` and `a/b.md` are one article.
    base: String,
    locale: String,
    matter: FrontMatter,
    text: String,
    pub warning: Option<String>,
}
/// A file that is knowledge.
pub struct Page {
    base: String,
    locale: String,
    kind: &'static str,
    audience: String,
    category: Option<String>,
    draft: bool,
    /// Its own short name, and the longer ones to fall back on where another page has it.
    name: String,
    folders: Vec<String>,
    author: String,
    published_at: DateTime<Utc>,
    keywords: Vec<String>,
    root: String,
    /// The whole page, or its questions.
    parts: Vec<Part>,
}
struct Part {
    /// Of a question; the page itself has none.
    anchor: Option<String>,
    title: String,
    summary: Option<String>,
    body: String,
    questions: Vec<String>,
    keywords: Vec<String>,
}

/// Files beside knowledge that are not part of it.
const NOT_KNOWLEDGE: &[&str] =
    &["source", "license", "licence", "contributing", "code_of_conduct", "summary", "security", "authors", "maintainers", "pull_request_template"];
const INDEXES: &[&str] = &["index", "_index", "readme"];
/// Below this many words, links not counted, a page says nothing.
const FEWEST_WORDS: usize = 12;
/// And below this many, one that says where its content has moved is only a sign.
const FEW_WORDS: usize = 40;
const SUMMARY_CHARS: usize = 240;

pub fn source(path: &str, bytes: &[u8], options: &Options) -> Result<Source, Skipped> {
    let skipped = |code, reason: &str| Err(Skipped { path: path.into(), code, reason: reason.into() });
    let Ok(text) = std::str::from_utf8(bytes) else { return skipped("unreadable", "The file is not UTF-8 text.") };
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let (folder, file) = path.rsplit_once('/').map_or(("", path), |(d, f)| (d, f));
    let stem = file.rsplit_once('.').map_or(file, |s| s.0);
    let (stem, suffix) = match stem.rsplit_once('.') {
        Some((s, l)) if is_locale(l) => (s, Some(l.to_string())),
        _ => (stem, None),
    };
    if NOT_KNOWLEDGE.contains(&stem.to_lowercase().as_str())
        && (folder.is_empty() || !["security", "summary"].contains(&stem.to_lowercase().as_str()))
    {
        return skipped("not_knowledge", "A file about the folder, not an article.");
    }
    let (matter, body) = front_matter::split(&text);
    let said = matter.text(&["locale", "lang", "language"]).filter(|l| is_locale(l)).or(suffix);
    let locale = said.unwrap_or_else(|| options.locale.clone()).to_lowercase().replace('_', "-");
    let base = if folder.is_empty() { stem.to_string() } else { format!("{folder}/{stem}") } + ".md";
    let (text, warning) = (body.to_string(), matter.warning.clone());
    Ok(Source { path: path.into(), base, locale, matter, text, warning })
}
/// `de`, `pt-BR`
fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once(['-', '_']).map_or((text, None), |(l, r)| (l, Some(r)));
    language.len() == 2
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.is_none_or(|r| r.len() == 2 && r.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// Puts files that others include where they are included. A file that is only a part of others is none itself.
pub fn include_parts(sources: &mut Vec<Source>, skipped: &mut Vec<Skipped>) {
    const DEEPEST: usize = 4; // files that include each other end here
    let texts: HashMap<String, String> = sources.iter().map(|s| (s.path.clone(), s.text.clone())).collect();
    let mut included = BTreeSet::new();
    for source in sources.iter_mut() {
        for _ in 0..DEEPEST {
            match with_includes(&source.text, &source.path, &texts, &mut included) {
                Some(text) => source.text = text,
                None => break,
            }
        }
    }
    sources.retain(|s| {
        let part = included.contains(&s.path) && !s.text.lines().any(|l| l.starts_with("# ")) && s.matter.text(&["title"]).is_none();
        if part {
            skipped.push(Skipped { path: s.path.clone(), code: "included", reason: "The text is part of other pages, which include it.".into() });
        }
        !part
    });
}
/// MkDocs `{! include-markdown 'x' !}`, `{% include-markdown "x" %}` and `--8<-- "x"`. None where there are none.
fn with_includes(text: &str, path: &str, texts: &HashMap<String, String>, included: &mut BTreeSet<String>) -> Option<String> {
    const OPENINGS: &[(&str, &str)] = &[("{!", "!}"), ("{%", "%}"), ("--8<--", "\n")];
    let (mut out, mut rest, mut any) = (String::new(), text, false);
    while let Some((at, open, close)) = OPENINGS.iter().filter_map(|(o, c)| Some((rest.find(o)?, *o, *c))).min() {
        let Some(length) = rest[at + open.len()..].find(close).or((close == "\n").then_some(rest.len() - at - open.len())) else { break };
        let inner = &rest[at + open.len()..at + open.len() + length];
        let end = (at + open.len() + length + if close == "\n" { 0 } else { close.len() }).min(rest.len());
        out.push_str(&rest[..at]);
        if inner.contains("include-markdown") || open == "--8<--" {
            any = true;
            out.push_str(&part(inner, path, texts, included).unwrap_or_default());
        } else {
            out.push_str(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    any.then(|| out + rest)
}
/// The text of `'file' start="…" end="…"`.
fn part(directive: &str, path: &str, texts: &HashMap<String, String>, included: &mut BTreeSet<String>) -> Option<String> {
    let name = directive.split(['"', '\'']).nth(1)?;
    let mark = |key: &str| directive.split_once(key)?.1.split(['"', '\'']).nth(1).filter(|m| !m.is_empty());
    let folder = path.rsplit_once('/').map_or("", |p| p.0);
    let found = links::join(folder, name);
    let mut text = texts.get(&found).filter(|_| found != path)?.as_str();
    if let Some((_, after)) = mark("start=").and_then(|m| text.split_once(m)) {
        text = after;
    } else {
        included.insert(found); // the whole of it
    }
    Some(mark("end=").and_then(|m| text.split_once(m)).map_or(text, |(before, _)| before).to_string())
}

pub fn read(source: &Source, root: &str, options: &Options) -> Result<Page, Skipped> {
    let matter = &source.matter;
    let text = clean(&source.text);
    let skipped = |code, reason: &str| Err(Skipped { path: source.path.clone(), code, reason: reason.into() });
    let stem = source.base.rsplit('/').next().unwrap_or_default().trim_end_matches(".md").to_string();
    let is_index = INDEXES.contains(&stem.to_lowercase().as_str());
    let words = words(&text);
    if words.all == 0 {
        return skipped("empty", "There is no text below the headings.");
    }
    if is_index && words.linked * 2 > words.all {
        return skipped("index", "The page only lists others.");
    }
    let moved = text.to_lowercase().contains("moved to") || text.to_lowercase().contains("redirect");
    if words.all < FEWEST_WORDS || (moved && words.all < FEW_WORDS) {
        return skipped("stub", if moved { "The page only says where its content has moved." } else { "The page has almost no text." });
    }
    let folders: Vec<String> = folders(&source.base, root);
    let name = if is_index { folders.last().cloned().unwrap_or_else(|| "start".into()) } else { undated(&stem).to_string() };
    let parted = sections::split(&text);
    let headline = parted.iter().find(|s| s.level > 0 && s.level <= 2).filter(|s| s.level == 1 || parted[0].body.is_empty());
    let title = matter.text(&["title", "name"]).map(|t| plain(&t)).or_else(|| headline.map(|h| h.title.clone())).unwrap_or_else(|| human(&name));
    let is_faq =
        [&name, &title].iter().any(|t| slug(t).split('-').any(|w| w == "faq" || w == "faqs") || t.to_lowercase().contains("frequently asked"));
    // a page that lists its own questions is one article: they ask for all of it
    let may_part = matter.text(&["kind", "type"]).is_none_or(|k| k == "faq") && matter.list(&["questions"]).is_empty();
    let questions = if may_part { sections::questions(&parted, is_faq) } else { None };
    let keywords = matter.list(&["keywords", "tags", "categories"]);
    let parts = match &questions {
        Some(all) => all.iter().map(|q| question(q, &title)).collect(),
        None => vec![whole(&title, &parted, matter)],
    };
    let kind = matter.text(&["kind", "type"]).and_then(|k| KINDS.iter().copied().find(|known| crate::model::same_word(known, &k)));
    Ok(Page {
        kind: kind.unwrap_or_else(|| if questions.is_some() { "faq" } else { guess(&title, &source.base) }),
        audience: matter
            .text(&["audience", "visibility"])
            .filter(|a| crate::Audience::parse(a).is_some())
            .unwrap_or_else(|| options.audience.clone()),
        category: matter.text(&["category"]).map(|c| slug(&c)).or_else(|| (!folders.is_empty()).then(|| code(&folders))),
        draft: matter.is("draft") || matter.text(&["status"]).is_some_and(|s| s == "draft"),
        name: matter.text(&["slug"]).unwrap_or(name),
        folders,
        author: matter.text(&["author", "authors"]).unwrap_or_else(|| "import".into()),
        published_at: date(matter, &source.base).unwrap_or(options.published_at),
        keywords,
        root: root.into(),
        base: source.base.clone(),
        locale: source.locale.clone(),
        parts,
    })
}

fn question(q: &sections::Question, page: &str) -> Part {
    let keywords = [Some(page.to_string()), q.group.clone()].into_iter().flatten().collect();
    Part {
        anchor: Some(q.anchor.clone()),
        title: q.title.clone(),
        summary: summary(&q.body),
        body: q.body.clone(),
        questions: vec![q.title.clone()],
        keywords,
    }
}
fn whole(title: &str, parted: &[sections::Section], matter: &FrontMatter) -> Part {
    let mut body = String::new();
    for (i, s) in parted.iter().enumerate() {
        // the headline is the title already
        let repeated = s.level > 0 && i == 1 && parted[0].body.is_empty() && crate::model::same_word(&s.title, title);
        if s.level > 0 && !repeated {
            body.push_str(&format!("{} {}\n\n", "#".repeat(s.level), s.title));
        }
        body.push_str(&s.body);
        body.push_str("\n\n");
    }
    let asked = parted.iter().filter(|s| sections::is_question(&s.title)).map(|s| s.title.clone());
    let mut questions = matter.list(&["questions"]);
    questions.extend(asked.filter(|q| q != title));
    questions.dedup();
    let summary = matter.text(&["summary", "description", "excerpt"]).map(|s| plain(&s)).or_else(|| summary(&body));
    Part { anchor: None, title: title.into(), summary, body: body.trim().to_string(), questions, keywords: vec![] }
}

const KINDS: &[&str] = &["faq", "howto", "troubleshooting", "policy", "product", "outage"];
/// What a page is about, by words of its title and path.
fn guess(title: &str, path: &str) -> &'static str {
    let words: Vec<String> = slug(&format!("{title} {path}")).split('-').map(str::to_string).collect();
    let any = |list: &[&str]| words.iter().any(|w| list.iter().any(|l| w.starts_with(l)));
    match () {
        _ if any(&["troubleshoot", "problem", "error", "rescue", "recover", "fix", "debug", "diagnos", "stoerung", "fehler"]) => "troubleshooting",
        _ if any(&["policy", "policies", "terms", "etiquette", "rules", "agb", "privacy"]) => "policy",
        _ if any(&["outage", "incident"]) => "outage",
        _ if any(&["hw", "hardware", "product", "models", "modules", "equipment", "devices"]) => "product",
        _ => "howto",
    }
}
/// A date of the front matter, or of a blog's file name (`2019-03-26-title`).
fn date(matter: &FrontMatter, base: &str) -> Option<DateTime<Utc>> {
    let file = base.rsplit('/').next().unwrap_or(base);
    let said = matter.text(&["date", "lastmod", "updated", "published_at", "published"]).or_else(|| file.get(..10).map(str::to_string))?;
    let whole = DateTime::parse_from_rfc3339(&said).map(|t| chrono::SubsecRound::trunc_subsecs(t.to_utc(), 0)).ok();
    whole.or_else(|| said.get(..10)?.parse::<NaiveDate>().ok().map(|d| d.and_time(Default::default()).and_utc()))
}

/// A blog's file name without its date.
fn undated(stem: &str) -> &str {
    let dated = stem.get(..10).is_some_and(|d| d.parse::<NaiveDate>().is_ok());
    if dated { stem[10..].trim_start_matches('-') } else { stem }
}

fn folders(base: &str, root: &str) -> Vec<String> {
    let inner = base.strip_prefix(root).unwrap_or(base).trim_start_matches('/');
    let mut parts: Vec<String> = inner.split('/').map(str::to_string).collect();
    parts.pop();
    // a folder that only holds one page with its pictures is no shelf of its own
    if parts.len() > 1 && inner.rsplit('/').next().is_some_and(|f| f.trim_end_matches(".md").ends_with(parts.last().map_or("", |p| p))) {
        parts.pop();
    }
    parts
}
fn code(folders: &[String]) -> String {
    slug(&folders.join(" "))
}
fn human(name: &str) -> String {
    capital(name.replace(['-', '_'], " ").trim())
}

/// The shelves that pages stand on, parents first. An index page names its folder.
pub fn categories(pages: &[Page], sources: &[Source], root: &str) -> Vec<Category> {
    let named = |all: &[String]| {
        let place = links::place(format!("{root}/{}", all.join("/")).trim_start_matches('/'));
        let index = sources.iter().find(|s| links::place(&s.base) == place)?;
        index.matter.text(&["title"]).filter(|t| !crate::model::same_word(t, "documentation"))
    };
    let mut found: BTreeMap<String, Category> = BTreeMap::new();
    for page in pages.iter().filter(|p| p.category.is_some()) {
        let own = page.category.clone().unwrap_or_default();
        if own != code(&page.folders) {
            found.entry(own.clone()).or_insert(Category { name: human(&own), code: own, parent: None });
            continue;
        }
        for depth in 1..=page.folders.len() {
            let all = &page.folders[..depth];
            let name = named(all).unwrap_or_else(|| human(&all[depth - 1]));
            found.entry(code(all)).or_insert(Category { code: code(all), name, parent: (depth > 1).then(|| code(&all[..depth - 1])) });
        }
    }
    let mut all: Vec<Category> = found.into_values().collect();
    all.sort_by_key(|c| (c.parent.is_some(), c.code.matches('-').count(), c.code.clone()));
    all
}

/// The articles of the pages: each with a slug of its own, its languages together, its links led home.
pub fn articles(pages: Vec<Page>) -> Vec<Article> {
    let keys: Vec<(usize, usize, String, Vec<String>)> = pages
        .iter()
        .enumerate()
        .flat_map(|(i, p)| p.parts.iter().enumerate().map(move |(j, part)| (i, j, external_id(p, part), names(p, part))))
        .collect();
    let slugs = unique(keys.iter().map(|k| (k.2.clone(), k.3.clone())).collect());
    let mut targets = Targets::new(pages.first().map_or("", |p| &p.root));
    for (i, j, id, _) in &keys {
        targets.add(&pages[*i].base, pages[*i].parts[*j].anchor.as_deref().unwrap_or_default(), &slugs[id]);
    }
    let mut found: BTreeMap<String, Article> = BTreeMap::new();
    for (i, j, id, _) in keys {
        let (page, part) = (&pages[i], &pages[i].parts[j]);
        let text = Text {
            locale: page.locale.clone(),
            title: part.title.clone(),
            summary: part.summary.clone(),
            body_md: links::rewrite(&part.body, &page.base, &targets),
            keywords: page.keywords.iter().chain(&part.keywords).cloned().collect(),
            questions: part.questions.clone(),
            author: page.author.clone(),
            published_at: page.published_at,
        };
        let article = found.entry(id.clone()).or_insert_with(|| Article {
            slug: slugs[&id].clone(),
            kind: page.kind,
            audience: page.audience.clone(),
            category: page.category.clone(),
            draft: page.draft,
            texts: vec![],
            external_id: id,
        });
        if !article.texts.iter().any(|t| t.locale == text.locale) {
            article.texts.push(text);
        }
    }
    found.into_values().collect()
}
fn external_id(page: &Page, part: &Part) -> String {
    part.anchor.as_ref().map_or_else(|| page.base.clone(), |a| format!("{}#{a}", page.base))
}
/// The names that an article may have, the shortest first.
fn names(page: &Page, part: &Part) -> Vec<String> {
    let own = part.anchor.as_ref().map(|_| slug(&part.title)).filter(|s| !s.is_empty());
    let mut parts: Vec<String> = own.into_iter().chain([slug(&page.name)]).chain(page.folders.iter().rev().map(|f| slug(f))).collect();
    parts.dedup();
    (1..=parts.len()).map(|n| parts[..n].iter().rev().cloned().collect::<Vec<_>>().join("-")).collect()
}
/// The shortest name that no other has; where even the longest is shared, numbers.
fn unique(all: Vec<(String, Vec<String>)>) -> HashMap<String, String> {
    let mut depth: BTreeMap<String, (usize, Vec<String>)> = all.into_iter().map(|(id, names)| (id, (0, names))).collect();
    loop {
        let mut count: HashMap<String, usize> = HashMap::new();
        depth.values().for_each(|(d, names)| *count.entry(names[*d].clone()).or_default() += 1);
        let mut moved = false;
        for (d, names) in depth.values_mut() {
            if count[&names[*d]] > 1 && *d + 1 < names.len() {
                *d += 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let mut taken = BTreeSet::new();
    let mut named = HashMap::new();
    for (id, (d, names)) in depth {
        let name = if names[d].is_empty() { "page".to_string() } else { names[d].clone() };
        let free = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}-{n}") }).find(|n| !taken.contains(n)).unwrap_or(name);
        taken.insert(free.clone());
        named.insert(id, free);
    }
    named
}

struct Words {
    all: usize,
    linked: usize,
}
/// Words of the running text, headings left out.
fn words(text: &str) -> Words {
    let (mut found, mut link, mut heading) = (Words { all: 0, linked: 0 }, 0, 0);
    for event in Parser::new_ext(text, Dialect::all()) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading += 1,
            Event::End(TagEnd::Heading(_)) => heading -= 1,
            Event::Start(Tag::Link { .. }) => link += 1,
            Event::End(TagEnd::Link) => link -= 1,
            Event::Text(t) | Event::Code(t) if heading == 0 => {
                let n = t.split_whitespace().count();
                found.all += n;
                found.linked += if link > 0 { n } else { 0 };
            }
            _ => {}
        }
    }
    found
}
/// Markdown of one line as text.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for event in Parser::new_ext(text, Dialect::empty()) {
        match event {
            Event::Text(t) | Event::Code(t) | Event::InlineHtml(t) => out.push_str(&t),
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            _ => {}
        }
    }
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    if out.is_empty() { text.trim().to_string() } else { out }
}
/// The first paragraph, in full sentences where they fit.
fn summary(body: &str) -> Option<String> {
    let (mut depth, mut out) = (0, String::new());
    for event in Parser::new_ext(body, Dialect::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Paragraph) => depth += 1,
            Event::End(TagEnd::Paragraph) => {
                depth -= 1;
                if out.split_whitespace().count() > 3 {
                    break;
                }
                out.clear();
            }
            Event::Text(t) | Event::Code(t) if depth > 0 => out.push_str(&t),
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            _ => {}
        }
    }
    let text = out.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SUMMARY_CHARS {
        return Some(text).filter(|t| !t.is_empty());
    }
    let cut: String = text.chars().take(SUMMARY_CHARS).collect();
    let end = cut.rfind(". ").map(|i| i + 1).or_else(|| cut.rfind(' '))?;
    Some(if cut[..end].ends_with('.') { cut[..end].into() } else { format!("{}…", &cut[..end]) })
}
