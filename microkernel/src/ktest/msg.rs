//! Table II between threads of the kernel, on one CPU and across: success, each failure, and the races for a message's end.

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use anax_abi::object::notice;
use anax_abi::{Error, Flags, MessageNumber};
use microkernel_core::runqueue::Priority;

use super::{Broken, Context, Held, Verdict};
use crate::lwkt::{self, Start};
use crate::msg::Port;
use crate::msg::table2::{
    Received, Target, abortmsg, domsg, forwardmsg, getport, initport, replymsg, sendmsg, waitmsg, waitport,
};
use crate::percpu::{self, PerCpu};
use crate::{check, ktest};

ktest!(
    calls_are_answered,
    replies_are_found_at_the_reply_port,
    one_reply_before_others,
    urgent_messages_first,
    crowded_ports_drop_what_may_be_dropped,
    a_message_is_aborted_while_it_waits,
    the_holder_is_asked_to_abort,
    a_dead_peer_answers_once,
    nobody_replies_twice,
    forwarded_messages_keep_their_sender,
    floods_past_every_ring_are_answered,
    what_is_refused,
);

/// What the test server does with a message, by its command.
mod ask {
    /// Answers with the sum of the words, and the words backwards.
    pub(super) const ECHO: u32 = 1;
    /// Keeps it.
    pub(super) const KEEP: u32 = 2;
    /// Answers the kept one, then this.
    pub(super) const ANSWER_KEPT: u32 = 3;
    /// Answers, then ends without answering what it keeps.
    pub(super) const END: u32 = 4;
    /// Passes it on to the port in `NEXT`.
    pub(super) const PASS_ON: u32 = 5;
    /// Answers it twice; word 0 of the second answer's outcome goes to `OUTCOME`.
    pub(super) const TWICE: u32 = 6;
}

static NEXT: AtomicPtr<Port> = AtomicPtr::new(core::ptr::null_mut());
static OUTCOME: AtomicU64 = AtomicU64::new(0);

fn failed(error: Error) -> Broken {
    Broken(alloc::format!("{error}"))
}

/// A server thread with a port; it begins by telling its port to the port that made it, whose address is the argument.
fn server(parent: u64) {
    // SAFETY: the port of the test that waits for the message below.
    let parent: &'static Port = unsafe { &*core::ptr::with_exposed_provenance(parent as usize) };
    let Ok(port) = initport(4) else { return };
    let address = (&raw const *port).expose_provenance() as u64;
    let told = sendmsg(Target::of(parent), port, (0, Flags::NONE, 0), [address, 0, 0, 0, 0]);
    if told.is_err() || waitport(port).is_err() {
        return;
    }
    let mut kept = None;
    while let Ok(message) = waitport(port) {
        let words = message.words;
        let done = match message.envelope.command() {
            ask::ECHO => {
                let [a, b, c, d, e] = words;
                replymsg(message.number, words.iter().sum::<u64>().cast_signed(), [e, d, c, b, a])
            }
            ask::KEEP => {
                kept = Some(message.number);
                Ok(())
            }
            ask::ANSWER_KEPT => {
                let outcome = kept.take().map_or(Ok(()), |kept| replymsg(kept, 77, [0; 5]));
                replymsg(message.number, outcome.map_or_else(Error::code, |()| 0), [0; 5])
            }
            ask::END => {
                let _ = replymsg(message.number, 0, [0; 5]);
                return;
            }
            ask::PASS_ON => {
                // SAFETY: the test keeps the port alive.
                let next: &'static Port = unsafe { &*NEXT.load(Ordering::Acquire) };
                forwardmsg(message.number, Target::of(next), ask::ECHO, words)
            }
            ask::TWICE => {
                let _ = replymsg(message.number, 1, words);
                let second = replymsg(message.number, 2, words).map_or_else(Error::code, |()| 0);
                OUTCOME.store(second.cast_unsigned(), Ordering::Release);
                Ok(())
            }
            notice::ABORT => replymsg(MessageNumber::from_word(words[0]), Error::Aborted.code(), [0; 5]),
            _ => replymsg(message.number, Error::BadCommand.code(), [0; 5]),
        };
        if done.is_err() {
            return;
        }
    }
}

