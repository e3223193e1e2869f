//! What an engine is told once.

use core::time::Duration;

/// How much may be sent before the first acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialWindow {
    /// Ten segments (RFC 6928).
    Ten,
    /// Two to four segments, by their size (RFC 3390).
    Rfc3390,
}

/// What an engine is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// The protocol thread that it belongs to, and how many there are.
    pub owner: (u32, u32),
    /// The first flight.
    pub initial_window: InitialWindow,
    /// The time-out before a round trip was measured (RFC 6298: 1 s).
    pub initial_timeout: Duration,
    /// The least one after that. RFC 6298 has 1 s; with delayed acknowledgements of at most 100 ms at this end and 200 ms at others, 200 ms is
    /// what other systems use.
    pub least_timeout: Duration,
    /// How long an acknowledgement of one segment waits for a second (RFC 9293: below 500 ms).
    pub delayed_ack: Duration,
    /// How long a connection stays in TIME-WAIT.
    pub time_wait: Duration,
    /// How long an end that nobody reads any more waits for the other end's FIN.
    pub fin_wait: Duration,
    /// How long data may stay unacknowledged, or a window closed, before the connection is given up, where its user says nothing else.
    pub give_up: Duration,
    /// The same for an opening.
    pub give_up_opening: Duration,
    /// Openings that are kept in mind; older ones are left to their cookies.
    pub most_openings: usize,
    /// Connections.
    pub most_connections: usize,
    /// Records of TIME-WAIT.
    pub most_waiting: usize,
    /// Challenge acknowledgements a second (RFC 5961, section 10).
    pub challenges_a_second: u32,
    /// The largest segment that this end takes, without options, over IPv4 and over IPv6.
    pub mss_v4: u16,
    /// See [`Config::mss_v4`].
    pub mss_v6: u16,
    /// Whether time stamps are offered.
    pub timestamps: bool,
    /// Whether SACK is.
    pub sack: bool,
    /// Bytes of payload in one [`Outgoing`](crate::Outgoing) at most; more than a segment's only if something below cuts them.
    pub tso: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            owner: (0, 1),
            initial_window: InitialWindow::Ten,
            initial_timeout: Duration::from_secs(1),
            least_timeout: Duration::from_millis(200),
            delayed_ack: Duration::from_millis(100),
            time_wait: Duration::from_secs(60),
            fin_wait: Duration::from_secs(60),
            give_up: Duration::from_secs(600),
            give_up_opening: Duration::from_secs(75),
            most_openings: 1024,
            most_connections: 65_536,
            most_waiting: 16_384,
            challenges_a_second: 100,
            mss_v4: 1460,
            mss_v6: 1440,
            timestamps: true,
            sack: true,
            tso: 1,
        }
    }
}
