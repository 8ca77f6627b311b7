//! What can be bought, and what a customer has.
use crate::declare::*;
use entities::catalogue::{offering_price, product, product_category, product_offering};

pub fn types() -> Vec<Type> {
    vec![offering(), price(), category(), product_type()]
}
pub fn roots() -> Vec<Field> {
    vec![all("offerings", "ProductOffering", asc(product_offering::Column::Name), "What can be bought.").connection().filtered().see(ALL)]
}
fn offering() -> Type {
    use product_offering::{Column, ENTITY, Kind, LifecycleStatus};
    table(&ENTITY, "Something that can be bought.")
        .fields([
            id(&ENTITY).see(ALL),
            column("code", Column::Code, "Its code in the catalogue.").see(ALL),
            column("name", Column::Name, "The name it is sold under.").see(ALL),
            column("description", Column::Description, "Null when there is none.").see(ALL),
            choice::<Kind>("kind", Column::Kind, "What sort of thing it is.").see(ALL),
            column("isBundle", Column::IsBundle, "Whether it is made of others.").see(ALL),
            column("isSellable", Column::IsSellable, "Whether it can be ordered by itself.").see(KNOWN),
            choice::<LifecycleStatus>("lifecycleStatus", Column::LifecycleStatus, "Whether it can still be sold.").see(KNOWN),
            column("termMonths", Column::TermMonths, "The shortest contract; null without one.").see(ALL),
            one("category", "ProductCategory", Column::CategoryId, "Null when not sorted.").see(ALL),
            many("prices", "OfferingPrice", offering_price::Column::OfferingId, asc(offering_price::Column::Id), "Today's and past prices.").see(ALL),
        ])
        .fields(crate::party::origin())
        .filters([any_of::<Kind>("kind", Column::Kind, "Any of these kinds."), is("code", Column::Code, "Exactly this code.")])
}
fn price() -> Type {
    use offering_price::{Book, Column, ENTITY, PriceType};
    table(&ENTITY, "A price of an offering.").fields([
        id(&ENTITY).see(ALL),
        choice::<PriceType>("priceType", Column::PriceType, "Charged once, every period, by use, or taken off.").see(ALL),
        rate("amount", Column::AmountMicro, "In major units, up to six digits.").see(ALL),
        column("currency", Column::Currency, "ISO 4217.").see(ALL),
        column("unit", Column::Unit, "What a usage price is for (MB, minute); null otherwise.").see(ALL),
        column("periodMonths", Column::PeriodMonths, "How often a recurring price is charged; null otherwise.").see(ALL),
        column("isTaxIncluded", Column::TaxIncluded, "Whether the amount includes tax.").see(ALL),
        choice::<Book>("book", Column::Book, "Retail, or what a partner pays.").see(AGENT | PARTNER),
        period("valid", Column::ValidFromOn, Column::ValidToOn, "Null when it always holds; no last day while it does.").see(ALL),
    ])
}
fn category() -> Type {
    use product_category::{Column, ENTITY};
    table(&ENTITY, "A shelf of the catalogue.").fields([
        id(&ENTITY).see(ALL),
        column("code", Column::Code, "Its code.").see(ALL),
        column("name", Column::Name, "The name on the shelf.").see(ALL),
        one("parent", "ProductCategory", Column::ParentId, "Null at the top.").see(ALL),
    ])
}
fn product_type() -> Type {
    use product::{Column, ENTITY, Status};
    table(&ENTITY, "Something that a customer has.")
        .fields([
            id(&ENTITY).see(KNOWN),
            column("name", Column::Name, "As it was sold.").see(KNOWN),
            column("label", Column::Label, "What the customer calls it; null when not said.").see(KNOWN),
            choice::<Status>("status", Column::Status, "Whether it is in use.").see(KNOWN),
            column("serviceIdentifier", Column::ServiceIdentifier, "Phone number, line or circuit; null without one.").see(KNOWN),
            column("serial", Column::Serial, "Of a device; null otherwise.").see(KNOWN),
            column("orderedAt", Column::OrderedAt, "Null when the source does not say.").see(KNOWN),
            column("startAt", Column::StartAt, "In use since; null before.").see(KNOWN),
            column("termEndDate", Column::TermEndOn, "The contract binds until this day; null without a term.").see(KNOWN),
            column("terminatedAt", Column::TerminatedAt, "Null while it runs.").see(KNOWN),
            money("recurring", Column::RecurringMinor, "{t}.currency", "What it costs in a month.").see(KNOWN),
            column("isCustomerVisible", Column::IsCustomerVisible, "Whether the customer sees it.").see(AGENT),
            one("customer", "Customer", Column::CustomerId, "Whose it is.").see(KNOWN).scope("customer:read"),
            one("offering", "ProductOffering", Column::OfferingId, "What it was sold as; null when not in the catalogue.").see(KNOWN),
            one("parentProduct", "Product", Column::ParentProductId, "The bundle it belongs to; null when sold by itself.").see(KNOWN),
            many("components", "Product", Column::ParentProductId, asc(Column::Id), "What a bundle is made of.").see(KNOWN),
            one("billingAccount", "BillingAccount", Column::BillingAccountId, "What pays for it; null when not known.")
                .see(KNOWN)
                .scope("billing:read"),
        ])
        .fields(crate::party::origin())
        .filters([
            any_of::<Status>("status", Column::Status, "Any of these."),
            is("serviceIdentifier", Column::ServiceIdentifier, "Exactly this number or line."),
        ])
}
