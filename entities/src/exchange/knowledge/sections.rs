//! Headings of a page, and pages that are lists of questions.
use super::slug;

#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// 1 is the largest; 0 is what stands above the first heading.
    pub level: usize,
    pub title: String,
    pub anchor: String,
    pub body: String,
}

/// The sections of a cleaned page, in their order. Lines in code are no headings.
pub fn split(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { level: 0, title: String::new(), anchor: String::new(), body: String::new() }];
    let mut fence: Option<char> = None;
    let lines: Vec<&str> = text.lines().collect();
    let bold = bold_questions(&lines);
    let mut i = 0;
    while i < lines.len() {
        let line = lines[i];
        let mark = line.trim_start().chars().next().filter(|c| matches!(c, '`' | '~') && line.trim_start().starts_with(&c.to_string().repeat(3)));
        match (fence, mark) {
            (None, Some(m)) => fence = Some(m),
            (Some(open), Some(m)) if open == m => fence = None,
            _ => {}
        }
        let found = if fence.is_some() {
            None
        } else {
            heading(line).or_else(|| underlined(line, lines.get(i + 1))).or_else(|| bold.then(|| bold_question(line)).flatten())
        };
        match found {
            Some((level, title, used)) => {
                i += used - 1;
                let (title, anchor) = named(title);
                sections.push(Section { level, title, anchor, body: String::new() });
            }
            None => {
                let body = &mut sections.last_mut().expect("there is always one").body;
                body.push_str(line);
                body.push('\n');
            }
        }
        i += 1;
    }
    for section in &mut sections {
        section.body = section.body.trim().to_string();
    }
    sections
}
/// `## Title ##`: level, title, lines.
fn heading(line: &str) -> Option<(usize, &str, usize)> {
    let level = line.chars().take_while(|c| *c == '#').count();
    let rest = line.get(level..).filter(|r| (1..=6).contains(&level) && (r.starts_with([' ', '\t']) || r.is_empty()))?;
    let title = rest.trim().trim_end_matches('#').trim();
    (!title.is_empty()).then_some((level, title, 1))
}
/// A line above `====` or `----`.
fn underlined<'a>(line: &'a str, below: Option<&&str>) -> Option<(usize, &'a str, usize)> {
    let below = below?.trim_end();
    let level = [('=', 1), ('-', 2)].into_iter().find(|(c, _)| below.len() >= 3 && below.chars().all(|b| b == *c))?.1;
    let text = line.trim();
    (!text.is_empty() && !text.starts_with(['>', '|', '-', '*', '#']) && !line.starts_with("    ")).then_some((level, text, 2))
}
/// `**A question?**` alone on its line.
fn bold_question(line: &str) -> Option<(usize, &str, usize)> {
    let inner = line.trim().strip_prefix("**").and_then(|l| l.strip_suffix("**").or_else(|| l.strip_suffix("**:")))?;
    (!inner.contains("**") && is_question(inner)).then_some((6, inner.trim(), 1))
}
/// Whether a page has its questions in bold: three and more do not happen by chance.
fn bold_questions(lines: &[&str]) -> bool {
    lines.iter().filter(|l| bold_question(l).is_some()).count() >= 3
}
/// A title without marks and links, and its anchor.
fn named(title: &str) -> (String, String) {
    let (title, id) = match title.rsplit_once("{#") {
        Some((title, id)) => (title.trim(), Some(id.trim_end_matches('}').trim().to_string())),
        None => (title, None),
    };
    let title = super::page::plain(title);
    let anchor = id.unwrap_or_else(|| slug(&title));
    (title, anchor)
}

pub fn is_question(title: &str) -> bool {
    title.trim_end_matches(['’', '\'', '"', '”', '*', ')', ' ']).ends_with(['?', '？'])
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub title: String,
    pub anchor: String,
    pub body: String,
    /// The heading above, where there is one.
    pub group: Option<String>,
}

/// Headings that lead elsewhere.
const ELSEWHERE: &[&str] = &["see also", "related", "related articles", "further reading", "table of contents", "contents", "siehe auch"];

