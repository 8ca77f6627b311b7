//! Tickets: who may open, answer and change them, and what that leaves behind.
use crate::harness::{self, Customer, act, agent, customer, customer_of, now, partner, partner_of, public, refused};
use chrono::TimeDelta;
use entities::{
    Audience, Scope, Store,
    care::{
        ticket::{self, Channel, Kind, Open, Priority, Reply, Status, Update},
        ticket_note::{self, Visibility},
    },
    error::Code,
    exchange::idempotency_key,
    model::TextEnum,
    privacy::{audit_event, state_change},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

fn question(customer: Option<&Customer>, name: &str) -> Open {
    Open {
        customer_id: customer.map(|c| c.id),
        kind: Kind::Question,
        name: name.into(),
        description: "Since Monday.".into(),
        product_id: None,
        bill_id: None,
        conversation_id: None,
        channel: Channel::Portal,
    }
}
async fn open(store: &Store, scope: &Scope, open: Open) -> Uuid {
    act(store, scope, async |w| ticket::open(w, open).await).await.expect("open a ticket")
}
async fn row(store: &Store, id: Uuid) -> ticket::Model {
    agent().find::<ticket::Entity>().filter(ticket::Column::Id.eq(id)).one(store.reader()).await.unwrap().expect("the ticket")
}
fn say(ticket_id: Uuid, visibility: Visibility, body: &str) -> Reply {
    Reply { ticket_id, body: body.into(), visibility, status: None }
}
fn set(ticket: &ticket::Model, status: Status) -> Update {
    Update { ticket_id: ticket.id, expected_version: ticket.row_version, status: Some(status), ..Default::default() }
}

#[tokio::test]
async fn a_customer_opens_a_ticket_and_their_partner_sees_it() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let ada = customer(&store, "Ada").await.sold_by(&acme).await;
        let (product, bill) = (ada.product("Mobile M").await, ada.bill("2025-12", &[("Mobile M", 2000)]).await);
        let id =
            open(&store, &customer_of(ada.id), Open { product_id: Some(product), bill_id: Some(bill), ..question(None, " Why so much? ") }).await;

        let ticket = row(&store, id).await;
        assert_eq!(
            (ticket.ticket_no.as_str(), ticket.name.as_str(), ticket.status, ticket.priority),
            ("T-100001", "Why so much?", Status::Acknowledged, Priority::Medium)
        );
        assert_eq!((ticket.customer_id, ticket.partner_id, ticket.reporter_party_id), (Some(ada.id), Some(acme.id), Some(ada.party_id)));
        assert_eq!((ticket.opened_at, ticket.row_version, ticket.external_id.as_str()), (now(), 1, id.to_string().as_str()));
        assert!(partner_of(acme.id).find::<ticket::Entity>().one(store.reader()).await.unwrap().is_some());

        let state = agent().find::<state_change::Entity>().filter(state_change::Column::EntityId.eq(id)).all(store.reader()).await.unwrap();
        assert_eq!(
            state.iter().map(|s| (s.from_state.as_deref(), s.to_state.as_str(), s.actor.as_str())).collect::<Vec<_>>(),
            [(None, "acknowledged", "customer")]
        );
        let audit = agent().find::<audit_event::Entity>().filter(audit_event::Column::EntityId.eq(id)).all(store.reader()).await.unwrap();
        assert_eq!((audit.len(), audit[0].customer_id), (1, Some(ada.id)));
    }
}

#[tokio::test]
async fn numbers_count_up_and_a_refused_ticket_takes_none() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        open(&store, &agent(), question(Some(&ada), "One")).await;
        refused(&store, &agent(), async |w| ticket::open(w, question(Some(&ada), "One")).await).await;
        let two = open(&store, &agent(), question(Some(&ada), "Two")).await;
        assert_eq!(row(&store, two).await.ticket_no, "T-100002");
    }
}

