"""The audit trail: who made what champion, when and why, in the registry itself.

Entry n of a model is an experiment named `rlr-audit/MODEL/n`, whose tags hold the entry and the
digest of entry n - 1. MLflow makes an experiment and its tags in one transaction and refuses a name
that exists, even one that was deleted: so writing an entry *is* the compare-and-set, and there is
no lock that a killed holder could keep.

An *intent* says which versions the aliases are to point at, before any of them moves; a
*completion* follows once all have moved. What an intent asks can be done any number of times with
the same result, so whoever finds one without a completion finishes it.
"""
