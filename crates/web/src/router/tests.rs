use super::*;

fn router() -> Router<u32> {
    let mut router = Router::new();
    for (value, (method, pattern)) in [
        ("GET", "/"),
        ("GET", "/a"),
        ("POST", "/a"),
        ("GET", "/a/"),
        ("GET", "/a/{id}"),
        ("GET", "/a/me"),
        ("DELETE", "/a/{name}"),
        ("GET", "/a/{id}/b/{other}"),
        ("GET", "/files/{*path}"),
        ("GET", "/files/index"),
        ("PUT", "/a/{id}/b"),
    ]
    .into_iter()
    .enumerate()
    {
        router.add(method, pattern, value as u32);
    }
    router
}

fn found(method: &str, path: &str) -> Result<(u32, Vec<String>), Miss> {
    router().find(method, path).map(|(value, parameters)| (*value, parameters.values))
}

fn hit(value: u32, values: &[&str]) -> Result<(u32, Vec<String>), Miss> {
    Ok((value, values.iter().map(|&value| value.to_owned()).collect()))
}

#[test]
fn literals_go_before_parameters_and_those_before_the_rest() {
    assert_eq!(found("GET", "/"), hit(0, &[]));
    assert_eq!(found("GET", "/a"), hit(1, &[]));
    assert_eq!(found("GET", "/a/"), hit(3, &[]));
    assert_eq!(found("GET", "/a/7"), hit(4, &["7"]));
    assert_eq!(found("GET", "/a/me"), hit(5, &[]));
    assert_eq!(found("GET", "/a/me/b/x"), hit(7, &["me", "x"]));
    assert_eq!(found("GET", "/files/"), hit(8, &[""]));
    assert_eq!(found("GET", "/files/x/y"), hit(8, &["x/y"]));
    assert_eq!(found("GET", "/files/index"), hit(9, &[]));
    assert_eq!(found("GET", "/files/index/x"), hit(8, &["index/x"]));
}

#[test]
fn a_method_missing_at_the_better_place_is_looked_for_at_the_next() {
    assert_eq!(found("DELETE", "/a/me"), hit(6, &["me"]));
}

#[test]
fn head_is_served_by_get() {
    assert_eq!(found("HEAD", "/a"), hit(1, &[]));
    assert_eq!(found("HEAD", "/a/1/b"), Err(Miss::Method { allow: "PUT".into() }));
}

#[test]
fn misses_say_whether_path_or_method_is_wrong() {
    assert_eq!(found("GET", "/b"), Err(Miss::NotFound));
    assert_eq!(found("GET", "/a/7/c"), Err(Miss::NotFound));
    assert_eq!(found("GET", "/files"), Err(Miss::NotFound));
    assert_eq!(found("GET", ""), Err(Miss::NotFound));
    assert_eq!(found("GET", "*"), Err(Miss::NotFound));
    assert_eq!(found("PUT", "/a"), Err(Miss::Method { allow: "GET, HEAD, POST".into() }));
    assert_eq!(found("PUT", "/a/me"), Err(Miss::Method { allow: "DELETE, GET, HEAD".into() }));
}

#[test]
fn segments_are_decoded_after_they_are_split() {
    assert_eq!(found("GET", "/%61"), hit(1, &[]));
    assert_eq!(found("GET", "/a/x%2Fy"), hit(4, &["x/y"]));
    assert_eq!(found("GET", "/a/%c3%a4+"), hit(4, &["\u{e4}+"]));
    assert_eq!(found("GET", "/files/a%20b/c"), hit(8, &["a b/c"]));
}

#[test]
fn paths_that_could_leave_their_place_are_refused() {
    for path in ["/files/../x", "/files/%2e%2e/x", "/./a", "/a/%00", "/a/%zz", "/a/%ff", "/files/.."] {
        assert_eq!(found("GET", path), Err(Miss::BadPath), "{path}");
    }
    for path in ["/files/..%2fx", "/files/a%5c..%5cb"] {
        assert_eq!(found("GET", path), Err(Miss::NotFound), "{path}");
    }
}

#[test]
fn parameters_are_found_by_name() {
    let router = router();
    let (_, parameters) = router.find("GET", "/a/1/b/2").unwrap();
    assert_eq!((parameters.value("id"), parameters.value("other")), (Some("1"), Some("2")));
    assert_eq!(parameters.value("name"), None);
}

#[test]
fn malformed_patterns_panic_when_they_are_added() {
    for pattern in ["a", "/{}", "/{*}", "/{*a}/b", "/{a}/{a}", "/x{a}", "/{a"] {
        let added = std::panic::catch_unwind(|| Router::new().add("GET", pattern, ()));
        assert!(added.is_err(), "{pattern}");
    }
    let twice = std::panic::catch_unwind(|| {
        let mut router = Router::new();
        router.add("GET", "/{a}", ());
        router.add("GET", "/{b}", ());
    });
    assert!(twice.is_err());
}
