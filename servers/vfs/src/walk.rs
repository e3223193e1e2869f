//! From paths to nodes.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;

use anax_files::{Failure, Kind, Name, path};

use crate::host::Host;
use crate::names::{Found, Key};
use crate::node::Vnode;
use crate::state::{Mount, Vfs};

/// Symbolic links that a path leads through at most.
const LINKS: u32 = 8;

/// Whether a symbolic link at the end of a path is meant itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// What it leads to.
    Follow,
    /// The link.
    Itself,
}

/// What of a path could be walked without asking anybody.
enum Walked<H: Host> {
    /// All of it.
    To(Rc<Vnode<H>>),
    /// To a directory in which a name is not known: where in the path that begins and ends.
    Missing(Rc<Vnode<H>>, usize, usize),
    /// To a symbolic link, whose name ends there, in a directory whose path ends there.
    Link(Rc<Vnode<H>>, usize, usize),
}

impl<H: Host + 'static> Vfs<H> {
    /// Where a walk begins: the root of the mount below which a path lies, and how much of the path that is.
    fn beginning(&self, path: &str) -> Result<(Rc<Vnode<H>>, usize), Failure> {
        let mounts = self.mounts.borrow();
        // Most don't fit by the byte at their ends already.
        let may_fit = |mount: &str| path.as_bytes().get(mount.len() - 1) == mount.as_bytes().last();
        let fits = |mount: &&Mount<H>| may_fit(&mount.path) && path::below(path, &mount.path).is_some();
        let mount = mounts.iter().find(fits).ok_or(Failure::NotFound)?;
        let length = if mount.path == "/" { 0 } else { mount.path.len() };
        Ok((mount.root.clone(), length))
    }

    /// Walks from a directory at `at` in the path as far as names are known.
    fn known(&self, path: &str, from: (Rc<Vnode<H>>, usize), last: Last) -> Result<Walked<H>, Failure> {
        let (mut here, mut at) = from;
        loop {
            let Some(rest) =
                path.get(at..).and_then(|rest| rest.strip_prefix('/')).filter(|rest| !rest.is_empty())
            else {
                return Ok(Walked::To(here));
            };
            if here.attributes.get().kind != Kind::Directory {
                return Err(Failure::NotADirectory);
            }
            let begin = at + 1;
            let end = rest.find('/').map_or(path.len(), |length| begin + length);
            let found = self.found(&here, &path[begin..end]);
            match found {
                None => return Ok(Walked::Missing(here, begin, end)),
                Some(Found::Nothing) => return Err(Failure::NotFound),
                Some(Found::Node(node)) => {
                    let is_last = end == path.len();
                    let is_meant = is_last && last == Last::Itself;
                    if node.attributes.get().kind == Kind::Link && !is_meant {
                        return Ok(Walked::Link(node, at, end));
                    }
                    (here, at) = (node, end);
                }
            }
        }
    }

    fn found(&self, directory: &Vnode<H>, name: &str) -> Option<Found<H>> {
        let mut names = self.names.borrow_mut();
        let key = names.key(directory, name);
        names.get(directory, key)
    }

    /// What has that plain path, if nobody has to be asked.
    pub(crate) fn walk_known(&self, path: &str, last: Last) -> Option<Result<Rc<Vnode<H>>, Failure>> {
        let walked = self.beginning(path).and_then(|from| self.known(path, from, last));
        match walked {
            Ok(Walked::To(node)) => Some(Ok(node)),
            Ok(_) => None,
            Err(failure) => Some(Err(failure)),
        }
    }

    /// What has that plain path.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `Loop`, and what file systems answer.
    pub(crate) async fn walk(&self, path: &str, last: Last) -> Result<Rc<Vnode<H>>, Failure> {
        if let Some(walked) = self.walk_known(path, last) {
            return walked;
        }
        // Most need not ask, and so have no room in them for it.
        Box::pin(self.walk_asking(path, last)).await
    }

    async fn walk_asking(&self, path: &str, last: Last) -> Result<Rc<Vnode<H>>, Failure> {
        let mut path = String::from(path);
        let mut links = 0;
        let mut from = self.beginning(&path)?;
        loop {
            match self.known(&path, from, last)? {
                Walked::To(node) => return Ok(node),
                Walked::Missing(directory, begin, end) => {
                    let key = self.key(&directory, Name::new(&path[begin..end])?);
                    let found = self.look_up(&directory, key).await?;
                    let is_meant = end == path.len() && last == Last::Itself;
                    from = if found.attributes.get().kind == Kind::Link && !is_meant {
                        path = self.beyond(&path, &found, (begin - 1, end), &mut links).await?;
                        self.beginning(&path)?
                    } else {
                        (found, end)
                    };
                }
                Walked::Link(link, directory, end) => {
                    path = self.beyond(&path, &link, (directory, end), &mut links).await?;
                    from = self.beginning(&path)?;
                }
            }
        }
    }

    /// The plain path with the path of a link in place of the link's own.
    async fn beyond(
        &self,
        path: &str,
        link: &Rc<Vnode<H>>,
        (directory, end): (usize, usize),
        links: &mut u32,
    ) -> Result<String, Failure> {
        *links += 1;
        if *links > LINKS {
            return Err(Failure::Loop);
        }
        let to = self.link_path(link).await?;
        let directory = if directory == 0 { "/" } else { &path[..directory] };
        let mut whole = path::plain(directory, &to)?;
        if end < path.len() {
            whole.push_str(&path[end..]);
        }
        path::plain("/", &whole)
    }

    /// The path of a link.
    pub(crate) async fn link_path(&self, link: &Rc<Vnode<H>>) -> Result<String, Failure> {
        if link.attributes.get().kind != Kind::Link {
            return Err(Failure::BadArgument);
        }
        let slot = link.volume.slot(&self.ops).await;
        let room = slot.room(u64::MAX);
        let length = self.ask(&link.volume, |client| client.link_path(link.node, room)).await?;
        String::from_utf8(slot.take(room, length)?).map_err(|_| Failure::Damaged)
    }

    /// Where the name cache has a name.
    pub(crate) fn key<'a>(&self, directory: &Vnode<H>, name: Name<'a>) -> Key<'a> {
        self.names.borrow().key(directory, name.as_str())
    }

    /// Asks a file system what has a name.
    async fn look_up(&self, directory: &Rc<Vnode<H>>, key: Key<'_>) -> Result<Rc<Vnode<H>>, Failure> {
        let changes = directory.changes.get();
        let volume = &directory.volume;
        let mut slot = volume.slot(&self.ops).await;
        let text = slot.put(key.name.as_bytes())?;
        let found = self.ask(volume, |client| client.lookup(directory.node, text)).await;
        let found = match found {
            Ok(attributes) => Found::Node(self.know(volume, attributes, 1)?),
            Err(Failure::NotFound) => Found::Nothing,
            Err(failure) => return Err(failure),
        };
        self.names.borrow_mut().put(directory, changes, key, found.clone());
        match found {
            Found::Node(node) => Ok(node),
            Found::Nothing => Err(Failure::NotFound),
        }
    }

    /// What has that name in a directory, itself.
    pub(crate) async fn child(
        &self,
        directory: &Rc<Vnode<H>>,
        key: Key<'_>,
    ) -> Result<Rc<Vnode<H>>, Failure> {
        let known = self.names.borrow_mut().get(directory, key);
        match known {
            Some(Found::Node(node)) => Ok(node),
            Some(Found::Nothing) => Err(Failure::NotFound),
            None => Box::pin(self.look_up(directory, key)).await,
        }
    }

    /// The directory and the last name of a plain path.
    ///
    /// # Errors
    /// `Busy` for the root, or where something is mounted; as [`walk`](Self::walk).
    pub(crate) async fn parent<'a>(&self, path: &'a str) -> Result<(Rc<Vnode<H>>, Name<'a>), Failure> {
        let (directory, name) = path::split(path)?.ok_or(Failure::Busy)?;
        let (root, length) = self.beginning(path)?;
        if length == path.len() {
            return Err(Failure::Busy);
        }
        let directory = match self.known(directory, (root, length), Last::Follow)? {
            Walked::To(directory) => directory,
            _ => Box::pin(self.walk_asking(directory, Last::Follow)).await?,
        };
        if directory.attributes.get().kind != Kind::Directory {
            return Err(Failure::NotADirectory);
        }
        Ok((directory, name))
    }
}
