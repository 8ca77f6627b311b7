use super::{
    customer::{self, Customer},
    sums::{self, Category, Part, Settled, Subtotal, Totals},
    xml::Node,
};
use crate::{
    exchange::record::{Mapped, Problem, Record, Value},
    money,
};
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// Invoice type codes (UNTDID 1001) that take money back.
const CREDITS: &[&str] = &["81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"];
/// Unit codes (UN/ECE Rec 20) of what is metered: time, data, energy, water.
const METERED: &[&str] = &["SEC", "MIN", "C26", "AD", "2P", "4L", "E34", "E35", "KWH", "MWH", "MTQ", "LTR"];
/// And of what is charged by the calendar.
const CALENDAR: &[&str] = &["DAY", "WEE", "MON", "QAN", "ANN"];

/// A document as rows.
pub fn map(document: &Node) -> Mapped {
    let mut reading = Reading { problems: vec![], currency: String::new(), records: vec![] };
    if let Some(header) = reading.header(document) {
        reading.body(document, header);
    }
    Mapped { records: reading.records, whole: true, problems: reading.problems, ..Default::default() }
}

struct Reading {
    currency: String,
    records: Vec<Record>,
    problems: Vec<Problem>,
}

struct Header {
    id: String,
    number: String,
    kind: &'static str,
    /// -1 where the document's positive amounts take money back.
    sign: i64,
    bill_on: NaiveDate,
    customer: Customer,
    supplier: String,
}

struct Line {
    id: String,
    kind: &'static str,
    description: String,
    plain_reason: Option<String>,
    quantity: Decimal,
    unit: Option<String>,
    price: Decimal,
    period: (Option<NaiveDate>, Option<NaiveDate>),
}

impl Reading {
    fn header(&mut self, document: &Node) -> Option<Header> {
        let number = self.required(document, "ID")?;
        let bill_on = self.required(document, "IssueDate").and_then(|_| self.date(document, "IssueDate"))?;
        let said = document.text("DocumentCurrencyCode").or_else(|| document.at("LegalMonetaryTotal/PayableAmount")?.attribute("currencyID"));
        let currency = said.unwrap_or_default().to_uppercase();
        if !money::known(&currency) {
            self.problems.push(Problem::error("unknown_currency", format!("“{currency}” is not a currency of ISO 4217.")));
            return None;
        }
        self.currency = currency.clone();
        let buyer = document.at("AccountingCustomerParty").and_then(|role| customer::map(role, &currency, &mut self.records, &mut self.problems));
        let Some(customer) = buyer else {
            self.problems.push(Problem::error(
                "no_customer",
                "The document does not say who is billed: AccountingCustomerParty has neither an id nor a name.",
            ));
            return None;
        };
        let credits = document.text("InvoiceTypeCode").is_some_and(|c| CREDITS.contains(&c));
        let credit_note = document.name == "CreditNote";
        // A type code that credits turns the sign of an invoice, unless its amounts are negative already.
        let negative = document.text("LegalMonetaryTotal/PayableAmount").is_some_and(|t| t.starts_with('-'));
        let sign = if credit_note || (credits && !negative) { -1 } else { 1 };
        let supplier = document.at("AccountingSupplierParty/Party").and_then(customer::key).unwrap_or_default();
        let id = external_id(&supplier, credit_note, &number);
        Some(Header { id, number, kind: if credit_note || credits { "credit_note" } else { "invoice" }, sign, bill_on, customer, supplier })
    }

    fn body(&mut self, document: &Node, header: Header) {
        let (mut lines, mut parts) = (vec![], vec![]);
        let tag = if document.name == "CreditNote" { "CreditNoteLine" } else { "InvoiceLine" };
        for (i, node) in document.all(tag).enumerate() {
            let (line, part) = self.line(document, node, i + 1);
            lines.push(line);
            parts.push(part);
        }
        let of_lines = lines.len();
        for (i, node) in document.all("AllowanceCharge").enumerate() {
            let (line, part) = self.allowance(node, i + 1);
            lines.push(line);
            parts.push(part);
        }
        let Some(totals) = self.totals(document) else { return };
        if self.problems.iter().any(|p| p.severity == crate::exchange::record::Severity::Error) {
            return;
        }
        let Some(settled) = sums::settle(&self.currency, of_lines, &parts, &totals, &mut self.problems) else { return };
        sums::advise(&self.currency, &parts, &totals, &mut self.problems);
        self.bill(document, &header, &settled);
        self.lines(document, &header, lines, &parts, &settled);
    }

