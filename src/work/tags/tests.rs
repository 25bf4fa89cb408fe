use super::*;
use crate::work::event::Marks;
use crate::work::lattice::Latest;
use crate::work::testing::{acme, item, run, stamp};

fn tagged(change: impl FnOnce(&mut Marks)) -> Item {
    let mut event = run(acme("build/1.1"), 0, None);
    event.facts.attr(stamp(0), Attr::PipelineName, Some("deploy-api"));
    change(&mut event.facts.marks);
    item(event)
}

fn set<const N: usize>(members: [&str; N]) -> Option<Latest<std::collections::BTreeSet<String>>> {
    Some(Latest::new(stamp(0), members.map(str::to_owned).into()))
}

fn map<const N: usize>(members: [(&str, &str); N]) -> Option<Latest<BTreeMap<String, String>>> {
    Some(Latest::new(stamp(0), members.map(|(k, v)| (k.to_owned(), v.to_owned())).into()))
}

/// Each place overrules those before it; the list is the whole order of precedence.
#[test]
fn the_later_place_wins() {
    let rule = Rule {
        project: Some("acme/*".to_owned()),
        job: Some("deploy-*".to_owned()),
        tags: [("team".to_owned(), "by-rule".to_owned())].into(),
        ..Rule::default()
    };
    let tagger = Tagger::new(&[], &[rule]).unwrap();
    let plain = Tagger::default();
    let inherited = Tags::from([("team".to_owned(), "inherited".to_owned())]);

    let topics = |marks: &mut Marks| marks.topics = set(["team-by-topic", "rust"]);
    let properties = |marks: &mut Marks| {
        topics(marks);
        marks.properties = map([("Team", "by-property"), ("cost", "12")]);
    };
    let labels = |marks: &mut Marks| {
        properties(marks);
        marks.labels = set(["team/by-label", "bug"]);
    };
    let parameters = |marks: &mut Marks| {
        labels(marks);
        marks.parameters = map([("team", "by-parameter")]);
    };
    let team = |tagger: &Tagger, item: Item| tagger.tags(&item, &inherited)["team"].clone();
    assert_eq!(team(&plain, tagged(|_| {})), "inherited");
    assert_eq!(team(&plain, tagged(topics)), "by-topic");
    assert_eq!(team(&plain, tagged(properties)), "by-property");
    assert_eq!(team(&tagger, tagged(properties)), "by-rule");
    assert_eq!(team(&tagger, tagged(labels)), "by-label");
    assert_eq!(team(&tagger, tagged(parameters)), "by-parameter");
}

#[test]
fn deploy_type_is_known_in_every_spelling() {
    let tagger = Tagger::default();
    for word in ["deploy.type", "deploy_type", "deploy-type", "DEPLOY_TYPE"] {
        assert_eq!(tagger.key_of(word), Some("deploy.type"), "{word}");
    }
    let by_topic = tagged(|marks| marks.topics = set(["deploy-type-container"]));
    assert_eq!(tagger.tags(&by_topic, &Tags::new())["deploy.type"], "container");
    let by_label = tagged(|marks| marks.labels = set(["deploy_type: baked_ami"]));
    assert_eq!(tagger.tags(&by_label, &Tags::new())["deploy.type"], "baked_ami");
}

#[test]
fn language_is_lower_case() {
    let item = tagged(|marks| marks.language = Some(Latest::new(stamp(0), "Python".to_owned())));
    assert_eq!(Tagger::default().tags(&item, &Tags::new())["language"], "python");
}

#[test]
fn whatever_changes_tags_changes_the_fingerprint() {
    let rule = |project: Option<&str>, job: Option<&str>, tags: &[(&str, &str)]| Rule {
        project: project.map(str::to_owned),
        job: job.map(str::to_owned),
        tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Rule::default()
    };
    let (one, other) = (rule(Some("a/*"), None, &[("team", "x")]), rule(None, Some("a/*"), &[("team", "x")]));
    // No glob matches every job, an empty one none.
    let none = rule(Some("a/*"), Some(""), &[("team", "x")]);
    let more = rule(Some("a/*"), None, &[("team", "x"), ("tier", "1")]);
    let fingerprint = |keys: &[&str], rules: &[&Rule]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let rules: Vec<Rule> = rules.iter().copied().cloned().collect();
        Tagger::new(&keys, &rules).unwrap().fingerprint()
    };
    let all = [
        fingerprint(&[], &[]),
        fingerprint(&["tier"], &[]),
        fingerprint(&["tier"], &[&one]),
        fingerprint(&["tier"], &[&other]),
        fingerprint(&["tier"], &[&more]),
        fingerprint(&["tier"], &[&none]),
        fingerprint(&["tier"], &[&one, &other]),
        // The later rule wins, so the order counts.
        fingerprint(&["tier"], &[&other, &one]),
    ];
    for (index, fingerprint) in all.iter().enumerate() {
        assert!(!all[..index].contains(fingerprint), "{index}");
    }
    assert_eq!(fingerprint(&["tier"], &[&one]), fingerprint(&["tier", "tier"], &[&one]));
    // Of one text in every process: this one was computed elsewhere.
    assert_eq!(
        hex::encode(Tagger::default().fingerprint()),
        "f869536721aa46d76802572c1eca985b1d674a26978b601662f9951e3dc9f92f",
    );
}

#[test]
fn a_bad_rule_says_which() {
    let bad =
        Rule { project: Some("[".to_owned()), tags: [("team".into(), "a".into())].into(), ..Rule::default() };
    let error = Tagger::new(&[], &[bad]).unwrap_err().to_string();
    assert!(error.starts_with("tags.rules[0].project"), "{error}");
    assert!(Tagger::new(&["Bad Key".to_owned()], &[]).is_err());
}

#[test]
fn what_a_custom_event_calls_a_tag_is_one_whatever_its_key() {
    let given = |name: &str| {
        let given = [(name.to_owned(), Latest::new(stamp(0), "x".to_owned()))].into_iter().collect();
        Tagger::default().tags(&tagged(|marks| marks.given = given), &Tags::new())
    };
    assert_eq!(given("region"), Tags::from([("region".to_owned(), "x".to_owned())]));
    assert_eq!(given("Deploy_Type"), Tags::from([("deploy.type".to_owned(), "x".to_owned())]));
    assert!(given("no key").is_empty());
}

#[test]
fn a_scoped_label_of_gitlab_is_a_tag() {
    let labels = ["team::payments".to_owned()].into_iter().collect();
    let item = tagged(|marks| marks.labels = Some(Latest::new(stamp(0), labels)));
    assert_eq!(Tagger::default().tags(&item, &Tags::new())["team"], "payments");
}
