//! The little language of mapping files: which value goes into a column.
//!
//! `Churn|Churn Label` is a column of the file by any of its names, `Age?` one that may be missing, `` `E-Mail` ``
//! one with odd letters in it, `'text'` a text. A name without alternatives may also be a variable, a field of the
//! list at hand, or a column that the same row has set before. All else are functions: `money(Amount, EUR)`.
use crate::{exchange::table, money};
use chrono_tz::Tz;
use regex::Regex;

#[derive(Debug)]
pub enum Expr {
    Text(String),
    Int(i64),
    Bool(bool),
    Null,
    /// A column of the file: its place among [`Names`].
    Cell(usize),
    Var(usize),
    /// A field of the list item at hand.
    Item(String),
    /// A column set before in the same row.
    Set(&'static str),
    Special(Special),
    Is {
        left: Box<Expr>,
        right: String,
        not: bool,
    },
    Shift {
        base: Box<Expr>,
        by: Box<Expr>,
        back: bool,
    },
    Call {
        function: Function,
        args: Vec<Expr>,
    },
    Map {
        of: Box<Expr>,
        pairs: Words,
        other: Other,
        warn: bool,
    },
    Money {
        of: Box<Expr>,
        currency: Box<Expr>,
        options: Options,
    },
    Number {
        of: Box<Expr>,
        micro: bool,
        options: Options,
    },
    Date {
        of: Box<Expr>,
        order: Order,
        zone: Option<Tz>,
    },
    Match {
        of: Box<Expr>,
        pattern: Regex,
        group: usize,
    },
    Object(Vec<(String, Expr)>),
    Ref {
        table: &'static str,
        of: Box<Expr>,
    },
    Phone {
        of: Box<Expr>,
        region: phonenumber::country::Id,
    },
}

/// Words and what they stand for; none for nothing.
pub type Words = Vec<(String, Option<String>)>;

/// What becomes of a word that a map does not know.
#[derive(Debug)]
pub enum Other {
    Refuse,
    Keep,
    Is(Option<String>),
}
#[derive(Debug, Default)]
pub struct Options {
    pub blank: Option<i64>,
    pub warn: bool,
    /// `decimal=','`: which sign parts whole from fraction.
    pub decimal: Option<char>,
}
/// How a date with slashes is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Dmy,
    Mdy,
    Ymd,
}
#[derive(Clone, Copy, Debug)]
pub enum Special {
    AsOf,
    RowNo,
    File,
    SourceSystem,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    Bool,
    Concat,
    Default,
    If,
    Email,
    Lower,
    Upper,
    Title,
    Left,
    Months,
    Days,
    Years,
    List,
    And,
    Or,
    Not,
    Blank,
    Hash,
    HashRow,
}

/// Every function with what it takes: the reference, and the list that misspellings are held against.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("const", "const(text): always this text"),
    ("map", "map(value, Yes=closed, No|Maybe=active, *=other, warn): by a list of words; `null` for nothing, `*=*` keeps the word"),
    ("bool", "bool(value): yes or no in the usual spellings"),
    ("money", "money(value, EUR, blank=0, warn, decimal=','): in minor units of the currency"),
    ("micro", "micro(value): a decimal in millionths, for prices and quantities"),
    ("int", "int(value, blank=0): a whole number"),
    ("date_any", "date_any(value, dmy|mdy|ymd): a date however it is written; the order says how 01/02/2003 is read"),
    ("tz", "tz(value, Europe/Berlin, dmy): a local time of that zone"),
    ("lookup", "lookup(value, list): by a list under [lookups.list]"),
    ("regex", "regex(value, 'pattern', 1): what the pattern's group finds"),
    ("concat", "concat('K-', id): one text; null where a part that is no text is missing"),
    ("hash", "hash(a, b): of the values; hash(*): of the whole row, numbered where equal rows repeat"),
    ("default", "default(a, b, …): the first that is not blank"),
    ("if", "if(condition, value, otherwise)"),
    ("ref", "ref(table, id): the row that the source knows by this id"),
    ("email", "email(value): lower case; a warning where it is none"),
    ("phone", "phone(value, DE): E.164; a warning where it is none"),
    ("lower", "lower(value)"),
    ("upper", "upper(value)"),
    ("title", "title(value): each word with a capital"),
    ("left", "left(value, 120): at most so many letters, cut between words"),
    ("months", "months(n): a span to add to or take from a date"),
    ("days", "days(n)"),
    ("years", "years(n)"),
    ("json", "json(key=value, …): an object; what is missing is left out"),
    ("list", "list(a, b, …): a list of what is not blank"),
    ("and", "and(a, b, …)"),
    ("or", "or(a, b, …)"),
    ("not", "not(a)"),
    ("blank", "blank(a)"),
];

