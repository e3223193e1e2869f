//! Critical sections: what they defer, and what they do not.

use anax_uthread::{Notify, QueueIndex};

use super::{INTERRUPT, NORMAL, Notes, URGENT, machine, run_to_the_end};

const QUEUE: QueueIndex = QueueIndex(1);

#[test]
fn a_more_urgent_thread_runs_at_once_outside() {
    for priority in [URGENT, INTERRUPT] {
        let (cpu, _) = machine::<2>();
        let notes = Notes::default();
        let (low, high) = (notes.clone(), notes.clone());
        cpu.lwkt_create(NORMAL, move |cpu| {
            low.add("before");
            cpu.lwkt_create(priority, move |cpu| {
                high.add("begins");
                cpu.lwkt_block(QUEUE, cpu.lwkt_generation(QUEUE).unwrap()).unwrap();
                high.add("woken");
            })
            .unwrap();
            low.add("between");
            assert_eq!(cpu.lwkt_signal(QUEUE, 1), Ok(1));
            low.add("after");
        })
        .unwrap();
        run_to_the_end(cpu);
        assert_eq!(notes.take(), ["before", "begins", "between", "woken", "after"]);
    }
}

#[test]
fn a_more_urgent_thread_waits_for_the_end_of_the_section() {
    for priority in [URGENT, INTERRUPT] {
        for from_elsewhere in [false, true] {
            let (cpu, signals) = machine::<2>();
            let notes = Notes::default();
            let (low, high) = (notes.clone(), notes.clone());
            cpu.lwkt_create(priority, move |cpu| {
                cpu.lwkt_block(QUEUE, cpu.lwkt_generation(QUEUE).unwrap()).unwrap();
                high.add("woken");
            })
            .unwrap();
            cpu.lwkt_create(NORMAL, move |cpu| {
                cpu.crit_enter();
                cpu.crit_enter();
                if from_elsewhere {
                    assert_eq!(signals.lwkt_signal(QUEUE, 1), Ok(Notify::Coalesced));
                } else {
                    assert_eq!(cpu.lwkt_signal(QUEUE, 1), Ok(1));
                }
                low.add("in two");
                cpu.crit_exit();
                low.add("in one");
                assert_eq!(cpu.critical_depth(), 1);
                cpu.crit_exit();
                low.add("outside");
            })
            .unwrap();
            run_to_the_end(cpu);
            assert_eq!(notes.take(), ["in two", "in one", "woken", "outside"]);
        }
    }
}

#[test]
fn equals_and_less_urgent_ones_wait_for_a_yield() {
    let (cpu, _) = machine::<3>();
    let notes = Notes::default();
    let noted = notes.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        for (name, priority) in [("equal", NORMAL), ("less", anax_uthread::Priority::USER_IDLE)] {
            let notes = noted.clone();
            cpu.lwkt_create(priority, move |_| notes.add(name)).unwrap();
        }
        cpu.crit_enter();
        cpu.crit_exit();
        noted.add("creator");
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["creator", "equal", "less"]);
}

#[test]
fn who_has_given_way_is_first_among_its_equals() {
    let (cpu, _) = machine::<3>();
    let notes = Notes::default();
    let (first, second, third) = (notes.clone(), notes.clone(), notes.clone());
    cpu.lwkt_create(NORMAL, move |cpu| {
        cpu.lwkt_create(NORMAL, move |_| second.add("equal")).unwrap();
        cpu.lwkt_create(URGENT, move |_| third.add("urgent")).unwrap();
        first.add("goes on");
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["urgent", "goes on", "equal"]);
}

#[test]
fn the_count_is_the_threads_own() {
    let (cpu, _) = machine::<2>();
    let notes = Notes::default();
    let (one, other) = (notes.clone(), notes.clone());
    cpu.lwkt_create(NORMAL, move |cpu| {
        cpu.crit_enter();
        cpu.crit_enter();
        cpu.lwkt_yield();
        assert_eq!(cpu.critical_depth(), 2);
        // Blocking inside is allowed, too; the other one wakes this.
        cpu.lwkt_block(QUEUE, cpu.lwkt_generation(QUEUE).unwrap()).unwrap();
        assert_eq!(cpu.critical_depth(), 2);
        cpu.crit_exit();
        cpu.crit_exit();
        one.add("one");
    })
    .unwrap();
    cpu.lwkt_create(NORMAL, move |cpu| {
        assert_eq!(cpu.critical_depth(), 0);
        cpu.crit_enter();
        cpu.lwkt_switch();
        assert_eq!(cpu.critical_depth(), 1);
        assert_eq!(cpu.lwkt_signal(QUEUE, 1), Ok(1));
        cpu.crit_exit();
        other.add("other");
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["other", "one"]);
}

#[test]
fn a_thread_that_ends_in_a_section_leaves_it_to_nobody() {
    let (cpu, _) = machine::<2>();
    cpu.lwkt_create(NORMAL, |cpu| cpu.crit_enter()).unwrap();
    cpu.lwkt_create(NORMAL, |cpu| assert_eq!(cpu.critical_depth(), 0)).unwrap();
    run_to_the_end(cpu);
    cpu.lwkt_create(NORMAL, |cpu| assert_eq!(cpu.critical_depth(), 0)).unwrap();
    run_to_the_end(cpu);
}

#[test]
fn preemptions_nest_twice_and_unwind_in_order() {
    use anax_uthread::Priority;
    let (cpu, _) = machine::<4>();
    let notes = Notes::default();
    let [first, second, third, fourth] = [(); 4].map(|()| notes.clone());
    cpu.lwkt_create(NORMAL, move |cpu| {
        cpu.lwkt_create(Priority::INTERRUPT_LOW, move |cpu| {
            cpu.lwkt_create(Priority::INTERRUPT_MEDIUM, move |cpu| {
                cpu.lwkt_create(Priority::INTERRUPT_HIGH, move |_| fourth.add("high")).unwrap();
                third.add("medium");
            })
            .unwrap();
            second.add("low");
        })
        .unwrap();
        first.add("normal");
    })
    .unwrap();
    run_to_the_end(cpu);
    // The third level waits until the second ends, and then preempts the first.
    assert_eq!(notes.take(), ["medium", "high", "low", "normal"]);
}
