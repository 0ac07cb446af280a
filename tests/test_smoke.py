def test_cast(provider, colleague, admin, patient, outsider, support):
    assert provider.name == "Paula Provider"
