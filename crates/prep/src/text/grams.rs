//! Neighbours joined into terms.

/// Makes terms of neighbours; a term is a slice of what was pushed, so that none is copied.
pub(super) struct Grams {
    ngrams: [usize; 2],
    /// The words so far, a space between them.
    joined: String,
    /// Where each word lies in `joined`.
    words: Vec<(usize, usize)>,
}

impl Grams {
    pub(super) fn new(ngrams: [usize; 2]) -> Self {
        Grams { ngrams, joined: String::new(), words: Vec::new() }
    }

    pub(super) fn word(&mut self, word: &str) {
        if !self.joined.is_empty() {
            self.joined.push(' ');
        }
        let start = self.joined.len();
        self.joined.push_str(word);
        self.words.push((start, self.joined.len()));
    }

    /// Every run of neighbouring words, the short runs first.
    pub(super) fn of_words(&self, each: &mut impl FnMut(&str)) {
        for n in self.ngrams[0]..=self.ngrams[1] {
            for run in self.words.windows(n) {
                each(&self.joined[run[0].0..run[n - 1].1]);
            }
        }
    }

    /// Every run of neighbouring characters of `text`. A text shorter than a run counts once, as itself.
    pub(super) fn of_chars(&self, text: &str, each: &mut impl FnMut(&str)) {
        let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let n_chars = starts.len();
        starts.push(text.len());
        for n in self.ngrams[0]..=self.ngrams[1] {
            if n >= n_chars {
                if n_chars > 0 {
                    each(text);
                }
                return;
            }
            starts.windows(n + 1).for_each(|run| each(&text[run[0]..run[n]]));
        }
    }
}
