//! In which language a verb speaks.

use clap::Args;
use clap::builder::PossibleValuesParser;
use tidemill_engine::report::words::{self, LANGUAGES, Words};

use super::{Cli, Verb};

/// The language of what a verb reports, warns of and fails with; help is English.
#[derive(Debug, Default, Args)]
pub(crate) struct Lang {
    /// The language of reports [default: that of LC_ALL, LC_MESSAGES or LANG, else en].
    #[arg(long, value_name = "LANG", value_parser = PossibleValuesParser::new(LANGUAGES.iter().map(|words| words.code())))]
    lang: Option<String>,
}

impl Lang {
    /// The words of that language.
    pub(crate) fn words(&self) -> &'static Words {
        match &self.lang {
            Some(code) => words::of(code).unwrap_or(&words::EN),
            None => of_environment(|name| std::env::var(name).ok()),
        }
    }
}

impl Cli {
    /// The words in which the verb speaks: those that it was told, else those of the environment.
    pub(crate) fn words(&self) -> &'static Words {
        let told = match &self.verb {
            Verb::Check(args) => Some(&args.lang),
            Verb::Train(args) => Some(&args.lang),
            Verb::Evaluate(args) => Some(&args.lang),
            Verb::Compare(args) => Some(&args.lang),
            Verb::Inspect(args) => Some(&args.lang),
            Verb::Explain(args) => Some(&args.lang),
            Verb::Prepare(args) => Some(&args.lang),
            Verb::Synthesize(args) => Some(&args.lang),
            Verb::Distill(args) => Some(&args.lang),
            Verb::Compress(args) => Some(&args.lang),
            Verb::Import(args) => Some(&args.lang),
            Verb::Monitor(args) => Some(&args.lang),
            Verb::Market(args) | Verb::Finance(args) | Verb::Team(args) => Some(&args.lang),
            Verb::Plan(args) => Some(&args.lang),
            Verb::Cost(args) => Some(&args.lang),
            _ => None,
        };
        told.map_or_else(|| Lang::default().words(), Lang::words)
    }
}

/// The first of these that says anything decides, as POSIX has it.
fn of_environment(read: impl Fn(&str) -> Option<String>) -> &'static Words {
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(read).find(|text| !text.is_empty());
    words::of_locale(&said.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::of_environment;

    #[test]
    fn the_first_that_says_anything_decides() {
        let code = |set: &'static [(&'static str, &'static str)]| {
            let read = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
            of_environment(read).code()
        };
        assert_eq!(code(&[]), "en");
        assert_eq!(code(&[("LANG", "zh_CN.UTF-8")]), "zh");
        assert_eq!(code(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_CN"), ("LANG", "en_GB.UTF-8")]), "zh");
        assert_eq!(code(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]), "en");
        assert_eq!(code(&[("LANG", "fr_FR.UTF-8")]), "en");
    }
}
