//! Init on the host: what starts, what starts again, who is told, what is left.

mod storm;
mod world;

use anax_abi::object::notice;
use anax_abi::{Error, Handle, Rights};
use anax_manifest::{Capability, Layer, Manifest, RestartPolicy, Start as When};
use anax_proto::{Caller, Gift, Later};
use anax_system::{Condition, HUNG, KILLED, Name, Processes as _};
use init::{Happened, Init, MOST_WAITING, is_notice};

use world::Fake;

const MS: u64 = 1_000_000;

fn manifest(name: &str, layer: Layer) -> Manifest {
    Manifest { start: When::Boot, ..Manifest::new(name, layer) }
}

fn manifests() -> Vec<Manifest> {
    let mut shell = manifest("shell", Layer::Application);
    shell.capabilities = vec![Capability::Spawn, Capability::Keep];
    shell.restart.policy = RestartPolicy::OnFailure;
    let mut files = manifest("files", Layer::System);
    files.provides = vec!["files".into()];
    files.hang_ms = 500;
    let mut boss = manifest("boss", Layer::Application);
    boss.capabilities = vec![Capability::Kill, Capability::Power, Capability::Debug];
    let others = ["job", "broken", "unfit"].map(|name| Manifest::new(name, Layer::Application));
    let mut driver = Manifest::new("driver", Layer::Driver);
    driver.provides = vec!["device".into()];
    driver.hang_ms = 500;
    let root = ["loader", "names"].map(|name| manifest(name, Layer::Root));
    root.into_iter().chain([files, shell, boss, driver]).chain(others).collect()
}

/// A system that has booted: loader 1, names 2, files 3, shell 4, boss 5.
fn booted() -> (Init<Fake>, Fake) {
    let fake = Fake::default();
    let mut init = Init::new(fake.clone(), manifests());
    init.boot(&["files", "loader", "names", "shell", "boss"].map(String::from));
    (init, fake)
}

const SHELL: Caller = Caller(4);
const BOSS: Caller = Caller(5);
const JOB: Name = Name::new("job");

/// The space of the youngest process of a program.
fn space(fake: &Fake, name: &str) -> u64 {
    let world = fake.0.borrow();
    *world.alive.iter().rfind(|(_, program)| *program == name).expect("it lives").0
}

fn names_of(fake: &Fake) -> Vec<String> {
    fake.0.borrow().started.iter().map(|(name, _)| name.clone()).collect()
}

/// A program ends by itself.
fn exits(init: &mut Init<Fake>, fake: &Fake, name: &str, status: u64) {
    let thread = space(fake, name) + 1000;
    init.exited(thread, status);
}

fn pass(init: &mut Init<Fake>, fake: &Fake, ms: u64) -> Option<u64> {
    fake.0.borrow_mut().now += ms * MS;
    init.tick()
}

fn answers(init: &mut Init<Fake>) -> Vec<(u64, i64, u64)> {
    init.answers()
        .iter()
        .map(|answered| (answered.ticket, answered.reply.code, answered.reply.words[0]))
        .collect()
}

