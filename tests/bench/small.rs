//! What is measured on a provider as large as a demo: search, the bot, writing.
use crate::{
    Bench, Result,
    ground::{Data, Database},
    hub::Hub,
    load::{Call, Draw},
    measure::{Contestant, Role, contest},
    report::Check,
    stage::{self, choose, customer_logins, partner_login, public_id},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sea_orm::{ConnectionTrait, Database as Connections, Statement};
use serde_json::{Value, json};
use std::rc::Rc;
use uuid::Uuid;

/// Some 50,000 documents in the index.
const CUSTOMERS: u64 = 3_000;

/// A hub over such a provider, and who asks it.
struct Small {
    hub: Hub,
    agent: Rc<str>,
    customers: Vec<Uuid>,
    seed: u64,
}
impl Small {
    async fn start(bench: &mut Bench, database: Database) -> Result<Self> {
        let data = bench.ground.plain_data(database, CUSTOMERS).await?;
        let set: Vec<_> = stage::PATIENT.iter().map(|s| s.to_string()).chain(bench.options.set.iter().cloned()).collect();
        let hub = Hub::start(&bench.ground, &data, &set).await?;
        let agent = data.token(&bench.ground, &["--audience", "agent"])?;
        Ok(Small { agent, customers: stage::shown(&data).await?, seed: bench.options.seed, hub })
    }
    fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }
    fn hub_as(&self, who: &str, draw: Draw) -> Contestant {
        Contestant { who: who.into(), role: Role::Hub, target: self.hub.target(), meter: self.hub.meter(), draw }
    }
    /// The question with each of the variables must be answered; an empty answer would be quick for the wrong reason.
    async fn must_answer(&self, login: &Rc<str>, query: &str, variables: Value, pointer: &str) -> Result<()> {
        let said = self.hub.ask(login, query, variables.clone()).await?;
        let there = said.pointer(pointer).is_some_and(|v| !v.is_null() && *v != json!(0));
        if there { Ok(()) } else { Err(format!("{variables}: nothing at {pointer} of {said}").into()) }
    }
}

/// (e) Search within what the caller may see.
pub async fn search(bench: &mut Bench) -> Result<()> {
    const SEARCH: &str = "query ($q: String!) { search(query: $q, first: 10) { totalCount edges { title snippet node { __typename } } } }";
    for database in bench.options.databases() {
        let small = Small::start(bench, database).await?;
        let words = words(&small.hub.data).await?;
        small.must_answer(&small.agent, SEARCH, json!({"q": words[0]}), "/search/totalCount").await?;
        let customers = customer_logins(&bench.ground, &small.hub.data, choose(small.customers.clone(), small.rng()))?;
        let partner = partner_login(&bench.ground, &small.hub, &small.agent, "partner").await?;
        let asked_by = |logins: Vec<Rc<str>>| -> Draw {
            let (mut login, mut word) = (choose(logins, small.rng()), choose(words.clone(), small.rng()));
            Box::new(move || Call::graphql(Some(&login()), SEARCH, &json!({"q": word()})))
        };
        let mut all = [
            small.hub_as("hub, agent", asked_by(vec![small.agent.clone()])),
            small.hub_as("hub, partner", asked_by(vec![partner])),
            small.hub_as("hub, customer", asked_by(customers)),
        ];
        let mut rows = contest(bench, "search", database, &mut all).await?;
        for row in &mut rows {
            let p99 = row.p99_ms_at_70.unwrap_or(f64::INFINITY);
            row.checks.push(Check::at_most("p99 < 10 ms at 70 %", p99, 10.0));
        }
        bench.report.rows.extend(rows);
        let documents = small.hub.data.documents;
        bench.report.figure("search", Some(database.name()), "documents in the index", documents as f64, "", None);
    }
    Ok(())
}
/// Names, numbers and headings as people look for them: whole, or the first words.
async fn words(data: &Data) -> Result<Vec<String>> {
    const TEXTS: [&str; 4] = [
        "select p.display_name from parties p join customers c on c.party_id = p.id where not c.protected order by p.id limit 500",
        "select name from tickets order by id limit 500",
        "select bill_no from bills order by id limit 200",
        "select ticket_no from tickets order by id limit 200",
    ];
    const TOPICS: [&str; 8] =
        ["roaming", "router does not connect", "activate esim", "invoice", "move house", "slow internet", "cancel contract", "payment method"];
    let db = Connections::connect(&data.url).await?;
    let mut all: Vec<String> = vec![];
    for sql in TEXTS {
        for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
            let text: String = row.try_get_by_index(0)?;
            all.push(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
        }
    }
    db.close().await?;
    all.extend(TOPICS.iter().cycle().take(400).map(|t| t.to_string()));
    Ok(all)
}

/// (f) Questions to the bot: from the caller's own bills, and from the knowledge base.
pub async fn ask(bench: &mut Bench) -> Result<()> {
    const ASK: &str =
        "mutation ($q: String!) { ask(input: {question: $q}) { answer { kind text citations(first: 3) { anchor } } userErrors { message } } }";
    const QUESTIONS: [&str; 8] = [
        "Why is my bill higher than last month?",
        "When is my bill due?",
        "How much do I owe?",
        "What do I pay for each month?",
        "How do I activate my eSIM?",
        "How do I restart my router?",
        "Can I use my phone in Switzerland?",
        "How can I pay my bill?",
    ];
    for database in bench.options.databases() {
        let small = Small::start(bench, database).await?;
        let customers = customer_logins(&bench.ground, &small.hub.data, choose(small.customers.clone(), small.rng()))?;
        for question in QUESTIONS {
            small.must_answer(&customers[0], ASK, json!({"q": question}), "/ask/answer/text").await?;
        }
        let (mut login, mut question) = (choose(customers, small.rng()), choose(QUESTIONS.to_vec(), small.rng()));
        let draw: Draw = Box::new(move || Call::graphql(Some(&login()), ASK, &json!({"q": question()})));
        let rows = contest(bench, "ask", database, &mut [small.hub_as("hub, customer", draw)]).await?;
        bench.report.rows.extend(rows);
    }
    Ok(())
}

/// (g) Opening tickets: rows, change log and audit log in one transaction that has reached the disk.
pub async fn write(bench: &mut Bench) -> Result<()> {
    const OPEN: &str = "mutation ($i: TicketOpenInput!) { ticketOpen(input: $i) { ticket { id ticketNo status } userErrors { message } } }";
    for database in bench.options.databases() {
        let small = Small::start(bench, database).await?;
        let (mut any, mut number) = (choose(small.customers.clone(), small.rng()), 0u64);
        let mut input = move || {
            number += 1;
            let (name, description) = (format!("No signal at site {number}"), format!("Since this morning there is no signal at site {number}."));
            json!({"i": {"customerId": public_id(any()), "kind": "INCIDENT", "name": name, "description": description}})
        };
        small.must_answer(&small.agent, OPEN, input(), "/ticketOpen/ticket/ticketNo").await?;
        let agent = small.agent.clone();
        let draw: Draw = Box::new(move || Call::graphql(Some(&agent), OPEN, &input()));
        let rows = contest(bench, "write", database, &mut [small.hub_as("hub, agent", draw)]).await?;
        bench.report.rows.extend(rows);
    }
    Ok(())
}
