//! One document of an XML file as a small tree of local names, without what bills do not need.
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};
use std::io::BufRead;

/// Attached files and signatures: large, and no part of the bill.
const SKIPPED: &[&str] = &["UBLExtensions", "EmbeddedDocumentBinaryObject", "Signature"];
const DEEPEST: usize = 64;
/// How much of a document's text is kept for people to look at.
const RAW_BYTES: usize = 64 * 1024;

#[derive(Debug, Default)]
pub struct Node {
    pub name: String,
    text: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}
impl Node {
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |c| c.name == name)
    }
    /// The first node at a path of names: `Party/PartyName/Name`.
    pub fn at(&self, path: &str) -> Option<&Node> {
        let (first, rest) = path.split_once('/').map_or((path, None), |(f, r)| (f, Some(r)));
        let mut named = self.children.iter().filter(|c| c.name == first);
        match rest {
            None => named.next(),
            Some(rest) => named.find_map(|n| n.at(rest)),
        }
    }
    /// The text at a path; none where it is blank.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.value()
    }
    pub fn value(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|t| !t.is_empty())
    }
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.0 == name).map(|a| a.1.trim()).filter(|t| !t.is_empty())
    }
    /// The document again, without name spaces and attachments; cut where it is long.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        if out.len() > RAW_BYTES {
            let end = (0..=RAW_BYTES).rev().find(|i| out.is_char_boundary(*i)).unwrap_or(0);
            out.truncate(end);
            out.push('…');
        }
        out
    }
    fn write(&self, out: &mut String) {
        if out.len() > RAW_BYTES {
            return;
        }
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\"{}\"", quick_xml::escape::escape(value.as_str())));
        }
        out.push('>');
        out.push_str(&quick_xml::escape::escape(self.text.trim()));
        for child in &self.children {
            child.write(out);
        }
        out.push_str(&format!("</{}>", self.name));
    }
}

/// The documents of a file, one at a time.
pub struct Documents<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
    wanted: &'static [&'static str],
}
impl<R: BufRead> Documents<R> {
    pub fn new(input: R, wanted: &'static [&'static str]) -> Self {
        Documents { reader: Reader::from_reader(input), buffer: vec![], wanted }
    }
    pub fn next(&mut self) -> Option<Result<Node, String>> {
        self.advance().transpose()
    }
    fn advance(&mut self) -> Result<Option<Node>, String> {
        let mut open: Vec<Node> = vec![];
        loop {
            self.buffer.clear();
            let event = self
                .reader
                .read_event_into(&mut self.buffer)
                .map_err(|e| format!("This is not well-formed XML at byte {}: {e}.", self.reader.error_position()))?;
            let done = match event {
                Event::Start(start) => {
                    let node = node(&start)?;
                    if open.is_empty() && !self.wanted.contains(&node.name.as_str()) {
                        continue; // an envelope: look inside
                    }
                    if SKIPPED.contains(&node.name.as_str()) {
                        let end = start.to_end().into_owned();
                        self.reader.read_to_end_into(end.name(), &mut vec![]).map_err(|e| format!("The element {} does not end: {e}.", node.name))?;
                        continue;
                    }
                    if open.len() == DEEPEST {
                        return Err(format!("Elements are nested more than {DEEPEST} deep."));
                    }
                    open.push(node);
                    None
                }
                Event::Empty(start) => Some(node(&start)?).filter(|_| !open.is_empty()),
                Event::End(_) => open.pop(),
                Event::Text(text) => {
                    if let Some(top) = open.last_mut() {
                        top.text.push_str(&text.decode().map_err(|e| format!("The text is not in the encoding that the file names: {e}."))?);
                    }
                    None
                }
                Event::CData(text) => {
                    if let Some(top) = open.last_mut() {
                        top.text.push_str(&text.decode().map_err(|e| format!("The text is not in the encoding that the file names: {e}."))?);
                    }
                    None
                }
                Event::GeneralRef(entity) => {
                    if let Some(top) = open.last_mut() {
                        top.text.push_str(&resolve(&entity)?);
                    }
                    None
                }
                Event::Eof if open.is_empty() => return Ok(None),
                Event::Eof => return Err("The file ends in the middle of a document.".into()),
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => None,
            };
            match (done, open.last_mut()) {
                (Some(node), Some(parent)) => parent.children.push(node),
                (Some(document), None) => return Ok(Some(document)),
                (None, _) => {}
            }
        }
    }
}

fn node(start: &BytesStart) -> Result<Node, String> {
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    let mut attributes = vec![];
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| format!("An attribute of {name} cannot be read: {e}."))?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        if !key.starts_with("xmlns") && !key.contains(':') {
            attributes.push((key, String::from_utf8_lossy(&attribute.value).into_owned()));
        }
    }
    Ok(Node { name, attributes, ..Default::default() })
}
/// Entities that a DTD declares are not looked up: a bill has no use for them, an attacker has.
fn resolve(entity: &quick_xml::events::BytesRef) -> Result<String, String> {
    if let Some(c) = entity.resolve_char_ref().map_err(|e| format!("A character cannot be read: {e}."))? {
        return Ok(c.to_string());
    }
    let name = entity.decode().map_err(|e| e.to_string())?;
    resolve_predefined_entity(&name).map(Into::into).ok_or_else(|| format!("The entity &{name}; is not one of XML's own."))
}
