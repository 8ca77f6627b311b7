//! Texts of sources as values: money, dates, truth, phone numbers, in the notations that exports use.
use super::expression::Order;
use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeZone, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

/// A decimal in any usual notation: `1.234,56`, `1,234.56`, `€ 12`, `(5.00)`, `12-`. `decimal` says which sign parts
/// whole from fraction; without it the last of two different signs does, a comma before exactly three digits does not.
pub fn decimal(text: &str, decimal: Option<char>) -> Option<Decimal> {
    let bracketed = text.starts_with('(') && text.ends_with(')');
    let text = text.trim_matches(|c: char| matches!(c, '(' | ')'));
    let minus = bracketed || text.starts_with(['-', '−']) || text.ends_with('-');
    let is_mark = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'');
    let body = text.trim_matches(|c: char| !is_mark(c) && !c.is_alphabetic() || c.is_whitespace());
    let body = body.strip_prefix("EUR").or_else(|| body.strip_prefix("USD")).unwrap_or(body);
    let body = body.strip_suffix("EUR").or_else(|| body.strip_suffix("USD")).unwrap_or(body).trim();
    let body: String = body.chars().filter(|c| !c.is_whitespace() && *c != '\'' && *c != '\u{a0}').collect();
    if body.is_empty() || !body.chars().all(is_mark) || !body.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let point = decimal.or_else(|| parting(&body));
    let mut plain = String::with_capacity(body.len());
    for c in body.chars() {
        match c {
            c if Some(c) == point => plain.push('.'),
            '.' | ',' => {}
            c => plain.push(c),
        }
    }
    let value: Decimal = plain.parse().ok()?;
    Some(if minus { -value } else { value })
}
/// Which sign of the number parts whole from fraction.
fn parting(body: &str) -> Option<char> {
    let last = body.rfind(['.', ','])?;
    let sign = body[last..].chars().next()?;
    let other = if sign == '.' { ',' } else { '.' };
    let grouping = body.matches(sign).count() > 1 || (sign == ',' && !body.contains(other) && body.len() - last == 4);
    (!grouping).then_some(sign)
}

pub fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "yes" | "y" | "true" | "t" | "1" | "1.0" | "ja" | "j" | "wahr" | "on" | "x" | "oui" | "si" | "sí" => Some(true),
        "no" | "n" | "false" | "f" | "0" | "0.0" | "nein" | "falsch" | "off" | "non" => Some(false),
        _ => None,
    }
}

/// A date with the time of day where there is one; a zone of its own wins over the mapping's.
pub fn instant(text: &str, order: Order, zone: Option<Tz>) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Some(at) = with_offset(text) {
        return Some(at.to_utc().trunc_subsecs(0));
    }
    let utc = text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z')).map(str::trim_end);
    let (day, rest) = day(utc.unwrap_or(text), order)?;
    let time = if rest.is_empty() { NaiveTime::MIN } else { time(rest)? };
    let local = NaiveDateTime::new(day, time);
    match zone.filter(|_| utc.is_none()) {
        None => Some(local.and_utc()),
        Some(zone) => match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
            // an hour that the clocks skipped: as if they had not
            LocalResult::None => {
                zone.from_local_datetime(&(local - chrono::Duration::hours(1))).earliest().map(|at| at.to_utc() + chrono::Duration::hours(1))
            }
        },
    }
}
/// An instant that names its own offset, behind the time of day: most texts show at once that they do not.
fn with_offset(text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    let (_, time) = text.split_once(':')?;
    if !time.contains(['+', '-', '−', 'Z', 'z']) {
        return None;
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%:z", "%a, %d %b %Y %H:%M:%S %z"];
    let other = || formats.iter().find_map(|f| DateTime::parse_from_str(text, f).ok());
    DateTime::parse_from_rfc3339(text).ok().or_else(other)
}
pub fn date(text: &str, order: Order) -> Option<NaiveDate> {
    let (day, rest) = day(text.trim(), order)?;
    (rest.is_empty() || time(rest.trim_end_matches('Z')).is_some() || DateTime::parse_from_rfc3339(text.trim()).is_ok()).then_some(day)
}
/// The date at the start of a text, and what follows it.
fn day(text: &str, order: Order) -> Option<(NaiveDate, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 8 || digits == 14 {
        let part = |r: std::ops::Range<usize>| text.get(r)?.parse::<u32>().ok();
        return Some((sound(part(0..4)? as i32, part(4..6)?, part(6..8)?)?, text[8..].trim_start_matches('T')));
    }
    let (mut parts, mut rest) = (vec![], text);
    while parts.len() < 3 {
        rest = rest.trim_start_matches(['.', '/', '-', ',', ' ']);
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        // `T` between date and time is no part of the day
        let end = rest[..end].find(|c: char| c.is_alphabetic()).filter(|i| *i > 0).unwrap_or(end);
        if end == 0 {
            return None;
        }
        parts.push(&rest[..end]);
        rest = &rest[end..];
    }
    let rest = rest.trim_start_matches(['T', ' ', ',']);
    let n = |i: usize| parts[i].parse::<u32>().ok();
    let month = |i: usize| n(i).or_else(|| month(parts[i]));
    let slashed = text.contains('/');
    let (y, m, d) = if parts[0].len() == 4 && n(0).is_some() {
        (0, 1, 2)
    } else if n(0).is_none() || (slashed && order == Order::Mdy) {
        (2, 0, 1)
    } else if order == Order::Ymd && parts[0].len() == 2 {
        (0, 1, 2)
    } else {
        (2, 1, 0)
    };
    let year = year(n(y)?, parts[y].len());
    // where the order cannot be, the other one is meant: 12/31/2015
    let day = sound(year, month(m)?, n(d)?).or_else(|| if slashed { sound(year, n(d)?, n(m)?) } else { None })?;
    Some((day, rest))
}
fn year(n: u32, digits: usize) -> i32 {
    match (digits, n) {
        (2, 0..70) => 2000 + n as i32,
        (2, _) => 1900 + n as i32,
        _ => n as i32,
    }
}
fn sound(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day).filter(|d| (1800..=2200).contains(&d.year()))
}
fn month(text: &str) -> Option<u32> {
    const STARTS: [&[&str]; 12] = [
        &["jan"],
        &["feb"],
        &["mar", "mär"],
        &["apr"],
        &["may", "mai"],
        &["jun"],
        &["jul"],
        &["aug"],
        &["sep"],
        &["oct", "okt"],
        &["nov"],
        &["dec", "dez"],
    ];
    let text = text.to_lowercase();
    STARTS.iter().position(|s| s.iter().any(|s| text.starts_with(s))).map(|i| i as u32 + 1)
}
fn time(text: &str) -> Option<NaiveTime> {
    let text = text.trim().to_uppercase();
    let formats = ["%H:%M:%S%.f", "%H:%M", "%H%M%S", "%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p"];
    formats.iter().find_map(|f| NaiveTime::parse_from_str(&text, f).ok()).map(|t| t.trunc_subsecs(0))
}

