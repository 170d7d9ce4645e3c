"""The four steps of a generation: plain functions over a context, tested without the engine."""

from rivya_core.lab.jobs.context import JobContext, StepResult
from rivya_core.lab.jobs.create import create
from rivya_core.lab.jobs.save import save
from rivya_core.lab.jobs.settle import settle
from rivya_core.lab.jobs.wait import wait

__all__ = ["JobContext", "StepResult", "create", "save", "settle", "wait"]
