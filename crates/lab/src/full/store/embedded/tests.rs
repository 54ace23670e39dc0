use std::sync::Arc;

use crore_rt::spawn;

use super::*;

#[test]
fn every_answer_is_one_higher_and_all_are_there_when_it_is_opened_again() {
    let file = std::env::temp_dir().join(format!("crore-lab-store-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let store = Arc::new(Embedded::open(&file).unwrap());
    assert!(Embedded::open(&file).is_err(), "a file has one owner");
    let runtime = crore_rt::Runtime::builder().workers(1).pin(false).build().unwrap();
    runtime.block_on(async move {
        let ask = |row| {
            let store = Arc::clone(&store);
            spawn(async move { store.count(row).await })
        };
        let (same, other): (Vec<_>, Vec<_>) = ((0..50).map(|_| ask(7)).collect(), (0..50).map(|_| ask(8)).collect());
        for answers in [same, other] {
            let mut counts = Vec::new();
            for answer in answers {
                counts.push(answer.await.unwrap().unwrap());
            }
            counts.sort_unstable();
            assert_eq!(counts, (1..=50).collect::<Vec<_>>(), "nobody's change is lost");
        }
    });
    let database = Database::open(&file).unwrap();
    assert_eq!([7, 8, 9].map(|row| read(&database, row)), [50, 50, 0]);
    std::fs::remove_file(&file).unwrap();
}
