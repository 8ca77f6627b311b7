//! The vocabulary of a declaration: a graph type is plain data, written once, over the typed columns of its entity.
//! Everything else is derived from it: schema, audience views, SDL, matrix, cost and SQL.
use crate::node::Row;
use async_graphql::{Context, Result, Value, registry::Registry};
use entities::{
    Audience,
    model::{EntityKind, TextEnum},
    money,
    mutant::without,
    rule::Way,
};
use sea_orm::{ColumnTrait, ColumnType, IdenStatic};
use std::pin::Pin;

/// A set of audiences.
pub type Audiences = u8;
pub const AGENT: Audiences = 1;
pub const PARTNER: Audiences = 2;
pub const CUSTOMER: Audiences = 4;
pub const PUBLIC: Audiences = 8;
/// Everyone with a token.
pub const KNOWN: Audiences = AGENT | PARTNER | CUSTOMER;
pub const ALL: Audiences = KNOWN | PUBLIC;
/// The set of one.
pub fn only(audience: Audience) -> Audiences {
    match audience {
        Audience::Agent => AGENT,
        Audience::Partner => PARTNER,
        Audience::Customer => CUSTOMER,
        Audience::Public => PUBLIC,
    }
}

/// How a column becomes JSON text, and the name of its type.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar {
    /// The public id of a row of that kind.
    Id(&'static EntityKind),
    Text,
    Int,
    /// A whole number as a string: JSON readers lose digits above 2⁵³.
    BigInt,
    /// Millionths as a decimal string.
    Decimal,
    /// The text of a decimal, as it is.
    Amount,
    Currency,
    Bool,
    Date,
    Instant,
    Json,
    /// (name, values as (database text, graph name)).
    Enum(&'static str, &'static [(&'static str, &'static str)]),
}
impl Scalar {
    pub fn of<T: TextEnum>() -> Self {
        Scalar::Enum(T::NAME, T::VALUES)
    }
    /// The name of the graph's type.
    pub fn graphql(self) -> &'static str {
        match self {
            Scalar::Id(_) => "ID",
            Scalar::Text => "String",
            Scalar::Int => "Int",
            Scalar::BigInt => "BigInt",
            Scalar::Decimal | Scalar::Amount => "Decimal",
            Scalar::Currency => "CurrencyCode",
            Scalar::Bool => "Boolean",
            Scalar::Date => "Date",
            Scalar::Instant => "DateTime",
            Scalar::Json => "JSON",
            Scalar::Enum(name, _) => name,
        }
    }
    fn of_column(column: &impl ColumnTrait) -> Self {
        match column.def().get_column_type() {
            ColumnType::SmallInteger | ColumnType::Integer => Scalar::Int,
            ColumnType::BigInteger => Scalar::BigInt,
            ColumnType::Boolean => Scalar::Bool,
            ColumnType::Date => Scalar::Date,
            ColumnType::TimestampWithTimeZone | ColumnType::DateTime | ColumnType::Timestamp => Scalar::Instant,
            ColumnType::Json | ColumnType::JsonBinary => Scalar::Json,
            _ => Scalar::Text,
        }
    }
}

/// An SQL expression over the row `{t}`; another text for SQLite where the words differ. `{may Ticket k}` is the
/// caller's row rule for tickets over the row `k`.
#[derive(Clone, Debug)]
pub struct Sql {
    pub pg: String,
    pub lite: String,
}
impl Sql {
    pub fn both(text: impl Into<String>) -> Self {
        let text = text.into();
        Sql { lite: text.clone(), pg: text }
    }
    pub fn on(&self, pg: bool) -> &str {
        if pg { &self.pg } else { &self.lite }
    }
}
fn column_sql(column: &impl IdenStatic) -> Sql {
    Sql::both(format!("{{t}}.{}", column.as_str()))
}

/// By this column and then by id, both in one direction: the index behind it has the same order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    pub column: &'static str,
    pub scalar: Scalar,
    pub desc: bool,
}
pub fn asc(column: impl ColumnTrait) -> Order {
    Order { column: column.as_str(), scalar: Scalar::of_column(&column), desc: false }
}
pub fn desc(column: impl ColumnTrait) -> Order {
    Order { desc: true, ..asc(column) }
}

