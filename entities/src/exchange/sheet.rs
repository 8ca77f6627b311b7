//! A delimited text file as exports really are: packed or plain, with a byte order mark or in Windows-1252, any line
//! ends, any delimiter, with a header or without. Reads on and on in constant memory.
use crate::{Error, Result};
use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::{
    borrow::Cow,
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// What is known of a file before it is opened.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Found by looking where none.
    pub delimiter: Option<u8>,
    pub encoding: Option<&'static Encoding>,
    /// Names by position of a file without a header.
    pub columns: Vec<String>,
}

/// One row of a file.
#[derive(Debug, Default)]
pub struct Row {
    pub raw: Vec<u8>,
    pub cells: Vec<String>,
    /// A quote was opened and never closed: the line stands alone, unread.
    pub broken: bool,
}

/// An opened file, after its header.
pub struct Sheet {
    pub header: Vec<String>,
    pub delimiter: u8,
    lines: Lines,
    parser: csv_core::Reader,
    encoding: Option<&'static Encoding>,
    first: Option<Row>,
}

const SNIFFED: usize = 64 * 1024;
const SNIFFED_ROWS: usize = 20;
const DELIMITERS: [u8; 4] = *b",;\t|";
/// A quoted field that is longer was opened by mistake.
const LONGEST_FIELD: usize = 1024 * 1024;
const MOST_LINES_IN_A_FIELD: usize = 5_000;

impl Sheet {
    /// `read` counts the bytes of the file that were taken so far.
    pub fn open(path: &Path, layout: &Layout, read: Arc<AtomicU64>) -> Result<Self> {
        let what = || path.display().to_string();
        let fault = |source| Error::Read { what: what(), source };
        let mut input = unpacked(path, read).map_err(fault)?;
        let mut head = vec![];
        input.by_ref().take(SNIFFED as u64).read_to_end(&mut head).map_err(fault)?;
        if head.starts_with(b"PK\x03\x04") || head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
            return Err(Error::Invalid(format!("{} is a workbook, not text: save the sheet as CSV and import that", what())));
        }
        let (text, utf16): (Box<dyn Read + Send>, bool) = match Encoding::for_bom(&head) {
            Some((e, n)) if e == UTF_16LE || e == UTF_16BE => {
                let rest = Cursor::new(head[n..].to_vec()).chain(input);
                (
                    Box::new(Transcoded {
                        input: Box::new(rest),
                        decoder: e.new_decoder_without_bom_handling(),
                        raw: vec![],
                        out: VecDeque::new(),
                        end: false,
                    }),
                    true,
                )
            }
            Some((_, n)) => (Box::new(Cursor::new(head[n..].to_vec()).chain(input)), false),
            None => (Box::new(Cursor::new(head.clone()).chain(input)), false),
        };
        if !utf16 && head.iter().take(4096).any(|b| *b == 0) {
            return Err(Error::Invalid(format!("{} is not text: it holds zero bytes. Is it packed, or of another kind?", what())));
        }
        let mut lines = Lines { input: BufReader::with_capacity(SNIFFED, text), again: VecDeque::new() };
        let sample = lines.peek(SNIFFED_ROWS).map_err(fault)?;
        if sample.is_empty() {
            return Err(Error::Invalid(format!("{} is empty: there is not even a header", what())));
        }
        let delimiter = layout.delimiter.or_else(|| told(&sample[0])).unwrap_or_else(|| sniff(&sample));
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        let mut sheet = Sheet { header: vec![], delimiter, lines, parser, encoding: layout.encoding, first: None };
        sheet.read_header(&layout.columns, told(&sample[0]).is_some()).map_err(fault)?;
        Ok(sheet)
    }
    /// Where names were given by position, a first row that repeats them is a header all the same.
    fn read_header(&mut self, columns: &[String], told: bool) -> io::Result<()> {
        if told {
            self.next_row()?;
        }
        let Some(first) = self.next_row()? else { return Ok(()) };
        if columns.is_empty() {
            self.header = first.cells;
            return Ok(());
        }
        let same = columns.iter().zip(&first.cells).filter(|(a, b)| crate::model::same_word(a, b)).count();
        self.header = columns.to_vec();
        if same * 2 <= columns.len() {
            self.first = Some(first);
        }
        Ok(())
    }
    /// The next row that is not blank.
    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while let Some((raw, broken)) = self.lines.record(self.delimiter)? {
            if raw.iter().all(|b| b.is_ascii_whitespace()) {
                continue;
            }
            let cells = if broken { vec![] } else { self.split(&raw) };
            return Ok(Some(Row { raw, cells, broken }));
        }
        Ok(None)
    }
    fn split(&mut self, raw: &[u8]) -> Vec<String> {
        let most = raw.iter().filter(|b| **b == self.delimiter).count() + 2;
        let (mut out, mut ends) = (vec![0; raw.len() + 1], vec![0; most]);
        self.parser.reset();
        let (mut read, mut written, mut fields) = (0, 0, 0);
        loop {
            let (result, r, w, f) = self.parser.read_record(&raw[read..], &mut out[written..], &mut ends[fields..]);
            (read, written, fields) = (read + r, written + w, fields + f);
            match result {
                csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::End => break,
                csv_core::ReadRecordResult::OutputFull => out.resize(out.len() * 2 + 16, 0),
                csv_core::ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2 + 16, 0),
                csv_core::ReadRecordResult::InputEmpty => {}
            }
        }
        let mut start = 0;
        let encoding = self.encoding;
        ends[..fields].iter().map(|end| read_as(&out[std::mem::replace(&mut start, *end)..*end], encoding).trim().to_string()).collect()
    }
}

