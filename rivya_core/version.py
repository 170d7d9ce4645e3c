"""The version of Rivya Lab."""

VERSION = "0.1.0"
