// Dictation where the browser offers it, once the person has read where their speech goes and turned it on.

export function dictation({ button, dialog, asked, field, words, complaint, settings }) {
  const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;
  if (!Recognition) return;
  button.hidden = false;
  const label = button.querySelector("span");
  const idle = label.textContent;
  let isAgreed = false;
  let isOn = false;
  let recognition = null;

  button.addEventListener("click", async () => {
    if (isOn) return turn(false);
    if (!isAgreed && !(await asked(dialog))) return button.focus();
    isAgreed = true;
    turn(true);
  });

  function turn(on) {
    isOn = on;
    button.setAttribute("aria-pressed", String(on));
    label.textContent = on ? words.dictating : idle;
    if (on) listen();
    else recognition?.stop();
  }

  function listen() {
    recognition = new Recognition();
    recognition.continuous = true;
    recognition.interimResults = false;
    recognition.lang = settings.language;
    recognition.onresult = (event) => {
      for (let at = event.resultIndex; at < event.results.length; at += 1) {
        if (event.results[at].isFinal) add(event.results[at][0].transcript.trim());
      }
    };
    recognition.onerror = (event) => {
      if (event.error === "no-speech" || event.error === "aborted") return;
      complaint.textContent = words.dictationFailed;
      turn(false);
    };
    // It ends by itself after a pause.
    recognition.onend = () => isOn && !field.disabled && listen();
    try {
      recognition.start();
    } catch {
      turn(false);
    }
  }

  function add(text) {
    if (!text || field.disabled) return;
    const before = field.value.trimEnd();
    field.value = before ? `${before} ${text}` : text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
