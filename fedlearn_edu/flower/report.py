"""What happened, as lines for a person and as JSON for a program."""

import numpy as np

from .. import __version__
from ..federation.wire import encode


def counted(recipe):
    """Return the bytes that one participant's update and model take by count, headers included.

    Parameters
    ----------
    recipe : Recipe
        What is trained and how.

    Returns
    -------
    tuple of int
        Up, down.

    Examples
    --------
    >>> from .recipe import Recipe
    >>> counted(Recipe.article(up="float16"))
    (12, 30)
    """
    plan = recipe.plan
    return tuple(
        sum(payload.bits for payload in encode(codec, recipe.theta)) // 8
        for codec in (plan.up, plan.down)
    )


def difference(theta, recipe):
    """Return the largest difference between θ and what the engine computes.

    Parameters
    ----------
    theta : list of ndarray
        θ after all rounds.
    recipe : Recipe
        What was trained and how.

    Returns
    -------
    float
    """
    pairs = zip(theta, recipe.engine(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def undisturbed(rounds, recipe):
    """Return whether everybody's update is in every round, so that the engine has to agree."""
    everybody = list(range(recipe.participants))
    return len(rounds) == recipe.rounds and all(r.participants == everybody for r in rounds)


def line(r, recipe, t):
    """Return the line of a round: how good θ is, how long it took, and who sent how much.

    Parameters
    ----------
    r : Round
        What happened.
    recipe : Recipe
        For the number of rounds.
    t : Translator
        With the texts of the federation.

    Returns
    -------
    str
    """
    good = t("loss", value=f"{r.loss:.4f}")
    if r.accuracy is not None:
        good = t("accuracy", value=f"{100 * r.accuracy:.1f}")
    traffic = "  ".join(
        t(
            "sent_and_got",
            who=t("others") if i == "others" else i,
            up=f"{r.up[i] / 1e3:.1f}",
            down=f"{r.down[i] / 1e3:.1f}",
        )
        for i in r.up
    )
    words = [t("round", n=r.round, all=recipe.rounds), good, f"{r.seconds:.1f} s", traffic]
    if len(r.participants) < recipe.participants:
        words.insert(2, t("how_many", n=len(r.participants), all=recipe.participants))
    words += [
        t("refused", who=name(one["participant"], t), reason=one["reason"]) for one in r.refused
    ]
    words += [t("silent", who=name(who, t)) for who in r.silent]
    return "  ".join(words)


def name(participant, t):
    """Return how a participant is called, also one that has never said who it is."""
    return t("somebody") if participant is None else t("participant", i=participant)


def as_dict(deployment, seconds, end):
    """Return the whole report as plain values.

    Parameters
    ----------
    deployment : Deployment
        The federation, at its end.
    seconds : float
        From the start to the end.
    end : str
        "done", or why it ended.

    Returns
    -------
    dict
    """
    recipe, rounds = deployment.recipe, deployment.rounds
    up, down = counted(recipe)
    report = {
        "fedlearn_edu": __version__,
        "recipe": recipe.config(),
        "secure": deployment.secure,
        "end": end,
        "seconds": round(seconds, 1),
        "rounds": [vars(r) for r in rounds],
        "notes": [{"what": key, **values} for key, values in deployment.notes],
        "bytes": {
            "up": sum(sum(r.up.values()) for r in rounds),
            "down": sum(sum(r.down.values()) for r in rounds),
            "counted up, a participant and round": up,
            "counted down, a participant and round": down,
        },
        "memory at its peak, MiB": deployment.peak,
        "difference from the engine": None,
    }
    if deployment.theta and undisturbed(rounds, recipe):
        report["difference from the engine"] = difference(deployment.theta, recipe)
    return report


def summary(report, t):
    """Return the lines that close the report.

    Parameters
    ----------
    report : dict
        From `as_dict`.
    t : Translator
        With the texts of the federation.

    Returns
    -------
    list of str
    """
    n = report["recipe"]["participants"]
    rounds, traffic = report["rounds"], report["bytes"]
    lines = [t("took", rounds=len(rounds), seconds=report["seconds"],
               mib=report["memory at its peak, MiB"])]  # fmt: skip
    if rounds:
        share = {way: traffic[way] / len(rounds) / n / 1e3 for way in ("up", "down")}
        lines.append(
            t("traffic", up=f"{share['up']:.3g}", down=f"{share['down']:.3g}",
              up_counted=f"{traffic['counted up, a participant and round'] / 1e3:.3g}",
              down_counted=f"{traffic['counted down, a participant and round'] / 1e3:.3g}")
        )  # fmt: skip
    apart = report["difference from the engine"]
    if apart is not None:
        lines.append(t("engine", difference=f"{apart:.1e}"))
    elif rounds:
        short = [r for r in rounds if len(r["participants"]) < n]
        counts = ", ".join(f"{r['round']}: {len(r['participants'])}" for r in short)
        lines.append(t("not_engine", all=n, counts=counts or "–"))
    return lines
