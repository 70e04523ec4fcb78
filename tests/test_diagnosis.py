"""Bias and variance, choosing by one number, error analysis: the cases of course 3, and what is refused."""
import pytest

from pydl import strategy
from pydl.errors import FormatError


@pytest.mark.parametrize(("errors", "problems"), [
    # (training, dev) against a human level of about 0: course 2, bias and variance
    (dict(train=0.01, dev=0.11), ["variance"]), (dict(train=0.15, dev=0.16), ["avoidable bias"]),
    (dict(train=0.15, dev=0.30), ["avoidable bias", "variance"]), (dict(train=0.005, dev=0.01), []),
    # course 3, human-level performance
    (dict(human=0.01, train=0.08, dev=0.10), ["avoidable bias", "variance"]), (dict(human=0.075, train=0.08, dev=0.10), ["variance"]),
    # course 3, mismatched sets
    (dict(train=0.01, train_dev=0.09, dev=0.10), ["variance"]), (dict(train=0.01, train_dev=0.015, dev=0.10), ["data mismatch"]),
    (dict(train=0.10, train_dev=0.11, dev=0.12), ["avoidable bias"]), (dict(train=0.10, train_dev=0.11, dev=0.20), ["avoidable bias", "data mismatch"]),
    (dict(human=0.04, train=0.07, train_dev=0.10, dev=0.12, test=0.16), ["overfitting to the dev set", "avoidable bias", "variance", "data mismatch"])])
def test_the_cases_of_the_course(errors, problems):
    found = strategy.bias_variance(**errors)
    assert sorted(found.problems) == sorted(problems) and (found.focus in problems if problems else found.focus is None)
    assert sum(found.gaps.values()) == pytest.approx(errors.get("test", errors["dev"]) - errors.get("human", 0.0))
    assert bool(found.advice) == bool(problems) and all(f"{name} (" in str(found) for name in problems)


def test_the_report_says_what_to_try_and_what_is_odd():
    text = str(strategy.bias_variance(train=0.08, dev=0.10, human=0.01, test=0.10))
    assert "avoidable bias (7.00 %): try a bigger model" in text and "+7.00 %" in text and "test set" in text
    assert "better than the human level" in str(strategy.bias_variance(train=0.003, dev=0.004, human=0.005))
    assert "dev set is easier" in str(strategy.bias_variance(train=0.05, dev=0.04))


def test_one_number_among_those_that_are_good_enough():
    models = [{"name": "A", "accuracy": 0.90, "ms": 80}, {"name": "B", "accuracy": 0.92, "ms": 95}, {"name": "C", "accuracy": 0.95, "ms": 1500},
              {"name": "D", "accuracy": 0.92, "ms": 20}, {"name": "E", "accuracy": float("nan"), "ms": 1}]
    assert strategy.choose(models, "accuracy", ms=100)["name"] == "B" and strategy.choose(models, "accuracy")["name"] == "C"
    assert strategy.choose(models, "ms", goal="min", accuracy=(0.91, None))["name"] == "D"
    assert strategy.choose(models, "accuracy", ms=(0, 0.5)) is None


def test_error_analysis_and_its_ceiling(tmp_path):
    analysis = strategy.ErrorAnalysis(0.10, ["dog", "great cat", "blurry"])
    for i in range(100):            # 100 mistakes of course 3, of which 8, 43 and 61 show these
        marks = [name for name, n in (("dog", 8), ("great cat", 43), ("blurry", 61)) if i < n]
        analysis.mark(f"img {i}", *marks, comment='said "cat", a,b' if i == 0 else "")
    assert [(r["category"], r["count"]) for r in analysis.rows()] == [("blurry", 61), ("great cat", 43), ("dog", 8)]
    assert analysis.rows()[2]["ceiling"] == pytest.approx(0.092) and "9.20 %" in str(analysis) and "39 of them without" in str(analysis)
    analysis.mark("img 99", "filter")
    analysis.mark("img 99", "dog")
    assert analysis.mistakes["img 99"][0] == ("filter", "dog")
    analysis.to_csv(tmp_path / "e.csv")
    again = strategy.ErrorAnalysis.from_csv(tmp_path / "e.csv", 0.10)
    assert {k: (set(marks), said) for k, (marks, said) in again.mistakes.items()} == {k: (set(marks), said) for k, (marks, said) in analysis.mistakes.items()}
    assert again.rows() == analysis.rows() and str(strategy.ErrorAnalysis(0.5))


@pytest.mark.parametrize("text", ["", "a,b\n", "example,dog\n", "example,dog,dog,comment\n", "example,dog,comment\n1,x\n", 'example,"dog,comment\n'])
def test_damaged_tables_are_refused(tmp_path, text):
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(FormatError):
        strategy.ErrorAnalysis.from_csv(tmp_path / "e.csv", 0.1)


@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda: strategy.bias_variance(train=8, dev=0.1), ValueError, "train must be a finite number in .0, 1."),
    (lambda: strategy.bias_variance(train=0.1, dev=-0.1), ValueError, "dev"), (lambda: strategy.bias_variance(0.1, 0.1, tolerance=2), ValueError, "tolerance"),
    (lambda: strategy.choose([{"a": 1}], "b"), ValueError, "candidate 0 has no 'b'"), (lambda: strategy.choose([3], "b"), TypeError, "must be dicts"),
    (lambda: strategy.choose([{"a": 1}], "a", goal="up"), ValueError, "goal"), (lambda: strategy.choose([{"a": 1}], "a", a="x"), TypeError, "a must be"),
    (lambda: strategy.ErrorAnalysis(5), ValueError, "error"), (lambda: strategy.ErrorAnalysis(0.1, "dog"), TypeError, "categories"),
    (lambda: strategy.ErrorAnalysis(0.1).mark(1, ""), ValueError, "category"), (lambda: strategy.ErrorAnalysis(0.1).to_csv(3), TypeError, "path")])
def test_bad_arguments_are_named(call, error, said):
    with pytest.raises(error, match=said):
        call()
