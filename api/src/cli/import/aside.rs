//! A copy of a SQLite database beside it, so that a dry run does not hold up the hub's writes. It goes with its folder; a
//! folder whose run was killed goes with the next run, or with the next start of the hub.
use crate::{
    config,
    error::{Error, Result},
};
use entities::Store;
use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};
use tempfile::TempDir;

const PREFIX: &str = ".dry-run-";
/// Held for as long as the copy is used; the system gives it up with the process, however that ends.
const LOCK: &str = "lock";
/// A folder without a lock was made just now, or by a version that knew none.
const YOUNG: Duration = Duration::from_secs(3600);

/// The copy, until this is dropped.
pub struct Aside {
    pub store: Store,
    _folder: TempDir,
    _lock: File,
}

/// None where the database is no file.
pub async fn aside(store: &Store, database: &config::Database) -> Result<Option<Aside>> {
    let Some(file) = database.file() else { return Ok(None) };
    sweep(database);
    let beside = beside(&file);
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(beside).map_err(Error::file("make a folder in", beside))?;
    let path = folder.path().join(LOCK);
    let lock = File::create(&path).and_then(|lock| lock.lock().map(|()| lock)).map_err(Error::file("lock", &path))?;
    let copy = store.copy_to(&folder.path().join("copy.db")).await?;
    Ok(copy.map(|store| Aside { store, _folder: folder, _lock: lock }))
}
/// Takes away what dry runs left that were killed.
pub fn sweep(database: &config::Database) {
    let Some(file) = database.file() else { return };
    let Ok(entries) = fs::read_dir(beside(&file)) else { return };
    for entry in entries.flatten() {
        let folder = entry.path();
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_left(&folder) {
            match fs::remove_dir_all(&folder) {
                Ok(()) => tracing::info!(folder = %folder.display(), "took away the copy of a dry run that was killed"),
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "the copy of a dry run that was killed could not be taken away"),
            }
        }
    }
}
fn beside(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
fn is_left(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let made =
                fs::symlink_metadata(folder).and_then(|m| if m.is_dir() { m.modified() } else { Err(std::io::ErrorKind::NotADirectory.into()) });
            made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > YOUNG))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_a_killed_run_left_is_taken_away_and_nothing_else() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = |name: &str, lock: bool| {
            let folder = home.path().join(name);
            fs::create_dir(&folder).expect("a folder");
            fs::write(folder.join("copy.db"), "rows").expect("a copy");
            lock.then(|| File::create(folder.join(LOCK)).expect("a lock"))
        };
        let running = folder(".dry-run-running", true).expect("a lock");
        running.lock().expect("is held");
        drop(folder(".dry-run-killed", true));
        folder(".dry-run-young", false);
        folder(".dry-run-old", false);
        let old = SystemTime::now() - 2 * YOUNG;
        File::open(home.path().join(".dry-run-old")).and_then(|f| f.set_modified(old)).expect("an older time");
        folder("mine", false);
        sweep(&config::Database { url: format!("sqlite://{}", home.path().join("switchboard.db").display()), ..Default::default() });
        let mut left: Vec<_> = fs::read_dir(home.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
        left.sort();
        assert_eq!(left, [".dry-run-running", ".dry-run-young", "mine"]);
    }
}
