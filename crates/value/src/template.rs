//! Plans to begin with.

/// The names of the templates, with what they are for.
pub const TEMPLATES: [(&str, &str); 3] = [
    ("saas", "software sold by subscription to firms of any size"),
    ("b2b", "a few large customers with yearly contracts and services"),
    ("b2c", "an application for many private customers"),
];

/// The text of a template; `None` where there is none of that name.
pub fn template(name: &str) -> Option<&'static str> {
    match name {
        "saas" => Some(include_str!("templates/saas.toml")),
        "b2b" => Some(include_str!("templates/b2b.toml")),
        "b2c" => Some(include_str!("templates/b2c.toml")),
        _ => None,
    }
}
