"""Writes metrics.json: answers, and what scikit-learn says of them. Run with scikit-learn 1.9 or newer."""
import json
import warnings
from decimal import Decimal, getcontext
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn import metrics as m

warnings.simplefilter("ignore")
getcontext().prec = 50
rng = np.random.default_rng(7)


def number(x):
    return None if np.isnan(x) else float(x)


def pair_areas(t, probability, w, k):
    """Hand and Till's pairs with weights, which scikit-learn's one-against-one does not take; checked against it without."""
    areas, shares = [], []
    v = np.ones(len(t)) if w is None else w
    with_rows = [c for c in range(k) if v[t == c].sum() > 0]
    for a, b in combinations(with_rows, 2):
        some = (t == a) | (t == b)
        areas.append((m.roc_auc_score(t[some] == a, probability[some, a], sample_weight=v[some])
                      + m.roc_auc_score(t[some] == b, probability[some, b], sample_weight=v[some])) / 2)
        shares.append(v[some].sum())
    if w is None and len(with_rows) == k:
        for average, weights in [("macro", None), ("weighted", shares)]:
            theirs = m.roc_auc_score(t, probability, multi_class="ovo", average=average)
            assert abs(theirs - np.average(areas, weights=weights)) < 1e-12
    return {"roc_auc_ovo": np.average(areas), "roc_auc_ovo_weighted": np.average(areas, weights=shares)}


def calibration_error(score, right, w):
    """Expected calibration error over ten equal bins, dealt as scikit-learn's calibration_curve deals."""
    v = np.ones(len(score)) if w is None else w
    place = np.searchsorted(np.linspace(0, 1, 11)[1:-1], score)
    return sum(abs(np.sum((v * (score - right))[place == b])) for b in range(10)) / v.sum()


def more_of_labels(t, p, w, k):
    out = {"matthews": m.matthews_corrcoef(t, p, sample_weight=w), "zero_one_loss": m.zero_one_loss(t, p, sample_weight=w)}
    for name, weights in [("", None), ("_linear", "linear"), ("_quadratic", "quadratic")]:
        out[f"cohen_kappa{name}"] = m.cohen_kappa_score(t, p, labels=range(k), weights=weights, sample_weight=w)
    averages = ["binary", "macro"] if k == 2 else ["macro"]
    for average in averages:
        end = "" if average == "binary" else "_macro"
        given = {"sample_weight": w, "average": average, "zero_division": 0}
        out[f"f0_5{end}"] = m.fbeta_score(t, p, beta=0.5, **given)
        out[f"f2{end}"] = m.fbeta_score(t, p, beta=2, **given)
        out[f"jaccard{end}"] = m.jaccard_score(t, p, **given)
    # Specificity is the recall of not being of the class.
    present = np.unique(np.concatenate([x if w is None else x[w > 0] for x in (t, p)]))
    each = [m.recall_score(t != c, p != c, sample_weight=w, zero_division=0) for c in present]
    out["specificity_macro"] = np.mean(each)
    if k == 2:
        out["specificity"] = m.recall_score(t != 1, p != 1, sample_weight=w, zero_division=0)
        out["negative_predictive_value"] = m.precision_score(t != 1, p != 1, sample_weight=w, zero_division=0)
    return out


def more_of_probabilities(t, p, probability, w, k):
    if k == 2:
        return {"brier_score": m.brier_score_loss(t, probability[:, 1], sample_weight=w, pos_label=1),
                "expected_calibration_error": calibration_error(probability[:, 1], t == 1, w)}
    out = {"brier_score": m.brier_score_loss(t, probability, sample_weight=w, labels=range(k)),
           "expected_calibration_error": calibration_error(probability[np.arange(len(t)), p], t == p, w)}
    for top in [2, 3, 5]:
        out[f"top_{top}_accuracy"] = m.top_k_accuracy_score(t, probability, k=top, sample_weight=w, labels=range(k))
    areas = [m.average_precision_score(t == c, probability[:, c], sample_weight=w) for c in range(k)]
    support = [np.sum((t == c) * (1.0 if w is None else w)) for c in range(k)]
    out["average_precision_macro"] = np.mean(areas)
    out["average_precision_weighted"] = np.average(areas, weights=support)
    return out | pair_areas(t, probability, w, k)


