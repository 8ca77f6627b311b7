//! Customers and partners: the centre of the graph.
use crate::declare::*;
use entities::{
    billing::{bill, billing_account},
    care::ticket,
    catalogue::product,
    conversation::{conversation, timeline},
    party::{contact_medium, customer, customer_contact, partner, partner_customer, partner_token, party, region, team},
    privacy::{audit_event, consent, privacy_request},
};

pub fn types() -> Vec<Type> {
    vec![
        customer_type(),
        overview(),
        contact(),
        team(),
        party_type(),
        contact_medium_type(),
        partner_type(),
        partner_token_type(),
        region_type(),
        external_id(),
    ]
}
pub fn roots() -> Vec<Field> {
    const CUSTOMER_BY: &[(&str, &str, &str)] = &[
        ("id", "Its public id.", "id"),
        ("customerNo", "The number printed on bills.", "customer_no"),
        ("externalId", "Its id in a source system.", "external_id"),
    ];
    vec![
        mine("me", "Customer", "The customer of a customer token: the first, where it holds several. Null for everyone else.")
            .see(CUSTOMER)
            .scope("customer:read"),
        find("customer", "Customer", CUSTOMER_BY, "One customer, by exactly one of the arguments. Null when there is none that you may see.")
            .see(KNOWN)
            .scope("customer:read"),
        all("customers", "Customer", asc(customer::Column::Id), "All customers that you may see.")
            .connection()
            .filtered()
            .sorted()
            .see(AGENT | PARTNER)
            .scope("customer:read"),
        all("partners", "Partner", asc(partner::Column::Id), "All partners.").connection().see(AGENT).scope("partner:write"),
        mine("partner", "Partner", "The partner of a partner token. Null for everyone else.").see(PARTNER).scope("partner.profile:read"),
    ]
}

