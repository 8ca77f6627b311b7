//! Builders that read as a story: `customer(&store, "Ada").await.child_of(&corp).await`, `ada.bill("2026-01", &[("Mobile M", 2000)])`.
//! They write as the hub does, change log included, and ask nobody for permission.
use chrono::{Months, NaiveDate};
use entities::{
    Scope, Store,
    billing::{bill, bill_line, billing_account},
    care::{ticket, ticket_note},
    catalogue::{product, product_offering},
    conversation::{conversation, message},
    id,
    knowledge::{article, article_version},
    model::EntityKind,
    outbox::change::Operation,
    party::{contact_medium, customer, customer_closure, customer_contact, partner, partner_customer, party, region, team},
    privacy::consent,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};
use serde_json::json;
use uuid::Uuid;

/// A row born here, with the fields given; the rest is null or the column's default.
macro_rules! born {
    ($store:expr, $id:expr, $($entity:ident)::+ { $($field:ident : $value:expr),* $(,)? }) => {
        $($entity)::+::ActiveModel {
            id: Set($id),
            created_at: Set($store.clock().now()),
            updated_at: Set($store.clock().now()),
            row_version: Set(1),
            source_system: Set("hub".into()),
            external_id: Set($id.to_string()),
            $($field: Set($value),)*
            ..Default::default()
        }
    };
}

/// Who issues the logins of a story.
pub const ISSUER: &str = "switchboard";
const CURRENCY: &str = "EUR";
const TAX_BP: i64 = 2_000;

/// A customer with a billing account, who started two years ago.
#[derive(Clone)]
pub struct Customer {
    pub store: Store,
    pub id: Uuid,
    pub party_id: Uuid,
    pub account_id: Uuid,
    /// Who sold to them; everything made after [`Customer::sold_by`] carries it.
    pub partner_id: Option<Uuid>,
}

/// Whom we resell through.
#[derive(Clone)]
pub struct Partner {
    pub store: Store,
    pub id: Uuid,
    pub party_id: Uuid,
}

fn fresh(store: &Store) -> Uuid {
    id::at(store.clock().now())
}
fn today(store: &Store) -> NaiveDate {
    store.clock().now().date_naive()
}
/// `Ada Lovelace` as `ADA-LOVELACE`: numbers and codes that a test can name.
fn code(name: &str) -> String {
    name.to_uppercase().replace(' ', "-")
}

