//! knowledge

/// A shelf of the knowledge base.
pub mod category;
/// A knowledge article; its text lives in versions.
pub mod article;
/// One text of an article in one language. Never changed once published.
pub mod article_version;
/// Whether an article or an answer helped.
pub mod feedback;
/// What was searched and how much was found: the gaps in the knowledge base.
pub mod search_query;
/// Texts of the responder, by locale and channel.
pub mod answer_template;
