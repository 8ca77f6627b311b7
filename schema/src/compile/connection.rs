//! A page of a list, with its edges, its ends and its count.
use super::{Compiler, Outcome};
use crate::{
    declare::*,
    page::{Cursor, Page},
    select::{Pick, collect},
    write_sql::{Text, joined, sql},
};

/// What a connection is made of.
pub(super) struct Listing {
    pub order: Order,
    pub page: Page,
    pub by: String,
    /// The rows from here on, in order.
    pub rows: String,
    /// All of it, for the count.
    pub base: String,
    pub list: String,
    /// Nothing above the rows was of the same customer.
    pub met: bool,
}

impl<'a> Compiler<'a> {
    /// A page. Where its ends are asked for, one row more than asked tells whether there are more, and the rows are
    /// numbered; otherwise it is a plain list, which costs a third of that.
    pub(super) fn connection(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<String> {
        let mut out = Text::default();
        let name = format!("{}Connection", d.name);
        let picks = collect(self.doc, &pick.sets, &name);
        let asks = |names: &[&str]| picks.iter().any(|p| names.contains(&p.name()));
        let (listed, numbered) = (asks(&["nodes", "edges"]), asks(&["pageInfo"]) || l.page.backward);
        let mut bodies = vec![];
        out.literal("{");
        for (i, p) in picks.iter().enumerate() {
            out.key(i == 0, p.key);
            match p.name() {
                "nodes" | "edges" => {
                    let body = if p.name() == "nodes" { self.object(d, t, &p.sets, l.met)? } else { self.edge(d, t, p, l)? };
                    out.literal("[");
                    if numbered {
                        out.sql(self.page_of(&body, t, l));
                    } else {
                        let name = ["j0", "j1", "j2", "j3"].get(bodies.len()).map_or_else(|| format!("j{}", bodies.len()), |n| (*n).into());
                        out.sql(sql!("coalesce(", joined(&sql!(t, ".", name), "", self.pg), ", '')"));
                        bodies.push(sql!(body, " ", name));
                    }
                    out.literal("]")
                }
                "pageInfo" => self.page_info(&mut out, t, p, l),
                "totalCount" => out.sql(format!("cast((select count(*) {}) as text)", l.base)),
                _ => out.literal(&format!("\"{name}\"")),
            }
        }
        out.literal("}");
        let size = l.page.size;
        if !numbered && listed {
            let size = size.to_string();
            return Ok(sql!("(select ", out.done(self.pg), " from (select ", bodies.join(", "), " from ", l.rows, " limit ", size, ") ", t, ")"));
        }
        if !listed && !asks(&["pageInfo"]) {
            return Ok(format!("(select {})", out.done(self.pg)));
        }
        if !listed {
            out.sql("coalesce(max(cast('' as text)), '')"); // one row, also where `pageInfo` is literals only
        }
        let rows = format!("(select * from {} limit {}) {t}", l.rows, size + 1);
        Ok(format!(
            "(select {} from (select {t}.*, row_number() over (order by {}) rn_, count(*) over () n_ from {rows}) {t})",
            out.done(self.pg),
            l.by
        ))
    }
    /// The texts of a page's rows among one more.
    fn page_of(&self, body: &str, t: &str, l: &Listing) -> String {
        let by = format!(" order by {t}.rn_{}", if l.page.backward { " desc" } else { "" });
        format!("coalesce({} filter (where {t}.rn_ <= {}), '')", joined(body, &by, self.pg), l.page.size)
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
        Ok(out.done(self.pg))
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
