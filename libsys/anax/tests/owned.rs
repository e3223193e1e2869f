//! Owned objects: each is ended once, in its kind's way, and memory is unmapped before its region is given up.

use anax::message::Port;
use std::sync::atomic::Ordering;

use anax::object::{Region, RegionKind, Space, Timer};
use anax::owned::{Object, OwnedPort, OwnedRegion, OwnedSpace, OwnedTimer};
use anax::{Handle, Mapping, Owned};
use anax_abi::object::RegionCommand;
use anax_abi::object::SpaceCommand::{self, Close, CreateRegion, Destroy, Map, Unmap};
use anax_sys::Envelope;
use anax_sys::trap::{Incoming, fake};

const HANDLE: Handle = Handle::new(7, 3);

fn answer(outcome: i64) -> Incoming {
    Incoming { outcome, number: 0, words: [0; 5], badge: 0, envelope: Envelope(0), result: 0, came: 0 }
}

/// The kernel answers everything with that.
fn kernel_answers(outcome: i64) {
    fake::answer(answer(outcome));
}

/// Commands to this program's space since the last time, and their first words.
fn asked() -> Vec<(SpaceCommand, u64)> {
    let own = |trap: &anax_sys::trap::Trap| trap.handle == Space::SELF.handle().to_word();
    let command =
        |trap: anax_sys::trap::Trap| (SpaceCommand::from_number(trap.command).unwrap(), trap.words[0]);
    fake::all().into_iter().filter(own).map(command).collect()
}

fn ends<T: Object>(expected: &[SpaceCommand]) {
    kernel_answers(0);
    drop(Owned::new(T::from_handle(HANDLE)));
    let expected: Vec<_> = expected.iter().map(|command| (*command, HANDLE.to_word())).collect();
    assert_eq!(asked(), expected);
}

#[test]
fn each_kind_ends_in_its_way() {
    ends::<Region>(&[Close]);
    ends::<Timer>(&[Close]);
    ends::<Port>(&[Destroy, Close]);
    ends::<Space>(&[Destroy, Close]);
}

#[test]
fn it_is_over_once() {
    kernel_answers(0);
    let timer = OwnedTimer::from(Timer::from_handle(HANDLE));
    assert_eq!(timer.as_ref().handle(), HANDLE);
    assert_eq!(timer.end(), Ok(()));
    assert_eq!(asked(), [(Close, HANDLE.to_word())]);

    let port = OwnedPort::new(Port::from_handle(HANDLE));
    assert_eq!(port.into_inner(), Port::from_handle(HANDLE));
    fake::none();

    kernel_answers(anax::Error::BadHandle.code());
    assert_eq!(OwnedSpace::new(Space::from_handle(HANDLE)).end(), Err(anax::Error::BadHandle));
    // Somebody else has ended it: nothing to be done.
    drop(OwnedRegion::new(Region::from_handle(HANDLE)));
}

#[test]
fn memory_is_unmapped_before_its_region_goes() {
    const BYTES: usize = 4096;
    #[repr(align(4096))]
    struct Page([u8; BYTES]);
    // Memory of the host's, in the place of a region's.
    let page = Box::leak(Box::new(Page([0; BYTES])));
    let place = page.0.as_mut_ptr().expose_provenance() as u64;
    fake::answer_by(move |trap| {
        let is = |command: SpaceCommand| trap.command == command as u32;
        answer(match trap.command {
            _ if is(CreateRegion) => HANDLE.to_word().cast_signed(),
            _ if is(Map) => place.cast_signed(),
            _ if trap.command == RegionCommand::Size as u32 => BYTES as i64,
            _ => 0,
        })
    });
    let mapping = Mapping::of_bytes(BYTES as u64 - 5, RegionKind::Lazy).unwrap();
    assert_eq!((mapping.len(), mapping.region().handle()), (BYTES, HANDLE));
    assert_eq!(asked(), [(CreateRegion, BYTES as u64 - 5), (Map, HANDLE.to_word())]);
    assert_eq!(mapping.bytes().write_u64(8, 5), Ok(()));
    assert_eq!(mapping.block().words()[1].load(Ordering::Relaxed), 5);
    drop(mapping);
    assert_eq!(asked(), [(Unmap, place), (Close, HANDLE.to_word())]);

    let mapping = Mapping::of_bytes(BYTES as u64, RegionKind::Lazy).unwrap();
    asked();
    let region = mapping.into_region();
    assert_eq!(asked(), [(Unmap, place)]);
    drop(region);
    assert_eq!(asked(), [(Close, HANDLE.to_word())]);
}
