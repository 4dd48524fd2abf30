//! cos-emulator: the local cloud in which the function runs on a laptop, with no account and no
//! network.
//!
//! One process, loopback only. A gateway turns HTTP into the platform's event, a runtime API hands
//! it to the *deployable* binary (a child process with a cleared environment), and an STS that
//! checks every signature issues the keys:
//!
//! ```text
//! curl ──> gateway ──> event ──> runtime ──> child: bootstrap
//!          (5000)      shape     instance       │ signed call, TLS
//!                                               └──────> sts ──> account (keys, roles)
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`Cloud`], [`CloudBuilder`] | everything together, started and stopped as one |
//! | `account`, `secrets` | users, keys, roles and policies; every secret ever issued |
//! | `sts` | verification, actions, documented errors, the record of calls |
//! | `cos` | the object storage; each signature is verified, each access decided by CAM |
//! | `gateway`, `event` | HTTP to event and reply to HTTP, one file for each shape |
//! | `middleware` | what each call to each service passes: `clock`, `random` (the seed), `fault`, `trace` |
//! | `state` | what COS stores, and the clock: kept in a file, put back, reset |
//! | `admin` | the same over HTTP, on a port of its own |
//! | [`parity`] | the truth table: each behaviour of a platform and how it is known |
//! | `function`, `instance`, `runtime`, `process` | child processes: states, limits, freezing, replacement, both runtime APIs |
//! | `platform` | errors, limits and log lines of each platform |
//!
//! ```no_run
//! # async fn example() -> Result<(), cos_emulator::StartError> {
//! use cos_emulator::{Cloud, Fault, FaultRule, Platform, Service};
//!
//! let cloud = Cloud::builder()
//!     .function("target/deploy/bootstrap")
//!     .platform(Platform::ScfWeb)
//!     .env("ALLOW", "upload")
//!     .fault(FaultRule::new(Service::Sts, Fault::Outage).nth(2))
//!     .start()
//!     .await?;
//! let gateway = cloud.gateway_url();
//! cloud.advance_clock(31 * 60);
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//! Nothing listens beyond 127.0.0.1; no key works that this cloud did not make; keys that look real
//! are refused; no child outlives its [`Cloud`]. It fails closed: no key and no switch skips a
//! check. Comments mark a behaviour of the platform as *documented*, *observed* or *inferred*.

mod account;
mod admin;
mod ca;
mod clock;
mod cloud;
mod cos;
mod environment;
mod event;
mod fault;
mod function;
mod gateway;
mod http_date;
mod instance;
mod listener;
mod middleware;
mod net;
pub mod parity;
mod platform;
mod process;
mod random;
mod runtime;
mod secrets;
mod setters;
mod state;
mod sts;
mod sync;
mod trace;
mod web;

pub use account::{
    Account, AccountFileError, BadJwks, KeyOwner, KeyPair, OidcProvider, Role, Trust, User,
};
pub use admin::Admin;
pub use clock::EmulatedClock;
pub use cloud::marker::MARKER;
pub use cloud::{Cloud, CloudBuilder, FunctionAddress, FunctionOptions, NotReady, StartError};
pub use cos::auth::{AccessRecord, DecisionRecord};
#[doc(hidden)]
pub use cos::fuzzing;
pub use cos::{Cos, CosCall, Durability, MergeOrder};
pub use fault::{
    BadFault, Fault, FaultRule, FaultState, Faults, Member, RefusedFault, Service, WhichKey,
};
pub use function::{Invocation, Outcome};
pub use gateway::GatewayCall;
pub use platform::{LambdaEvent, Platform, PlatformError, ScfEvent};
pub use sts::{Sts, StsCall};
