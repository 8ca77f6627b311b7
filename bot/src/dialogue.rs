//! One question, from the text that came to the rows it leaves. What is read is read before the transaction; all that
//! is written, is written in one.
use crate::{
    Bot, ENGINE, Result,
    answer::Answer,
    handover::{self, Reason},
    understand::{Intent, Understood, understand},
};
use entities::{
    Audience, Scope, Write,
    conversation::{
        bot_answer::{self, Kind},
        bot_citation,
        conversation::{self, Channel, Status},
        message::{self, AuthorKind},
    },
    error::Code,
    exchange::idempotency_key,
    id,
    knowledge::search_query,
    outbox::change::Operation,
};
use sea_orm::{ActiveValue::Set, EntityTrait};
use search_index::Passage;
use std::time::Instant;
use uuid::Uuid;

/// A question to the bot.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Ask {
    pub question: String,
    /// An open talk of the caller; none starts one.
    pub conversation_id: Option<Uuid>,
    /// None: told from the question.
    pub locale: Option<String>,
    pub channel: Channel,
    /// The same key and question again: the same answer, and nothing new.
    pub idempotency_key: Option<String>,
}

fn is_of_a_customer(talk: &conversation::Model) -> bool {
    talk.customer_id.is_some() || talk.partner_id.is_some() || talk.session_hash.is_some()
}

/// The rows that hold the answer.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Asked {
    pub conversation_id: Uuid,
    /// The bot's message.
    pub message_id: Uuid,
    pub answer_id: Uuid,
    /// Where it was handed over.
    pub ticket_id: Option<Uuid>,
}

/// What the bot has decided, still without a trace in the database.
struct Decision {
    answer: Option<Answer>,
    /// Where there is no answer: to whom and why. None where a human has the talk already.
    hand_over: Option<Reason>,
    passages: Vec<Passage>,
    confidence: f32,
}

impl Bot {
    /// Answers a question with its sources, or says that it is not sure and hands over.
    pub async fn ask(&self, scope: &Scope, ask: Ask) -> Result<Asked> {
        let (started, scope) = (Instant::now(), &with_session(scope));
        let asked = understand(&ask.question, ask.locale.as_deref())?;
        let request = serde_json::to_string(&ask).unwrap_or_default();
        if ask.idempotency_key.is_some()
            && let Some(before) = recalled(&self.store.write(scope).await?, &ask, &request).await?
        {
            return Ok(before);
        }
        let talk = match ask.conversation_id {
            Some(id) => Some(conversation::one_open(scope, self.store.reader(), id).await?),
            None => None,
        };
        // An agent reads more than whose talk it is: what the bot would quote to the agent is not for that one's eyes.
        if scope.audience == Audience::Agent && talk.as_ref().is_some_and(is_of_a_customer) {
            let why = "This is a customer's conversation. Ask the bot in one of your own.";
            return Err(entities::Error::refused(Code::InvalidValue, "conversationId", why).into());
        }
        let scope = &at_one_root(scope, talk.as_ref());
        let decision = self.decide(scope, &asked, talk.as_ref()).await?;
        let mut w = self.store.write(scope).await?;
        if let Some(before) = recalled(&w, &ask, &request).await? {
            return Ok(before);
        }
        let done = self.write_down(&mut w, &ask, &asked, decision, started).await?;
        if let Some(key) = &ask.idempotency_key {
            idempotency_key::remember(&w, key, &request, serde_json::to_value(done).unwrap_or_default()).await?;
        }
        w.commit().await?;
        Ok(done)
    }

    /// Own rows first, then the articles; not sure is an answer too.
    async fn decide(&self, scope: &Scope, asked: &Understood, talk: Option<&conversation::Model>) -> Result<Decision> {
        let silent = Decision { answer: None, hand_over: None, passages: vec![], confidence: 0.0 };
        if talk.is_some_and(|t| t.status == Status::Agent) {
            return Ok(silent);
        }
        let waiting = talk.is_some_and(|t| t.status == Status::Waiting);
        if asked.intent == Intent::Human {
            return Ok(Decision { hand_over: (!waiting).then_some(Reason::AskedForHuman), ..silent });
        }
        let own = match asked.intent {
            Intent::BillExplain => self.explain_bill(scope, asked).await?,
            Intent::BillDue => self.due(scope, asked).await?,
            Intent::TicketStatus => self.ticket_status(scope, asked).await?,
            Intent::Human | Intent::Question => None,
        };
        if let Some(answer) = own {
            return Ok(Decision { confidence: answer.confidence, answer: Some(answer), ..silent });
        }
        let found = self.search_articles(scope, asked)?;
        let hand_over = (found.answer.is_none() && !waiting).then_some(Reason::NotSure);
        Ok(Decision { answer: found.answer, hand_over, passages: found.passages, confidence: found.confidence })
    }