    fn bill(&mut self, document: &Node, header: &Header, settled: &Settled) {
        let period = self.period(document);
        let due = ["DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate"].iter().find_map(|p| self.date(document, p));
        let corrected = corrected(document).map(|(number, credit)| Value::to("bills", external_id(&header.supplier, credit, number)));
        let s = header.sign;
        let record = Record::row("bills", &header.id)
            .with("customer_id", Value::to("customers", &header.customer.key))
            .with("billing_account_id", Value::to("billing_accounts", header.customer.account_id(&self.currency)))
            .with("bill_no", header.number.as_str())
            .with("kind", header.kind)
            .maybe("corrects_bill_id", corrected)
            .with("run_type", if period.0.is_some() { "onCycle" } else { "offCycle" })
            .new_with("state", if settled.due == 0 { "settled" } else { "sent" })
            .maybe("source_status", document.text("InvoiceTypeCode").or_else(|| document.text("CreditNoteTypeCode")))
            .with("bill_on", header.bill_on)
            .maybe("period_from_on", period.0)
            .maybe("period_to_on", period.1)
            .maybe("due_on", due)
            .with("currency", self.currency.as_str())
            .with("tax_excluded_minor", s * settled.excluded)
            .with("tax_minor", s * settled.tax)
            .with("tax_included_minor", s * settled.included)
            .with("rounding_minor", s * settled.rounding)
            .with("previous_minor", s * settled.previous)
            .with("amount_due_minor", s * settled.due)
            .new_with("remaining_minor", s * settled.due);
        self.records.push(record);
    }

    fn lines(&mut self, document: &Node, header: &Header, mut lines: Vec<Line>, parts: &[Part], settled: &Settled) {
        let mut amounts: Vec<_> = settled.parts.iter().zip(parts).map(|(s, p)| (s.0, s.1, p.category.percent)).collect();
        for (kind, text, net, tax) in [("adjustment", "Rounding", settled.rest.0, 0), ("tax", "Tax of no single line", 0, settled.rest.1)] {
            if (net, tax) != (0, 0) {
                let net_decimal = Decimal::new(net, money::digits(&self.currency));
                lines.push(Line { kind, price: net_decimal, ..Line::single(format!("rest-{kind}"), text.into()) });
                amounts.push((net, tax, Decimal::ZERO));
            }
        }
        // the bill that this one corrects may be unknown here: people still read its number
        if let (Some((number, _)), Some(first)) = (corrected(document), lines.first_mut()) {
            let note = format!("Corrects bill {number}.");
            first.plain_reason = Some(first.plain_reason.take().map_or(note.clone(), |r| format!("{note} {r}")));
        }
        for (i, (line, (net, tax, percent))) in lines.into_iter().zip(amounts).enumerate() {
            let micro = |d: Decimal| money::micro(d).unwrap_or_default();
            let record = Record::row("bill_lines", format!("{}#{}", header.id, line.id))
                .with("customer_id", Value::to("customers", &header.customer.key))
                .with("bill_id", Value::to("bills", &header.id))
                .with("line_no", i as i64 + 1)
                .with("kind", line.kind)
                .with("description", line.description)
                .maybe("plain_reason", line.plain_reason)
                .with("quantity_micro", header.sign * micro(line.quantity))
                .maybe("unit", line.unit)
                .with("unit_price_micro", micro(line.price))
                .with("tax_excluded_minor", header.sign * net)
                .with("tax_rate_bp", micro(percent) / 10_000)
                .with("tax_minor", header.sign * tax)
                .with("currency", self.currency.as_str())
                .maybe("period_from_on", line.period.0)
                .maybe("period_to_on", line.period.1);
            self.records.push(record);
        }
    }

