//! Takes one guard away, so that a test can show that it is missed: `SWITCHBOARD_WITHOUT` names it. Only with the
//! feature `mutants`, which nothing but `scripts/mutants` switches on; without it every guard stands.

/// Whether this run is to do without the guard of this name.
#[cfg(feature = "mutants")]
pub fn without(name: impl FnOnce() -> String) -> bool {
    static WITHOUT: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(|| std::env::var("SWITCHBOARD_WITHOUT").ok());
    WITHOUT.as_deref().is_some_and(|without| without == name())
}
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub fn without(_name: impl FnOnce() -> String) -> bool {
    false
}

/// Whether guards can be taken away in this build.
pub const POSSIBLE: bool = cfg!(feature = "mutants");

/// A guard by where it stands in the source.
pub(crate) fn without_at(what: &str, at: &std::panic::Location<'_>) -> bool {
    without(|| format!("{what}:{}:{}", at.file(), at.line()))
}