/// A condition that a list can be narrowed by. It is as secret as the field it speaks of.
#[derive(Clone, Debug)]
pub struct Filter {
    pub name: &'static str,
    pub doc: &'static str,
    /// The field whose audience, scope and mask it shares.
    pub field: &'static str,
    pub scalar: Scalar,
    pub op: FilterOp,
    pub column: &'static str,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FilterOp {
    AnyOf,
    Is,
    From,
    Until,
}
impl Filter {
    pub fn graphql(&self) -> String {
        if self.op == FilterOp::AnyOf { format!("[{}!]", self.scalar.graphql()) } else { self.scalar.graphql().into() }
    }
}
pub fn any_of<T: TextEnum>(name: &'static str, column: impl IdenStatic, doc: &'static str) -> Filter {
    Filter { name, doc, field: name, scalar: Scalar::of::<T>(), op: FilterOp::AnyOf, column: column.as_str() }
}
fn filter(name: &'static str, field: &'static str, op: FilterOp, column: impl ColumnTrait, doc: &'static str) -> Filter {
    Filter { name, doc, field, scalar: Scalar::of_column(&column), op, column: column.as_str() }
}
pub fn is(name: &'static str, column: impl ColumnTrait, doc: &'static str) -> Filter {
    filter(name, name, FilterOp::Is, column, doc)
}
pub fn from(name: &'static str, field: &'static str, column: impl ColumnTrait, doc: &'static str) -> Filter {
    filter(name, field, FilterOp::From, column, doc)
}
pub fn until(name: &'static str, field: &'static str, column: impl ColumnTrait, doc: &'static str) -> Filter {
    filter(name, field, FilterOp::Until, column, doc)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    List,
    Connection,
}

pub type Computing<'a> = Pin<Box<dyn Future<Output = Result<Value>> + Send + 'a>>;
pub type Compute = for<'a> fn(&'a Context<'a>, &'a Row<'a>) -> Computing<'a>;
/// An argument of a computed field: (name, type, doc).
pub type Argument = (&'static str, &'static str, &'static str);

/// Where the rows of a list come from.
#[derive(Clone, Debug)]
pub struct Many {
    pub to: &'static str,
    /// (their column, our column); none at the root.
    pub link: Option<(&'static str, &'static str)>,
    pub order: Order,
    pub shape: Shape,
    /// How many when `first` is not given.
    pub default: u64,
    /// With the filters that the type declares.
    pub filtered: bool,
    /// With the sorts that the type declares.
    pub sorted: bool,
    /// `includeDescendants`: the rows of all customers below, too.
    pub tree: bool,
    /// What always holds of the rows.
    pub only: Option<Only>,
}
#[derive(Clone, Copy, Debug)]
pub enum Only {
    /// A condition over the row `{t}` and its parent `{p}`.
    Where(&'static str),
    /// A way leads there from the parent.
    Led(&'static Way),
}

/// A field of an object of columns: its name, kind and SQL, and whether it may be null.
pub type ValuePart = (&'static str, Scalar, Sql, bool);

#[derive(Clone, Debug)]
pub enum Source {
    Column {
        scalar: Scalar,
        sql: Sql,
        null: bool,
    },
    /// An object of columns (`Money`, `DateRange`), null where `null` says so: (type, its fields' SQL, null when).
    Value {
        ty: &'static str,
        parts: Vec<ValuePart>,
        null: Option<Sql>,
    },
    /// To one: by our foreign key column, or by an SQL expression that gives the id.
    One {
        to: &'static str,
        key: Option<&'static str>,
        id: Sql,
        args: &'static [Argument],
    },
    /// The same row seen as another type.
    Same {
        to: &'static str,
    },
    Many(Many),
    /// One row by one of its unique columns (root fields): (argument, doc, column), exactly one of them given.
    Find {
        to: &'static str,
        by: &'static [(&'static str, &'static str, &'static str)],
    },
    /// The caller's own row (root fields).
    Mine {
        to: &'static str,
    },
    /// Rust code over columns named in `needs`.
    Computed {
        ty: fn(&mut Registry) -> String,
        args: &'static [Argument],
        needs: &'static [&'static str],
        run: Compute,
    },
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
    pub see: Audiences,
    pub scope: Option<&'static str>,
    pub cost: u64,
    /// For these audiences the column is replaced by this expression (`{c}` is the column, `{t}` the row).
    pub masks: Vec<(Audiences, String)>,
    pub source: Source,
}

/// A type of the graph. `ty` is the entity behind it: table, row rules, id.
#[derive(Clone, Debug)]
pub struct Type {
    pub name: &'static str,
    pub doc: &'static str,
    pub entity: Option<&'static EntityKind>,
    pub fields: Vec<Field>,
    pub filters: Vec<Filter>,
    /// (graph name, order, the field it reveals).
    pub sorts: Vec<(&'static str, Order, &'static str)>,
}
/// A type over the rows of an entity.
pub fn table(entity: &'static EntityKind, doc: &'static str) -> Type {
    Type { name: entity.name, doc, entity: Some(entity), fields: vec![], filters: vec![], sorts: vec![] }
}
/// Another type over the same rows.
pub fn view(name: &'static str, entity: &'static EntityKind, doc: &'static str) -> Type {
    Type { name, ..table(entity, doc) }
}
impl Type {
    /// What a caller must be allowed to do to meet its rows by their ids alone, or by searching.
    pub fn reads(&self) -> Option<&'static str> {
        self.entity.and_then(|e| e.reads).filter(|_| !without(|| format!("reads:{}", self.name)))
    }
    pub fn fields(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.fields.extend(fields);
        self
    }
    pub fn filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Self {
        self.filters.extend(filters);
        self
    }
    pub fn sort(mut self, name: &'static str, order: Order, field: &'static str) -> Self {
        self.sorts.push((name, order, field));
        self
    }
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
    pub fn is_node(&self) -> bool {
        self.entity.is_some_and(|e| e.name == self.name) && self.field("id").is_some()
    }
}

