//! An export that is read back: all or as much as is sound, and what is told of the rest.
use crate::{
    graph::ask::World,
    harness::{self, Customer, act, agent, customer, customer_of, partner},
};
use entities::{
    Store,
    care::{ticket, ticket_note::Visibility},
    exchange::{
        export,
        import::Batch,
        import_batch, import_row_error,
        ndjson::{self, Export},
        upsert::Counts,
    },
    knowledge::article,
    store::public_id,
};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, Statement};
use search_index::{Index, SearchRequest};
use serde_json::{Value, json};
use std::io::{self, BufReader, Cursor, Read};

/// Reads these lines back.
pub async fn restored(store: &Store, lines: &str, dry_run: bool) -> Batch {
    let batch = ndjson::restore(store, &agent(), &file(lines), dry_run, |_| {}).await;
    batch.unwrap_or_else(|e| panic!("{:?}: {e}", store.backend()))
}
fn file(lines: impl AsRef<[u8]>) -> Export {
    let lines = lines.as_ref().to_vec();
    Export::new("hub.ndjson", move || Ok(Box::new(Cursor::new(lines.clone()))))
}

/// A tree of three with all that a customer has, a partner and its customer, and an article.
async fn story(store: &Store) -> [Customer; 4] {
    let acme = partner(store, "Acme").await;
    let corp = customer(store, "Corp").await;
    let unit = customer(store, "Unit").await.child_of(&corp).await;
    let ada = customer(store, "Ada").await.child_of(&unit).await;
    let bob = customer(store, "Bob").await.sold_by(&acme).await;
    for one in [&corp, &unit, &ada, &bob] {
        one.product("Fibre 500").await;
        one.bill("2025-12", &[("Fibre 500", 3000), ("Roaming", 155)]).await;
        let ticket = one.ticket("Outage in the lab").await;
        one.note(ticket, Visibility::Internal, "Mast 7 is down").await;
        one.conversation("How much is it?").await;
    }
    harness::article(store, "pay", article::Audience::Public, "Ways to pay", "By card.").await;
    [corp, unit, ada, bob]
}
async fn exported(store: &Store) -> String {
    let mut out = vec![];
    export::export(store, &agent(), &Default::default(), &mut out, |_| {}).await.expect("the rows are written");
    String::from_utf8(out).expect("lines are text")
}
/// The lines with those of a type changed.
fn changed(lines: &str, kind: &str, mut change: impl FnMut(&mut Value)) -> String {
    let lines = lines.lines().map(|line| {
        let mut json: Value = serde_json::from_str(line).expect("a line is JSON");
        if json["type"] == kind {
            change(&mut json);
        }
        json.to_string()
    });
    lines.map(|l| l + "\n").collect()
}
fn only(lines: &str, kind: &str) -> Vec<Value> {
    lines.lines().map(|l| serde_json::from_str(l).expect("a line is JSON")).filter(|l: &Value| l["type"] == kind).collect()
}
async fn texts(store: &Store, sql: &str) -> Vec<String> {
    let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let cell = |row: &sea_orm::QueryResult, i: usize| {
        row.try_get_by_index::<Option<String>>(i).map_or_else(|_| row.try_get_by_index::<i32>(i).unwrap().to_string(), |t| t.unwrap_or_default())
    };
    let mut texts: Vec<String> = rows.iter().map(|r| (0..r.column_names().len()).map(|i| cell(r, i)).collect::<Vec<_>>().join(" ")).collect();
    texts.sort();
    texts
}
const CLOSURE: &str = "select a.customer_no, d.customer_no, c.depth from customer_closure c
    join customers a on a.id = c.ancestor_id join customers d on d.id = c.descendant_id";
/// Row, code and text of what was not taken, as the database keeps it.
async fn row_errors(store: &Store) -> Vec<(i64, String, String)> {
    let errors = agent().find::<import_row_error::Entity>().order_by_asc(import_row_error::Column::RowNo);
    errors.all(store.reader()).await.unwrap().into_iter().map(|e| (e.row_no, e.code, e.raw)).collect()
}

