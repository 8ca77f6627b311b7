//! Fernhill Telecom itself: where it sells, what, through whom; one stream of chance, the same for any number of
//! customers.
use super::{
    catalogue::{CATEGORIES, OFFERS, Offer},
    dice::{Dice, midnight},
    month::Month,
    names::{COUNTRY, REGIONS, TOWNS},
    rows::{Rows, row},
};
use crate::{
    catalogue::{offering_price, product_category, product_offering},
    exchange::source_system::{self, Kind as SystemKind},
    party::{partner, party, region},
};
use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use sea_orm::ActiveValue::Set;
use serde_json::json;
use uuid::Uuid;

/// A partner that resells.
pub struct Reseller {
    pub id: Uuid,
    pub party: Uuid,
    pub code: &'static str,
    pub brand: &'static str,
    pub legal: &'static str,
    pub kind: partner::Kind,
    pub share: partner::ShareLevel,
    /// Of the home price without VAT.
    pub percent: i64,
}

/// What every customer's rows refer to.
pub struct Provider {
    pub seed: u64,
    /// The day on which the data ends; its bills are there, nothing else of it is.
    pub until: NaiveDate,
    pub newest: Month,
    pub months: u32,
    pub partners: [Reseller; 2],
    pub offerings: Vec<Uuid>,
    /// By town, as in [`TOWNS`].
    pub towns: Vec<Uuid>,
}
impl Provider {
    pub fn offering(&self, offer: Offer) -> Uuid {
        self.offerings[offer as usize]
    }
    /// Nothing happens after this.
    pub fn end(&self) -> DateTime<Utc> {
        midnight(self.until)
    }
    /// The first day of the catalogue.
    fn opened(until: NaiveDate) -> NaiveDate {
        until - Months::new(120)
    }

    /// The provider and its rows.
    pub fn found(seed: u64, until: NaiveDate, months: u32) -> (Self, Rows) {
        let mut dice = Dice::of(seed, 0);
        let mut rows = Rows::default();
        let day = Self::opened(until);
        systems(&mut dice, day, &mut rows);
        let towns = regions(&mut dice, day, &mut rows);
        let partners = partners(&mut dice, day, &mut rows);
        let newest = Month::of(until);
        let offerings = offerings(&mut dice, day, &mut rows);
        prices(&mut dice, day, newest, &offerings, &partners, &mut rows);
        (Provider { seed, until, newest, months, partners, offerings, towns }, rows)
    }
}

fn systems(dice: &mut Dice, day: NaiveDate, rows: &mut Rows) {
    let at = midnight(day);
    let systems =
        [("crm", SystemKind::Crm, 30), ("billing", SystemKind::Billing, 20), ("ticketing", SystemKind::Ticketing, 10), ("chat", SystemKind::Web, 10)];
    rows.source_systems.extend(systems.map(|(code, kind, priority)| source_system::ActiveModel {
        id: Set(dice.id(at)),
        created_at: Set(at),
        updated_at: Set(at),
        row_version: Set(1),
        code: Set(code.into()),
        kind: Set(kind),
        priority: Set(priority),
        freshness_target_min: Set(Some(if code == "billing" { 1440 } else { 60 })),
    }));
}

fn regions(dice: &mut Dice, day: NaiveDate, rows: &mut Rows) -> Vec<Uuid> {
    let at = midnight(day);
    let mut place = |code: String, name: &str, kind: region::Kind, parent: Option<Uuid>, postcodes: serde_json::Value| {
        let id = dice.id(at);
        rows.regions.push(row!(region, id, at, "crm", code.clone(); code: code, name: name, kind: kind, parent_id: parent, postcodes: postcodes));
        id
    };
    let country = place(COUNTRY.into(), "Fernland", region::Kind::Country, None, json!([]));
    let areas: Vec<_> = REGIONS
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, place(format!("{COUNTRY}-{}", i + 1), name, region::Kind::Region, Some(country), json!([]))))
        .collect();
    TOWNS
        .iter()
        .map(|(area, town, postcode)| {
            let parent = areas.iter().find(|a| a.0 == *area).map(|a| a.1);
            let postcodes: Vec<_> = (0..10).map(|i| (postcode + i).to_string()).collect();
            place(format!("{COUNTRY}-{postcode}"), town, region::Kind::City, parent, json!(postcodes))
        })
        .collect()
}

