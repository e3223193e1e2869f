//! Streams of this host to itself, on any number of threads.

use std::net::Ipv4Addr;
use std::time::Duration;

use anax_proto::Caller;
use anax_socket::ring::Ring;
use anax_socket::{Choice, End, Failure, Kind, Progress, Question, Rings, Socket, Sockets as _};
use net::session::Arena as _;

use crate::world::{Program, World};

pub(crate) const PORT: u16 = 7;

fn here(port: u16) -> End {
    End::new(Ipv4Addr::LOCALHOST, port)
}

/// One end of a stream: its thread, its name, its rings, and how far it is.
pub(crate) struct Half {
    pub(crate) thread: usize,
    pub(crate) socket: Socket,
    pub(crate) rings: Rings,
    pub(crate) written: u64,
    read: u64,
    received: u64,
    pub(crate) peer_closed: bool,
}

impl Half {
    pub(crate) const fn new(thread: usize, socket: Socket, rings: Rings) -> Self {
        Self { thread, socket, rings, written: 0, read: 0, received: 0, peer_closed: false }
    }

    pub(crate) fn exchange(
        &mut self,
        world: &mut World,
        program: &Program,
    ) -> Result<Option<Progress>, Failure> {
        let (later, ticket) = world.later();
        let question = Question { socket: self.socket, knows_end: self.peer_closed };
        let room = self.read + self.rings.receive().1;
        world.threads[self.thread].0.exchange(
            program.caller,
            question,
            (self.written, room),
            (self.received, u64::MAX),
            later,
        );
        let progress = world.answer::<Progress>(ticket).transpose()?;
        if let Some(progress) = progress {
            (self.received, self.peer_closed) = (progress.received, progress.standing.peer_closed);
        }
        Ok(progress)
    }

    /// Writes, as the ring has room.
    pub(crate) fn write(&mut self, world: &mut World, program: &Program, bytes: &[u8]) {
        let ring = Ring::new(program.memory.bytes(), self.rings.send()).unwrap();
        ring.write(self.written, bytes);
        self.written += bytes.len() as u64;
        self.exchange(world, program).unwrap();
    }

    /// So many bytes, as soon as they have come.
    pub(crate) fn read_all(&mut self, world: &mut World, program: &Program, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            bytes.extend(self.read(world, program).unwrap());
            if bytes.len() >= count {
                break;
            }
            world.pass(Duration::from_millis(10));
        }
        bytes
    }

    /// All that has come.
    pub(crate) fn read(&mut self, world: &mut World, program: &Program) -> Result<Vec<u8>, Failure> {
        self.exchange(world, program)?;
        let ring = Ring::new(program.memory.bytes(), self.rings.receive()).unwrap();
        let mut bytes = vec![0; (self.received - self.read) as usize];
        ring.read(self.read, &mut bytes);
        self.read = self.received;
        Ok(bytes)
    }
}

/// A socket that listens, on all threads.
pub(crate) fn listen(world: &mut World, program: &mut Program, port: u16) -> Result<Socket, Failure> {
    let (caller, rings) = (program.caller, program.rings());
    let zero = &mut world.threads[0].0;
    let socket = zero.open(caller, Kind::Stream, rings)?;
    zero.bind(caller, socket, here(port))?;
    let (later, ticket) = world.later();
    world.threads[0].0.listen(caller, socket, 16, 4096, later);
    world.answer::<()>(ticket).unwrap().map(|()| socket)
}

/// A stream from one thread to the listening socket: both ends of it.
pub(crate) fn connect(
    world: &mut World,
    program: &mut Program,
    thread: usize,
    listener: Socket,
) -> (Half, Half) {
    let (caller, rings) = (program.caller, program.rings());
    let socket = world.threads[thread].0.open(caller, Kind::Stream, rings).unwrap();
    let accepted = program.rings();
    // Ports are chosen so that the connection, both ends of it, is the thread's own.
    let (later, accept) = world.later();
    world.threads[thread].0.accept(caller, listener, accepted, later);
    let (later, open) = world.later();
    world.threads[thread].0.connect(caller, socket, here(PORT), later);
    assert_eq!(world.answer::<()>(open), Some(Ok(())));
    let (other, remote) = world.answer::<(Socket, End)>(accept).unwrap().unwrap();
    let own = world.threads[thread].0.local(caller, socket).unwrap();
    assert_eq!(remote, own);
    (Half::new(thread, socket, rings), Half::new(thread, other, accepted))
}

