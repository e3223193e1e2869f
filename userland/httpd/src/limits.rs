//! How much anybody may have, and how long anything may take.

use core::time::Duration;

/// The limits of a server. Times begin with a request, or a response, and grow with what it moves, so that who sends or takes a byte now and then gains nothing by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's first line and fields.
    pub head_bytes: usize,
    /// Bytes of a request's body, which is passed over.
    pub body_bytes: u64,
    /// Requests on a connection; the last one's response says that it ends.
    pub requests: u32,
    /// Connections at a time.
    pub connections: u32,
    /// Connections of one address at a time.
    pub connections_each: u32,
    /// Entries of a directory that are shown.
    pub entries: usize,
    /// For a request's first line and fields; also for the first byte of a connection.
    pub head_time: Duration,
    /// Between requests.
    pub idle_time: Duration,
    /// For a body, and for a response, beside what `least_rate` gives.
    pub grace: Duration,
    /// Bytes a second that a client has to send, or take.
    pub least_rate: u64,
    /// For what a client still sends when it was told that the connection ends.
    pub linger_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 8192,
            body_bytes: 1 << 20,
            requests: 100_000,
            connections: 4000,
            connections_each: 4000,
            entries: 1000,
            head_time: Duration::from_secs(15),
            idle_time: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            least_rate: 512,
            linger_time: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// How long it may take to move so many bytes.
    pub(crate) fn time_for(&self, bytes: u64) -> Duration {
        self.grace + Duration::from_secs(bytes / self.least_rate.max(1))
    }
}
