//! Seeded mutations of inputs: the same sequence in every run, on every machine.
//!
//! # Not covered
//!
//! Anything clever. Coverage is libFuzzer's part.

/// An endless sequence of inputs, each a few changes away from one of the corpus.
pub(crate) struct Mutations {
    corpus: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    pub(crate) fn new(corpus: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> Self {
        Self { corpus, words, state: SEED }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let chosen = self.below(self.corpus.len());
        let mut input = self.corpus[chosen].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(32) + 1);
        match self.below(7) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = PUNCTUATION[self.below(PUNCTUATION.len())],
            2 => input.insert(at, PUNCTUATION[self.below(PUNCTUATION.len())]),
            3 => drop(input.drain(at..end)),
            4 => {
                let part = input[at..end].to_vec();
                let place = self.below(input.len() + 1);
                input.splice(place..place, part);
            }
            5 if !self.words.is_empty() => {
                let chosen = self.below(self.words.len());
                let word = self.words[chosen].clone();
                let replaced = if self.below(2) == 0 { at } else { end };
                input.splice(at..replaced, word);
            }
            _ => {
                let other = self.below(self.corpus.len());
                let from = self.below(self.corpus[other].len() + 1);
                let tail = self.corpus[other][from..].to_vec();
                input.splice(at.., tail);
            }
        }
    }

    /// A number below `bound`; 0 when there is none. Marsaglia's xorshift.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let bound = u64::try_from(bound.max(1)).expect("a size");
        usize::try_from(self.state % bound).expect("a size")
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// What formats are made of.
const PUNCTUATION: &[u8] = b"{}[]\",:;=&?*/\\.-+%$_ \t\r\n0aA\0\x80\xff";

const BYTES_MAX: usize = 4096;
