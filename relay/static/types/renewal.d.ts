export class Renewal {
    /**
     * @param {() => Promise<string>} ask for a token
     * @param {(token: string) => void} put it to the relay
     */
    constructor(ask: () => Promise<string>, put: (token: string) => void);
    /** A connection with this token is open. @param {string} token */
    start(token: string): void;
    stop(): void;
    #private;
}
