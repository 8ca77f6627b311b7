//! Everything that can be done. Each field takes one input and answers with one payload: the row that came of it, or
//! `userErrors` that the caller can mend. With an `idempotencyKey` the same input again gives the same answer, and
//! nothing new happens.

/// What a mutation takes.
mod input;
/// What a mutation answers.
mod payload;

use crate::{
    audience::auth,
    deny,
    error::{Refused, graph},
    node::caller,
};
use async_graphql::{Context, ID, MaybeUndefined, Object, Result};
use chrono::NaiveDate;
use entities::{
    Audience, Error, Write,
    care::{ticket, ticket_note},
    conversation::{bot_answer, conversation},
    error::Code,
    exchange::idempotency_key,
    knowledge::{article, article_version, feedback},
    model::EntityKind,
    mutant::without,
    party::{customer, customer_contact, partner, partner_token, partner_token::secret, party},
    privacy::{access, consent, erasure, privacy_request},
};
use futures::future::BoxFuture;
use input::*;
use payload::*;
use uuid::Uuid;

/// Everything that can be done.
pub struct Mutation;
/// Everything that can be done.
#[Object]
impl Mutation {
    /// Asks the bot. It answers from what you may read, with its sources, or hands over to a human. Without a token this
    /// needs the header `x-session`, 16 to 128 characters that nobody can guess: who sends it again reads the answer again.
    #[graphql(directive = auth::apply("all".into(), None, Some(50)))]
    async fn ask(&self, ctx: &Context<'_>, input: AskInput) -> Result<Option<AskPayload>> {
        let nameless = caller(ctx).scope.audience == Audience::Public && caller(ctx).scope.session.is_none();
        let asked = match input.conversation_id.as_ref().map(|id| readable_talk(ctx, id)).transpose() {
            Err(e) => Err(e),
            // nobody could read what was said
            Ok(_) if nameless && !without(|| "ask:session".into()) => Err(Error::refused(
                Code::LoginRequired,
                "",
                "Please log in, or send the header x-session with 16 to 128 characters that nobody can guess, so that the answer is shown to you alone.",
            )),
            Ok(conversation_id) => {
                let ask = bot::Ask {
                    question: input.question,
                    conversation_id,
                    locale: input.locale,
                    channel: conversation::Channel::Chat,
                    idempotency_key: input.idempotency_key,
                };
                ctx.data_unchecked::<crate::Hub>().bot.ask(&caller(ctx).scope, ask).await.map_err(|e| match e {
                    bot::Error::Entities(e) => e,
                    e => Error::Invalid(e.to_string()),
                })
            }
        };
        Ok(Some(AskPayload::of(settle(asked)?)))
    }
    /// Opens a ticket: for your own customer, for one that you sold to, or as an agent for anybody.
    #[graphql(directive = auth::apply("agent partner customer".into(), Some("ticket:write".into()), Some(20)))]
    async fn ticket_open(&self, ctx: &Context<'_>, input: TicketOpenInput) -> Result<Option<TicketPayload>> {
        let done = perform(ctx, "ticketOpen", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let open = ticket::Open {
                    customer_id: optional(ctx, &customer::ENTITY, &i.customer_id, "customerId")?,
                    kind: i.kind.0,
                    name: i.name,
                    description: i.description,
                    product_id: optional(ctx, &entities::catalogue::product::ENTITY, &i.product_id, "productId")?,
                    bill_id: optional(ctx, &entities::billing::bill::ENTITY, &i.bill_id, "billId")?,
                    conversation_id: None,
                    channel: ticket::Channel::Portal,
                };
                ticket::open(w, open).await
            })
        });
        Ok(Some(TicketPayload::of(done.await?)))
    }
    /// Adds a note to a ticket. A customer's word opens a resolved ticket again.
    #[graphql(directive = auth::apply("agent partner customer".into(), Some("ticket:write".into()), Some(20)))]
    async fn ticket_reply(&self, ctx: &Context<'_>, input: TicketReplyInput) -> Result<Option<TicketPayload>> {
        let done = perform(ctx, "ticketReply", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let ticket_id = known(ctx, &ticket::ENTITY, &i.ticket_id, "ticketId")?;
                let visibility = i.visibility.map_or(ticket_note::Visibility::Public, |v| v.0);
                ticket::reply(w, ticket::Reply { ticket_id, body: i.body, visibility, status: i.status.map(|s| s.0) }).await?;
                Ok(ticket_id)
            })
        });
        Ok(Some(TicketPayload::of(done.await?)))
    }
    /// Changes a ticket. Customers and partners can close theirs or open again what was resolved.
    #[graphql(directive = auth::apply("agent partner customer".into(), Some("ticket:write".into()), Some(20)))]
    async fn ticket_update(&self, ctx: &Context<'_>, input: TicketUpdateInput) -> Result<Option<TicketPayload>> {
        let done = perform(ctx, "ticketUpdate", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let ticket_id = known(ctx, &ticket::ENTITY, &i.ticket_id, "ticketId")?;
                let update = ticket::Update {
                    ticket_id,
                    expected_version: i.expected_version,
                    status: i.status.map(|s| s.0),
                    status_reason: i.status_reason,
                    priority: i.priority.map(|p| p.0),
                    name: i.name,
                    resolution: i.resolution,
                };
                ticket::update(w, update).await?;
                Ok(ticket_id)
            })
        });
        Ok(Some(TicketPayload::of(done.await?)))
    }
    /// Changes a customer: how to address and reach it; as an agent also its status and its place in the hierarchy.
    #[graphql(directive = auth::apply("agent customer".into(), Some("customer:write".into()), Some(20)))]
    async fn customer_update(&self, ctx: &Context<'_>, input: CustomerUpdateInput) -> Result<Option<CustomerPayload>> {
        let done = perform(ctx, "customerUpdate", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let customer_id = known(ctx, &customer::ENTITY, &i.customer_id, "customerId")?;
                let parent = match &i.parent_id {
                    MaybeUndefined::Undefined => None,
                    MaybeUndefined::Null => Some(None),
                    MaybeUndefined::Value(id) => Some(Some(known(ctx, &customer::ENTITY, id, "parentId")?)),
                };
                let update = customer::Update {
                    customer_id,
                    expected_version: i.expected_version,
                    display_name: i.display_name,
                    locale: i.locale,
                    preferred_channel: i.preferred_channel.map(|c| c.0),
                    status: i.status.map(|s| s.0),
                    status_reason: i.status_reason,
                    parent,
                };
                customer::update(w, update).await?;
                Ok(customer_id)
            })
        });
        Ok(Some(CustomerPayload::of(done.await?)))
    }
    /// Names somebody who does something for a customer, or changes it. As soon as somebody is named, only those who are
    /// get in, each as far as the role goes. By an account owner or an agent.
    #[graphql(directive = auth::apply("agent customer".into(), Some("customer:write".into()), Some(20)))]
    async fn customer_contact_save(&self, ctx: &Context<'_>, input: CustomerContactSaveInput) -> Result<Option<CustomerContactPayload>> {
        let done = perform(ctx, "customerContactSave", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let save = customer_contact::Save {
                    id: optional(ctx, &customer_contact::ENTITY, &i.id, "id")?,
                    customer_id: known(ctx, &customer::ENTITY, &i.customer_id, "customerId")?,
                    party_id: optional(ctx, &party::ENTITY, &i.party_id, "partyId")?,
                    display_name: i.display_name,
                    role: i.role.0,
                    valid_from_on: day(&i.valid_from, "validFrom")?,
                    valid_to_on: day(&i.valid_to, "validTo")?,
                    login: i.login.map(|l| (l.issuer, l.subject)),
                };
                customer_contact::save(w, save).await
            })
        });
        Ok(Some(CustomerContactPayload::of(done.await?)))
    }
    /// Gives a short-lived token that sees what this customer sees and changes nothing. The customer reads in the access
    /// log that an agent looked.
    #[graphql(directive = auth::apply("agent".into(), Some("customer:impersonate".into()), Some(20)))]
    async fn customer_view(&self, ctx: &Context<'_>, input: CustomerViewInput) -> Result<Option<CustomerViewPayload>> {
        let hub = ctx.data_unchecked::<crate::Hub>();
        let viewed = async {
            let customer_id = known(ctx, &customer::ENTITY, &input.customer_id, "customerId")?;
            let mut w = hub.store.write(&caller(ctx).scope).await?;
            customer::view(&mut w, customer_id, &input.reason).await?;
            let unsigned = || Error::Invalid("there is no key to sign with".into());
            let token = hub.view_as.as_ref().and_then(|sign| sign(&caller(ctx).scope, customer_id)).ok_or_else(unsigned)?;
            w.commit().await?;
            Ok(token)
        };
        Ok(Some(CustomerViewPayload::of(settle(viewed.await)?)))
    }
    /// Writes down a consent, or that it was denied or withdrawn. What was said before stays on record.
    #[graphql(directive = auth::apply("agent customer".into(), Some("consent:write".into()), Some(20)))]
    async fn consent_set(&self, ctx: &Context<'_>, input: ConsentSetInput) -> Result<Option<ConsentPayload>> {
        let done = perform(ctx, "consentSet", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let customer_id = known(ctx, &customer::ENTITY, &i.customer_id, "customerId")?;
                let evidence = consent::Evidence { channel: i.channel, text_version: i.text_version };
                consent::set(w, consent::Set { customer_id, purpose: i.purpose.0, state: i.state.0, evidence }).await
            })
        });
        Ok(Some(ConsentPayload::of(done.await?)))
    }
    /// Saves a text of an article as the draft of its language. What is published stays as it is.
    #[graphql(directive = auth::apply("agent".into(), Some("kb:write".into()), Some(20)))]
    async fn article_save(&self, ctx: &Context<'_>, input: ArticleSaveInput) -> Result<Option<ArticlePayload>> {
        let done = perform(ctx, "articleSave", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let save = article::ArticleSave {
                    id: optional(ctx, &article::ENTITY, &i.id, "id")?,
                    slug: i.slug.unwrap_or_default(),
                    kind: i.kind.0,
                    audience: i.audience.0,
                    category_code: i.category_code,
                    locale: i.locale,
                    title: i.title,
                    summary: i.summary,
                    body_md: i.body,
                    keywords: i.keywords.unwrap_or_default(),
                    questions: i.questions.unwrap_or_default(),
                    expected_version: i.expected_version,
                };
                article::save(w, save).await
            })
        });
        Ok(Some(ArticlePayload::of(done.await?)))
    }
    /// Makes the draft of a language what readers see.
    #[graphql(directive = auth::apply("agent".into(), Some("kb:publish".into()), Some(20)))]
    async fn article_publish(&self, ctx: &Context<'_>, input: ArticlePublishInput) -> Result<Option<ArticlePayload>> {
        let done = perform(ctx, "articlePublish", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let id = known(ctx, &article::ENTITY, &i.id, "id")?;
                article::publish(w, id, &i.locale, i.expected_version).await?;
                Ok(id)
            })
        });
        Ok(Some(ArticlePayload::of(done.await?)))
    }
    /// Makes a token for a partner's programs. It is in this answer and nowhere else.
    #[graphql(directive = auth::apply("agent partner".into(), Some("partner:write".into()), Some(20)))]
    async fn partner_token_create(&self, ctx: &Context<'_>, input: PartnerTokenCreateInput) -> Result<Option<PartnerTokenPayload>> {
        let made = std::sync::Arc::new(std::sync::OnceLock::new());
        let shown = made.clone();
        let done = perform(ctx, "partnerTokenCreate", input.idempotency_key.clone(), input, move |ctx, w, i| {
            Box::pin(async move {
                let secret = secret::partner_token();
                let create = partner_token::Create {
                    partner_id: optional(ctx, &partner::ENTITY, &i.partner_id, "partnerId")?,
                    name: i.name,
                    scopes: i.scopes,
                    ttl_days: i.ttl_days.unwrap_or(90),
                    token_hash: secret::hash(&secret),
                    token_prefix: secret.chars().take(secret::PREFIX_CHARS).collect(),
                };
                let id = partner_token::create(w, create).await?;
                let _ = made.set(secret);
                Ok(id)
            })
        });
        let done = done.await?;
        // a second try with the same key makes nothing, and has nothing to show
        Ok(Some(PartnerTokenPayload::of(done, shown.get().cloned())))
    }
    /// Ends a token of a partner; its open streams end within a second.
    #[graphql(directive = auth::apply("agent partner".into(), Some("partner:write".into()), Some(20)))]
    async fn partner_token_revoke(&self, ctx: &Context<'_>, input: PartnerTokenRevokeInput) -> Result<Option<PartnerTokenPayload>> {
        let done = perform(ctx, "partnerTokenRevoke", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let id = known(ctx, &partner_token::ENTITY, &i.id, "id")?;
                partner_token::revoke(w, id).await?;
                Ok(id)
            })
        });
        Ok(Some(PartnerTokenPayload::of(done.await?, None)))
    }
    /// Has the hub write everything about a customer, and about all below it, into a file: one row a line (NDJSON), as far as
    /// the customer may know it, whoever asks. The task has a `url` when it is done; the file is deleted some days later.
    #[graphql(directive = auth::apply("agent customer".into(), Some("export:run".into()), Some(50)))]
    async fn export_create(&self, ctx: &Context<'_>, input: ExportCreateInput) -> Result<Option<ExportPayload>> {
        let done = perform(ctx, "exportCreate", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move { access::ask(w, known(ctx, &customer::ENTITY, &i.customer_id, "customerId")?).await })
        });
        Ok(Some(ExportPayload::of(done.await?)))
    }
    /// Erases a customer, all below it, and the people behind them. It cannot be undone. Bills stay with their sums and
    /// numbers, under a pseudonym.
    #[graphql(directive = auth::apply("agent".into(), Some("privacy:write".into()), Some(50)))]
    async fn customer_erase(&self, ctx: &Context<'_>, input: CustomerEraseInput) -> Result<Option<ErasePayload>> {
        let done = perform(ctx, "customerErase", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let customer_id = known(ctx, &customer::ENTITY, &i.customer_id, "customerId")?;
                let even_though_owing = i.even_though_owing.unwrap_or_default();
                erasure::ask(w, erasure::Ask { customer_id, ground: i.reason.0, even_though_owing }).await
            })
        });
        Ok(Some(ErasePayload::of(done.await?)))
    }
    /// Takes down what a customer asks about its data: to see it, to have it mended or erased. An agent answers it.
    #[graphql(directive = auth::apply("agent customer".into(), Some("privacy:write".into()), Some(20)))]
    async fn privacy_request_create(&self, ctx: &Context<'_>, input: PrivacyRequestCreateInput) -> Result<Option<PrivacyRequestPayload>> {
        let done = perform(ctx, "privacyRequestCreate", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move { privacy_request::create(w, known(ctx, &customer::ENTITY, &i.customer_id, "customerId")?, i.kind.0).await })
        });
        Ok(Some(PrivacyRequestPayload::of(done.await?)))
    }
    /// Ends a request about somebody's data that an agent answered or turned down. Exports and erasures end theirs
    /// themselves.
    #[graphql(directive = auth::apply("agent".into(), Some("privacy:write".into()), Some(20)))]
    async fn privacy_request_close(&self, ctx: &Context<'_>, input: PrivacyRequestCloseInput) -> Result<Option<PrivacyRequestPayload>> {
        let done = perform(ctx, "privacyRequestClose", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move { privacy_request::close(w, known(ctx, &privacy_request::ENTITY, &i.id, "id")?, i.state.0).await })
        });
        Ok(Some(PrivacyRequestPayload::of(done.await?)))
    }
    /// Says whether an article or an answer helped.
    #[graphql(directive = auth::apply("all".into(), None, Some(10)))]
    async fn feedback_submit(&self, ctx: &Context<'_>, input: FeedbackSubmitInput) -> Result<Option<FeedbackPayload>> {
        let done = perform(ctx, "feedbackSubmit", input.idempotency_key.clone(), input, |ctx, w, i| {
            Box::pin(async move {
                let submit = feedback::Submit {
                    version_id: optional(ctx, &article_version::ENTITY, &i.article_version_id, "articleVersionId")?,
                    answer_id: optional(ctx, &bot_answer::ENTITY, &i.answer_id, "answerId")?,
                    helpful: i.is_helpful,
                    comment: i.comment,
                };
                feedback::submit(w, submit).await
            })
        });
        Ok(Some(FeedbackPayload::of(done.await?)))
    }
}