fn customer_type() -> Type {
    use customer::{Column, ENTITY, Kind, PreferredChannel, Status};
    table(&ENTITY, "A person or a company with a contract; a part of an enterprise is a customer too.")
        .fields([
            id(&ENTITY).see(KNOWN),
            column("customerNo", Column::CustomerNo, "The number printed on bills.").see(KNOWN),
            choice::<Kind>("kind", Column::Kind, "Consumer, small business, enterprise or wholesale.").see(KNOWN),
            choice::<Status>("status", Column::Status, "Whether it is a customer now.").see(KNOWN),
            column("statusReason", Column::StatusReason, "Why it is suspended or closed; null otherwise.").see(AGENT),
            sql("displayName", Scalar::Text, "(select p.display_name from parties p where p.id = {t}.party_id)", "The name of the person or company.").see(KNOWN),
            column("since", Column::SinceOn, "Customer since this day; null when the source does not say.").see(KNOWN),
            column("closedAt", Column::ClosedAt, "Null while it is open.").see(KNOWN),
            column("churnReason", Column::ChurnReason, "Why it left; null when nobody said.").see(AGENT),
            choice::<PreferredChannel>("preferredChannel", Column::PreferredChannel, "How the customer wants to be reached; null when not said.").see(AGENT | CUSTOMER),
            column("household", Column::Household, "What the source says of the household.").see(AGENT).scope("customer:read_pii"),
            column("erasedAt", Column::ErasedAt, "When all that was known of it was erased; null otherwise.").see(AGENT),
            column("isProtected", Column::Protected, "Read only with a reason.").see(AGENT),
            column("version", Column::RowVersion, "For `expectedVersion` of an update.").see(KNOWN),
            one("party", "Party", Column::PartyId, "Who it is.").see(KNOWN),
            many_by("contactMedia", "ContactMedium", contact_medium::Column::PartyId, Column::PartyId, asc(contact_medium::Column::Id), "How to reach it. Empty for a partner without full share or without the consent `PARTNER_SHARE`.").see(KNOWN),
            one("parent", "Customer", Column::ParentId, "The customer above it in the hierarchy; null at the top, or where the top of what you may see is.").see(KNOWN),
            many("children", "Customer", Column::ParentId, asc(Column::Id), "The customers directly below it.").connection().filtered().see(KNOWN),
            sql("descendantsCount", Scalar::Int, "(select count(*) from customer_closure cc join customers k on k.id = cc.descendant_id where cc.ancestor_id = {t}.id and cc.depth > 0 and {may Customer k})", "How many customers are below it, on all levels.").see(KNOWN).cost(5),
            one("region", "Region", Column::RegionId, "Null when not known.").see(KNOWN),
            one("team", "Team", Column::TeamId, "Who cares for it; null when nobody in particular.").see(AGENT),
            many("contacts", "CustomerContact", customer_contact::Column::CustomerId, asc(customer_contact::Column::Id), "Who does what for it, those of other days too. Empty: it is its own account owner.").see(AGENT | CUSTOMER),
            same("overview", "CustomerOverview", "What somebody who takes a call sees first.").see(KNOWN),
            many("timeline", "TimelineEntry", timeline::Column::CustomerId, desc(timeline::Column::At), "What happened, the newest first: tickets, bills and conversations that you may read, and changes of status.").only(TIMELINE).connection().filtered().see(KNOWN).scope("customer:read").cost(10),
            many("billingAccounts", "BillingAccount", billing_account::Column::CustomerId, asc(billing_account::Column::Id), "What it pays from.").see(KNOWN).scope("billing:read"),
            many("bills", "Bill", bill::Column::CustomerId, desc(bill::Column::BillOn), "Bills, the newest first.").connection().filtered().sorted().tree().see(KNOWN).scope("billing:read"),
            many("products", "Product", product::Column::CustomerId, asc(product::Column::Id), "What it has.").connection().filtered().tree().see(KNOWN).scope("product:read"),
            many("tickets", "Ticket", ticket::Column::CustomerId, desc(ticket::Column::OpenedAt), "Tickets, the newest first.").connection().filtered().sorted().tree().see(KNOWN).scope("ticket:read"),
            many("conversations", "Conversation", conversation::Column::CustomerId, desc(conversation::Column::StartedAt), "Talks with the bot or a human, the newest first.").connection().filtered().see(KNOWN).scope("conversation:read"),
            many("consents", "Consent", consent::Column::CustomerId, desc(consent::Column::EffectiveAt), "What was agreed to, by purpose: the one in force of each.").only(crate::privacy::IN_FORCE).see(AGENT | CUSTOMER).scope("consent:read"),
            many("consentHistory", "Consent", consent::Column::CustomerId, desc(consent::Column::EffectiveAt), "Everything that was ever agreed to, denied or withdrawn, with its evidence, the newest first.").connection().see(AGENT | CUSTOMER).scope("consent:read"),
            many("privacyRequests", "PrivacyRequest", privacy_request::Column::CustomerId, desc(privacy_request::Column::Id), "What was asked about this customer's data, the newest first.").see(AGENT | CUSTOMER).scope("consent:read"),
            many("accessLog", "AuditEvent", audit_event::Column::CustomerId, desc(audit_event::Column::At), "Who looked at or changed this customer's data, the newest first.").connection().see(AGENT | CUSTOMER).scope("audit:read"),
            all("partners", "Partner", asc(partner::Column::Id), "Who resells to it.").only("exists (select 1 from partner_customers pc where pc.partner_id = {t}.id and pc.customer_id = {p}.id)").see(AGENT).cost(2),
            sql("viewerCanUpdate", Scalar::Bool, "{can customer:write id}", "Whether `customerUpdate` is open to you.").see(KNOWN),
            sql("viewerCanOpenTicket", Scalar::Bool, "{can ticket:write id}", "Whether `ticketOpen` is open to you.").see(KNOWN),
        ])
        .fields(origin())
        .filters([
            any_of::<Kind>("kind", Column::Kind, "Any of these kinds."),
            any_of::<Status>("status", Column::Status, "Any of these."),
            is("customerNo", Column::CustomerNo, "Exactly this number."),
        ])
        .sort("OLDEST", asc(Column::Id), "id")
        .sort("NEWEST", desc(Column::Id), "id")
}
/// Where an imported row came from.
pub fn origin() -> Vec<Field> {
    vec![same("origin", "ExternalId", "Where this row comes from.").see(AGENT).scope("integration:read")]
}
fn external_id() -> Type {
    // Any table with an origin has these columns; the type has no rows of its own.
    Type { name: "ExternalId", entity: None, ..view("ExternalId", &customer::ENTITY, "Where a row comes from.") }.fields([
        column("sourceSystem", customer::Column::SourceSystem, "The code of the source system; `hub` for what was made here.").see(AGENT),
        column("externalId", customer::Column::ExternalId, "Its id there.").see(AGENT),
        column("sourceStatus", customer::Column::SourceStatus, "Its status in the source's own words; null when the source has none.").see(AGENT),
    ])
}
fn overview() -> Type {
    use customer::ENTITY;
    const CURRENCY: &str =
        "coalesce((select a.currency from billing_accounts a where a.customer_id = {t}.id and {may BillingAccount a} order by a.id limit 1), 'EUR')";
    const SAME: &str = "a.customer_id = {t}.id and {may BillingAccount a} and a.currency = (select b.currency from billing_accounts b where b.customer_id = {t}.id and {may BillingAccount b} order by b.id limit 1)";
    view("CustomerOverview", &ENTITY, "What somebody who takes a call sees first. Sums are in the currency of the first account; accounts in other currencies are left out.").fields([
        sql("openTickets", Scalar::Int, "(select count(*) from tickets k where k.customer_id = {t}.id and k.status in ('acknowledged','pending','held','inProgress') and {may Ticket k})", "Tickets that are not done.").see(KNOWN).scope("ticket:read"),
        sql("activeProducts", Scalar::Int, "(select count(*) from products k where k.customer_id = {t}.id and k.status = 'active' and {may Product k})", "How many products are in use.").see(KNOWN).scope("product:read"),
        money_sql("recurring", "coalesce((select cast(sum(k.recurring_minor) as bigint) from products k where k.customer_id = {t}.id and k.status = 'active' and {may Product k} and k.currency = (select l.currency from products l where l.customer_id = {t}.id and l.status = 'active' and {may Product l} order by l.id limit 1)), 0)", "coalesce((select k.currency from products k where k.customer_id = {t}.id and k.status = 'active' and {may Product k} order by k.id limit 1), 'EUR')", None, "What the active products cost in a month.").see(KNOWN).scope("product:read"),
        money_sql("balance", &format!("coalesce((select cast(sum(a.balance_minor) as bigint) from billing_accounts a where {SAME}), 0)"), CURRENCY, None, "What is owed.").see(KNOWN).scope("billing:read"),
        sql("isOverdue", Scalar::Bool, "exists (select 1 from billing_accounts a where a.customer_id = {t}.id and a.payment_status <> 'current' and {may BillingAccount a})", "Whether any account is overdue.").see(KNOWN).scope("billing:read"),
        one_by("lastBill", "Bill", "(select b.id from bills b where b.customer_id = {t}.id and {may Bill b} order by b.bill_on desc, b.id desc limit 1)", &[], "Null without a bill.").see(KNOWN).scope("billing:read"),
        sql("lastContactAt", Scalar::Instant, "(select max(k.started_at) from conversations k where k.customer_id = {t}.id and {may Conversation k})", "When a conversation last began; null when there was none.").or_null().see(KNOWN).scope("conversation:read"),
    ])
}
fn contact() -> Type {
    use customer_contact::{Column, ENTITY, Role};
    table(&ENTITY, "Somebody who does something for a customer.").fields([
        id(&ENTITY).see(AGENT | CUSTOMER),
        choice::<Role>("role", Column::Role, "What the person may see and do.").see(AGENT | CUSTOMER),
        column("validFrom", Column::ValidFromOn, "The first day.").see(AGENT | CUSTOMER),
        column("validTo", Column::ValidToOn, "The last day; null without an end.").see(AGENT | CUSTOMER),
        one("party", "Party", Column::PartyId, "Who it is.").see(AGENT | CUSTOMER),
        one("customer", "Customer", Column::CustomerId, "For whom.").see(AGENT | CUSTOMER),
    ])
}
fn team() -> Type {
    use team::{Column, ENTITY};
    table(&ENTITY, "Agents who care for certain customers.").fields([
        id(&ENTITY).see(AGENT),
        column("code", Column::Code, "Its short name.").see(AGENT),
        column("name", Column::Name, "What people call it.").see(AGENT),
        one("region", "Region", Column::RegionId, "Where; null when everywhere.").see(AGENT),
    ])
}
/// A person's own, also inside an enterprise.
const ONESELF: &str = "case when {t}.id {party} or exists (select 1 from customers o where o.party_id = {t}.id and o.id {customers}) then {c} end";
fn party_type() -> Type {
    use party::{Column, ENTITY, Kind, Status};
    table(&ENTITY, "A person or an organization.").fields([
        id(&ENTITY).see(KNOWN),
        choice::<Kind>("kind", Column::Kind, "A person or an organization.").see(KNOWN),
        column("displayName", Column::DisplayName, "The name to call it by.").see(KNOWN),
        shared(column(
            "givenName",
            Column::GivenName,
            "Null for organizations, and for a partner without full share or without the consent `PARTNER_SHARE`.",
        )),
        shared(column(
            "familyName",
            Column::FamilyName,
            "Null for organizations, and for a partner without full share or without the consent `PARTNER_SHARE`.",
        )),
        shared(column(
            "legalName",
            Column::LegalName,
            "Null for individuals, and for a partner without full share or without the consent `PARTNER_SHARE`.",
        )),
        shared(column(
            "tradingName",
            Column::TradingName,
            "Null when it trades under its legal name, and for a partner without full share or without the consent `PARTNER_SHARE`.",
        )),
        column("birthDate", Column::BirthOn, "Null when not known, and of a person who is not you.")
            .see(AGENT | CUSTOMER)
            .mask(AGENT, "case when {has customer:read_pii} then {c} end")
            .mask(CUSTOMER, ONESELF),
        column("gender", Column::Gender, "As the source spells it; null when not known.")
            .see(AGENT | CUSTOMER)
            .mask(AGENT, "case when {has customer:read_pii} then {c} end")
            .mask(CUSTOMER, ONESELF),
        column("locale", Column::Locale, "The language to write in, BCP 47.").see(KNOWN),
        choice::<Status>("status", Column::Status, "Whether we are sure of it.").see(AGENT),
        many("contactMedia", "ContactMedium", contact_medium::Column::PartyId, asc(contact_medium::Column::Id), "How to reach it.").see(KNOWN),
    ])
}
const TIMELINE: &str = "({t}.kind <> 'ticket' or {can ticket:read customer_id}) and ({t}.kind <> 'bill' or {can billing:read customer_id}) and ({t}.kind <> 'conversation' or {can conversation:read customer_id}) and ({t}.kind <> 'status' or {t}.title <> 'Product' or {can product:read customer_id})";
const FULL_SHARE: &str = concat!("case when ", entities::shared_in_full!("{t}.id"), " then {c} end");
/// A partner knows it of itself, and of those who agreed.
fn shared(name: Field) -> Field {
    name.see(KNOWN).mask(PARTNER, FULL_SHARE)
}
/// Enough to recognise what one knows already.
const IN_PART: &str = "substr({c}, 1, 1) || '***' || substr({c}, length({c}) - 1)";
/// Agents need a scope for it; inside an enterprise it is a person's own, and a company's everybody's.
fn personal(field: Field, hidden: &'static str) -> Field {
    const OWN: &str = "{t}.party_id {party} or exists (select 1 from parties o where o.id = {t}.party_id and o.kind = 'organization') or exists (select 1 from customers o where o.party_id = {t}.party_id and o.id {customers})";
    let masked = |who: &str| format!("case when {who} then {{c}} else {hidden} end");
    field.see(KNOWN).mask(AGENT, masked("{has customer:read_pii}")).mask(CUSTOMER, masked(OWN))
}
fn contact_medium_type() -> Type {
    use contact_medium::{Column, ENTITY, Kind};
    table(&ENTITY, "One way to reach a party.").fields([
        id(&ENTITY).see(KNOWN),
        choice::<Kind>("kind", Column::Kind, "Mail, phone, post …").see(KNOWN),
        personal(
            column(
                "value",
                Column::ValueDisplay,
                "Address or number as it is shown; its first and last signs only, without `customer:read_pii` or for a person who is not you.",
            ),
            IN_PART,
        ),
        column("normalized", Column::ValueNorm, "Lower-case mail address, or phone number in E.164; null without `customer:read_pii`.")
            .see(AGENT)
            .mask(AGENT, "case when {has customer:read_pii} then {c} end"),
        personal(column("street", Column::Street, "Null unless kind is POST, without `customer:read_pii`, and for a person who is not you."), "null"),
        column("city", Column::City, "Null unless kind is POST.").see(KNOWN),
        column("state", Column::State, "Null unless kind is POST.").see(KNOWN),
        column("postcode", Column::Postcode, "Null unless kind is POST.").see(KNOWN),
        column("country", Column::Country, "ISO 3166; null when not known.").see(KNOWN),
        column("isPreferred", Column::Preferred, "Whether to try this one first.").see(KNOWN),
        column("verifiedAt", Column::VerifiedAt, "Null until it was proven.").see(AGENT | CUSTOMER),
    ])
}
fn partner_type() -> Type {
    use partner::{Column, ENTITY, Kind, ShareLevel, Status};
    table(&ENTITY, "Who resells.").fields([
        id(&ENTITY).see(KNOWN),
        column("brandName", Column::BrandName, "The name customers know.").see(KNOWN),
        column("code", Column::Code, "Its short name.").see(AGENT | PARTNER),
        choice::<Kind>("kind", Column::Kind, "How it works with us.").see(AGENT | PARTNER),
        choice::<Status>("status", Column::Status, "Whether it may sell now.").see(AGENT | PARTNER),
        choice::<ShareLevel>("shareLevel", Column::ShareLevel, "How much of a person it may know.").see(AGENT | PARTNER),
        one("parent", "Partner", Column::ParentId, "Null at the top.").see(AGENT | PARTNER),
        all("customers", "Customer", asc(customer::Column::Id), "The customers it may know today.")
            .led(&partner_customer::KNOWN_TO_PARTNER)
            .connection()
            .filtered()
            .see(AGENT | PARTNER)
            .scope("customer:read"),
        many("products", "Product", product::Column::PartnerId, asc(product::Column::Id), "What it sold.")
            .connection()
            .filtered()
            .see(AGENT | PARTNER)
            .scope("product:read"),
        many("tickets", "Ticket", ticket::Column::PartnerId, desc(ticket::Column::OpenedAt), "Tickets of what it sold, the newest first.")
            .connection()
            .filtered()
            .see(AGENT | PARTNER)
            .scope("ticket:read"),
        many(
            "tokens",
            "PartnerToken",
            partner_token::Column::PartnerId,
            desc(partner_token::Column::Id),
            "The tokens of its programs, the newest first; also those that no longer hold.",
        )
        .connection()
        .see(AGENT | PARTNER)
        .scope("partner:write"),
        many("bills", "Bill", bill::Column::PartnerId, desc(bill::Column::BillOn), "Bills of what it sold, the newest first.")
            .connection()
            .filtered()
            .see(AGENT | PARTNER)
            .scope("billing:read"),
    ])
}
fn partner_token_type() -> Type {
    use partner_token::{Column, CreatorAudience, ENTITY};
    table(&ENTITY, "By which a partner's program calls the hub. The token itself is shown once, when it is made.").fields([
        id(&ENTITY).see(AGENT | PARTNER),
        column("name", Column::Name, "What it is for.").see(AGENT | PARTNER),
        column("prefix", Column::TokenPrefix, "How the token begins.").see(AGENT | PARTNER),
        column("scope", Column::Scope, "What it may do, parted by blanks.").see(AGENT | PARTNER),
        column("createdAt", Column::CreatedAt, "When it was made.").see(AGENT | PARTNER),
        choice::<CreatorAudience>("creatorAudience", Column::CreatorAudience, "Who made it: an agent, or the partner itself.").see(AGENT | PARTNER),
        column("creatorSubject", Column::CreatorSubject, "The login that made it; for partners null where that was an agent.")
            .see(AGENT | PARTNER)
            .mask(PARTNER, "case when {t}.creator_audience = 'partner' then {c} end")
            .or_null(),
        column("expiresAt", Column::ExpiresAt, "Holds until then.").see(AGENT | PARTNER),
        column("revokedAt", Column::RevokedAt, "Null unless it was revoked.").see(AGENT | PARTNER),
        column("lastUsedAt", Column::LastUsedAt, "To the minute; null until it was used.").see(AGENT | PARTNER),
        column("lastUsedAddress", Column::LastUsedAddress, "From where it was last used; null until then.").see(AGENT | PARTNER),
        one("partner", "Partner", Column::PartnerId, "Whose it is.").see(AGENT | PARTNER),
    ])
}
fn region_type() -> Type {
    use region::{Column, ENTITY, Kind};
    table(&ENTITY, "A part of the area that is served.").fields([
        id(&ENTITY).see(ALL),
        column("code", Column::Code, "Its code.").see(ALL),
        column("name", Column::Name, "The name of the place.").see(ALL),
        choice::<Kind>("kind", Column::Kind, "How large a part it is.").see(ALL),
        one("parent", "Region", Column::ParentId, "Null at the top.").see(ALL),
    ])
}
