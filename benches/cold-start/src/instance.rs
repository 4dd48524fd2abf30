//! One cold start, and some warm invocations after it, of one program.
//!
//! # Guarantees
//!
//! The process is gone when this returns, and an instance that hangs or ends early is a fault
//! within a bounded time.

use crate::program::Program;
use crate::runtime_api::{Exchange, RuntimeApi, Trace};
use crate::stats;
use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::{Call, Log, Sts};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// What one instance took. Seconds are compared, never shown.
pub(crate) struct Sample {
    /// From before the process was started until its first call of `next` was complete.
    pub(crate) to_next_seconds: f64,
    /// The same, until its first answer was complete.
    pub(crate) to_answer_seconds: f64,
    /// From the first event until its answer was complete.
    pub(crate) first_answer_seconds: f64,
    /// How often the first answer waited for the STS: for TCP, for TLS, and for each call.
    pub(crate) first_round_trips: usize,
    /// The median warm invocation, from event written to answer complete, less the time that the
    /// STS took.
    pub(crate) warm_seconds: f64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) sts_connections: usize,
    pub(crate) sts_calls: usize,
}

/// Starts `program`, sends it one event, `first_after` its `next`, and then `warm` more, and ends it.
pub(crate) async fn measure(
    program: &Program,
    warm: usize,
    first_after: Duration,
    sts: &Sts,
) -> Result<Sample, Fault> {
    let mut runtime_api = RuntimeApi::bind().await?;
    let mut command = Command::new(&program.path);
    command.env_clear().envs(program.environment.iter().map(|(name, value)| (name, value)));
    command.env("AWS_LAMBDA_RUNTIME_API", runtime_api.address()?.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    sts.take_log();

    let started_at = clock::instant();
    let mut child = command.spawn()?;
    let pid = child.id().ok_or("the process has no id")?;
    let trace = tokio::select! {
        trace = runtime_api.serve(pid, warm.saturating_add(1), first_after, program.answer) => trace,
        status = child.wait() => status.map_err(Fault::from).and_then(|status| Err(format!("ended early, {status}").into())),
        () = tokio::time::sleep(LIMIT) => Err("hangs".into()),
    };
    let trace = trace.map_err(|fault| format!("{}: {fault}", program.path.display()))?;
    child.kill().await?;
    sample(started_at, &trace, sts)
}

/// Far beyond what any instance takes.
const LIMIT: Duration = Duration::from_secs(60);

fn sample(started_at: Instant, trace: &Trace, sts: &Sts) -> Result<Sample, Fault> {
    let (first, warm) = trace.exchanges.split_first().ok_or("no invocation was answered")?;
    let log = sts.take_log();
    let since_start = |moment: Instant| moment.duration_since(started_at).as_secs_f64();
    Ok(Sample {
        to_next_seconds: since_start(trace.first_next_at.ok_or("`next` was never called")?),
        to_answer_seconds: since_start(first.answered_at),
        first_answer_seconds: first.answered_at.duration_since(first.handed_at).as_secs_f64(),
        first_round_trips: round_trips(*first, &log),
        warm_seconds: stats::median(warm.iter().map(|exchange| own_seconds(*exchange, &log.calls)))
            .ok_or("no warm invocation")?,
        peak_memory_bytes: trace.peak_memory_bytes,
        sts_connections: log.connections.len(),
        sts_calls: log.calls.len(),
    })
}

/// The invocation's time without that of the STS calls made in it.
fn own_seconds(exchange: Exchange, calls: &[Call]) -> f64 {
    let within = |call: &&Call| {
        call.asked_at >= exchange.handed_at && call.answered_at <= exchange.answered_at
    };
    let in_sts: Duration = calls
        .iter()
        .filter(within)
        .map(|call| call.answered_at.duration_since(call.asked_at))
        .sum();
    exchange.answered_at.duration_since(exchange.handed_at).saturating_sub(in_sts).as_secs_f64()
}

/// What ended within the exchange. TLS 1.3 takes one round trip.
fn round_trips(exchange: Exchange, log: &Log) -> usize {
    let within = |moment| (exchange.handed_at..=exchange.answered_at).contains(&moment);
    let opened = log.connections.iter().flat_map(|opened| [opened.accepted_at, opened.secured_at]);
    let calls = log.calls.iter().map(|call| call.answered_at);
    opened.chain(calls).filter(|moment| within(*moment)).count()
}

#[cfg(test)]
mod tests {
    use super::{own_seconds, round_trips};
    use crate::runtime_api::Exchange;
    use cos_issuer_bench_sts::clock;
    use cos_issuer_bench_sts::sts::{Call, Log, Opened};
    use std::time::Duration;

    #[test]
    fn a_connection_that_was_there_before_the_event_takes_no_round_trip() {
        let start = clock::instant();
        let at = |seconds| start + Duration::from_secs(seconds);
        let exchange = Exchange { handed_at: at(10), answered_at: at(20) };
        let calls = vec![Call { asked_at: at(14), answered_at: at(15) }];
        let mut log = Log { connections: Vec::new(), calls };
        for (accepted, secured, expected) in [(1, 2, 1), (9, 11, 2), (11, 12, 3), (21, 22, 1)] {
            log.connections = vec![Opened { accepted_at: at(accepted), secured_at: at(secured) }];
            assert_eq!(round_trips(exchange, &log), expected, "{accepted} {secured}");
        }
    }

    #[test]
    fn only_calls_within_the_invocation_are_taken_off() {
        let start = clock::instant();
        let at = |seconds| start + Duration::from_secs(seconds);
        let call = |from, to| Call { asked_at: at(from), answered_at: at(to) };
        let exchange = Exchange { handed_at: at(10), answered_at: at(20) };
        let own = own_seconds(exchange, &[call(8, 9), call(11, 14), call(15, 16), call(21, 22)]);
        assert!((own - 6.0).abs() < 1e-9, "{own}");
    }
}