#[tokio::test]
async fn an_agent_opens_for_anybody_and_for_nobody_yet() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let unknown = open(&store, &agent(), question(None, "Who called?")).await;
        assert_eq!(row(&store, unknown).await.customer_id, None);
        let known = open(&store, &agent(), question(Some(&ada), "She called")).await;
        let seen = customer_of(ada.id).find::<ticket::Entity>().all(store.reader()).await.unwrap();
        assert_eq!(seen.iter().map(|t| t.id).collect::<Vec<_>>(), [known], "what belongs to nobody is for agents only");
    }
}

#[tokio::test]
async fn nobody_opens_a_ticket_for_whom_they_may_not_know() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (ada, bo) = (customer(&store, "Ada").await.sold_by(&acme).await, customer(&store, "Bo").await);
        let (his_product, his_bill) = (bo.product("Fibre").await, bo.bill("2025-12", &[("Fibre", 3000)]).await);
        let hidden = ada.bill_in(entities::billing::bill::State::New, "2026-01", &[("Not sent yet", 1)]).await;
        let (her, partner, nobody) = (customer_of(ada.id), partner_of(acme.id), public());
        let cases: [(&str, &Scope, Open, (Code, &str)); 9] = [
            ("another's tree", &her, question(Some(&bo), "x"), (Code::NotFound, "customerId")),
            ("direct business", &partner, question(Some(&bo), "x"), (Code::NotFound, "customerId")),
            ("a partner for nobody", &partner, question(None, "x"), (Code::Blank, "customerId")),
            ("another's product", &her, Open { product_id: Some(his_product), ..question(None, "x") }, (Code::NotFound, "productId")),
            ("another's bill", &her, Open { bill_id: Some(his_bill), ..question(None, "x") }, (Code::NotFound, "billId")),
            ("a bill not sent yet", &her, Open { bill_id: Some(hidden), ..question(None, "x") }, (Code::NotFound, "billId")),
            ("an agent mixing two", &agent(), Open { product_id: Some(his_product), ..question(Some(&ada), "x") }, (Code::NotFound, "productId")),
            ("a login without customers", &Scope { customers: vec![], ..her.clone() }, question(Some(&ada), "x"), (Code::NotFound, "customerId")),
            ("without a login", &nobody, question(None, "x"), (Code::LoginRequired, "")),
        ];
        for (case, scope, input, (code, field)) in cases {
            assert_eq!(refused(&store, scope, async |w| ticket::open(w, input).await).await, [(code, field.into())], "{case}");
        }
        let weak = Scope { scopes: Default::default(), ..her };
        assert_eq!(refused(&store, &weak, async |w| ticket::open(w, question(None, "x")).await).await[0].0, Code::NotFound, "without ticket:write");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let input = Open { description: "x".repeat(ticket::MOST_TEXT + 1), ..question(None, "  ") };
        let said = refused(&store, &customer_of(ada.id), async |w| ticket::open(w, input).await).await;
        assert_eq!(said, [(Code::Blank, "name".into()), (Code::TooLong, "description".into())]);
    }
}

#[tokio::test]
async fn the_same_name_within_ten_minutes_is_the_same_ticket() {
    for store in harness::stores().await {
        let (ada, bo) = (customer(&store, "Ada").await, customer(&store, "Bo").await);
        let first = open(&store, &customer_of(ada.id), question(None, "No signal")).await;
        let again = async |w: &mut entities::Write| ticket::open(w, question(None, "No signal")).await;
        assert_eq!(refused(&store, &customer_of(ada.id), again).await, [(Code::DuplicateOfOpenTicket, "name".into())]);
        open(&store, &customer_of(bo.id), question(None, "No signal")).await;

        let ticket = row(&store, first).await;
        act(&store, &customer_of(ada.id), async |w| ticket::update(w, set(&ticket, Status::Closed)).await).await.unwrap();
        open(&store, &customer_of(ada.id), question(None, "No signal")).await;
        store.clock().set(now() + TimeDelta::minutes(11));
        open(&store, &customer_of(ada.id), question(None, "No signal")).await;

        // whoever sells to them since does not hear what they asked before
        let acme = partner(&store, "Acme").await;
        let bo = bo.sold_by(&acme).await;
        open(&store, &customer_of(bo.id), question(None, "No picture")).await;
        let moved = ticket::ActiveModel { partner_id: Set(None), ..Default::default() };
        ticket::Entity::update_many().set(moved).filter(ticket::Column::CustomerId.eq(bo.id)).exec(store.writer()).await.unwrap();
        open(&store, &partner_of(acme.id), question(Some(&bo), "No picture")).await;
    }
}

