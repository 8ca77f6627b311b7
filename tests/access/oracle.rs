//! Who may see what, worked out by hand over the plain rows of the seed, in the words of the domain model (§2.2, §3). It
//! knows nothing of how the hub writes its rules.
use super::{
    callers::Who,
    tables::{Row, V},
    world::Seeded,
};
use entities::Audience::{Agent, Customer, Partner, Public};
use uuid::Uuid;

const TODAY: &str = "2026-01-15";
const NOW: &str = "2026-01-15T12:00:00+00:00";

/// What a caller must be allowed to do to meet a row of a table at all.
pub fn reads(table: &str) -> Option<&'static str> {
    Some(match table {
        "customers" | "parties" | "contact_media" | "customer_contacts" | "state_changes" | "teams" => "customer:read",
        "bills" | "bill_lines" | "billing_accounts" => "billing:read",
        "products" => "product:read",
        "tickets" | "ticket_notes" => "ticket:read",
        "conversations" | "messages" | "bot_answers" | "bot_citations" => "conversation:read",
        "consents" => "consent:read",
        "audit_events" => "audit:read",
        "partners" => "partner.profile:read",
        "partner_tokens" => "partner:write",
        "privacy_requests" => "consent:read",
        "tasks" => "task:read",
        "import_batches" | "import_row_errors" => "import:run",
        "regions"
        | "product_categories"
        | "product_offerings"
        | "offering_prices"
        | "kb_articles"
        | "kb_article_versions"
        | "kb_categories"
        | "kb_feedback"
        | "source_systems" => return None,
        other => panic!("the oracle does not know the table {other}: say who reads it"),
    })
}

