//! What Fernhill sells, and for how much: the same words and prices as in its knowledge base. Home prices include
//! VAT, business and wholesale prices do not. Four prices changed within the year, so that bills have something to
//! explain.
use super::month::Month;
use crate::catalogue::{
    offering_price::PriceType,
    product_offering::{Kind, LifecycleStatus},
};

/// One thing that is sold.
pub struct Spec {
    pub code: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    pub category: &'static str,
    pub price_type: PriceType,
    /// Cents; home prices with VAT.
    pub price: i64,
    /// What it cost before, and how many months ago it changed (0 is the month of the newest bill).
    pub was: Option<(i64, u32)>,
    pub unit: &'static str,
    pub business: bool,
    pub sellable: bool,
    pub status: LifecycleStatus,
    pub term_months: Option<i32>,
    /// Of it, what partners buy.
    pub resold: bool,
    pub text: &'static str,
}
const MONTHLY: Spec = Spec {
    code: "",
    name: "",
    kind: Kind::Addon,
    category: "options",
    price_type: PriceType::Recurring,
    price: 0,
    was: None,
    unit: "month",
    business: false,
    sellable: true,
    status: LifecycleStatus::Active,
    term_months: None,
    resold: false,
    text: "",
};
const ONCE: Spec = Spec { kind: Kind::Service, category: "services", price_type: PriceType::OneTime, unit: "piece", ..MONTHLY };
const USAGE: Spec = Spec { kind: Kind::Service, category: "usage", price_type: PriceType::Usage, sellable: false, ..MONTHLY };
const MOBILE: Spec = Spec { kind: Kind::Mobile, category: "mobile-plans", term_months: Some(24), resold: true, ..MONTHLY };
const FIXED: Spec = Spec { kind: Kind::Broadband, category: "broadband-plans", term_months: Some(24), resold: true, ..MONTHLY };
const BUSINESS: Spec = Spec { category: "business-plans", business: true, ..MONTHLY };
const WHOLESALE: Spec = Spec { kind: Kind::WholesaleAccess, category: "wholesale", business: true, sellable: false, ..MONTHLY };

