//! SQL text that writes JSON text, in the words of either database. No escaping is needed for what cannot hold a
//! quote (numbers, ids, dates); all other text goes through the database's own JSON quoting.
use crate::declare::Scalar;

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
            self.parts.push(format!("'{}'", std::mem::take(&mut self.literal)));
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
            (many, false) => format!("concat({})", many.join(", ")),
        };
        while self.parts.len() > GROUP {
            self.parts = self.parts.chunks(GROUP).map(|c| if pg { format!("({})", join(c)) } else { join(c) }).collect();
        }
        join(&self.parts)
    }
}

/// The 32 hex digits of a UUID.
pub fn hex(id: &str, pg: bool) -> String {
    if pg { format!("encode(uuid_send({id}), 'hex')") } else { format!("lower(hex({id}))") }
}

/// The plain text of a value, without quotes; null stays null.
pub fn plain(scalar: Scalar, x: &str, pg: bool) -> String {
    match (scalar, pg) {
        (Scalar::Id(kind), pg) => format!("'{}_' || {}", kind.prefix, hex(x, pg)),
        (Scalar::Instant, true) => format!("to_char({x} at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"),
        (Scalar::Instant, false) => format!("(substr({x}, 1, 19) || 'Z')"),
        (Scalar::Date, true) => format!("{x}::text"),
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
        return format!("upper({x})");
    }
    let cases: String = values.iter().map(|(text, name)| format!(" when '{text}' then '{name}'")).collect();
    format!("case {x}{cases} end")
}

/// A value as JSON text.
pub fn json(out: &mut Text, scalar: Scalar, x: &str, null: bool, pg: bool) {
    let quoted = |x: &str| if pg { format!("to_json({x})::text") } else { format!("json_quote({x})") };
    match scalar {
        Scalar::Text | Scalar::Currency if null && pg => out.sql(format!("coalesce({}, 'null')", quoted(x))),
        Scalar::Text | Scalar::Currency => out.sql(quoted(x)),
        Scalar::Int | Scalar::Bool | Scalar::Json => {
            let plain = plain(scalar, x, pg);
            out.sql(if null { format!("coalesce({plain}, 'null')") } else { format!("({plain})") })
        }
        _ if null => out.sql(format!("coalesce('\"' || ({}) || '\"', 'null')", plain(scalar, x, pg))),
        _ => {
            out.literal("\"");
            out.sql(format!("({})", plain(scalar, x, pg)));
            out.literal("\"")
        }
    }
}

/// Rows' texts joined to one, in the order of `by`.
pub fn joined(x: &str, by: &str, pg: bool) -> String {
    let function = if pg { "string_agg" } else { "group_concat" };
    format!("{function}({x}, ','{by})")
}
