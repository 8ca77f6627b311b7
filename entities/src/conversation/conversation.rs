//! A talk on one channel, with the bot or a human.
use crate::{
    error::{Code, Error, Result},
    model::*,
    outbox::change::Operation,
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{ConnectionTrait, IntoActiveModel, UpdateMany, sea_query::Expr};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversations")]
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
    pub customer_id: Option<Uuid>,
    pub partner_id: Option<Uuid>,
    pub channel: Channel,
    pub subject: Option<String>,
    pub status: Status,
    pub verification: Verification,
    pub session_hash: Option<String>,
    pub started_at: DateTimeUtc,
    pub handoff_at: Option<DateTimeUtc>,
    pub handoff_reason: Option<String>,
    pub first_agent_reply_at: Option<DateTimeUtc>,
    pub resolved_at: Option<DateTimeUtc>,
    pub resolved_by: Option<ResolvedBy>,
    /// Who talks, where the hub knows the login.
    pub party_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "Conversation",
    prefix: "cnv",
    table: "conversations",
    reads: Some("conversation:read"),
    rules: Rules {
        agent: Served("customer_id"),
        partner: Where("{t}.partner_id {partners}"),
        customer: OwnOr("customer_id", "{t}.party_id {party}"),
        public: Where("{t}.session_hash = {session}"),
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Channel "Channel" { Phone = "phone", Email = "email", Chat = "chat", Portal = "portal", Store = "store", Field = "field", Social = "social", Forum = "forum", Sms = "sms", Post = "post", Bot = "bot" }
}

text_enum! {
    Status "ConversationStatus" { Bot = "bot", Waiting = "waiting", Agent = "agent", Resolved = "resolved", Abandoned = "abandoned" }
}

text_enum! {
    Verification "ConversationVerification" { Anonymous = "anonymous", AddressMatched = "address_matched", Authenticated = "authenticated" }
}

text_enum! {
    ResolvedBy "ConversationResolvedBy" { Bot = "bot", Agent = "agent", Customer = "customer", Timeout = "timeout" }
}

impl Model {
    /// Nothing more can be said in it.
    pub fn is_closed(&self) -> bool {
        matches!(self.status, Status::Resolved | Status::Abandoned)
    }
}

/// Opens a talk of the caller: a customer's belongs to the first of their customers, a partner's to the partner, one
/// without a login to the session alone.
pub async fn open(w: &mut Write, channel: Channel, subject: Option<String>) -> Result<Model> {
    let (scope, id) = (w.scope().clone(), crate::id::at(w.at()));
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
        customer_id: scope.customers.first().copied().filter(|_| scope.audience == Audience::Customer),
        party_id: scope.party,
        partner_id: scope.partners.first().copied().filter(|_| scope.audience == Audience::Partner),
        channel,
        subject,
        status: Status::Bot,
        verification: if scope.audience == Audience::Public { Verification::Anonymous } else { Verification::Authenticated },
        session_hash: scope.session.filter(|_| scope.audience == Audience::Public),
        started_at: w.at(),
        handoff_at: None,
        handoff_reason: None,
        first_agent_reply_at: None,
        resolved_at: None,
        resolved_by: None,
    };
    Entity::insert(row.clone().into_active_model()).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, row.customer_id, row.partner_id);
    w.audit(Action::Create, &ENTITY, id, row.customer_id, &["channel", "subject"]);
    w.state(&ENTITY, id, (row.customer_id, row.partner_id), None, row.status.text(), None).await?;
    Ok(row)
}

/// A talk that the caller may know; another's is not there.
pub async fn one(scope: &crate::Scope, db: &impl ConnectionTrait, id: Uuid) -> Result<Model> {
    let found = scope.find::<Entity>().filter(Column::Id.eq(id)).one(db).await?;
    found.ok_or_else(|| Error::refused(Code::NotFound, "conversationId", "There is no such conversation."))
}

/// The same, and something can still be said in it.
pub async fn one_open(scope: &crate::Scope, db: &impl ConnectionTrait, id: Uuid) -> Result<Model> {
    let found = one(scope, db, id).await?;
    if found.is_closed() {
        return Err(Error::refused(Code::ConversationClosed, "conversationId", "This conversation is closed. Please start a new one."));
    }
    Ok(found)
}

/// Asks for a human: the talk waits until one takes it.
pub async fn hand_over(w: &mut Write, talk: &Model, reason: &str) -> Result<()> {
    let (at, reason_text) = (w.at(), reason.to_string());
    let columns = |u: UpdateMany<Entity>| u.col_expr(Column::HandoffAt, Expr::value(at)).col_expr(Column::HandoffReason, Expr::value(reason_text));
    become_(w, talk, Status::Waiting, Some(reason), columns).await
}

/// Ends a talk.
pub async fn resolve(w: &mut Write, id: Uuid, by: ResolvedBy) -> Result<()> {
    let talk = one_open(w.scope(), w.tx(), id).await?;
    let at = w.at();
    become_(w, &talk, Status::Resolved, None, |u| u.col_expr(Column::ResolvedAt, Expr::value(at)).col_expr(Column::ResolvedBy, Expr::value(by))).await
}

/// A change of status under the optimistic lock: a human's take-over and the bot's hand-over cannot both win.
async fn become_(
    w: &mut Write,
    talk: &Model,
    to: Status,
    reason: Option<&str>,
    columns: impl FnOnce(UpdateMany<Entity>) -> UpdateMany<Entity>,
) -> Result<()> {
    let update = columns(Entity::update_many())
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::UpdatedAt, Expr::value(w.at()))
        .col_expr(Column::RowVersion, Expr::value(talk.row_version + 1))
        .filter(Column::Id.eq(talk.id))
        .filter(Column::RowVersion.eq(talk.row_version));
    if update.exec(w.tx()).await?.rows_affected == 0 {
        return Err(Error::refused(Code::StaleVersion, "conversationId", "Somebody else has just changed this conversation. Please try again."));
    }
    let owner = (talk.customer_id, talk.partner_id);
    w.changed(Operation::Update, &ENTITY, talk.id, owner.0, owner.1);
    w.audit(Action::Update, &ENTITY, talk.id, owner.0, &["status"]);
    w.state(&ENTITY, talk.id, owner, Some(talk.status.text()), to.text(), reason).await
}
