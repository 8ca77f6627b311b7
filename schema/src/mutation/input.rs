//! What a mutation takes.
use crate::{audience::auth, scalars::Choice};
use async_graphql::{ID, InputObject, MaybeUndefined};
use entities::{
    care::{ticket, ticket_note},
    knowledge::article,
    party::{customer, customer_contact},
    privacy::{consent, erasure, privacy_request},
};

/// A question for the bot.
#[derive(InputObject, serde::Serialize)]
pub struct AskInput {
    /// In your own words, at most 4,000 characters.
    pub(super) question: String,
    /// To go on with a talk; a new one begins without it.
    pub(super) conversation_id: Option<ID>,
    /// The language to answer in; told from the question when not given.
    pub(super) locale: Option<String>,
    /// The same key and input again give the same answer.
    pub(super) idempotency_key: Option<String>,
}
/// A new ticket.
#[derive(InputObject, serde::Serialize)]
pub struct TicketOpenInput {
    /// For whom; a login of one customer can leave it out, an agent may not know yet.
    pub(super) customer_id: Option<ID>,
    /// What sort of matter it is.
    pub(super) kind: Choice<ticket::Kind>,
    /// What it is about, in one line.
    pub(super) name: String,
    /// All that helps to mend it.
    pub(super) description: String,
    /// The product it is about.
    pub(super) product_id: Option<ID>,
    /// The bill it is about.
    pub(super) bill_id: Option<ID>,
    /// The same key and input again give the same ticket.
    pub(super) idempotency_key: Option<String>,
}
/// A note on a ticket.
#[derive(InputObject, serde::Serialize)]
pub struct TicketReplyInput {
    pub(super) ticket_id: ID,
    /// What you say.
    pub(super) body: String,
    /// Who may read it; everybody on the ticket when not given.
    #[graphql(directive = auth::apply("agent partner".into(), None, None))]
    pub(super) visibility: Option<Choice<ticket_note::Visibility>>,
    /// What the ticket becomes with it.
    pub(super) status: Option<Choice<ticket::Status>>,
    /// The same key and input again add nothing.
    pub(super) idempotency_key: Option<String>,
}
/// A change of a ticket. What is not given stays.
#[derive(InputObject, serde::Serialize)]
pub struct TicketUpdateInput {
    pub(super) ticket_id: ID,
    /// The `version` that you read.
    pub(super) expected_version: i32,
    pub(super) status: Option<Choice<ticket::Status>>,
    /// Why, for agents' eyes.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) status_reason: Option<String>,
    /// Needs the scope ticket:triage.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) priority: Option<Choice<ticket::Priority>>,
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) name: Option<String>,
    /// What was done about it.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) resolution: Option<String>,
    /// The same key and input again change nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// A change of a customer. What is not given stays.
