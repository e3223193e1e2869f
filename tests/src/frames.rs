//! Network drivers in the running system: `userland/echo-demo` has frames come back to the host's peer, each once if nobody is killed, also if
//! drivers are changed by plan, and none damaged or out of order if drivers are killed.

use std::thread;
use std::time::Duration;

use anax_vm::{Datagrams, Net, Nic, Spec};
use anyhow::anyhow;

use crate::context::{Context, SystemTest, Tier};
use crate::guest;
use crate::peer::{Continue, Peer, Plan, Report};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "frames.virtio-net-echoes",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(28),
        run: |context| echoes(context, Nic::VirtioNet),
    },
    SystemTest {
        name: "frames.e1000-echoes",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(33),
        run: |context| echoes(context, Nic::E1000),
    },
];

const FRAMES: u64 = 2000;
const KILLS: u32 = 3;
/// What `echo-demo` takes for 40 planned changes.
const CHANGES: u32 = 40_000;

fn echoes(context: &Context<'_>, nic: Nic) -> anyhow::Result<()> {
    // Whatever the host does meanwhile.
    let patience = Duration::from_secs(20);
    run(context, nic, "quiet", 0, Plan { patience, ..Plan::new(FRAMES) })?.expect_perfect()?;
    run(context, nic, "changes", CHANGES, Plan { patience, ..Plan::new(FRAMES) })?.expect_perfect()?;
    run(context, nic, "kills", KILLS, Plan::new(FRAMES))?.expect_whole()
}

/// The guest echoes with that argument; what the peer saw.
fn run(context: &Context<'_>, nic: Nic, log: &str, argument: u32, plan: Plan) -> anyhow::Result<Report> {
    let peer = Peer::bind(0)?;
    let ports = Datagrams::to_peer(peer.port())?;
    let net = Net::Datagrams(ports);
    let spec = Spec { cpus: 2, memory_mib: 256, nic, net, ..guest::spec(context, log) };
    let (seen, report) = thread::scope(|scope| {
        let frames = scope.spawn(|| peer.run(ports.guest, &plan, |_| Continue::Go));
        let seen = guest::run(&spec, &format!("program echo-demo {argument}"));
        (seen, frames.join().unwrap_or_else(|_| Err(anyhow!("the peer panicked"))))
    });
    seen?.expect_success("")?;
    report
}
