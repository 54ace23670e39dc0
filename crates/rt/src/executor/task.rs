//! A task's memory: one word of header and the future, in a slab of its size class on its own core.
//!
//! The header is the address of the task's functions with three flags in its low bits. Everything here is one core's;
//! nothing is counted. Slots never move and are used by one task at a time, generation by generation.
//!
//! `unsafe` here: a future is written into raw slab memory, polled and dropped there through its type's functions.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::task::{Context, Poll};

use crore_base::slab::{Handle, Slab};
use zerocopy::FromZeros;

use crate::limits::TASKS_PER_CLASS_MAX;

/// Bytes of a slot of each class, header included. A future that fits in none is boxed.
pub(crate) const CLASS_BYTES: [usize; 16] =
    [16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024, 2048];
const HEADER_BYTES: usize = mem::size_of::<Header>();
const CLASS_SHIFT: u32 = 24;
const _: () = assert!(1 << CLASS_SHIFT >= TASKS_PER_CLASS_MAX as usize && CLASS_BYTES.len() <= 16);

/// It is in the ready queue.
pub(crate) const SCHEDULED: usize = 1;
/// It is being polled now.
pub(crate) const RUNNING: usize = 2;
/// It was cancelled while it was being polled: drop it when the poll returns.
pub(crate) const CANCELLED: usize = 4;
const FLAGS: usize = SCHEDULED | RUNNING | CANCELLED;

/// The functions of a task's type.
#[repr(align(8))]
struct Functions {
    poll: unsafe fn(*mut u8, &mut Context<'_>) -> Poll<()>,
    drop: unsafe fn(*mut u8),
    name: fn() -> &'static str,
}
const _: () = assert!(mem::align_of::<Functions>() > FLAGS);

struct Header {
    functions_and_flags: *const Functions,
}

/// Gives a future's type its functions.
struct TypeOf<F>(std::marker::PhantomData<F>);

impl<F: Future<Output = ()> + 'static> TypeOf<F> {
    const FUNCTIONS: &'static Functions =
        &Functions { poll: poll_at::<F>, drop: drop_at::<F>, name: std::any::type_name::<F> };
}

/// # Safety
/// `future` points to an initialised, pinned `F` that nobody else refers to.
unsafe fn poll_at<F: Future<Output = ()>>(future: *mut u8, context: &mut Context<'_>) -> Poll<()> {
    // SAFETY: by this function's contract it is an `F` that nobody else refers to.
    let future = unsafe { &mut *future.cast::<F>() };
    // SAFETY: a slot never moves, so the future is pinned until `drop_at`.
    let future = unsafe { Pin::new_unchecked(future) };
    future.poll(context)
}

/// # Safety
/// `future` points to an initialised `F` that nobody refers to, and that nobody will use again.
unsafe fn drop_at<F>(future: *mut u8) {
    // SAFETY: by this function's contract.
    unsafe { future.cast::<F>().drop_in_place() }
}

/// The address of a live task's slot. Valid until the task is removed from its slab.
#[derive(Clone, Copy)]
pub(crate) struct TaskPointer(*mut Header);

impl TaskPointer {
    fn header(self) -> Header {
        // SAFETY: a `TaskPointer` is made from a live slot (see `Tasks`), whose header was written when it was filled.
        unsafe { self.0.read() }
    }

    pub(crate) fn has(self, flag: usize) -> bool {
        self.header().functions_and_flags.addr() & flag != 0
    }

    pub(crate) fn set(self, flag: usize) {
        assert!(flag & !FLAGS == 0);
        self.write_tag(self.header().functions_and_flags.map_addr(|address| address | flag));
    }

    pub(crate) fn clear(self, flag: usize) {
        assert!(flag & !FLAGS == 0);
        self.write_tag(self.header().functions_and_flags.map_addr(|address| address & !flag));
    }

    fn write_tag(self, functions_and_flags: *const Functions) {
        // SAFETY: as in `header`; the slot is this core's alone.
        unsafe { self.0.write(Header { functions_and_flags }) }
    }