/// As the mapping says, else UTF-8, else what Windows wrote.
pub fn decoded(bytes: &[u8], encoding: Option<&'static Encoding>) -> String {
    read_as(bytes, encoding).into_owned()
}
fn read_as<'a>(bytes: &'a [u8], encoding: Option<&'static Encoding>) -> Cow<'a, str> {
    match encoding {
        Some(e) => e.decode_without_bom_handling(bytes).0,
        None => std::str::from_utf8(bytes).map_or_else(|_| WINDOWS_1252.decode_without_bom_handling(bytes).0, Cow::from),
    }
}

/// The bytes of a file, unpacked where it is packed; `read` counts those of the file.
pub fn unpacked(path: &Path, read: Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::new(Counted { file: File::open(path)?, read });
    let packed = file.fill_buf()?.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]);
    Ok(if packed { Box::new(zstd::Decoder::with_buffer(file)?) } else { Box::new(file) })
}
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}
impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// UTF-16 as UTF-8.
struct Transcoded {
    input: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    out: VecDeque<u8>,
    end: bool,
}
impl Read for Transcoded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.out.is_empty() && !self.end {
            self.raw.resize(8192, 0);
            let n = self.input.read(&mut self.raw)?;
            self.end = n == 0;
            let mut text = String::with_capacity(n * 3 + 16);
            let _ = self.decoder.decode_to_string(&self.raw[..n], &mut text, self.end);
            self.out.extend(text.into_bytes());
        }
        self.out.read(buf)
    }
}

/// Lines and the records made of them.
struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    /// Lines that were read ahead, each with its end.
    again: VecDeque<Vec<u8>>,
}
impl Lines {
    /// A line with its end: LF, CRLF, or CR alone.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.again.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.fresh(),
        }
    }
    fn fresh(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = vec![];
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok((!line.is_empty()).then_some(line));
            }
            let Some(end) = buffer.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
                let n = buffer.len();
                line.extend_from_slice(buffer);
                self.input.consume(n);
                continue;
            };
            let cr = buffer[end] == b'\r';
            line.extend_from_slice(&buffer[..=end]);
            self.input.consume(end + 1);
            if cr && self.input.fill_buf()?.first() == Some(&b'\n') {
                line.push(b'\n');
                self.input.consume(1);
            }
            return Ok(Some(line));
        }
    }
    fn peek(&mut self, n: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut seen = vec![];
        while seen.len() < n
            && let Some(line) = self.line()?
        {
            seen.push(line);
        }
        self.again = seen.iter().cloned().chain(std::mem::take(&mut self.again)).collect();
        Ok(seen.into_iter().filter(|l| !l.iter().all(|b| b.is_ascii_whitespace())).collect())
    }
    /// A line, or as many as an open quote holds together. A quote that never closes costs one line and no more.
    fn record(&mut self, delimiter: u8) -> io::Result<Option<(Vec<u8>, bool)>> {
        let Some(first) = self.line()? else { return Ok(None) };
        let mut open = open_quote(&first, delimiter, false);
        if !open {
            return Ok(Some((chomped(first), false)));
        }
        let (mut more, mut length) = (vec![], first.len());
        while open {
            let next = if length > LONGEST_FIELD || more.len() > MOST_LINES_IN_A_FIELD { None } else { self.line()? };
            let Some(next) = next else {
                self.again = more.into_iter().chain(std::mem::take(&mut self.again)).collect();
                return Ok(Some((chomped(first), true)));
            };
            open = open_quote(&next, delimiter, true);
            length += next.len();
            more.push(next);
        }
        let mut whole = first;
        more.iter().for_each(|l| whole.extend_from_slice(l));
        Ok(Some((chomped(whole), false)))
    }
}
fn chomped(mut line: Vec<u8>) -> Vec<u8> {
    while matches!(line.last(), Some(b'\r' | b'\n')) {
        line.pop();
    }
    line
}
/// Whether a quote is open at the end of the line. A quote counts at the start of a field only.
fn open_quote(line: &[u8], delimiter: u8, mut open: bool) -> bool {
    let (mut start, mut i) = (!open, 0);
    while i < line.len() {
        let b = line[i];
        if open {
            if b == b'"' {
                if line.get(i + 1) == Some(&b'"') {
                    i += 1;
                } else {
                    open = false;
                }
            }
            start = false;
        } else if b == b'"' && start {
            open = true;
        } else {
            start = b == delimiter;
        }
        i += 1;
    }
    open
}

