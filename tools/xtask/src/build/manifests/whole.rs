//! What is wrong among manifests, as complaints about places in files.

use anax_manifest::{Manifests, Problem};

use super::{Complaint, Described};

/// All manifests together in the order of their names, if nothing is wrong among them.
pub(super) fn judge(mut described: Vec<Described>) -> Result<Manifests, Vec<Complaint>> {
    described.sort_by(|a, b| a.manifest.name.cmp(&b.manifest.name));
    let manifests = Manifests(described.iter().map(|one| one.manifest.clone()).collect());
    let problems = manifests.problems();
    if problems.is_empty() {
        return Ok(manifests);
    }
    Err(problems.iter().map(|problem| complain(problem, &described)).collect())
}

fn complain(problem: &Problem, all: &[Described]) -> Complaint {
    match problem {
        Problem::SameName { first, second } => {
            let (first, second) = (&all[*first], &all[*second]);
            let message = format!("two programs are called {}", second.manifest.name);
            let other = format!("the other one is {}", first.file.place(&first.table));
            Complaint::new(&second.file, &second.table, message).note(other)
        }
        Problem::TwoProviders { first, second } => {
            let (one, two) = (&all[first.program], &all[second.program]);
            let service = &two.manifest.provides[second.place];
            let (here, there) = (&two.manifest.name, &one.manifest.name);
            let message = format!("{here} and {there} both provide `{service}`");
            let other = format!("{there} does at {}", one.file.place(&one.provides[first.place]));
            Complaint::new(&two.file, &two.provides[second.place], message)
                .note(other)
                .help("only drivers that start on demand can provide the same")
        }
        Problem::UnknownService { program, need } => {
            let (one, service) = needed(all, *program, *need);
            let message = format!("nobody provides `{service}`, which {} needs", one.manifest.name);
            Complaint::new(&one.file, &one.needs[*need], message).help(provided(all))
        }
        Problem::NotBelow { program, need, provider } => {
            let (one, service) = needed(all, *program, *need);
            let (here, below) = (&one.manifest, &all[*provider]);
            let message = format!(
                "{} (layer `{}`) needs `{service}` of {} (layer `{}`), which is not below it",
                here.name, here.layer, below.manifest.name, below.manifest.layer
            );
            let provides = below.manifest.provides.iter().zip(&below.provides);
            let place = provides.filter(|(name, _)| *name == service).map(|(_, place)| place).next();
            let place = below.file.place(place.unwrap_or(&below.table));
            Complaint::new(&one.file, &one.needs[*need], message)
                .note(format!("{} provides it at {place}", below.manifest.name))
                .help("a program waits for lower layers only; to others it sends without waiting, which needs no entry")
        }
        Problem::Cycle(programs) => cycle(programs, all),
    }
}

/// Names all parties of a circle, each with the need that ties it to the next.
fn cycle(programs: &[usize], all: &[Described]) -> Complaint {
    let next = programs.iter().cycle().skip(1);
    let ties: Vec<_> = programs
        .iter()
        .zip(next)
        .map(|(&program, &next)| {
            let (one, other) = (&all[program], &all[next]);
            let ties = |name: &String| other.manifest.provides.contains(name);
            let need = one.manifest.needs.iter().position(ties);
            (one, need.map_or(one.table.clone(), |need| one.needs[need].clone()), other)
        })
        .collect();
    let names = ties.iter().map(|(one, _, _)| one.manifest.name.as_str());
    let names: Vec<_> = names.chain(ties.first().map(|(one, _, _)| one.manifest.name.as_str())).collect();
    let message = format!("none of these can be started first: {}", names.join(" needs "));
    let Some(((one, place, _), others)) = ties.split_first() else {
        unreachable!("a circle has at least one party");
    };
    others.iter().fold(Complaint::new(&one.file, place, message), |complaint, (one, place, other)| {
        let at = one.file.place(place);
        complaint.note(format!("{} needs {} at {at}", one.manifest.name, other.manifest.name))
    })
}

fn needed(all: &[Described], program: usize, need: usize) -> (&Described, &String) {
    (&all[program], &all[program].manifest.needs[need])
}

/// What there is to need.
fn provided(all: &[Described]) -> String {
    let mut services: Vec<_> = all.iter().flat_map(|one| &one.manifest.provides).collect();
    services.sort();
    services.dedup();
    if services.is_empty() {
        return "no program provides anything".into();
    }
    format!("there are {}", super::value::list(services.into_iter().map(String::as_str)))
}
