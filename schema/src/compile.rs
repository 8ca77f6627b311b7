//! A selection as one SQL statement that returns the JSON text of a root field. The same shape on both databases:
//! text concatenation and correlated scalar subselects. async-graphql has validated the document; what a caller may
//! not see is applied here and nowhere else: row rules, masks, scopes, the bound of every list.

/// A page of a list with what is said about it.
mod connection;
/// Many rows: which, in which order, how many.
mod list;

use crate::{
    declare::*,
    error::Refused,
    graph::ty,
    look,
    select::{Doc, Pick, collect},
    write_sql::{Text, json, sql},
};
use async_graphql::{Value, parser::types::SelectionSet};
use entities::{
    Scope,
    id::Id,
    model::EntityKind,
    mutant::without,
    rule::{self, Rule, Statement},
};
use uuid::Uuid;

pub type Outcome<T> = Result<T, Refused>;

/// Puts one statement together.
pub struct Compiler<'a> {
    pg: bool,
    scope: &'a Scope,
    doc: Doc<'a>,
    audience: Audiences,
    pub binds: Vec<sea_orm::Value>,
    /// A computed or refused field was met: the answer needs a walk beside the selection.
    pub walk: bool,
    /// The fields of each selection whose rows carry a mark of their customer.
    pub marked: Vec<Vec<String>>,
    tells: bool,
    aliases: usize,
}
impl Statement for Compiler<'_> {
    fn bind(&mut self, value: sea_orm::Value) -> String {
        // One value, one place: a rule that stands in many subselects binds the caller's roots once.
        let at = self.binds.iter().position(|b| *b == value).unwrap_or_else(|| {
            self.binds.push(value);
            self.binds.len() - 1
        });
        format!("{}{}", if self.pg { '$' } else { '?' }, at + 1)
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
        }
    }
    /// The statement for one root field.
    pub fn root(&mut self, field: &Field, pick: &Pick<'a>) -> Outcome<String> {
        Ok(format!("select {}", self.relation(field, pick, None)?))
    }
    /// The statement for some rows of one type: (id, JSON text) of those that the caller may see.
    pub fn by_ids(&mut self, d: &'static Type, ids: &[Uuid], sets: &[&'a SelectionSet]) -> Outcome<String> {
        let t = self.alias();
        let places: Vec<_> = ids.iter().map(|id| self.bind((*id).into())).collect();
        let rule = self.rule(d, &t, None)?;
        let body = self.object(d, &t, sets, true)?;
        Ok(format!("select {t}.id, {body} from {} {t} where {t}.id in ({}){}", self.table(d)?, places.join(", "), and(rule)))
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
        if !["{may ", "{has ", "{can "].iter().any(|place| text.contains(place)) {
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
                (true, false) => rule::owned(t, key, &self.scope.roots(Some(scope)), self),
            };
            out.replace_range(start..end + 1, &can);
        }
        Ok(rule::fill(&out, t, self.scope, self))
    }

    /// The JSON text of the row `t` as this type. `met` says that nothing above it was of the same customer.
    fn object(&mut self, d: &'static Type, t: &str, sets: &[&'a SelectionSet], met: bool) -> Outcome<String> {
        let mut out = Text::default();
        out.literal("{");
        self.members(&mut out, d, t, sets)?;
        if self.tells && met {
            self.mark(&mut out, d, t, sets)?;
        }
        out.literal("}");
        Ok(out.done(self.pg))
    }
    fn mark(&mut self, out: &mut Text, d: &'static Type, t: &str, sets: &[&'a SelectionSet]) -> Outcome<()> {
        let picks = collect(self.doc, sets, d.name);
        let Some(owner) = look::owner(Self::entity(d)?, t, self).filter(|_| !picks.is_empty()) else { return Ok(()) };
        out.sql(look::mark(&owner, self.scope, self.marked.len(), self.pg));
        self.marked.push(picks.iter().map(|p| format!("{}.{}", d.name, p.name())).collect());
        Ok(())
    }
    /// Whether a row reached from there is another customer's, or may be.
    fn meets(&self, from: Option<(&'static Type, &str)>, deep: bool) -> bool {
        let owned = |d: &Type| d.entity.is_some_and(|e| !matches!(e.rules.agent, Rule::All | Rule::ServedParty(_)));
        deep || !from.is_some_and(|(d, _)| owned(d))
    }
    fn members(&mut self, out: &mut Text, d: &'static Type, t: &str, sets: &[&'a SelectionSet]) -> Outcome<()> {
        let mut needed: Vec<&str> = vec![];
        let picks = collect(self.doc, sets, d.name);
        for (i, pick) in picks.iter().enumerate() {
            out.key(i == 0, pick.key);
            if pick.name() == "__typename" {
                out.literal(&format!("\"{}\"", d.name));
                continue;
            }
            let f = d
                .field(pick.name())
                .filter(|f| f.see & self.audience != 0)
                .ok_or_else(|| Refused::internal("a field passed validation that is not known"))?;
            if f.scope.is_some_and(|s| !self.scope.has(s)) {
                self.walk = true;
                out.literal("null");
                continue;
            }
            needed.extend(self.member(out, f, pick, (d, t))?);
        }
        needed.sort();
        needed.dedup();
        for (i, need) in needed.iter().enumerate() {
            let f = d.field(need).ok_or_else(|| Refused::internal("a computed field needs a column that is not declared"))?;
            out.key(i == 0 && picks.is_empty(), &format!("${need}"));
            self.column(out, f, t)?;
        }
        Ok(())
    }
    /// One field of the row. Returns the columns that it is computed from.
    fn member(&mut self, out: &mut Text, f: &'static Field, pick: &Pick<'a>, from: (&'static Type, &str)) -> Outcome<&'static [&'static str]> {
        let t = from.1;
        match &f.source {
            Source::Column { .. } => self.column(out, f, t)?,
            Source::Value { parts, null, ty } => self.value(out, f, (ty, parts, null), pick, t)?,
            Source::Same { to } => {
                out.literal("{");
                self.members(out, ty(to), t, &pick.sets)?;
                out.literal("}");
            }
            Source::Computed { needs, .. } => {
                self.walk = true;
                out.literal("null");
                return Ok(needs);
            }
            _ => {
                let sql = self.relation(f, pick, Some(from))?;
                out.sql(sql)
            }
        }
        Ok(&[])
    }
    fn masked(&mut self, f: &Field, x: String, t: &str) -> Outcome<(String, bool)> {
        match f.masks.iter().find(|m| m.0 & self.audience != 0) {
            None => Ok((x, false)),
            Some((_, mask)) => Ok((self.fill(mask, t)?.replace("{c}", &x), true)),
        }
    }
    fn column(&mut self, out: &mut Text, f: &Field, t: &str) -> Outcome<()> {
        let Source::Column { scalar, sql, null } = &f.source else { return Ok(()) };
        let x = self.fill(sql.on(self.pg), t)?;
        let (x, masked) = self.masked(f, x, t)?;
        json(out, *scalar, &x, *null || masked, self.pg);
        Ok(())
    }
    #[expect(clippy::type_complexity, reason = "a destructured variant")]
    fn value(
        &mut self,
        out: &mut Text,
        f: &Field,
        source: (&'static str, &[(&'static str, Scalar, Sql, bool)], &Option<Sql>),
        pick: &Pick<'a>,
        t: &str,
    ) -> Outcome<()> {
        let (ty, parts, null) = source;
        let mut body = Text::default();
        body.literal("{");
        for (i, p) in collect(self.doc, &pick.sets, ty).iter().enumerate() {
            body.key(i == 0, p.key);
            match parts.iter().find(|part| part.0 == p.name()) {
                None => body.literal(&format!("\"{ty}\"")), // __typename
                Some((_, scalar, sql, null)) => {
                    let x = self.fill(sql.on(self.pg), t)?;
                    json(&mut body, *scalar, &x, *null, self.pg)
                }
            }
        }
        body.literal("}");
        let body = body.done(self.pg);
        let (body, masked) = self.masked(f, body, t)?;
        match null {
            Some(when) => {
                let when = self.fill(when.on(self.pg), t)?;
                out.sql(format!("case when {when} then 'null' else coalesce({body}, 'null') end"))
            }
            None if masked => out.sql(format!("coalesce({body}, 'null')")),
            None => out.sql(sql!("(", body, ")")),
        }
        Ok(())
    }

    /// SQL for a field that leads to rows. `from` is the parent type and its alias; none at the root.
    fn relation(&mut self, f: &Field, pick: &Pick<'a>, from: Option<(&'static Type, &str)>) -> Outcome<String> {
        match &f.source {
            Source::One { to, key, id, args } => self.one((*to, *key, id, args), pick, from),
            Source::Find { to, by } => {
                let (d, t) = (ty(to), self.alias());
                // visitors have no scopes: their session alone says what is theirs
                if let Some(scope) = d.reads().filter(|s| self.audience != PUBLIC && !self.scope.has(s)) {
                    return Err(Refused::scope(scope));
                }
                let Some(condition) = self.found(d, &t, by, pick)? else { return Ok("'null'".into()) };
                self.single(d, &t, &condition, true, pick)
            }
            Source::Mine { to } => {
                let (d, t) = (ty(to), self.alias());
                let kind = Self::entity(d)?;
                let own = if kind.name == "Partner" { self.scope.partners.as_slice().into() } else { self.scope.roots(kind.reads) };
                let Some(id) = own.first().copied() else { return Ok("'null'".into()) };
                let condition = format!("{t}.id = {}", self.bind(id.into()));
                self.single(d, &t, &condition, true, pick)
            }
            Source::Many(m) => self.many(m, pick, from),
            _ => Err(Refused::internal("not a relation")),
        }
    }
    fn single(&mut self, d: &'static Type, t: &str, condition: &str, met: bool, pick: &Pick<'a>) -> Outcome<String> {
        let rule = self.rule(d, t, None)?;
        let body = self.object(d, t, &pick.sets, met)?;
        Ok(sql!("coalesce((select ", body, " from ", self.table(d)?, " ", t, " where ", condition, and(rule), "), 'null')"))
    }
    fn one(
        &mut self,
        source: (&'static str, Option<&'static str>, &Sql, &[Argument]),
        pick: &Pick<'a>,
        from: Option<(&'static Type, &str)>,
    ) -> Outcome<String> {
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
        let condition = format!("{t}.id = {id}");
        let met = d.name == "Customer" || self.meets(from, false);
        // The parent row passed "its `to` is visible" when its own rule goes this way.
        let proven = key.is_some_and(|k| proves(Self::entity(pd).ok().map(|e| e.rules.of(self.scope.audience)), k, d));
        if proven {
            let body = self.object(d, &t, &pick.sets, met)?;
            return Ok(sql!("coalesce((select ", body, " from ", self.table(d)?, " ", t, " where ", condition, "), 'null')"));
        }
        self.single(d, &t, &condition, met, pick)
    }
    /// The condition of a root field that finds one row; none where the id is not one of ours.
    fn found(&mut self, d: &Type, t: &str, by: &[(&str, &str, &str)], pick: &Pick<'a>) -> Outcome<Option<String>> {
        let given: Vec<_> = by.iter().filter_map(|(arg, _, column)| self.doc.arg(&pick.field.node, arg).map(|v| (*arg, *column, v))).collect();
        let [(_, column, value)] = given.as_slice() else {
            let names: Vec<_> = by.iter().map(|b| b.0).collect();
            return Err(Refused::input(format!("Give exactly one of: {}.", names.join(", "))));
        };
        Ok(match (value, *column) {
            (Value::Object(o), _) => {
                let part = |name: &str| match o.get(name) {
                    Some(Value::String(s)) => s.clone(),
                    _ => String::new(),
                };
                let (system, external) = (self.bind(part("sourceSystem").into()), self.bind(part("externalId").into()));
                Some(format!("{t}.source_system = {system} and {t}.external_id = {external}"))
            }
            (value, "id") => {
                let kind = Self::entity(d)?;
                let id = text(value).and_then(|s| Id::parse(&s)).filter(|i| i.kind == kind);
                id.map(|i| format!("{t}.id = {}", self.bind(i.uuid.into())))
            }
            (value, column) => text(value).map(|s| format!("{t}.{column} = {}", self.bind(s.into()))),
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
    rule.map_or(String::new(), |r| format!(" and {r}"))
}
