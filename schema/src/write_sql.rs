//! SQL text that writes JSON text, in the words of either database. No escaping is needed for what cannot hold a
//! quote (numbers, ids, dates, and currencies, which are codes of ISO 4217 whatever a source says); all other text goes through the database's own JSON quoting.
use crate::declare::Scalar;

/// Texts side by side. `format!` would do the same, at three times the price: statements are written for requests.
macro_rules! sql {
    ($($part:expr),+ $(,)?) => { [$(AsRef::<str>::as_ref(&$part)),+].concat() };
}
pub(crate) use sql;

/// Texts and expressions side by side as one expression, written as they come: by `concat`, as PostgreSQL makes each
/// `||` of a statement ready before it runs, and SQLite's copies all that is on its left. Neighbouring texts become one.
pub struct Text {
    parts: usize,
    groups: usize,
    /// Inside a literal.
    open: bool,
}
/// Parts of one call of `concat`: PostgreSQL's takes a hundred, SQLite's some more.
const GROUP: usize = 50;
impl Text {
    pub fn new(out: &mut String) -> Self {
        let mut text = Text { parts: 0, groups: 0, open: false };
        text.group(out);
        text
    }
    fn group(&mut self, out: &mut String) {
        out.push_str("concat(");
        self.groups += 1;
    }
    fn part(&mut self, out: &mut String) {
        if self.parts > 0 {
            out.push_str(", ");
            if self.parts.is_multiple_of(GROUP) {
                self.group(out);
            }
        }
        self.parts += 1;
    }
    pub fn literal(&mut self, out: &mut String, s: &str) {
        if !self.open {
            self.part(out);
            out.push('\'');
            self.open = true;
        }
        out.push_str(s)
    }
    pub fn key(&mut self, out: &mut String, first: bool, key: &str) {
        self.literal(out, if first { "\"" } else { ",\"" });
        out.push_str(key);
        out.push_str("\":");
    }
    /// An expression follows: it is to be written next.
    pub fn expression(&mut self, out: &mut String) {
        self.close(out);
        self.part(out)
    }
    pub fn sql(&mut self, out: &mut String, sql: &str) {
        self.expression(out);
        out.push_str(sql)
    }
    fn close(&mut self, out: &mut String) {
        if self.open {
            out.push('\'');
            self.open = false;
        }
    }
    pub fn end(mut self, out: &mut String) {
        self.close(out);
        (0..self.groups).for_each(|_| out.push(')'))
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
pub fn json(out: &mut String, text: &mut Text, scalar: Scalar, x: &str, null: bool, pg: bool) {
    let mut put = |parts: &[&str]| {
        text.expression(out);
        parts.iter().for_each(|part| out.push_str(part))
    };
    match scalar {
        Scalar::Text if null && pg => put(&["coalesce(to_json(", x, ")::text, 'null')"]),
        Scalar::Text => put(&[if pg { "to_json(" } else { "json_quote(" }, x, ")"]),
        Scalar::Int | Scalar::Bool | Scalar::Json => {
            let plain = plain(scalar, x, pg);
            if null { put(&["coalesce(", &plain, ", 'null')"]) } else { put(&["(", &plain, ")"]) }
        }
        _ if null => put(&["coalesce('\"' || (", &plain(scalar, x, pg), ") || '\"', 'null')"]),
        Scalar::Id(kind) => {
            text.literal(out, "\"");
            text.literal(out, kind.prefix);
            text.literal(out, "_");
            text.sql(out, &hex(x, pg));
            text.literal(out, "\"")
        }
        _ => {
            text.literal(out, "\"");
            text.sql(out, &sql!("(", plain(scalar, x, pg), ")"));
            text.literal(out, "\"")
        }
    }
}
