use super::*;

#[test]
fn a_url_says_whom_to_ask_and_for_what() {
    for (text, host, port, target, authority) in [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("HTTP://Example.COM:80/a?b#c", "example.com", 80, "/a?b", "example.com"),
        ("https://example.com?q", "example.com", 443, "/?q", "example.com"),
        ("https://example.com:8443/", "example.com", 8443, "/", "example.com:8443"),
        ("http://[::1]:81/x", "::1", 81, "/x", "[::1]:81"),
        ("http://127.0.0.1/a b/\u{e4}", "127.0.0.1", 80, "/a%20b/%C3%A4", "127.0.0.1"),
        ("http://h/a/../b/./c/..", "h", 80, "/b/", "h"),
        ("http://h/?u=http://x/../y", "h", 80, "/?u=http://x/../y", "h"),
    ] {
        let url = Url::parse(text).unwrap();
        assert_eq!((url.host(), url.port(), url.target()), (host, port, target), "{text}");
        assert_eq!(url.origin.authority(), authority, "{text}");
        assert_eq!(Url::parse(&url.to_string()), Ok(url.clone()), "{text} is read back");
    }
}

#[test]
fn what_is_no_url_is_refused_with_a_reason() {
    for (text, error) in [
        ("example.com/x", UrlError::Scheme("example.com/x".into())),
        ("ftp://example.com", UrlError::Scheme("ftp://example.com".into())),
        ("http:/x", UrlError::Scheme("http:/x".into())),
        ("http://", UrlError::Host("".into())),
        ("http://b\u{fc}cher.example/", UrlError::Host("b\u{fc}cher.example".into())),
        ("http://[::1", UrlError::Host("[::1".into())),
        ("http://[zz]/", UrlError::Host("[zz]".into())),
        ("http://[::1]x/", UrlError::Host("[::1]x".into())),
        ("http://h:0/", UrlError::Port("0".into())),
        ("http://h:65536/", UrlError::Port("65536".into())),
        ("http://h:+1/", UrlError::Port("+1".into())),
        ("http://h:1:2/", UrlError::Port("1:2".into())),
        ("http://me:secret@h/", UrlError::UserInfo),
        ("http://h/\r\nX: y", UrlError::Control),
    ] {
        assert_eq!(Url::parse(text), Err(error), "{text:?}");
    }
    let long = format!("http://h/{}", "x".repeat(URL_BYTES_MAX));
    assert!(matches!(Url::parse(&long), Err(UrlError::TooLong { .. })));
}

#[test]
fn references_lead_where_rfc_3986_says() {
    let base = Url::parse("http://a/b/c/d;p?q").unwrap();
    for (reference, whole) in [
        ("http://x/y", "http://x/y"),
        ("https://x", "https://x/"),
        ("//g", "http://g/"),
        ("/g", "http://a/g"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y#s", "http://a/b/c/g?y"),
        ("", "http://a/b/c/d;p?q"),
        ("#s", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../../../g", "http://a/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("/a b", "http://a/a%20b"),
    ] {
        assert_eq!(base.join(reference).unwrap().to_string(), whole, "{reference:?}");
    }
    assert_eq!(base.join("mailto:x"), Err(UrlError::Scheme("mailto:x".into())));
}
