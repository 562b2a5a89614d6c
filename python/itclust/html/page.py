"""The page: sections of HTML from results, figures and findings."""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from string import Template

from itclust import __version__, profiles, results
from itclust.data.check import counted
from itclust.data.dataset import named
from itclust.explanation import explained
from itclust.html import figures, findings, record

BADGES = {"trust": "✓ trust", "look": "! look", "novel": "? novel"}
KINDS = {"carries": "Carry the label", "missing": "Missing in the target", "unexpected": "Unexpected in the target"}
_NO_TEXT = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")
GENES = 8  # of each kind


def report(
    target, path, *, key="itclust", source=None, labels_key=None, layer=None, use_raw=False, values="auto"
) -> None:
    """Write one HTML page about a transfer, figures and all, that needs no network.

    Parameters
    ----------
    target
        AnnData that :func:`itclust.transfer` annotated; not changed.
    path
        The file to write; it appears whole or not at all.
    key
        ``key_added`` of the transfer.
    source
        The labelled AnnData, or a list or dict of several; with it the page shows the source's marker genes beside the
        target's, and explains each label (:func:`itclust.explain`).
    labels_key, layer, use_raw, values
        As in :func:`itclust.transfer`.

    Examples
    --------
    >>> import itclust
    >>> source, target = itclust.datasets.toy()
    >>> itclust.transfer(source, target, progress=False)
    >>> itclust.report(target, "report.html", source=source)
    """
    from itclust.io import whole

    found = results.read(target, key)
    where = {"labels_key": labels_key, "layer": layer, "use_raw": use_raw, "values": values}
    with whole(path) as part:
        part.write_text(_clean(page(target, found, source, where)), encoding="utf-8")


def page(target, found, source, where) -> str:
    """The whole text."""
    verdicts, cautions = findings.verdicts(found), findings.cautions(found, __version__)
    pictures = [*figures.maps(target, found), *figures.charts(target, found)]
    why = None
    try:
        both = profiles.both(target, found, source, **where)
        pictures.append(figures.marker_dots(found, *both))
        why = _explained(explained(found, *both, GENES)) if source is not None else None
    except (ValueError, KeyError) as error:
        text = str(error.args[0] if error.args else error)
        cautions.append(findings.Caution("Marker genes could not be drawn.", text))
    sections = [
        ("mind", "Mind this", _cautions(cautions)),
        ("look", "Clusters", _clusters(verdicts)),
        ("see", "Figures", _figures(pictures)),
        ("why", "Why these labels", why),
        ("data", "What went in and came out", _data(target, found, source)),
        ("again", "Reproduce", _reproduce(found)),
    ]
    sections = [(name, title, text) for name, title, text in sections if text]
    files = resources.files("itclust.html")
    return Template((files / "page.html").read_text("utf-8")).substitute(
        version=__version__,
        title="Cell types by ItClust",
        lead=_lead(found, verdicts),
        numbers=_numbers(found, verdicts),
        contents="".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in sections),
        sections="\n".join(
            f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>\n{text}</section>'
            for name, title, text in sections
        ),
        style=(files / "style.css").read_text("utf-8"),
        script=(files / "script.js").read_text("utf-8"),
    )


def _clean(text: str) -> str:
    """Without what no page may hold: control characters, and halves of letters."""
    return _NO_TEXT.sub("\ufffd", text)


def _lead(found, verdicts) -> str:
    n = len(found.label)
    look = [v for v in verdicts if v.verdict != "trust"]
    names = ", ".join(f"{v.cluster} ({v.label})" for v in look[:6]) + (" and others" if len(look) > 6 else "")
    trusted = len(verdicts) - len(look)
    text = f"{n:,} cells were annotated from {counted(len(found.types), 'source type', 'source types')}. "
    text += f"{trusted} of {counted(len(verdicts), 'cluster', 'clusters')} can be taken as they are"
    return escape(f"{text}; look at {names}." if look else f"{text}.")


def _numbers(found, verdicts) -> str:
    got = len(found.types) - len(findings.absent(found))
    sure = found.confidence[found.counted]
    numbers = {
        "cells": f"{len(found.label):,}",
        "source types found": f"{got} of {len(found.types)}",
        "novel clusters": str(sum(v.verdict == "novel" for v in verdicts)),
        "labels expected to be right": f"{sure.mean():.0%}" if len(sure) else "none",
        "clusters to look at": str(sum(v.verdict == "look" for v in verdicts)),
    }
    return "<dl class=numbers>" + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in numbers.items()) + "</dl>"


def _cautions(cautions) -> str:
    notes = (
        f"<div class=note role=note><p><strong>{escape(c.what)}</strong> {escape(c.do)}</p></div>" for c in cautions
    )
    return "\n".join(notes)


def _clusters(verdicts) -> str:
    heads = [("Cluster", ""), ("Cells", "n"), ("Verdict", ""), ("Confidence", "n"), (f"Below {findings.LOW}", "n"),
             ("Stability", "n"), ("Novelty", "n"), ("Runner-up", "")]  # fmt: skip
    head = "".join(f'<th scope=col class="{c}"><button type=button>{t}</button></th>' for t, c in heads)
    rows = "\n".join(_cluster(v, [t for t, _ in heads]) for v in verdicts)
    return f"""<p>Confidence is the probability that a label is right; a cluster's is the mean over its cells. Stability is the
share of its cells that had the same label before the fine-tuning, novelty the evidence that the source lacks its type.
Below a label stands what its cells together are sure of, where that is less.</p>
<label class=filter><input type=checkbox id=filter> Show only what is to be looked at</label>
<div class=scroll tabindex=0 role=region aria-label="Table of clusters"><table id=clusters class=cards>
<thead><tr>{head}<th scope=col>Why look</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
"""


