use super::*;
use crate::exchange::record::{Record, Severity, Value};
use std::path::{Path, PathBuf};

/// The folder of real data beside the checkout; none where it is not there.
fn data(folder: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("SWITCHBOARD_DATA").map_or_else(beside, PathBuf::from).join(folder);
    if !root.exists() {
        println!("SKIPPED: there is no {folder} at {}", root.display());
    }
    root.exists().then_some(root)
}
fn files(root: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = ["sfti", "ubl"].iter().flat_map(|f| std::fs::read_dir(root.join(f)).unwrap().map(|e| e.unwrap().path())).collect();
    all.sort();
    all
}
fn int(record: &Record, column: &str) -> i64 {
    record.values.iter().find(|v| v.0 == column).map(|v| if let Value::Int(i) = v.1 { i } else { panic!("{column}") }).unwrap()
}
fn text<'a>(record: &'a Record, column: &str) -> &'a str {
    record.values.iter().find(|v| v.0 == column).map(|v| if let Value::Text(t) = &v.1 { t.as_str() } else { panic!("{column}") }).unwrap()
}
fn of<'a>(mapped: &'a Mapped, table: &str) -> Vec<&'a Record> {
    mapped.records.iter().filter(|r| r.table == table).collect()
}
/// Whether bill and lines are what their own columns say.
fn adds_up(mapped: &Mapped) {
    let (bill, lines) = (of(mapped, "bills")[0], of(mapped, "bill_lines"));
    let sum = |column| lines.iter().map(|l| int(l, column)).sum::<i64>();
    let b = |column| int(bill, column);
    assert_eq!(sum("tax_excluded_minor"), b("tax_excluded_minor"));
    assert_eq!(sum("tax_minor"), b("tax_minor"));
    assert_eq!(b("tax_excluded_minor") + b("tax_minor"), b("tax_included_minor"));
    assert_eq!(b("tax_included_minor") + b("rounding_minor") + b("previous_minor"), b("amount_due_minor"));
}
fn one(xml: &str) -> Mapped {
    let mut all: Vec<_> = read(xml.as_bytes()).collect();
    assert_eq!(all.len(), 1);
    all.remove(0)
}
/// A document with these lines (net, category, rate), allowances and totals.
fn document(root: &str, body: &str) -> String {
    let party = |role: &str, name: &str| {
        format!(
            "<a:{role}><a:Party><a:PartyLegalEntity><b:RegistrationName>{name}</b:RegistrationName><b:CompanyID>{name}-1</b:CompanyID></a:PartyLegalEntity></a:Party></a:{role}>"
        )
    };
    format!(
        "<?xml version=\"1.0\"?><n:{root} xmlns:n=\"urn:x\" xmlns:a=\"urn:a\" xmlns:b=\"urn:b\"><b:ID>7</b:ID><b:IssueDate>2024-02-29</b:IssueDate><b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>{}{}{body}</n:{root}>",
        party("AccountingSupplierParty", "Telco"),
        party("AccountingCustomerParty", "Buyer"),
    )
}
fn line(root: &str, id: usize, net: &str, percent: &str) -> String {
    format!(
        "<a:{root}Line><b:ID>{id}</b:ID><b:LineExtensionAmount currencyID=\"EUR\">{net}</b:LineExtensionAmount><a:Item><b:Name>Calls &amp; more</b:Name><a:ClassifiedTaxCategory><b:ID>S</b:ID><b:Percent>{percent}</b:Percent></a:ClassifiedTaxCategory></a:Item></a:{root}Line>"
    )
}
fn totals(tax: &str, subtotals: &[(&str, &str)], payable: &str) -> String {
    let subs: String = subtotals.iter().map(|(percent, tax)| format!("<a:TaxSubtotal><b:TaxAmount>{tax}</b:TaxAmount><a:TaxCategory><b:ID>S</b:ID><b:Percent>{percent}</b:Percent></a:TaxCategory></a:TaxSubtotal>")).collect();
    format!(
        "<a:TaxTotal><b:TaxAmount currencyID=\"EUR\">{tax}</b:TaxAmount>{subs}</a:TaxTotal><a:LegalMonetaryTotal><b:PayableAmount>{payable}</b:PayableAmount></a:LegalMonetaryTotal>"
    )
}

