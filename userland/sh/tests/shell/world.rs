//! A system that the host has: files in a map, programs that are functions, and streams in memory.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use sh::{Access, Ended, NotStarted, PathKind, Program, StreamError, World};

/// Something to read or write.
#[derive(Clone, Debug)]
pub(crate) enum Stream {
    Null,
    Bytes(Rc<RefCell<VecDeque<u8>>>),
    File(String),
}

#[derive(Clone, Debug)]
struct Started {
    process: u64,
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    streams: [Stream; 3],
}

/// The system.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    directory: String,
    out: Stream,
    err: Stream,
    input: Stream,
    waiting: Vec<Started>,
    ended: BTreeMap<u64, u8>,
    processes: u64,
    /// Ctrl-C comes with that question.
    pub(crate) interrupt_after: Option<u32>,
    pub(crate) killed: Vec<u64>,
    /// What was started, for shells in the background.
    pub(crate) shells: Vec<Vec<String>>,
}

const PROGRAMS: [&str; 7] = ["cat", "env", "fail", "forever", "ls", "print", "upper"];

impl Fake {
    pub(crate) fn new(input: &str) -> Self {
        let bytes = |text: &str| Stream::Bytes(Rc::new(RefCell::new(text.bytes().collect())));
        let files = [("/a.txt", "alpha\n"), ("/b.txt", "beta\n"), ("/d/c.txt", "gamma\n"), ("/.hidden", "")];
        Self {
            files: files.map(|(path, text)| (path.into(), text.into())).into(),
            directory: "/".into(),
            out: bytes(""),
            err: bytes(""),
            input: bytes(input),
            waiting: Vec::new(),
            ended: BTreeMap::new(),
            processes: 100,
            interrupt_after: None,
            killed: Vec::new(),
            shells: Vec::new(),
        }
    }

    pub(crate) fn printed(&self) -> (String, String) {
        let text = |stream: &Stream| match stream {
            Stream::Bytes(bytes) => String::from_utf8(bytes.borrow().iter().copied().collect()).unwrap(),
            _ => String::new(),
        };
        (text(&self.out), text(&self.err))
    }

    fn path(&self, path: &str) -> String {
        let mut names: Vec<&str> =
            if path.starts_with('/') { vec![] } else { self.directory.split('/').collect() };
        for name in path.split('/') {
            match name {
                "." => {}
                ".." => _ = names.pop(),
                name => names.push(name),
            }
        }
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        format!("/{}", names.join("/"))
    }

    fn put(&mut self, to: &Stream, bytes: &[u8]) {
        match to {
            Stream::Null => {}
            Stream::Bytes(queue) => queue.borrow_mut().extend(bytes),
            Stream::File(path) => self.files.get_mut(path).unwrap().extend_from_slice(bytes),
        }
    }

    fn all(&mut self, from: &Stream) -> Vec<u8> {
        match from {
            Stream::Bytes(queue) => queue.borrow_mut().drain(..).collect(),
            _ => Vec::new(),
        }
    }

    fn run_next(&mut self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let Started { process, name, arguments, environment, streams: [input, out, err] } =
            self.waiting.remove(0);
        let status = match &*name {
            "cat" if arguments.is_empty() => {
                let bytes = self.all(&input);
                self.put(&out, &bytes);
                0
            }
            "cat" => {
                for path in &arguments {
                    let bytes = self.files.get(&self.path(path)).cloned().unwrap_or_default();
                    self.put(&out, &bytes);
                }
                0
            }
            "upper" => {
                let bytes = self.all(&input).to_ascii_uppercase();
                self.put(&out, &bytes);
                0
            }
            "print" => {
                self.put(&out, format!("{}\n", arguments.join("|")).as_bytes());
                0
            }
            "env" => {
                for (name, value) in environment {
                    self.put(&out, format!("{name}={value}\n").as_bytes());
                }
                0
            }
            "ls" => 0,
            "sh" => 0,
            _ => {
                self.put(&err, b"it fails\n");
                arguments.first().and_then(|status| status.parse().ok()).unwrap_or(1)
            }
        };
        self.ended.insert(process, status);
        true
    }
}

impl World for Fake {
    type Stream = Stream;

    fn process(&self) -> u64 {
        77
    }

    fn own(&mut self, number: usize) -> Stream {
        [&self.input, &self.out, &self.err][number].clone()
    }

    fn null(&mut self) -> Stream {
        Stream::Null
    }

