//! Each rule about one manifest, at both sides of its border.

use anax_manifest::{
    Capability, DeviceMatch, Fault, Layer, Legacy, MAX_LIST, Manifest, PAGE, is_program_name, is_service_name,
};

fn fault(change: impl Fn(&mut Manifest)) -> Option<Fault> {
    let mut manifest = Manifest::new("some", Layer::System);
    change(&mut manifest);
    manifest.check().err()
}

#[test]
fn defaults_break_no_rule() {
    for &layer in Layer::ALL {
        assert_eq!(Manifest::new("some", layer).check(), Ok(()));
    }
    assert_eq!(Manifest::new("net", Layer::Driver).priority, 20);
    assert_eq!(Manifest::new("shell", Layer::Application).priority, 6);
}

#[test]
fn names() {
    for name in ["a", "9p", "block-0", "abcdefghijklmnopqrstuvwx"] {
        assert!(is_service_name(name) && is_program_name(name), "{name}");
    }
    for name in ["", "abcdefghijklmnopqrstuvwxy", "Net", "a b", "a.b", "ä", "a\0"] {
        assert!(!is_service_name(name), "{name}");
    }
    assert!(is_program_name("a_b") && !is_service_name("a_b"));
    assert!(!is_program_name(&"a".repeat(33)));
}

#[test]
fn rules_name_the_place() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).into()).collect::<Vec<_>>();
    assert_eq!(fault(|it| it.name = "a/b".into()), Some(Fault::Name));
    assert_eq!(fault(|it| it.provides = words(&["a", "B"])), Some(Fault::Provides(1)));
    assert_eq!(fault(|it| it.provides = words(&["a", "b", "a"])), Some(Fault::Provides(2)));
    assert_eq!(fault(|it| it.needs = words(&["", "b"])), Some(Fault::Needs(0)));
    let ports = |first, count| vec![Capability::Spawn, Capability::IoPorts { first, count }];
    assert_eq!(fault(|it| it.capabilities = ports(0xfff8, 8)), None);
    assert_eq!(fault(|it| it.capabilities = ports(0xfff8, 9)), Some(Fault::Capability(1)));
    assert_eq!(fault(|it| it.capabilities = ports(8, 0)), Some(Fault::Capability(1)));
    assert_eq!(fault(|it| it.capabilities = vec![Capability::Irq { line: 15 }]), None);
    assert_eq!(fault(|it| it.capabilities = vec![Capability::Irq { line: 16 }]), Some(Fault::Capability(0)));
    assert_eq!(fault(|it| it.capabilities = vec![Capability::Kill; MAX_LIST]), None);
    let more = vec![Capability::Kill; MAX_LIST + 1];
    assert_eq!(fault(|it| it.capabilities = more.clone()), Some(Fault::List("capabilities")));
}

#[test]
fn numbers_have_borders() {
    for (priority, expected) in
        [(3, Some(Fault::Priority)), (4, None), (28, None), (29, Some(Fault::Priority))]
    {
        assert_eq!(fault(|it| it.priority = priority), expected);
    }
    for (stack, expected) in [
        (0, Some(Fault::Stack)),
        (PAGE, None),
        (PAGE + 1, Some(Fault::Stack)),
        (4096 * PAGE, None),
        (4097 * PAGE, Some(Fault::Stack)),
    ] {
        assert_eq!(fault(|it| it.stack = stack), expected);
    }
    assert_eq!(fault(|it| it.quota.threads = 0), Some(Fault::Quota));
    assert_eq!(fault(|it| it.quota.handles = 7), Some(Fault::Quota));
    assert_eq!(fault(|it| it.restart.first_delay_ms = 1001), Some(Fault::Restart));
    assert_eq!(fault(|it| it.restart.within_ms = 0), Some(Fault::Restart));
}

#[test]
fn only_drivers_drive() {
    let driving = |layer| {
        fault(|it| {
            it.layer = layer;
            it.devices = vec![DeviceMatch::Legacy(Legacy::Ata)];
        })
    };
    assert_eq!(driving(Layer::Driver), None);
    assert_eq!(driving(Layer::Bus), Some(Fault::Devices));
}

#[test]
fn devices_have_one_spelling() {
    let virtio = DeviceMatch::Pci { vendor: 0x1af4, device: 0x1041 };
    assert_eq!(DeviceMatch::from_pci("1af4:1041"), Some(virtio));
    for text in ["1AF4:1041", "1af4", "1af4:141", "1af4:1041:0", "+af4:1041", "1af4: 041"] {
        assert_eq!(DeviceMatch::from_pci(text), None, "{text}");
    }
    let class = |interface| Some(DeviceMatch::PciClass { class: 1, subclass: 2, interface });
    assert_eq!(DeviceMatch::from_pci_class("0102"), class(None));
    assert_eq!(DeviceMatch::from_pci_class("010280"), class(Some(0x80)));
    for text in ["", "02", "02000", "0x0200", "+200", "02:00"] {
        assert_eq!(DeviceMatch::from_pci_class(text), None, "{text}");
    }
}
