"""Laws of the data sets and of their partitions."""

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedlearn_edu import data

pytestmark = pytest.mark.filterwarnings("error")
ROOT = Path(__file__).resolve().parents[1]
HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None
needs_sklearn = pytest.mark.skipif(not HAS_SKLEARN, reason="scikit-learn is not installed")
LOADERS = {"digits": (data.digits, 1797), "breast_cancer": (data.breast_cancer, 569)}

label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)
seeds = st.integers(0, 2**32)
betas = st.floats(data.SMALLEST_BETA, 1e308)


@pytest.fixture(scope="module")
def y():
    return data.digits().y_train


def rng(seed=0):
    return np.random.default_rng(seed)


def assert_exact_cover(partition, labels, participants):
    """Every example belongs to one participant, and the table counts what each holds."""
    indices, counts = partition
    assert len(indices) == participants == len(counts)
    assert sorted(i for rows in indices for i in rows.tolist()) == list(range(len(labels)))
    for rows, row in zip(indices, counts, strict=True):
        tally = Counter(np.asarray(labels)[rows].tolist())
        assert [tally[label] for label in range(counts.shape[1])] == row.tolist()
    assert partition.sizes.tolist() == [len(rows) for rows in indices]
    assert min(map(len, indices)) >= 1


def sizes_of(examples, participants, seed):
    """Sizes of any shape: cuts at random places."""
    cuts = rng(seed).choice(np.arange(1, examples), participants - 1, replace=False)
    return np.diff(np.concatenate([[0], np.sort(cuts), [examples]]))


# --- The data sets ---


# The digits are scikit-learn's, each divided by 16, and no image is in both parts.
@needs_sklearn
@pytest.mark.parametrize("seed", [0, 7])
def test_digits_are_those_of_scikit_learn(seed):
    from sklearn.datasets import load_digits

    ours, theirs = data.digits(seed), load_digits()
    np.testing.assert_array_equal(16 * ours.x_train, theirs.data[ours.train_rows])
    np.testing.assert_array_equal(16 * ours.x_test, theirs.data[ours.test_rows])
    np.testing.assert_array_equal(ours.y_train, theirs.target[ours.train_rows])
    np.testing.assert_array_equal(ours.y_test, theirs.target[ours.test_rows])
    assert list(ours.feature_names) == theirs.feature_names
    assert list(ours.label_names) == [str(name) for name in theirs.target_names]


# The tumours are scikit-learn's, to the rounding of float32.
@needs_sklearn
def test_tumours_are_those_of_scikit_learn():
    from sklearn.datasets import load_breast_cancer

    ours, theirs = data.breast_cancer(standardise=False), load_breast_cancer()
    np.testing.assert_array_equal(ours.x_train, theirs.data[ours.train_rows].astype(np.float32))
    np.testing.assert_array_equal(ours.x_test, theirs.data[ours.test_rows].astype(np.float32))
    np.testing.assert_array_equal(ours.y_train, theirs.target[ours.train_rows])
    np.testing.assert_array_equal(ours.y_test, theirs.target[ours.test_rows])
    assert list(ours.feature_names) == theirs.feature_names.tolist()
    assert list(ours.label_names) == theirs.target_names.tolist()


# Standardised measurements are those that scikit-learn's scaler makes from the training rows.
@needs_sklearn
def test_standardised_as_scikit_learn_does():
    from sklearn.preprocessing import StandardScaler

    raw, ours = data.breast_cancer(standardise=False), data.breast_cancer()
    scaler = StandardScaler().fit(raw.x_train.astype(float))
    for got, x in ((ours.x_train, raw.x_train), (ours.x_test, raw.x_test)):
        np.testing.assert_allclose(got, scaler.transform(x), atol=2e-5)


# The stored files are what the script makes of scikit-learn's arrays, byte for byte.
@needs_sklearn
def test_files_are_what_the_script_builds(capsys):
    from tools import build_data

    assert build_data.main(["--check"]) == 0
    assert capsys.readouterr().out.count("as it was") == 2


# What the script writes depends on the arrays alone, and a changed file is found and mended.
@needs_sklearn
def test_script_mends_a_changed_file(tmp_path, monkeypatch, capsys):
    from tools import build_data

    monkeypatch.setattr(build_data, "FOLDER", tmp_path)
    assert build_data.main(["--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert build_data.main([]) == 0
    for name in build_data.BUILDERS:
        stored = ROOT / "assets" / "data" / name
        assert (tmp_path / name).read_bytes() == stored.read_bytes()


# The contract with the engine: shapes, types, ranges; arrays that nobody can change.
def test_contract_of_the_digits():
    made = data.digits()
    assert made.x_train.shape == (1438, 64)
    assert made.x_test.shape == (359, 64)
    assert (made.features, made.classes, made.image_shape) == (64, 10, (8, 8))
    for x in (made.x_train, made.x_test):
        assert x.dtype == np.float32
        assert (x.min(), x.max()) == (0, 1)
    for labels in (made.y_train, made.y_test):
        assert labels.dtype == np.int64
        assert set(labels.tolist()) == set(range(10))
    assert "CC BY 4.0" in made.licence
    with pytest.raises(ValueError, match="read-only"):
        made.x_train[0, 0] = 1


# Training and test rows are the whole source, each row once; a fifth is kept for testing.
@pytest.mark.parametrize("name", LOADERS)
@given(seed=seeds)
def test_split_is_an_exact_cover(name, seed):
    load, examples = LOADERS[name]
    made = load(split_seed=seed)
    rows = np.concatenate([made.train_rows, made.test_rows])
    assert sorted(rows.tolist()) == list(range(examples))
    assert len(made.test_rows) == len(made.y_test) == examples // 5


# The split is the one that raw PCG64 numbers give, whatever NumPy's shuffles do: these rows.
def test_split_is_the_documented_one():
    assert data.digits().test_rows[:5].tolist() == [307, 4, 244, 929, 1774]
    bits = np.random.PCG64(np.random.SeedSequence(0))
    raw = [bits.random_raw() for _ in range(1797)]
    order = sorted(range(1797), key=raw.__getitem__)
    assert data.digits().train_rows.tolist() == order[:1438]


# One seed gives one split; another gives another.
def test_split_follows_its_seed():
    np.testing.assert_array_equal(data.digits(3).train_rows, data.digits(3).train_rows)
    assert (data.digits(3).train_rows != data.digits(4).train_rows).any()


# Each data set's authors, source and licence stand beside its file.
def test_licences_stand_beside_the_files():
    text = (ROOT / "assets" / "data" / "README.md").read_text(encoding="utf-8")
    for made, path in (
        (data.digits(), "digits.npz"),
        (data.breast_cancer(), "breast_cancer.npz"),
    ):
        assert (ROOT / "assets" / "data" / path).is_file()
        assert path in text
        assert made.source.rsplit(" ", 1)[1] in text
        assert made.licence in text


# Loading the data imports neither scikit-learn nor pandas nor torch.
def test_loading_is_light(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from fedlearn_edu import data; data.digits(); data.breast_cancer()\n"
        "print({'sklearn', 'pandas', 'torch', 'scipy'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (run.stdout.strip(), run.stderr) == ("set()", "")


# --- Partitions: exact covers ---


# IID loses and doubles nothing, and its sizes differ by one at most.
@given(label_lists, st.data(), seeds)
def test_iid_is_an_exact_cover(labels, draw, seed):
    n = draw.draw(st.integers(1, len(labels)))
    made = data.iid(labels, n, rng(seed))
    assert_exact_cover(made, labels, n)
    assert np.ptp(made.sizes) <= 1


# IID with given sizes has those sizes.
@given(label_lists, st.data(), seeds)
def test_iid_keeps_given_sizes(labels, draw, seed):
    n = draw.draw(st.integers(1, len(labels)))
    sizes = sizes_of(len(labels), n, seed)
    made = data.iid(labels, n, rng(seed), sizes=sizes)
    assert_exact_cover(made, labels, n)
    assert made.sizes.tolist() == sizes.tolist()


# Shards lose and double nothing, whatever their number.
@given(label_lists, st.data(), seeds)
def test_shards_are_an_exact_cover(labels, draw, seed):
    n = draw.draw(st.integers(1, len(labels)))
    each = draw.draw(st.integers(1, len(labels) // n))
    assert_exact_cover(data.shards(labels, n, rng(seed), each), labels, n)


# Dirichlet loses and doubles nothing and keeps its minimum, from the least β to the largest.
@given(label_lists, st.data(), betas, seeds)
def test_dirichlet_is_an_exact_cover(labels, draw, beta, seed):
    n = draw.draw(st.integers(1, len(labels)))
    minimum = draw.draw(st.integers(1, len(labels) // n))
    made = data.dirichlet(labels, n, beta, rng(seed), minimum)
    assert_exact_cover(made, labels, n)
    assert made.sizes.min() >= minimum


# Dirichlet with given sizes loses and doubles nothing and has those sizes, for every β.
@given(label_lists, st.data(), betas, seeds)
def test_dirichlet_keeps_given_sizes(labels, draw, beta, seed):
    n = draw.draw(st.integers(1, len(labels)))
    sizes = sizes_of(len(labels), n, seed)
    made = data.dirichlet(labels, n, beta, rng(seed), sizes=sizes)
    assert_exact_cover(made, labels, n)
    assert made.sizes.tolist() == sizes.tolist()


# Groups lose and double nothing, and no participant holds two groups.
@given(st.lists(st.tuples(st.integers(0, 3), st.text("abc", max_size=2)), min_size=1))
def test_groups_are_an_exact_cover(pairs):
    labels, groups = (np.array(column) for column in zip(*pairs, strict=True))
    made = data.by_group(labels, groups)
    assert_exact_cover(made, labels, len(set(groups.tolist())))
    assert [set(groups[rows].tolist()) for rows in made.indices] == [
        {group} for group in sorted(set(groups.tolist()))
    ]


PARTITIONS = {
    "iid": lambda y, n, r: data.iid(y, n, r),
    "shards": lambda y, n, r: data.shards(y, n, r, 1),
    "dirichlet": lambda y, n, r: data.dirichlet(y, n, 0.3, r),
    "dirichlet with sizes": lambda y, n, r: data.dirichlet(
        y, n, 0.3, r, sizes=data.skewed_sizes(len(y), n, 0.7)
    ),
}


# On the digits, 1, 100 and 1,438 participants work.
@pytest.mark.parametrize("participants", [1, 100, 1438])
@pytest.mark.parametrize("name", PARTITIONS)
def test_one_and_all_participants(y, name, participants):
    assert_exact_cover(PARTITIONS[name](y, participants, rng()), y, participants)


# The same seed gives the same partition; another seed another.
@pytest.mark.parametrize("name", PARTITIONS)
def test_partitions_follow_their_seed(y, name):
    one, again, other = (PARTITIONS[name](y, 20, rng(seed)) for seed in (1, 1, 2))
    same = [np.array_equal(a, b) for a, b in zip(one.indices, again.indices, strict=True)]
    assert all(same)
    assert not all(np.array_equal(a, b) for a, b in zip(one.indices, other.indices, strict=True))


# --- Partitions: what each is for ---


# Every IID place is as likely as any other: chi-square of a label's place over 2,000 draws.
def test_iid_is_uniform():
    labels = np.array([1, 0, 0, 0, 0, 0])
    hits = np.zeros(3)
    r = rng(0)
    for _ in range(2000):
        hits += data.iid(labels, 3, r).counts[:, 1]
    chi_square = ((hits - 2000 / 3) ** 2 / (2000 / 3)).sum()
    assert chi_square < 13.8  # the 0.999 quantile with 2 degrees of freedom


# McMahan's own case: 60,000 examples, 100 participants, 2 shards of 300, two labels at most
# when the labels are equally frequent.
def test_shards_of_the_paper():
    labels = rng(0).permutation(np.repeat(np.arange(10), 6000))
    made = data.shards(labels, 100, rng(1))
    assert set(made.sizes.tolist()) == {600}
    assert set((made.counts > 0).sum(axis=1).tolist()) <= {1, 2}
    assert set(made.counts.ravel().tolist()) == {0, 300, 600}


# A shard is a run of the sorted labels: with one shard each, the union in some order is sorted.
@given(label_lists, st.data(), seeds)
def test_a_shard_is_a_run_of_sorted_labels(labels, draw, seed):
    n = draw.draw(st.integers(1, len(labels)))
    runs = sorted(sorted(labels[rows].tolist()) for rows in data.shards(labels, n, rng(seed), 1)[0])
    assert [label for run in runs for label in run] == sorted(labels.tolist())


# β → ∞ gives every participant the mixture of the whole, to the rounding of each label.
def test_large_beta_is_the_mixture_of_the_whole(y):
    counts = data.dirichlet(y, 10, 1e12, rng()).counts
    assert (np.abs(counts - np.bincount(y) / 10) < 1).all()


# With given sizes, β → ∞ draws as from an urn: a label's count varies as the hypergeometric law
# says, whatever the participant's turn.
def test_large_beta_with_sizes_is_iid():
    labels, r = np.repeat([0, 1], [20, 40]), rng(0)
    counts = np.array(
        [data.dirichlet(labels, 3, 1e12, r, sizes=[20] * 3).counts[:, 0] for _ in range(1000)]
    )
    variance = 20 * (1 / 3) * (2 / 3) * 40 / 59
    assert counts.mean(axis=0) == pytest.approx(20 / 3, abs=4 * np.sqrt(variance / 1000))
    assert counts.var(axis=0) == pytest.approx(variance, rel=0.2)


# β → 0 gives each label whole to one participant, but for the one example that the others need.
def test_small_beta_gives_each_label_to_one(y):
    counts = data.dirichlet(y, 30, data.SMALLEST_BETA, rng()).counts
    assert (counts.max(axis=0) >= np.bincount(y) - 30).all()


# With given sizes, β → 0 gives a participant one label until that label runs out.
def test_small_beta_with_sizes_gives_one_label(y):
    counts = data.dirichlet(y, 40, 1e-9, rng(), sizes=data.equal_sizes(len(y), 40)).counts
    assert ((counts > 0).sum(axis=1) == 1).sum() >= 25


# The share of a label that a participant gets has the mean 1/N and the variance of Dir(β, …, β).
@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
def test_moments_of_the_dirichlet_shares(beta):
    labels, n, r = np.zeros(10_000, dtype=int), 5, rng(0)
    shares = np.array([data.dirichlet(labels, n, beta, r).sizes for _ in range(600)]) / 10_000
    variance = (1 / n) * (1 - 1 / n) / (n * beta + 1)
    assert shares.mean(axis=0) == pytest.approx(1 / n, abs=4 * np.sqrt(variance / 600))
    assert shares.var() == pytest.approx(variance, rel=0.2)


# With given sizes, the mixture of whoever draws first has the mean p and the variance of Dir(β p).
@pytest.mark.parametrize("beta", [0.5, 5.0])
def test_moments_of_the_mixtures(beta):
    p, labels, size = 0.2, np.repeat([0, 1], [2_000, 8_000]), 100
    first = [seed for seed in range(600) if rng(seed).permutation(2)[0] == 0]
    counts = [
        data.dirichlet(labels, 2, beta, rng(seed), sizes=[size, 9_900]).counts[0, 0]
        for seed in first
    ]
    mixture = p * (1 - p) / (beta + 1)
    variance = mixture + (p * (1 - p) - mixture) / size
    shares = np.array(counts) / size
    assert shares.mean() == pytest.approx(p, abs=4 * np.sqrt(variance / len(first)))
    assert shares.var() == pytest.approx(variance, rel=0.3)


# The smaller β is, the further the participants' mixtures lie from the whole's.
@pytest.mark.parametrize("fixed", [False, True])
def test_smaller_beta_is_more_unequal(y, fixed):
    p = np.bincount(y) / len(y)

    def distance(beta):
        sizes = data.equal_sizes(len(y), 20) if fixed else None
        counts = data.dirichlet(y, 20, beta, rng(), sizes=sizes).counts
        return np.abs(counts / counts.sum(axis=1, keepdims=True) - p).sum(axis=1).mean()

    distances = [distance(beta) for beta in (0.01, 0.1, 1, 10, 100)]
    assert distances == sorted(distances, reverse=True)


# --- Sizes ---


# Sizes sum to the examples, keep the minimum, and never rise with the rank, for every skew.
@given(st.integers(1, 300), st.data(), st.floats(0, 1e308))
def test_skewed_sizes_are_a_division(examples, draw, skew):
    n = draw.draw(st.integers(1, examples))
    minimum = draw.draw(st.integers(1, examples // n))
    sizes = data.skewed_sizes(examples, n, skew, minimum)
    assert sizes.sum() == examples
    assert sizes.min() >= minimum
    assert (np.diff(sizes) <= 0).all()


# No skew gives equal sizes.
@given(st.integers(1, 300), st.data())
def test_no_skew_is_equal(examples, draw):
    n = draw.draw(st.integers(1, examples))
    equal = data.equal_sizes(examples, n)
    assert equal.tolist() == [len(part) for part in np.array_split(np.arange(examples), n)]
    assert data.skewed_sizes(examples, n, 0).tolist() == equal.tolist()


# Without a minimum to speak of, sizes follow the power law to one example.
def test_skewed_sizes_follow_the_power_law():
    sizes = data.skewed_sizes(1_000_000, 50, 1.3)
    law = 1 / np.arange(1, 51) ** 1.3
    assert (np.abs(sizes - 1 - (1_000_000 - 50) * law / law.sum()) < 1).all()


# --- Refusals ---


# What cannot be is refused with the numbers.
@pytest.mark.parametrize(
    ("request_it", "words"),
    [
        (
            lambda y: data.dirichlet(y, 100, 0.5, rng(), minimum=20),
            "100 participants × 20 examples = 2,000, the data have 1,438",
        ),
        (lambda y: data.iid(y, 2000, rng()), "2,000 participants × 1 example = 2,000, the data"),
        (lambda y: data.shards(y, 1000, rng()), "1,000 participants × 2 shards = 2,000, the data"),
        (lambda y: data.skewed_sizes(50, 10, 1, 6), "10 participants × 6 examples = 60, the data"),
        (lambda y: data.iid(y, 2, rng(), [700, 700]), "sizes sum to 1,400, the data have 1,438"),
        (lambda y: data.iid(y, 2, rng(), [1438]), r"sizes has shape \(1,\), there are 2 part"),
        (lambda y: data.iid(y, 2, rng(), [1438, 0]), r"sizes\[1\] is 0; expected integers >= 1"),
        (
            lambda y: data.dirichlet(y, 2, 1, rng(), 9, [1430, 8]),
            r"sizes\[1\] is 8; minimum is 9",
        ),
        (lambda y: data.dirichlet(y, 2, 0, rng()), "beta is 0; expected a number >= 1e-300"),
        (lambda y: data.dirichlet(y, 2, np.inf, rng()), "beta is inf; expected a finite number"),
        (lambda y: data.dirichlet(y, 0, 1, rng()), "participants is 0; expected an integer >= 1"),
        (lambda y: data.dirichlet(y, 2, 1, rng(), 0), "minimum is 0; expected an integer >= 1"),
        (lambda y: data.shards(y, 2, rng(), 0), "per_participant is 0; expected an integer >= 1"),
        (lambda y: data.iid([], 1, rng()), r"labels has shape \(0,\)"),
        (lambda y: data.iid([[0]], 1, rng()), r"labels has shape \(1, 1\)"),
        (lambda y: data.iid([0, -2], 1, rng()), r"labels\[1\] is -2; expected integers >= 0"),
        (lambda y: data.by_group(y, [1, 2]), r"groups has shape \(2,\), labels has shape \(1438,"),
        (lambda y: data.digits(-1), "split_seed is -1; expected an integer >= 0"),
    ],
)
def test_impossible_requests_are_refused(y, request_it, words):
    with pytest.raises(ValueError, match=words):
        request_it(y)


# What is of the wrong kind is named.
@pytest.mark.parametrize(
    ("request_it", "words"),
    [
        (lambda y: data.iid(y, 2, 0), r"rng is 0 \(int\); expected a numpy.random.Generator"),
        (lambda y: data.iid(y, 2, np.random), r"rng is .*module.* expected a numpy.random.Gen"),
        (lambda y: data.iid(y / 2, 2, rng()), "labels has dtype float64; expected integers"),
        (lambda y: data.iid(y, 2.0, rng()), "participants is 2.0"),
        (lambda y: data.iid(y, 2, rng(), [719.0, 719.0]), "sizes has dtype float64"),
        (lambda y: data.dirichlet(y, 2, "1", rng()), "beta is '1'"),
        (lambda y: data.by_group([0, 1], [0.5, 1]), "groups has dtype float64; expected integers"),
        (lambda y: data.digits("a"), "split_seed is 'a'"),
        (lambda y: data.breast_cancer(standardise=1), "standardise is 1; expected True or False"),
    ],
)
def test_wrong_kinds_are_refused(y, request_it, words):
    with pytest.raises(TypeError, match=words):
        request_it(y)
