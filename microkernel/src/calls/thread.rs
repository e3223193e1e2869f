//! Calls of a thread, at its CPU.

use anax_abi::object::ThreadCommand;
use anax_abi::{Error, WORDS};

use super::{Call, Served};
use crate::lwkt::{self, Thread, ThreadState, Wait, summons};
use crate::percpu;
use crate::time::clock;
use crate::user;

pub(super) fn serve(thread: &'static Thread, command: u32, call: &mut Call<'_>) -> Result<Served, Error> {
    let own = core::ptr::eq(thread, call.caller);
    let words = *call.words;
    let only_itself = || if own { Ok(()) } else { Err(Error::BadArgument) };
    match ThreadCommand::from_number(command).ok_or(Error::BadCommand)? {
        ThreadCommand::Yield => {
            only_itself()?;
            lwkt::yield_turn(thread);
            lwkt::lwkt_yield();
        }
        ThreadCommand::Exit => {
            only_itself()?;
            user::exit(thread, words[0])
        }
        ThreadCommand::Sleep => {
            only_itself()?;
            if words[0] > clock::now().0 {
                thread.user.words.set([0; WORDS]);
                thread.set_waiting(Wait::Sleep);
                user::arm(thread, words[0]);
                return Ok(Served::Later);
            }
        }
        ThreadCommand::Time => {
            (call.words[0], call.words[1]) = clock::by_counter();
            return Ok(Served::Value(clock::now().0));
        }
        ThreadCommand::Start => user::start(thread, [words[0], words[1], words[2]])?,
        ThreadCommand::SetPriority => lwkt::set_base_priority(thread, super::space::priority(words[0])?),
        ThreadCommand::ReadRegisters => *call.words = user::read_registers(thread, words[0])?,
        ThreadCommand::WriteRegister => user::write_register(thread, [words[0], words[1], words[2]])?,
        ThreadCommand::SetFsBase => user::set_fs_base(thread, words[0])?,
        ThreadCommand::Move => {
            let to = super::space::running_cpu(words[0])?;
            if thread.ports.get().is_some() {
                return Err(Error::BadArgument);
            }
            if to != thread.cpu() {
                thread.destination.set(to);
                thread.summon(summons::MOVES);
                percpu::this().scheduler.ask();
            }
        }
        ThreadCommand::Kill => user::kill(thread),
        ThreadCommand::Inspect => {
            let waits_for = match thread.wait.get() {
                _ if thread.state.get() != ThreadState::Blocked => 0,
                Wait::None => 0,
                Wait::Call(_) => 1,
                Wait::Receive(_) => 2,
                Wait::Sleep => 3,
                Wait::Kernel => 4,
            };
            let priority = thread.priority.get().level().into();
            *call.words = [thread.cpu().index() as u64, priority, lwkt::number(thread), waits_for, 0];
            return Ok(Served::Value(thread.state.get() as u64));
        }
    }
    Ok(Served::Value(0))
}
