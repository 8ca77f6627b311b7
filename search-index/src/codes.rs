//! Numbers and addresses, found in any notation: `TKT-100123`, `tkt100123` and `100123`; `+49 151 1234567`,
//! `0049151…` and `0151/1234567`.

/// How many digits at the end of a number name it without its country and area.
const SHORTEST_TAIL: usize = 7;

/// What a number, code or address is indexed under.
pub fn indexed(code: &str) -> Vec<String> {
    let mut all = vec![tight(code)];
    if code.contains('@') {
        all.push(code.trim().to_lowercase());
    }
    let digits = digits(code);
    if digits.len() >= 3 {
        all.push(digits.clone());
    }
    if is_call_number(code) {
        let bare = digits.trim_start_matches('0');
        all.extend((1..bare.len().saturating_sub(SHORTEST_TAIL - 1)).map(|from| bare[from..].to_string()));
        all.push(bare.into());
    }
    all.retain(|c| !c.is_empty());
    all.sort();
    all.dedup();
    all
}

/// What a word of a query may be the code of. Words without a digit or an `@` are none.
pub fn asked(word: &str) -> Vec<String> {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '+');
    if word.contains('@') {
        return vec![word.to_lowercase()];
    }
    let digits = digits(word);
    if digits.is_empty() {
        return vec![];
    }
    let mut all = vec![tight(word)];
    if is_call_number(word) {
        all.push(digits.trim_start_matches('0').into());
    }
    all.sort();
    all.dedup();
    all
}

/// The call numbers that stand in a text with gaps in them: `+49 151 1234567`. Each as (text, digits).
pub fn call_numbers(text: &str) -> Vec<&str> {
    let part = |c: char| c.is_ascii_digit() || " +()/-.".contains(c);
    text.split(|c: char| !part(c)).map(str::trim).filter(|t| t.contains([' ', '/']) && is_call_number(t)).collect()
}

fn is_call_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || " +()/-.".contains(c)) && (SHORTEST_TAIL..=15).contains(&digits(text).len())
}
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
fn tight(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    fn finds(code: &str, word: &str) -> bool {
        let indexed = indexed(code);
        asked(word).iter().any(|a| indexed.contains(a))
    }
    #[test]
    fn any_notation_finds_the_number() {
        for word in ["+491511234567", "00491511234567", "01511234567", "0151/1234567", "1234567", "+49-151-1234567"] {
            assert!(finds("+491511234567", word), "{word}");
        }
        assert!(!finds("+491511234567", "+491511234568"));
        assert!(!finds("+491511234567", "234567"));
        assert_eq!(call_numbers("call 0151 123 4567 or +49 30 1234567, ok 12"), ["0151 123 4567", "+49 30 1234567"]);
    }
    #[test]
    fn any_spelling_finds_the_code() {
        for word in ["TKT-100123", "tkt100123", "100123", "(TKT-100123)."] {
            assert!(finds("TKT-100123", word), "{word}");
        }
        assert!(finds("Anna@Example.org", "anna@example.org"));
        assert!(!finds("TKT-100123", "TKT"));
    }
}
