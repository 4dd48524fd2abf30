//! Single flight: callers who ask for the same credential at once wait for one STS call.
//!
//! # Guarantees
//! - One flight a key at a time. A flight belongs to no caller: it goes on when the one who caused
//!   it leaves.
//! - A failure goes to those who wait for its flight. It is not kept, and nobody who asks later
//!   gets it.
//! - Nobody joins a flight whose deadline has passed, as that of an instance that was frozen, or
//!   that ended without a result.
//!
//! # Not covered
//! What a flight does (`upstream`), and how long each caller waits for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};
#[cfg(not(test))]
use std::sync::{Mutex, MutexGuard};

// The tests of this file explore the orders in which callers and flights take this lock.
#[cfg(test)]
use shuttle::sync::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::cache::{Cache, Cached, Term};
use crate::deadline::Deadline;
use tencent::time::{Clock, Timestamp};

/// The cache, and the flights that fill it.
pub(super) struct Flights<K, V, E> {
    state: Mutex<State<K, V, E>>,
}

struct State<K, V, E> {
    cache: Cache<K, V>,
    flights: HashMap<K, Entry<V, E>>,
    count: u64,
    /// Whether a sweep runs.
    is_swept: bool,
}

struct Entry<V, E> {
    number: u64,
    deadline: Deadline,
    landing: Landing<V, E>,
}

/// How to get a credential.
pub(super) enum Ticket<K: Clone + Eq + Hash, V, E> {
    /// It is here. Where a flight is included, the next one should be fetched now.
    Cached(Arc<V>, Option<Flight<K, V, E>>),
    /// Another caller caused its flight.
    Joined(Landing<V, E>),
    /// The flight that the caller has to run, and its landing.
    First(Flight<K, V, E>, Landing<V, E>),
}

