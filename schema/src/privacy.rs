//! Consent, who looked, and the history of states.
use crate::declare::*;
use entities::privacy::{audit_event, consent, state_change};

/// The consent that counts: the latest of its party, for one customer and purpose, unless it ran out: what
/// `consent::current` tells. (`domain-model` §1.10)
pub const IN_FORCE: &str = entities::consent_in_force!("{t}");

pub fn types() -> Vec<Type> {
    vec![consent_type(), audit(), change()]
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
