use super::{line::SLOW, pressure::COUNTS, *};
use entities::{Audience, Scope};
use futures::{FutureExt, future::BoxFuture};

const LONG: Duration = Duration::from_secs(3600);

fn made(bounds: Bounds) -> Gate {
    Gate::new(bounds, Turns::default())
}
fn gate(places: usize, one: usize) -> Gate {
    made(Bounds { places, alone: (one, 1), among: (one, 1), unknown: one, slow: 9, rests: false, wait: LONG, patience: LONG })
}
type Entering<'a> = BoxFuture<'a, Result<Place, Overloaded>>;
/// Somebody who has asked; the future is pending where there is no place yet.
fn enter<'a>(gate: &'a Gate, who: &str) -> Entering<'a> {
    let scope = Scope::new(Audience::Agent, who, chrono::DateTime::UNIX_EPOCH);
    let mut entering = async move { gate.enter(&scope, Address::default()).await }.boxed();
    match (&mut entering).now_or_never() {
        Some(done) => futures::future::ready(done).boxed(),
        None => entering,
    }
}
fn place(entering: &mut Entering<'_>) -> Option<Place> {
    entering.now_or_never().map(|entered| entered.expect("a place"))
}

#[tokio::test]
async fn places_go_round_among_callers_and_not_among_their_requests() {
    let gate = gate(1, 1);
    let mut held = place(&mut enter(&gate, "ada"));
    let mut waiting: Vec<_> = ["ada", "ada", "ada", "bob", "cy"].map(|who| (who, enter(&gate, who))).into();
    assert_eq!(gate.standing(), (1, 5));
    let mut order = vec![];
    while !waiting.is_empty() {
        drop(held.take());
        let (next, got) = waiting.iter_mut().enumerate().find_map(|(i, w)| Some((i, place(&mut w.1)?))).expect("somebody has the place");
        held = Some(got);
        order.push(waiting.remove(next).0);
    }
    assert_eq!(order, ["ada", "bob", "cy", "ada", "ada"]);
    drop(held);
    assert_eq!(gate.standing(), (0, 0));
}
#[tokio::test]
async fn one_caller_never_has_all_places() {
    let gate = gate(4, 3);
    let mut ada: Vec<_> = (0..9).map(|_| enter(&gate, "ada")).collect();
    let mut held: Vec<_> = ada.iter_mut().filter_map(place).collect();
    assert_eq!((held.len(), gate.standing()), (3, (3, 6)));
    let bob = place(&mut enter(&gate, "bob")).expect("there is one for others");
    let mut full = enter(&gate, "bob");
    assert!(place(&mut full).is_none());
    drop(held.pop());
    assert!(place(&mut full).is_none(), "it was the turn of who asked before");
    drop(bob);
    assert!(place(&mut full).is_some());
}
#[tokio::test]
async fn who_is_slow_has_few_places() {
    let gate = gate(4, 3);
    let first = place(&mut enter(&gate, "eve"));
    tokio::time::sleep(SLOW * SMOOTH * 2).await;
    drop(first);
    let mut eve: Vec<_> = (0..3).map(|_| enter(&gate, "eve")).collect();
    assert_eq!(eve.iter_mut().filter_map(place).collect::<Vec<_>>().len(), 1);
}
#[tokio::test]
async fn all_who_are_slow_leave_a_connection_to_the_others() {
    let gate = made(Bounds { places: 4, alone: (3, 1), among: (2, 1), unknown: 3, slow: 1, rests: false, wait: LONG, patience: LONG });
    for who in ["eve", "mal"] {
        let slow = place(&mut enter(&gate, who));
        sleep(SLOW * SMOOTH * 2).await;
        drop(slow);
    }
    let eve = place(&mut enter(&gate, "eve"));
    let mut mal = enter(&gate, "mal");
    assert!(eve.is_some() && place(&mut mal).is_none());
    assert!(place(&mut enter(&gate, "ada")).is_some(), "what is quick does not wait for what is slow");
    drop(eve);
    let got = place(&mut mal);
    assert!(got.is_some() && gate.0.state().slow == 1);
    let left = enter(&gate, "eve");
    drop(got);
    drop(left);
    assert_eq!((gate.standing(), gate.0.state().slow), ((0, 0), 0), "also where a place was given and never taken");
}
#[test]
fn who_held_more_than_its_share_has_few_places_beside_those_who_did_not() {
    const OPERATION: Duration = Duration::from_millis(2);
    let bounds = Bounds { places: 8, alone: (6, 2), among: (4, 1), unknown: 3, slow: 9, rests: false, wait: LONG, patience: LONG };
    let (mut state, mut now, turns) = (State::default(), Instant::now(), Turns::default());
    state.pressure = Pressure::new(turns.clone());
    // for a while each of them holds so many tenths of a place
    let mut work = |state: &mut State, all: &[(&str, u128)]| {
        for n in 0..(3 * MEMORY).as_millis() / OPERATION.as_millis() {
            now += OPERATION;
            for (who, tenths) in all {
                let payer = state.arrived(Payer::Subject((*who).into()), bounds, now);
                for _ in n * tenths / 10..(n + 1) * tenths / 10 {
                    state.taken += 1;
                    state.lines.get_mut(&payer).expect("a line").held += 1;
                    let held = Held { payer: payer.clone(), since: now - OPERATION, slow: false };
                    state.gave_back(&held);
                    state.learn(&held, bounds, now);
                }
            }
        }
        let most = |who: &str| {
            let payer = state.lines.get_key_value(&Payer::Subject(who.into())).expect("a line").0;
            let (line, beside) = (&state.lines[payer], state.beside(payer, now));
            (0..8).take_while(|held| Line { held: *held, waiting: VecDeque::new(), ..*line }.may_take(bounds, beside, 0)).count()
        };
        all.iter().map(|(who, _)| most(who)).collect::<Vec<_>>()
    };
    assert_eq!(work(&mut state, &[("eve", 60)]), [6], "alone she disturbs nobody");
    assert_eq!(turns.get(), Turns::USUAL);
    assert_eq!(work(&mut state, &[("eve", 40), ("ada", 1)]), [1, 4]);
    assert_eq!(turns.get(), Turns::OFTEN, "statements let the others go first");
    assert_eq!(work(&mut state, &[("eve", 10), ("ada", 1)]), [1, 4], "it is because she has one place that she holds no more");
    assert_eq!(work(&mut state, &[("eve", 1), ("ada", 1)]), [4, 4]);
    assert_eq!(work(&mut state, &[("bob", 10), ("ada", 1)]), [4, 4], "one that waits for each answer is not greedy");
    assert_eq!(work(&mut state, &[("eve", 30), ("ada", 30)]), [4, 4], "where all are greedy they are equals");
    assert_eq!(turns.get(), Turns::USUAL);
    let mut line = Line::new(now);
    (1..=20).for_each(|n| line.uses(3 * MEMORY, now + n * 3 * MEMORY));
    assert!(!line.judged(bounds, now + 60 * MEMORY), "one place is one place, however long its operations take");
}
#[tokio::test]
async fn on_one_core_a_greedy_caller_keeps_its_place_for_twice_the_time() {
    const WORK: Duration = Duration::from_millis(200);
    let gate = made(Bounds { places: 4, alone: (3, 1), among: (3, 1), unknown: 3, slow: 9, rests: true, wait: LONG, patience: LONG });
    let came = Instant::now();
    let held = place(&mut enter(&gate, "eve"));
    gate.0.state().lines.get_mut(&Payer::Subject("eve".into())).expect("a line").used = 10.0;
    sleep(WORK).await;
    assert!(place(&mut enter(&gate, "eve")).is_some(), "alone she disturbs nobody");
    drop(place(&mut enter(&gate, "bob")));
    drop(held);
    let mut next = enter(&gate, "eve");
    assert!(place(&mut next).is_none());
    assert!(place(&mut enter(&gate, "bob")).is_some(), "others need not wait for that");
    assert!(timeout(LONG, next).await.is_ok_and(|entered| entered.is_ok()));
    assert!(came.elapsed() >= 2 * WORK, "{:?}", came.elapsed());
}
#[tokio::test]
async fn who_leaves_gives_up_its_turn_and_its_place() {
    let gate = gate(1, 1);
    let held = place(&mut enter(&gate, "ada"));
    let (gone, mut stays) = (enter(&gate, "bob"), enter(&gate, "cy"));
    drop(gone);
    drop(held);
    let got = place(&mut stays);
    assert!(got.is_some());
    // one to whom the place was given and who never took it
    let given = enter(&gate, "dan");
    drop(got);
    drop(given);
    assert!(place(&mut enter(&gate, "eve")).is_some());
    assert_eq!(gate.standing(), (0, 0));
}
#[tokio::test]
async fn nobody_new_is_let_in_where_many_stand_for_long() {
    let short = Duration::from_millis(1);
    let bounds = Bounds { places: 2, alone: (1, 1), among: (1, 1), unknown: 1, slow: 9, rests: false, wait: short, patience: LONG };
    let turns = Turns::default();
    let gate = Gate::new(bounds, turns.clone());
    let _held = place(&mut enter(&gate, "ada"));
    let _waiting: Vec<_> = (0..MOST_IN_LINE).map(|_| enter(&gate, "ada")).collect();
    sleep(short * 5).await;
    assert_eq!(turns.get(), Turns::USUAL);
    let refused = enter(&gate, "ada");
    assert_eq!(turns.get(), Turns::OFTEN, "statements let others go first");
    let got = enter(&gate, "bob").await;
    assert!(got.is_ok(), "it is nobody's fault but theirs");
    let again = enter(&gate, "ada");
    assert_eq!(turns.get(), Turns::SELDOM, "where all places are taken, others wait anyhow");
    assert!(matches!(refused.await, Err(Overloaded)) && matches!(again.await, Err(Overloaded)));
    drop(got);
    sleep(COUNTS * 2).await;
    assert!(enter(&gate, "bob").await.is_ok());
    assert_eq!(turns.get(), Turns::USUAL, "for a while");
}
#[tokio::test]
async fn a_crowd_of_one_caller_shuts_nobody_out_while_a_place_is_free() {
    let gate = made(Bounds { places: 2, alone: (1, 1), among: (1, 1), unknown: 1, slow: 9, rests: false, wait: LONG, patience: LONG });
    let _held = place(&mut enter(&gate, "ada"));
    let mut waiting: Vec<_> = (0..2 * MOST_IN_LINE).map(|_| enter(&gate, "ada")).collect();
    waiting.iter_mut().for_each(|one| _ = place(one));
    let turned_away = || gate.turns_away(&HeaderMap::new(), Address::default());
    assert!(!turned_away());
    let other = place(&mut enter(&gate, "bob"));
    assert!(other.is_some() && turned_away());
}
#[test]
fn bounds_fit_the_machine() {
    let bounds = |places, readers, cores| Bounds::new(places, LONG, LONG, readers, cores);
    let Bounds { places, alone, among, unknown, slow, rests, .. } = bounds(0, 2, 1);
    assert_eq!((places, alone, among, unknown, slow, rests), (4, (3, 1), (2, 1), 1, 1, true));
    let Bounds { places, alone, among, unknown, slow, rests, .. } = bounds(0, 4, 2);
    assert_eq!((places, alone, among, unknown, slow, rests), (8, (6, 2), (4, 1), 3, 3, false));
    let Bounds { places, alone, among, unknown, .. } = bounds(0, 10, 2);
    assert_eq!((places, alone, among, unknown), (20, (15, 5), (10, 1), 9));
    let Bounds { places, alone, among, unknown, .. } = bounds(1, 1, 1);
    assert_eq!((places, alone, among, unknown), (1, (1, 1), (1, 1), 1));
}
