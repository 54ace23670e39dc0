use super::*;

#[test]
fn every_load_is_found_by_its_name_and_others_are_refused_with_all_names() {
    for load in Load::ALL {
        assert_eq!(load.name().parse(), Ok(load));
    }
    let error = "ful".parse::<Load>().unwrap_err();
    assert!(error.contains("\"ful\"") && error.contains("echo, http, idle, connect, cpu, disk, full"), "{error}");
}

#[test]
fn every_database_is_found_by_its_name_and_others_are_refused_with_all_names() {
    for database in Database::ALL {
        assert_eq!(database.name().parse(), Ok(database));
    }
    let error = "mysql".parse::<Database>().unwrap_err();
    assert!(error.contains("\"mysql\"") && error.contains("embedded, postgresql, redis"), "{error}");
}

#[test]
fn what_is_out_of_range_is_refused_with_the_value_and_the_range() {
    let refused = |change: fn(&mut Options)| {
        let mut options = Options::default();
        assert_eq!(options.check(), Ok(()), "the defaults can be had");
        change(&mut options);
        options.check().unwrap_err().to_string()
    };
    for (error, parts) in [
        (refused(|options| options.connections = Some(0)), ["--connections 0", "1 to 1048576"]),
        (refused(|options| options.rate = Some(1 << 40)), ["--rate 1099511627776", "1 to 10000000"]),
        (refused(|options| options.repeat = 0), ["--repeat 0", "1 to 1000"]),
        (refused(|options| options.workers = 5_000), ["--workers 5000", "0 to 1024"]),
        (refused(|options| options.time = Some(Duration::from_millis(7))), ["--time 7ms", "100ms to 3600s"]),
        (refused(|options| options.loads.clear()), ["no load", "--load"]),
    ] {
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn each_load_has_numbers_of_its_own_unless_they_are_given() {
    let options = Options::default();
    let numbers = |load| (options.connections_of(load), options.rate_of(load));
    assert_eq!(numbers(Load::Echo), (100, 1_000));
    assert_eq!(numbers(Load::Idle), (2_000, 1_000));
    assert_eq!(numbers(Load::Connect).0, 5_000);
    assert_eq!(numbers(Load::Disk), (100, 200));
    assert_eq!(numbers(Load::Full), (1_000_000, 50_000));
    assert!(options.time_of(Load::Full) > options.time_of(Load::Echo));
    let given = Options { connections: Some(7), rate: Some(9), workers: 3, ..Options::default() };
    assert_eq!((given.connections_of(Load::Idle), given.rate_of(Load::Cpu), given.workers()), (7, 9, 3));
    assert!(options.workers() > 0);
}
