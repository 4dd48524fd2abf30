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

/// Those of SCF only where they are asked for.
pub(super) fn all(with_scf: bool) -> impl Iterator<Item = &'static Check> {
    let scf = with_scf.then_some(&scf::CHECKS).into_iter().flatten();
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
        .chain(scf)
}