/// Inserts one row and notes it in the change log.
async fn put<A>(store: &Store, row: A, kind: Option<(&'static EntityKind, Uuid, Option<Uuid>, Option<Uuid>)>)
where
    A: ActiveModelTrait + Send,
{
    let mut w = store.write(&Scope::hub(store.clock().now())).await.expect("start a write");
    A::Entity::insert(row).exec_without_returning(w.tx()).await.expect("insert a row of the story");
    if let Some((kind, id, customer, partner)) = kind {
        w.changed(Operation::Insert, kind, id, customer, partner);
    }
    w.commit().await.expect("commit a row of the story");
}
async fn run(store: &Store, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) {
    store.writer().execute_raw(Statement::from_sql_and_values(store.backend(), sql, values)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}
async fn individual(store: &Store, name: &str) -> Uuid {
    let id = fresh(store);
    let (given, family) = name.split_once(' ').map_or((name, None), |(g, f)| (g, Some(f.to_string())));
    let row = born!(
        store,
        id,
        party {
            kind: party::Kind::Individual,
            display_name: name.into(),
            given_name: Some(given.into()),
            family_name: family,
            locale: "en".into(),
            status: party::Status::Validated,
            attrs: json!({}),
        }
    );
    put(store, row, Some((&party::ENTITY, id, None, None))).await;
    id
}

pub async fn customer(store: &Store, name: &str) -> Customer {
    let (id, party_id, account_id) = (fresh(store), individual(store, name).await, fresh(store));
    let row = born!(
        store,
        id,
        customer {
            party_id: party_id,
            customer_no: format!("C-{}", code(name)),
            kind: customer::Kind::Consumer,
            status: customer::Status::Active,
            since_on: today(store).checked_sub_months(Months::new(24)),
            household: json!({}),
            protected: false,
        }
    );
    put(store, row, Some((&customer::ENTITY, id, Some(id), None))).await;
    put(store, customer_closure::ActiveModel { ancestor_id: Set(id), descendant_id: Set(id), depth: Set(0) }, None).await;
    let row = born!(
        store,
        account_id,
        billing_account {
            customer_id: id,
            account_no: format!("BA-{}", code(name)),
            name: name.into(),
            currency: CURRENCY.into(),
            parent_pays: false,
            cycle_day: 1,
            state: billing_account::State::Active,
            payment_status: billing_account::PaymentStatus::Current,
            balance_minor: 0,
            format: billing_account::Format::Itemised,
            media: json!(["portal"]),
            dunning_stage: 0,
        }
    );
    put(store, row, Some((&billing_account::ENTITY, account_id, Some(id), None))).await;
    Customer { store: store.clone(), id, party_id, account_id, partner_id: None }
}

impl Customer {
    /// Puts them, alone, below another in an enterprise.
    pub async fn child_of(self, parent: &Customer) -> Self {
        run(&self.store, "update customers set parent_id = $1 where id = $2", [parent.id.into(), self.id.into()]).await;
        let above = "insert into customer_closure (ancestor_id, descendant_id, depth)
            select a.ancestor_id, d.descendant_id, a.depth + d.depth + 1 from customer_closure a, customer_closure d where a.descendant_id = $1 and d.ancestor_id = $2";
        run(&self.store, above, [parent.id.into(), self.id.into()]).await;
        self
    }
    /// Makes them a customer of that partner since a year ago.
    pub async fn sold_by(mut self, partner: &Partner) -> Self {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            partner_customer {
                partner_id: partner.id,
                customer_id: self.id,
                role: partner_customer::Role::Sells,
                valid_from_on: today(&self.store).checked_sub_months(Months::new(12)).expect("a date"),
                valid_to_on: None,
            }
        );
        put(&self.store, row, None).await;
        run(&self.store, "update billing_accounts set partner_id = $1 where customer_id = $2", [partner.id.into(), self.id.into()]).await;
        self.partner_id = Some(partner.id);
        self
    }
    /// Ends every partner's access the day before today.
    pub async fn left_partner(self) -> Self {
        let yesterday = today(&self.store).pred_opt().expect("a date");
        run(&self.store, "update partner_customers set valid_to_on = $1 where customer_id = $2", [yesterday.into(), self.id.into()]).await;
        self
    }
    async fn put<A>(&self, row: A, kind: &'static EntityKind, id: Uuid) -> Uuid
    where
        A: ActiveModelTrait + Send,
    {
        put(&self.store, row, Some((kind, id, Some(self.id), self.partner_id))).await;
        id
    }
    pub async fn contact(&self, kind: contact_medium::Kind, value: &str) -> Uuid {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            contact_medium { party_id: self.party_id, kind: kind, value_norm: value.to_lowercase(), value_display: value.into(), preferred: true }
        );
        self.put(row, &contact_medium::ENTITY, id).await
    }
    pub async fn product(&self, name: &str) -> Uuid {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            product {
                customer_id: self.id,
                partner_id: self.partner_id,
                name: name.into(),
                billing_account_id: Some(self.account_id),
                status: product::Status::Active,
                start_at: Some(self.store.clock().now()),
                recurring_minor: 2_000,
                currency: CURRENCY.into(),
                is_customer_visible: true,
                attrs: json!({}),
            }
        );
        self.put(row, &product::ENTITY, id).await
    }
    /// A sent bill for a month (`2026-01`), whose lines are (text, amount before tax) and carry 20 % tax.
    pub async fn bill(&self, month: &str, lines: &[(&str, i64)]) -> Uuid {
        self.bill_in(bill::State::Sent, month, lines).await
    }
    pub async fn bill_in(&self, state: bill::State, month: &str, lines: &[(&str, i64)]) -> Uuid {
        let id = fresh(&self.store);
        let from: NaiveDate = format!("{month}-01").parse().expect("a month such as 2026-01");
        let next = from.checked_add_months(Months::new(1)).expect("a date");
        let tax = |minor: i64| minor * TAX_BP / 10_000;
        let (net, vat): (i64, i64) = (lines.iter().map(|l| l.1).sum(), lines.iter().map(|l| tax(l.1)).sum());
        let row = born!(
            self.store,
            id,
            bill {
                customer_id: self.id,
                partner_id: self.partner_id,
                bill_no: format!("B-{month}-{}", &id.simple().to_string()[24..]),
                kind: bill::Kind::Invoice,
                billing_account_id: self.account_id,
                run_type: bill::RunType::OnCycle,
                state: state,
                bill_on: next,
                period_from_on: Some(from),
                period_to_on: next.pred_opt(),
                due_on: next.checked_add_days(chrono::Days::new(14)),
                currency: CURRENCY.into(),
                tax_excluded_minor: net,
                tax_minor: vat,
                tax_included_minor: net + vat,
                rounding_minor: 0,
                previous_minor: 0,
                amount_due_minor: net + vat,
                remaining_minor: net + vat,
            }
        );
        self.put(row, &bill::ENTITY, id).await;
        for (no, (text, minor)) in (1..).zip(lines) {
            let line = fresh(&self.store);
            let row = born!(
                self.store,
                line,
                bill_line {
                    customer_id: self.id,
                    partner_id: self.partner_id,
                    bill_id: id,
                    line_no: no,
                    kind: bill_line::Kind::Recurring,
                    description: text.to_string(),
                    quantity_micro: 1_000_000,
                    unit_price_micro: minor * 10_000,
                    tax_excluded_minor: *minor,
                    tax_rate_bp: TAX_BP as i32,
                    tax_minor: tax(*minor),
                    currency: CURRENCY.into(),
                    period_from_on: Some(from),
                    period_to_on: next.pred_opt(),
                }
            );
            self.put(row, &bill_line::ENTITY, line).await;
        }
        id
    }
    /// An acknowledged incident, opened now.
    pub async fn ticket(&self, name: &str) -> Uuid {
        self.ticket_in(ticket::Status::Acknowledged, name).await
    }
    pub async fn ticket_in(&self, status: ticket::Status, name: &str) -> Uuid {
        let (id, now) = (fresh(&self.store), self.store.clock().now());
        let done = matches!(status, ticket::Status::Resolved | ticket::Status::Closed).then_some(now);
        let row = born!(
            self.store,
            id,
            ticket {
                customer_id: Some(self.id),
                partner_id: self.partner_id,
                ticket_no: format!("S-{}", &id.simple().to_string()[20..]),
                kind: ticket::Kind::Incident,
                name: name.into(),
                description: Some(format!("{name}.")),
                priority: ticket::Priority::Medium,
                status: status,
                channel: ticket::Channel::Portal,
                opened_at: now,
                resolved_at: done,
                reopened: 0,
            }
        );
        self.put(row, &ticket::ENTITY, id).await
    }
    pub async fn note(&self, ticket_id: Uuid, visibility: ticket_note::Visibility, body: &str) -> Uuid {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            ticket_note {
                customer_id: Some(self.id),
                partner_id: self.partner_id,
                ticket_id: ticket_id,
                author_kind: ticket_note::AuthorKind::Agent,
                body: body.into(),
                visibility: visibility,
                noted_at: self.store.clock().now(),
            }
        );
        self.put(row, &ticket_note::ENTITY, id).await
    }
    /// A chat with its first message.
    pub async fn conversation(&self, text: &str) -> Uuid {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            conversation {
                customer_id: Some(self.id),
                partner_id: self.partner_id,
                channel: conversation::Channel::Chat,
                subject: Some(text.into()),
                status: conversation::Status::Bot,
                verification: conversation::Verification::Authenticated,
                started_at: self.store.clock().now(),
            }
        );
        self.put(row, &conversation::ENTITY, id).await;
        self.message(id, message::State::Sent, text).await;
        id
    }
    pub async fn message(&self, conversation_id: Uuid, state: message::State, text: &str) -> Uuid {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            message {
                customer_id: Some(self.id),
                partner_id: self.partner_id,
                conversation_id: conversation_id,
                direction: message::Direction::Inbound,
                author_kind: message::AuthorKind::Customer,
                body_text: text.into(),
                auto_submitted: false,
                state: state,
                sent_at: Some(self.store.clock().now()),
            }
        );
        self.put(row, &message::ENTITY, id).await
    }
    /// Names somebody new for this customer, whom that login stands for. Returns the party.
    pub async fn named(&self, name: &str, role: customer_contact::Role, subject: &str) -> Uuid {
        let save = customer_contact::Save {
            id: None,
            customer_id: self.id,
            party_id: None,
            display_name: Some(name.into()),
            role,
            valid_from_on: None,
            valid_to_on: None,
            login: Some((ISSUER.into(), subject.into())),
        };
        let hub = Scope::hub(self.store.clock().now());
        let id = super::act(&self.store, &hub, async |w| customer_contact::save(w, save).await).await.expect("name a contact");
        let found = hub.find::<customer_contact::Entity>().filter(customer_contact::Column::Id.eq(id)).one(self.store.reader()).await;
        found.expect("read a contact").expect("a contact").party_id
    }
    /// Only agents with the scope and a reason know them from now on.
    pub async fn protected(self) -> Self {
        run(&self.store, "update customers set protected = true where id = $1", [self.id.into()]).await;
        self
    }
    /// Lives in a region of that code, and a team of that code cares for them.
    pub async fn cared_for(self, region: &str, team: &str) -> Self {
        let (r, t) = (fresh(&self.store), fresh(&self.store));
        let row = born!(self.store, r, region { code: region.into(), name: region.into(), kind: region::Kind::City, postcodes: json!([]) });
        put(&self.store, row, None).await;
        put(&self.store, born!(self.store, t, team { code: team.into(), name: team.into() }), None).await;
        run(&self.store, "update customers set region_id = $1, team_id = $2 where id = $3", [r.into(), t.into(), self.id.into()]).await;
        self
    }
    pub async fn consent(&self, purpose: consent::Purpose, state: consent::State) -> Uuid {
        let id = fresh(&self.store);
        let row = born!(
            self.store,
            id,
            consent {
                customer_id: self.id,
                partner_id: self.partner_id,
                party_id: self.party_id,
                purpose: purpose,
                state: state,
                legal_basis: "consent".into(),
                evidence: json!({"channel": "portal"}),
                effective_at: self.store.clock().now(),
            }
        );
        self.put(row, &consent::ENTITY, id).await
    }
}

