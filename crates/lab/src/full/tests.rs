use super::*;

#[test]
fn descriptors_bound_the_kernels_subscribers_and_nobody_elses() {
    let options = Options { connections: Some(10_000_000), ..Options::default() };
    let wire = size(&options, "wire:a");
    assert_eq!((wire.subscribers, wire.stopped_by.starts_with(NOTHING)), (10_000_000, true));
    let epoll = size(&options, "epoll");
    let descriptors = crore_rt::raise_descriptor_limit();
    assert_eq!(epoll.subscribers, 10_000_000.min(descriptors - FULL_REQUESTERS - FULL_DESCRIPTORS_RESERVED));
    assert!(epoll.stopped_by.contains("ulimit -n") || descriptors > 10_000_000, "{epoll:?}");
}

#[test]
fn a_limit_says_what_it_is_and_a_larger_one_nothing() {
    let mut size = Size { subscribers: 10, stopped_by: "nothing".to_owned() };
    size.limit(10, || "memory".to_owned());
    assert_eq!((size.subscribers, &*size.stopped_by), (10, "nothing"));
    size.limit(0, || "memory".to_owned());
    assert_eq!((size.subscribers, &*size.stopped_by), (1, "memory"));
}
