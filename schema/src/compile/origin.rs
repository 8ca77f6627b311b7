//! Where the values of a statement come from, so that it serves again for what differs in them alone.
use super::text;
use crate::{declare::Order, page::Cursor};
use async_graphql::{Name, Variables};
use entities::{Scope, id::Id, model::EntityKind, rule::Own};

/// Where one value comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// From the document, or from a variable that had a say in the text.
    Fixed,
    Own(Own),
    /// An id of this kind, in a variable.
    Id(Name, &'static EntityKind),
    /// The text in a variable.
    Text(Name),
    /// The cursor in a variable, of the list of that name and order.
    Cursor(Name, String, Order, Part),
}
/// What a cursor holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The value that the list is ordered by.
    Key,
    Id,
}
impl Origin {
    /// Whether both name the same place, so that one place of the statement will do.
    pub fn is(&self, other: &Origin) -> bool {
        match (self, other) {
            (Origin::Fixed, Origin::Fixed) => true,
            (Origin::Own(a), Origin::Own(b)) => a == b,
            (Origin::Id(a, k), Origin::Id(b, l)) => a == b && k == l,
            (Origin::Text(a), Origin::Text(b)) => a == b,
            (Origin::Cursor(a, list, _, part), Origin::Cursor(b, other, _, also)) => a == b && list == other && part == also,
            _ => false,
        }
    }
    pub fn is_fixed(&self) -> bool {
        matches!(self, Origin::Fixed)
    }
    /// The value for this caller and these variables; none where the statement does not fit them. `fixed` is that of the
    /// statement.
    pub fn value(&self, fixed: Option<&sea_orm::Value>, scope: &Scope, variables: &Variables) -> Option<sea_orm::Value> {
        let given = |name: &Name| variables.get(name).and_then(text);
        match self {
            Origin::Fixed => fixed.cloned(),
            Origin::Own(own) => own.of(scope),
            Origin::Id(name, kind) => Id::parse(&given(name)?).filter(|id| id.kind == *kind).map(|id| id.uuid.into()),
            Origin::Text(name) => given(name).map(Into::into),
            Origin::Cursor(name, list, order, part) => {
                let (key, id) = Cursor::read(&given(name)?, list, *order).ok()?;
                if *part == Part::Key { key } else { Some(id) }
            }
        }
    }
}
