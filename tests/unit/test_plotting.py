"""The style of figures, the names of quantities, and the scorecard."""

import hashlib
import itertools
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb

from replicortex.core.files import figure_bytes
from replicortex.plotting import style as module
from replicortex.plotting.labels import ACCURACY, DISPLACEMENT, EPOCHS, RHO, Quantity
from replicortex.plotting.style import PALETTE, epoch_axis, finish, freeze, new_figure, note, style
from replicortex.verdicts import drawing as card
from replicortex.verdicts import evaluation
from replicortex.verdicts import words as verdicts
from replicortex.verdicts.tones import SYMBOLS, TONES, counted_as, symbol, tone, word

# Machado, Oliveira and Fernandes 2009, severity 1: deuteranopia, on linear RGB.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)


def lab(colour, vision=None):
    """CIE L*a*b* (D65) of a colour, as a person with that vision sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if vision is not None:
        linear = np.clip(vision @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / np.array([0.95047, 1, 1.08883])
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", [None, DEUTERANOPIA], ids=["normal", "deuteranopia"])
def test_colours_are_distinct(vision):
    for (one, a), (other, b) in itertools.combinations(PALETTE.items(), 2):
        assert np.linalg.norm(lab(a, vision) - lab(b, vision)) > 12, (one, other)


def test_lab_of_known_colours():
    assert lab("white") == pytest.approx([100, 0, 0], abs=0.1)
    assert lab("red") == pytest.approx([53.2, 80.1, 67.2], abs=0.3)
    assert np.linalg.norm(lab("#777700", DEUTERANOPIA) - lab("#AA6600", DEUTERANOPIA)) < 12


def test_style_is_left_behind_and_ignores_what_was_set():
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 31, "lines.linewidth": 9}):
        with style():
            assert mpl.rcParams["font.size"] == 7
            assert mpl.rcParams["lines.linewidth"] == pytest.approx(1.2)
        assert mpl.rcParams["font.size"] == 31
    assert dict(mpl.rcParams) == before


def test_a_finished_figure_has_the_same_bytes_under_any_settings():
    def draw():
        with style():
            figure = new_figure(2)
            epoch_axis(figure.subplots(), [0, 1, 2, 5])
            return finish(note(figure, "small print"))

    for suffix in (".png", ".pdf", ".svg"):
        plain = figure_bytes(draw(), suffix, "id")
        figure = draw()
        with mpl.rc_context({"font.size": 20, "xtick.labelsize": 15, "axes.linewidth": 4}):
            assert figure_bytes(figure, suffix, "id") == plain


@pytest.mark.parametrize("finished", [True, False])
def test_the_last_bits_of_a_layout_are_in_no_figure(monkeypatch, finished):
    """The solver sums in the order of addresses in memory, another in each process."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    solve = ConstrainedLayoutEngine.execute

    def draw(nudge):
        def nudged(engine, figure):
            solve(engine, figure)
            for ax in figure.axes:
                ax._set_position([edge * (1 + nudge) for edge in ax.get_position(True).bounds])

        monkeypatch.setattr(ConstrainedLayoutEngine, "execute", nudged)
        with style():
            figure = new_figure(2)
            left, right = figure.subplots(1, 2)
            image = left.imshow([[1, 2, 3]], aspect="equal")
            figure.colorbar(image, ax=left)
            right.plot([1, 3, 2])
            figure.legend(["a line"], loc="outside upper center")
            figure = finish(figure) if finished else freeze(figure)
        return [figure_bytes(figure, suffix, "id") for suffix in (".pdf", ".png", ".svg")]

    plain = draw(0.0)
    for nudge in (4e-16, -4e-16):
        assert draw(nudge) == plain


def test_a_frozen_figure_stays_as_it_is():
    with style():
        figure = new_figure(2)
        ax = figure.subplots()
        finish(figure)
    place = ax.get_position().bounds
    figure.text(0.5, 0.5, "stamp")
    ax.set_ylabel("a\nlabel\nof\nmany\nlines")
    assert freeze(figure) is figure and ax.get_position().bounds == place


