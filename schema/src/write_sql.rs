//! SQL text that writes JSON text, in the words of either database. No escaping is needed for what cannot hold a
//! quote (numbers, ids, dates); all other text goes through the database's own JSON quoting.
use crate::declare::Scalar;

/// Texts side by side. `format!` would do the same, at three times the price: statements are written for each request.
macro_rules! sql {
    ($($part:expr),+ $(,)?) => { [$(AsRef::<str>::as_ref(&$part)),+].concat() };
}
pub(crate) use sql;

/// Concatenated SQL text: neighbouring literals become one part.
#[derive(Default)]
pub struct Text {
    parts: Vec<String>,
    literal: String,
}
impl Text {
    pub fn literal(&mut self, s: &str) {
        self.literal.push_str(s)
    }
    pub fn key(&mut self, first: bool, key: &str) {
        self.literal.push_str(if first { "\"" } else { ",\"" });
        self.literal.push_str(key);
        self.literal.push_str("\":");
    }
    pub fn sql(&mut self, s: impl Into<String>) {
        self.flush();
        self.parts.push(s.into())
    }
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(sql!("'", self.literal, "'"));
            self.literal.clear();
        }
    }
    /// One text. PostgreSQL's `||` is its quickest way; SQLite's copies all that is on its left each time, so that its
    /// `concat` serves there. Grouped: a function has few arguments, and `a || b || …` is a deep tree.
    pub fn done(mut self, pg: bool) -> String {
        const GROUP: usize = 50;
        self.flush();
        let join = |parts: &[String]| match (parts, pg) {
            ([one], _) => one.clone(),
            (many, true) => many.join(" || "),
            (many, false) => sql!("concat(", many.join(", "), ")"),
        };
        while self.parts.len() > GROUP {
            self.parts = self.parts.chunks(GROUP).map(|c| if pg { format!("({})", join(c)) } else { join(c) }).collect();
        }
        join(&self.parts)
    }
}

/// The 32 hex digits of a UUID.
pub fn hex(id: &str, pg: bool) -> String {
    if pg { sql!("encode(uuid_send(", id, "), 'hex')") } else { sql!("lower(hex(", id, "))") }
}

/// The plain text of a value, without quotes; null stays null.
pub fn plain(scalar: Scalar, x: &str, pg: bool) -> String {
    match (scalar, pg) {
        (Scalar::Id(kind), pg) => sql!("'", kind.prefix, "_' || ", hex(x, pg)),
        (Scalar::Instant, true) => format!("to_char({x} at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"),
        (Scalar::Instant, false) => format!("(substr({x}, 1, 19) || 'Z')"),
        (Scalar::Date, true) => sql!(x, "::text"),
        (Scalar::Bool, _) => format!("case when {x} then 'true' when not ({x}) then 'false' end"),
        (Scalar::Decimal, true) => format!("trim_scale(({x})::numeric / 1000000)::text"),
        (Scalar::Decimal, false) => {
            format!("rtrim(rtrim(printf('%s%d.%06d', case when ({x}) < 0 then '-' else '' end, abs({x}) / 1000000, abs({x}) % 1000000), '0'), '.')")
        }
        (Scalar::Enum(_, values), _) => enum_text(values, x),
        (Scalar::Int | Scalar::BigInt | Scalar::Json, _) => format!("cast(({x}) as text)"),
        _ => x.into(),
    }
}
fn enum_text(values: &[(&str, &str)], x: &str) -> String {
    if values.iter().all(|(text, name)| text.to_ascii_uppercase() == *name) {
        return sql!("upper(", x, ")");
    }
    let mut out = sql!("case ", x);
    for (text, name) in values {
        [" when '", text, "' then '", name, "'"].iter().for_each(|part| out.push_str(part));
    }
    out.push_str(" end");
    out
}

/// A value as JSON text.
pub fn json(out: &mut Text, scalar: Scalar, x: &str, null: bool, pg: bool) {
    let quoted = |x: &str| if pg { sql!("to_json(", x, ")::text") } else { sql!("json_quote(", x, ")") };
    match scalar {
        Scalar::Text | Scalar::Currency if null && pg => out.sql(sql!("coalesce(", quoted(x), ", 'null')")),
        Scalar::Text | Scalar::Currency => out.sql(quoted(x)),
        Scalar::Int | Scalar::Bool | Scalar::Json => {
            let plain = plain(scalar, x, pg);
            out.sql(if null { sql!("coalesce(", plain, ", 'null')") } else { sql!("(", plain, ")") })
        }
        _ if null => out.sql(sql!("coalesce('\"' || (", plain(scalar, x, pg), ") || '\"', 'null')")),
        _ => {
            out.literal("\"");
            out.sql(sql!("(", plain(scalar, x, pg), ")"));
            out.literal("\"")
        }
    }
}

/// Rows' texts joined to one, in the order of `by`.
pub fn joined(x: &str, by: &str, pg: bool) -> String {
    let function = if pg { "string_agg" } else { "group_concat" };
    sql!(function, "(", x, ", ','", by, ")")
}
