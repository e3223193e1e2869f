//! Where streams lead to (POSIX XCU 2.7).

use alloc::format;

use super::{Flow, Shell};
use crate::syntax::{Redirect, Target};
use crate::world::{Access, World};

impl<W: World> Shell<W> {
    /// The streams as redirections make them of those, from left to right. Nothing if one does not go, which is said.
    pub(super) fn redirected(
        &mut self,
        redirects: &[Redirect],
        mut streams: [W::Stream; 3],
    ) -> Result<Option<[W::Stream; 3]>, Flow> {
        for redirect in redirects {
            let made = match &redirect.to {
                Target::Read(word) => self.file(word, Access::Read)?,
                Target::Write(word) => self.file(word, Access::Write)?,
                Target::Append(word) => self.file(word, Access::Append)?,
                Target::Text(word) => {
                    let text = format!("{}\n", self.text(word)?);
                    self.world.source(text.into_bytes()).map_err(|why| format!("<<<: {why}"))
                }
                Target::Here(word) => {
                    let text = match word.get() {
                        Some(word) => self.text(word)?,
                        None => continue,
                    };
                    self.world.source(text.into_bytes()).map_err(|why| format!("<<: {why}"))
                }
                Target::Same(word) => {
                    let text = self.text(word)?;
                    let number = text.parse().ok().filter(|number: &usize| *number < 3);
                    match number {
                        Some(number) => Ok(streams[number].clone()),
                        None if text == "-" => Ok(self.world.null()),
                        None => Err(format!("{text}: there are the streams 0, 1 and 2 only")),
                    }
                }
            };
            match made {
                Ok(stream) => streams[redirect.stream] = stream,
                Err(why) => {
                    self.complain(&why);
                    return Ok(None);
                }
            }
        }
        Ok(Some(streams))
    }

    fn file(
        &mut self,
        word: &crate::syntax::Word,
        access: Access,
    ) -> Result<Result<W::Stream, alloc::string::String>, Flow> {
        let path = self.text(word)?;
        if path == "/dev/null" {
            return Ok(Ok(self.world.null()));
        }
        Ok(self.world.open(&path, access).map_err(|why| format!("{path}: {why}")))
    }
}