#[test]
fn the_loader_comes_first_then_names_then_the_others() {
    let (init, fake) = booted();
    assert_eq!(names_of(&fake), ["loader", "names", "files", "shell", "boss"]);
    let world = fake.0.borrow();
    let names = *world.alive.iter().find(|(_, name)| *name == "names").unwrap().0;
    // The loader was there before names was, which is told of it nevertheless.
    assert_eq!(world.admitted[&names].iter().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let (_, files) = &world.started[2];
    assert_eq!((files.process, files.handle("init")), (3, Some(Handle::from_word(3))));
    assert_eq!(files.handle("names"), Some(Handle::from_word(names)));
    drop(world);
    drop(init);
}

#[test]
fn what_has_ended_starts_again_later_each_time_and_not_for_ever() {
    let (mut init, fake) = booted();
    let mut waited = Vec::new();
    for _ in 0..5 {
        exits(&mut init, &fake, "files", 7);
        let mut ms = 0;
        while !fake.0.borrow().alive.values().any(|name| name == "files") {
            pass(&mut init, &fake, 1);
            ms += 1;
        }
        waited.push(ms);
    }
    assert_eq!(waited, [10, 20, 40, 80, 160]);
    assert_eq!(fake.0.borrow().gone, Vec::<String>::new());
    exits(&mut init, &fake, "files", 7);
    pass(&mut init, &fake, 100_000);
    assert!(!fake.0.borrow().alive.values().any(|name| name == "files"));
    assert_eq!(fake.0.borrow().gone, ["files"]);
    assert!(fake.0.borrow().lines.last().unwrap().contains("too often"));
}

#[test]
fn nobody_is_asked_who_is_only_being_started() {
    let (mut init, fake) = booted();
    init.kill(BOSS, 2).unwrap();
    pass(&mut init, &fake, 5);
    init.kill(BOSS, 1).unwrap();
    // Names is due first, and needs the loader, which must not be announced to it yet.
    pass(&mut init, &fake, 5);
    let world = fake.0.borrow();
    assert!(!world.lines.iter().any(|line| line.contains(&format!("{HUNG:#x}"))), "{:?}", world.lines);
    let alive = |name: &str| world.alive.iter().find(|(_, program)| *program == name).map(|(made, _)| *made);
    let names = alive("names").expect("it lives");
    assert!(alive("loader").is_some());
    // Files, shell, boss, and the successors of the two.
    assert_eq!(world.admitted[&names].len(), 5);
}

#[test]
fn a_policy_decides() {
    let (mut init, fake) = booted();
    exits(&mut init, &fake, "boss", 3);
    exits(&mut init, &fake, "shell", 0);
    pass(&mut init, &fake, 100_000);
    let world = fake.0.borrow();
    assert!(!world.alive.values().any(|name| name == "boss" || name == "shell"));
}

#[test]
fn a_job_is_started_waited_for_and_forgotten() {
    let (mut init, fake) = booted();
    let job = init.prepare(SHELL, JOB).unwrap();
    let gift = Gift::given(fake.handle());
    init.give(SHELL, job, "stdout", gift).unwrap();
    assert_eq!(init.start(BOSS, job, vec![]), Err(Error::BadHandle));
    init.start(SHELL, job, vec!["x".into()]).unwrap();
    assert_eq!(init.start(SHELL, job, vec![]), Err(Error::BadHandle));
    assert_eq!(init.give(SHELL, job, "late", Gift::given(fake.handle())), Err(Error::BadHandle));
    let start = fake.0.borrow().started.last().unwrap().1.clone();
    assert_eq!((start.arguments, start.handles[0].name.as_str()), (vec!["x".to_string()], "stdout"));
    init.wait(SHELL, job, Later::new(77));
    assert_eq!(answers(&mut init), []);
    exits(&mut init, &fake, "job", 42);
    assert_eq!(answers(&mut init), [(77, 0, 42)]);
    init.wait(SHELL, job, Later::new(78));
    assert_eq!(answers(&mut init), [(78, Error::BadHandle.code(), 0)]);
    // The other order: it has ended before anybody asks.
    let job = init.prepare(SHELL, JOB).unwrap();
    init.start(SHELL, job, vec![]).unwrap();
    exits(&mut init, &fake, "job", 1);
    init.wait(SHELL, job, Later::new(79));
    init.wait(SHELL, job, Later::new(80));
    assert_eq!(answers(&mut init), [(79, 0, 1), (80, Error::BadHandle.code(), 0)]);
    assert!(fake.0.borrow().handles.is_empty());
}

#[test]
fn what_a_job_is_told_comes_in_pieces_and_is_bounded() {
    let (mut init, fake) = booted();
    let job = init.prepare(SHELL, JOB).unwrap();
    let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    assert_eq!(init.tell(BOSS, job, words("a"), vec![]), Err(Error::BadHandle));
    init.tell(SHELL, job, words("a b"), words("X=1")).unwrap();
    init.tell(SHELL, job, vec![], words("Y=2")).unwrap();
    assert_eq!(init.tell(SHELL, job, vec![String::new(); 255], vec![]), Err(Error::Full));
    assert_eq!(init.tell(SHELL, job, vec![], vec![String::new(); 255]), Err(Error::Full));
    assert_eq!(init.tell(SHELL, job, vec!["x".repeat(32 << 10)], vec![]), Err(Error::Full));
    init.start(SHELL, job, words("c")).unwrap();
    assert_eq!(init.tell(SHELL, job, words("d"), vec![]), Err(Error::BadHandle));
    let start = fake.0.borrow().started.last().unwrap().1.clone();
    assert_eq!((start.arguments, start.environment), (words("a b c"), words("X=1 Y=2")));
}

#[test]
fn rights_are_the_manifests() {
    let (mut init, fake) = booted();
    assert_eq!(init.prepare(BOSS, JOB), Err(Error::NoRights));
    assert_eq!(init.prepare(Caller(99), JOB), Err(Error::NoRights));
    assert_eq!(init.prepare(SHELL, Name::new("nothing")), Err(Error::BadArgument));
    let job = init.prepare(SHELL, JOB).unwrap();
    init.start(SHELL, job, vec![]).unwrap();
    assert_eq!(init.kill(Caller(3), job), Err(Error::NoRights));
    init.wait(Caller(3), job, Later::new(1));
    assert_eq!(answers(&mut init), [(1, Error::NoRights.code(), 0)]);
    init.power_off(SHELL, 0, Later::new(17));
    assert_eq!(answers(&mut init), [(17, Error::NoRights.code(), 0)]);
    assert_eq!(init.space(SHELL, 3), Err(Error::NoRights));
    assert_eq!(init.space(BOSS, BOSS.0), Err(Error::BadArgument), "its own");
    let debugged = init.space(BOSS, job).unwrap();
    assert_eq!((debugged.rights, debugged.is_given), (Rights::SEND.with(Rights::CONTROL), true));
    fake.0.borrow_mut().handles.remove(&debugged.handle.to_word());
    assert_eq!(init.kill(BOSS, job), Ok(()));
    init.wait(SHELL, job, Later::new(2));
    assert_eq!(answers(&mut init), [(2, 0, KILLED)]);
    let port = init.port(SHELL, 4);
    assert_eq!(port, Err(Error::BadHandle), "its own process is not one that it has prepared");
    assert!(fake.0.borrow().handles.is_empty());
}

#[test]
fn services_are_stopped_and_started() {
    let (mut init, fake) = booted();
    let files = Name::new("files");
    let runs = |fake: &Fake| fake.0.borrow().alive.values().filter(|name| *name == "files").count();
    assert_eq!(init.stop_service(SHELL, files), Err(Error::NoRights));
    assert_eq!(init.start_service(BOSS, files), Err(Error::Exists));
    assert_eq!(init.start_service(BOSS, JOB), Err(Error::BadArgument), "it starts on demand");
    assert_eq!(init.stop_service(BOSS, Name::new("names")), Err(Error::NoRights), "init needs it");
    assert_eq!(init.stop_service(BOSS, files), Ok(()));
    pass(&mut init, &fake, 100_000);
    assert_eq!(runs(&fake), 0, "it stays down");
    assert_eq!(init.stop_service(BOSS, files), Err(Error::WouldBlock));
    let process = init.start_service(BOSS, files).unwrap();
    assert_eq!((runs(&fake), process), (1, 6));
    // One that is to start again in a while starts at once, and stops then, too.
    exits(&mut init, &fake, "files", 7);
    assert_eq!((runs(&fake), init.start_service(BOSS, files)), (0, Ok(7)));
    exits(&mut init, &fake, "files", 7);
    assert_eq!(init.stop_service(BOSS, files), Ok(()));
    pass(&mut init, &fake, 100_000);
    assert_eq!(runs(&fake), 0);
}

#[test]
fn what_does_not_start_leaves_nothing() {
    let (mut init, fake) = booted();
    let alive = fake.0.borrow().alive.len();
    for name in ["broken", "unfit"] {
        let process = init.prepare(SHELL, Name::new(name)).unwrap();
        assert_eq!(init.start(SHELL, process, vec![]), Err(Error::BadArgument));
        init.wait(SHELL, process, Later::new(1));
        let status = Error::BadArgument.code().cast_unsigned();
        assert_eq!(answers(&mut init), [(1, 0, status)]);
    }
    assert_eq!(fake.0.borrow().alive.len(), alive);
}

#[test]
fn a_loader_that_hangs_or_dies_is_replaced_at_once() {
    let (mut init, fake) = booted();
    for error in [Error::TimedOut, Error::PeerDied] {
        fake.0.borrow_mut().loader_fails.push(error);
        let job = init.prepare(SHELL, JOB).unwrap();
        assert_eq!(init.start(SHELL, job, vec![]), Ok(()));
        assert_eq!(fake.0.borrow().ended.last().unwrap(), "loader");
        assert!(fake.0.borrow().alive.values().any(|name| name == "loader"));
    }
    // One that never works is an error of whoever asked.
    fake.0.borrow_mut().loader_fails.extend([Error::PeerDied; 2]);
    let job = init.prepare(SHELL, JOB).unwrap();
    assert_eq!(init.start(SHELL, job, vec![]), Err(Error::PeerDied));
}

#[test]
fn names_that_dies_is_told_everything_again() {
    let (mut init, fake) = booted();
    exits(&mut init, &fake, "names", 1 << 32);
    assert_eq!(init.names(SHELL), Err(Error::WouldBlock));
    pass(&mut init, &fake, 10);
    let names = space(&fake, "names");
    let known = fake.0.borrow().admitted[&names].clone();
    assert!([3, 4, 5].iter().all(|process| known.contains(process)), "{known:?}");
    let given = init.names(SHELL).unwrap();
    assert_eq!((given.rights, given.is_given), (Rights::SEND, true));
    // One that does not answer is ended, and its successor told.
    fake.0.borrow_mut().names_fails.push(Error::TimedOut);
    let job = init.prepare(SHELL, JOB).unwrap();
    init.start(SHELL, job, vec![]).unwrap();
    assert!(!fake.0.borrow().alive.contains_key(&names));
    pass(&mut init, &fake, 100);
    let names = space(&fake, "names");
    assert!(fake.0.borrow().admitted[&names].contains(&job));
}

#[test]
fn a_hang_needs_work_and_the_cpu() {
    let (mut init, fake) = booted();
    let files = space(&fake, "files");
    let mut look = |happened, times| {
        fake.0.borrow_mut().happened.insert(files, happened);
        for _ in 0..times {
            pass(&mut init, &fake, 50);
        }
        let world = fake.0.borrow();
        (world.alive.contains_key(&files), world.preferred.contains(&files))
    };
    assert_eq!(look(Happened::Waited, 1000), (true, false), "it waits for others");
    assert_eq!(look(Happened::Runnable, 9), (true, false));
    assert_eq!(look(Happened::Progress, 1), (true, false));
    assert_eq!(look(Happened::Runnable, 9), (true, false));
    assert_eq!(look(Happened::Waited, 5), (true, false), "waiting is no progress, but no hang");
    assert_eq!(look(Happened::Runnable, 1), (true, true), "it may have had no CPU");
    assert_eq!(look(Happened::Progress, 1), (true, false), "that was it");
    assert_eq!(look(Happened::Runnable, 10), (true, true));
    assert_eq!(look(Happened::Waited, 1), (true, false), "whoever waits is not preferred");
    assert_eq!(look(Happened::Runnable, 2), (true, true));
    assert!(!look(Happened::Runnable, 1).0);
    assert!(fake.0.borrow().lines.iter().any(|line| line.contains(&format!("{HUNG:#x}"))));
    assert!(pass(&mut init, &fake, 10).is_some());
    assert!(fake.0.borrow().alive.values().any(|name| name == "files"));
}

#[test]
fn a_driver_that_keeps_the_cpu_becomes_less_urgent() {
    let (mut init, fake) = booted();
    let driver = init.prepare(SHELL, Name::new("driver")).unwrap();
    init.start(SHELL, driver, vec![]).unwrap();
    let (driver, files) = (space(&fake, "driver"), space(&fake, "files"));
    let mut look = |works, times| {
        for space in [driver, files] {
            let world = &mut fake.0.borrow_mut().works;
            _ = if works { world.insert(space) } else { world.remove(&space) };
        }
        for _ in 0..times {
            pass(&mut init, &fake, 50);
        }
        fake.0.borrow().less_urgent.iter().copied().collect::<Vec<_>>()
    };
    assert_eq!(look(true, 19), []);
    assert_eq!(look(false, 1), [], "it waits now and then");
    assert_eq!(look(true, 19), []);
    assert_eq!(look(true, 1), [driver], "drivers only: whoever asks a server lends it his own urgency");
    assert_eq!(look(true, 100), [driver]);
    assert_eq!(look(false, 19), [driver]);
    assert_eq!(look(false, 1), []);
    assert!(fake.0.borrow().alive.contains_key(&driver), "it may have much to do");
}

#[test]
fn what_is_kept_outlives_the_process_and_not_the_record() {
    let (mut init, fake) = booted();
    let kept = fake.handle();
    init.keep(SHELL, 7, Gift::given(kept)).unwrap();
    assert_eq!(init.keep(BOSS, 7, Gift::given(fake.handle())), Err(Error::NoRights));
    exits(&mut init, &fake, "shell", 1);
    pass(&mut init, &fake, 10);
    let shell = Caller(6);
    let found = init.kept(shell, 7).unwrap();
    assert_ne!(found.handle, kept);
    assert_eq!(init.kept(shell, 8), Err(Error::WouldBlock));
    assert_eq!(init.kept(SHELL, 7), Err(Error::NoRights), "the process has ended");
    init.keep(shell, 7, Gift::given(fake.handle())).unwrap();
    init.forget(shell, 7).unwrap();
    assert_eq!(init.kept(shell, 7), Err(Error::WouldBlock));
    fake.0.borrow_mut().handles.remove(&found.handle.to_word());
    assert!(fake.0.borrow().handles.is_empty());
}

#[test]
fn children_end_with_their_maker_but_drivers_do_not() {
    let (mut init, fake) = booted();
    for name in ["job", "driver"] {
        let process = init.prepare(SHELL, Name::new(name)).unwrap();
        init.start(SHELL, process, vec![]).unwrap();
    }
    exits(&mut init, &fake, "shell", 1);
    let alive: Vec<String> = fake.0.borrow().alive.values().cloned().collect();
    assert!(alive.contains(&"driver".into()) && !alive.contains(&"job".into()), "{alive:?}");
}

/// It outlives who has started it, and not whom it was left to.
#[test]
fn who_was_entrusted_to_a_server_ends_with_it() {
    let (mut init, fake) = booted();
    let files = Name::new("files");
    let number = |init: &mut Init<Fake>, name: &str| {
        let all = init.list(BOSS, 0).unwrap();
        all.iter().find(|report| report.name == name).map(|report| report.process)
    };
    for ends_first in ["job", "files", "job"] {
        let shell = Caller(number(&mut init, "shell").unwrap());
        let process = init.prepare(shell, JOB).unwrap();
        assert_eq!(init.entrust(shell, process, files), Err(Error::BadHandle), "it was not started");
        init.start(shell, process, vec![]).unwrap();
        assert_eq!(init.entrust(BOSS, process, files), Err(Error::BadHandle), "it is not his");
        assert_eq!(init.entrust(shell, process, Name::new("job")), Err(Error::BadArgument));
        init.entrust(shell, process, files).unwrap();
        assert_eq!(init.entrust(shell, process, files), Err(Error::BadHandle));
        exits(&mut init, &fake, "shell", 1);
        assert_eq!(number(&mut init, "job"), Some(process), "it goes on");
        exits(&mut init, &fake, ends_first, 0);
        assert_eq!(number(&mut init, "job"), None, "nobody asks how");
        assert!(!fake.0.borrow().alive.values().any(|name| name == "job"));
        pass(&mut init, &fake, 1000);
    }
}

/// Whoever has given up waiting, or has died over it, is not known to have: he must not cost memory for ever, nor keep others out.
#[test]
fn who_has_waited_longest_makes_room() {
    let (mut init, fake) = booted();
    let process = init.prepare(SHELL, JOB).unwrap();
    init.start(SHELL, process, vec![]).unwrap();
    let most = MOST_WAITING as u64;
    (0..most + 3).for_each(|ticket| init.wait(SHELL, process, Later::new(ticket)));
    let aborted: Vec<_> = (0..3).map(|ticket| (ticket, Error::Aborted.code(), 0)).collect();
    assert_eq!(answers(&mut init), aborted);
    exits(&mut init, &fake, "job", 7);
    let told: Vec<_> = (3..most + 3).map(|ticket| (ticket, 0, 7)).collect();
    assert_eq!(answers(&mut init), told);
}

#[test]
fn the_kernel_alone_tells_of_ends() {
    for command in [notice::EXIT, notice::FAULT] {
        assert!(is_notice(0, command));
        assert!(!is_notice(SHELL.0, command), "anybody could end anybody");
    }
    assert!(!is_notice(0, anax_system::processes::KILL) && !is_notice(0, notice::TIMER));
}

/// There are more ways to start a driver than to have a device for it: only who comes again finds one that goes on.
#[test]
fn drivers_end_with_who_has_no_successor() {
    let (mut init, fake) = booted();
    init.prepare(SHELL, Name::new("driver")).unwrap();
    exits(&mut init, &fake, "shell", 1);
    assert!(!fake.0.borrow().alive.values().any(|name| name == "driver"), "it was never started");
    pass(&mut init, &fake, 100);
    let shell =
        Caller(init.list(BOSS, 0).unwrap().iter().find(|report| report.name == "shell").unwrap().process);
    let second = Caller(init.prepare(shell, Name::new("shell")).unwrap());
    init.start(shell, second.0, vec![]).unwrap();
    let driver = init.prepare(second, Name::new("driver")).unwrap();
    init.start(second, driver, vec![]).unwrap();
    init.kill(shell, second.0).unwrap();
    assert!(!fake.0.borrow().alive.values().any(|name| name == "driver"), "it has no device");
}

#[test]
fn who_waits_for_a_driver_goes_on_waiting() {
    let (mut init, fake) = booted();
    let process = init.prepare(SHELL, Name::new("driver")).unwrap();
    init.start(SHELL, process, vec![]).unwrap();
    exits(&mut init, &fake, "driver", KILLED);
    assert_eq!(fake.0.borrow().gone, Vec::<String>::new(), "its maker decides");
}

#[test]
fn the_end_is_orderly() {
    let (mut init, fake) = booted();
    init.power_off(BOSS, 3, Later::new(1));
    assert_eq!(answers(&mut init), []);
    let world = fake.0.borrow();
    assert_eq!(world.finished, Some(Some(3)));
    assert!(world.alive.is_empty());
    let layers: Vec<usize> = ["boss", "shell", "files", "names", "loader"]
        .iter()
        .map(|name| world.ended.iter().position(|ended| ended == name).unwrap())
        .collect();
    assert!(layers[0] < layers[2] && layers[1] < layers[2] && layers[2] < layers[3] && layers[2] < layers[4]);
}

/// Who has something that is to last is told when no application can change it any more, and ends when it does.
#[test]
fn the_end_waits_for_who_has_something_to_store() {
    const FILES: Caller = Caller(3);
    let finished = |fake: &Fake| fake.0.borrow().finished;
    for takes_too_long in [false, true] {
        let (mut init, fake) = booted();
        init.farewell(FILES, Later::new(7));
        init.farewell(FILES, Later::new(8));
        init.farewell(SHELL, Later::new(9));
        assert_eq!(answers(&mut init), [(7, Error::Aborted.code(), 0)]);
        init.reboot(BOSS, Later::new(1));
        assert_eq!(answers(&mut init), [(8, 0, 0)], "the shell has ended, and nobody else is told");
        assert_eq!(finished(&fake), None);
        let alive: Vec<String> = fake.0.borrow().alive.values().cloned().collect();
        assert_eq!(alive, ["loader", "names", "files"]);
        // Nobody starts again.
        pass(&mut init, &fake, 1000);
        init.power_off(BOSS, 5, Later::new(2));
        assert_eq!((finished(&fake), fake.0.borrow().alive.len()), (None, 3));
        if takes_too_long {
            pass(&mut init, &fake, 2001);
        } else {
            exits(&mut init, &fake, "files", 0);
        }
        assert_eq!(finished(&fake), Some(None));
        assert!(fake.0.borrow().alive.is_empty());
        let said = fake.0.borrow().lines.iter().any(|line| line.contains("takes too long"));
        assert_eq!(said, takes_too_long);
    }
    // Who has ended before is not waited for.
    let (mut init, fake) = booted();
    init.farewell(FILES, Later::new(7));
    exits(&mut init, &fake, "files", 1);
    init.power_off(BOSS, 5, Later::new(1));
    assert_eq!(finished(&fake), Some(Some(5)));
}

#[test]
fn the_list_says_what_there_is() {
    let (mut init, fake) = booted();
    let all = init.list(BOSS, 0).unwrap();
    assert_eq!(all.len(), 5);
    assert_eq!(
        (all[2].name.as_str(), all[2].condition, all[2].pages),
        ("files", Condition::Runs, space(&fake, "files"))
    );
    exits(&mut init, &fake, "files", 9);
    let all = init.list(BOSS, 2).unwrap();
    assert_eq!((all[0].process, all[0].condition), (3, Condition::Waits(9)));
    let _ = Handle::from_word(1);
}

#[test]
fn a_second_process_of_a_server_takes_nobody_s_place() {
    let (mut init, fake) = booted();
    let second = init.prepare(SHELL, Name::new("files")).unwrap();
    init.start(SHELL, second, vec![]).unwrap();
    assert_eq!(fake.0.borrow().served, [(3, "files".to_string())]);
    exits(&mut init, &fake, "files", 1);
    assert_eq!(fake.0.borrow().gone, Vec::<String>::new(), "the first one goes on");
    exits(&mut init, &fake, "files", 1);
    pass(&mut init, &fake, 10);
    assert_eq!(fake.0.borrow().served.last(), Some(&(7, "files".to_string())));
}

#[test]
fn a_driver_s_file_may_come_later_and_nothing_else() {
    let (mut init, fake) = booted();
    let mut prepare = |caller, manifest| {
        let file = Gift::given(fake.handle());
        let before = fake.0.borrow().handles.len();
        let prepared = init.prepare_file(caller, manifest, file, 5);
        let is_closed = fake.0.borrow().handles.len() < before;
        assert_eq!(is_closed, prepared.is_err(), "what is not used is closed");
        prepared
    };
    let comes = Manifest::new("comes", Layer::Driver);
    assert_eq!(prepare(BOSS, comes.clone()), Err(Error::NoRights));
    assert!(prepare(SHELL, comes.clone()).is_ok());
    // One like another that the archive has, for the same service.
    let like = Manifest { provides: vec!["device".into()], ..Manifest::new("driver", Layer::Driver) };
    assert!(prepare(SHELL, like).is_ok());
    for (wrong, error) in [
        (Manifest::new("comes", Layer::Application), Error::NoRights),
        (Manifest { capabilities: vec![Capability::Spawn], ..comes.clone() }, Error::NoRights),
        (Manifest { provides: vec!["files".into()], ..comes.clone() }, Error::Exists),
        (Manifest::new("names", Layer::Driver), Error::Exists),
        (Manifest { priority: 200, ..comes }, Error::BadArgument),
    ] {
        assert_eq!(prepare(SHELL, wrong.clone()), Err(error), "{wrong:?}");
    }
}
