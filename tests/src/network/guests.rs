//! A guest with the network server, judged by the host's kernel: all exercises, over IPv4 and IPv6, behind a TAP.

use std::time::Duration;

use anax_vm::Nic;
use anyhow::Context as _;
use netpeer::Target;

use super::behind::{GUESTS, PATIENCE, Plan, with_guest};
use super::exercises::{self, Scale};
use crate::context::{Context, Effort, Need, SystemTest, Tier};

/// The longest of them in a long run.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// A test that needs TAPs.
pub(super) const fn test(
    name: &'static str,
    tier: Tier,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    let estimate = Duration::from_secs(seconds);
    SystemTest { name, tier, needs: &[Need::Taps], processors: 2, estimate, run }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.guest-virtio-net-1", Tier::Quick, 10, |context| guest(context, Nic::VirtioNet, 1)),
    test("network.guest-virtio-net-2", Tier::Plain, 10, |context| guest(context, Nic::VirtioNet, 2)),
    test("network.guest-virtio-net-4", Tier::Plain, 20, |context| guest(context, Nic::VirtioNet, 4)),
    test("network.guest-e1000-1", Tier::Plain, 10, |context| guest(context, Nic::E1000, 1)),
    test("network.guest-e1000-2", Tier::Plain, 10, |context| guest(context, Nic::E1000, 2)),
];

fn guest(context: &Context<'_>, nic: Nic, cpus: u32) -> anyhow::Result<()> {
    let plan = Plan::new(context, nic, cpus);
    let plan = if context.effort == Effort::Long { plan.patient(LONGEST) } else { plan };
    with_guest(context, plan, || judge(&Scale::of(context.effort))).map(drop)
}

/// All exercises, over both versions.
pub(super) fn judge(scale: &Scale) -> anyhow::Result<()> {
    GUESTS.iter().try_for_each(|address| {
        let target = Target::new(address.parse()?);
        target.wait_until_up(PATIENCE).with_context(|| format!("{address} does not answer"))?;
        exercises::all(&target, scale).with_context(|| (*address).to_owned())
    })
}
