//! Which customers a partner may know, and from when to when.
use crate::{error::Result, model::*, rule::Way, store::Write};
use sea_orm::{Condition, QueryOrder};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "partner_customers")]
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
    pub partner_id: Uuid,
    pub customer_id: Uuid,
    pub role: Role,
    pub valid_from_on: Date,
    pub valid_to_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    Role "PartnerCustomerRole" { Sells = "sells", Serves = "serves", Refers = "refers" }
}

macro_rules! known_today {
    ($partner:literal) => {
        Way {
            table: "partner_customers",
            key: "customer_id",
            whose: concat!(
                "{l}.partner_id ",
                $partner,
                " and {l}.valid_from_on <= {today} and ({l}.valid_to_on is null or {l}.valid_to_on >= {today})"
            ),
        }
    };
}
/// The customers that the partner who asks may know today.
pub static KNOWN_TO_CALLER: Way = known_today!("{partners}");
/// The customers that the partner `{p}` may know today.
pub static KNOWN_TO_PARTNER: Way = known_today!("= {p}.id");

/// Whose business something of this customer is: the partner who sells to them today. For a partner who writes it is
/// that partner or one of its own, whatever the role; none where the customer has no such partner.
pub async fn seller(w: &Write, customer_id: Uuid) -> Result<Option<Uuid>> {
    let today = w.at().date_naive();
    let valid = Condition::all()
        .add(Column::CustomerId.eq(customer_id))
        .add(Column::ValidFromOn.lte(today))
        .add(Condition::any().add(Column::ValidToOn.is_null()).add(Column::ValidToOn.gte(today)));
    let whose = match w.scope().audience {
        Audience::Partner => Column::PartnerId.is_in(w.scope().partners.iter().copied()),
        _ => Column::Role.eq(Role::Sells),
    };
    let rows = Entity::find().filter(valid).filter(whose).order_by_desc(Column::ValidFromOn).order_by_asc(Column::Id).all(w.tx()).await?;
    Ok(rows.iter().find(|r| r.role == Role::Sells).or(rows.first()).map(|r| r.partner_id))
}
