//! Commands as clients write them, and what is written to clients.

use super::command::CommandError;
use super::*;

#[test]
fn the_first_request_in_the_protocols_order_wins_and_unknown_fields_do_not_matter() {
    let line = r#"{"id":3,"publish":{"channel":"a","data":1},"subscribe":{"channel":"b","x":[{}]},"new":{}}"#;
    assert!(matches!(parse(line), Ok(Command::Subscribe(3, subscribe)) if subscribe.channel == "b"));
}

#[test]
fn a_line_is_a_pong_a_command_or_an_error() {
    assert!(matches!(parse("{}"), Ok(Command::Pong)));
    assert!(matches!(parse(r#"{"id":1,"connect":{}}"#), Ok(Command::Connect(1, _))));
    assert!(matches!(parse(r#"{"send":{"data":1}}"#), Ok(Command::Send)));
    assert!(matches!(parse(r#"{"id":2,"rpc":{"method":"m"}}"#), Ok(Command::NotAvailable(2))));
    assert!(matches!(parse(r#"{"id":2,"subscribe":null,"history":{"channel":"c"}}"#), Ok(Command::History(2, _))));
    for malformed in [r#"{"id":1}"#, r#"{"id":1,"ping":{}}"#, r#"{"subscribe":{"channel":"c"}}"#, r#"{"ping":{}}"#] {
        assert_eq!(parse(malformed).err(), Some(CommandError::Malformed), "{malformed}");
    }
    let deep = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
    for garbage in ["", "[]", "nope", r#"{"id":-1}"#, r#"{"id":1,"subscribe":7}"#, deep.as_str()] {
        assert_eq!(parse(garbage).err(), Some(CommandError::NotJson));
    }
}

#[test]
fn data_of_any_depth_passes_through_untouched() {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let line = format!(r#"{{"id":1,"publish":{{"channel":"c","data":{deep}}}}}"#);
    match parse(&line) {
        Ok(Command::Publish(1, publish)) => assert_eq!(publish.data.expect("it is there").get(), deep),
        Err(error) => assert_eq!(error, CommandError::NotJson, "refused in order is as good"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn depth_counts_brackets_outside_of_text() {
    for (json, expected) in
        [("1", 0), ("[]", 1), (r#"{"a":[1,{"b":"[[[\"[[["}]}"#, 3), (r#""[[[\\""#, 0), ("[[],[[]]]", 3)]
    {
        assert_eq!(depth(json.as_bytes()), expected, "{json}");
    }
}

#[test]
fn line_ends_between_tokens_become_spaces() {
    assert_eq!(one_line("{\n \"a\":\r\n\"b\\n\"}"), b"{  \"a\":  \"b\\n\"}");
}