#[tokio::test]
async fn ancestors_come_back_with_their_customers() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let tree = texts(&store, CLOSURE).await;
        assert!(tree.contains(&"C-CORP C-ADA 2".to_string()) && tree.len() == 7, "{tree:?}");
        for into in harness::stores().await {
            restored(&into, &lines, false).await;
            assert_eq!(texts(&into, CLOSURE).await, tree);
        }
    }
}
#[tokio::test]
async fn lines_may_stand_in_any_order() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let reversed: Vec<&str> = lines.lines().rev().collect();
        for (into, chunk) in harness::stores().await.into_iter().chain(harness::stores().await).zip([1_000, 1_000, 3, 3]) {
            let mut export = file(reversed.join("\n"));
            export.chunk = chunk;
            let batch = ndjson::restore(&into, &agent(), &export, false, |_| {}).await.unwrap();
            assert_eq!(
                (batch.rows, batch.counts),
                (reversed.len() as u64 - 1, Counts { inserted: batch.rows, ..Counts::default() }),
                "{:?}",
                batch.examples
            );
            assert!(exported(&into).await == lines, "{:?} into {:?}", store.backend(), into.backend());
            assert_eq!(texts(&into, CLOSURE).await, texts(&store, CLOSURE).await);
            assert_eq!(restored(&into, &reversed.join("\n"), false).await.counts.unchanged, batch.rows);
        }
    }
}
#[tokio::test]
async fn what_a_customer_was_handed_of_itself_is_not_read_back() {
    for store in harness::stores().await {
        let [corp, ..] = story(&store).await;
        let mut own = vec![];
        let options = export::Options { customer: Some(corp.id), types: vec![] };
        export::export(&store, &agent(), &options, &mut own, |_| {}).await.unwrap();
        assert!(ndjson::is_export(String::from_utf8_lossy(&own).lines().next().unwrap()));
        let before = exported(&store).await;
        let refused = ndjson::restore(&store, &agent(), &file(&own), false, |_| {}).await.unwrap_err();
        assert!(refused.to_string().contains("handed of itself"), "{refused}");
        assert!(exported(&store).await == before);
    }
}
#[test]
fn an_export_is_known_however_its_first_line_was_written_since() {
    for line in [export::HEADER, "{\"type\": \"switchboard_export\", \"version\": 1}\r", r#"{ "version" : 1, "type" : "switchboard_export" }"#] {
        assert!(ndjson::is_export(line), "{line}");
    }
    for line in ["", "{}", r#"{"type":"switchboard_export"}"#, r#"{"type":"switchboard_export","version":2}"#, r#"["switchboard_export",1]"#] {
        assert!(!ndjson::is_export(line), "{line}");
    }
}
#[tokio::test]
async fn lines_whose_keys_were_sorted_are_the_same_lines() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let sorted = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            ordered(value).to_string()
        };
        let (head, rows) = lines.split_once('\n').unwrap();
        let sorted = format!("{head}\n{}", rows.lines().map(sorted).collect::<Vec<_>>().join("\n"));
        assert_ne!(sorted, lines.trim_end());
        let batch = restored(&store, &sorted, false).await;
        assert_eq!((batch.counts.unchanged, batch.rows), (rows.lines().count() as u64, rows.lines().count() as u64), "{:?}", batch.examples);
    }
}
/// Objects with their keys in the order of the alphabet.
fn ordered(value: Value) -> Value {
    match value {
        Value::Object(all) => {
            let sorted: std::collections::BTreeMap<_, _> = all.into_iter().map(|(k, v)| (k, ordered(v))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        other => other,
    }
}
#[tokio::test]
async fn a_ticket_that_is_opened_after_a_restore_has_a_number_of_its_own() {
    for store in harness::stores().await {
        let [corp, unit, ada, bob] = story(&store).await;
        for one in [&corp, &unit, &ada, &bob] {
            one.ticket("Another").await;
        }
        let mut numbers =
            ["T-100001", "T-100007", "T-9223372036854775807", "T-99999999999999999999", "T-ABCDEFGHIJKLMNOPQRSTUVW", "T-", "t-100009", "100010"]
                .iter();
        let lines = changed(&exported(&store).await, "ticket", |t| t["ticket_no"] = (*numbers.next().unwrap()).into());
        for into in harness::stores().await {
            assert_eq!(restored(&into, &lines, false).await.counts.rejected, 0);
            for expected in ["T-100008", "T-100009"] {
                let id = act(&into, &agent(), async |w| ticket::open(w, new_ticket(expected)).await).await.expect("open a ticket");
                let row = agent().find::<ticket::Entity>().filter(ticket::Column::Id.eq(id)).one(into.reader()).await.unwrap().unwrap();
                assert_eq!(row.ticket_no, expected);
            }
        }
    }
}
fn new_ticket(name: &str) -> ticket::Open {
    let (kind, channel) = (ticket::Kind::Question, ticket::Channel::Phone);
    ticket::Open {
        customer_id: None,
        kind,
        name: name.into(),
        description: "?".into(),
        product_id: None,
        bill_id: None,
        conversation_id: None,
        channel,
    }
}

#[tokio::test]
async fn a_number_that_another_row_has_is_one_bad_line() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let mut customers = only(&lines, "customer");
        assert_eq!(customers.len(), 4);
        // in the database
        let (mut new, mut twin) = (customers[0].clone(), customers[1].clone());
        for (row, name) in [(&mut new, "n1"), (&mut twin, "n2")] {
            row["external_id"] = name.into();
            row["id"] = "cus_0192f300000070008000000000000001".into();
        }
        let taken = new.to_string();
        let before = exported(&store).await;
        let batch = restored(&store, &format!("{}\n{taken}\n", lines.trim_end()), false).await;
        assert_eq!((batch.counts.rejected, batch.counts.inserted, batch.problems["taken"]), (1, 0, 1), "{:?}", batch.examples);
        assert_eq!(row_errors(&store).await, [(lines.lines().count() as i64, "taken".to_string(), taken)]);
        assert_eq!(exported(&store).await, before);
        // in the file; the id that both want is the first's
        new["customer_no"] = "C-NEW".into();
        twin["customer_no"] = "C-NEW".into();
        let batch = restored(&store, &format!("{new}\n{twin}\n"), false).await;
        assert_eq!((batch.counts.inserted, batch.counts.rejected, batch.problems["taken"]), (1, 1, 1), "{:?}", batch.examples);
        twin["customer_no"] = "C-TWIN".into();
        let batch = restored(&store, &format!("{new}\n{twin}\n"), false).await;
        assert_eq!((batch.counts.inserted, batch.counts.unchanged, batch.counts.rejected), (1, 1, 0), "{:?}", batch.examples);
        // passed on in a circle
        let numbers: Vec<Value> = customers.iter().map(|c| c["customer_no"].clone()).collect();
        for (i, customer) in customers.iter_mut().enumerate() {
            customer["customer_no"] = numbers[(i + 1) % 4].clone();
        }
        let rotated: String = customers.iter().map(|c| format!("{c}\n")).collect();
        let batch = restored(&store, &rotated, false).await;
        assert_eq!((batch.counts.updated, batch.counts.rejected), (4, 0), "{:?}", batch.examples);
        assert_eq!(restored(&store, &rotated, false).await.counts.unchanged, 4);
    }
}
#[tokio::test]
async fn parts_pass_their_numbers_on() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let swapped = changed(&lines, "bill_line", |l| l["line_no"] = (3 - l["line_no"].as_i64().unwrap()).into());
        assert_eq!(
            restored(&store, &swapped, false).await.counts,
            Counts { updated: 8, unchanged: lines.lines().count() as u64 - 9, ..Counts::default() }
        );
        let same = changed(&lines, "bill_line", |l| l["line_no"] = 1.into());
        let batch = restored(&store, &same, false).await;
        assert_eq!((batch.counts.rejected, batch.problems["taken"]), (4, 4), "{:?}", batch.examples);
        let mails = changed(&lines, "message", |m| m["rfc_message_id"] = "<1@example.org>".into());
        let batch = restored(&store, &mails, false).await;
        assert_eq!((batch.counts.rejected, batch.problems["taken"]), (3, 3), "{:?}", batch.examples);
    }
}
#[tokio::test]
async fn the_same_row_twice_is_taken_once() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let other = changed(&lines, "party", |p| p["display_name"] = "Somebody else".into());
        let both = format!("{lines}{lines}{other}");
        let parties = only(&lines, "party").len() as u64;
        for into in harness::stores().await {
            for again in [false, true] {
                let batch = restored(&into, &both, false).await;
                assert_eq!((batch.counts.rejected, batch.problems["duplicate_id"]), (parties, parties), "{:?}", batch.examples);
                assert_eq!((batch.counts.inserted == 0, batch.counts.updated), (again, 0));
                assert!(exported(&into).await == lines);
            }
        }
    }
}
#[tokio::test]
async fn nobody_becomes_their_own_ancestor() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let below = |name: &str| {
            only(&lines, "customer")
                .into_iter()
                .find(|c| c["customer_no"] == name)
                .map(|c| json!({"source_system": "hub", "external_id": c["external_id"]}))
        };
        let circle = changed(&lines, "customer", |c| {
            if c["customer_no"] == "C-CORP" {
                c["parent_id"] = below("C-ADA").unwrap();
            }
        });
        // where they stand already, and where all come anew
        for into in [vec![store.clone()], harness::stores().await].concat() {
            let batch = restored(&into, &circle, false).await;
            assert_eq!(batch.problems["cycle"], 1, "{:?}", batch.examples);
            let tree = texts(&into, CLOSURE).await;
            assert_eq!((tree.len(), tree.iter().filter(|t| t.ends_with(" 0")).count()), (7, 4), "{tree:?}");
        }
    }
}

