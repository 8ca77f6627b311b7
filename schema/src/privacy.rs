//! Consent, who looked, what people ask about their data, and the history of states.
use crate::declare::*;
use entities::privacy::{audit_event, consent, privacy_request, state_change};

/// The consent that counts: the latest of its party, for one customer and purpose, unless it ran out: what
/// `consent::current` tells. (`domain-model` §1.10)
pub const IN_FORCE: &str = entities::consent_in_force!("{t}");

pub fn types() -> Vec<Type> {
    vec![consent_type(), audit(), change(), request()]
}
pub fn roots() -> Vec<Field> {
    vec![
        all(
            "privacyRequests",
            "PrivacyRequest",
            asc(privacy_request::Column::DueOn),
            "What customers ask about their data, by the day when it is due.",
        )
        .connection()
        .filtered()
        .see(AGENT)
        .scope("privacy:write"),
    ]
}
fn request() -> Type {
    use privacy_request::{Column, ENTITY, Kind, RequestedAs, State};
    table(&ENTITY, "What a customer asked about its data, and until when it must be answered (GDPR Art. 12(3)).")
        .fields([
            id(&ENTITY).see(AGENT | CUSTOMER),
            choice::<Kind>("kind", Column::Kind, "What is asked for.").see(AGENT | CUSTOMER),
            choice::<State>("state", Column::State, "How far it is.").see(AGENT | CUSTOMER),
            column("dueOn", Column::DueOn, "The day until which it must be answered: 30 days after it was asked.").see(AGENT | CUSTOMER),
            column("createdAt", Column::CreatedAt, "When it was asked.").see(AGENT | CUSTOMER),
            column("completedAt", Column::CompletedAt, "Null until then.").see(AGENT | CUSTOMER),
            choice::<RequestedAs>("requestedAs", Column::RequestedAs, "Whether the customer itself asked, or an agent on its behalf.")
                .see(AGENT | CUSTOMER),
            one("task", "Task", Column::TaskId, "The work on it; null while none has begun.").see(AGENT | CUSTOMER).scope("task:read"),
            one("customer", "Customer", Column::CustomerId, "Whose data it is about.").see(AGENT | CUSTOMER).scope("customer:read"),
        ])
        .filters([any_of::<State>("state", Column::State, "Any of these."), any_of::<Kind>("kind", Column::Kind, "Any of these.")])
}
fn consent_type() -> Type {
    use consent::{Column, ENTITY, Purpose, State};
    table(&ENTITY, "What somebody agreed to or not, for one purpose.").fields([
        id(&ENTITY).see(AGENT | CUSTOMER),
        choice::<Purpose>("purpose", Column::Purpose, "What it is about.").see(AGENT | CUSTOMER),
        choice::<State>("state", Column::State, "Whether it was granted.").see(AGENT | CUSTOMER),
        column("legalBasis", Column::LegalBasis, "The ground in law.").see(AGENT | CUSTOMER),
        column("evidence", Column::Evidence, "Channel, version of the text, and who asked.").see(AGENT | CUSTOMER),
        column("effectiveAt", Column::EffectiveAt, "Holds from then on.").see(AGENT | CUSTOMER),
        column("expiresAt", Column::ExpiresAt, "Null when it does not end by itself.").see(AGENT | CUSTOMER),
    ])
}
fn audit() -> Type {
    use audit_event::{Action, ActorAudience, Column, ENTITY};
    table(&ENTITY, "Who read or changed what.").fields([
        id(&ENTITY).see(AGENT | CUSTOMER),
        column("at", Column::At, "When.").see(AGENT | CUSTOMER),
        choice::<Action>("action", Column::Action, "What was done.").see(AGENT | CUSTOMER),
        choice::<ActorAudience>("actorAudience", Column::ActorAudience, "What kind of person or system.").see(AGENT | CUSTOMER),
        column("actorSubject", Column::ActorSubject, "Who; customers learn only the kind.").see(AGENT),
        column("entityType", Column::EntityType, "The type of what was touched.").see(AGENT | CUSTOMER),
        column("fields", Column::Fields, "The fields that were touched.").see(AGENT | CUSTOMER),
        column("reason", Column::Reason, "Null where none was asked for.").see(AGENT),
    ])
}
fn change() -> Type {
    use state_change::{Column, ENTITY};
    table(&ENTITY, "A change of a status.").fields([
        id(&ENTITY).see(KNOWN),
        column("fromState", Column::FromState, "Null for the first.").see(KNOWN),
        column("toState", Column::ToState, "In the words of TM Forum.").see(KNOWN),
        column("reason", Column::Reason, "Null when there is none.").see(AGENT),
        column("actor", Column::Actor, "agent, partner, customer, bot or system.").see(KNOWN),
        column("changedAt", Column::ChangedAt, "When it changed.").see(KNOWN),
    ])
}