def exact_deviance(t, p, w, power):
    """In 50 digits: scikit-learn's loses them where predictions are close (each term is held against it all the same)."""
    t, p, w = ([x if isinstance(x, Decimal) else Decimal(float(x)) for x in v] for v in (t, p, np.ones(len(t)) if w is None else w))
    zero, half = Decimal(0), Decimal("0.5")
    terms = {1: lambda a, b: 2 * ((a * (a / b).ln() if a > 0 else zero) - a + b),
             2: lambda a, b: 2 * ((b / a).ln() + a / b - 1),
             1.5: lambda a, b: 2 * (-4 * a ** half + 2 * a / b ** half + 2 * b ** half)}
    return sum(x * terms[power](a, b) for a, b, x in zip(t, p, w)) / sum(w)


def deviances(t, p, w, power):
    """The deviance, and the share of it explained."""
    exact = exact_deviance(t, p, w, power)
    weights = np.ones(len(t)) if w is None else w
    middle = sum(Decimal(float(x)) * Decimal(float(y)) for x, y in zip(weights, t)) / sum(Decimal(float(x)) for x in weights)
    theirs = m.mean_tweedie_deviance(t, p, sample_weight=w, power=power)
    assert abs(theirs - float(exact)) < 1e-10 * max(1, theirs)
    if len(np.unique(t)) == 1:  # scikit-learn divides by zero there; ours is defined, and tested apart
        return {"deviance": float(exact)}
    share = float(1 - exact / exact_deviance(t, [middle] * len(t), w, power))
    if np.ptp(t) / t.max() > 1e-3:
        assert abs(share - m.d2_tweedie_score(t, p, sample_weight=w, power=power)) < 1e-10
    return {"deviance": float(exact), "d2": share}


def more_of_numbers(t, p, w):
    some = np.ones(len(t), bool) if w is None else w > 0
    t, p, w = t[some], p[some], None if w is None else w[some]
    out = {"mse": m.mean_squared_error(t, p, sample_weight=w),
           "median_absolute_error": m.median_absolute_error(t, p, sample_weight=w),
           "max_error": m.max_error(t, p), "explained_variance": np.nan,
           "mape": m.mean_absolute_percentage_error(t, p, sample_weight=w) if t.all() else np.nan}
    if len(t) > 1:
        out["explained_variance"] = m.explained_variance_score(t, p, sample_weight=w)
    size = np.abs(t) + np.abs(p)
    out["smape"] = np.average(np.where(size == 0, 0, 2 * np.abs(t - p) / np.where(size == 0, 1, size)), weights=w)
    for level in [10, 50, 90]:
        out[f"pinball_{level}"] = m.mean_pinball_loss(t, p, sample_weight=w, alpha=level / 100)
    fits = (t > -1).all() and (p > -1).all()
    out["rmsle"] = m.root_mean_squared_log_error(t, p, sample_weight=w) if fits else np.nan
    for name, power in [("poisson", 1), ("gamma", 2), ("tweedie", 1.5)]:
        fits = (p > 0).all() and ((t > 0).all() if power == 2 else (t >= 0).all())
        found = deviances(t, p, w, power) if fits else {"deviance": np.nan, "d2": np.nan}
        out[f"{name}_deviance"] = found["deviance"]
        if "d2" in found:
            out[f"d2_{name}"] = found["d2"]
    return out


def averages(t, p, w, binary):
    out = {"accuracy": m.accuracy_score(t, p, sample_weight=w),
           "balanced_accuracy": m.balanced_accuracy_score(t, p, sample_weight=w)}
    for name, f in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)]:
        if binary:
            out[name] = f(t, p, sample_weight=w, pos_label=1, zero_division=0)
        for average in ["macro", "micro", "weighted"]:
            out[f"{name}_{average}"] = f(t, p, sample_weight=w, average=average, zero_division=0)
    return out


def classes(name, t, p, k, probability=None, w=None):
    t, p = np.asarray(t), np.asarray(p)
    out = averages(t, p, w, k == 2) | more_of_labels(t, p, w, k)
    if k == 2:
        score = p if probability is None else probability[:, 1]
        out["roc_auc"] = m.roc_auc_score(t, score, sample_weight=w)
        if t.any():
            out["average_precision"] = m.average_precision_score(t, score, sample_weight=w)
    elif probability is not None:
        # roc_auc_score takes no weights for several classes by itself, so each class is asked for alone.
        areas = np.array([m.roc_auc_score(t == c, probability[:, c], sample_weight=w) for c in range(k)])
        support = np.array([np.sum((t == c) * (1.0 if w is None else w)) for c in range(k)])
        out["roc_auc_ovr"] = areas.mean()
        out["roc_auc_ovr_weighted"] = (areas * support).sum() / support.sum()
        if w is None:
            for average, key in [("macro", "roc_auc_ovr"), ("weighted", "roc_auc_ovr_weighted")]:
                theirs = m.roc_auc_score(t, probability, multi_class="ovr", average=average)
                assert abs(theirs - out[key]) < 1e-12
    if probability is not None:
        out |= more_of_probabilities(t, p, probability, w, k)
        out["log_loss"] = m.log_loss(t, y_proba=probability, labels=range(k), sample_weight=w)
    confusion = m.confusion_matrix(t, p, labels=range(k), sample_weight=w)
    return {"name": name, "classes": k, "truth": t.tolist(), "predicted": p.tolist(),
            "probability": None if probability is None else probability.ravel().tolist(),
            "weights": None if w is None else w.tolist(),
            "confusion": confusion.astype(float).tolist(),
            "expected": {key: number(v) for key, v in out.items()}}


