//! Light-weight threads as data and rules: who is queued where, who runs next, who may interrupt whom.
//!
//! The kernel schedules its threads with it, a program the threads of its own: the same code on both sides, so that what
//! the tests and models here show holds for both. Whoever uses it, "the CPU" is whatever runs one of these threads at
//! a time, and each of these structures belongs to one CPU.
//!
//! | module | about |
//! |---|---|
//! | [`list`] | threads in order, without allocating |
//! | [`runqueue`], [`preempt`] | fixed priorities: who runs next, and who interrupts whom |
//! | [`waitqueue`] | sleeping without losing the wake-up |
//! | [`crossbar`] | how one CPU asks another for anything |
//! | [`rendezvous`] | several CPUs stop, do something together, and go on |
//! | [`usched`] | policies that choose among user threads |
//! | [`sync`] | atomics that the model checker can replace |
//!
//! Nothing here allocates, switches stacks or reads a clock: the caller does, as it is told.
#![no_std]
#![forbid(unsafe_code)]

pub mod cpuset;
pub mod crossbar;
pub mod list;
pub mod preempt;
pub mod rendezvous;
pub mod runqueue;
pub mod sync;
pub mod twoclass;
pub mod usched;
pub mod waitqueue;