/// A server on `cpu`; its port.
fn serve_on(cpu: &PerCpu) -> Result<Target, Broken> {
    Ok(Target::of(server_on(cpu)?))
}

fn server_on(cpu: &PerCpu) -> Result<&'static Port, Broken> {
    let port = initport(0).map_err(failed)?;
    let address = (&raw const *port).expose_provenance() as u64;
    lwkt::lwkt_create(cpu, "server", Priority::DAEMON, Start::Now, server, address)
        .map_err(|error| Broken(alloc::format!("{error:?}")))?;
    let told = waitport(port).map_err(failed)?;
    replymsg(told.number, 0, [0; 5]).map_err(failed)?;
    end(port);
    // SAFETY: the address of a port, which lives for ever.
    Ok(unsafe { &*core::ptr::with_exposed_provenance(told.words[0] as usize) })
}

fn end(port: &'static Port) {
    let _off = crate::arch::cpu::InterruptsOff::new();
    port.end();
}

fn stop(server: Target) -> Result<(), Broken> {
    domsg(server, ask::END, Flags::NONE, [0; 5]).map(|_| ()).map_err(failed)
}

/// The test, with a server on each CPU in turn.
fn on_each_cpu(mut test: impl FnMut(Target) -> Result<(), Broken>) -> Verdict {
    for cpu in percpu::all() {
        let server = serve_on(cpu)?;
        test(server)?;
        let _may_have_ended = domsg(server, ask::END, Flags::NONE, [0; 5]);
    }
    Ok(Held::Passed)
}

fn calls_are_answered(context: &Context) -> Verdict {
    let rounds = context.rounds(10_000);
    on_each_cpu(|server| {
        for round in 0..rounds {
            let (sum, words) = domsg(server, ask::ECHO, Flags::NONE, [round, 2, 3, 4, 5]).map_err(failed)?;
            check!(sum == round + 14 && words == [5, 4, 3, 2, round], "{sum} {words:?}");
        }
        Ok(())
    })
}

fn replies_are_found_at_the_reply_port(context: &Context) -> Verdict {
    let rounds = context.rounds(1000);
    on_each_cpu(|server| {
        let port = initport(8).map_err(failed)?;
        for round in 0..rounds {
            for token in 0..8 {
                sendmsg(server, port, (ask::ECHO, Flags::NONE, token), [round, token, 0, 0, 0])
                    .map_err(failed)?;
            }
            let ninth = sendmsg(server, port, (ask::ECHO, Flags::NONE, 9), [0; 5]);
            check!(ninth == Err(Error::Quota), "a ninth message: {ninth:?}");
            for token in 0..8 {
                let reply = waitport(port).map_err(failed)?;
                let is_reply = reply.envelope.flags().contains(Flags::REPLY);
                check!(is_reply && reply.number.to_word() == 0, "no reply: {reply:?}");
                check!(reply.badge == token && reply.result == (round + token).cast_signed(), "{reply:?}");
            }
        }
        check!(getport(port).err() == Some(Error::WouldBlock), "something is left");
        end(port);
        Ok(())
    })
}

fn one_reply_before_others(_: &Context) -> Verdict {
    on_each_cpu(|server| {
        let port = initport(8).map_err(failed)?;
        let mut numbers = [MessageNumber::from_word(0); 8];
        for (token, number) in (0..).zip(&mut numbers) {
            *number = sendmsg(server, port, (ask::ECHO, Flags::NONE, token), [token, 0, 0, 0, 0])
                .map_err(failed)?;
        }
        for token in [5, 2, 7, 0] {
            let reply = waitmsg(port, numbers[token]).map_err(failed)?;
            check!(reply.badge == token as u64, "{reply:?} instead of {token}");
            let again = waitmsg(port, numbers[token]).err();
            check!(again == Some(Error::BadArgument), "waited for twice: {again:?}");
        }
        for token in [1, 3, 4, 6] {
            let reply = waitport(port).map_err(failed)?;
            check!(reply.badge == token, "{reply:?} instead of {token}");
        }
        end(port);
        Ok(())
    })
}

