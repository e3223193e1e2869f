//! Boot information that can't be trusted is refused: a message, exit status 3, and never a hang or a wild access.

use std::fs;
use std::time::Duration;

use anax_vm::Spec;
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::{emulator, guest};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "refusal.overlapping-memory",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(2),
        run: overlapping_memory,
    },
    SystemTest {
        name: "refusal.damaged-archive",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(20),
        run: damaged_archive,
    },
    SystemTest {
        name: "refusal.no-archive",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(2),
        run: no_archive,
    },
];

fn overlapping_memory(context: &Context<'_>) -> anyhow::Result<()> {
    let words = vec!["test.memmap=overlap".to_owned()];
    let spec = Spec { words, ..guest::spec(context, "boot") };
    let reason = guest::run(&spec, "true")?.expect_refusal()?;
    ensure!(reason.contains("memory map"), "the reason does not name the memory map: {reason}");
    Ok(())
}

/// An archive that must not be believed.
struct Damage {
    name: String,
    archive: Vec<u8>,
}

fn damaged_archive(context: &Context<'_>) -> anyhow::Result<()> {
    let sound = fs::read(&context.artefacts.archive)?;
    for Damage { name, archive } in damages(&sound) {
        let path = context.folder.join(format!("{name}.archive"));
        fs::write(&path, archive)?;
        let spec = Spec { archive: path, ..guest::spec(context, &name) };
        let refused = guest::run(&spec, "true").and_then(|seen| seen.expect_refusal());
        let reason = refused.with_context(|| format!("archive: {name}"))?;
        ensure!(reason.contains("archive"), "{name}: the reason does not name the archive: {reason}");
    }
    Ok(())
}

fn damages(sound: &[u8]) -> Vec<Damage> {
    let mut damages = vec![Damage { name: "zeros".into(), archive: vec![0; 4096] }];
    // One bit each: in the first header, the index, and here and there in the members, but not in zeros, which may fill something up.
    let length = sound.len();
    let told = |from: usize| from + sound[from..].iter().position(|byte| *byte != 0).unwrap_or_default();
    for position in [0, 5, 60, 130, 200, told(length / 4), told(length / 2), told(length / 4 * 3)] {
        let mut archive = sound.to_vec();
        archive[position] ^= 0x10;
        damages.push(Damage { name: format!("flipped-at-{position}"), archive });
    }
    // Behind the last member zeros fill a page: without them it is as good.
    let end = sound.iter().rposition(|byte| *byte != 0).unwrap_or_default();
    for kept in [1, 100, 512, length / 2, end - 1024, end] {
        damages.push(Damage { name: format!("cut-at-{kept}"), archive: sound[..kept].to_vec() });
    }
    damages
}

/// Without an archive the emulator can't be told by the control line's tool what to do, so it is called directly.
fn no_archive(context: &Context<'_>) -> anyhow::Result<()> {
    let log = context.folder.join("boot.log");
    let serial = format!("file:{}", log.display());
    let mut command = emulator::command();
    command.args(["-m", "64", "-serial", &serial, "-kernel"]).arg(&context.artefacts.kernel);
    let status = emulator::run(command, Duration::from_secs(60))?;
    let text = fs::read_to_string(&log)?;
    ensure!(
        text.contains("anax: refused: ") && text.contains("archive"),
        "no refusal on the console: {text}"
    );
    ensure!(status.code() == Some(3), "QEMU ended with {status} instead of 3");
    Ok(())
}
