//! Limits and the kill switch: `RATE_LIMIT`, `RATE_LIMIT_BLOCK`, `CLIENT_ADDRESS`, `DENY`,
//! `DENY_FILE`.

use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderName;

use super::reader::Reader;
use crate::deny_list::DenyList;
use crate::rate_limit::RateLimit;
use crate::request::AddressHeader;
use crate::runtime::Platform;

/// `is_open` is whether everyone who reaches the function gets credentials.
pub(super) fn rate_limit(reader: &mut Reader<'_>, is_open: bool) -> Option<Option<RateLimit>> {
    let block = reader.parsed_or("RATE_LIMIT_BLOCK", None, |text| {
        let form = "must be a number and `s`, `m` or `h`, for example `5m`";
        duration(text).filter(|block| *block <= MAX_BLOCK).map(Some).ok_or(form)
    });
    if !reader.is_set("RATE_LIMIT") {
        if reader.is_set("RATE_LIMIT_BLOCK") {
            reader.error("RATE_LIMIT_BLOCK", "has no effect: set RATE_LIMIT, or remove it");
        }
        if is_open {
            reader.warn(UNLIMITED);
        }
        return Some(None);
    }
    let limit = reader.parsed("RATE_LIMIT", |text| {
        let (requests, period) = text.split_once('/').ok_or(RATE_LIMIT)?;
        let requests = whole(requests).filter(|requests| requests.get() <= MAX_REQUESTS);
        let period = duration(period).filter(|period| *period <= MAX_PERIOD);
        requests.zip(period).ok_or(RATE_LIMIT)
    });
    let (requests, period) = limit?;
    Some(Some(RateLimit { requests, period, block: block? }))
}

/// `None` where the connection or the event decides.
pub(super) fn client_address(
    reader: &mut Reader<'_>,
    platform: Option<&Platform>,
) -> Option<Option<AddressHeader>> {
    let is_server = matches!(platform, Some(Platform::Server(_)));
    let event = "must not be `platform` on a server, where no event carries an address: write \
         `connection`, or `header:X-Forwarded-For:1` behind one proxy";
    let connection = "must not be `connection` on Lambda and in SCF event functions, which have \
         no connection to the client: write `platform`";
    reader.parsed_or("CLIENT_ADDRESS", None, |text| match text {
        "platform" if is_server => Err(event),
        "connection" if platform.is_some() && !is_server => Err(connection),
        "platform" | "connection" => Ok(None),
        _ => address_header(text).map(Some).ok_or(CLIENT_ADDRESS),
    })
}

fn address_header(text: &str) -> Option<AddressHeader> {
    let (name, hops) = text.strip_prefix("header:")?.split_once(':')?;
    let hops = whole(hops).filter(|hops| hops.get() <= MAX_HOPS)?;
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some(AddressHeader { name, hops: usize::try_from(hops.get()).ok()? })
}

/// `DENY` and the content of `DENY_FILE` together.
pub(super) fn deny_list(reader: &mut Reader<'_>) -> Option<DenyList> {
    let list = reader.parsed_or("DENY", DenyList::default(), DenyList::parse);
    let path = reader.optional("DENY_FILE");
    let lines = path.map_or(Ok(DenyList::default()), |path| deny_file(&reader.file(path)?));
    let lines = lines.map_err(|text| reader.error("DENY_FILE", text)).ok();
    Some(list?.and(&lines?))
}

fn deny_file(bytes: &[u8]) -> Result<DenyList, String> {
    let text = str::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned())?;
    DenyList::parse_lines(text).map_err(|(line, error)| format!("line {line} {error}"))
}

/// Digits only: `+5` and ` 5` are not numbers of ours.
fn whole(text: &str) -> Option<NonZeroU32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn duration(text: &str) -> Option<Duration> {
    let (number, seconds) = match text.strip_suffix('s') {
        Some(number) => (number, 1),
        None => match text.strip_suffix('m') {
            Some(number) => (number, 60),
            None => (text.strip_suffix('h')?, 3600),
        },
    };
    Some(Duration::from_secs(u64::from(whole(number)?.get()).checked_mul(seconds)?))
}

const MAX_REQUESTS: u32 = 1_000_000;
const MAX_PERIOD: Duration = Duration::from_secs(24 * 3600);
const MAX_BLOCK: Duration = Duration::from_secs(24 * 3600);
const MAX_HOPS: u32 = 16;

const RATE_LIMIT: &str = "must be a number of requests, `/`, and a duration of at most a day in \
     `s`, `m` or `h`, for example `60/1m`";

const CLIENT_ADDRESS: &str = "must be `connection`, `platform`, or `header:NAME:HOPS` with the \
     number of trusted proxies, for example `header:X-Forwarded-For:1`";

const UNLIMITED: &str = "AUTH=none on an address that others can reach, without a limit: set \
     RATE_LIMIT, for example to `60/1m`";
