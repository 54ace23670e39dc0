//! The Rust half of `shim.c`: DPDK behind safe functions. This is the one file of DPDK with `unsafe`.
//!
//! Not here: which device, how many queues, what becomes of a frame. Ports and queues are set up as they are told.
//!
//! Invariants: a port of DPDK is one [`Port`] at most; a [`Queue`] is at one core, and the only one with its number; mbufs are in a
//! device or on the stack of a call here, so nobody else sees their bytes.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crore_wire::ethernet::Mac;

use super::DpdkDrops;
use crate::limits::{DPDK_BURST_FRAMES, DPDK_CACHE_MBUFS, DPDK_POOL_MBUFS, DPDK_RING_FRAMES};

/// What DPDK gives back instead of success: `errno`, as a positive number.
pub(super) type Code = c_int;

/// A `struct rte_mbuf`.
enum Mbuf {}
/// A `struct rte_mempool`.
enum Mempool {}

/// `struct crore_dpdk_traits`: what a device is, before it is set up.
#[repr(C)]
#[derive(Clone, Default)]
pub(super) struct Traits {
    pub(super) queues_max: u16,
    /// Bytes of the largest IP packet.
    pub(super) mtu: u16,
    /// Not zero: it spreads flows over queues by a hash, whose key we choose.
    pub(super) spreads: u8,
    mac: [u8; 6],
}

impl Traits {
    pub(super) fn mac(&self) -> Mac {
        Mac(self.mac)
    }
}

/// `struct crore_dpdk_piece`: the bytes of a frame in an mbuf.
#[repr(C)]
#[derive(Clone, Copy)]
struct Piece {
    bytes: *mut u8,
    length: usize,
}

const NO_PIECE: Piece = Piece { bytes: NonNull::dangling().as_ptr(), length: 0 };

/// Hears a line of the log; DPDK is its caller, so it must not panic.
pub(super) type Listener = fn(is_error: bool, line: &str);

/// Who hears the log.
static LISTENER: OnceLock<Listener> = OnceLock::new();

extern "C" fn hear(is_error: c_int, text: *const c_char, length: usize) {
    // SAFETY: `shim.c` lends that many bytes for as long as the call takes.
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    if let Some(listener) = LISTENER.get() {
        String::from_utf8_lossy(text).lines().for_each(|line| listener(is_error != 0, line.trim()));
    }
}

// SAFETY: these are as `shim.c` and DPDK's headers declare them.
unsafe extern "C" {
    fn crore_dpdk_log_to(hear: extern "C" fn(c_int, *const c_char, usize)) -> c_int;
    fn crore_dpdk_start(count: c_int, arguments: *const *const c_char) -> c_int;
    fn crore_dpdk_attach(device: *const c_char, name: *const c_char, port: *mut u16) -> c_int;
    fn crore_dpdk_traits_of(port: u16, traits: *mut Traits) -> c_int;
    fn crore_dpdk_configure(port: u16, queues: u16, spread: c_int, receive: *mut u16, transmit: *mut u16) -> c_int;
    fn crore_dpdk_pool(name: *const c_char, mbufs: c_uint, cache: c_uint, port: u16) -> *mut Mempool;
    fn crore_dpdk_queue(port: u16, queue: u16, receive: u16, transmit: u16, pool: *mut Mempool) -> c_int;
    fn crore_dpdk_run(port: u16, promiscuous: c_int) -> c_int;
    fn crore_dpdk_detach(port: u16);
    fn crore_dpdk_is_up(port: u16) -> c_int;
    fn crore_dpdk_drops_of(port: u16, drops: *mut DpdkDrops);
    fn crore_dpdk_receive(port: u16, queue: u16, burst: *mut *mut Mbuf, pieces: *mut Piece, most: u16) -> u16;
    fn crore_dpdk_reserve(pool: *mut Mempool, burst: *mut *mut Mbuf, pieces: *mut Piece, count: u16) -> c_int;
    fn crore_dpdk_transmit(port: u16, queue: u16, burst: *mut *mut Mbuf, count: u16) -> u16;
    fn rte_pktmbuf_free_bulk(burst: *mut *mut Mbuf, count: c_uint);
    fn rte_mempool_free(pool: *mut Mempool);
    fn rte_thread_register() -> c_int;
    fn rte_thread_unregister();
}

