//! Runs jobs side by side, as many as the machine has processors for.
//!
//! A job says how many halves of a processor it keeps busy (a guest with one CPU: two; one that sleeps most of the time: one; a compilation: all). A job
//! that needs more than there are runs alone.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::outcome::{Outcome, Verdict};
use super::progress::Progress;

/// A piece of work that yields the outcomes of one or more tests.
pub(crate) struct Job<'a> {
    /// For the progress display.
    pub(crate) name: String,
    /// How many halves of a processor it keeps busy, at least 1.
    pub(crate) weight: usize,
    /// About how long it takes; long jobs start first.
    pub(crate) estimate: Duration,
    /// The work.
    pub(crate) run: Box<dyn FnOnce() -> Vec<Outcome> + Send + 'a>,
}

struct State<'a> {
    waiting: Vec<Job<'a>>,
    free: usize,
    outcomes: Vec<Outcome>,
}

/// Runs all jobs on so many halves of processors; returns when the last one has ended.
pub(crate) fn run(mut jobs: Vec<Job<'_>>, halves: usize, progress: &Progress) -> Vec<Outcome> {
    // The longest first, so that none of them is left over for the end, when it would run alone.
    jobs.sort_by_key(|job| std::cmp::Reverse(job.estimate));
    let state = Mutex::new(State { waiting: jobs, free: halves, outcomes: Vec::new() });
    let freed = Condvar::new();
    thread::scope(|scope| {
        for _ in 0..halves.max(1) {
            scope.spawn(|| work(&state, &freed, halves, progress));
        }
    });
    state.into_inner().unwrap_or_else(PoisonError::into_inner).outcomes
}

fn work(state: &Mutex<State<'_>>, freed: &Condvar, halves: usize, progress: &Progress) {
    let mut held = state.lock().unwrap_or_else(PoisonError::into_inner);
    while !held.waiting.is_empty() {
        let free = held.free;
        let Some(next) = held.waiting.iter().position(|job| weight(job, halves) <= free) else {
            held = freed.wait(held).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let job = held.waiting.remove(next);
        let weight = weight(&job, halves);
        held.free -= weight;
        drop(held);
        let outcomes = perform(job, progress);
        held = state.lock().unwrap_or_else(PoisonError::into_inner);
        held.free += weight;
        held.outcomes.extend(outcomes);
        freed.notify_all();
    }
}

fn weight(job: &Job<'_>, halves: usize) -> usize {
    job.weight.clamp(1, halves.max(1))
}

fn perform(job: Job<'_>, progress: &Progress) -> Vec<Outcome> {
    progress.started(&job.name);
    let begin = Instant::now();
    // A test that panics has failed; the others go on.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job.run));
    let mut outcomes = result.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        vec![Outcome::new(job.name.clone(), Verdict::Failed(format!("panicked: {text}")))]
    });
    if let [outcome] = &mut *outcomes {
        outcome.took = begin.elapsed();
    }
    progress.ended(&job.name, &outcomes);
    outcomes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn job<'a>(name: &str, weight: usize, run: impl FnOnce() + Send + 'a) -> Job<'a> {
        let name = name.to_owned();
        Job {
            name: name.clone(),
            weight,
            estimate: Duration::ZERO,
            run: Box::new(move || {
                run();
                vec![Outcome::new(name, Verdict::Passed)]
            }),
        }
    }

    #[test]
    fn no_more_than_the_processors_and_all_of_them_run() {
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let jobs = (0..40).map(|number| {
            let weight = 1 + number % 5;
            let (busy, most) = (&busy, &most);
            job(&number.to_string(), weight, move || {
                let weight = weight.min(3);
                most.fetch_max(busy.fetch_add(weight, Ordering::SeqCst) + weight, Ordering::SeqCst);
                thread::yield_now();
                busy.fetch_sub(weight, Ordering::SeqCst);
            })
        });
        let outcomes = run(jobs.collect(), 3, &Progress::silent());
        assert_eq!(outcomes.len(), 40);
        assert!(most.load(Ordering::SeqCst) <= 3);
    }

    #[test]
    fn a_panic_is_a_failure() {
        let jobs = vec![job("bad", 1, || panic!("on purpose")), job("good", 1, || ())];
        let mut outcomes = run(jobs, 1, &Progress::silent());
        outcomes.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(outcomes[0].verdict, Verdict::Failed("panicked: on purpose".into()));
        assert_eq!(outcomes[1].verdict, Verdict::Passed);
    }
}
