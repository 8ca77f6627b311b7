use super::*;
use crate::exchange::record::{Record, Severity, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

fn defaults() -> Defaults {
    Defaults { currency: "EUR".into(), country: None, as_of: "2024-03-01T00:00:00Z".parse().unwrap() }
}
fn one(json: &str) -> Mapped {
    let mut all: Vec<_> = read(json.as_bytes(), defaults()).collect();
    assert_eq!(all.len(), 1);
    all.remove(0)
}
fn of<'a>(mapped: &'a Mapped, table: &str) -> &'a Record {
    mapped
        .records
        .iter()
        .find(|r| r.table == table && !(r.values.is_empty() && r.when_new.is_empty()))
        .unwrap_or_else(|| panic!("{table} in {mapped:?}"))
}
fn text(record: &Record, column: &str) -> String {
    match record.values.iter().chain(&record.when_new).find(|v| v.0 == column).map(|v| &v.1) {
        Some(Value::Text(t)) => t.clone(),
        Some(Value::Int(i)) => i.to_string(),
        Some(Value::Ref { external_id, .. }) => format!("→{external_id}"),
        Some(Value::Instant(t)) => t.to_rfc3339(),
        Some(Value::Date(d)) => d.to_string(),
        other => panic!("{column}: {other:?}"),
    }
}
fn codes(mapped: &Mapped) -> Vec<&str> {
    mapped.problems.iter().map(|p| p.code).collect()
}
fn examples() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("SWITCHBOARD_DATA").map_or_else(beside, PathBuf::from).join("tmforum/examples");
    if !root.exists() {
        println!("SKIPPED: there are no examples at {}", root.display());
    }
    root.exists().then_some(root)
}

