//! The settings that replace a `config.py`, and what becomes stricter.
//!
//! # Guarantees
//!
//! Each value is one line that systemd, containers and `scf/deploy` read as it is. Who may ask and
//! what they get is never taken over from the samples, which gave everything to everyone.

use std::fmt::Write as _;

use serde_json::{Deserializer, Serializer};
use tencent::cam::Policy;

use super::assignments::{Assignments, Problem, Value};

/// One setting. Without a value it is left to fill in.
struct Setting {
    name: &'static str,
    value: Option<String>,
    /// Written above it.
    comment: Option<String>,
    is_secret: bool,
}

/// The settings in the order in which they are written, and remarks.
#[derive(Default)]
pub(super) struct Settings {
    settings: Vec<Setting>,
    /// What becomes stricter, or is left out.
    pub(super) remarks: Vec<String>,
}

/// Whether the text may contain secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Written,
    LeftOut,
}

impl Settings {
    /// What replaces these assignments.
    pub(super) fn of(assignments: &Assignments) -> Result<Self, Vec<Problem>> {
        let mut reading = Reading { assignments, settings: Self::default(), problems: Vec::new() };
        reading.calling_key();
        reading.grant();
        reading.duration();
        reading.proxy();
        reading.port();
        reading.left_out();
        if reading.problems.is_empty() { Ok(reading.settings) } else { Err(reading.problems) }
    }

    /// The lines of the file.
    pub(super) fn text(&self, secrets: Secrets) -> String {
        let mut text = String::new();
        for setting in &self.settings {
            let is_hidden = setting.is_secret && secrets == Secrets::LeftOut;
            if let Some(comment) =
                setting.comment.as_ref().filter(|_| is_hidden || !setting.is_secret)
            {
                let _ = writeln!(text, "# {comment}");
            }
            let value = setting.value.as_deref().filter(|_| !is_hidden).unwrap_or_default();
            let _ = writeln!(text, "{}={value}", setting.name);
        }
        text
    }

    /// The settings that this text leaves to fill in.
    pub(super) fn missing(&self, secrets: Secrets) -> Vec<&'static str> {
        let is_missing = |setting: &&Setting| {
            setting.value.is_none() || (setting.is_secret && secrets == Secrets::LeftOut)
        };
        self.settings.iter().filter(is_missing).map(|setting| setting.name).collect()
    }
}

