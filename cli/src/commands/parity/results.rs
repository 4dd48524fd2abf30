//! What the script printed at someone who has an account: which rows are now observed, and where
//! COS answers otherwise.

use std::collections::BTreeMap;

use super::probes::{PROBES, Probe};
use crate::failure::Failure;

/// The answers of COS.
pub(super) struct Results {
    date: String,
    answers: BTreeMap<(String, usize), String>,
}

/// What the answers mean for one row.
pub(super) enum Finding {
    /// COS answers as the local one.
    Observed,
    /// It does not: each request, the answer here and there.
    Different(Vec<String>),
}

impl Results {
    /// Reads what the script printed.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let mut lines = text.lines();
        let head = lines.next().and_then(|line| line.split_once('\t'));
        let Some((HEAD, date)) = head else {
            return Err(Failure::Usage(format!(
                "results: must begin with `{HEAD}`, as the script of `cos-issuer parity --open` \
                 prints them"
            )));
        };
        let is_date =
            date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !is_date {
            return Err(Failure::Usage("results: the first line must have a date".to_owned()));
        }
        let mut answers = BTreeMap::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [probe, step, status, code] = cells.as_slice() else {
                return Err(Failure::Usage(format!("results: `{line}` must have four cells")));
            };
            let step = step.parse().map_err(|_| {
                Failure::Usage(format!("results: `{step}` must be the number of a step"))
            })?;
            let answer = format!("{status} {code}");
            answers.insert(((*probe).to_owned(), step), answer.trim_end().to_owned());
        }
        Ok(Self { date: date.to_owned(), answers })
    }

    /// What the answers mean for each row, in the order of the probes. A probe whose requests are
    /// not all answered means nothing.
    pub(super) fn findings(&self) -> Vec<(&'static Probe, Finding)> {
        let finding = |probe: &'static Probe| Some((probe, self.finding(probe)?));
        PROBES.iter().filter_map(finding).collect()
    }

    fn finding(&self, probe: &Probe) -> Option<Finding> {
        let mut different = Vec::new();
        for (number, step) in probe.steps.iter().enumerate() {
            let answer = self.answers.get(&(probe.name.to_owned(), number))?;
            if answer.starts_with("000") {
                return None;
            }
            if answer != step.expected {
                let (method, target) = (step.method, step.target);
                let expected = step.expected;
                different.push(format!("{method} {target}: COS {answer}, here {expected}"));
            }
        }
        Some(if different.is_empty() { Finding::Observed } else { Finding::Different(different) })
    }

    /// The page with the rows that are now observed.
    pub(super) fn page(&self, page: &str) -> String {
        let mut text = String::with_capacity(page.len());
        for line in page.lines() {
            text.push_str(&self.row(line).unwrap_or_else(|| line.to_owned()));
            text.push('\n');
        }
        text
    }

    /// The row as it is now, if its line is that of a row that is now observed.
    pub(super) fn row(&self, line: &str) -> Option<String> {
        let is_observed = |probe: &&Probe| matches!(self.finding(probe), Some(Finding::Observed));
        let (behaviour, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        let (_, test) = rest.split_once(" | ")?;
        PROBES.iter().filter(|probe| probe.behaviour == behaviour).find(is_observed)?;
        Some(format!("| {behaviour} | observed: answers of COS, {} | {test}", self.date))
    }
}

const HEAD: &str = "cos-issuer-parity";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cos_emulator::parity;

    use super::{Finding, Results};
    use crate::commands::parity::probes::PROBES;

    fn results(change: impl Fn(&str) -> String) -> Results {
        let mut text = "cos-issuer-parity\t2026-01-02\n".to_owned();
        for probe in &PROBES {
            for (number, step) in probe.steps.iter().enumerate() {
                let answer = change(step.expected).replacen(' ', "\t", 1);
                let tab = if answer.contains('\t') { "" } else { "\t" };
                text.push_str(&format!("{}\t{number}\t{answer}{tab}\n", probe.name));
            }
        }
        Results::parse(&text).ok().unwrap()
    }

    #[test]
    fn each_probe_is_about_an_open_row() {
        let open: BTreeSet<&str> = parity::entries()
            .filter(|entry| ["inferred", "not known"].contains(&entry.source))
            .map(|entry| entry.behaviour)
            .collect();
        let names: BTreeSet<&str> = PROBES.iter().map(|probe| probe.name).collect();
        assert_eq!(names.len(), PROBES.len());
        for probe in &PROBES {
            assert!(open.contains(probe.behaviour), "no open row `{}`", probe.behaviour);
        }
    }

    #[test]
    fn equal_answers_make_rows_observed_and_others_are_shown() {
        let same = results(str::to_owned);
        let findings = same.findings();
        assert_eq!(findings.len(), PROBES.len());
        assert!(findings.iter().all(|(_, finding)| matches!(finding, Finding::Observed)));
        let page = same.page(parity::PAGE);
        assert_eq!(page.matches("| observed: answers of COS, 2026-01-02 |").count(), PROBES.len());
        assert_eq!(page.lines().count(), parity::PAGE.lines().count());

        let other = results(|expected| expected.replace("404", "200"));
        let mut different = 0;
        for (_, finding) in other.findings() {
            if let Finding::Different(lines) = finding {
                different += lines.len();
            }
        }
        assert_eq!(different, 3);
        let none = results(|_| "000".to_owned());
        assert!(none.findings().is_empty(), "a request without an answer means nothing");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "results", "cos-issuer-parity\tsoon\n", "cos-issuer-parity\t2026-01-02\na\n"]
        {
            assert!(Results::parse(text).is_err(), "{text}");
        }
    }
}
