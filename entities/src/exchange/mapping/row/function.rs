//! The functions that an expression calls.
use super::{
    evaluate::{Evaluated, Work},
    hashed, hex,
    value::{is_true, json},
};
use crate::exchange::{
    mapping::{
        convert,
        expression::{Expr, Function},
    },
    record::{Problem, Value},
};

impl<'b> Work<'b> {
    pub(super) fn call(&mut self, function: Function, args: &'b [Expr]) -> Evaluated {
        Ok(match function {
            Function::Lower => self.of_text(args, |t| t.to_lowercase())?,
            Function::Upper => self.of_text(args, |t| t.to_uppercase())?,
            Function::Title => self.of_text(args, title)?,
            Function::HashRow => Some(Value::Text(self.hash_row())),
            Function::Bool => self.truth(args)?,
            Function::Default => self.first_filled(args)?,
            Function::If => self.either(args)?,
            Function::Concat => self.concat(args)?,
            Function::List => Some(self.list(args)?),
            Function::Hash => Some(self.hash(args)?),
            // the first that says no, or yes, decides: what stands behind it is not looked at
            Function::And => Some(Value::Bool(!self.any(args, false)?)),
            Function::Or => Some(Value::Bool(self.any(args, true)?)),
            Function::Not => Some(Value::Bool(!self.holds(&args[0])?)),
            Function::Blank => Some(Value::Bool(self.text_of(&args[0])?.flatten().is_none())),
            Function::Left => self.left(args)?,
            Function::Email => self.email(args)?,
            Function::Months | Function::Days | Function::Years => {
                return Err(Problem::error("invalid_span", "a span can only be added to a date or taken from it"));
            }
        })
    }
    fn of_text(&mut self, args: &'b [Expr], f: fn(&str) -> String) -> Evaluated {
        Ok(self.text_of(&args[0])?.map(|t| t.map_or(Value::Null, |t| Value::Text(f(&t)))))
    }
    fn holds(&mut self, arg: &'b Expr) -> Result<bool, Problem> {
        Ok(self.value(arg)?.as_ref().is_some_and(is_true))
    }
    /// Whether any of these is what is looked for.
    fn any(&mut self, args: &'b [Expr], wanted: bool) -> Result<bool, Problem> {
        for arg in args {
            if self.holds(arg)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }
    fn truth(&mut self, args: &'b [Expr]) -> Evaluated {
        let Some(found) = self.text_of(&args[0])? else { return Ok(None) };
        Ok(Some(match found {
            None => Value::Null,
            Some(t) => Value::Bool(convert::truth(&t).ok_or_else(|| Problem::error("invalid_bool", format!("`{t}` is neither yes nor no")))?),
        }))
    }
    fn first_filled(&mut self, args: &'b [Expr]) -> Evaluated {
        let mut last = None;
        for arg in args {
            last = self.value(arg)?.or(last);
            if last.as_ref().is_some_and(|v| *v != Value::Null) {
                break;
            }
        }
        Ok(last)
    }
    fn either(&mut self, args: &'b [Expr]) -> Evaluated {
        if self.holds(&args[0])? {
            return self.value(&args[1]);
        }
        match args.get(2) {
            Some(otherwise) => self.value(otherwise),
            None => Ok(Some(Value::Null)),
        }
    }
    fn concat(&mut self, args: &'b [Expr]) -> Evaluated {
        let mut whole = String::new();
        for arg in args {
            match self.text_of(arg)? {
                None => return Ok(None),
                Some(None) => return Ok(Some(Value::Null)),
                Some(Some(part)) => whole.push_str(&part),
            }
        }
        Ok(Some(Value::Text(whole)))
    }
    fn list(&mut self, args: &'b [Expr]) -> Result<Value, Problem> {
        let mut list = vec![];
        for arg in args {
            list.extend(self.value(arg)?.filter(|v| *v != Value::Null).map(json));
        }
        Ok(Value::Json(list.into()))
    }
    fn hash(&mut self, args: &'b [Expr]) -> Result<Value, Problem> {
        let parts = args.iter().map(|a| Ok(self.text_of(a)?.flatten().unwrap_or_default())).collect::<Result<Vec<_>, Problem>>()?;
        Ok(Value::Text(hex(&hashed(parts.iter().map(String::as_str))[..16])))
    }
    /// Of the whole row, numbered where equal rows repeat: the same wherever a mapping asks for it.
    fn hash_row(&mut self) -> String {
        if let Some(hash) = &self.hash {
            return hash.clone();
        }
        let hash = hashed(self.cells.iter().map(String::as_str));
        let ordinal = self.equal.entry(u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])).or_insert(0);
        *ordinal += 1;
        let hash = if *ordinal > 1 { format!("{}-{ordinal}", hex(&hash[..16])) } else { hex(&hash[..16]) };
        self.hash.insert(hash).clone()
    }
    fn left(&mut self, args: &'b [Expr]) -> Evaluated {
        let most = match self.value(&args[1])? {
            Some(Value::Int(n)) if n > 0 => n as usize,
            _ => 120,
        };
        Ok(self.text_of(&args[0])?.map(|t| t.map_or(Value::Null, |t| Value::Text(left(&t, most)))))
    }
    fn email(&mut self, args: &'b [Expr]) -> Evaluated {
        let Some(found) = self.text_of(&args[0])? else { return Ok(None) };
        let Some(found) = found else { return Ok(Some(Value::Null)) };
        let mail = convert::email(&found);
        if mail.is_none() {
            self.problems.push(Problem::warning("invalid_email", format!("`{found}` is no mail address; it was kept as it stands")));
        }
        Ok(Some(Value::Text(mail.unwrap_or_else(|| found.to_lowercase()))))
    }
}

fn title(text: &str) -> String {
    let mut start = true;
    text.chars()
        .flat_map(|c| {
            let out: Vec<char> = if start { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
            start = !c.is_alphabetic() && c != '\'';
            out
        })
        .collect()
}
/// At most so many letters, cut between words where that loses little.
fn left(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most - 1).collect();
    let end = cut.rfind(' ').filter(|i| *i > cut.len() / 2).unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}
