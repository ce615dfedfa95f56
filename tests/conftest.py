from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from campaigns import campaign
from certificates import (  # noqa: F401  hooks
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)
from entropist.logits import compile_kernels


def pytest_sessionstart(session):
    """Compile the kernels once, before any worker: a run that gets them half way has other last digits after it."""
    if not hasattr(session.config, "workerinput"):
        compile_kernels()


# The same examples on every run and every machine; how many follows the size of the campaign.
# Hypothesis mixes in constants read from the modules imported so far, which vary with what a worker ran before.
assert callable(providers._get_local_constants)
providers._get_local_constants = lambda: providers._local_constants
settings.register_profile(
    "entropist",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=campaign(1000),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("entropist")
