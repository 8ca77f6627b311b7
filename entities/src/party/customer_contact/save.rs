use super::{ActiveModel, Column, ENTITY, Entity, Model, Role};
use crate::{
    error::{Code, Error, Result},
    input::{Check, needs, needs_at, not_found},
    model::*,
    outbox::change::Operation,
    party::{customer, identity, party},
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{ActiveValue::Set, IntoActiveModel};

/// A contact of a customer: a new one, or (by `id`) other days of one that is there.
#[derive(Clone, Debug)]
pub struct Save {
    pub id: Option<Uuid>,
    pub customer_id: Uuid,
    /// Somebody who is known already.
    pub party_id: Option<Uuid>,
    /// Somebody new, by name.
    pub display_name: Option<String>,
    pub role: Role,
    /// Today where it is not said.
    pub valid_from_on: Option<Date>,
    pub valid_to_on: Option<Date>,
    /// (issuer, subject) of the login that stands for this person: an agent's to say.
    pub login: Option<(String, String)>,
}

/// Names somebody for a customer, or ends it. By an account owner of the customer, or by an agent.
pub async fn save(w: &mut Write, save: Save) -> Result<Uuid> {
    needs(w.scope(), "customer:write")?;
    let customer = w
        .scope()
        .find::<customer::Entity>()
        .filter(customer::Column::Id.eq(save.customer_id))
        .filter(customer::Column::ErasedAt.is_null())
        .one(w.tx())
        .await?;
    let customer = customer.ok_or_else(|| not_found("customerId", "customer"))?;
    needs_at(w, "customer:write", Some(customer.id)).await?;
    check(w, &save)?;
    if let Some(id) = save.id {
        return change(w, &customer, id, &save).await;
    }
    let party_id = person(w, &save).await?;
    if let Some((issuer, subject)) = &save.login {
        link(w, party_id, issuer, subject).await?;
    }
    let id = crate::id::at(w.at());
    let row = Model {
        id,
        created_at: w.at(),
        updated_at: w.at(),
        row_version: 1,
        source_system: "hub".into(),
        external_id: id.to_string(),
        source_status: None,
        source_updated_at: None,
        row_hash: None,
        import_batch_id: None,
        customer_id: customer.id,
        partner_id: None,
        party_id,
        role: save.role,
        valid_from_on: save.valid_from_on.unwrap_or(w.at().date_naive()),
        valid_to_on: save.valid_to_on,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, Some(customer.id), None);
    w.audit(Action::Create, &ENTITY, id, Some(customer.id), touched(&save));
    Ok(id)
}

fn check(w: &Write, save: &Save) -> Result<()> {
    let mut check = Check::default();
    if save.id.is_none() {
        check.want(save.party_id.is_some() != save.display_name.is_some(), Code::Blank, "partyId", "Please give either partyId or displayName.");
    }
    if let Some(name) = &save.display_name {
        check.text("displayName", name, customer::MOST_NAME);
    }
    if let Some((issuer, subject)) = &save.login {
        let sound = |text: &String| !text.trim().is_empty() && text.len() <= 400 && !text.contains('\0');
        check.want(sound(issuer) && sound(subject), Code::InvalidValue, "login", "A login has an issuer and a name there, at most 400 bytes each.");
    }
    let from = save.valid_from_on.unwrap_or(w.at().date_naive());
    // who was named by mistake ends before it began
    check.want(save.id.is_some() || save.valid_to_on.is_none_or(|to| to >= from), Code::InvalidValue, "validTo", "It ends before it begins.");
    check.want(save.login.is_none() || w.scope().audience == Audience::Agent, Code::InvalidValue, "login", "Only an agent can change this.");
    check.done()
}

async fn change(w: &mut Write, customer: &customer::Model, id: Uuid, save: &Save) -> Result<Uuid> {
    let found = w.scope().find::<Entity>().filter(Column::Id.eq(id)).filter(Column::CustomerId.eq(customer.id)).one(w.tx()).await?;
    let contact = found.ok_or_else(|| not_found("id", "contact"))?;
    let row = ActiveModel {
        id: Set(id),
        updated_at: Set(w.at()),
        row_version: Set(contact.row_version + 1),
        role: Set(save.role),
        valid_from_on: Set(save.valid_from_on.unwrap_or(contact.valid_from_on)),
        valid_to_on: Set(save.valid_to_on),
        ..Default::default()
    };
    Entity::update(row).exec(w.tx()).await?;
    if let Some((issuer, subject)) = &save.login {
        link(w, contact.party_id, issuer, subject).await?;
    }
    w.changed(Operation::Update, &ENTITY, id, Some(customer.id), None);
    w.audit(Action::Update, &ENTITY, id, Some(customer.id), &touched(save)[1..]);
    Ok(id)
}

/// What is written down of a change: that a login was linked is a grant.
fn touched(save: &Save) -> &'static [&'static str] {
    if save.login.is_some() { &["party", "role", "validFrom", "validTo", "login"] } else { &["party", "role", "validFrom", "validTo"] }
}

/// Whom it names: somebody whom the caller knows, or somebody new.
async fn person(w: &mut Write, save: &Save) -> Result<Uuid> {
    if let Some(id) = save.party_id {
        let known = w.scope().find::<party::Entity>().filter(party::Column::Id.eq(id)).one(w.tx()).await?;
        return known.map(|p| p.id).ok_or_else(|| not_found("partyId", "person"));
    }
    let id = crate::id::at(w.at());
    let row = party::ActiveModel {
        id: Set(id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        source_system: Set("hub".into()),
        external_id: Set(id.to_string()),
        kind: Set(party::Kind::Individual),
        display_name: Set(save.display_name.as_deref().unwrap_or_default().replace('\0', "").trim().into()),
        locale: Set("en".into()),
        status: Set(party::Status::Initialized),
        attrs: Set(serde_json::json!({})),
        ..Default::default()
    };
    party::Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &party::ENTITY, id, Some(save.customer_id), None);
    Ok(id)
}

/// The login stands for this person from now on. Another's login stays another's.
async fn link(w: &Write, party_id: Uuid, issuer: &str, subject: &str) -> Result<()> {
    use identity::{ActiveModel, Audience::Customer, Column, Entity};
    let found = Entity::find().filter(Column::Issuer.eq(issuer)).filter(Column::Subject.eq(subject)).one(w.tx()).await?;
    match found {
        Some(login) if login.party_id == party_id && login.audience == Customer => Ok(()),
        Some(_) => Err(Error::refused(Code::InvalidValue, "login", "This login stands for somebody else.")),
        None => {
            let row = ActiveModel {
                id: Set(crate::id::at(w.at())),
                created_at: Set(w.at()),
                updated_at: Set(w.at()),
                row_version: Set(1),
                issuer: Set(issuer.into()),
                subject: Set(subject.into()),
                party_id: Set(party_id),
                audience: Set(Customer),
                last_login_at: Set(None),
            };
            Entity::insert(row).exec_without_returning(w.tx()).await?;
            Ok(())
        }
    }
}
