//! One table as a manifest.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use anax_manifest::{
    Capability, Cpu, DeviceMatch, Fault, Layer, Legacy, Manifest, Quota, Restart, RestartPolicy, Start,
};
use toml::de::DeTable;

use super::file::File;
use super::value::{Value, list, unknown_key};
use super::{Complaint, Described};
use crate::build::programs::{FOR, FOR_ALL, FOR_TESTS, KEY};

/// All keys.
pub(super) const KEYS: [&str; 14] = [
    KEY,
    FOR,
    "layer",
    "start",
    "provides",
    "needs",
    "capabilities",
    "priority",
    "cpu",
    "quota",
    "stack",
    "restart",
    "hang-ms",
    "devices",
];

/// Reads the manifest of the program `name`, which stands at `span`.
pub(super) fn manifest(
    file: &Rc<File>,
    name: &str,
    table: &DeTable<'_>,
    span: Range<usize>,
) -> Result<Described, Vec<Complaint>> {
    // What else a program says does not matter to what its layer makes the default.
    let layer = match table.get("layer") {
        Some(value) => layer(Value { file, key: "layer", value }).map_err(|complaint| vec![complaint])?,
        None => {
            let hint = format!("say `layer = \"...\"`, with one of {}", layers());
            return Err(vec![Complaint::new(file, &span, format!("{name} has no `layer`")).help(hint)]);
        }
    };
    let mut described = Described {
        manifest: Manifest::new(name, layer),
        file: Rc::clone(file),
        table: span,
        provides: Vec::new(),
        needs: Vec::new(),
    };
    let (mut complaints, mut places) = (Vec::new(), BTreeMap::new());
    for (key, value) in table {
        let place = Value { file, key: key.get_ref(), value };
        places.insert(place.key, place.span());
        let read = if KEYS.contains(&place.key) {
            field(&mut described, place)
        } else {
            Err(unknown_key(file, key, &KEYS))
        };
        complaints.extend(read.err());
    }
    if complaints.is_empty()
        && let Err(fault) = described.manifest.check()
    {
        let span = place(fault, &described, &places);
        complaints.push(Complaint::new(file, &span, what(fault, &described)).help(fault.to_string()));
    }
    if complaints.is_empty() { Ok(described) } else { Err(complaints) }
}

/// Reads one key's value.
fn field(described: &mut Described, value: Value<'_, '_>) -> Result<(), Complaint> {
    let manifest = &mut described.manifest;
    match value.key {
        "start" => manifest.start = value.word(Start::from_word, Start::ALL.iter().map(|one| one.word()))?,
        "provides" => (manifest.provides, described.provides) = services(value)?,
        "needs" => (manifest.needs, described.needs) = services(value)?,
        "capabilities" => manifest.capabilities = value.each("a list of capabilities", capability)?,
        "priority" => manifest.priority = priority(value)?,
        "cpu" => manifest.cpu = cpu(value)?,
        "quota" => quota(value, &mut manifest.quota)?,
        "stack" => manifest.stack = value.number("a number of bytes")?,
        "restart" => restart(value, &mut manifest.restart)?,
        "hang-ms" => manifest.hang_ms = value.number("a number of milliseconds, 0 for never")?,
        "devices" => manifest.devices = value.each("a list of devices", device)?,
        FOR => {
            let known = |word: &str| [FOR_ALL, FOR_TESTS].contains(&word).then_some(());
            value.word(known, [FOR_ALL, FOR_TESTS].into_iter())?;
        }
        KEY => _ = value.string("the name of another program of this package")?,
        // `layer`, which was read before all others.
        _ => {}
    }
    Ok(())
}

fn layer(value: Value<'_, '_>) -> Result<Layer, Complaint> {
    value.word(Layer::from_word, Layer::ALL.iter().map(|layer| layer.word()))
}

fn layers() -> String {
    list(Layer::ALL.iter().map(|layer| layer.word()))
}

fn services(value: Value<'_, '_>) -> Result<(Vec<String>, Vec<Range<usize>>), Complaint> {
    let wanted = "a list of names of services";
    let one = |value: Value<'_, '_>| Ok((value.string(wanted)?.to_owned(), value.span()));
    Ok(value.each(wanted, one)?.into_iter().unzip())
}

fn capability(value: Value<'_, '_>) -> Result<Capability, Complaint> {
    match value.only() {
        Some(argument) if argument.key == Capability::IO_PORTS => ports(argument),
        Some(argument) if argument.key == Capability::IRQ => {
            let wanted = "a line from 0 to 15";
            Capability::irq(argument.number(wanted)?).ok_or_else(|| argument.refuse(wanted))
        }
        _ => {
            let known = value.value.get_ref().as_str().and_then(Capability::from_word);
            let words = list(Capability::PLAIN.iter().map(|(word, _)| *word));
            let wanted =
                || format!("a list of {words}, `{{ io-ports = [first, count] }}`, `{{ irq = line }}`");
            known.ok_or_else(|| value.refuse(wanted()))
        }
    }
}