pub async fn partner(store: &Store, name: &str) -> Partner {
    let (id, party_id) = (fresh(store), individual(store, name).await);
    let row = born!(
        store,
        id,
        partner {
            party_id: party_id,
            code: code(name),
            kind: partner::Kind::Reseller,
            brand_name: name.into(),
            share_level: partner::ShareLevel::Minimal,
            status: partner::Status::Active,
        }
    );
    put(store, row, Some((&partner::ENTITY, id, None, Some(id)))).await;
    Partner { store: store.clone(), id, party_id }
}

impl Partner {
    /// May know more of a person than the name, where the person agreed.
    pub async fn full_share(self) -> Self {
        run(&self.store, "update partners set share_level = 'full' where id = $1", [self.id.into()]).await;
        self
    }
    /// Is a customer, too.
    pub async fn same_as(self, customer: &Customer) -> Self {
        run(&self.store, "update partners set party_id = $1 where id = $2", [customer.party_id.into(), self.id.into()]).await;
        Partner { party_id: customer.party_id, ..self }
    }
}

/// An offering that can be bought now.
pub async fn offering(store: &Store, name: &str) -> Uuid {
    let id = fresh(store);
    let row = born!(
        store,
        id,
        product_offering {
            code: code(name),
            name: name.into(),
            kind: product_offering::Kind::Mobile,
            is_bundle: false,
            is_sellable: true,
            lifecycle_status: product_offering::LifecycleStatus::Active,
            attrs: json!({}),
        }
    );
    put(store, row, Some((&product_offering::ENTITY, id, None, None))).await;
    id
}

