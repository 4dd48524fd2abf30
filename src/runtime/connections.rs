//! The open connections of a server, and which one to close at the limit.
//!
//! # Guarantees
//! - At the limit, a new connection replaces one that waits for a request: of the peer with the
//!   most such connections, the one that has waited longest. Below the limit no peer is limited.
//! - A connection is never replaced while its request is being handled.
//! - While all are handling requests, a few more can be open, so that the health of the server can
//!   be asked.
//!
//! # Not covered
//! How long a connection may wait, and what is answered over the limit (`http_server`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(super) struct Connections {
    limit: usize,
    state: Mutex<State>,
    /// A connection was closed, or waits for a request again.
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Numbers connections and, in place of a clock, the moments at which they began to wait.
    count: u64,
    open: BTreeMap<u64, Entry>,
    /// How many of them are over the limit.
    over_limit: usize,
}

struct Entry {
    peer: IpAddr,
    is_over_limit: bool,
    /// `None` while a request is being handled.
    waits_since: Option<u64>,
    replaced: Arc<Notify>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default(), changed: Notify::new() })
    }

    /// Registers a connection. At the limit it replaces another one; when every other one is
    /// handling a request, it is over the limit. When there are too many of these as well, it waits.
    pub(super) async fn open(self: &Arc<Self>, peer: IpAddr) -> Connection {
        loop {
            if let Some(connection) = self.try_open(peer) {
                return connection;
            }
            self.changed.notified().await;
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.state().open.len()
    }

    fn try_open(self: &Arc<Self>, peer: IpAddr) -> Option<Connection> {
        let mut state = self.state();
        let is_over_limit = !state.make_room(self.limit);
        if is_over_limit && state.over_limit >= MAX_OVER_LIMIT && !state.replace(true) {
            return None;
        }
        let id = state.next();
        let replaced = Arc::new(Notify::new());
        let (waits_since, notified) = (Some(id), Arc::clone(&replaced));
        let entry = Entry { peer: network(peer), is_over_limit, waits_since, replaced: notified };
        state.over_limit = state.over_limit.saturating_add(is_over_limit.into());
        state.open.insert(id, entry);
        Some(Connection { connections: Arc::clone(self), id, replaced })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.count = self.count.saturating_add(1);
        self.count
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.open.remove(&id)?;
        self.over_limit = self.over_limit.saturating_sub(entry.is_over_limit.into());
        Some(entry)
    }

    fn within_limit(&self) -> usize {
        self.open.len().saturating_sub(self.over_limit)
    }

    /// Makes room for one more below the limit, unless each one is handling a request.
    fn make_room(&mut self, limit: usize) -> bool {
        self.within_limit() < limit || self.replace(false)
    }

    /// Replaces one that waits, of those over the limit or of the others.
    fn replace(&mut self, is_over_limit: bool) -> bool {
        let entry = self.longest_waiting(is_over_limit).and_then(|id| self.remove(id));
        entry.is_some_and(|entry| {
            entry.replaced.notify_one();
            true
        })
    }

    fn longest_waiting(&self, is_over_limit: bool) -> Option<u64> {
        let waiting = || {
            let entries =
                self.open.iter().filter(|(_, entry)| entry.is_over_limit == is_over_limit);
            entries.filter_map(|(id, entry)| Some((*id, entry.peer, entry.waits_since?)))
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
    replaced: Arc<Notify>,
}

impl Connection {
    /// Returns when another connection takes the place of this one.
    pub(super) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Whether it is one more than the limit allows, until there is room for it.
    pub(super) fn is_over_limit(&self) -> bool {
        let mut state = self.connections.state();
        let has_room = state.within_limit() < self.connections.limit;
        let Some(entry) = state.open.get_mut(&self.id).filter(|entry| entry.is_over_limit) else {
            return false;
        };
        if has_room {
            entry.is_over_limit = false;
            state.over_limit = state.over_limit.saturating_sub(1);
        }
        !has_room
    }

    /// A request is being handled until the guard is dropped.
    pub(super) fn handling(&self) -> Handling<'_> {
        self.set_waiting(false);
        Handling(self)
    }

    fn set_waiting(&self, is_waiting: bool) {
        let mut state = self.connections.state();
        let since = is_waiting.then(|| state.next());
        if let Some(entry) = state.open.get_mut(&self.id) {
            entry.waits_since = since;
        }
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
        self.0.set_waiting(true);
        self.0.connections.changed.notify_one();
    }
}

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
    use std::time::Duration;

    use tokio::time::timeout;

    use super::{Connection, Connections, MAX_OVER_LIMIT};

    async fn open(connections: &Arc<Connections>, peers: &[&str]) -> Vec<Connection> {
        let mut opened = Vec::new();
        for peer in peers {
            opened.push(connections.open(peer.parse().unwrap()).await);
        }
        opened
    }

    async fn is_replaced(connection: &Connection) -> bool {
        let replaced = timeout(Duration::from_millis(1), connection.replaced());
        replaced.await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_the_peer_with_most_connections_loses_its_longest_idle_one() {
        let connections = Connections::new(4);
        let old =
            open(&connections, &["10.0.0.1", "10.0.0.2", "10.0.0.2", "::ffff:10.0.0.2"]).await;
        // The first of the second peer waits anew, so another one has waited longest.
        drop(old[1].handling());
        let _new = open(&connections, &["10.0.0.3"]).await;
        for (index, is_closed) in [false, false, true, false].into_iter().enumerate() {
            assert_eq!(is_replaced(&old[index]).await, is_closed, "{index}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_all_handle_requests_a_few_more_are_over_the_limit() {
        let connections = Connections::new(2);
        let old = open(&connections, &["10.0.0.1", "10.0.0.1"]).await;
        let mut handling = old.iter().map(Connection::handling).collect::<Vec<_>>();
        let over = open(&connections, &["10.0.0.2"; MAX_OVER_LIMIT + 1]).await;
        assert!(is_replaced(&over[0]).await && !is_replaced(&over[1]).await);
        assert!(over[1..].iter().all(Connection::is_over_limit));
        let also_handling = over[1..].iter().map(Connection::handling).collect::<Vec<_>>();
        let peer = "10.0.0.3".parse().unwrap();
        let waiting = connections.open(peer);
        assert!(timeout(Duration::from_secs(60), waiting).await.is_err());
        drop(also_handling);

        // One waits for a request again: a new connection replaces it. One ends: there is room.
        handling.remove(0);
        let new = connections.open(peer).await;
        assert!(is_replaced(&old[0]).await && !new.is_over_limit());
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
        assert!(!is_replaced(&old[0]).await && is_replaced(&old[1]).await);
    }
}
