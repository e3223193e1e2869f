//! What `--with NAME` changes in the manifests: it is chosen, whatever they say. And who takes whose place.

use anax_manifest::{Manifest, Manifests, Start};

/// A program starts with the system; a driver is the only one for its devices, and starts when one of them is found.
pub(super) fn choose(manifests: &mut Manifests, name: &str) {
    let Some(chosen) = manifests.0.iter_mut().find(|manifest| manifest.name == name) else { return };
    if chosen.devices.is_empty() {
        chosen.start = Start::Boot;
        return;
    }
    let devices = chosen.devices.clone();
    for other in manifests.0.iter_mut().filter(|other| other.name != name) {
        other.devices.retain(|device| !devices.contains(device));
    }
}

/// A program takes another's place, with all that the other's manifest says but its name.
pub(super) fn take_place(manifests: &mut Manifests, name: &str, of: &str) {
    let Some(other) = manifests.get(of).cloned() else { return };
    manifests.0.retain(|manifest| manifest.name != of && manifest.name != name);
    manifests.0.push(Manifest { name: name.to_owned(), ..other });
}

#[cfg(test)]
mod tests {
    use anax_manifest::{DeviceMatch, Layer};

    use super::*;

    #[test]
    fn programs_start_and_drivers_have_no_rivals() {
        let card = DeviceMatch::Pci { vendor: 1, device: 2 };
        let disk = DeviceMatch::Pci { vendor: 1, device: 3 };
        let driver = |name: &str, devices: &[DeviceMatch]| Manifest {
            devices: devices.to_vec(),
            ..Manifest::new(name, Layer::Driver)
        };
        let server = Manifest::new("server", Layer::System);
        let mut all = Manifests(vec![driver("new", &[card]), driver("old", &[card, disk]), server]);
        choose(&mut all, "new");
        choose(&mut all, "server");
        assert_eq!((all.0[0].devices.as_slice(), all.0[0].start), (&[card][..], Start::Demand));
        assert_eq!(all.0[1].devices, [disk]);
        assert_eq!(all.0[2].start, Start::Boot);
    }

    #[test]
    fn one_takes_the_place_of_another() {
        let old = Manifest { provides: vec!["service".to_owned()], ..Manifest::new("old", Layer::System) };
        let mut all = Manifests(vec![old, Manifest::new("new", Layer::Application)]);
        take_place(&mut all, "new", "old");
        assert_eq!((all.0.len(), all.get("new").map(|new| new.layer)), (1, Some(Layer::System)));
        assert_eq!(all.0[0].provides, ["service"]);
    }
}
