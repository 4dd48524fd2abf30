//! The entry point of libFuzzer for every target: `cos-issuer-fuzz <libFuzzer's own arguments>
//! --target=NAME`.
//!
//! libFuzzer ignores arguments that begin with two hyphens. Only `fuzz/run` builds and calls this.

#![no_main]

use std::sync::OnceLock;

use cos_issuer_fuzz::TARGETS;
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&[u8]) -> bool> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(named)(bytes);
});

#[expect(clippy::panic, reason = "without a target there is nothing to do")]
fn named() -> fn(&[u8]) -> bool {
    let named = std::env::args().find_map(|argument| {
        let name = argument.strip_prefix("--target=")?.to_owned();
        TARGETS.iter().find(|(known, _)| *known == name)
    });
    match named {
        Some((_, target)) => *target,
        None => panic!("`--target=` names no target of cos_issuer_fuzz::TARGETS"),
    }
}
