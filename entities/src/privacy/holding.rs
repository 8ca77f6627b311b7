//! Which tables hold something of a customer, what it is handed of that, and what becomes of it when it is erased. Data, in
//! one place: a table or a column that is not declared here fails a test.
use crate::exchange::table::{self, Table};

/// What a table holds of customers.
pub struct Holding {
    pub table: &'static str,
    /// The row `t` is of these customers: `{tree}` stands for their ids, `{parties}` for those of the people behind them,
    /// `{id}` for the row's own id in hex.
    pub of: &'static str,
    /// Only these rows of them are handed out; all where empty.
    pub shown: &'static str,
    /// Columns that are not handed out, and why; `*` is all of them.
    pub withheld: &'static [(&'static str, &'static str)],
    pub fate: Fate,
    /// Text that stays when they are erased, and why.
    pub kept: &'static [(&'static str, &'static str)],
}
/// What becomes of rows when their customer is erased.
pub enum Fate {
    Delete,
    /// The row stays, as a pseudonym: (column, SQL). `{id}` is the row's id in hex, `{now}` the instant.
    Blank(&'static [(&'static str, &'static str)]),
    /// Nothing in it says anything about a person.
    Stays,
    /// Nothing tells whose the row is but its words: rows that name the customer lose these columns (column, SQL), or go.
    Sought(&'static [(&'static str, &'static str)]),
}
use Fate::{Blank, Delete, Sought, Stays};

/// What stands in the place of a name that must not be blank.
const NAME: &str = "'Erased'";
/// In the place of a number that no two rows share.
const NUMBER: &str = "'erased-' || {id}";
const NULL: &str = "null";
/// What every row of a source says of it.
const SOURCE: [(&str, &str); 3] = [("external_id", NUMBER), ("source_status", NULL), ("row_hash", NULL)];
/// The source's own columns and more.
macro_rules! blank {
    ($($column:literal = $sql:expr),* $(,)?) => { Blank(&[SOURCE[0], SOURCE[1], SOURCE[2], $(($column, $sql)),*]) };
}

/// Kept and handed out in every table that has it, and why.
const ALIKE: &[(&str, &str)] = &[("source_system", "the code of a system"), ("entity_type", "a word of the hub")];
/// Withheld in every table that has it, and why.
const OURS: &[(&str, &str)] = &[("row_hash", "a checksum of the import")];

const WORDS: &str = "what agents say among themselves";
const COPY: &str = "a copy of what other rows say";

/// In the order in which they are erased: what finds its rows by others comes before those.
pub static HOLDINGS: &[Holding] = &[
    Holding {
        table: "external_refs",
        of: "t.entity_id in (select id from customers where id in {tree} union all select id from parties where id in {parties} union all select id from contact_media where party_id in {parties} \
             union all select id from identities where party_id in {parties} union all select id from partner_customers where customer_id in {tree} \
             union all select id from billing_accounts where customer_id in {tree} union all select id from products where customer_id in {tree} \
             union all select id from bills where customer_id in {tree} union all select id from bill_lines where customer_id in {tree} \
             union all select id from conversations where customer_id in {tree} union all select id from messages where customer_id in {tree} \
             union all select id from tickets where customer_id in {tree} union all select id from ticket_notes where customer_id in {tree} \
             union all select id from consents where customer_id in {tree} union all select id from customer_contacts where customer_id in {tree})",
        shown: "t.entity_type in ('BillingAccount', 'ContactMedium', 'Customer', 'Party')",
        withheld: &[],
        fate: Delete,
        kept: &[],
    },
    Holding { table: "identities", of: "t.party_id in {parties}", shown: "", withheld: &[], fate: Delete, kept: &[] },
    Holding { table: "contact_media", of: "t.party_id in {parties}", shown: "", withheld: &[], fate: Delete, kept: &[] },
    Holding {
        table: "parties",
        of: "t.id in {parties}",
        shown: "",
        withheld: &[("merged_into_id", "another row of ours")],
        fate: blank! {
            "display_name" = "'Erased ' || substr({id}, 25)", "given_name" = NULL, "family_name" = NULL, "legal_name" = NULL,
            "trading_name" = NULL, "birth_on" = NULL, "gender" = NULL, "locale" = "'en'", "status" = "'closed'", "attrs" = "'{}'",
        },
        kept: &[],
    },
    Holding {
        table: "customers",
        of: "t.id in {tree}",
        shown: "",
        withheld: &[
            ("status_reason", WORDS),
            ("churn_reason", WORDS),
            ("protected", WORDS),
            ("household", "what a source guesses of a household"),
            ("team_id", "how we part our work"),
        ],
        fate: blank! {
            "customer_no" = NUMBER, "status" = "'closed'", "status_reason" = NULL, "churn_reason" = NULL, "preferred_channel" = NULL,
            "household" = "'{}'", "region_id" = NULL, "team_id" = NULL, "closed_at" = "coalesce(closed_at, {now})", "erased_at" = "{now}",
        },
        kept: &[],
    },
    Holding { table: "customer_closure", of: "t.descendant_id in {tree}", shown: "", withheld: &[("*", COPY)], fate: Stays, kept: &[] },
    Holding { table: "partner_customers", of: "t.customer_id in {tree}", shown: "", withheld: &[], fate: Delete, kept: &[] },
    Holding {
        table: "billing_accounts",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[("credit_limit_minor", "a judgement of ours"), ("dunning_stage", "a judgement of ours")],
        fate: blank! { "account_no" = NUMBER, "name" = NAME, "media" = "'[]'", "credit_limit_minor" = NULL },
        kept: &[],
    },
    Holding {
        table: "products",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[],
        fate: blank! { "name" = NAME, "service_identifier" = NULL, "serial" = NULL, "label" = NULL, "attrs" = "'{}'" },
        kept: &[],
    },
    Holding {
        table: "bills",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[],
        fate: blank! {},
        kept: &[("bill_no", "the books know an invoice by its number, and the law wants the books")],
    },
    Holding {
        table: "bill_lines",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[],
        fate: blank! { "service_identifier" = NULL, "description" = "kind", "plain_reason" = NULL },
        kept: &[("unit", "a unit of measure")],
    },
    Holding {
        table: "conversations",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[("session_hash", "a secret of the session"), ("handoff_reason", WORDS), ("verification", "how sure we were")],
        fate: blank! { "subject" = NULL, "session_hash" = NULL, "handoff_reason" = NULL, "party_id" = NULL },
        kept: &[],
    },
    Holding {
        table: "messages",
        of: "(t.customer_id in {tree} or t.conversation_id in (select id from conversations where customer_id in {tree}))",
        shown: "",
        withheld: &[],
        fate: blank! { "body_text" = "''", "rfc_message_id" = NULL, "in_reply_to" = NULL, "from_addr" = NULL },
        kept: &[],
    },
    Holding {
        table: "bot_answers",
        of: "(t.customer_id in {tree} or t.message_id in (select id from messages where customer_id in {tree}))",
        shown: "",
        withheld: &[],
        fate: Blank(&[("query_text", "''"), ("intent", NULL)]),
        kept: &[("engine_version", "which bot it was")],
    },
    Holding {
        table: "bot_citations",
        of: "t.answer_id in (select id from bot_answers where customer_id in {tree} or message_id in (select id from messages where customer_id in {tree}))",
        shown: "",
        withheld: &[],
        fate: Blank(&[("snippet", "''"), ("anchor", NULL)]),
        kept: &[],
    },
    Holding { table: "kb_feedback", of: "t.customer_id in {tree}", shown: "", withheld: &[], fate: Blank(&[("comment", NULL)]), kept: &[] },
    Holding {
        table: "tickets",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[("priority", WORDS), ("status_reason", WORDS)],
        fate: blank! {
            "ticket_no" = NUMBER, "category" = NULL, "name" = NAME, "description" = NULL, "severity" = NULL, "status_reason" = NULL,
            "resolution_code" = NULL, "resolution" = NULL,
        },
        kept: &[],
    },
    Holding {
        table: "ticket_notes",
        of: "(t.customer_id in {tree} or t.ticket_id in (select id from tickets where customer_id in {tree}))",
        shown: "",
        withheld: &[],
        fate: blank! { "body" = "''" },
        kept: &[],
    },
    Holding { table: "search_queries", of: "t.customer_id in {tree}", shown: "", withheld: &[], fate: Delete, kept: &[] },
    Holding {
        table: "consents",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[],
        fate: blank! { "evidence" = "'{}'" },
        kept: &[("legal_basis", "the proof that there was one")],
    },
    Holding {
        table: "state_changes",
        of: "(t.customer_id in {tree} or t.entity_id in {parties})",
        shown: "",
        withheld: &[("reason", WORDS)],
        fate: Blank(&[("reason", NULL)]),
        kept: &[("from_state", "a word of TM Forum"), ("to_state", "a word of TM Forum"), ("actor", "a class of callers")],
    },
    Holding {
        table: "audit_events",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[
            ("actor_subject", "another person's login"),
            ("acting_for", "another person's login"),
            ("reason", WORDS),
            ("request_id", "of the hub's own logs"),
            ("prev_hash", "a seal of the log"),
            ("hash", "a seal of the log"),
            ("salt", "a seal of the log"),
            ("words_digest", "a seal of the log"),
        ],
        fate: Blank(&[
            ("actor_subject", "case when actor_audience = 'customer' then 'erased' else actor_subject end"),
            ("acting_for", NULL),
            ("reason", NULL),
            ("request_id", NULL),
            ("salt", NULL),
        ]),
        kept: &[
            ("fields", "names of fields, no values"),
            ("prev_hash", "a seal of the log"),
            ("hash", "a seal of the log"),
            ("words_digest", "a seal of the log; nothing can be guessed from it without the salt"),
        ],
    },
    Holding {
        table: "privacy_requests",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[("requested_by", "another person's login, it may be")],
        fate: Blank(&[("requested_by", "'erased'")]),
        kept: &[],
    },
    Holding {
        table: "tasks",
        of: "t.customer_id in {tree}",
        shown: "",
        withheld: &[("subject", "another person's login, it may be"), ("lease_by", "a machine of ours"), ("lease_until", "a machine of ours")],
        fate: Blank(&[("title", "kind"), ("message", NULL), ("subject", "'erased'")]),
        kept: &[("error_code", "a word of the hub"), ("lease_by", "a machine of ours")],
    },
    Holding { table: "customer_contacts", of: "t.customer_id in {tree}", shown: "", withheld: &[], fate: Delete, kept: &[] },
    Holding { table: "changes", of: "t.customer_id in {tree}", shown: "", withheld: &[("*", COPY)], fate: Stays, kept: &[] },
    Holding {
        table: "import_batches",
        of: "1=0",
        shown: "",
        withheld: &[("*", "of files, not of a person")],
        fate: Sought(&[("file_name", NAME), ("report", "'{}'")]),
        kept: &[("file_sha256", "a checksum of a whole file")],
    },
    Holding {
        table: "import_row_errors",
        of: "1=0",
        shown: "",
        withheld: &[("*", "rows that were not taken: nobody knows for sure whose they are")],
        fate: Sought(&[("raw", "''"), ("message", NAME)]),
        kept: &[("code", "a word of the hub")],
    },
    Holding {
        table: "idempotency_keys",
        of: "1=0",
        shown: "",
        withheld: &[("*", "ids of rows that are handed out, by keys of programs")],
        fate: Sought(&[]),
        kept: &[],
    },
];

/// Tables that hold nothing of a customer, and why.
pub static NOBODYS: &[(&str, &str)] = &[
    ("answer_templates", "what the bot says to everybody"),
    ("change_head", "counters"),
    ("erased_sources", "digests, and the proof that rows are gone"),
    ("import_mappings", "how files are read"),
    ("kb_article_versions", "what everybody may read"),
    ("kb_articles", "what everybody may read"),
    ("kb_categories", "what everybody may read"),
    ("offering_prices", "the price list"),
    ("partner_tokens", "programs of businesses that resell"),
    ("partners", "businesses that resell"),
    ("product_categories", "the price list"),
    ("product_offerings", "the price list"),
    ("regions", "a map"),
    ("source_systems", "systems"),
    ("teams", "how we part our work"),
];

/// What is declared of a table.
pub fn of(table: &str) -> Option<&'static Holding> {
    HOLDINGS.iter().find(|h| h.table == table)
}
impl Holding {
    pub fn table(&self) -> Option<&'static Table> {
        table::catalogue().iter().find(|t| t.name == self.table)
    }
    /// Why a column is not handed out; none where it is.
    pub fn withholds(&self, column: &str) -> Option<&'static str> {
        self.withheld.iter().chain(OURS).find(|w| w.0 == column || w.0 == "*").map(|w| w.1)
    }
    /// Why a text stays where its customer is erased; none where it does not.
    pub fn keeps(&self, column: &str) -> Option<&'static str> {
        self.kept.iter().chain(ALIKE).find(|k| k.0 == column).map(|k| k.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table::ColumnKind;

    #[test]
    fn every_table_says_whether_it_holds_something_of_a_customer() {
        for table in table::catalogue() {
            let holds = HOLDINGS.iter().filter(|h| h.table == table.name).count();
            let nobodys = NOBODYS.iter().filter(|n| n.0 == table.name).count();
            assert_eq!(holds + nobodys, 1, "{} must be in HOLDINGS or in NOBODYS of privacy/holding.rs", table.name);
            if nobodys == 1 {
                let owned = table.columns.iter().find(|c| ["customer_id", "party_id", "descendant_id"].contains(&c.name) && table.name != "partners");
                assert!(owned.is_none(), "{} has an owner", table.name);
            }
        }
        let unknown: Vec<_> = HOLDINGS.iter().filter(|h| h.table().is_none()).map(|h| h.table).collect();
        assert!(unknown.is_empty(), "no such tables: {unknown:?}");
    }
    #[test]
    fn every_text_of_a_customer_goes_or_says_why_it_stays() {
        for h in HOLDINGS {
            let (Blank(set) | Sought(set)) = &h.fate else { continue };
            if h.table == "idempotency_keys" {
                continue; // its rows go as a whole
            }
            let table = h.table().unwrap();
            for c in table.columns.iter().filter(|c| matches!(c.kind, ColumnKind::Text | ColumnKind::Json) && c.texts.is_empty()) {
                let (goes, stays) = (set.iter().any(|s| s.0 == c.name), h.keeps(c.name).is_some());
                assert!(goes != stays, "{}.{}: goes {goes}, stays {stays}", h.table, c.name);
            }
            for (column, _) in set.iter().chain(h.kept).chain(h.withheld.iter().filter(|w| w.0 != "*")) {
                assert!(table.column(column).is_some(), "{}.{column} is no column", h.table);
            }
        }
    }
}
