//! UBL 2.1 invoices and credit notes (EN 16931, Peppol BIS): the customer, its account, and a bill whose lines add up
//! to the document's own totals to the cent, or a problem that says which sum differs and by how much.
//!
//! A document is a row. Element names count, prefixes do not. Amounts are read from their literal text and never pass
//! through binary fractions.
use super::record::{Mapped, Problem};
use std::io::BufRead;

/// The document as bill and lines.
mod bill;
/// The customer and how to reach it.
mod customer;
/// How the parts make the whole.
mod sums;
/// One document as a tree.
mod xml;

/// The documents that this reader takes; others in between (a transport envelope) are passed over.
const DOCUMENTS: &[&str] = &["Invoice", "CreditNote"];

/// Reads one document after the other; a file may hold many, in an envelope of any kind.
pub fn read(input: impl BufRead) -> impl Iterator<Item = Mapped> {
    let mut documents = xml::Documents::new(input, DOCUMENTS);
    let (mut row_no, mut over) = (0, false);
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let next = documents.next();
        row_no += 1;
        match next {
            Some(Ok(document)) => Some(Mapped { row_no, raw: document.to_text(), ..bill::map(&document) }),
            Some(Err(message)) => {
                over = true; // past a syntax error nothing can be told
                Some(Mapped { row_no, problems: vec![Problem::error("malformed_xml", message)], ..Default::default() })
            }
            None => {
                over = true;
                let hint = "There is no UBL Invoice or CreditNote in this file. Other e-invoice syntaxes (CII, ZUGFeRD) have to be converted first.";
                (row_no == 1).then(|| Mapped { row_no, problems: vec![Problem::error("unsupported_type", hint)], ..Default::default() })
            }
        }
    })
}

#[cfg(test)]
mod tests;
