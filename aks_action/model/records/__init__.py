"""Records: what was deployed under a release's name, kept in Secrets beside it.

A record is written when everything is healthy, and never changed. The release's own Secret says
what was begun last, so that a run which failed, or was cut off, is known to be no good.
"""

from aks_action.model.records.history import History, Unreadable, read_history
from aks_action.model.records.objects import Objects, objects_of, open_objects
from aks_action.model.records.record import Attempt, Member, Record, Stamp

__all__ = [
    "Attempt",
    "History",
    "Member",
    "Objects",
    "Record",
    "Stamp",
    "Unreadable",
    "objects_of",
    "open_objects",
    "read_history",
]
