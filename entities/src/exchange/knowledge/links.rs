//! Where the links of a page lead: to the article that the file became, or nowhere.
use super::slug;
use std::collections::BTreeMap;

/// The folder that all files lie in (`docs`, `content`): no category, and the root of absolute links.
pub fn common_folder<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let mut common: Option<Vec<&str>> = None;
    for path in paths {
        let folders: Vec<&str> = path.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
        common = Some(match common {
            None => folders,
            Some(c) => c.into_iter().zip(folders).take_while(|(a, b)| a == b).map(|(a, _)| a).collect(),
        });
    }
    common.unwrap_or_default().join("/")
}

/// Finds files by the addresses that pages use for them.
pub struct Targets {
    root: String,
    /// Path without ending, in lower case → what stands there by anchor (`""` is the page).
    pages: BTreeMap<String, BTreeMap<String, String>>,
}
impl Targets {
    pub fn new(root: &str) -> Self {
        Targets { root: root.into(), pages: BTreeMap::new() }
    }
    pub fn add(&mut self, path: &str, anchor: &str, slug: &str) {
        self.pages.entry(place(path)).or_default().insert(anchor.into(), slug.into());
    }
    /// The slug and anchor that a link of this page leads to.
    fn find(&self, page: &str, target: &str) -> Option<(String, Option<String>)> {
        let (path, anchor) = target.split_once('#').map_or((target, None), |(p, a)| (p, Some(a)));
        let path = path.split('?').next().unwrap_or(path).replace("%20", " ");
        let at =
            if path.is_empty() { self.pages.get(&place(page)) } else { self.candidates(page, &path).iter().find_map(|c| self.pages.get(&place(c))) }?;
        let anchor = anchor.filter(|a| !a.is_empty());
        if let Some(question) = anchor.and_then(|a| at.get(a).or_else(|| at.get(&slug(a)))) {
            return Some((question.clone(), None));
        }
        let whole = at.get("").or_else(|| at.values().next())?;
        Some((whole.clone(), anchor.filter(|_| at.contains_key("")).map(str::to_string)))
    }
    /// Beside the page, inside the folder that the page is on a built site, from the root; and for `ref:` anywhere.
    fn candidates(&self, page: &str, path: &str) -> Vec<String> {
        let named = path.strip_prefix("ref:");
        let path = named.unwrap_or(path);
        let folder = page.rsplit_once('/').map_or("", |p| p.0);
        let mut all = vec![];
        if !path.starts_with('/') {
            all.push(join(folder, path));
            all.push(join(page.trim_end_matches(".md"), path));
        }
        all.push(join(&self.root, path.trim_start_matches('/')));
        if named.is_some() {
            let end = format!("/{}", place(path.trim_start_matches('/')));
            all.extend(self.pages.keys().find(|k| k.ends_with(&end)).cloned());
        }
        all
    }
}
/// A page's name among all: no ending, no language, no `index`.
pub fn place(path: &str) -> String {
    let mut path = path.trim_end_matches('/').to_lowercase();
    for end in [".md", ".markdown", ".mdx", ".html"] {
        path = path.strip_suffix(end).map_or(path.clone(), str::to_string);
    }
    for index in ["_index", "index", "readme"] {
        if let Some(folder) = path.strip_suffix(index).filter(|f| f.is_empty() || f.ends_with('/')) {
            path = folder.trim_end_matches('/').to_string();
        }
    }
    path
}
/// A path from a folder, with its `..` resolved; it cannot leave the root.
pub fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Rewrites the links of a page: those to other pages become slugs, those that lead nowhere keep their text, pictures
/// of the folder go. Links elsewhere stay.
pub fn rewrite(body: &str, page: &str, targets: &Targets) -> String {
    let (mut out, mut rest) = (String::new(), body);
    while let Some(at) = rest.find(['[', '`']) {
        if rest[at..].starts_with('`') {
            let run = rest[at..].chars().take_while(|c| *c == '`').count();
            let mark = "`".repeat(run);
            // a span or block of code, to its end
            let end = rest[at + run..].find(&mark).map_or(rest.len(), |e| at + run + e + run);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let Some((text, target, length)) = link(&rest[at..]) else {
            out.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        };
        let picture = rest[..at].ends_with('!');
        let (before, whole) = (&rest[..at - usize::from(picture)], &rest[at - usize::from(picture)..at + length]);
        out.push_str(before);
        rest = &rest[at + length..];
        let address = target.split_whitespace().next().unwrap_or_default().trim_matches(['<', '>']);
        if address.contains("://") || address.starts_with("mailto:") || address.starts_with("tel:") || address.starts_with("//") {
            out.push_str(whole);
        } else if picture {
            out.push_str(&if text.trim().is_empty() { String::new() } else { format!("*{}*", text.trim()) });
        } else {
            let text = rewrite(text, page, targets);
            match targets.find(page, address) {
                Some((slug, Some(anchor))) => out.push_str(&format!("[{text}]({slug}#{anchor})")),
                Some((slug, None)) => out.push_str(&format!("[{text}]({slug})")),
                None => out.push_str(&text),
            }
        }
    }
    out + rest
}
/// `[text](target)` at the start: text, target and length.
fn link(text: &str) -> Option<(&str, &str, usize)> {
    let close = matching(text, '[', ']')?;
    let rest = text[close + 1..].strip_prefix('(')?;
    let end = matching(&text[close + 1..], '(', ')')?;
    Some((&text[1..close], rest[..end - 1].trim(), close + 1 + end + 1))
}
fn matching(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in text.char_indices().take(4000) {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(i);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    fn check(given: &str, expected: &str) {
        let mut t = Targets::new("docs");
        t.add("docs/a/one.md", "", "one");
        t.add("docs/two/index.md", "", "two");
        t.add("docs/faq.md", "why-so", "why-so");
        t.add("docs/b/typical Installs.md", "", "typical-installs");
        assert_eq!(rewrite(given, "docs/a/x.md", &t), expected, "given {given}");
    }
    #[test]
    fn links_lead_to_articles_or_nowhere() {
        check("[o](one.md) [o](./one.md#part) [t](../two/) [t](/two) [t](../two/index.md)", "[o](one) [o](one#part) [t](two) [t](two) [t](two)");
        check("[w](../faq.md#why-so) [f](../faq.md) [n](../none.md) x", "[w](why-so) [f](why-so) n x");
        check("[b](ref:/b/typical%20installs) [b](ref:typical%20installs)", "[b](typical-installs) [b](typical-installs)");
        check(
            "[e](https://x.y/(z)) <https://q> [m](mailto:a@b) ![p](p.png) ![](q.png)![e](https://x/y.png)",
            "[e](https://x.y/(z)) <https://q> [m](mailto:a@b) *p* ![e](https://x/y.png)",
        );
        check("`[c](one.md)` and [ ] [x] a[0](b)", "`[c](one.md)` and [ ] [x] a0");
    }
    #[test]
    fn the_folder_of_all_is_no_category() {
        assert_eq!(common_folder(["docs/a/b.md", "docs/c.md"].into_iter()), "docs");
        assert_eq!(common_folder(["a.md", "docs/c.md"].into_iter()), "");
    }
}
