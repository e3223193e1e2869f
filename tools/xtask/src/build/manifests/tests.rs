//! Every mistake that can be made, by the exact place that is named for it.

use anax_manifest::{Capability, Cpu, DeviceMatch, Layer, Legacy, Manifests, RestartPolicy, Start};

use super::file::{File, read};
use super::{Complaint, Described, whole};

/// The manifest of `drivers/a`, whose table is in lines 4 and following.
fn described(keys: &str) -> Result<Described, Vec<Complaint>> {
    let text = format!("[package]\nname = \"a\"\n\n[package.metadata.anax]\n{keys}\n");
    let file = File::new("drivers/a/Cargo.toml".into(), text);
    read(file, &["a"]).map(|mut all| all.remove(0))
}

/// What is said about it, in one piece.
fn said(keys: &str) -> String {
    let complaints = described(keys).expect_err("something is wrong");
    complaints.iter().map(Complaint::to_string).collect::<Vec<_>>().join("\n\n")
}

/// The place and the first line of what is said.
fn place(keys: &str) -> String {
    let said = said(keys);
    let mut lines = said.lines();
    let message = lines.next().unwrap_or_default();
    let place = lines.next().and_then(|line| line.split_once("--> ")).map(|(_, place)| place);
    format!("{}: {message}", place.unwrap_or_default())
}

/// Everything about a set of files, each with the name of its only program.
fn together(files: &[(&str, &str)]) -> Result<Manifests, String> {
    let described = files.iter().flat_map(|(name, keys)| {
        let text = format!("[package.metadata.anax]\n{keys}\n");
        read(File::new(format!("servers/{name}/Cargo.toml"), text), &[name]).unwrap()
    });
    whole::judge(described.collect())
        .map_err(|all| all.iter().map(Complaint::to_string).collect::<Vec<_>>().join("\n\n"))
}

#[test]
fn every_key_is_read() {
    let manifest = described(
        r#"
layer = "driver"
start = "boot"
provides = ["one", "two"]
needs = ["three"]
capabilities = ["spawn", "power", { io-ports = [0x2f8, 8] }, { irq = 3 }]
priority = "interrupt"
cpu = 1
quota = { pages = 100, threads = 2 }
stack = 0x4000
restart = { policy = "on-failure", limit = 3 }
hang-ms = 500
devices = [{ pci = "1af4:1041" }, { pci-class = "0200" }, { legacy = "serial" }]
"#,
    )
    .unwrap()
    .manifest;
    assert_eq!((manifest.name.as_str(), manifest.layer, manifest.start), ("a", Layer::Driver, Start::Boot));
    assert_eq!((manifest.provides.len(), manifest.needs.len(), manifest.priority), (2, 1, 28));
    let ports = Capability::IoPorts { first: 0x2f8, count: 8 };
    assert_eq!(
        manifest.capabilities,
        [Capability::Spawn, Capability::Power, ports, Capability::Irq { line: 3 }]
    );
    assert_eq!((manifest.cpu, manifest.stack, manifest.hang_ms), (Cpu::Number(1), 0x4000, 500));
    assert_eq!((manifest.quota.pages, manifest.quota.handles, manifest.quota.threads), (100, 64, 2));
    assert_eq!((manifest.restart.policy, manifest.restart.limit), (RestartPolicy::OnFailure, 3));
    assert_eq!(manifest.restart.within_ms, 10_000);
    let devices = [
        DeviceMatch::Pci { vendor: 0x1af4, device: 0x1041 },
        DeviceMatch::PciClass { class: 2, subclass: 0, interface: None },
        DeviceMatch::Legacy(Legacy::Serial),
    ];
    assert_eq!(manifest.devices, devices);
}

#[test]
fn who_says_nothing_is_an_application() {
    let file = File::new("userland/a/Cargo.toml".into(), "[package]\nname = \"a\"\n".into());
    let all = read(file, &["a", "b"]).unwrap();
    let silent = |name| (name, Layer::Application, Start::Demand);
    let said: Vec<_> = all.iter().map(|one| &one.manifest).collect();
    let said: Vec<_> = said.iter().map(|one| (one.name.as_str(), one.layer, one.start)).collect();
    assert_eq!(said, [silent("a"), silent("b")]);
}

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let expected = "\
\"sytem\" is no value of `layer`
 --> drivers/a/Cargo.toml:6:9
  |
6 | layer = \"sytem\"
  |         ^^^^^^^
  = help: `layer` is one of `root`, `driver`, `bus`, `system`, `vfs`, `application`";
    assert_eq!(said("# why\nlayer = \"sytem\""), expected);
}

