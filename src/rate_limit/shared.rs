//! The rate limit in the shared store: the same algorithm, by the clock of the store.

use std::time::Duration;

use redis::{Cmd, cmd};

use super::gcra::{MAX_REFUSALS, RateLimit, Refusal};
use crate::shared_store::{SharedStore, StoreError};

/// Counts a request of the caller `name`.
pub(super) async fn count(
    store: &SharedStore,
    name: &str,
    limit: &RateLimit,
) -> Result<Result<(), Refusal>, StoreError> {
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let mut command: Cmd = cmd("EVAL");
    command.arg(SCRIPT).arg(1).arg(store.key(&format!("rate:{name}")));
    command.arg(microseconds(limit.interval())).arg(microseconds(limit.period));
    command.arg(limit.block.map_or(0, microseconds)).arg(MAX_REFUSALS);
    let (outcome, wait): (u8, u64) = store.send(&command).await?;
    let wait = Duration::from_micros(wait);
    Ok(match outcome {
        0 => Ok(()),
        1 => Err(Refusal::Limited(wait)),
        _ => Err(Refusal::Blocked(wait)),
    })
}

/// Line by line what `Caller::count` does. A request that is sent twice counts twice.
const SCRIPT: &str = "\
local interval, period, block, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = redis.call('HMGET', KEYS[1], 'arrival', 'since', 'refusals', 'blocked')
local arrival = math.min(math.max(tonumber(known[1]) or 0, now), now + period)
local since, refusals = tonumber(known[2]) or 0, tonumber(known[3]) or 0
local blocked = math.min(tonumber(known[4]) or 0, now + block)
if blocked > now then return {2, blocked - now} end
local outcome, wait = 0, 0
if arrival + interval <= now + period then
  arrival = arrival + interval
else
  outcome, wait = 1, arrival + interval - now - period
  if since > now or now - since >= period then since, refusals = now, 0 end
  refusals = refusals + 1
  if block > 0 and refusals >= most then
    outcome, wait, blocked, refusals = 2, block, now + block, 0
  end
end
redis.call('HSET', KEYS[1], 'arrival', string.format('%.0f', arrival), 'since', string.format('%.0f', since),
  'refusals', refusals, 'blocked', string.format('%.0f', blocked))
redis.call('PEXPIRE', KEYS[1], math.ceil((period + block) / 1000))
return {outcome, wait}";
