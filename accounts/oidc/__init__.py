"""Single sign-on with any OpenID Connect provider: what allauth's own provider leaves open.

An app without models, so that allauth finds its `provider` and its `urls`.
"""
