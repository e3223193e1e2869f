//! The examples, and how they become something else: by other names.

use super::name::Name;

/// An example of the tree.
#[derive(Debug)]
pub(super) struct Template {
    /// Where it and everything made from it stands.
    pub(super) folder: &'static str,
    /// Its name, of two words, so that its spellings differ.
    name: &'static str,
    /// The device that it is for.
    pub(super) pci: Option<&'static str>,
    /// How it is seen at work, with `NAME` for its name.
    pub(super) boot: &'static str,
    /// Its files, from its folder, and what is in them.
    pub(super) files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($folder:literal: $($file:literal)+) => {
        &[$(($file, include_str!(concat!("../../../../", $folder, "/", $file)))),+]
    };
}

/// `servers/visitor-count`.
pub(super) const SERVER: Template = Template {
    folder: "servers",
    name: "visitor-count",
    pci: None,
    boot: "cargo xtask run --with NAME --exec 'NAME-client 3 4'",
    files: files!("servers/visitor-count": "Cargo.toml" "src/lib.rs" "src/main.rs"),
};

/// `drivers/edu-device`.
pub(super) const DRIVER: Template = Template {
    folder: "drivers",
    name: "edu-device",
    pci: Some("1234:11e8"),
    boot: "cargo xtask run --device edu --with NAME --exec 'NAME-client 5'",
    files: files!("drivers/edu-device": "Cargo.toml" "src/lib.rs" "src/main.rs"),
};

impl Template {
    /// A file of it under that name, for that device.
    pub(super) fn filled(&self, text: &str, name: &Name, pci: Option<&str>) -> String {
        let own = || Name::new(self.name);
        let Ok(own) = own() else { return text.to_owned() };
        let mut text = text.replace(own.kebab(), name.kebab());
        text = text.replace(&own.snake(), &name.snake()).replace(&own.camel(), &name.camel());
        match (self.pci, pci) {
            (Some(own), Some(pci)) => text.replace(own, pci),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_what_is_written_under_its_name() {
        for template in [&SERVER, &DRIVER] {
            let own = Name::new(template.name).unwrap();
            for (file, text) in template.files {
                assert_eq!(template.filled(text, &own, template.pci), *text, "{file}");
            }
        }
    }

    #[test]
    fn nothing_of_the_example_stays() {
        let name = Name::new("guest-book").unwrap();
        for template in [&SERVER, &DRIVER] {
            let own = Name::new(template.name).unwrap();
            for (file, text) in template.files {
                let text = template.filled(text, &name, Some("1af4:1005"));
                for word in [own.kebab(), &own.snake(), &own.camel(), "1234:11e8"] {
                    assert!(!text.contains(word), "{file} says {word}");
                }
            }
        }
        let (_, manifest) = DRIVER.files[0];
        assert!(
            DRIVER.filled(manifest, &name, Some("1af4:1005")).contains("devices = [{ pci = \"1af4:1005\" }]")
        );
    }

    /// A folder is a handful of files, and what is to be read before anything is changed fits on a screen.
    #[test]
    fn short_enough() {
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = |text: &str| {
            text.split("#[cfg(test)]").next().unwrap_or_default().lines().filter(is_code).count()
        };
        for (template, most) in [(&SERVER, 40), (&DRIVER, 90)] {
            let sources = template.files.iter().filter(|(file, _)| file.ends_with(".rs"));
            let count: usize = sources.map(|(_, text)| lines(text)).sum();
            assert!(count <= most, "{}: {count} lines", template.name);
            assert!(template.files.len() <= 3, "{} is too many files", template.name);
        }
    }
}
