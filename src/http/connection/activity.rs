//! What a connection is doing, as far as its time limits depend on it, and when it must have done
//! something else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

use super::ConnectionOptions;

/// What HTTP/2 with prior knowledge begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a client may take nothing of an answer.
const UNREAD: Duration = Duration::from_secs(60);

/// How long a client of HTTP/2 has to say that it has understood the end of its connection.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a connection is doing; shared by its socket, its requests and its task.
#[derive(Debug)]
pub(super) struct Activity {
    options: ConnectionOptions,
    born: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    /// Requests that are read, worked on or answered.
    exchanges: usize,
    /// Without any: since when.
    since: Instant,
    /// Without any: whether a head is being sent, or the first one awaited.
    heading: bool,
    /// Since when the system takes no more bytes for the client.
    blocked: Option<Instant>,
    /// When each answer that is being sent was last taken from.
    answers: BTreeMap<u64, Instant>,
    /// Number of the next answer.
    next: u64,
    /// Whether the client is to be told that it should connect anew.
    leaving: bool,
    /// The connection's task.
    task: Option<Waker>,
}

#[derive(Debug, PartialEq, Eq)]
enum Protocol {
    /// So many bytes of the preface have come and nothing else.
    Unknown(usize),
    Http1,
    Http2,
}

/// By when a connection must have done something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// Whether the client does nothing, so that it can be told in its protocol.
    pub(super) idle: bool,
}

