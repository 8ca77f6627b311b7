//! A selection as one SQL statement that returns the JSON text of a root field. Much the same shape on both databases:
//! text concatenation and correlated scalar subselects. async-graphql has validated the document; what a caller may
//! not see is applied here and nowhere else: row rules, masks, scopes, the bound of every list.

/// A page of a list with what is said about it.
mod connection;
/// Many rows: which, in which order, how many.
mod list;
/// Where values come from.
mod origin;

pub use origin::Origin;

use crate::{
    declare::*,
    error::Refused,
    graph::ty,
    look::{self, Selected},
    select::{Doc, Pick, collect},
    write_sql::{Text, json, sql},
};
use async_graphql::{Value, parser::types::SelectionSet};
use entities::{
    Scope,
    id::Id,
    model::EntityKind,
    mutant::without,
    rule::{self, Own, Rule, Statement},
};
use uuid::Uuid;

pub type Outcome<T> = Result<T, Refused>;

/// Puts one statement together.
pub struct Compiler<'a> {
    pg: bool,
    scope: &'a Scope,
    doc: Doc<'a>,
    audience: Audiences,
    /// The values of its places, and where each comes from.
    pub binds: Vec<(Origin, sea_orm::Value)>,
    /// A computed or refused field was met: the answer needs a walk beside the selection.
    pub walk: bool,
    /// The fields of each selection whose rows carry a mark of their customer.
    pub marked: Vec<Selected>,
    tells: bool,
    aliases: usize,
    /// What is being written stands in a list through a tree.
    in_tree: bool,
    /// The statement, as far as it is written.
    out: String,
}
impl Statement for Compiler<'_> {
    fn bind(&mut self, value: sea_orm::Value) -> String {
        self.place(Origin::Fixed, value)
    }
    fn own(&mut self, own: Own, scope: &Scope) -> String {
        self.place(Origin::Own(own), own.of(scope).unwrap_or(sea_orm::Value::Uuid(None)))
    }
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }
}

