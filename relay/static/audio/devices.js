/** Which microphone and which loudspeaker: what the browser tells, once it may. */

import { find } from "../shared/dom.js";

const microphone = find("microphone", HTMLSelectElement);
const output = find("output", HTMLSelectElement);

/** Keep both lists up to date; `changed` is called when another loudspeaker was chosen. @param {(id: string) => void} changed */
export function watchDevices(changed) {
  find("output-field", HTMLElement).hidden = !("setSinkId" in AudioContext.prototype);
  output.addEventListener("change", () => changed(output.value));
  navigator.mediaDevices?.addEventListener("devicechange", listDevices);
  listDevices();
}

/** List them; names are told to who has been allowed a microphone. */
export async function listDevices() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  fill(microphone, devices, "audioinput");
  fill(output, devices, "audiooutput");
}

/**
 * @param {HTMLSelectElement} list
 * @param {MediaDeviceInfo[]} devices
 * @param {MediaDeviceKind} kind
 */
function fill(list, devices, kind) {
  const chosen = list.value;
  const named = devices.filter((each) => each.kind === kind && each.deviceId && each.label);
  const options = named
    .filter(({ deviceId }) => deviceId !== "default")
    .map(({ deviceId, label }) => new Option(label, deviceId));
  list.replaceChildren(list.options[0], ...options);
  list.value = options.some(({ value }) => value === chosen) ? chosen : "";
}

/** The IDs that were chosen; "": the system's choice. */
export function chosenDevices() {
  return { microphone: microphone.value, output: output.value };
}