    fn pipe(&mut self) -> Result<(Stream, Stream), String> {
        let pipe = Stream::Bytes(Rc::default());
        Ok((pipe.clone(), pipe))
    }

    fn source(&mut self, bytes: Vec<u8>) -> Result<Stream, String> {
        Ok(Stream::Bytes(Rc::new(RefCell::new(bytes.into()))))
    }

    fn sink(&mut self) -> Result<Stream, String> {
        Ok(Stream::Bytes(Rc::default()))
    }

    fn written(&mut self, sink: &Stream) -> Option<Vec<u8>> {
        Some(self.all(sink))
    }

    fn open(&mut self, path: &str, access: Access) -> Result<Stream, String> {
        let path = self.path(path);
        if access == Access::Read {
            let bytes = self.files.get(&path).ok_or("no such file or directory")?;
            return self.source(bytes.clone());
        }
        let file = self.files.entry(path.clone()).or_default();
        if access == Access::Write {
            file.clear();
        }
        Ok(Stream::File(path))
    }

    fn write(&mut self, to: &Stream, bytes: &[u8]) -> Result<(), StreamError> {
        self.put(to, bytes);
        Ok(())
    }

    fn read(&mut self, from: &Stream, most: usize) -> Result<Vec<u8>, StreamError> {
        let Stream::Bytes(queue) = from else { return Ok(Vec::new()) };
        while queue.borrow().is_empty() && self.run_next() {}
        let mut queue = queue.borrow_mut();
        let count = queue.len().min(most);
        Ok(queue.drain(..count).collect())
    }

    fn start(&mut self, program: &Program<'_, Stream>) -> Result<u64, NotStarted> {
        let Program { name, arguments, environment, streams } = program;
        if *name == "sh" {
            self.shells.push(arguments.to_vec());
        } else if *name == "unfit" {
            return Err(NotStarted::Other("out of memory".into()));
        } else if !PROGRAMS.contains(name) {
            return Err(NotStarted::NotFound);
        }
        self.processes += 1;
        self.waiting.push(Started {
            process: self.processes,
            name: (*name).into(),
            arguments: arguments.to_vec(),
            environment: environment.clone(),
            streams: (*streams).clone(),
        });
        Ok(self.processes)
    }

    fn wait(&mut self, process: u64) -> Option<Ended> {
        if self.waiting.iter().any(|started| started.process == process && started.name == "forever") {
            if !self.killed.contains(&process) {
                return None;
            }
            self.waiting.retain(|started| started.process != process);
            return Some(Ended { status: 137, words: None });
        }
        while !self.ended.contains_key(&process) && self.run_next() {}
        let status = self.ended.remove(&process)?;
        let words = (status == 137).then(|| "was killed".into());
        Some(Ended { status, words })
    }

    fn ended(&mut self, process: u64) -> Option<Ended> {
        let status = self.ended.remove(&process)?;
        Some(Ended { status, words: None })
    }

    fn kill(&mut self, process: u64) -> Result<(), String> {
        self.killed.push(process);
        Ok(())
    }

    fn is_interrupted(&mut self) -> bool {
        match &mut self.interrupt_after {
            Some(0) => {
                self.interrupt_after = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn list(&mut self, directory: &str) -> Option<Vec<String>> {
        let directory = self.path(directory);
        let before = if directory == "/" { "/".to_string() } else { format!("{directory}/") };
        let names = self.files.keys().filter_map(|path| path.strip_prefix(&before)?.split('/').next());
        let names: std::collections::BTreeSet<String> = names.map(String::from).collect();
        (!names.is_empty()).then(|| names.into_iter().collect())
    }

    fn look(&mut self, path: &str) -> Option<PathKind> {
        let path = self.path(path);
        if let Some(bytes) = self.files.get(&path) {
            return Some(PathKind::File(bytes.len() as u64));
        }
        self.list(&path).map(|_| PathKind::Directory)
    }

    fn load(&mut self, path: &str) -> Result<Vec<u8>, String> {
        self.files.get(&self.path(path)).cloned().ok_or("no such file or directory".into())
    }

    fn change_directory(&mut self, path: &str) -> Result<String, String> {
        let path = self.path(path);
        match self.look(&path) {
            Some(PathKind::Directory) => self.directory.clone_from(&path),
            Some(_) => return Err("not a directory".into()),
            None => return Err("no such file or directory".into()),
        }
        Ok(path)
    }

    fn programs(&mut self) -> Vec<String> {
        PROGRAMS.map(String::from).into()
    }
}
