"""The same bits from another process, hash seed, thread and backend; what a fork or an interrupt leaves behind."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

import itclust

OTHER = """
import hashlib, json, os, sys
import itclust
source, target = itclust.datasets.toy()
itclust.transfer(source, target, progress=(lambda *_: None) if sys.argv[1] == "progress" else False)
found = {k: target.obs[k].astype(str).tolist() for k in target.obs if k.startswith("itclust")}
found["embedding"] = hashlib.sha256(target.obsm["X_itclust"].tobytes()).hexdigest()
found["seed"] = target.uns["itclust"]["params"]["random_state"]
found["version"] = target.uns["itclust"]["version"]
print(json.dumps(found))
"""


def other_process(*args, **env):
    """Labels, confidence and the rest of a transfer of the toy in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER, *args], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_another_process_and_hash_seed_with_progress_the_same_to_the_bit(annotated):
    import hashlib

    found, here = other_process("progress", PYTHONHASHSEED="12345"), annotated[1]
    assert found["embedding"] == hashlib.sha256(here.obsm["X_itclust"].tobytes()).hexdigest()
    for key in [k for k in here.obs if k.startswith("itclust")]:
        assert found[key] == here.obs[key].astype(str).tolist(), key
    assert found["seed"] == here.uns["itclust"]["params"]["random_state"] == 0
    assert found["version"] == itclust.__version__


def test_jax_gives_the_labels_of_tensorflow(annotated):
    """The same labels for 98 % of the cells and the same confidence within .05 at the median: other random numbers."""
    pytest.importorskip("jax", reason="JAX is not installed")
    found, here = other_process("quiet", KERAS_BACKEND="jax"), annotated[1].obs
    assert np.mean(np.array(found["itclust"]) == here["itclust"].astype(str)) >= 0.98
    difference = np.array(found["itclust_confidence"], float) - here["itclust_confidence"]
    assert np.median(np.abs(difference)) <= 0.05


def test_two_threads_do_not_disturb_each_other(fitted, toy, annotated):
    targets = [toy[1].copy(), toy[1].copy()]
    threads = [threading.Thread(target=fitted.transfer, args=(t,), kwargs={"progress": False}) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for target in targets:
        pd.testing.assert_frame_equal(target.obs, annotated[1].obs)


def _transfer_in_a_child(model, target, send):
    try:
        model.transfer(target, progress=False)
    except RuntimeError as error:
        send.send(str(error))
    else:
        send.send("done")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_after_a_transfer_says_so_and_does_not_hang(fitted, annotated, toy):
    receive, send = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_transfer_in_a_child, args=(fitted, toy[1].copy(), send))
    child.start()
    try:
        assert receive.poll(30), "the child hangs"
        assert "forked from one that had used ItClust" in receive.recv()
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize("stage", ["source", "target"])
def test_an_interrupt_in_any_stage_leaves_the_target_as_it_was(stage, fitted, pair):
    source, target = pair
    before = target.copy()

    def interrupted(at, *_):
        if at == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        if stage == "source":
            itclust.transfer(source, target, progress=interrupted)
        else:
            fitted.transfer(target, progress=interrupted)
    pd.testing.assert_frame_equal(target.obs, before.obs)
    assert not target.obsm and not target.uns
