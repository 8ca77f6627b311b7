use super::{
    Context,
    print::{Print, number},
    usage,
};
use crate::{
    app,
    error::{Error, Result},
};
use clap::{Args, Subcommand, ValueEnum};
use entities::{
    Scope, Store,
    exchange::knowledge::{self, Collection, Options, Report},
    knowledge::{article, article_version},
    model::TextEnum,
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Subcommand)]
pub enum Kb {
    /// Load a folder of Markdown: an article per page, pages of questions an article per question
    Import(Import),
    /// The articles that are there
    List,
}
#[derive(Args)]
pub struct Import {
    folder: PathBuf,
    /// The language of pages that do not say
    #[arg(long, default_value = "en")]
    locale: String,
    /// Who may read pages that do not say
    #[arg(long, value_enum, default_value = "public")]
    audience: Readers,
    /// The name that the pages' ids belong to (default: the folder's name)
    #[arg(long, value_name = "SYSTEM")]
    source: Option<String>,
    /// Report what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}
#[derive(Clone, Copy, ValueEnum)]
enum Readers {
    Public,
    Customer,
    Partner,
    Agent,
}

impl Kb {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        match self {
            Kb::Import(import) => {
                if !import.folder.exists() {
                    return Err(usage(format!("there is no {}", import.folder.display()), "name a folder of Markdown files"));
                }
                let store = app::open(&settings, false).await?.store;
                import.run(&context.print, &store).await
            }
            Kb::List => list(&context.print, &app::open(&settings, false).await?.store).await,
        }
    }
}
impl Import {
    async fn run(self, print: &Print, store: &Store) -> Result<()> {
        let audience = match self.audience {
            Readers::Public => "public",
            Readers::Customer => "customer",
            Readers::Partner => "partner",
            Readers::Agent => "agent",
        };
        let options = Options { locale: self.locale.clone(), audience: audience.into(), published_at: store.clock().now() };
        let files = knowledge::files(&self.folder)?;
        let source = self.source.clone().unwrap_or_else(|| self.folder_name());
        let (collection, mut w) = (knowledge::read(&files, &options), store.write(&Scope::hub(store.clock().now())).await?);
        let report = knowledge::apply(&mut w, &source, &collection, None).await?;
        if !self.dry_run {
            w.commit().await?;
        }
        self.show(print, &source, files.len(), &collection, &report);
        Ok(())
    }
    fn folder_name(&self) -> String {
        let whole = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        whole.file_name().map_or("kb".into(), |n| knowledge::slug(&n.to_string_lossy()))
    }
    fn show(&self, print: &Print, source: &str, files: usize, collection: &Collection, r: &Report) {
        let skipped: Vec<_> = collection.skipped.iter().map(|s| json!({"path": s.path, "code": s.code, "reason": s.reason})).collect();
        print.object(&json!({"step": "imported", "source": source, "dryRun": self.dry_run, "files": files, "report": r, "skipped": skipped, "warnings": collection.warnings}));
        let n = |n: u64| number(n as i64);
        let would = if self.dry_run { "would be " } else { "" };
        print.say(format!(
            "{files} files, source {source}: {} articles {would}inserted, {} {would}updated, {} unchanged; {} files gave none",
            n(r.inserted),
            n(r.updated),
            n(r.unchanged),
            n(r.skipped)
        ));
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        collection.skipped.iter().for_each(|s| reasons.entry(&s.reason).or_default().push(&s.path));
        for (reason, paths) in reasons {
            let more = if paths.len() > 3 { ", …" } else { "" };
            print.say(format!("  {}: {reason} ({}{more})", paths.len(), paths.iter().take(3).copied().collect::<Vec<_>>().join(", ")));
        }
        for (path, sentence) in collection.warnings.iter().take(10) {
            print.say(format!("  {path}: {sentence}"));
        }
        if r.gone > 0 {
            print.say(format!("  {} articles of {source} have no file any more; they stay", n(r.gone)));
        }
    }
}

async fn list(print: &Print, store: &Store) -> Result<()> {
    let hub = Scope::hub(store.clock().now());
    let articles = hub.find::<article::Entity>().order_by_asc(article::Column::Slug).all(store.reader()).await.map_err(Error::from)?;
    let texts = hub
        .find::<article_version::Entity>()
        .filter(article_version::Column::State.ne(article_version::State::Superseded))
        .order_by_asc(article_version::Column::Locale)
        .all(store.reader())
        .await?;
    let mut of: BTreeMap<_, Vec<&article_version::Model>> = BTreeMap::new();
    texts.iter().for_each(|t| of.entry(t.article_id).or_default().push(t));
    let rows = articles.iter().map(|a| {
        let texts = of.get(&a.id).map(Vec::as_slice).unwrap_or_default();
        let locales =
            texts.iter().map(|t| format!("{} v{}{}", t.locale, t.version, if t.state == article_version::State::Draft { " draft" } else { "" }));
        let title = texts.iter().find(|t| t.locale.starts_with("en")).or(texts.first()).map_or("", |t| t.title.as_str());
        [a.slug.clone(), title.into(), a.audience.text().into(), locales.collect::<Vec<_>>().join(", ")]
    });
    print.rows(["slug", "title", "audience", "texts"], &rows.collect::<Vec<_>>());
    Ok(())
}
