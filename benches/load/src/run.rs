//! Every comparison, each as rows of one table.

use crate::cli::{Options, Part};
use crate::clients;
use crate::comparison::{Aim, Comparison, Figure};
use crate::cores;
use crate::setup::Setup;
use crate::sts::Sts;
use cos_issuer_bench_sts::fault::Fault;
use std::path::Path;
use tokio::task::yield_now;

/// The whole table.
pub(crate) async fn all(options: &Options) -> Result<String, Fault> {
    let folder = tempfile::tempdir()?;
    let sts = Sts::start(folder.path()).await?;
    let run = Run { options, setup: Setup { sts: &sts, folder: folder.path(), log: options.log } };
    let mut table = HEAD.to_owned();
    for part in &options.parts {
        // A service with two threads needs this core, too.
        let shares_core = matches!(part, Part::Threads);
        let awake = (!shares_core).then(|| tokio::spawn(stay_awake()));
        let rows = run.part(*part).await;
        if let Some(awake) = awake {
            awake.abort();
        }
        table += &rows?;
    }
    Ok(table)
}

/// Keeps this thread from sleeping. The clients of a service are on other machines, so it never
/// spends time on waking them: on a virtual machine, that would be a large part of an answer.
async fn stay_awake() {
    loop {
        yield_now().await;
    }
}

const HEAD: &str = "| Figure | quartile | median | quartile | aim (median) | |\n\
                    |---|---:|---:|---:|---|---|\n";

struct Run<'r> {
    options: &'r Options,
    setup: Setup<'r>,
}

impl Run<'_> {
    async fn part(&self, part: Part) -> Result<String, Fault> {
        let programs = [("function", &self.options.function), ("server", &self.options.server)];
        let mut rows = String::new();
        match part {
            Part::Function => rows = self.function().await?,
            Part::Server => rows = self.server().await?,
            Part::Threads => rows = self.threads().await?,
            Part::Token => rows = self.token().await?,
            Part::Grants => rows = self.grants().await?,
            Part::Cache => {
                for (name, program) in programs {
                    rows += &self.cached(name, program).await?;
                }
            }
            Part::Idle => {
                for (name, program) in programs {
                    rows += &self.idle(name, program).await?;
                }
            }
        }
        Ok(rows)
    }

    async fn function(&self) -> Result<String, Fault> {
        let reference = self.setup.reference(&self.options.reference)?;
        let function = self.setup.ours(&self.options.function, Vec::new())?;
        let mut rows = String::new();
        for connections in [16, 64] {
            let effort = self.options.effort;
            let compared = Comparison::measure(&function, &reference, connections, effort).await?;
            let name = |of| format!("function over reference, {of}, {connections} connections");
            rows += &compared.cpu().row(&name("CPU per request"), Aim::AtMost(1.3));
            rows += &compared.requests().row(&name("requests per second"), Aim::AtLeast(0.8));
        }
        Ok(rows)
    }

    async fn server(&self) -> Result<String, Fault> {
        let reference = self.setup.reference(&self.options.reference)?;
        let server = self.setup.server(&self.options.server, cores::SERVICE)?;
        let mut rows = String::new();
        for connections in [16, 64] {
            let effort = self.options.effort;
            let compared = Comparison::measure(&server, &reference, connections, effort).await?;
            let name = format!("server over reference, CPU per request, {connections} connections");
            rows += &compared.cpu().row(&name, Aim::AtMost(1.1));
        }
        Ok(rows)
    }

    async fn threads(&self) -> Result<String, Fault> {
        let one = self.setup.server(&self.options.server, cores::SERVICE)?;
        let two = self.setup.server(&self.options.server, cores::BOTH)?;
        let compared = Comparison::measure(&two, &one, 64, self.options.effort).await?;
        let cpu = compared.cpu();
        Ok(cpu.row("server, `THREADS=2` over 1, CPU per request", Aim::AtMost(1.1))
            + &compared
                .second_thread()
                .row("server, `THREADS=2`, part of the second thread", Aim::AtLeast(0.3)))
    }

    async fn cached(&self, name: &str, program: &Path) -> Result<String, Fault> {
        let bare = self.setup.bare(&self.options.bare)?;
        let ours = self.setup.ours(program, vec![("CACHE", "on".to_owned())])?;
        let compared = Comparison::measure(&ours, &bare, 16, self.options.effort).await?;
        let of = |what| format!("{name}, cache hit, {what} of the bare server's");
        Ok(compared.share_of_ceiling().row(&of("ceiling in CPU"), Aim::AtLeast(0.6))
            + &compared.requests().row(&of("requests per second"), Aim::AtLeast(0.75)))
    }

    async fn token(&self) -> Result<String, Fault> {
        let none = self.setup.ours(&self.options.function, Vec::new())?;
        let token = self.setup.with_token(&self.options.function)?;
        let compared = Comparison::measure(&token, &none, 16, self.options.effort).await?;
        let name = "function, a token again over `AUTH=none`, microseconds more";
        Ok(compared.more_microseconds().row(name, Aim::AtMost(5.0)))
    }

    async fn grants(&self) -> Result<String, Fault> {
        let program = &self.options.function;
        let one = self.setup.with_grants(program, 1, 1)?;
        let mut rows = String::new();
        for (name, matching, all, most) in [
            ("function, ten matching grants over one, CPU per request", 10, 10, 1.2),
            ("function, 1 000 grants over one, CPU per request", 1, 1000, 1.05),
        ] {
            let many = self.setup.with_grants(program, matching, all)?;
            let compared = Comparison::measure(&many, &one, 16, self.options.effort).await?;
            rows += &compared.cpu().row(name, Aim::AtMost(most));
        }
        Ok(rows)
    }

    async fn idle(&self, name: &str, program: &Path) -> Result<String, Fault> {
        let others = [("CACHE", "on"), ("CONNECTIONS_MAX", "1000")];
        let others = others.map(|(name, value)| (name, value.to_owned()));
        let ours = self.setup.ours(program, others.into())?;
        let _open = clients::idle(&ours.service, &ours.exchange, IDLE).await?;
        let megabytes = Figure::megabytes(ours.service.memory_bytes()?);
        Ok(megabytes.row(&format!("{name}, {IDLE} idle connections, MB"), Aim::AtMost(25.0)))
    }
}

const IDLE: usize = 1000;