fn checked(code: c_int) -> Result<(), Code> {
    if code < 0 { Err(-code) } else { Ok(()) }
}

/// Lets `listener` hear all that DPDK says, line by line, from any thread.
pub(super) fn log_to(listener: Listener) -> Result<(), Code> {
    LISTENER.get_or_init(|| listener);
    // SAFETY: a function lives for ever.
    checked(unsafe { crore_dpdk_log_to(hear) })
}

/// Starts EAL, which pins the calling thread and keeps the arguments for ever. Once in a process.
pub(super) fn start(arguments: Vec<CString>) -> Result<(), Code> {
    let arguments: Vec<*const c_char> = arguments.into_iter().map(|text| text.into_raw().cast_const()).collect();
    let count = arguments.len() as c_int;
    // It may exchange places in the array, and remember it.
    let arguments = arguments.leak();
    // SAFETY: there are `count` strings, and they are never freed.
    checked(unsafe { crore_dpdk_start(count, arguments.as_ptr()) })
}

/// The calling thread, known to DPDK until it ends: pools keep mbufs at hand for it.
struct Registration(());

thread_local! {
    /// There are 127 places in a process; a thread without one shares every mbuf by an atomic.
    static REGISTRATION: Option<Registration> = {
        // SAFETY: it changes the calling thread's own data, for the first time.
        checked(unsafe { rte_thread_register() }).ok().map(|()| Registration(()))
    };
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: this is in a `thread_local`, so the thread is the one that was registered.
        unsafe { rte_thread_unregister() }
    }
}

/// The numbers of all ports of this process. Nobody attaches or detaches one meanwhile.
static PORTS: Mutex<Vec<u16>> = Mutex::new(Vec::new());

/// A device that is attached, and nobody else's.
pub(super) struct Port {
    number: u16,
    pools: Vec<NonNull<Mempool>>,
    /// DPDK wants one caller at a time where it is not about a queue.
    control: Mutex<()>,
}

// SAFETY: pools may be used from every thread, and are freed with the port; `control` sees to the rest.
unsafe impl Send for Port {}
// SAFETY: as above.
unsafe impl Sync for Port {}

impl Port {
    /// The device called `name`, made and attached from its device string if it is not there. `EBUSY`: it is a port already.
    pub(super) fn attach(device: &CStr, name: &CStr) -> Result<Port, Code> {
        let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = 0;
        // SAFETY: strings that end with a zero, and a place for a number.
        checked(unsafe { crore_dpdk_attach(device.as_ptr(), name.as_ptr(), &mut number) })?;
        if ports.contains(&number) {
            return Err(libc::EBUSY);
        }
        ports.push(number);
        Ok(Port { number, pools: Vec::new(), control: Mutex::new(()) })
    }

    pub(super) fn traits(&self) -> Result<Traits, Code> {
        let mut traits = Traits::default();
        // SAFETY: a place for what is asked for.
        checked(unsafe { crore_dpdk_traits_of(self.number, &mut traits) })?;
        Ok(traits)
    }

    /// Gives the device that many queues, each with a pool, and starts it: what failed, if something does.
    pub(super) fn begin(
        mut self,
        queues: u16,
        spread: bool,
        promiscuous: bool,
    ) -> Result<Vec<Queue>, (&'static str, Code)> {
        let (mut receive, mut transmit) = (DPDK_RING_FRAMES, DPDK_RING_FRAMES);
        // SAFETY: the port is attached and does not run; places for two numbers.
        checked(unsafe { crore_dpdk_configure(self.number, queues, spread.into(), &mut receive, &mut transmit) })
            .map_err(|code| ("configure it", code))?;
        for queue in 0..queues {
            let name = CString::new(format!("crore-{}-{queue}", self.number)).expect("there is no zero in it");
            // SAFETY: the name is copied.
            let pool = unsafe { crore_dpdk_pool(name.as_ptr(), DPDK_POOL_MBUFS, DPDK_CACHE_MBUFS, self.number) };
            let pool = NonNull::new(pool).ok_or(("take memory for frames", libc::ENOMEM))?;
            self.pools.push(pool);
            // SAFETY: the port is configured for that many queues, and the pool lives as long as the port.
            checked(unsafe { crore_dpdk_queue(self.number, queue, receive, transmit, pool.as_ptr()) })
                .map_err(|code| ("set up a queue", code))?;
        }
        // SAFETY: every queue is set up.
        checked(unsafe { crore_dpdk_run(self.number, promiscuous.into()) }).map_err(|code| ("start it", code))?;
        let port = Arc::new(self);
        let queue = |(number, pool): (usize, &NonNull<Mempool>)| Queue {
            port: Arc::clone(&port),
            number: number as u16,
            pool: *pool,
        };
        Ok(port.pools.iter().enumerate().map(queue).collect())
    }