/// Takes what is in a port of one's own.
fn own(port: &'static Port) -> Result<Received, Broken> {
    getport(port).map_err(failed)
}

fn urgent_messages_first(_: &Context) -> Verdict {
    let (port, replies) = (initport(0).map_err(failed)?, initport(8).map_err(failed)?);
    let order = [(1, Flags::NONE), (2, Flags::PRIORITY), (3, Flags::NONE), (4, Flags::PRIORITY)];
    for (name, flags) in order {
        sendmsg(Target::of(port), replies, (name, flags, 0), [0; 5]).map_err(failed)?;
    }
    for name in [2, 4, 1, 3] {
        let message = own(port)?;
        check!(message.envelope.command() == name, "{message:?} instead of {name}");
        replymsg(message.number, 0, [0; 5]).map_err(failed)?;
    }
    end(port);
    end(replies);
    Ok(Held::Passed)
}

fn crowded_ports_drop_what_may_be_dropped(_: &Context) -> Verdict {
    let (port, replies) = (initport(0).map_err(failed)?, initport(100).map_err(failed)?);
    for token in 0..100 {
        sendmsg(Target::of(port), replies, (1, Flags::DROPPABLE, token), [0; 5]).map_err(failed)?;
    }
    let mut dropped = 0;
    while let Ok(reply) = getport(replies) {
        check!(reply.result == Error::Dropped.code(), "{reply:?}");
        dropped += 1;
    }
    check!(dropped == 36 && port.queued() == 64, "{dropped} dropped, {} wait", port.queued());
    end(port);
    for _ in 0..64 {
        let reply = own(replies)?;
        check!(reply.result == Error::PeerDied.code(), "{reply:?}");
    }
    check!(getport(replies).is_err(), "more replies than messages");
    end(replies);
    Ok(Held::Passed)
}

fn a_message_is_aborted_while_it_waits(_: &Context) -> Verdict {
    let (port, replies) = (initport(0).map_err(failed)?, initport(2).map_err(failed)?);
    let plain = sendmsg(Target::of(port), replies, (1, Flags::NONE, 1), [0; 5]).map_err(failed)?;
    let number = sendmsg(Target::of(port), replies, (1, Flags::ABORTABLE, 2), [0; 5]).map_err(failed)?;
    check!(abortmsg(replies, plain) == Err(Error::BadArgument), "aborted what is not abortable");
    abortmsg(replies, number).map_err(failed)?;
    let reply = own(replies)?;
    check!(reply.result == Error::Aborted.code() && reply.badge == 2, "{reply:?}");
    check!(abortmsg(replies, number) == Err(Error::BadArgument), "aborted twice");
    end(port);
    end(replies);
    Ok(Held::Passed)
}

fn the_holder_is_asked_to_abort(context: &Context) -> Verdict {
    let rounds = context.rounds(200);
    on_each_cpu(|server| {
        let replies = initport(1).map_err(failed)?;
        for _ in 0..rounds {
            let number =
                sendmsg(server, replies, (ask::KEEP, Flags::ABORTABLE, 2), [0; 5]).map_err(failed)?;
            abortmsg(replies, number).map_err(failed)?;
            let reply = waitport(replies).map_err(failed)?;
            check!(reply.result == Error::Aborted.code(), "{reply:?}");
        }
        end(replies);
        Ok(())
    })
}

