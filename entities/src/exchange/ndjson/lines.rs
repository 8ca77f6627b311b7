//! Lines of a file, one at a time: one that is no text or far too long is one bad line.
use super::Wait;
use crate::exchange::{
    export::{HANDED_OUT, Shape},
    record::Problem,
};
use serde_json::{Map, Value as Json};
use std::io::{self, BufRead, Read};

pub type Line = Map<String, Json>;

/// A longer line is no row.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How much of a line is kept for people to look at.
const SHOWN_BYTES: usize = 64 * 1024;

/// A line as it stood, and what made it unreadable.
pub struct Text {
    /// 1 is the first that holds a row.
    pub no: u64,
    pub raw: String,
    fault: Option<Problem>,
}
/// A line that holds a row.
pub struct Entry {
    pub no: u64,
    pub raw: String,
    pub line: Line,
    /// What became of it in an earlier reading.
    pub before: Option<Wait>,
}

pub struct Lines<R> {
    input: R,
    no: u64,
}
impl<R: BufRead> Lines<R> {
    pub fn new(input: R) -> Self {
        Lines { input, no: 0 }
    }
    /// The next line that is neither blank nor a header.
    pub fn next(&mut self) -> io::Result<Option<Text>> {
        loop {
            let mut bytes = vec![];
            if self.input.by_ref().take(MOST_BYTES as u64 + 1).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            let long = bytes.len() > MOST_BYTES && bytes.last() != Some(&b'\n');
            if long {
                self.input.skip_until(b'\n')?;
            }
            let text = Text::new(bytes, long);
            if text.fault.is_none() && super::says(&text.raw, HANDED_OUT) {
                let why = "it is what a customer was handed of itself, without what is internal: only an export of the hub can be read back";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            if text.fault.is_some() || !(text.raw.trim().is_empty() || super::is_export(&text.raw)) {
                self.no += 1;
                return Ok(Some(Text { no: self.no, ..text }));
            }
        }
    }
}

impl Text {
    fn new(mut bytes: Vec<u8>, long: bool) -> Self {
        while matches!(bytes.last(), Some(b'\r' | b'\n')) {
            bytes.pop();
        }
        if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            bytes.drain(..3);
        }
        let (raw, is_text) = match String::from_utf8(bytes) {
            Ok(text) => (text, true),
            Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), false),
        };
        let fault = match (long, is_text) {
            (true, _) => Some(Problem::error("too_long", format!("The line is longer than {} MiB.", MOST_BYTES >> 20))),
            (_, false) => Some(Problem::error("invalid_encoding", "The line is not UTF-8.")),
            _ => None,
        };
        Text { no: 0, raw: if fault.is_some() { shown(&raw) } else { raw }, fault }
    }
    /// The place of its type among the shapes, and the row; or what is wrong with it.
    pub fn parse(self, shapes: &[Shape], before: Option<Wait>) -> Result<(usize, Entry), (Entry, Problem)> {
        let mut entry = Entry { no: self.no, raw: self.raw, line: Line::new(), before };
        if let Some(fault) = self.fault {
            return Err((entry, fault));
        }
        entry.line = match serde_json::from_str(&entry.raw) {
            Ok(line) => line,
            Err(e) => return Err((entry, Problem::error("malformed_json", format!("This is no JSON object: {e}.")))),
        };
        // PostgreSQL holds no zero bytes in texts
        if entry.raw.contains("\\u0000") {
            entry.line.values_mut().for_each(without_zeros);
        }
        let name = entry.line.get("type").and_then(Json::as_str).unwrap_or_default();
        match shapes.iter().position(|s| s.is(name)) {
            Some(shape) => Ok((shape, entry)),
            None => {
                let problem = Problem::error("unknown_type", format!("“{name}” is no type of row."));
                Err((entry, problem))
            }
        }
    }
}
fn without_zeros(value: &mut Json) {
    match value {
        Json::String(text) => text.retain(|c| c != '\0'),
        Json::Array(all) => all.iter_mut().for_each(without_zeros),
        Json::Object(all) => all.values_mut().for_each(without_zeros),
        _ => {}
    }
}
/// As much of a line as is kept.
pub fn shown(raw: &str) -> String {
    match raw.len() {
        0..=SHOWN_BYTES => raw.into(),
        _ => format!("{}…", &raw[..raw.floor_char_boundary(SHOWN_BYTES)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_bad_line_takes_no_other_with_it() {
        let long = "x".repeat(MOST_BYTES + 10);
        let bytes = [b"\xEF\xBB\xBF{}\r\n\n\xff\xfe\n", long.as_bytes(), b"\nlast"].concat();
        let mut lines = Lines::new(io::BufReader::with_capacity(7, &bytes[..]));
        let mut found = vec![];
        while let Some(text) = lines.next().unwrap() {
            assert!(text.raw.len() <= SHOWN_BYTES + 4);
            found.push((text.no, text.raw.chars().take(5).collect::<String>(), text.fault.map_or("", |f| f.code)));
        }
        let told = |no, raw: &str, code| (no, raw.to_string(), code);
        assert_eq!(found, [told(1, "{}", ""), told(2, "\u{fffd}\u{fffd}", "invalid_encoding"), told(3, "xxxxx", "too_long"), told(4, "last", "")]);
    }
}