/// A published article with one English version.
pub async fn article(store: &Store, slug: &str, audience: article::Audience, title: &str, body: &str) -> Uuid {
    let (id, version, now) = (fresh(store), fresh(store), store.clock().now());
    let row = born!(store, id, article { slug: slug.into(), kind: article::Kind::Faq, audience: audience, status: article::Status::Published });
    put(store, row, Some((&article::ENTITY, id, None, None))).await;
    let row = article_version::ActiveModel {
        id: Set(version),
        created_at: Set(now),
        updated_at: Set(now),
        row_version: Set(1),
        article_id: Set(id),
        version: Set(1),
        locale: Set("en".into()),
        state: Set(article_version::State::Published),
        title: Set(title.into()),
        summary: Set(None),
        body_md: Set(body.into()),
        keywords: Set(json!([])),
        questions: Set(json!([])),
        author: Set("agent-1".into()),
        published_at: Set(Some(now)),
    };
    put(store, row, Some((&article_version::ENTITY, version, None, None))).await;
    id
}

/// A visitor's chat, known by their session alone.
pub async fn visit(store: &Store, visitor: &Scope, text: &str) -> Uuid {
    let id = fresh(store);
    let row = born!(
        store,
        id,
        conversation {
            channel: conversation::Channel::Chat,
            subject: Some(text.into()),
            status: conversation::Status::Bot,
            verification: conversation::Verification::Anonymous,
            session_hash: visitor.session.clone(),
            started_at: store.clock().now(),
        }
    );
    put(store, row, Some((&conversation::ENTITY, id, None, None))).await;
    id
}
