//! The table of all checks, in the order in which they are printed.

mod bounds;
mod caching;
mod clock;
mod cors;
mod formats;
mod gateway;
mod objects;
mod reach;
mod refusals;
mod scf;

use super::check::Check;

pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    reach::CHECKS
        .iter()
        .chain(&refusals::CHECKS)
        .chain(&gateway::CHECKS)
        .chain(&bounds::CHECKS)
        .chain(&caching::CHECKS)
        .chain(&clock::CHECKS)
        .chain(&formats::CHECKS)
        .chain(&cors::CHECKS)
        .chain(&objects::CHECKS)
        .chain(&scf::CHECKS)
}