#[test]
fn bytes_go_both_ways_on_any_thread() {
    for threads in [1, 2, 3, 5] {
        let mut world = World::new(threads);
        let mut program = world.attach();
        let listener = listen(&mut world, &mut program, PORT).unwrap();
        for thread in 0..threads as usize {
            let (mut one, mut other) = connect(&mut world, &mut program, thread, listener);
            for round in 0..40u32 {
                let bytes: Vec<u8> = (0..1 + 150 * round).map(|at| (at * 7 + round) as u8).collect();
                one.write(&mut world, &program, &bytes);
                assert!(other.read_all(&mut world, &program, bytes.len()) == bytes);
                other.write(&mut world, &program, &bytes);
                assert!(one.read_all(&mut world, &program, bytes.len()) == bytes);
            }
        }
        assert_eq!(world.threads[0].0.shard.counters().forwarded, 0);
    }
}

#[test]
fn what_came_before_it_was_accepted_is_there() {
    let mut world = World::new(2);
    let mut program = world.attach();
    let listener = listen(&mut world, &mut program, PORT).unwrap();
    let (caller, rings) = (program.caller, program.rings());
    let socket = world.threads[1].0.open(caller, Kind::Stream, rings).unwrap();
    let (later, open) = world.later();
    world.threads[1].0.connect(caller, socket, here(PORT), later);
    assert_eq!(world.answer::<()>(open), Some(Ok(())));
    let mut one = Half::new(1, socket, rings);
    one.write(&mut world, &program, b"early");
    world.threads[1].0.shut_down(caller, socket).unwrap();
    world.pass(Duration::from_millis(500));
    let (later, accept) = world.later();
    let accepted = program.rings();
    world.threads[1].0.accept(caller, listener, accepted, later);
    let (other, _) = world.answer::<(Socket, End)>(accept).unwrap().unwrap();
    let mut other = Half::new(1, other, accepted);
    assert_eq!(other.read(&mut world, &program), Ok(b"early".to_vec()));
    assert!(other.peer_closed);
}

#[test]
fn closing_lets_what_was_written_out_and_gives_all_back() {
    let mut world = World::new(2);
    let mut program = world.attach();
    let listener = listen(&mut world, &mut program, PORT).unwrap();
    let before = world.threads[1].0.shard.population();
    let (mut one, mut other) = connect(&mut world, &mut program, 1, listener);
    one.write(&mut world, &program, b"the last words");
    let (later, closed) = world.later();
    world.threads[1].0.close(program.caller, one.socket, later);
    assert_eq!(world.answer::<()>(closed), Some(Ok(())), "the rings are free");
    assert_eq!(other.read(&mut world, &program), Ok(b"the last words".to_vec()));
    assert!(other.peer_closed);
    let (later, closed) = world.later();
    world.threads[1].0.close(program.caller, other.socket, later);
    assert_eq!(world.answer::<()>(closed), Some(Ok(())));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.threads[1].0.shard.population(), before);
    assert_eq!(world.threads[1].0.shard.engine().population(), [0; 3]);
    let gone = other.read(&mut world, &program);
    assert_eq!(gone, Err(Failure::Gone));
}

/// Bytes that come with the end of both directions are the last that a connection does.
#[test]
fn what_comes_with_the_end_is_there() {
    for is_accepted in [false, true] {
        let mut world = World::new(2);
        let mut program = world.attach();
        let listener = listen(&mut world, &mut program, PORT).unwrap();
        let (mut one, mut other) = connect(&mut world, &mut program, 1, listener);
        if is_accepted {
            (one, other) = (other, one);
        }
        world.threads[1].0.shut_down(program.caller, one.socket).unwrap();
        world.pass(Duration::from_millis(500));
        let ring = Ring::new(program.memory.bytes(), other.rings.send()).unwrap();
        ring.write(0, b"good-bye");
        let question = Question { socket: other.socket, knows_end: true };
        let (later, _) = world.later();
        let room = other.rings.receive().1;
        world.threads[1].0.exchange(program.caller, question, (8, room), (0, u64::MAX), later);
        let (later, closed) = world.later();
        world.threads[1].0.close(program.caller, other.socket, later);
        assert_eq!(world.answer::<()>(closed), Some(Ok(())));
        assert_eq!(one.read(&mut world, &program), Ok(b"good-bye".to_vec()));
        assert!(one.peer_closed);
    }
}

