//! The answer as XML, as `/schema/answers.xsd` describes it.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::explanation::Explanation;
use super::{Answered, MaskForm, UNKNOWN_COLUMN, of_each, shown, warnings};

/// What the body may be.
pub const XSD: &str = include_str!("answers.xsd");

pub(super) fn write(answered: &Answered<'_>, masks: MaskForm) -> Vec<u8> {
    let version = answered.version;
    let mut out = Writer::new(Vec::new());
    // Writing to memory cannot fail.
    let mut put = |event: Event<'_>| drop(out.write_event(event));
    let open = |name: &'static str, attributes: &[(&str, &str)]| {
        let mut tag = BytesStart::new(name);
        for attribute in attributes {
            let (name, value) = attribute;
            tag.push_attribute((*name, &*plain(value)));
        }
        Event::Start(tag)
    };
    let close = |name: &'static str| Event::End(BytesEnd::new(name));
    put(open("answers", &[("model", &version.serving().name), ("version", version.short())]));
    for (i, (answer, id)) in answered.answers.iter().zip(answered.ids).enumerate() {
        put(open("answer", &[("id", &id.to_string())]));
        for (target, said, serving) in of_each(answer, version.serving()) {
            let about: Vec<(&str, &str)> = target.map(|name| ("target", name)).into_iter().collect();
            put(open("prediction", &about));
            put(Event::Text(BytesText::new(&plain(&shown(said, serving, masks)))));
            put(close("prediction"));
        }
        for (target, said, serving) in of_each(answer, version.serving()) {
            for (class, p) in serving.classes.iter().zip(&said.probabilities) {
                let about: Vec<(&str, &str)> = target
                    .map(|name| ("target", name))
                    .into_iter()
                    .chain([("class", class.as_str())])
                    .collect();
                put(open("probability", &about));
                put(Event::Text(BytesText::new(&p.to_string())));
                put(close("probability"));
            }
        }
        for (class, q) in version.serving().classes.iter().zip(&answer.expected_rewards) {
            put(open("expected_reward", &[("class", class)]));
            put(Event::Text(BytesText::new(&q.to_string())));
            put(close("expected_reward"));
        }
        if let Some(explanation) = Explanation::of(answered, i) {
            let Explanation { method, units, of, base, columns, values } = explanation;
            let base = base.to_string();
            put(open("explanation", &[("method", method), ("units", units), ("of", of), ("base", &base)]));
            for (column, value) in columns.iter().zip(values) {
                put(open("value", &[("column", column)]));
                put(Event::Text(BytesText::new(&value.to_string())));
                put(close("value"));
            }
            put(close("explanation"));
        }
        for (code, column, message) in warnings(answer) {
            let of_column = column.map(|column| ("column", column));
            put(open("warning", &std::iter::once(("code", code)).chain(of_column).collect::<Vec<_>>()));
            put(Event::Text(BytesText::new(&plain(&message))));
            put(close("warning"));
        }
        put(close("answer"));
    }
    for column in answered.unknown {
        put(open("warning", &[("code", UNKNOWN_COLUMN), ("column", column)]));
        put(Event::Text(BytesText::new("the model has no such column; it was ignored")));
        put(close("warning"));
    }
    put(close("answers"));
    out.into_inner()
}

/// A text as XML can hold it: characters that it has no place for are replaced (XML 1.0, production 2, "Char").
fn plain(text: &str) -> Cow<'_, str> {
    let has_no_place = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    match text.contains(has_no_place) {
        true => Cow::Owned(text.replace(has_no_place, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}