impl<'a> Compiler<'a> {
    pub fn new(pg: bool, scope: &'a Scope, doc: Doc<'a>) -> Self {
        Compiler {
            pg,
            scope,
            doc,
            audience: only(scope.audience),
            binds: vec![],
            walk: false,
            marked: vec![],
            tells: look::is_told(scope),
            aliases: 0,
            in_tree: false,
            out: String::with_capacity(4096),
        }
    }
    /// The statement for one root field.
    pub fn root(&mut self, field: &Field, pick: &Pick<'a>) -> Outcome<String> {
        self.put(&["select "]);
        self.relation(field, pick, None)?;
        Ok(std::mem::take(&mut self.out))
    }
    /// The statement for some rows of one type: (id, JSON text) of those that the caller may see.
    pub fn by_ids(&mut self, d: &'static Type, ids: &[Uuid], sets: &[&'a SelectionSet]) -> Outcome<String> {
        let t = self.alias();
        let places: Vec<_> = ids.iter().map(|id| self.bind((*id).into())).collect();
        self.put(&["select ", &t, ".id, "]);
        self.object(d, &t, sets, true)?;
        let (table, rule) = (self.table(d)?, and(self.rule(d, &t, None)?));
        self.put(&[" from ", &table, " ", &t, " where ", &t, ".id in (", &places.join(", "), ")", &rule]);
        Ok(std::mem::take(&mut self.out))
    }
    /// The values in the order of their places.
    pub fn values(&self) -> Vec<sea_orm::Value> {
        self.binds.iter().map(|(_, value)| value.clone()).collect()
    }
    /// One value, one place: a rule that stands in many subselects binds the caller's roots once.
    fn place(&mut self, origin: Origin, value: sea_orm::Value) -> String {
        let at = self.binds.iter().position(|(from, known)| *known == value && from.is(&origin)).unwrap_or_else(|| {
            self.binds.push((origin, value));
            self.binds.len() - 1
        });
        format!("{}{}", if self.pg { '$' } else { '?' }, at + 1)
    }
    fn put(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.push_str(part))
    }

    fn entity(d: &Type) -> Outcome<&'static EntityKind> {
        d.entity.ok_or_else(|| Refused::internal(format!("{} has no rows", d.name)))
    }
    /// The table; a derived one says what differs between the databases by `@instant(DATE)`.
    fn table(&self, d: &Type) -> Outcome<String> {
        let table = Self::entity(d)?.table;
        if !table.starts_with('(') {
            return Ok(table.into());
        }
        let (open, close) = if self.pg { ("cast(", " as timestamptz)") } else { ("(", " || 'T00:00:00+00:00')") };
        Ok(table.replace("@instant(", open).replace("@end)", close))
    }
    fn rule(&mut self, d: &Type, t: &str, implied: Option<(&str, &EntityKind)>) -> Outcome<Option<String>> {
        Ok(rule::predicate(Self::entity(d)?, t, self.scope, implied, self))
    }
    /// Fill the places of a declared fragment: the row, the caller's values, `{may Kind alias}`,
    /// `{has SCOPE}`, and `{can SCOPE KEY}` where it depends on the customer that the column KEY holds.
    fn fill(&mut self, text: &str, t: &str) -> Outcome<String> {
        // most fragments are a column: this is asked for each field of each request
        if !text.split('{').skip(1).any(|place| ["may ", "has ", "can "].iter().any(|word| place.starts_with(word))) {
            return Ok(rule::fill(text, t, self.scope, self));
        }
        let mut out = text.to_string();
        while let Some(start) = out.find("{may ") {
            let end = out[start..].find('}').map_or(out.len(), |e| start + e);
            let (kind, alias) = out[start + 5..end].split_once(' ').unwrap_or_default();
            let (d, alias) = (ty(kind), alias.to_string());
            let rule = self.rule(d, &alias, None)?.filter(|_| !without(|| format!("may:{kind}"))).unwrap_or_else(|| "1=1".into());
            out.replace_range(start..end + 1, &rule);
        }
        while let Some(start) = out.find("{has ") {
            let end = out[start..].find('}').map_or(out.len(), |e| start + e);
            let has = self.scope.has(&out[start + 5..end]);
            out.replace_range(start..end + 1, if has { "true" } else { "false" });
        }
        while let Some(start) = out.find("{can ") {
            let end = out[start..].find('}').map_or(out.len(), |e| start + e);
            let (scope, key) = out[start + 5..end].split_once(' ').unwrap_or_default();
            let may = self.scope.has(scope) || without(|| "can:scope".into());
            let everywhere = self.scope.roles.is_empty() || without(|| "can:roots".into());
            let can = match (may, everywhere) {
                (false, _) => "false".into(),
                (true, true) => "true".into(),
                (true, false) => rule::owned(t, key, &self.scope.roots(Some(scope)), self.scope, self),
            };
            out.replace_range(start..end + 1, &can);
        }
        Ok(rule::fill(&out, t, self.scope, self))
    }

    /// Writes the JSON text of the row `t` as this type. `met` says that nothing above it was of the same customer.
    fn object(&mut self, d: &'static Type, t: &str, sets: &[&'a SelectionSet], met: bool) -> Outcome<()> {
        let mut text = Text::new(&mut self.out);
        text.literal(&mut self.out, "{");
        self.members(&mut text, d, t, sets)?;
        if self.tells && met {
            self.mark(&mut text, d, t, sets)?;
        }
        text.literal(&mut self.out, "}");
        text.end(&mut self.out);
        Ok(())
    }
    fn mark(&mut self, text: &mut Text, d: &'static Type, t: &str, sets: &[&'a SelectionSet]) -> Outcome<()> {
        let picks = collect(self.doc, sets, d.name);
        let Some(owner) = look::owner(Self::entity(d)?, t, self).filter(|_| !picks.is_empty()) else { return Ok(()) };
        text.sql(&mut self.out, &look::mark(&owner, self.scope, self.marked.len(), self.pg));
        self.marked.push(picks.iter().map(|p| sql!(d.name, ".", p.name())).collect());
        Ok(())
    }
    /// Whether a row reached from there is another customer's, or may be.
    fn meets(&self, from: Option<(&'static Type, &str)>, deep: bool) -> bool {
        let owned = |d: &Type| d.entity.is_some_and(|e| !matches!(e.rules.agent, Rule::All | Rule::ServedParty(_)));
        deep || !from.is_some_and(|(d, _)| owned(d))
    }
    fn members(&mut self, text: &mut Text, d: &'static Type, t: &str, sets: &[&'a SelectionSet]) -> Outcome<()> {
        let mut needed: Vec<&str> = vec![];
        let picks = collect(self.doc, sets, d.name);
        for (i, pick) in picks.iter().enumerate() {
            text.key(&mut self.out, i == 0, pick.key);
            if pick.name() == "__typename" {
                self.typename(text, d.name);
                continue;
            }
            let f = d
                .field(pick.name())
                .filter(|f| f.see & self.audience != 0)
                .ok_or_else(|| Refused::internal("a field passed validation that is not known"))?;
            if f.scope.is_some_and(|s| !self.scope.has(s)) {
                self.walk = true;
                text.literal(&mut self.out, "null");
                continue;
            }
            needed.extend(self.member(text, f, pick, (d, t))?);
        }
        needed.sort();
        needed.dedup();
        for (i, need) in needed.iter().enumerate() {
            let f = d.field(need).ok_or_else(|| Refused::internal("a computed field needs a column that is not declared"))?;
            text.key(&mut self.out, i == 0 && picks.is_empty(), &sql!("$", need));
            self.column(text, f, t)?;
        }
        Ok(())
    }
    fn typename(&mut self, text: &mut Text, name: &str) {
        text.literal(&mut self.out, "\"");
        text.literal(&mut self.out, name);
        text.literal(&mut self.out, "\"");
    }
    /// One field of the row. Returns the columns that it is computed from.
    fn member(&mut self, text: &mut Text, f: &'static Field, pick: &Pick<'a>, from: (&'static Type, &str)) -> Outcome<&'static [&'static str]> {
        let t = from.1;
        match &f.source {
            Source::Column { .. } => self.column(text, f, t)?,
            Source::Value { parts, null, ty } => self.value(text, f, (ty, parts, null), pick, t)?,
            Source::Same { to } => {
                text.literal(&mut self.out, "{");
                self.members(text, ty(to), t, &pick.sets)?;
                text.literal(&mut self.out, "}");
            }
            Source::Computed { needs, .. } => {
                self.walk = true;
                text.literal(&mut self.out, "null");
                return Ok(needs);
            }
            _ => {
                text.expression(&mut self.out);
                self.relation(f, pick, Some(from))?;
            }
        }
        Ok(&[])
    }
    fn mask<'f>(&self, f: &'f Field) -> Option<&'f str> {
        f.masks.iter().find(|m| m.0 & self.audience != 0).map(|m| m.1.as_str())
    }
    fn column(&mut self, text: &mut Text, f: &Field, t: &str) -> Outcome<()> {
        let Source::Column { scalar, sql, null } = &f.source else { return Ok(()) };
        let x = self.fill(sql.on(self.pg), t)?;
        let (x, masked) = match self.mask(f) {
            Some(mask) => (self.fill(mask, t)?.replace("{c}", &x), true),
            None => (x, false),
        };
        json(&mut self.out, text, *scalar, &x, *null || masked, self.pg);
        Ok(())
    }
    fn value(&mut self, text: &mut Text, f: &Field, source: (&'static str, &[ValuePart], &Option<Sql>), pick: &Pick<'a>, t: &str) -> Outcome<()> {
        let (ty, parts, null) = source;
        let mask = self.mask(f);
        if mask.is_none() && null.is_none() {
            return self.parts(text, (ty, parts), pick, t);
        }
        text.expression(&mut self.out);
        if let Some(when) = null {
            let when = self.fill(when.on(self.pg), t)?;
            self.put(&["case when ", &when, " then 'null' else "]);
        }
        self.put(&["coalesce("]);
        let start = self.out.len();
        let mut body = Text::new(&mut self.out);
        self.parts(&mut body, (ty, parts), pick, t)?;
        body.end(&mut self.out);
        if let Some(mask) = mask {
            let body = self.out.split_off(start);
            let masked = self.fill(mask, t)?.replace("{c}", &body);
            self.put(&[&masked]);
        }
        self.put(&[", 'null')"]);
        if null.is_some() {
            self.put(&[" end"]);
        }
        Ok(())
    }
    /// What a value is made of, as its JSON text.
    fn parts(&mut self, text: &mut Text, of: (&'static str, &[ValuePart]), pick: &Pick<'a>, t: &str) -> Outcome<()> {
        let (ty, parts) = of;
        text.literal(&mut self.out, "{");
        for (i, p) in collect(self.doc, &pick.sets, ty).iter().enumerate() {
            text.key(&mut self.out, i == 0, p.key);
            match parts.iter().find(|part| part.0 == p.name()) {
                None => self.typename(text, ty),
                Some((_, scalar, sql, null)) => {
                    let x = self.fill(sql.on(self.pg), t)?;
                    json(&mut self.out, text, *scalar, &x, *null, self.pg)
                }
            }
        }
        text.literal(&mut self.out, "}");
        Ok(())
    }

    /// Writes the expression of a field that leads to rows. `from` is the parent type and its alias; none at the root.
    fn relation(&mut self, f: &Field, pick: &Pick<'a>, from: Option<(&'static Type, &str)>) -> Outcome<()> {
        match &f.source {
            Source::One { to, key, id, args } => self.one((*to, *key, id, args), pick, from),
            Source::Find { to, by } => {
                let (d, t) = (ty(to), self.alias());
                // visitors have no scopes: their session alone says what is theirs
                if let Some(scope) = d.reads().filter(|s| self.audience != PUBLIC && !self.scope.has(s)) {
                    return Err(Refused::scope(scope));
                }
                match self.found(d, &t, by, pick)? {
                    Some(condition) => self.single(d, &t, &condition, (true, false), pick),
                    None => self.nothing(),
                }
            }
            Source::Mine { to } => {
                let (d, t) = (ty(to), self.alias());
                let kind = Self::entity(d)?;
                let own = match (kind.name, self.scope.partners.is_empty()) {
                    ("Partner", true) => None,
                    ("Partner", false) => Some(Own::Partner(0)),
                    _ => self.scope.roots(kind.reads).first().and_then(|id| self.scope.customers.iter().position(|c| c == id)).map(Own::Customer),
                };
                let Some(own) = own else { return self.nothing() };
                let condition = sql!(t, ".id = ", self.own(own, self.scope));
                self.single(d, &t, &condition, (true, false), pick)
            }
            Source::Many(m) => self.many(m, pick, from),
            _ => Err(Refused::internal("not a relation")),
        }
    }
    fn nothing(&mut self) -> Outcome<()> {
        self.put(&["'null'"]);
        Ok(())
    }
    /// `met`: see [`Self::object`]. `proven`: the way here has shown that the caller may see the row.
    fn single(&mut self, d: &'static Type, t: &str, condition: &str, (met, proven): (bool, bool), pick: &Pick<'a>) -> Outcome<()> {
        self.put(&["coalesce((select "]);
        self.object(d, t, &pick.sets, met)?;
        let rule = if proven { None } else { self.rule(d, t, None)? };
        let table = self.table(d)?;
        self.put(&[" from ", &table, " ", t, " where ", condition, &and(rule), "), 'null')"]);
        Ok(())
    }
    fn one(
        &mut self,
        source: (&'static str, Option<&'static str>, &Sql, &[Argument]),
        pick: &Pick<'a>,
        from: Option<(&'static Type, &str)>,
    ) -> Outcome<()> {
        let (to, key, id, args) = source;
        let ((pd, pt), d, t) = (from.ok_or_else(|| Refused::internal("no parent"))?, ty(to), self.alias());
        let mut id = self.fill(id.on(self.pg), pt)?;
        for (name, _, _) in args {
            let value = match self.doc.arg(&pick.field.node, name) {
                Some(Value::String(s)) => Some(s),
                _ => None,
            };
            let place = self.bind(value.into());
            id = id.replace(&format!("{{arg {name}}}"), &place);
        }
        let condition = sql!(t, ".id = ", id);
        let met = d.name == "Customer" || self.meets(from, false);
        // The parent row passed "its `to` is visible" when its own rule goes this way.
        let proven = key.is_some_and(|k| proves(Self::entity(pd).ok().map(|e| e.rules.of(self.scope.audience)), k, d));
        self.single(d, &t, &condition, (met, proven), pick)
    }
    /// The condition of a root field that finds one row; none where the id is not one of ours.
    pub(crate) fn found(&mut self, d: &Type, t: &str, by: &[(&str, &str, &str)], pick: &Pick<'a>) -> Outcome<Option<String>> {
        let given: Vec<_> = by.iter().filter_map(|(arg, _, column)| self.doc.bound(&pick.field.node, arg).map(|v| (*arg, *column, v))).collect();
        let [(arg, column, (value, variable))] = given.as_slice() else {
            let names: Vec<_> = by.iter().map(|b| b.0).collect();
            return Err(Refused::input(format!("Give exactly one of: {}.", names.join(", "))));
        };
        let kind = Self::entity(d)?;
        let id = text(value).and_then(|s| Id::parse(&s)).filter(|i| i.kind == kind);
        Ok(match (value, *column, variable) {
            (Value::Object(o), ..) => {
                let part = |name: &str| match o.get(name) {
                    Some(Value::String(s)) => s.clone(),
                    _ => String::new(),
                };
                let (system, external) = (self.bind(part("sourceSystem").into()), self.bind(part("externalId").into()));
                Some(format!("{t}.source_system = {system} and {t}.external_id = {external}"))
            }
            (_, "id", _) if id.is_none() => {
                self.doc.noted(&pick.field.node, arg);
                None
            }
            (_, "id", variable) => {
                let origin = variable.clone().map_or(Origin::Fixed, |v| Origin::Id(v, kind));
                id.map(|i| format!("{t}.id = {}", self.place(origin, i.uuid.into())))
            }
            (value, column, variable) => {
                let origin = variable.clone().map_or(Origin::Fixed, Origin::Text);
                text(value).map(|s| format!("{t}.{column} = {}", self.place(origin, s.into())))
            }
        })
    }
}

/// Whether a rule of the parent says that the row behind this key is visible.
fn proves(rule: Option<&Rule>, key: &str, to: &Type) -> bool {
    match rule {
        Some(Rule::Via(k, kind)) => *k == key && to.entity == Some(*kind),
        Some(Rule::Both(rules)) => rules.iter().any(|r| proves(Some(r), key, to)),
        _ => false,
    }
}
/// The text of a string, an enum value, or a number where an ID is asked for.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Enum(n) => Some(n.to_string()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}
fn and(rule: Option<String>) -> String {
    rule.map_or(String::new(), |r| sql!(" and ", r))
}