    fn functions(self) -> &'static Functions {
        let untagged = self.header().functions_and_flags.map_addr(|address| address & !FLAGS);
        // SAFETY: without the flags it is the address of a `Functions` constant, which lives for ever.
        unsafe { &*untagged }
    }

    fn future(self) -> *mut u8 {
        self.0.cast::<u8>().wrapping_add(HEADER_BYTES)
    }

    /// Polls the future once. Panics pass through.
    pub(crate) fn poll(self, context: &mut Context<'_>) -> Poll<()> {
        assert!(self.has(RUNNING));
        // SAFETY: the slot holds the future whose type gave the functions; RUNNING keeps a second poll or a drop away.
        unsafe { (self.functions().poll)(self.future(), context) }
    }

    /// Drops the future; the slot must be removed from the slab next, and nothing else. Panics pass through.
    pub(crate) fn drop_future(self) {
        assert!(self.has(RUNNING));
        // SAFETY: the slot holds the future whose type gave the functions; the caller, who set RUNNING, is not polling.
        unsafe { (self.functions().drop)(self.future()) }
    }

    pub(crate) fn name(self) -> &'static str {
        (self.functions().name)()
    }
}

/// Which task a core is polling, for threads that look on: its type, which lives for ever, and not the task, which does not.
#[derive(Default)]
pub(crate) struct Polled(AtomicPtr<Functions>);

impl Polled {
    pub(crate) fn begin(&self, task: TaskPointer) {
        self.0.store(ptr::from_ref(task.functions()).cast_mut(), Relaxed);
    }

    pub(crate) fn end(&self) {
        self.0.store(ptr::null_mut(), Relaxed);
    }

    /// The name of the task's type, if one is being polled.
    pub(crate) fn name(&self) -> Option<&'static str> {
        let functions = self.0.load(Relaxed);
        // SAFETY: only `begin` stores anything but null, and that is the address of a `Functions` constant, which lives for ever.
        let functions = unsafe { functions.as_ref() }?;
        Some((functions.name)())
    }
}

#[derive(Clone, Copy, FromZeros)]
struct Slot<const WORDS: usize>([u64; WORDS]);

/// One size class, whatever its size.
trait Class {
    fn insert(&mut self) -> Option<(Handle, *mut u8)>;
    fn address(&mut self, index: u32) -> Option<*mut u8>;
    fn handle_at(&self, index: u32) -> Option<Handle>;
    fn remove(&mut self, handle: Handle);
    fn indexes(&self) -> Vec<u32>;
    fn prefetch(&self, index: u32);
    fn is_full(&self) -> bool;
    fn len(&self) -> usize;
    fn trim(&mut self) -> usize;
}

impl<const WORDS: usize> Class for Slab<Slot<WORDS>> {
    fn insert(&mut self) -> Option<(Handle, *mut u8)> {
        let handle = Slab::insert(self, Slot([0; WORDS]))?;
        let address = self.address(handle.index()).expect("the slot was just filled");
        Some((handle, address))
    }

    fn address(&mut self, index: u32) -> Option<*mut u8> {
        self.at_mut(index).map(|slot| (&raw mut slot.0).cast::<u8>())
    }

    fn handle_at(&self, index: u32) -> Option<Handle> {
        Slab::handle_at(self, index)
    }

    fn remove(&mut self, handle: Handle) {
        let removed = Slab::remove(self, handle);
        assert!(removed.is_some(), "a task is removed once");
    }

    fn indexes(&self) -> Vec<u32> {
        self.iter().map(|(handle, _)| handle.index()).collect()
    }

    fn prefetch(&self, index: u32) {
        Slab::prefetch(self, index);
    }

    fn is_full(&self) -> bool {
        Slab::len(self) == self.limit()
    }

    fn len(&self) -> usize {
        Slab::len(self) as usize
    }

    fn trim(&mut self) -> usize {
        Slab::trim(self)
    }
}

fn class_slab(class: usize) -> Box<dyn Class> {
    macro_rules! by_class {
        ($($index:literal => $bytes:literal),*) => {
            match class {
                $($index => {
                    const { assert!(CLASS_BYTES[$index] == $bytes) };
                    Box::new(Slab::<Slot<{ $bytes / 8 }>>::new(TASKS_PER_CLASS_MAX))
                })*
                _ => unreachable!("there are {} classes", CLASS_BYTES.len()),
            }
        };
    }
    by_class!(0 => 16, 1 => 32, 2 => 48, 3 => 64, 4 => 80, 5 => 96, 6 => 128, 7 => 160, 8 => 192, 9 => 256, 10 => 320,
        11 => 384, 12 => 512, 13 => 768, 14 => 1024, 15 => 2048)
}