#[test]
fn each_key_names_its_place() {
    let file = "drivers/a/Cargo.toml";
    for (keys, expected) in [
        ("start = \"boot\"", "4:1: a has no `layer`"),
        ("layer = 3", "5:9: 3 is no value of `layer`"),
        ("layer = \"vfs\"\nstrat = \"boot\"", "6:1: unknown key `strat`"),
        ("layer = \"vfs\"\nname = \"b\"", "6:1: unknown key `name`"),
        ("layer = \"vfs\"\nstart = \"now\"", "6:9: \"now\" is no value of `start`"),
        ("layer = \"vfs\"\nprovides = \"files\"", "6:12: \"files\" is no value of `provides`"),
        ("layer = \"vfs\"\nprovides = [\"a\", \"a b\"]", "6:18: `a b` can't be provided"),
        ("layer = \"vfs\"\nprovides = [\"a\", \"a\"]", "6:18: `a` can't be provided"),
        ("layer = \"vfs\"\nneeds = [\n  \"Net\",\n]", "7:3: `Net` can't be needed"),
        ("layer = \"vfs\"\nneeds = [1]", "6:10: 1 is no value of `needs`"),
        ("layer = \"vfs\"\ncapabilities = [\"pwoer\"]", "6:17: \"pwoer\" is no value of `capabilities`"),
        (
            "layer = \"vfs\"\ncapabilities = [{ io-ports = [0xffff, 2] }]",
            "6:30: [0xffff, 2] is no value of `io-ports`",
        ),
        ("layer = \"vfs\"\ncapabilities = [{ irq = 16 }]", "6:25: 16 is no value of `irq`"),
        ("layer = \"vfs\"\ncapabilities = [{ io-ports = [-1, 2] }]", "6:31: -1 is no value of `io-ports`"),
        (
            "layer = \"vfs\"\ncapabilities = [{ io-port = [1, 2] }]",
            "6:17: { io-port = [1, 2] } is no value of `capabilities`",
        ),
        ("layer = \"vfs\"\npriority = \"high\"", "6:12: \"high\" is no value of `priority`"),
        ("layer = \"vfs\"\npriority = 29", "6:12: no program has the priority 29"),
        ("layer = \"vfs\"\ncpu = \"all\"", "6:7: \"all\" is no value of `cpu`"),
        ("layer = \"vfs\"\nquota = { page = 1 }", "6:11: unknown key `page`"),
        ("layer = \"vfs\"\nquota = { pages = -1 }", "6:19: -1 is no value of `pages`"),
        ("layer = \"vfs\"\nquota = { handles = 1 }", "6:9: no program can begin with so little"),
        ("layer = \"vfs\"\nquota = { pages = 1 }", "4:1: a stack can't have 65536 bytes"),
        ("layer = \"vfs\"\nstack = 5000", "6:9: a stack can't have 5000 bytes"),
        ("layer = \"vfs\"\nrestart = \"always\"", "6:11: \"always\" is no value of `restart`"),
        ("layer = \"vfs\"\nrestart.policy = \"maybe\"", "6:18: \"maybe\" is no value of `policy`"),
        ("layer = \"vfs\"\nrestart = { within-ms = 0 }", "6:11: these times make no sense together"),
        ("layer = \"vfs\"\nhang-ms = \"1 s\"", "6:11: \"1 s\" is no value of `hang-ms`"),
        (
            "layer = \"driver\"\ndevices = [{ pci = \"1AF4:1041\" }]",
            "6:12: { pci = \"1AF4:1041\" } is no value of `devices`",
        ),
        (
            "layer = \"driver\"\ndevices = [{ legacy = \"floppy\" }]",
            "6:12: { legacy = \"floppy\" } is no value of `devices`",
        ),
        (
            "layer = \"vfs\"\ndevices = [{ legacy = \"ata\" }]",
            "6:11: a program of the layer `vfs` drives no devices",
        ),
    ] {
        assert_eq!(place(keys), format!("{file}:{expected}"));
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let said = said("layer = \"vfs\"\nstart = 1\nstop = 2");
    assert!(said.contains("Cargo.toml:6:9") && said.contains("Cargo.toml:7:1"), "{said}");
}

#[test]
fn several_programs_have_a_table_each() {
    let text = "[package.metadata.anax.a]\nlayer = \"vfs\"\n\n[package.metadata.anax.c]\nlayer = \"vfs\"\n";
    let file = || File::new("servers/x/Cargo.toml".into(), text.into());
    let said = read(file(), &["a", "b"]).unwrap_err()[0].to_string();
    assert!(
        said.starts_with("`c` is no program of this package\n --> servers/x/Cargo.toml:4:24\n"),
        "{said}"
    );
    assert!(said.ends_with("with one of `a`, `b`"), "{said}");
    let layers = |binaries: &[&str]| {
        let all = read(file(), binaries).unwrap();
        all.iter().map(|one| one.manifest.layer).collect::<Vec<_>>()
    };
    let named = "[package.metadata.anax.a]\nlayer = \"vfs\"\n\n[package.metadata.anax.a2]\nprogram = \"a\"\nlayer = \"system\"\n";
    let all = read(File::new("servers/x/Cargo.toml".into(), named.into()), &["a", "a2"]).unwrap();
    assert_eq!((all[1].manifest.name.as_str(), all[1].manifest.layer), ("a2", Layer::System));
    assert_eq!(layers(&["a", "b", "c"]), [Layer::Vfs, Layer::Application, Layer::Vfs]);
}

#[test]
fn what_is_no_table_and_no_toml() {
    let said = |text: &str| read(File::new("a".into(), text.into()), &["a"]).unwrap_err()[0].to_string();
    assert!(said("[package.metadata]\nanax = true").starts_with("`anax` is not a table\n --> a:2:8\n"));
    assert!(said("[package\n").contains("--> a:1:"));
}

#[test]
fn an_unknown_service() {
    let expected = "\
nobody provides `netz`, which httpd needs
 --> servers/httpd/Cargo.toml:3:10
  |
3 | needs = [\"netz\"]
  |          ^^^^^^
  = help: there are `net`";
    let net = ("net", "layer = \"system\"\nprovides = [\"net\"]");
    let set = together(&[("httpd", "layer = \"application\"\nneeds = [\"netz\"]"), net]);
    assert_eq!(set.unwrap_err(), expected);
}

#[test]
fn two_providers() {
    let expected = "\
net and ip both provide `net`
 --> servers/net/Cargo.toml:2:13
  |
2 | provides = [\"net\"]
  |             ^^^^^
  = note: ip does at servers/ip/Cargo.toml:3:19
  = help: only drivers that start on demand can provide the same";
    let net = ("net", "provides = [\"net\"]\nlayer = \"system\"");
    let set = together(&[net, ("ip", "layer = \"system\"\nprovides = [\"ip\", \"net\"]")]);
    assert_eq!(set.unwrap_err(), expected);
}

#[test]
fn a_need_that_is_not_below() {
    let expected = "\
ext4 (layer `system`) needs `files` of vfs (layer `vfs`), which is not below it
 --> servers/ext4/Cargo.toml:3:10
  |
3 | needs = [\"files\"]
  |          ^^^^^^^
  = note: vfs provides it at servers/vfs/Cargo.toml:3:13
  = help: a program waits for lower layers only; to others it sends without waiting, which needs no entry";
    let vfs = ("vfs", "layer = \"vfs\"\nprovides = [\"files\"]");
    let set = together(&[vfs, ("ext4", "layer = \"system\"\nneeds = [\"files\"]")]);
    assert_eq!(set.unwrap_err(), expected);
}

#[test]
fn a_circle() {
    let expected = "\
none of these can be started first: a needs b needs a
 --> servers/a/Cargo.toml:3:10
  |
3 | needs = [\"b\"]
  |          ^^^
  = note: b needs a at servers/b/Cargo.toml:3:10";
    let a = ("a", "layer = \"vfs\"\nneeds = [\"b\"]\nprovides = [\"a\"]");
    let set = together(&[a, ("b", "layer = \"vfs\"\nneeds = [\"a\"]\nprovides = [\"b\"]")]);
    let said = set.unwrap_err();
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn two_programs_of_one_name() {
    let said = together(&[("a", "layer = \"vfs\""), ("a", "layer = \"system\"")]).unwrap_err();
    assert!(said.starts_with("two programs are called a\n --> servers/a/Cargo.toml:1:1\n"), "{said}");
    assert!(said.ends_with("  = note: the other one is servers/a/Cargo.toml:1:1"), "{said}");
}

#[test]
fn the_tree_itself_is_right() {
    let programs = crate::build::find_programs().unwrap();
    let manifests = super::load(crate::build::root(), &programs).unwrap().unwrap();
    assert_eq!(manifests.0.len(), programs.len());
    assert_eq!(manifests.get("virtio-net").map(|one| one.devices.len()), Some(2));
    assert_eq!(Manifests::decode(&manifests.encode().unwrap()), Ok(manifests));
}

#[test]
fn every_key_is_documented() {
    let page = std::fs::read_to_string(crate::build::root().join("docs/manifests.md")).unwrap();
    let rows: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    for key in super::read::KEYS {
        let row = rows.iter().find(|row| row.starts_with(&format!("{key}` |")));
        assert!(row.is_some(), "docs/manifests.md has no row for `{key}`");
    }
    let layers = Layer::ALL.iter().map(|one| one.word());
    let capabilities = Capability::PLAIN.iter().map(|(word, _)| *word);
    let legacy = Legacy::ALL.iter().map(|one| one.word());
    let policies = RestartPolicy::ALL.iter().map(|one| one.word());
    for word in layers.chain(capabilities).chain(legacy).chain(policies) {
        assert!(rows.iter().any(|row| row.contains(&format!("\"{word}\""))), "\"{word}\" is not explained");
    }
}
