//! A program's session with the VFS server: a branch for each of its threads that the program has use for.
//!
//! Each mount is one thread's. A program begins with thread 0, and asks there what it knows nothing better of. A thread that has not got a path says which one has, and the session remembers that of
//! the mount. What is remembered may be wrong by now; then the thread that is asked says so, as it would have the first time. A program that uses nothing but thread 0's mounts remembers nothing,
//! and is asked for nothing.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use anax::Lock;
use anax_files::files::{Resolved, Walk};
use anax_files::{Failure, Text, path};

use crate::branch::{Branch, Line};
use crate::way::{Here, Parts, Threads, attach};

/// How often a path is asked for elsewhere: more often than symbolic links are followed.
const HOPS: u32 = 32;
/// Mounts that are remembered.
const MOUNTS: usize = 32;

/// A program's session with the VFS server. Threads share it.
pub struct Session {
    /// With thread 0, by which each begins.
    first: Arc<Branch>,
    threads: Box<dyn Threads>,
    /// Something is remembered of mounts.
    remembers: AtomicBool,
    others: Lock<Others>,
}

/// What a session has of other threads than 0.
#[derive(Default)]
struct Others {
    branches: Vec<(u16, Arc<Branch>)>,
    /// Where mounts are, and whose, as it was said last.
    mounts: Vec<(String, u16)>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// The program's own, once there is one.
static OWN: Lock<Option<Arc<Session>>> = Lock::new(None);

/// The server of that branch has died: a session that has it is the program's own no longer.
pub(crate) fn forget(branch: &Branch) {
    let mut own = OWN.lock();
    let is_own = own.as_deref().is_some_and(|session| session.has(branch));
    let dead = if is_own { own.take() } else { None };
    drop(own);
    drop(dead);
}

/// A path as it stands in the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) path: Text,
    /// A symbolic link at its end has led there: what is not there is not to be created.
    pub(crate) is_by_link: bool,
}

/// What is asked of the thread that has a path.
type Question<'a, R> = dyn FnMut(&Arc<Branch>, &mut Line, Place) -> Result<R, Failure> + 'a;

/// A path on its way to the thread that has it.
pub(crate) struct Route {
    /// A plain one.
    pub(crate) path: String,
    /// Who is to be asked next.
    pub(crate) thread: u16,
    pub(crate) is_by_link: bool,
    hops: u32,
}

impl Session {
    /// One of these parts: for tests, and for programs that want several.
    #[must_use]
    pub fn new(parts: Parts, threads: Box<dyn Threads>) -> Arc<Self> {
        let (remembers, others) = (AtomicBool::new(false), Lock::new(Others::default()));
        Arc::new(Self { first: Branch::new(parts), threads, remembers, others })
    }

    /// The program's own; it begins with the first call.
    ///
    /// # Errors
    /// `Way`: the program may not ask the VFS server, or there is none; `TooMany` programs.
    pub fn own() -> Result<Arc<Self>, Failure> {
        let mut own = OWN.lock();
        if let Some(session) = &*own {
            return Ok(session.clone());
        }
        let session = Self::new(attach()?, Box::new(Here));
        *own = Some(session.clone());
        Ok(session)
    }

    /// One more of this program's, by which it is to the server like another program.
    ///
    /// # Errors
    /// As [`own`](Self::own).
    pub fn another() -> Result<Arc<Self>, Failure> {
        Ok(Self::new(attach()?, Box::new(Here)))
    }

    fn has(&self, branch: &Branch) -> bool {
        let is_it = |one: &Arc<Branch>| core::ptr::eq(&**one, branch);
        is_it(&self.first) || self.others.lock().branches.iter().any(|(_, one)| is_it(one))
    }

    /// The branch with thread 0, which has what is no single mount's business.
    pub(crate) const fn first(&self) -> &Arc<Branch> {
        &self.first
    }

    /// The branch with a thread; it begins with the first call.
    pub(crate) fn branch(&self, thread: u16) -> Result<Arc<Branch>, Failure> {
        if thread == 0 {
            return Ok(self.first.clone());
        }
        let known = |others: &Others| {
            let found = others.branches.iter().find(|(number, _)| *number == thread);
            found.map(|(_, branch)| branch.clone())
        };
        if let Some(branch) = known(&self.others.lock()) {
            return Ok(branch);
        }
        let door = self.first.ask(|line| line.server.thread(thread.into()))?;
        let branch = Branch::new(self.threads.attach(door)?);
        let mut others = self.others.lock();
        // Another thread of this program may have been faster.
        if let Some(branch) = known(&others) {
            return Ok(branch);
        }
        others.branches.push((thread, branch.clone()));
        Ok(branch)
    }

