//! Drivers are changed under 64 streams both ways: by plan, killed, and by a fault of theirs. Connections live on, and no byte is wrong.

use std::thread;
use std::time::Duration;

use anax_vm::Nic;
use anyhow::{anyhow, ensure};
use netpeer::Target;
use netpeer::client::{self, Bulk, Moved};

use super::behind::{END, GUESTS, PATIENCE, Plan, call, with_guest};
use super::guests::test;
use crate::context::{Context, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.guest-under-changes", Tier::Plain, 20, |context| {
        under_changes(context, Nic::VirtioNet, &["virtio-net-polling", "virtio-net"])
    }),
    test("network.guest-under-changes-e1000", Tier::Long, 20, |context| {
        under_changes(context, Nic::E1000, &["e1000", "e1000"])
    }),
];

/// How long the streams go on at least.
const STREAMS: Duration = Duration::from_secs(8);
/// By plan, killed, and by a fault.
fn under_changes(context: &Context<'_>, nic: Nic, drivers: &[&str; 2]) -> anyhow::Result<()> {
    let [other, last] = drivers;
    let swaps = format!("drvctl swap net0 {other} && drvctl swap net0 {last}");
    let swaps = vec![swaps; 3].join(" && ");
    let fault = format!("mishaps {last} 1 fault");
    let commands = format!(
        "nc -l {END} ; {swaps} && drvctl kill net0 && ip wait && {fault} && ip wait && {swaps} && drvctl kill net0 && \
         ip wait && {fault} && echo all changes are made ;"
    );
    let told = with_guest(context, Plan { commands, ..Plan::new(context, nic, 2) }, streams)?.told;
    ensure!(told.contains("\nall changes are made"), "not all changes were made: {told}");
    Ok(())
}

/// 64 streams both ways; when they are under way, the guest's commands begin.
fn streams() -> anyhow::Result<()> {
    let target = Target::new(GUESTS[0].parse()?);
    target.wait_until_up(PATIENCE)?;
    let plan = Bulk { at_least: STREAMS, ..Bulk::new(64, 400_000, 400_000) };
    let (verdict, called) = thread::scope(|scope| {
        let streams = scope.spawn(|| client::bulk(&target, &plan, &Moved::default()));
        // The streams are under way when the changes begin.
        thread::sleep(Duration::from_secs(1));
        let called = call(GUESTS[0]);
        (streams.join(), called)
    });
    let seen = verdict.map_err(|_| anyhow!("the streams panicked"))?.expect_good()?;
    eprintln!("64 streams under changes: {seen}");
    ensure!(called, "the guest did not answer");
    Ok(())
}
