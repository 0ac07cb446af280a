import json

from medimic.api.codes import CODES


def test_the_document_is_public_and_describes_refusals(client, db):
    response = client.get("/api/openapi.json")
    document = json.loads(response.content)
    assert document["openapi"].startswith("3.1")
    start = document["paths"]["/api/sessions"]["post"]
    assert set(start["responses"]) >= {"201", "400", "403", "409", "413", "415", "422", "500", "503"}
    assert "quota_exceeded" in start["responses"]["409"]["description"]
    assert "application/problem+json" in start["responses"]["409"]["content"]


def test_the_page_lists_calls_and_has_an_anchor_for_each_code(client, db):
    page = client.get("/api/docs").content.decode()
    assert "POST /api/sessions" in page
    assert "device.push.token" in page
    for code in CODES:
        assert f'id="{code}"' in page


def test_the_page_has_neither_inline_script_nor_foreign_sources(client, db):
    page = client.get("/api/docs").content.decode()
    assert "<script>" not in page
    assert "cdn" not in page.lower()


def test_both_are_read_only(client, db):
    assert client.post("/api/docs").status_code == 405
    assert client.post("/api/openapi.json").status_code == 405