fn partners(dice: &mut Dice, day: NaiveDate, rows: &mut Rows) -> [Reseller; 2] {
    let at = midnight(day);
    let mut reseller =
        |code, brand, legal, kind, share, percent| Reseller { id: dice.id(at), party: dice.id(at), code, brand, legal, kind, share, percent };
    let partners = [
        reseller("LARKSPUR", "Larkspur Mobile", "Larkspur Communications Ltd", partner::Kind::Mvno, partner::ShareLevel::Full, 68),
        reseller("QUAYSIDE", "Quayside Connect", "Quayside Connect Ltd", partner::Kind::Reseller, partner::ShareLevel::Minimal, 75),
    ];
    for p in &partners {
        rows.parties.push(row!(party, p.party, at, "crm", format!("PT-{}", p.code);
            kind: party::Kind::Organization, display_name: p.brand, given_name: None::<String>, family_name: None::<String>, legal_name: p.legal.to_string(),
            trading_name: p.brand.to_string(), birth_on: None::<NaiveDate>, gender: None::<String>, locale: "en", status: party::Status::Validated, attrs: json!({})));
        rows.partners.push(row!(partner, p.id, at, "crm", p.code;
            party_id: p.party, code: p.code, kind: p.kind, brand_name: p.brand, parent_id: None::<Uuid>, share_level: p.share, status: partner::Status::Active));
    }
    partners
}

fn offerings(dice: &mut Dice, day: NaiveDate, rows: &mut Rows) -> Vec<Uuid> {
    let at = midnight(day);
    let mut shelves = vec![];
    for (code, name, above) in CATEGORIES {
        let id = dice.id(at);
        let parent = above.and_then(|a| shelves.iter().find(|s: &&(&str, Uuid)| s.0 == a)).map(|s| s.1);
        shelves.push((*code, id));
        rows.product_categories.push(row!(product_category, id, at, "crm", *code; code: *code, name: *name, parent_id: parent));
    }
    let shelf = |code| shelves.iter().find(|s| s.0 == code).map(|s| s.1);
    OFFERS
        .iter()
        .map(|offer| {
            let (id, s) = (dice.id(at), offer.spec());
            let retired = s.status == product_offering::LifecycleStatus::Retired;
            rows.product_offerings.push(row!(product_offering, id, at, "crm", s.code;
                code: s.code, name: s.name, description: s.text.to_string(), kind: s.kind, spec_code: s.code.to_string(), category_id: shelf(s.category),
                is_bundle: s.kind == product_offering::Kind::Bundle, is_sellable: s.sellable, lifecycle_status: s.status, term_months: s.term_months,
                valid_from_on: day, valid_to_on: retired.then(|| day + Months::new(84)), attrs: json!({ "unit": s.unit })));
            id
        })
        .collect()
}

fn prices(dice: &mut Dice, day: NaiveDate, newest: Month, ids: &[Uuid], partners: &[Reseller], rows: &mut Rows) {
    let at = midnight(day);
    for (offer, id) in OFFERS.iter().zip(ids) {
        let s = offer.spec();
        let wholesale = s.kind == product_offering::Kind::WholesaleAccess;
        let book = if wholesale { offering_price::Book::Wholesale } else { offering_price::Book::Retail };
        let changed = s.was.map(|(was, ago)| (was, newest.back(ago).first()));
        let mut steps = vec![(s.price, changed.map_or(day, |c| c.1), None)];
        if let Some((was, on)) = changed {
            steps.insert(0, (was, day, Some(on - Days::new(1))));
        }
        let mut price = |external: String,
                         cents: i64,
                         from: NaiveDate,
                         to: Option<NaiveDate>,
                         included: bool,
                         book: offering_price::Book,
                         partner: Option<Uuid>| {
            rows.offering_prices.push(row!(offering_price, dice.id(midnight(from)), at, "crm", external;
                offering_id: *id, price_type: s.price_type, period_months: (s.unit == "month").then_some(1), amount_micro: cents * 10_000, currency: "EUR",
                unit: s.unit.to_string(), tax_included: included, book: book, partner_id: partner, valid_from_on: from, valid_to_on: to));
        };
        let sellers: Vec<_> = if wholesale { partners.iter().map(|p| Some((p.code, p.id))).collect() } else { vec![None] };
        for seller in sellers {
            for (cents, from, to) in &steps {
                let external = format!("{}{}-{}", s.code, seller.map(|p| format!("-{}", p.0)).unwrap_or_default(), from.format("%Y%m"));
                price(external, *cents, *from, *to, !s.business && s.price_type != offering_price::PriceType::Penalty, book, seller.map(|p| p.1));
            }
        }
        if s.resold {
            for p in partners {
                price(format!("{}-{}", s.code, p.code), offer.wholesale(p.percent), day, None, false, offering_price::Book::Wholesale, Some(p.id));
            }
        }
    }
}
