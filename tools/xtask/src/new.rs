//! `cargo xtask new`: a server or a driver to begin from.
//!
//! What is written is an example of the tree under another name, so that the examples, which are built and tested like everything else, can't
//! differ from it. Nothing that is there is changed but `Cargo.lock`, in which Cargo lists all packages.

mod name;
mod template;
#[cfg(test)]
mod tutorials;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anax_manifest::DeviceMatch;
use anyhow::{Context, bail, ensure};
use cargo_metadata::MetadataCommand;
use clap::Subcommand;

use crate::build;
use name::Name;
use template::{DRIVER, SERVER, Template};

const EXAMPLES: &str = "\
Examples:
  cargo xtask new server guest-book                    servers/guest-book, see docs/tutorial-server.md
  cargo xtask new driver my-edu --pci 1234:11e8        drivers/my-edu, see docs/tutorial-driver.md";

/// What to begin.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// A server with a typed interface, its client, and tests on the host, below servers/.
    Server {
        /// What server and service are called: lower-case letters, digits and single hyphens, 24 at most.
        name: String,
    },
    /// A driver with an interface of its own, its client, and tests against a model of the device, below drivers/.
    Driver {
        /// What driver and service are called: lower-case letters, digits and single hyphens, 24 at most.
        name: String,
        /// The device, by maker and model: hexadecimal, lower case, four digits each.
        #[arg(long, value_name = "VVVV:DDDD")]
        pci: String,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (template, name, pci) = match &args.kind {
        Kind::Server { name } => (&SERVER, name, None),
        Kind::Driver { name, pci } => (&DRIVER, name, Some(pci.as_str())),
    };
    let name = Name::new(name)?;
    if let Some(pci) = pci {
        ensure!(
            DeviceMatch::from_pci(pci).is_some(),
            "--pci {pci}: write maker and model with four hexadecimal digits each, in lower case, as in 1234:11e8"
        );
    }
    let root = build::root();
    free(root, &name)?;
    let folder = root.join(template.folder).join(name.kebab());
    write(&folder, template, &name, pci)?;
    listed(root)?;
    formatted(name.kebab());
    let (shown, name) = (Path::new(template.folder).join(name.kebab()), name.kebab());
    println!("{} is there:", shown.display());
    for (file, _) in template.files {
        println!("  {}", shown.join(file).display());
    }
    println!("next:");
    println!("  cargo test -p {name}");
    if pci == template.pci {
        println!("  {}", template.boot.replace("NAME", name));
    } else {
        println!("its registers are those of another device: write what drives yours in their place");
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing is called so yet.
fn free(root: &Path, name: &Name) -> anyhow::Result<()> {
    let name = name.kebab();
    for folder in ["servers", "drivers", "userland"] {
        let taken = root.join(folder).join(name);
        ensure!(!taken.exists(), "{folder}/{name} is there already: nothing was written");
    }
    let metadata = MetadataCommand::new().current_dir(root).other_options(["--locked".to_owned()]).exec();
    let metadata = metadata.context("cargo metadata")?;
    let packages = metadata.packages.iter().map(|package| package.name.as_str());
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    let targets = targets.map(|target| target.name.as_str());
    let programs = build::find_programs()?;
    let names = programs.iter().map(|program| program.name.as_str());
    let taken: BTreeSet<&str> = packages.chain(targets).chain(names).collect();
    for name in [name, &format!("{name}-client")] {
        ensure!(
            !taken.contains(name),
            "{name} is the name of a package or a program already: choose another"
        );
    }
    if let Ok(manifests) = build::manifests(root, &programs)?
        && let Some(provider) = manifests.providers(name).next()
    {
        bail!("{name} is a service of {} already: choose another name", provider.name);
    }
    Ok(())
}

/// Writes all files, or none.
fn write(folder: &Path, template: &Template, name: &Name, pci: Option<&str>) -> anyhow::Result<()> {
    let parent = folder.parent().context("the folder has no parent")?;
    let whole = tempfile::Builder::new().prefix(".new-").tempdir_in(parent)?;
    for (file, text) in template.files {
        let path = whole.path().join(file);
        fs::create_dir_all(path.parent().context("the file has no folder")?)?;
        fs::write(&path, template.filled(text, name, pci)).with_context(|| path.display().to_string())?;
    }
    // Fails if there is a folder with anything in it by now.
    fs::rename(whole.path(), folder).with_context(|| folder.display().to_string())?;
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

/// Lines and imports that are in order by one name are not by another. Where there is no rustfmt, so be it.
fn formatted(package: &str) {
    let mut command = std::process::Command::new(build::cargo_program());
    let _ = command.current_dir(build::root()).args(["fmt", "--package", package]).output();
}

/// Cargo lists it in its lock file, which every other command takes as it is.
fn listed(root: &Path) -> anyhow::Result<()> {
    let command = MetadataCommand::new().current_dir(root).other_options(["--offline".to_owned()]).exec();
    command.map(drop).context("Cargo does not take what was written")
}
