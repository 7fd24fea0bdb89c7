/** Events of known types, and who listens to them. */

/** @template {Record<string, any>} E */
export class Emitter {
  /** @type {Map<keyof E, Set<(event: any) => void>>} */
  #listeners;

  /** @param {(keyof E & string)[]} types */
  constructor(types) {
    this.#listeners = new Map(types.map((type) => [type, new Set()]));
  }

  /**
   * @template {keyof E & string} T
   * @param {T} type
   * @param {(event: E[T]) => void} listener
   * @param {{ signal?: AbortSignal, once?: boolean }} [options]
   * @returns {() => void} stops it
   */
  on(type, listener, { signal, once } = {}) {
    const listeners = this.#listeners.get(type);
    if (!listeners) {
      const known = [...this.#listeners.keys()].join(", ");
      throw new TypeError(`unknown event ${JSON.stringify(type)}: known are ${known}`);
    }
    if (typeof listener !== "function") {
      throw new TypeError(`listener of ${type}: expected a function`);
    }
    const entry = (/** @type {E[T]} */ event) => {
      if (once) stop();
      listener(event);
    };
    const stop = () => {
      listeners.delete(entry);
      signal?.removeEventListener("abort", stop);
    };
    if (!signal?.aborted) {
      listeners.add(entry);
      signal?.addEventListener("abort", stop);
    }
    return stop;
  }

  /**
   * @template {keyof E & string} T
   * @param {T} type
   * @param {E[T]} event
   */
  emit(type, event) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // theirs to see; it must not stop us
        });
      }
    }
  }
}
