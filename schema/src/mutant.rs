//! Declarations from which a test took one guard away: see `entities::mutant`. Also says which guards there are.
use crate::{audience::Policy, declare::*};
use entities::{Audience, mutant::without};

/// A declared type without the guard that this run does without.
pub fn type_without(mut t: Type) -> Type {
    let name = t.name;
    t.fields = t.fields.into_iter().map(|f| field_without(name, f)).collect();
    for f in &mut t.filters {
        if without(|| format!("filter:{name}.{}", f.name)) {
            f.field = "id";
        }
    }
    t
}
/// The same for one field.
pub fn field_without(ty: &str, mut f: Field) -> Field {
    let name = f.name;
    if without(|| format!("scope:{ty}.{name}")) {
        f.scope = None;
    }
    f.masks.retain(|m| !Audience::ALL.iter().any(|a| m.0 == only(*a) && without(|| format!("mask:{ty}.{name}:{}", a.name()))));
    f.see |= also_seen(ty, name, f.see);
    if let Source::Many(m) = &mut f.source
        && without(|| format!("only:{ty}.{name}"))
    {
        m.only = None;
    }
    f
}
/// The audiences that know a field in this run, against its declaration.
pub fn also_seen(ty: &str, field: &str, see: Audiences) -> Audiences {
    let added = |a: &&Audience| see & only(**a) == 0 && without(|| format!("see:{ty}.{field}:{}", a.name()));
    Audience::ALL.iter().filter(added).map(|a| only(*a)).sum()
}

/// Every guard of the graph's declarations by name.
pub fn all() -> Vec<String> {
    let mut names = vec![];
    let whole = crate::whole();
    for ((ty, field), Policy { see, scope, .. }) in &whole.policies {
        names.extend(scope.as_ref().map(|_| format!("scope:{ty}.{field}")));
        names.extend(Audience::ALL.iter().filter(|a| see & only(**a) == 0).map(|a| format!("see:{ty}.{field}:{}", a.name())));
    }
    for t in crate::graph::graph() {
        for f in &t.fields {
            let masked = Audience::ALL.iter().filter(|a| f.masks.iter().any(|m| m.0 == only(**a)));
            names.extend(masked.map(|a| format!("mask:{}.{}:{}", t.name, f.name, a.name())));
            if let Source::Many(Many { only: Some(_), .. }) = f.source {
                names.push(format!("only:{}.{}", t.name, f.name));
            }
        }
        let guarded = |f: &&Filter| t.field(f.field).is_some_and(|x| x.scope.is_some() || !x.masks.is_empty());
        names.extend(t.filters.iter().filter(guarded).map(|f| format!("filter:{}.{}", t.name, f.name)));
        names.extend(t.reads().map(|_| format!("reads:{}", t.name)));
    }
    names
}
