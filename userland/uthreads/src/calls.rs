//! Calls whose replies are waited for in user-land: the server answers the first one only when the second has come.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_sys::object::Thread;
use anax_sys::{Error, Handle, Port, Target, initmsg, log, replymsg};
use anax_uthread::{Priority, QueueIndex};

use crate::{Machinery, block, refused, serve};

const HOLD: u32 = 0x9000;
const RELEASE: u32 = 0x9001;
const CALLS: u64 = 100;
/// What the others do between a call and the one that lets it be answered.
const TURNS: u64 = 50;

static ANSWERED: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);
static TURNED: AtomicU64 = AtomicU64::new(0);

/// Answers a `HOLD` with twice its word, but not before a `RELEASE`.
extern "C" fn server(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let mut held = None;
    loop {
        let Ok(request) = port.waitport() else { Thread::exit(1) };
        let answered = match request.command() {
            HOLD => {
                held = Some(request);
                continue;
            }
            _ => held
                .take()
                .map_or(Err(Error::BadArgument), |held| replymsg(held.number, Ok(2 * held.words[0]), [0; 5])),
        };
        let _ = replymsg(request.number, answered.map(|()| 1), [0; 5]);
    }
}

pub(crate) fn run(machinery: Machinery) -> Result<bool, Error> {
    let target = Target::from_handle(serve(machinery.other, server)?);
    let (sent, port) = (QueueIndex(0), machinery.port);
    machinery
        .cpu
        .lwkt_create(Priority::USER_NORMAL, move |cpu| {
            for number in 0..CALLS {
                let _ = cpu.lwkt_signal(sent, 1);
                let reply = cpu.domsg(target, &initmsg(HOLD, [number, 0, 0, 0, 0]), port);
                if reply.is_ok_and(|reply| reply.result == 2 * number.cast_signed()) {
                    ANSWERED.fetch_add(1, Ordering::Relaxed);
                }
            }
            ENDED.store(1, Ordering::Relaxed);
            let _ = cpu.lwkt_signal(sent, 1);
        })
        .map_err(refused)?;
    machinery
        .cpu
        .lwkt_create(Priority::USER_IDLE, move |cpu| {
            for _ in 0..CALLS {
                // Less urgent: it runs when the caller waits for its reply, and not before.
                for _ in 0..TURNS {
                    TURNED.fetch_add(1, Ordering::Relaxed);
                    cpu.lwkt_yield();
                }
                let reply = cpu.domsg(target, &initmsg(RELEASE, [0; 5]), port);
                if reply.is_ok_and(|reply| reply.result == 1) {
                    ANSWERED.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .map_err(refused)?;
    // One that has nothing to do with it, and is woken by each call.
    machinery
        .cpu
        .lwkt_create(Priority::USER_IDLE, move |cpu| {
            while ENDED.load(Ordering::Relaxed) == 0 {
                block(cpu, sent);
                TURNED.fetch_add(1, Ordering::Relaxed);
            }
        })
        .map_err(refused)?;
    let waits = machinery.run()?;
    let (answered, turned) = (ANSWERED.load(Ordering::Relaxed), TURNED.load(Ordering::Relaxed));
    log!("uthreads: {answered} calls answered, {turned} turns meanwhile; {waits} waits in the kernel");
    Ok(answered == 2 * CALLS && turned > CALLS * TURNS)
}