pub struct Oracle<'a>(pub &'a Seeded);
impl Oracle<'_> {
    fn up(&self, row: &Row, key: &str) -> Option<&Row> {
        self.0.row(row.key(key)?)
    }
    /// The customer whose row this is.
    pub fn customer_of(&self, row: &Row) -> Option<Uuid> {
        match row.table.as_str() {
            "customers" => Some(row.id()),
            "ticket_notes" => self.up(row, "ticket_id").and_then(|r| self.customer_of(r)),
            "messages" => self.up(row, "conversation_id").and_then(|r| self.customer_of(r)),
            "bot_answers" => self.up(row, "message_id").and_then(|r| self.customer_of(r)),
            "bot_citations" => self.up(row, "answer_id").and_then(|r| self.customer_of(r)),
            "bill_lines" => self.up(row, "bill_id").and_then(|r| self.customer_of(r)),
            _ => row.key("customer_id"),
        }
    }
    /// The roots of the caller at or above a customer.
    fn roots_above(&self, who: &Who, customer: Uuid) -> Vec<Uuid> {
        let (mut at, mut found) = (Some(customer), vec![]);
        while let Some(id) = at {
            if who.roots.contains_key(&id) {
                found.push(id);
            }
            at = self.0.row(id).and_then(|r| r.key("parent_id"));
        }
        found
    }
    /// Whether a login of a customer may do this with that customer.
    pub fn may_at(&self, who: &Who, customer: Option<Uuid>, scope: Option<&str>) -> bool {
        customer.is_some_and(|c| self.roots_above(who, c).iter().any(|root| who.at(*root, scope)))
    }
    /// An agent takes any caller, unless it is limited or the customer protected.
    fn served(&self, who: &Who, customer: Option<Uuid>) -> bool {
        let Some(row) = customer.and_then(|c| self.0.row(c)) else { return true };
        let within = |ids: &Option<Vec<Uuid>>, key: &str| ids.as_ref().is_none_or(|ids| row.key(key).is_some_and(|id| ids.contains(&id)));
        (!row.is("protected") || (who.protected && who.has("customer:read_protected")))
            && within(&who.regions, "region_id")
            && within(&who.teams, "team_id")
    }
    fn knows_customer(&self, who: &Who, id: Uuid) -> bool {
        match who.audience() {
            Agent => self.served(who, Some(id)),
            Customer => self.may_at(who, Some(id), Some("customer:read")),
            Partner => who.partners.iter().any(|p| self.resold(*p, id)),
            Public => false,
        }
    }
    fn resold(&self, partner: Uuid, customer: Uuid) -> bool {
        self.0.of("partner_customers").any(|r| {
            r.key("partner_id") == Some(partner)
                && r.key("customer_id") == Some(customer)
                && r.text("valid_from_on") <= TODAY
                && (*r.get("valid_to_on") == V::Null || r.text("valid_to_on") >= TODAY)
        })
    }
    /// The customers that a party is.
    fn as_customers(&self, party: Uuid) -> Vec<Uuid> {
        self.0.of("customers").filter(|r| r.key("party_id") == Some(party)).map(Row::id).collect()
    }
    fn knows_party(&self, who: &Who, party: Uuid) -> bool {
        let customers = self.as_customers(party);
        let known = customers.iter().any(|c| self.knows_customer(who, *c));
        match who.audience() {
            Agent => {
                // a person is known by the customers that it is and by those for whom it does something
                let named = self.0.of("customer_contacts").filter(|r| r.key("party_id") == Some(party)).filter_map(|r| r.key("customer_id"));
                let of: Vec<Uuid> = customers.iter().copied().chain(named).collect();
                let mut known = of.iter().map(|c| self.knows_customer(who, *c));
                // somebody protected hides whoever has to do with it; a region or a team shows whoever has to do with it
                if who.scope.regions.is_none() && who.scope.teams.is_none() { known.all(|k| k) } else { of.is_empty() || known.any(|k| k) }
            }
            Customer => known || self.0.of("customer_contacts").any(|r| r.key("party_id") == Some(party) && self.sees(who, r)),
            Partner => known,
            Public => false,
        }
    }
    /// The consent in force: the last word, unless it ran out.
    pub fn in_force(&self, row: &Row) -> bool {
        let newer = |other: &&Row| {
            let key = |r: &Row| (r.key("customer_id"), r.key("party_id"), r.text("purpose").to_string());
            key(other) == key(row) && (other.text("effective_at"), other.id()) > (row.text("effective_at"), row.id())
        };
        (*row.get("expires_at") == V::Null || row.text("expires_at") > NOW) && !self.0.of("consents").any(|r| newer(&r))
    }
    /// A partner with full share knows a person who agreed.
    pub fn shared(&self, who: &Who, party: Uuid) -> bool {
        self.as_customers(party).iter().any(|c| {
            let agreed = self.0.of("consents").any(|r| {
                r.key("customer_id") == Some(*c) && r.text("purpose") == "partner_share" && r.text("state") == "granted" && self.in_force(r)
            });
            let full = |p: &Uuid| self.0.row(*p).is_some_and(|r| r.text("share_level") == "full");
            agreed && who.partners.iter().any(|p| full(p) && self.resold(*p, *c))
        })
    }
    /// A row with a customer, and a partner of its own.
    fn owned(&self, who: &Who, row: &Row) -> bool {
        match who.audience() {
            Agent => self.served(who, self.customer_of(row)),
            Customer => self.may_at(who, row.key("customer_id"), reads(&row.table)),
            Partner => row.key("partner_id").is_some_and(|p| who.partners.contains(&p)),
            Public => false,
        }
    }

    /// Whether a caller may know that this row is there.
    pub fn sees(&self, who: &Who, row: &Row) -> bool {
        let audience = who.audience();
        let through = |key: &str| self.up(row, key).is_some_and(|r| self.sees(who, r));
        match row.table.as_str() {
            "regions" | "product_categories" | "kb_categories" => true,
            "teams" | "source_systems" | "import_batches" => audience == Agent,
            // whose a row of a file is nobody can tell: it is for agents without limits
            "import_row_errors" => audience == Agent && who.scope.regions.is_none() && who.scope.teams.is_none(),
            "product_offerings" => audience != Public || (row.text("lifecycle_status") == "active" && row.is("is_sellable")),
            "offering_prices" => match audience {
                Agent => true,
                Partner => row.text("book") == "retail" || row.key("partner_id").is_some_and(|p| who.partners.contains(&p)),
                Customer => row.text("book") == "retail",
                Public => row.text("book") == "retail" && through("offering_id"),
            },
            "kb_articles" => audience == Agent || (row.text("status") == "published" && ["public", audience.name()].contains(&row.text("audience"))),
            "kb_article_versions" => audience == Agent || (row.text("state") == "published" && through("article_id")),
            "customers" => self.knows_customer(who, row.id()),
            "parties" => self.knows_party(who, row.id()),
            "contact_media" => {
                let party = row.key("party_id").expect("a party");
                self.knows_party(who, party) && (audience != Partner || self.shared(who, party))
            }
            "partners" => match audience {
                Agent => true,
                Partner => who.partners.contains(&row.id()),
                Customer => {
                    self.0.of("partner_customers").any(|r| r.key("partner_id") == Some(row.id()) && self.may_at(who, r.key("customer_id"), None))
                }
                Public => false,
            },
            "billing_accounts" | "tickets" | "state_changes" => self.owned(who, row),
            "bills" => self.owned(who, row) && (audience == Agent || !["new", "onHold"].contains(&row.text("state"))),
            "partner_tokens" => audience == Agent || (audience == Partner && row.key("partner_id").is_some_and(|p| who.partners.contains(&p))),
            "bill_lines" => through("bill_id"),
            "products" => self.owned(who, row) && (audience != Customer || row.is("is_customer_visible")),
            "ticket_notes" => {
                through("ticket_id")
                    && match audience {
                        Agent => true,
                        Partner => row.text("visibility") != "internal",
                        _ => row.text("visibility") == "public",
                    }
            }
            "conversations" => match audience {
                Public => who.session.is_some() && who.session.as_deref() == Some(row.text("session_hash")),
                Customer => {
                    let own = who.party.is_some() && row.key("party_id") == who.party && self.may_at(who, row.key("customer_id"), None);
                    self.owned(who, row) || own
                }
                _ => self.owned(who, row),
            },
            "messages" => through("conversation_id") && (audience == Agent || row.text("state") != "draft"),
            "bot_answers" => through("message_id"),
            "bot_citations" => through("answer_id"),
            // an agent's work for the hub is no customer's
            "consents" | "customer_contacts" | "privacy_requests" | "tasks" => audience != Partner && self.owned(who, row),
            "audit_events" => audience != Partner && self.owned(who, row) && (audience == Agent || row.text("action") != "deny"),
            "kb_feedback" => audience != Partner && self.owned(who, row),
            other => panic!("the oracle does not know the table {other}: say who sees its rows"),
        }
    }
    /// Whether a caller meets this row by its id or by searching.
    pub fn meets(&self, who: &Who, row: &Row) -> bool {
        reads(&row.table).is_none_or(|s| who.has(s)) && self.sees(who, row)
    }

    /// What a caller is shown of a value that the all-seeing agent reads in full; none: exactly that.
    pub fn masked(&self, who: &Who, row: &Row, field: &str, full: &serde_json::Value) -> Option<serde_json::Value> {
        use serde_json::{Value::Null, json};
        let personal = || {
            let party = row.key("party_id").expect("a party");
            let company = self.0.row(party).is_some_and(|r| r.text("kind") == "organization");
            let own = who.party == Some(party) || company || self.as_customers(party).iter().any(|c| who.roots.contains_key(c));
            match who.audience() {
                Agent => who.has("customer:read_pii"),
                Customer => own,
                _ => true,
            }
        };
        match (row.table.as_str(), field) {
            ("parties", "birthDate" | "gender") if who.audience() == Customer => {
                let oneself = who.party == Some(row.id()) || self.as_customers(row.id()).iter().any(|c| who.roots.contains_key(c));
                (!oneself).then_some(Null)
            }
            ("parties", "birthDate" | "gender") | ("contact_media", "normalized") | ("import_row_errors", "raw") => {
                (who.audience() == Agent && !who.has("customer:read_pii")).then_some(Null)
            }
            ("parties", "givenName" | "familyName" | "legalName" | "tradingName") => {
                (who.audience() == Partner && !self.shared(who, row.id())).then_some(Null)
            }
            ("contact_media", "street") => (!personal()).then_some(Null),
            ("contact_media", "value") => (!personal()).then(|| {
                let text: Vec<char> = full.as_str().unwrap_or_default().chars().collect();
                let last: String = text[text.len().saturating_sub(2)..].iter().collect();
                json!(format!("{}***{last}", text[0]))
            }),
            _ => None,
        }
    }
    /// Whether the caller may do this at the customer of a row, as `viewerCan…` says.
    pub fn can(&self, who: &Who, row: &Row, scope: &str) -> bool {
        let narrowed = who.roots.values().any(Option::is_some);
        who.has(scope) && (!narrowed || self.may_at(who, self.customer_of(row), Some(scope)))
    }
}
