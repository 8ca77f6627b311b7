//! What customers write about, and what they are answered. The facts are those of the knowledge base.
use crate::care::ticket::Kind;

/// What a customer must have to write this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Needs {
    Nothing,
    Mobile,
    Broadband,
    Tv,
    Bill,
    Business,
    Wholesale,
}

pub struct Topic {
    pub kind: Kind,
    pub needs: Needs,
    pub category: &'static str,
    pub name: &'static str,
    pub said: &'static [&'static str],
    pub answer: &'static str,
    pub internal: &'static str,
    pub asked: &'static str,
    pub replied: &'static str,
    pub solved: &'static str,
    pub code: &'static str,
}
const BASE: Topic = Topic {
    kind: Kind::Question,
    needs: Needs::Nothing,
    category: "other",
    name: "",
    said: &[],
    answer: "Hello {name}, thank you for writing. I am looking into this now.",
    internal: "Identity checked by Support PIN.",
    asked: "Could you tell me a little more, please? When did it start, and what did you see?",
    replied: "It started two days ago. I can be reached in the evening.",
    solved: "This is done. Please write again if anything is still open.",
    code: "answered",
};
const FAULT: Topic = Topic {
    kind: Kind::Incident,
    answer: "Hello {name}, I am sorry for the trouble. I have started a line check and will write as soon as I see the result.",
    internal: "Line check run from the desk, see the attached result. No outage in {town}.",
    asked: "Please take the power off for 30 seconds and wait 5 minutes. Does it work after that?",
    replied: "I did that twice. It works for a short time and then it stops again.",
    code: "fixed",
    ..BASE
};
const BILL: Topic = Topic {
    kind: Kind::BillDispute,
    needs: Needs::Bill,
    category: "billing",
    answer: "Hello {name}, I have put the questioned part of {bill} on hold while we check. You have an answer within 10 working days.",
    internal: "Compared {bill} with the month before. {reason}",
    asked: "Which line of {bill} do you mean? The line number is at the left.",
    replied: "I mean the highest one. I did not expect it.",
    code: "explained",
    ..BASE
};

