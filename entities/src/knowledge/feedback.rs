//! Whether an article or an answer helped.
use super::article_version;
use crate::{
    conversation::{bot_answer, message},
    error::{Code, Error, Result},
    model::*,
    outbox::change::Operation,
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::ActiveValue::Set;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kb_feedback")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub row_version: i32,
    pub customer_id: Option<Uuid>,
    pub version_id: Option<Uuid>,
    pub answer_id: Option<Uuid>,
    pub helpful: bool,
    pub comment: Option<String>,
    pub conversation_id: Option<Uuid>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "KbFeedback",
    prefix: "kbf",
    table: "kb_feedback",
    reads: None,
    rules: Rules { agent: Served("customer_id"), partner: Nobody, customer: Own("customer_id"), public: Nobody },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

/// What a reader thinks of an article's text or of an answer: one of the two.
#[derive(Clone, Debug, Default)]
pub struct Submit {
    pub version_id: Option<Uuid>,
    pub answer_id: Option<Uuid>,
    pub helpful: bool,
    pub comment: Option<String>,
}

const MOST_COMMENT: usize = 2_000;

/// Takes feedback on something that the caller may read.
pub async fn submit(w: &mut Write, submit: Submit) -> Result<Uuid> {
    if submit.comment.as_ref().is_some_and(|c| c.chars().count() > MOST_COMMENT) {
        return Err(Error::refused(Code::TooLong, "comment", format!("A comment has room for {MOST_COMMENT} characters.")));
    }
    let (customer_id, conversation_id) = match (submit.version_id, submit.answer_id) {
        (Some(version), None) => (on_version(w, version).await?, None),
        (None, Some(answer)) => on_answer(w, answer, submit.helpful).await?,
        _ => return Err(Error::refused(Code::InvalidValue, "", "Please name either an article version or an answer.")),
    };
    let id = crate::id::at(w.at());
    let row = ActiveModel {
        id: Set(id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        customer_id: Set(customer_id),
        version_id: Set(submit.version_id),
        answer_id: Set(submit.answer_id),
        helpful: Set(submit.helpful),
        comment: Set(submit.comment.map(|c| c.replace('\0', "")).filter(|c| !c.trim().is_empty())),
        conversation_id: Set(conversation_id),
    };
    Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, customer_id, None);
    w.audit(Action::Create, &ENTITY, id, customer_id, &["helpful", "comment"]);
    Ok(id)
}

async fn on_version(w: &Write, id: Uuid) -> Result<Option<Uuid>> {
    let found = w.scope().find::<article_version::Entity>().filter(article_version::Column::Id.eq(id)).one(w.tx()).await?;
    found.ok_or_else(|| Error::refused(Code::NotFound, "versionId", "There is no such article version."))?;
    Ok(w.scope().customers.first().copied())
}

async fn on_answer(w: &mut Write, id: Uuid, helpful: bool) -> Result<(Option<Uuid>, Option<Uuid>)> {
    let found = w.scope().find::<bot_answer::Entity>().filter(bot_answer::Column::Id.eq(id)).one(w.tx()).await?;
    let answer = found.ok_or_else(|| Error::refused(Code::NotFound, "answerId", "There is no such answer."))?;
    let message = w.scope().find::<message::Entity>().filter(message::Column::Id.eq(answer.message_id)).one(w.tx()).await?;
    let (customer, row_version) = (answer.customer_id, answer.row_version + 1);
    let row = bot_answer::ActiveModel { helpful: Set(Some(helpful)), updated_at: Set(w.at()), row_version: Set(row_version), ..answer.into() };
    bot_answer::Entity::update(row).exec(w.tx()).await?;
    w.changed(Operation::Update, &bot_answer::ENTITY, id, customer, None);
    Ok((customer, message.map(|m| m.conversation_id)))
}
