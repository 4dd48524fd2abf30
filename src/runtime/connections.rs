//! The open connections of a server, and which one to close at the limit.
//!
//! # Guarantees
//! - At the limit, a new connection replaces one that waits for a request: of the peer with the
//!   most such connections, the one that has waited longest. Below the limit no peer is limited.
//! - A connection that sends no whole head in time is closed.
//! - None is closed while its request is being handled, also when another thread decides.
//! - While all are handling requests, a few more can be open, so that the health of the server can
//!   be asked.
//!
//! # Not covered
//! The time for a body, clients that do not read their answer, and what is answered over the limit
//! (`http_server`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::sleep;

pub(super) struct Connections {
    limit: usize,
    state: Mutex<State>,
    /// Numbers connections and, in place of a clock, the moments at which they began to wait.
    count: AtomicU64,
    /// A connection was closed, or waits for a request again.
    changed: Notify,
}

#[derive(Default)]
struct State {
    open: BTreeMap<u64, Entry>,
    /// How many of them are over the limit.
    over_limit: usize,
}

struct Entry {
    peer: IpAddr,
    phase: Arc<Phase>,
}

/// What a connection does. Each request changes it twice, so a change takes no lock.
struct Phase {
    /// The number of the moment at which it began to wait for a request, [`HANDLING`] or
    /// [`CLOSING`].
    waits_since: AtomicU64,
    is_over_limit: AtomicBool,
    /// The task that serves it.
    task: AtomicWaker,
}

/// A request is being handled.
const HANDLING: u64 = 0;

/// It waited, and is being closed.
const CLOSING: u64 = u64::MAX;

fn is_waiting(since: &u64) -> bool {
    *since != HANDLING && *since != CLOSING
}

impl Phase {
    /// `None` unless it waits for a request.
    fn waits_since(&self) -> Option<u64> {
        Some(self.waits_since.load(Ordering::Relaxed)).filter(is_waiting)
    }

    fn is_over_limit(&self) -> bool {
        self.is_over_limit.load(Ordering::Relaxed)
    }

    /// Closes it if it has waited since the moment `latest`, or for longer.
    fn close(&self, latest: u64) -> bool {
        let closing = |since| (is_waiting(&since) && since <= latest).then_some(CLOSING);
        let closed = self.waits_since.fetch_update(Ordering::AcqRel, Ordering::Relaxed, closing);
        if closed.is_ok() {
            self.task.wake();
        }
        closed.is_ok()
    }
}

impl Connections {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let (state, count) = (Mutex::default(), AtomicU64::new(HANDLING));
        Arc::new(Self { limit, state, count, changed: Notify::new() })
    }

    /// Registers a connection. At the limit it replaces another one; when every other one is
    /// handling a request, it is over the limit. When there are too many of these, too, it waits.
    pub(super) async fn open(self: &Arc<Self>, peer: IpAddr) -> Connection {
        loop {
            if let Some(connection) = self.try_open(peer) {
                return connection;
            }
            self.changed.notified().await;
        }
    }

    /// Closes those that have sent no whole head for [`HEAD_TIMEOUT_SECONDS`]. Never returns.
    pub(super) async fn close_silent(self: Arc<Self>) {
        let mut moments = VecDeque::from([HANDLING; HEAD_TIMEOUT_SECONDS]);
        loop {
            sleep(Duration::from_secs(1)).await;
            moments.push_back(self.count.load(Ordering::Relaxed));
            if let Some(latest) = moments.pop_front() {
                for entry in self.state().open.values() {
                    entry.phase.close(latest);
                }
            }
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.state().open.len()
    }

    fn try_open(self: &Arc<Self>, peer: IpAddr) -> Option<Connection> {
        let mut state = self.state();
        let is_over_limit = !state.make_place(self.limit);
        if is_over_limit && state.over_limit >= MAX_OVER_LIMIT && !state.replace(true) {
            return None;
        }
        let id = self.moment();
        let phase = Arc::new(Phase {
            waits_since: AtomicU64::new(id),
            is_over_limit: AtomicBool::new(is_over_limit),
            task: AtomicWaker::new(),
        });
        state.over_limit = state.over_limit.saturating_add(is_over_limit.into());
        state.open.insert(id, Entry { peer: network(peer), phase: Arc::clone(&phase) });
        Some(Connection { connections: Arc::clone(self), id, phase })
    }

    /// The number of the present moment.
    fn moment(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.open.remove(&id)?;
        self.over_limit = self.over_limit.saturating_sub(entry.phase.is_over_limit().into());
        Some(entry)
    }

    fn within_limit(&self) -> usize {
        self.open.len().saturating_sub(self.over_limit)
    }

    /// Makes a place for one more below the limit, unless each one is handling a request.
    fn make_place(&mut self, limit: usize) -> bool {
        self.within_limit() < limit || self.replace(false)
    }

    /// Replaces one that waits, of those over the limit or of the others.
    fn replace(&mut self, is_over_limit: bool) -> bool {
        // Another thread may begin to handle a request meanwhile. If that happens again and again,
        // all connections are busy.
        for _ in 0..MAX_TRIES {
            let Some(id) = self.longest_waiting(is_over_limit) else {
                return false;
            };
            if self.open.get(&id).is_some_and(|entry| entry.phase.close(CLOSING)) {
                self.remove(id);
                return true;
            }
        }
        false
    }

    fn longest_waiting(&self, is_over_limit: bool) -> Option<u64> {
        let waiting = || {
            let entries =
                self.open.iter().filter(|(_, entry)| entry.phase.is_over_limit() == is_over_limit);
            entries.filter_map(|(id, entry)| Some((*id, entry.peer, entry.phase.waits_since()?)))
        };
        let mut counts: HashMap<IpAddr, u32> = HashMap::new();
        for (_, peer, _) in waiting() {
            let count = counts.entry(peer).or_default();
            *count = count.saturating_add(1);
        }
        let rank =
            |(_, peer, since): &(u64, IpAddr, u64)| (counts.get(peer).copied(), Reverse(*since));
        waiting().max_by_key(rank).map(|(id, ..)| id)
    }
}

