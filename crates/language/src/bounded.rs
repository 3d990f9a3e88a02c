//! Templates that cannot exhaust memory or the stack.
//!
//! `minijinja` counts steps, but one step can double a text, and sixty can fill any memory. So a template is compiled here, and
//! each instruction that makes a text or a list is preceded or followed by a filter that measures: what one step makes is at
//! most [`LONGEST`] bytes, what all make [`TOTAL`], and nothing is nested deeper than [`DEEPEST`]. Names of these filters are no
//! names of Jinja: no template can call or replace them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::machinery::{
    CodeGenerator, Instruction, Instructions, Vm, WhitespaceConfig, make_string_output, parse,
};
use minijinja::value::{Object, Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, filters};

/// Bytes of one text, and of a list written as text.
pub(crate) const LONGEST: usize = 8 << 20;
/// Bytes that all steps make.
const TOTAL: usize = 256 << 20;
/// Values of a list, those in its lists among them.
const MOST: usize = 1 << 20;
/// Lists within lists.
const DEEPEST: usize = 64;
/// The largest number that a filter or a method takes as a width or a count.
const WIDEST: i64 = 100_000;
/// Bytes that a list takes for each of its values.
const VALUE: usize = 32;
/// Text of the template itself that need not be counted: the steps bound it.
const SHORT: usize = 64;

// Filters that measure.
const PAIR: &str = "#pair";
const TIMES: &str = "#times";
const MADE: &str = "#made";
const DEEP: &str = "#deep";
const WRITTEN: &str = "#written";
const RAW: &str = "#raw";
const SET: &str = "#set";

/// As ids of filters that are looked up by name each time.
const NO_ID: u8 = u8::MAX;

/// Filters that can make much out of little, with the name under which the original is kept.
const GROWING: [(&str, &str); 8] = [
    ("replace", "replace!"),
    ("join", "join!"),
    ("indent", "indent!"),
    ("batch", "batch!"),
    ("slice", "slice!"),
    ("format", "format!"),
    ("string", "string!"),
    ("map", "map!"),
];

/// Adds the filters that measure.
pub(crate) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("replace!", filters::replace);
    environment.add_filter("join!", filters::join);
    environment.add_filter("indent!", filters::indent);
    environment.add_filter("batch!", filters::batch);
    environment.add_filter("slice!", filters::slice);
    environment.add_filter("format!", filters::format);
    environment.add_filter("string!", filters::string);
    environment.add_filter("map!", filters::map);
    for (name, original) in GROWING {
        environment.add_filter(name, move |state: &State<'_, '_>, args: Rest<Value>| {
            allow(name, &args)?;
            made(state, state.apply_filter(original, &args)?)
        });
    }
    environment.add_filter("pprint", |state: &State<'_, '_>, value: Value| {
        weigh(&value)?;
        made(state, Value::from(filters::pprint(&value)))
    });
    environment.add_filter(MADE, made);
    environment.add_filter(DEEP, deep);
    environment.add_filter(WRITTEN, written);
    environment.add_filter(RAW, |state: &State<'_, '_>, bytes: usize| {
        charge(state, bytes).map(|()| Value::from(()))
    });
    environment.add_filter(PAIR, pair);
    environment.add_filter(TIMES, times);
    // What is set comes first, the namespace on top; the namespace is needed once more, to be measured.
    environment.add_filter(SET, |value: Value, space: Value| Value::from(vec![space.clone(), value, space]));
}

/// Whether a method of a text may be called with these arguments, the text among them.
///
/// # Errors
/// When it would make too much.
pub(crate) fn allow_method(value: &Value, name: &str, args: &[Value]) -> Result<(), Error> {
    let mut all = vec![value.clone()];
    match (name, args) {
        // The text between comes first where it is a method.
        ("join", [list, ..]) => all = vec![list.clone(), value.clone()],
        _ => all.extend_from_slice(args),
    }
    allow(name, &all)
}

/// The text of a template, rendered with measure.
///
/// # Errors
/// When the template is not valid, fails, or makes too much.
pub(crate) fn render(environment: &Environment<'_>, source: &str, context: Value) -> Result<String, Error> {
    let (root, blocks) = compiled(source)?;
    let mut text = String::new();
    Vm::new(environment).eval(
        &root,
        context,
        &blocks,
        &mut make_string_output(&mut text),
        AutoEscape::None,
    )?;
    Ok(text)
}