#[tokio::test]
async fn a_line_that_is_no_utf_8_is_one_bad_line() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let all: Vec<&[u8]> = lines.lines().map(str::as_bytes).collect();
        let dirty = [&all[..3], &[b"{\"type\":\"customer\",\"x\":\"M\xfcller\"}", b"{\"type\":", b"[]"], &all[3..]].concat().join(&b"\r\n"[..]);
        for into in harness::stores().await {
            let batch = ndjson::restore(&into, &agent(), &file(&dirty), false, |_| {}).await.expect("bad lines are no end");
            assert_eq!((batch.counts.rejected, batch.counts.inserted), (3, all.len() as u64 - 1), "{:?}", batch.examples);
            let told = row_errors(&into).await;
            assert_eq!(told[0], (3, "invalid_encoding".into(), "{\"type\":\"customer\",\"x\":\"M\u{fffd}ller\"}".into()));
            assert_eq!(told[1..].iter().map(|t| (t.0, t.1.as_str())).collect::<Vec<_>>(), [(4, "malformed_json"), (5, "malformed_json")]);
            assert!(exported(&into).await == lines);
        }
    }
}
#[tokio::test]
async fn what_no_database_takes_is_one_bad_line() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let mut row = only(&lines, "customer").remove(0);
        (row["external_id"], row["customer_no"]) = ("odd".into(), "C-ODD".into());
        let odd = |column: &str, value: Value| {
            let mut row = row.clone();
            row[column] = value;
            row.to_string()
        };
        let bad = [
            odd("external_id", "x".repeat(5_000).into()),
            odd("customer_no", "x".repeat(5_000).into()),
            odd("since_on", "-0044-03-15".into()),
            odd("status", "happy".into()),
            odd("party_id", json!({"source_system": "hub", "external_id": "nobody"})),
            odd("protected", 7.into()),
        ];
        let batch = restored(&store, &bad.join("\n"), false).await;
        let codes: Vec<_> = row_errors(&store).await.into_iter().map(|e| e.1).collect();
        assert_eq!(
            (batch.counts, codes),
            (
                Counts { rejected: 6, ..Counts::default() },
                ["missing_id", "too_long", "wrong_type", "wrong_type", "missing_parent", "wrong_type"].map(String::from).into()
            )
        );
        let batch = restored(&store, &odd("status_reason", "a\u{0}b".into()), false).await;
        assert_eq!(batch.counts.inserted, 1, "{:?}", batch.examples);
    }
}
#[tokio::test]
async fn a_reference_that_nothing_fills_is_told_and_the_row_is_taken() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let gone = json!({"source_system": "hub", "external_id": "nobody"});
        let open = changed(&lines, "customer", |c| {
            if c["customer_no"] == "C-BOB" {
                c["parent_id"] = gone.clone();
            }
        });
        for into in harness::stores().await {
            let batch = restored(&into, &open, false).await;
            assert_eq!((batch.counts.inserted, batch.counts.rejected, batch.counts.warned), (batch.rows, 0, 1), "{:?}", batch.examples);
            assert_eq!(batch.problems.keys().collect::<Vec<_>>(), [&"unmatched"]);
            assert!(exported(&into).await == lines);
            let again = restored(&into, &open, false).await;
            assert_eq!((again.counts.unchanged, again.counts.updated, again.counts.warned), (batch.rows, 0, 1));
        }
    }
}

