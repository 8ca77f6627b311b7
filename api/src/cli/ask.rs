use super::{Context, lookup, print::Print, usage};
use crate::{
    app::{self, App},
    auth::{self, key::Keys},
    error::{Error, Exit, Result},
};
use bot::Bot;
use clap::Args;
use entities::{
    Audience, Scope, Store,
    care::ticket,
    conversation::{bot_answer, bot_citation, conversation::Channel, message},
    id::Id,
    knowledge::{article, article_version},
    model::TextEnum,
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use search_index::Index;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Args)]
pub struct Ask {
    question: String,
    /// As the holder of this token
    #[arg(long = "as", value_name = "TOKEN", conflicts_with = "customer")]
    token: Option<String>,
    /// As this customer: id, number or id in the source system
    #[arg(long)]
    customer: Option<String>,
    /// The language of the answer (default: told from the question)
    #[arg(long)]
    locale: Option<String>,
}
impl Ask {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        let store = app::open(&settings, false).await?.store;
        let index = Index::open(&settings.config.index.dir, &store).await?;
        // A running hub writes the index itself.
        match index.catch_up().await {
            Ok(_) | Err(search_index::Error::Busy(_)) => {}
            Err(e) => return Err(e.into()),
        }
        let keys = Keys::load(&settings.config.auth.keys)?;
        let app = App::new(settings.config, store, index, keys);
        let scope = self.scope(&app).await?;
        let ask = bot::Ask { question: self.question, conversation_id: None, locale: self.locale, channel: Channel::Bot, idempotency_key: None };
        let asked = Bot::new(&app.store, &app.index).ask(&scope, ask).await?;
        show(&context.print, &app.store, &scope, &asked).await
    }
    /// Nobody in particular, unless said.
    async fn scope(&self, app: &Arc<App>) -> Result<Arc<Scope>> {
        if let Some(text) = &self.customer {
            let id = lookup::customer(&app.store, text).await?;
            return Ok(Scope::new(Audience::Customer, "command line", app.store.clock().now())
                .with_scopes(Audience::Customer.ceiling().iter().copied())
                .for_customers([id])
                .into());
        }
        let token = self.token.as_deref().map(|t| format!("Bearer {t}"));
        // a session of its own: what was answered can be read back
        let session = Uuid::new_v4().simple().to_string();
        match auth::from(app, token.as_deref(), Some(&session), None, &"command line".into()).await {
            Ok(caller) => Ok(caller.scope),
            Err(auth::Rejected::Token(why)) => Err(usage(format!("the token is not valid: {why}"), "`switchboard token mint` makes one")),
            Err(auth::Rejected::Store(e)) => Err(e.into()),
        }
    }
}

/// What the caller may see of the answer's rows.
async fn show(print: &Print, store: &Store, scope: &Scope, asked: &bot::Asked) -> Result<()> {
    let lost = || Error::said(Exit::Failed, "the answer cannot be read back");
    let db = store.reader();
    let said = scope.find::<message::Entity>().filter(message::Column::Id.eq(asked.message_id)).one(db).await?.ok_or_else(lost)?;
    let answer = scope.find::<bot_answer::Entity>().filter(bot_answer::Column::Id.eq(asked.answer_id)).one(db).await?.ok_or_else(lost)?;
    let ticket = match asked.ticket_id {
        Some(id) => scope.find::<ticket::Entity>().filter(ticket::Column::Id.eq(id)).one(db).await?,
        None => None,
    };
    let citations = citations(store, scope, asked.answer_id).await?;
    let (kind, confidence) = (answer.kind.text(), answer.confidence_micro as f64 / 1e6);
    print.object(&json!({"answer": said.body_text, "kind": kind, "confidence": confidence, "citations": citations,
        "ticket": ticket.as_ref().map(|t| &t.ticket_no), "conversation": entities::store::public_id(&entities::conversation::conversation::ENTITY, asked.conversation_id)}));
    print.say(format!("{}\n", said.body_text));
    for c in &citations {
        print.say(format!("  from  {}", c["source"].as_str().unwrap_or_default()));
    }
    if let Some(t) = &ticket {
        print.say(format!("  ticket  {} ({})", t.ticket_no, t.status.text()));
    }
    print.say(format!("  {kind}, confidence {:.0} %", confidence * 100.0));
    Ok(())
}

/// Where the answer comes from: `Understand your bill, version 2 (understand-your-bill#roaming)`, or a row's id.
async fn citations(store: &Store, scope: &Scope, answer: Uuid) -> Result<Vec<Value>> {
    let rows = scope
        .find::<bot_citation::Entity>()
        .filter(bot_citation::Column::AnswerId.eq(answer))
        .order_by_asc(bot_citation::Column::Rank)
        .all(store.reader())
        .await?;
    let ids = rows.iter().filter_map(|c| c.article_version_id);
    let versions = scope.find::<article_version::Entity>().filter(article_version::Column::Id.is_in(ids)).all(store.reader()).await?;
    let ids = versions.iter().map(|v| v.article_id);
    let articles = scope.find::<article::Entity>().filter(article::Column::Id.is_in(ids)).all(store.reader()).await?;
    let cited = |c: &bot_citation::Model| {
        let version = versions.iter().find(|v| Some(v.id) == c.article_version_id);
        let article = version.and_then(|v| articles.iter().find(|a| a.id == v.article_id));
        let row = c
            .entity_type
            .as_deref()
            .and_then(|t| entities::KINDS.iter().find(|k| k.name == t))
            .zip(c.entity_id)
            .map(|(k, id)| Id::new(k, id).to_string());
        let anchor = c.anchor.as_deref().map(|a| format!("#{a}")).unwrap_or_default();
        let source = match (version, article) {
            (Some(v), Some(a)) => format!("{}, version {} ({}{anchor})", v.title, v.version, a.slug),
            _ => row.clone().unwrap_or_default(),
        };
        json!({"source": source, "article": article.map(|a| &a.slug), "version": version.map(|v| v.version), "anchor": c.anchor, "row": row, "snippet": c.snippet})
    };
    Ok(rows.iter().map(cited).collect())
}