#[tokio::test]
async fn a_visitor_hands_their_own_talk_to_agents() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let hers = ada.conversation("My bill").await;
        let visitor = Scope { session: Some("a".repeat(64)), ..public() };
        let talk = harness::visit(&store, &visitor, "What does Mobile M cost?").await;
        let id = open(&store, &visitor, Open { conversation_id: Some(talk), channel: Channel::Chat, ..question(None, "What does it cost?") }).await;
        assert_eq!(row(&store, id).await.customer_id, None);
        assert!(visitor.find::<ticket::Entity>().one(store.reader()).await.unwrap().is_none(), "a ticket is for agents");
        let theft = Open { conversation_id: Some(hers), ..question(None, "Hers") };
        for thief in [&visitor, &customer_of(ada.id)] {
            let other = harness::visit(&store, &Scope { session: Some("b".repeat(64)), ..public() }, "What is roaming?").await;
            let talk =
                if thief.audience == Audience::Public { theft.clone() } else { Open { conversation_id: Some(other), ..question(None, "Mine") } };
            assert_eq!(refused(&store, thief, async |w| ticket::open(w, talk).await).await, [(Code::NotFound, "conversationId".into())]);
        }
    }
}

#[tokio::test]
async fn a_ticket_is_about_its_own_customer_and_no_other_that_the_caller_sees() {
    for store in harness::stores().await {
        let (ada, bo) = (customer(&store, "Ada").await, customer(&store, "Bo").await);
        let (talk, product, bill) = (bo.conversation("My bill").await, bo.product("Mobile M").await, bo.bill("2025-12", &[("Mobile M", 2000)]).await);
        let both = customer_of(ada.id).for_customers([bo.id]);
        for scope in [agent(), both] {
            let about = |customer: &Customer| question(Some(customer), "Whose is it?");
            for (field, mixed) in [
                ("conversationId", Open { conversation_id: Some(talk), ..about(&ada) }),
                ("productId", Open { product_id: Some(product), ..about(&ada) }),
                ("billId", Open { bill_id: Some(bill), ..about(&ada) }),
            ] {
                assert_eq!(refused(&store, &scope, async |w| ticket::open(w, mixed).await).await, [(Code::NotFound, field.into())]);
            }
        }
        open(&store, &agent(), Open { conversation_id: Some(talk), product_id: Some(product), bill_id: Some(bill), ..question(Some(&bo), "His") })
            .await;
    }
}

#[tokio::test]
async fn an_agent_who_may_not_write_opens_nobodys_ticket_either() {
    for store in harness::stores().await {
        let reader = Scope::new(Audience::Agent, "agent-2", now()).with_scopes(["ticket:read"]);
        let unknown = || question(None, "Somebody called");
        assert_eq!(refused(&store, &reader, async |w| ticket::open(w, unknown()).await).await, [(Code::NotFound, String::new())]);
        open(&store, &agent(), unknown()).await;
    }
}

#[tokio::test]
async fn the_first_public_word_of_an_agent_is_the_first_response() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let id = ada.ticket("No signal").await;
        let reply = async |minute: i64, scope: Scope, say: Reply| {
            store.clock().set(now() + TimeDelta::minutes(minute));
            act(&store, &scope, async |w| ticket::reply(w, say).await).await.expect("reply")
        };
        reply(1, customer_of(ada.id), say(id, Visibility::Public, "Hello?")).await;
        reply(2, agent(), say(id, Visibility::Internal, "Looks like the mast.")).await;
        assert_eq!(row(&store, id).await.first_response_at, None);
        reply(3, agent(), say(id, Visibility::Public, "We are on it.")).await;
        reply(4, agent(), say(id, Visibility::Public, "Still.")).await;
        assert_eq!(row(&store, id).await.first_response_at, Some(now() + TimeDelta::minutes(3)));

        let read = customer_of(ada.id).find::<ticket_note::Entity>().order_by_asc(ticket_note::Column::NotedAt).all(store.reader()).await.unwrap();
        assert_eq!(read.iter().map(|n| n.body.as_str()).collect::<Vec<_>>(), ["Hello?", "We are on it.", "Still."]);
    }
}