/// What a mapping speaks of.
#[derive(Debug, Default)]
pub struct Names {
    /// Columns of the source.
    pub columns: Vec<Name>,
    /// The day that the file tells of.
    pub as_of: bool,
}
#[derive(Debug, PartialEq)]
pub struct Name {
    pub aliases: Vec<String>,
    pub optional: bool,
}

/// What a name can mean where an expression stands.
pub struct Parser<'a> {
    pub names: &'a mut Names,
    pub vars: &'a [String],
    pub items: &'a [String],
    pub set: Vec<&'static str>,
    pub lookups: &'a [(String, Words)],
}
/// What is wrong with an expression.
#[derive(Debug, Default)]
pub struct Fault {
    pub text: String,
    /// Whether the text already says how the function around it is used.
    told: bool,
}
impl<T: Into<String>> From<T> for Fault {
    fn from(text: T) -> Self {
        Fault { text: text.into(), told: false }
    }
}
type Parsed<T> = Result<T, Fault>;

impl Parser<'_> {
    pub fn expr(&mut self, text: &str) -> Parsed<Expr> {
        let text = text.trim();
        if text.is_empty() {
            return Err("an expression is missing".into());
        }
        if let Some(literal) = quoted(text) {
            return Ok(Expr::Text(literal));
        }
        for (sign, back) in [(" - ", true), (" + ", false)] {
            if let Some((base, by)) = cut_last(text, sign) {
                return Ok(Expr::Shift { base: self.boxed(base)?, by: self.boxed(by)?, back });
            }
        }
        if let Some((left, right)) = cut(text, '=') {
            let (left, not) = left.trim_end().strip_suffix('!').map_or((left, false), |l| (l, true));
            return Ok(Expr::Is { left: self.boxed(left)?, right: word(right), not });
        }
        if let Some((name, args)) = call(text) {
            return self.call(name, args);
        }
        self.name(text)
    }
    fn boxed(&mut self, text: &str) -> Parsed<Box<Expr>> {
        self.expr(text).map(Box::new)
    }
    fn name(&mut self, text: &str) -> Parsed<Expr> {
        if text.contains(['(', ')', '\'', ',']) && !text.contains('`') {
            return Err(format!("`{text}` cannot be read: is a bracket or a quote missing?").into());
        }
        match text {
            "as_of" => {
                self.names.as_of = true;
                return Ok(Expr::Special(Special::AsOf));
            }
            "row_no" => return Ok(Expr::Special(Special::RowNo)),
            "file" => return Ok(Expr::Special(Special::File)),
            "source_system" => return Ok(Expr::Special(Special::SourceSystem)),
            "null" => return Ok(Expr::Null),
            "true" | "false" => return Ok(Expr::Bool(text == "true")),
            _ => {}
        }
        if let Ok(number) = text.parse() {
            return Ok(Expr::Int(number));
        }
        if let Some(item) = self.items.iter().find(|i| *i == text) {
            return Ok(Expr::Item(item.clone()));
        }
        if let Some(column) = self.set.iter().find(|c| **c == text) {
            return Ok(Expr::Set(column));
        }
        if let Some(place) = self.vars.iter().position(|v| v == text) {
            return Ok(Expr::Var(place));
        }
        Ok(Expr::Cell(self.names.place(text)?))
    }
    fn call(&mut self, name: &str, args: Vec<&str>) -> Parsed<Expr> {
        let usage = FUNCTIONS.iter().find(|f| f.0 == name).map(|f| f.1);
        let Some(usage) = usage else {
            return Err(format!("there is no function `{name}`{}", suggest(name, FUNCTIONS.iter().map(|f| f.0))).into());
        };
        self.known(name, &args).map_err(|e| match e {
            e if e.told => e,
            e if e.text.is_empty() => Fault { text: format!("wrong arguments; it is {usage}"), told: true },
            e => Fault { text: format!("{}; it is {usage}", e.text), told: true },
        })
    }
    /// An inner expression's own fault is told as it is, without this function's usage.
    fn inner(&mut self, text: &str) -> Parsed<Box<Expr>> {
        self.boxed(text).map_err(|e| Fault { told: true, ..e })
    }
    fn known(&mut self, name: &str, args: &[&str]) -> Parsed<Expr> {
        let (&first, rest) = args.split_first().ok_or("it needs a value")?;
        let simple = |function, least: usize, most: usize| match args.len() {
            n if n < least || n > most => Err(Fault::default()),
            _ => Ok(function),
        };
        let function = match name {
            "const" => return Ok(Expr::Text(word(&args.join(",")))),
            "map" => return self.map(first, rest),
            "lookup" => return self.lookup(first, rest),
            "money" => {
                let (&currency, rest) = rest.split_first().filter(|(c, _)| !c.contains('=')).ok_or("it needs a currency before its options")?;
                let currency = if money::known(currency.trim()) { Box::new(Expr::Text(currency.trim().into())) } else { self.inner(currency)? };
                return Ok(Expr::Money { of: self.inner(first)?, currency, options: options(rest)? });
            }
            "micro" | "int" => return Ok(Expr::Number { of: self.inner(first)?, micro: name == "micro", options: options(rest)? }),
            "date_any" => return Ok(Expr::Date { of: self.inner(first)?, order: order(rest.first())?, zone: None }),
            "tz" => {
                let zone = rest.first().ok_or("it needs a time zone")?;
                let zone: Tz = word(zone).parse().map_err(|_| format!("there is no time zone {zone}"))?;
                return Ok(Expr::Date { of: self.inner(first)?, order: order(rest.get(1))?, zone: Some(zone) });
            }
            "regex" => {
                let pattern = Regex::new(&word(rest.first().ok_or("it needs a pattern")?)).map_err(|e| e.to_string())?;
                let group = rest
                    .get(1)
                    .map_or(Ok(usize::from(pattern.captures_len() > 1)), |g| g.trim().parse().map_err(|_| "a group is a number".to_string()))?;
                return Ok(Expr::Match { of: self.inner(first)?, pattern, group });
            }
            "ref" => {
                let table = table::table(first.trim()).ok_or_else(|| no_table(first.trim()))?;
                return Ok(Expr::Ref { table: table.name, of: self.inner(rest.first().ok_or("it needs an id")?)? });
            }
            "phone" => {
                let region =
                    rest.first().map_or(Ok(phonenumber::country::DE), |r| word(r).parse().map_err(|_| format!("there is no country {r}")))?;
                return Ok(Expr::Phone { of: self.inner(first)?, region });
            }
            "json" => {
                let pair = |a: &&str| cut(a, '=').map(|(k, v)| (word(k), v.to_string())).ok_or(Fault::default());
                let pairs: Vec<_> = args.iter().map(pair).collect::<Parsed<_>>()?;
                return Ok(Expr::Object(pairs.into_iter().map(|(k, v)| Ok((k, *self.inner(&v)?))).collect::<Parsed<_>>()?));
            }
            "hash" if first.trim() == "*" => return Ok(Expr::Call { function: Function::HashRow, args: vec![] }),
            "hash" => Function::Hash,
            "bool" => simple(Function::Bool, 1, 1)?,
            "concat" => Function::Concat,
            "default" => Function::Default,
            "if" => simple(Function::If, 2, 3)?,
            "email" => simple(Function::Email, 1, 1)?,
            "lower" => simple(Function::Lower, 1, 1)?,
            "upper" => simple(Function::Upper, 1, 1)?,
            "title" => simple(Function::Title, 1, 1)?,
            "left" => simple(Function::Left, 2, 2)?,
            "months" => simple(Function::Months, 1, 1)?,
            "days" => simple(Function::Days, 1, 1)?,
            "years" => simple(Function::Years, 1, 1)?,
            "list" => Function::List,
            "and" => Function::And,
            "or" => Function::Or,
            "not" => simple(Function::Not, 1, 1)?,
            "blank" => simple(Function::Blank, 1, 1)?,
            _ => return Err(Fault::default()),
        };
        Ok(Expr::Call { function, args: args.iter().map(|a| self.inner(a).map(|e| *e)).collect::<Parsed<_>>()? })
    }
    fn map(&mut self, of: &str, rest: &[&str]) -> Parsed<Expr> {
        let (mut pairs, mut other, mut warn) = (vec![], Other::Refuse, false);
        for arg in rest {
            match cut(arg, '=') {
                None if arg.trim() == "warn" => warn = true,
                None => return Err(format!("`{}` is not word=value", arg.trim()).into()),
                Some((k, v)) if k.trim() == "*" => other = if v.trim() == "*" { Other::Keep } else { Other::Is(target(v)) },
                Some((k, v)) => pairs.extend(pieces(k, '|').into_iter().map(|k| (word(k), target(v)))),
            }
        }
        Ok(Expr::Map { of: self.inner(of)?, pairs, other, warn })
    }
    fn lookup(&mut self, of: &str, rest: &[&str]) -> Parsed<Expr> {
        let name = rest.first().map(|n| word(n)).ok_or("it needs a list")?;
        let Some((_, pairs)) = self.lookups.iter().find(|l| l.0 == name) else {
            return Err(format!("there is no list [lookups.{name}]{}", suggest(&name, self.lookups.iter().map(|l| l.0.as_str()))).into());
        };
        Ok(Expr::Map { pairs: pairs.clone(), of: self.inner(of)?, other: Other::Is(None), warn: false })
    }
}