/// Reads so much, and then no more.
struct Breaks {
    lines: Cursor<Vec<u8>>,
}
impl Read for Breaks {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.lines.read(buf)? {
            0 => Err(io::Error::other("the disk is gone")),
            n => Ok(n),
        }
    }
}
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_the_disk_went_is_kept_and_told() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let half: Vec<u8> = lines.split_inclusive('\n').take(12).collect::<String>().into_bytes();
        let into = harness::store_like(&store).await;
        let broken = Export::new("hub.ndjson", move || Ok(Box::new(BufReader::with_capacity(64, Breaks { lines: Cursor::new(half.clone()) }))));
        let error = ndjson::restore(&into, &agent(), &broken, false, |_| {}).await.expect_err("the file ends too early");
        assert_eq!(error.to_string(), "cannot read hub.ndjson: the disk is gone");
        assert_eq!(exported(&into).await.lines().count(), 12);
        let world = World::new(into.clone()).await;
        let query = "{ tasks(first: 9) { nodes { title state done message batches { state rows inserted } } } }";
        let told = world.data(&agent(), query).await;
        let expected = json!({"title": "Import hub.ndjson", "state": "FAILED", "done": "11", "message": error.to_string(),
            "batches": [{"state": "FAILED", "rows": "11", "inserted": "11"}]});
        assert_eq!(told["tasks"]["nodes"], json!([expected]));
        // once more, whole
        restored(&into, &lines, false).await;
        assert!(exported(&into).await == lines);
    }
}
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_a_task_with_a_batch() {
    for store in harness::stores().await {
        story(&store).await;
        let lines = exported(&store).await;
        let path = harness::folder().await.join("hub.ndjson.zst");
        std::fs::write(&path, zstd::encode_all(format!("{lines}no json\n").as_bytes(), 1).unwrap()).unwrap();
        let into = harness::store_like(&store).await;
        let mut steps = vec![];
        let export = Export::file(&path).expect("the file is there");
        let dry = ndjson::restore(&into, &agent(), &export, true, |p| steps.push(p)).await.expect("it is read");
        assert_eq!((into.position().await.unwrap(), dry.id), (0, None), "a dry run leaves nothing");
        let batch = ndjson::restore(&into, &agent(), &export, false, |p| steps.push(p)).await.expect("it is read");
        assert_eq!((batch.counts, &batch.tables), (dry.counts, &dry.tables));
        let text = |n: u64| n.to_string(); // as the graph writes whole numbers of any size
        let (n, last) = (lines.lines().count() as u64, steps.last().expect("it tells how far it is"));
        assert_eq!((last.rows, last.inserted, last.rejected), (n, n - 1, 1));
        assert!(last.bytes > 0 && last.bytes == last.bytes_total);
        let world = World::new(into.clone()).await;
        let id = public_id(&import_batch::ENTITY, batch.id.expect("a batch"));
        let query = format!(
            "{{ importBatch(id: \"{id}\") {{ fileName sourceSystem state rows inserted rejected report task {{ state done total }} rowErrors(first: 9) {{ nodes {{ rowNo code raw }} }} }} }}"
        );
        let mut told = world.data(&agent(), &query).await["importBatch"].take();
        assert_eq!(told["report"].take()["tables"]["customers"]["inserted"], 4);
        let expected = json!({"fileName": "hub.ndjson.zst", "sourceSystem": "hub", "state": "SUCCEEDED", "rows": text(n), "inserted": text(n - 1), "rejected": "1",
            "report": null, "task": {"state": "SUCCEEDED", "done": text(n), "total": text(n)}, "rowErrors": {"nodes": [{"rowNo": text(n), "code": "malformed_json", "raw": "no json"}]}});
        assert_eq!(told, expected);
        let origin = texts(&into, "select 'x' from customers c join import_batches b on b.id = c.import_batch_id").await;
        assert_eq!(origin.len(), 4, "the rows know their batch");
    }
}

#[tokio::test]
async fn who_is_moved_by_a_restore_is_found_by_the_new_head_alone() {
    for store in harness::stores().await {
        let [corp, unit, _, bob] = story(&store).await;
        let index = Index::open(harness::folder().await.join("index"), &store).await.expect("an index");
        let found = |head: &Customer| {
            let request = SearchRequest { query: "outage lab".into(), first: 100, ..Default::default() };
            index.search(&customer_of(head.id), &request).expect("a search never fails").total
        };
        assert_eq!((found(&corp), found(&unit), found(&bob)), (3, 2, 1));
        let lines = exported(&store).await;
        let (old, new) = (corp.id.to_string(), bob.id.to_string());
        let moved = changed(&lines, "customer", |c| {
            if c["parent_id"]["external_id"] == *old {
                c["parent_id"]["external_id"] = new.clone().into();
            }
        });
        for (lines, expected) in [(&moved, (1, 2, 3)), (&lines, (3, 2, 1))] {
            assert_eq!(restored(&store, lines, false).await.counts.updated, 1);
            index.catch_up().await.unwrap();
            assert_eq!((found(&corp), found(&unit), found(&bob)), expected, "{:?}", store.backend());
        }
    }
}
