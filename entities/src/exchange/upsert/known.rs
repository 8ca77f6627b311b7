//! What the database knows of a chunk: its rows, the rows they point to, and who holds the names that must be unique.
use super::{Open, Upsert, plan::PARTS};
use crate::{
    Result,
    bulk::{place, select_in},
    exchange::{
        record::Value,
        table::{self, ColumnKind, Table},
    },
    privacy::erased_source,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, prelude::Uuid};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Customer and partner.
pub type Owner = (Option<Uuid>, Option<Uuid>);
/// A row that is there.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    pub hash: Option<String>,
    /// The last import that wrote it.
    pub batch: Option<Uuid>,
    /// Whether the hash is kept in `external_refs` and not on the row.
    pub by_ref: bool,
    pub state: Option<String>,
    pub owner: Owner,
}
/// A unique key of a table and its values.
pub type Natural = (usize, usize, Vec<String>);

#[derive(Default)]
pub struct Known {
    /// By table and the source's id.
    pub rows: HashMap<(usize, String), Row>,
    /// The same in the other systems whose ids may be used.
    pub others: HashMap<(usize, String), Row>,
    pub natural: HashMap<Natural, Row>,
    /// Of the wholes whose source tells all their parts: rank, key and the source's id of each part, by the whole.
    pub parts: HashMap<Uuid, Vec<(usize, Uuid, String)>>,
    /// Of the customers that become parents: themselves and their ancestors, nearest first.
    pub ancestors: HashMap<Uuid, Vec<Uuid>>,
    /// By table and the source's id: what was erased here and is not taken again.
    erased: HashSet<(usize, String)>,
}

