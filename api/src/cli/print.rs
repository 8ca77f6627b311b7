//! How results and errors are shown: tables and sentences for people, JSON for programs.
use crate::error::Error;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write, stderr, stdout};

pub struct Print {
    pub json: bool,
}

/// Whether people read it on a terminal that shows colours (no-color.org).
pub fn color() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

impl Print {
    pub fn new(json: bool) -> Self {
        Print { json }
    }
    /// A line for people; nothing where a program reads.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.json {
            out(line.as_ref());
        }
    }
    /// A remark beside the result, for people at a terminal only.
    pub fn remark(&self, line: impl AsRef<str>) {
        if !self.json && stderr().is_terminal() {
            let _ = writeln!(stderr(), "{}", line.as_ref());
        }
    }
    /// One object for programs; nothing where people read.
    pub fn object(&self, value: &impl Serialize) {
        if self.json {
            out(&serde_json::to_string(value).unwrap_or_default());
        }
    }
    /// Either the sentence or the object.
    pub fn result(&self, line: impl AsRef<str>, value: &impl Serialize) {
        self.say(line);
        self.object(value);
    }
    /// Rows as a table, or as one object a row.
    pub fn rows<const N: usize>(&self, heads: [&str; N], rows: &[[String; N]]) {
        if self.json {
            for row in rows {
                let object: serde_json::Map<_, _> = heads.iter().zip(row).map(|(h, v)| (h.to_string(), v.as_str().into())).collect();
                self.object(&object);
            }
            return;
        }
        let mut table = Table::new();
        let terminal = stdout().is_terminal();
        table.load_preset(if terminal { presets::UTF8_HORIZONTAL_ONLY } else { presets::NOTHING });
        table.set_content_arrangement(if terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled });
        table.set_header(heads).add_rows(rows);
        out(&table.trim_fmt());
    }
    pub fn error(&self, e: &Error) {
        if self.json {
            let code = format!("{:?}", e.exit()).to_lowercase();
            let _ = writeln!(stderr(), "{}", serde_json::json!({"error": {"code": code, "message": e.to_string(), "hint": e.advice()}}));
            return;
        }
        let (red, cyan, off) = if color() { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
        let _ = writeln!(stderr(), "{red}error:{off} {e}");
        if let Some(hint) = e.advice() {
            let _ = writeln!(stderr(), "{cyan}hint:{off} {hint}");
        }
    }
    /// A bar on a terminal, nothing elsewhere.
    pub fn bar(&self, total: Option<u64>, what: &str) -> ProgressBar {
        if self.json || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = if total.is_some() { "{msg} {wide_bar:.cyan/dim} {human_pos}/{human_len} {eta}" } else { "{spinner} {msg} {human_pos}" };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        bar
    }
}

/// Writes a line; a reader that left (`| head`) is no error.
pub fn out(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

/// A question, whose answer stands on the same line.
pub fn prompt(text: &str) {
    let _ = write!(stdout(), "{text}");
    let _ = stdout().flush();
}

/// 1234567 as `1,234,567`.
pub fn number(n: impl TryInto<i64>) -> String {
    let digits = n.try_into().unwrap_or(i64::MAX).to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 && c != '-' && !out.ends_with('-') {
            out.push(',');
        }
        out.push(c);
    }
    out
}
