//! Declared types by Rust names, for the signatures of hand-written fields.
use crate::node::Declared;

macro_rules! names {
    ($($name:ident),+) => { $(
        #[doc = concat!("`", stringify!($name), "` of the graph.")]
        pub struct $name;
        impl Declared for $name {
            const NAME: &'static str = stringify!($name);
        }
    )+ };
}
names!(
    Bill,
    BotAnswer,
    Consent,
    Conversation,
    Customer,
    CustomerContact,
    ImportBatch,
    KbArticle,
    Message,
    Partner,
    PartnerToken,
    PrivacyRequest,
    Product,
    SearchResult,
    Task,
    Ticket
);

/// The interface `Node`.
pub struct AnyRow;
impl Declared for AnyRow {
    const NAME: &'static str = "Node";
}
