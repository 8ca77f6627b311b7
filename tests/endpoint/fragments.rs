use crate::http::hub_with;
use api::{
    auth::address::Address,
    graphql::{self, call},
};
use async_graphql::{
    Variables,
    parser::{
        parse_query,
        types::{ExecutableDocument, Selection, SelectionSet},
    },
};
use entities::{Audience, Scope};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schema::guard::{self, Limits};
use std::fmt::Write;

/// A document of fragments that use each other: wide or deep, with rings or without.
fn document(rng: &mut ChaCha8Rng) -> String {
    let most = if rng.gen_bool(0.1) { 60 } else { 20 };
    let fragments = rng.gen_range(1..=most);
    let (wide, rings) = (rng.gen_range(1..=8), rng.gen_bool(0.2));
    let mut out = String::from("query Q($v: Boolean! = true, $n: Int = 2) { customers(first: $n) { nodes { ...F0 ...F0 @include(if: $v) } } }\n");
    for i in 0..fragments {
        write!(out, "fragment F{i} on Customer {{ id ").unwrap();
        for j in 0..rng.gen_range(1..=wide) {
            // mostly to the next one: that is what doubles at each step
            let to = match rng.gen_range(0..4) {
                _ if i + 1 == fragments && !rings => break,
                0 if rings => rng.gen_range(0..fragments),
                1 if i + 1 < fragments => rng.gen_range(i + 1..fragments),
                _ => (i + 1) % fragments,
            };
            match rng.gen_range(0..7) {
                0 => write!(out, "...F{to} @include(if: $v) "),
                1 => write!(out, "... on Customer {{ ...F{to} }} "),
                2 => write!(out, "parent {{ ...F{to} }} "),
                3 => write!(out, "a{i}x{j}: parent {{ id ...F{to} @skip(if: $v) }} "),
                4 => write!(out, "children(first: $n) {{ nodes {{ ...F{to} }} }} "),
                _ => write!(out, "...F{to} "),
            }
            .unwrap();
        }
        out.push_str("}\n");
    }
    out
}
/// How many selections a document has as it is written.
fn written(doc: &ExecutableDocument) -> u64 {
    fn of(set: &SelectionSet) -> u64 {
        let below = |item: &Selection| match item {
            Selection::Field(f) => of(&f.node.selection_set.node),
            Selection::InlineFragment(f) => of(&f.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        };
        set.items.iter().map(|item| 1 + below(&item.node)).sum()
    }
    let operations: u64 = doc.operations.iter().map(|o| of(&o.1.node.selection_set.node)).sum();
    operations + doc.fragments.values().map(|f| of(&f.node.selection_set.node)).sum::<u64>()
}

/// `PROOF=1` tries more.
#[tokio::test(flavor = "multi_thread")]
async fn no_web_of_fragments_costs_more_than_its_length() {
    // a spent budget would refuse what the guard lets through
    let hub = hub_with(|c| c.budget.agent_points = 0).await;
    let rounds = if std::env::var_os("PROOF").is_some() { 100_000 } else { 2000 };
    let limits = Limits::default();
    let view = &hub.app.graphs.of(Audience::Agent).view;
    let agent = Scope::new(Audience::Agent, "ada", hub.app.store.clock().now()).with_scopes(Audience::Agent.ceiling().iter().copied());
    let token = hub.token(600);
    let (mut refused, mut taken) = (0, 0);
    for seed in 0..rounds {
        let text = document(&mut ChaCha8Rng::seed_from_u64(seed));
        let parsed = parse_query(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let (steps, all) = (guard::steps(view, &limits, text.len(), &parsed, &Variables::default()), written(&parsed));
        assert!(steps <= all, "{steps} steps for {all} selections, seed {seed}:\n{text}");
        if seed % 4 > 0 {
            continue; // parsing it again is most of the price
        }
        let call = call::from_fields(serde_json::Map::from_iter([("query".to_string(), text.as_str().into())])).unwrap();
        match graphql::prepare(&hub.app, agent.clone().into(), Address(None), call) {
            Err(_) => refused += 1,
            Ok(_) => taken += 1,
        }
        // all the way now and then: nothing that the guard let through is dear to validate or to run
        if seed % 40 == 0 {
            let answer = hub.post(&[("authorization", &token)], &serde_json::json!({"query": text}).to_string()).await;
            assert!(answer.text.len() < 8 << 10 && answer.code() != "INTERNAL", "seed {seed}: {}", answer.text);
        }
    }
    println!("{rounds} webs of fragments: {refused} refused, {taken} taken");
    assert!(refused > rounds as usize / 20 && taken > rounds as usize / 100, "both kinds were tried: {refused} refused, {taken} taken");
}
