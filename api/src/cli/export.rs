use super::{Context, lookup, print::number};
use crate::{
    app,
    error::{Error, Result},
};
use clap::Args;
use entities::{
    Scope, Store,
    exchange::export::{Options, export},
};
use indicatif::ProgressBar;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write, stdout},
    path::{Path, PathBuf},
};

#[derive(Args)]
pub struct Export {
    /// The file to write (default: standard output)
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// Only these types, parted by commas: customer,bill
    #[arg(long, value_delimiter = ',')]
    types: Vec<String>,
    /// Only what this customer, and those below it, may know of themselves
    #[arg(long)]
    customer: Option<String>,
}
impl Export {
    pub async fn run(self, context: &Context) -> Result<()> {
        let settings = context.start_quiet()?;
        let store = app::open(&settings, false).await?.store;
        let customer = match &self.customer {
            Some(text) => Some(lookup::customer(&store, text).await?),
            None => None,
        };
        let options = Options { types: self.types, customer };
        let bar = context.print.bar(None, "Exporting");
        let counts = match &self.out {
            Some(path) => to_file(&store, &options, path, &bar).await,
            None => write(&store, &options, &mut BufWriter::new(stdout()), &bar).await,
        };
        bar.finish_and_clear();
        let (counts, Some(path)) = (counts?, self.out) else { return Ok(()) };
        let rows: u64 = counts.values().sum();
        context.print.result(format!("{} rows in {}", number(rows as i64), path.display()), &json!({"file": path, "rows": rows, "types": counts}));
        Ok(())
    }
}
async fn write(store: &Store, options: &Options, out: &mut (dyn Write + Send), bar: &ProgressBar) -> Result<BTreeMap<String, u64>> {
    let counts = export(store, &Scope::hub(store.clock().now()), options, out, |rows| bar.set_position(rows)).await?;
    out.flush().map_err(|source| Error::Io { what: "cannot write the export".into(), source })?;
    Ok(counts)
}
/// Under another name until it is whole: half an export must not look like one.
async fn to_file(store: &Store, options: &Options, path: &Path, bar: &ProgressBar) -> Result<BTreeMap<String, u64>> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::NamedTempFile::new_in(folder).map_err(Error::file("write in", folder))?;
    let file = File::options().write(true).open(part.path()).map_err(Error::file("write", path))?;
    let mut out = BufWriter::new(file);
    let counts = write(store, options, &mut out, bar).await?;
    out.get_ref().sync_all().map_err(Error::file("write", path))?;
    part.persist(path).map_err(|e| Error::file("write", path)(e.error))?;
    Ok(counts)
}