#[test]
fn every_example_of_the_seven_apis_is_taken_or_says_why_not() {
    let Some(root) = examples() else { return };
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for api in ["TMF621", "TMF629", "TMF632", "TMF637", "TMF666", "TMF678", "TMF683"] {
        let mut files: Vec<_> = std::fs::read_dir(root.join(api)).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for file in files {
            let rows: Vec<_> = read(std::io::BufReader::new(std::fs::File::open(&file).unwrap()), defaults()).collect();
            assert!(!rows.is_empty(), "{}", file.display());
            let mut tables: BTreeMap<&str, usize> = BTreeMap::new();
            for row in &rows {
                let failed = row.problems.iter().any(|p| p.severity == Severity::Error);
                assert!(failed || !row.records.is_empty(), "{}: neither rows nor a reason", file.display());
                row.records.iter().filter(|r| !failed && !r.values.is_empty()).for_each(|r| *tables.entry(r.table).or_default() += 1);
                row.problems.iter().for_each(|p| *outcomes.entry(format!("{:?} {}", p.severity, p.code)).or_default() += 1);
                *outcomes.entry(if failed { "rows refused" } else { "rows taken" }.into()).or_default() += 1;
            }
            let problems: Vec<_> = rows.iter().flat_map(|r| &r.problems).map(|p| format!("{:?} {}: {}", p.severity, p.code, p.message)).collect();
            println!("{api} {:80} {tables:?} {}", file.file_stem().unwrap().to_string_lossy(), problems.join(" | "));
        }
    }
    println!("{outcomes:#?}");
    let unknown: Vec<_> = outcomes.keys().filter(|k| k.ends_with("malformed_json") || k.ends_with("date_invalid")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
#[test]
fn a_customer_comes_with_its_party_and_its_addresses() {
    let Some(root) = examples() else { return };
    let m = one(&std::fs::read_to_string(root.join("TMF629/Customer_retrieve_example_response.json")).unwrap());
    let customer = of(&m, "customers");
    assert_eq!(
        ["party_id", "status", "source_status", "customer_no", "preferred_channel"].map(|c| text(customer, c)),
        ["→500", "prospect", "Created", "1140", "phone"]
    );
    let media: Vec<_> = m.records.iter().filter(|r| r.table == "contact_media").map(|r| text(r, "kind") + " " + &text(r, "value_norm")).collect();
    assert_eq!(media, ["phone 0109758351", "post 15 rue des canards, 75014 paris, france"]);
    assert_eq!(codes(&m), ["phone_not_international"]);
}
#[test]
fn a_ticket_keeps_its_dates_notes_and_bill() {
    let Some(root) = examples() else { return };
    let m = one(&std::fs::read_to_string(root.join("TMF621/TroubleTicket_retrieve_example_response.json")).unwrap());
    let t = of(&m, "tickets");
    let of_ticket = ["kind", "priority", "status", "channel", "customer_id", "reporter_party_id", "bill_id", "opened_at"].map(|c| text(t, c));
    assert_eq!(of_ticket, ["billDispute", "high", "resolved", "portal", "→9176", "→9877", "→3472", "2022-05-31T07:34:45+00:00"]);
    assert_eq!(["author_kind", "visibility"].map(|c| text(of(&m, "ticket_notes"), c)), ["customer", "public"]);
}
#[test]
fn money_is_read_from_its_literal_text() {
    let bill = |value: &str| {
        one(&format!(
            r#"{{"@type":"CustomerBill","id":"1","billDate":"2024-01-31","taxExcludedAmount":{{"unit":"EUR","value":{value}}},"taxIncludedAmount":{{"unit":"EUR","value":90071992547409.93}}}}"#
        ))
    };
    let m = bill("90071992547409.93");
    assert_eq!(
        ["tax_excluded_minor", "tax_minor", "amount_due_minor"].map(|c| text(of(&m, "bills"), c)),
        ["9007199254740993", "0", "9007199254740993"]
    );
    assert_eq!(text(of(&bill("1e2"), "bills"), "tax_excluded_minor"), "10000");
    assert_eq!(text(of(&bill("\"5.5\""), "bills"), "tax_excluded_minor"), "550");
    assert_eq!(codes(&bill("0.005")), ["amount_rounded"]);
}
#[test]
fn a_paid_bill_is_not_a_bill_of_nothing() {
    let Some(root) = examples() else { return };
    let m = one(&std::fs::read_to_string(root.join("TMF678/CustomerBillCreateEvent_request.json")).unwrap());
    let amounts = ["tax_excluded_minor", "tax_minor", "tax_included_minor", "previous_minor", "amount_due_minor", "remaining_minor"]
        .map(|c| text(of(&m, "bills"), c));
    assert_eq!(amounts, ["4000", "1000", "5000", "0", "5000", "0"]);
    // the account is only referred to: it and a customer of its name are made where there is none
    let mentioned: Vec<_> = m.records.iter().filter(|r| r.values.is_empty()).map(|r| (r.table, r.external_id.as_str())).collect();
    assert_eq!(mentioned, [("parties", "account/A0815"), ("customers", "account/A0815"), ("billing_accounts", "A0815")]);
}
#[test]
fn spelling_is_forgiven_and_kept() {
    let m = one(r#"{"@type":"product","id":7,"name":"x","status":"pending-active ","relatedParty":{"role":"Customer","id":"c"}}"#);
    let p = of(&m, "products");
    assert_eq!(
        (["status", "source_status", "customer_id"].map(|c| text(p, c)), p.external_id.as_str()),
        (["pendingActive", "pending-active", "→c"].map(String::from), "7")
    );
    assert_eq!(codes(&one(r#"{"@type":"Product","id":7,"status":"odd","relatedParty":[{"id":"c"}]}"#)), ["unknown_value"]);
}
#[test]
fn what_is_no_resource_is_said() {
    for (json, code) in [
        (r#"[{"op":"replace","path":"/x","value":1}]"#, "not_a_resource"),
        (r#"{"callback":"http://x","query":"y"}"#, "not_a_resource"),
        (r#"{"@type":"Product","status":"active"}"#, "not_a_resource"),
        (r#"{"@type":"GeographicSite","id":"1"}"#, "unsupported_type"),
        (r#"{"a":1}"#, "not_a_resource"),
        ("7", "not_a_resource"),
        (r#"{"a":"#, "malformed_json"),
        (r#"{"eventType":"CustomerDeleteEvent","event":{"customer":{"@type":"Customer","id":"1"}}}"#, "deletion"),
        (r#"{"@type":"AppliedCustomerBillingRate","id":"1","isBilled":false}"#, "not_billed"),
    ] {
        assert_eq!(codes(&one(json)), [code], "{json}");
    }
}
#[test]
fn a_type_is_told_by_base_address_or_shape() {
    for json in [
        r#"{"@type":"BusinessCustomer","@baseType":"Customer","id":"1"}"#,
        r#"{"href":"https://h/tmf-api/customerManagement/v4/customer/1","status":"Active"}"#,
        r#"{"id":"1","engagedParty":{"id":"2"}}"#,
    ] {
        assert_eq!(of(&one(json), "customers").external_id, "1", "{json}");
    }
}