/// The questions of a page; none where it is no page of questions. `is_faq`: it calls itself one.
pub fn questions(sections: &[Section], is_faq: bool) -> Option<Vec<Question>> {
    let elsewhere = |s: &Section| ELSEWHERE.contains(&s.title.to_lowercase().trim_end_matches(':'));
    let (mut asked, mut headed, mut within) = (0, 0, usize::MAX);
    for (i, s) in sections.iter().enumerate().filter(|(_, s)| s.level > 0 && !s.body.is_empty() && !elsewhere(s)) {
        if is_question(&s.title) {
            (asked, headed, within) = (asked + 1, headed + 1, s.level);
        } else if s.level <= within && !(i == 1 && s.level == 1) {
            (headed, within) = (headed + 1, usize::MAX); // neither part of an answer nor the title of the page
        }
    }
    if !(asked >= 3 && asked * 2 > headed || is_faq && headed >= 2) {
        return None;
    }
    let mut all: Vec<(usize, Question)> = vec![];
    let mut group: Option<String> = None;
    let mut inside = false;
    for (i, s) in sections.iter().enumerate().filter(|(_, s)| s.level > 0) {
        let below = inside && all.last().is_some_and(|(level, _)| s.level > *level);
        let elsewhere = elsewhere(s);
        // the title of the page itself starts no question, unless it is one with an answer
        let starts = (is_question(&s.title) || !below) && !s.body.is_empty() && !elsewhere && !(i <= 1 && s.level == 1 && !is_question(&s.title));
        let parent = is_question(&s.title) && !s.body.is_empty();
        if starts && (parent || !below) {
            all.push((s.level, Question { title: s.title.clone(), anchor: s.anchor.clone(), body: s.body.clone(), group: group.clone() }));
            inside = true;
        } else if below && !elsewhere {
            let body = &mut all.last_mut().expect("inside one").1.body;
            body.push_str(&format!("\n\n{} {}\n\n{}", "#".repeat(s.level), s.title, s.body));
            body.truncate(body.trim_end().len());
        } else {
            inside = false;
            if !elsewhere && s.level > 1 || i > 1 {
                group = Some(s.title.clone());
            }
        }
    }
    // the same question twice has two anchors
    for i in 0..all.len() {
        let same = all[..i].iter().filter(|q| q.1.anchor == all[i].1.anchor).count();
        if same > 0 {
            all[i].1.anchor = format!("{}-{}", all[i].1.anchor, same + 1);
        }
    }
    Some(all.into_iter().map(|q| q.1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn headings_of_all_kinds_are_found_and_code_is_not() {
        let s = split("intro\n\nTitle\n=====\na\n## Two [x](y) {#two-id}\n```sh\n# no heading\n```\n### `c` *d* ###\n");
        let found: Vec<_> = s.iter().map(|s| (s.level, s.title.as_str(), s.anchor.as_str())).collect();
        assert_eq!(found, [(0, "", ""), (1, "Title", "title"), (2, "Two x", "two-id"), (3, "c d", "c-d")]);
        assert!(s[2].body.contains("# no heading"));
    }
    #[test]
    fn a_page_of_questions_is_taken_apart() {
        let text = "# FAQ\nhello\n## Bills\n### Why?\nSo.\n#### Detail\nmore\n### When?\nNow.\n## Other\n### Where?\nHere.\n## See also\nlinks";
        let all = questions(&split(text), false).unwrap();
        assert_eq!(
            all.iter().map(|q| (q.title.as_str(), q.group.as_deref())).collect::<Vec<_>>(),
            [("Why?", Some("Bills")), ("When?", Some("Bills")), ("Where?", Some("Other"))]
        );
        assert_eq!(all[0].body, "So.\n\n#### Detail\n\nmore");
        assert_eq!(questions(&split("# A\ntext\n## What is it?\nx\n## Steps\ny\n## More\nz"), false), None);
        let bold = "**One?**\na\n\n**Two?**\nb\n\n**Three?**\nc";
        assert_eq!(questions(&split(bold), false).unwrap().len(), 3);
    }
}
