//! What of it is Anax's alone, where there is no Anax: every trap is refused, and a refusal is a value.

use anax_sys::{Envelope, Error, Flags, Handle, MessageNumber, Port, Received, Target, initmsg};
use anax_uthread::{Idle, Stacks, Waker};

use super::{NORMAL, Notes, machine, run_to_the_end};

const PORT: Port = Port::from_handle(Handle::new(1, 1));

fn received(flags: Flags, badge: u64) -> Received {
    let envelope = Envelope::new(7, flags, 0);
    Received {
        number: MessageNumber::from_word(0),
        badge,
        envelope,
        result: 0,
        words: [3; 5],
        came: Default::default(),
    }
}

#[test]
fn a_call_that_is_not_sent_is_not_waited_for() {
    let (cpu, _) = machine::<1>();
    let notes = Notes::default();
    let noted = notes.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        let target = Target::from_handle(Handle::new(2, 1));
        assert_eq!(cpu.domsg(target, &initmsg(7, [0; 5]), PORT).err(), Some(Error::BadHandle));
        noted.add("refused");
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["refused"]);
}

#[test]
fn what_nobody_waits_for_is_given_back() {
    let (cpu, _) = machine::<1>();
    cpu.lwkt_create(NORMAL, move |cpu| {
        // A request; a reply for a thread that there is not; and for one that does not wait.
        for (flags, badge) in
            [(Flags::NONE, 0), (Flags::REPLY, 77), (Flags::REPLY, u64::MAX), (Flags::REPLY, 0)]
        {
            let back = cpu.deliver(received(flags, badge)).expect("nobody waits");
            assert_eq!((back.badge, back.words), (badge, [3; 5]));
        }
    })
    .unwrap();
    run_to_the_end(cpu);
}

#[test]
fn refusals_are_values() {
    let (cpu, signals) = machine::<1>();
    assert_eq!(Stacks::guarded(0, 4096).err(), Some(Error::BadArgument));
    assert_eq!(Stacks::guarded(1, 0).err(), Some(Error::BadArgument));
    assert_eq!(Stacks::guarded(usize::MAX, 4096).err(), Some(Error::BadArgument));
    assert_eq!(Stacks::guarded(1, usize::MAX).err(), Some(Error::BadArgument));
    assert_eq!(Stacks::guarded(1, 4096).err(), Some(Error::BadHandle));
    assert!(Waker::new(signals, PORT, 0).is_err());
    assert_eq!(cpu.waitport(PORT, |_| panic!("nothing comes")), Idle::Stop);
}
