//! One number for everything that can be found: two indexes of the same rows have the same, whenever and in whatever order
//! their documents came.
use crate::{Index, Result, writer::blocking};
use sha2::{Digest, Sha256};
use tantivy::{
    DocSet, SegmentReader, TERMINATED, TantivyDocument,
    schema::{FieldType, IndexRecordOption, Value as _},
};

/// Blocks of the document store that are kept unpacked: documents are read one after the other.
const BLOCKS: usize = 2;

impl Index {
    /// Over the terms and the stored text of every document, in hexadecimal digits. Reads the whole index: some seconds for
    /// a million documents.
    pub async fn checksum(&self) -> Result<String> {
        let searcher = self.reader.searcher();
        let stored = self.fields.shown;
        let sum = blocking(move || {
            let mut sum = 0u128;
            for segment in searcher.segment_readers() {
                let terms = terms(segment)?;
                let store = segment.get_store_reader(BLOCKS)?;
                for doc in segment.doc_ids_alive() {
                    let document: TantivyDocument = store.get(doc)?;
                    let shown = document.get_first(stored).and_then(|v| v.as_str().map(String::from)).unwrap_or_default();
                    sum = sum.wrapping_add(digest(&[shown.as_bytes(), &terms[doc as usize].to_be_bytes()]));
                }
            }
            Ok(sum)
        });
        Ok(format!("{:032x}", sum.await?))
    }
}
/// For each document of a segment the sum over its terms.
fn terms(segment: &SegmentReader) -> tantivy::Result<Vec<u128>> {
    let mut sums = vec![0u128; segment.max_doc() as usize];
    for (field, entry) in segment.schema().fields() {
        if !matches!(entry.field_type(), FieldType::Str(_)) || !entry.is_indexed() {
            continue;
        }
        let inverted = segment.inverted_index(field)?;
        let mut all = inverted.terms().stream()?;
        while all.advance() {
            let term = digest(&[entry.name().as_bytes(), all.key()]);
            let mut documents = inverted.read_postings_from_terminfo(all.value(), IndexRecordOption::Basic)?;
            while documents.doc() != TERMINATED {
                let sum = &mut sums[documents.doc() as usize];
                *sum = sum.wrapping_add(term);
                documents.advance();
            }
        }
    }
    Ok(sums)
}
fn digest(parts: &[&[u8]]) -> u128 {
    let mut h = Sha256::new();
    for part in parts {
        h.update((part.len() as u64).to_be_bytes());
        h.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&h.finalize()[..16]);
    u128::from_be_bytes(half)
}
