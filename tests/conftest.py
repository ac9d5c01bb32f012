"""Settings that all tests share."""

from hypothesis import settings

settings.register_profile("laws", deadline=None)  # a busy machine breaks no law
settings.load_profile("laws")
