//! A small language of formulas: read once, with errors that give the position, and then run row by row.

/// The most characters of a formula.
const MOST: usize = 1000;
/// How deep parts may lie within parts.
const DEEPEST: usize = 50;

/// What a formula gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Number,
    Flag,
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Type::Number => "a number",
            Type::Flag => "a condition",
        }
    }
}

/// A formula, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    /// The columns it names, each once.
    pub(crate) columns: Vec<String>,
    /// What it gives.
    pub(crate) result: Type,
    root: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Number(f64),
    Column(usize),
    Call(Op, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Not,
    If,
    Abs,
    Ceil,
    Exp,
    Floor,
    Log,
    Log10,
    Log1p,
    Max,
    Min,
    Round,
    Sqrt,
}

/// The functions of numbers, and how many they take (0 for two and more).
const FUNCTIONS: [(&str, Op, usize); 11] = [
    ("abs", Op::Abs, 1),
    ("ceil", Op::Ceil, 1),
    ("exp", Op::Exp, 1),
    ("floor", Op::Floor, 1),
    ("log", Op::Log, 1),
    ("log10", Op::Log10, 1),
    ("log1p", Op::Log1p, 1),
    ("max", Op::Max, 0),
    ("min", Op::Min, 0),
    ("round", Op::Round, 1),
    ("sqrt", Op::Sqrt, 1),
];

/// Operators between two parts by how strongly they bind, the weakest first: what they take and what they give.
const OPERATORS: [(&str, Op, usize, Type, Type); 15] = [
    ("or", Op::Or, 1, Type::Flag, Type::Flag),
    ("and", Op::And, 2, Type::Flag, Type::Flag),
    ("<=", Op::LessEqual, 3, Type::Number, Type::Flag),
    (">=", Op::GreaterEqual, 3, Type::Number, Type::Flag),
    ("==", Op::Equal, 3, Type::Number, Type::Flag),
    ("!=", Op::NotEqual, 3, Type::Number, Type::Flag),
    ("<", Op::Less, 3, Type::Number, Type::Flag),
    (">", Op::Greater, 3, Type::Number, Type::Flag),
    ("+", Op::Add, 4, Type::Number, Type::Number),
    ("-", Op::Subtract, 4, Type::Number, Type::Number),
    ("*", Op::Multiply, 5, Type::Number, Type::Number),
    ("/", Op::Divide, 5, Type::Number, Type::Number),
    ("%", Op::Remainder, 5, Type::Number, Type::Number),
    ("^", Op::Power, 7, Type::Number, Type::Number),
    ("**", Op::Power, 7, Type::Number, Type::Number),
];
/// How strongly a sign before a part binds: more than a product, less than a power.
const SIGN: usize = 6;

impl Formula {
    /// Reads a formula; the error says what is wrong and at which character.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.chars().count() > MOST {
            return Err(format!("a formula has at most {MOST} characters"));
        }
        let mut reader = Reader { text, at: 0, columns: Vec::new() };
        let (root, result) = reader.part(1, 0)?;
        reader.skip();
        match reader.rest().chars().next() {
            None => Ok(Formula { columns: reader.columns, result, root }),
            Some(found) => Err(reader.wrong(&format!("an operator was expected, not '{found}'"))),
        }
    }

    /// The same, its columns seen as places among `inputs`.
    pub(crate) fn over(&self, inputs: &[String]) -> Self {
        let place = |name: &String| inputs.iter().position(|input| input == name).unwrap_or(0);
        let places: Vec<usize> = self.columns.iter().map(place).collect();
        Formula { root: self.root.with(&places), ..self.clone() }
    }

    /// What it gives for a row: 0 or 1 for a condition, `NaN` where that is missing or no finite number.
    pub(crate) fn value(&self, row: &[f64]) -> f64 {
        let value = self.root.value(row);
        if value.is_finite() { value } else { f64::NAN }
    }
}