impl Known {
    pub(super) async fn load(tx: &impl ConnectionTrait, up: &Upsert, open: &[Open]) -> Result<Known> {
        let (mut own, mut pointed) = (BTreeMap::<usize, BTreeSet<&str>>::new(), BTreeMap::<usize, BTreeSet<&str>>::new());
        for record in open.iter().flat_map(|o| &o.records) {
            own.entry(record.rank).or_default().insert(&record.external_id);
            if record.in_passing() {
                pointed.entry(record.rank).or_default().insert(&record.external_id);
            }
            for cell in record.all() {
                if let Value::Ref { table, external_id } = &cell.value {
                    pointed.entry(table::rank(table)).or_default().insert(external_id);
                }
            }
        }
        for (rank, ids) in &pointed {
            own.entry(*rank).or_default().extend(ids);
        }
        let mut known = Known { rows: by_source(tx, &up.origin.source, &own).await?, ..Known::default() };
        for system in &up.also {
            for (key, row) in by_source(tx, system, &pointed).await? {
                known.others.entry(key).or_insert(row);
            }
        }
        known.load_erased(tx, &up.origin.source, &own).await?;
        known.load_natural(tx, open, &pointed).await?;
        known.load_parts(tx, up, open).await?;
        known.load_ancestors(tx, open).await?;
        Ok(known)
    }
    /// Whether a row of this source was erased with its customer.
    pub fn was_erased(&self, rank: usize, external_id: &str) -> bool {
        !self.erased.is_empty() && self.erased.contains(&(rank, external_id.to_string()))
    }
    async fn load_erased(&mut self, tx: &impl ConnectionTrait, source: &str, wanted: &BTreeMap<usize, BTreeSet<&str>>) -> Result<()> {
        let any = Statement::from_string(tx.get_database_backend(), "select 1 from erased_sources limit 1");
        if tx.query_one_raw(any).await?.is_none() {
            return Ok(());
        }
        let mut places = HashMap::new();
        for (rank, ids) in wanted {
            for id in ids.iter().filter(|id| !self.rows.contains_key(&(*rank, id.to_string()))) {
                places.insert(erased_source::digest(source, table::tables()[*rank].name, id), (*rank, id.to_string()));
            }
        }
        let digests = places.keys().map(|d| sea_orm::Value::from(d.as_str())).collect();
        for row in select_in(tx, "select digest from erased_sources where digest in", &[], digests).await? {
            self.erased.extend(places.remove(&row.try_get_by_index::<String>(0)?));
        }
        Ok(())
    }
    async fn load_parts(&mut self, tx: &impl ConnectionTrait, up: &Upsert, open: &[Open]) -> Result<()> {
        for (name, column) in PARTS {
            let rank = table::rank(name);
            let Some(whole) = table::tables()[rank].column(column).and_then(|c| c.references).map(table::rank) else { continue };
            let records = open.iter().filter(|o| o.row.mapped.whole).flat_map(|o| &o.records).filter(|r| r.rank == whole);
            let ids: Vec<_> = records.filter_map(|r| Some(self.rows.get(&(whole, r.external_id.clone()))?.id.into())).collect();
            let sql =
                format!("select {column}, id, external_id from {name} where source_system = {} and {column} in", place(tx.get_database_backend(), 1));
            for row in select_in(tx, &sql, &[up.origin.source.clone().into()], ids).await? {
                let part = (rank, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                self.parts.entry(row.try_get_by_index(0)?).or_default().push(part);
            }
        }
        Ok(())
    }
    /// The row that a reference means: by the source's id, by that of another system, by its number here.
    pub fn find(&self, rank: usize, external_id: &str) -> Option<&Row> {
        let key = (rank, external_id.to_string());
        self.rows.get(&key).or_else(|| self.others.get(&key)).or_else(|| {
            let i = number(&table::tables()[rank])?;
            self.natural.get(&(rank, i, vec![key.1]))
        })
    }
    async fn load_natural(&mut self, tx: &impl ConnectionTrait, open: &[Open], pointed: &BTreeMap<usize, BTreeSet<&str>>) -> Result<()> {
        for (rank, table) in table::tables().iter().enumerate() {
            for (i, key) in table.unique.iter().enumerate() {
                let mut firsts: Vec<sea_orm::Value> = vec![];
                for record in open.iter().flat_map(|o| &o.records).filter(|r| r.rank == rank) {
                    match record.all().find(|c| c.column.name == key[0]).map(|c| &c.value) {
                        Some(Value::Text(text)) => firsts.push(text.clone().into()),
                        Some(Value::Ref { table, external_id }) => firsts.extend(self.find(table::rank(table), external_id).map(|r| r.id.into())),
                        _ => {}
                    }
                }
                if number(table) == Some(i) {
                    let lost = pointed.get(&rank).into_iter().flatten().filter(|id| self.find(rank, id).is_none());
                    firsts.extend(lost.map(|id| sea_orm::Value::from(id.to_string())));
                }
                if firsts.is_empty() {
                    continue;
                }
                let columns = format!("{}, {}", columns(table), key.join(", "));
                for row in select_in(tx, &format!("select {columns} from {} where {} in", table.name, key[0]), &[], firsts).await? {
                    let (found, next) = read(table, &row)?;
                    let values = key.iter().zip(next..).map(|(k, n)| natural_text(table, k, &row, n)).collect::<Result<Vec<_>>>()?;
                    self.natural.insert((rank, i, values), found);
                }
            }
        }
        Ok(())
    }
    async fn load_ancestors(&mut self, tx: &impl ConnectionTrait, open: &[Open]) -> Result<()> {
        let customers = table::rank("customers");
        let mut parents = BTreeSet::new();
        for cell in
            open.iter().flat_map(|o| &o.records).filter(|r| r.rank == customers).flat_map(|r| r.all()).filter(|c| c.column.name == "parent_id")
        {
            if let Value::Ref { external_id, .. } = &cell.value {
                parents.extend(self.find(customers, external_id).map(|r| r.id));
            }
        }
        let parents = parents.into_iter().map(Into::into).collect();
        let mut found: Vec<(Uuid, i32, Uuid)> = vec![];
        for row in select_in(tx, "select descendant_id, depth, ancestor_id from customer_closure where descendant_id in", &[], parents).await? {
            found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?));
        }
        found.sort();
        for (descendant, _, ancestor) in found {
            self.ancestors.entry(descendant).or_default().push(ancestor);
        }
        Ok(())
    }
}

/// The unique key by which people know a row: its number or code.
pub fn number(table: &Table) -> Option<usize> {
    table.unique.iter().position(|k| k.len() == 1 && table.column(k[0]).is_some_and(|c| c.kind == ColumnKind::Text))
}

