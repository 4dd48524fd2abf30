//! `doctor`: what is wrong with a deployment, in words, with what to do about it.
//!
//! # Guarantees
//! Nothing is printed that repeats a proof or a credential. A check that cannot be decided is
//! printed with the reason, never left out; those about SCF are printed where they are asked for.

mod altered;
mod check;
mod checks;
mod objects;
mod probe;
mod prober;
mod questions;
mod record;
mod report;
mod scf_files;
mod verdict;

pub(crate) use self::prober::Prober;
pub(crate) use self::questions::{Place, Questions};
pub(crate) use self::report::{Report, State};
pub(crate) use self::scf_files::ScfFiles;
use crate::failure::Failure;

/// Asks the deployment and decides every check.
pub(crate) async fn examine(prober: &Prober, questions: Questions) -> Result<Report, Failure> {
    let record = prober.record(questions).await?;
    let checks = checks::all(record.questions.scf.is_some());
    Ok(Report::new(checks, &record))
}
