//! Clients that do not trust their driver: they judge what comes back, complain of a driver that lies or does not answer, and go on with the next.
//!
//! Whoever replaces the drivers asks how it goes ([`ASK`]), and when a driver is at work that is known to be good, demands that from then on all is
//! right ([`TRUST`]).

use core::time::Duration;

use anax::Error;
use anax_devices::{Complaint, DevicesClient, SERVICE, devices};
use anax_ring::{Epoch, Sleep};
use anax_sys::{Deadline, Instant, MessageNumber, replymsg};

use crate::work::{Load, Open, STOP};

/// The message that asks how it goes: things done so far, wrong ones among them, epochs seen, complaints made, and the longest time in nanoseconds from one thing done to the
/// next since this was last asked.
pub const ASK: u32 = 0x2001;
/// The message that demands that from now on all is right: answered when as many things as its first word says were right. How many were not, although they should.
pub const TRUST: u32 = 0x2002;

/// A driver that has been asked, and does nothing for so long, is complained of. There is a card that hears nothing for a second after it was reset.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a client looks, if nothing comes.
const LOOK: Duration = Duration::from_millis(10);

/// What a client has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Things done.
    pub done: u64,
    /// Of these, those that were wrong while nothing was promised: a driver's doing.
    pub wrong: u64,
    /// Right ones since the driver is trusted, and wrong ones.
    pub right: u64,
    /// These.
    pub broken: u64,
    /// Epochs that came.
    pub epochs: u64,
}

/// A load that judges.
pub trait Check: Load {
    /// What it has seen.
    fn tally(&self) -> Tally;

    /// What is asked for from now on has to be right.
    fn trust(&mut self);

    /// Until the next time that it has to be, it may be wrong.
    fn distrust(&mut self);

    /// The epoch that it works in, and whether the driver was caught lying in it.
    fn standing(&self) -> (Epoch, bool);
}

/// A client's epochs, as it learns of them.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The present one.
    pub epoch: Epoch,
    /// Whether the driver has lied in it.
    pub has_lied: bool,
}

impl Standing {
    /// In that epoch nothing was said yet.
    #[must_use]
    pub const fn new(epoch: Epoch) -> Self {
        Self { epoch, has_lied: false }
    }
}

/// Works until it is told to stop.
///
/// # Errors
/// What the load fails with; those of the kernel, and of the way to the device manager.
pub fn watch(open: &Open, load: &mut impl Check) -> Result<(), Error> {
    let device = anax::arguments().first().and_then(|name| name.parse().ok()).ok_or(Error::BadArgument)?;
    let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
    let (mut stop, mut trusts): (Option<MessageNumber>, Option<(MessageNumber, u64)>) = (None, None);
    let (mut seen, mut longest) = (load.tally(), 0);
    // When the last thing was done, and since when the present driver has its chance.
    let mut since = anax::time::now().nanoseconds();
    let mut given = since;
    let (mut accused, mut complaints) = (None, 0);
    loop {
        let now = anax::time::now().nanoseconds();
        let pending = load.work(now, stop.is_some())?;
        if let Some(number) = stop.filter(|_| pending == 0) {
            return replymsg(number, Ok(0), [0; 5]);
        }
        let tally = load.tally();
        if tally.done != seen.done {
            longest = longest.max(now - since);
            (since, given) = (now, now);
        }
        if tally.epochs != seen.epochs {
            // A new driver has as long as its predecessor had.
            given = now;
        }
        let (epoch, has_lied) = load.standing();
        let is_silent = pending > 0 && now - given > PATIENCE.as_nanos() as u64;
        if accused != Some(epoch) && (has_lied || is_silent) {
            accused = Some(epoch);
            complaints += 1;
            let complaint = if has_lied { Complaint::Lies } else { Complaint::Silent };
            devices.complain(device, epoch.number(), complaint)?;
        }
        seen = tally;
        if let Some((number, enough)) = trusts
            && (tally.right >= enough || tally.broken > 0)
        {
            trusts = None;
            load.distrust();
            replymsg(number, Ok(tally.broken), [0; 5])?;
        }
        let received = match load.prepare_to_sleep()? {
            // There may always be more to do: what is asked has to be heard all the same.
            Sleep::MoreToDo => open.port.getport(),
            Sleep::RingFirst => open.channel.ring().and_then(|()| open.port.getport()),
            Sleep::MaySleep => {
                let until = Instant::from_nanoseconds(now).after(LOOK);
                open.port.waitport_until(Deadline::at(until))
            }
        };
        let received = match received {
            Ok(received) => received,
            Err(Error::TimedOut | Error::WouldBlock) => continue,
            Err(error) => return Err(error),
        };
        match received.command() {
            STOP => stop = Some(received.number),
            ASK => {
                let Tally { done, wrong, epochs, .. } = load.tally();
                let told = [done, wrong, epochs, complaints, core::mem::take(&mut longest)];
                replymsg(received.number, Ok(0), told)?;
            }
            TRUST => {
                load.trust();
                trusts = Some((received.number, received.words[0]));
            }
            _ if received.number.to_word() != 0 => {
                replymsg(received.number, Err(Error::BadCommand), [0; 5])?;
            }
            _ => {}
        }
    }
}
