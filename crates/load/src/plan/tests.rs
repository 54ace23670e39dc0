//! The arithmetic against figures that anybody can check by hand, and against its own limits.

use super::figures::{EPOLL, OWN, SELECT, THREADS, URING};
use super::wire;
use super::*;

const GB: f64 = 1e9;
const GIB: f64 = 1_073_741_824.0;

fn of(connections: u64) -> PlanOptions {
    PlanOptions { connections, ..PlanOptions::default() }
}

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected}");
}

fn stack<'a>(plan: &'a CapacityPlan, stack: &Stack) -> &'a StackPlan {
    plan.stacks.iter().find(|found| found.name == stack.name).unwrap()
}

fn refused(options: &PlanOptions) -> String {
    plan(options).unwrap_err().to_string()
}

#[test]
fn sixteen_kilobytes_a_connection_are_fifteen_gigabytes_for_a_million() {
    let plan = plan(&of(1_000_000)).unwrap();
    let connections = stack(&plan, &THREADS).demand.memory.connections;
    near(connections / GIB, 15.26, 0.005);
    assert!((15.0..16.5).contains(&(connections / GB)));
}

#[test]
fn a_fifth_of_a_million_at_a_kilobyte_a_second_is_a_gigabit_and_six_tenths() {
    let active = "20%".parse().unwrap();
    let options = PlanOptions { active, payload: 1_000, rate: "1/s".parse().unwrap(), ..of(1_000_000) };
    let plan = plan(&options).unwrap();
    assert_eq!(plan.traffic.payload_bits_per_second, 1.6e9);
    assert_eq!(plan.traffic.pushes_per_second, 200_000.0);
    assert!(plan.traffic.to_clients.bits_per_second > 1.6e9, "headers come on top");
    assert!(plan.to_text().contains("1.60 Gbit/s"));
}

#[test]
fn ten_million_share_sixty_four_gigabytes_at_six_point_four_kilobytes_each() {
    let options = of(10_000_000);
    assert_eq!(options.machine.memory as f64 / options.connections as f64, 6_400.0);
    assert!(plan(&options).unwrap().to_text().contains("divided by the connections: 6.40 kB each."));
}

#[test]
fn sixty_bytes_to_ten_million_take_more_than_a_second_at_ten_gigabits() {
    // 60 of message, 2 of WebSocket, 52 of TCP and IP, 38 of Ethernet.
    let out = wire::message(60.0).out;
    assert_eq!((out.frames, out.bytes), (1.0, 152.0));
    near(out.seconds(1e7, 1e10), 1.216, 1e-9);
    let bare = wire::Burst { bytes: out.bytes - 2.0 - 12.0, ..out };
    near(bare.seconds(1e7, 1e10), 1.104, 1e-9);
}

#[test]
fn a_message_takes_as_many_frames_as_segments_and_half_as_many_acknowledgments() {
    let exchange = wire::message(1_446.0 - 2.0);
    assert_eq!((exchange.out.frames, exchange.back.frames), (1.0, 1.0));
    assert_eq!(exchange.out.bytes, 1_538.0, "a full frame with its preamble and gap");
    assert_eq!(exchange.back.bytes, 90.0);
    let exchange = wire::message(10_000.0);
    assert_eq!((exchange.out.frames, exchange.back.frames), (7.0, 4.0));
    assert_eq!(exchange.out.bytes, 10_000.0 + 4.0 + 7.0 * 90.0);
    assert_eq!(wire::message(100_000.0).out.bytes % 90.0, (100_000.0 + 10.0 + 70.0 * 90.0) % 90.0);
}

#[test]
fn a_ping_takes_two_frames_there_and_one_back() {
    let exchange = wire::ping();
    assert_eq!((exchange.out.frames, exchange.out.bytes), (2.0, 94.0 + 90.0));
    assert_eq!((exchange.back.frames, exchange.back.bytes), (1.0, 98.0));
}

#[test]
fn ten_million_fit_the_reference_machine_on_our_own_stack_and_not_with_a_thread_each() {
    let plan = plan(&of(10_000_000)).unwrap();
    let (own, threads) = (stack(&plan, &OWN), stack(&plan, &THREADS));
    assert!(own.fits && own.connections_max >= 10_000_000);
    assert_eq!(own.machines, Some(2), "one, and one spare");
    assert!(!threads.fits && threads.binds == Limit::Memory);
    near(threads.demand.memory.connections / GB, 163.84, 1e-9);
    assert_eq!(own.demand.descriptors, 64);
    assert_eq!(stack(&plan, &EPOLL).demand.descriptors, 10_000_064);
}

