"""One paid call, one charge: which of the spans that describe a call stands for it, and which only repeat it.

Frameworks, SDKs and gateways describe the same call, and agents add up the calls under them. What is charged is a
function of the set of descriptions alone, so neither the order in which they arrive nor how they are cut into batches
changes it; a description that comes late corrects what was charged before.
"""

from spancost_collector.election.decision import Correction, Decision, Member, Reason
from spancost_collector.election.elect import Election

__all__ = ["Correction", "Decision", "Election", "Member", "Reason"]