fn field(name: &'static str, source: Source, doc: &'static str) -> Field {
    Field { name, doc, see: 0, scope: None, cost: 1, masks: vec![], source }
}
pub fn id(entity: &'static EntityKind) -> Field {
    let source = Source::Column { scalar: Scalar::Id(entity), sql: Sql::both("{t}.id"), null: false };
    Field { cost: 0, ..field("id", source, "Stays the same for ever; `node(id:)` finds it again.") }
}
/// A column: type and nullability are the entity's.
pub fn column(name: &'static str, column: impl ColumnTrait, doc: &'static str) -> Field {
    let (scalar, null) = (Scalar::of_column(&column), column.def().is_null());
    Field { cost: 0, ..field(name, Source::Column { scalar, sql: column_sql(&column), null }, doc) }
}
/// A column of an enum.
pub fn choice<T: TextEnum>(name: &'static str, column: impl ColumnTrait, doc: &'static str) -> Field {
    let source = Source::Column { scalar: Scalar::of::<T>(), sql: column_sql(&column), null: column.def().is_null() };
    Field { cost: 0, ..field(name, source, doc) }
}
/// A column of millionths, as a decimal.
pub fn rate(name: &'static str, column: impl ColumnTrait, doc: &'static str) -> Field {
    let source = Source::Column { scalar: Scalar::Decimal, sql: column_sql(&column), null: column.def().is_null() };
    Field { cost: 0, ..field(name, source, doc) }
}
/// Any expression over the row.
pub fn sql(name: &'static str, scalar: Scalar, text: &str, doc: &'static str) -> Field {
    field(name, Source::Column { scalar, sql: Sql::both(text), null: false }, doc)
}
/// An amount in minor units and its currency.
pub fn money(name: &'static str, minor: impl ColumnTrait, currency: &str, doc: &'static str) -> Field {
    let amount = column_sql(&minor);
    let null = minor.def().is_null().then(|| Sql::both(format!("{} is null", amount.pg)));
    Field { cost: 0, ..money_sql(name, &amount.pg, currency, null, doc) }
}
/// The same from expressions.
pub fn money_sql(name: &'static str, minor: &str, currency: &str, null: Option<Sql>, doc: &'static str) -> Field {
    let parts = vec![
        ("amount", Scalar::Amount, amount_sql(minor, currency), false),
        ("currency", Scalar::Currency, Sql::both(currency), false),
        ("minor", Scalar::BigInt, Sql::both(minor), false),
    ];
    field(name, Source::Value { ty: "Money", parts, null }, doc)
}
/// Two dates, null when the first is.
pub fn period(name: &'static str, from: impl ColumnTrait, to: impl ColumnTrait, doc: &'static str) -> Field {
    let parts = vec![("from", Scalar::Date, column_sql(&from), from.def().is_null()), ("to", Scalar::Date, column_sql(&to), to.def().is_null())];
    let null = Some(Sql::both(format!("{{t}}.{} is null", from.as_str())));
    Field { cost: 0, ..field(name, Source::Value { ty: "DateRange", parts, null }, doc) }
}
/// To one, by our foreign key. Null where there is none or none that the caller may see.
pub fn one(name: &'static str, to: &'static str, key: impl IdenStatic, doc: &'static str) -> Field {
    field(name, Source::One { to, key: Some(key.as_str()), id: column_sql(&key), args: &[] }, doc)
}
/// To one, by an expression that gives its id. `{arg NAME}` is an argument.
pub fn one_by(name: &'static str, to: &'static str, id: &str, args: &'static [Argument], doc: &'static str) -> Field {
    field(name, Source::One { to, key: None, id: Sql::both(id), args }, doc)
}
pub fn same(name: &'static str, to: &'static str, doc: &'static str) -> Field {
    field(name, Source::Same { to }, doc)
}
/// To many, by their foreign key.
pub fn many(name: &'static str, to: &'static str, theirs: impl IdenStatic, order: Order, doc: &'static str) -> Field {
    rows(name, to, Some((theirs.as_str(), "id")), order, doc)
}
/// To many, by their column and ours.
pub fn many_by(name: &'static str, to: &'static str, theirs: impl IdenStatic, ours: impl IdenStatic, order: Order, doc: &'static str) -> Field {
    rows(name, to, Some((theirs.as_str(), ours.as_str())), order, doc)
}
/// All rows that the caller may see (root fields).
pub fn all(name: &'static str, to: &'static str, order: Order, doc: &'static str) -> Field {
    rows(name, to, None, order, doc)
}
fn rows(name: &'static str, to: &'static str, link: Option<(&'static str, &'static str)>, order: Order, doc: &'static str) -> Field {
    field(name, Source::Many(Many { to, link, order, shape: Shape::List, default: 20, filtered: false, sorted: false, tree: false, only: None }), doc)
}
pub fn find(name: &'static str, to: &'static str, by: &'static [(&'static str, &'static str, &'static str)], doc: &'static str) -> Field {
    field(name, Source::Find { to, by }, doc)
}
pub fn mine(name: &'static str, to: &'static str, doc: &'static str) -> Field {
    field(name, Source::Mine { to }, doc)
}
/// Code over columns of the row. `T` is what it answers.
pub fn computed<T: async_graphql::OutputType>(name: &'static str, needs: &'static [&'static str], run: Compute, doc: &'static str) -> Field {
    Field { cost: 5, ..field(name, Source::Computed { ty: T::create_type_info, args: &[], needs, run }, doc) }
}

impl Field {
    pub fn see(mut self, who: Audiences) -> Self {
        self.see = who;
        self
    }
    pub fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = cost;
        self
    }
    pub fn mask(mut self, who: Audiences, sql: impl Into<String>) -> Self {
        self.masks.push((who, sql.into()));
        self
    }
    pub fn or_null(mut self) -> Self {
        if let Source::Column { null, .. } = &mut self.source {
            *null = true
        }
        self
    }
    pub fn on_sqlite(mut self, text: &str) -> Self {
        if let Source::Column { sql, .. } | Source::One { id: sql, .. } = &mut self.source {
            sql.lite = text.into()
        }
        self
    }
    pub fn args(mut self, list: &'static [Argument]) -> Self {
        if let Source::Computed { args, .. } = &mut self.source {
            *args = list
        }
        self
    }
    pub fn first(self, n: u64) -> Self {
        self.rows(|m| m.default = n)
    }
    pub fn connection(self) -> Self {
        self.rows(|m| m.shape = Shape::Connection)
    }
    pub fn filtered(self) -> Self {
        self.rows(|m| m.filtered = true)
    }
    pub fn sorted(self) -> Self {
        self.rows(|m| m.sorted = true)
    }
    pub fn tree(self) -> Self {
        self.rows(|m| m.tree = true)
    }
    pub fn only(self, sql: &'static str) -> Self {
        self.rows(|m| m.only = Some(Only::Where(sql)))
    }
    pub fn led(self, way: &'static Way) -> Self {
        self.rows(|m| m.only = Some(Only::Led(way)))
    }
    fn rows(mut self, change: impl FnOnce(&mut Many)) -> Self {
        if let Source::Many(m) = &mut self.source {
            change(m)
        }
        self
    }
    /// Whether the answer can be null: a scope, a mask or a row rule may take it away.
    pub fn nullable(&self) -> bool {
        self.scope.is_some()
            || match &self.source {
                Source::Column { null, .. } => *null || !self.masks.is_empty(),
                Source::Value { null, .. } => null.is_some() || !self.masks.is_empty(),
                Source::One { .. } | Source::Find { .. } | Source::Mine { .. } => true,
                Source::Same { .. } | Source::Many(_) => false,
                Source::Computed { .. } => true,
            }
    }
    /// The type as the SDL shows it; computed fields know theirs from the registry.
    pub fn graphql(&self, registry: &mut Registry) -> String {
        let name = match &self.source {
            Source::Column { scalar, .. } => scalar.graphql().into(),
            Source::Value { ty, .. } => ty.to_string(),
            Source::One { to, .. } | Source::Same { to } | Source::Find { to, .. } | Source::Mine { to } => to.to_string(),
            Source::Many(Many { to, shape: Shape::List, .. }) => format!("[{to}!]"),
            Source::Many(m) => format!("{}Connection", m.to),
            Source::Computed { ty, .. } => ty(registry).trim_end_matches('!').to_string(),
        };
        if self.nullable() { name } else { name + "!" }
    }
}

