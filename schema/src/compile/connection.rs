//! A page of a list, with its edges, its ends and its count.
use super::{Compiler, Outcome};
use crate::{
    declare::*,
    page::{Cursor, Page},
    select::{Pick, collect},
    write_sql::{Text, joined},
};

/// What a connection is made of.
pub(super) struct Listing {
    pub order: Order,
    pub page: Page,
    pub by: String,
    /// One page, and one row more.
    pub rows: String,
    /// All of it, for the count.
    pub base: String,
    pub list: String,
    /// Nothing above the rows was of the same customer.
    pub met: bool,
}

impl<'a> Compiler<'a> {
    /// A page: one row more than asked tells whether there are more; the rest are aggregates over it.
    pub(super) fn connection(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<String> {
        let mut out = Text::default();
        let name = format!("{}Connection", d.name);
        out.literal("{");
        let picks = collect(self.doc, &pick.sets, &name);
        for (i, p) in picks.iter().enumerate() {
            out.key(i == 0, p.key);
            match p.name() {
                "nodes" => {
                    let body = self.object(d, t, &p.sets, l.met)?;
                    self.listed(&mut out, &body, t, l)
                }
                "edges" => {
                    let body = self.edge(d, t, p, l)?;
                    self.listed(&mut out, &body, t, l)
                }
                "pageInfo" => self.page_info(&mut out, t, p, l),
                "totalCount" => out.sql(format!("cast((select count(*) {}) as text)", l.base)),
                _ => out.literal(&format!("\"{name}\"")),
            }
        }
        out.literal("}");
        let asks = |names: &[&str]| picks.iter().any(|p| names.contains(&p.name()));
        if !asks(&["nodes", "edges", "pageInfo"]) {
            return Ok(format!("(select {})", out.done()));
        }
        if !asks(&["nodes", "edges"]) {
            out.sql("coalesce(max(cast('' as text)), '')"); // one row, also where `pageInfo` is literals only
        }
        Ok(format!("(select {} from (select {t}.*, row_number() over (order by {}) rn_, count(*) over () n_ from {}) {t})", out.done(), l.by, l.rows))
    }
    fn listed(&self, out: &mut Text, body: &str, t: &str, l: &Listing) {
        let by = format!(" order by {t}.rn_{}", if l.page.backward { " desc" } else { "" });
        out.literal("[");
        out.sql(format!("coalesce({} filter (where {t}.rn_ <= {}), '')", joined(body, &by, self.pg), l.page.size));
        out.literal("]")
    }
    fn edge(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<String> {
        let mut out = Text::default();
        let name = format!("{}Edge", d.name);
        out.literal("{");
        for (i, p) in collect(self.doc, &pick.sets, &name).iter().enumerate() {
            out.key(i == 0, p.key);
            match p.name() {
                "node" => {
                    let body = self.object(d, t, &p.sets, l.met)?;
                    out.sql(format!("({body})"))
                }
                "cursor" => {
                    out.literal("\"");
                    out.sql(Cursor::sql(&l.list, t, l.order, self.pg));
                    out.literal("\"")
                }
                _ => out.literal(&format!("\"{name}\"")),
            }
        }
        out.literal("}");
        Ok(out.done())
    }
    fn page_info(&self, out: &mut Text, t: &str, pick: &Pick<'a>, l: &Listing) {
        let n = l.page.size;
        let more = format!("case when max({t}.n_) > {n} then 'true' else 'false' end");
        let beyond = if l.page.cursor.is_some() { "true" } else { "false" };
        let cursor = Cursor::sql(&l.list, t, l.order, self.pg);
        let at = |row: &str| format!("coalesce('\"' || max({cursor}) filter (where {row}) || '\"', 'null')");
        let (near, far) = (format!("{t}.rn_ = 1 and {n} > 0"), format!("{t}.rn_ = {n} or ({t}.n_ < {n} and {t}.rn_ = {t}.n_)"));
        let (start, end) = if l.page.backward { (far, near) } else { (near, far) };
        out.literal("{");
        for (i, p) in collect(self.doc, &pick.sets, "PageInfo").iter().enumerate() {
            out.key(i == 0, p.key);
            match (p.name(), l.page.backward) {
                ("hasNextPage", false) | ("hasPreviousPage", true) => out.sql(more.clone()),
                ("hasNextPage" | "hasPreviousPage", _) => out.literal(beyond),
                ("startCursor", _) => out.sql(at(&start)),
                ("endCursor", _) => out.sql(at(&end)),
                _ => out.literal("\"PageInfo\""),
            }
        }
        out.literal("}")
    }
}
