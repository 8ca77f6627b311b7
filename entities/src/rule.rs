//! Row rules: who sees which rows of a table. Data, so that one declaration serves the verbs, the bot and the read
//! path of the graph, and so that a test can take each away and see that it is missed.
use crate::{
    model::EntityKind,
    mutant::{without, without_at},
    scope::{Audience, Scope},
};
use sea_orm::{Condition, DbBackend, QueryFilter, Select, Value, sea_query::Expr};

/// Which rows of a table an audience may know.
pub enum Rule {
    All,
    Nobody,
    /// This column holds a customer of the caller's trees, below a root where the caller's roles let it read this kind.
    Own(&'static str),
    /// The same; where roles differ from root to root, also the rows of these trees for which this holds.
    OwnOr(&'static str, &'static str),
    /// This column holds a customer whom this agent may know: of its regions and teams, and not protected unless the agent
    /// may and says why. A row of nobody is every agent's.
    Served(&'static str),
    /// The same for a column that holds a party, by the customers that the party is or does something for.
    ServedParty(&'static str),
    /// The row that this column points to is visible.
    Via(&'static str, &'static EntityKind),
    /// Some visible row of that kind points here by that column.
    By(&'static EntityKind, &'static str),
    /// A row of another table leads here.
    Led(&'static Way),
    /// A predicate over the row `{t}`; `{customers}`, `{partners}` and `{party}` become `= …` or `in (…)`, `{everywhere}` is true for agents without regions or teams; `{today}`, `{now}` and
    /// `{session}` values of the caller.
    Where(&'static str),
    Both(&'static [Rule]),
    Either(&'static [Rule]),
}

/// A way to rows by another table, which has them in the order of their ids: who may know few of many rows goes this way,
/// and does not look at all the others.
#[derive(Debug)]
pub struct Way {
    pub table: &'static str,
    /// Its column that holds the ids.
    pub key: &'static str,
    /// Which of its rows `{l}` lead there; the rest is as in [`Rule::Where`]. `{p}` is the row that the way starts from.
    pub whose: &'static str,
}
impl Way {
    /// What holds of the rows `l` of the table that lead from `p`.
    pub fn whose(&self, l: &str, p: &str, scope: &Scope, s: &mut impl Statement) -> String {
        fill(&self.whose.replace("{l}", l).replace("{p}", p), l, scope, s)
    }
    /// Whether it leads to the row `t` from `p`.
    pub fn leads(&self, t: &str, p: &str, scope: &Scope, s: &mut impl Statement) -> String {
        let l = s.alias();
        let whose = self.whose(&l, p, scope, s);
        format!("exists (select 1 from {} {l} where {l}.{} = {t}.id and {whose})", self.table, self.key)
    }
}

/// One rule per audience. There is no default: an audience without rows says so.
pub struct Rules {
    pub agent: Rule,
    pub partner: Rule,
    pub customer: Rule,
    pub public: Rule,
}
impl Rules {
    pub fn of(&self, audience: Audience) -> &Rule {
        match audience {
            Audience::Agent => &self.agent,
            Audience::Partner => &self.partner,
            Audience::Customer => &self.customer,
            Audience::Public => &self.public,
        }
    }
}

/// How one statement is put together: it hands out places for values and names for tables.
pub trait Statement {
    /// The text that stands for this value (`$3`).
    fn bind(&mut self, value: Value) -> String;
    /// An alias that no other table of the statement has.
    fn alias(&mut self) -> String;
    /// The same as `bind` for what is this caller's own.
    fn own(&mut self, own: Own, scope: &Scope) -> String {
        self.bind(own.of(scope).unwrap_or(Value::Uuid(None)))
    }
}

/// A value that is the caller's own. A statement holds for another caller of the same kind, with its own in these places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Own {
    /// One of the roots of its customer trees.
    Customer(usize),
    Partner(usize),
    Party,
    Region(usize),
    Team(usize),
    Today,
    Now,
    Session,
}
impl Own {
    /// What it is; none where the caller has no such.
    pub fn of(self, scope: &Scope) -> Option<Value> {
        let at = |ids: &[uuid::Uuid], i: usize| ids.get(i).map(|id| (*id).into());
        match self {
            Own::Customer(i) => at(&scope.customers, i),
            Own::Partner(i) => at(&scope.partners, i),
            Own::Party => scope.party.map(Into::into),
            Own::Region(i) => at(scope.regions.as_deref()?, i),
            Own::Team(i) => at(scope.teams.as_deref()?, i),
            Own::Today => Some(scope.at.date_naive().into()),
            Own::Now => Some(scope.at.into()),
            Own::Session => Some(scope.session.clone().into()),
        }
    }
}

/// The usual way: values are `$1`, `$2` …, tables `s1`, `s2` ….
#[derive(Default)]
pub struct Binder {
    pub values: Vec<Value>,
    aliases: usize,
}
impl Statement for Binder {
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("s{}", self.aliases)
    }
}
impl Binder {
    /// The statement of this text, for the words of that database.
    pub fn statement(self, backend: DbBackend, sql: impl Into<String>) -> sea_orm::Statement {
        sea_orm::Statement::from_sql_and_values(backend, sql, self.values)
    }
}

/// The predicate of a kind's rule over the row `t`; none where every row is visible. `implied` is the edge by which the
/// row was reached from a visible parent, (key, parent): what that already proves is left out.
pub fn predicate(kind: &EntityKind, t: &str, scope: &Scope, implied: Option<(&str, &EntityKind)>, s: &mut impl Statement) -> Option<String> {
    let gone = |part: usize| without(|| format!("rule:{}:{}:{part}", kind.name, scope.audience.name()));
    match kind.rules.of(scope.audience) {
        Rule::Both(rules) => both(rules.iter().enumerate().filter(|(i, _)| !gone(*i)).map(|(_, r)| r), kind, t, scope, implied, s),
        _ if gone(0) => None,
        rule => of_rule(rule, kind, t, scope, implied, s),
    }
}
fn both<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    kind: &EntityKind,
    t: &str,
    scope: &Scope,
    implied: Option<(&str, &EntityKind)>,
    s: &mut impl Statement,
) -> Option<String> {
    let parts: Vec<_> = rules.filter_map(|r| of_rule(r, kind, t, scope, implied, s)).collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}
fn of_rule(rule: &Rule, kind: &EntityKind, t: &str, scope: &Scope, implied: Option<(&str, &EntityKind)>, s: &mut impl Statement) -> Option<String> {
    match rule {
        Rule::All => None,
        Rule::Nobody => Some("1=0".into()),
        Rule::Own(key) => {
            let roots = scope.roots(kind.reads);
            // A customer who is visible because it is the caller's own proves that its rows are.
            if let Some((k, parent)) = implied
                && k == *key
                && matches!(parent.rules.of(scope.audience), Rule::Own("id"))
                && roots == scope.roots(parent.reads)
            {
                return None;
            }
            Some(owned(t, key, &roots, scope, s))
        }
        Rule::OwnOr(key, also) => {
            let own = of_rule(&Rule::Own(key), kind, t, scope, implied, s);
            if scope.roles.is_empty() {
                return own;
            }
            let also = format!("({}) and {}", fill(also, t, scope, s), owned(t, key, &scope.customers, scope, s));
            own.map(|own| format!("({own} or {also})"))
        }
        Rule::Served(key) => {
            let proven = implied.is_some_and(|(k, parent)| k == *key && matches!(parent.rules.of(scope.audience), Rule::Served("id")));
            if proven { None } else { served(t, key, scope, s) }
        }
        Rule::ServedParty(key) => served_party(t, key, scope, s),
        Rule::Via(key, to) => {
            if implied == Some((*key, *to)) {
                return None;
            }
            let a = s.alias();
            let inner = predicate(to, &a, scope, None, s)?;
            Some(format!("exists (select 1 from {} {a} where {a}.id = {t}.{key} and {inner})", to.table))
        }
        Rule::By(kind, key) => {
            let a = s.alias();
            let inner = predicate(kind, &a, scope, None, s).unwrap_or_else(|| "1=1".into());
            Some(format!("exists (select 1 from {} {a} where {a}.{key} = {t}.id and {inner})", kind.table))
        }
        Rule::Led(way) => Some(way.leads(t, "", scope, s)),
        Rule::Where(sql) => Some(fill(sql, t, scope, s)),
        Rule::Both(rules) => both(rules.iter(), kind, t, scope, implied, s),
        Rule::Either(rules) => {
            // none of them may be left out: each is asked on its own
            let parts: Option<Vec<_>> = rules.iter().map(|r| of_rule(r, kind, t, scope, None, s)).collect();
            parts.map(|p| format!("({})", p.join(" or ")))
        }
    }
}
/// The way to a kind's rows, where its rule is one.
pub fn way(kind: &EntityKind, audience: Audience) -> Option<&'static Way> {
    match kind.rules.of(audience) {
        Rule::Led(way) if !without(|| format!("rule:{}:{}:0", kind.name, audience.name())) => Some(way),
        _ => None,
    }
}
/// Columns of two kinds that hold a customer, and the same is asked of it: a row of the same customer as one that is
/// visible is visible.
pub fn alike(kind: &EntityKind, other: &EntityKind, audience: Audience) -> Option<(&'static str, &'static str)> {
    match (kind.rules.of(audience), other.rules.of(audience)) {
        (Rule::Served(key), Rule::Served(others)) => Some((key, others)),
        _ => None,
    }
}
/// Whether `{t}.{key}` is one of these customers of the caller, or stands below one.
pub fn owned(t: &str, key: &str, roots: &[uuid::Uuid], scope: &Scope, s: &mut impl Statement) -> String {
    let own = scope.customers.iter().enumerate().filter(|(_, customer)| roots.contains(customer)).map(|(i, _)| Own::Customer(i));
    format!("{t}.{key} in (select descendant_id from customer_closure where ancestor_id {})", one_of(own, scope, s))
}
fn served(t: &str, key: &str, scope: &Scope, s: &mut impl Statement) -> Option<String> {
    if key == "id" {
        return known(t, scope, s);
    }
    // One look at a small index per row, or a join where a plan has many rows. To gather the ids of all who are protected
    // would cost each statement, also one for a single row.
    let a = s.alias();
    if scope.regions.is_none() && scope.teams.is_none() {
        let hidden = format!("not exists (select 1 from customers {a} where {a}.id = {t}.{key} and {a}.protected)");
        return (!scope.knows_protected()).then_some(hidden);
    }
    let known = known(&a, scope, s)?;
    Some(format!("({t}.{key} is null or exists (select 1 from customers {a} where {a}.id = {t}.{key} and {known}))"))
}
fn served_party(t: &str, key: &str, scope: &Scope, s: &mut impl Statement) -> Option<String> {
    let (a, b) = (s.alias(), s.alias());
    if scope.regions.is_none() && scope.teams.is_none() {
        let hidden = format!(
            "not exists (select 1 from customers {a} where {a}.party_id = {t}.{key} and {a}.protected) and not exists (select 1 from customer_contacts k join customers {b} on {b}.id = k.customer_id where k.party_id = {t}.{key} and {b}.protected)"
        );
        return (!scope.knows_protected()).then_some(hidden);
    }
    let (known_a, known_b) = (known(&a, scope, s)?, known(&b, scope, s)?);
    let named = |b: &str| format!("select 1 from customer_contacts k join customers {b} on {b}.id = k.customer_id where k.party_id = {t}.{key}");
    let is = |a: &str| format!("select 1 from customers {a} where {a}.party_id = {t}.{key}");
    Some(format!(
        "(exists ({} and {known_a}) or exists ({} and {known_b}) or not (exists ({}) or exists ({})))",
        is(&a),
        named(&b),
        is(&a),
        named(&b)
    ))
}
/// Whether the agent may know the customer `c`.
fn known(c: &str, scope: &Scope, s: &mut impl Statement) -> Option<String> {
    let mut all = vec![];
    if !scope.knows_protected() {
        all.push(format!("not {c}.protected"));
    }
    if let Some(ids) = &scope.regions {
        all.push(format!("{c}.region_id {}", one_of((0..ids.len()).map(Own::Region), scope, s)));
    }
    if let Some(ids) = &scope.teams {
        all.push(format!("{c}.team_id {}", one_of((0..ids.len()).map(Own::Team), scope, s)));
    }
    (!all.is_empty()).then(|| all.join(" and "))
}

/// Fill the places of a declared SQL fragment with values of the caller. Braces that are no place of ours stay.
pub fn fill(sql: &str, t: &str, scope: &Scope, s: &mut impl Statement) -> String {
    let (mut out, mut rest) = (String::with_capacity(sql.len() + 16), sql);
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let name = rest.find('}').map_or("", |close| &rest[1..close]);
        match name {
            "t" => out.push_str(t),
            "customers" => out.push_str(&one_of((0..scope.customers.len()).map(Own::Customer), scope, s)),
            "partners" => out.push_str(&one_of((0..scope.partners.len()).map(Own::Partner), scope, s)),
            "party" => out.push_str(&one_of(scope.party.map(|_| Own::Party).into_iter(), scope, s)),
            "everywhere" => out.push_str(if scope.regions.is_none() && scope.teams.is_none() { "1=1" } else { "1=0" }),
            "today" => out.push_str(&s.own(Own::Today, scope)),
            "now" => out.push_str(&s.own(Own::Now, scope)),
            "session" => out.push_str(&s.own(Own::Session, scope)),
            _ => {
                out.push('{');
                rest = &rest[1..];
                continue;
            }
        }
        rest = &rest[name.len() + 2..];
    }
    out.push_str(rest);
    out
}

/// `= $1` or `in ($1, $2)`; nothing matches an empty list (fail closed).
fn one_of(own: impl Iterator<Item = Own>, scope: &Scope, s: &mut impl Statement) -> String {
    let places: Vec<_> = own.map(|own| s.own(own, scope)).collect();
    match places.as_slice() {
        [] => "in (null)".into(),
        [one] => format!("= {one}"),
        many => format!("in ({})", many.join(", ")),
    }
}

/// Collects the values of a condition in a statement of sea-orm's, which knows no place for a value that both databases
/// read alike (`$1`, `?`). A tuple is the one expression that writes text and values side by side, with commas between:
/// text ending in `coalesce(null`, the value, text starting with `null)`. Both databases see through that to the value.
#[derive(Default)]
struct Loose {
    values: Vec<Value>,
    aliases: usize,
}
/// Stands on both sides of a value's number.
const PLACE: char = '\0';
impl Statement for Loose {
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("coalesce(null{PLACE}{}{PLACE}null)", self.values.len() - 1)
    }
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases)
    }
}
impl Loose {
    fn expr(self, sql: &str) -> Expr {
        let part = |(i, text): (usize, &str)| match text.parse::<usize>() {
            Ok(value) if i % 2 == 1 => Expr::val(self.values[value].clone()),
            _ => Expr::cust(text.to_string()),
        };
        Expr::tuple(sql.split(PLACE).enumerate().map(part))
    }
}

impl Scope {
    /// The rows of this kind that the caller may know: where every read by a verb or by the bot starts.
    #[track_caller]
    pub fn find<E: crate::model::Record>(&self) -> Select<E> {
        if without_at("find", std::panic::Location::caller()) {
            return E::find();
        }
        E::find().filter(self.condition(E::ENTITY))
    }
    /// The row rule of this kind as a condition over its table.
    pub fn condition(&self, kind: &'static EntityKind) -> Condition {
        let mut loose = Loose::default();
        match predicate(kind, kind.table, self, None, &mut loose) {
            None => Condition::all(),
            Some(sql) => Condition::all().add(loose.expr(&sql)),
        }
    }
}