impl Names {
    /// The place of a column, by its names.
    fn place(&mut self, text: &str) -> Parsed<usize> {
        let mut aliases: Vec<String> = pieces(text, '|').into_iter().map(|a| a.trim().to_string()).collect();
        let mut optional = false;
        if let Some(last) = aliases.last_mut()
            && let Some(bare) = last.strip_suffix('?')
        {
            (optional, *last) = (true, bare.trim_end().to_string());
        }
        let aliases: Vec<String> = aliases.iter().map(|a| a.trim_matches('`').to_string()).collect();
        if aliases.iter().any(String::is_empty) {
            return Err(format!("`{text}` names a column without a name").into());
        }
        let name = Name { aliases, optional };
        Ok(self.columns.iter().position(|n| *n == name).unwrap_or_else(|| {
            self.columns.push(name);
            self.columns.len() - 1
        }))
    }
}

fn order(text: Option<&&str>) -> Parsed<Order> {
    match text.map(|t| t.trim()) {
        None | Some("dmy") => Ok(Order::Dmy),
        Some("mdy") => Ok(Order::Mdy),
        Some("ymd") => Ok(Order::Ymd),
        Some(_) => Err(Fault::default()),
    }
}
fn options(args: &[&str]) -> Parsed<Options> {
    let mut o = Options::default();
    for arg in args {
        match cut(arg, '=').map(|(k, v)| (k.trim(), word(v))) {
            None if arg.trim() == "warn" => o.warn = true,
            Some(("blank", v)) => o.blank = Some(v.parse().map_err(|_| "blank= takes a whole number".to_string())?),
            Some(("decimal", v)) => o.decimal = v.chars().next(),
            _ => return Err(format!("`{}` is no option", arg.trim()).into()),
        }
    }
    Ok(o)
}
fn target(text: &str) -> Option<String> {
    (text.trim() != "null").then(|| word(text))
}
/// A word, with or without quotes.
fn word(text: &str) -> String {
    quoted(text.trim()).unwrap_or_else(|| text.trim().to_string())
}
fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"))
}
/// `name(a, b)`; a name with capitals or blanks is a column that happens to end in brackets.
fn call(text: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = text.split_once('(')?;
    let inner = rest.strip_suffix(')')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_name.then(|| (name, if inner.trim().is_empty() { vec![] } else { pieces(inner, ',') }))
}
/// Positions outside quotes and brackets.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quote) = (0, None);
    text.char_indices().filter(move |(_, c)| {
        match (quote, c) {
            (Some(q), c) if q == *c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`') => quote = Some(*c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => return depth == 0,
        }
        false
    })
}
fn pieces(text: &str, at: char) -> Vec<&str> {
    let (mut out, mut start) = (vec![], 0);
    for (i, _) in outside(text).filter(|o| o.1 == at) {
        out.push(&text[start..i]);
        start = i + at.len_utf8();
    }
    out.push(&text[start..]);
    out
}
fn cut(text: &str, at: char) -> Option<(&str, &str)> {
    let (i, c) = outside(text).find(|o| o.1 == at)?;
    Some((&text[..i], &text[i + c.len_utf8()..]))
}
fn cut_last<'a>(text: &'a str, sign: &str) -> Option<(&'a str, &'a str)> {
    let i = outside(text).map(|o| o.0).filter(|i| text[*i..].starts_with(sign)).last()?;
    Some((&text[..i], &text[i + sign.len()..]))
}

pub fn no_table(name: &str) -> String {
    format!("there is no table `{name}`{}", suggest(name, table::tables().iter().map(|t| t.name)))
}
/// `; did you mean …?` where something is close.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.map(|k| (strsim::jaro_winkler(&word.to_lowercase(), &k.to_lowercase()), k)).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((score, k)) if score > 0.75 => format!("; did you mean `{k}`?"),
        _ => String::new(),
    }
}
