"""The chapters.  One file each, ``chNN_slug.py``; its ``CHAPTER`` is found by that name."""
