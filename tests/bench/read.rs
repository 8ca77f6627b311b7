//! Reading: one customer, a list of them, an enterprise's bills, a page deep in a list.
use crate::{
    Bench, Result,
    ground::Database,
    load::Call,
    measure::contest,
    report::{Check, Row},
    stage::{AGENT, Stage},
};
use serde_json::json;
use std::rc::Rc;

/// (a) One customer's 360.
pub async fn one(bench: &mut Bench) -> Result<()> {
    for database in bench.options.databases() {
        let stage = bench.stage(database).await?;
        let mut all = stage.one(&bench.ground)?;
        let mut rows = contest(bench, "one", database, &mut all).await?;
        judge(&mut rows, database, (3.0, "3"), if database == Database::Postgres { (0.8, "80") } else { (0.75, "75") });
        bench.report.rows.extend(rows);
    }
    Ok(())
}
/// (b) Fifty customers with the same nesting.
pub async fn list(bench: &mut Bench) -> Result<()> {
    for database in bench.options.databases() {
        let stage = bench.stage(database).await?;
        let mut all = stage.list(&bench.ground).await?;
        let mut rows = contest(bench, "list", database, &mut all).await?;
        judge(&mut rows, database, (4.0, "4"), if database == Database::Postgres { (1.0, "100") } else { (0.95, "95") });
        bench.report.rows.extend(rows);
    }
    Ok(())
}
/// What the hub is to reach beside the two others, and its slowest answers beside the usual ones.
fn judge(rows: &mut [Row], database: Database, peer: (f64, &str), limit: (f64, &str)) {
    let Some(row) = rows.iter_mut().find(|r| r.who == AGENT) else { return };
    if let Some(ratio) = row.to_peer {
        row.checks.push(Check::at_least(&format!("≥ {} × PostGraphile", peer.1), ratio.median, peer.0));
    }
    if let Some(ratio) = row.to_limit {
        row.checks.push(Check::at_least(&format!("≥ {} % of the limit", limit.1), ratio.median * 100.0, limit.0 * 100.0));
    }
    if let (Some(p50), Some(p99), Database::Postgres) = (row.p50_ms_at_70, row.p99_ms_at_70, database) {
        row.checks.push(Check::at_most("p99 ≤ 3 × p50 at 70 %", p99 / p50, 3.0));
    }
}

/// (c) The newest bills of an enterprise of ten thousand, beside those of a single account.
pub async fn enterprise(bench: &mut Bench) -> Result<()> {
    const PAGE: &str = "query ($no: String!, $deep: Boolean) { customer(customerNo: $no) {
        bills(first: 50, includeDescendants: $deep) { nodes { billNo billDate dueDate state amountDue { amount currency } } } } }";
    for database in bench.options.databases() {
        let stage = bench.stage(database).await?;
        let page = |who: &str, no: String, deep: bool| {
            let (agent, variables) = (stage.agent.clone(), json!({"no": no, "deep": deep}));
            stage.hub_as(who, Box::new(move || Call::graphql(Some(&agent), PAGE, &variables)))
        };
        whole_page(&stage, PAGE, json!({"no": crate::enterprise::root_no(), "deep": true}), "/customer/bills/nodes/49").await?;
        whole_page(&stage, PAGE, json!({"no": crate::enterprise::unit_no(), "deep": false}), "/customer/bills/nodes/49").await?;
        let mut all = [
            page("hub, agent: bills of one account", crate::enterprise::unit_no(), false),
            page("hub, agent: bills of an enterprise of 10,000", crate::enterprise::root_no(), true),
        ];
        let mut rows = contest(bench, "enterprise", database, &mut all).await?;
        beside_first(rows.last_mut(), "≤ 3 × the page of one account", 3.0);
        bench.report.rows.extend(rows);
    }
    Ok(())
}

/// (d) A page deep in a list, beside the first.
pub async fn deep(bench: &mut Bench) -> Result<()> {
    const PAGE: &str = "query ($after: String) { tickets(first: 50, after: $after) { nodes { ticketNo name status openedAt } } }";
    for database in bench.options.databases() {
        let stage = bench.stage(database).await?;
        let said = stage.hub.ask(&stage.agent, "{ tickets(last: 100) { pageInfo { startCursor } } }", json!({})).await?;
        let last = said["tickets"]["pageInfo"]["startCursor"].clone();
        let page = |who: &str, after: serde_json::Value| {
            let (agent, variables) = (stage.agent.clone(), json!({"after": after}));
            stage.hub_as(who, Box::new(move || Call::graphql(Some(&agent), PAGE, &variables)))
        };
        whole_page(&stage, PAGE, json!({"after": last}), "/tickets/nodes/49").await?;
        let mut all = [page("hub, agent: first page of all tickets", json!(null)), page("hub, agent: last page of all tickets", last)];
        let mut rows = contest(bench, "deep", database, &mut all).await?;
        beside_first(rows.last_mut(), "≤ 1.2 × the first page", 1.2);
        bench.report.rows.extend(rows);
    }
    Ok(())
}
/// What a request may cost beside one of the first row.
pub fn beside_first(row: Option<&mut Row>, goal: &str, most: f64) {
    if let Some((row, to_first)) = row.and_then(|row| row.to_first.map(|ratio| (row, ratio))) {
        row.checks.push(Check::at_most(goal, to_first.median, most));
    }
}
/// A page that lacks rows would be quick for the wrong reason.
async fn whole_page(stage: &Rc<Stage>, query: &str, variables: serde_json::Value, last: &str) -> Result<()> {
    let said = stage.hub.ask(&stage.agent, query, variables).await?;
    said.pointer(last).map(|_| ()).ok_or_else(|| format!("not a whole page: {said}").into())
}