def _cluster(v, names) -> str:
    shares = (v.confidence, v.low, v.stability, v.novelty)
    numbers = [
        f"{v.confidence:.2f}",
        f"{v.low:.0%}",
        "–" if v.verdict == "novel" else f"{v.stability:.2f}",
        f"{v.novelty:.2f}",
    ]
    cells = [f'<td class=n data-name="Cells" data-value="{v.n_cells}">{v.n_cells:,}</td>']
    cells.append(f'<td data-name="Verdict"><span class="badge {v.verdict}">{BADGES[v.verdict]}</span></td>')
    cells += [
        f'<td class=n data-name="{name}" data-value="{share:.4f}">{text}</td>'
        for name, share, text in zip(names[3:7], shares, numbers)
    ]
    cells.append(f'<td class=long data-name="Runner-up">{escape(v.runner_up)}</td>')
    reasons = "".join(f"<li>{escape(r)}</li>" for r in v.reasons)
    cells.append(f"<td class=text>{f'<ul>{reasons}</ul>' if reasons else ''}</td>")
    sure = f"<small>sure: {escape(v.level)}</small>" if v.level not in ("", v.label) else ""
    name = f'<th scope=row data-value="{escape(v.cluster)}">{escape(v.cluster)} · {escape(v.label)} {sure}</th>'
    return f'<tr data-verdict="{v.verdict}">{name}{"".join(cells)}</tr>'


def _figures(pictures) -> str:
    return "<div class=figures>\n" + "\n".join(_figure(p) for p in pictures) + "\n</div>\n"


def _figure(p) -> str:
    image = f'<img src="{p.data}" alt="{escape(p.alt)}">'
    if p.wide:
        image = f'<div class=scroll tabindex=0 role=region aria-label="{escape(p.title)}">{image}</div>'
    text = f"<figcaption><h3>{escape(p.title)}</h3><p>{escape(p.caption)}</p></figcaption>"
    return f'<figure id="figure-{p.name}"{" class=wide" if p.wide else ""}>{text}{image}</figure>'


def _explained(table) -> str:
    """Genes of each cluster in words: a row a cluster."""
    rows = []
    for cluster, genes in table.groupby("cluster", sort=False):
        first = genes.iloc[0]
        cells = [
            f'<td class="text genes" data-name="{title}">'
            f"{escape(', '.join(genes.loc[genes['kind'] == kind, 'gene'])) or '–'}</td>"
            for kind, title in KINDS.items()
        ]
        both = [(first["compared_with"], first["agreement"]), (first["runner_up"], first["agreement_runner_up"])]
        agree = "; ".join(f"{t} {a:.2f}" for t, a in dict(both).items())
        name = f"<th scope=row>{escape(str(cluster))} · {escape(first['label'])}</th>"
        rows.append(f'<tr>{name}<td class=text data-name="Agreement">{escape(agree)}</td>{"".join(cells)}</tr>')
    heads = "".join(f"<th scope=col>{t}</th>" for t in ("Cluster", "Agreement", *KINDS.values()))
    return f"""<p>Genes that the network sees. Agreement is the cosine between what sets the cluster apart in the target and
what sets the type apart in the source (1: the same genes to the same degree), for the label and for the runner-up.</p>
<div class=scroll tabindex=0 role=region aria-label="Genes of each cluster"><table class=cards>
<thead><tr>{heads}</tr></thead><tbody>
{"".join(rows)}
</tbody></table></div>
"""


def _data(target, found, source) -> str:
    size = findings.composition(found)
    missing = findings.absent(found)
    pairs = {
        "Target": f"{target.n_obs:,} cells × {target.n_vars:,} genes",
        "Source": "; ".join(
            f"{s.n_obs:,} cells × {s.n_vars:,} genes" for s in ([] if source is None else named(source).values())
        )
        or None,
        "Source types": ", ".join(found.types),
        "Genes that the network sees": f"{len(found.genes):,}",
        "Cells without a label": f"{(~found.counted).sum():,}",
        "Cells of each label": ", ".join(f"{t} {n:,}" for t, n in size.items()),
        "Source types that no cell got": ", ".join(missing) or "none",
    }
    k = found.key
    kept = f"obs: {k}, {k}_cluster, {k}_confidence, {k}_novelty, {k}_initial, {k}_level, {k}_set; obsm: X_{k}, {k}_probabilities, "
    pairs["Where the results are"] = f"{kept}{k}_type_probabilities; uns: {k}"
    return _pairs(pairs)


def _reproduce(found) -> str:
    return f"""<p>The same call on the same data, versions and kind of machine gives the same result.</p>
<pre tabindex=0 aria-label="Python code"><code>{escape(record.call(found))}</code></pre>
<h3>Parameters</h3>{_pairs(record.parameters(found), "pairs many")}
<h3>Versions</h3>{_pairs(record.versions(found), "pairs many")}"""


def _pairs(pairs: dict, kind="pairs") -> str:
    rows = (f"<div><dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd></div>" for k, v in pairs.items() if v is not None)
    return f'<dl class="{kind}">{"".join(rows)}</dl>\n'