impl<K: Clone + Eq + Hash, V, E: Clone> Flights<K, V, E> {
    pub(super) fn new(entries_max: usize) -> Arc<Self> {
        let cache = Cache::new(entries_max);
        let state = State { cache, flights: HashMap::new(), count: 0, is_swept: false };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// The ticket of a caller. A flight that begins has the time that `deadline` returns, by
    /// `clock`; the terms of what is cached are compared with `now`.
    pub(super) fn ticket(
        self: &Arc<Self>,
        key: &K,
        refresh_ahead: bool,
        deadline: &dyn Fn() -> Deadline,
        clock: &dyn Clock,
        now: Timestamp,
    ) -> Ticket<K, V, E> {
        let mut state = self.state();
        let cached = state.cache.find(key, now);
        let running = state.flights.get(key);
        let running = running.filter(|flight| !flight.deadline.remaining(clock).is_zero());
        match (cached, running) {
            (Some(Cached { value, is_due }), None) if is_due && refresh_ahead => {
                let (flight, _) = self.start(&mut state, key, deadline());
                Ticket::Cached(value, Some(flight))
            }
            (Some(Cached { value, .. }), _) => Ticket::Cached(value, None),
            (None, Some(flight)) => Ticket::Joined(flight.landing.clone()),
            (None, None) => {
                let (flight, landing) = self.start(&mut state, key, deadline());
                Ticket::First(flight, landing)
            }
        }
    }

    /// Whether a sweep has to begin: something is cached, and no sweep runs.
    pub(super) fn begins_sweep(&self) -> bool {
        let mut state = self.state();
        let begins = !state.is_swept && !state.cache.is_empty();
        state.is_swept |= begins;
        begins
    }

    pub(super) fn cached_count(&self) -> usize {
        self.state().cache.count()
    }

    /// Drops what can no longer be served. False when nothing is left, which ends the sweep.
    pub(super) fn sweep(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        state.cache.purge(now);
        state.is_swept = !state.cache.is_empty();
        state.is_swept
    }

    fn start(
        self: &Arc<Self>,
        state: &mut State<K, V, E>,
        key: &K,
        deadline: Deadline,
    ) -> (Flight<K, V, E>, Landing<V, E>) {
        state.count = state.count.saturating_add(1);
        let number = state.count;
        let (sender, receiver) = watch::channel(None);
        let landing = Landing(receiver);
        let entry = Entry { number, deadline, landing: landing.clone() };
        state.flights.insert(key.clone(), entry);
        let flights = Arc::clone(self);
        (Flight { flights, key: key.clone(), number, deadline, sender }, landing)
    }

    fn state(&self) -> MutexGuard<'_, State<K, V, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to fetch a credential, and the duty to land it.
pub(super) struct Flight<K: Clone + Eq + Hash, V, E> {
    flights: Arc<Flights<K, V, E>>,
    key: K,
    number: u64,
    deadline: Deadline,
    sender: watch::Sender<Option<Result<Arc<V>, E>>>,
}

impl<K: Clone + Eq + Hash, V, E: Clone> Flight<K, V, E> {
    /// The time that it has.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Ends the flight: `result` goes to all who wait, and a credential is kept for its term.
    /// Returns whether anyone waits.
    pub(super) fn land(self, result: Result<(Arc<V>, Term), E>, now: Timestamp) -> bool {
        let mut state = self.flights.state();
        if state.end(&self.key, self.number) {
            match &result {
                Ok((value, term)) => {
                    state.cache.insert(self.key.clone(), Arc::clone(value), *term, now);
                }
                Err(_) => state.cache.put_off(&self.key, now.plus_seconds(REFRESH_PAUSE_SECONDS)),
            }
        }
        drop(state);
        self.sender.send_replace(Some(result.map(|(value, _)| value)));
        self.sender.receiver_count() > 0
    }
}

impl<K: Clone + Eq + Hash, V, E> Drop for Flight<K, V, E> {
    /// After a panic, nobody joins what will never land.
    fn drop(&mut self) {
        let mut state = self.flights.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.end(&self.key, self.number);
    }
}

impl<K: Eq + Hash, V, E> State<K, V, E> {
    /// Forgets a flight; false when another one has taken its place, as that of a frozen one.
    fn end(&mut self, key: &K, number: u64) -> bool {
        let is_current = self.flights.get(key).is_some_and(|entry| entry.number == number);
        is_current && self.flights.remove(key).is_some()
    }
}

/// Where the result of a flight arrives.
pub(super) struct Landing<V, E>(watch::Receiver<Option<Result<Arc<V>, E>>>);

impl<V, E> Clone for Landing<V, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V, E: Clone> Landing<V, E> {
    /// Waits for the result; `None` when the flight ended without one.
    pub(super) async fn result(mut self) -> Option<Result<Arc<V>, E>> {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok()?.clone()
    }
}

/// Without a pause, each hit would call an STS that is down.
const REFRESH_PAUSE_SECONDS: u32 = 10;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small")]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use shuttle::future::block_on;
    use shuttle::rand::{Rng as _, thread_rng};
    use shuttle::scheduler::RandomScheduler;
    use shuttle::{Runner, thread};

    use super::{Flight, Flights, Term, Ticket};
    use crate::deadline::Deadline;
    use tencent::time::Clock;

    const NOW_MS: u64 = 1_700_000_000_000;

    struct Settable(AtomicU64);

    impl Clock for Settable {
        fn unix_milliseconds(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    /// A credential or a failure: whose it is, and the number of its flight.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Mark(u8, u64);

    /// What has happened, as an observer outside knows it.
    #[derive(Default)]
    struct Log {
        flights: u64,
        in_the_air: HashSet<u8>,
        landed: HashSet<u64>,
    }

    struct World {
        flights: Arc<Flights<u8, Mark, Mark>>,
        clock: Settable,
        log: StdMutex<Log>,
    }

    impl World {
        fn new(entries_max: usize) -> Arc<Self> {
            let clock = Settable(AtomicU64::new(NOW_MS));
            let flights = Flights::new(entries_max);
            Arc::new(Self { flights, clock, log: StdMutex::default() })
        }

        fn pass(&self, milliseconds: u64) {
            self.clock.0.fetch_add(milliseconds, Ordering::SeqCst);
        }

        fn ticket(&self, key: u8) -> Ticket<u8, Mark, Mark> {
            let deadline = Deadline::after(Duration::from_secs(3), &self.clock);
            self.flights.ticket(&key, true, &|| deadline, &self.clock, self.clock.now())
        }

        /// A call of STS: it takes a while, and succeeds, fails, or panics.
        fn fly(&self, flight: Flight<u8, Mark, Mark>, outcome: Outcome) {
            let key = flight.key;
            let number = {
                let mut log = self.log.lock().unwrap();
                log.flights += 1;
                assert!(log.in_the_air.insert(key), "two flights for {key} at once");
                log.flights
            };
            thread::yield_now();
            let mark = Mark(key, number);
            let now = self.clock.now();
            self.log.lock().unwrap().in_the_air.remove(&key);
            match outcome {
                Outcome::Success => {
                    let term = Term::new(now, now.plus_seconds(1800), 300, 0);
                    flight.land(Ok((Arc::new(mark), term)), now);
                }
                Outcome::Failure => {
                    flight.land(Err(mark), now);
                }
                Outcome::Panic => drop(flight),
            }
            self.log.lock().unwrap().landed.insert(number);
        }

        /// A caller: takes what is there, or waits, or leaves.
        fn ask(self: &Arc<Self>, key: u8, outcome: Outcome, stays: bool) -> Option<Mark> {
            let landed_before = self.log.lock().unwrap().landed.clone();
            let (landing, flight) = match self.ticket(key) {
                Ticket::Cached(value, flight) => {
                    assert!(flight.is_none(), "nothing is due");
                    assert_eq!(value.0, key, "another caller's credential");
                    return Some((*value).clone());
                }
                Ticket::Joined(landing) => (landing, None),
                Ticket::First(flight, landing) => (landing, Some(flight)),
            };
            if let Some(flight) = flight {
                let world = Arc::clone(self);
                thread::spawn(move || world.fly(flight, outcome));
            }
            if !stays {
                return None;
            }
            let result = block_on(landing.result())?;
            let mark = result.as_deref().unwrap_or_else(|failure| failure);
            assert_eq!(mark.0, key, "another caller's result");
            if result.is_err() {
                assert!(!landed_before.contains(&mark.1), "a failure of the past");
            }
            Some(mark.clone())
        }
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Outcome {
        Success,
        Failure,
        Panic,
    }

    const RANDOM_SCHEDULES: u64 = 30_000;

    const SEED: u64 = 20_261_126;

    /// Every order in which two callers and their flight can take the lock.
    #[test]
    fn one_flight_serves_all_who_ask_in_every_order() {
        let check = || {
            let world = World::new(10);
            let ask = |_| {
                let world = Arc::clone(&world);
                thread::spawn(move || world.ask(7, Outcome::Success, true))
            };
            let callers: Vec<_> = (0..2).map(ask).collect();
            for caller in callers {
                assert_eq!(caller.join().unwrap(), Some(Mark(7, 1)));
            }
            assert_eq!(world.log.lock().unwrap().flights, 1);
        };
        let schedules = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&schedules);
        let counted = move || {
            count.fetch_add(1, Ordering::SeqCst);
            check();
        };
        shuttle::check_dfs(counted, None);
        let schedules = schedules.load(Ordering::SeqCst);
        assert!(schedules + RANDOM_SCHEDULES >= 100_000, "{schedules}");
    }

    /// Callers of two keys in a cache of one, who stay or leave; flights that succeed, fail or
    /// panic.
    #[test]
    fn nobody_gets_anothers_credential_or_an_old_failure() {
        let check = || {
            let world = World::new(1);
            let caller = |_| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    for _ in 0..2 {
                        let (key, outcome) =
                            (thread_rng().gen_range(0..2), thread_rng().gen_range(0..5));
                        let outcome = match outcome {
                            0 => Outcome::Panic,
                            1 | 2 => Outcome::Failure,
                            _ => Outcome::Success,
                        };
                        world.ask(key, outcome, thread_rng().gen_bool(0.8));
                    }
                })
            };
            let callers: Vec<_> = (0..3).map(caller).collect();
            for caller in callers {
                caller.join().unwrap();
            }
        };
        let schedules = usize::try_from(RANDOM_SCHEDULES).unwrap();
        let scheduler = RandomScheduler::new_from_seed(SEED, schedules);
        Runner::new(scheduler, shuttle::Config::default()).run(check);
    }