impl Activity {
    /// Of a connection that begins now.
    pub(super) fn new(options: ConnectionOptions) -> Arc<Self> {
        let state = State {
            protocol: Protocol::Unknown(0),
            exchanges: 0,
            since: Instant::now(),
            heading: true,
            blocked: None,
            answers: BTreeMap::new(),
            next: 0,
            leaving: false,
            task: None,
        };
        Arc::new(Self { options, born: Instant::now(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete in itself: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By when what the connection does must have changed; `told` is when its client was told to
    /// go. `None` while the service has something to do.
    pub(super) fn deadline(&self, told: Option<Instant>) -> Option<Deadline> {
        let state = self.state();
        let unread = state.answers.values().copied().chain(state.blocked).min();
        let unread = unread.map(|since| Deadline { at: since + UNREAD, idle: false });
        // What the client still takes of an answer is no idleness: `blocked` has its own limit.
        let waiting = (state.exchanges == 0 && state.blocked.is_none()).then(|| {
            let idle = !state.heading || state.protocol == Protocol::Http2;
            let patience = if idle { self.options.keep_alive } else { self.options.header_timeout };
            let at = state.since + patience;
            match told {
                Some(told) if idle => Deadline { at: told.max(state.since) + FAREWELL, idle },
                _ => Deadline { at, idle },
            }
        });
        [unread, waiting].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }

    /// Whom to wake when a deadline appears.
    pub(super) fn watched_by(&self, task: &Waker) {
        let mut state = self.state();
        if !state.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            state.task = Some(task.clone());
        }
    }

    /// The client sent `bytes`, at least one.
    pub(super) fn read(&self, bytes: &[u8]) {
        let mut state = self.state();
        if let Protocol::Unknown(known) = state.protocol {
            let more = bytes.len().min(PREFACE.len() - known);
            state.protocol = match known + more {
                _ if bytes[..more] != PREFACE[known..known + more] => Protocol::Http1,
                all if all == PREFACE.len() => Protocol::Http2,
                part => Protocol::Unknown(part),
            };
        }
        // Of HTTP/2 most of what comes between two requests says nothing of the next one.
        let heads = state.protocol != Protocol::Http2;
        if heads && state.exchanges == 0 && !state.heading {
            (state.heading, state.since) = (true, Instant::now());
        }
    }

    /// The system took bytes for the client, or took none.
    pub(super) fn wrote(&self, took: bool) {
        let mut state = self.state();
        match took {
            true => {
                state.blocked = None;
                // The end of an answer is when it has gone, not when it was handed over. Over
                // HTTP/2 what is written may be no answer but a ping.
                if state.exchanges == 0 && !state.heading && state.protocol != Protocol::Http2 {
                    state.since = Instant::now();
                }
            }
            false => state.blocked = state.blocked.or_else(|| Some(Instant::now())),
        }
    }

    /// By when the first head must have come, whatever comes before it.
    pub(super) fn first_head(&self) -> Instant {
        self.born + self.options.header_timeout
    }

    /// Whether the connection is older than it should get.
    pub(super) fn is_old(&self) -> bool {
        !self.options.max_age.is_zero() && self.born.elapsed() >= self.options.max_age
    }

    /// The client should connect anew after what it has asked for.
    pub(super) fn leave(&self) {
        self.state().leaving = true;
    }

    /// Whether [`Self::leave`] was called.
    pub(super) fn leaving(&self) -> bool {
        self.state().leaving
    }
}

/// A request, from its head to the end of its body and of its answer.
#[derive(Debug)]
pub(in crate::http) struct Exchange(Arc<Activity>);

impl Exchange {
    /// Its head has been read.
    pub(super) fn begin(activity: &Arc<Activity>) -> Arc<Self> {
        let mut state = activity.state();
        state.exchanges += 1;
        state.heading = false;
        drop(state);
        Arc::new(Self(Arc::clone(activity)))
    }

    /// Its answer begins.
    pub(super) fn answer(self: Arc<Self>) -> Sending {
        let mut state = self.0.state();
        let number = state.next;
        state.next += 1;
        state.answers.insert(number, Instant::now());
        drop(state);
        Sending { exchange: self, number }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.exchanges -= 1;
        if state.exchanges == 0 {
            (state.heading, state.since) = (false, Instant::now());
            // With HTTP/2 an answer ends in a task of its own.
            if state.protocol == Protocol::Http2
                && let Some(task) = state.task.take()
            {
                drop(state);
                task.wake();
            }
        }
    }
}

/// An answer that is being sent.
#[derive(Debug)]
pub(super) struct Sending {
    exchange: Arc<Exchange>,
    number: u64,
}

impl Sending {
    /// Some of it is taken.
    pub(super) fn progress(&self) {
        self.exchange.0.state().answers.insert(self.number, Instant::now());
    }

    /// It is the client that waits for more of it.
    pub(super) fn waits(&self) {
        self.exchange.0.state().answers.remove(&self.number);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.exchange.0.state().answers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: ConnectionOptions = ConnectionOptions {
        header_timeout: Duration::from_secs(10),
        keep_alive: Duration::from_secs(75),
        max_age: Duration::ZERO,
        body_timeout: Duration::from_secs(10),
    };

    /// Seconds that are left, and whether the client is idle.
    fn left(activity: &Activity) -> Option<(u64, bool)> {
        let due = activity.deadline(None)?;
        Some(((due.at - Instant::now()).as_secs(), due.idle))
    }

    #[tokio::test(start_paused = true)]
    async fn heads_idle_times_and_answers_have_limits_of_their_own() {
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        let activity = Activity::new(OPTIONS);
        pass(4).await;
        assert_eq!(left(&activity), Some((6, false)));
        activity.read(b"GET / HTTP/1.1");
        assert_eq!(left(&activity), Some((6, false)), "the first byte gives no more time");
        let exchange = Exchange::begin(&activity);
        assert_eq!(left(&activity), None);
        let answer = Arc::clone(&exchange).answer();
        pass(50).await;
        assert_eq!(left(&activity), Some((10, false)));
        answer.progress();
        assert_eq!(left(&activity), Some((60, false)));
        answer.waits();
        assert_eq!(left(&activity), None, "there is nothing that could be taken");
        answer.progress();
        drop((exchange, answer));
        pass(5).await;
        assert_eq!(left(&activity), Some((70, true)));
        activity.read(b"G");
        pass(1).await;
        activity.read(b"E");
        assert_eq!(left(&activity), Some((9, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_has_a_minute() {
        let activity = Activity::new(OPTIONS);
        let _exchange = Exchange::begin(&activity);
        activity.wrote(false);
        tokio::time::advance(Duration::from_secs(20)).await;
        activity.wrote(false);
        assert_eq!(left(&activity), Some((40, false)));
        activity.wrote(true);
        assert_eq!(left(&activity), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_still_taking_its_answer_is_not_idle() {
        let activity = Activity::new(OPTIONS);
        activity.read(b"GET / HTTP/1.1");
        // All of the answer is handed over, and the system takes a part of it.
        drop(Exchange::begin(&activity));
        activity.wrote(false);
        let told = Instant::now();
        tokio::time::advance(Duration::from_secs(30)).await;
        let deadline = activity.deadline(Some(told)).unwrap();
        assert_eq!((deadline.at - Instant::now(), deadline.idle), (UNREAD / 2, false));
        activity.wrote(true);
        let deadline = activity.deadline(Some(told)).unwrap();
        assert_eq!((deadline.at - Instant::now(), deadline.idle), (FAREWELL, true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_client_that_is_told_to_go_has_time_for_its_farewell() {
        let activity = Activity::new(OPTIONS);
        activity.read(PREFACE);
        tokio::time::advance(OPTIONS.keep_alive).await;
        let deadline = activity.deadline(Some(Instant::now())).unwrap();
        assert_eq!(deadline.at - Instant::now(), FAREWELL);
    }

    #[tokio::test(start_paused = true)]
    async fn frames_of_http2_are_no_heads() {
        let activity = Activity::new(OPTIONS);
        let (begin, end) = PREFACE.split_at(7);
        activity.read(begin);
        assert_eq!(left(&activity), Some((10, false)));
        activity.read(&[end, b"a frame"].concat());
        assert_eq!(left(&activity), Some((75, true)));
        drop(Exchange::begin(&activity));
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.read(b"a ping");
        assert_eq!(left(&activity), Some((70, true)));
    }
}
