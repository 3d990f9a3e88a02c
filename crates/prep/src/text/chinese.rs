//! Chinese, which is written without spaces.

use std::sync::LazyLock;

use jieba_rs::Jieba;

/// The dictionary takes half a second and some 100 MB, so it is read when the first Chinese text comes.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// The words of a run of Chinese characters, by the dictionary alone: in order, and together they are the run.
pub fn words(run: &str) -> Vec<&str> {
    JIEBA.cut(run, false).into_iter().map(|token| token.word).collect()
}