/// One open connection. Dropping it frees its slot.
pub(super) struct Connection {
    connections: Arc<Connections>,
    id: u64,
    phase: Arc<Phase>,
}

impl Connection {
    /// Returns when another connection takes the place of this one, or it has waited for too long.
    pub(super) async fn closed(&self) {
        let is_closing = || self.phase.waits_since.load(Ordering::Acquire) == CLOSING;
        poll_fn(|context| {
            self.phase.task.register(context.waker());
            if is_closing() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether it is one more than the limit allows, until a place is free.
    pub(super) fn is_over_limit(&self) -> bool {
        if !self.phase.is_over_limit() {
            return false;
        }
        let mut state = self.connections.state();
        if !state.open.contains_key(&self.id) {
            return false;
        }
        let has_place = state.within_limit() < self.connections.limit;
        if has_place {
            self.phase.is_over_limit.store(false, Ordering::Relaxed);
            state.over_limit = state.over_limit.saturating_sub(1);
        }
        !has_place
    }

    /// The head of a request is complete, so that a body has all of its own time.
    pub(super) fn has_head(&self) {
        self.change(self.connections.moment());
    }

    /// A request is being handled until the guard is dropped; `None` if the connection is being
    /// closed.
    pub(super) fn handling(&self) -> Option<Handling<'_>> {
        self.change(HANDLING).then(|| Handling(self))
    }

    fn change(&self, waits_since: u64) -> bool {
        let open = |since| (since != CLOSING).then_some(waits_since);
        let phase = &self.phase.waits_since;
        phase.fetch_update(Ordering::AcqRel, Ordering::Relaxed, open).is_ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.state().remove(self.id);
        self.connections.changed.notify_one();
    }
}

/// A connection whose request is being handled.
pub(super) struct Handling<'c>(&'c Connection);

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        let Connection { connections, phase, .. } = self.0;
        phase.waits_since.store(connections.moment(), Ordering::Release);
        connections.changed.notify_one();
    }
}

/// How long a connection may take for a head, from when it was opened, or from the previous answer.
/// That answer has to be sent within the same time.
const HEAD_TIMEOUT_SECONDS: usize = 30;

const MAX_TRIES: usize = 4;

/// Each of them is answered at once, so a few are enough.
const MAX_OVER_LIMIT: usize = 8;

