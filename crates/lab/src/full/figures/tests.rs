use super::*;

fn pass(rate: u64) -> Pass {
    let fast = Latencies { p50: Some(1.0), p99: Some(2.0), p999: Some(3.0) };
    Pass {
        rate,
        requests_per_second: Some(rate as f64),
        plain_ms: fast,
        database_ms: fast,
        disk_ms: fast,
        all_ms: fast,
        cpu_percent: Shares { server: 40.0, client: 30.0, database: None, machine: 75.0 },
        memory_percent: 30.0,
        server_cpu_seconds: 4.0,
        answers: rate,
        errors: 0,
        wrong: 0,
        too_much: None,
    }
}

#[test]
fn a_rate_is_too_much_for_each_of_its_reasons() {
    let judged = |change: fn(&mut Pass)| {
        let mut pass = pass(100);
        change(&mut pass);
        pass.judge();
        pass.too_much
    };
    assert_eq!(judged(|_| {}), None);
    for (judged, part) in [
        (judged(|pass| pass.errors = 3), "3 errors"),
        (judged(|pass| pass.requests_per_second = None), "0 answers/s"),
        (judged(|pass| pass.requests_per_second = Some(94.0)), "94 answers/s"),
        (judged(|pass| pass.cpu_percent.server = 61.0), "61 % of all processors"),
        (judged(|pass| pass.cpu_percent.database = Some(25.0)), "65 % of all processors"),
        (judged(|pass| pass.memory_percent = 81.0), "81 % of memory"),
        (judged(|pass| pass.disk_ms.p99 = Some(1_500.0)), "1,500 ms"),
    ] {
        assert!(judged.as_ref().unwrap().contains(part), "{judged:?}");
    }
}

#[test]
fn the_highest_rate_that_was_borne_stands_for_the_row() {
    let mut full =
        Full { subscribers: 1_000_000, passes: vec![pass(50_000), pass(25_000), pass(37_500)], ..Full::default() };
    full.passes[0].errors = 1;
    full.passes[0].judge();
    full.conclude();
    assert_eq!((full.highest_rate, full.chosen().unwrap().rate, full.meets_target), (Some(37_500), 37_500, false));
    assert_eq!(full.errors(), 0, "what was only late at a rate that is too much is no error");
    full.passes[0].wrong = 1;
    assert_eq!(full.errors(), 1);
    full.passes[0] = pass(50_000);
    full.conclude();
    assert!(full.meets_target);
    full.lost = 1;
    full.conclude();
    assert!(!full.meets_target);
    full.passes.iter_mut().for_each(|pass| pass.too_much = Some("slow".to_owned()));
    full.conclude();
    assert_eq!((full.highest_rate, full.chosen().unwrap().rate), (None, 37_500));
    assert!(full.passes[0].sentence().contains("too much: slow"));
}
