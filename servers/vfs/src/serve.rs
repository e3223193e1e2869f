//! The interface of programs: what can be answered at once is, the rest becomes an operation.

use alloc::rc::Rc;
use alloc::string::String;

use anax_abi::{Error, Rights};
use anax_files::files::{ARENA, Files, How, Lease, OpenFile, Opened, Purpose, Resolved, TABLE, Walk};
use anax_files::{Attributes, Failure, Kind, Text, Usage};
use anax_proto::{Caller, Fixed, Gift, Later};

use crate::host::{Host, Memory as _};
use crate::mounts::Place;
use crate::session::Session;
use crate::state::Vfs;
use crate::walk::Last;

/// The server, as requests reach it.
#[derive(Debug)]
pub struct Server<H: Host>(
    /// Its state.
    pub Rc<Vfs<H>>,
);

impl<H: Host + 'static> Server<H> {
    fn session(&self, caller: Caller) -> Result<Rc<Session<H>>, Failure> {
        let session = self.0.session(caller.0)?;
        self.0.see_closed(&session);
        Ok(session)
    }

    fn answer<V: Fixed>(&self, later: Later<V, Failure>, answer: Result<V, Failure>) {
        self.0.host().answer(later.answer(answer.map_err(told)));
    }

    /// Answers with what an operation comes to, that begins with what `prepare` has.
    fn later<V, P, F>(
        &self,
        later: Later<V, Failure>,
        prepared: Result<P, Failure>,
        operation: impl FnOnce(Rc<Vfs<H>>, P) -> F + 'static,
    ) where
        V: Fixed + 'static,
        P: 'static,
        F: Future<Output = Result<V, Failure>> + 'static,
    {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return self.answer(later, Err(failure)),
        };
        let vfs = self.0.clone();
        self.0.ops.spawn(async move {
            if vfs.is_building() && cfg!(not(bite = "vfs-first-is-too-early")) {
                vfs.wait_for_tree().await;
            }
            // Made where it stays: it is large.
            let answer = operation(vfs.clone(), prepared).await;
            vfs.host().answer(later.answer(answer.map_err(told)));
        });
    }

    fn path(&self, caller: Caller, path: Text) -> Result<(Rc<Session<H>>, String), Failure> {
        let session = self.session(caller)?;
        let path = session.path(path)?;
        Ok((session, path))
    }

    fn paths(&self, caller: Caller, first: Text, second: Text) -> Result<(String, String), Failure> {
        let session = self.session(caller)?;
        Ok((session.path(first)?, session.path(second)?))
    }

    /// Opens what is known, also by a long path.
    fn open_known(&self, session: &Rc<Session<H>>, path: Text, how: How) -> Result<Opened, Failure> {
        let path = session.path(path)?;
        let asks = how.create_new || how.truncate || how.no_follow || self.0.is_building();
        let known = if asks { None } else { self.0.open_known(session, &path, how) };
        known.unwrap_or(Err(Failure::Way(Error::WouldBlock)))
    }

    fn begin(&self, arena: Gift, hold: Gift) -> Result<(Gift, Gift), Failure> {
        let vfs = &self.0;
        let number = vfs.session_number().inspect_err(|_| {
            [arena, hold].into_iter().for_each(|gift| vfs.host().close(gift.handle));
        })?;
        let arena = vfs.host().map(arena).map_err(|_| {
            vfs.host().close(hold.handle);
            Failure::BadArgument
        })?;
        if (arena.bytes().len() as u64) < ARENA {
            vfs.host().close(hold.handle);
            return Err(Failure::BadArgument);
        }
        let made = vfs.host().make_mapped((TABLE * size_of::<u64>()) as u64);
        let (table, handle) = made.inspect_err(|_| vfs.host().close(hold.handle))?;
        let own = vfs.host().admit(number, hold).inspect_err(|_| vfs.host().close(handle))?;
        let session = Rc::new(Session::new(arena, table, handle));
        vfs.sessions.borrow_mut().insert(number, session);
        let rights = Rights::SEND.with(Rights::GRANT).with(Rights::READ);
        Ok((own, Gift::copy(handle, rights)))
    }
}

/// Whether a file can be opened like that.
fn possible(how: How) -> Result<(), Failure> {
    let changes = how.create || how.create_new || how.truncate;
    let contradicts = changes && (!how.write || how.directory) || !how.read && !how.write;
    if contradicts { Err(Failure::BadArgument) } else { Ok(()) }
}

/// What a program is told. That a file system has died, or lies, is no news of the way to this server, by which a program would take this one for dead.
const fn told(failure: Failure) -> Failure {
    match failure {
        Failure::Way(Error::PeerDied) => Failure::Ended,
        Failure::Way(Error::PeerMisbehaved) => Failure::Damaged,
        other => other,
    }
}

