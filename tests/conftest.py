"""Settings that all tests share."""

import os

from hypothesis import settings

os.environ["FEDLEARN_PROGRESS"] = ""  # no test touches what a learner has done

settings.register_profile("laws", deadline=None)  # a busy machine breaks no law
settings.load_profile("laws")