def test_the_sheet_is_named_by_its_hash_so_that_a_change_reruns_figures():
    found = hashlib.sha256(module.SHEET.read_bytes()).hexdigest()[:16]
    assert found == module.SHEET_SHA256, f"write {found} into plotting/style.py"


def test_no_window_is_opened():
    import matplotlib.pyplot as plt

    with style():
        new_figure(2)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("epochs", "ticks"),
    [
        ([0, 1, 2, 5, 10, 20, 30, 40], [0, 1, 2, 5, 10, 20, 40]),
        ([0, 1, 2, 5, 10], [0, 1, 2, 5, 10]),
        ([0, 1, 2], [0, 1, 2]),
        ([0], [0]),
    ],
)
def test_epoch_axis_shows_the_start_and_the_checkpoints(epochs, ticks):
    with style():
        figure = new_figure(2)
        ax = epoch_axis(figure.subplots(), epochs)
        finish(figure)
    assert [int(tick) for tick in ax.get_xticks()] == ticks
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(e) for e in ticks]
    left, right = ax.get_xlim()
    assert left < 0 < max(epochs) < right or epochs == [0]
    assert ax.get_xlabel() == "Training (epochs)"
    places = ax.transAxes.inverted().transform(
        [ax.transData.transform((epoch, 0)) for epoch in epochs]
    )[:, 0]
    assert places[0] > 0.01
    assert (np.diff(places) > 0.05).all()


def test_small_print_is_wrapped_and_leaves_room_for_the_stamp():
    with style():
        figure = new_figure(3, width=4)
        ax = figure.subplots()
        ax.set_xlabel("x")
        note(figure, "many words " * 30)
        finish(figure)
    renderer = RendererAgg(1, 1, figure.dpi)
    (text,) = figure.texts
    box = text.get_window_extent(renderer)
    assert "\n" in text.get_text()
    assert box.x1 <= figure.bbox.x1
    assert box.y0 >= 0.14 * figure.dpi
    assert ax.get_tightbbox(renderer).y0 > box.y1


def test_names_of_quantities():
    assert RHO.axis == "Spearman's ρ"
    assert RHO.change().axis == "Change of Spearman's ρ"
    assert EPOCHS.axis == "Training (epochs)"
    assert ACCURACY.axis == "Accuracy (%)"
    assert ACCURACY.change().axis == "Change of accuracy (%)"
    assert "initial norm" in DISPLACEMENT.axis
    assert Quantity("Length", "mm", "l").axis == "Length l (mm)"


# --- Scorecard -----------------------------------------------------------------------------------


def row(number=0, **values):
    plain = {
        "paper": "learning_rules",
        "id": f"claim_{number}",
        "finding": "one thing lies above another",
        "kind": "published",
        "says": f"Claim number {number} says that one thing lies well above another thing.",
        "where": "abstract",
        "as": "value",
        "unit": "",
        "published": "0.5",
        "published_low": 0.5,
        "published_high": 0.5,
        "ours": 0.4,
        "sd": 0.1,
        "n": 5,
        "over": "seeds",
        "lower": 0.3,
        "upper": 0.5,
        "difference": -0.1,
        "direction": "positive",
        "threshold": 0.0,
        "boundary": 0.05,
        "within": 0.2,
        "verdict": verdicts.REPLICATED,
        "reason": "",
        "detectable": 0.12,
        "needed": 7.0,
        "met_at_boundary": 0.025,
        "data": "same",
        "table": "t",
        "select": "",
    }
    return {**plain, **values}


def table_of(rows):
    return pd.DataFrame(rows, columns=list(evaluation.COLUMNS))


def card_of(rows):
    return card.draw_scorecard(table_of(rows), "Learning rules")


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_every_verdict_has_a_colour_a_symbol_and_words():
    rows = [row(i, verdict=verdict, finding=str(i)) for i, verdict in enumerate(verdicts.ORDER)]
    found = texts(card_of(rows))
    for verdict in set(verdicts.ORDER) - set(verdicts.NONE):
        assert any(word(verdict).split(",")[0].split()[0] in text for text in found), verdict
        assert symbol(verdict) in found
    for verdict in verdicts.NONE:
        assert any(text.endswith(f"1 {counted_as(verdict, 1)}") for text in found), verdict
    of_paper = verdicts.ORDER[:6]
    assert len({SYMBOLS[verdict] for verdict in of_paper}) == 6
    tones = {card.COLOURS[tone(verdict)] for verdict in of_paper}
    for a, b in itertools.combinations(tones, 2):
        for vision in (None, DEUTERANOPIA):
            assert np.linalg.norm(lab(a, vision) - lab(b, vision)) > 12


def test_other_data_stand_in_the_verdict():
    figure = card_of([row(verdict="replicated on other data")])
    assert "replicated\non other data" in texts(figure)


def test_numbers_as_printed():
    table = pd.DataFrame(
        [
            row(
                **{
                    "as": "relative change",
                    "published_low": -0.9,
                    "published_high": -0.9,
                    "ours": -0.752,
                    "lower": -0.8,
                    "upper": -0.7,
                }
            ),
            row(published_low=5.0, published_high=np.inf, **{"as": "cohens d"}),
            row(published_low=np.nan, published_high=np.nan, kind="control"),
            row(published_low=-0.31, published_high=-0.25),
            row(ours=np.nan, lower=np.nan, upper=np.nan),
            row(ours=0.03125, lower=0.03125, upper=0.03125),
            row(lower_also=0.2, upper_also=0.6, over_also="stimuli"),
        ]
    )
    assert [card.published_text(r) for _, r in table.iterrows()] == [
        "−90 %",
        "≥ 5 s.d.",
        "none",
        "−0.31 to −0.25",
        "0.5",
        "0.5",
        "0.5",
    ]
    assert [card.ours_text(r) for _, r in table.iterrows()] == [
        "−75 %\n[−80, −70]",
        "0.4 s.d.\n[0.3, 0.5]",
        "0.4\n[0.3, 0.5]",
        "0.4\n[0.3, 0.5]",
        "not measured",
        "0.0312",
        "0.4\n[0.3, 0.5]\n[0.2, 0.6]",
    ]
    ends = {"ours": -0.00039, "lower": -0.00054, "upper": -0.00024, "as": "value"}
    small = table_of([row(**ends)]).iloc[0]
    assert card.ours_text(small) == "−0.00039\n[−0.00054,\n−0.00024]"  # wider than its column
    assert card.power_text(table.iloc[0]) == "≥ 12 %\nn 7"
    assert card.power_text(row(detectable=np.nan)) == ""
    assert card.power_text(row(needed=10_000, direction="negative")) == "≤ 0.12\nn ≥ 10000"


def test_one_screen_shows_a_claim_and_a_control_of_each_finding_and_counts_the_others():
    rows = [row(i, says=f"Claim {i} is made.") for i in range(6)]
    rows += [row(9, kind="control", says="It is tried.", verdict=verdicts.HOLDS)]
    rest = {"ours": np.nan, "met_at_boundary": np.nan}
    rows += [row(10, finding="Another", verdict=verdicts.NOT_TESTABLE, **rest)]
    found = texts(card_of(rows))
    assert "One thing lies above another" in found and "Another" in found
    assert "Claim 0 is made." in found and "Control: It is tried." in found
    assert "Claim 1 is made." not in found
    assert any("0.2 of 7 claims and controls would still be met" in text for text in found)
    assert "✔ 5 replicated" in found and "– 1 not testable" in found
    tall = card_of([row(i, finding=f"finding {i % 7}") for i in range(140)])
    assert tall.get_figheight() < 10


@pytest.mark.parametrize("count", [1, 10, 160])
def test_pages_show_every_claim_and_fold_what_was_not_tested(count):
    rows = [row(i, says=f"Claim {i} is made.", finding=f"finding {i // 20}") for i in range(count)]
    reason = "stimuli is objects92, needed: things"
    rows += [
        row(900 + i, verdict=verdicts.NOT_TESTABLE, ours=np.nan, reason=reason) for i in range(4)
    ]
    pages = card.draw_pages(table_of(rows), "Learning rules").figures
    found = [text for page in pages for text in texts(page)]
    assert all(found.count(f"Claim {i} is made.") == 1 for i in range(count))
    assert f"4 claims: not testable here ({reason})" in found
    assert all(tuple(page.get_size_inches()) == card.A4 for page in pages)
    assert (len(pages) > 1) == (count > 100)


