//! A knowledge article; its text lives in versions.
use super::{article_version, category};
use crate::{
    error::{Code, Error, Refusal, Result},
    input::{is_locale, needs},
    model::*,
    outbox::change::Operation,
    privacy::audit_event::Action,
    store::Write,
};
use sea_orm::{ActiveValue::Set, UpdateMany, sea_query::Expr};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "kb_articles")]
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
    pub slug: String,
    pub kind: Kind,
    pub category_id: Option<Uuid>,
    pub audience: Audience,
    pub offering_id: Option<Uuid>,
    pub status: Status,
    pub review_due_on: Option<Date>,
}
impl ActiveModelBehavior for ActiveModel {}

pub static ENTITY: EntityKind = EntityKind {
    name: "KbArticle",
    prefix: "art",
    table: "kb_articles",
    reads: None,
    rules: Rules {
        agent: All,
        partner: Where("{t}.status = 'published' and {t}.audience in ('public', 'partner')"),
        customer: Where("{t}.status = 'published' and {t}.audience in ('public', 'customer')"),
        public: Where("{t}.status = 'published' and {t}.audience in ('public')"),
    },
};
impl Record for Entity {
    const ENTITY: &EntityKind = &ENTITY;
}

text_enum! {
    Kind "KbArticleKind" { Faq = "faq", Howto = "howto", Troubleshooting = "troubleshooting", Policy = "policy", Product = "product", Outage = "outage" }
}

text_enum! {
    Audience "KbArticleAudience" { Public = "public", Customer = "customer", Partner = "partner", Agent = "agent" }
}

text_enum! {
    Status "KbArticleStatus" { Draft = "draft", Review = "review", Published = "published", Archived = "archived" }
}

/// What an editor sends: the article and one text of it. Blank `slug` of a new article: made from the title.
#[derive(Clone, Debug)]
pub struct ArticleSave {
    pub id: Option<Uuid>,
    pub slug: String,
    pub kind: Kind,
    pub audience: Audience,
    pub category_code: Option<String>,
    pub locale: String,
    pub title: String,
    pub summary: Option<String>,
    pub body_md: String,
    pub keywords: Vec<String>,
    pub questions: Vec<String>,
    /// The article's `row_version` as it was read; none for a new article, or to overwrite whatever stands.
    pub expected_version: Option<i32>,
}

const MOST_TITLE: usize = 200;
const MOST_SUMMARY: usize = 1_000;
const MOST_BODY: usize = 200_000;
const MOST_WORDS: usize = 100;

/// Saves a text as the draft of its language; what is published stays as it is. Returns the article.
pub async fn save(w: &mut Write, save: ArticleSave) -> Result<Uuid> {
    needs(w.scope(), "kb:write")?;
    check(&save)?;
    let category_id = category(w, save.category_code.as_deref()).await?;
    let id = match save.id {
        None => insert(w, &save, category_id).await?,
        Some(id) => update(w, id, &save, category_id).await?,
    };
    draft(w, id, &save).await?;
    Ok(id)
}

/// Makes the draft of a language the text that readers see, and the one before a superseded one.
pub async fn publish(w: &mut Write, id: Uuid, locale: &str, expected_version: Option<i32>) -> Result<()> {
    needs(w.scope(), "kb:publish")?;
    let article = one(w, id).await?;
    let versions = of_locale(w, id, locale).await?;
    let Some(draft) = versions.iter().find(|v| v.state == article_version::State::Draft) else {
        return Err(Error::refused(Code::InvalidTransition, "locale", format!("There is no draft in “{locale}” to publish.")));
    };
    bump(w, &article, expected_version, |u| u.col_expr(Column::Status, Expr::value(Status::Published))).await?;
    let before = versions.iter().filter(|v| v.state == article_version::State::Published);
    for (version, state) in before.map(|v| (v, article_version::State::Superseded)).chain([(draft, article_version::State::Published)]) {
        let mut row = article_version::ActiveModel {
            state: Set(state),
            updated_at: Set(w.at()),
            row_version: Set(version.row_version + 1),
            ..version.clone().into()
        };
        if state == article_version::State::Published {
            row.published_at = Set(Some(w.at()));
        }
        article_version::Entity::update(row).exec(w.tx()).await?;
        w.changed(Operation::Update, &article_version::ENTITY, version.id, None, None);
    }
    if article.status != Status::Published {
        w.state(&ENTITY, id, (None, None), Some(article.status.text()), Status::Published.text(), None).await?;
    }
    w.audit(Action::Update, &ENTITY, id, None, &["status", "version"]);
    Ok(())
}

