//! Two CPUs compare their counters: one asks, the other answers with its counter's value, and the first brackets each answer between two
//! values of its own.

use arrayvec::ArrayVec;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::Exchange;

/// Exchanges between two CPUs.
pub const EXCHANGES: usize = 32;

/// What they exchange by; one pair at a time.
#[derive(Debug, Default)]
pub struct Questions {
    /// Odd: a question; even: it is answered.
    question: AtomicU64,
    answer: AtomicU64,
}

impl Questions {
    /// None asked.
    #[must_use]
    pub const fn new() -> Self {
        Self { question: AtomicU64::new(0), answer: AtomicU64::new(0) }
    }

    /// Asks; `counter` reads this CPU's, and `give_up` is asked while there is no answer. Nothing if it says so: too few exchanges to trust
    /// the counters by.
    pub fn ask(
        &self,
        counter: impl Fn() -> u64,
        mut give_up: impl FnMut() -> bool,
    ) -> ArrayVec<Exchange, EXCHANGES> {
        let mut exchanges = ArrayVec::new();
        let first = self.question.load(Ordering::Relaxed);
        for round in 0..EXCHANGES as u64 {
            let question = first + 2 * round + 1;
            let before = counter();
            self.question.store(question, Ordering::Release);
            while self.question.load(Ordering::Acquire) == question {
                if give_up() {
                    return ArrayVec::new();
                }
            }
            let remote = self.answer.load(Ordering::Relaxed);
            exchanges.push(Exchange { before, remote, after: counter() });
        }
        exchanges
    }

    /// How far the questions are: for who will answer the next ones, before anybody asks them.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.question.load(Ordering::Relaxed)
    }

    /// Answers one CPU's questions from `mark` on; `pause` is called while there is none.
    pub fn answer(&self, mark: u64, counter: impl Fn() -> u64, mut pause: impl FnMut()) {
        for round in 1..=EXCHANGES as u64 {
            while self.question.load(Ordering::Acquire) != mark + 2 * round - 1 {
                pause();
            }
            self.answer.store(counter(), Ordering::Relaxed);
            self.question.store(mark + 2 * round, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn answers_lie_between_what_asks() {
        static QUESTIONS: Questions = Questions::new();
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = || COUNTER.fetch_add(1, Ordering::AcqRel);
        for _ in 0..20 {
            let mark = QUESTIONS.mark();
            let other = std::thread::spawn(move || QUESTIONS.answer(mark, count, std::thread::yield_now));
            let exchanges = QUESTIONS.ask(count, || {
                std::thread::yield_now();
                false
            });
            other.join().expect("answered");
            assert_eq!(exchanges.len(), EXCHANGES);
            assert!(exchanges.iter().all(|seen| seen.before < seen.remote && seen.remote < seen.after));
        }
    }

    #[test]
    fn nobody_answers() {
        let mut patience = 100;
        let questions = Questions::new();
        let exchanges = questions.ask(
            || 0,
            || {
                patience -= 1;
                patience == 0
            },
        );
        assert!(exchanges.is_empty());
    }
}