def numbers(name, t, p, w=None):
    t, p = np.asarray(t, float), np.asarray(p, float)
    out = {"mae": m.mean_absolute_error(t, p, sample_weight=w),
           "rmse": m.root_mean_squared_error(t, p, sample_weight=w),
           "r2": m.r2_score(t, p, sample_weight=w)} | more_of_numbers(t, p, w)
    return {"name": name, "classes": 0, "truth": t.tolist(), "predicted": p.tolist(), "probability": None,
            "weights": None if w is None else w.tolist(), "confusion": None,
            "expected": {key: number(v) for key, v in out.items()}}


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def drawn(n, k, digits):
    t = rng.integers(0, k, n)
    z = rng.normal(size=(n, k))
    z[np.arange(n), t] += 1.0
    probability = softmax(z)
    if digits:  # ties
        probability[:, 0] = 1
        probability[:, 1:] = np.round(softmax(z)[:, 1:], digits)
        probability[:, 0] -= probability[:, 1:].sum(axis=1)
        probability = np.clip(probability, 0, 1)
    return t, probability.argmax(axis=1), probability


def main():
    cases = [classes("five rows", [0, 1, 1, 0, 1], [0, 1, 0, 0, 1], 2)]
    for n, k, digits in [(60, 2, 0), (80, 2, 1), (60, 3, 0), (90, 5, 1), (400, 2, 2)]:
        t, p, probability = drawn(n, k, digits)
        w = np.round(rng.exponential(size=n), 3)
        w[::7] = 0.0
        cases.append(classes(f"{n} rows, {k} classes", t, p, k, probability))
        cases.append(classes(f"{n} rows, {k} classes, weights", t, p, k, probability, w))
        cases.append(classes(f"{n} rows, {k} classes, labels", t, p, k, None, w))
    cases.append(classes("none predicted positive", [0, 1, 0, 1], [0, 0, 0, 0], 2))
    cases.append(classes("none truly positive", [0, 0, 0], [0, 1, 0], 2))
    cases.append(classes("neither", [0, 0, 0], [0, 0, 0], 2))
    cases.append(classes("all positive", [1, 1, 1], [1, 0, 1], 2))
    cases.append(classes("a class never predicted", [0, 1, 2, 2], [0, 1, 1, 0], 3))
    cases.append(classes("a class never true", [0, 1, 1, 0], [0, 1, 2, 2], 3))
    cases.append(classes("a class in neither", [0, 1, 1, 0], [0, 1, 0, 0], 3))
    sure = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    cases.append(classes("sure and wrong", [0, 1, 1, 0], [0, 1, 0, 0], 2, sure))
    t = rng.normal(3.0, 5.0, 70)
    p = t + rng.normal(size=70)
    w = np.round(rng.exponential(size=70), 3)
    w[::5] = 0.0
    cases += [numbers("numbers", t, p), numbers("numbers, weights", t, p, w),
              numbers("far from zero", t + 1e6, p + 1e6), numbers("worse than the mean", t, -p),
              numbers("constant, wrong", [2, 2, 2], [1, 2, 3]), numbers("constant, right", [2, 2], [2, 2]),
              numbers("one row", [2], [3])]
    rate = np.exp(rng.normal(size=90))
    counts, guess = rng.poisson(rate).astype(float), rate * np.exp(0.3 * rng.normal(size=90))
    amounts = rng.gamma(2.0, rate)
    w = np.round(rng.exponential(size=90), 3)
    w[::4] = 0.0
    whole = rng.integers(1, 4, 90).astype(float)
    for name, weights in [("", None), (", weights", w), (", whole weights", whole)]:
        cases += [numbers("counts" + name, counts, guess, weights), numbers("amounts" + name, amounts, guess, weights)]
    cases += [numbers("few", [1, 2, 4, 8], [2, 2, 3, 5]), numbers("few, weights", [1, 2, 4, 8], [2, 2, 3, 5], np.ones(4))]
    Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")


main()
