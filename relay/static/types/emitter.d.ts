/** Events of known types, and who listens to them. */
/** @template {Record<string, any>} E */
export class Emitter<E extends Record<string, any>> {
    /** @param {(keyof E & string)[]} types */
    constructor(types: (keyof E & string)[]);
    /**
     * @template {keyof E & string} T
     * @param {T} type
     * @param {(event: E[T]) => void} listener
     * @param {{ signal?: AbortSignal, once?: boolean }} [options]
     * @returns {() => void} stops it
     */
    on<T extends keyof E & string>(type: T, listener: (event: E[T]) => void, { signal, once }?: {
        signal?: AbortSignal;
        once?: boolean;
    }): () => void;
    /**
     * @template {keyof E & string} T
     * @param {T} type
     * @param {E[T]} event
     */
    emit<T extends keyof E & string>(type: T, event: E[T]): void;
    #private;
}
