//! From paths to nodes.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;

use anax_files::files::Walk;
use anax_files::{Failure, Kind, Name, path};

use crate::host::Host;
use crate::mounts::Mount;
use crate::names::{Found, Key};
use crate::node::Vnode;
use crate::peers::Whither;
use crate::state::Vfs;

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

/// Why a walk can't begin.
enum Stop {
    /// What the path is below comes or goes.
    Changing,
    /// There is nothing, or it is another thread's.
    Failed(Failure),
}

/// A path on its way.
struct Way {
    path: String,
    /// How many symbolic links it has led through.
    links: u32,
    /// One of them was at its end.
    is_by_link: bool,
}

impl Way {
    const fn new(path: String) -> Self {
        Self { path, links: 0, is_by_link: false }
    }
}

impl<H: Host + 'static> Vfs<H> {
    /// Where a walk begins: the root of the mount below which a path lies, and how much of the path that is.
    fn beginning(&self, path: &str) -> Result<(Rc<Vnode<H>>, usize), Stop> {
        let mounts = self.mounts.borrow();
        // Most don't fit by the byte at their ends already.
        let may_fit = |mount: &str| path.as_bytes().get(mount.len() - 1) == mount.as_bytes().last();
        let fits =
            |mount: &&Mount<H>| may_fit(&mount.entry.path) && path::below(path, &mount.entry.path).is_some();
        let mount = mounts.iter().find(fits).ok_or(Stop::Failed(Failure::NotFound))?;
        if mount.is_changing && cfg!(not(bite = "vfs-lets-in-early")) {
            return Err(Stop::Changing);
        }
        let length = mount.entry.path.len();
        let Some(own) = &mount.own else {
            let (thread, mount) = (mount.entry.thread, length as u16);
            return Err(Stop::Failed(Failure::Elsewhere { thread, mount }));
        };
        // The root's path is a slash, with which names begin elsewhere.
        Ok((own.root.clone(), if length == 1 { 0 } else { length }))
    }

    /// The same, when what comes or goes has come or gone.
    async fn begin_at(&self, path: &str) -> Result<(Rc<Vnode<H>>, usize), Failure> {
        loop {
            match self.beginning(path) {
                Ok(from) => return Ok(from),
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Changing) => self.moved.wait(&self.ops).await,
            }
        }
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
        let from = match self.beginning(path) {
            Ok(from) => from,
            Err(Stop::Failed(failure)) => return Some(Err(failure)),
            Err(Stop::Changing) => return None,
        };
        match self.known(path, from, last) {
            Ok(Walked::To(node)) => Some(Ok(node)),
            Ok(_) => None,
            Err(failure) => Some(Err(failure)),
        }
    }

    /// What has that plain path.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `Loop`, `Elsewhere`, and what file systems answer.
    pub(crate) async fn walk(&self, path: &str, last: Last) -> Result<Rc<Vnode<H>>, Failure> {
        if let Some(walked) = self.walk_known(path, last) {
            return walked;
        }
        // Most need not ask, and so have no room in them for it.
        Box::pin(self.walk_asking(path, last)).await
    }

    async fn walk_asking(&self, path: &str, last: Last) -> Result<Rc<Vnode<H>>, Failure> {
        let mut way = Way::new(path.into());
        match self.walk_on(&mut way, last).await {
            // By which path, whoever asked does not know.
            Err(Failure::Elsewhere { thread, .. }) if way.links > 0 => {
                Err(Failure::Elsewhere { thread, mount: 0 })
            }
            walked => walked,
        }
    }

    /// Walks as far as this thread can: the path changes with each symbolic link.
    async fn walk_on(&self, way: &mut Way, last: Last) -> Result<Rc<Vnode<H>>, Failure> {
        let mut from = self.begin_at(&way.path).await?;
        loop {
            match self.known(&way.path, from, last)? {
                Walked::To(node) => return Ok(node),
                Walked::Missing(directory, begin, end) => {
                    let key = self.key(&directory, Name::new(&way.path[begin..end])?);
                    let found = self.look_up(&directory, key).await?;
                    let is_meant = end == way.path.len() && last == Last::Itself;
                    from = if found.attributes.get().kind == Kind::Link && !is_meant {
                        self.beyond(way, &found, (begin - 1, end)).await?;
                        self.begin_at(&way.path).await?
                    } else {
                        (found, end)
                    };
                }
                Walked::Link(link, directory, end) => {
                    self.beyond(way, &link, (directory, end)).await?;
                    from = self.begin_at(&way.path).await?;
                }
            }
        }
    }

    /// Puts the path of a link in place of the link's own.
    async fn beyond(
        &self,
        way: &mut Way,
        link: &Rc<Vnode<H>>,
        (directory, end): (usize, usize),
    ) -> Result<(), Failure> {
        way.links += 1;
        if way.links > LINKS {
            return Err(Failure::Loop);
        }
        let to = self.link_path(link).await?;
        let directory = if directory == 0 { "/" } else { &way.path[..directory] };
        let mut whole = path::plain(directory, &to)?;
        if end < way.path.len() {
            whole.push_str(&way.path[end..]);
        } else {
            way.is_by_link = true;
        }
        way.path = path::plain("/", &whole)?;
        Ok(())
    }

    /// Where a path leads, as far as this thread knows.
    ///
    /// # Errors
    /// As [`walk`](Self::walk), but never `Elsewhere`; as [`parent`](Self::parent) if that is asked for.
    pub(crate) async fn resolve(&self, path: String, walk: Walk) -> Result<Whither, Failure> {
        let mut way = Way::new(path);
        let walked = match walk {
            Walk::Follow => self.walk_on(&mut way, Last::Follow).await,
            Walk::Itself => self.walk_on(&mut way, Last::Itself).await,
            Walk::Parent => self.resolve_parent(&mut way).await,
        };
        let Way { path, is_by_link, .. } = way;
        match walked {
            Ok(node) => {
                let kind = Some(node.attributes.get().kind);
                let mount = self.mount_length(&path);
                Ok(Whither { thread: self.host.own(), mount, path, is_by_link, kind })
            }
            Err(Failure::Elsewhere { thread, mount }) => {
                Ok(Whither { thread, mount, path, is_by_link, kind: None })
            }
            Err(failure) => Err(failure),
        }
    }

    /// How much of a path is its mount's own.
    fn mount_length(&self, path: &str) -> u16 {
        let mounts = self.mounts.borrow();
        let is_it = |mount: &&Mount<H>| path::below(path, &mount.entry.path).is_some();
        mounts.iter().find(is_it).map_or(1, |mount| mount.entry.path.len() as u16)
    }

    /// The directory of a path, whose last name stays as it is.
    async fn resolve_parent(&self, way: &mut Way) -> Result<Rc<Vnode<H>>, Failure> {
        let Some((directory, name)) = path::split(&way.path)? else { return Err(Failure::Busy) };
        let (_, length) = self.begin_at(&way.path).await?;
        if length == way.path.len() {
            return Err(Failure::Busy);
        }
        let mut above = Way::new(directory.into());
        let walked = self.walk_on(&mut above, Last::Follow).await;
        let name = name.as_str();
        let slash = if above.path == "/" { "" } else { "/" };
        way.path = alloc::format!("{}{slash}{name}", above.path);
        match walked {
            Ok(directory) if directory.attributes.get().kind != Kind::Directory => {
                Err(Failure::NotADirectory)
            }
            walked => walked,
        }
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
        let (root, length) = match self.beginning(path) {
            Ok(from) => from,
            Err(Stop::Failed(failure)) => return Err(failure),
            Err(Stop::Changing) => Box::pin(self.begin_at(path)).await?,
        };
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