pub static TOPICS: &[Topic] = &[
    Topic {
        name: "Why is my bill of {month} higher?",
        said: &[
            "My bill {bill} is {amount} and I do not understand why. Last month it was different. Can you explain what changed?",
            "Hello, {amount} for {month}? I have not changed anything. Please tell me what this is about.",
        ],
        solved: "I compared the two bills. {reason} Everything else is as before.",
        ..BILL
    },
    Topic {
        name: "I question a charge on {bill}",
        said: &[
            "There is a charge on {bill} that I did not order. Please take it off.",
            "I never agreed to one of the charges on my {month} bill. I want it checked.",
        ],
        solved: "The charge is correct: {reason} You have 14 days from today to pay the part that was on hold.",
        code: "charge_confirmed",
        ..BILL
    },
    Topic {
        kind: Kind::Complaint,
        name: "Late fee although I paid",
        said: &[
            "I was charged a late fee of EUR 5.00 but I had paid. Please check the date of my payment for {bill}.",
            "A late fee again. My bank sent the money in time.",
        ],
        solved: "Your payment arrived after the 14 days. As it was the first time in 12 months, I took the late fee of EUR 5.00 off.",
        code: "goodwill",
        ..BILL
    },
    Topic {
        kind: Kind::ServiceRequest,
        name: "More time to pay {bill}",
        said: &[
            "I cannot pay {amount} by the 15th. Can I have a few more days?",
            "Could you please move the due date of my bill? My salary comes later this month.",
        ],
        solved: "Done: you have 10 more days for {bill}. This is possible twice in any 12 months.",
        code: "extended",
        ..BILL
    },
    Topic {
        kind: Kind::Question,
        name: "Part-month charge on my bill",
        said: &["What does the part-month charge on {bill} mean?", "Why do I pay only some days of a plan, and then a whole month as well?"],
        solved: "You pay for the days you had the service, and monthly prices are paid in advance. {reason}",
        ..BILL
    },
    Topic {
        needs: Needs::Mobile,
        category: "mobile-data",
        name: "No mobile data on {number}",
        said: &[
            "Since this morning I have no mobile data on {number}. Calls work.",
            "My phone shows 4G but nothing loads. {product}, number {number}.",
            "Internet on the phone stopped after I changed the handset.",
        ],
        solved: "The settings of the access point were those of another network. With `internet.fernhill.example` data works again.",
        ..FAULT
    },
    Topic {
        needs: Needs::Mobile,
        category: "mobile-data",
        name: "Very slow mobile data in {town}",
        said: &[
            "Data on {number} is so slow in {town} that I cannot open a page.",
            "In the evening my mobile internet crawls, in the morning it is fine.",
        ],
        solved: "Your allowance was used up and the speed had gone down to 128 kbit/s. It is back since the first of the month; a data pack helps earlier.",
        ..FAULT
    },
    Topic {
        needs: Needs::Mobile,
        category: "mobile",
        name: "Calls drop on {number}",
        said: &["Calls on {number} end after a minute or so, mostly at home in {street}.", "People tell me my voice breaks up on nearly every call."],
        solved: "We set a new mast direction for {town}, and Wi-Fi calling is now on for your line.",
        ..FAULT
    },
    Topic {
        needs: Needs::Mobile,
        category: "roaming",
        name: "Roaming does not work abroad",
        said: &["I am in Switzerland and {number} finds no network.", "We landed an hour ago and I can neither call nor use data with {product}."],
        solved: "Roaming was off for this line. It is on now; please restart the phone. A pass is cheaper than paying by the MB outside Zone 1.",
        ..FAULT
    },
    Topic {
        kind: Kind::Question,
        needs: Needs::Mobile,
        category: "roaming",
        name: "What does roaming cost on my trip?",
        said: &[
            "We travel to Turkey next week. What do calls and data cost with {product}?",
            "Is the United Kingdom in my plan or do I need a pass?",
        ],
        answer: "Hello {name}, that country is in Zone 2. A Day Pass costs EUR 4.00 and a Week Pass EUR 15.00.",
        solved: "Zone 2 without a pass costs EUR 0.10 a MB and EUR 0.60 a minute. The Week Pass for EUR 15.00 fits your trip best.",
        ..BASE
    },
    Topic {
        kind: Kind::ServiceRequest,
        needs: Needs::Mobile,
        category: "sim",
        name: "Lost phone, please block {number}",
        said: &[
            "My phone was stolen on the train. Please block {number} at once.",
            "I lost my phone in {town}. Block the SIM and send me a new one.",
        ],
        answer: "Hello {name}, the SIM of {number} is blocked since this minute. A new plastic SIM costs EUR 10.00, an eSIM is free.",
        solved: "The new SIM is active with your old number.",
        code: "replaced",
        ..BASE
    },
    Topic {
        kind: Kind::ServiceRequest,
        needs: Needs::Mobile,
        category: "sim",
        name: "Move my eSIM to a new phone",
        said: &["I bought a new phone. How do I move the eSIM of {number}?", "The QR code of my eSIM does not work a second time."],
        solved: "A new QR code is in My Fernhill under Mobile > SIM. It works once and is valid for 30 days.",
        ..BASE
    },
    Topic {
        kind: Kind::ServiceRequest,
        needs: Needs::Mobile,
        category: "contracts",
        name: "Change {product} to a bigger plan",
        said: &["I use up my data every month. Which plan is better than {product}?", "Please change {number} to the next bigger plan from the 1st."],
        solved: "The bigger plan starts on the first of next month. Your minimum term does not start again.",
        code: "changed",
        ..BASE
    },
    Topic {
        needs: Needs::Broadband,
        category: "broadband",
        name: "No internet at home",
        said: &[
            "No internet since last night. The light on the hub is red. {product}, {street}, {town}.",
            "The hub has been restarted three times, still nothing. Line {number}.",
        ],
        solved: "A connector in the street box in {town} was loose. The line is stable again; you get EUR 5.00 for each full day without service.",
        ..FAULT
    },
    Topic {
        needs: Needs::Broadband,
        category: "broadband",
        name: "{product} is slower than promised",
        said: &[
            "I measure 40 Mbit/s with a cable, that is far below what {product} promises.",
            "Speed is fine in the morning and bad from 7 pm on, every day.",
        ],
        solved: "The port was set to a lower profile. Three measurements with a cable now show the full speed.",
        ..FAULT
    },
    Topic {
        needs: Needs::Broadband,
        category: "router",
        name: "Wi-Fi does not reach the bedroom",
        said: &["The Wi-Fi of the hub is weak upstairs. What can I do?", "My son's room has no Wi-Fi, the rest of the flat is fine."],
        answer: "Hello {name}, please put the hub in the open, in the middle of the home. A Wi-Fi Booster costs EUR 4.00 a month.",
        solved: "With the hub in a better place and one Wi-Fi Booster all rooms have a good signal.",
        ..FAULT
    },
    Topic {
        kind: Kind::ChangeRequest,
        needs: Needs::Broadband,
        category: "moving",
        name: "We move house",
        said: &[
            "We move to another part of {town} next month. Can we take {product} with us?",
            "New address from the 1st. Please move the line {number}.",
        ],
        answer: "Hello {name}, yes. The move costs EUR 29.00, and both homes can overlap for 14 days without paying twice.",
        solved: "The line at the new address is on, the old one ended the day after.",
        code: "moved",
        ..BASE
    },
    Topic {
        kind: Kind::Complaint,
        needs: Needs::Broadband,
        category: "broadband",
        name: "The engineer did not come",
        said: &[
            "I took a day off and nobody came. This is the second time.",
            "Your engineer missed the window from 8 to 12. I want a new date and something for my lost day.",
        ],
        answer: "Hello {name}, I am sorry, this must not happen. You get EUR 25.00 for the missed visit.",
        solved: "The engineer came at the new time, and the credit of EUR 25.00 is on your next bill.",
        code: "credited",
        ..FAULT
    },
    Topic {
        needs: Needs::Tv,
        category: "tv",
        name: "TV picture freezes",
        said: &["The picture freezes every few minutes, on all channels.", "Since yesterday {product} shows no picture at all, only sound."],
        solved: "The TV box was far from the hub. With a network cable the picture is steady.",
        ..FAULT
    },
    Topic {
        kind: Kind::Question,
        category: "contracts",
        name: "When does my contract end?",
        said: &["Please tell me the end date of my contract and the notice period.", "I think of leaving. Until when am I bound?"],
        solved: "The end date is in My Fernhill under Contracts. After the minimum term the notice period is 30 days.",
        ..BASE
    },
    Topic {
        kind: Kind::ServiceRequest,
        category: "payments",
        name: "New bank account for direct debit",
        said: &["My bank changed. Where do I enter the new IBAN?", "Please take the money from another account from next month."],
        solved: "The new account is confirmed and is used from the next due date.",
        code: "changed",
        ..BASE
    },
    Topic {
        kind: Kind::ServiceRequest,
        category: "account-privacy",
        name: "What data do you hold about me?",
        said: &["I would like a copy of all data that you hold about me.", "Who looked at my data in the last months? I want to know."],
        solved: "Your data is ready under Profile > My data, and the access log is in the same place.",
        code: "provided",
        ..BASE
    },
    Topic {
        kind: Kind::Question,
        category: "outages",
        name: "Is there an outage in {town}?",
        said: &["Neither mobile nor internet works in {town}. Is there an outage?", "Half the street is offline. When will it be back?"],
        solved: "There was an outage from a cut cable. Service in {town} came back the same evening; the credit comes by itself.",
        ..FAULT
    },
    Topic {
        kind: Kind::ChangeRequest,
        needs: Needs::Business,
        category: "business",
        name: "Cost centres for our lines",
        said: &[
            "Please set the cost centre SALES-NORTH for all mobile lines of this site.",
            "We need a subtotal for each team on the bill from next month.",
        ],
        solved: "The cost centres count from the next bill. Old bills do not change.",
        code: "changed",
        ..BASE
    },
    Topic {
        kind: Kind::ServiceRequest,
        needs: Needs::Business,
        category: "business",
        name: "Bill as e-invoice",
        said: &["Our accounting needs the bill as UBL by Peppol.", "How do we switch from PDF to e-invoice?"],
        solved: "E-invoice by Peppol is on; the test arrived on your side. The next bill comes that way.",
        code: "changed",
        ..BASE
    },
    Topic {
        needs: Needs::Business,
        category: "business",
        name: "Site {town} is offline",
        said: &[
            "The whole site in {town} has been offline since 6:40. Gold service level, please act at once.",
            "No connection at {street}. All tills are down.",
        ],
        answer: "Your report has started the clock. An engineer is on the way to {town}.",
        solved: "A fibre was cut by road works and is spliced again. The credit for the missed repair time comes on the next bill.",
        ..FAULT
    },
    Topic {
        kind: Kind::BillDispute,
        needs: Needs::Wholesale,
        category: "settlement",
        name: "Difference on {bill}",
        said: &[
            "Our records show fewer minutes than your settlement bill. Our file is attached.",
            "Position 3 differs by more than 0.5 % from our count.",
        ],
        answer: "We compare both files by record ID and answer within 20 working days.",
        solved: "Late roaming records were missing in your file. Both counts agree with them.",
        code: "explained",
        ..BASE
    },
];
/// How often each is written.
pub static WEIGHTS: &[u32] = &[120, 50, 35, 40, 40, 70, 50, 40, 35, 45, 35, 30, 35, 70, 50, 45, 30, 25, 35, 40, 30, 15, 35, 40, 30, 40, 20];

/// From a sender whom nobody knows.
pub const UNKNOWN: Topic = Topic { category: "unmatched", ..BASE };
pub const UNMATCHED: &[(&str, &str)] = &[
    ("Please call me back", "I tried three times to reach you. Please call me back, it is about my contract. Thank you."),
    ("Refund still missing", "You promised me a refund last month and nothing came. I wait for your answer."),
    ("Cancel everything", "I want to cancel. I do not have the customer number at hand."),
    ("Wrong name on the letter", "The letter you sent to my address is for somebody else. Please check."),
    ("Offer for our club", "We are a sports club with 40 members and ask for an offer for mobile plans."),
    ("Bad signal", "I write as a guest of a Fernhill customer: no signal in the whole house. Do you know about this?"),
    ("Invoice attached", "Please find attached the invoice. Kind regards, accounts department."),
];

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn every_topic_has_a_weight_and_words() {
        assert_eq!(TOPICS.len(), WEIGHTS.len());
        assert!(TOPICS.iter().all(|t| !t.name.is_empty() && !t.said.is_empty() && !t.solved.is_empty()));
    }
}
