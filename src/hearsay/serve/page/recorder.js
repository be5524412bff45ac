// Records from the microphone for some seconds: await recorder.record(onTick), recorder.stop().
"use strict";

const recorder = (() => {
  const LONGEST_S = 10;
  // As it is: what a telephone call is improved by takes away what is to be searched for.
  const PLAIN = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  const REASONS = {
    NotAllowedError: "the microphone was not allowed; allow it for this page in the browser",
    NotFoundError: "there is no microphone",
    NotReadableError: "the microphone is used by another program",
  };
  let isOn = false; // from the asking for the microphone on
  let current = null;

  function canRecord() {
    return Boolean(navigator.mediaDevices && navigator.mediaDevices.getUserMedia
      && window.MediaRecorder);
  }

  // Why there is none: browsers hide microphones from pages that came unencrypted over a network.
  function whyNot() {
    return window.isSecureContext ? "this browser cannot record"
      : "browsers record only on localhost or over https";
  }

  // Records until stop() or LONGEST_S; onTick(seconds left) each second. Resolves to a Blob.
  async function record(onTick) {
    if (isOn) throw new Error("a recording is under way already");
    isOn = true;
    try {
      return await recordOne(onTick);
    } finally {
      isOn = false;
    }
  }

  async function recordOne(onTick) {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({audio: PLAIN});
    } catch (error) {
      throw new Error(REASONS[error.name] || "the microphone cannot be used: " + error.message);
    }
    const made = new MediaRecorder(stream);
    const parts = [];
    let left_s = LONGEST_S;
    onTick(left_s);
    const clock = setInterval(() => {
      left_s -= 1;
      if (left_s <= 0) stop();
      else onTick(left_s);
    }, 1000);
    current = made;
    made.addEventListener("dataavailable", (event) => parts.push(event.data));
    try {
      await new Promise((resolve, reject) => {
        made.addEventListener("stop", resolve);
        made.addEventListener("error", () => reject(new Error("the recording failed")));
        made.start();
      });
    } finally {
      clearInterval(clock);
      current = null;
      for (const track of stream.getTracks()) track.stop();
    }
    return new Blob(parts, {type: made.mimeType || "audio/webm"});
  }

  // While the browser still asks for the microphone there is nothing to stop.
  function stop() {
    if (current && current.state !== "inactive") current.stop();
  }

  return {canRecord, whyNot, record, stop, isOn: () => isOn};
})();
