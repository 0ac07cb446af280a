"""What a browser keeps for transcripts, against a server that lies and tabs that close."""

import pytest

from tests.browser.waiting import until

SETUP = """
const e2e = await import("/static/js/e2e/crypto.js");
const vaults = await import("/static/js/e2e/vault.js");
const session = "0f8fad5b-d9cb-469f-a165-70867728950e";
const other = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const participant = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const second = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const place = { context: session, subject: participant };
const host = await vaults.openVault("host");
const joiner = await vaults.openVault("joiner");
const middle = await vaults.openVault("somebody in between");
const named = async (attempt) => {
  try {
    await attempt();
    return "nothing";
  } catch (error) {
    return error.constructor.name;
  }
};
const begun = async (vault, at = place, options = {}) => {
  const commitment = await vault.beginHandshake(options);
  await vault.bindHandshake(commitment, at);
  return commitment;
};
const say = (text) => ({
  v: 1, type: "text", text, speaker: { name: "Ada", role: "provider" }, at: "2026-11-22T09:30:00Z", seen: {},
});
const write = (vault, sessionKey, text, more = {}) =>
  vault.write({ session, participant, sessionKey, content: say(text), ...more });
"""


@pytest.fixture
def open_portal(new_page, shared_portal):
    """`run = open_portal(page)`: evaluates the body of a function that has `SETUP`'s names."""

    def opened(page=None):
        page = page or new_page()
        page.goto(f"{shared_portal.url}/accounts/login/")

        def run(body, argument=None):
            return page.evaluate(f"async (argument) => {{ {SETUP} {body} }}", argument)

        run.page = page
        return run

    return opened


@pytest.fixture
def run(open_portal):
    return open_portal()


def test_both_sides_end_with_the_same_digits_and_the_key_arrives(run):
    assert run("""
      const commitment = await begun(joiner);
      const answer = await host.answer({ ...place, commitment });
      const reveal = await joiner.reveal(participant, answer.public_key, answer.nonce);
      const digits = await host.verify(place, reveal.public_key, reveal.nonce);
      const key = await e2e.newSessionKey();
      const wrapped = await host.sealFor(session, key, reveal.public_key);
      const envelope = { wrapped, sender_key: answer.public_key };
      const opened = await joiner.openEnvelope(session, envelope);
      const sealed = await e2e.encryptSegment(key, { session, participant, sequence: 1 }, say("heard"));
      const heard = await e2e.decryptSegment(opened, { session, participant, sequence: 1 }, sealed);
      const before = await joiner.trust(session, answer.public_key);
      await joiner.confirm(participant);
      return [
        digits === reveal.digits && /^[0-9]{6}$/.test(digits), heard.text, before,
        await joiner.trust(session, answer.public_key), await joiner.trust(other, answer.public_key),
        await host.answer({ ...place, commitment }).then((again) => again.nonce === answer.nonce),
      ];
    """) == [True, "heard", "pinned", "confirmed", None, True]


def test_a_commitment_that_changes_after_the_answer_is_refused(run):
    """Or the server could try keys until the digits fit."""
    assert (
        run("""
      const commitment = await begun(joiner);
      await host.answer({ ...place, commitment });
      const theirs = await begun(middle);
      return named(() => host.answer({ ...place, commitment: theirs }));
    """)
        == "Exchanged"
    )


def test_another_key_than_the_one_committed_to_is_refused(run):
    assert (
        run("""
      const commitment = await begun(joiner);
      const answer = await host.answer({ ...place, commitment });
      const reveal = await joiner.reveal(participant, answer.public_key, answer.nonce);
      const theirs = (await middle.identity()).publicKey;
      return [
        await named(() => host.verify(place, theirs, reveal.nonce)),
        await named(() => host.verify(place, reveal.public_key, e2e.newNonce())),
        await named(() => host.verify({ ...place, context: other }, reveal.public_key, reveal.nonce)),
      ];
    """)
        == ["Exchanged"] * 3
    )


