//! A folder of Markdown as a knowledge base: MkDocs, Hugo, Jekyll or plain. Front matter is taken where there is some,
//! else headings, file names and folders say the same. Pages of questions become an article per question.
//!
//! Reading is pure: files in, articles out, and a reason for each file that gave none. [`apply`] then compares with
//! what an earlier import of the folder left: a changed text is a new version, a published one is never changed.
use crate::{Error, Result};
pub use apply::{Report, apply};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, path::Path};

/// Writes articles and their versions.
mod apply;
/// Dialects to plain Markdown.
mod clean;
/// What a page says of itself.
mod front_matter;
/// Where links lead.
mod links;
/// One file as articles.
mod page;
/// Headings, and pages of questions.
mod sections;

/// What files leave to the import.
#[derive(Clone, Debug)]
pub struct Options {
    pub locale: String,
    /// `public`, `customer`, `partner` or `agent`: for pages that do not say.
    pub audience: String,
    /// When pages without a date were published.
    pub published_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    pub categories: Vec<Category>,
    pub articles: Vec<Article>,
    pub skipped: Vec<Skipped>,
    /// Odd things about files that were taken: path and sentence.
    pub warnings: Vec<(String, String)>,
}
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub code: String,
    pub name: String,
    pub parent: Option<String>,
}
/// An article with its text in each language.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// The path of its file, without the language; of a question, with its anchor.
    pub external_id: String,
    pub slug: String,
    pub kind: &'static str,
    pub audience: String,
    pub category: Option<String>,
    pub draft: bool,
    pub texts: Vec<Text>,
}
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Text {
    pub locale: String,
    pub title: String,
    pub summary: Option<String>,
    pub body_md: String,
    pub keywords: Vec<String>,
    pub questions: Vec<String>,
    pub author: String,
    pub published_at: DateTime<Utc>,
}
/// A file that gave no article, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    pub path: String,
    /// `empty`, `stub`, `index`, `included`, `not_knowledge`, `unreadable`
    pub code: &'static str,
    pub reason: String,
}

/// The Markdown files of a folder, by path from there. Hidden folders are left out.
pub fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let read = |path: &Path, source| Error::Read { what: path.display().to_string(), source };
    let (mut open, mut files) = (vec![folder.to_path_buf()], BTreeMap::new());
    while let Some(folder_or_file) = open.pop() {
        if folder_or_file.is_file() {
            let name = folder_or_file.strip_prefix(folder).unwrap_or(&folder_or_file).to_string_lossy().replace('\\', "/");
            let name = if name.is_empty() { folder_or_file.file_name().unwrap_or_default().to_string_lossy().into_owned() } else { name };
            files.insert(name, std::fs::read(&folder_or_file).map_err(|e| read(&folder_or_file, e))?);
            continue;
        }
        for entry in std::fs::read_dir(&folder_or_file).map_err(|e| read(&folder_or_file, e))? {
            let entry = entry.map_err(|e| read(&folder_or_file, e))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().to_lowercase());
            let kind = entry.file_type().map_err(|e| read(&path, e))?; // links are not followed: they may lead anywhere
            if !name.starts_with(['.', '_']) && kind.is_dir() || kind.is_file() && is_markdown(&name) {
                open.push(path);
            }
        }
    }
    Ok(files)
}
pub fn is_markdown(name: &str) -> bool {
    [".md", ".markdown", ".mdx"].iter().any(|e| name.to_lowercase().ends_with(e))
}

/// The articles of these files.
pub fn read(files: &BTreeMap<String, Vec<u8>>, options: &Options) -> Collection {
    let mut collection = Collection::default();
    let mut sources = vec![];
    for (path, bytes) in files {
        match page::source(path, bytes, options) {
            Ok(source) => sources.push(source),
            Err(skipped) => collection.skipped.push(skipped),
        }
    }
    let root = links::common_folder(sources.iter().map(|s| s.path.as_str()));
    page::include_parts(&mut sources, &mut collection.skipped);
    let mut pages = vec![];
    for source in &sources {
        match page::read(source, &root, options) {
            Ok(page) => pages.push(page),
            Err(skipped) => collection.skipped.push(skipped),
        }
    }
    collection.warnings = sources.iter().filter_map(|s| Some((s.path.clone(), s.warning.clone()?))).collect();
    collection.categories = page::categories(&pages, &sources, &root);
    collection.articles = page::articles(pages);
    collection.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    collection
}

/// A text as part of an address: lower-case letters, digits and hyphens.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            '\'' | '’' | '‘' => {}
            c if c.is_alphanumeric() => out.push(c),
            _ if !out.ends_with('-') && !out.is_empty() => out.push('-'),
            _ => {}
        }
    }
    // long questions are cut at a word
    let cut = out.char_indices().nth(80).map_or(out.len(), |(i, _)| out[..i].rfind('-').unwrap_or(i));
    out.truncate(cut);
    out.trim_end_matches('-').into()
}

#[cfg(test)]
mod tests;