async fn by_source(tx: &impl ConnectionTrait, source: &str, wanted: &BTreeMap<usize, BTreeSet<&str>>) -> Result<HashMap<(usize, String), Row>> {
    let mut found = HashMap::new();
    let refs = references(tx, source, wanted).await?;
    for (rank, ids) in wanted {
        let table = &table::tables()[*rank];
        let mut by_id: HashMap<Uuid, Vec<(&str, Option<&str>)>> = HashMap::new();
        for (external_id, id, hash) in refs.get(table.entity_type()).into_iter().flatten().filter(|r| ids.contains(r.0.as_str())) {
            by_id.entry(*id).or_default().push((external_id, hash.as_deref()));
        }
        if !by_id.is_empty() {
            let values = by_id.keys().map(|id| (*id).into()).collect();
            for row in select_in(tx, &format!("select {} from {} where id in", columns(table), table.name), &[], values).await? {
                let (row, _) = read(table, &row)?;
                for (external_id, hash) in by_id.get(&row.id).into_iter().flatten() {
                    let hash = hash.map(Into::into);
                    found.insert((*rank, external_id.to_string()), Row { hash, by_ref: true, ..row.clone() });
                }
            }
        }
        if table.has_source {
            let sql = format!(
                "select {}, external_id from {} where source_system = {} and external_id in",
                columns(table),
                table.name,
                place(tx.get_database_backend(), 1)
            );
            let values = ids.iter().map(|id| sea_orm::Value::from(id.to_string())).collect();
            for row in select_in(tx, &sql, &[source.into()], values).await? {
                let (read, next) = read(table, &row)?;
                found.entry((*rank, row.try_get_by_index(next)?)).or_insert(read);
            }
        }
    }
    Ok(found)
}
type Refs = HashMap<String, Vec<(String, Uuid, Option<String>)>>;
async fn references(tx: &impl ConnectionTrait, source: &str, wanted: &BTreeMap<usize, BTreeSet<&str>>) -> Result<Refs> {
    let mut refs = Refs::new();
    let backend = tx.get_database_backend();
    let any = format!("select 1 from external_refs where source_system = {} limit 1", place(backend, 1));
    if tx.query_one_raw(Statement::from_sql_and_values(backend, any, [source.into()])).await?.is_none() {
        return Ok(refs);
    }
    let ids: BTreeSet<&str> = wanted.values().flatten().copied().collect();
    let sql = format!(
        "select entity_type, external_id, entity_id, row_hash from external_refs where source_system = {} and external_id in",
        place(backend, 1)
    );
    for row in select_in(tx, &sql, &[source.into()], ids.into_iter().map(Into::into).collect()).await? {
        let entity: String = row.try_get_by_index(0)?;
        refs.entry(entity).or_default().push((row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?));
    }
    Ok(refs)
}

fn columns(table: &Table) -> String {
    let mut columns = String::from("id");
    if table.has_source {
        columns.push_str(", row_hash, import_batch_id");
    }
    columns.extend(table.state_column().into_iter().flat_map(|s| [", ", s]));
    if table.is_owned() {
        columns.push_str(", customer_id, partner_id");
    }
    columns
}
/// The row, and the place of what was asked for behind its [`columns`].
fn read(table: &Table, row: &QueryResult) -> Result<(Row, usize)> {
    let mut places = 0..;
    let mut next = || places.next().unwrap_or_default();
    let id = row.try_get_by_index(next())?;
    let (hash, batch) = if table.has_source { (row.try_get_by_index(next())?, row.try_get_by_index(next())?) } else { (None, None) };
    let state = table.state_column().map(|_| row.try_get_by_index(next())).transpose()?.flatten();
    let owner = match table.name {
        "customers" => (Some(id), None),
        _ if table.is_owned() => (row.try_get_by_index(next())?, row.try_get_by_index(next())?),
        _ => (None, None),
    };
    Ok((Row { id, hash, batch, by_ref: !table.has_source, state, owner }, next()))
}
fn natural_text(table: &Table, column: &str, row: &QueryResult, place: usize) -> Result<String> {
    Ok(match table.column(column).map(|c| c.kind) {
        Some(ColumnKind::Uuid) => row.try_get_by_index::<Uuid>(place)?.to_string(),
        Some(ColumnKind::Int) => row.try_get_by_index::<i32>(place)?.to_string(),
        _ => row.try_get_by_index(place)?,
    })
}