fn a_dead_peer_answers_once(_: &Context) -> Verdict {
    on_each_cpu(|server| {
        let replies = initport(4).map_err(failed)?;
        for token in 0..3 {
            sendmsg(server, replies, (ask::KEEP, Flags::NONE, token), [0; 5]).map_err(failed)?;
        }
        stop(server)?;
        for _ in 0..3 {
            let reply = waitport(replies).map_err(failed)?;
            check!(reply.result == Error::PeerDied.code(), "{reply:?}");
        }
        sendmsg(server, replies, (ask::ECHO, Flags::NONE, 9), [0; 5]).map_err(failed)?;
        let reply = waitport(replies).map_err(failed)?;
        check!(reply.result == Error::PeerDied.code() && reply.badge == 9, "{reply:?}");
        check!(getport(replies).err() == Some(Error::WouldBlock), "answered twice");
        let call = domsg(server, ask::ECHO, Flags::NONE, [0; 5]);
        check!(call == Err(Error::PeerDied), "{call:?}");
        end(replies);
        Ok(())
    })
}

fn nobody_replies_twice(_: &Context) -> Verdict {
    on_each_cpu(|server| {
        OUTCOME.store(0, Ordering::Release);
        let (result, _) = domsg(server, ask::TWICE, Flags::NONE, [0; 5]).map_err(failed)?;
        check!(result == 1, "{result}");
        domsg(server, ask::ECHO, Flags::NONE, [0; 5]).map_err(failed)?;
        let second = OUTCOME.load(Ordering::Acquire).cast_signed();
        check!(second == Error::BadHandle.code(), "the second reply: {second}");
        Ok(())
    })
}

fn forwarded_messages_keep_their_sender(context: &Context) -> Verdict {
    let rounds = context.rounds(1000);
    for cpu in percpu::all() {
        let last = server_on(cpu)?;
        NEXT.store(core::ptr::from_ref(last).cast_mut(), Ordering::Release);
        on_each_cpu(|server| {
            for round in 0..rounds {
                let (sum, words) =
                    domsg(server, ask::PASS_ON, Flags::NONE, [round, 1, 0, 0, 0]).map_err(failed)?;
                check!(sum == round + 1 && words == [0, 0, 0, 1, round], "{sum} {words:?}");
            }
            Ok(())
        })?;
        stop(Target::of(last))?;
    }
    Ok(Held::Passed)
}

fn floods_past_every_ring_are_answered(context: &Context) -> Verdict {
    let rounds = context.rounds(100);
    on_each_cpu(|server| {
        let replies = initport(600).map_err(failed)?;
        for _ in 0..rounds {
            let (mut sent, mut full) = (0, 0);
            for token in 0..600 {
                match sendmsg(server, replies, (ask::ECHO, Flags::NONE, token), [token, 0, 0, 0, 0]) {
                    Ok(_) => sent += 1,
                    Err(Error::Full) => full += 1,
                    Err(error) => return Err(failed(error)),
                }
            }
            let mut last = None;
            for _ in 0..sent {
                let reply = waitport(replies).map_err(failed)?;
                check!(Some(reply.badge) > last, "{reply:?} after {last:?}");
                last = Some(reply.badge);
            }
            check!(getport(replies).is_err() && sent + full == 600, "{sent} sent, {full} refused");
        }
        end(replies);
        Ok(())
    })
}

fn what_is_refused(_: &Context) -> Verdict {
    let port = initport(1).map_err(failed)?;
    let to_oneself = domsg(Target::of(port), 1, Flags::NONE, [0; 5]);
    check!(to_oneself == Err(Error::WouldDeadlock), "{to_oneself:?}");
    for word in [0, 1, u64::MAX, 1 << 31, 0xffff] {
        let reply = replymsg(MessageNumber::from_word(word), 0, [0; 5]);
        check!(reply == Err(Error::BadHandle), "replied to {word:#x}: {reply:?}");
        let waited = waitmsg(port, MessageNumber::from_word(word)).err();
        check!(waited == Some(Error::BadArgument), "waited for {word:#x}: {waited:?}");
    }
    let server = server_on(percpu::this())?;
    check!(waitport(server).err() == Some(Error::BadHandle), "received at another's port");
    check!(getport(server).err() == Some(Error::BadHandle), "looked into another's port");
    stop(Target::of(server))?;
    end(port);
    Ok(Held::Passed)
}