/// Excel's own first line, `sep=;`.
fn told(line: &[u8]) -> Option<u8> {
    match line.get(..4)? {
        head if head.eq_ignore_ascii_case(b"sep=") && line.len() <= 7 => line.get(4).copied(),
        _ => None,
    }
}
/// The delimiter that cuts most lines into the same number of cells, and into most of them.
fn sniff(sample: &[Vec<u8>]) -> u8 {
    let score = |d: u8| {
        let counts: Vec<usize> = sample.iter().map(|l| unquoted(l, d)).collect();
        let first = counts[0];
        let same = counts.iter().filter(|c| **c == first).count();
        if first == 0 { (0, 0) } else { (same * 100 / counts.len() / 20, first) }
    };
    DELIMITERS.into_iter().rev().max_by_key(|d| score(*d)).unwrap_or(b',')
}
fn unquoted(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    line.iter()
        .filter(|b| {
            quoted ^= **b == b'"';
            !quoted && **b == delimiter
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    fn rows(bytes: &[u8], layout: Layout) -> (Vec<String>, Vec<Vec<String>>) {
        let path = std::env::temp_dir().join(format!("sheet-{}.csv", uuid::Uuid::now_v7()));
        std::fs::write(&path, bytes).unwrap();
        let mut sheet = Sheet::open(&path, &layout, Arc::default()).unwrap();
        let mut out = vec![];
        while let Some(row) = sheet.next_row().unwrap() {
            out.push(if row.broken { vec!["(broken)".into()] } else { row.cells });
        }
        std::fs::remove_file(path).unwrap();
        (sheet.header, out)
    }
    fn check(bytes: &[u8], expected: &[&[&str]]) {
        assert_eq!(rows(bytes, Layout::default()).1, expected, "{}", String::from_utf8_lossy(bytes));
    }
    #[test]
    fn any_delimiter_line_end_and_encoding_is_read() {
        let expected: &[&[&str]] = &[&["1", "Müller"], &["2", "b"]];
        check("id,name\n1,Müller\n2,b\n".as_bytes(), expected);
        check("\u{feff}id;name\r\n1;Müller\r\n\r\n2;b".as_bytes(), expected);
        check("id|name\r1| Müller\r2|b\r".as_bytes(), expected);
        check(b"id\tname\n1\tM\xfcller\n2\tb", expected);
        check("sep=;\nid;name\n1;Müller\n2;b".as_bytes(), expected);
        let utf16: Vec<u8> = "\u{feff}id,name\r\n1,Müller\r\n2,b".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&utf16, expected);
        check(&zstd::encode_all("id,name\n1,Müller\n2,b\n".as_bytes(), 1).unwrap(), expected);
    }
    #[test]
    fn quotes_hold_delimiters_and_lines_together() {
        check(b"id,note\n1,\"a, \"\"b\"\"\nc\"\n2,5\" pipe\n", &[&["1", "a, \"b\"\nc"], &["2", "5\" pipe"]]);
    }
    #[test]
    fn a_quote_that_never_closes_costs_one_line() {
        check(b"id,note\n1,\"open\n2,b\n3,c\n", &[&["(broken)"], &["2", "b"], &["3", "c"]]);
    }
    #[test]
    fn a_file_without_header_is_named_by_position() {
        let layout = || Layout { columns: vec!["id".into(), "name".into()], ..Layout::default() };
        assert_eq!(rows("\u{feff}1;NULL\n2;b".as_bytes(), layout()).1, [["1", "NULL"], ["2", "b"]]);
        assert_eq!(rows(b"ID;Name\n2;b", layout()).1, [["2", "b"]]);
    }
}