fn ports(argument: Value<'_, '_>) -> Result<Capability, Complaint> {
    let wanted = "the first port and how many, within 0 to 0xffff";
    let numbers: Vec<u16> = argument.each(wanted, |number| number.number(wanted))?;
    let ports = match numbers[..] {
        [first, count] => Capability::io_ports(first, count),
        _ => None,
    };
    ports.ok_or_else(|| argument.refuse(wanted))
}

fn priority(value: Value<'_, '_>) -> Result<u8, Complaint> {
    let named = value.value.get_ref().as_str();
    let named = named.and_then(|word| Manifest::PRIORITIES.iter().find(|(name, _)| *name == word));
    let names = Manifest::PRIORITIES.iter().map(|(name, _)| *name);
    named
        .map_or_else(|| value.number(&format!("4 to 28, or one of {}", list(names))), |&(_, level)| Ok(level))
}

fn cpu(value: Value<'_, '_>) -> Result<Cpu, Complaint> {
    match value.value.get_ref().as_str() {
        Some("any") => Ok(Cpu::Any),
        _ => Ok(Cpu::Number(value.number("\"any\", or a CPU's number")?)),
    }
}

fn quota(value: Value<'_, '_>, quota: &mut Quota) -> Result<(), Complaint> {
    value.fields(&["pages", "handles", "threads", "messages"], |key, value| {
        let number = value.number("a number")?;
        match key {
            "pages" => quota.pages = number,
            "handles" => quota.handles = number,
            "threads" => quota.threads = number,
            _ => quota.messages = number,
        }
        Ok(())
    })
}

fn restart(value: Value<'_, '_>, restart: &mut Restart) -> Result<(), Complaint> {
    let known = ["policy", "limit", "within-ms", "first-delay-ms", "longest-delay-ms"];
    value.fields(&known, |key, value| {
        let number = || value.number("a number");
        match key {
            "policy" => {
                let words = RestartPolicy::ALL.iter().map(|policy| policy.word());
                restart.policy = value.word(RestartPolicy::from_word, words)?;
            }
            "limit" => restart.limit = number()?,
            "within-ms" => restart.within_ms = number()?,
            "first-delay-ms" => restart.first_delay_ms = number()?,
            _ => restart.longest_delay_ms = number()?,
        }
        Ok(())
    })
}

fn device(value: Value<'_, '_>) -> Result<DeviceMatch, Complaint> {
    let refuse = || {
        let legacy = list(Legacy::ALL.iter().map(|legacy| legacy.word()));
        value.refuse(format!(
            "a list of `{{ pci = \"vendor:device\" }}`, `{{ pci-class = \"0200\" }}` (hexadecimal, lower case) and \
             `{{ legacy = \"...\" }}`, with one of {legacy}"
        ))
    };
    let argument = value.only().ok_or_else(refuse)?;
    let text = argument.value.get_ref().as_str().ok_or_else(refuse)?;
    let device = match argument.key {
        "pci" => DeviceMatch::from_pci(text),
        "pci-class" => DeviceMatch::from_pci_class(text),
        "legacy" => Legacy::from_word(text).map(DeviceMatch::Legacy),
        _ => None,
    };
    device.ok_or_else(refuse)
}

/// Where the rule is broken.
fn place(fault: Fault, described: &Described, places: &BTreeMap<&str, Range<usize>>) -> Range<usize> {
    let key = match fault {
        Fault::Provides(place) => return described.provides[place].clone(),
        Fault::Needs(place) => return described.needs[place].clone(),
        Fault::Name => "",
        Fault::List(list) => list,
        Fault::Capability(_) => "capabilities",
        Fault::Priority => "priority",
        Fault::Quota => "quota",
        Fault::Stack => "stack",
        Fault::Restart => "restart",
        Fault::Devices => "devices",
    };
    // A default can break a rule together with something that was said: the whole table is to blame.
    places.get(key).cloned().unwrap_or_else(|| described.table.clone())
}

/// What is wrong where the rule is broken.
fn what(fault: Fault, described: &Described) -> String {
    let manifest = &described.manifest;
    match fault {
        Fault::Name => format!("a program can't be called `{}`", manifest.name),
        Fault::Provides(place) => format!("`{}` can't be provided", manifest.provides[place]),
        Fault::Needs(place) => format!("`{}` can't be needed", manifest.needs[place]),
        Fault::List(list) => format!("`{list}` is too long"),
        Fault::Capability(_) => "there is no such capability".into(),
        Fault::Priority => format!("no program has the priority {}", manifest.priority),
        Fault::Quota => "no program can begin with so little".into(),
        Fault::Stack => format!("a stack can't have {} bytes", manifest.stack),
        Fault::Restart => "these times make no sense together".into(),
        Fault::Devices => format!("a program of the layer `{}` drives no devices", manifest.layer),
    }
}
