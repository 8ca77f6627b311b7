//! Whose data an answer shows: what the audit log and "who looked at my data" are made of. The statement that reads rows
//! for an agent or a partner writes behind each row of a customer a mark with the customer's id; the marks are taken out
//! of the text before anybody sees it.
use crate::write_sql::hex;
use entities::{
    Scope,
    model::EntityKind,
    rule::{Rule, Statement},
};
use memchr::memmem;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};
use uuid::Uuid;

/// What a mark begins with. It changes with every process, so that no text of a source can pass for one.
static MARK: LazyLock<String> = LazyLock::new(|| format!("\"${}\":\"", Uuid::new_v4().simple()));

/// What one selection of a statement shows of a row: types and fields, `Customer.displayName`. Many rows share it.
pub type Selected = Arc<[String]>;

/// What was shown of a customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    pub protected: bool,
    selections: Vec<Selected>,
}
impl Look {
    /// Types and fields, each once, in the order in which they were shown.
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = vec![];
        for field in self.selections.iter().flat_map(|s| s.iter()) {
            if !fields.contains(&field.as_str()) {
                fields.push(field.as_str());
            }
        }
        fields
    }
    fn add(&mut self, protected: bool, selected: &Selected) {
        self.protected |= protected;
        if !self.selections.contains(selected) {
            self.selections.push(selected.clone());
        }
    }
}
/// Customers whose data one request has shown so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Looked(Arc<Mutex<BTreeMap<Uuid, Look>>>);
impl Looked {
    pub fn add(&self, customer: Uuid, protected: bool, selected: &Selected) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).entry(customer).or_default().add(protected, selected);
    }
    /// All of them, leaving none.
    pub fn take(&self) -> BTreeMap<Uuid, Look> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(|e| e.into_inner()))
    }
}

/// Whether this caller's looks are written down: others' looks at a customer, not the customer's own.
pub fn is_told(scope: &Scope) -> bool {
    use entities::Audience::*;
    !scope.hub && (matches!(scope.audience, Agent | Partner) || scope.actor.is_some())
}

/// SQL for the customer whose row `t` is; none for rows that are nobody's by nature.
pub fn owner(kind: &EntityKind, t: &str, s: &mut impl Statement) -> Option<String> {
    match &kind.rules.agent {
        Rule::Served(key) => Some(format!("{t}.{key}")),
        Rule::ServedParty(key) => {
            let a = s.alias();
            let named = s.alias();
            Some(format!(
                "coalesce((select {a}.id from customers {a} where {a}.party_id = {t}.{key} order by {a}.id limit 1), (select {named}.customer_id from customer_contacts {named} where {named}.party_id = {t}.{key} order by {named}.id limit 1))"
            ))
        }
        Rule::Via(key, to) => {
            let a = s.alias();
            let inner = owner(to, &a, s)?;
            Some(format!("(select {inner} from {} {a} where {a}.id = {t}.{key})", to.table))
        }
        _ => None,
    }
}
/// SQL for the mark behind a row: nothing where the row is nobody's. `n` says which selection it was.
pub fn mark(owner: &str, scope: &Scope, n: usize, pg: bool) -> String {
    let hex = hex(owner, pg);
    // others never meet who is protected; whoever acts as a customer does not know
    let protected = match scope.knows_protected() || scope.actor.is_some() {
        true => format!(" || case when exists (select 1 from customers p where p.id = {owner} and p.protected) then 'p' else 'o' end"),
        false => " || 'o'".into(),
    };
    let mark = format!("',{}' || {hex}{protected} || '{n}\"'", *MARK);
    if owner.ends_with(".id") { mark } else { format!("case when {owner} is null then '' else {mark} end") }
}

/// Takes the marks out of a text and notes them. `selected` are the fields of each selection.
pub fn take(text: String, selected: &[Selected], looked: &Looked) -> String {
    if selected.is_empty() {
        return text;
    }
    static FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(MARK.as_bytes()));
    let mut marks = FINDER.find_iter(text.as_bytes()).peekable();
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..marks.peek().map_or(text.len(), |at| *at)]);
    while let Some(at) = marks.next() {
        let part = &text[at + MARK.len()..marks.peek().map_or(text.len(), |next| *next)];
        out.pop(); // the comma before the mark
        let (mark, rest) = part.split_once('"').unwrap_or_default();
        let (id, n) = (mark.get(..32).and_then(|id| Uuid::parse_str(id).ok()), mark.get(33..).and_then(|n| n.parse::<usize>().ok()));
        if let Some((id, n)) = id.zip(n) {
            looked.add(id, mark.as_bytes()[32] == b'p', selected.get(n).unwrap_or(&Selected::default()));
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn marks_are_noted_and_leave_no_trace() {
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        let text = format!(r#"{{"x":[{{"n":1,{m}{}o0"}},{{"n":"a\"$b\":\"c",{m}{}p1"}}]}}"#, a.simple(), b.simple(), m = *MARK);
        let looked = Looked::default();
        let fields: [Selected; 2] = [["Customer.name".to_string()].into(), ["Bill.billNo".into(), "Bill.id".into()].into()];
        assert_eq!(take(text, &fields, &looked), r#"{"x":[{"n":1},{"n":"a\"$b\":\"c"}]}"#);
        let all = looked.take();
        assert_eq!((all[&a].protected, all[&a].fields()), (false, vec!["Customer.name"]));
        assert_eq!((all[&b].protected, all[&b].fields()), (true, vec!["Bill.billNo", "Bill.id"]));
        assert!(looked.take().is_empty());
    }
    #[test]
    fn what_two_selections_show_of_a_customer_is_one_look() {
        let (a, looked) = (Uuid::now_v7(), Looked::default());
        let fields: [Selected; 2] = [["Bill.id".to_string(), "Bill.billNo".into()].into(), ["Ticket.name".to_string(), "Bill.id".into()].into()];
        [(0, false), (1, true), (0, false)].into_iter().for_each(|(n, protected)| looked.add(a, protected, &fields[n]));
        let look = &looked.take()[&a];
        assert_eq!((look.protected, look.fields()), (true, vec!["Bill.id", "Bill.billNo", "Ticket.name"]));
    }
}
