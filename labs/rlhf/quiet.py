"""Silence for the notices of transformers and its friends that students can do nothing about."""

from __future__ import annotations

import logging as python_logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

NOTICES = ("Starting from v4.46, the `logits` model output",)


def drop_notice(model: object) -> None:
    """Keep the module of `model` from announcing what a later version of transformers will do."""
    python_logging.getLogger(type(model).__module__).addFilter(_is_no_notice)


def _is_no_notice(line: python_logging.LogRecord) -> bool:
    return not line.getMessage().startswith(NOTICES)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Within the block only errors are shown; afterwards everything is as it was."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    bar = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
