//! Accounts, bills and their lines.
use crate::declare::*;
use entities::{
    billing::{bill, bill_line, billing_account},
    catalogue::product,
};

pub fn types() -> Vec<Type> {
    vec![account(), bill_type(), line()]
}
pub fn roots() -> Vec<Field> {
    vec![
        find("bill", "Bill", &[("id", "Its public id.", "id")], "One bill. Null when there is none that you may see.")
            .see(KNOWN)
            .scope("billing:read"),
    ]
}
fn account() -> Type {
    use billing_account::{Column, ENTITY, Format, PaymentStatus, State};
    table(&ENTITY, "What a customer pays from.")
        .fields([
            id(&ENTITY).see(KNOWN),
            column("accountNo", Column::AccountNo, "As printed on bills.").see(KNOWN),
            column("name", Column::Name, "What the customer calls the account.").see(KNOWN),
            column("currency", Column::Currency, "ISO 4217.").see(KNOWN),
            choice::<State>("state", Column::State, "Whether it is in use.").see(KNOWN),
            choice::<PaymentStatus>("paymentStatus", Column::PaymentStatus, "Whether its bills are paid in time.").see(AGENT | CUSTOMER),
            money("balance", Column::BalanceMinor, "{t}.currency", "What is owed; negative is a credit.").see(AGENT | CUSTOMER),
            money("creditLimit", Column::CreditLimitMinor, "{t}.currency", "Null without one.").see(AGENT),
            column("dunningStage", Column::DunningStage, "How many reminders went out.").see(AGENT),
            column("cycleDay", Column::CycleDay, "The day of the month on which a bill is made.").see(KNOWN),
            choice::<Format>("format", Column::Format, "How much a bill shows.").see(AGENT | CUSTOMER),
            column("media", Column::Media, "By which ways a bill is sent.").see(AGENT | CUSTOMER),
            one("parent", "BillingAccount", Column::ParentId, "Null at the top.").see(KNOWN),
            one("customer", "Customer", Column::CustomerId, "Who pays.").see(KNOWN).scope("customer:read"),
            many("bills", "Bill", bill::Column::BillingAccountId, desc(bill::Column::BillOn), "Bills, the newest first.")
                .connection()
                .filtered()
                .sorted()
                .see(KNOWN),
            many("products", "Product", product::Column::BillingAccountId, asc(product::Column::Id), "What is paid from it.")
                .see(KNOWN)
                .scope("product:read"),
        ])
        .fields(crate::party::origin())
}
fn bill_type() -> Type {
    use bill::{Column, ENTITY, Kind, RunType, State};
    const CURRENCY: &str = "{t}.currency";
    table(&ENTITY, "A bill as it was sent. Credit notes have negative sums.")
        .fields([
            id(&ENTITY).see(KNOWN),
            column("billNo", Column::BillNo, "The number printed on it.").see(KNOWN),
            choice::<Kind>("kind", Column::Kind, "Invoice, credit note, statement or settlement.").see(KNOWN),
            choice::<State>(
                "state",
                Column::State,
                "How far it is: sent, partly paid, settled. Customers and partners never see one that is not sent.",
            )
            .see(KNOWN),
            choice::<RunType>("runType", Column::RunType, "Regular, or made in between.").see(AGENT),
            column("billDate", Column::BillOn, "The day printed on it.").see(KNOWN),
            column("dueDate", Column::DueOn, "The last day to pay; null when nothing is due.").see(KNOWN),
            period("period", Column::PeriodFromOn, Column::PeriodToOn, "What it is for; null when the source does not say.").see(KNOWN),
            money("taxExcluded", Column::TaxExcludedMinor, CURRENCY, "Σ of the lines without tax.").see(KNOWN),
            money("tax", Column::TaxMinor, CURRENCY, "Σ of the lines' tax.").see(KNOWN),
            money("taxIncluded", Column::TaxIncludedMinor, CURRENCY, "taxExcluded + tax.").see(KNOWN),
            money("rounding", Column::RoundingMinor, CURRENCY, "Added to round what is due, as some currencies do in cash.").see(KNOWN),
            money("previous", Column::PreviousMinor, CURRENCY, "Carried over, or prepaid when negative.").see(KNOWN),
            money("amountDue", Column::AmountDueMinor, CURRENCY, "taxIncluded + rounding + previous.").see(KNOWN),
            money("remaining", Column::RemainingMinor, CURRENCY, "Still to pay.").see(KNOWN),
            one("customer", "Customer", Column::CustomerId, "Whose it is.").see(KNOWN).scope("customer:read"),
            one("account", "BillingAccount", Column::BillingAccountId, "What it is paid from.").see(KNOWN),
            one("corrects", "Bill", Column::CorrectsBillId, "The bill that a credit note corrects; null otherwise.").see(KNOWN),
            many("lines", "BillLine", bill_line::Column::BillId, asc(bill_line::Column::LineNo), "In printed order.")
                .connection()
                .filtered()
                .first(50)
                .see(KNOWN),
        ])
        .fields(crate::party::origin())
        .filters([
            any_of::<State>("state", Column::State, "Any of these."),
            any_of::<Kind>("kind", Column::Kind, "Any of these kinds."),
            from("from", "billDate", Column::BillOn, "Made on this day or later."),
            until("to", "billDate", Column::BillOn, "Made on this day or earlier."),
            is("billNo", Column::BillNo, "Exactly this number."),
        ])
        .sort("NEWEST", desc(Column::BillOn), "billDate")
        .sort("OLDEST", asc(Column::BillOn), "billDate")
}
fn line() -> Type {
    use bill_line::{Column, ENTITY, Kind};
    table(&ENTITY, "A line of a bill.")
        .fields([
            id(&ENTITY).see(KNOWN),
            column("lineNo", Column::LineNo, "Its place on the bill.").see(KNOWN),
            choice::<Kind>("kind", Column::Kind, "What sort of charge it is.").see(KNOWN),
            column("description", Column::Description, "As printed.").see(KNOWN),
            column("plainReason", Column::PlainReason, "Why this is charged, in plain words; null when there is nothing to explain.").see(KNOWN),
            column("serviceIdentifier", Column::ServiceIdentifier, "The number or line it is for; null otherwise.").see(KNOWN),
            rate("quantity", Column::QuantityMicro, "How many units.").see(KNOWN),
            column("unit", Column::Unit, "What is counted; null for pieces.").see(KNOWN),
            rate("unitPrice", Column::UnitPriceMicro, "In major units, up to six digits.").see(KNOWN),
            money("taxExcluded", Column::TaxExcludedMinor, "{t}.currency", "The line without tax.").see(KNOWN),
            money("tax", Column::TaxMinor, "{t}.currency", "The tax of the line.").see(KNOWN),
            sql("taxRate", Scalar::Decimal, "(cast({t}.tax_rate_bp as bigint) * 100)", "As a fraction: `0.2` is 20 %.").see(KNOWN).cost(0),
            period("period", Column::PeriodFromOn, Column::PeriodToOn, "What it is for; null when the bill's own.").see(KNOWN),
            one("product", "Product", Column::ProductId, "Null when it is not about one.").see(KNOWN).scope("product:read"),
            one("bill", "Bill", Column::BillId, "The bill it is on.").see(KNOWN),
        ])
        .filters([any_of::<Kind>("kind", Column::Kind, "Any of these kinds.")])
}
