# SPDX-License-Identifier: MIT
"""The tree that is tested, for tests that run in a build directory."""
import os

SRC = os.path.abspath(os.environ.get("srcdir", "."))


def read(*path):
    """The text of a file in the tree, or of any file by its absolute path"""
    with open(os.path.join(SRC, *path), encoding="utf-8") as text:
        return text.read()