// ---- how a mutation runs ----------------------------------------------------------------------------------------

/// One transaction on behalf of the caller; the row that came of it, or what the caller can mend.
async fn perform<'a, I>(
    ctx: &'a Context<'a>,
    name: &str,
    key: Option<String>,
    input: I,
    run: impl for<'w> FnOnce(&'w Context<'a>, &'w mut Write, I) -> BoxFuture<'w, entities::Result<Uuid>>,
) -> Result<Done>
where
    I: serde::Serialize,
{
    let sent = serde_json::to_value(&input).unwrap_or_default();
    let request = serde_json::to_string(&(name, &sent)).unwrap_or_default();
    let settled = async {
        let store = &ctx.data_unchecked::<crate::Hub>().store;
        let mut w = store.write(&caller(ctx).scope).await?;
        if let Some(key) = &key
            && let Some(before) = idempotency_key::recall(&w, key, &request).await?
        {
            return before.as_str().and_then(|id| id.parse().ok()).ok_or_else(|| Error::Invalid("a stored answer holds no id".into()));
        }
        let id = run(ctx, &mut w, input).await?;
        if let Some(key) = &key {
            idempotency_key::remember(&w, key, &request, id.to_string().into()).await?;
        }
        w.commit().await?;
        Ok(id)
    };
    let settled = settled.await;
    if let Err(Error::Refused(refusals)) = &settled
        && refusals.iter().any(|r| r.code == Code::NotFound)
    {
        deny::written(ctx, &sent).await;
    }
    settle(settled)
}
fn settle<T>(done: entities::Result<T>) -> Result<std::result::Result<T, Vec<UserError>>> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Refused(refusals)) => Ok(Err(refusals.into_iter().map(UserError::from).collect())),
        Err(e) => Err(graph(Refused::internal(e))),
    }
}
/// The key behind a public id that the caller sent. Another kind's id is like a missing row.
fn known(ctx: &Context<'_>, kind: &'static EntityKind, id: &ID, field: &str) -> entities::Result<Uuid> {
    caller(ctx).scope.id(kind, id).ok_or_else(|| Error::refused(Code::NotFound, field, "There is no such thing, or none that you may see."))
}
/// A talk to go on with. The answer shows all of it, so that it takes the scope to read it; visitors have none, and
/// their session alone says what is theirs.
fn readable_talk(ctx: &Context<'_>, id: &ID) -> entities::Result<Uuid> {
    let scope = &caller(ctx).scope;
    let unread = conversation::ENTITY.reads.is_some_and(|s| scope.audience != Audience::Public && !scope.has(s) && !without(|| "ask:talk".into()));
    let nothing = ID::from("");
    known(ctx, &conversation::ENTITY, if unread { &nothing } else { id }, "conversationId")
}
/// A day as text.
fn day(text: &Option<String>, field: &str) -> entities::Result<Option<NaiveDate>> {
    let bad = |_| Error::refused(Code::InvalidValue, field, "A day is written like 2026-01-31.");
    text.as_ref().map(|t| t.parse().map_err(bad)).transpose()
}
fn optional(ctx: &Context<'_>, kind: &'static EntityKind, id: &Option<ID>, field: &str) -> entities::Result<Option<Uuid>> {
    id.as_ref().map(|id| known(ctx, kind, id, field)).transpose()
}
