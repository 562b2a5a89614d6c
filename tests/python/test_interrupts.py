"""Ctrl-C, sent as a signal: it ends what runs, and finds nothing that it could break."""

import contextlib
import ctypes
import os
import signal

import numpy as np
import pytest

from itclust.interrupts import held_back
from itclust.recipes import network

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def test_a_block_that_holds_it_back_runs_to_its_end(press_ctrl_c):
    done = []

    @held_back()
    def block():
        press_ctrl_c()
        press_ctrl_c()
        done.append("rest")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["rest"]
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c()  # the next one is heard at once


def test_it_comes_between_two_minibatches(press_ctrl_c):
    class Model:
        steps = 0

        def train_on_batch(self, x, y):
            press_ctrl_c()
            self.steps += 1
            return 0.0

        def __call__(self, x, training):
            press_ctrl_c()
            self.steps += 1
            return x

    model, x = Model(), np.ones((4, 2), np.float32)
    with pytest.raises(KeyboardInterrupt):
        network.learn(model, x, x, network.shuffled(4, 1, seed=0))
    assert model.steps == 1
    with pytest.raises(KeyboardInterrupt):
        network.predict(model, x, chunk=1)
    assert model.steps == 2


@pytest.mark.parametrize("nested", [False, True])
def test_handlers_that_python_does_not_know_are_put_back(nested, press_ctrl_c):
    """R's and reticulate's are such: C functions, beside which Python's own handler, which would raise, is never called."""

    def of_python(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGINT, of_python)
    ctypes.CDLL(None).signal(signal.SIGINT, ctypes.c_void_p(1))  # SIG_IGN
    try:
        with held_back(), held_back() if nested else contextlib.nullcontext():
            pass
        assert signal.getsignal(signal.SIGINT) is of_python
        press_ctrl_c()
        with held_back():
            press_ctrl_c()  # goes to whom it would have gone to
    finally:
        signal.signal(signal.SIGINT, before)
