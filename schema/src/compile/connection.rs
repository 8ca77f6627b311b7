//! A page of a list, with its edges, its ends and its count.
use super::{Compiler, Outcome};
use crate::{
    declare::*,
    page::{Cursor, Page},
    select::{Pick, collect},
    write_sql::{Text, sql},
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
    pub(super) fn connection(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<()> {
        let name = sql!(d.name, "Connection");
        let picks = collect(self.doc, &pick.sets, &name);
        let asks = |names: &[&str]| picks.iter().any(|p| names.contains(&p.name()));
        let (listed, ends) = (asks(&["nodes", "edges"]), asks(&["pageInfo"]));
        let numbered = ends || (listed && l.page.backward);
        if numbered {
            self.put(&["(select "]);
        }
        let mut text = Text::new(&mut self.out);
        text.literal(&mut self.out, "{");
        for (i, p) in picks.iter().enumerate() {
            text.key(&mut self.out, i == 0, p.key);
            match p.name() {
                "nodes" | "edges" => {
                    text.literal(&mut self.out, "[");
                    text.expression(&mut self.out);
                    if numbered {
                        self.numbered(d, t, p, l)?;
                    } else {
                        self.joined(l, |c| c.row(d, t, p, l))?;
                    }
                    text.literal(&mut self.out, "]")
                }
                "pageInfo" => self.page_info(&mut text, t, p, l),
                "totalCount" => text.sql(&mut self.out, &sql!("cast((select count(*) ", l.base, ") as text)")),
                _ => self.typename(&mut text, &name),
            }
        }
        text.literal(&mut self.out, "}");
        if ends && !listed {
            text.sql(&mut self.out, "coalesce(max(cast('' as text)), '')"); // one row, also where `pageInfo` is literals only
        }
        text.end(&mut self.out);
        if numbered {
            let more = (l.page.size + 1).to_string();
            self.put(&[" from (select ", t, ".*, row_number() over (order by ", &l.by, ") rn_, count(*) over () n_ from (select ", t, ".* from "]);
            self.put(&[&l.rows, " limit ", &more, ") ", t, ") ", t, ")"]);
        }
        Ok(())
    }
    /// The texts of all rows of a page, joined. PostgreSQL makes an array ready in less time than an aggregate over a
    /// subselect.
    pub(super) fn joined(&mut self, l: &Listing, row: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<()> {
        self.put(&[if self.pg { "array_to_string(array(select " } else { "coalesce((select group_concat(j, ',') from (select " }]);
        row(self)?;
        let size = l.page.size.to_string(); // as text: SQLite prepares anew for a bound LIMIT
        self.put(&[" j from ", &l.rows, " limit ", &size, if self.pg { "), ',')" } else { ")), '')" }]);
        Ok(())
    }
    /// A node, or an edge around it.
    fn row(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<()> {
        if pick.name() == "nodes" { self.object(d, t, &pick.sets, l.met) } else { self.edge(d, t, pick, l) }
    }
    /// The texts of a page's rows among one more.
    fn numbered(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<()> {
        self.put(&[if self.pg { "coalesce(string_agg(" } else { "coalesce(group_concat(" }]);
        self.row(d, t, pick, l)?;
        let direction = if l.page.backward { " desc" } else { "" };
        self.put(&[", ',' order by ", t, ".rn_", direction, ") filter (where ", t, ".rn_ <= ", &l.page.size.to_string(), "), '')"]);
        Ok(())
    }
    fn edge(&mut self, d: &'static Type, t: &str, pick: &Pick<'a>, l: &Listing) -> Outcome<()> {
        let name = sql!(d.name, "Edge");
        let mut text = Text::new(&mut self.out);
        text.literal(&mut self.out, "{");
        for (i, p) in collect(self.doc, &pick.sets, &name).iter().enumerate() {
            text.key(&mut self.out, i == 0, p.key);
            match p.name() {
                "node" => {
                    text.expression(&mut self.out);
                    self.object(d, t, &p.sets, l.met)?;
                }
                "cursor" => {
                    text.literal(&mut self.out, "\"");
                    text.sql(&mut self.out, &Cursor::sql(&l.list, t, l.order, self.pg));
                    text.literal(&mut self.out, "\"")
                }
                _ => self.typename(&mut text, &name),
            }
        }
        text.literal(&mut self.out, "}");
        text.end(&mut self.out);
        Ok(())
    }
    fn page_info(&mut self, text: &mut Text, t: &str, pick: &Pick<'a>, l: &Listing) {
        let n = l.page.size;
        let more = format!("case when max({t}.n_) > {n} then 'true' else 'false' end");
        let beyond = if l.page.cursor.is_some() { "true" } else { "false" };
        let cursor = Cursor::sql(&l.list, t, l.order, self.pg);
        let at = |row: &str| format!("coalesce('\"' || max({cursor}) filter (where {row}) || '\"', 'null')");
        let (near, far) = (format!("{t}.rn_ = 1 and {n} > 0"), format!("{t}.rn_ = {n} or ({t}.n_ < {n} and {t}.rn_ = {t}.n_)"));
        let (start, end) = if l.page.backward { (far, near) } else { (near, far) };
        text.literal(&mut self.out, "{");
        for (i, p) in collect(self.doc, &pick.sets, "PageInfo").iter().enumerate() {
            text.key(&mut self.out, i == 0, p.key);
            match (p.name(), l.page.backward) {
                ("hasNextPage", false) | ("hasPreviousPage", true) => text.sql(&mut self.out, &more),
                ("hasNextPage" | "hasPreviousPage", _) => text.literal(&mut self.out, beyond),
                ("startCursor", _) => text.sql(&mut self.out, &at(&start)),
                ("endCursor", _) => text.sql(&mut self.out, &at(&end)),
                _ => self.typename(text, "PageInfo"),
            }
        }
        text.literal(&mut self.out, "}")
    }
}
