//! Command lines on the host: what runs, what it prints, how it ends; the control line's frames; the editor.

mod editor;
mod input;
mod link;
mod storm;
mod world;

use anax_abi::Error;
use anax_sys::PANIC_STATUS;
use anax_system::explain;
use anax_system::{FAULTED, HUNG, KILLED};
use control::{Finish, INTERRUPTED, Runner};

use world::World;

/// Runs a line whose programs end with these statuses, one after the other.
fn run(line: &str, statuses: &[u64]) -> (World, u8) {
    let (mut world, mut runner) = (World::default(), Runner::default());
    runner.begin(line, &mut world);
    for status in statuses {
        let process = world.last_started();
        assert_eq!(runner.finished(), None, "{line}");
        runner.ended(process, Ok(*status), &mut world);
    }
    let status = runner.finished().expect("it is done");
    assert_eq!(runner.finished(), None, "said once");
    assert!(!runner.is_busy());
    (world, status)
}

#[test]
fn commands_print_and_end() {
    for (line, out, status) in [
        ("", "", 0),
        ("echo alive", "alive\n", 0),
        ("echo 'a  b' \"c\" d\\ e", "a  b c d e\n", 0),
        ("true", "", 0),
        ("false", "", 1),
        ("true && echo yes; false && echo no; echo end", "yes\nend\n", 0),
        ("false || echo else; true || echo never", "else\n", 0),
        ("echo first; false", "first\n", 1),
    ] {
        let (world, seen) = run(line, &[]);
        assert_eq!((world.out.as_str(), seen), (out, status), "{line}");
        assert_eq!(world.err, "", "{line}");
    }
}

#[test]
fn mistakes_are_said() {
    for (line, err, status) in [
        ("echo 'a", "anax: at byte 5", 2),
        ("nothing", "nothing: not found", 127),
        ("Not-A-Name!", "Not-A-Name!: not found", 127),
        ("poor", "poor: does not start: quota exceeded", 126),
        ("kill", "usage: kill PROCESS...", 2),
        ("kill nobody", "kill: nobody does not run", 1),
        ("kill 99", "kill 99: no such handle", 1),
        ("sleep", "usage: sleep SECONDS", 2),
        ("sleep 1e9", "usage: sleep SECONDS", 2),
        ("sleep 99999999999999999999", "usage: sleep SECONDS", 2),
        ("power-off 256", "usage: power-off [STATUS]", 2),
        ("ps all", "usage: ps", 2),
    ] {
        let (world, seen) = run(line, &[]);
        assert_eq!(seen, status, "{line}");
        assert!(world.err.starts_with(err) && world.err.ends_with('\n'), "{line}: {}", world.err);
        assert_eq!(world.out, "", "{line}");
    }
}

#[test]
fn programs_run_one_after_the_other() {
    let (world, status) = run("job a 'b c' && job; echo end", &[0, 5]);
    assert_eq!(world.started, ["job a|b c", "job "]);
    assert_eq!((world.out.as_str(), status), ("end\n", 0));
    let (world, status) = run("job && job || job x", &[3, 4]);
    assert_eq!((world.started.len(), status), (2, 4));
}

#[test]
fn another_process_s_end_changes_nothing() {
    let (mut world, mut runner) = (World::default(), Runner::default());
    runner.begin("job && echo done", &mut world);
    runner.ended(world.last_started() + 1, Ok(0), &mut world);
    assert_eq!((runner.finished(), world.out.as_str()), (None, ""));
    runner.ended(world.last_started(), Ok(0), &mut world);
    assert_eq!((runner.finished(), world.out.as_str()), (Some(0), "done\n"));
}

