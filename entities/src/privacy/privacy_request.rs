//! What a customer asked of those who hold its data (GDPR Art. 15 to 20), and until when it must be answered.
use crate::{
    error::{Code, Error, Result},
    exchange::task,
    input::{needs, needs_at, not_found},
    model::*,
    outbox::change::Operation,
    party::{customer, partner_customer},
    privacy::audit_event::Action,
    store::Write,
};
use chrono::Days;
use sea_orm::{IntoActiveModel, sea_query::Expr};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "privacy_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub customer_id: Uuid,
    pub partner_id: Option<Uuid>,
    pub kind: Kind,
    pub state: State,
    pub due_on: Date,
    pub completed_at: Option<DateTimeUtc>,
    pub task_id: Option<Uuid>,
    /// The subject of the login that asked.
    pub requested_by: String,
    pub requested_as: RequestedAs,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "PrivacyRequest",
    prefix: "prq",
    table: "privacy_requests",
    reads: Some("consent:read"),
    rules: Rules { agent: Served("customer_id"), partner: Nobody, customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "PrivacyRequestKind" { Access = "access", Erasure = "erasure", Rectification = "rectification", Restriction = "restriction", Portability = "portability" }
}
text_enum! {
    State "PrivacyRequestState" { Received = "received", InProgress = "inProgress", Completed = "completed", Rejected = "rejected" }
}
text_enum! {
    RequestedAs "PrivacyRequestedAs" { Agent = "agent", Customer = "customer" }
}

/// Within one month, says the law (Art. 12(3)).
const DUE_DAYS: u64 = 30;

/// The customer, where the caller may ask something about its data; locked until the transaction ends.
pub async fn of_customer(w: &Write, customer_id: Uuid) -> Result<customer::Model> {
    use sea_orm::QuerySelect;
    let found = w.scope().find::<customer::Entity>().filter(customer::Column::Id.eq(customer_id));
    let found = found.lock(sea_orm::sea_query::LockType::NoKeyUpdate).one(w.tx()).await?;
    let customer = found.ok_or_else(|| not_found("customerId", "customer"))?;
    if customer.erased_at.is_some() {
        return Err(Error::refused(Code::InvalidTransition, "customerId", "This customer was erased: there is nothing left to ask for."));
    }
    Ok(customer)
}

/// Takes down what a customer asks for. One request of a kind is open at a time: asked again, it is the same.
pub async fn create(w: &mut Write, customer_id: Uuid, kind: Kind) -> Result<Uuid> {
    needs_at(w, "privacy:write", Some(customer_id)).await?;
    let customer = of_customer(w, customer_id).await?;
    if let Some(open) = open(w, customer.id, kind).await? {
        return Ok(open.id);
    }
    let partner_id = partner_customer::seller(w, customer.id).await?;
    let id = crate::id::at(w.at());
    let row = Model {
        id,
        created_at: w.at(),
        updated_at: w.at(),
        row_version: 1,
        customer_id: customer.id,
        partner_id,
        kind,
        state: State::Received,
        due_on: w.at().date_naive() + Days::new(DUE_DAYS),
        completed_at: None,
        task_id: None,
        requested_by: w.scope().subject.clone(),
        requested_as: if w.scope().audience == Audience::Customer { RequestedAs::Customer } else { RequestedAs::Agent },
    };
    Entity::insert(row.into_active_model()).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, Some(customer.id), partner_id);
    w.audit(Action::Create, &ENTITY, id, Some(customer.id), &["kind"]);
    w.state(&ENTITY, id, (Some(customer.id), partner_id), None, State::Received.text(), None).await?;
    Ok(id)
}
async fn open(w: &Write, customer_id: Uuid, kind: Kind) -> Result<Option<Model>> {
    let open = Entity::find().filter(Column::CustomerId.eq(customer_id)).filter(Column::Kind.eq(kind));
    Ok(open.filter(Column::State.is_in([State::Received, State::InProgress])).one(w.tx()).await?)
}

/// A task works on it now.
pub async fn begun(w: &mut Write, customer_id: Uuid, kind: Kind, task_id: Uuid) -> Result<()> {
    let Some(request) = open(w, customer_id, kind).await? else { return Ok(()) };
    let row = ActiveModel {
        id: sea_orm::ActiveValue::Set(request.id),
        updated_at: sea_orm::ActiveValue::Set(w.at()),
        row_version: sea_orm::ActiveValue::Set(request.row_version + 1),
        state: sea_orm::ActiveValue::Set(State::InProgress),
        task_id: sea_orm::ActiveValue::Set(Some(task_id)),
        ..Default::default()
    };
    Entity::update(row).exec(w.tx()).await?;
    w.changed(Operation::Update, &ENTITY, request.id, Some(customer_id), request.partner_id);
    w.state(&ENTITY, request.id, (Some(customer_id), request.partner_id), Some(request.state.text()), State::InProgress.text(), None).await
}
/// Its task is done.
pub async fn completed(w: &mut Write, task: &task::Model) -> Result<()> {
    let asked = Entity::find().filter(Column::TaskId.eq(task.id)).filter(Column::State.eq(State::InProgress)).all(w.tx()).await?;
    for request in asked {
        end(w, &request, State::Completed).await?;
    }
    Ok(())
}
/// An agent has answered it, or turned it down: what the hub does by itself it ends by itself.
pub async fn close(w: &mut Write, id: Uuid, to: State) -> Result<Uuid> {
    needs(w.scope(), "privacy:write")?;
    let found = w.scope().find::<Entity>().filter(Column::Id.eq(id)).one(w.tx()).await?;
    let request = found.filter(|_| w.scope().audience == Audience::Agent).ok_or_else(|| not_found("id", "request"))?;
    if !matches!(to, State::Completed | State::Rejected) {
        return Err(Error::refused(Code::InvalidValue, "state", "A request ends completed or rejected."));
    }
    if !matches!(request.state, State::Received | State::InProgress) {
        return Err(Error::refused(Code::InvalidTransition, "state", "This request was answered before."));
    }
    end(w, &request, to).await?;
    w.audit(Action::Update, &ENTITY, id, Some(request.customer_id), &["state"]);
    Ok(id)
}
async fn end(w: &mut Write, request: &Model, to: State) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(to))
        .col_expr(Column::CompletedAt, Expr::value(Some(w.at())))
        .col_expr(Column::UpdatedAt, Expr::value(w.at()))
        .col_expr(Column::RowVersion, Expr::value(request.row_version + 1))
        .filter(Column::Id.eq(request.id))
        .exec(w.tx())
        .await?;
    let owner = (Some(request.customer_id), request.partner_id);
    w.changed(Operation::Update, &ENTITY, request.id, owner.0, owner.1);
    w.state(&ENTITY, request.id, owner, Some(request.state.text()), to.text(), None).await
}
