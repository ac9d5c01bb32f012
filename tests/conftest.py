"""Settings that all tests share."""

import os

import pytest
from hypothesis import settings

os.environ["FEDLEARN_PROGRESS"] = ""  # no test touches what a learner has done

settings.register_profile("laws", deadline=None)  # a busy machine breaks no law
settings.load_profile("laws")


# Being traced doubles what a test costs.  These repeat in many states what others have covered, or
# are about what is not in the package; nor are the servers and kernels traced that they start.
UNTRACED = {"test_classroom", "test_figures", "test_labs", "test_live", "test_notebooks"}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in UNTRACED:
            item.add_marker("no_cover")


@pytest.fixture(scope="module", autouse=True)
def untraced(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.path.stem in UNTRACED:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield
