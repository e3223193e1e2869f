//! Stacks: used again, left alone while stood on, watched; and the registers that a switch keeps.

use std::arch::asm;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use anax_uthread::{Idle, Memory, QueueIndex};

use super::{NORMAL, Notes, QUEUES, STACK, URGENT, machine, memory_for, run_to_the_end};

#[test]
fn a_stack_is_used_again_by_the_next_thread() {
    let (cpu, _) = machine::<2>();
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        for number in 0..1_000 {
            let (count, value) = (counted.clone(), [number; 20]);
            let next = cpu
                .lwkt_create(NORMAL, move |cpu| {
                    cpu.lwkt_yield();
                    assert_eq!(value, [number; 20]);
                    count.set(count.get() + 1);
                })
                .expect("the one before has ended and left its stack");
            assert_eq!(next.index(), 1);
            cpu.lwkt_yield();
            cpu.lwkt_yield();
        }
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!((count.get(), Rc::strong_count(&count)), (1_000, 1));
}

/// An ending thread wakes one that creates another at once: not on the stack that is being left.
#[test]
fn a_stack_is_nobodys_until_it_is_left() {
    let (cpu, _) = machine::<3>();
    let queue = QueueIndex(0);
    let notes = Notes::default();
    let noted = notes.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        cpu.lwkt_block(queue, cpu.lwkt_generation(queue).unwrap()).unwrap();
        let ids: Vec<_> = (0..2).map(|_| cpu.lwkt_create(NORMAL, |_| ()).unwrap().index()).collect();
        assert_eq!(ids, [1, 2]);
        noted.add("created");
    })
    .unwrap();
    cpu.lwkt_create(NORMAL, move |cpu| {
        cpu.lwkt_signal(queue, 1).unwrap();
        // SAFETY: nothing on this stack is anybody's.
        unsafe { cpu.lwkt_exit() }
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["created"]);
}

#[test]
fn exit_drops_nothing_that_is_on_the_stack() {
    let (cpu, _) = machine::<1>();
    let value = Rc::new(());
    let kept = value.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        let _kept = kept;
        // SAFETY: what is lost is a count.
        unsafe { cpu.lwkt_exit() }
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(Rc::strong_count(&value), 2);
    assert!(cpu.lwkt_alloc_thread().is_ok());
}

#[test]
fn an_overflow_is_noticed_and_says_whose() {
    let memory: &Memory<2, QUEUES> = Box::leak(Box::default());
    let (bottom, stacks) = memory_for(2, STACK);
    let cpu = memory.claim(stacks).unwrap();
    let notes = Notes::default();
    for (thread, call) in ["yield", "switch"].into_iter().enumerate() {
        let noted = notes.clone();
        cpu.lwkt_create(NORMAL, move |cpu| {
            let guard = bottom.wrapping_add(thread * STACK);
            // SAFETY: the lowest byte of this thread's own stack.
            unsafe { guard.write(guard.read() ^ 1) };
            let overflow = catch_unwind(AssertUnwindSafe(|| match call {
                "yield" => cpu.lwkt_yield(),
                _ => cpu.lwkt_switch(),
            }));
            let said = overflow.expect_err("it was not noticed");
            let said = said.downcast_ref::<String>().expect("a sentence");
            assert_eq!(*said, format!("thread {thread} has overflowed its stack"));
            // SAFETY: as above.
            unsafe { guard.write(guard.read() ^ 1) };
            noted.add(call);
        })
        .unwrap();
    }
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["yield", "switch"]);
}

/// SSE rounds up in one thread and down in the other; x87 has single precision in one of them.
#[test]
fn control_words_are_the_threads_own() {
    fn control() -> (u32, u16) {
        let (mut sse, mut x87) = (0_u32, 0_u16);
        // SAFETY: stores to two variables.
        unsafe { asm!("stmxcsr [{}]", "fnstcw [{}]", in(reg) &raw mut sse, in(reg) &raw mut x87) };
        (sse & !0x3f, x87)
    }
    fn set((sse, x87): (u32, u16)) {
        // SAFETY: valid control words, all exceptions masked; the test computes nothing with them.
        unsafe { asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &raw const sse, in(reg) &raw const x87) };
    }
    let own = control();
    let (cpu, _) = machine::<2>();
    for words in [(0x5f80, 0x037f), (0x3f80, 0x007f)] {
        cpu.lwkt_create(NORMAL, move |cpu| {
            assert_eq!(control(), (0x1f80, 0x037f), "as the ABI has it");
            set(words);
            for _ in 0..3 {
                cpu.lwkt_yield();
                assert_eq!(control(), words);
            }
        })
        .unwrap();
    }
    run_to_the_end(cpu);
    assert_eq!(control(), own);
}

#[test]
fn callee_saved_registers_survive() {
    let (cpu, _) = machine::<2>();
    extern "C" fn yields(cpu: &anax_uthread::VirtualCpu) {
        cpu.lwkt_yield();
    }
    for thread in 1..=2_u64 {
        cpu.lwkt_create(NORMAL, move |cpu| {
            for round in 0..10 {
                let [mut a, mut b, mut c, mut d] = [1, 2, 3, 4].map(|word| thread << 32 | round << 8 | word);
                // SAFETY: a call of a C function on an aligned stack; what it may change is named.
                unsafe {
                    asm!(
                        "call {yields}",
                        yields = sym yields,
                        in("rdi") &raw const *cpu,
                        inout("r12") a, inout("r13") b, inout("r14") c, inout("r15") d,
                        clobber_abi("C"),
                    );
                }
                assert_eq!([a, b, c, d], [1, 2, 3, 4].map(|word| thread << 32 | round << 8 | word));
            }
        })
        .unwrap();
    }
    run_to_the_end(cpu);
}

/// What a thread lends to a thread of the host's stays where it is, whatever the virtual CPU does.
#[test]
fn a_thread_left_for_good_keeps_its_stack() {
    let (cpu, _) = machine::<2>();
    let queue = QueueIndex(0);
    cpu.lwkt_create(URGENT, move |cpu| {
        let lent = [7_u8; 64];
        cpu.lwkt_block(queue, cpu.lwkt_generation(queue).unwrap()).unwrap();
        assert_eq!(lent, [7; 64]);
    })
    .unwrap();
    cpu.run(|_| Idle::Stop);
    for _ in 0..10 {
        cpu.lwkt_create(NORMAL, |_| {
            std::hint::black_box([9_u8; 512]);
        })
        .unwrap();
        cpu.run(|_| Idle::Stop);
    }
    cpu.lwkt_signal(queue, 1).unwrap();
    run_to_the_end(cpu);
}
