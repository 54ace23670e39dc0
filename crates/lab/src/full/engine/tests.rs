use super::*;

#[test]
fn users_are_found_by_their_whole_name() {
    let users = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:\npostgres:x:104:112:a,b:/var:/bin/sh\nbroken:x\n";
    assert_eq!(numbers_of(users, "postgres"), Some((104, 112)));
    assert_eq!((numbers_of(users, "nobody"), numbers_of(users, "broken")), (None, None));
}

#[test]
fn a_program_is_found_where_it_is_said_to_be_or_where_the_shell_would_look() {
    let folder = std::env::temp_dir().join(format!("crore-lab-engine-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("sh"), "").unwrap();
    assert_eq!(find("sh", std::slice::from_ref(&folder)), Some(folder.join("sh")));
    assert!(find("sh", &[]).is_some_and(|program| program != folder.join("sh")));
    assert_eq!(find("no-such-program-anywhere", std::slice::from_ref(&folder)), None);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_engine_ends_when_it_is_dropped() {
    let log = std::env::temp_dir().join(format!("crore-lab-engine-{}.log", std::process::id()));
    let mut command = tied(Signal::KILL, None, Path::new("/bin/sleep"));
    command.arg("1000");
    let engine = Engine::spawn(command, Signal::TERM, &log).unwrap();
    let tree = engine.tree();
    while tree.usage().threads == 0 {
        thread::yield_now();
    }
    drop(engine);
    assert_eq!(tree.usage().threads, 0);
    fs::remove_file(&log).unwrap();
}
