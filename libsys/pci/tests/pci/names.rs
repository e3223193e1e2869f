//! Names, legacy devices, and who drives what.

use anax_manifest::{DeviceMatch, Layer, Legacy, Manifest, Manifests};
use anax_pci::{Device, Place, Sizing, Specificity, candidates, inventory, matches, walk};

use crate::model::{Model, Registers, at};
use crate::walk::ROOT;

fn devices(model: &Model) -> Vec<Device> {
    inventory(walk(model, &[ROOT], Sizing::Leave).functions)
}

fn names(devices: &[Device]) -> Vec<&str> {
    devices.iter().map(|device| device.name.as_str()).collect()
}

fn machine(ide: u32) -> Model {
    Model::new([
        (at(0, 0, 0), Registers::device(0x8086, 0x1237, 0x06_0000)),
        (at(0, 1, 0), Registers::device(0x8086, 0x7000, 0x06_0100).multiple()),
        (at(0, 1, 1), Registers::device(0x8086, 0x7010, 0x01_0100 | ide)),
        (at(0, 3, 0), Registers::device(0x1af4, 0x1041, 0x02_0000)),
        (at(0, 4, 0), Registers::device(0x1af4, 0x1042, 0x01_0000)),
        (at(0, 5, 0), Registers::bridge(0, 1, 1)),
        (at(0, 6, 0), Registers::device(0x8086, 0x100e, 0x02_0000)),
        (at(0, 7, 0), Registers::device(0x1234, 0x11e8, 0x00_ff00)),
        (at(1, 0, 0), Registers::device(0x1af4, 0x1041, 0x02_0000)),
    ])
}

#[test]
fn by_kind_in_the_order_of_addresses() {
    let devices = devices(&machine(0x80));
    let expected = [
        "serial0", "serial1", "ata0", "ata1", "bridge0", "bridge1", "ide0", "net0", "blk0", "bridge2",
        "net1", "dev0", "net2",
    ];
    assert_eq!(names(&devices), expected);
    let Place::Legacy(second) = &devices[3].place else { panic!("a channel is no function") };
    assert_eq!((second.registers.first, second.registers.count, second.irq), (0x170, 8, 15));
    assert_eq!(second.control.map(|control| control.first), Some(0x376));
}

#[test]
fn channels_are_where_the_controller_says() {
    let channels = |ide| {
        let devices = devices(&machine(ide));
        let channel = |device: &&Device| matches!(&device.place, Place::Legacy(it) if it.kind == Legacy::Ata);
        devices.iter().filter(channel).map(|device| device.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(channels(0x80), ["ata0", "ata1"]);
    assert_eq!(channels(0x8a), ["ata0", "ata1"]);
    assert_eq!(channels(0x81), ["ata0"]);
    assert_eq!(channels(0x85), [""; 0]);
    // Without any PCI they are taken for granted.
    assert_eq!(names(&inventory(Vec::new())), ["serial0", "serial1", "ata0", "ata1"]);
}

fn driver(name: &str, devices: &[DeviceMatch]) -> Manifest {
    let mut manifest = Manifest::new(name, Layer::Driver);
    manifest.devices = devices.to_vec();
    manifest
}

#[test]
fn the_closest_description_wins() {
    let class = |interface| DeviceMatch::PciClass { class: 1, subclass: 0, interface };
    let model = DeviceMatch::Pci { vendor: 0x1af4, device: 0x1042 };
    let manifests = Manifests(vec![
        driver("any-disk", &[class(None)]),
        driver("this-disk", &[class(None), model]),
        driver("another-disk", &[model]),
        driver("close-disk", &[class(Some(0))]),
        driver("far-disk", &[class(Some(1)), DeviceMatch::Legacy(Legacy::Ata)]),
    ]);
    let devices = devices(&machine(0x80));
    let fits = |name: &str| {
        let device = devices.iter().find(|device| device.name == name).unwrap();
        let all = candidates(device, &manifests);
        all.into_iter().map(|(fit, manifest)| (fit, manifest.name.as_str())).collect::<Vec<_>>()
    };
    let expected = [
        (Specificity::Model, "another-disk"),
        (Specificity::Model, "this-disk"),
        (Specificity::Interface, "close-disk"),
        (Specificity::Class, "any-disk"),
    ];
    assert_eq!(fits("blk0"), expected);
    assert_eq!(fits("ata1"), [(Specificity::Model, "far-disk")]);
    assert_eq!(fits("net0"), []);
    assert_eq!(fits("serial0"), []);
}

#[test]
fn nobody_drives_a_bridge() {
    let devices = devices(&machine(0x80));
    let bridge = devices.iter().find(|device| device.name == "bridge2").unwrap();
    let by_model = DeviceMatch::Pci { vendor: 0x1b36, device: 0x0001 };
    let by_class = DeviceMatch::PciClass { class: 6, subclass: 4, interface: None };
    assert_eq!((matches(bridge, &by_model), matches(bridge, &by_class)), (None, None));
}