#[test]
fn ends_in_eight_bits() {
    for status in 0..=255 {
        assert_eq!(explain(status), (status as u8, None));
    }
    for (status, seen, words) in [
        (KILLED, 137, "was killed"),
        (HUNG, 124, "hung"),
        (PANIC_STATUS, 101, "panicked"),
        (FAULTED | 14, 101, "faulted (exception 14)"),
        (Error::NoMemory.code().cast_unsigned(), 1, "ended with an error: out of memory"),
        (256, 255, "ended with 0x100"),
        (u64::MAX >> 1, 101, "faulted"),
    ] {
        let (short, said) = explain(status);
        assert_eq!(short, seen, "{status:#x}");
        assert!(said.as_deref().is_some_and(|said| said.starts_with(words)), "{said:?}");
    }
    let (world, status) = run("job", &[PANIC_STATUS]);
    assert_eq!((world.err.as_str(), status), ("job (process 100) panicked\n", 101));
}

#[test]
fn an_end_that_nobody_can_tell_is_one() {
    let (mut world, mut runner) = (World::default(), Runner::default());
    runner.begin("job", &mut world);
    runner.ended(world.last_started(), Err(Error::PeerDied), &mut world);
    assert_eq!(runner.finished(), Some(126));
    assert_eq!(world.err, "job (process 100) is lost: the peer died\n");
}

#[test]
fn sleeping_takes_its_time_and_no_more() {
    let (mut world, mut runner) = (World::default(), Runner::default());
    runner.begin("sleep 1.25 && echo woken", &mut world);
    assert_eq!(runner.due(), Some(1_250_000_000));
    world.now = 1_249_999_999;
    runner.tick(&mut world);
    assert_eq!((runner.finished(), world.out.as_str()), (None, ""));
    world.now += 1;
    runner.tick(&mut world);
    assert_eq!((runner.finished(), runner.due(), world.out.as_str()), (Some(0), None, "woken\n"));
}

#[test]
fn processes_are_listed_and_killed() {
    let (world, status) = run("ps && kill names 7", &[]);
    assert_eq!(status, 0);
    let lines: Vec<_> = world.out.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("process  program") && lines[0].ends_with("messages"));
    let words: Vec<_> = lines[2].split_whitespace().collect();
    assert_eq!(words, ["2", "names", "runs", "3", "1234", "256", "1"]);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{}", world.out);
    // One of the same name that waits for its restart is let be.
    assert_eq!(world.killed, [2, 7]);
}

#[test]
fn the_machine_ends() {
    let (world, _) = run("power-off; power-off 7; reboot", &[]);
    assert_eq!(world.finished, [Finish::PowerOff(0), Finish::PowerOff(7), Finish::Reboot]);
    let (world, status) = run("reboot", &[]);
    assert_eq!(
        (world.err.as_str(), status),
        ("the machine does not end: the handle does not allow this\n", 1)
    );
}

#[test]
fn help_names_every_command() {
    let (world, _) = run("help", &[]);
    for name in ["echo", "true", "false", "help", "kill", "power-off", "ps", "reboot", "sleep"] {
        assert!(world.out.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
    }
}

#[test]
fn a_person_ends_a_line() {
    let (mut world, mut runner) = (World::default(), Runner::default());
    runner.begin("job && echo never; echo never", &mut world);
    let process = world.last_started();
    assert_eq!(runner.foreground(), Some(process));
    runner.interrupt(&mut world);
    assert_eq!((&world.killed[..], runner.finished()), (&[process][..], None), "its end is awaited");
    runner.ended(process, Ok(KILLED), &mut world);
    assert_eq!((runner.finished(), runner.foreground()), (Some(INTERRUPTED), None));
    assert_eq!((&*world.out, &*world.err), ("", "job (process 100) was interrupted\n"));
    runner.begin("sleep 1000; echo never", &mut world);
    runner.interrupt(&mut world);
    assert_eq!((runner.finished(), runner.due()), (Some(INTERRUPTED), None));
    // The next one is another.
    runner.begin("job", &mut world);
    runner.ended(world.last_started(), Ok(KILLED), &mut world);
    assert_eq!(runner.finished(), Some(137));
}
