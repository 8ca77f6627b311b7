//! What a mutation answers: the row that came of it, or what the caller can mend.
use crate::{
    audience::auth,
    names::{BotAnswer, Consent, Conversation, Customer, CustomerContact, KbArticle, PartnerToken, PrivacyRequest, Task, Ticket},
    node::{Declared, Node},
    scalars::DateTime,
};
use async_graphql::{Enum, SimpleObject};
use entities::error::Refusal;
use uuid::Uuid;

/// The row that came of it, or what the caller can mend.
pub(super) type Done = Result<Uuid, Vec<UserError>>;

fn row<T: Declared>(done: Done) -> (Option<Node<T>>, Vec<UserError>) {
    match done {
        Ok(id) => (Some(Node::by_id(id)), vec![]),
        Err(user_errors) => (None, user_errors),
    }
}

/// Something that the caller can mend.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct UserError {
    /// What is wrong, for a program.
    code: UserErrorCode,
    /// The input field, from the outside in; null where it is the whole.
    field: Option<Vec<String>>,
    /// What is wrong, for a person.
    message: String,
}
impl From<Refusal> for UserError {
    fn from(r: Refusal) -> Self {
        let field = (!r.field.is_empty()).then(|| r.field.split('.').map(Into::into).collect());
        UserError { code: r.code.into(), field, message: r.message }
    }
}
/// What is wrong with an input.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::error::Code")]
pub enum UserErrorCode {
    /// A text must not be blank.
    Blank,
    /// A text is longer than there is room.
    TooLong,
    /// There is no such thing, or none that you may see.
    NotFound,
    /// A value that is not possible here.
    InvalidValue,
    /// The status cannot change that way.
    InvalidTransition,
    /// Somebody else changed it since you read it.
    StaleVersion,
    /// The key was used before, with another input.
    IdempotencyConflict,
    /// You asked the same a few minutes ago.
    DuplicateOfOpenTicket,
    /// The conversation is over.
    ConversationClosed,
    /// Too much at once; try again later.
    RateLimited,
    /// This needs a login.
    LoginRequired,
}

/// What came of a question.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct AskPayload {
    /// The talk; null when there was an error.
    conversation: Option<Node<Conversation>>,
    /// The answer; null when there was an error.
    answer: Option<Node<BotAnswer>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl AskPayload {
    pub(super) fn of(asked: Result<bot::Asked, Vec<UserError>>) -> Self {
        match asked {
            Ok(a) => AskPayload { conversation: Some(Node::by_id(a.conversation_id)), answer: Some(Node::by_id(a.answer_id)), user_errors: vec![] },
            Err(user_errors) => AskPayload { conversation: None, answer: None, user_errors },
        }
    }
}
/// What became of a ticket.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct TicketPayload {
    /// The ticket as it is now; null when there was an error.
    ticket: Option<Node<Ticket>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl TicketPayload {
    pub(super) fn of(done: Done) -> Self {
        let (ticket, user_errors) = row(done);
        TicketPayload { ticket, user_errors }
    }
}
/// What became of a customer.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct CustomerPayload {
    /// The customer as it is now; null when there was an error.
    customer: Option<Node<Customer>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl CustomerPayload {
    pub(super) fn of(done: Done) -> Self {
        let (customer, user_errors) = row(done);
        CustomerPayload { customer, user_errors }
    }
}
/// What became of a contact.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct CustomerContactPayload {
    /// The contact as it is now; null when there was an error.
    contact: Option<Node<CustomerContact>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl CustomerContactPayload {
    pub(super) fn of(done: Done) -> Self {
        let (contact, user_errors) = row(done);
        CustomerContactPayload { contact, user_errors }
    }
}
/// A token that sees the hub as the customer does.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("agent".into(), None, Some(0)))]
pub struct CustomerViewPayload {
    /// The token: it reads and changes nothing. Null when there was an error.
    token: Option<String>,
    /// Until when it holds; null when there was an error.
    expires_at: Option<DateTime>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl CustomerViewPayload {
    pub(super) fn of(done: Result<crate::ViewToken, Vec<UserError>>) -> Self {
        match done {
            Ok(t) => CustomerViewPayload { token: Some(t.token), expires_at: Some(DateTime(t.expires_at)), user_errors: vec![] },
            Err(user_errors) => CustomerViewPayload { token: None, expires_at: None, user_errors },
        }
    }
}
/// What was written down.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct ConsentPayload {
    /// The consent; null when there was an error.
    consent: Option<Node<Consent>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl ConsentPayload {
    pub(super) fn of(done: Done) -> Self {
        let (consent, user_errors) = row(done);
        ConsentPayload { consent, user_errors }
    }
}
/// What became of an article.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct ArticlePayload {
    /// The article as it is now; null when there was an error.
    article: Option<Node<KbArticle>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl ArticlePayload {
    pub(super) fn of(done: Done) -> Self {
        let (article, user_errors) = row(done);
        ArticlePayload { article, user_errors }
    }
}
/// Whether feedback was taken.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct FeedbackPayload {
    /// False when there was an error.
    is_accepted: bool,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl FeedbackPayload {
    pub(super) fn of(done: Done) -> Self {
        FeedbackPayload { is_accepted: done.is_ok(), user_errors: done.err().unwrap_or_default() }
    }
}
/// What became of a token of a partner.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("agent partner".into(), None, Some(0)))]
pub struct PartnerTokenPayload {
    /// The token's row as it is now; null when there was an error.
    partner_token: Option<Node<PartnerToken>>,
    /// The token itself, when it was made just now: keep it, it is never shown again. Null when there was an error, and
    /// where an idempotency key was used before.
    token: Option<String>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl PartnerTokenPayload {
    pub(super) fn of(done: Done, token: Option<String>) -> Self {
        let (partner_token, user_errors) = row(done);
        PartnerTokenPayload { token: token.filter(|_| partner_token.is_some()), partner_token, user_errors }
    }
}
/// What became of an export.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct ExportPayload {
    /// The work on it: ask for its `state` until there is a `url`; null when there was an error.
    task: Option<Node<Task>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl ExportPayload {
    pub(super) fn of(done: Done) -> Self {
        let (task, user_errors) = row(done);
        ExportPayload { task, user_errors }
    }
}
/// What became of an erasure.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("agent".into(), None, Some(0)))]
pub struct ErasePayload {
    /// The work on it; null when there was an error.
    task: Option<Node<Task>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl ErasePayload {
    pub(super) fn of(done: Done) -> Self {
        let (task, user_errors) = row(done);
        ErasePayload { task, user_errors }
    }
}
/// What was taken down.
#[derive(SimpleObject)]
#[graphql(directive = auth::apply("all".into(), None, Some(0)))]
pub struct PrivacyRequestPayload {
    /// The request; null when there was an error.
    privacy_request: Option<Node<PrivacyRequest>>,
    /// What you can mend.
    user_errors: Vec<UserError>,
}
impl PrivacyRequestPayload {
    pub(super) fn of(done: Done) -> Self {
        let (privacy_request, user_errors) = row(done);
        PrivacyRequestPayload { privacy_request, user_errors }
    }
}