#[test]
fn nobody_has_anothers_socket() {
    let mut world = World::new(1);
    let mut program = world.attach();
    let listener = listen(&mut world, &mut program, PORT).unwrap();
    let (mut one, _) = connect(&mut world, &mut program, 0, listener);
    let mut thief = world.attach();
    let rings = thief.rings();
    let thread = &mut world.threads[0].0;
    assert_eq!(thread.shut_down(thief.caller, one.socket), Err(Failure::Gone));
    assert_eq!(thread.abort(thief.caller, listener), Err(Failure::Gone));
    assert_eq!(thread.open(Caller(99), Kind::Stream, rings), Err(Failure::Gone));
    assert_eq!(one.read(&mut world, &thief), Err(Failure::Gone));
    let (later, accept) = world.later();
    world.threads[0].0.accept(thief.caller, listener, rings, later);
    assert_eq!(world.answer::<(Socket, End)>(accept), Some(Err(Failure::Gone)));
}

#[test]
fn a_program_that_ends_leaves_nothing() {
    let mut world = World::new(3);
    let mut program = world.attach();
    let listener = listen(&mut world, &mut program, PORT).unwrap();
    for thread in 0..3 {
        connect(&mut world, &mut program, thread, listener);
    }
    let number = program.caller.0;
    let net::thread::Thread { shard, zero: Some(zero) } = &mut world.threads[0].0 else { panic!() };
    zero.detach(number, shard);
    world.pass(Duration::from_secs(200));
    for thread in &world.threads {
        assert_eq!(thread.0.shard.population(), [0; 3]);
        assert_eq!(thread.0.shard.engine().population(), [0; 3]);
    }
    // Its port is free.
    let mut next = world.attach();
    assert!(listen(&mut world, &mut next, PORT).is_ok());
}

#[test]
fn refusals_say_why() {
    let mut world = World::new(2);
    let mut program = world.attach();
    let (caller, rings) = (program.caller, program.rings());
    let thread = &mut world.threads[1].0;
    let socket = thread.open(caller, Kind::Stream, rings).unwrap();
    let elsewhere = End::new(Ipv4Addr::new(192, 0, 2, 1), 9);
    assert_eq!(thread.bind(caller, socket, elsewhere), Err(Failure::NoAddress));
    assert_eq!(thread.choose(caller, socket, Choice::NoDelay, 2), Err(Failure::BadArgument));
    assert_eq!(thread.choose(caller, socket, Choice::HopLimit, 9), Err(Failure::BadArgument));
    assert_eq!(thread.remote(caller, socket), Err(Failure::BadState));
    let beyond = Rings::new(253, 13, 13).unwrap();
    assert_eq!(thread.open(caller, Kind::Stream, beyond), Err(Failure::BadArgument));
    let (later, ticket) = world.later();
    world.threads[1].0.connect(caller, socket, elsewhere, later);
    assert_eq!(world.answer::<()>(ticket), Some(Err(Failure::NoRoute)));
    let (later, ticket) = world.later();
    world.threads[1].0.connect(caller, socket, here(9), later);
    assert_eq!(world.answer::<()>(ticket), Some(Err(Failure::Refused)));
    let (later, ticket) = world.later();
    world.threads[1].0.listen(caller, socket, 1, 1, later);
    assert_eq!(world.answer::<()>(ticket), Some(Err(Failure::Elsewhere(0))));
    assert!(listen(&mut world, &mut program, PORT).is_ok());
    assert_eq!(listen(&mut world, &mut program, PORT), Err(Failure::InUse));
}