/// One customer usually has a whole IPv6 network of 64 bits.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::{CLOSING, Connection, Connections, HANDLING, MAX_OVER_LIMIT};

    async fn open(connections: &Arc<Connections>, peers: &[&str]) -> Vec<Connection> {
        let mut opened = Vec::new();
        for peer in peers {
            opened.push(connections.open(peer.parse().unwrap()).await);
        }
        opened
    }

    async fn is_closed(connection: &Connection) -> bool {
        timeout(Duration::from_millis(1), connection.closed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_the_peer_with_most_connections_loses_its_longest_idle_one() {
        let connections = Connections::new(4);
        let old =
            open(&connections, &["10.0.0.1", "10.0.0.2", "10.0.0.2", "::ffff:10.0.0.2"]).await;
        // The first of the second peer waits anew, so another one has waited longest.
        drop(old[1].handling());
        let _new = open(&connections, &["10.0.0.3"]).await;
        for (index, expected) in [false, false, true, false].into_iter().enumerate() {
            assert_eq!(is_closed(&old[index]).await, expected, "{index}");
        }
        assert!(old[2].handling().is_none(), "a request begins on a connection that is closed");
        assert!(is_closed(&old[2]).await, "a request that does not begin keeps it open");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_head_is_closed_in_time() {
        let connections = Connections::new(10);
        tokio::spawn(Arc::clone(&connections).close_silent());
        let open = open(&connections, &["10.0.0.1"; 4]).await;
        let [silent, served, handling, body] = &open[..] else { panic!("four") };
        let request = handling.handling();
        sleep(Duration::from_secs(20)).await;
        drop(served.handling());
        body.has_head();
        for (seconds_later, expected) in [
            (9, [false; 4]),
            (3, [true, false, false, false]),
            (17, [true, false, false, false]),
            (3, [true, true, false, true]),
            (600, [true, true, false, true]),
        ] {
            sleep(Duration::from_secs(seconds_later)).await;
            for (connection, expected) in open.iter().zip(expected) {
                assert_eq!(is_closed(connection).await, expected, "{seconds_later}");
            }
        }
        drop(request);
        sleep(Duration::from_secs(29)).await;
        assert!(!is_closed(handling).await);
        sleep(Duration::from_secs(3)).await;
        assert!(is_closed(handling).await && silent.handling().is_none());
    }

    #[tokio::test]
    async fn none_is_closed_by_another_thread_while_its_request_is_handled() {
        let connections = Connections::new(20_000);
        let open = open(&connections, &["10.0.0.1"; 20_000]).await;
        std::thread::scope(|scope| {
            scope.spawn(|| open.iter().for_each(|connection| _ = connection.phase.close(CLOSING)));
            for connection in &open {
                let handling = connection.handling();
                let is_handling =
                    || connection.phase.waits_since.load(Ordering::SeqCst) == HANDLING;
                assert!(handling.is_none() || is_handling());
            }
        });
        for connection in &open {
            let handling = connection.handling();
            assert!(handling.is_some() || is_closed(connection).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_all_handle_requests_a_few_more_are_over_the_limit() {
        let connections = Connections::new(2);
        let old = open(&connections, &["10.0.0.1", "10.0.0.1"]).await;
        let mut handling = old.iter().filter_map(Connection::handling).collect::<Vec<_>>();
        let over = open(&connections, &["10.0.0.2"; MAX_OVER_LIMIT + 1]).await;
        assert!(is_closed(&over[0]).await && !is_closed(&over[1]).await);
        assert!(over[1..].iter().all(Connection::is_over_limit));
        let also_handling = over[1..].iter().filter_map(Connection::handling).collect::<Vec<_>>();
        let peer = "10.0.0.3".parse().unwrap();
        let waiting = connections.open(peer);
        assert!(timeout(Duration::from_secs(60), waiting).await.is_err());
        drop(also_handling);

        // One waits for a request again: a new connection replaces it. One ends: a place is free.
        handling.remove(0);
        let new = connections.open(peer).await;
        assert!(is_closed(&old[0]).await && !new.is_over_limit());
        drop(handling);
        drop(old);
        assert!(!over[1].is_over_limit() && over[2].is_over_limit());
        drop(over);
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_peer() {
        let connections = Connections::new(3);
        let old = open(&connections, &["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:1::2"]).await;
        let _new = open(&connections, &["2001:db8:0:2::1"]).await;
        assert!(!is_closed(&old[0]).await && is_closed(&old[1]).await);
    }
}