#[tokio::test]
async fn a_word_of_the_customer_wakes_what_was_resolved() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let id = ada.ticket_in(Status::Resolved, "No signal").await;
        act(&store, &agent(), async |w| ticket::reply(w, say(id, Visibility::Public, "All well?")).await).await.unwrap();
        assert_eq!(row(&store, id).await.status, Status::Resolved, "an agent's word does not");
        act(&store, &customer_of(ada.id), async |w| ticket::reply(w, say(id, Visibility::Public, "It is back.")).await).await.unwrap();
        let ticket = row(&store, id).await;
        assert_eq!((ticket.status, ticket.reopened, ticket.resolved_at), (Status::InProgress, 1, None));
        let last = Reply { status: Some(Status::Closed), ..say(id, Visibility::Public, "Never mind.") };
        act(&store, &customer_of(ada.id), async |w| ticket::reply(w, last).await).await.unwrap();
        let closed = row(&store, id).await;
        assert_eq!((closed.status, closed.closed_at), (Status::Closed, Some(now())));
    }
}

#[tokio::test]
async fn nobody_writes_a_note_that_they_could_not_read() {
    for store in harness::stores().await {
        let acme = partner(&store, "Acme").await;
        let (ada, bo) = (customer(&store, "Ada").await.sold_by(&acme).await, customer(&store, "Bo").await);
        let (hers, his) = (ada.ticket("Hers").await, bo.ticket("His").await);
        let done = ada.ticket_in(Status::Closed, "Done").await;
        let (her, partner) = (customer_of(ada.id), partner_of(acme.id));
        let cases: [(&str, &Scope, Reply, (Code, &str)); 7] = [
            ("internal by a customer", &her, say(hers, Visibility::Internal, "x"), (Code::InvalidValue, "visibility")),
            ("for partners by a customer", &her, say(hers, Visibility::Partner, "x"), (Code::InvalidValue, "visibility")),
            ("internal by a partner", &partner, say(hers, Visibility::Internal, "x"), (Code::InvalidValue, "visibility")),
            ("on another's ticket", &her, say(his, Visibility::Public, "x"), (Code::NotFound, "ticketId")),
            ("by a partner on direct business", &partner, say(his, Visibility::Public, "x"), (Code::NotFound, "ticketId")),
            ("nothing at all", &her, say(hers, Visibility::Public, " "), (Code::Blank, "body")),
            ("on a closed ticket", &her, say(done, Visibility::Public, "x"), (Code::InvalidTransition, "ticketId")),
        ];
        for (case, scope, input, (code, field)) in cases {
            assert_eq!(refused(&store, scope, async |w| ticket::reply(w, input).await).await, [(code, field.into())], "{case}");
        }
    }
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_read() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let id = ada.ticket("No signal").await;
        let read = row(&store, id).await;
        let version = act(&store, &agent(), async |w| ticket::update(w, set(&read, Status::InProgress)).await).await.unwrap();
        assert_eq!((version, row(&store, id).await.row_version), (2, 2));
        let stale = async |w: &mut entities::Write| ticket::update(w, set(&read, Status::Resolved)).await;
        assert_eq!(refused(&store, &agent(), stale).await, [(Code::StaleVersion, "expectedVersion".into())]);
        let same = row(&store, id).await;
        let before = harness::snapshot(&store).await;
        act(&store, &agent(), async |w| ticket::update(w, set(&same, Status::InProgress)).await).await.unwrap();
        assert_eq!(harness::snapshot(&store).await, before, "no change is no change");
    }
}

