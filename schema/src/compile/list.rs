//! Many rows: which, in which order, and how many. A list that is no connection is done here.
use super::{
    Compiler, Outcome,
    connection::Listing,
    origin::{Origin, Part},
    text,
};
use crate::{
    declare::*,
    error::Refused,
    graph::ty,
    page::{Cursor, MAX_FIRST, Page},
    select::Pick,
    write_sql::sql,
};
use async_graphql::{Name, Value};
use entities::{
    id::Id,
    rule::{self, Statement, Way},
};
use uuid::Uuid;

/// Customers that stand below one whose tree is large, at least.
const LARGE: usize = 500;
/// Values of a list that are compared one by one.
const FEW: usize = 8;

/// A list whose rows are found by another table, `l`.
struct OnWay {
    way: &'static Way,
    l: String,
    /// It is what the row rule asks for, which need not be asked again.
    by_rule: bool,
}
impl OnWay {
    /// The id of the row that it leads to.
    fn id(&self) -> String {
        sql!(self.l, ".", self.way.key)
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn many(&mut self, m: &Many, pick: &Pick<'a>, from: Option<(&'static Type, &str)>) -> Outcome<()> {
        let (d, t) = (ty(m.to), self.alias());
        let page = self.page(m, pick)?;
        let order = self.order(m, d, pick)?;
        let way = self.way(m, d, order, pick)?;
        let (link, mut wheres) = self.wheres(m, d, &t, pick, from, way.as_ref())?;
        let filter = self.doc.arg(&pick.field.node, "filter").map_or("None".into(), |f| format!("Some({:?})", said(f)));
        let list = Cursor::list(&(d.name, order.column, order.desc, filter));
        let (mut table, mut id) = (sql!(self.table(d)?, " ", t), sql!(t, ".id"));
        if let Some(on) = &way {
            (table, id) = (sql!(on.way.table, " ", on.l, " cross join ", table), on.id());
        }
        let base = sql!("from ", table, filtered(link.iter().chain(&wheres)));
        if let Some(cursor) = &page.cursor {
            let at = Cursor::read(cursor, &list, order)?;
            wheres.push(self.keyset((&t, &id), order, &page, &list, at));
        }
        let by = |id: &str| order_by((&t, id), order, page.backward, self.pg);
        let (by, way_by) = (by(&sql!(t, ".id")), by(&id));
        let rows = |link: Option<&String>| sql!(table, filtered(link.into_iter().chain(&wheres)), " order by ", way_by);
        let met = d.name == "Customer" || self.meets(from, self.is_deep(m, pick));
        let mut listing = Listing { order, page, by, rows: rows(link.as_ref()), base, list, met };
        // a tree inside a tree is written once: the text would double with each
        let Some((theirs, top)) = self.tree(m, pick, from).filter(|_| !self.in_tree) else {
            return self.listed(m.shape, d, &t, pick, &listing);
        };
        // the rows of a small tree are gathered and ordered; for a large one all rows are walked in order, as some of any
        // few are its
        self.in_tree = true;
        self.put(&["case when (select 1 from customer_closure where ancestor_id = ", &top, " limit 1 offset ", &(LARGE - 1).to_string()]);
        self.put(&[") is null then "]);
        self.listed(m.shape, d, &t, pick, &listing)?;
        // counted, as a condition that only holds or not would be turned into a join with all of the tree
        let walked = sql!("(select count(*) from customer_closure where ancestor_id = ", top, " and descendant_id = ", t, ".", theirs, ") > 0");
        listing.rows = rows(Some(&walked));
        self.put(&[" else "]);
        self.listed(m.shape, d, &t, pick, &listing)?;
        self.put(&[" end"]);
        self.in_tree = false;
        Ok(())
    }
    fn listed(&mut self, shape: Shape, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<()> {
        match shape {
            Shape::List => self.list(d, t, pick, l),
            _ => self.connection(d, t, pick, l),
        }
    }
    fn list(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<()> {
        self.put(&["concat('[', "]);
        self.joined(l, |c| c.object(d, t, &pick.sets, l.met))?;
        self.put(&[", ']')"]);
        Ok(())
    }
    fn page(&self, m: &Many, pick: &Pick<'a>) -> Outcome<Page> {
        let size = |name: &str| match self.doc.arg(&pick.field.node, name) {
            None => Ok(None),
            Some(Value::Number(n)) if n.as_u64().is_some_and(|n| n <= MAX_FIRST) => Ok(n.as_u64()),
            Some(_) => Err(Refused::input(format!("`{name}` is a number from 0 to {MAX_FIRST}."))),
        };
        let cursor = |name: &str| self.doc.bound(&pick.field.node, name).and_then(|(v, variable)| Some((text(&v)?, variable)));
        let page = |size: Option<u64>, backward: bool, at: Option<(String, Option<Name>)>| {
            let (cursor, cursor_in) = at.map_or((None, None), |(cursor, variable)| (Some(cursor), variable));
            Page { size: size.unwrap_or(m.default), backward, cursor, cursor_in }
        };
        match (size("first")?, size("last")?, cursor("after"), cursor("before")) {
            (Some(_), Some(_), ..) => Err(Refused::input("Give `first` or `last`, not both.")),
            (_, _, Some(_), Some(_)) => Err(Refused::input("Give `after` or `before`, not both.")),
            (first, None, after, None) => Ok(page(first, false, after)),
            (None, last, None, before) => Ok(page(last, true, before)),
            _ => Err(Refused::input("`first` goes with `after`, `last` with `before`.")),
        }
    }
    fn order(&self, m: &Many, d: &Type, pick: &Pick<'a>) -> Outcome<Order> {
        let Some(name) = self.doc.arg(&pick.field.node, "sort").and_then(|v| text(&v)) else { return Ok(m.order) };
        let Some((_, order, field)) = d.sorts.iter().find(|s| s.0 == name) else {
            return Err(Refused::internal("a sort passed validation that is not known"));
        };
        self.allowed(d, field)?;
        Ok(*order)
    }
    /// A filter or a sort tells what its field tells: it needs the same scope, and no mask may stand before it.
    fn allowed(&self, d: &Type, field: &str) -> Outcome<()> {
        match d.field(field).and_then(|f| f.scope).filter(|s| !self.scope.has(s)) {
            Some(scope) => Err(Refused::scope(scope)),
            None => Ok(()),
        }
    }
    fn is_deep(&self, m: &Many, pick: &Pick<'a>) -> bool {
        m.tree && self.doc.arg(&pick.field.node, "includeDescendants") == Some(Value::Boolean(true))
    }
    /// (their column, the customer at the top) of a list that goes through all customers below one, where nothing else
    /// narrows it.
    fn tree(&self, m: &Many, pick: &Pick<'a>, from: Option<(&'static Type, &str)>) -> Option<(&'static str, String)> {
        let ((theirs, ours), (_, pt)) = m.link.zip(from).filter(|_| self.is_deep(m, pick))?;
        let narrowed = self.doc.arg(&pick.field.node, "filter").is_some();
        (!narrowed).then(|| (theirs, sql!(pt, ".", ours)))
    }
    /// The way to the rows, where one has them in the order of the list and nothing else narrows it. Those of several
    /// partners would have to be gathered and ordered first.
    fn way(&mut self, m: &Many, d: &Type, order: Order, pick: &Pick<'a>) -> Outcome<Option<OnWay>> {
        let narrowed = m.link.is_some() || self.doc.arg(&pick.field.node, "filter").is_some();
        let by_rule = rule::way(Self::entity(d)?, self.scope.audience).filter(|_| self.scope.partners.len() == 1);
        let way = match m.only {
            _ if narrowed || order.column != "id" => None,
            Some(Only::Led(way)) => Some((way, false)),
            _ => by_rule.map(|way| (way, true)),
        };
        Ok(way.map(|(way, by_rule)| OnWay { way, by_rule, l: self.alias() }))
    }
    fn wheres(
        &mut self,
        m: &Many,
        d: &'static Type,
        t: &str,
        pick: &Pick<'a>,
        from: Option<(&'static Type, &str)>,
        way: Option<&OnWay>,
    ) -> Outcome<(Option<String>, Vec<String>)> {
        let (mut link, mut wheres) = (None, vec![]);
        let mut implied = None;
        if let (Some((theirs, ours)), Some((pd, pt))) = (m.link, from) {
            let deep = self.is_deep(m, pick);
            link = Some(if deep {
                format!("{t}.{theirs} in (select descendant_id from customer_closure where ancestor_id = {pt}.{ours})")
            } else {
                sql!(t, ".", theirs, " = ", pt, ".", ours)
            });
            // of those below a customer nothing is proven by the customer
            if ours == "id" && !deep {
                implied = Some((theirs, Self::entity(pd)?));
            }
        }
        let parent = from.map_or("", |p| p.1);
        if let Some(on) = way {
            let (id, other) = (on.id(), self.alias());
            let (leads, other_leads) = (on.way.whose(&on.l, parent, self.scope, self), on.way.whose(&other, parent, self.scope, self));
            wheres.push(sql!(t, ".id = ", id, " and ", leads));
            // several may lead to the same
            let earlier = sql!(other, ".", on.way.key, " = ", id, " and ", other, ".id < ", on.l, ".id and ", other_leads);
            wheres.push(sql!("not exists (select 1 from ", on.way.table, " ", other, " where ", earlier, ")"));
        }
        let rule = if way.is_some_and(|on| on.by_rule) { None } else { self.rule(d, t, implied)? };
        let alike = from.filter(|_| !self.is_deep(m, pick)).and_then(|(pd, pt)| {
            let (key, theirs) = rule::alike(d.entity?, pd.entity?, self.scope.audience)?;
            (key != "id").then(|| sql!(t, ".", key, " = ", pt, ".", theirs)) // a customer below another is another
        });
        // what the parent has proven of its customer is not asked for each row of the same
        wheres.extend(rule.map(|rule| match alike {
            Some(alike) => sql!("(", alike, " or ", rule, ")"),
            None => rule,
        }));
        match m.only {
            Some(Only::Where(only)) => wheres.push(self.fill(&only.replace("{p}", parent), t)?),
            Some(Only::Led(led)) if way.is_none() => wheres.push(led.leads(t, parent, self.scope, self)),
            _ => {}
        }
        if let (true, Some(Value::Object(given))) = (m.filtered, self.doc.arg(&pick.field.node, "filter")) {
            for (name, value) in &given {
                if let Some(f) = d.filters.iter().find(|f| f.name == name.as_str()).filter(|_| *value != Value::Null) {
                    self.allowed(d, f.field)?;
                    let condition = self.condition(f, t, value)?;
                    wheres.push(condition);
                }
            }
        }
        Ok((link, wheres))
    }
    fn condition(&mut self, f: &Filter, t: &str, value: &Value) -> Outcome<String> {
        let column = sql!(t, ".", f.column);
        if let Value::List(values) = value {
            let mut places = vec![];
            for v in values {
                let v = filter_value(f, v)?;
                places.push(self.bind(v));
            }
            // SQLite would make a table of the values for each row around the list
            return Ok(match places.len() {
                0 => "1=0".into(),
                2..=FEW if !self.pg => format!("({})", places.iter().map(|p| sql!(column, " = ", p)).collect::<Vec<_>>().join(" or ")),
                _ => format!("{column} in ({})", places.join(", ")),
            });
        }
        let bound = filter_value(f, value)?;
        let place = self.bind(bound);
        Ok(match f.op {
            FilterOp::AnyOf | FilterOp::Is => format!("{column} = {place}"),
            FilterOp::From => format!("{column} >= {place}"),
            FilterOp::Until => format!("{column} <= {place}"),
        })
    }
    /// `row`: its alias, and where its id is read.
    fn keyset(&mut self, row: (&str, &str), order: Order, page: &Page, list: &str, at: (Option<sea_orm::Value>, sea_orm::Value)) -> String {
        let (t, id_of) = row;
        let op = if order.desc != page.backward { '<' } else { '>' };
        let from = |part: Part| match &page.cursor_in {
            Some(variable) => Origin::Cursor(variable.clone(), list.into(), order, part),
            None => Origin::Fixed,
        };
        match at {
            (None, id) => format!("{id_of} {op} {}", self.place(from(Part::Id), id)),
            (Some(key), id) => {
                let (key, id) = (self.place(from(Part::Key), key), self.place(from(Part::Id), id));
                format!("({t}.{}{}, {t}.id) {op} ({key}, {id})", order.column, collation(order, self.pg))
            }
        }
    }
}

/// An enum is a text where a variable holds it: a list is the same one either way.
fn said(value: Value) -> Value {
    match value {
        Value::Enum(name) => Value::String(name.to_string()),
        Value::List(items) => Value::List(items.into_iter().map(said).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, said(value))).collect()),
        value => value,
    }
}
fn filter_value(f: &Filter, value: &Value) -> Outcome<sea_orm::Value> {
    let bad = || Refused::input(format!("`{}` is not a {}.", f.name, f.scalar.graphql()));
    Ok(match (f.scalar, value) {
        (Scalar::Bool, Value::Boolean(b)) => (*b).into(),
        (Scalar::Int, Value::Number(n)) => (n.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(bad)?).into(),
        (scalar, value) => {
            let text = text(value).ok_or_else(bad)?;
            match scalar {
                Scalar::Enum(_, values) => values.iter().find(|v| v.1 == text).ok_or_else(bad)?.0.into(),
                Scalar::Id(kind) => Id::parse(&text).filter(|i| i.kind == kind).map_or(Uuid::nil(), |i| i.uuid).into(),
                Scalar::Date => text.parse::<chrono::NaiveDate>().map_err(|_| bad())?.into(),
                Scalar::Instant => text.parse::<chrono::DateTime<chrono::Utc>>().map_err(|_| bad())?.into(),
                Scalar::BigInt => text.parse::<i64>().map_err(|_| bad())?.into(),
                _ => text.into(),
            }
        }
    })
}
/// PostgreSQL orders text by the database's language unless told: both databases order by code point.
fn collation(order: Order, pg: bool) -> &'static str {
    if pg && order.scalar == Scalar::Text && order.column != "id" { " collate \"C\"" } else { "" }
}
fn order_by(row: (&str, &str), order: Order, backward: bool, pg: bool) -> String {
    let ((t, id), direction) = (row, if order.desc != backward { " desc" } else { "" });
    if order.column == "id" {
        return sql!(id, direction);
    }
    sql!(t, ".", order.column, collation(order, pg), direction, ", ", t, ".id", direction)
}
fn filtered<'a>(wheres: impl Iterator<Item = &'a String>) -> String {
    let wheres: Vec<&str> = wheres.map(String::as_str).collect();
    if wheres.is_empty() { String::new() } else { sql!(" where ", wheres.join(" and ")) }
}