def test_pages_are_one_pdf_with_the_records_id():
    rows = [row(i) for i in range(60)]
    one, other = (
        figure_bytes(card.draw_pages(table_of(rows), "x"), ".pdf", "some id") for _ in "ab"
    )
    assert one == other
    assert len(re.findall(rb"/Type /Page\b", one)) == len(
        card.draw_pages(table_of(rows), "x").figures
    )
    assert b"replicortex:some id" in one


def test_a_synthetic_scorecard_says_so_and_gives_no_verdict():
    found = texts(card_of([row(i, verdict=verdicts.SYNTHETIC) for i in range(3)]))
    assert "Synthetic data: no verdict on the paper" in found
    assert "no verdict:\nsynthetic" in found
    assert not {"replicated", "holds", "contradicted"} & set(found)


@pytest.mark.parametrize("count", [1, 10, 80])
def test_a_scorecard_of_any_length_is_readable(count):
    long = "A claim that needs many words to say what it says, and then some more words to end it."
    verdict = itertools.cycle(TONES)
    rows = [
        row(
            i,
            says=long,
            verdict=next(verdict),
            ours=-1.2345e-4,
            lower=-1.2345e-3,
            finding=f"finding {i // 12}",
        )
        for i in range(count)
    ]
    for figure in (card_of(rows), *card.draw_pages(table_of(rows), "Rules").figures):
        renderer = RendererAgg(1, 1, figure.dpi)
        (ax,) = figure.axes
        boxes = [text.get_window_extent(renderer) for text in ax.texts]
        assert all(text.get_fontsize() >= 6 for text in ax.texts)
        for box, text in zip(boxes, ax.texts, strict=True):
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, text
            assert box.y0 >= 0.15 * figure.dpi and box.y1 <= figure.bbox.y1, text
        by_height = sorted(zip(boxes, ax.texts, strict=True), key=lambda pair: -pair[0].y1)
        for position, (box, text) in enumerate(by_height):
            for other, second in by_height[position + 1 : position + 25]:
                apart = box.x1 <= other.x0 + 1 or other.x1 <= box.x0 + 1 or other.y1 <= box.y0 + 2
                assert apart, (text.get_text(), second.get_text())


def test_the_strip_places_numbers_in_order():
    figure = card_of(
        [row(published_low=-0.9, published_high=-0.9, ours=-0.5, lower=-0.7, upper=-0.3)]
    )
    (ax,) = figure.axes
    marks = {
        line.get_marker(): line.get_xdata()[0] for line in ax.lines if line.get_marker() in "Do"
    }
    assert marks["D"] < marks["o"] < card.OURS
    assert marks["D"] >= card.STRIP
    # -0.9 stands at the left edge and the boundary, 0.05, at the right one.
    left, right = card.STRIP + 0.004, card.OURS - 0.022
    assert marks["o"] == pytest.approx(left + (right - left) * 0.4 / 0.95)


@pytest.mark.parametrize(
    "says", ["MMMM WWWW mmmm wwww " * 9, "ill iii tli jil " * 20, "α ≥ 0.25 and ½ of π, " * 9]
)
def test_a_claim_stays_in_its_column_and_fills_it(says):
    figure = card_of([row(0, says=says)])
    (ax,) = figure.axes
    (label,) = [text for text in ax.texts if text.get_text().split() == says.split()]
    box = label.get_window_extent(RendererAgg(1, 1, figure.dpi))
    ends = box.x1 / figure.bbox.width
    assert card.PAPER - 0.08 < ends < card.PAPER - 0.005


def test_the_scorecard_is_byte_stable():
    rows = [row(i) for i in range(5)]
    assert figure_bytes(card_of(rows), ".png", "id") == figure_bytes(card_of(rows), ".png", "id")
    assert pytest.approx(card_of(rows).get_figwidth()) == module.WIDTH
