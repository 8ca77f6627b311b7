//! Rows on their way into the database: many at once, in the order of their references.
use crate::{
    billing::{bill, bill_line, billing_account},
    care::{ticket, ticket_note},
    catalogue::{offering_price, product, product_category, product_offering},
    conversation::{bot_answer, bot_citation, conversation, message},
    error::Result,
    exchange::source_system,
    party::{contact_medium, customer, customer_closure, partner, partner_customer, party, region},
    privacy::{consent, state_change},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseTransaction, DbBackend, EntityName, EntityTrait, IdenStatic, Iterable, Statement,
};

/// One row that came from a source system: id, instant, system, external id; then its columns.
macro_rules! row {
    ($entity:ident, $id:expr, $at:expr, $source:expr, $external:expr; $($field:ident: $value:expr),+ $(,)?) => {
        $entity::ActiveModel {
            id: Set($id), created_at: Set($at), updated_at: Set($at), row_version: Set(1),
            source_system: Set($source.into()), external_id: Set($external.into()),
            $($field: Set($value.into()),)+
            ..Default::default()
        }
    };
}
pub(super) use row;

macro_rules! tables {
    ($($table:ident: $entity:ident),+ $(,)?) => {
        /// Rows of all tables, parents before their children.
        #[derive(Default)]
        pub struct Rows { $(pub $table: Vec<$entity::ActiveModel>),+ }
        impl Rows {
            /// Writes all, and says how many rows each table got.
            pub async fn write(self, tx: &DatabaseTransaction) -> Result<Counts> {
                Ok(vec![$((stringify!($table), put(tx, self.$table).await?)),+])
            }
        }
    };
}
tables! {
    source_systems: source_system, regions: region, product_categories: product_category, product_offerings: product_offering, parties: party,
    contact_media: contact_medium, partners: partner, offering_prices: offering_price, customers: customer, customer_closure: customer_closure,
    partner_customers: partner_customer, billing_accounts: billing_account, products: product, bills: bill, bill_lines: bill_line,
    conversations: conversation, messages: message, bot_answers: bot_answer, bot_citations: bot_citation, tickets: ticket,
    ticket_notes: ticket_note, consents: consent, state_changes: state_change,
}

/// Rows by table.
pub type Counts = Vec<(&'static str, u64)>;

/// A few shapes of statement, so that each is prepared once and then kept.
const ROWS_PER_STATEMENT: [usize; 3] = [128, 16, 1];

/// Inserts rows by statements of our own: building each anew is what makes `insert_many` slow. All rows of a call have
/// the same columns set.
async fn put<A: ActiveModelTrait>(tx: &DatabaseTransaction, rows: Vec<A>) -> Result<u64> {
    let total = rows.len();
    let Some(first) = rows.first() else { return Ok(0) };
    let columns: Vec<_> = <A::Entity as EntityTrait>::Column::iter().filter(|c| !first.is_not_set(*c)).collect();
    let names: Vec<_> = columns.iter().map(|c| c.as_str()).collect();
    let into = format!("insert into {} ({}) values ", A::Entity::default().table_name(), names.join(", "));
    let backend = tx.get_database_backend();
    let (mut rows, mut left) = (rows.into_iter(), total);
    for many in ROWS_PER_STATEMENT {
        if left < many {
            continue;
        }
        let sql = into.clone() + &places(backend, many, columns.len());
        while left >= many {
            let mut values = Vec::with_capacity(many * columns.len());
            for mut row in rows.by_ref().take(many) {
                values.extend(columns.iter().map(|c| match row.take(*c) {
                    ActiveValue::Set(v) | ActiveValue::Unchanged(v) => v,
                    ActiveValue::NotSet => sea_orm::Value::String(None),
                }));
            }
            tx.execute_raw(Statement::from_sql_and_values(backend, &sql, values)).await?;
            left -= many;
        }
    }
    Ok(total as u64)
}

fn places(backend: DbBackend, rows: usize, columns: usize) -> String {
    let mut out = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        out.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            out.push_str(if column == 0 { "" } else { ", " });
            match backend {
                DbBackend::Postgres => out.push_str(&format!("${}", row * columns + column + 1)),
                _ => out.push('?'),
            }
        }
        out.push(')');
    }
    out
}