def test_another_answer_of_the_host_is_refused(run):
    assert run("""
      await begun(joiner);
      const { publicKey } = await host.identity();
      const nonce = e2e.newNonce();
      await joiner.reveal(participant, publicKey, nonce);
      const theirs = (await middle.identity()).publicKey;
      return [
        await named(() => joiner.reveal(participant, theirs, nonce)),
        await named(() => joiner.reveal(participant, publicKey, e2e.newNonce())),
        await named(() => joiner.reveal(participant, publicKey, nonce)),
      ];
    """) == ["Exchanged", "Exchanged", "nothing"]


def test_one_commitment_is_revealed_to_one_participant_alone(run):
    """Whoever has seen our nonce once could make the digits of a second handshake."""
    assert run("""
      const commitment = await begun(joiner);
      return [
        await named(() => joiner.bindHandshake(commitment, { ...place, subject: second })),
        await named(() => joiner.bindHandshake(commitment, { ...place, context: other })),
        await named(() => joiner.reveal(second, {}, "")),
        await named(() => joiner.bindHandshake(commitment, place)),
      ];
    """) == ["Exchanged", "Exchanged", "Refused", "nothing"]


def test_nobody_can_try_digits_for_long(run):
    assert run("""
      let answered = 0;
      let refusal = "nothing";
      while (refusal === "nothing" && answered < 1000) {
        const subject = crypto.randomUUID();
        refusal = await named(() => host.answer({ context: session, subject, commitment: "x" }));
        if (refusal === "nothing") answered += 1;
      }
      const elsewhere = await named(() => host.answer({ ...place, context: other, commitment: "x" }));
      return [answered, refusal, elsewhere];
    """) == [50, "TooMany", "nothing"]


def test_a_key_of_somebody_unknown_is_not_opened(run):
    assert (
        run("""
      const key = await e2e.newSessionKey();
      const theirs = (await middle.identity()).publicKey;
      const wrapped = await middle.sealFor(session, key, (await joiner.identity()).publicKey);
      return named(() => joiner.openEnvelope(session, { wrapped, sender_key: theirs }));
    """)
        == "Refused"
    )


def test_who_was_in_between_once_is_not_trusted_at_the_second_attempt(run):
    assert run("""
      await begun(joiner);
      const theirs = (await middle.identity()).publicKey;
      await joiner.reveal(participant, theirs, e2e.newNonce());
      const first = await joiner.trust(session, theirs);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await begun(joiner, { context: session, subject: second });
      const { publicKey } = await host.identity();
      await joiner.reveal(second, publicKey, e2e.newNonce());
      const pinned = [await joiner.trust(session, theirs), await joiner.trust(session, publicKey)];
      await joiner.reject(second);
      return [first, ...pinned, await joiner.trust(session, publicKey)];
    """) == ["pinned", None, "pinned", None]


def test_keys_of_another_device_are_taken_only_once_the_person_has_compared_here(run):
    assert run("""
      const request = { context: e2e.NO_SESSION, subject: participant };
      await begun(joiner, request, { keys: session });
      const { publicKey } = await host.identity();
      await joiner.reveal(participant, publicKey, e2e.newNonce());
      const before = await joiner.trust(session, publicKey);
      await joiner.confirm(participant);
      return [before, await joiner.trust(session, publicKey), await joiner.trust(other, publicKey)];
    """) == [None, "confirmed", None]


def test_two_tabs_end_with_one_key_that_cannot_be_read_out(open_portal):
    first = open_portal()
    second = open_portal(first.page.context.new_page())
    body = """
      const { publicKey, privateKey } = await host.identity();
      const exported = await named(() => crypto.subtle.exportKey("jwk", privateKey));
      return [publicKey.x, exported];
    """
    x, exported = first(body)
    assert exported == "DOMException"
    assert second(body) == [x, exported]
    first.page.reload()
    assert first(body) == [x, exported]