/// The tasks of one core, by size class. An index names class and slot.
pub(crate) struct Tasks {
    classes: Vec<Box<dyn Class>>,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks { classes: (0..CLASS_BYTES.len()).map(class_slab).collect() }
    }

    /// Puts a future into a slot: its index and generation, or the future back when its class is full.
    pub(crate) fn insert<F: Future<Output = ()> + 'static>(&mut self, future: F) -> Result<(u32, u32), F> {
        let fits = mem::align_of::<F>() <= mem::align_of::<Header>()
            && HEADER_BYTES + mem::size_of::<F>() <= CLASS_BYTES[CLASS_BYTES.len() - 1];
        if fits {
            return self.place(future);
        }
        let class_of_boxes = class_of(HEADER_BYTES + mem::size_of::<Pin<Box<F>>>());
        if self.classes[class_of_boxes].is_full() {
            return Err(future);
        }
        let placed = self.place(Box::pin(future));
        Ok(placed.unwrap_or_else(|_| unreachable!("the class has room: it was asked")))
    }

    fn place<F: Future<Output = ()> + 'static>(&mut self, future: F) -> Result<(u32, u32), F> {
        let class = class_of(HEADER_BYTES + mem::size_of::<F>());
        let Some((handle, slot)) = self.classes[class].insert() else {
            return Err(future);
        };
        let header = slot.cast::<Header>();
        // SAFETY: the slot is ours alone, aligned to 8 and at least as large as header and future together (`class_of`).
        unsafe { header.write(Header { functions_and_flags: TypeOf::<F>::FUNCTIONS }) };
        let place = slot.wrapping_add(HEADER_BYTES).cast::<F>();
        // SAFETY: as above; the header ends where the future begins.
        unsafe { place.write(future) };
        Ok(((class as u32) << CLASS_SHIFT | handle.index(), handle.generation().get()))
    }

    /// The task at an index, if one lives there.
    pub(crate) fn at(&mut self, index: u32) -> Option<TaskPointer> {
        let (class, slot) = split(index);
        let address = self.classes.get_mut(class)?.address(slot)?;
        Some(TaskPointer(address.cast::<Header>()))
    }

    /// The full generation of the task at an index.
    pub(crate) fn generation_at(&self, index: u32) -> Option<u32> {
        let (class, slot) = split(index);
        self.classes.get(class)?.handle_at(slot).map(|handle| handle.generation().get())
    }

    pub(crate) fn prefetch(&self, index: u32) {
        let (class, slot) = split(index);
        if let Some(class) = self.classes.get(class) {
            class.prefetch(slot);
        }
    }

    /// Frees the slot of a task whose future was dropped.
    pub(crate) fn remove(&mut self, index: u32) {
        let (class, slot) = split(index);
        let handle = self.classes[class].handle_at(slot).expect("the task lives until it is removed");
        self.classes[class].remove(handle);
    }

    /// The indexes of all live tasks, for the end of a runtime.
    pub(crate) fn indexes(&self) -> Vec<u32> {
        let of_class = |(class, slab): (usize, &dyn Class)| {
            slab.indexes().into_iter().map(move |slot| (class as u32) << CLASS_SHIFT | slot)
        };
        self.classes.iter().map(|slab| &**slab).enumerate().flat_map(of_class).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.classes.iter().map(|class| class.len()).sum()
    }

    /// Gives memory back after a storm: bytes.
    pub(crate) fn trim(&mut self) -> usize {
        self.classes.iter_mut().map(|class| class.trim()).sum()
    }
}

/// The slot that a future of this size lies in; none: it is boxed.
pub(crate) fn slot_bytes(future_bytes: usize) -> Option<usize> {
    CLASS_BYTES.into_iter().find(|&class| HEADER_BYTES + future_bytes <= class)
}

/// The slot of a boxed future.
pub(crate) fn boxed_slot_bytes() -> usize {
    CLASS_BYTES[class_of(HEADER_BYTES + mem::size_of::<usize>())]
}

fn class_of(bytes: usize) -> usize {
    CLASS_BYTES.iter().position(|&class| bytes <= class).expect("the caller boxed what fits in no class")
}

fn split(index: u32) -> (usize, u32) {
    ((index >> CLASS_SHIFT) as usize, index & ((1 << CLASS_SHIFT) - 1))
}
