//! The probes as a shell script, for someone who has an account.
//!
//! # Guarantees
//!
//! There is no secret in the script, none in the arguments of a program that it starts, and none in
//! what it prints.

use std::fmt::Write as _;

use super::probes::{PROBES, Probe, Signature, Step};

/// The script that makes all requests and prints their statuses.
pub(super) fn script() -> String {
    let mut text = HEAD.to_owned();
    for probe in &PROBES {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n# {}\n", probe.behaviour);
        for (number, step) in probe.steps.iter().enumerate() {
            let _ = writeln!(text, "{}", line(probe, number, step));
        }
    }
    text + TAIL
}

fn line(probe: &Probe, number: usize, step: &Step) -> String {
    let signature = match step.signature {
        Signature::None => "none",
        Signature::Now => "0",
        Signature::InAnHour => "3600",
    };
    let mut line = format!(
        "ask {} {number} {} {} {signature} {}",
        probe.name,
        step.method,
        quoted(step.target),
        quoted(step.body)
    );
    for header in step.headers {
        // In double quotes, since it may name the bucket.
        let _ = write!(line, " \"{}\"", header.replace('\\', "\\\\").replace('"', "\\\""));
    }
    line
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

const HEAD: &str = r#"#!/bin/sh
# Asks COS itself for what the local cloud of cos-issuer infers. It needs curl, Python 3, and an
# empty bucket that you delete afterwards: the last request enables versioning.
#
#     export TENCENTCLOUD_SECRET_ID=... TENCENTCLOUD_SECRET_KEY=...
#     export BUCKET=parity-1250000000 REGION=ap-guangzhou
#     sh parity.sh >results.txt        # a few seconds, about fifty requests
#
# results.txt contains statuses and error codes, and no secret. Send it back; who has it runs
#     cos-issuer parity --read results.txt
#
# A temporary key needs TENCENTCLOUD_TOKEN too. CURL_OPTIONS are more options for curl.
set -eu
: "${TENCENTCLOUD_SECRET_ID:?must be set}" "${TENCENTCLOUD_SECRET_KEY:?must be set}"
: "${BUCKET:?must be set, for example parity-1250000000}" "${REGION:?must be set, for example ap-guangzhou}"
export TENCENTCLOUD_SECRET_ID TENCENTCLOUD_SECRET_KEY
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
printf 'cos-issuer-parity\t%s\n' "$(date -u +%Y-%m-%d)"

# signature METHOD PATH SHIFT: the key is in the environment, where other users do not see it.
signature() {
    python3 -c '
import hashlib, hmac, os, sys, time

def mac(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()

method, path, shift = sys.argv[1:]
start = int(time.time()) + int(shift) - 60
period = f"{start};{start + 600}"
digest = hashlib.sha1(f"{method.lower()}\n{path}\n\n\n".encode()).hexdigest()
signed = mac(mac(os.environ["TENCENTCLOUD_SECRET_KEY"], period), f"sha1\n{period}\n{digest}\n")
secret_id = os.environ["TENCENTCLOUD_SECRET_ID"]
print(f"q-sign-algorithm=sha1&q-ak={secret_id}&q-sign-time={period}&q-key-time={period}&q-header-list=&q-url-param-list=&q-signature={signed}")
' "$@"
}

# secret_headers METHOD TARGET SHIFT: as curl reads them from standard input.
secret_headers() {
    [ "$3" = none ] || printf 'header = "Authorization: %s"\n' "$(signature "$1" "${2%%\?*}" "$3")"
    [ "$3" = none ] || [ -z "${TENCENTCLOUD_TOKEN:-}" ] || printf 'header = "x-cos-security-token: %s"\n' "$TENCENTCLOUD_TOKEN"
}

# ask PROBE STEP METHOD TARGET SHIFT BODY HEADER...
ask() {
    probe=$1 step=$2 method=$3 target=$4 shift=$5 body=$6
    shift 6
    for header; do
        set -- "$@" --header "$header"
        shift
    done
    case $method in PUT | POST) set -- "$@" --header Content-Type: --data-binary "$body" ;; esac
    # shellcheck disable=SC2086 # CURL_OPTIONS are several.
    status=$(secret_headers "$method" "$target" "$shift" | curl --silent --path-as-is ${CURL_OPTIONS:-} --config - \
        --request "$method" --output "$answer" --write-out '%{http_code}' "$@" \
        "${SCHEME:-https}://$BUCKET.cos.$REGION.myqcloud.com$target") || status=000
    code=$(sed -n 's/.*<Code>\([^<]*\)<.*/\1/p' "$answer" | head -n 1)
    [ "$status" -ge 300 ] || code=
    printf '%s\t%s\t%s\t%s\n' "$probe" "$step" "$status" "$code"
}
"#;

const TAIL: &str = r#"
for key in a a//b a/../c log archived; do
    ask cleaning-up 0 DELETE "/parity/$key" 0 '' >&2
done
"#;