def test_tabs_that_write_at_once_use_each_number_once_and_lose_nothing(open_portal):
    first = open_portal()
    second = open_portal(first.page.context.new_page())
    # One key for both tabs, as they would have it out of an envelope.
    body = """
      const key = await e2e.importSessionKey(new Uint8Array(32).fill(7));
      const texts = Array.from({ length: 40 }, (_, n) => `${argument} ${n}`);
      await Promise.all(texts.map((text) => write(host, key, text)));
    """
    for run in (first, second):
        run.page.evaluate(f"""() => {{
          globalThis.work = (async (argument) => {{ {SETUP} {body} }})("{id(run)}");
        }}""")
    for run in (first, second):
        run.page.evaluate("() => globalThis.work")
    first.page.close()
    second.page.reload()
    numbers, texts = second("""
      const key = await e2e.importSessionKey(new Uint8Array(32).fill(7));
      const rows = await host.unsent(session, 1000);
      const contents = await Promise.all(rows.map((row) =>
        e2e.decryptSegment(key, { session, participant, sequence: row.sequence }, row)));
      return [rows.map((row) => row.sequence), contents.map((content) => content.text)];
    """)
    assert numbers == list(range(1, 81))
    assert sorted(texts) == sorted(f"{id(run)} {n}" for run in (first, second) for n in range(40))


def test_what_was_delivered_leaves_and_what_was_not_stays(run):
    assert run("""
      const key = await e2e.newSessionKey();
      for (const text of ["one", "two", "three"]) await write(host, key, text);
      const rows = await host.unsent(session);
      const nonces = (these) => these.map((row) => row.nonce);
      await host.delivered(session, [rows[0], { ...rows[1], nonce: "another" }]);
      const left = await host.unsent(session);
      return [
        JSON.stringify(nonces(left)) === JSON.stringify(nonces(rows.slice(1))),
        await host.waiting(), await joiner.waiting(), await host.used(session, participant),
      ];
    """) == [True, {"0f8fad5b-d9cb-469f-a165-70867728950e": 2}, {}, 3]


def test_after_the_last_word_nothing_follows(run):
    assert run("""
      const key = await e2e.newSessionKey();
      const end = { v: 1, type: "end", seen: {} };
      await host.write({ session, participant, sessionKey: key, content: end });
      return [await named(() => write(host, key, "more")), (await host.unsent(session)).length];
    """) == ["Closed", 1]


def test_no_number_is_used_that_was_not_reserved(run):
    assert run("""
      const key = await e2e.newSessionKey();
      await write(host, key, "one", { upTo: 1 });
      return [await named(() => write(host, key, "two", { upTo: 1 })), (await host.unsent(session)).length];
    """) == ["Full", 1]


def test_a_browser_that_was_cleared_goes_on_above_what_is_there(run):
    assert (
        run("""
      const key = await e2e.newSessionKey();
      await host.raise(session, participant, 7);
      await host.raise(session, participant, 3);
      return (await write(host, key, "eight")).sequence;
    """)
        == 8
    )


def test_what_waits_moves_above_what_another_profile_wrote(run):
    assert run("""
      const key = await e2e.newSessionKey();
      for (const text of ["one", "two"]) await write(host, key, text);
      const before = await host.unsent(session);
      await host.renumber({ session, participant, sessionKey: key, sequence: 5 });
      const rows = await host.unsent(session);
      const contents = await Promise.all(rows.map((row) =>
        e2e.decryptSegment(key, { session, participant, sequence: row.sequence }, row)));
      const nonces = new Set([...before, ...rows].map((row) => row.nonce));
      const next = await write(host, key, "three");
      return [rows.map((row) => row.sequence), contents.map((c) => c.text), nonces.size, next.sequence];
    """) == [[6, 7], ["one", "two"], 4, 8]


def test_what_waits_stays_where_the_transcript_holds_nothing_else(run):
    """Or a server that calls a number taken could have everything said twice."""
    assert (
        run("""
      const key = await e2e.newSessionKey();
      for (const text of ["one", "two"]) await write(host, key, text);
      const before = JSON.stringify(await host.unsent(session));
      await host.renumber({ session, participant, sessionKey: key, sequence: 0 });
      return before === JSON.stringify(await host.unsent(session));
    """)
        is True
    )


