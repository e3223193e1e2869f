//! Manifests to test with.

use anax_manifest::{Capability, Cpu, DeviceMatch, Layer, Legacy, Manifest, Manifests, Start};
use proptest::prelude::*;

pub(crate) fn program(name: &str, layer: Layer, provides: &[&str], needs: &[&str]) -> Manifest {
    let mut manifest = Manifest::new(name, layer);
    manifest.start = Start::Boot;
    manifest.provides = provides.iter().map(|name| (*name).into()).collect();
    manifest.needs = needs.iter().map(|name| (*name).into()).collect();
    manifest
}

/// Sets without a problem: each program provides one service of its own, and needs some from below it.
pub(crate) fn sound() -> impl Strategy<Value = Manifests> {
    let rough = (0..Layer::ALL.len(), any::<bool>(), any::<u64>(), any::<u16>());
    prop::collection::vec(rough, 0..40).prop_map(|rough| {
        let layer = |place: usize| Layer::ALL[rough[place].0];
        let programs = rough.iter().enumerate().map(|(place, &(_, boot, needs, seed))| {
            let mut manifest = Manifest::new(&format!("p{}-{place}", seed % 10), layer(place));
            manifest.start = if boot { Start::Boot } else { Start::Demand };
            manifest.provides = vec![format!("s{place}")];
            let below = (0..rough.len()).filter(|&other| layer(other) < layer(place));
            let chosen = below.filter(|other| needs >> (other % 64) & 1 != 0).take(8);
            manifest.needs = chosen.map(|other| format!("s{other}")).collect();
            details(&mut manifest, seed);
            manifest
        });
        Manifests(programs.collect())
    })
}

/// Fills in what the order does not depend on.
fn details(manifest: &mut Manifest, seed: u16) {
    manifest.cpu = if seed & 1 == 0 { Cpu::Any } else { Cpu::Number(seed.into()) };
    manifest.hang_ms = seed.into();
    manifest.capabilities = vec![Capability::Power];
    manifest.capabilities.extend(Capability::io_ports(seed, 8));
    manifest.capabilities.extend(Capability::irq(seed as u8));
    if manifest.layer == Layer::Driver {
        manifest.devices = vec![
            DeviceMatch::Pci { vendor: seed, device: !seed },
            DeviceMatch::PciClass { class: 2, subclass: 0, interface: Some(seed as u8) },
            DeviceMatch::Legacy(Legacy::Ata),
        ];
    }
}
