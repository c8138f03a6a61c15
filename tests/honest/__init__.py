"""The fake CRMs against the systems' own SDKs for Node, which are installed from npm: ``make honest``.

What the SDKs sent is kept in ``requests.json``, so that ``make test`` sends it again without them.
"""