#[derive(InputObject, serde::Serialize)]
pub struct CustomerUpdateInput {
    pub(super) customer_id: ID,
    /// The `version` that you read.
    pub(super) expected_version: i32,
    pub(super) display_name: Option<String>,
    /// The language to write in, BCP 47.
    pub(super) locale: Option<String>,
    pub(super) preferred_channel: Option<Choice<customer::PreferredChannel>>,
    /// Agents only.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) status: Option<Choice<customer::Status>>,
    /// Agents only.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) status_reason: Option<String>,
    /// Agents only: the customer to stand below; null makes it the top of a tree.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) parent_id: MaybeUndefined<ID>,
    /// The same key and input again change nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// Somebody who does something for a customer: a new contact, or by `id` one that is there.
#[derive(InputObject, serde::Serialize)]
pub struct CustomerContactSaveInput {
    /// The contact that changes; a new one without it.
    pub(super) id: Option<ID>,
    pub(super) customer_id: ID,
    /// Somebody who is known already.
    pub(super) party_id: Option<ID>,
    /// Somebody new, by name.
    pub(super) display_name: Option<String>,
    /// What the person may see and do.
    pub(super) role: Choice<customer_contact::Role>,
    /// Today when not given.
    pub(super) valid_from: Option<String>,
    /// The last day; without an end when not given.
    pub(super) valid_to: Option<String>,
    /// The login that stands for this person.
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) login: Option<LoginInput>,
    /// The same key and input again change nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// A login, as its issuer names it.
#[derive(InputObject, serde::Serialize)]
pub struct LoginInput {
    /// The issuer of its tokens (`iss`).
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) issuer: String,
    /// Its name there (`sub`).
    #[graphql(directive = auth::apply("agent".into(), None, None))]
    pub(super) subject: String,
}
/// Which customer to look at as they do, and why.
#[derive(InputObject)]
pub struct CustomerViewInput {
    pub(super) customer_id: ID,
    /// For the audit log, which the customer reads.
    pub(super) reason: String,
}
/// A consent, and how it can be proven.
#[derive(InputObject, serde::Serialize)]
pub struct ConsentSetInput {
    pub(super) customer_id: ID,
    pub(super) purpose: Choice<consent::Purpose>,
    pub(super) state: Choice<consent::State>,
    /// Where it was said: `portal`, `phone`.
    pub(super) channel: String,
    /// Which wording was shown.
    pub(super) text_version: String,
    /// The same key and input again write nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// A text of an article.
#[derive(InputObject, serde::Serialize)]
pub struct ArticleSaveInput {
    /// The article; a new one without it.
    pub(super) id: Option<ID>,
    /// Its name in links; made from the title when not given.
    pub(super) slug: Option<String>,
    pub(super) kind: Choice<article::Kind>,
    /// Who may read it.
    pub(super) audience: Choice<article::Audience>,
    /// The shelf it stands on.
    pub(super) category_code: Option<String>,
    /// The language of this text, BCP 47.
    pub(super) locale: String,
    pub(super) title: String,
    /// In a sentence.
    pub(super) summary: Option<String>,
    /// Markdown.
    pub(super) body: String,
    /// Words to find it by.
    pub(super) keywords: Option<Vec<String>>,
    /// Other ways to ask for it.
    pub(super) questions: Option<Vec<String>>,
    /// The article's `version` that you read; leave it out to overwrite.
    pub(super) expected_version: Option<i32>,
    /// The same key and input again save nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// Which draft to publish.
#[derive(InputObject, serde::Serialize)]
pub struct ArticlePublishInput {
    pub(super) id: ID,
    /// The language of the draft.
    pub(super) locale: String,
    /// The article's `version` that you read.
    pub(super) expected_version: Option<i32>,
    /// The same key and input again publish nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// Whether something helped: one of the two ids.
#[derive(InputObject, serde::Serialize)]
pub struct FeedbackSubmitInput {
    pub(super) article_version_id: Option<ID>,
    pub(super) answer_id: Option<ID>,
    pub(super) is_helpful: bool,
    /// Why, at most 2,000 characters.
    pub(super) comment: Option<String>,
    /// The same key and input again count once.
    pub(super) idempotency_key: Option<String>,
}
/// A new token of a partner.
#[derive(InputObject, serde::Serialize)]
pub struct PartnerTokenCreateInput {
    /// Whose; your own partner when not given. Agents always give it.
    pub(super) partner_id: Option<ID>,
    /// What it is for, at most 100 characters.
    pub(super) name: String,
    /// What it may do. A partner gives only what it may do itself, and never `partner.token:write`.
    pub(super) scopes: Vec<String>,
    /// How long it holds, 1 to 366 days; 90 when not given.
    pub(super) ttl_days: Option<i32>,
    /// The same key and input again give the same row, without the token: that is shown once.
    pub(super) idempotency_key: Option<String>,
}
/// Which token to end.
#[derive(InputObject, serde::Serialize)]
pub struct PartnerTokenRevokeInput {
    pub(super) id: ID,
    /// The same key and input again change nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// Whose data to export.
#[derive(InputObject, serde::Serialize)]
pub struct ExportCreateInput {
    /// The customer, with all below it.
    pub(super) customer_id: ID,
    /// The same key and input again give the same task.
    pub(super) idempotency_key: Option<String>,
}
/// Whom to erase, and why.
#[derive(InputObject, serde::Serialize)]
pub struct CustomerEraseInput {
    /// The customer, with all below it.
    pub(super) customer_id: ID,
    /// The ground in law (GDPR Art. 17(1)).
    pub(super) reason: Choice<erasure::Ground>,
    /// Erase although bills are unpaid; without it that is refused.
    pub(super) even_though_owing: Option<bool>,
    /// The same key and input again give the same task.
    pub(super) idempotency_key: Option<String>,
}
/// How a request about somebody's data ended.
#[derive(InputObject, serde::Serialize)]
pub struct PrivacyRequestCloseInput {
    pub(super) id: ID,
    /// COMPLETED or REJECTED.
    pub(super) state: Choice<privacy_request::State>,
    /// The same key and input again change nothing more.
    pub(super) idempotency_key: Option<String>,
}
/// What somebody asks about its data.
#[derive(InputObject, serde::Serialize)]
pub struct PrivacyRequestCreateInput {
    pub(super) customer_id: ID,
    pub(super) kind: Choice<privacy_request::Kind>,
    /// The same key and input again give the same request.
    pub(super) idempotency_key: Option<String>,
}