type Compiled<'a> = (Instructions<'a>, BTreeMap<&'a str, Instructions<'a>>);

/// # Errors
/// When the template is not valid.
pub(crate) fn compiled(source: &str) -> Result<Compiled<'_>, Error> {
    let space = WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: true, trim_blocks: true };
    let tree = parse(source, "chat", Default::default(), space)?;
    let mut code = CodeGenerator::new("chat", source);
    code.compile_stmt(&tree);
    let (root, blocks) = code.finish();
    Ok((
        measured(&root, source),
        blocks.iter().map(|(name, block)| (*name, measured(block, source))).collect(),
    ))
}

/// The same instructions with those that measure between them.
fn measured<'a>(from: &Instructions<'a>, source: &'a str) -> Instructions<'a> {
    let all: Vec<Vec<Instruction<'a>>> =
        (0..from.len() as u32).filter_map(|i| from.get(i)).map(|one| with_measure(one.clone())).collect();
    // Where each instruction begins now; the last one is the end.
    let mut starts = vec![0u32];
    for group in &all {
        starts.push(starts.last().copied().unwrap_or_default() + group.len() as u32);
    }
    let mut to = Instructions::new(from.name(), source);
    for (i, group) in all.into_iter().enumerate() {
        for mut one in group {
            redirect(&mut one, &starts);
            match from.get_line(i as u32) {
                Some(line) => to.add_with_line(one, line.min(usize::from(u16::MAX)) as u16),
                None => to.add(one),
            };
        }
    }
    to
}

fn redirect(instruction: &mut Instruction<'_>, starts: &[u32]) {
    use Instruction as I;
    match instruction {
        I::Iterate(to)
        | I::Jump(to)
        | I::JumpIfFalse(to)
        | I::JumpIfFalseOrPop(to)
        | I::JumpIfTrueOrPop(to)
        | I::BuildMacro(_, to, _) => *to = starts.get(*to as usize).copied().unwrap_or(*to),
        _ => {}
    }
}

/// An instruction with what measures it. No jump leads into the middle of these.
fn with_measure(one: Instruction<'_>) -> Vec<Instruction<'_>> {
    use Instruction as I;
    let filter = |name: &'static str, n: u16| I::ApplyFilter(name, Some(n), NO_ID);
    match one {
        I::Add | I::StringConcat => vec![filter(PAIR, 2), I::UnpackList(2), one],
        I::Mul => vec![filter(TIMES, 2), I::UnpackList(2), one],
        I::EmitRaw(text) if text.len() > SHORT => {
            vec![I::LoadConst(Value::from(text.len())), filter(RAW, 1), I::DiscardTop, one]
        }
        I::Emit => vec![filter(WRITTEN, 1), one],
        I::SetAttr(_) => vec![filter(SET, 2), I::UnpackList(3), one, filter(DEEP, 1), I::DiscardTop],
        I::BuildList(_) | I::BuildMap(_) => vec![one, filter(DEEP, 1)],
        I::ApplyFilter(..) | I::CallMethod(..) | I::CallFunction(..) | I::CallObject(_) | I::Slice => {
            vec![one, filter(MADE, 1)]
        }
        _ => vec![one],
    }
}

/// What was made so far, in bytes.
#[derive(Debug, Default)]
struct Budget(AtomicUsize);

impl Object for Budget {}

fn charge(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    let budget = state.get_or_set_temp_object("bytes made", Budget::default);
    let before = budget.0.fetch_add(bytes, Ordering::Relaxed);
    if bytes > LONGEST || before.saturating_add(bytes) > TOTAL { Err(too_much()) } else { Ok(()) }
}

fn too_much() -> Error {
    let most = LONGEST >> 20;
    Error::new(
        ErrorKind::InvalidOperation,
        format!("makes texts that are too long (one has at most {most} MiB)"),
    )
}

fn made(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let bytes = match value.as_str() {
        Some(text) => text.len(),
        None => value.len().unwrap_or(0).saturating_mul(VALUE),
    };
    charge(state, bytes)?;
    Ok(value)
}

fn deep(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let mut left = MOST;
    walk(&value, 0, &mut left, &|_| 1)?;
    charge(state, MOST - left + value.len().unwrap_or(0).saturating_mul(VALUE))?;
    Ok(value)
}

/// Lists become their texts here, where they can be measured.
fn written(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            charge(state, weigh(&value)?)?;
            Ok(Value::from(value.to_string()))
        }
        _ => made(state, value),
    }
}

