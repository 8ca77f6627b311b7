//! Checks of what callers send. All that is wrong is said at once, so that a person mends it once.
use crate::{
    error::{Code, Error, Refusal, Result},
    mutant::without_at,
    party::customer_closure,
    scope::{Audience, Scope},
    store::Write,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, prelude::Uuid};
use std::panic::Location;

/// Gathers what is wrong with an input.
#[derive(Default)]
pub struct Check(Vec<Refusal>);
impl Check {
    pub fn refuse(&mut self, code: Code, field: &str, message: impl Into<String>) {
        self.0.push(Refusal { code, field: field.into(), message: message.into() });
    }
    /// Refuses where it does not hold.
    pub fn want(&mut self, holds: bool, code: Code, field: &str, message: &str) {
        if !holds {
            self.refuse(code, field, message);
        }
    }
    /// A text of at most `most` characters; without blanks around it.
    pub fn text(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = text.replace('\0', ""); // PostgreSQL holds none
        let text = text.trim();
        self.want(!text.is_empty(), Code::Blank, field, "Please write something here.");
        if text.chars().count() > most {
            self.refuse(Code::TooLong, field, format!("This has room for {most} characters."));
        }
        text.into()
    }
    pub fn done(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Refused(self.0)) }
    }
}

/// A row that is absent, or that the caller may not know: the same answer to both.
pub fn not_found(field: &str, what: &str) -> Error {
    Error::refused(Code::NotFound, field, format!("There is no such {what}."))
}

/// What the caller read must still be what stands.
pub fn same_version(expected: i32, stands: i32) -> Result<()> {
    if expected == stands {
        return Ok(());
    }
    Err(Error::refused(Code::StaleVersion, "expectedVersion", "Somebody else has changed this since you read it. Please read it again."))
}

/// The guard of the graph asks for the scope first; a verb does not rely on it. Who may not write learns nothing more.
#[track_caller]
pub fn needs(scope: &Scope, wanted: &str) -> Result<()> {
    if scope.has(wanted) || without_at("verb", Location::caller()) { Ok(()) } else { Err(nothing()) }
}
/// The same at one customer: where a caller's roles differ from root to root, one above it must give the scope.
#[track_caller]
pub fn needs_at<'a>(w: &'a Write, wanted: &'a str, customer_id: Option<Uuid>) -> impl Future<Output = Result<()>> + 'a {
    let gone = without_at("verb", Location::caller());
    async move { if gone { Ok(()) } else { given_at(w, wanted, customer_id).await } }
}
async fn given_at(w: &Write, wanted: &str, customer_id: Option<Uuid>) -> Result<()> {
    use customer_closure::{Column, Entity};
    needs(w.scope(), wanted)?;
    if w.scope().audience != Audience::Customer || w.scope().roles.is_empty() {
        return Ok(());
    }
    let (roots, Some(id)) = (w.scope().roots(Some(wanted)).into_owned(), customer_id) else { return Err(nothing()) };
    let above = Entity::find().filter(Column::DescendantId.eq(id)).filter(Column::AncestorId.is_in(roots)).one(w.tx()).await?;
    above.map(|_| ()).ok_or_else(nothing)
}
fn nothing() -> Error {
    Error::refused(Code::NotFound, "", "There is nothing here that you may change.")
}

/// `en`, `de-AT`.
pub fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once('-').unwrap_or((text, "US"));
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.len() == 2
        && region.bytes().all(|b| b.is_ascii_uppercase())
}
