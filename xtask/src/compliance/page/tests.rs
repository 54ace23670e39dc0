//! The page, from a few rows.

use std::collections::{BTreeMap, BTreeSet};

use super::render;
use crate::compliance::scan::{Evidence, Place, Target, Test};
use crate::compliance::{ledger, requirements};

#[test]
fn every_row_has_a_line_and_every_rfc_its_counts() {
    let text = "[[requirement]]\nid = \"MUST-5\"\nsection = \"3.1\"\nrule = \"A | b.\"\n\
        [[requirement]]\nid = \"RFC7323-PAWS\"\nsection = \"5\"\nrule = \"C.\"\ndeclined = \"no\"\n\
        [[requirement]]\nid = \"RFC7323-RECENT\"\nsection = \"4\"\nrule = \"D.\"\n";
    let all = requirements::parse(text).unwrap();
    let place = |file: &str, item: Option<&str>| Place { file: file.to_owned(), item: item.map(str::to_owned) };
    let code = [
        place("crates/tcp/src/a.rs", Some("A::b")),
        place("crates/tcp/src/a.rs", Some("c")),
        place("crates/wire/src/d.rs", None),
    ];
    let test = Test { krate: "tcp".to_owned(), target: Target::Library, path: "a::tests::it_holds".to_owned() };
    let evidence = Evidence {
        code: BTreeMap::from([("MUST-5".to_owned(), BTreeSet::from(code))]),
        tests: BTreeMap::from([("MUST-5".to_owned(), BTreeSet::from([test]))]),
        ..Evidence::default()
    };
    let page = render(&ledger::rows(&all, &evidence, &[]));
    for line in [
        "| RFC 9293 | 1 | 0 | 0 | 0 | 0 |",
        "| RFC 7323 | 0 | 0 | 1 | 1 | 0 |",
        "| **all 3** | 1 | 0 | 1 | 1 | 0 |",
        "| MUST-5 | 3.1 | A \\| b. | `tcp/a.rs` `A::b` `c`<br>`wire/d.rs` | `tcp::a::it_holds` | held |",
        "| PAWS | 5 | C. |  |  | declined: no |",
        "| RECENT | 4 | D. |  |  | **missing**: neither code nor test names it |",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}
