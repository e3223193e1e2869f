//! What a target leads to: a file, a directory's own page, its entries, or another name for it. At once if the files know, else by a future that asks them.

use alloc::string::String;

use crate::files::{Entries, Files, Found, Trouble};
use crate::status::Status;
use crate::target::{Shape, Target};

/// A directory's page.
pub(crate) const INDEX: &str = "/index.html";

/// Where a target leads.
#[derive(Debug)]
pub(crate) enum Led<F> {
    /// To the file of that name.
    File(F),
    /// To a directory's page.
    Index(F),
    /// To a directory without one.
    Directory(Entries),
    /// To a directory, by a name without the slash: its names would lead elsewhere.
    Moved,
}

/// The path of a directory's page.
pub(crate) fn index(directory: &str) -> String {
    let mut index = String::from(directory.trim_end_matches('/'));
    index.push_str(INDEX);
    index
}

/// What is known at once: nothing if the files have to be asked.
pub(crate) fn known<F: Files>(files: &F, target: &Target) -> Result<Option<Led<F::File>>, Status> {
    let Some(found) = files.find(&target.path)? else { return Ok(None) };
    if let Some(led) = without_directory(found, target)? {
        return Ok(Some(led));
    }
    match files.find(&index(&target.path)) {
        Ok(Some(Found::File(file))) => Ok(Some(Led::Index(file))),
        // Entries are asked for.
        Ok(_) | Err(Trouble::NotFound) => Ok(None),
        Err(trouble) => Err(trouble.into()),
    }
}

/// The same however long it takes; of a directory `most` entries.
pub(crate) async fn asked<F: Files>(files: &F, target: &Target, most: usize) -> Result<Led<F::File>, Status> {
    let found = files.find_later(&target.path).await?;
    if let Some(led) = without_directory(found, target)? {
        return Ok(led);
    }
    match files.find_later(&index(&target.path)).await {
        Ok(Found::File(file)) => Ok(Led::Index(file)),
        Ok(Found::Directory) | Err(Trouble::NotFound) => {
            Ok(Led::Directory(files.list(&target.path, most).await?))
        }
        Err(trouble) => Err(trouble.into()),
    }
}

/// All but what a directory is answered with.
fn without_directory<F>(found: Found<F>, target: &Target) -> Result<Option<Led<F>>, Status> {
    match (found, target.shape) {
        (Found::File(_), Shape::Directory) => Err(Status::NotFound),
        (Found::File(file), Shape::Any) => Ok(Some(Led::File(file))),
        (Found::Directory, Shape::Any) if target.path != "/" => Ok(Some(Led::Moved)),
        (Found::Directory, _) => Ok(None),
    }
}
