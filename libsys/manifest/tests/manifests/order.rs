//! The order in which programs start, and what keeps them from starting at all.

use anax_manifest::{Cycle, Layer, Manifests, Problem, Provided, Start};
use proptest::prelude::*;

use crate::some::{program, sound};

fn order(manifests: &Manifests) -> Vec<&str> {
    manifests.boot_order().unwrap().iter().map(|manifest| manifest.name.as_str()).collect()
}

#[test]
fn layers_then_names_where_nothing_else_decides() {
    let set = Manifests(vec![
        program("shell", Layer::Application, &[], &["files"]),
        program("vfs", Layer::Vfs, &["files"], &["tmp"]),
        program("tmpfs", Layer::System, &["tmp"], &[]),
        program("net", Layer::System, &["sockets"], &["devices"]),
        program("devmgr", Layer::Bus, &["devices"], &[]),
        program("clock", Layer::Application, &[], &[]),
    ]);
    assert_eq!(order(&set), ["devmgr", "net", "tmpfs", "vfs", "clock", "shell"]);
    assert_eq!(set.problems(), []);
}

#[test]
fn needs_decide_before_layers_and_through_what_starts_on_demand() {
    let mut between = program("between", Layer::Bus, &["b"], &["a"]);
    between.start = Start::Demand;
    // By layer alone `z` would come first.
    let set = Manifests(vec![
        program("z", Layer::System, &[], &["b", "c"]),
        between,
        program("c", Layer::Vfs, &["c"], &[]),
        program("a", Layer::Vfs, &["a"], &[]),
    ]);
    assert_eq!(order(&set), ["a", "c", "z"]);
}

#[test]
fn a_circle_is_named_from_one_to_the_next() {
    let set = Manifests(vec![
        program("leaf", Layer::System, &[], &["x"]),
        program("one", Layer::System, &["x"], &["y"]),
        program("two", Layer::System, &["y"], &["z"]),
        program("three", Layer::System, &["z"], &["x"]),
    ]);
    let cycle = vec![1, 2, 3];
    assert_eq!(set.boot_order(), Err(Cycle(cycle.clone())));
    assert!(set.problems().contains(&Problem::Cycle(cycle)));
    let alone = Manifests(vec![program("one", Layer::System, &["x"], &["x"])]);
    assert_eq!(alone.boot_order(), Err(Cycle(vec![0])));
}

#[test]
fn nobody_waits_sideways_or_upwards() {
    let set = Manifests(vec![
        program("net", Layer::System, &["sockets"], &["log"]),
        program("logger", Layer::System, &["log"], &[]),
        program("vfs", Layer::Vfs, &["files"], &[]),
        program("ext4", Layer::System, &[], &["files"]),
        program("httpd", Layer::Application, &[], &["files", "sockets"]),
    ]);
    let problems = [
        Problem::NotBelow { program: 0, need: 0, provider: 1 },
        Problem::NotBelow { program: 3, need: 0, provider: 2 },
    ];
    assert_eq!(set.problems(), problems);
}

#[test]
fn a_service_has_one_provider_unless_drivers_take_turns() {
    let mut set = Manifests(vec![
        program("ata", Layer::Driver, &["block"], &[]),
        program("blk", Layer::Driver, &["block"], &[]),
        program("fat", Layer::System, &[], &["block", "nothing"]),
    ]);
    let provided = |program| Provided { program, place: 0 };
    let twice = Problem::TwoProviders { first: provided(0), second: provided(1) };
    let unknown = Problem::UnknownService { program: 2, need: 1 };
    assert_eq!(set.problems(), [twice.clone(), unknown.clone()]);
    set.0[0].start = Start::Demand;
    assert_eq!(set.problems(), [twice, unknown.clone()]);
    set.0[1].start = Start::Demand;
    assert_eq!(set.problems(), [unknown]);
    assert_eq!(set.providers("block").count(), 2);
}

#[test]
fn a_name_is_one_programs() {
    let one = program("one", Layer::System, &[], &[]);
    let set = Manifests(vec![one.clone(), program("two", Layer::System, &[], &[]), one]);
    assert_eq!(set.problems(), [Problem::SameName { first: 0, second: 2 }]);
}

proptest! {
    #[test]
    fn everybody_starts_behind_what_it_needs(set in sound(), turn in any::<prop::sample::Index>()) {
        prop_assert_eq!(set.problems(), []);
        let order = order(&set);
        let boot = set.0.iter().filter(|manifest| manifest.start == Start::Boot);
        prop_assert_eq!(order.len(), boot.clone().count());
        for manifest in boot {
            let place = order.iter().position(|name| *name == manifest.name);
            prop_assert!(place.is_some());
            for provider in manifest.needs.iter().flat_map(|need| set.providers(need)) {
                prop_assert!(provider.start == Start::Demand
                    || order.iter().position(|name| *name == provider.name) < place);
            }
        }
        // The order in which they are listed has no say.
        let mut turned = set.clone();
        if !turned.0.is_empty() {
            let by = turn.index(turned.0.len());
            turned.0.rotate_left(by);
        }
        prop_assert_eq!(self::order(&turned), order);
    }

    #[test]
    fn a_need_upwards_never_goes_unseen(set in sound(), which in any::<prop::sample::Index>()) {
        let Some(&top) = set.0.iter().map(|manifest| &manifest.layer).max() else { return Ok(()) };
        let mut set = set;
        let program = which.index(set.0.len());
        let above = set.0.iter().find(|manifest| manifest.layer == top).unwrap().provides[0].clone();
        if !set.0[program].needs.contains(&above) {
            set.0[program].needs.push(above);
            let not_below = |problem: &Problem| matches!(problem, Problem::NotBelow { .. });
            let seen = set.problems().iter().any(not_below);
            prop_assert_eq!(seen, set.0[program].layer <= top);
        }
    }
}