#[tokio::test]
async fn agents_triage_and_customers_close_or_open_again() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let id = ada.ticket("No signal").await;
        let read = row(&store, id).await;
        let urgent = Update {
            priority: Some(Priority::High),
            name: Some("No signal at all".into()),
            status_reason: Some("A mast was down".into()),
            resolution: Some("The mast was mended.".into()),
            ..set(&read, Status::Resolved)
        };
        let said = refused(&store, &customer_of(ada.id), async |w| ticket::update(w, urgent.clone()).await).await;
        assert_eq!(said, ["priority", "name", "statusReason", "resolution"].map(|field| (Code::InvalidValue, field.into())));
        let resolve = async |w: &mut entities::Write| ticket::update(w, set(&read, Status::Resolved)).await;
        assert_eq!(refused(&store, &customer_of(ada.id), resolve).await, [(Code::InvalidTransition, "status".into())]);

        let clerk = Scope::new(Audience::Agent, "agent-2", now()).with_scopes(["ticket:read", "ticket:write"]);
        assert_eq!(refused(&store, &clerk, async |w| ticket::update(w, urgent.clone()).await).await, [(Code::InvalidValue, "priority".into())]);
        act(&store, &agent(), async |w| ticket::update(w, urgent).await).await.unwrap();
        let resolved = row(&store, id).await;
        assert_eq!((resolved.priority, resolved.name.as_str(), resolved.resolved_at), (Priority::High, "No signal at all", Some(now())));

        act(&store, &customer_of(ada.id), async |w| ticket::update(w, set(&resolved, Status::InProgress)).await).await.unwrap();
        let again = row(&store, id).await;
        assert_eq!((again.status, again.reopened), (Status::InProgress, 1));
        act(&store, &customer_of(ada.id), async |w| ticket::update(w, set(&again, Status::Closed)).await).await.unwrap();
        let changes = agent().find::<state_change::Entity>().order_by_asc(state_change::Column::Id).all(store.reader()).await.unwrap();
        assert_eq!(changes.iter().map(|c| c.to_state.as_str()).collect::<Vec<_>>(), ["resolved", "inProgress", "closed"]);
    }
}

/// Every step there is, for every audience, against the table written out by hand.
#[test]
fn the_table_of_steps_is_what_people_expect() {
    let steps = |audience| {
        let mut said = vec![];
        for from in Status::VALUES {
            let next = Status::VALUES.iter().filter(|to| Status::parse(from.0).unwrap().may_become(Status::parse(to.0).unwrap(), audience));
            said.push(format!("{}: {}", from.0, next.map(|to| to.0).collect::<Vec<_>>().join(" ")));
        }
        said
    };
    assert_eq!(
        steps(Audience::Agent),
        [
            "acknowledged: pending held inProgress resolved closed cancelled rejected",
            "pending: held inProgress resolved closed cancelled",
            "held: pending inProgress resolved closed cancelled",
            "inProgress: pending held resolved closed cancelled",
            "resolved: inProgress closed",
            "closed: ",
            "cancelled: ",
            "rejected: ",
        ]
    );
    let theirs = [
        "acknowledged: closed",
        "pending: closed",
        "held: closed",
        "inProgress: closed",
        "resolved: inProgress closed",
        "closed: ",
        "cancelled: ",
        "rejected: ",
    ];
    assert_eq!([steps(Audience::Customer), steps(Audience::Partner)], [theirs, theirs]);
    assert!(steps(Audience::Public).iter().all(|s| s.ends_with(": ")));
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_opens_one_ticket() {
    for store in harness::stores().await {
        let ada = customer(&store, "Ada").await;
        let (scope, request) = (customer_of(ada.id), "ticketOpen");
        let tries = (0..6).map(|_| async {
            let mut w = store.write(&scope).await.unwrap();
            if let Some(before) = idempotency_key::recall(&w, "k1", request).await.unwrap() {
                return before;
            }
            let id = ticket::open(&mut w, question(None, "Slow internet")).await.unwrap();
            idempotency_key::remember(&w, "k1", request, id.to_string().into()).await.unwrap();
            w.commit().await.unwrap();
            id.to_string().into()
        });
        let answers = futures::future::join_all(tries).await;
        assert!(answers.iter().all(|a| *a == answers[0]), "{answers:?}");
        assert_eq!(agent().find::<ticket::Entity>().all(store.reader()).await.unwrap().len(), 1);
    }
}