impl Node {
    fn with(&self, places: &[usize]) -> Node {
        match self {
            Node::Number(x) => Node::Number(*x),
            Node::Column(at) => Node::Column(places[*at]),
            Node::Call(op, parts) => Node::Call(*op, parts.iter().map(|part| part.with(places)).collect()),
        }
    }

    fn value(&self, row: &[f64]) -> f64 {
        let (op, parts) = match self {
            Node::Number(x) => return *x,
            Node::Column(at) => return row[*at],
            Node::Call(op, parts) => (*op, &parts[..]),
        };
        let first = parts[0].value(row);
        if first.is_nan() {
            return first;
        }
        if op == Op::If {
            return parts[if first != 0.0 { 1 } else { 2 }].value(row);
        }
        let rest = parts[1..].iter().map(|part| part.value(row));
        rest.fold(one(op, first), |so_far, next| if next.is_nan() { next } else { two(op, so_far, next) })
    }
}

/// What an operation makes of one number.
fn one(op: Op, x: f64) -> f64 {
    match op {
        Op::Negate => -x,
        Op::Not => flag(x == 0.0),
        Op::Abs => x.abs(),
        Op::Ceil => x.ceil(),
        Op::Exp => x.exp(),
        Op::Floor => x.floor(),
        Op::Log => x.ln(),
        Op::Log10 => x.log10(),
        Op::Log1p => x.ln_1p(),
        Op::Round => x.round_ties_even(),
        Op::Sqrt => x.sqrt(),
        _ => x,
    }
}

/// What an operation makes of two.
fn two(op: Op, a: f64, b: f64) -> f64 {
    match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        // A division by zero is no number, whatever its sign.
        Op::Divide => a / b,
        Op::Remainder => a - b * (a / b).floor(),
        Op::Power => a.powf(b),
        Op::Less => flag(a < b),
        Op::LessEqual => flag(a <= b),
        Op::Greater => flag(a > b),
        Op::GreaterEqual => flag(a >= b),
        Op::Equal => flag(a == b),
        Op::NotEqual => flag(a != b),
        Op::And => flag(a != 0.0 && b != 0.0),
        Op::Or => flag(a != 0.0 || b != 0.0),
        Op::Max if !a.is_nan() => a.max(b),
        Op::Min if !a.is_nan() => a.min(b),
        _ => a,
    }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    columns: Vec<String>,
}

