//! A login of a party at an issuer (TMF691).
use crate::model::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub issuer: String,
    pub subject: String,
    pub party_id: Uuid,
    pub audience: Audience,
    pub last_login_at: Option<DateTimeUtc>,
}
impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    Audience "IdentityAudience" { Agent = "agent", Partner = "partner", Customer = "customer" }
}
