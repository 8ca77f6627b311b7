//! The dialects that site generators add to Markdown, made plain. Code stays as it is.

/// The kinds of admonition that need no name of their own.
const PLAIN: &[&str] = &["note", "info", "notice", "abstract", "quote"];
/// HTML that pages use for their looks; the text between stays.
const TAGS: &[&str] = &[
    "a",
    "abbr",
    "address",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "col",
    "colgroup",
    "details",
    "div",
    "dd",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "hr",
    "i",
    "iframe",
    "img",
    "kbd",
    "li",
    "mark",
    "nobr",
    "ol",
    "p",
    "picture",
    "script",
    "section",
    "small",
    "source",
    "span",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "video",
    "wbr",
];

/// A page in plain Markdown.
pub fn clean(text: &str) -> String {
    let text = without_comments(text);
    let mut out: Vec<String> = vec![];
    let mut fence: Option<String> = None;
    // the indents that hold the block of an admonition or tab, and what stands before its lines instead
    let mut blocks: Vec<(usize, &'static str)> = vec![];
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let blank = line.trim().is_empty();
        while !blank && blocks.last().is_some_and(|b| indent < b.0) {
            blocks.pop();
            while out.last().is_some_and(|l| l.trim() == ">") {
                out.pop();
            }
            if fence.is_none() && out.last().is_some_and(|l| !l.is_empty()) {
                out.push(String::new());
            }
        }
        let own = blocks.last().map_or(0, |b| b.0).min(indent);
        let before: String = blocks.iter().map(|b| b.1).collect();
        let content = &line[own..];
        let trimmed = content.trim();
        if let Some(open) = &fence {
            if trimmed.starts_with(open.as_str()) && trimmed.trim_start_matches(open.chars().next().unwrap_or('`')).is_empty() {
                fence = None;
            }
            out.push(format!("{before}{content}").trim_end().into());
            continue;
        }
        if let Some(mark) = fence_of(trimmed) {
            fence = Some(mark);
            // `{.bash linenums="1"}` and the like after the language
            out.push(format!("{before}{}", content.split('{').next().unwrap_or(content).trim_end()));
            continue;
        }
        if let Some((title, quote)) = block(trimmed) {
            if out.last().is_some_and(|l| !l.is_empty()) {
                out.push(before.trim_end().into());
            }
            out.push(format!("{before}{quote}**{title}**"));
            out.push(format!("{before}{quote}").trim_end().into());
            blocks.push((indent + 4, quote));
            continue;
        }
        if blank {
            out.push(before.trim_end().into());
            continue;
        }
        if is_decoration(trimmed) {
            // `* TOC` above `{:toc}`
            if trimmed.contains("toc}") && !trimmed.contains("no_toc") && out.last().is_some_and(|l| l.trim_start().starts_with(['*', '-', '1'])) {
                out.pop();
            }
            continue;
        }
        let plain = inline(content);
        if !plain.trim().is_empty() {
            let line = definition(&plain, &mut out);
            out.push(format!("{before}{line}").trim_end_matches([' ', '\t']).into());
        }
    }
    squeeze(&out)
}

fn fence_of(line: &str) -> Option<String> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let n = line.chars().take_while(|c| *c == mark).count();
    (n >= 3).then(|| mark.to_string().repeat(n))
}
/// The opening of an indented block: its title and what stands before its lines.
fn block(line: &str) -> Option<(String, &'static str)> {
    let quoted = |rest: &str| rest.split_once('"').and_then(|(_, r)| r.rsplit_once('"')).map(|(t, _)| t.to_string()).filter(|t| !t.is_empty());
    if let Some(rest) = line.strip_prefix("===") {
        return Some((quoted(rest)?, ""));
    }
    let rest = ["!!!", "???+", "???"].iter().find_map(|m| line.strip_prefix(m))?.trim();
    let kind = rest.split([' ', '"']).next().unwrap_or_default().to_lowercase();
    let named = || if PLAIN.contains(&kind.as_str()) || kind.is_empty() { "Note".into() } else { capital(&kind.replace('-', " ")) };
    Some((quoted(rest).unwrap_or_else(named), "> "))
}
/// A line that only styles what is around it.
fn is_decoration(line: &str) -> bool {
    let bare = line.strip_prefix("{:").and_then(|l| l.strip_suffix('}')).is_some_and(|l| !l.contains('{'));
    bare || matches!(line, "[TOC]" | "[[toc]]" | "[[_TOC_]]")
}
/// `: meaning` under a term.
fn definition(line: &str, out: &mut [String]) -> String {
    if let Some(meaning) = line.strip_prefix(": ")
        && let Some(term) = out.last_mut().filter(|t| !t.is_empty() && !t.starts_with(['#', '*', '>', '-']))
    {
        *term = format!("**{}**", term.trim());
        return format!(": {}", meaning.trim());
    }
    line.into()
}