/// E.164, reading numbers without a country code as those of `region`; none where it is no number.
pub fn phone(text: &str, region: phonenumber::country::Id) -> Option<String> {
    let bare = text.replace("(0)", " ").replace("( 0 )", " ").replace("(0 )", " ");
    let number = phonenumber::parse(Some(region), bare.trim()).ok()?;
    Some(number.format().mode(phonenumber::Mode::E164).to_string())
}
pub fn email(text: &str) -> Option<String> {
    let mail = text.trim().trim_matches(['<', '>']).to_lowercase();
    let (local, host) = mail.split_once('@')?;
    let sound = !local.is_empty()
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !mail.contains(char::is_whitespace)
        && !host.contains('@');
    sound.then_some(mail)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn decimals_are_read_in_any_notation() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(decimal(text, None).map(|d| d.to_string()), expected.map(Into::into), "{text}");
        for (text, expected) in [
            ("29.85", "29.85"),
            ("29,85", "29.85"),
            ("1.234,56", "1234.56"),
            ("1,234.56", "1234.56"),
            ("1,234", "1234"),
            ("1.5", "1.5"),
            ("€ 12", "12"),
            ("12,00 €", "12.00"),
            ("(5.00)", "-5.00"),
            ("-3", "-3"),
            ("12-", "-12"),
            ("1'234.50", "1234.50"),
            ("USD 7", "7"),
            ("1.234.567", "1234567"),
            (".5", "0.5"),
        ] {
            check(text, Some(expected));
        }
        for text in ["", " ", "abc", "12x", "-", "1e5"] {
            check(text, None);
        }
        assert_eq!(decimal("1.234", Some(',')).unwrap().to_string(), "1234");
    }
    #[test]
    fn dates_are_read_in_any_notation() {
        let check = |text: &str, order, expected: &str| assert_eq!(date(text, order).map(|d| d.to_string()).unwrap_or_default(), expected, "{text}");
        for text in [
            "2015-08-04",
            "20150804",
            "04.08.2015",
            "4.8.15",
            "04/08/2015",
            "4 Aug 2015",
            "04-Aug-15",
            "Aug 4, 2015",
            "4. August 2015",
            "2015/08/04 10:30",
            "2015-08-04T10:30:00Z",
            "04.08.2015 10:30:00",
        ] {
            check(text, Order::Dmy, "2015-08-04");
        }
        check("08/04/2015", Order::Mdy, "2015-08-04");
        check("12/31/2015", Order::Dmy, "2015-12-31");
        for text in ["", "2015", "31.02.2015", "abc", "0000-00-00", "2015-08-04 noon", "99999999"] {
            check(text, Order::Dmy, "");
        }
    }
    #[test]
    fn local_times_become_instants() {
        let berlin = Some(chrono_tz::Europe::Berlin);
        let check = |text: &str, zone, expected: &str| {
            assert_eq!(instant(text, Order::Dmy, zone).map(|d| d.to_rfc3339()).unwrap_or_default(), expected, "{text}")
        };
        check("2024-07-01 12:00", berlin, "2024-07-01T10:00:00+00:00");
        check("01.01.2024 12:00:00", berlin, "2024-01-01T11:00:00+00:00");
        check("2024-07-01T12:00:00+05:00", berlin, "2024-07-01T07:00:00+00:00");
        check("2024-03-31 02:30", berlin, "2024-03-31T01:30:00+00:00");
        check("2024-07-01 01:15:09 PM", None, "2024-07-01T13:15:09+00:00");
        check("2024-07-01 25:00", None, "");
    }
    #[test]
    fn numbers_are_read_in_any_notation() {
        for text in ["01454 53969", "(01454) 53969", "+49(0)145453969", "+49 (0) 1454 53969", "+49(0) 145453969", "0145453969", "0049 1454 53969"] {
            assert_eq!(phone(text, phonenumber::country::DE).as_deref(), Some("+49145453969"), "{text}");
        }
        assert_eq!(phone("none", phonenumber::country::DE), None);
        assert_eq!(email(" Max@Example.ORG ").as_deref(), Some("max@example.org"));
        assert_eq!(email("max at example"), None);
    }
}
