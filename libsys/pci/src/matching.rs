//! Which manifests are for which device.

use alloc::vec::Vec;
use core::cmp::Reverse;

use anax_manifest::{DeviceMatch, Manifest, Manifests};

use crate::{Device, Header, Place};

/// How closely a manifest describes a device, the vaguest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Specificity {
    /// By its class.
    Class,
    /// By its class and programming interface.
    Interface,
    /// By maker and model, or as the legacy device that it is.
    Model,
}

/// Whether `wanted` is this device. Nobody drives a bridge: what is behind it would hang on a driver's life.
#[must_use]
pub fn matches(device: &Device, wanted: &DeviceMatch) -> Option<Specificity> {
    match (&device.place, *wanted) {
        (Place::Legacy(legacy), DeviceMatch::Legacy(kind)) => {
            (legacy.kind == kind).then_some(Specificity::Model)
        }
        (Place::Pci(function), _) if function.header != Header::Device => None,
        (Place::Pci(function), DeviceMatch::Pci { vendor, device }) => {
            let ids = (function.ids.vendor, function.ids.device);
            (ids == (vendor, device)).then_some(Specificity::Model)
        }
        (Place::Pci(function), DeviceMatch::PciClass { class, subclass, interface }) => {
            let same = (function.class.base, function.class.sub) == (class, subclass);
            match interface {
                _ if !same => None,
                None => Some(Specificity::Class),
                Some(wanted) => (function.class.interface == wanted).then_some(Specificity::Interface),
            }
        }
        _ => None,
    }
}

/// The programs that can drive a device, the most specific first, equals by name.
#[must_use]
pub fn candidates<'m>(device: &Device, manifests: &'m Manifests) -> Vec<(Specificity, &'m Manifest)> {
    let best = |manifest: &'m Manifest| {
        let fit = manifest.devices.iter().filter_map(|wanted| matches(device, wanted)).max()?;
        Some((fit, manifest))
    };
    let mut all: Vec<_> = manifests.0.iter().filter_map(best).collect();
    if cfg!(not(bite = "pci-first-match")) {
        all.sort_by(|(a, one), (b, other)| (Reverse(a), &one.name).cmp(&(Reverse(b), &other.name)));
    }
    all
}
