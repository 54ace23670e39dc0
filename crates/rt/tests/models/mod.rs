//! The drivers that the kernel's sockets are tested over, in the one list of them, and how a case becomes a test of each.

use crore_rt::{Builder, Runtime};

/// Makes each case, a function that takes a driver's name, a test over each driver, named `DRIVER::CASE`. `@call function` calls a
/// function with each name instead.
macro_rules! over_every_driver {
    (@list $($then:tt)*) => {
        over_every_driver! {
            $($then)*
            select "select"
            poll "poll"
            epoll_lt "epoll-lt"
            epoll "epoll"
            uring "uring"
            portable "portable"
        }
    };
    (@tests $cases:tt $($module:ident $driver:literal)*) => {
        $( over_every_driver! { @module $module $driver $cases } )*
    };
    (@module $module:ident $driver:literal { $($case:ident)* }) => {
        mod $module {
            $(
                #[test]
                fn $case() {
                    super::$case($driver);
                }
            )*
        }
    };
    (@calls $function:ident $($module:ident $driver:literal)*) => {
        $( $function($driver); )*
    };
    (@call $function:ident) => {
        over_every_driver! { @list @calls $function }
    };
    ($($case:ident)*) => {
        over_every_driver! { @list @tests { $($case)* } }
    };
}

/// A small runtime over a driver.
pub(crate) fn builder(driver: &str, workers: usize) -> Builder {
    Runtime::builder().workers(workers).pin(false).driver(driver)
}
