use super::{Article, Collection, Text};
use crate::{
    Result, Write,
    bulk::{Change, insert_all},
    knowledge::{
        article::{self, Audience, Kind, Status},
        article_version::{self, State},
        category,
    },
    model::TextEnum,
    outbox::change::Operation,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What became of a folder.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Report {
    pub categories: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// New texts, and texts that they took the place of.
    pub versions: u64,
    pub superseded: u64,
    /// Articles that are one question of a page.
    pub questions: u64,
    pub skipped: u64,
    /// Articles of this source whose file is not there any more. They stay.
    pub gone: u64,
}

/// Bound values in one statement (SQLite takes 32,766).
const MOST_VALUES: usize = 30_000;

/// Writes a folder as the articles of a source. What did not change since the last time is not touched, so that an
/// edit made here stands until the file changes too. A dry run is one whose `Write` is not committed.
pub async fn apply(w: &mut Write, source: &str, collection: &Collection, batch: Option<Uuid>) -> Result<Report> {
    let mut report = Report { skipped: collection.skipped.len() as u64, ..Default::default() };
    report.questions = collection.articles.iter().filter(|a| a.external_id.contains('#')).count() as u64;
    let categories = categories(w, collection, &mut report).await?;
    let there: HashMap<String, article::Model> = w
        .scope()
        .find::<article::Entity>()
        .filter(article::Column::SourceSystem.eq(source))
        .all(w.tx())
        .await?
        .into_iter()
        .map(|a| (a.external_id.clone(), a))
        .collect();
    let slugs = slugs(w, source, &collection.articles).await?;
    let versions = versions(w, &there, &collection.articles).await?;
    let (mut rows, mut texts, mut changes, mut old) = (vec![], vec![], vec![], vec![]);
    for (a, slug) in collection.articles.iter().zip(slugs) {
        let known = there.get(&a.external_id);
        let id = known.map_or_else(|| crate::id::at(w.at()), |k| k.id);
        let before = hashes(known.and_then(|k| k.row_hash.as_deref()));
        let mut after = before.clone();
        let next = Wanted {
            slug,
            kind: kind(a.kind),
            audience: audience(&a.audience),
            category: a.category.as_ref().and_then(|c| categories.get(c)).copied(),
            status: status(a),
        };
        after.insert("article".into(), next.hash());
        for text in &a.texts {
            let hash = hash(text, a.draft);
            if after.insert(text.locale.clone(), hash.clone()) != Some(hash) {
                let line = versions.get(&(id, text.locale.clone()));
                texts.push(version(w, id, line.map_or(1, |l| l.last + 1), text, a.draft));
                if !a.draft {
                    old.extend(line.into_iter().flat_map(|l| &l.published).copied());
                }
                // the draft that the file was before; one that an editor has worked on stands
                let said = before.get(&text.locale);
                old.extend(line.into_iter().flat_map(|l| &l.drafts).filter(|d| Some(&d.1) == said).map(|d| d.0));
            }
        }
        if before == after {
            report.unchanged += 1;
            continue;
        }
        match known {
            None => {
                report.inserted += 1;
                w.changed(Operation::Insert, &article::ENTITY, id, None, None);
                rows.push(next.row(w, id, source, a, line(&after), batch));
            }
            Some(_) => {
                report.updated += 1;
                w.changed(Operation::Update, &article::ENTITY, id, None, None);
                // only what the file now says otherwise: status and shelf may have been set here
                let own = before.get("article") != after.get("article");
                changes.push((id, own.then_some(next), line(&after)));
            }
        }
    }
    report.gone = there.keys().collect::<HashSet<_>>().difference(&collection.articles.iter().map(|a| &a.external_id).collect()).count() as u64;
    (report.versions, report.superseded) = (texts.len() as u64, old.len() as u64);
    insert_all(w.tx(), rows).await?;
    update(w, changes, batch).await?;
    supersede(w, old).await?;
    for text in &texts {
        w.changed(Operation::Insert, &article_version::ENTITY, *text.id.as_ref(), None, None);
    }
    insert_all(w.tx(), texts).await?;
    Ok(report)
}

struct Wanted {
    slug: String,
    kind: Kind,
    audience: Audience,
    category: Option<Uuid>,
    status: Status,
}
impl Wanted {
    fn hash(&self) -> String {
        let category = self.category.map(|c| c.to_string()).unwrap_or_default();
        short(&[&self.slug, self.kind.text(), self.audience.text(), &category, self.status.text()].join("\0"))
    }
    fn row(self, w: &Write, id: Uuid, source: &str, a: &Article, hash: String, batch: Option<Uuid>) -> article::ActiveModel {
        article::ActiveModel {
            id: Set(id),
            created_at: Set(w.at()),
            updated_at: Set(w.at()),
            row_version: Set(1),
            source_system: Set(source.into()),
            external_id: Set(a.external_id.clone()),
            source_status: Set(None),
            source_updated_at: Set(None),
            row_hash: Set(Some(hash)),
            import_batch_id: Set(batch),
            slug: Set(self.slug),
            kind: Set(self.kind),
            category_id: Set(self.category),
            audience: Set(self.audience),
            offering_id: Set(None),
            status: Set(self.status),
            review_due_on: Set(None),
        }
    }
}

fn version(w: &Write, article: Uuid, version: i32, text: &Text, draft: bool) -> article_version::ActiveModel {
    article_version::ActiveModel {
        id: Set(crate::id::at(w.at())),
        created_at: Set(w.at()),
        updated_at: Set(w.at()),
        row_version: Set(1),
        article_id: Set(article),
        version: Set(version),
        locale: Set(text.locale.clone()),
        state: Set(if draft { State::Draft } else { State::Published }),
        title: Set(text.title.clone()),
        summary: Set(text.summary.clone()),
        body_md: Set(text.body_md.clone()),
        keywords: Set(json!(text.keywords)),
        questions: Set(json!(text.questions)),
        author: Set(text.author.clone()),
        published_at: Set((!draft).then_some(text.published_at)),
    }
}

/// Adds the shelves that are missing; those that are there keep their names.
async fn categories(w: &mut Write, collection: &Collection, report: &mut Report) -> Result<HashMap<String, Uuid>> {
    let mut ids: HashMap<String, Uuid> = w.scope().find::<category::Entity>().all(w.tx()).await?.into_iter().map(|c| (c.code, c.id)).collect();
    let mut rows = vec![];
    for c in &collection.categories {
        if ids.contains_key(&c.code) {
            continue;
        }
        let id = crate::id::at(w.at());
        ids.insert(c.code.clone(), id);
        w.changed(Operation::Insert, &category::ENTITY, id, None, None);
        let parent = c.parent.as_ref().and_then(|p| ids.get(p)).copied();
        rows.push(category::ActiveModel {
            id: Set(id),
            created_at: Set(w.at()),
            updated_at: Set(w.at()),
            row_version: Set(1),
            code: Set(c.code.clone()),
            name: Set(c.name.clone()),
            parent_id: Set(parent),
        });
    }
    report.categories = rows.len() as u64;
    insert_all(w.tx(), rows).await?;
    Ok(ids)
}

/// The slug of each article; where another source has it, the source's name goes before it.
async fn slugs(w: &Write, source: &str, articles: &[Article]) -> Result<Vec<String>> {
    let mut taken = HashSet::new();
    for part in articles.chunks(MOST_VALUES / 2) {
        let wanted = part.iter().map(|a| a.slug.clone());
        let found = w.scope().find::<article::Entity>().filter(article::Column::Slug.is_in(wanted)).filter(article::Column::SourceSystem.ne(source));
        taken.extend(found.select_only().column(article::Column::Slug).into_tuple::<String>().all(w.tx()).await?);
    }
    Ok(articles.iter().map(|a| if taken.contains(&a.slug) { format!("{}-{}", super::slug(source), a.slug) } else { a.slug.clone() }).collect())
}

/// The versions of an article in one language.
#[derive(Default)]
struct Line {
    last: i32,
    published: Vec<Uuid>,
    /// With the hash of what they say.
    drafts: Vec<(Uuid, String)>,
}
async fn versions(w: &Write, there: &HashMap<String, article::Model>, articles: &[Article]) -> Result<HashMap<(Uuid, String), Line>> {
    use article_version::Column as C;
    let ids: Vec<Uuid> = articles.iter().filter_map(|a| there.get(&a.external_id)).map(|a| a.id).collect();
    let mut lines: HashMap<(Uuid, String), Line> = HashMap::new();
    for part in ids.chunks(MOST_VALUES) {
        let all = w.scope().find::<article_version::Entity>().filter(C::ArticleId.is_in(part.iter().copied()));
        let rows = all
            .select_only()
            .columns([C::Id, C::ArticleId, C::Locale, C::Version, C::State])
            .into_tuple::<(Uuid, Uuid, String, i32, State)>()
            .all(w.tx())
            .await?;
        for (id, article, locale, version, state) in rows {
            let line = lines.entry((article, locale)).or_default();
            line.last = Ord::max(line.last, version);
            line.published.extend((state == State::Published).then_some(id));
        }
        let drafts = w.scope().find::<article_version::Entity>().filter(C::ArticleId.is_in(part.iter().copied())).filter(C::State.eq(State::Draft));
        for v in drafts.all(w.tx()).await? {
            let hash = hash_of([&json!(v.title), &json!(v.summary), &json!(v.body_md), &v.keywords, &v.questions, &json!(v.author)], true);
            lines.entry((v.article_id, v.locale)).or_default().drafts.push((v.id, hash));
        }
    }
    Ok(lines)
}

async fn supersede(w: &mut Write, old: Vec<Uuid>) -> Result<()> {
    use article_version::Column as C;
    for part in old.chunks(MOST_VALUES) {
        let update = article_version::Entity::update_many()
            .col_expr(C::State, Expr::value(State::Superseded.text()))
            .col_expr(C::UpdatedAt, Expr::value(w.at()))
            .col_expr(C::RowVersion, Expr::col(C::RowVersion).add(1));
        update.filter(C::Id.is_in(part.iter().copied())).exec(w.tx()).await?;
    }
    for id in old {
        w.changed(Operation::Update, &article_version::ENTITY, id, None, None);
    }
    Ok(())
}

/// Articles that changed, many with one statement.
async fn update(w: &Write, changes: Vec<(Uuid, Option<Wanted>, String)>, batch: Option<Uuid>) -> Result<()> {
    let (own, texts): (Vec<_>, Vec<_>) = changes.into_iter().partition(|c| c.1.is_some());
    let of_text = texts.into_iter().map(|(id, _, hash)| vec![id.into(), hash.into()]).collect();
    many(w, vec!["id", "row_hash"], of_text, batch).await?;
    let of_all = own.into_iter().filter_map(|(id, wanted, hash)| {
        let n = wanted?;
        Some(vec![id.into(), hash.into(), n.slug.into(), n.kind.text().into(), n.audience.text().into(), n.category.into(), n.status.text().into()])
    });
    many(w, vec!["id", "row_hash", "slug", "kind", "audience", "category_id", "status"], of_all.collect(), batch).await
}
async fn many(w: &Write, columns: Vec<&str>, rows: Vec<Vec<sea_orm::Value>>, batch: Option<Uuid>) -> Result<()> {
    let same = vec![("updated_at", w.at().into()), ("import_batch_id", batch.into())];
    Change { table: "kb_articles", columns, rows, same, only: vec![] }.apply(w.tx()).await
}

fn kind(text: &str) -> Kind {
    Kind::parse(text).unwrap_or(Kind::Howto)
}
/// Fails closed: what cannot be read is for agents.
fn audience(text: &str) -> Audience {
    Audience::parse(text).unwrap_or(Audience::Agent)
}
fn status(a: &Article) -> Status {
    if a.draft { Status::Draft } else { Status::Published }
}
/// Of all that makes a version; not of its date, which a page without one takes from the import.
fn hash(text: &Text, draft: bool) -> String {
    let Text { title, summary, body_md, keywords, questions, author, .. } = text;
    hash_of([&json!(title), &json!(summary), &json!(body_md), &json!(keywords), &json!(questions), &json!(author)], draft)
}
fn hash_of([title, summary, body, keywords, questions, author]: [&serde_json::Value; 6], draft: bool) -> String {
    short(&json!([title, summary, body, keywords, questions, author, draft]).to_string())
}
fn short(text: &str) -> String {
    Sha256::digest(text)[..8].iter().map(|b| format!("{b:02x}")).collect()
}
/// `article=1a2b… en=3c4d…`
fn line(hashes: &BTreeMap<String, String>) -> String {
    hashes.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
}
fn hashes(line: Option<&str>) -> BTreeMap<String, String> {
    line.unwrap_or_default().split(' ').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_string(), v.to_string())).collect()
}
