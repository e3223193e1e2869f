//! A guest whose frames are lost, come twice, are overtaken and damaged on their way, a few of each, both ways: slower, and not one wrong byte.

use std::time::Duration;

use anax_vm::Nic;
use anyhow::{Context as _, ensure};
use netpeer::Target;
use netpeer::client::{self, Bulk, Moved};
use netpeer::relay::Mischief;

use super::behind::{GUESTS, PATIENCE, Plan, Seen, Way, with_guest};
use super::exercises::Scale;
use super::guests::{judge, test};
use crate::context::{Context, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.guest-disturbed", Tier::Plain, 15, shortly),
    test("network.guest-one-percent", Tier::Long, 120, |context| {
        all(context, Nic::VirtioNet, Mischief::all(1.0, 4), 8)
    }),
    test("network.guest-five-percent", Tier::Long, 300, |context| {
        all(context, Nic::VirtioNet, Mischief::all(5.0, 5), 16)
    }),
    test("network.guest-one-percent-e1000", Tier::Long, 120, |context| {
        all(context, Nic::E1000, Mischief::all(1.0, 6), 8)
    }),
];

/// The longest of them.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// All exercises, so many times less of each.
fn all(context: &Context<'_>, nic: Nic, mischief: Mischief, less: u64) -> anyhow::Result<()> {
    let scale = Scale::of(context.effort).disturbed(less);
    disturbed(
        Plan { way: Way::Relay(mischief), ..Plan::new(context, nic, 2) }.patient(LONGEST),
        context,
        || judge(&scale),
    )
}

/// A few streams both ways.
fn shortly(context: &Context<'_>) -> anyhow::Result<()> {
    let way = Way::Relay(Mischief::all(1.0, 7));
    disturbed(Plan { way, ..Plan::new(context, Nic::VirtioNet, 2) }, context, || {
        GUESTS.iter().try_for_each(|address| {
            let target = Target::new(address.parse()?);
            target.wait_until_up(PATIENCE).with_context(|| format!("{address} does not answer"))?;
            let seen =
                client::bulk(&target, &Bulk::new(16, 100_000, 100_000), &Moved::default()).expect_good()?;
            eprintln!("16 streams both ways: {seen}");
            Ok(())
        })
    })
}

/// What the relay was to do has happened.
fn disturbed(
    plan: Plan,
    context: &Context<'_>,
    judge: impl FnOnce() -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let Seen { counts, .. } = with_guest(context, plan, judge)?;
    for count in counts.context("no relay")? {
        eprintln!("{count:?}");
        let each = [count.lost, count.doubled, count.overtaken, count.damaged];
        ensure!(each.iter().all(|count| *count > 0), "no mischief: {count:?}");
    }
    Ok(())
}
