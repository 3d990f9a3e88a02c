//! A large language model as text for people.

use std::fmt::Display;

use tidemill_report::words::{Words, fill};

use crate::model::language::{Described, DescribedAdapter};

/// What `inspect` shows of a language model.
pub fn story(words: &Words, found: &Described) -> String {
    let said = &words.story;
    let megabytes = found.bytes.div_ceil(1_000_000);
    let values: [(&str, &dyn Display); 11] = [
        ("name", &found.name),
        ("family", &found.family),
        ("parameters", &found.parameters),
        ("memory", &megabytes),
        ("layers", &found.layers),
        ("hidden", &found.hidden),
        ("heads", &found.heads),
        ("kv_heads", &found.kv_heads),
        ("vocabulary", &found.vocabulary),
        ("context", &found.context),
        ("per_token", &found.bytes_per_token),
    ];
    let mut lines = vec![fill(said.language_model, &values), fill(said.language_sizes, &values)];
    lines.push(if found.chats { said.language_chats } else { said.language_raw }.into());
    let plain = || said.language_plain.into();
    lines.push(found.adapter.as_ref().map_or_else(plain, |adapter| of_adapter(words, adapter)));
    lines.push(fill(said.language_version, &[("hash", &found.hash)]));
    if let Some(parent) = &found.parent {
        let verdict = found.verdict.as_deref().unwrap_or_default();
        lines.push(fill(said.language_parent, &[("hash", parent), ("verdict", &verdict)]));
    }
    let files = found.files.iter();
    lines.extend(files.map(|(file, hash)| fill(said.language_file, &[("file", file), ("hash", hash)])));
    lines.join("\n") + "\n"
}

fn of_adapter(words: &Words, adapter: &DescribedAdapter) -> String {
    let sites = adapter.sites.join(", ");
    let values: [(&str, &dyn Display); 4] = [
        ("rank", &adapter.rank),
        ("alpha", &adapter.alpha),
        ("parameters", &adapter.parameters),
        ("sites", &sites),
    ];
    fill(words.story.language_adapter, &values)
}