impl<H: Host + 'static> Files for Server<H> {
    fn attach(&mut self, arena: Gift, hold: Gift) -> Result<(Gift, Gift), Failure> {
        self.begin(arena, hold)
    }

    fn open(&mut self, caller: Caller, path: Text, how: How, later: Later<Opened, Failure>) {
        let session = possible(how).and_then(|()| self.session(caller));
        let asks = how.create_new || how.truncate || how.no_follow;
        if let Ok(session) = &session
            && !asks
            && !self.0.is_building()
        {
            let known = session.with_short_path(path, |path| self.0.open_known(session, path, how)).flatten();
            if let Some(answer) = known {
                return self.answer(later, answer);
            }
        }
        if how.only_known {
            let answer = session.and_then(|session| self.open_known(&session, path, how));
            return self.answer(later, answer);
        }
        let prepared = session.and_then(|session| Ok((session.clone(), session.path(path)?)));
        self.later(later, prepared, move |vfs, (session, path)| async move {
            vfs.open(&session, &path, how).await
        });
    }

    fn close(&mut self, caller: Caller, file: OpenFile) -> Result<(), Failure> {
        let vnode = self.session(caller)?.close(file)?;
        self.0.closed(&vnode);
        Ok(())
    }

    fn want(
        &mut self,
        caller: Caller,
        file: OpenFile,
        offset: u64,
        purpose: Purpose,
        later: Later<Lease, Failure>,
    ) {
        let session = self.session(caller);
        self.later(later, session, move |vfs, session| async move {
            vfs.want(&session, file, offset, purpose).await
        });
    }

    fn memory(&mut self, caller: Caller, file: OpenFile, memory: u64) -> Result<Gift, Failure> {
        let file = self.session(caller)?.file(file)?;
        let pages = file.vnode.pages.borrow();
        let extent = pages.of_memory(memory).ok_or(Failure::Gone)?;
        let rights = Rights::SEND.with(Rights::GRANT).with(Rights::READ);
        let rights = if file.how.write { rights.with(Rights::WRITE) } else { rights };
        Ok(Gift::copy(extent.region, rights))
    }

    fn wrote(
        &mut self,
        caller: Caller,
        file: OpenFile,
        memory: u64,
        offset: u64,
        length: u64,
        later: Later<(), Failure>,
    ) {
        let file = self.session(caller).and_then(|session| session.file(file));
        self.later(
            later,
            file,
            move |vfs, file| async move { vfs.wrote(&file, memory, offset, length).await },
        );
    }

    fn append(&mut self, caller: Caller, file: OpenFile, length: u64, later: Later<u64, Failure>) {
        let file = self.session(caller).and_then(|session| session.file(file));
        self.later(later, file, move |vfs, file| async move { vfs.append(&file, length).await });
    }

    fn read(&mut self, caller: Caller, file: OpenFile, offset: u64, room: Text, later: Later<u64, Failure>) {
        let session = self.session(caller);
        self.later(later, session, move |vfs, session| async move {
            vfs.read_device(&session, file, offset, room).await
        });
    }

    fn write(&mut self, caller: Caller, file: OpenFile, offset: u64, bytes: Text, later: Later<(), Failure>) {
        let session = self.session(caller);
        self.later(later, session, move |vfs, session| async move {
            vfs.write_device(&session, file, offset, bytes).await
        });
    }

    fn list(&mut self, caller: Caller, file: OpenFile, from: u64, room: Text, later: Later<u64, Failure>) {
        let session = self.session(caller);
        self.later(
            later,
            session,
            move |vfs, session| async move { vfs.list(&session, file, from, room).await },
        );
    }

    fn attributes(&mut self, caller: Caller, file: OpenFile) -> Result<Attributes, Failure> {
        Ok(self.session(caller)?.file(file)?.vnode.attributes.get())
    }

    fn stat(&mut self, caller: Caller, path: Text, follow: bool, later: Later<Attributes, Failure>) {
        let last = if follow { Last::Follow } else { Last::Itself };
        let session = self.session(caller);
        if let Ok(session) = &session
            && !self.0.is_building()
        {
            let known = session.with_short_path(path, |path| self.0.stat_known(path, last)).flatten();
            if let Some(answer) = known {
                return self.answer(later, answer);
            }
        }
        let prepared = session.and_then(|session| Ok((session.clone(), session.path(path)?)));
        self.later(later, prepared, move |vfs, (_, path)| async move { vfs.stat(&path, last).await });
    }

    fn set_size(&mut self, caller: Caller, file: OpenFile, size: u64, later: Later<(), Failure>) {
        let file = self.session(caller).and_then(|session| session.file(file));
        let file = file.and_then(|file| match file.vnode.attributes.get().kind {
            _ if !file.how.write => Err(Failure::NotPermitted),
            Kind::File => Ok(file),
            _ => Err(Failure::Unsupported),
        });
        self.later(later, file, move |vfs, file| async move { vfs.set_size(&file.vnode, size).await });
    }

    fn set_modified(&mut self, caller: Caller, path: Text, seconds: u64, later: Later<(), Failure>) {
        let prepared = self.path(caller, path);
        self.later(later, prepared, move |vfs, (_, path)| async move { vfs.set_time(&path, seconds).await });
    }

    fn sync(&mut self, caller: Caller, file: OpenFile, later: Later<(), Failure>) {
        let file = self.session(caller).and_then(|session| session.file(file));
        self.later(later, file, move |vfs, file| async move { vfs.sync(&file.vnode).await });
    }

    fn sync_all(&mut self, caller: Caller, later: Later<(), Failure>) {
        let session = self.session(caller);
        self.later(later, session, move |vfs, _| async move { vfs.sync_all().await });
    }

    fn create(&mut self, caller: Caller, path: Text, kind: Kind, target: Text, later: Later<(), Failure>) {
        let prepared = self.path(caller, path).and_then(|(session, path)| match kind {
            Kind::Directory => Ok((path, String::new())),
            Kind::Link if target.length > 0 => Ok((path, session.text(target)?)),
            _ => Err(Failure::BadArgument),
        });
        self.later(later, prepared, move |vfs, (path, target)| async move {
            vfs.make(&path, kind, &target).await.map(drop)
        });
    }

    fn remove(&mut self, caller: Caller, path: Text, kind: Kind, later: Later<(), Failure>) {
        let prepared = self.path(caller, path);
        self.later(later, prepared, move |vfs, (_, path)| async move { vfs.remove(&path, kind).await });
    }

    fn rename(&mut self, caller: Caller, from: Text, to: Text, later: Later<(), Failure>) {
        let prepared = self.paths(caller, from, to);
        self.later(later, prepared, move |vfs, (from, to)| async move { vfs.rename(&from, &to).await });
    }

    fn link(&mut self, caller: Caller, file: Text, name: Text, later: Later<(), Failure>) {
        let prepared = self.paths(caller, file, name);
        self.later(later, prepared, move |vfs, (file, name)| async move { vfs.link(&file, &name).await });
    }

    fn link_path(&mut self, caller: Caller, path: Text, room: Text, later: Later<u64, Failure>) {
        let prepared = self.path(caller, path);
        self.later(later, prepared, move |vfs, (session, path)| async move {
            let node = vfs.walk(&path, Last::Itself).await?;
            let to = vfs.link_path(&node).await?;
            session.write(room, to.as_bytes())
        });
    }

    fn mount(&mut self, caller: Caller, path: Text, source: Text, port: Gift, later: Later<(), Failure>) {
        let prepared = self.path(caller, path).and_then(|(session, path)| Ok((path, session.text(source)?)));
        if prepared.is_err() {
            self.0.close(port.handle);
        }
        self.later(later, prepared, move |vfs, (path, source)| async move {
            vfs.mount(path, source, port, Place::Any).await
        });
    }

    fn unmount(&mut self, caller: Caller, path: Text, later: Later<(), Failure>) {
        let prepared = self.path(caller, path);
        self.later(later, prepared, move |vfs, (_, path)| async move { vfs.unmount(&path).await });
    }

    fn mounted(&mut self, caller: Caller, number: u64, room: Text) -> Result<u64, Failure> {
        self.session(caller)?.write(room, &self.0.mounted(number))
    }

    fn usage(&mut self, caller: Caller, path: Text, later: Later<Usage, Failure>) {
        let prepared = self.path(caller, path);
        self.later(later, prepared, move |vfs, (_, path)| async move { vfs.usage(&path).await });
    }

    fn thread(&mut self, caller: Caller, number: u32) -> Result<Gift, Failure> {
        self.session(caller)?;
        let number = u16::try_from(number).map_err(|_| Failure::BadArgument)?;
        self.0.host().door(number).map_err(|error| match error {
            Error::BadArgument => Failure::BadArgument,
            error => Failure::Way(error),
        })
    }

    fn operations(&mut self, caller: Caller) -> Result<u64, Failure> {
        self.session(caller)?;
        Ok(self.0.ops.begun())
    }

    fn resolve(
        &mut self,
        caller: Caller,
        path: Text,
        walk: Walk,
        room: Text,
        later: Later<Resolved, Failure>,
    ) {
        let prepared = self.path(caller, path);
        self.later(later, prepared, move |vfs, (session, path)| async move {
            let to = vfs.resolve(path, walk).await?;
            let length = session.write(room, to.path.as_bytes())? as u32;
            Ok(Resolved { thread: to.thread, mount: to.mount, length, is_by_link: to.is_by_link })
        });
    }
}