/// The two of a sum or of texts that are joined, where these are not too long together.
fn pair(state: &State<'_, '_>, left: Value, right: Value) -> Result<Value, Error> {
    let listed = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let bytes = if listed(&left) && listed(&right) {
        let (Some(a), Some(b)) = (left.len(), right.len()) else {
            return Err(Error::new(ErrorKind::InvalidOperation, "adds lists of unknown length"));
        };
        a.saturating_add(b).saturating_mul(VALUE)
    } else {
        weigh(&left)?.saturating_add(weigh(&right)?)
    };
    charge(state, bytes)?;
    Ok(Value::from(vec![right, left]))
}

fn times(state: &State<'_, '_>, left: Value, right: Value) -> Result<Value, Error> {
    let size = |value: &Value| match value.as_str() {
        Some(text) => Some(text.len()),
        None => value.len().map(|n| n.saturating_mul(VALUE)),
    };
    if let Some(size) = size(&left).or_else(|| size(&right)) {
        let n = [&left, &right].into_iter().find_map(Value::as_usize).unwrap_or(0);
        charge(state, size.saturating_mul(n))?;
    }
    Ok(Value::from(vec![right, left]))
}

/// Whether a filter may be applied to its arguments.
fn allow(name: &str, args: &[Value]) -> Result<(), Error> {
    let wide = widest(args.get(1..).unwrap_or_default());
    if wide > WIDEST {
        let problem = format!("'{name}' is given {wide}; at most {WIDEST} is possible");
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    let Some(value) = args.first() else { return Ok(()) };
    let text = |at: usize| args.get(at).and_then(Value::as_str);
    let bytes = match name {
        "replace" => match (text(0), text(1), text(2)) {
            (Some(whole), Some(part), Some(by)) => whole.matches(part).count().saturating_mul(by.len()),
            _ => weigh_all(args)?,
        },
        "join" => {
            let between = text(1).map_or(0, str::len);
            weigh(value)?.saturating_add(value.len().unwrap_or(0).saturating_mul(between))
        }
        "indent" => {
            let lines = text(0).map_or(0, |text| text.matches('\n').count() + 1);
            lines.saturating_mul(wide.max(4) as usize)
        }
        "format" => {
            let form = text(0).unwrap_or_default();
            // A width within the form is as good as a number.
            let digits = form.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
            if digits > 4 || form.contains('*') { LONGEST + 1 } else { weigh_all(args)? }
        }
        "string" | "map" => weigh(value)?,
        _ => 0,
    };
    if bytes > LONGEST { Err(too_much()) } else { Ok(()) }
}

/// The largest number among arguments, named ones as well.
fn widest(args: &[Value]) -> i64 {
    let number = |value: &Value| value.as_i64().map_or(0, i64::saturating_abs);
    let named = |value: &Value| -> i64 {
        if !value.is_kwargs() {
            return 0;
        }
        let keys = value.try_iter().into_iter().flatten();
        keys.filter_map(|key| value.get_item(&key).ok()).map(|value| number(&value)).max().unwrap_or(0)
    };
    args.iter().map(|value| number(value).max(named(value))).max().unwrap_or(0)
}

fn weigh_all(values: &[Value]) -> Result<usize, Error> {
    values.iter().try_fold(0usize, |sum, value| Ok(sum.saturating_add(weigh(value)?)))
}

/// About how many bytes a value has as text.
///
/// # Errors
/// When these are too many, or it is nested too deep.
pub(crate) fn weigh(value: &Value) -> Result<usize, Error> {
    let mut left = LONGEST;
    walk(value, 0, &mut left, &|value| value.as_str().map_or(8, str::len))?;
    Ok(LONGEST - left)
}

/// Takes the weight of a value, and of all in it, from what is left.
fn walk(
    value: &Value,
    depth: usize,
    left: &mut usize,
    weight: &dyn Fn(&Value) -> usize,
) -> Result<(), Error> {
    if depth > DEEPEST {
        let problem = format!("nests lists deeper than {DEEPEST}");
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    *left = left.checked_sub(weight(value)).ok_or_else(too_much)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_for_each(|item| walk(&item, depth + 1, left, weight))
        }
        ValueKind::Map => value.try_iter()?.try_for_each(|key| {
            walk(&key, depth + 1, left, weight)?;
            walk(&value.get_item(&key)?, depth + 1, left, weight)
        }),
        _ => Ok(()),
    }
}