#[test]
fn every_model_of_the_kernels_tcp_has_a_row() {
    let plan = plan(&of(1_000)).unwrap();
    let text = plan.to_text();
    for name in crore_rt::DRIVERS.iter().filter(|name| **name != "auto" && !crore_rt::is_device(name)) {
        assert!(plan.stacks.iter().any(|stack| stack.name == *name), "{name} has no row");
        assert_eq!(text.lines().filter(|line| line.split_whitespace().next() == Some(name)).count(), 4, "{name}");
    }
    assert!(text.lines().take_while(|line| *line != "Around it").all(|line| line.len() <= 120), "{text}");
}

#[test]
fn sockets_of_a_ring_take_no_descriptors_and_select_watches_a_thousand() {
    let plan = plan(&of(1_000)).unwrap();
    let (uring, select) = (stack(&plan, &URING), stack(&plan, &SELECT));
    assert_eq!((uring.demand.descriptors, stack(&plan, &EPOLL).demand.descriptors), (64, 1_064));
    assert!(uring.fits && !select.fits);
    assert_eq!((select.connections_max, select.binds), (1_024 - 64, Limit::Watched));
    assert!(plan.to_json().contains(r#"{"of":"watched","needed":1064.0,"usable":1024.0}"#));
}

#[test]
fn a_delivery_that_was_not_measured_by_itself_costs_what_one_of_a_broadcast_does() {
    let time = EPOLL.time.as_ref().unwrap();
    assert_eq!((time.push, time.push_us()), (None, time.broadcast.value));
    let own = OWN.time.as_ref().unwrap();
    assert_eq!(Some(own.push_us()), own.push.map(|figure| figure.value));
}

#[test]
fn a_broadcast_and_a_restart_are_bound_by_the_slower_of_processors_and_link() {
    let wide = plan(&of(10_000_000)).unwrap();
    let own = &stack(&wide, &OWN).demand;
    let worth = 8.0 * 0.8;
    let time = OWN.time.as_ref().unwrap();
    near(own.reconnect.unwrap().cpu_seconds, 10.0 * time.connect.value / worth, 1e-9);
    near(own.broadcast.unwrap().cpu_seconds, 10.0 * time.broadcast.value / worth, 1e-9);
    assert_eq!(own.broadcast.unwrap().bound_by, Limit::LinkOut);
    assert_eq!(own.reconnect.unwrap().bound_by, Limit::Cores);
    let mut narrow = of(10_000_000);
    narrow.machine.link = "100Mbit/s".parse().unwrap();
    let sweep = stack(&plan(&narrow).unwrap(), &OWN).demand.reconnect.unwrap();
    assert_eq!(sweep.bound_by, Limit::LinkOut);
    near(sweep.seconds, 1e7 * (3.0 * 90.0 + 414.0) * 8.0 / 1e8, 1e-6);
}

#[test]
fn a_message_of_several_segments_costs_as_much_as_so_many_messages() {
    let seconds = |payload| {
        let plan = plan(&PlanOptions { payload, ..of(1_000_000) }).unwrap();
        let demand = &stack(&plan, &OWN).demand;
        (demand.broadcast.unwrap().cpu_seconds, demand.cores.unwrap().pushes)
    };
    let ((one, pushes), (seven, more)) = (seconds(512), seconds(10_000));
    near(seven / one, 7.0, 1e-9);
    near(more / pushes, 7.0, 1e-9);
}

#[test]
fn one_core_loses_nothing_to_others() {
    let mut options = of(1_000);
    options.machine.cores = 1;
    let time = OWN.time.as_ref().unwrap();
    let sweep = stack(&plan(&options).unwrap(), &OWN).demand.reconnect.unwrap();
    near(sweep.cpu_seconds, time.connect.value / 1e3, 1e-12);
    options.machine.speed = Percent::new(200);
    let faster = stack(&plan(&options).unwrap(), &OWN).demand.reconnect.unwrap();
    near(faster.cpu_seconds * 2.0, sweep.cpu_seconds, 1e-12);
}

#[test]
fn what_one_machine_holds_is_the_border_of_what_fits() {
    for (payload, rate, cores) in [(512, "1/m", 8), (8_000, "1/s", 8), (64, "10/s", 1), (0, "1/h", 4_096)] {
        let mut options = PlanOptions { payload, rate: rate.parse().unwrap(), ..of(1) };
        options.machine.cores = cores;
        for column in STACKS {
            let most = most(column, &options);
            let fits = |connections| stack(&plan(&PlanOptions { connections, ..options }).unwrap(), column).fits;
            assert!(most > 0 && fits(most) && !fits(most + 1), "{} of {payload} bytes {rate}: {most}", column.name);
        }
    }
}

#[test]
fn the_machines_of_a_cluster_hold_all_when_one_is_away() {
    let plan = plan(&of(100_000_000)).unwrap();
    for stack in &plan.stacks {
        let machines = stack.machines.unwrap();
        let each = stack.connections_max.min(10_000_000);
        assert!((machines - 1) * each >= 100_000_000, "{}", stack.name);
        assert!((machines - 2) * each < 100_000_000, "{}", stack.name);
        assert!(!stack.fits);
    }
    assert_eq!(stack(&plan, &OWN).machines, Some(11), "ten of ten million, and one spare");
    assert_eq!(plan.load_generator, LoadGenerator { own_stack_sources: 2_000, kernel_sources: 8_334 });
}

#[test]
fn a_machine_that_holds_nobody_is_said_to() {
    let mut options = of(1_000);
    options.machine.memory = 1_000_000_000;
    let plan = plan(&options).unwrap();
    assert_eq!((plan.stacks[0].connections_max, plan.stacks[0].machines), (0, None));
    assert_eq!(plan.stacks[0].binds, Limit::Memory);
    assert!(plan.to_text().contains("none suffice"));
}

#[test]
fn the_object_is_one_line_and_its_fields_are_an_interface() {
    let json = plan(&of(10_000_000)).unwrap().to_json();
    assert!(!json.contains('\n'));
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    for field in ["connections", "asked", "traffic", "load_generator", "firewall", "stacks", "figures"] {
        assert!(object.get(field).is_some(), "{field}");
    }
    let own = &object["stacks"][0];
    assert_eq!(own["name"], "own stack");
    for field in ["demand", "uses", "fits", "binds", "connections_max", "machines"] {
        assert!(own.get(field).is_some(), "{field}");
    }
    assert_eq!(own["demand"]["broadcast"]["bound_by"], "link_out");
    let threads = object["stacks"].as_array().unwrap().last().unwrap();
    assert_eq!(threads["name"], "a thread each");
    assert!(threads["demand"]["cores"].is_null(), "not measured is null, not zero");
    assert_eq!(object["asked"]["rate"], "1/m");
}

#[test]
fn every_figure_has_a_source_and_stands_below_the_plan() {
    let plan = plan(&of(10_000_000)).unwrap();
    let text = plan.to_text();
    for figure in figures::all() {
        assert!(figure.value.is_finite() && figure.value > 0.0, "{}", figure.name);
        assert!(
            figure.source.len() > 5 && text.contains(figure.name) && text.contains(figure.source),
            "{}",
            figure.name
        );
    }
    for figure in figures::all().iter().filter(|figure| figure.origin == figures::Origin::Measured) {
        let (command, machine) = figure.source.rsplit_once("; ").expect("a command, then the machine");
        let date = machine.rsplit_once(", ").expect("a machine, then the date").1;
        let is_date = date.len() == 10 && date.bytes().filter(|byte| *byte == b'-').count() == 2;
        assert!(!command.is_empty() && is_date, "{}: {}", figure.name, figure.source);
    }
    assert!(text.lines().all(|line| line == line.trim_end()), "no line ends in blanks");
}

#[test]
fn what_is_out_of_range_is_refused_with_value_and_limit() {
    let machine = Machine::default();
    let with = |machine| PlanOptions { machine, ..of(10) };
    for (options, words) in [
        (of(0), ["--connections 0", "at least 1"]),
        (PlanOptions { per_machine: 0, ..of(10) }, ["--per-machine 0", "at least 1"]),
        (of(20_000_000_000), ["--connections 20G", "at most 10G"]),
        (PlanOptions { payload: 9 << 20, ..of(10) }, ["--payload 9MiB", "at most 8MiB"]),
        (PlanOptions { active: Percent::new(101), ..of(10) }, ["--active 101%", "at most 100%"]),
        (PlanOptions { rate: "2k/s".parse().unwrap(), ..of(10) }, ["--rate 2k/s", "at most 1000/s"]),
        (PlanOptions { ping: Duration::from_millis(1), ..of(10) }, ["--ping 1ms", "at least 1s"]),
        (with(Machine { cores: 0, ..machine }), ["--cores 0", "at least 1"]),
        (with(Machine { memory: 5, ..machine }), ["--memory 5B", "at least"]),
        (with(Machine { link: Bandwidth(1), ..machine }), ["--link 1bit/s", "at least 1Mbit/s"]),
        (with(Machine { headroom: Percent::new(95), ..machine }), ["--headroom 95%", "at most 90%"]),
        (with(Machine { speed: Percent::new(0), ..machine }), ["--core-speed 0%", "at least 1%"]),
    ] {
        let error = refused(&options);
        assert!(words.into_iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn the_ends_of_all_ranges_give_a_plan() {
    let mut options = of(limits::PLAN_CONNECTIONS_MAX);
    (options.payload, options.rate) = (PAYLOAD_BYTES_MAX, "1k/s".parse().unwrap());
    (options.machine.cores, options.machine.link) = (CORES_MAX, LINK_MIN);
    assert!(!plan(&options).unwrap().stacks[0].fits);
    let quiet = PlanOptions { active: Percent::new(0), ping: Duration::ZERO, payload: 0, ..of(1) };
    let quiet = plan(&quiet).unwrap();
    assert_eq!(quiet.traffic.to_clients.bits_per_second, 0.0);
    assert!(quiet.stacks[0].fits && quiet.to_text().contains("no pings"));
}

#[test]
fn percents_rates_and_bandwidths_print_what_they_were_read_from() {
    for text in ["0%", "0.5%", "20%", "100%", "250%"] {
        assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
    }
    for (text, seconds) in [("1/s", 1.0), ("30/m", 0.5), ("1/h", 1.0 / 3_600.0), ("5k/s", 5_000.0)] {
        let rate: Rate = text.parse().unwrap();
        assert_eq!((rate.to_string().as_str(), rate.per_second()), (text, seconds));
    }
    assert_eq!("2.5Gbit/s".parse::<Bandwidth>().unwrap().to_string(), "2500Mbit/s");
    for wrong in ["20", "%", "x%", "1k%", "2000%", "0.00001%", "-1%"] {
        assert!(wrong.parse::<Percent>().unwrap_err().contains(wrong), "{wrong}");
    }
    for wrong in ["1", "1/d", "/s", "0.5/s", "x/s"] {
        assert!(wrong.parse::<Rate>().unwrap_err().contains("1/s, 5/m or 1/h"), "{wrong}");
    }
    for wrong in ["10G", "10Gb/s", "bit/s", "10 Gbit/s"] {
        assert!(wrong.parse::<Bandwidth>().unwrap_err().contains("10Gbit/s"), "{wrong}");
    }
}

#[test]
fn the_page_about_scaling_rests_on_the_same_figures() {
    let page = include_str!("../../../../docs/scaling.md");
    let time = OWN.time.as_ref().unwrap();
    let row = |figure: Figure, unit: &str| format!("| {} {unit} | ", figure.value);
    for cell in [row(OWN.user, "B"), row(time.connect, "µs"), row(time.broadcast, "µs")] {
        assert!(page.contains(&cell), "docs/scaling.md lacks {cell:?}: do its sums again");
    }
    assert!(page.contains(&row(time.ping, "µs")) && page.contains(&row(time.push.unwrap(), "µs")));
    let plan = plan(&of(10_000_000)).unwrap();
    let own = &stack(&plan, &OWN).demand;
    assert!(page.contains(&format!("| **{:.1} GB** | **", own.memory.total / GB)));
    assert!(page.contains(&format!(
        "| {:.1} s, **{:.1} s** |",
        own.broadcast.unwrap().cpu_seconds,
        own.broadcast.unwrap().seconds
    )));
}