struct Reading<'a> {
    assignments: &'a Assignments,
    settings: Settings,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn calling_key(&mut self) {
        for name in ["SECRET_ID", "SECRET_KEY"] {
            let value = self.line(name);
            let comment = value.as_ref().map(|(line, _)| format!("The value is in line {line}."));
            self.add(name, value.map(|(_, text)| text), comment, true);
        }
        self.remark(
            "SECRET_ID, SECRET_KEY: cos-issuer prints neither. cossign printed both, and both samples \
             every credential. Keep the file readable only by root, and out of every repository.",
        );
    }

    fn grant(&mut self) {
        let comment = "Who may ask: jwt, api-key, hmac or gateway; none is everyone, as before.";
        self.add("AUTH", None, Some(comment.to_owned()), false);
        self.remark("AUTH: the samples answered everyone who reached them. Choose who may ask.");
        if let Some((line, policy)) = self.line("POLICY") {
            match Policy::parse(&policy) {
                Err(error) => {
                    let text = format!("POLICY: must be a policy of CAM: {error}; correct it");
                    return self.problems.push(Problem { line, text });
                }
                Ok(parsed) if !parsed.is_full_access() => {
                    let Some(policy) = one_line(&policy) else {
                        let text = "POLICY: must need no backslashes; write its characters as they are";
                        return self.problems.push(Problem { line, text: text.to_owned() });
                    };
                    self.add("POLICY", Some(policy), None, false);
                    return self.remark(
                        "POLICY: kept as it is, and the same for everyone who may ask. BUCKET, REGION, \
                         PREFIX and ALLOW in its place are checked more closely.",
                    );
                }
                Ok(_) => self.remark(
                    "POLICY: it allowed everything in every bucket. Name what your app needs: BUCKET, \
                     REGION, PREFIX, ALLOW.",
                ),
            }
        }
        let comment = "What they get, for example examplebucket-1250000000, ap-guangzhou, uploads/, \
                       upload.";
        self.add("BUCKET", None, Some(comment.to_owned()), false);
        for name in ["REGION", "PREFIX", "ALLOW"] {
            self.add(name, None, None, false);
        }
    }

    fn duration(&mut self) {
        let Some(seconds) = self.number("DURATION_SECOND", 1, 129_600) else { return };
        self.add("DURATION_SECONDS", Some(seconds.to_string()), None, false);
        if seconds > 7200 {
            self.remark(
                "DURATION_SECOND: with the key of a root account at most 7200. Set \
                 KEY_OWNER=sub-account if the key is that of a sub-account, or less seconds.",
            );
        }
        if self.assignments.fields.contains_key("PORT") && seconds != 1800 {
            self.remark(
                "DURATION_SECOND: cossign ignored it, and took --duration or 1800. Set \
                 DURATION_SECONDS to what you started it with.",
            );
        }
    }

    fn proxy(&mut self) {
        let (Some(_), Some((line, host))) = (self.line("PROXY_TYPE"), self.line("PROXY_HOST"))
        else {
            return;
        };
        // A user and a password may precede the host.
        let is_secret = host.contains('@');
        let comment = is_secret.then(|| format!("http:// and the value in line {line}."));
        self.add("STS_PROXY", Some(format!("http://{host}")), comment, is_secret);
        self.remark(
            "PROXY_TYPE, PROXY_HOST: one URL in STS_PROXY. The samples always used HTTP to the proxy, \
             whatever the type.",
        );
    }

    fn port(&mut self) {
        let port = self.number("PORT", 1, 65_535).unwrap_or(5000);
        self.add("PORT", Some(port.to_string()), None, false);
    }

    fn left_out(&mut self) {
        if self.line("NAME").is_some() {
            self.remark("NAME: left out. The session name is made of the caller's identity.");
        }
        let others = &self.assignments.others;
        if !others.is_empty() {
            let text = format!("Not settings, left out: {}.", others.join(", "));
            self.settings.remarks.push(text);
        }
    }

    /// The line and the text of a field that is not empty.
    fn line(&mut self, field: &'static str) -> Option<(usize, String)> {
        let Value { line, text } = self.assignments.fields.get(field)?;
        // A policy becomes one line of its own.
        if field != "POLICY" && !fits_a_line(text) {
            let text = format!(
                "{field}: must be one line without blanks, quotes and backslashes, for example \
                 AKIDexample; correct it"
            );
            self.problems.push(Problem { line: *line, text });
            return None;
        }
        (!text.trim().is_empty()).then(|| (*line, text.clone()))
    }

    fn number(&mut self, field: &'static str, least: u32, most: u32) -> Option<u32> {
        let (line, text) = self.line(field)?;
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let text = format!("{field}: must be a number from {least} to {most}; correct it");
            self.problems.push(Problem { line, text });
        }
        number
    }

    fn add(
        &mut self,
        name: &'static str,
        value: Option<String>,
        comment: Option<String>,
        is_secret: bool,
    ) {
        self.settings.settings.push(Setting { name, value, comment, is_secret });
    }

    fn remark(&mut self, text: &str) {
        self.settings.remarks.push(text.to_owned());
    }
}

/// Whether every reader of such files takes the text as it is.
fn fits_a_line(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() && !"'\"\\`#$".contains(c))
}

/// The same JSON without line breaks; nothing if systemd would take an escape for its own.
fn one_line(policy: &str) -> Option<String> {
    let mut line = Vec::new();
    let mut reader = Deserializer::from_str(policy);
    serde_transcode::transcode(&mut reader, &mut Serializer::new(&mut line)).ok()?;
    String::from_utf8(line).ok().filter(|line| !line.contains('\\'))
}