    #[test]
    fn what_is_due_is_served_while_one_flight_fetches_the_next() {
        shuttle::check_random(
            || {
                let world = World::new(10);
                assert_eq!(world.ask(1, Outcome::Success, true), Some(Mark(1, 1)));
                world.pass(850_000);
                let Ticket::Cached(value, Some(flight)) = world.ticket(1) else {
                    panic!("not due")
                };
                assert_eq!(*value, Mark(1, 1));
                assert!(matches!(world.ticket(1), Ticket::Cached(_, None)), "one flight is enough");
                // A refresh that fails is put off, and changes nothing for callers.
                world.fly(flight, Outcome::Failure);
                assert!(matches!(world.ticket(1), Ticket::Cached(_, None)), "too soon");
                world.pass(10_000);
                let Ticket::Cached(_, Some(flight)) = world.ticket(1) else { panic!("not due") };
                world.fly(flight, Outcome::Success);
                assert_eq!(world.ask(1, Outcome::Success, true), Some(Mark(1, 3)));
            },
            1,
        );
    }

    #[test]
    fn one_sweep_at_a_time_wipes_what_ends() {
        shuttle::check_random(
            || {
                let world = World::new(10);
                assert!(!world.flights.begins_sweep(), "nothing is cached");
                world.ask(1, Outcome::Success, true);
                let Ticket::Cached(value, _) = world.ticket(1) else { panic!("not cached") };
                assert!(world.flights.begins_sweep() && !world.flights.begins_sweep());
                assert!(world.flights.sweep(world.clock.now()));
                world.pass(900_000);
                assert!(!world.flights.sweep(world.clock.now()));
                assert_eq!(Arc::strong_count(&value), 1, "it is still in memory");
                world.ask(1, Outcome::Success, true);
                assert!(world.flights.begins_sweep());
            },
            1,
        );
    }

    #[test]
    fn nobody_joins_a_flight_that_was_frozen() {
        shuttle::check_random(
            || {
                let world = World::new(10);
                let Ticket::First(frozen, landing) = world.ticket(1) else { panic!("no flight") };
                assert!(matches!(world.ticket(1), Ticket::Joined(_)));
                world.pass(3_600_000);
                let Ticket::First(next, _) = world.ticket(1) else { panic!("joined") };
                // It lands at last: those who waited get its result, and it is not kept.
                world.fly(frozen, Outcome::Success);
                assert!(block_on(landing.result()).is_some());
                assert!(matches!(world.ticket(1), Ticket::Joined(_)));
                world.fly(next, Outcome::Success);
                assert_eq!(world.ask(1, Outcome::Success, true), Some(Mark(1, 2)));
            },
            1,
        );
    }
}