/// A line outside code: template tags, attributes and HTML go, code spans stay.
fn inline(line: &str) -> String {
    let mut out = String::new();
    for (i, part) in line.split('`').enumerate() {
        if i > 0 {
            out.push('`');
        }
        // an odd number of marks: the last opens nothing
        if i % 2 == 1 && line.matches('`').count() > i {
            out.push_str(part);
        } else {
            out.push_str(&html(&attributes(&templates(part))));
        }
    }
    out
}
/// `{{ site.baseurl }}` and `{{< relref "x" >}}` stand for addresses, all others for looks.
fn templates(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{!")).min() {
        let close = match &rest[at..at + 2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "!}",
        };
        let Some(end) = rest[at..].find(close).map(|e| at + e) else { break };
        out.push_str(&rest[..at]);
        let inner = rest[at + 2..end].trim_matches(['<', '>', '%', ' ', '-']);
        if let Some(target) = inner.strip_prefix("relref").or_else(|| inner.strip_prefix("ref")) {
            out.push_str(&format!("ref:{}", target.trim().trim_matches('"').replace(' ', "%20")));
        } else if let Some(link) = inner.strip_prefix("link ") {
            out.push_str(&format!("ref:{}", link.trim()));
        }
        rest = &rest[end + 2..];
    }
    out + rest
}
/// `{:target="_blank"}`, `{: .x}`, `{ .md-button }`, `{.x}`; the `{#id}` of a heading is its anchor and stays.
fn attributes(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('{') {
        let Some(end) = rest[at..].find('}').map(|e| at + e) else { break };
        let inner = rest[at + 1..end].trim_start();
        let styles = inner.starts_with(':') || inner.starts_with('.') && inner[1..].starts_with(|c: char| c.is_alphabetic());
        out.push_str(if styles { rest[..at].trim_end_matches(' ') } else { &rest[..=end] });
        rest = &rest[end + 1..];
    }
    out + rest
}
fn html(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('<') {
        let Some(end) = rest[at..].find('>').map(|e| at + e) else { break };
        let inner = rest[at + 1..end].trim_start_matches('/');
        let name: String = inner.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let whole = inner[name.len()..].is_empty() || inner[name.len()..].starts_with([' ', '/']);
        out.push_str(&rest[..at]);
        match name.as_str() {
            "br" if whole => out.push(' '),
            "summary" if whole && !rest[at + 1..].starts_with('/') => out.push_str("###### "),
            known if whole && TAGS.contains(&known) => {}
            _ => out.push_str(&rest[at..=end]),
        }
        rest = &rest[end + 1..];
    }
    out + rest
}
fn without_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("<!--") {
        let Some(end) = rest[at..].find("-->") else { break };
        out.push_str(&rest[..at]);
        rest = &rest[at + end + 3..];
    }
    out + rest
}
/// No more than one blank line, none at the ends.
fn squeeze(lines: &[String]) -> String {
    let mut out = String::new();
    let mut blank = true;
    for line in lines {
        let empty = line.trim().is_empty();
        if !(empty && blank) {
            out.push_str(if empty { "" } else { line });
            out.push('\n');
        }
        blank = empty;
    }
    out.trim_end().into()
}
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    fn check(given: &str, expected: &str) {
        assert_eq!(clean(given), expected, "given {given:?}");
    }
    #[test]
    fn admonitions_and_tabs_are_plain() {
        check("a\n!!! tip\n    One\n\n    two\n\nafter", "a\n\n> **Tip**\n>\n> One\n>\n> two\n\nafter");
        check("!!! warning \"Mind\"\n    x\nafter", "> **Mind**\n>\n> x\n\nafter");
        check("??? question\n    x", "> **Question**\n>\n> x");
        check("=== \"Linux\"\n    run\n", "**Linux**\n\nrun");
        check("!!!note\n    ```\n    code\n    ```\n", "> **Note**\n>\n> ```\n> code\n> ```");
    }
    #[test]
    fn templates_and_attributes_go() {
        check("* TOC\n{:toc}\n## What?\n{:.no_toc}\ntext", "## What?\ntext");
        check("[x]({{ site.baseurl }}/a){:target=\"_blank\"} y", "[x](/a) y");
        check("[x]({{< relref \"a b\" >}})", "[x](ref:a%20b)");
        check("{% raw %}a{% endraw %} {{< note >}}b{{< /note >}}", "a b");
        check("[b](c){ .md-button .x } d", "[b](c) d");
        check("a `{{ code }}` and {x}", "a `{{ code }}` and {x}");
    }
    #[test]
    fn html_goes_and_its_text_stays() {
        check("a<br/>b <b>c</b> <kbd>D</kbd> <https://x.y> <your-name> 1 < 2", "a b c D <https://x.y> <your-name> 1 < 2");
        check("a <!-- x\ny --> b", "a  b");
        check("<details><summary>Why?</summary>\nSo.</details>", "###### Why?\nSo.");
    }
    #[test]
    fn code_and_terms_stay() {
        check("```html\n<b>{{ x }}</b>\n!!! tip\n```\n", "```html\n<b>{{ x }}</b>\n!!! tip\n```");
        check("AP\n: an access point", "**AP**\n: an access point");
    }
}
