//! A bill as it was made (TMF678 CustomerBill). Credit notes have negative sums.
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bills")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub source_system: String,
    pub external_id: String,
    pub source_status: Option<String>,
    pub source_updated_at: Option<DateTimeUtc>,
    pub row_hash: Option<String>,
    pub import_batch_id: Option<Uuid>,
    pub customer_id: Uuid,
    pub partner_id: Option<Uuid>,
    pub bill_no: String,
    pub kind: Kind,
    pub billing_account_id: Uuid,
    pub corrects_bill_id: Option<Uuid>,
    pub run_type: RunType,
    pub state: State,
    pub bill_on: Date,
    pub period_from_on: Option<Date>,
    pub period_to_on: Option<Date>,
    pub due_on: Option<Date>,
    pub currency: String,
    pub tax_excluded_minor: i64,
    pub tax_minor: i64,
    pub tax_included_minor: i64,
    pub rounding_minor: i64,
    pub previous_minor: i64,
    pub amount_due_minor: i64,
    pub remaining_minor: i64,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Bill",
    prefix: "bil",
    table: "bills",
    reads: Some("billing:read"),
    rules: Rules {
        agent: Served("customer_id"),
        partner: Both(&[Where("{t}.partner_id {partners}"), Where("{t}.state not in ('new', 'onHold')")]),
        customer: Both(&[Own("customer_id"), Where("{t}.state not in ('new', 'onHold')")]),
        public: Nobody,
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "BillKind" { Invoice = "invoice", Statement = "statement", CreditNote = "credit_note", Settlement = "settlement" }
}

text_enum! {
    RunType "BillRunType" { OnCycle = "onCycle", OffCycle = "offCycle" }
}

text_enum! {
    State "BillState" { New = "new", OnHold = "onHold", Validated = "validated", Sent = "sent", PartiallyPaid = "partiallyPaid", Settled = "settled" }
}
