//! What is there and was not for its caller: answered like a missing row, and written down.
use super::{bearer, events, furnished, hub_on, id};
use crate::harness::{self, Customer, customer};
use api::auth::token::Class;
use entities::{
    care::ticket,
    party::{customer as customers, customer_contact::Role},
    privacy::audit_event::{Action, seal},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_denied_is_written_down_once_and_not_without_end() {
    for url in harness::urls().await {
        let hub = hub_on(&url).await;
        let store = hub.app.store.clone();
        let (ada, bo, vip) = (furnished(&store, "Ada").await, furnished(&store, "Boris").await, furnished(&store, "Vip").await.protected().await);
        let (bo_id, vip_id) = (id(&customers::ENTITY, bo.id), id(&customers::ENTITY, vip.id));
        let desk = bearer(&hub, Class::Agent, vec![], "desk-7");
        let her = bearer(&hub, Class::Customer, vec![id(&customers::ENTITY, ada.id)], "ada");
        let ask = async |token: &str, query: &str| hub.post(&[("authorization", token)], &json!({"query": query}).to_string()).await.json();
        // (kind, customer, field) of what this caller was denied so far
        let denied = async |who: &str| {
            hub.app.looks.flush(&store).await;
            let all = events(&store).await.into_iter().filter(|e| e.action == Action::Deny && e.actor_subject == who);
            let mut all: Vec<_> = all.map(|e| (e.entity_type, e.customer_id, e.fields.to_string())).collect();
            all.sort();
            all
        };
        let of = |kind: &str, whose: &Customer, field: &str| (kind.to_string(), Some(whose.id), json!([field]).to_string());
        let missing = "00000000000000000000000000000000";

        // somebody protected, by each of the ways to a row
        for _ in 0..2 {
            for query in [format!("{{ customer(id: \"{vip_id}\") {{ id }} }}"), "{ customer(customerNo: \"C-VIP\") { id } }".into()] {
                assert_eq!(ask(&desk, &query).await["data"], json!({"customer": null}), "{query}");
            }
            assert_eq!(ask(&desk, &format!("{{ node(id: \"{vip_id}\") {{ id }} }}")).await["data"], json!({"node": null}));
        }
        assert_eq!(denied("desk-7").await, [of("Customer", &vip, "customer"), of("Customer", &vip, "node")], "once an hour");

        // somebody else's: a read, and a write
        let foreign = bo.ticket("His").await;
        let ticket = id(&ticket::ENTITY, foreign);
        let reply = |id: &str| format!("mutation {{ ticketReply(input: {{ticketId: \"{id}\", body: \"x\"}}) {{ userErrors {{ code }} }} }}");
        for query in [
            format!("{{ nodes(ids: [\"{bo_id}\", \"{}\", \"cus_{missing}\"]) {{ id }} }}", id(&customers::ENTITY, ada.id)),
            reply(&ticket),
            reply(&format!("tkt_{missing}")),
            format!("{{ ticket(id: \"tkt_{missing}\") {{ id }} me {{ id }} }}"),
        ] {
            ask(&her, &query).await;
            hub.ask(&query).await; // the public has no name to write down
        }
        assert_eq!(denied("ada").await, [of("Customer", &bo, "nodes"), of("Ticket", &bo, "ticketReply")]);

        // hers to see, but not to change: she is a customer herself and audits a company
        let (own, firm) = (customer(&store, "Mia").await, customer(&store, "Firm").await);
        firm.named("Mia", Role::Auditor, "mia").await;
        let mia = bearer(&hub, Class::Customer, vec![id(&customers::ENTITY, own.id), id(&customers::ENTITY, firm.id)], "mia");
        let firm_id = id(&customers::ENTITY, firm.id);
        let update = "mutation { customerUpdate(input: {customerId: \"ID\", expectedVersion: 1, displayName: \"x\"}) { userErrors { code } } }";
        let refused = ask(&mia, &update.replace("ID", &firm_id)).await;
        assert_eq!(refused["data"]["customerUpdate"]["userErrors"][0]["code"], "NOT_FOUND", "{refused}");
        assert_eq!(denied("mia").await, [of("Customer", &firm, "customerUpdate")]);

        // agents read it in the log, he does not
        let log = "{ customer(id: \"ID\") { accessLog { nodes { action } } } }".replace("ID", &bo_id);
        let told = async |token: &str| ask(token, &log).await.to_string().contains("DENY");
        let his = bearer(&hub, Class::Customer, vec![bo_id.clone()], "boris");
        assert_eq!((told(&desk).await, told(&his).await), (true, false));

        // whoever tries many fills no log
        let mut ids = vec![];
        for i in 0..120 {
            ids.push(format!("\"{}\"", id(&ticket::ENTITY, bo.ticket(&format!("No {i}")).await)));
        }
        for some in ids.chunks(60) {
            ask(&her, &format!("{{ nodes(ids: [{}]) {{ id }} }}", some.join(", "))).await;
        }
        assert_eq!(denied("ada").await.len(), 100);
        assert_eq!(seal::verify(&store).await.expect("a verdict").broken, None);
    }
}