/// Minor units as the decimal text of their currency. Written by the database, so that an answer needs no second
/// pass; the digits are ISO 4217's (`entities::money`).
fn amount_sql(minor: &str, currency: &str) -> Sql {
    let is = |codes: &[&str]| format!("{currency} in ({})", codes.iter().map(|c| format!("'{c}'")).collect::<Vec<_>>().join(","));
    let often = money::OFTEN.map(|code| format!("{currency} = '{code}'")).join(" or ");
    // a list of constants is made anew by each statement that gets as far as looking at it
    let by_digits = |none: &str, two: &str, three: &str| {
        format!("case when {often} then {two} when {} then {none} when {} then {three} else {two} end", is(money::NO_DIGITS), is(money::THREE_DIGITS))
    };
    // a product has the digits of its factors: nothing is rounded
    let pg = format!("(({minor}) * {})::text", by_digits("1", "0.01", "0.001"));
    let lite = |digits: u32| {
        let unit = 10i64.pow(digits);
        format!("printf('%s%d.%0{digits}d', case when ({minor}) < 0 then '-' else '' end, abs({minor}) / {unit}, abs({minor}) % {unit})")
    };
    let lite = by_digits(&format!("cast(({minor}) as text)"), &lite(2), &lite(3));
    Sql { pg, lite }
}

/// Answer with any output type from a computed field.
pub async fn answer<T: async_graphql::OutputType>(ctx: &Context<'_>, value: T) -> Result<Value> {
    let selection = ctx.with_selection_set(&ctx.item.node.selection_set);
    value.resolve(&selection, ctx.item).await.map_err(|e| async_graphql::Error { message: e.message, source: e.source, extensions: e.extensions })
}