    /// Whether the device has a link. A device may ask its driver, so this is for when something is wrong.
    pub(super) fn is_up(&self) -> bool {
        let _alone = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the port is attached.
        unsafe { crore_dpdk_is_up(self.number) != 0 }
    }

    /// What the device has dropped since it was started.
    pub(super) fn drops(&self) -> DpdkDrops {
        let _alone = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let mut drops = DpdkDrops::default();
        // SAFETY: the port is attached; a place for what is asked for.
        unsafe { crore_dpdk_drops_of(self.number, &mut drops) };
        drops
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: queues hold the port, so nobody uses it any more.
        unsafe { crore_dpdk_detach(self.number) };
        ports.retain(|number| *number != self.number);
        for pool in &self.pools {
            // SAFETY: the device that had mbufs of it is gone, and no call is under way.
            unsafe { rte_mempool_free(pool.as_ptr()) };
        }
    }
}

/// One queue of a device, both ways.
pub(super) struct Queue {
    port: Arc<Port>,
    number: u16,
    pool: NonNull<Mempool>,
}

// SAFETY: a queue may be used from any thread, by one at a time, which `&mut` sees to.
unsafe impl Send for Queue {}

impl Queue {
    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    /// Shows `take` the bytes of each frame that has come, in order, at most `most` and at most a burst of them, and returns how
    /// many. A frame of no bytes lay in several pieces.
    pub(super) fn receive(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> usize {
        REGISTRATION.with(|_| {});
        let most = most.min(DPDK_BURST_FRAMES);
        let mut burst = [std::ptr::null_mut(); DPDK_BURST_FRAMES];
        let mut pieces = [NO_PIECE; DPDK_BURST_FRAMES];
        // SAFETY: both have room for `most`, and the queue runs.
        let came = usize::from(unsafe {
            crore_dpdk_receive(self.port.number, self.number, burst.as_mut_ptr(), pieces.as_mut_ptr(), most as u16)
        });
        assert!(came <= most, "a device gives no more than is asked for");
        for piece in &pieces[..came] {
            // SAFETY: the mbuf is ours until it is freed below.
            take(unsafe { std::slice::from_raw_parts(piece.bytes, piece.length) });
        }
        // SAFETY: they came just now, and nobody looks at them any more.
        unsafe { rte_pktmbuf_free_bulk(burst.as_mut_ptr(), came as c_uint) };
        came
    }

    /// Lets `fill` write frames of these lengths, by their place in the line, and returns how many the device has taken, from
    /// the front. At most a burst.
    pub(super) fn transmit(&mut self, lengths: &[usize], mut fill: impl FnMut(usize, &mut [u8])) -> usize {
        assert!(lengths.len() <= DPDK_BURST_FRAMES, "{} frames are more than a burst", lengths.len());
        let count = lengths.len() as u16;
        let mut burst = [std::ptr::null_mut(); DPDK_BURST_FRAMES];
        let mut pieces = [NO_PIECE; DPDK_BURST_FRAMES];
        pieces.iter_mut().zip(lengths).for_each(|(piece, length)| piece.length = *length);
        // SAFETY: both have room for `count`; the pool lives.
        let reserved =
            unsafe { crore_dpdk_reserve(self.pool.as_ptr(), burst.as_mut_ptr(), pieces.as_mut_ptr(), count) };
        if reserved < 0 {
            return 0;
        }
        for (place, piece) in pieces[..lengths.len()].iter().enumerate() {
            assert!(!piece.bytes.is_null(), "{} bytes do not fit an mbuf", piece.length);
            // SAFETY: the mbuf is ours, has that many bytes from there, and any bytes are a `u8`.
            fill(place, unsafe { std::slice::from_raw_parts_mut(piece.bytes, piece.length) });
        }
        // SAFETY: they were reserved just now, and are written.
        usize::from(unsafe { crore_dpdk_transmit(self.port.number, self.number, burst.as_mut_ptr(), count) })
    }
}
