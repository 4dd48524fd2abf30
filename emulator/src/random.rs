//! Whatever this cloud leaves to chance, from one seed, so that a run can be repeated.
//!
//! # Guarantees
//! Each purpose draws from a stream of its own, so that one does not disturb another; the same seed
//! and the same order of calls give the same draws.
//!
//! # Not covered
//! Key material, which always comes from the system's generator, so that no seed gives a secret
//! away.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rand::distr::Alphanumeric;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::sync::lock;

/// The streams of one seed.
pub(crate) struct Rng {
    seed: u64,
    streams: Mutex<BTreeMap<&'static str, StdRng>>,
}

impl Rng {
    /// From `seed`, or from one that the system chose: short enough to be typed, and for the
    /// numbers of any language.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self {
            seed: seed.unwrap_or_else(|| rand::random::<u32>().into()),
            streams: Mutex::default(),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// True with this probability.
    pub(crate) fn gen_bool(&self, purpose: &'static str, probability: f64) -> bool {
        self.draw(purpose, |random| random.random_bool(probability.clamp(0.0, 1.0)))
    }

    /// A number up to and including `most`.
    pub(crate) fn gen_up_to(&self, purpose: &'static str, most: u64) -> u64 {
        self.draw(purpose, |random| random.random_range(0..=most))
    }

    /// A request id of this run.
    pub(crate) fn request_id(&self) -> String {
        let bytes: [u8; 16] = self.draw("request ids", |random| random.random());
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A generator of its own for something that draws often.
    pub(crate) fn split(&self, purpose: &'static str) -> StdRng {
        self.draw(purpose, |random| StdRng::seed_from_u64(random.random()))
    }

    fn draw<T>(&self, purpose: &'static str, drawn: impl FnOnce(&mut StdRng) -> T) -> T {
        let mut streams = lock(&self.streams);
        let stream = streams
            .entry(purpose)
            .or_insert_with(|| StdRng::seed_from_u64(self.seed ^ name_hash(purpose)));
        drawn(stream)
    }
}

/// Letters and digits from the thread's cryptographic generator.
pub(crate) fn secret_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// FNV-1a, which keeps streams apart and never changes.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_repeats_a_run_and_streams_do_not_disturb_each_other() {
        let draws = |seed, disturbed: bool| {
            let rng = Rng::new(Some(seed));
            let draw = |_| {
                if disturbed {
                    rng.request_id();
                }
                rng.gen_bool("faults", 0.5)
            };
            (0..64).map(draw).collect::<Vec<bool>>()
        };
        assert_eq!(draws(7, false), draws(7, true));
        assert_ne!(draws(7, false), draws(8, false));
        assert_ne!(Rng::new(None).seed(), Rng::new(None).seed());
    }
}
