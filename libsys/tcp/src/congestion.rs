//! Congestion control: how much may be under way. Loss recovery (what is sent again) is another module's, which tells this one what happened.

use crate::InitialWindow;

/// What every algorithm answers. Bytes throughout.
pub trait Congestion {
    /// The congestion window.
    fn window(&self) -> u32;
    /// The slow start threshold.
    fn threshold(&self) -> u32;
    /// So many new bytes were acknowledged outside of fast recovery; `was_limited`: the window was what held the sender back; `after_timeout`: they
    /// were sent again after a time-out.
    fn acknowledged(&mut self, bytes: u32, was_limited: bool, after_timeout: bool);
    /// A loss was seen, with so many bytes under way.
    fn lost(&mut self, flight: u32);
    /// Fast recovery is over, with so many bytes under way.
    fn recovered(&mut self, flight: u32);
    /// The timer has run out, with so many bytes under way; for the first time since something was acknowledged, or again.
    fn timed_out(&mut self, flight: u32, is_first: bool);
    /// Nothing was sent for longer than a time-out.
    fn idle(&mut self);
    /// The opening's SYN was lost.
    fn opening_lost(&mut self);
}

/// RFC 5681 with RFC 3465's counting of bytes: Reno's window, which NewReno (RFC 6582) has, too.
#[derive(Clone, Copy, Debug)]
pub struct NewReno {
    mss: u16,
    initial: u32,
    window: u32,
    threshold: u32,
    /// Bytes acknowledged since the window last grew in congestion avoidance.
    counted: u32,
}

/// The window never grows beyond that: a scaled window has 30 bits.
const MOST: u32 = 1 << 30;

impl NewReno {
    /// A connection's beginning.
    #[must_use]
    pub fn new(mss: u16, initial: InitialWindow) -> Self {
        let one = u32::from(mss);
        let initial = match initial {
            InitialWindow::Ten => (10 * one).min((2 * one).max(14_600)),
            InitialWindow::Rfc3390 => (4 * one).min((2 * one).max(4380)),
        };
        Self { mss, initial, window: initial, threshold: MOST, counted: 0 }
    }

    fn halve(&mut self, flight: u32) {
        self.threshold = (flight / 2).max(2 * u32::from(self.mss));
        self.counted = 0;
    }
}

impl Congestion for NewReno {
    fn window(&self) -> u32 {
        self.window
    }

    fn threshold(&self) -> u32 {
        self.threshold
    }

    fn acknowledged(&mut self, bytes: u32, was_limited: bool, after_timeout: bool) {
        let one = u32::from(self.mss);
        if !was_limited {
            return;
        }
        if self.window < self.threshold {
            // RFC 3465: at most two segments for one acknowledgement, one while a time-out is being repaired.
            let most = if after_timeout { one } else { 2 * one };
            let bytes = if cfg!(bite = "tcp-counts-acknowledgements") { one } else { bytes };
            self.window = (self.window + bytes.min(most)).min(MOST);
            return;
        }
        self.counted += bytes.min(self.window);
        if self.counted >= self.window {
            self.counted -= self.window;
            self.window = (self.window + one).min(MOST);
        }
    }

    fn lost(&mut self, flight: u32) {
        self.halve(flight);
        self.window = self.threshold;
    }

    fn recovered(&mut self, flight: u32) {
        // RFC 6582, 3.2 step 3 (1): no burst.
        let one = u32::from(self.mss);
        self.window = self.threshold.min(flight.max(one) + one);
    }

    fn timed_out(&mut self, flight: u32, is_first: bool) {
        if is_first {
            self.halve(flight);
        }
        self.window = self.mss.into();
        self.counted = 0;
    }

    fn idle(&mut self) {
        self.window = self.window.min(self.initial);
    }

    fn opening_lost(&mut self) {
        self.window = self.mss.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_flight() {
        for (mss, ten, rfc3390) in
            [(1460, 14_600, 4380), (536, 5360, 2144), (8960, 17_920, 17_920), (1220, 12_200, 4380)]
        {
            assert_eq!(NewReno::new(mss, InitialWindow::Ten).window(), ten);
            assert_eq!(NewReno::new(mss, InitialWindow::Rfc3390).window(), rfc3390);
        }
    }

    #[test]
    fn an_acknowledgement_of_much_opens_little() {
        let mut reno = NewReno::new(1000, InitialWindow::Ten);
        reno.acknowledged(10_000, true, false);
        assert_eq!(reno.window(), 12_000);
        reno.timed_out(12_000, true);
        assert_eq!((reno.window(), reno.threshold()), (1000, 6000));
        reno.timed_out(1000, false);
        assert_eq!(reno.threshold(), 6000);
        reno.acknowledged(4000, true, true);
        assert_eq!(reno.window(), 2000);
        reno.acknowledged(4000, false, false);
        assert_eq!(reno.window(), 2000);
    }

    #[test]
    fn beyond_the_threshold_a_segment_a_round_trip() {
        let mut reno = NewReno::new(1000, InitialWindow::Ten);
        reno.lost(20_000);
        assert_eq!((reno.window(), reno.threshold()), (10_000, 10_000));
        (0..9).for_each(|_| reno.acknowledged(1000, true, false));
        assert_eq!(reno.window(), 10_000);
        reno.acknowledged(1000, true, false);
        assert_eq!(reno.window(), 11_000);
    }
}
