//! The values of a JSON file, one at a time: an array, one object, objects one after the other, or one per line. Each
//! comes as its literal text, so that a bad one is one bad row and can be shown as it stood.
use std::io::BufRead;

/// A value larger than this is no row.
const MOST_BYTES: usize = 32 * 1024 * 1024;

pub fn values(input: impl BufRead) -> impl Iterator<Item = Result<String, String>> {
    Values { input, value: vec![], depth: 0, quoted: false, escaped: false, array: None, lines: None, over: false }
}

struct Values<R> {
    input: R,
    value: Vec<u8>,
    depth: usize,
    quoted: bool,
    escaped: bool,
    /// Whether an array holds them all; none before the first byte.
    array: Option<bool>,
    /// Whether there is one to a line; then a line end also ends what is broken. None before the second value.
    lines: Option<bool>,
    over: bool,
}
impl<R: BufRead> Iterator for Values<R> {
    type Item = Result<String, String>;
    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            let (mut used, mut complete) = (0, false);
            match self.input.fill_buf() {
                Err(e) => {
                    self.over = true;
                    return Some(Err(format!("The file cannot be read: {e}.")));
                }
                Ok([]) => {
                    self.over = true;
                    return self.take();
                }
                Ok(bytes) => {
                    // borrowed apart from `self`, whose state each byte changes
                    let bytes = bytes.to_vec();
                    for byte in &bytes {
                        used += 1;
                        if self.feed(*byte) {
                            complete = true;
                            break;
                        }
                    }
                }
            }
            self.input.consume(used);
            if self.value.len() > MOST_BYTES {
                self.over = true;
                return Some(Err(format!("A value is larger than {} MiB.", MOST_BYTES >> 20)));
            }
            if complete && let Some(value) = self.take() {
                return Some(value);
            }
        }
        None
    }
}
impl<R: BufRead> Values<R> {
    /// Takes a byte; true where a value ends with it.
    fn feed(&mut self, byte: u8) -> bool {
        let blank = byte.is_ascii_whitespace();
        if self.value.is_empty() {
            let first = self.array.is_none();
            if blank {
                if byte == b'\n' && self.array == Some(false) {
                    self.lines.get_or_insert(true);
                }
                return false;
            }
            if first && matches!(byte, 0xEF | 0xBB | 0xBF) {
                return false; // byte order mark
            }
            self.array.get_or_insert(byte == b'[');
            if (first && byte == b'[') || byte == b',' || (byte == b']' && self.array == Some(true)) {
                return false;
            }
            if self.array == Some(false) && !first {
                self.lines.get_or_insert(false);
            }
        }
        if byte == b'\n' && self.lines == Some(true) {
            return true;
        }
        if self.depth == 0 && !self.quoted && (blank || byte == b',' || byte == b']') {
            return !self.value.is_empty(); // a bare word or number ends
        }
        self.value.push(byte);
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.value.contains(&b'\n') {
                    self.lines.get_or_insert(false);
                }
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
    fn take(&mut self) -> Option<Result<String, String>> {
        (self.depth, self.quoted, self.escaped) = (0, false, false);
        let value = String::from_utf8_lossy(&std::mem::take(&mut self.value)).into_owned();
        (!value.trim().is_empty()).then_some(Ok(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn of(text: &str) -> Vec<String> {
        // a small buffer, so that values lie across its ends
        values(std::io::BufReader::with_capacity(3, text.as_bytes())).map(Result::unwrap).collect()
    }
    #[test]
    fn every_notation_gives_its_values() {
        let two = vec![r#"{"a":"}\"]"}"#.to_string(), r#"{"b":[1,{}]}"#.to_string()];
        for text in [
            r#"[{"a":"}\"]"},{"b":[1,{}]}]"#,
            "\u{feff}[ {\"a\":\"}\\\"]\"} ,\n {\"b\":[1,{}]}\n]\n",
            "{\"a\":\"}\\\"]\"}\r\n{\"b\":[1,{}]}\r\n",
            r#"{"a":"}\"]"}{"b":[1,{}]}"#,
        ] {
            assert_eq!(of(text), two, "{text}");
        }
        assert_eq!((of("[]").len(), of("").len(), of(" {\n\"a\": {\n}\n}\n")), (0, 0, vec!["{\n\"a\": {\n}\n}".to_string()]));
        assert_eq!(of("[1, \"x\", null]"), ["1", "\"x\"", "null"]);
    }
    #[test]
    fn a_broken_line_takes_no_other_with_it() {
        assert_eq!(of("{\"a\":1}\n{\"a\":\n{\"a\":3}\n"), ["{\"a\":1}", "{\"a\":", "{\"a\":3}"]);
    }
}