    async fn write_down(&self, w: &mut Write, ask: &Ask, asked: &Understood, decision: Decision, started: Instant) -> Result<Asked> {
        let talk = match ask.conversation_id {
            // Read again: it may have been closed while the bot was thinking.
            Some(id) => conversation::one_open(w.scope(), w.tx(), id).await?,
            None => conversation::open(w, ask.channel, Some(asked.question.chars().take(120).collect())).await?,
        };
        let author = match w.scope().audience {
            Audience::Partner => AuthorKind::Partner,
            Audience::Agent => AuthorKind::Agent,
            Audience::Customer | Audience::Public => AuthorKind::Customer,
        };
        message::append(w, &talk, author, &asked.question).await?;
        let Decision { answer, hand_over, passages, confidence } = decision;
        let (answer, ticket_id) = match answer {
            Some(answer) => (answer, None),
            None => self.settle(w, &talk, asked, hand_over, &passages, confidence).await?,
        };
        let message_id = message::append(w, &talk, AuthorKind::Bot, &answer.text).await?;
        let answer_id = write_answer(w, &talk, asked, message_id, &answer, started).await?;
        write_query(w, &talk, asked, &passages).await?;
        Ok(Asked { conversation_id: talk.id, message_id, answer_id, ticket_id })
    }

    /// What is said and done where there is no answer.
    async fn settle(
        &self,
        w: &mut Write,
        talk: &conversation::Model,
        asked: &Understood,
        why: Option<Reason>,
        found: &[Passage],
        confidence: f32,
    ) -> Result<(Answer, Option<Uuid>)> {
        let say =
            |phrase: &str, kind, ticket: &str| Answer { kind, text: asked.phrases.say(phrase, &[("ticket", ticket)]), confidence, citations: vec![] };
        if let Some(reason) = why {
            let ticket = handover::hand_over(w, talk, asked, reason, found, confidence).await?;
            let kind = if reason == Reason::NotSure { Kind::Refuse } else { Kind::Handoff };
            let number = ticket.as_ref().map_or("", |t| t.ticket_no.as_str());
            return Ok((say(reason.phrase(ticket.is_some()), kind, number), ticket.map(|t| t.id)));
        }
        Ok(match handover::ticket_of(w, talk.id).await? {
            Some(ticket) => (say("waiting", Kind::Handoff, &ticket.ticket_no), Some(ticket.id)),
            None => (say("waiting_human", Kind::Handoff, ""), None),
        })
    }
}

/// A visitor without a session gets one for this question: its talk is nobody else's.
fn with_session(scope: &Scope) -> Scope {
    let nameless = scope.audience == Audience::Public && scope.session.is_none();
    Scope { session: if nameless { Some(id::at(scope.at).simple().to_string()) } else { scope.session.clone() }, ..scope.clone() }
}

/// A talk belongs to one customer: what is said in it is of that one's tree, though the login may have others, too. That of
/// the talk, else the first that gives the login anything.
fn at_one_root(scope: &Scope, talk: Option<&conversation::Model>) -> Scope {
    let of_talk = talk.and_then(|t| t.customer_id).filter(|id| scope.customers.contains(id));
    let open = |root: &&Uuid| scope.roles.get(root).is_none_or(|given| !given.is_empty());
    match of_talk.or_else(|| scope.customers.iter().find(open).copied()) {
        Some(root) if scope.customers.len() > 1 => scope.at_root(root),
        _ => scope.clone(),
    }
}

/// What this question was answered the first time. Asked before any thought, and again where nobody can come between.
async fn recalled(w: &Write, ask: &Ask, request: &str) -> Result<Option<Asked>> {
    let Some(key) = &ask.idempotency_key else { return Ok(None) };
    let before = idempotency_key::recall(w, key, request).await?;
    Ok(before.and_then(|b| serde_json::from_value(b).ok()))
}

async fn write_answer(
    w: &mut Write,
    talk: &conversation::Model,
    asked: &Understood,
    message_id: Uuid,
    answer: &Answer,
    started: Instant,
) -> Result<Uuid> {
    let answer_id = id::at(w.at());
    let row = bot_answer::ActiveModel {
        id: Set(answer_id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        customer_id: Set(talk.customer_id),
        message_id: Set(message_id),
        query_text: Set(asked.question.clone()),
        intent: Set(Some(asked.intent.name().into())),
        kind: Set(answer.kind),
        confidence_micro: Set(micro(answer.confidence)),
        latency_ms: Set(started.elapsed().as_millis().try_into().unwrap_or(i32::MAX)),
        engine_version: Set(ENGINE.into()),
        helpful: Set(None),
    };
    bot_answer::Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &bot_answer::ENTITY, answer_id, talk.customer_id, talk.partner_id);
    let citations = answer.citations.iter().zip(1..).map(|(c, rank)| bot_citation::ActiveModel {
        id: Set(id::at(w.at())),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        answer_id: Set(answer_id),
        rank: Set(rank),
        article_version_id: Set(c.article_version_id),
        anchor: Set(c.anchor.clone()),
        entity_type: Set(c.row.map(|r| r.0.name.into())),
        entity_id: Set(c.row.map(|r| r.1)),
        score_micro: Set(micro(c.score)),
        snippet: Set(c.snippet.clone()),
    });
    entities::bulk::insert_all(w.tx(), citations.collect()).await?;
    Ok(answer_id)
}

async fn write_query(w: &mut Write, talk: &conversation::Model, asked: &Understood, passages: &[Passage]) -> Result<()> {
    let row = search_query::ActiveModel {
        id: Set(id::at(w.at())),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        customer_id: Set(talk.customer_id),
        text: Set(asked.question.clone()),
        surface: Set(search_query::Surface::Bot),
        hits: Set(passages.len() as i32),
        top_score_micro: Set(passages.first().map(|p| micro(p.score))),
    };
    search_query::Entity::insert(row).exec_without_returning(w.tx()).await?;
    Ok(())
}

fn micro(value: f32) -> i64 {
    (f64::from(value) * 1_000_000.0).round() as i64
}
