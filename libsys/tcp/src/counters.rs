//! What has been counted.

/// What has been counted since the engine began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counters {
    pub segments_in: u64,
    pub segments_out: u64,
    pub not_sound: u64,
    pub not_mine: u64,
    pub resets_out: u64,
    pub challenges: u64,
    pub challenges_withheld: u64,
    pub out_of_window: u64,
    pub paws: u64,
    pub no_room: u64,
    pub retransmitted: u64,
    pub timeouts: u64,
    pub fast_retransmits: u64,
    pub openings_evicted: u64,
    pub cookies: u64,
    pub bad_cookies: u64,
    pub backlog_full: u64,
    pub waiting_evicted: u64,
}
