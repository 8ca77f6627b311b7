//! Values of hand-written fields that the registry knows by name only.
use crate::audience;
use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult, Value, indexmap::IndexMap,
    parser::types::Field, registry::Registry,
};
use entities::model::TextEnum;
use std::borrow::Cow;

/// An enum of the entities as an input.
#[derive(Clone, Copy, Debug)]
pub struct Choice<T>(pub T);
impl<T: TextEnum> InputType for Choice<T> {
    type RawValueType = Self;
    fn type_name() -> Cow<'static, str> {
        T::NAME.into()
    }
    fn create_type_info(r: &mut Registry) -> String {
        audience::enumeration(r, T::NAME, T::VALUES.iter().map(|v| v.1));
        Self::qualified_type_name()
    }
    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let name = match &value {
            Some(Value::Enum(name)) => name.as_str(),
            Some(Value::String(name)) => name,
            _ => "",
        };
        let text = T::VALUES.iter().find(|v| v.1 == name).map(|v| v.0);
        text.and_then(T::parse).map(Choice).ok_or_else(|| InputValueError::expected_type(value.unwrap_or_default()))
    }
    fn to_value(&self) -> Value {
        Value::Enum(Name::new(self.0.graph_name()))
    }
    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
impl<T: TextEnum> serde::Serialize for Choice<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.text())
    }
}

/// An instant in an answer that no statement writes.
pub struct DateTime(pub chrono::DateTime<chrono::Utc>);
impl OutputType for DateTime {
    fn type_name() -> Cow<'static, str> {
        "DateTime".into()
    }
    fn create_type_info(r: &mut Registry) -> String {
        audience::register(r);
        Self::qualified_type_name()
    }
    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(self.0.format("%Y-%m-%dT%H:%M:%SZ").to_string().into())
    }
}

/// `PageInfo` of a list that no statement writes.
#[derive(Default)]
pub struct PageInfo {
    pub end_cursor: Option<String>,
    pub has_next_page: bool,
    pub has_previous_page: bool,
    pub start_cursor: Option<String>,
}
impl OutputType for PageInfo {
    fn type_name() -> Cow<'static, str> {
        "PageInfo".into()
    }
    fn create_type_info(r: &mut Registry) -> String {
        audience::register(r);
        Self::qualified_type_name()
    }
    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let ctx = ctx.with_field(field);
        let mut members = IndexMap::new();
        for pick in crate::select::collect(crate::select::Doc::of(&ctx), &[&field.node.selection_set.node], "PageInfo") {
            let value = match pick.name() {
                "hasNextPage" => self.has_next_page.into(),
                "hasPreviousPage" => self.has_previous_page.into(),
                "startCursor" => self.start_cursor.clone().into(),
                "endCursor" => self.end_cursor.clone().into(),
                _ => "PageInfo".into(),
            };
            members.insert(Name::new(pick.key), value);
        }
        Ok(Value::Object(members))
    }
}