type Read = Result<(Node, Type), String>;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn wrong(&self, problem: &str) -> String {
        let place = self.text[..self.at].chars().count() + 1;
        format!("at character {place} of \"{}\": {problem}", self.text)
    }

    /// Takes `word` if it comes next, and as a whole where it is a word.
    fn take(&mut self, word: &str) -> bool {
        self.skip();
        let Some(after) = self.rest().strip_prefix(word) else { return false };
        let is_word = word.starts_with(char::is_alphabetic);
        if is_word && after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.at += word.len();
        true
    }

    /// A part whose operators bind at least as strongly as `least`.
    fn part(&mut self, least: usize, depth: usize) -> Read {
        if depth > DEEPEST {
            return Err(self.wrong(&format!("parts lie more than {DEEPEST} deep within others")));
        }
        let (mut left, mut gives) = self.single(depth)?;
        loop {
            self.skip();
            let before = self.at;
            // The longest that fits: `**` is not two products.
            let found = OPERATORS.iter().filter(|o| self.rest().starts_with(o.0)).max_by_key(|o| o.0.len());
            let Some(&(word, op, strength, takes, result)) = found else { return Ok((left, gives)) };
            if strength < least || !self.take(word) {
                return Ok((left, gives));
            }
            self.expect(takes, gives, before, word)?;
            // A power binds to the right, all others to the left; comparisons do not chain.
            let next = if op == Op::Power { strength } else { strength + 1 };
            self.skip();
            let place = self.at;
            let (right, found) = self.part(next, depth + 1)?;
            self.expect(takes, found, place, word)?;
            left = Node::Call(op, vec![left, right]);
            gives = result;
        }
    }

    fn expect(&mut self, wanted: Type, found: Type, place: usize, of: &str) -> Result<(), String> {
        if wanted == found {
            return Ok(());
        }
        self.at = place;
        Err(self.wrong(&format!("'{of}' takes {}, not {}", wanted.word(), found.word())))
    }

    /// A number, a column, a call, something in brackets or with a sign before it.
    fn single(&mut self, depth: usize) -> Read {
        if depth > DEEPEST {
            return Err(self.wrong(&format!("parts lie more than {DEEPEST} deep within others")));
        }
        self.skip();
        for (word, op, takes) in [("-", Op::Negate, Type::Number), ("not", Op::Not, Type::Flag)] {
            if self.take(word) {
                let place = self.at;
                let strength = if op == Op::Not { 3 } else { SIGN };
                let (inner, found) = self.part(strength, depth + 1)?;
                self.expect(takes, found, place, word)?;
                return Ok((Node::Call(op, vec![inner]), takes));
            }
        }
        if self.take("(") {
            let inner = self.part(1, depth + 1)?;
            return if self.take(")") { Ok(inner) } else { Err(self.wrong("a ')' is missing")) };
        }
        match self.rest().chars().next() {
            None => Err(self.wrong("a number, a column or a function was expected, but the formula ends")),
            Some('`') => self.quoted(),
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.word(depth),
            Some(c) => Err(self.wrong(&format!("a number, a column or a function was expected, not '{c}'"))),
        }
    }

    fn number(&mut self) -> Read {
        let rest = self.rest();
        let mut end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        if let Some(exponent) = rest[end..].strip_prefix(['e', 'E']) {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let signs = exponent.len() - digits.len();
            let n = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            end += if n > 0 { 1 + signs + n } else { 0 };
        }
        match rest[..end].parse::<f64>() {
            Ok(x) if x.is_finite() => {
                self.at += end;
                Ok((Node::Number(x), Type::Number))
            }
            _ => Err(self.wrong(&format!("'{}' is not a number", &rest[..end]))),
        }
    }

    fn quoted(&mut self) -> Read {
        let Some(end) = self.rest()[1..].find('`') else { return Err(self.wrong("a '`' is missing")) };
        let name = self.rest()[1..=end].to_string();
        self.at += end + 2;
        Ok(self.column(name))
    }

    fn column(&mut self, name: String) -> (Node, Type) {
        let known = self.columns.iter().position(|column| *column == name);
        let at = known.unwrap_or_else(|| {
            self.columns.push(name);
            self.columns.len() - 1
        });
        (Node::Column(at), Type::Number)
    }

    /// A column, or a function where a bracket follows.
    fn word(&mut self, depth: usize) -> Read {
        let (rest, start) = (self.rest(), self.at);
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = &rest[..end];
        self.at += end;
        if !self.take("(") {
            return Ok(self.column(name.to_string()));
        }
        if name == "if" {
            return self.choice(depth);
        }
        let Some(&(_, op, takes)) = FUNCTIONS.iter().find(|(known, _, _)| *known == name) else {
            self.at = start;
            let known: Vec<&str> = FUNCTIONS.iter().map(|f| f.0).chain(["if"]).collect();
            return Err(self.wrong(&format!("there is no function '{name}'; known are {}", known.join(", "))));
        };
        let parts = self.arguments(depth)?;
        if let Some((_, found, place)) = parts.iter().find(|(_, found, _)| *found != Type::Number) {
            self.expect(Type::Number, *found, *place, name)?;
        }
        if (takes > 0 && parts.len() != takes) || (takes == 0 && parts.len() < 2) {
            self.at = start;
            let wanted = if takes > 0 { takes.to_string() } else { "two or more".into() };
            return Err(self.wrong(&format!("'{name}' takes {wanted}, not {}", parts.len())));
        }
        Ok((Node::Call(op, parts.into_iter().map(|part| part.0).collect()), Type::Number))
    }

    fn choice(&mut self, depth: usize) -> Read {
        let start = self.at;
        let parts = self.arguments(depth)?;
        let types: Vec<(Type, usize)> = parts.iter().map(|(_, found, place)| (*found, *place)).collect();
        let [(condition, at), (then, _), (other, last)] = types[..] else {
            self.at = start;
            return Err(self.wrong(&format!("'if' takes three, not {}", parts.len())));
        };
        self.expect(Type::Flag, condition, at, "if")?;
        self.expect(then, other, last, "else")?;
        Ok((Node::Call(Op::If, parts.into_iter().map(|part| part.0).collect()), then))
    }

    /// What stands in brackets after a function, with the place of each.
    fn arguments(&mut self, depth: usize) -> Result<Vec<(Node, Type, usize)>, String> {
        let mut parts = Vec::new();
        loop {
            self.skip();
            let place = self.at;
            let (node, found) = self.part(1, depth + 1)?;
            parts.push((node, found, place));
            if self.take(")") {
                return Ok(parts);
            }
            if !self.take(",") {
                return Err(self.wrong("a ',' or ')' is missing"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `a` = 2 and `b` = 3.
    fn value(text: &str) -> f64 {
        let formula = Formula::read(text).unwrap();
        formula.over(&["a".into(), "b".into(), "c d".into()]).value(&[2.0, 3.0, f64::NAN])
    }

    #[test]
    fn operators_bind_as_in_arithmetic() {
        assert_eq!(value("a + b * 2"), 8.0);
        assert_eq!(value("(a + b) * 2"), 10.0);
        assert_eq!(value("-a ^ 2 + 2 ** 3 ^ 2"), 508.0);
        assert_eq!(value("10 - 4 - 3"), 3.0);
        assert_eq!(value("7 % 4 + -7 % 4"), 4.0);
        assert_eq!(value("2e2 / .5"), 400.0);
        assert_eq!(value("if(a < b and not b == 4, max(a, b, 9), 0)"), 9.0);
        assert_eq!(value("round(2.5) + sqrt(4) + abs(-1) + floor(1.5) + ceil(1.5)"), 8.0);
        assert_eq!(value("a >= 2 or a / 0 > 1"), 1.0);
    }

    #[test]
    fn what_is_no_number_is_missing() {
        for text in ["a / 0", "log(-1)", "0 / 0", "a + `c d`", "if(`c d` > 1, 1, 2)", "exp(1e4)"] {
            assert!(value(text).is_nan(), "{text}");
        }
        assert_eq!(value("if(a > 1, a, `c d`)"), 2.0);
    }

    #[test]
    fn errors_give_the_place() {
        let wrong = |text: &str| Formula::read(text).unwrap_err();
        assert!(wrong("a + * b").starts_with("at character 5 of \"a + * b\": "), "{}", wrong("a + * b"));
        assert!(wrong("(a + b").contains("')' is missing"));
        assert!(wrong("a b").contains("at character 3") && wrong("a b").contains("an operator"));
        assert!(wrong("(a < b) + 1").contains("'+' takes a number, not a condition"));
        assert!(wrong("a and b").contains("'and' takes a condition, not a number"));
        assert!(wrong("lgo(a)").contains("there is no function 'lgo'"));
        assert!(wrong("log(a, b)").contains("'log' takes 1, not 2"));
        assert!(wrong("if(a > 1, 2)").contains("'if' takes three, not 2"));
        assert!(wrong("").contains("ends"));
        assert!(wrong(&"(".repeat(400)).contains("deep"));
        assert!(wrong(&"-".repeat(400)).contains("deep"));
        assert!(wrong(&"1+".repeat(600)).contains("at most 1000"));
    }
}