/// A slug of plain letters, digits and hyphens.
pub fn slug(text: &str) -> String {
    let words = text.to_lowercase().replace('ä', "ae").replace('ö', "oe").replace('ü', "ue").replace('ß', "ss");
    let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-").chars().take(80).collect::<String>().trim_end_matches('-').into()
}

async fn insert(w: &mut Write, save: &ArticleSave, category_id: Option<Uuid>) -> Result<Uuid> {
    let id = crate::id::at(w.at());
    let slug = if save.slug.trim().is_empty() { slug(&save.title) } else { save.slug.clone() };
    free(w, &slug, None).await?;
    let row = ActiveModel {
        id: Set(id),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        source_system: Set("hub".into()),
        external_id: Set(id.to_string()),
        slug: Set(slug),
        kind: Set(save.kind),
        category_id: Set(category_id),
        audience: Set(save.audience),
        status: Set(Status::Draft),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(w.tx()).await?;
    w.changed(Operation::Insert, &ENTITY, id, None, None);
    w.audit(Action::Create, &ENTITY, id, None, &["slug", "kind", "audience", "category"]);
    w.state(&ENTITY, id, (None, None), None, Status::Draft.text(), None).await?;
    Ok(id)
}

async fn update(w: &mut Write, id: Uuid, save: &ArticleSave, category_id: Option<Uuid>) -> Result<Uuid> {
    let article = one(w, id).await?;
    let slug = if save.slug.trim().is_empty() { article.slug.clone() } else { save.slug.clone() };
    let moved = (&slug, save.kind, save.audience, category_id) != (&article.slug, article.kind, article.audience, article.category_id);
    // These have no versions: on a published article a change of them is seen at once.
    if moved && article.status == Status::Published {
        needs(w.scope(), "kb:publish")?;
    }
    if slug != article.slug {
        free(w, &slug, Some(id)).await?;
    }
    let columns = |u: UpdateMany<Entity>| {
        u.col_expr(Column::Slug, Expr::value(slug))
            .col_expr(Column::Kind, Expr::value(save.kind))
            .col_expr(Column::Audience, Expr::value(save.audience))
            .col_expr(Column::CategoryId, Expr::value(category_id))
    };
    bump(w, &article, save.expected_version, columns).await?;
    w.audit(Action::Update, &ENTITY, id, None, &["slug", "kind", "audience", "category"]);
    Ok(id)
}

/// Writes the draft of a language: the one that stands, or the version after the last.
async fn draft(w: &mut Write, article_id: Uuid, save: &ArticleSave) -> Result<()> {
    let versions = of_locale(w, article_id, &save.locale).await?;
    let last = versions.iter().map(|v| v.version).max().unwrap_or(0);
    let standing = versions.into_iter().find(|v| v.state == article_version::State::Draft);
    let (id, created_at, version, row_version) = match &standing {
        Some(v) => (v.id, v.created_at, v.version, v.row_version + 1),
        None => (crate::id::at(w.at()), w.at(), last + 1, 1),
    };
    let row = article_version::ActiveModel {
        id: Set(id),
        created_at: Set(created_at),
        updated_at: Set(w.at()),
        row_version: Set(row_version),
        article_id: Set(article_id),
        version: Set(version),
        locale: Set(save.locale.clone()),
        state: Set(article_version::State::Draft),
        title: Set(save.title.trim().into()),
        summary: Set(save.summary.clone().filter(|s| !s.trim().is_empty())),
        body_md: Set(save.body_md.clone()),
        keywords: Set(words(&save.keywords)),
        questions: Set(words(&save.questions)),
        author: Set(w.scope().subject.clone()),
        published_at: Set(None),
    };
    let operation = if standing.is_some() { Operation::Update } else { Operation::Insert };
    match operation {
        Operation::Insert => article_version::Entity::insert(row).exec_without_returning(w.tx()).await.map(drop)?,
        _ => article_version::Entity::update(row).exec(w.tx()).await.map(drop)?,
    }
    w.changed(operation, &article_version::ENTITY, id, None, None);
    w.audit(Action::Update, &article_version::ENTITY, id, None, &["title", "summary", "bodyMd", "keywords", "questions"]);
    Ok(())
}

fn words(list: &[String]) -> Json {
    list.iter().map(|w| w.trim()).filter(|w| !w.is_empty()).collect::<Vec<_>>().into()
}

fn check(save: &ArticleSave) -> Result<()> {
    let mut wrong = vec![];
    let mut say = |code, field: &str, message: String| wrong.push(Refusal { code, field: field.into(), message });
    for (field, text) in [("title", &save.title), ("bodyMd", &save.body_md)] {
        if text.trim().is_empty() {
            say(Code::Blank, field, "Please write something here.".into());
        }
    }
    let summary = save.summary.as_deref().unwrap_or_default();
    for (field, text, most) in
        [("title", save.title.as_str(), MOST_TITLE), ("summary", summary, MOST_SUMMARY), ("bodyMd", save.body_md.as_str(), MOST_BODY)]
    {
        if text.chars().count() > most {
            say(Code::TooLong, field, format!("This has room for {most} characters."));
        }
    }
    for (field, list) in [("keywords", &save.keywords), ("questions", &save.questions)] {
        if list.len() > MOST_WORDS || list.iter().any(|w| w.chars().count() > MOST_TITLE) {
            say(Code::TooLong, field, format!("At most {MOST_WORDS} entries of {MOST_TITLE} characters."));
        }
    }
    let lists = [&save.keywords, &save.questions].into_iter().flatten();
    if lists.chain([&save.title, &save.body_md]).chain(&save.summary).any(|t| t.contains('\0')) {
        say(Code::InvalidValue, "", "Please take the NUL characters out of the text.".into());
    }
    if !save.slug.trim().is_empty() && slug(&save.slug) != save.slug {
        say(Code::InvalidValue, "slug", "A slug has small letters, digits and hyphens: “reset-your-router”.".into());
    }
    if save.slug.trim().is_empty() && save.id.is_none() && slug(&save.title).is_empty() {
        say(Code::Blank, "slug", "Please give it a slug: none can be made from this title.".into());
    }
    if !is_locale(&save.locale) {
        say(Code::InvalidValue, "locale", "A locale is like “en” or “de-AT”.".into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Refused(wrong)) }
}

async fn one(w: &Write, id: Uuid) -> Result<Model> {
    let found = w.scope().find::<Entity>().filter(Column::Id.eq(id)).one(w.tx()).await?;
    found.ok_or_else(|| Error::refused(Code::NotFound, "id", "There is no such article."))
}

async fn of_locale(w: &Write, article_id: Uuid, locale: &str) -> Result<Vec<article_version::Model>> {
    let of = w.scope().find::<article_version::Entity>().filter(article_version::Column::ArticleId.eq(article_id));
    Ok(of.filter(article_version::Column::Locale.eq(locale)).all(w.tx()).await?)
}

async fn category(w: &Write, code: Option<&str>) -> Result<Option<Uuid>> {
    let Some(code) = code.filter(|c| !c.trim().is_empty()) else { return Ok(None) };
    let found = w.scope().find::<category::Entity>().filter(category::Column::Code.eq(code)).one(w.tx()).await?;
    found.map(|c| Some(c.id)).ok_or_else(|| Error::refused(Code::NotFound, "categoryCode", format!("There is no category “{code}”.")))
}

async fn free(w: &Write, slug: &str, but: Option<Uuid>) -> Result<()> {
    let taken = w.scope().find::<Entity>().filter(Column::Slug.eq(slug)).one(w.tx()).await?;
    match taken.filter(|a| Some(a.id) != but) {
        None => Ok(()),
        Some(_) => Err(Error::refused(Code::InvalidValue, "slug", format!("Another article is already called “{slug}”."))),
    }
}

/// Changes the article under its optimistic lock.
async fn bump(w: &mut Write, article: &Model, expected: Option<i32>, columns: impl FnOnce(UpdateMany<Entity>) -> UpdateMany<Entity>) -> Result<()> {
    let expected = expected.unwrap_or(article.row_version);
    let update = columns(Entity::update_many())
        .col_expr(Column::RowVersion, Expr::value(expected + 1))
        .col_expr(Column::UpdatedAt, Expr::value(w.at()))
        .filter(Column::Id.eq(article.id))
        .filter(Column::RowVersion.eq(expected));
    if update.exec(w.tx()).await?.rows_affected == 0 {
        return Err(Error::refused(
            Code::StaleVersion,
            "expectedVersion",
            "Somebody else changed this article since you read it. Please read it again.",
        ));
    }
    w.changed(Operation::Update, &ENTITY, article.id, None, None);
    Ok(())
}