def test_one_tab_sends_and_the_next_takes_over_when_it_closes(open_portal):
    first = open_portal()
    second = open_portal(first.page.context.new_page())
    first("vaults.alone('host', session, () => new Promise(() => {}));")
    until(first.page, "navigator.locks.query().then((all) => all.held.length === 1)")
    second("""
      globalThis.isMine = false;
      vaults.alone("host", session, async () => { globalThis.isMine = true; });
    """)
    # It stands in the queue, behind the one that has its turn.
    until(second.page, "navigator.locks.query().then((all) => all.pending.length === 1)")
    assert not second.page.evaluate("globalThis.isMine")
    first.page.close()
    until(second.page, "globalThis.isMine")


def test_neither_words_nor_a_sessions_key_lie_in_the_browser(run):
    dump = """
      const db = await new Promise((resolve) => {
        indexedDB.open("medimic").onsuccess = (event) => resolve(event.target.result);
      });
      const all = {};
      for (const name of db.objectStoreNames) {
        all[name] = await new Promise((resolve) => {
          const request = db.transaction(name).objectStore(name).getAll();
          request.onsuccess = () => resolve(request.result);
        });
      }
      db.close();
      const kept = JSON.stringify(all, (name, value) => value instanceof CryptoKey ? value.algorithm : value);
      return [kept, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })].join();
    """
    text = run(f"""
      const key = await e2e.importSessionKey(new Uint8Array(32).fill(7));
      await host.seal(session, key);
      await write(host, key, "planted words");
      {dump}
    """)
    assert "ciphertext" in text
    assert "planted" not in text
    assert "AES" not in text
    # 32 bytes of 7 in base64url.
    assert "BwcHBwcH" not in text
    assert run(f"await vaults.clear('host'); {dump}").count('"host"') == 0


def test_what_an_earlier_part_left_holds_nothing_up(run):
    """Who left before all was sent, and came in again, is another participant: the server refuses the
    earlier one's segments, and takes those of now."""
    assert run("""
      const { deliver } = await import("/static/js/e2e/sending.js");
      const { Problem } = await import("/static/js/e2e/api.js");
      const sessionKey = await e2e.newSessionKey();
      for (const [who, text] of [[participant, "a"], [participant, "b"], [second, "c"], [second, "d"]]) {
        await joiner.write({ session, participant: who, sessionKey, content: say(text) });
      }
      const taken = [];
      const post = async (segments) => {
        if (segments.some((one) => one.participant_id === participant)) throw new Problem(404, {});
        taken.push(...segments.map((one) => one.sequence));
        return { data: {} };
      };
      const isAll = await deliver({ vault: joiner, session, post, waits: true });
      const kept = (await joiner.unsent(session)).map((one) => one.participant_id);
      return [taken, isAll, kept];
    """) == [[1, 2], False, ["aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"] * 2]


def test_a_page_takes_no_part_but_its_own(run):
    """Signed in as somebody else meanwhile, or come in anew in another tab: that is not this page's."""
    assert run("""
      const { Part } = await import("/static/js/e2e/api.js");
      const codes = [];
      for (const [status, body] of [[200, { session_token: "t", participant_id: second }], [403, {}]]) {
        const real = globalThis.fetch;
        globalThis.fetch = async () =>
          new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
        const part = new Part({ token: "/t/", api: "/a", participant });
        await part.open().catch((error) => codes.push(error.code));
        codes.push(part.token);
        globalThis.fetch = real;
      }
      return codes;
    """) == ["part_over", None, "part_over", None]


def test_two_that_read_on_at_once_find_each_part_once(run):
    assert run("""
      const { Reading } = await import("/static/js/e2e/reading.js");
      const key = await e2e.newSessionKey();
      const row = await write(host, key, "once");
      const ask = async (path) => {
        const after = Number(new URLSearchParams(path.split("?")[1]).get("after"));
        await new Promise((resolve) => setTimeout(resolve, 20));
        return { data: { segments: after < 1 ? [{ ...row, position: 1 }] : [], next: 1 } };
      };
      const reading = new Reading({ session, key, vault: host, ask });
      await Promise.all([reading.fetch(), reading.fetch()]);
      return [reading.parts.length, reading.check(null, false).warnings];
    """) == [1, []]
