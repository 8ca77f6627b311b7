//! Articles.
use crate::declare::*;
use entities::knowledge::{article, article_version, category};

pub fn types() -> Vec<Type> {
    vec![article_type(), version(), category_type()]
}
pub fn roots() -> Vec<Field> {
    const BY: &[(&str, &str, &str)] = &[("id", "Its public id.", "id"), ("slug", "Its name in links.", "slug")];
    vec![
        find("article", "KbArticle", BY, "One article. Null when there is none that you may read.").see(ALL),
        all("articles", "KbArticle", asc(article::Column::Id), "The articles that you may read.").connection().filtered().see(ALL),
    ]
}
fn article_type() -> Type {
    use article::{Audience, Column, ENTITY, Kind, Status};
    const CURRENT: &str = "(select v.id from kb_article_versions v where v.article_id = {t}.id and {may KbArticleVersion v} order by case when v.locale = {arg locale} then 0 when v.locale = 'en' then 1 else 2 end, case v.state when 'published' then 0 when 'draft' then 1 else 2 end, v.version desc limit 1)";
    const LOCALE: &[Argument] = &[("locale", "String", "The language wanted, BCP 47; English or any other when there is none.")];
    table(&ENTITY, "An article of the knowledge base.")
        .fields([
            id(&ENTITY).see(ALL),
            column("slug", Column::Slug, "Its name in links.").see(ALL),
            choice::<Kind>("kind", Column::Kind, "What sort of article it is.").see(ALL),
            choice::<Audience>("audience", Column::Audience, "Who may read it.").see(AGENT),
            choice::<Status>("status", Column::Status, "Whether readers see it.").see(AGENT),
            column("reviewDueDate", Column::ReviewDueOn, "When somebody should look whether it is still true; null when nobody said.").see(AGENT),
            column("version", Column::RowVersion, "For `expectedVersion` of an update.").see(AGENT),
            one("category", "KbCategory", Column::CategoryId, "Null when not sorted.").see(ALL),
            one_by(
                "text",
                "KbArticleVersion",
                CURRENT,
                LOCALE,
                "The published text in a language; for agents the draft where none is published yet.",
            )
            .see(ALL),
            many(
                "versions",
                "KbArticleVersion",
                article_version::Column::ArticleId,
                desc(article_version::Column::Version),
                "All texts that you may read, the newest first.",
            )
            .see(ALL),
        ])
        .fields(crate::party::origin())
        .filters([any_of::<Kind>("kind", Column::Kind, "Any of these kinds."), any_of::<Status>("status", Column::Status, "Any of these.")])
}
fn version() -> Type {
    use article_version::{Column, ENTITY, State};
    table(&ENTITY, "A text of an article in one language. Never changed once published.").fields([
        id(&ENTITY).see(ALL),
        column("version", Column::Version, "1 is the first.").see(ALL),
        column("locale", Column::Locale, "BCP 47.").see(ALL),
        choice::<State>("state", Column::State, "Draft, published, or replaced by a newer one.").see(AGENT),
        column("title", Column::Title, "Its heading.").see(ALL),
        column("summary", Column::Summary, "In a sentence; null when there is none.").see(ALL),
        column("body", Column::BodyMd, "Markdown.").see(ALL),
        column("keywords", Column::Keywords, "Words to find it by.").see(AGENT),
        column("questions", Column::Questions, "Other ways to ask for it.").see(AGENT),
        column("publishedAt", Column::PublishedAt, "Null while it is a draft.").see(ALL),
        one("article", "KbArticle", Column::ArticleId, "The article it is a text of.").see(ALL),
    ])
}
fn category_type() -> Type {
    use category::{Column, ENTITY};
    table(&ENTITY, "A shelf of the knowledge base.").fields([
        id(&ENTITY).see(ALL),
        column("code", Column::Code, "Its code.").see(ALL),
        column("name", Column::Name, "The name on the shelf.").see(ALL),
        one("parent", "KbCategory", Column::ParentId, "Null at the top.").see(ALL),
    ])
}