macro_rules! offers {
    ($($offer:ident: $spec:expr;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Offer { $($offer),+ }
        pub const OFFERS: &[Offer] = &[$(Offer::$offer),+];
        static SPECS: &[Spec] = &[$($spec),+];
    };
}
offers! {
    MobileS: Spec { code: "MOB-S", name: "Mobile S", price: 1200, text: "5 GB a month, unlimited calls and texts at home and in Zone 1.", ..MOBILE };
    MobileM: Spec { code: "MOB-M", name: "Mobile M", price: 1800, was: Some((1700, 0)), text: "25 GB a month, unlimited calls and texts at home and in Zone 1.", ..MOBILE };
    MobileL: Spec { code: "MOB-L", name: "Mobile L", price: 2600, was: Some((2500, 0)), text: "80 GB a month, unlimited calls and texts at home and in Zone 1.", ..MOBILE };
    MobileUnlimited: Spec { code: "MOB-U", name: "Mobile Unlimited", price: 3500, text: "Unlimited data, calls and texts at home; 40 GB in Zone 1.", ..MOBILE };
    MobileClassic: Spec { code: "MOB-C", name: "Mobile Classic", price: 1500, sellable: false, status: LifecycleStatus::Retired, text: "10 GB a month. Not sold any more; contracts go on.", ..MOBILE };
    Dsl50: Spec { code: "DSL-50", name: "DSL 50", price: 2800, text: "50 Mbit/s down, 10 up. Only where there is no fibre yet.", ..FIXED };
    Fibre100: Spec { code: "FIB-100", name: "Fibre 100", price: 3000, text: "100 Mbit/s down, 50 up, hub on loan.", ..FIXED };
    Fibre300: Spec { code: "FIB-300", name: "Fibre 300", price: 3600, was: Some((3500, 5)), text: "300 Mbit/s down, 150 up, hub on loan.", ..FIXED };
    Fibre1000: Spec { code: "FIB-1000", name: "Fibre 1000", price: 4600, was: Some((4400, 5)), text: "1000 Mbit/s down, 500 up, hub on loan.", ..FIXED };
    Hub2: Spec { code: "HUB-2", name: "Fernhill Hub 2", kind: Kind::Device, category: "devices", sellable: false, status: LifecycleStatus::Retired, text: "Hub on loan, Wi-Fi 5.", ..MONTHLY };
    Hub3: Spec { code: "HUB-3", name: "Fernhill Hub 3", kind: Kind::Device, category: "devices", text: "Hub on loan, Wi-Fi 6.", ..MONTHLY };
    TvStart: Spec { code: "TV-START", name: "TV Start", kind: Kind::Tv, category: "tv-packages", price: 800, text: "60 channels, one TV box.", ..MONTHLY };
    TvPlus: Spec { code: "TV-PLUS", name: "TV Plus", kind: Kind::Tv, category: "tv-packages", price: 1600, text: "110 channels, one TV box.", ..MONTHLY };
    TvBox: Spec { code: "TV-BOX", name: "Extra TV box", kind: Kind::Device, category: "devices", price: 400, text: "One more TV box, up to 3.", ..MONTHLY };
    TvFilm: Spec { code: "TV-FILM", name: "Film on TV", kind: Kind::Content, category: "tv-packages", price: 450, text: "One film, 48 hours.", ..ONCE };
    Booster: Spec { code: "BOOSTER", name: "Wi-Fi Booster", price: 400, text: "Better Wi-Fi further away; needs a Hub 3.", ..MONTHLY };
    MultiSim: Spec { code: "MULTI-SIM", name: "Multi-SIM", price: 500, text: "One more SIM for the same number.", ..MONTHLY };
    FixedIp: Spec { code: "FIXED-IP", name: "Fixed IPv4 address", price: 500, text: "An address that stays the same.", ..MONTHLY };
    Phone: Spec { code: "PHONE", name: "Device plan", kind: Kind::Device, category: "devices", price: 1500, term_months: Some(24), text: "A phone in 24 instalments without interest.", ..MONTHLY };
    Together: Spec { code: "TOGETHER", name: "Together", kind: Kind::Bundle, category: "bundles", price_type: PriceType::Discount, price: -500, text: "Broadband and mobile from one hand: EUR 5.00 off broadband each month.", ..MONTHLY };
    MultiLine: Spec { code: "MULTI-LINE", name: "Multi-line discount", category: "bundles", price_type: PriceType::Discount, price: -300, text: "EUR 3.00 off each mobile line after the first.", ..MONTHLY };
    Welcome: Spec { code: "WELCOME", name: "Welcome discount", category: "bundles", price_type: PriceType::Discount, price: -500, text: "EUR 5.00 off for the first 6 months of a new contract.", ..MONTHLY };
    Data2: Spec { code: "DATA-2", name: "Data pack 2 GB", kind: Kind::Addon, category: "packs", price: 500, text: "2 GB more until the end of the month.", ..ONCE };
    Data10: Spec { code: "DATA-10", name: "Data pack 10 GB", kind: Kind::Addon, category: "packs", price: 1200, text: "10 GB more until the end of the month.", ..ONCE };
    Zone2Day: Spec { code: "PASS-Z2-DAY", name: "Zone 2 Day Pass", kind: Kind::Addon, category: "packs", price: 400, text: "1 GB, 30 minutes, 30 texts for 24 hours.", ..ONCE };
    Zone2Week: Spec { code: "PASS-Z2-WEEK", name: "Zone 2 Week Pass", kind: Kind::Addon, category: "packs", price: 1500, text: "5 GB, 100 minutes, 100 texts for 7 days.", ..ONCE };
    Zone3Day: Spec { code: "PASS-Z3-DAY", name: "Zone 3 Day Pass", kind: Kind::Addon, category: "packs", price: 900, text: "500 MB, 20 minutes, 20 texts for 24 hours.", ..ONCE };
    Zone3Week: Spec { code: "PASS-Z3-WEEK", name: "Zone 3 Week Pass", kind: Kind::Addon, category: "packs", price: 3500, text: "2 GB, 60 minutes, 60 texts for 7 days.", ..ONCE };
    ExtraData: Spec { code: "EXTRA-DATA", name: "Extra data", price: 200, unit: "500 MB", text: "Each block of 500 MB after the allowance, up to EUR 20.00 a month.", ..USAGE };
    Zone1Data: Spec { code: "RZ1-DATA", name: "RZ1 data above fair use", price: 150, unit: "GB", text: "Zone 1, above the fair use limit.", ..USAGE };
    Zone2Data: Spec { code: "RZ2-DATA", name: "RZ2 data", price: 10, unit: "MB", text: "Zone 2 without a pass.", ..USAGE };
    Zone2Call: Spec { code: "RZ2-CALL", name: "RZ2 calls made", price: 60, unit: "minute", text: "Zone 2 without a pass.", ..USAGE };
    Zone2Received: Spec { code: "RZ2-RECEIVED", name: "RZ2 calls received", price: 30, unit: "minute", text: "Zone 2 without a pass.", ..USAGE };
    Zone3Data: Spec { code: "RZ3-DATA", name: "RZ3 data", price: 50, unit: "MB", text: "Zone 3 without a pass.", ..USAGE };
    Zone3Call: Spec { code: "RZ3-CALL", name: "RZ3 calls made", price: 180, unit: "minute", text: "Zone 3 without a pass.", ..USAGE };
    SeaData: Spec { code: "RSS-DATA", name: "RSS data (Sky and Sea)", price: 500, unit: "MB", text: "Networks of ships and planes.", ..USAGE };
    Mms: Spec { code: "MMS", name: "MMS", price: 35, unit: "message", text: "At home and in Zone 1.", ..USAGE };
    Premium: Spec { code: "PREMIUM", name: "Calls to 0900 numbers", price: 150, unit: "minute", text: "Another company's service, limited to EUR 30.00 a month.", ..USAGE };
    ConnectionFee: Spec { code: "FEE-MOBILE", name: "Connection fee", price: 1000, text: "Once for each new mobile line.", ..ONCE };
    SetupFee: Spec { code: "FEE-BROADBAND", name: "Set-up fee", price: 4900, text: "Once for each new broadband line, engineer included.", ..ONCE };
    SimCard: Spec { code: "SIM", name: "Replacement SIM", price: 1000, text: "A plastic SIM in place of another.", ..ONCE };
    Visit: Spec { code: "VISIT", name: "Engineer visit", price: 6000, text: "Where the fault is in your own equipment.", ..ONCE };
    Moving: Spec { code: "MOVE", name: "Moving fee", price: 2900, text: "Broadband or TV to a new home.", ..ONCE };
    PaperBill: Spec { code: "PAPER", name: "Paper bill", price: 250, text: "Each bill by post.", ..ONCE };
    Reconnection: Spec { code: "RECONNECT", name: "Reconnection fee", price: 1000, text: "After limited service.", ..ONCE };
    LateFee: Spec { code: "LATE", name: "Late fee", price_type: PriceType::Penalty, price: 500, sellable: false, text: "Once for a bill that is open 14 days after its due date. No VAT.", ..ONCE };
    BusinessMobile: Spec { code: "BIZ-MOB", name: "Business Mobile", kind: Kind::Mobile, price: 2000, text: "50 GB, unlimited calls and texts.", ..BUSINESS };
    BusinessFibre300: Spec { code: "BIZ-FIB-300", name: "Business Fibre 300", kind: Kind::Broadband, price: 4500, was: Some((4300, 3)), text: "300 Mbit/s, one fixed IPv4 address.", ..BUSINESS };
    BusinessFibre1000: Spec { code: "BIZ-FIB-1000", name: "Business Fibre 1000", kind: Kind::Broadband, price: 6500, text: "1000 Mbit/s, one fixed IPv4 address.", ..BUSINESS };
    Silver: Spec { code: "SLA-SILVER", name: "Service level Silver", price: 1500, text: "Repair in 12 hours.", ..BUSINESS };
    Gold: Spec { code: "SLA-GOLD", name: "Service level Gold", price: 4000, text: "Repair in 4 hours, day and night.", ..BUSINESS };
    WholesaleFibre: Spec { code: "WS-FIB", name: "Wholesale fibre access", price: 1420, was: Some((1450, 4)), unit: "line", text: "Access to one fibre line, by the day.", ..WHOLESALE };
    WholesaleMobile: Spec { code: "WS-MOB", name: "Wholesale mobile access", price: 310, unit: "SIM", text: "One active SIM, by the day.", ..WHOLESALE };
    WholesaleData: Spec { code: "WS-DATA", name: "Wholesale mobile data", price_type: PriceType::Usage, price: 45, unit: "GB", text: "Data of resold SIMs.", ..WHOLESALE };
    WholesaleMinutes: Spec { code: "WS-MIN", name: "Wholesale minutes", price_type: PriceType::Usage, price: 1, unit: "minute", text: "Calls of resold SIMs.", ..WHOLESALE };
    WholesaleNewLine: Spec { code: "WS-NEW", name: "New wholesale line", price_type: PriceType::OneTime, price: 2500, unit: "line", text: "Once for each new line.", ..WHOLESALE };
}
impl Offer {
    pub fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }
    /// Cents in a month; `newest` is the month of the newest bill.
    pub fn price(self, month: Month, newest: Month) -> i64 {
        let spec = self.spec();
        match spec.was {
            Some((was, ago)) if month < newest.back(ago) => was,
            _ => spec.price,
        }
    }
    /// What partners pay: a part of the home price without VAT, in cents.
    pub fn wholesale(self, percent: i64) -> i64 {
        self.spec().price * percent / 120
    }
}

/// Code, name, code of the shelf above.
pub const CATEGORIES: &[(&str, &str, Option<&str>)] = &[
    ("home", "For home", None),
    ("business", "For business", None),
    ("partners", "For partners", None),
    ("mobile-plans", "Mobile plans", Some("home")),
    ("broadband-plans", "Broadband plans", Some("home")),
    ("tv-packages", "TV packages", Some("home")),
    ("options", "Options", Some("home")),
    ("packs", "Packs and passes", Some("home")),
    ("devices", "Devices", Some("home")),
    ("bundles", "Bundles and discounts", Some("home")),
    ("usage", "Usage", Some("home")),
    ("services", "Services and fees", Some("home")),
    ("business-plans", "Business plans", Some("business")),
    ("wholesale", "Wholesale", Some("partners")),
];
