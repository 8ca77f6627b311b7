//! Every ancestor of every customer, itself at depth 0. Rewritten in the transaction that changes `parent_id`.
use crate::{error::Result, model::*};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer_closure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ancestor_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub descendant_id: Uuid,
    pub depth: i32,
}
impl ActiveModelBehavior for ActiveModel {}

/// Whether `id` is `of` or stands below it.
pub async fn is_within(tx: &DatabaseTransaction, id: Uuid, of: Uuid) -> Result<bool> {
    let found = Entity::find_by_id((of, id)).one(tx).await?;
    Ok(found.is_some())
}

/// Hangs a customer and all below it under another, or makes it a root. The caller has made sure that there is no cycle.
pub async fn hang(tx: &DatabaseTransaction, id: Uuid, parent: Option<Uuid>) -> Result<()> {
    const UNHANG: &str = "delete from customer_closure
        where descendant_id in (select descendant_id from customer_closure where ancestor_id = $1)
          and ancestor_id not in (select descendant_id from customer_closure where ancestor_id = $1)";
    const HANG: &str = "insert into customer_closure (ancestor_id, descendant_id, depth)
        select above.ancestor_id, below.descendant_id, above.depth + below.depth + 1
        from customer_closure above cross join customer_closure below
        where above.descendant_id = $2 and below.ancestor_id = $1";
    let run = |sql, values: Vec<sea_orm::Value>| tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values));
    run(UNHANG, vec![id.into()]).await?;
    if let Some(parent) = parent {
        run(HANG, vec![id.into(), parent.into()]).await?;
    }
    Ok(())
}