    fn line(&mut self, document: &Node, node: &Node, ordinal: usize) -> (Line, Part) {
        let net = self.amount(node, "LineExtensionAmount").unwrap_or_else(|| {
            self.problems.push(Problem::error("missing", format!("Line {ordinal} has no LineExtensionAmount.")));
            Decimal::ZERO
        });
        let quantity_node = node.at("InvoicedQuantity").or_else(|| node.at("CreditedQuantity"));
        let quantity = quantity_node.and_then(|q| self.number(q.value()?, "quantity")).unwrap_or(Decimal::ONE);
        let unit = quantity_node.and_then(|q| q.attribute("unitCode")).map(str::to_string);
        let base =
            node.at("Price/BaseQuantity").and_then(|b| self.number(b.value()?, "BaseQuantity")).filter(|b| !b.is_zero()).unwrap_or(Decimal::ONE);
        let price = self.amount(node, "Price/PriceAmount").and_then(|p| p.checked_div(base));
        if let Some(gross) = price.and_then(|p| p.checked_mul(quantity)) {
            self.check_price(node, ordinal, net, gross);
        }
        let period = self.period(node);
        let kind = match unit.as_deref() {
            Some(u) if METERED.contains(&u) => "usage",
            Some(u) if CALENDAR.contains(&u) => "recurring",
            _ if net.is_sign_negative() && document.name == "Invoice" && quantity.is_sign_negative() => "adjustment",
            _ if period.0.is_some() || document.at("InvoicePeriod").is_some() => "recurring",
            _ => "oneTime",
        };
        let (name, more) = (node.text("Item/Name"), node.text("Item/Description"));
        let notes = [more.filter(|_| name.is_some()), node.text("Note")];
        let notes = notes.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let id = node.text("ID").filter(|id| document.all(&node.name).filter(|l| l.text("ID") == Some(id)).count() == 1);
        let line = Line {
            kind,
            plain_reason: Some(squeeze(&notes)).filter(|n| !n.is_empty()),
            quantity,
            unit,
            price: price.unwrap_or_else(|| net.checked_div(quantity).unwrap_or(net)),
            period,
            ..Line::single(id.map_or_else(|| format!("n{ordinal}"), str::to_string), squeeze(name.or(more).unwrap_or("Item without a name")))
        };
        let category = self.category(node.at("Item/ClassifiedTaxCategory").or_else(|| node.at("TaxTotal/TaxSubtotal/TaxCategory")));
        (line, Part { net, category })
    }
    /// Peppol R120: quantity × price, with the line's own allowances and charges, is the line.
    fn check_price(&mut self, node: &Node, ordinal: usize, net: Decimal, gross: Decimal) {
        let own: Decimal = node.all("AllowanceCharge").filter_map(|a| self.signed(a)).sum();
        let by = net - (gross + own).round_dp(6);
        if by.abs() > Decimal::new(2, money::digits(&self.currency)) {
            let text = format!(
                "Line {ordinal}: the amount is {net}, but quantity × price with its allowances and charges make {}: a difference of {}.",
                (gross + own).normalize(),
                by.normalize()
            );
            self.problems.push(Problem::warning("line_price_differs", text));
        }
    }
    fn allowance(&mut self, node: &Node, ordinal: usize) -> (Line, Part) {
        let net = self.signed(node).unwrap_or_default();
        let charge = is_charge(node);
        let text = node.text("AllowanceChargeReason").unwrap_or(if charge { "Charge" } else { "Discount" });
        let line = Line { kind: if charge { "adjustment" } else { "discount" }, price: net, ..Line::single(format!("a{ordinal}"), squeeze(text)) };
        (line, Part { net, category: self.category(node.at("TaxCategory")) })
    }
    /// The amount of an allowance or charge as it changes the total.
    fn signed(&mut self, node: &Node) -> Option<Decimal> {
        let amount = self.amount(node, "Amount")?;
        Some(if is_charge(node) { amount } else { -amount })
    }

    fn totals(&mut self, document: &Node) -> Option<Totals> {
        let Some(node) = document.at("LegalMonetaryTotal") else {
            self.problems.push(Problem::error("missing", "The document has no LegalMonetaryTotal."));
            return None;
        };
        let payable = self.amount(node, "PayableAmount").or_else(|| {
            self.problems.push(Problem::error("missing", "The document does not say the amount to pay (LegalMonetaryTotal/PayableAmount)."));
            None
        })?;
        let mut subtotals: Vec<Subtotal> = vec![];
        let mut tax = Decimal::ZERO;
        // A second TaxTotal in the tax currency repeats the first one for the tax office.
        let foreign = |t: &&Node| t.at("TaxAmount").and_then(|a| a.attribute("currencyID")).is_some_and(|c| !c.eq_ignore_ascii_case(&self.currency));
        let (_, own): (Vec<_>, Vec<_>) = document.all("TaxTotal").partition(foreign);
        for total in own {
            tax += self.amount(total, "TaxAmount").unwrap_or_default();
            for sub in total.all("TaxSubtotal") {
                let mut category = self.category(sub.at("TaxCategory"));
                if let Some(percent) = sub.text("Percent").and_then(|p| self.number(p, "Percent")) {
                    category.percent = percent.normalize(); // UBL 2.0 had it here
                }
                let (amount, taxable) = (self.amount(sub, "TaxAmount").unwrap_or_default(), self.amount(sub, "TaxableAmount"));
                match subtotals.iter_mut().find(|s| s.category == category) {
                    Some(same) => {
                        same.tax += amount;
                        same.taxable = same.taxable.zip(taxable).map(|(a, b)| a + b);
                    }
                    None => subtotals.push(Subtotal { category, taxable, tax: amount }),
                }
            }
        }
        Some(Totals {
            lines: self.amount(node, "LineExtensionAmount"),
            allowances: self.amount(node, "AllowanceTotalAmount"),
            charges: self.amount(node, "ChargeTotalAmount"),
            tax_exclusive: self.amount(node, "TaxExclusiveAmount"),
            tax_inclusive: self.amount(node, "TaxInclusiveAmount"),
            prepaid: self.amount(node, "PrepaidAmount").unwrap_or_default(),
            rounding: self.amount(node, "PayableRoundingAmount").unwrap_or_default(),
            payable,
            tax,
            subtotals,
        })
    }