    /// A path, and the thread that has it as far as is remembered.
    pub(crate) fn route(&self, path: &str) -> Result<Route, Failure> {
        let is_plain = path.starts_with('/') && path::is_plain(path);
        let path = if is_plain { Cow::Borrowed(path) } else { Cow::Owned(plain(path)?) };
        let others = self.others.lock();
        let fits = others.mounts.iter().filter(|(mount, _)| path::below(&path, mount).is_some());
        let thread = fits.max_by_key(|(mount, _)| mount.len()).map_or(0, |(_, thread)| *thread);
        drop(others);
        Ok(Route { path: path.into_owned(), thread, is_by_link: false, hops: 0 })
    }

    /// A thread has said that another one has the mount of a path, which is so many bytes of it.
    pub(crate) fn elsewhere(&self, route: &mut Route, thread: u16, mount: u16) -> Result<(), Failure> {
        route.hops += 1;
        if route.hops > HOPS {
            return Err(Failure::Loop);
        }
        route.thread = thread;
        let path = &*route.path;
        let Some(mount) = path.get(..mount.into()) else { return Ok(()) };
        let mut others = self.others.lock();
        // What else is remembered of this path, there or below, was so once.
        let is_old = |other: &str| other.len() >= mount.len() && path::below(path, other).is_some();
        others.mounts.retain(|(other, _)| !is_old(other));
        let is_as_unknown =
            thread == 0 && !others.mounts.iter().any(|(other, _)| path::below(path, other).is_some());
        if !is_as_unknown {
            if others.mounts.len() == MOUNTS {
                others.mounts.remove(0);
            }
            others.mounts.push((mount.into(), thread));
        }
        self.remembers.store(!others.mounts.is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// A thread has said where a path leads.
    pub(crate) fn resolved(&self, route: &mut Route, (to, path): (Resolved, String)) -> Result<(), Failure> {
        route.path = path;
        route.is_by_link |= to.is_by_link;
        self.elsewhere(route, to.thread, to.mount)
    }

    /// Asks the thread to which a path belongs.
    pub(crate) fn ask_at<R>(
        &self,
        path: &str,
        walk: Walk,
        mut question: impl FnMut(&Arc<Branch>, &mut Line, Place) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        if !self.remembers.load(Ordering::Relaxed) {
            let answer = self.first.ask(|line| {
                let path = line.path(path)?;
                question(&self.first, line, Place { path, is_by_link: false })
            });
            if !matches!(answer, Err(Failure::Elsewhere { .. })) {
                return answer;
            }
        }
        self.wander(path, walk, &mut question)
    }

    #[inline(never)]
    fn wander<R>(&self, path: &str, walk: Walk, question: &mut Question<'_, R>) -> Result<R, Failure> {
        let mut route = self.route(path)?;
        loop {
            let branch = self.branch(route.thread)?;
            let answer = branch.ask(|line| {
                let path = line.put(route.path.as_bytes())?;
                question(&branch, line, Place { path, is_by_link: route.is_by_link })
            });
            match answer {
                Err(Failure::Elsewhere { mount: 0, .. }) => {
                    let to = branch.resolve(&route.path, walk)?;
                    self.resolved(&mut route, to)?;
                }
                Err(Failure::Elsewhere { thread, mount }) => self.elsewhere(&mut route, thread, mount)?,
                answer => return answer,
            }
        }
    }

    /// Asks the thread to which both paths belong.
    ///
    /// # Errors
    /// `OtherFileSystem`: there is none. And what is in the way to either of them.
    pub(crate) fn ask_at_both<R>(
        &self,
        first: (&str, Walk),
        second: (&str, Walk),
        mut question: impl FnMut(&mut Line, Text, Text) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        if !self.remembers.load(Ordering::Relaxed) {
            let answer = self.first.ask(|line| {
                let (first, second) = (line.path(first.0)?, line.path(second.0)?);
                question(line, first, second)
            });
            if !matches!(answer, Err(Failure::Elsewhere { .. })) {
                return answer;
            }
        }
        let (mut one, mut other) = (self.route(first.0)?, self.route(second.0)?);
        for _ in 0..HOPS {
            if one.thread == other.thread {
                let answer = self.branch(one.thread)?.ask(|line| {
                    let (first, second) = (line.put(one.path.as_bytes())?, line.put(other.path.as_bytes())?);
                    question(line, first, second)
                });
                if !matches!(answer, Err(Failure::Elsewhere { .. })) {
                    return answer;
                }
            }
            self.settle(&mut one, first.1)?;
            self.settle(&mut other, second.1)?;
            if one.thread != other.thread {
                return Err(Failure::OtherFileSystem);
            }
        }
        Err(Failure::Loop)
    }

    /// Goes on until the thread that has a path has been asked.
    fn settle(&self, route: &mut Route, walk: Walk) -> Result<(), Failure> {
        loop {
            let asked = route.thread;
            let to = self.branch(asked)?.resolve(&route.path, walk)?;
            self.resolved(route, to)?;
            if route.thread == asked {
                return Ok(());
            }
        }
    }
}

/// A path as the server takes it.
pub(crate) fn plain(name: &str) -> Result<String, Failure> {
    if name.starts_with('/') {
        return path::plain("/", name);
    }
    path::plain(&crate::current_directory(), name)
}
