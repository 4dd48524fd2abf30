//! One cell: one service, one latency of the STS, with or without a cache.

use std::time::Duration;

use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::Sts;

use crate::figures::Figures;
use crate::load::{self, Load};
use crate::process::Running;
use crate::service::Service;

/// What was measured, and under which conditions.
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) is_ours: bool,
    pub(crate) latency_ms: u64,
    pub(crate) has_cache: bool,
    pub(crate) figures: Figures,
}

/// Starts `service`, checks an answer, lets it warm up, and measures it for the given time.
pub(crate) async fn measure(
    service: &Service,
    sts: &Sts,
    has_cache: bool,
    measured: Duration,
) -> Result<Figures, Fault> {
    sts.take_log();
    let running = Running::start(service, sts, has_cache).await?;
    load::check(running.port).await?;

    let mut load = Load::start(running.port);
    work(&mut load, WARM_UP).await?;
    load.take_seconds();
    let (began_at, cpu_before) = (clock::instant(), running.cpu_seconds()?);
    work(&mut load, measured).await?;
    let cpu_seconds = running.cpu_seconds()? - cpu_before;
    let (elapsed, seconds) = (began_at.elapsed(), load.take_seconds());
    let memory_kilobytes = running.memory_kilobytes()?;

    let requests = load.stop().await?.saturating_add(1);
    let sts_calls = sts.take_log().calls.len();
    Figures::new(seconds, elapsed, cpu_seconds, memory_kilobytes, sts_calls, requests)
        .ok_or_else(|| "nothing was answered".into())
}

/// Longer than the queue in front of a service with four workers takes at the slowest STS.
const WARM_UP: Duration = Duration::from_secs(2);

async fn work(load: &mut Load, time: Duration) -> Result<(), Fault> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        fault = load.failed() => Err(fault),
    }
}