#[test]
fn every_document_of_the_samples_adds_up_or_says_why_not() {
    let Some(root) = data("invoices-ubl") else { return };
    let files = files(&root);
    let mut taken = 0;
    for file in &files {
        let mapped: Vec<_> = read(std::io::BufReader::new(std::fs::File::open(file).unwrap())).collect();
        assert_eq!(mapped.len(), 1, "{}", file.display());
        let mapped = &mapped[0];
        let name = file.file_name().unwrap().to_string_lossy();
        let problems: Vec<_> = mapped.problems.iter().map(|p| format!("{:?} {}: {}", p.severity, p.code, p.message)).collect();
        match of(mapped, "bills").first() {
            Some(bill) => {
                adds_up(mapped);
                taken += 1;
                let figures = ["tax_excluded_minor", "tax_minor", "rounding_minor", "previous_minor", "amount_due_minor"].map(|c| int(bill, c));
                println!(
                    "{name:52} {:11} {} {:3} lines {figures:?} {}",
                    text(bill, "kind"),
                    text(bill, "currency"),
                    of(mapped, "bill_lines").len(),
                    problems.join(" | ")
                );
            }
            None => {
                println!("{name:52} not taken {}", problems.join(" | "));
                assert!(mapped.problems.iter().any(|p| p.severity == Severity::Error));
            }
        }
    }
    println!("{taken} of {} taken", files.len());
    assert_eq!((taken, files.len()), (47, 47));
}
#[test]
fn the_telephone_invoice_comes_out_to_the_cent() {
    let Some(root) = data("invoices-ubl") else { return };
    let mapped = one(&std::fs::read_to_string(root.join("sfti/BIS_Billing_30-Telefoni.xml")).unwrap());
    let bill = of(&mapped, "bills")[0];
    let figures = ["tax_excluded_minor", "tax_minor", "tax_included_minor", "rounding_minor", "amount_due_minor"].map(|c| int(bill, c));
    assert_eq!((figures, of(&mapped, "bill_lines").len()), ([83102, 20776, 103878, 22, 103900], 12));
}
#[test]
fn a_credit_note_takes_money_back() {
    let mapped = one(&document("CreditNote", &(totals("25", &[("25", "25")], "125") + &line("CreditNote", 1, "100.00", "25"))));
    adds_up(&mapped);
    let bill = of(&mapped, "bills")[0];
    assert_eq!((text(bill, "kind"), int(bill, "amount_due_minor"), bill.external_id.as_str()), ("credit_note", -12500, "Telco-1/credit/7"));
    assert_eq!(int(of(&mapped, "bill_lines")[0], "quantity_micro"), -1_000_000);
}
#[test]
fn tax_of_a_category_is_shared_by_its_lines() {
    let lines: String = (1..=3).map(|i| line("Invoice", i, "0.33", "19")).collect();
    let mapped = one(&document("Invoice", &(totals("0.19", &[("19.00", "0.19")], "1.18") + &lines)));
    adds_up(&mapped);
    assert_eq!(of(&mapped, "bill_lines").iter().map(|l| int(l, "tax_minor")).collect::<Vec<_>>(), [7, 6, 6]);
}
#[test]
fn lines_with_more_digits_than_the_currency_still_add_up() {
    let lines = line("Invoice", 1, "10.005", "0") + &line("Invoice", 2, "10.005", "0");
    let mapped = one(&document("Invoice", &(totals("0", &[("0", "0")], "20.01") + &lines)));
    adds_up(&mapped);
    assert_eq!(of(&mapped, "bill_lines").iter().map(|l| int(l, "tax_excluded_minor")).collect::<Vec<_>>(), [1001, 1000]);
}
#[test]
fn a_line_that_takes_back_another_leaves_nothing() {
    let lines = line("Invoice", 1, "100", "25") + &line("Invoice", 2, "-100", "25");
    let mapped = one(&document("Invoice", &(totals("0", &[("25", "0")], "0") + &lines)));
    adds_up(&mapped);
    assert_eq!(
        of(&mapped, "bill_lines").iter().map(|l| (int(l, "tax_excluded_minor"), int(l, "tax_minor"))).collect::<Vec<_>>(),
        [(10000, 2500), (-10000, -2500)]
    );
}
#[test]
fn a_sum_that_differs_is_named_with_its_difference() {
    let mapped = one(&document("Invoice", &(totals("25", &[("25", "25")], "130") + &line("Invoice", 1, "100.00", "25"))));
    let problem = &mapped.problems[0];
    assert_eq!((problem.code, problem.severity), ("sum_differs", Severity::Error));
    assert!(problem.message.contains("PayableAmount is 130 EUR") && problem.message.contains("difference of 5"), "{}", problem.message);
    assert!(of(&mapped, "bills").is_empty());
}
#[test]
fn a_cent_that_the_document_itself_lost_is_a_line_and_a_warning() {
    let body = totals("0", &[("0", "0")], "0.99").replace(
        "<b:PayableAmount>",
        "<b:LineExtensionAmount>0.99</b:LineExtensionAmount><b:TaxExclusiveAmount>0.99</b:TaxExclusiveAmount><b:PayableAmount>",
    );
    let lines: String = (1..=2).map(|i| line("Invoice", i, "0.50", "0")).collect();
    let mapped = one(&document("Invoice", &(body + &lines)));
    adds_up(&mapped);
    assert_eq!(mapped.problems.iter().map(|p| p.code).collect::<Vec<_>>(), ["sum_rounded"]);
    assert_eq!(int(of(&mapped, "bill_lines")[2], "tax_excluded_minor"), -1);
}
#[test]
fn several_documents_of_one_file_are_rows() {
    let invoice = document("Invoice", &(totals("0", &[], "5") + &line("Invoice", 1, "5", "0"))).replace("<?xml version=\"1.0\"?>", "");
    let all: Vec<_> = read(format!("<Envelope><Header/>{invoice}{invoice}</Envelope>").as_bytes()).collect();
    assert_eq!(all.iter().map(|m| (m.row_no, of(m, "bills").len())).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
}
#[test]
fn what_is_no_invoice_is_said() {
    let code = |xml: &str| one(xml).problems[0].code;
    assert_eq!(code("<Order><ID>1</ID></Order>"), "unsupported_type");
    assert_eq!(code("<Invoice><ID>1</"), "malformed_xml");
    assert_eq!(code("<Invoice><ID>&boom;</ID></Invoice>"), "malformed_xml");
    assert_eq!(code("not xml at all"), "unsupported_type");
    assert_eq!(code("<Invoice><ID>1</ID></Invoice>"), "missing");
    assert_eq!(code(&document("Invoice", "").replace("EUR", "XXQ")), "unknown_currency");
    let huge = document("Invoice", &(totals("0", &[], "1") + &line("Invoice", 1, "99999999999999999999999999", "0")));
    assert_eq!(code(&huge), "number_invalid");
}
