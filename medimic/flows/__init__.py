"""Pages and acts that span several floors; each calls a floor once."""