    fn category(&mut self, node: Option<&Node>) -> Category {
        let percent = node.and_then(|n| self.number(n.text("Percent")?, "Percent")).unwrap_or_default();
        Category { code: node.and_then(|n| n.text("ID")).unwrap_or_default().into(), percent: percent.normalize() }
    }
    fn amount(&mut self, node: &Node, path: &str) -> Option<Decimal> {
        let node = node.at(path)?;
        let text = node.value()?;
        if let Some(other) = node.attribute("currencyID").filter(|c| !c.eq_ignore_ascii_case(&self.currency)) {
            self.problems.push(Problem::error("currency_differs", format!("{path} is in {other}, the document in {}.", self.currency)));
        }
        self.number(text, path)
    }
    fn number(&mut self, text: &str, what: &str) -> Option<Decimal> {
        // 10¹² with 10 digits behind the point: sums and products of such numbers do not overflow
        let parsed: Option<Decimal> = text.strip_prefix('+').unwrap_or(text).parse().ok();
        let number = parsed.map(|n| n.round_dp(10)).filter(|n| n.abs() <= Decimal::from(1_000_000_000_000i64));
        if number.is_none() {
            self.problems.push(Problem::error("number_invalid", format!("“{text}” ({what}) is not a number, or one too large for a bill.")));
        }
        number
    }
    fn date(&mut self, node: &Node, path: &str) -> Option<NaiveDate> {
        let text = node.text(path)?;
        // xsd:date may carry a zone: `2024-02-29+01:00`
        let date = text.get(..10).and_then(|d| d.parse().ok());
        if date.is_none() {
            let problem = if path == "IssueDate" { Problem::error } else { Problem::warning };
            self.problems.push(problem("date_invalid", format!("“{text}” ({path}) is not a date.")));
        }
        date
    }
    fn period(&mut self, node: &Node) -> (Option<NaiveDate>, Option<NaiveDate>) {
        (self.date(node, "InvoicePeriod/StartDate"), self.date(node, "InvoicePeriod/EndDate"))
    }
    fn required(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = node.text(path).map(str::to_string);
        if text.is_none() {
            self.problems.push(Problem::error("missing", format!("The document has no {path}.")));
        }
        text
    }
}
impl Line {
    /// One of something.
    fn single(id: String, description: String) -> Self {
        Line { id, kind: "oneTime", description, plain_reason: None, quantity: Decimal::ONE, unit: None, price: Decimal::ZERO, period: (None, None) }
    }
}

/// Numbers are the supplier's, and its credit notes may have a series of their own.
fn external_id(supplier: &str, credit_note: bool, number: &str) -> String {
    format!("{supplier}/{}{number}", if credit_note { "credit/" } else { "" })
}
/// The number of the first document that this one corrects, and whether that is a credit note.
fn corrected(document: &Node) -> Option<(&str, bool)> {
    let invoice = document.text("BillingReference/InvoiceDocumentReference/ID").map(|n| (n, false));
    invoice.or_else(|| document.text("BillingReference/CreditNoteDocumentReference/ID").map(|n| (n, true)))
}
/// xsd:boolean: `true` and `1`.
fn is_charge(node: &Node) -> bool {
    matches!(node.text("ChargeIndicator"), Some("true" | "1"))
}
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
